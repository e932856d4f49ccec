//! Segments with SYN, and those between the first SYN and its answer.
//!
//! Spec: tcp-5..7, tcp-17..20, tcp-28.

use ravelin_wire::TcpFlags;

use crate::conversation::{Conversation, Direction, GRANTED, OFFERED, SEEN, SYN, SYN_ACKED, State, pending};
use crate::rules::{BlindAttack, Sequence, SynCheck, TcpRules};
use crate::segment::Segment;
use crate::seq::Seq;
use crate::verdict::{Judgement, TcpDrop, Verdict};

/// How far an ACK of a SYN-ACK can be from its number: the SYN and the data of one segment.
const ANSWER_MAX: u32 = 1 << 16;

impl Conversation {
    /// A conversation of which this SYN is all that was seen.
    pub(crate) fn requested(opener: Direction, segment: &Segment) -> Self {
        let mut new = Self::NONE;
        let o = opener.index();
        new.flags[o] = SYN | SEEN;
        new.end[o] = segment.end();
        new.acked[o] = segment.seq;
        // Windows of a SYN are not scaled; [`Self::settle`] brings it to units.
        new.window[o] = segment.window;
        new.offer(opener, segment.scale);
        new
    }

    /// The side whose SYN came first, while there is only one.
    pub(crate) const fn opener(&self) -> Direction {
        if self.flags[0] & SYN != 0 { Direction::Initial } else { Direction::Reverse }
    }

    /// Judges a segment with SYN.
    pub(crate) fn syn(&mut self, sender: Direction, segment: &Segment, rules: &TcpRules) -> Judgement {
        let is_answer = segment.has(TcpFlags::ACK);
        // A reset frees the ports, but the other end may still answer the SYN before it.
        match if is_answer { self.progress() } else { self.state() } {
            State::SynSent if is_answer => self.first_answer(sender, segment, rules),
            State::SynSent => self.request_again(sender, segment),
            State::SynReceived if is_answer => self.answer_again(sender, segment, rules),
            State::SynReceived => self.request_late(sender, segment),
            State::Established | State::HalfClosed if !is_answer => self.renew_maybe(sender, segment, rules),
            State::Closing | State::TimeWait | State::Reset if !is_answer => {
                self.reuse(sender, segment, rules)
            }
            State::Established | State::HalfClosed | State::Closing | State::TimeWait | State::Reset => {
                self.answer_late(sender, segment, rules)
            }
        }
    }

    /// Judges what is neither SYN, RST nor an answer, after one SYN. Spec: tcp-7.
    pub(crate) fn before_answer(
        &mut self,
        sender: Direction,
        segment: &Segment,
        rules: &TcpRules,
    ) -> Judgement {
        let opener = self.opener();
        let is_unchecked = rules.sequence == Sequence::Unchecked;
        // With the SYN check off the answer may have gone another way.
        let answers = sender == opener || self.check_ack(opener, segment).is_ok();
        if rules.syn_check == SynCheck::Off && (answers || is_unchecked) {
            self.scales = Self::NONE.scales;
            self.learn(sender, segment);
            return Judgement::PASS;
        }
        // An end that holds an older connection says where that one stands; the opener resets it.
        let is_empty = segment.space() == 0;
        if sender != opener && is_empty {
            self.granted[opener.index()] = segment.ack;
            self.pending |= pending::CHALLENGED;
            return Judgement::PASS;
        }
        if is_unchecked { Judgement::PASS } else { Judgement::drop(TcpDrop::NotEstablished) }
    }

    /// Another SYN before any answer: of the same side a retransmission or a new attempt, of the
    /// other a simultaneous open.
    fn request_again(&mut self, sender: Direction, segment: &Segment) -> Judgement {
        let (s, o) = (sender.index(), sender.other().index());
        if sender == self.opener() {
            if segment.seq == self.acked[s] {
                self.end[s] = self.end[s].later(segment.end());
            } else {
                *self = Self::requested(sender, segment);
            }
            return Judgement::PASS;
        }
        self.set(sender, SYN | SEEN);
        self.end[s] = segment.end();
        self.acked[s] = segment.seq;
        self.settle(sender, segment);
        self.granted[o] = self.acked[o].plus(1 + u32::from(segment.window)).later(self.end[o]);
        self.set(sender.other(), GRANTED);
        self.pending = 0;
        Judgement::PASS
    }

