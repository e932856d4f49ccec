//! `security flow`: how sessions begin and age.

use ravelin_derive::Lower;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Flow {
    #[lower(container = "tcp-session")]
    pub tcp_session: TcpSession,
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct TcpSession {
    /// Let a TCP packet other than SYN open a session.
    #[lower(flag = "no-syn-check")]
    pub no_syn_check: bool,
    /// Seconds a session may stay without a complete handshake, 4..=300; Junos' default is 20.
    #[lower(leaf = "tcp-initial-timeout")]
    pub tcp_initial_timeout: Option<u32>,
}
