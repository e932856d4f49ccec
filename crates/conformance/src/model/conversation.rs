//! A TCP conversation as docs/spec/tcp.md tells it, in numbers that never wrap.
//!
//! Of each direction stands what was seen. What the naive reading leaves open (a SYN in an open conversation that the
//! other end answers, two SYN-ACKs with different numbers) is said to be open, and the conversation is judged no more.

use ravelin_model::TcpSession;
use ravelin_types::DropReason;

use super::segment::{ACK, FIN, Judged, RST, SYN, Segment};

/// How far it has come (tcp-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    SynSent,
    SynReceived,
    Established,
    HalfClosed,
    Closing,
    TimeWait,
}

/// What was seen of one direction (tcp-8).
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// The number after the highest seen.
    end: Option<i64>,
    /// The highest ACK plus window that its receiver showed.
    granted: Option<i64>,
    /// The highest ACK; before one the number of the SYN.
    acked: i64,
    /// The largest window that its sender advertised, in units of its scale.
    window: i64,
    scale: Option<u8>,
    syn: bool,
    syn_acked: bool,
    fin: bool,
    fin_acked: bool,
}

/// A conversation. The first way is that of the session's first segment.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    ways: [Way; 2],
    /// It was picked up in the middle (tcp-18).
    learnt: bool,
    reset: bool,
    /// A SYN passed that may be of another conversation (tcp-19).
    renewed: bool,
    /// What an end that knows an older connection acknowledged (tcp-7).
    challenged: Option<u32>,
}

const LEAST_SLACK: i64 = 1 << 16;
const LEAST_LEARNT: i64 = 1 << 20;
const REACH: i64 = 1 << 30;

/// A wire number as the one nearest to what is known.
fn near(number: u32, known: i64) -> i64 {
    known + i64::from(number.wrapping_sub(known as u32) as i32)
}

fn larger(known: Option<i64>, new: i64) -> i64 {
    known.map_or(new, |known| known.max(new))
}

impl Conversation {
    /// Of a session's first segment, or why it opens none (tcp-1..3, tcp-31).
    pub(super) fn open(segment: &Segment, rules: &TcpSession) -> Result<Self, DropReason> {
        let mut new =
            Self { ways: [Way::default(); 2], learnt: false, reset: false, renewed: false, challenged: None };
        if segment.opens() {
            if rules.strict_syn_check && segment.len > 0 {
                return Err(DropReason::TcpNotEstablished);
            }
            new.request(0, segment);
            return Ok(new);
        }
        if !rules.no_syn_check || segment.has(RST) {
            return Err(DropReason::TcpNotSyn);
        }
        if !segment.is_legal() {
            return Err(DropReason::TcpBadFlags);
        }
        if segment.has(SYN) {
            (new.ways[1].syn, new.ways[1].syn_acked, new.ways[0].syn) = (true, true, true);
            match segment.scale {
                Some(scale) => new.ways[0].scale = Some(scale.min(14)),
                None => new.ways.iter_mut().for_each(|way| way.scale = Some(0)),
            }
            new.ways[0].window = new.in_units(0, segment.window);
            new.learnt = true;
            new.take(0, segment);
        } else {
            new.learn(0, segment);
        }
        Ok(new)
    }

    pub(super) fn state(&self) -> State {
        let [a, b] = &self.ways;
        if a.fin_acked && b.fin_acked {
            State::TimeWait
        } else if a.fin && b.fin {
            State::Closing
        } else if !(a.syn_acked && b.syn_acked) {
            if a.syn && b.syn { State::SynReceived } else { State::SynSent }
        } else if a.fin || b.fin {
            State::HalfClosed
        } else {
            State::Established
        }
    }

    pub(super) const fn is_reset(&self) -> bool {
        self.reset
    }

    /// Number, acknowledgement and window that the other end last showed the sender of a way (tcp-24, tcp-34).
    pub(super) fn challenge(&self, from: usize) -> Option<(u32, u32, u16)> {
        let way = &self.ways[from];
        let (granted, end) = (way.granted.filter(|_| way.syn_acked)?, self.ways[1 - from].end?);
        let open = (granted - way.acked) >> self.shift(1 - from);
        Some((end as u32, way.acked as u32, u16::try_from(open).unwrap_or(u16::MAX)))
    }

    /// Seconds of silence until it ends; `None`: never (tcp-37..40).
    pub(super) fn timeout(&self, rules: &TcpSession, application: Option<u64>) -> Option<u64> {
        let waiting = |unset| match (rules.time_wait_ageout, rules.time_wait_timeout) {
            (true, _) => application,
            (false, Some(seconds)) => Some(u64::from(seconds)),
            (false, None) => Some(unset),
        };
        match self.state() {
            State::SynSent | State::SynReceived => Some(rules.tcp_initial_timeout.map_or(20, u64::from)),
            State::Established => application,
            State::HalfClosed if rules.apply_to_half_close => waiting(150),
            State::HalfClosed => application,
            State::Closing => waiting(150),
            State::TimeWait => waiting(2),
        }
    }

