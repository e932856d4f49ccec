//! Flow settings and timeouts, in seconds.
//!
//! Junos: `security flow`; the defaults are Juniper's (topic "Session timeouts").

use ravelin_mem::List;
use ravelin_types::Proto;

use crate::{Action, Application, Gateway};

/// What the session table and TCP checks go by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FlowSettings {
    pub tcp: TcpSettings,
    pub tcp_timeout: u32,
    pub udp_timeout: u32,
    pub icmp_timeout: u32,
    pub other_timeout: u32,
    /// What a packet meets that no policy matched.
    pub default_action: Action,
    pub rematch: Rematch,
    pub aging: Aging,
    pub refused: RefusedAddresses,
    pub strays: Strays,
    /// Seconds that a session lives on once nothing leads to its other end any more; `None`: as long as ever.
    pub route_change_timeout: Option<u16>,
    /// Milliseconds that a packet waits for the address of its next hop; `None`: three seconds.
    pub next_hop_timeout: Option<u16>,
    pub fragments: FragmentSettings,
}

/// How the pieces of a datagram are waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FragmentSettings {
    /// Pieces wait for all of their datagram (`force-ip-reassembly`), of so many at most; `None`: for its first alone.
    pub whole: Option<PiecesMax>,
    /// Seconds that they wait (`fragment-reassembly-timeout`), 1 to 60; `None`: two.
    pub timeout: Option<u8>,
}

/// Pieces that one datagram may come in (`fragment-limit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PiecesMax(u8);

impl PiecesMax {
    /// As many as are told apart.
    pub const ALL: Self = Self(64);

    /// `None`: not within 1 to 64.
    #[must_use]
    pub fn new(most: u32) -> Option<Self> {
        let most = u8::try_from(most).ok()?;
        (1..=Self::ALL.0).contains(&most).then_some(Self(most))
    }

    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Packets without a session that belong to one, by what they say, and may pass nonetheless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Strays {
    /// A DNS reply may open a session (`allow-dns-reply`).
    pub dns_reply: bool,
    /// ICMP errors about packets of no session are forwarded (`allow-embedded-icmp`).
    pub embedded_icmp: bool,
}

/// `security flow advanced-options`: addresses that open no session through the firewall, on either side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RefusedAddresses {
    /// 169.254.0.0/16 and fe80::/10.
    pub link_local: bool,
    /// 0.0.0.0/8 and 240.0.0.0/4.
    pub reserved: bool,
}

/// `security flow aging`: percent of the session table's size, and how long sessions may be silent then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Aging {
    /// At 100 nothing is aged early.
    pub high_watermark: u8,
    pub low_watermark: u8,
    /// Of sessions that have no cut-off of their own.
    pub rest: CutOff,
    pub early: EarlyAging,
}

/// How long a session may be silent while the table is nearly full, where that is less than its timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CutOff {
    /// 1 to 65535.
    Seconds(u16),
    /// Of its timeout, 1 to 99.
    Percent(u8),
}

/// `early-aging`: cut-offs of kinds of sessions. That of a term goes before that of a gateway, and both before that of a
/// protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct EarlyAging {
    /// By the application that a session was matched by, the first of its terms that holds; `None`: it has none.
    pub terms: List<(Application, Option<CutOff>)>,
    /// By the gateway that looks at a session.
    pub gateways: List<(Gateway, CutOff)>,
    pub protocols: List<(Proto, CutOff)>,
}

impl Default for Aging {
    fn default() -> Self {
        let rest = CutOff::Seconds(20);
        Self { high_watermark: 100, low_watermark: 100, rest, early: EarlyAging::default() }
    }
}

/// Whether a TCP session needs a SYN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SynCheck {
    #[default]
    Required,
    /// And no data before the handshake is complete.
    Strict,
    Off,
}

/// How long a TCP session lives after both FINs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimeWait {
    /// 150 s, and 2 s once both are acknowledged.
    #[default]
    Unset,
    /// As long as before.
    Ageout,
    Seconds(u16),
}

/// `security flow tcp-session` and `tcp-mss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TcpSettings {
    pub syn_check: SynCheck,
    pub sequence_check: bool,
    pub rst_invalidate_session: bool,
    pub rst_sequence_check: bool,
    pub fin_invalidate_session: bool,
    pub time_wait: TimeWait,
    /// One FIN is as both.
    pub half_close_as_time_wait: bool,
    /// Seconds until a handshake must be complete, 4 to 300.
    pub initial_timeout: u16,
    /// Highest MSS that a SYN may announce.
    pub mss: Option<u16>,
}

impl Default for TcpSettings {
    fn default() -> Self {
        Self {
            syn_check: SynCheck::Required,
            sequence_check: true,
            rst_invalidate_session: false,
            rst_sequence_check: false,
            fin_invalidate_session: false,
            time_wait: TimeWait::Unset,
            half_close_as_time_wait: false,
            initial_timeout: 20,
            mss: None,
        }
    }
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

/// Seconds of silence of an OSPF session whose application says nothing. Spec: session-3.
const OSPF_TIMEOUT: u32 = 60;

impl FlowSettings {
    /// Seconds that a session of a protocol may be silent when its application says nothing. Spec: session-3.
    #[must_use]
    pub const fn timeout_of(&self, proto: Proto) -> u32 {
        match proto {
            Proto::TCP => self.tcp_timeout,
            Proto::UDP => self.udp_timeout,
            Proto::ICMP | Proto::ICMPV6 => self.icmp_timeout,
            Proto::OSPF => OSPF_TIMEOUT,
            _ => self.other_timeout,
        }
    }
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self {
            tcp: TcpSettings::default(),
            tcp_timeout: 1800,
            udp_timeout: 60,
            icmp_timeout: 60,
            other_timeout: 1800,
            default_action: Action::Deny,
            rematch: Rematch::Off,
            aging: Aging::default(),
            refused: RefusedAddresses::default(),
            strays: Strays::default(),
            route_change_timeout: None,
            next_hop_timeout: None,
            fragments: FragmentSettings::default(),
        }
    }
}
