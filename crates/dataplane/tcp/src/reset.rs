//! Segments with RST. Spec: tcp-21..23, tcp-33, tcp-34.

use ravelin_wire::TcpFlags;

use crate::conversation::{Conversation, Direction, GRANTED, REACH, RESET, SEEN, SYN_ACKED, State, pending};
use crate::rules::{BlindAttack, Sequence, TcpRules};
use crate::segment::Segment;
use crate::seq::Seq;
use crate::verdict::{End, Judgement, TcpDrop};

/// What its receiver makes of a RST, as far as can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It ends the conversation.
    Resets,
    /// It is ignored: old, or about another connection.
    None,
    /// It is in the window, but not where the receiver stands.
    Doubtful,
    Stray,
}

impl Conversation {
    pub(crate) fn reset(&mut self, sender: Direction, segment: &Segment, rules: &TcpRules) -> Judgement {
        let is_exact = rules.rst_sequence_check || rules.blind_attack == BlindAttack::Challenge;
        let is_unchecked = rules.sequence == Sequence::Unchecked;
        match self.effect(sender, segment) {
            Effect::Resets => self.reset_by(rules),
            Effect::Doubtful if is_exact => {
                Judgement::answered(TcpDrop::RstNotExpected, self.challenge(sender))
            }
            Effect::Doubtful => self.reset_by(rules),
            Effect::None | Effect::Stray if rules.rst_sequence_check && self.state().is_open() => {
                Judgement::answered(TcpDrop::RstNotExpected, self.challenge(sender))
            }
            Effect::Stray if is_unchecked && !is_exact => self.reset_by(rules),
            Effect::Stray if is_unchecked => Judgement::PASS,
            Effect::None => Judgement::PASS,
            Effect::Stray => Judgement::drop(TcpDrop::RstOutOfWindow),
        }
    }

    fn reset_by(&mut self, rules: &TcpRules) -> Judgement {
        self.set(Direction::Initial, RESET);
        Judgement { end: rules.rst_invalidate_session.then_some(End::Rst), ..Judgement::PASS }
    }

    fn effect(&self, sender: Direction, segment: &Segment) -> Effect {
        match self.progress() {
            State::SynSent => self.effect_before_answer(sender, segment),
            State::SynReceived if self.is_refusal(sender, segment) => Effect::Resets,
            State::SynReceived
            | State::Established
            | State::HalfClosed
            | State::Closing
            | State::TimeWait
            | State::Reset => self.effect_in_window(sender, segment),
        }
    }

    /// RFC 9293 3.10.7.3: a RST is taken when its ACK is of the SYN.
    fn effect_before_answer(&self, sender: Direction, segment: &Segment) -> Effect {
        let opener = self.opener();
        let o = opener.index();
        if sender != opener {
            let is_taken = segment.has(TcpFlags::ACK) && self.check_ack(opener, segment).is_ok();
            return if is_taken { Effect::Resets } else { Effect::Stray };
        }
        if self.pending & pending::CHALLENGED != 0 && segment.seq == self.granted[o] {
            return Effect::None;
        }
        let is_own = segment.seq.is_within(self.acked[o], self.end[o]);
        if is_own { Effect::Resets } else { Effect::Stray }
    }

    /// The refusal of a SYN without a connection to go by (RFC 9293 3.5.2): no number of its own.
    fn is_refusal(&self, sender: Direction, segment: &Segment) -> bool {
        segment.has(TcpFlags::ACK)
            && segment.seq == Seq(0)
            && !self.has(sender, SYN_ACKED)
            && self.check_ack(sender.other(), segment).is_ok()
    }

    fn effect_in_window(&self, sender: Direction, segment: &Segment) -> Effect {
        let seq = segment.seq;
        if !self.has(sender, SEEN) {
            return Effect::Resets;
        }
        let end = self.end[sender.index()];
        let first = if self.has(sender, GRANTED) { self.first_expected(sender) } else { end.minus(REACH) };
        if seq.is_within(first, self.last_ack(sender)) {
            return Effect::Resets;
        }
        if seq.is_within(first, self.reach(sender)) {
            return Effect::Doubtful;
        }
        let refuses_renewal = self.is_renewed_by(sender.other()) && segment.has(TcpFlags::ACK);
        let is_old = seq.is_within(first.minus(self.slack(sender)), first);
        if is_old || (refuses_renewal && seq == Seq(0)) { Effect::None } else { Effect::Stray }
    }
}
