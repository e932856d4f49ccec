//! What of a packet conditions look at. A fact that a packet does not have is `None`, and a condition on it does
//! not hold, whether it says `except` or not.
//!
//! Spec: firewall-filter-3, firewall-filter-16..29.

use ravelin_types::{Family, InterfaceId, Proto};
use ravelin_wire::{Fragment, L4, Network};

use crate::action::Marks;
use crate::condition::{ByteField, FlexibleMatch, FlexibleStart, NumberField};

/// A packet as the parser left it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    pub frame: &'a [u8],
    /// Where the network header begins.
    pub l3_at: u16,
    pub network: &'a Network,
    /// The unit that received it.
    pub interface: InterfaceId,
    /// `filter group` of that unit; 0: none.
    pub interface_group: u8,
}

/// A packet and the facts that terms ask for again and again.
pub(crate) struct Facts<'a> {
    pub packet: Packet<'a>,
    /// Source and destination.
    pub ports: Option<(u16, u16)>,
    pub tcp_flags: Option<u8>,
    /// Type and code.
    pub icmp: Option<(u8, u8)>,
    pub marks: Marks,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(packet: Packet<'a>, marks: Marks) -> Self {
        let network = packet.network;
        let own_icmp = match network.family {
            Family::V4 => Proto::ICMP,
            Family::V6 => Proto::ICMPV6,
        };
        let (mut ports, mut tcp_flags, mut icmp) = (None, None, None);
        match network.l4 {
            L4::Tcp { sport, dport, flags, .. } => {
                ports = Some((sport, dport));
                tcp_flags = Some(flags.0);
            }
            L4::Udp { sport, dport } | L4::Sctp { sport, dport } => ports = Some((sport, dport)),
            L4::Icmp { kind, code, .. } if network.proto == own_icmp => icmp = Some((kind, code)),
            L4::Icmp { .. } | L4::Spi(_) | L4::Opaque => {}
        }
        Self { packet, ports, tcp_flags, icmp, marks }
    }

    pub(crate) fn byte(&self, field: ByteField) -> Option<u8> {
        let network = self.packet.network;
        Some(match field {
            ByteField::Protocol => network.proto.0,
            ByteField::NextHeader => *self.packet.frame.get(usize::from(self.packet.l3_at) + 6)?,
            ByteField::Dscp => network.tos >> 2,
            ByteField::Precedence => network.tos >> 5,
            ByteField::Ttl => network.ttl,
            ByteField::IcmpType => self.icmp?.0,
            ByteField::IcmpCode => self.icmp?.1,
            ByteField::ForwardingClass => self.marks.forwarding_class.0,
            ByteField::LossPriority => self.marks.loss_priority as u8,
            ByteField::InterfaceGroup => self.packet.interface_group,
        })
    }

    pub(crate) fn number(&self, field: NumberField) -> Option<u32> {
        let network = self.packet.network;
        match (field, network.l4) {
            (NumberField::PacketLength, _) => Some(u32::from(network.end.saturating_sub(self.packet.l3_at))),
            (NumberField::FragmentOffset, _) => Some(match network.fragment {
                Fragment::Whole | Fragment::First { .. } => 0,
                Fragment::Later { offset, .. } => u32::from(offset),
            }),
            (NumberField::EspSpi, L4::Spi(spi)) if network.proto == Proto::ESP => Some(spi),
            (NumberField::EspSpi, _) => None,
        }
    }

    /// The four bits that `fragment-flags` names; the lowest is part of the offset and reads 0.
    pub(crate) fn fragment_flags(&self) -> Option<u8> {
        let byte = self.packet.frame.get(usize::from(self.packet.l3_at) + 6)?;
        Some(byte >> 4 & 0xe)
    }

    /// The bytes of the IPv4 options; empty where there are none.
    pub(crate) fn options(&self) -> Option<&'a [u8]> {
        let at = usize::from(self.packet.l3_at);
        let len = usize::from(self.packet.frame.get(at)? & 0x0f) * 4;
        self.packet.frame.get(at + 20..at + len)
    }

    /// The bits of a flexible match; `None` where they reach beyond the packet.
    pub(crate) fn flexible(&self, wanted: &FlexibleMatch) -> Option<u128> {
        let start = self.flexible_start(wanted.start)? + usize::from(wanted.byte_offset);
        let bits = usize::from(wanted.bit_offset) + usize::from(wanted.bit_length);
        let end = start + bits.div_ceil(8);
        if end > usize::from(self.packet.network.end) {
            return None;
        }
        let bytes = self.packet.frame.get(start..end)?;
        let value = bytes.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
        let behind = bytes.len() * 8 - bits;
        let unwanted = 128 - u32::from(wanted.bit_length);
        Some(value >> behind & (u128::MAX >> unwanted))
    }

    fn flexible_start(&self, start: FlexibleStart) -> Option<usize> {
        let network = self.packet.network;
        let l4_at = usize::from(network.l4_at);
        match start {
            FlexibleStart::Layer3 => Some(usize::from(self.packet.l3_at)),
            FlexibleStart::Layer4 | FlexibleStart::Payload
                if matches!(network.fragment, Fragment::Later { .. }) =>
            {
                None
            }
            FlexibleStart::Layer4 => Some(l4_at),
            FlexibleStart::Payload => match network.l4 {
                L4::Tcp { header_len, .. } => Some(l4_at + usize::from(header_len)),
                L4::Udp { .. } | L4::Icmp { .. } => Some(l4_at + 8),
                L4::Sctp { .. } => Some(l4_at + 12),
                L4::Spi(_) | L4::Opaque => None,
            },
        }
    }
}

/// Whether one of the options has a type in `types`; `None` where they contradict their own lengths.
pub(crate) fn has_option(options: &[u8], types: impl Fn(u8) -> bool) -> Option<bool> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    let mut at = 0;
    while at < options.len() {
        let kind = options[at];
        if types(kind) {
            return Some(true);
        }
        at += match kind {
            END => return Some(false),
            NO_OPERATION => 1,
            _ => usize::from(*options.get(at + 1).filter(|len| **len >= 2)?),
        };
    }
    (at == options.len()).then_some(false)
}