    fn first_answer(&mut self, sender: Direction, segment: &Segment, rules: &TcpRules) -> Judgement {
        if sender == self.opener() {
            return self.before_answer(sender, segment, rules);
        }
        match self.check_ack(sender.other(), segment) {
            Err(reason) if rules.sequence == Sequence::Checked => return Judgement::drop(reason),
            Err(_) | Ok(()) => {}
        }
        self.answer(sender, segment);
        Judgement::PASS
    }

    /// Takes in the first SYN-ACK.
    fn answer(&mut self, sender: Direction, segment: &Segment) {
        self.set(sender, SYN);
        self.pending = 0;
        self.settle(sender, segment);
        self.take(sender, segment);
    }

    /// Both windows and scales are known with the second SYN. Spec: tcp-17.
    fn settle(&mut self, answerer: Direction, segment: &Segment) {
        let opener = answerer.other();
        let (a, o) = (answerer.index(), opener.index());
        let window = self.window[o];
        match segment.scale {
            Some(scale) if self.has(Direction::Reverse, OFFERED) => self.set_scale(answerer, scale),
            Some(_) | None => self.scales = 0,
        }
        // Data of a SYN may be more than the window has room for, and come again.
        self.granted[a] = segment.seq.plus(1 + u32::from(window)).later(segment.end());
        self.set(answerer, GRANTED);
        self.window[o] = self.in_units(opener, window);
        self.window[a] = self.in_units(answerer, segment.window);
    }

    fn offer(&mut self, opener: Direction, scale: Option<u8>) {
        if let Some(scale) = scale {
            self.set_scale(opener, scale);
            self.set(Direction::Reverse, OFFERED);
        }
    }

    /// An unscaled window in units of the direction's scale, rounded up.
    pub(crate) fn in_units(&self, direction: Direction, window: u16) -> u16 {
        let unit = 1_u32 << self.shift(direction);
        u32::from(window).div_ceil(unit) as u16
    }

    /// A SYN while the answer is not acknowledged.
    fn request_late(&mut self, sender: Direction, segment: &Segment) -> Judgement {
        let acked = self.acked[sender.index()];
        let is_old = segment.seq == acked || segment.seq.is_within(acked.minus(ANSWER_MAX), acked.minus(1));
        if !is_old {
            self.note_renewal(sender, segment);
        }
        Judgement::PASS
    }

    /// A SYN-ACK after the first one. A stateless answerer may choose another number each time, and
    /// only the opener's ACK tells which one reached it.
    fn answer_again(&mut self, sender: Direction, segment: &Segment, rules: &TcpRules) -> Judgement {
        let s = sender.index();
        if let Err(reason) = self.check_ack(sender.other(), segment) {
            if self.is_renewed_by(sender.other()) {
                return self.renew(sender, segment);
            }
            return self.astray(sender, segment, rules, reason);
        }
        if !self.has(sender, SYN_ACKED) && segment.seq != self.acked[s] {
            let open = self.granted[s].since(self.end[s]);
            self.end[s] = segment.end();
            self.granted[s] = segment.end().plus(open);
            self.pending |= pending::TWO_ANSWERS;
            return Judgement::PASS;
        }
        self.synchronised(sender, segment, rules)
    }

    /// Chooses between two SYN-ACKs by what the opener acknowledges.
    pub(crate) fn choose_answer(&mut self, sender: Direction, segment: &Segment) {
        let answerer = sender.other();
        let a = answerer.index();
        if self.pending & pending::TWO_ANSWERS == 0 || self.has(answerer, SYN_ACKED) {
            return;
        }
        let (first, last) = (self.acked[a].plus(1), self.end[a]);
        if segment.ack != first && segment.ack.is_within(last.minus(ANSWER_MAX), last) {
            self.acked[a] = segment.ack.minus(1);
        } else if segment.ack.is_within(first, first.plus(ANSWER_MAX)) {
            let open = self.granted[a].since(self.end[a]);
            self.end[a] = segment.ack;
            self.granted[a] = segment.ack.plus(open);
        } else {
            return;
        }
        self.pending &= !pending::TWO_ANSWERS;
    }