    /// Judges a segment of a way; what is dropped changes nothing (tcp-9).
    pub(super) fn judge(&mut self, from: usize, segment: &Segment, rules: &TcpSession) -> Judged {
        if !segment.is_legal() {
            return Judged::Drop(DropReason::TcpBadFlags);
        }
        let before = self.clone();
        let judged = if segment.has(SYN) {
            self.syn(from, segment, rules)
        } else if segment.has(RST) {
            self.rst(from, segment, rules)
        } else if self.state() == State::SynSent {
            self.unanswered(from, segment, rules)
        } else {
            self.within(from, segment)
        };
        let is_shaking = !self.reset && matches!(self.state(), State::SynSent | State::SynReceived);
        let judged = match judged {
            Judged::Pass if rules.strict_syn_check && segment.len > 0 && is_shaking => {
                Judged::Drop(DropReason::TcpNotEstablished)
            }
            Judged::Pass if rules.fin_invalidate_session && segment.has(FIN) && self.ways[from].fin => {
                Judged::LastFin
            }
            judged => judged,
        };
        if matches!(judged, Judged::Drop(_)) {
            *self = before;
        }
        judged
    }

    /// The first SYN, or one that takes its place.
    fn request(&mut self, from: usize, segment: &Segment) {
        let seq = i64::from(segment.seq);
        self.ways = [Way::default(); 2];
        self.challenged = None;
        self.ways[from] = Way {
            end: Some(seq + segment.space()),
            acked: seq,
            window: i64::from(segment.window),
            scale: segment.scale.map(|scale| scale.min(14)),
            syn: true,
            ..Way::default()
        };
    }

    fn opener(&self) -> usize {
        usize::from(!self.ways[0].syn)
    }

    fn syn(&mut self, from: usize, segment: &Segment, rules: &TcpSession) -> Judged {
        let (answers, over) = (segment.has(ACK), self.reset && !segment.has(ACK));
        match self.state() {
            State::SynSent if !over && answers && from == self.opener() => {
                self.unanswered(from, segment, rules)
            }
            State::SynSent if !over && answers => self.answer(from, segment),
            State::SynSent if !over => self.asked_again(from, segment),
            State::SynReceived if !over && answers => self.answered_again(from, segment),
            State::SynReceived if !over => self.maybe_renewed(),
            State::Established | State::HalfClosed if !over && !answers => self.maybe_renewed(),
            _ if !answers => {
                let end = self.ways[from].end;
                let is_higher = end.is_none_or(|end| near(segment.seq, end) > end);
                if is_higher || self.reset { Judged::Anew } else { self.maybe_renewed() }
            }
            _ => self.answered_late(from, segment),
        }
    }

    fn maybe_renewed(&mut self) -> Judged {
        self.renewed = true;
        Judged::Pass
    }

    /// Another SYN and no answer yet: again, anew, or a simultaneous open (tcp-5, tcp-6).
    fn asked_again(&mut self, from: usize, segment: &Segment) -> Judged {
        if from == self.opener() {
            let way = &mut self.ways[from];
            if segment.seq == way.acked as u32 {
                way.end = Some(larger(way.end, way.acked + segment.space()));
            } else {
                self.request(from, segment);
            }
            return Judged::Pass;
        }
        let other = 1 - from;
        let seq = i64::from(segment.seq);
        let way = &mut self.ways[from];
        (way.syn, way.end, way.acked) = (true, Some(seq + segment.space()), seq);
        self.settle(from, segment);
        let opener = &mut self.ways[other];
        let granted = opener.acked + 1 + i64::from(segment.window);
        opener.granted = Some(larger(opener.end, granted));
        self.challenged = None;
        Judged::Pass
    }

    /// The SYN-ACK of the SYN (tcp-7).
    fn answer(&mut self, from: usize, segment: &Segment) -> Judged {
        if let Err(reason) = self.check_ack(1 - from, segment) {
            return Judged::Drop(reason);
        }
        self.ways[from].syn = true;
        self.challenged = None;
        self.settle(from, segment);
        self.take(from, segment);
        Judged::Pass
    }

