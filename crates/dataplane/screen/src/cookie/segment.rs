//! The four segments the firewall sends for a handshake in the server's place, as whole frames.
//!
//! Written into a buffer of fixed size: nothing is allocated. Spec: screen-64.

use ravelin_types::{Addr, Family, Mac, Proto};
use ravelin_wire::{TcpFlags, checksum, ethertype, put_u16, put_u32};

use super::options::OPTIONS_MAX;
use super::{Accepted, Answer, OUR_SCALE, ServerAnswer, TcpOptions};

/// Ethernet with a tag, IPv6, TCP with our options.
pub const SEGMENT_MAX: usize = 18 + 40 + 20 + OPTIONS_MAX;
/// Where a segment is written.
pub type SegmentBuffer = [u8; SEGMENT_MAX];

const TTL: u8 = 64;

/// One end of a connection and the other, and the TCP header between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub family: Family,
    pub src: (Addr, u16),
    pub dst: (Addr, u16),
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub options: TcpOptions,
}

impl Answer {
    /// The SYN-ACK to the client. Its window is zero: the client says nothing before the server is there.
    /// `mss` is what the way to the server carries; the server itself can't be asked yet.
    #[must_use]
    pub fn segment(&self, mss: u16) -> Segment {
        let connection = &self.syn.connection;
        let offered = &self.syn.options;
        // Without a timestamp nothing of scale and SACK would be remembered: they are not agreed to.
        let remembers = self.timestamp.is_some();
        Segment {
            family: connection.family,
            src: (connection.server, connection.server_port),
            dst: (connection.client, connection.client_port),
            seq: self.cookie,
            ack: self.syn.seq.wrapping_add(1),
            flags: TcpFlags::SYN | TcpFlags::ACK,
            window: 0,
            options: TcpOptions {
                mss: Some(mss),
                scale: offered.scale.filter(|_| remembers).map(|_| OUR_SCALE),
                sack: offered.sack && remembers,
                timestamp: self.timestamp,
                echo: offered.timestamp.unwrap_or(0),
            },
        }
    }
}

impl Accepted {
    /// The SYN to the server, in the client's name.
    #[must_use]
    pub fn server_syn(&self) -> Segment {
        Segment {
            seq: self.client_isn,
            ack: 0,
            flags: TcpFlags::SYN,
            window: self.window_in(0),
            options: TcpOptions { echo: 0, ..self.options },
            ..self.towards_server()
        }
    }

    /// The ACK that ends the server's handshake.
    #[must_use]
    pub fn server_ack(&self, server: &ServerAnswer) -> Segment {
        let timestamp = self.options.timestamp.filter(|_| server.options.timestamp.is_some());
        let echo = timestamp.and(server.options.timestamp).unwrap_or(0);
        Segment {
            seq: self.client_isn.wrapping_add(1),
            ack: server.isn.wrapping_add(1),
            flags: TcpFlags::ACK,
            window: self.window_in(server.options.scale.and(self.options.scale).unwrap_or(0)),
            options: TcpOptions { timestamp, echo, ..TcpOptions::default() },
            ..self.towards_server()
        }
    }

    /// The ACK that opens the client's window, once the server has answered.
    #[must_use]
    pub fn client_ack(&self, server: &ServerAnswer) -> Segment {
        let (src, dst) = (self.towards_server().dst, self.towards_server().src);
        // A SYN's window is never scaled (RFC 7323 section 2.2); later ones to the client are, as we announced.
        let scale = if self.options.scale.is_some() { OUR_SCALE } else { 0 };
        Segment {
            src,
            dst,
            seq: self.cookie.wrapping_add(1),
            ack: self.client_isn.wrapping_add(1),
            flags: TcpFlags::ACK,
            // Never said to be zero when it isn't: the client would wait for a word that does not come.
            window: (server.window >> scale).max(server.window.min(1)),
            options: TcpOptions {
                timestamp: self.our_timestamp,
                echo: self.our_timestamp.and(self.options.timestamp).unwrap_or(0),
                ..TcpOptions::default()
            },
            ..self.towards_server()
        }
    }

    /// The client's window for someone who believes in another scale.
    fn window_in(&self, scale: u8) -> u16 {
        let bytes = u64::from(self.window) << self.options.scale.unwrap_or(0);
        (bytes >> scale).min(u16::MAX.into()) as u16
    }

    fn towards_server(&self) -> Segment {
        let connection = &self.connection;
        Segment {
            family: connection.family,
            src: (connection.client, connection.client_port),
            dst: (connection.server, connection.server_port),
            seq: 0,
            ack: 0,
            flags: 0,
            window: 0,
            options: TcpOptions::default(),
        }
    }
}

impl Segment {
    /// Writes the whole frame, every checksum filled in, and returns its length.
    pub fn write(&self, (src, dst): (Mac, Mac), vlan: Option<u16>, out: &mut SegmentBuffer) -> usize {
        let mut at = 12;
        out[..6].copy_from_slice(&dst.0);
        out[6..12].copy_from_slice(&src.0);
        if let Some(vlan) = vlan {
            put_u16(out, 12, ethertype::VLAN);
            put_u16(out, 14, vlan);
            at = 16;
        }
        let kind = if self.family == Family::V4 { ethertype::IPV4 } else { ethertype::IPV6 };
        put_u16(out, at, kind);
        at + 2 + self.datagram(&mut out[at + 2..])
    }

    fn datagram(&self, out: &mut [u8]) -> usize {
        let mut options = [0; OPTIONS_MAX];
        let len = 20 + self.options.write(&mut options);
        let at = match self.family {
            Family::V4 => self.ipv4(out, len),
            Family::V6 => self.ipv6(out, len),
        };
        let tcp = &mut out[at..at + len];
        put_u16(tcp, 0, self.src.1);
        put_u16(tcp, 2, self.dst.1);
        put_u32(tcp, 4, self.seq);
        put_u32(tcp, 8, self.ack);
        tcp[12] = (len as u8 / 4) << 4;
        tcp[13] = self.flags;
        put_u16(tcp, 14, self.window);
        put_u16(tcp, 16, 0);
        put_u16(tcp, 18, 0);
        tcp[20..].copy_from_slice(&options[..len - 20]);
        let sum = checksum::transport(self.family, self.src.0, self.dst.0, Proto::TCP, tcp);
        put_u16(tcp, 16, sum);
        at + len
    }

    fn ipv4(&self, out: &mut [u8], len: usize) -> usize {
        let header = &mut out[..20];
        header.fill(0);
        header[0] = 0x45;
        put_u16(header, 2, (20 + len) as u16);
        // Don't fragment: such a segment is whole everywhere, and its identification says nothing (RFC 6864).
        put_u16(header, 6, 0x4000);
        header[8] = TTL;
        header[9] = Proto::TCP.0;
        header[12..16].copy_from_slice(&self.src.0.octets4());
        header[16..20].copy_from_slice(&self.dst.0.octets4());
        let sum = !checksum::fold(checksum::sum(header));
        put_u16(header, 10, sum);
        20
    }

    fn ipv6(&self, out: &mut [u8], len: usize) -> usize {
        let header = &mut out[..40];
        header.fill(0);
        header[0] = 0x60;
        put_u16(header, 4, len as u16);
        header[6] = Proto::TCP.0;
        header[7] = TTL;
        header[8..24].copy_from_slice(&self.src.0.octets6());
        header[24..40].copy_from_slice(&self.dst.0.octets6());
        40
    }
}