    /// A SYN in an open conversation: an old one, a forged one, or its sender has forgotten the
    /// conversation. The other end knows. Spec: tcp-19, tcp-24.
    fn renew_maybe(&mut self, sender: Direction, segment: &Segment, rules: &TcpRules) -> Judgement {
        match rules.blind_attack {
            BlindAttack::Challenge => Judgement::answered(TcpDrop::SynInWindow, self.challenge(sender)),
            BlindAttack::Pass => {
                self.note_renewal(sender, segment);
                Judgement::PASS
            }
        }
    }

    /// A SYN on the ports of a conversation that is over, or nearly. Spec: tcp-28.
    fn reuse(&mut self, sender: Direction, segment: &Segment, rules: &TcpRules) -> Judgement {
        let is_higher = !self.has(sender, SEEN) || segment.seq.is_after(self.end[sender.index()]);
        if is_higher || self.state() == State::Reset || rules.sequence == Sequence::Unchecked {
            return Judgement { verdict: Verdict::StartAnew, ..Judgement::PASS };
        }
        self.note_renewal(sender, segment);
        Judgement::PASS
    }

    fn note_renewal(&mut self, sender: Direction, segment: &Segment) {
        let scale = segment.scale.unwrap_or(crate::conversation::SCALE_UNKNOWN);
        let by = if sender == Direction::Reverse { pending::BY_REVERSE } else { 0 };
        let kept = self.pending & pending::TWO_ANSWERS;
        self.pending = kept | pending::RENEWED | by | scale << pending::SCALE_AT;
    }

    pub(crate) const fn is_renewed_by(&self, direction: Direction) -> bool {
        let by_reverse = self.pending & pending::BY_REVERSE != 0;
        self.pending & pending::RENEWED != 0 && by_reverse == matches!(direction, Direction::Reverse)
    }

    /// A SYN-ACK in an open conversation: a late copy, or the answer to a SYN that renews it.
    fn answer_late(&mut self, sender: Direction, segment: &Segment, rules: &TcpRules) -> Judgement {
        let acked = self.acked[sender.index()];
        // What was acknowledged is not known for sure of a conversation picked up.
        let newest = if self.is_learnt() { self.end[sender.index()] } else { acked.minus(1) };
        let is_old = segment.seq.is_within(acked.minus(self.slack(sender)), newest);
        if is_old && self.check_ack(sender.other(), segment).is_ok() {
            return Judgement::PASS;
        }
        if self.is_renewed_by(sender.other()) {
            return self.renew(sender, segment);
        }
        if rules.sequence == Sequence::Unchecked {
            return Judgement::PASS;
        }
        let answer = match rules.blind_attack {
            BlindAttack::Challenge => self.challenge(sender),
            BlindAttack::Pass => None,
        };
        Judgement::answered(TcpDrop::SynInWindow, answer)
    }

    /// The other end took the new SYN: the conversation begins again with its answer. Spec: tcp-20.
    fn renew(&mut self, sender: Direction, segment: &Segment) -> Judgement {
        let opener = sender.other();
        let o = opener.index();
        let scale = self.pending >> pending::SCALE_AT;
        let mut new = Self::NONE;
        new.flags[o] = SYN | SEEN;
        new.end[o] = segment.ack;
        new.acked[o] = segment.ack.minus(1);
        new.window[o] = u16::MAX;
        new.offer(opener, (scale != crate::conversation::SCALE_UNKNOWN).then_some(scale));
        new.answer(sender, segment);
        *self = new;
        Judgement::PASS
    }

    /// The number of the SYN of a direction that is not acknowledged yet, or the last acknowledged.
    pub(crate) const fn first_expected(&self, direction: Direction) -> Seq {
        self.acked[direction.index()]
    }
}