    /// Both SYNs are known, and so windows and scales are (tcp-12, tcp-17).
    fn settle(&mut self, from: usize, segment: &Segment) {
        let other = 1 - from;
        let offered = self.ways[other].scale;
        let (theirs, ours) = match (offered, segment.scale) {
            (Some(theirs), Some(ours)) => (theirs, ours.min(14)),
            _ => (0, 0),
        };
        (self.ways[other].scale, self.ways[from].scale) = (Some(theirs), Some(ours));
        let window = self.ways[other].window;
        let seq = i64::from(segment.seq);
        self.ways[from].granted = Some((seq + 1 + window).max(seq + segment.space()));
        self.ways[other].window = self.in_units(other, window as u16);
        self.ways[from].window = self.in_units(from, segment.window);
    }

    fn in_units(&self, way: usize, window: u16) -> i64 {
        let unit = 1 << self.shift(way);
        (i64::from(window) + unit - 1) / unit
    }

    fn shift(&self, way: usize) -> u32 {
        u32::from(self.ways[way].scale.unwrap_or(14))
    }

    fn answered_again(&mut self, from: usize, segment: &Segment) -> Judged {
        if let Err(reason) = self.check_ack(1 - from, segment) {
            return if self.renewed { Judged::Open } else { Judged::Drop(reason) };
        }
        let way = &self.ways[from];
        if !way.syn_acked && segment.seq != way.acked as u32 {
            return Judged::Open;
        }
        self.within(from, segment)
    }

    fn answered_late(&mut self, from: usize, segment: &Segment) -> Judged {
        let way = &self.ways[from];
        let newest = if self.learnt { way.end.unwrap_or(way.acked) } else { way.acked - 1 };
        let seq = near(segment.seq, way.end.unwrap_or(way.acked));
        let is_old = (way.acked - self.slack(from)..=newest).contains(&seq);
        if is_old && self.check_ack(1 - from, segment).is_ok() {
            return Judged::Pass;
        }
        if self.renewed { Judged::Open } else { Judged::Drop(DropReason::TcpSynInWindow) }
    }

    /// After one SYN, what is neither SYN, RST nor the answer (tcp-7).
    fn unanswered(&mut self, from: usize, segment: &Segment, rules: &TcpSession) -> Judged {
        let opener = self.opener();
        if rules.no_syn_check && (from == opener || self.check_ack(opener, segment).is_ok()) {
            self.learn(from, segment);
            return Judged::Pass;
        }
        if from != opener && segment.space() == 0 {
            self.challenged = Some(segment.ack);
            return Judged::Pass;
        }
        Judged::Drop(DropReason::TcpNotEstablished)
    }

    fn rst(&mut self, from: usize, segment: &Segment, rules: &TcpSession) -> Judged {
        let stray = Judged::Drop(DropReason::TcpRstOutOfWindow);
        let opener = self.opener();
        let way = self.ways[from];
        let seq = near(segment.seq, way.end.unwrap_or(0));
        if self.state() == State::SynSent {
            // tcp-21
            let counts = if from != opener {
                segment.has(ACK) && self.check_ack(opener, segment).is_ok()
            } else if self.challenged == Some(segment.seq) {
                return if rules.rst_sequence_check && self.reset {
                    Judged::Drop(DropReason::TcpRstNotExpected)
                } else {
                    Judged::Pass
                };
            } else {
                (way.acked..=way.end.unwrap_or(way.acked)).contains(&seq)
            };
            return match counts {
                true => self.ends(rules),
                false if rules.rst_sequence_check && self.reset => {
                    Judged::Drop(DropReason::TcpRstNotExpected)
                }
                false => stray,
            };
        }
        let refuses = segment.seq == 0 && segment.has(ACK) && self.check_ack(1 - from, segment).is_ok();
        if self.state() == State::SynReceived && !way.syn_acked && refuses {
            return self.ends(rules);
        }
        let Some(end) = way.end else { return self.ends(rules) };
        // tcp-22, tcp-23, tcp-34
        let first = if way.granted.is_some() { way.acked } else { end - REACH };
        let is_open = self.reset || self.state() != State::SynReceived;
        if (first..=self.last_ack(from)).contains(&seq) {
            return self.ends(rules);
        }
        if (first..=self.reach(from)).contains(&seq) {
            return if rules.rst_sequence_check {
                Judged::Drop(DropReason::TcpRstNotExpected)
            } else {
                self.ends(rules)
            };
        }
        if rules.rst_sequence_check && is_open {
            return Judged::Drop(DropReason::TcpRstNotExpected);
        }
        if (first - self.slack(from)..=first).contains(&seq) {
            return Judged::Pass;
        }
        if self.renewed && segment.has(ACK) && segment.seq == 0 { Judged::Open } else { stray }
    }

    fn ends(&mut self, rules: &TcpSession) -> Judged {
        self.reset = true;
        if rules.rst_invalidate_session { Judged::LastRst } else { Judged::Pass }
    }

