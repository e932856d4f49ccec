//! The four bounds of a segment, and what a segment that keeps them teaches.
//!
//! After the published design of G. van Rooij, "Real Stateful TCP Packet Filtering in IP Filter".
//! Spec: tcp-8..18.

use ravelin_wire::TcpFlags;

use crate::conversation::{
    Conversation, Direction, FIN, FIN_ACKED, GRANTED, LEARN_MIN, LEARNT, REACH, SEEN, SLACK_MIN, SYN,
    SYN_ACKED,
};
use crate::segment::{Extent, Segment};
use crate::seq::Seq;
use crate::verdict::TcpDrop;

impl Conversation {
    /// Whether the segment keeps all bounds.
    #[inline]
    pub(crate) fn check(&self, sender: Direction, segment: &Segment) -> Result<(), TcpDrop> {
        self.check_data(sender, segment)?;
        if segment.has(TcpFlags::ACK) { self.check_ack(sender.other(), segment) } else { Ok(()) }
    }

    /// Bounds I and II.
    #[inline]
    fn check_data(&self, sender: Direction, segment: &Segment) -> Result<(), TcpDrop> {
        if !self.has(sender, SEEN) {
            return Ok(());
        }
        let oldest = self.acked[sender.index()].minus(self.slack(sender));
        let is_inside = segment.end().is_within(oldest, self.reach(sender));
        if is_inside { Ok(()) } else { Err(TcpDrop::OutOfWindow) }
    }

    /// Bounds III and IV, and SACK. `data` is the direction that is acknowledged.
    #[inline]
    pub(crate) fn check_ack(&self, data: Direction, segment: &Segment) -> Result<(), TcpDrop> {
        if !self.has(data, SEEN) {
            return Ok(());
        }
        let acked = self.acked[data.index()];
        let oldest = if self.has(data, SYN_ACKED) { acked.minus(self.slack(data)) } else { acked.plus(1) };
        let last = self.last_ack(data);
        if !segment.ack.is_within(oldest, last) {
            return Err(TcpDrop::AckOutOfWindow);
        }
        match segment.sack {
            Some(edge) if edge.is_after(last) => Err(TcpDrop::SackOutOfWindow),
            Some(_) | None => Ok(()),
        }
    }

    /// The highest number a segment of `data` may end at; one more than granted, for a probe of a
    /// closed window and for the FIN.
    #[inline]
    pub(crate) fn reach(&self, data: Direction) -> Seq {
        if self.has(data, GRANTED) {
            self.granted[data.index()].plus(1)
        } else {
            self.end[data.index()].plus(REACH)
        }
    }

    /// The highest number that can be acknowledged: what was seen, or when not all was, what was granted.
    #[inline]
    pub(crate) fn last_ack(&self, data: Direction) -> Seq {
        let end = self.end[data.index()];
        if self.is_learnt() { end.later(self.reach(data)) } else { end }
    }

    /// How far behind the acknowledged a segment of `data`, or an ACK of it, may be.
    #[inline]
    pub(crate) fn slack(&self, data: Direction) -> u32 {
        let least = match (self.is_learnt(), self.has(data, GRANTED)) {
            (true, false) => return REACH,
            (true, true) => LEARN_MIN,
            (false, _) => SLACK_MIN,
        };
        (self.largest_window(data.other()) << 1).clamp(least, REACH)
    }

    /// Takes in a segment that passed.
    #[inline]
    pub(crate) fn take(&mut self, sender: Direction, segment: &Segment) {
        let s = sender.index();
        let end = segment.end();
        if !self.has(sender, SEEN) {
            self.set(sender, SEEN);
            self.end[s] = end;
            self.acked[s] = segment.seq;
        } else if end.is_after(self.end[s]) {
            self.go_on(sender, end);
        }
        if segment.has(TcpFlags::FIN) && end == self.end[s] {
            self.set(sender, FIN);
        }
        if segment.extent == Extent::Cut {
            self.set(Direction::Initial, LEARNT);
        }
        if segment.has(TcpFlags::ACK) {
            self.acknowledge(sender, segment);
        }
    }

    /// Data beyond a FIN show that the FIN was not of this conversation.
    #[inline]
    fn go_on(&mut self, data: Direction, end: Seq) {
        self.end[data.index()] = end;
        self.flags[data.index()] &= !(FIN | FIN_ACKED);
    }

    #[inline]
    fn acknowledge(&mut self, sender: Direction, segment: &Segment) {
        let data = sender.other();
        let (s, d) = (sender.index(), data.index());
        let ack = segment.ack;
        if !self.has(data, SEEN) {
            self.set(data, SEEN);
            self.end[d] = ack;
        } else if ack.is_after(self.end[d]) {
            self.go_on(data, ack);
        }
        let mut open = u32::from(segment.window);
        if !segment.has(TcpFlags::SYN) {
            open <<= self.shift(sender);
            self.window[s] = self.window[s].max(segment.window);
        }
        if self.is_learnt() {
            open = open.max(self.largest_window(sender)).max(LEARN_MIN);
        }
        let granted = ack.plus(open);
        if self.has(data, GRANTED) {
            self.granted[d] = self.granted[d].later(granted);
            self.acked[d] = self.acked[d].later(ack);
        } else {
            self.set(data, GRANTED);
            self.granted[d] = granted.later(self.end[d]);
            self.acked[d] = ack;
        }
        if self.has(data, SYN) {
            self.set(data, SYN_ACKED);
        }
        if self.has(data, FIN) && self.acked[d] == self.end[d] {
            self.set(data, FIN_ACKED);
        }
    }

    /// Starts to learn from this segment: what was known does not hold.
    pub(crate) fn learn(&mut self, sender: Direction, segment: &Segment) {
        for direction in Direction::BOTH {
            self.set(direction, SYN | SYN_ACKED);
        }
        self.resynchronise();
        self.take(sender, segment);
    }
}
