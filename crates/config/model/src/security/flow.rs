//! `security flow`: how sessions begin and age.

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    pub tcp_session: TcpSession,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TcpSession {
    /// Let a TCP packet other than SYN open a session.
    pub no_syn_check: bool,
    /// Don't check sequence numbers against the window.
    pub no_sequence_check: bool,
    /// Seconds a session may stay without a complete handshake, 4..=300; Junos' default is 20.
    pub tcp_initial_timeout: Option<u32>,
}
