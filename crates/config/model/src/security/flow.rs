//! `security flow`: how sessions begin and age.

use ravelin_derive::Lower;
use ravelin_schema::Value;
use ravelin_syntax::Span;

use super::early_aging::EarlyAging;
use crate::keywords::keywords;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Flow {
    #[lower(container = "tcp-session")]
    pub tcp_session: TcpSession,
    /// Highest MSS that a SYN may announce, 64..=65535; absent: as it is.
    #[lower(leaf = "tcp-mss all-tcp mss")]
    pub mss_all_tcp: Option<u16>,
    /// How requests are answered in a server's place.
    #[lower(leaf = "syn-flood-protection-mode")]
    pub syn_protection: Option<SynFloodProtection>,
    /// Seconds of silence that a session survives while the table is nearly full, 1..=65535; Junos' default is 20.
    #[lower(leaf = "aging early-ageout")]
    pub early_ageout: Option<u16>,
    #[lower(container = "aging early-aging")]
    pub early_aging: EarlyAging,
    /// Percent of the session table at which that begins, and below which it ends; Junos' default is 100, never.
    #[lower(leaf = "aging high-watermark")]
    pub high_watermark: Option<u8>,
    #[lower(leaf = "aging low-watermark")]
    pub low_watermark: Option<u8>,
    /// What has a link-local address opens no session.
    #[lower(flag = "advanced-options drop-matching-link-local-address")]
    pub drop_link_local: bool,
    /// What has a reserved address opens no session.
    #[lower(flag = "advanced-options drop-matching-reserved-ip-address")]
    pub drop_reserved: bool,
    /// A DNS reply without a query may open a session.
    #[lower(flag = "allow-dns-reply")]
    pub allow_dns_reply: bool,
    /// ICMP errors about packets of no session are forwarded.
    #[lower(flag = "allow-embedded-icmp")]
    pub allow_embedded_icmp: bool,
    /// Seconds that a session lives on once nothing leads to its other end, 6..=1800.
    #[lower(leaf = "route-change-timeout")]
    pub route_change_timeout: Option<u16>,
    /// Milliseconds that a packet waits for the address of its next hop, 1..=20000.
    #[lower(leaf = "nh-resolve-timeout")]
    pub next_hop_timeout: Option<u16>,
    /// Nothing of a datagram passes before all of its pieces have come.
    #[lower(flag = "force-ip-reassembly")]
    pub force_reassembly: bool,
    /// Pieces that such a datagram may come in, 0..=64; 0, as Junos' default: as many as are told apart.
    #[lower(leaf = "fragment-limit")]
    pub fragment_limit: Option<u16>,
    /// Seconds that pieces are waited for, 0..=60; 0, as Junos' default: two.
    #[lower(leaf = "fragment-reassembly-timeout")]
    pub fragment_timeout: Option<u16>,
    #[lower(at)]
    pub at: Span,
}

keywords! {
    /// `syn-flood-protection-mode`; Junos' default is the first.
    SynFloodProtection {
        Cookie = "syn-cookie",
        Proxy = "syn-proxy",
    }
}

impl Value for SynFloodProtection {
    fn value(word: &str) -> Result<Self, String> {
        Self::from_word(word).ok_or_else(|| format!("`{word}' is not a protection mode"))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct TcpSession {
    /// A RST that counts ends the session.
    #[lower(flag = "rst-invalidate-session")]
    pub rst_invalidate_session: bool,
    /// A FIN that counts ends the session.
    #[lower(flag = "fin-invalidate-session")]
    pub fin_invalidate_session: bool,
    /// Only a RST with the expected number passes.
    #[lower(flag = "rst-sequence-check")]
    pub rst_sequence_check: bool,
    /// Let a TCP packet other than SYN open a session.
    #[lower(flag = "no-syn-check")]
    pub no_syn_check: bool,
    /// No data before the handshake is complete.
    #[lower(flag = "strict-syn-check")]
    pub strict_syn_check: bool,
    #[lower(flag = "no-sequence-check")]
    pub no_sequence_check: bool,
    /// Seconds a session may stay without a complete handshake, 4..=300; Junos' default is 20.
    #[lower(leaf = "tcp-initial-timeout")]
    pub tcp_initial_timeout: Option<u16>,
    /// After both FINs the session keeps its ordinary timeout.
    #[lower(flag = "time-wait-state session-ageout")]
    pub time_wait_ageout: bool,
    /// Seconds after both FINs, 2..=600.
    #[lower(leaf = "time-wait-state session-timeout")]
    pub time_wait_timeout: Option<u16>,
    /// One FIN is as both.
    #[lower(flag = "time-wait-state apply-to-half-close-state")]
    pub apply_to_half_close: bool,
    #[lower(at)]
    pub at: Span,
}
