//! An end of a TCP connection, naive: what RFC 9293 has an end do, in numbers that don't wrap.
//!
//! Offsets count from the SYN: 0 is the SYN, 1 the first byte, after the last byte comes the FIN.

use ravelin_tcp::{Extent, Segment, Seq};
use ravelin_wire::TcpFlags;

/// Randomness from a seed (Steele, Lea, Flood: SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// True in `of` thousand.
    pub fn hits(&mut self, of: u64) -> bool {
        self.below(1000) < of
    }
}

/// How an end is made and what it does by itself.
#[derive(Clone, Debug)]
pub struct Manner {
    pub isn: u32,
    pub mss: i64,
    pub scale: Option<u8>,
    pub sack: bool,
    /// Bytes to send.
    pub data: i64,
    pub capacity: i64,
    /// Bytes its application reads a tick; it pauses now and then.
    pub reads: i64,
    /// Tick from which it may close.
    pub closes_at: u64,
    /// Bytes that go with the SYN.
    pub early: i64,
    /// A probe of a closed window carries the next byte, else it repeats an old number.
    pub probes_ahead: bool,
    pub shrinks: bool,
    /// Tick at which it gives up with a RST.
    pub aborts_at: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Listen,
    SynSent,
    SynReceived,
    Open,
    Dead,
}

pub struct End {
    pub phase: Phase,
    manner: Manner,
    peer_isn: Option<u32>,
    peer_scale: u8,
    own_scale: u8,
    una: i64,
    nxt: i64,
    /// Right edge granted by the peer.
    limit: i64,
    /// Sequence number of the segment that set it.
    limit_of: i64,
    pub received: i64,
    held: Vec<(i64, i64)>,
    peer_fin: Option<i64>,
    unread: i64,
    pauses_until: u64,
    timer: u64,
    owes_ack: Option<u64>,
    said_closed: bool,
}

const TIMEOUT: u64 = 60;

impl End {
    pub fn new(manner: Manner, phase: Phase) -> Self {
        Self {
            phase,
            manner,
            peer_isn: None,
            peer_scale: 0,
            own_scale: 0,
            una: 0,
            nxt: 0,
            limit: 0,
            limit_of: 0,
            received: 0,
            held: Vec::new(),
            peer_fin: None,
            unread: 0,
            pauses_until: 0,
            timer: 0,
            owes_ack: None,
            said_closed: false,
        }
    }

    fn last(&self) -> i64 {
        1 + self.manner.data
    }

    /// Everything sent is acknowledged, everything received.
    pub fn is_done(&self) -> bool {
        self.una == self.last() + 1 && self.peer_fin == Some(self.received - 1)
    }

    /// Bytes of the peer that arrived.
    pub fn payload(&self) -> i64 {
        self.received - 1 - i64::from(self.peer_fin == Some(self.received - 1))
    }

    fn window(&self) -> i64 {
        (self.manner.capacity - self.unread).max(0)
    }

    fn segment(&self, flags: u8, from: i64, len: i64) -> Segment {
        let is_syn = flags & TcpFlags::SYN != 0;
        let scale = if is_syn { 0 } else { self.own_scale };
        let ack = self.peer_isn.map_or(0, |isn| isn.wrapping_add(self.received as u32));
        let edge = |(_, end): &(i64, i64)| Seq(self.peer_isn.unwrap_or(0).wrapping_add(*end as u32));
        let answers_scale = flags & TcpFlags::ACK == 0 || self.peer_scale != u8::MAX;
        Segment {
            seq: Seq(self.manner.isn.wrapping_add(from as u32)),
            ack: Seq(if flags & TcpFlags::ACK != 0 { ack } else { 0 }),
            len: len as u32,
            window: (self.window() >> scale).min(65535) as u16,
            flags: TcpFlags(flags),
            extent: Extent::Whole,
            scale: self.manner.scale.filter(|_| is_syn && answers_scale),
            sack: if self.manner.sack && !is_syn {
                self.held.iter().map(edge).max_by_key(|e| e.0.wrapping_sub(ack))
            } else {
                None
            },
        }
    }

