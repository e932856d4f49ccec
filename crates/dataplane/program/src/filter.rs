//! Small matches that several hierarchies share.

use ravelin_types::Proto;

/// An inclusive range of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    pub low: u16,
    pub high: u16,
}

impl PortRange {
    pub const ANY: Self = Self { low: 0, high: u16::MAX };

    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.low <= port && port <= self.high
    }
}

/// A service of the firewall itself as packets show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// `None`: every protocol.
    pub proto: Option<Proto>,
    /// Destination ports, for protocols that have them.
    pub ports: PortRange,
    /// ICMP or ICMPv6 types; `None`: all.
    pub icmp: Option<(u8, u8)>,
}

impl Service {
    /// Whether a packet is of this service.
    #[must_use]
    pub fn holds(&self, proto: Proto, dport: u16, icmp_type: Option<u8>) -> bool {
        self.proto.is_none_or(|p| p == proto)
            && self.ports.contains(dport)
            && self.icmp.is_none_or(|(low, high)| icmp_type.is_some_and(|t| (low..=high).contains(&t)))
    }
}
