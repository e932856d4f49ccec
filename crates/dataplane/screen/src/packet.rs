//! A packet as screens see it: the frame, what the parser found, and where it entered.

use ravelin_types::{Family, Proto, ZoneId};
use ravelin_wire::{Fragment, L4, Network, TcpFlags};

/// A frame already taken apart. The zone is the one whose profile is asked.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    pub frame: &'a [u8],
    /// Offset of the network header in the frame.
    pub l3_at: u16,
    pub network: &'a Network,
    pub zone: ZoneId,
}

/// What a packet alone does not tell. Asked only when a screen wants to know, and each at most once.
pub trait Surroundings {
    /// The route back to the source leaves by another zone than the packet came from.
    fn is_spoofed(&self) -> bool;

    /// This fragment overlaps one of its datagram that went before, or leaves a gap within one.
    fn overlaps(&self) -> bool;
}

/// Whether a packet enters the zone or leaves by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
}

/// The parts of a TCP header that screens judge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp {
    pub dport: u16,
    pub flags: TcpFlags,
}

impl<'a> Packet<'a> {
    /// From the transport header to the end of the datagram.
    pub(crate) fn l4(&self) -> &'a [u8] {
        let range = usize::from(self.network.l4_at)..usize::from(self.network.end);
        self.frame.get(range).unwrap_or_default()
    }

    /// From the network header to the end of the datagram.
    pub(crate) fn l3(&self) -> &'a [u8] {
        self.frame.get(usize::from(self.l3_at)..usize::from(self.network.end)).unwrap_or_default()
    }

    /// What stands between the fixed IPv4 header and the transport header.
    pub(crate) fn ipv4_options(&self) -> &'a [u8] {
        let range = usize::from(self.l3_at) + 20..usize::from(self.network.l4_at);
        self.frame.get(range).unwrap_or_default()
    }

    pub(crate) fn is_fragment(&self) -> bool {
        self.network.fragment != Fragment::Whole
    }

    pub(crate) fn is_later_fragment(&self) -> bool {
        matches!(self.network.fragment, Fragment::Later { .. })
    }

    pub(crate) fn is_icmp(&self) -> bool {
        let own = if self.network.family == Family::V4 { Proto::ICMP } else { Proto::ICMPV6 };
        self.network.proto == own
    }

    pub(crate) fn tcp(&self) -> Option<Tcp> {
        match self.network.l4 {
            L4::Tcp { dport, flags, .. } => Some(Tcp { dport, flags }),
            _ => None,
        }
    }

    pub(crate) fn udp_port(&self) -> Option<u16> {
        match self.network.l4 {
            L4::Udp { dport, .. } => Some(dport),
            _ => None,
        }
    }
}