    /// A segment of what stands at `from`, the FIN included when it is reached.
    fn stretch(&self, from: i64, len: i64) -> Segment {
        let data = len.min(self.last() - from).max(0);
        let fin = if from + data == self.last() && len > data { TcpFlags::FIN } else { 0 };
        self.segment(TcpFlags::ACK | fin, from, data)
    }

    /// What it does at a tick without being told.
    pub fn tick(&mut self, now: u64, dice: &mut Dice, out: &mut Vec<Segment>) {
        match self.phase {
            Phase::Listen | Phase::Dead => {}
            Phase::SynSent | Phase::SynReceived => {
                if now >= self.timer {
                    self.timer = now + TIMEOUT;
                    out.push(self.syn());
                }
            }
            Phase::Open => self.tick_open(now, dice, out),
        }
    }

    fn syn(&mut self) -> Segment {
        let flags =
            if self.phase == Phase::SynReceived { TcpFlags::SYN | TcpFlags::ACK } else { TcpFlags::SYN };
        let early = self.manner.early.min(self.manner.data);
        self.nxt = self.nxt.max(1 + early);
        self.segment(flags, 0, early)
    }

    fn tick_open(&mut self, now: u64, dice: &mut Dice, out: &mut Vec<Segment>) {
        if self.manner.aborts_at.is_some_and(|at| now >= at) {
            out.push(self.segment(TcpFlags::RST | TcpFlags::ACK, self.nxt, 0));
            self.phase = Phase::Dead;
            return;
        }
        self.read(now, dice, out);
        self.send_new(now, dice, out);
        if self.una < self.nxt && (now >= self.timer || dice.hits(3)) {
            let len = 1 + dice.below(self.manner.mss as u64) as i64;
            out.push(self.stretch(self.una.max(1), len.min(self.nxt - self.una.max(1))));
            self.timer = now + TIMEOUT;
        } else if self.una == self.nxt && now >= self.timer {
            self.probe(now, dice, out);
        }
        if self.owes_ack.is_some_and(|at| now >= at) {
            self.acknowledge(out);
        }
    }

    fn read(&mut self, now: u64, dice: &mut Dice, out: &mut Vec<Segment>) {
        if now < self.pauses_until {
            return;
        }
        if dice.hits(5) {
            self.pauses_until = now + dice.below(400);
        }
        if self.manner.shrinks && dice.hits(5) {
            self.manner.capacity = (self.manner.capacity / 2).max(600);
        }
        self.unread = (self.unread - self.manner.reads).max(0);
        if self.said_closed && self.window() > self.manner.mss.min(self.manner.capacity / 2) {
            self.acknowledge(out);
        }
    }

    fn send_new(&mut self, now: u64, dice: &mut Dice, out: &mut Vec<Segment>) {
        let flight = 30 * self.manner.mss;
        for _ in 0..4 {
            let room = self.limit.min(self.una + flight) - self.nxt;
            let is_fin_only = self.nxt == self.last() && now >= self.manner.closes_at && room >= 0;
            let len = room.min(self.manner.mss).min(self.last() - self.nxt);
            if is_fin_only {
                out.push(self.stretch(self.nxt, 1));
                self.nxt += 1;
            } else if len > 0 {
                let len = if dice.hits(100) { 1 + dice.below(len as u64) as i64 } else { len };
                let with_fin = self.nxt + len == self.last() && now >= self.manner.closes_at && room > len;
                out.push(self.stretch(self.nxt, len + i64::from(with_fin)));
                self.nxt += len + i64::from(with_fin);
            } else {
                return;
            }
            self.timer = now + TIMEOUT;
        }
    }

    /// Of a closed window, or a keepalive.
    fn probe(&mut self, now: u64, dice: &mut Dice, out: &mut Vec<Segment>) {
        self.timer = now + TIMEOUT;
        let waits = self.nxt < self.last() && self.limit <= self.nxt;
        if waits && self.manner.probes_ahead && self.limit == self.nxt {
            out.push(self.segment(TcpFlags::ACK, self.nxt, 1));
        } else if waits || dice.hits(300) {
            out.push(self.segment(TcpFlags::ACK, self.nxt - 1, dice.below(2) as i64));
        }
    }

    fn acknowledge(&mut self, out: &mut Vec<Segment>) {
        self.owes_ack = None;
        self.said_closed = self.window() < self.manner.mss;
        out.push(self.segment(TcpFlags::ACK, self.nxt, 0));
    }

