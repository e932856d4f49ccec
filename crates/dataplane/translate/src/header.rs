//! Network headers of both families as one set of facts, read with every length checked and written anew.
//!
//! Beside `wire`'s parser because translation needs what a firewall's facts leave out: options, routing
//! headers, the declared length of a quote, the fragment header of a whole datagram.
//! Spec: rfc7915-2..8, rfc7915-25..32.

use ravelin_types::{Addr, Family, Proto};
use ravelin_wire::{checksum, put_u32, u16_at, u32_at};

use crate::Refused;

pub(crate) const IPV4_LEN: usize = 20;
pub(crate) const IPV6_LEN: usize = 40;
pub(crate) const FRAGMENT_LEN: usize = 8;
/// Extension headers walked before a datagram is given up.
const EXTENSIONS_MAX: usize = 16;

const MOBILITY: Proto = Proto(135);
const HIP: Proto = Proto(139);
const SHIM6: Proto = Proto(140);

/// How much of the datagram is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it: a packet on its way.
    Whole,
    /// Its start, in an ICMP error.
    Quoted,
}

/// The place of a piece in its datagram; offset in units of eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub offset: u16,
    pub more: bool,
}

impl Place {
    /// Offset 0 and no more to come: a whole datagram with a fragment header (RFC 6946).
    pub const ATOMIC: Self = Self { offset: 0, more: false };

    pub fn is_part(self) -> bool {
        self != Self::ATOMIC
    }
}

/// What a network header says, of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub family: Family,
    pub src: Addr,
    pub dst: Addr,
    /// TOS or traffic class.
    pub tos: u8,
    pub ttl: u8,
    /// Behind all headers that are walked over.
    pub proto: Proto,
    /// Identification: 16 bits of IPv4, 32 of a fragment header, zero without one.
    pub id: u32,
    pub dont_fragment: bool,
    /// IPv4: of a part alone. IPv6: as the fragment header has it.
    pub place: Option<Place>,
    /// Bytes before the payload.
    pub len: usize,
    /// Bytes of payload as declared: of a quote, more than are there.
    pub payload: usize,
    /// What keeps the other family from having such a datagram.
    pub obstacle: Option<Refused>,
}

impl Header {
    /// Inlined with what it calls, so that the facts stay in registers.
    #[inline(always)]
    pub fn read(bytes: &[u8], family: Family, extent: Extent) -> Result<Self, Refused> {
        match family {
            Family::V4 => read4(bytes, extent),
            Family::V6 => read6(bytes, extent),
        }
    }

    /// Whether it is a part of a larger datagram.
    pub fn is_part(&self) -> bool {
        self.place.is_some_and(Place::is_part)
    }

    /// Whether the transport header stands behind this header.
    pub fn has_transport(&self) -> bool {
        self.place.is_none_or(|p| p.offset == 0)
    }

    /// Bytes of the header that [`Self::write`] writes.
    pub const fn written(family: Family, place: Option<Place>) -> usize {
        match (family, place) {
            (Family::V4, _) => IPV4_LEN,
            (Family::V6, None) => IPV6_LEN,
            (Family::V6, Some(_)) => IPV6_LEN + FRAGMENT_LEN,
        }
    }

