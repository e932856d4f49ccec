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

/// Takes one from TTL or hop limit and writes the addresses, at once.
#[inline]
pub fn forward(frame: &mut [u8], l3_at: usize, family: Family, (src, dst): (Addr, Addr), delta: Delta) {
    let header = frame.get_mut(l3_at..);
    match family {
        Family::V4 => {
            let Some(header) = header.and_then(|h| h.first_chunk_mut::<20>()) else { return };
            header[8] -= 1;
            // What one less in the upper octet of its word does to every checksum.
            const ONE_LESS: Delta = Delta::word(0x0100, 0);
            let field = delta.and(ONE_LESS).apply(u16_at(header, 10));
            put_u16(header, 10, field);
            crate::put_u32(header, 12, src.low32());
            crate::put_u32(header, 16, dst.low32());
        }
        Family::V6 => {
            let Some(header) = header.and_then(|h| h.first_chunk_mut::<40>()) else { return };
            header[7] -= 1;
            header[8..24].copy_from_slice(&src.octets6());
            header[24..].copy_from_slice(&dst.octets6());
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
        let mut at_once = build::frame(&ip, &Payload::udp(1000, 53, b"hello"));
        forward(&mut at_once, 14, Family::V4, (new, ip.dst), delta);
        transport_delta(&mut at_once, 34, Proto::UDP, delta);
        assert_eq!(at_once, frame);
    }
}
