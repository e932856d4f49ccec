//! IP protocol numbers and the ICMP families.

/// An IP protocol or IPv6 next-header number (IANA "Protocol Numbers").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Proto(pub u8);

impl Proto {
    pub const HOP_BY_HOP: Self = Self(0);
    pub const ICMP: Self = Self(1);
    pub const IGMP: Self = Self(2);
    pub const TCP: Self = Self(6);
    pub const UDP: Self = Self(17);
    pub const IPV6_ROUTE: Self = Self(43);
    pub const IPV6_FRAGMENT: Self = Self(44);
    pub const GRE: Self = Self(47);
    pub const ESP: Self = Self(50);
    pub const AH: Self = Self(51);
    pub const ICMPV6: Self = Self(58);
    pub const IPV6_NO_NEXT: Self = Self(59);
    pub const IPV6_DEST_OPTIONS: Self = Self(60);
    pub const OSPF: Self = Self(89);
    pub const PIM: Self = Self(103);
    pub const VRRP: Self = Self(112);
    pub const SCTP: Self = Self(132);

    /// The word the CLI shows for it; other numbers are shown as they are.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::ICMP => "icmp",
            Self::IGMP => "igmp",
            Self::TCP => "tcp",
            Self::UDP => "udp",
            Self::GRE => "gre",
            Self::ESP => "esp",
            Self::AH => "ah",
            Self::ICMPV6 => "icmp6",
            Self::OSPF => "ospf",
            Self::PIM => "pim",
            Self::VRRP => "vrrp",
            Self::SCTP => "sctp",
            _ => return None,
        })
    }
}

impl std::fmt::Display for Proto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// What an ICMP or ICMPv6 message is to a session table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpKind {
    EchoRequest,
    EchoReply,
    /// Carries the start of the packet that caused it.
    Error,
    Other,
}

impl IcmpKind {
    /// By RFC 792 (IPv4) or RFC 4443 (IPv6) type.
    #[must_use]
    pub const fn of(proto: Proto, icmp_type: u8) -> Self {
        match (proto.0, icmp_type) {
            (1, 8) | (58, 128) => Self::EchoRequest,
            (1, 0) | (58, 129) => Self::EchoReply,
            (1, 3 | 4 | 5 | 11 | 12) | (58, 1..=4) => Self::Error,
            _ => Self::Other,
        }
    }
}