    /// Writes the header at the start of `out`, which has room for `self.len` bytes.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8]) {
        match self.family {
            Family::V4 => self.write4(&mut out[..IPV4_LEN]),
            Family::V6 => self.write6(&mut out[..self.len]),
        }
    }

    /// In words of 32 bits, so that the checksum needs no look at what was just stored.
    #[inline(always)]
    fn write4(&self, h: &mut [u8]) {
        let place = self.place.unwrap_or(Place::ATOMIC);
        let flags = u32::from(self.dont_fragment) << 14 | u32::from(place.more) << 13;
        let mut words = [
            0x45 << 24 | u32::from(self.tos) << 16 | (IPV4_LEN + self.payload) as u32 & 0xffff,
            self.id << 16 | flags | u32::from(place.offset),
            u32::from(self.ttl) << 24 | u32::from(self.proto.0) << 16,
            self.src.low32(),
            self.dst.low32(),
        ];
        words[2] |= u32::from(!checksum::fold(words.iter().map(|word| u64::from(*word)).sum()));
        for (i, word) in words.into_iter().enumerate() {
            put_u32(h, 4 * i, word);
        }
    }

    #[inline(always)]
    fn write6(&self, h: &mut [u8]) {
        let payload = (self.len - IPV6_LEN + self.payload) as u32 & 0xffff;
        let next = if self.place.is_some() { Proto::IPV6_FRAGMENT } else { self.proto };
        put_u32(h, 0, 6 << 28 | u32::from(self.tos) << 20);
        put_u32(h, 4, payload << 16 | u32::from(next.0) << 8 | u32::from(self.ttl));
        h[8..24].copy_from_slice(&self.src.octets6());
        h[24..40].copy_from_slice(&self.dst.octets6());
        if let Some(place) = self.place {
            let word = u32::from(place.offset) << 3 | u32::from(place.more);
            put_u32(h, 40, u32::from(self.proto.0) << 24 | word);
            put_u32(h, 44, self.id);
        }
    }
}

#[inline(always)]
fn read4(bytes: &[u8], extent: Extent) -> Result<Header, Refused> {
    let h = bytes.get(..IPV4_LEN).ok_or(Refused::Malformed)?;
    let (len, total) = (usize::from(h[0] & 0x0f) * 4, usize::from(u16_at(h, 2)));
    let cut = extent == Extent::Whole && bytes.len() < total;
    if h[0] >> 4 != 4 || len < IPV4_LEN || total < len || bytes.len() < len || cut {
        return Err(Refused::Malformed);
    }
    if extent == Extent::Quoted && checksum::fold(checksum::sum(&bytes[..len])) != 0xffff {
        return Err(Refused::BadChecksum);
    }
    let obstacle = (len > IPV4_LEN && route_unused(&bytes[IPV4_LEN..len])).then_some(Refused::SourceRoute);
    let word = u16_at(h, 6);
    let place = Place { offset: word & 0x1fff, more: word & 0x2000 != 0 };
    Ok(Header {
        family: Family::V4,
        src: Addr(u128::from(u32_at(h, 12))),
        dst: Addr(u128::from(u32_at(h, 16))),
        tos: h[1],
        ttl: h[8],
        proto: Proto(h[9]),
        id: u32::from(u16_at(h, 4)),
        dont_fragment: word & 0x4000 != 0,
        place: place.is_part().then_some(place),
        len,
        payload: total - len,
        obstacle,
    })
}

/// Whether the options hold a source route that is not used up: its pointer stands within it (RFC 791 3.1).
fn route_unused(options: &[u8]) -> bool {
    const LOOSE: u8 = 131;
    const STRICT: u8 = 137;
    let mut rest = options;
    loop {
        match *rest {
            [] | [0, ..] => return false,
            [1, ref after @ ..] => rest = after,
            [kind, len, ref body @ ..] => {
                let unused = body.first().is_some_and(|pointer| *pointer <= len);
                if matches!(kind, LOOSE | STRICT) && unused {
                    return true;
                }
                match rest.get(usize::from(len).max(2)..) {
                    Some(after) if len >= 2 => rest = after,
                    _ => return false,
                }
            }
            [_] => return false,
        }
    }
}

#[inline(always)]
fn read6(bytes: &[u8], extent: Extent) -> Result<Header, Refused> {
    let h = bytes.get(..IPV6_LEN).ok_or(Refused::Malformed)?;
    let declared = IPV6_LEN + usize::from(u16_at(h, 4));
    let cut = extent == Extent::Whole && bytes.len() < declared;
    if h[0] >> 4 != 6 || cut {
        return Err(Refused::Malformed);
    }
    let sixteen = |at: usize| {
        let (high, low) = (u128::from(u64_at(h, at)), u128::from(u64_at(h, at + 8)));
        Addr(high << 64 | low)
    };
    let header = Header {
        family: Family::V6,
        src: sixteen(8),
        dst: sixteen(24),
        tos: (u16_at(h, 0) >> 4) as u8,
        ttl: h[7],
        proto: Proto(h[6]),
        id: 0,
        dont_fragment: true,
        place: None,
        len: IPV6_LEN,
        payload: declared - IPV6_LEN,
        obstacle: None,
    };
    if is_extension(header.proto) { walk(header, bytes) } else { Ok(header) }
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) << 32 | u64::from(u32_at(bytes, at + 4))
}

