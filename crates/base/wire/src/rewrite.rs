//! Changes to a frame in place, checksums kept right.
//!
//! NAT changes addresses and ports incrementally (RFC 1624). Where the transport checksum's state
//! is not known (virtual links), the field is set to the pseudo-header sum and the sender finishes
//! it: see [`prepare_partial`] and [`finish`].

use ravelin_types::{Addr, Family, Proto};

use crate::build::checksum_at;
use crate::checksum::{self, Delta};
use crate::{Network, put_u16, u16_at};

/// Takes one from TTL or hop limit; the caller has checked that it is above one.
pub fn decrement_ttl(frame: &mut [u8], l3_at: usize, family: Family) {
    match family {
        Family::V6 => frame[l3_at + 7] -= 1,
        Family::V4 => {
            let old = u16_at(frame, l3_at + 8);
            frame[l3_at + 8] -= 1;
            let new = u16_at(frame, l3_at + 8);
            let field = Delta::word(old, new).apply(u16_at(frame, l3_at + 10));
            put_u16(frame, l3_at + 10, field);
        }
    }
}

/// Writes the addresses of an IP header, the IPv4 header checksum by `delta`.
pub fn addresses(frame: &mut [u8], l3_at: usize, family: Family, src: Addr, dst: Addr, delta: Delta) {
    match family {
        Family::V4 => {
            frame[l3_at + 12..l3_at + 16].copy_from_slice(&src.octets4());
            frame[l3_at + 16..l3_at + 20].copy_from_slice(&dst.octets4());
            let field = delta.apply(u16_at(frame, l3_at + 10));
            put_u16(frame, l3_at + 10, field);
        }
        Family::V6 => {
            frame[l3_at + 8..l3_at + 24].copy_from_slice(&src.octets6());
            frame[l3_at + 24..l3_at + 40].copy_from_slice(&dst.octets6());
        }
    }
}

/// What a datagram is translated to, and what that adds to its checksums.
#[derive(Clone, Copy, Debug)]
pub struct Translation {
    pub src: Addr,
    pub dst: Addr,
    pub sport: u16,
    pub dport: u16,
    pub l3_delta: Delta,
    pub l4_delta: Delta,
}

/// Translates a plain datagram ([`crate::Plain`]), and takes one from its TTL or hop limit, at once.
#[inline(always)]
pub fn forward(frame: &mut [u8], l3_at: usize, (family, proto): (Family, Proto), to: &Translation) {
    let rest = frame.get_mut(l3_at..);
    let body = match family {
        Family::V4 => {
            let Some((header, body)) = rest.and_then(|r| r.split_first_chunk_mut::<20>()) else { return };
            // What one less in the upper octet of its word does to every checksum.
            const ONE_LESS: Delta = Delta::word(0x0100, 0);
            header[8] -= 1;
            let field = ONE_LESS.apply_with(to.l3_delta, u16_at(header, 10));
            put_u16(header, 10, field);
            crate::put_u32(header, 12, to.src.low32());
            crate::put_u32(header, 16, to.dst.low32());
            body
        }
        Family::V6 => {
            let Some((header, body)) = rest.and_then(|r| r.split_first_chunk_mut::<40>()) else { return };
            header[7] -= 1;
            header[8..24].copy_from_slice(&to.src.octets6());
            header[24..].copy_from_slice(&to.dst.octets6());
            body
        }
    };
    let ports = u32::from(to.sport) << 16 | u32::from(to.dport);
    match proto {
        Proto::TCP => {
            let Some(header) = body.first_chunk_mut::<20>() else { return };
            crate::put_u32(header, 0, ports);
            let field = to.l4_delta.apply(u16_at(header, 16));
            put_u16(header, 16, field);
        }
        _ => {
            let Some(header) = body.first_chunk_mut::<8>() else { return };
            crate::put_u32(header, 0, ports);
            let field = u16_at(header, 6);
            if field != 0 {
                let value = to.l4_delta.apply(field);
                put_u16(header, 6, if value == 0 { 0xffff } else { value });
            }
        }
    }
}

/// Applies a delta to the transport checksum; a UDP field of zero (no checksum) stays zero.
pub fn transport_delta(frame: &mut [u8], l4_at: usize, proto: Proto, delta: Delta) {
    let Some(at) = checksum_at(proto).map(|at| l4_at + at) else { return };
    if frame.len() < at + 2 {
        return;
    }
    let field = u16_at(frame, at);
    if proto == Proto::UDP && field == 0 {
        return;
    }
    let value = delta.apply(field);
    put_u16(frame, at, if proto == Proto::UDP && value == 0 { 0xffff } else { value });
}

/// Where a sender has to finish a checksum: sum from `start` to the datagram's end into `field`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    pub start: u16,
    pub field: u16,
}

/// Sets the transport checksum field of a whole TCP or UDP datagram to its pseudo-header sum.
///
/// `None`: the packet carries no such checksum (other protocol, fragment, UDP without one).
#[must_use]
pub fn prepare_partial(frame: &mut [u8], network: &Network) -> Option<Partial> {
    if network.fragment != crate::Fragment::Whole {
        return None;
    }
    let Network { family, src, dst, proto, l4_at, end, .. } = *network;
    // Bytes behind what UDP says of its length are not in its sum (RFC 768), and whoever finishes it sums to the end: it is as it came.
    if proto == Proto::UDP && u16_at(frame, usize::from(l4_at) + 4) != end - l4_at {
        return None;
    }
    prepare_whole(frame, (family, proto), (src, dst), (l4_at, end))
}

