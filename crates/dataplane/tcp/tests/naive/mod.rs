//! What a naive reader knows of a conversation: sums over all that it saw, in numbers that don't wrap.

use ravelin_tcp::Segment;
use ravelin_wire::TcpFlags;

/// What was seen of one direction, counted from its SYN.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side {
    pub isn: Option<u32>,
    pub end: i64,
    pub acked: i64,
    /// The highest ACK plus window of the other side.
    pub granted: i64,
    /// The largest window advertised by this side, in bytes, rounded up to its scale's unit.
    pub window: i64,
    pub fin: bool,
    /// Window and scale of its SYN, as they stand there.
    syn_window: i64,
    syn_scale: Option<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Naive {
    pub sides: [Side; 2],
    pub resets: usize,
    /// Of both SYNs or of none (RFC 7323 2.2).
    scales: [u32; 2],
}

impl Naive {
    /// Takes in a segment of side `s` that passed.
    pub fn see(&mut self, s: usize, segment: &Segment) {
        let has = |flag| segment.flags.has(flag);
        if has(TcpFlags::RST) {
            self.resets += 1;
            return;
        }
        if has(TcpFlags::SYN) && !self.see_syn(s, segment) {
            return;
        }
        let scale = if has(TcpFlags::SYN) { 0 } else { self.scales[s] };
        let open = i64::from(segment.window) << scale;
        let side = &mut self.sides[s];
        side.end = side.end.max(relative(side.isn, segment.seq.0) + i64::from(segment.space()));
        side.window = side.window.max(open);
        side.fin |= has(TcpFlags::FIN);
        if has(TcpFlags::ACK) {
            let other = &mut self.sides[1 - s];
            let ack = relative(other.isn, segment.ack.0);
            other.acked = other.acked.max(ack);
            other.granted = other.granted.max(ack + open);
        }
    }

    /// False for a SYN with another number than the first: it is about another conversation.
    fn see_syn(&mut self, s: usize, segment: &Segment) -> bool {
        let side = &mut self.sides[s];
        if *side.isn.get_or_insert(segment.seq.0) != segment.seq.0 {
            return false;
        }
        side.syn_window = i64::from(segment.window);
        side.syn_scale = segment.scale;
        // Sent before any window was known, it may come again.
        side.granted = side.granted.max(i64::from(segment.space()));
        let [a, b] = self.sides;
        if a.isn.is_none() || b.isn.is_none() {
            return true;
        }
        self.scales = match (a.syn_scale, b.syn_scale) {
            (Some(a), Some(b)) => [u32::from(a), u32::from(b)],
            (Some(_) | None, Some(_) | None) => [0, 0],
        };
        for (i, other) in [(0, b), (1, a)] {
            let unit = 1_i64 << self.scales[i];
            let side = &mut self.sides[i];
            side.window = side.window.max((side.syn_window + unit - 1) / unit * unit);
            side.granted = side.granted.max(1 + other.syn_window);
        }
        true
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

/// A megabyte before the SYN at most, and four gigabytes after it.
fn relative(isn: Option<u32>, number: u32) -> i64 {
    let from = number.wrapping_sub(isn.expect("conversations start with a SYN"));
    if from > 0xfff0_0000 { i64::from(from) - (1 << 32) } else { i64::from(from) }
}
