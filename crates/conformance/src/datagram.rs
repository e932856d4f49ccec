//! A datagram in every detail: what a case sends, and what it wants to see byte for byte.
//!
//! Built by `ravelin_wire::build`, never by the code that rewrites packets: a wrong checksum or a
//! damaged payload shows as a difference.

use std::fmt;
use std::net::IpAddr;

use ravelin_types::{Addr, Family, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{Fragment, L4, Network, TcpFlags, checksum, parse_ip, put_u16, u16_at, u32_at};

/// Letters of the TCP flags, lowest bit first, as tcpdump writes them.
const FLAG_LETTERS: [char; 8] = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'W'];
const OFFER: u16 = 0xffff;

/// An IPv4 or IPv6 datagram, or one fragment of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub ttl: u8,
    pub id: u16,
    pub dont_fragment: bool,
    /// Destination-options headers (IPv6).
    pub extensions: usize,
    /// Type of service, or traffic class.
    pub tos: u8,
    /// Options of the IPv4 header, whole words.
    pub options: Vec<u8>,
    /// `None`: the whole datagram.
    pub slice: Option<Slice>,
    pub body: Body,
}

/// The bytes of the datagram's payload that a fragment carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    pub offset: usize,
    pub len: usize,
}

/// What stands behind the network header; `len` counts the bytes of data, whose values are 0, 1, 2 …
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Tcp {
        sport: u16,
        dport: u16,
        flags: u8,
        seq: u32,
        ack: u32,
        len: usize,
    },
    Udp {
        sport: u16,
        dport: u16,
        len: usize,
        /// Checksum zero: not used (RFC 768).
        unsummed: bool,
    },
    Icmp {
        kind: u8,
        code: u8,
        rest: u32,
        content: Content,
    },
    Other {
        proto: u8,
        len: usize,
    },
}

/// What an ICMP message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Data(usize),
    Quote(Quote),
}

/// The first `len` bytes of a datagram, or all of it when it has fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    pub datagram: Box<Datagram>,
    pub len: usize,
}

impl Datagram {
    #[must_use]
    pub fn family(&self) -> Family {
        if self.src.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// The bytes from the network header on.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let (family, src) = Addr::from_ip(self.src);
        let ip = Ip {
            ttl: self.ttl,
            id: self.id,
            extensions: self.extensions,
            fragment: if self.dont_fragment { 0x4000 } else { 0 },
            ..Ip::new(family, src, Addr::from_ip(self.dst).1)
        };
        let payload = self.body.payload(family);
        let mut whole = self.dressed(build::datagram(&ip, &payload));
        let l4_at = whole.len() - payload.bytes.len();
        if matches!(self.body, Body::Udp { unsummed: true, .. }) {
            put_u16(&mut whole, l4_at + 6, 0);
        }
        match self.slice {
            None => whole,
            Some(slice) => self.cut(&whole, l4_at, slice),
        }
    }

    /// With what the builder of headers leaves out: type of service and options.
    fn dressed(&self, mut whole: Vec<u8>) -> Vec<u8> {
        match self.family() {
            Family::V4 => {
                let header = 20 + self.options.len();
                whole.splice(20..20, self.options.iter().copied());
                whole[0] = 0x40 | (header / 4) as u8;
                whole[1] = self.tos;
                let total = whole.len() as u16;
                put_u16(&mut whole, 2, total);
                put_u16(&mut whole, 10, 0);
                let sum = !checksum::fold(checksum::sum(&whole[..header]));
                put_u16(&mut whole, 10, sum);
            }
            Family::V6 => put_u16(&mut whole, 0, 0x6000 | u16::from(self.tos) << 4),
        }
        whole
    }

    /// One fragment of the whole datagram (RFC 791 3.2, RFC 8200 4.5).
    fn cut(&self, whole: &[u8], l4_at: usize, slice: Slice) -> Vec<u8> {
        let (head, body) = whole.split_at(l4_at);
        let end = body.len().min(slice.offset + slice.len);
        let part = &body[slice.offset.min(end)..end];
        let (units, more) = ((slice.offset / 8) as u16, end < body.len());
        let mut out = head.to_vec();
        match self.family() {
            Family::V4 => {
                put_u16(&mut out, 2, (l4_at + part.len()) as u16);
                put_u16(&mut out, 6, units | if more { 0x2000 } else { 0 });
                put_u16(&mut out, 10, 0);
                let sum = !checksum::fold(checksum::sum(&out));
                put_u16(&mut out, 10, sum);
            }
            Family::V6 => {
                // Behind the extension headers: the last of them names what was behind it.
                let names_next = if self.extensions == 0 { 6 } else { l4_at - 8 };
                let next = std::mem::replace(&mut out[names_next], Proto::IPV6_FRAGMENT.0);
                put_u16(&mut out, 4, (l4_at - 40 + 8 + part.len()) as u16);
                out.extend_from_slice(&[next, 0, 0, 0, 0, 0, 0, 0]);
                put_u16(&mut out, l4_at + 2, units << 3 | u16::from(more));
                put_u16(&mut out, l4_at + 6, self.id);
            }
        }
        out.extend_from_slice(part);
        out
    }

