//! What a step puts out beside changed packets: verdicts, packets of its own, events.

use std::collections::VecDeque;
use std::time::Duration;

use ravelin_contract::{Event, NatEvent};
use ravelin_types::{Instant, InterfaceId};
use ravelin_wire::rewrite::Partial;

use crate::mirror::{Copies, Copy};
use crate::packet::{Checksum, Ingress};
use crate::steer::HandOver;
use crate::verdict::{Egress, Verdict};

/// Bytes of the largest packet the engine sends on its own account (answers, released packets): any that a port takes.
pub const ANSWER_LEN_MAX: usize = 9216;
/// Answers a step can give; more are counted and lost.
pub const ANSWERS_MAX: usize = 256;

/// A held packet that turned out to be another worker's: it goes there as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Onward {
    pub over: HandOver,
    pub ingress: Ingress,
    pub checksum: Checksum,
}

/// A packet that the engine made or had held.
#[derive(Debug)]
pub struct Answer {
    /// `Some`: it is handed over and not sent.
    pub onward: Option<Onward>,
    pub egress: Egress,
    pub unit: InterfaceId,
    pub partial: Option<Partial>,
    /// Of a packet that passes through: the unit it came by.
    pub(crate) came_by: Option<InterfaceId>,
    pub len: usize,
    /// [`ANSWER_LEN_MAX`] bytes.
    buf: Box<[u8]>,
}

impl Answer {
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buf[..self.len]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buf[..self.len]
    }
}

/// Events waiting for the control plane, a bounded queue that counts what it loses.
#[derive(Debug)]
pub struct Events {
    queue: VecDeque<Event>,
    capacity: usize,
    /// Events thrown away since the start.
    pub lost: u64,
    reported: u64,
    /// Before then nobody is told again that NAT has nothing left.
    exhausted_next: Instant,
}

/// How often it is told that NAT has nothing left: every packet may meet it.
const EXHAUSTED_EVERY: Duration = Duration::from_secs(1);

impl Events {
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            queue: VecDeque::with_capacity(capacity),
            capacity,
            lost: 0,
            reported: 0,
            exhausted_next: Instant::ZERO,
        }
    }

    pub fn push(&mut self, event: Event) {
        if self.queue.len() < self.capacity {
            self.queue.push_back(event);
        } else {
            self.lost += 1;
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.queue.len() < self.capacity
    }

    /// NAT has nothing left for a packet.
    pub(crate) fn exhausted(&mut self, now: Instant, event: NatEvent) {
        if now >= self.exhausted_next {
            self.exhausted_next = now.plus(EXHAUSTED_EVERY);
            self.push(Event::Nat(event));
        }
    }

    /// Events that wait, and how many may.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.queue.len(), self.capacity)
    }

    /// Events lost since the last call.
    pub fn newly_lost(&mut self) -> u64 {
        let before = std::mem::replace(&mut self.reported, self.lost);
        self.lost - before
    }

    /// Events lost that the next [`Self::newly_lost`] will tell of.
    #[must_use]
    pub fn unreported(&self) -> u64 {
        self.lost - self.reported
    }

    /// Goes on from another's losses, of which the last were not told of.
    pub fn lost_before(&mut self, lost: u64, unreported: u64) {
        self.lost = lost;
        self.reported = lost.saturating_sub(unreported);
    }

    pub fn take(&mut self, max: usize) -> Vec<Event> {
        self.queue.drain(..max.min(self.queue.len())).collect()
    }
}

/// Filled by a step, emptied by its caller. Everything is allocated once.
#[derive(Debug)]
pub struct Output {
    /// One for every packet of the batch, in its order.
    pub verdicts: Vec<Verdict>,
    answers: Vec<Answer>,
    used: usize,
    pub(crate) copies: Copies,
}

impl Output {
    #[must_use]
    pub fn new() -> Self {
        let answers = (0..ANSWERS_MAX)
            .map(|_| Answer {
                onward: None,
                egress: Egress::Host(InterfaceId(0)),
                unit: InterfaceId(0),
                partial: None,
                came_by: None,
                len: 0,
                // Pages that no packet was long enough for stay untouched.
                buf: vec![0; ANSWER_LEN_MAX].into(),
            })
            .collect();
        Self { verdicts: Vec::with_capacity(crate::BATCH_MAX), answers, used: 0, copies: Copies::new() }
    }

    /// Forgets the last step's output.
    pub fn clear(&mut self) {
        self.verdicts.clear();
        self.used = 0;
        self.copies.clear();
    }

    /// The packets that the engine sends on its own account.
    pub fn answers(&mut self) -> &mut [Answer] {
        &mut self.answers[..self.used]
    }

    /// Copies for mirror outputs, to be sent behind everything else.
    #[must_use]
    pub fn copies(&self) -> &[Copy] {
        self.copies.all()
    }

    /// What leaves, and room for copies of it.
    pub(crate) fn parts(&mut self) -> (&[Verdict], &[Answer], &mut Copies) {
        (&self.verdicts, &self.answers[..self.used], &mut self.copies)
    }

    /// Room for one more answer of `len` bytes; `None`: none left, or too long.
    pub(crate) fn answer(&mut self, len: usize) -> Option<&mut Answer> {
        if len > ANSWER_LEN_MAX {
            return None;
        }
        let answer = self.answers.get_mut(self.used)?;
        self.used += 1;
        answer.len = len;
        answer.partial = None;
        answer.onward = None;
        answer.came_by = None;
        Some(answer)
    }

    /// Answers for which there is room.
    pub(crate) fn room(&self) -> usize {
        self.answers.len() - self.used
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}
