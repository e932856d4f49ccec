//! Screens on packets within packets.
//!
//! Junos: `security screen ids-option <name> ip tunnel`. Spec: screen-34..38.

use ravelin_program::{Screen, ScreenSet};
use ravelin_types::{Addr, Family, Proto};
use ravelin_wire::{L4, Network, ethertype, parse_ip, u16_at};

use super::{Found, Search};
use crate::packet::Packet;

const TUNNELS: ScreenSet = ScreenSet::of(&[
    Screen::BadInnerHeader,
    Screen::Gre6in4,
    Screen::Gre4in6,
    Screen::Gre6in6,
    Screen::Gre4in4,
    Screen::Teredo,
    Screen::Ipip6to4Relay,
    Screen::Ipip6in4,
    Screen::Ipip4in6,
    Screen::Ipip4in4,
    Screen::Ipip6in6,
    Screen::Ipip6over4,
    Screen::Isatap,
    Screen::DsLite,
]);

const IPIP: Proto = Proto(4);
const IPV6: Proto = Proto(41);
/// RFC 4380 section 5.1.
const TEREDO_PORT: u16 = 3544;
/// GRE header bits: checksum, routing, key, sequence number (RFC 2784, RFC 2890).
const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTING: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;

pub(super) fn check(on: ScreenSet, packet: &Packet<'_>, found: &mut Found) -> Search {
    if !on.meets(TUNNELS) || packet.is_later_fragment() {
        return Search::Continue(());
    }
    let body = packet.l4();
    let (screen, family, inner) = match (packet.network.proto, packet.network.l4) {
        (IPIP, _) => (plain(packet.network.family, Family::V4), Family::V4, Some(body)),
        (IPV6, _) => (plain(packet.network.family, Family::V6), Family::V6, Some(body)),
        (Proto::GRE, _) => match gre(body) {
            Some((family, inner)) => (in_gre(packet.network.family, family), family, inner),
            None => return Search::Continue(()),
        },
        (_, L4::Udp { sport, dport }) if sport == TEREDO_PORT || dport == TEREDO_PORT => {
            match teredo(&body[8..]) {
                Some(inner) => (Screen::Teredo, Family::V6, inner),
                None => return Search::Continue(()),
            }
        }
        _ => return Search::Continue(()),
    };
    let inner = inner.and_then(|bytes| parse_ip(bytes, family).ok());
    match &inner {
        None if on.has(Screen::BadInnerHeader) => found.hit(Screen::BadInnerHeader)?,
        Some(inner) => special(on, packet, inner, found)?,
        None => {}
    }
    // A port says less than a protocol number: without an inner header it may be anything.
    let is_tunnel = screen != Screen::Teredo || inner.is_some();
    if is_tunnel && on.has(screen) { found.hit(screen) } else { Search::Continue(()) }
}

const fn plain(outer: Family, inner: Family) -> Screen {
    match (inner, outer) {
        (Family::V4, Family::V4) => Screen::Ipip4in4,
        (Family::V4, Family::V6) => Screen::Ipip4in6,
        (Family::V6, Family::V4) => Screen::Ipip6in4,
        (Family::V6, Family::V6) => Screen::Ipip6in6,
    }
}

const fn in_gre(outer: Family, inner: Family) -> Screen {
    match (inner, outer) {
        (Family::V4, Family::V4) => Screen::Gre4in4,
        (Family::V4, Family::V6) => Screen::Gre4in6,
        (Family::V6, Family::V4) => Screen::Gre6in4,
        (Family::V6, Family::V6) => Screen::Gre6in6,
    }
}

/// What a GRE packet carries; `None`: not IP, or not GRE of version 0. The inner bytes are missing when
/// the header itself is cut short.
fn gre(bytes: &[u8]) -> Option<(Family, Option<&[u8]>)> {
    let header = bytes.get(..4)?;
    let (flags, kind) = (u16_at(header, 0), u16_at(header, 2));
    if flags & 7 != 0 || flags & GRE_ROUTING != 0 {
        return None;
    }
    let family = match kind {
        ethertype::IPV4 => Family::V4,
        ethertype::IPV6 => Family::V6,
        _ => return None,
    };
    let words = [GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE].iter().filter(|bit| flags & **bit != 0).count();
    Some((family, bytes.get(4 + words * 4..)))
}

/// The IPv6 packet behind Teredo's authentication and origin indications (RFC 4380 section 5.1.1).
/// `None`: other traffic on the port, such as a bubble to nobody. The inner bytes are missing when an
/// indication is cut short.
fn teredo(mut bytes: &[u8]) -> Option<Option<&[u8]>> {
    // Authentication goes first, origin second; each stands at most once.
    if bytes.starts_with(&[0, 1]) {
        let Some(&[_, _, id, auth]) = bytes.first_chunk::<4>() else { return Some(None) };
        let len = 4 + usize::from(id) + usize::from(auth) + 9;
        let Some(rest) = bytes.get(len..) else { return Some(None) };
        bytes = rest;
    }
    if bytes.starts_with(&[0, 0]) {
        let Some(rest) = bytes.get(8..) else { return Some(None) };
        bytes = rest;
    }
    (bytes.first()? >> 4 == 6).then_some(Some(bytes))
}

/// The tunnels that addresses tell from plain ones.
fn special(on: ScreenSet, packet: &Packet<'_>, inner: &Network, found: &mut Found) -> Search {
    let outer = packet.network;
    let any = |addrs: [Addr; 2], test: fn(Addr) -> bool| addrs.into_iter().any(test);
    match (outer.proto, outer.family) {
        (IPV6, Family::V4) => {
            if on.has(Screen::Isatap) && any([inner.src, inner.dst], is_isatap) {
                found.hit(Screen::Isatap)?;
            }
            if on.has(Screen::Ipip6over4)
                && (is_6over4_group(outer.dst) || any([inner.src, inner.dst], is_6over4))
            {
                found.hit(Screen::Ipip6over4)?;
            }
            if on.has(Screen::Ipip6to4Relay) && any([outer.src, outer.dst], is_relay) {
                found.hit(Screen::Ipip6to4Relay)?;
            }
        }
        (IPIP, Family::V6) if on.has(Screen::DsLite) && any([inner.src, inner.dst], is_ds_lite) => {
            found.hit(Screen::DsLite)?;
        }
        _ => {}
    }
    Search::Continue(())
}

/// RFC 5214 section 6.1: interface identifier [02]00:5EFE and an IPv4 address.
fn is_isatap(addr: Addr) -> bool {
    let high = (addr.0 >> 32) as u32;
    high & 0xfdff_ffff == 0x0000_5efe
}

/// RFC 2529 section 5: a link-local address that ends in an IPv4 address and says nothing else.
fn is_6over4(addr: Addr) -> bool {
    addr.0 >> 32 == 0xfe80_u128 << 80 && addr.low32() > 0xffff
}

/// RFC 2529 section 6: IPv6 multicast goes to 239.192.0.0/16.
fn is_6over4_group(addr: Addr) -> bool {
    addr.low32() >> 16 == 0xefc0
}

/// RFC 3068: relays of 6to4 are in 192.88.99.0/24.
fn is_relay(addr: Addr) -> bool {
    addr.low32() >> 8 == 0x00c0_5863
}

/// RFC 6333 section 5.7: the ends of a softwire are in 192.0.0.0/29.
fn is_ds_lite(addr: Addr) -> bool {
    addr.low32() & !7 == 0xc000_0000
}
