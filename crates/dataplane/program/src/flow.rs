//! Flow settings and timeouts, in seconds.
//!
//! Junos: `security flow`; the defaults are Juniper's (topic "Session timeouts").

use crate::Action;

/// What the session table and TCP checks go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowSettings {
    /// A TCP session may only begin with a SYN.
    pub syn_check: bool,
    /// Seconds until a handshake must be complete.
    pub tcp_initial_timeout: u32,
    pub tcp_timeout: u32,
    pub tcp_closing_timeout: u32,
    pub udp_timeout: u32,
    pub icmp_timeout: u32,
    pub other_timeout: u32,
    /// What a packet meets that no policy matched.
    pub default_action: Action,
    pub rematch: Rematch,
}

/// What live sessions have to do with changed policies (`policy-rematch`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rematch {
    /// End when their policy is gone or permits no more.
    #[default]
    Off,
    /// Must match it still, too.
    On,
    /// Or any policy that permits them.
    Extensive,
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self {
            syn_check: true,
            tcp_initial_timeout: 20,
            tcp_timeout: 1800,
            tcp_closing_timeout: 2,
            udp_timeout: 60,
            icmp_timeout: 60,
            other_timeout: 60,
            default_action: Action::Deny,
            rematch: Rematch::Off,
        }
    }
}