    /// What the bytes from a network header on say, as far as this type can tell it.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let family = if bytes.first()? >> 4 == 4 { Family::V4 } else { Family::V6 };
        let network = parse_ip(bytes, family).ok()?;
        let total = match family {
            Family::V4 => usize::from(u16_at(bytes, 2)),
            Family::V6 => 40 + usize::from(u16_at(bytes, 4)),
        };
        let l4_at = usize::from(network.l4_at);
        let (slice, id) = match network.fragment {
            Fragment::Whole if family == Family::V4 => (None, u32::from(u16_at(bytes, 4))),
            Fragment::Whole => (None, 0),
            Fragment::First { id } => (Some(Slice { offset: 0, len: total - l4_at }), id),
            Fragment::Later { id, offset } => {
                (Some(Slice { offset: usize::from(offset) * 8, len: total - l4_at }), id)
            }
        };
        let atomic = slice.is_none() && family == Family::V6;
        Some(Self {
            src: network.src.to_ip(family),
            dst: network.dst.to_ip(family),
            ttl: network.ttl,
            id: id as u16,
            dont_fragment: family == Family::V4 && network.dont_fragment,
            extensions: if atomic { (l4_at - 40) / 8 } else { 0 },
            tos: (u16_at(bytes, 0) >> if family == Family::V4 { 0 } else { 4 }) as u8,
            options: if family == Family::V4 { bytes[20..l4_at].to_vec() } else { Vec::new() },
            slice,
            body: Body::read(bytes, &network, total.saturating_sub(l4_at)),
        })
    }
}

impl Body {
    fn payload(&self, family: Family) -> Payload {
        let data = |len: usize| (0..len).map(|n| n as u8).collect::<Vec<_>>();
        match self {
            Self::Tcp { sport, dport, flags, seq, ack, len } => {
                let mut payload = Payload::tcp_segment(*sport, *dport, *flags, *seq, *ack, &data(*len));
                // A reset offers no window.
                let window = if flags & TcpFlags::RST != 0 { 0 } else { OFFER };
                put_u16(&mut payload.bytes, 14, window);
                payload
            }
            Self::Udp { sport, dport, len, .. } => Payload::udp(*sport, *dport, &data(*len)),
            Self::Icmp { kind, code, rest, content } => {
                let content = match content {
                    Content::Data(len) => data(*len),
                    Content::Quote(quote) => quote.bytes(),
                };
                Payload::icmp(family, *kind, *code, *rest, &content)
            }
            Self::Other { proto, len } => Payload::raw(Proto(*proto), &data(*len)),
        }
    }

    fn read(bytes: &[u8], network: &Network, len: usize) -> Self {
        let at = usize::from(network.l4_at);
        let word =
            |offset: usize| if bytes.len() >= at + offset + 4 { u32_at(bytes, at + offset) } else { 0 };
        match network.l4 {
            L4::Tcp { sport, dport, .. } => {
                let flags = (word(12) >> 16) as u8;
                Self::Tcp { sport, dport, flags, seq: word(4), ack: word(8), len: len.saturating_sub(20) }
            }
            L4::Udp { sport, dport } => {
                let unsummed = word(4) & 0xffff == 0;
                Self::Udp { sport, dport, len: len.saturating_sub(8), unsummed }
            }
            L4::Icmp { kind, code, .. } => {
                let inner = bytes.get(at + 8..).unwrap_or(&[]);
                let is_error =
                    ravelin_types::IcmpKind::of(network.proto, kind) == ravelin_types::IcmpKind::Error;
                let quoted = Datagram::read(inner).filter(|_| is_error);
                let content = quoted.map_or(Content::Data(len.saturating_sub(8)), |datagram| {
                    Content::Quote(Quote { datagram: Box::new(datagram), len: inner.len() })
                });
                Self::Icmp { kind, code, rest: word(4), content }
            }
            L4::Sctp { .. } | L4::Spi(_) | L4::Opaque => Self::Other { proto: network.proto.0, len },
        }
    }
}

