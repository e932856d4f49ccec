//! Whole frames from a description: for answers, tests and replay. Allocates; never on a hot path.

use ravelin_types::{Addr, Family, Mac, Proto};

use crate::{checksum, ethertype, put_u16};

/// The network header of a frame to build.
#[derive(Clone, Debug)]
pub struct Ip {
    pub family: Family,
    pub src: Addr,
    pub dst: Addr,
    pub ttl: u8,
    pub id: u16,
    pub vlan: Option<u16>,
    pub src_mac: Mac,
    pub dst_mac: Mac,
    /// Destination-options headers put before the transport header (IPv6).
    pub extensions: usize,
    /// IPv4 flags and fragment offset, as on the wire.
    pub fragment: u16,
}

/// What stands behind the network header, checksum to be filled in.
#[derive(Clone, Debug)]
pub struct Payload {
    pub proto: Proto,
    pub bytes: Vec<u8>,
}

impl Ip {
    #[must_use]
    pub fn new(family: Family, src: Addr, dst: Addr) -> Self {
        Self {
            family,
            src,
            dst,
            ttl: 64,
            id: 0,
            vlan: None,
            src_mac: Mac([2, 0, 0, 0, 1, 1]),
            dst_mac: Mac([2, 0, 0, 0, 1, 2]),
            extensions: 0,
            fragment: 0,
        }
    }

    #[must_use]
    pub fn v4(src: [u8; 4], dst: [u8; 4]) -> Self {
        Self::new(Family::V4, Addr::v4(src), Addr::v4(dst))
    }

    /// # Panics
    /// When a text is no IPv6 address: the texts are written by hand in tests.
    #[must_use]
    pub fn v6(src: &str, dst: &str) -> Self {
        let addr = |t: &str| Addr::v6(t.parse::<std::net::Ipv6Addr>().expect("IPv6").octets());
        Self::new(Family::V6, addr(src), addr(dst))
    }

    #[must_use]
    pub fn with_extensions(mut self, count: usize) -> Self {
        self.extensions = count;
        self
    }
}

impl Payload {
    #[must_use]
    pub fn tcp(sport: u16, dport: u16, flags: u8) -> Self {
        Self::tcp_segment(sport, dport, flags, 1, 0, &[])
    }

    #[must_use]
    pub fn tcp_segment(sport: u16, dport: u16, flags: u8, seq: u32, ack: u32, data: &[u8]) -> Self {
        let mut bytes = vec![0; 20];
        put_u16(&mut bytes, 0, sport);
        put_u16(&mut bytes, 2, dport);
        bytes[4..8].copy_from_slice(&seq.to_be_bytes());
        bytes[8..12].copy_from_slice(&ack.to_be_bytes());
        bytes[12] = 5 << 4;
        bytes[13] = flags;
        put_u16(&mut bytes, 14, 0xffff);
        bytes.extend_from_slice(data);
        Self { proto: Proto::TCP, bytes }
    }

    #[must_use]
    pub fn udp(sport: u16, dport: u16, data: &[u8]) -> Self {
        let mut bytes = vec![0; 8];
        put_u16(&mut bytes, 0, sport);
        put_u16(&mut bytes, 2, dport);
        put_u16(&mut bytes, 4, 8 + data.len() as u16);
        bytes.extend_from_slice(data);
        Self { proto: Proto::UDP, bytes }
    }

    /// ICMP or ICMPv6: type, code, the four bytes after the checksum, and the rest.
    #[must_use]
    pub fn icmp(family: Family, kind: u8, code: u8, rest: u32, data: &[u8]) -> Self {
        let mut bytes = vec![kind, code, 0, 0];
        bytes.extend_from_slice(&rest.to_be_bytes());
        bytes.extend_from_slice(data);
        let proto = if family == Family::V4 { Proto::ICMP } else { Proto::ICMPV6 };
        Self { proto, bytes }
    }

    #[must_use]
    pub fn raw(proto: Proto, data: &[u8]) -> Self {
        Self { proto, bytes: data.to_vec() }
    }
}

/// The Ethernet frame of the datagram, every checksum filled in.
#[must_use]
pub fn frame(ip: &Ip, payload: &Payload) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + payload.bytes.len());
    out.extend_from_slice(&ip.dst_mac.0);
    out.extend_from_slice(&ip.src_mac.0);
    if let Some(vlan) = ip.vlan {
        out.extend_from_slice(&ethertype::VLAN.to_be_bytes());
        out.extend_from_slice(&vlan.to_be_bytes());
    }
    let kind = if ip.family == Family::V4 { ethertype::IPV4 } else { ethertype::IPV6 };
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&datagram(ip, payload));
    out
}

/// The datagram alone.
#[must_use]
pub fn datagram(ip: &Ip, payload: &Payload) -> Vec<u8> {
    let mut body = payload.bytes.clone();
    fill_transport(ip, payload.proto, &mut body);
    let mut out = match ip.family {
        Family::V4 => ipv4_header(ip, payload.proto, body.len()),
        Family::V6 => ipv6_header(ip, payload.proto, body.len()),
    };
    out.extend_from_slice(&body);
    out
}

/// Offset of the checksum field in the transport header, where the protocol has one.
#[must_use]
pub const fn checksum_at(proto: Proto) -> Option<usize> {
    match proto {
        Proto::TCP => Some(16),
        Proto::UDP => Some(6),
        Proto::ICMP | Proto::ICMPV6 => Some(2),
        _ => None,
    }
}

fn fill_transport(ip: &Ip, proto: Proto, body: &mut [u8]) {
    let Some(at) = checksum_at(proto) else { return };
    if ip.fragment & 0x1fff != 0 || body.len() < at + 2 {
        return;
    }
    put_u16(body, at, 0);
    let value = if proto == Proto::ICMP {
        !checksum::fold(checksum::sum(body))
    } else {
        checksum::transport(ip.family, ip.src, ip.dst, proto, body)
    };
    let never_zero = proto == Proto::UDP && value == 0;
    put_u16(body, at, if never_zero { 0xffff } else { value });
}

fn ipv4_header(ip: &Ip, proto: Proto, body: usize) -> Vec<u8> {
    let mut h = vec![0; 20];
    h[0] = 0x45;
    put_u16(&mut h, 2, 20 + body as u16);
    put_u16(&mut h, 4, ip.id);
    put_u16(&mut h, 6, ip.fragment);
    h[8] = ip.ttl;
    h[9] = proto.0;
    h[12..16].copy_from_slice(&ip.src.octets4());
    h[16..20].copy_from_slice(&ip.dst.octets4());
    let sum = !checksum::fold(checksum::sum(&h));
    put_u16(&mut h, 10, sum);
    h
}

fn ipv6_header(ip: &Ip, proto: Proto, body: usize) -> Vec<u8> {
    let mut h = vec![0; 40];
    h[0] = 0x60;
    put_u16(&mut h, 4, (body + ip.extensions * 8) as u16);
    h[6] = if ip.extensions > 0 { Proto::IPV6_DEST_OPTIONS.0 } else { proto.0 };
    h[7] = ip.ttl;
    h[8..24].copy_from_slice(&ip.src.octets6());
    h[24..40].copy_from_slice(&ip.dst.octets6());
    for left in (0..ip.extensions).rev() {
        let next = if left > 0 { Proto::IPV6_DEST_OPTIONS.0 } else { proto.0 };
        h.extend_from_slice(&[next, 0, 1, 4, 0, 0, 0, 0]);
    }
    h
}
