//! `security flow`: how sessions begin and age.

use ravelin_derive::Lower;
use ravelin_schema::{Cx, lower};
use ravelin_syntax::Node;

use crate::keywords::keywords;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Flow {
    #[lower(container = "tcp-session")]
    pub tcp_session: TcpSession,
    /// Junos' default is cookies.
    #[lower(with(protection, "syn-flood-protection-mode"))]
    pub syn_flood_protection: Option<SynFloodProtection>,
}

keywords! {
    /// How the firewall stands in for a server under a SYN flood.
    SynFloodProtection {
        SynCookie = "syn-cookie",
        SynProxy = "syn-proxy",
    }
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

fn protection(node: &Node, cx: &mut Cx) -> Option<SynFloodProtection> {
    let word: String = lower::leaf(node, "syn-flood-protection-mode", cx)?;
    let mode = SynFloodProtection::from_word(&word);
    if mode.is_none() {
        cx.error(node.span, format!("invalid value `{word}'"));
    }
    mode
}
