//! Recorded conversations, and what a naive reader makes of them.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use pcap_file::pcap::PcapReader;
use ravelin_tcp::{Direction, Segment};
use ravelin_types::Addr;
use ravelin_wire::{L4, TcpFlags, parse};

/// The segments of one pair of endpoints, in order.
pub type Trace = Vec<(Direction, Segment)>;

/// The conversations of a file by the client's port, those of one port as one trace.
pub fn read(name: &str) -> Vec<Trace> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces").join(format!("{name}.pcap"));
    let mut reader = PcapReader::new(File::open(&path).expect("a trace")).expect("a pcap");
    let mut traces: Vec<Trace> = Vec::new();
    let mut known: HashMap<(Addr, u16, Addr, u16), (usize, Direction)> = HashMap::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.expect("a packet");
        // Only headers were kept; the payload's length counts, not its bytes.
        let mut frame = packet.data.to_vec();
        frame.resize(packet.orig_len as usize, 0);
        let network = parse(&frame).expect("a frame").network.expect("IP");
        let L4::Tcp { sport, dport, .. } = network.l4 else { panic!("not TCP in {name}") };
        let segment = Segment::read(&frame, &network).expect("a segment");
        let key = (network.src, sport, network.dst, dport);
        let (index, direction) = *known.entry(key).or_insert_with(|| {
            traces.push(Vec::new());
            (traces.len() - 1, Direction::Initial)
        });
        known.insert((network.dst, dport, network.src, sport), (index, direction.other()));
        traces[index].push((direction, segment));
    }
    assert!(!traces.is_empty(), "{name} is empty");
    traces
}

/// What was seen of one direction so far, counted from its SYN in numbers that don't wrap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side {
    pub isn: Option<u32>,
    pub end: i64,
    pub acked: i64,
    /// The highest ACK plus window of the other side.
    pub granted: i64,
    /// The largest window advertised by this side, in bytes, rounded up to its scale's unit.
    pub window: i64,
    /// That of its SYN, as it stands there.
    pub syn_window: i64,
    pub fin: bool,
}

/// The naive reader: goes through all that was seen, keeps sums in wide integers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Naive {
    pub sides: [Side; 2],
    pub resets: usize,
}

impl Naive {
    pub fn of(history: &[(Direction, Segment)]) -> Self {
        let mut naive = Self::default();
        let scales = scales(history);
        for (direction, segment) in history {
            naive.see(*direction as usize, segment, scales);
        }
        naive
    }

    fn see(&mut self, s: usize, segment: &Segment, scales: [u32; 2]) {
        let has = |flag| segment.flags.has(flag);
        if has(TcpFlags::RST) {
            self.resets += 1;
            return;
        }
        // A SYN with another number is about another conversation.
        if has(TcpFlags::SYN) && *self.sides[s].isn.get_or_insert(segment.seq.0) != segment.seq.0 {
            return;
        }
        let window = i64::from(segment.window);
        let open = if has(TcpFlags::SYN) { window } else { window << scales[s] };
        let other = self.sides[1 - s];
        let side = &mut self.sides[s];
        if has(TcpFlags::SYN) {
            side.syn_window = window;
        }
        side.end = side.end.max(relative(side.isn, segment.seq.0) + i64::from(segment.space()));
        let unit = 1_i64 << scales[s];
        side.window = side.window.max((open + unit - 1) / unit * unit);
        side.fin |= has(TcpFlags::FIN);
        if has(TcpFlags::SYN) && other.isn.is_some() {
            side.granted = side.granted.max(1 + other.syn_window);
        }
        if has(TcpFlags::ACK) {
            let other = &mut self.sides[1 - s];
            let ack = relative(other.isn, segment.ack.0);
            other.acked = other.acked.max(ack);
            other.granted = other.granted.max(ack + open);
        }
    }

    /// Both SYNs acknowledged.
    pub fn is_open(&self) -> bool {
        self.sides.iter().all(|side| side.isn.is_some() && side.acked >= 1)
    }

    /// On the wire again.
    pub fn number(&self, side: usize, relative: i64) -> u32 {
        self.sides[side].isn.expect("a SYN was seen").wrapping_add(relative as u32)
    }

    /// How far behind the acknowledged data of a side may be: tcp-11.
    pub fn slack(&self, side: usize) -> i64 {
        (2 * self.sides[1 - side].window).max(65536)
    }
}

/// A few kilobytes before the SYN at most, and two gigabytes after it.
fn relative(isn: Option<u32>, number: u32) -> i64 {
    let from = number.wrapping_sub(isn.expect("traces start with a SYN"));
    if from > 0xfff0_0000 { i64::from(from) - (1 << 32) } else { i64::from(from) }
}

/// RFC 7323 2.2: of both SYNs or of none.
fn scales(history: &[(Direction, Segment)]) -> [u32; 2] {
    let syn = |direction: Direction| {
        let mut sent = history.iter().filter(|(d, s)| *d == direction && s.flags.has(TcpFlags::SYN));
        sent.next().and_then(|(_, segment)| segment.scale)
    };
    match (syn(Direction::Initial), syn(Direction::Reverse)) {
        (Some(a), Some(b)) => [u32::from(a), u32::from(b)],
        (Some(_) | None, Some(_) | None) => [0, 0],
    }
}