    /// Takes in a segment from the peer.
    pub fn hear(&mut self, now: u64, segment: &Segment, dice: &mut Dice, out: &mut Vec<Segment>) {
        let has = |flag| segment.flags.has(flag);
        if self.phase == Phase::Dead {
            if !has(TcpFlags::RST) && !has(TcpFlags::SYN) && has(TcpFlags::ACK) {
                let mut answer = self.segment(TcpFlags::RST, 0, 0);
                answer.seq = segment.ack;
                out.push(answer);
            }
            return;
        }
        if has(TcpFlags::RST) {
            if self.phase == Phase::Open {
                self.phase = Phase::Dead;
            }
            return;
        }
        if has(TcpFlags::SYN) {
            self.hear_syn(now, segment, out);
        }
        let Some(peer_isn) = self.peer_isn else { return };
        if has(TcpFlags::ACK) {
            self.hear_ack(now, segment, peer_isn, out);
        }
        if self.phase == Phase::Open || segment.flags.has(TcpFlags::SYN) {
            self.hear_data(now, segment, peer_isn, dice);
        }
    }

    fn hear_syn(&mut self, now: u64, segment: &Segment, out: &mut Vec<Segment>) {
        if self.peer_isn.is_some() {
            if self.phase == Phase::Open {
                self.acknowledge(out);
            }
            return;
        }
        self.peer_isn = Some(segment.seq.0);
        self.received = 1;
        match (self.manner.scale, segment.scale) {
            (Some(own), Some(peer)) => (self.own_scale, self.peer_scale) = (own, peer),
            (Some(_) | None, Some(_) | None) => self.peer_scale = u8::MAX,
        }
        self.limit = 1 + i64::from(segment.window);
        if !segment.flags.has(TcpFlags::ACK) {
            self.phase = Phase::SynReceived;
            self.timer = now;
        }
    }

    fn hear_ack(&mut self, now: u64, segment: &Segment, peer_isn: u32, out: &mut Vec<Segment>) {
        let ack = i64::from(segment.ack.0.wrapping_sub(self.manner.isn) as i32);
        let seq = i64::from(segment.seq.0.wrapping_sub(peer_isn) as i32);
        // A probe ahead may have been taken.
        if ack > self.nxt + 1 || ack < 1 {
            return;
        }
        if ack > self.una {
            self.una = ack;
            self.nxt = self.nxt.max(ack);
            self.timer = now + TIMEOUT;
        }
        if self.phase != Phase::Open && self.una >= 1 {
            self.phase = Phase::Open;
            // A SYN-ACK is acknowledged at once.
            self.owes_ack = Some(now);
            if segment.flags.has(TcpFlags::SYN) {
                self.acknowledge(out);
            }
        }
        let scaled = !segment.flags.has(TcpFlags::SYN) && self.peer_scale != u8::MAX;
        let window = i64::from(segment.window) << if scaled { self.peer_scale } else { 0 };
        if ack >= self.una && seq >= self.limit_of {
            self.limit = ack + window;
            self.limit_of = seq;
        }
    }

    fn hear_data(&mut self, now: u64, segment: &Segment, peer_isn: u32, dice: &mut Dice) {
        let space = i64::from(segment.space());
        let from = i64::from(segment.seq.0.wrapping_sub(peer_isn) as i32);
        if space == 0 && from == self.received {
            return;
        }
        let edge = self.received + self.window();
        let fits = (from + space).min(edge);
        if fits > from && from >= 0 {
            if segment.flags.has(TcpFlags::FIN) && fits == from + space {
                self.peer_fin = Some(fits - 1);
            }
            self.held.push((from, fits));
        }
        let is_in_order = from <= self.received && self.held.len() == 1;
        self.held.sort_unstable();
        let before = self.received;
        self.held.retain(|(start, end)| {
            if *start <= self.received {
                self.received = self.received.max(*end);
            }
            *start > self.received
        });
        self.unread += self.received - before;
        // What doesn't come in order is answered at once, the rest may wait.
        let wait = if is_in_order { dice.below(8) } else { 0 };
        let at = self.owes_ack.unwrap_or(u64::MAX).min(now + wait);
        self.owes_ack = Some(at);
    }
}