/// The same of a datagram known to be whole: its protocol, addresses, and where its transport part lies.
#[must_use]
pub fn prepare_whole(
    frame: &mut [u8],
    (family, proto): (Family, Proto),
    (src, dst): (Addr, Addr),
    (l4_at, end): (u16, u16),
) -> Option<Partial> {
    let offset = match proto {
        Proto::TCP => 16,
        Proto::UDP => 6,
        _ => return None,
    };
    let at = usize::from(l4_at) + offset;
    if proto == Proto::UDP && family == Family::V4 && u16_at(frame, at) == 0 {
        return None;
    }
    let len = usize::from(end - l4_at);
    let sum = checksum::pseudo(family, src, dst, proto, len);
    put_u16(frame, at, checksum::fold(sum));
    Some(Partial { start: l4_at, field: at as u16 })
}

/// Finishes a checksum in software: `frame` ends where the datagram ends.
pub fn finish(frame: &mut [u8], partial: Partial) {
    let value = !checksum::fold(checksum::sum(&frame[usize::from(partial.start)..]));
    put_u16(frame, usize::from(partial.field), if value == 0 { 0xffff } else { value });
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Just, Strategy};

    use super::*;
    use crate::build::{self, Ip, Payload};
    use crate::{TcpFlags, parse};

    fn verifies(frame: &[u8]) -> bool {
        let n = parse(frame).unwrap().network.unwrap();
        let l4 = &frame[usize::from(n.l4_at)..usize::from(n.end)];
        checksum::transport(n.family, n.src, n.dst, n.proto, l4) == 0
    }

    #[test]
    fn a_partial_checksum_is_finished_to_the_whole_one() {
        for ip in [Ip::v4([10, 0, 0, 1], [10, 0, 0, 2]), Ip::v6("2001:db8::1", "2001:db8::2")] {
            let whole = build::frame(&ip, &Payload::tcp(1, 2, TcpFlags::ACK));
            let mut frame = whole.clone();
            let network = parse(&frame).unwrap().network.unwrap();
            let partial = prepare_partial(&mut frame, &network).unwrap();
            assert_ne!(frame, whole);
            finish(&mut frame, partial);
            assert_eq!(frame, whole);
        }
    }

    #[test]
    fn ttl_and_address_changes_keep_both_checksums_right() {
        let ip = Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]);
        let mut frame = build::frame(&ip, &Payload::udp(1000, 53, b"hello"));
        let new = Addr::v4([192, 0, 2, 7]);
        let delta = Delta::address(Family::V4, ip.src, new);
        decrement_ttl(&mut frame, 14, Family::V4);
        addresses(&mut frame, 14, Family::V4, new, ip.dst, delta);
        transport_delta(&mut frame, 34, Proto::UDP, delta);
        assert!(verifies(&frame));
        assert_eq!(parse(&frame).unwrap().network.unwrap().src, new);
    }

    proptest::proptest! {
        /// At once, or one after the other as the whole path has it.
        #[test]
        fn what_is_translated_at_once_is_what_is_translated_in_parts(
            v6: bool, tcp: bool, addrs: [u32; 4], ports: [u16; 4], ttl in 2u8..,
            field in proptest::prop_oneof![Just(None), Just(Some(0)), Just(Some(0xffff)), proptest::num::u16::ANY.prop_map(Some)],
        ) {
            let of = |n: u32| if v6 { Addr(0x2001_0db8 << 96 | u128::from(n)) } else { Addr(u128::from(n)) };
            let [src, dst, new_src, new_dst] = addrs.map(of);
            let family = if v6 { Family::V6 } else { Family::V4 };
            let (l4_at, proto) = (if v6 { 54 } else { 34 }, if tcp { Proto::TCP } else { Proto::UDP });
            let mut ip = Ip::new(family, src, dst);
            ip.ttl = ttl;
            let payload = match tcp {
                true => Payload::tcp(ports[0], ports[1], TcpFlags::ACK),
                false => Payload::udp(ports[0], ports[1], b"hello"),
            };
            let mut frame = build::frame(&ip, &payload);
            if let Some(field) = field {
                put_u16(&mut frame, l4_at + if tcp { 16 } else { 6 }, field);
            }
            let l3_delta = Delta::address(family, src, new_src).and(Delta::address(family, dst, new_dst));
            let l4_delta = l3_delta.and(Delta::word(ports[0], ports[2])).and(Delta::word(ports[1], ports[3]));
            let (sport, dport) = (ports[2], ports[3]);
            let to = Translation { src: new_src, dst: new_dst, sport, dport, l3_delta, l4_delta };
            let mut at_once = frame.clone();
            forward(&mut at_once, 14, (family, proto), &to);
            decrement_ttl(&mut frame, 14, family);
            addresses(&mut frame, 14, family, new_src, new_dst, l3_delta);
            put_u16(&mut frame, l4_at, sport);
            put_u16(&mut frame, l4_at + 2, dport);
            transport_delta(&mut frame, l4_at, proto, l4_delta);
            proptest::prop_assert_eq!(at_once, frame);
        }
    }
}
