//! The first segment of a session: the SYN check, and picking up in the middle where it is off.

use ravelin_wire::TcpFlags;

use crate::conversation::{Conversation, Direction, SEEN, SYN, SYN_ACKED};
use crate::rules::{SynCheck, TcpRules, Timeout};
use crate::segment::Segment;
use crate::verdict::TcpDrop;

/// How the packet came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Plain,
    /// Out of a VPN or GRE tunnel, for `no-syn-check-in-tunnel`.
    Tunnel,
}

/// What a permitted first segment starts a session with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub conversation: Conversation,
    pub timeout: Timeout,
}

impl Conversation {
    /// Judges the first segment of a session, whose sender is the initial side. Spec: tcp-1..3, tcp-30..32.
    ///
    /// # Errors
    /// Why it opens none.
    pub fn open(segment: &Segment, arrival: Arrival, rules: &TcpRules) -> Result<Opened, TcpDrop> {
        let conversation =
            if segment.flags.opens() { request(segment, rules)? } else { pick_up(segment, arrival, rules)? };
        Ok(Opened { conversation, timeout: conversation.timeout() })
    }
}

fn request(segment: &Segment, rules: &TcpRules) -> Result<Conversation, TcpDrop> {
    if rules.syn_check == SynCheck::Strict && segment.len > 0 {
        return Err(TcpDrop::NotEstablished);
    }
    Ok(Conversation::requested(Direction::Initial, segment))
}

fn pick_up(segment: &Segment, arrival: Arrival, rules: &TcpRules) -> Result<Conversation, TcpDrop> {
    let is_checked = match (rules.syn_check, arrival) {
        (SynCheck::Off, _) | (SynCheck::OffInTunnel, Arrival::Tunnel) => false,
        (SynCheck::Required | SynCheck::Strict, _) | (SynCheck::OffInTunnel, Arrival::Plain) => true,
    };
    // A RST has nothing to reset, and an answer to it would be lost.
    if is_checked || segment.has(TcpFlags::RST) {
        return Err(TcpDrop::NotSyn);
    }
    if !segment.is_legal() {
        return Err(TcpDrop::BadFlags);
    }
    let mut conversation = Conversation::NONE;
    if segment.has(TcpFlags::SYN) {
        conversation.answered_unseen(segment);
    } else {
        conversation.learn(Direction::Initial, segment);
    }
    Ok(conversation)
}

impl Conversation {
    /// A SYN-ACK whose SYN went another way. Only its sender's scale is known. Spec: tcp-17.
    fn answered_unseen(&mut self, segment: &Segment) {
        let (sender, opener) = (Direction::Initial, Direction::Reverse);
        self.set(opener, SYN | SYN_ACKED);
        self.set(sender, SYN);
        match segment.scale {
            Some(scale) => self.set_scale(sender, scale),
            None => self.scales = 0,
        }
        self.window[sender.index()] = self.in_units(sender, segment.window);
        self.flags[0] |= crate::conversation::LEARNT;
        self.take(sender, segment);
        debug_assert!(self.has(sender, SEEN) && self.has(opener, SEEN), "both numbers are in a SYN-ACK");
    }
}