    /// Once both sides have spoken: the four bounds, and nothing behind a FIN that was acknowledged (tcp-12..15, tcp-27).
    fn within(&mut self, from: usize, segment: &Segment) -> Judged {
        let way = &self.ways[from];
        if let Some(seen) = way.end {
            let end = near(segment.seq, seen) + segment.space();
            if end > self.reach(from) || end < way.acked - self.slack(from) {
                return Judged::Drop(DropReason::TcpOutOfWindow);
            }
        }
        if segment.has(ACK)
            && let Err(reason) = self.check_ack(1 - from, segment)
        {
            return Judged::Drop(reason);
        }
        let way = &self.ways[from];
        if let Some(seen) = way.end.filter(|_| way.fin_acked)
            && near(segment.seq, seen) + segment.space() > seen
        {
            return Judged::Drop(DropReason::TcpAfterFin);
        }
        self.take(from, segment);
        Judged::Pass
    }

    /// Bounds III and IV of an acknowledgement of a way.
    fn check_ack(&self, of: usize, segment: &Segment) -> Result<(), DropReason> {
        let way = &self.ways[of];
        let Some(end) = way.end else { return Ok(()) };
        let ack = near(segment.ack, end);
        let least = if way.syn_acked { way.acked - self.slack(of) } else { way.acked + 1 };
        let last = self.last_ack(of);
        if ack < least || ack > last {
            return Err(DropReason::TcpAckOutOfWindow);
        }
        // tcp-16
        match segment.sack {
            Some(edge) if near(edge, last) > last => Err(DropReason::TcpSackOutOfWindow),
            Some(_) | None => Ok(()),
        }
    }

    /// The highest that may be acknowledged of a way.
    fn last_ack(&self, of: usize) -> i64 {
        let end = self.ways[of].end.unwrap_or(0);
        if self.learnt { end.max(self.reach(of)) } else { end }
    }

    /// The highest number that a segment of a way may end at.
    fn reach(&self, of: usize) -> i64 {
        let way = &self.ways[of];
        way.granted.map_or(way.end.unwrap_or(0) + REACH, |granted| granted + 1)
    }

    fn slack(&self, of: usize) -> i64 {
        let twice = 2 * (self.ways[1 - of].window << self.shift(1 - of));
        match (self.learnt, self.ways[of].granted) {
            (true, None) => REACH,
            (true, Some(_)) => twice.clamp(LEAST_LEARNT, REACH),
            (false, _) => twice.clamp(LEAST_SLACK, REACH),
        }
    }

    /// What a segment that passed teaches.
    fn take(&mut self, from: usize, segment: &Segment) {
        let way = &mut self.ways[from];
        let seq = near(segment.seq, way.end.unwrap_or(i64::from(segment.seq)));
        let end = seq + segment.space();
        match way.end {
            None => (way.end, way.acked) = (Some(end), seq),
            Some(seen) if end > seen => {
                way.end = Some(end);
                // tcp-26
                (way.fin, way.fin_acked) = (false, false);
            }
            Some(_) => {}
        }
        if segment.has(FIN) && way.end == Some(end) {
            way.fin = true;
        }
        if segment.has(ACK) {
            self.acknowledge(from, segment);
        }
    }

    fn acknowledge(&mut self, from: usize, segment: &Segment) {
        let mut open = i64::from(segment.window);
        if !segment.has(SYN) {
            self.ways[from].window = self.ways[from].window.max(open);
            open <<= self.shift(from);
        }
        if self.learnt {
            open = open.max(self.ways[from].window << self.shift(from)).max(LEAST_LEARNT);
        }
        let way = &mut self.ways[1 - from];
        let ack = near(segment.ack, way.end.unwrap_or(i64::from(segment.ack)));
        if way.end.is_none_or(|end| ack > end) {
            way.end = Some(ack);
            (way.fin, way.fin_acked) = (false, false);
        }
        match way.granted {
            None => (way.granted, way.acked) = (Some(larger(way.end, ack + open)), ack),
            Some(granted) => (way.granted, way.acked) = (Some(granted.max(ack + open)), way.acked.max(ack)),
        }
        way.syn_acked |= way.syn;
        way.fin_acked |= way.fin && Some(way.acked) == way.end;
    }

    /// Begins to learn with this segment (tcp-18).
    fn learn(&mut self, from: usize, segment: &Segment) {
        let seen = Way { syn: true, syn_acked: true, ..Way::default() };
        let windows = self.ways.map(|way| way.window);
        let ends = self.ways.map(|way| (way.fin, way.fin_acked));
        for at in [0, 1] {
            let ((fin, fin_acked), window) = (ends[at], windows[at]);
            self.ways[at] = Way { fin, fin_acked, window, ..seen };
        }
        (self.learnt, self.renewed, self.challenged) = (true, false, None);
        self.take(from, segment);
    }
}
