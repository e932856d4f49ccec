//! SYN cookies: a handshake in the server's place that costs no memory (RFC 4987 section 3.6).
//!
//! The cookie is the sequence number of our SYN-ACK: two bits of the secret's generation, three of the MSS, and 27
//! of a keyed hash over the connection. Window scale and SACK travel in the timestamp, when the client sends one.
//! Place: `check_first` says Challenge, `Secrets::answer` answers; an ACK without a session is put to
//! `Secrets::judge`. State: secrets and spent cookies, both given. Spec: screen-58..66.

mod options;
mod segment;
mod spent;
mod splice;

use std::time::Duration;

use ravelin_mem::siphash24;
use ravelin_types::{Addr, Family, Instant};
use ravelin_wire::{L4, TcpFlags, u16_at, u32_at};

use crate::packet::Packet;
pub use options::TcpOptions;
pub use segment::{SEGMENT_MAX, Segment, SegmentBuffer};
pub use spent::Spent;
pub use splice::{ServerAnswer, Splice};

/// How long one secret makes cookies; each is good while its secret is the current or the last one.
pub const ROTATION: Duration = Duration::from_secs(64);
/// After this no cookie is good.
pub const LIFETIME: Duration = Duration::from_secs(128);

/// Segment sizes that three bits can say: the largest that is not above the client's is taken. Spec: screen-60.
pub const MSS: [u16; 8] = [88, 536, 1220, 1360, 1400, 1440, 1460, 8960];
/// What a client without the option means (RFC 9293 section 3.7.1).
const MSS_DEFAULT_V4: u16 = 536;
const MSS_DEFAULT_V6: u16 = 1220;

/// The window scale we announce when the client has the option.
pub const OUR_SCALE: u8 = 7;

/// The two keys that are good, and which generation the newer is. Equal on all workers and nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secrets {
    generation: u32,
    current: (u64, u64),
    previous: (u64, u64),
}

/// A connection as the client names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    pub family: Family,
    pub client: Addr,
    pub server: Addr,
    pub client_port: u16,
    pub server_port: u16,
}

/// A connection request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syn {
    pub connection: Connection,
    pub seq: u32,
    pub window: u16,
    pub options: TcpOptions,
}

/// The sequence number, timestamp and options of our SYN-ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub cookie: u32,
    /// Our timestamp, when the client sent one.
    pub timestamp: Option<u32>,
    pub syn: Syn,
}

/// What an ACK without a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckVerdict {
    /// The client is there: open the connection to the server with what the cookie kept.
    Valid(Accepted),
    /// Made with a secret that has been forgotten.
    Stale,
    Forged,
    /// Used before.
    Replayed,
}

/// What a good cookie says of the client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub connection: Connection,
    /// The client's first sequence number, and ours.
    pub client_isn: u32,
    pub cookie: u32,
    /// The client's window in this ACK, as on the wire.
    pub window: u16,
    /// Options to offer the server in the client's name; the timestamp is the client's newest.
    pub options: TcpOptions,
    /// The timestamp we sent, when there was one.
    pub our_timestamp: Option<u32>,
}

impl Secrets {
    /// The secrets of a generation, from the device's master key: no message is needed to agree on them. The
    /// generation is the common time divided by [`ROTATION`]. Spec: screen-59.
    #[must_use]
    pub fn derived(master: (u64, u64), generation: u32) -> Self {
        let one = |generation: u32| {
            let word = |which: u64| siphash24(master, [u64::from(generation) << 8 | which]);
            (word(1), word(2))
        };
        Self { generation, current: one(generation), previous: one(generation.wrapping_sub(1)) }
    }

    /// The secrets at a time.
    #[must_use]
    pub fn at(master: (u64, u64), now: Instant) -> Self {
        Self::derived(master, (now.as_secs() / ROTATION.as_secs()) as u32)
    }

    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// The answer to a request.
    #[must_use]
    pub fn answer(&self, syn: Syn, now: Instant) -> Answer {
        let family = syn.connection.family;
        let offered = syn.options.mss.unwrap_or(match family {
            Family::V4 => MSS_DEFAULT_V4,
            Family::V6 => MSS_DEFAULT_V6,
        });
        let mss = MSS.iter().rposition(|mss| *mss <= offered).unwrap_or(0) as u32;
        let kept = syn.options.timestamp.map(|_| syn.options.kept());
        let timestamp = kept.map(|bits| (now.0 / 1_000_000) as u32 & !options::KEPT_MASK | bits);
        let mark = (self.generation & 3) << 30 | mss << 27;
        let cookie = mark | mac(self.current, &syn.connection, [syn.seq, mark, kept_word(kept)]);
        Answer { cookie, timestamp, syn }
    }

