//! One connection out of two handshakes: what changes in every later segment.
//!
//! The client counts the server's bytes from our cookie, the server from its own first number; timestamps and
//! window scales differ in the same way. Spec: screen-65, screen-66.

use ravelin_wire::checksum::Delta;
use ravelin_wire::{L4, TcpFlags, put_u16, put_u32, u16_at, u32_at};

use super::options::{self, TcpOptions};
use super::{Accepted, OUR_SCALE};
use crate::packet::Packet;

/// The server's SYN-ACK to the request we made in the client's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerAnswer {
    pub isn: u32,
    pub window: u16,
    pub options: TcpOptions,
}

/// What is added on the way to the server, and taken away on the way to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Splice {
    /// The server's first sequence number less our cookie.
    pub seq: u32,
    /// The server's timestamp less ours; zero when one of them has none.
    pub timestamp: u32,
    /// Windows to the client: the server's scale, and the one we announced.
    pub to_client: (u8, u8),
    /// Windows to the server: the client's scale, and the one the server believes in.
    pub to_server: (u8, u8),
}

impl ServerAnswer {
    /// `None`: no SYN-ACK that answers our request.
    #[must_use]
    pub fn parse(packet: &Packet<'_>, accepted: &Accepted) -> Option<Self> {
        let L4::Tcp { flags, .. } = packet.network.l4 else { return None };
        let tcp = packet.l4();
        let relevant = flags.0 & (TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST | TcpFlags::FIN);
        if packet.is_fragment() || tcp.len() < 20 || relevant != TcpFlags::SYN | TcpFlags::ACK {
            return None;
        }
        (u32_at(tcp, 8) == accepted.client_isn.wrapping_add(1)).then(|| Self {
            isn: u32_at(tcp, 4),
            window: u16_at(tcp, 14),
            options: TcpOptions::parse(tcp),
        })
    }
}

impl Splice {
    #[must_use]
    pub fn new(accepted: &Accepted, server: &ServerAnswer) -> Self {
        let timestamps = accepted.our_timestamp.zip(server.options.timestamp);
        // Scaling is in force towards an end only when both SYNs of that end's handshake had it.
        let (client, own) = match accepted.options.scale {
            Some(scale) => (scale, OUR_SCALE),
            None => (0, 0),
        };
        let both = accepted.options.scale.is_some() && server.options.scale.is_some();
        let server_scale = server.options.scale.filter(|_| both).unwrap_or(0);
        Self {
            seq: server.isn.wrapping_sub(accepted.cookie),
            timestamp: timestamps.map_or(0, |(ours, theirs)| theirs.wrapping_sub(ours)),
            to_client: (server_scale, own),
            to_server: (client, if both { client } else { 0 }),
        }
    }

    /// Rewrites a segment of the server; `tcp` begins with its header. Returns what that does to the checksum,
    /// whose field is left as it was.
    pub fn rewrite_to_client(&self, tcp: &mut [u8]) -> Delta {
        if tcp.len() < 20 {
            return Delta::default();
        }
        let seq = u32_at(tcp, 4).wrapping_sub(self.seq);
        let mut delta = set_u32(tcp, 4, seq).and(rescale(tcp, self.to_client));
        if let Some(at) = timestamps_at(tcp) {
            let value = u32_at(tcp, at + 2).wrapping_sub(self.timestamp);
            delta = delta.and(set_u32(tcp, at + 2, value));
        }
        delta
    }

    /// Rewrites a segment of the client: acknowledgement, SACK blocks and timestamp echo speak of the server's
    /// bytes and clock.
    pub fn rewrite_to_server(&self, tcp: &mut [u8]) -> Delta {
        if tcp.len() < 20 {
            return Delta::default();
        }
        let mut delta = rescale(tcp, self.to_server);
        if !TcpFlags(tcp[13]).has(TcpFlags::ACK) {
            return delta;
        }
        let ack = u32_at(tcp, 8).wrapping_add(self.seq);
        delta = delta.and(set_u32(tcp, 8, ack));
        let mut sack = None;
        options::walk(tcp, |kind, at, len| {
            if kind == options::SACK && len >= 10 && (len - 2).is_multiple_of(8) {
                sack = Some((at + 2, at + len));
            }
        });
        if let Some((from, to)) = sack {
            for edge in (from..to).step_by(4) {
                let value = u32_at(tcp, edge).wrapping_add(self.seq);
                delta = delta.and(set_u32(tcp, edge, value));
            }
        }
        if let Some(at) = timestamps_at(tcp) {
            let value = u32_at(tcp, at + 6).wrapping_add(self.timestamp);
            delta = delta.and(set_u32(tcp, at + 6, value));
        }
        delta
    }
}

fn timestamps_at(tcp: &[u8]) -> Option<usize> {
    let mut found = None;
    options::walk(tcp, |kind, at, len| {
        if kind == options::TIMESTAMPS && len == 10 {
            found = Some(at);
        }
    });
    found
}

/// A window said in one scale, said in the other: never larger than it was.
fn rescale(tcp: &mut [u8], (from, to): (u8, u8)) -> Delta {
    let old = u16_at(tcp, 14);
    // A SYN's window is never scaled.
    if from == to || TcpFlags(tcp[13]).has(TcpFlags::SYN) {
        return Delta::default();
    }
    let new = (u64::from(old) << from >> to).min(u16::MAX.into()) as u16;
    put_u16(tcp, 14, new);
    Delta::word(old, new)
}

/// Stores 32 bits and says what that does to the checksum; an option may stand at an odd offset.
fn set_u32(tcp: &mut [u8], at: usize, value: u32) -> Delta {
    let words = |tcp: &[u8]| [0, 2, 4].map(|n| tcp.get((at & !1) + n..).and_then(word).unwrap_or(0));
    let old = words(tcp);
    put_u32(tcp, at, value);
    let new = words(tcp);
    let changes = old.iter().zip(new).map(|(old, new)| Delta::word(*old, new));
    changes.fold(Delta::default(), Delta::and)
}

fn word(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk::<2>().map(|pair| u16::from_be_bytes(*pair))
}