impl Quote {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.datagram.bytes();
        bytes.truncate(self.len);
        bytes
    }
}

/// TCP flags of their letters.
#[must_use]
pub fn flags(letters: &str) -> Option<u8> {
    let bit = |letter| FLAG_LETTERS.iter().position(|l| *l == letter).map(|n| 1u8 << n);
    letters.chars().try_fold(0, |all, letter| bit(letter).map(|bit| all | bit))
}

/// In the words of a case.
impl fmt::Display for Datagram {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { src, dst, ttl, id, dont_fragment, extensions, tos, options, slice, body } = self;
        let end = |ip: &IpAddr, port: u16| std::net::SocketAddr::new(*ip, port).to_string();
        match body {
            Body::Tcp { sport, dport, flags, seq, ack, len } => {
                let letters = FLAG_LETTERS.iter().enumerate().filter(|(n, _)| flags >> n & 1 == 1);
                let letters: String = letters.map(|(_, letter)| letter).collect();
                write!(out, "tcp {} > {} {letters}", end(src, *sport), end(dst, *dport))?;
                write!(out, " seq={seq} ack={ack} len={len}")?;
            }
            Body::Udp { sport, dport, len, unsummed } => {
                let sum = if *unsummed { " nosum" } else { "" };
                write!(out, "udp {} > {} len={len}{sum}", end(src, *sport), end(dst, *dport))?;
            }
            Body::Icmp { kind, code, rest, content } => {
                write!(out, "icmp {src} > {dst} {kind}/{code} rest={rest:08x}")?;
                match content {
                    Content::Data(len) => write!(out, " len={len}")?,
                    Content::Quote(quote) => write!(out, " quote={} ({})", quote.len, quote.datagram)?,
                }
            }
            Body::Other { proto, len } => write!(out, "ip {src} > {dst} proto={proto} len={len}")?,
        }
        write!(out, " ttl={ttl} id={id}")?;
        if *dont_fragment {
            out.write_str(" df")?;
        }
        if *extensions > 0 {
            write!(out, " extensions={extensions}")?;
        }
        if *tos > 0 {
            write!(out, " tos={tos:02x}")?;
        }
        if !options.is_empty() {
            write!(out, " options=")?;
            options.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
        }
        match slice {
            Some(Slice { offset, len }) => write!(out, " fragment={offset}:{len}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_reads_back() {
        let udp = Datagram {
            src: "10.0.0.1".parse().unwrap(),
            dst: "10.0.0.2".parse().unwrap(),
            ttl: 9,
            id: 7,
            dont_fragment: true,
            extensions: 0,
            tos: 0xb8,
            options: vec![7, 3, 4, 0],
            slice: None,
            body: Body::Udp { sport: 1, dport: 2, len: 5, unsummed: false },
        };
        assert_eq!(Datagram::read(&udp.bytes()), Some(udp.clone()));
        let quote = Quote { datagram: Box::new(udp.clone()), len: 37 };
        let error = Body::Icmp { kind: 3, code: 3, rest: 0, content: Content::Quote(quote) };
        let error = Datagram { body: error, dont_fragment: false, ..udp };
        assert_eq!(Datagram::read(&error.bytes()), Some(error));
    }

    #[test]
    fn fragments_make_up_the_whole() {
        for (src, dst, header) in [("10.0.0.1", "10.0.0.2", 20), ("2001:db8::1", "2001:db8::2", 48)] {
            let body = Body::Udp { sport: 1, dport: 2, len: 24, unsummed: false };
            let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
            let slice = |offset, len| Some(Slice { offset, len });
            let whole = Datagram {
                src,
                dst,
                ttl: 9,
                id: 7,
                dont_fragment: false,
                extensions: 0,
                tos: 0x20,
                options: Vec::new(),
                slice: None,
                body,
            };
            let first = Datagram { slice: slice(0, 16), ..whole.clone() };
            let second = Datagram { slice: slice(16, 16), ..whole.clone() };
            let body = [&first.bytes()[header..], &second.bytes()[header..]].concat();
            assert!(whole.bytes().ends_with(&body));
            assert_eq!(Datagram::read(&second.bytes()).unwrap().slice, slice(16, 16));
        }
    }
}