const fn is_extension(next: Proto) -> bool {
    matches!(next, Proto::HOP_BY_HOP | Proto::IPV6_ROUTE | Proto::IPV6_DEST_OPTIONS | Proto::IPV6_FRAGMENT)
}

/// Extension headers by RFC 7045 that are no transport: behind a fragment header they refuse translation.
const fn is_extension_behind_fragment(next: Proto) -> bool {
    is_extension(next) || matches!(next, Proto::AH | MOBILITY | HIP | SHIM6)
}

/// Walks over the extension headers; none goes behind the declared payload.
fn walk(mut header: Header, bytes: &[u8]) -> Result<Header, Refused> {
    for _ in 0..=EXTENSIONS_MAX {
        if !is_extension(header.proto) {
            return Ok(header);
        }
        let at = header.len;
        let ext = bytes.get(at..at + FRAGMENT_LEN).ok_or(Refused::Malformed)?;
        let is_fragment = header.proto == Proto::IPV6_FRAGMENT;
        let len = if is_fragment { FRAGMENT_LEN } else { 8 + usize::from(ext[1]) * 8 };
        if bytes.len() < at + len || header.payload < len || (is_fragment && header.place.is_some()) {
            return Err(Refused::Malformed);
        }
        if header.proto == Proto::IPV6_ROUTE && ext[3] != 0 {
            header.obstacle = Some(Refused::RoutingHeader { at: (at + 3) as u16 });
        }
        header.proto = Proto(ext[0]);
        header.len += len;
        header.payload -= len;
        if is_fragment {
            let word = u16_at(ext, 2);
            header.place = Some(Place { offset: word >> 3, more: word & 1 == 1 });
            header.id = u32_at(ext, 4);
            if is_extension_behind_fragment(header.proto) {
                header.obstacle = header.obstacle.or(Some(Refused::Protocol));
            }
            if !header.has_transport() {
                return Ok(header);
            }
        }
    }
    Err(Refused::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_wire::build::{self, Ip, Payload};
    use ravelin_wire::put_u16;

    fn sample4() -> Vec<u8> {
        build::datagram(&Ip::v4([10, 0, 0, 1], [192, 0, 2, 1]), &Payload::udp(1, 2, b"data"))
    }

    /// A datagram with the given options (padded to four bytes by the caller) and a right header checksum.
    fn with_options(options: &[u8]) -> Vec<u8> {
        let mut bytes = sample4();
        bytes.splice(20..20, options.iter().copied());
        bytes[0] = 0x40 | (5 + options.len() / 4) as u8;
        let total = bytes.len() as u16;
        put_u16(&mut bytes, 2, total);
        bytes
    }

    #[test]
    fn what_is_written_is_read_again() {
        let header = Header {
            family: Family::V6,
            src: Addr(0x2001_0db8 << 96 | 1),
            dst: Addr(0x2001_0db8 << 96 | 2),
            tos: 0xb9,
            ttl: 7,
            proto: Proto::UDP,
            id: 0xdead_beef,
            dont_fragment: true,
            place: Some(Place { offset: 0x1abc, more: true }),
            len: 48,
            payload: 16,
            obstacle: None,
        };
        let mut bytes = [0xff; 64];
        header.write(&mut bytes);
        assert_eq!(Header::read(&bytes, Family::V6, Extent::Whole), Ok(header));
        let v4 = Header {
            family: Family::V4,
            src: Addr::v4([1, 2, 3, 4]),
            dst: Addr::v4([5, 6, 7, 8]),
            id: 0xbeef,
            dont_fragment: false,
            len: 20,
            ..header
        };
        let mut bytes = [0xff; 36];
        v4.write(&mut bytes);
        assert_eq!(Header::read(&bytes, Family::V4, Extent::Whole), Ok(v4));
        assert_eq!(Header::read(&bytes, Family::V4, Extent::Quoted), Ok(v4));
    }

    // Proves: rfc7915-5.
    /// RFC 7915 4.1: options are ignored, but for a source route with somewhere left to go.
    #[test]
    fn a_source_route_refuses_unless_it_is_used_up() {
        for (options, refused) in [
            (&[131, 7, 4, 192, 0, 2, 9, 0][..], true),
            (&[131, 7, 8, 192, 0, 2, 9, 0], false),
            (&[137, 7, 4, 192, 0, 2, 9, 0], true),
            (&[1, 1, 1, 131, 7, 4, 0, 0, 0, 0, 0, 0], true),
            (&[7, 7, 4, 0, 0, 0, 0, 0], false),
            (&[0, 131, 7, 4], false),
            (&[131, 0, 4, 0], false),
            (&[148, 4, 0, 0, 1, 1, 1, 131], false),
        ] {
            let read = Header::read(&with_options(options), Family::V4, Extent::Whole);
            let read = read.unwrap();
            assert_eq!(read.obstacle, refused.then_some(Refused::SourceRoute), "{options:?}");
            assert_eq!((read.len, read.payload), (20 + options.len(), 12), "{options:?}");
        }
    }

    // Proves: rfc7915-25.
    #[test]
    fn a_routing_header_with_segments_left_refuses_and_points_at_them() {
        let ip = Ip::v6("2001:db8::1", "2001:db8::2").with_extensions(1);
        let mut bytes = build::datagram(&ip, &Payload::udp(1, 2, b"data"));
        bytes[6] = Proto::IPV6_ROUTE.0;
        bytes[43] = 2;
        let header = Header::read(&bytes, Family::V6, Extent::Whole).unwrap();
        assert_eq!(header.obstacle, Some(Refused::RoutingHeader { at: 43 }));
        bytes[43] = 0;
        let header = Header::read(&bytes, Family::V6, Extent::Whole).unwrap();
        assert_eq!(header.obstacle, None);
        assert_eq!((header.proto, header.len, header.payload), (Proto::UDP, 48, 12));
    }

    // Proves: rfc7915-31.
    #[test]
    fn an_extension_header_behind_the_fragment_header_refuses() {
        for (next, ok) in [
            (0, false),
            (43, false),
            (44, false),
            (51, false),
            (60, false),
            (135, false),
            (50, true),
            (17, true),
        ] {
            let mut bytes = vec![0x60, 0, 0, 0, 0, 16, 44, 64];
            bytes.extend_from_slice(&[0x20; 32]);
            bytes.extend_from_slice(&[next, 0, 0, 1, 0, 0, 0, 7, 17, 0, 0, 0, 0, 0, 0, 0]);
            let read = Header::read(&bytes, Family::V6, Extent::Whole);
            if next == 44 {
                assert_eq!(read, Err(Refused::Malformed));
                continue;
            }
            let read = read.unwrap();
            assert_eq!((read.id, read.obstacle), (7, (!ok).then_some(Refused::Protocol)), "{next}");
        }
    }

    #[test]
    fn a_cut_header_is_malformed() {
        let v4 = with_options(&[131, 7, 8, 192, 0, 2, 9, 0]);
        for len in 0..v4.len() {
            assert_eq!(Header::read(&v4[..len], Family::V4, Extent::Whole), Err(Refused::Malformed), "{len}");
        }
        let ip = Ip::v6("2001:db8::1", "2001:db8::2").with_extensions(2);
        let v6 = build::datagram(&ip, &Payload::udp(1, 2, b"data"));
        for len in 0..v6.len() {
            assert_eq!(Header::read(&v6[..len], Family::V6, Extent::Whole), Err(Refused::Malformed), "{len}");
        }
        let ip = Ip::v6("2001:db8::1", "2001:db8::2").with_extensions(EXTENSIONS_MAX + 1);
        let many = build::datagram(&ip, &Payload::udp(1, 2, b"data"));
        assert_eq!(Header::read(&many, Family::V6, Extent::Whole), Err(Refused::Malformed));
    }
}
