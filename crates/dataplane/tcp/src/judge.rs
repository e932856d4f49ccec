//! Every segment after the first.

use ravelin_wire::TcpFlags;

use crate::conversation::{
    Conversation, Direction, FIN, FIN_ACKED, GRANTED, RESET, SEEN, SYN, SYN_ACKED, State, pending,
};
use crate::rules::{BlindAttack, Sequence, SynCheck, TcpRules};
use crate::segment::{Extent, Segment};
use crate::verdict::{End, Judgement, TcpDrop, Verdict};

/// The flags that decide; PSH, URG and ECN do not.
const DECIDING: u8 = TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST | TcpFlags::ACK;
/// Both directions of a conversation in full flow have these,
const FLOWING: u8 = SYN | SYN_ACKED | SEEN | GRANTED;
/// and neither has one of these.
const ENDING: u8 = FIN | FIN_ACKED | RESET;

impl Conversation {
    /// Judges a segment and, when it passes, takes it in. A dropped segment changes nothing.
    #[inline]
    pub fn judge(&mut self, sender: Direction, segment: &Segment, rules: &TcpRules) -> Judgement {
        let [a, b] = self.flags;
        let is_flowing = a & b & FLOWING == FLOWING && (a | b) & ENDING == 0;
        let is_plain = segment.flags.0 & DECIDING == TcpFlags::ACK && segment.extent == Extent::Whole;
        if is_flowing && is_plain && self.pending == 0 && self.check(sender, segment).is_ok() {
            self.take(sender, segment);
            return Judgement::PASS;
        }
        self.judge_rare(sender, segment, rules)
    }

    #[cold]
    fn judge_rare(&mut self, sender: Direction, segment: &Segment, rules: &TcpRules) -> Judgement {
        if !segment.is_legal() {
            return Judgement::drop(TcpDrop::BadFlags);
        }
        let mut next = *self;
        let mut judgement = next.by_state(sender, segment, rules);
        if judgement.verdict != Verdict::Pass {
            return judgement;
        }
        if rules.syn_check == SynCheck::Strict && segment.len > 0 && !next.state().is_open() {
            return Judgement::drop(TcpDrop::NotEstablished);
        }
        if next.timeout() != self.timeout() {
            judgement.timeout = Some(next.timeout());
        }
        if rules.fin_invalidate_session && segment.has(TcpFlags::FIN) && next.has(sender, FIN) {
            judgement.end = Some(End::Fin);
        }
        *self = next;
        judgement
    }

    fn by_state(&mut self, sender: Direction, segment: &Segment, rules: &TcpRules) -> Judgement {
        if segment.has(TcpFlags::SYN) {
            return self.syn(sender, segment, rules);
        }
        if segment.has(TcpFlags::RST) {
            return self.reset(sender, segment, rules);
        }
        match self.progress() {
            State::SynSent => self.before_answer(sender, segment, rules),
            State::SynReceived
            | State::Established
            | State::HalfClosed
            | State::Closing
            | State::TimeWait
            | State::Reset => self.synchronised(sender, segment, rules),
        }
    }

    /// A segment without RST once both sides have spoken.
    pub(crate) fn synchronised(
        &mut self,
        sender: Direction,
        segment: &Segment,
        rules: &TcpRules,
    ) -> Judgement {
        self.choose_answer(sender, segment);
        let s = sender.index();
        let is_after_fin = self.has(sender, FIN_ACKED) && segment.end().is_after(self.end[s]);
        let checked =
            self.check(sender, segment).and(if is_after_fin { Err(TcpDrop::AfterFin) } else { Ok(()) });
        if let Err(reason) = checked {
            return self.astray(sender, segment, rules, reason);
        }
        self.take(sender, segment);
        // Where numbers are not held against anything, a FIN is one wherever it stands.
        if rules.sequence == Sequence::Unchecked && segment.has(TcpFlags::FIN) {
            self.set(sender, FIN);
            self.end[s] = segment.end();
        }
        // Its sender lives in this conversation still.
        if self.is_renewed_by(sender) {
            self.pending &= pending::TWO_ANSWERS;
        }
        Judgement::PASS
    }

    /// A segment that broke a bound. Spec: tcp-24, tcp-32.
    pub(crate) fn astray(
        &mut self,
        sender: Direction,
        segment: &Segment,
        rules: &TcpRules,
        reason: TcpDrop,
    ) -> Judgement {
        if rules.sequence == Sequence::Unchecked {
            self.learn(sender, segment);
            return Judgement::PASS;
        }
        let is_ack = reason == TcpDrop::AckOutOfWindow;
        let answer = match rules.blind_attack {
            BlindAttack::Challenge if is_ack => self.challenge(sender),
            BlindAttack::Challenge | BlindAttack::Pass => None,
        };
        Judgement::answered(reason, answer)
    }
}
