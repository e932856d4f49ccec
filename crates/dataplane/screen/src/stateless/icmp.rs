//! Screens on ICMP and ICMPv6 packets.
//!
//! Junos: `icmp fragment`, `icmp ping-death`, `icmp large`, `icmp icmpv6-malformed`. Spec: screen-24..27.

use ravelin_program::{Screen, ScreenSet};
use ravelin_types::{Addr, Family, Proto};
use ravelin_wire::{Fragment, checksum};

use super::{Found, Search};
use crate::packet::Packet;

const ICMP: ScreenSet =
    ScreenSet::of(&[Screen::IcmpFragment, Screen::PingDeath, Screen::IcmpLarge, Screen::Icmpv6Malformed]);

/// Bytes of an IP packet beyond which an ICMP message is large.
const LARGE: u16 = 1024;
/// The longest datagram that IP can say (RFC 791), and the longest IPv6 payload (RFC 8200).
const LONGEST: usize = 65_535;

pub(super) fn check(on: ScreenSet, packet: &Packet<'_>, found: &mut Found) -> Search {
    if !on.meets(ICMP) || !packet.is_icmp() {
        return Search::Continue(());
    }
    if on.has(Screen::PingDeath) && is_ping_of_death(packet) {
        found.hit(Screen::PingDeath)?;
    }
    if on.has(Screen::IcmpFragment) && packet.is_fragment() {
        found.hit(Screen::IcmpFragment)?;
    }
    if on.has(Screen::IcmpLarge) && packet.network.end - packet.l3_at > LARGE {
        found.hit(Screen::IcmpLarge)?;
    }
    if on.has(Screen::Icmpv6Malformed) && is_malformed(packet) {
        found.hit(Screen::Icmpv6Malformed)?;
    }
    Search::Continue(())
}

/// The whole datagram would be longer than one can be.
fn is_ping_of_death(packet: &Packet<'_>) -> bool {
    let Fragment::Later { offset, .. } = packet.network.fragment else { return false };
    let header = match packet.network.family {
        Family::V4 => usize::from(packet.network.l4_at - packet.l3_at),
        Family::V6 => 0,
    };
    header + usize::from(offset) * 8 + packet.l4().len() > LONGEST
}

/// What a receiver must discard by RFC 4443 sections 2.3 and 4, RFC 4861 sections 6.1, 7.1 and 8.1, RFC 2710.
fn is_malformed(packet: &Packet<'_>) -> bool {
    let network = packet.network;
    if network.proto != Proto::ICMPV6 || network.fragment != Fragment::Whole {
        return false;
    }
    let message = packet.l4();
    let (Some(&[kind, code, ..]), len) = (message.first_chunk::<4>(), message.len()) else { return true };
    let sum = checksum::sum(message)
        + checksum::pseudo(Family::V6, network.src, network.dst, Proto::ICMPV6, message.len());
    if checksum::fold(sum) != 0xffff {
        return true;
    }
    match kind {
        // An error quotes at least the header of the packet it is about.
        1..=4 => len < 8 + 40,
        130..=132 => len < 24,
        133 => is_bad_discovery(network.ttl, code, message, 8),
        134 => is_bad_discovery(network.ttl, code, message, 16),
        135 | 136 => {
            is_bad_discovery(network.ttl, code, message, 24) || target(message).is_multicast(Family::V6)
        }
        137 => is_bad_discovery(network.ttl, code, message, 40),
        _ => len < 8,
    }
}

fn target(message: &[u8]) -> Addr {
    let octets = message.get(8..24).and_then(|bytes| bytes.first_chunk::<16>());
    octets.map_or(Addr(0), |octets| Addr::v6(*octets))
}

/// Neighbour discovery: hop limit 255, code 0, whole fixed part, options of a length that isn't zero.
fn is_bad_discovery(hop_limit: u8, code: u8, message: &[u8], fixed: usize) -> bool {
    let Some(mut options) = message.get(fixed..) else { return true };
    if hop_limit != 255 || code != 0 {
        return true;
    }
    while let [_, units, ..] = options {
        match options.get(usize::from(*units) * 8..) {
            Some(rest) if *units > 0 => options = rest,
            _ => return true,
        }
    }
    !options.is_empty()
}