    /// Judges a segment without a session as the third of a handshake, or as a probe of the window that we keep closed, should
    /// the third have been lost. `None`: it is no such segment. A cookie found good is to be spent by who opens a connection
    /// for it. Spec: screen-62, screen-74.
    #[must_use]
    pub fn judge(&self, packet: &Packet<'_>, spent: &Spent, now: Instant) -> Option<AckVerdict> {
        let (connection, flags) = Connection::of(packet)?;
        let wanted = flags.0 & (TcpFlags::SYN | TcpFlags::RST | TcpFlags::FIN | TcpFlags::ACK);
        if wanted != TcpFlags::ACK {
            return None;
        }
        let tcp = packet.l4();
        let cookie = u32_at(tcp, 8).wrapping_sub(1);
        let key = match (self.generation & 3).wrapping_sub(cookie >> 30) & 3 {
            0 => self.current,
            1 => self.previous,
            _ => return Some(AckVerdict::Stale),
        };
        let received = TcpOptions::parse(tcp);
        let kept = received.timestamp.map(|_| received.echo & options::KEPT_MASK);
        let mark = cookie & 0xf800_0000;
        let is_ours =
            |isn: &u32| cookie & 0x07ff_ffff == mac(key, &connection, [*isn, mark, kept_word(kept)]);
        let Some(client_isn) = client_isns(tcp).find(is_ours) else { return Some(AckVerdict::Forged) };
        if spent.has(&connection, cookie, now) {
            return Some(AckVerdict::Replayed);
        }
        let mut options = kept.map(TcpOptions::restored).unwrap_or_default();
        options.mss = Some(MSS[(mark >> 27 & 7) as usize]);
        options.timestamp = received.timestamp;
        Some(AckVerdict::Valid(Accepted {
            connection,
            client_isn,
            cookie,
            window: u16_at(tcp, 14),
            options,
            our_timestamp: received.timestamp.map(|_| received.echo),
        }))
    }
}

/// No secret is ever shown.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// What the client's first number may be, from a segment that it sends before it has been given a window: the ACK, and data that it
/// could not wait with, have the next number; a probe repeats the first one, with nothing or one byte of old
/// (RFC 9293 3.8.6.1; RFC 1122 4.2.3.6 for those that do so to keep a connection alive).
pub(crate) fn client_isns(tcp: &[u8]) -> impl Iterator<Item = u32> {
    let seq = u32_at(tcp, 4);
    let header = usize::from(tcp[12] >> 4) * 4;
    let may_probe = tcp.len() <= header + 1;
    [Some(seq.wrapping_sub(1)), may_probe.then_some(seq)].into_iter().flatten()
}

/// What stands in the hash for the options: none, or 64 and the bits kept in the timestamp.
const fn kept_word(kept: Option<u32>) -> u32 {
    match kept {
        None => 0,
        Some(bits) => 64 | bits,
    }
}

fn mac(key: (u64, u64), connection: &Connection, words: [u32; 3]) -> u32 {
    let [a, b, c, d, e] = connection.words();
    let said = u64::from(words[0]) << 32 | u64::from(words[1]);
    (siphash24(key, [a, b, c, d, e, said, words[2].into()]) >> 37) as u32
}

impl Connection {
    /// The connection of a TCP packet as its sender names it, and its flags. `None`: no TCP header here.
    pub(crate) fn of(packet: &Packet<'_>) -> Option<(Self, TcpFlags)> {
        let network = packet.network;
        let L4::Tcp { sport, dport, flags, .. } = network.l4 else { return None };
        if packet.is_fragment() || packet.l4().len() < 20 {
            return None;
        }
        let connection = Self {
            family: network.family,
            client: network.src,
            server: network.dst,
            client_port: sport,
            server_port: dport,
        };
        Some((connection, flags))
    }

    /// What keyed hashes are made of.
    #[inline]
    pub(crate) fn words(&self) -> [u64; 5] {
        let Self { family, client, server, client_port, server_port } = *self;
        let halves = |addr: Addr| [(addr.0 >> 64) as u64, addr.0 as u64];
        let ([a, b], [c, d]) = (halves(client), halves(server));
        let ports = u64::from(client_port) << 16 | u64::from(server_port);
        [a, b, c, d, ports << 8 | u64::from(family as u8)]
    }
}

impl Syn {
    /// A connection request; `None`: the packet is none.
    #[must_use]
    pub fn parse(packet: &Packet<'_>) -> Option<Self> {
        let (connection, flags) = Connection::of(packet)?;
        let tcp = packet.l4();
        flags.opens().then(|| Self {
            connection,
            seq: u32_at(tcp, 4),
            window: u16_at(tcp, 14),
            options: TcpOptions::parse(tcp),
        })
    }
}
