//! A meter: one instance of a policer, the colour of each packet and what is done with it.
//!
//! State: its buckets, and a cache line for each worker with what it was lent and what it counted. Only that worker
//! stores to its line, so plain loads and stores of atomics do. Spec: policer-1..9, policer-14..20.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ravelin_types::{ForwardingClassId, Instant, LossPriority, WorkerId};

use crate::bucket::{Bucket, Rate};
use crate::spec::{Awareness, Exceeding, Limit, Spec, SpecError};

const SECOND_NS: u64 = 1_000_000_000;

/// What a meter makes of a packet (RFC 2697, RFC 2698). Two-colour policers know green and red.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Colour {
    Green,
    Yellow,
    Red,
}

impl Colour {
    pub const COUNT: usize = 3;

    /// The colour that a loss priority stands for at the input of a colour-aware policer.
    #[must_use]
    pub const fn of(priority: LossPriority) -> Self {
        match priority {
            LossPriority::Low => Self::Green,
            LossPriority::MediumLow | LossPriority::MediumHigh => Self::Yellow,
            LossPriority::High => Self::Red,
        }
    }

    /// The loss priority that a three-colour policer gives.
    #[must_use]
    pub const fn loss_priority(self) -> LossPriority {
        match self {
            Self::Green => LossPriority::Low,
            Self::Yellow => LossPriority::MediumHigh,
            Self::Red => LossPriority::High,
        }
    }
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Pass,
    Mark { loss_priority: Option<LossPriority>, forwarding_class: Option<ForwardingClassId> },
    Discard,
}

/// A packet's colour, for counters, and the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub colour: Colour,
    pub action: Action,
}

/// Packets and bytes by colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub packets: [u64; Colour::COUNT],
    pub bytes: [u64; Colour::COUNT],
}

/// What one worker was lent and counted.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line {
    committed: AtomicU64,
    peak: AtomicU64,
    packets: [AtomicU64; Colour::COUNT],
    bytes: [AtomicU64; Colour::COUNT],
}

const _: () = assert!(size_of::<Line>() == 64, "one cache line a worker");

#[derive(Debug)]
enum Scheme {
    Two {
        bucket: Bucket,
        by_packet: bool,
        exceeding: Exceeding,
    },
    Single {
        awareness: Awareness,
        committed: Bucket,
        excess: AtomicU64,
        excess_burst: u64,
        discard_red: bool,
    },
    Double {
        awareness: Awareness,
        committed: Bucket,
        peak: Bucket,
        discard_red: bool,
    },
}

/// One instance of a policer. Shared by workers and by generations.
#[derive(Debug)]
pub struct Meter {
    spec: Spec,
    scheme: Scheme,
    lines: Box<[Line]>,
    /// The second, counted from 1, in which somebody was last told of a red packet.
    told: AtomicU64,
}

impl Meter {
    /// Full buckets, as both RFCs begin.
    ///
    /// # Errors
    /// A limit out of bounds.
    ///
    /// # Panics
    /// With no worker: a dataplane has one at least.
    pub fn new(spec: Spec, workers: u8, now: Instant) -> Result<Self, SpecError> {
        assert!(workers > 0, "a meter without workers");
        spec.check()?;
        let lines = (0..workers).map(|_| Line::default()).collect();
        Ok(Self { spec, scheme: Scheme::new(spec, workers, now), lines, told: AtomicU64::new(0) })
    }

    #[must_use]
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    #[must_use]
    pub fn workers(&self) -> usize {
        self.lines.len()
    }

    /// Judges a packet of `bytes` (its IP length) on `worker` and counts it.
    ///
    /// One worker's calls come one after another. A worker that the meter was not made for is refused
    /// everything.
    pub fn police(&self, worker: WorkerId, now: Instant, bytes: u32, priority: LossPriority) -> Verdict {
        let Some(line) = self.lines.get(worker.index()) else {
            return Verdict { colour: Colour::Red, action: Action::Discard };
        };
        let bytes = u64::from(bytes);
        let colour = self.scheme.colour(line, now, bytes, priority);
        line.count(colour, bytes);
        Verdict { colour, action: self.scheme.action(colour) }
    }

    /// Whether a red packet is to be told of: the first of each second, whichever worker sees it. Spec: policer-30.
    pub fn tells(&self, now: Instant) -> bool {
        let second = now.0 / SECOND_NS + 1;
        let before = self.told.load(Relaxed);
        second > before && self.told.compare_exchange(before, second, Relaxed, Relaxed).is_ok()
    }

    /// Sets what one worker has counted back to zero. Called by that worker alone; its tokens stay.
    pub fn clear(&self, worker: WorkerId) {
        let Some(line) = self.lines.get(worker.index()) else { return };
        for counter in line.packets.iter().chain(&line.bytes) {
            counter.store(0, Relaxed);
        }
    }

    /// Adds what another plane counted. Called by the worker whose it becomes.
    pub fn carry(&self, worker: WorkerId, packets: &[u64; Colour::COUNT], bytes: &[u64; Colour::COUNT]) {
        let Some(line) = self.lines.get(worker.index()) else { return };
        let counters = line.packets.iter().chain(&line.bytes);
        for (counter, by) in counters.zip(packets.iter().chain(bytes)) {
            counter.store(counter.load(Relaxed) + by, Relaxed);
        }
    }

    /// What all workers have counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for line in &self.lines {
            for colour in 0..Colour::COUNT {
                sum.packets[colour] += line.packets[colour].load(Relaxed);
                sum.bytes[colour] += line.bytes[colour].load(Relaxed);
            }
        }
        sum
    }
}

impl Line {
    fn count(&self, colour: Colour, bytes: u64) {
        let add = |counter: &AtomicU64, by: u64| {
            counter.store(counter.load(Relaxed).wrapping_add(by), Relaxed);
        };
        add(&self.packets[colour as usize], 1);
        add(&self.bytes[colour as usize], bytes);
    }
}

impl Scheme {
    fn new(spec: Spec, workers: u8, now: Instant) -> Self {
        let bytes = |rate, burst| Bucket::bytes(Rate::bits(rate), burst, workers, now);
        match spec {
            Spec::TwoColour { limit: Limit::Bits { per_second, burst_bytes }, exceeding } => {
                Self::Two { bucket: bytes(per_second, burst_bytes), by_packet: false, exceeding }
            }
            Spec::TwoColour { limit: Limit::Packets { per_second, burst }, exceeding } => {
                let bucket = Bucket::packets(Rate::packets(per_second), burst, workers, now);
                Self::Two { bucket, by_packet: true, exceeding }
            }
            Spec::SingleRate { awareness, committed_rate, committed_burst, excess_burst, discard_red } => {
                let committed = bytes(committed_rate, committed_burst);
                Self::Single {
                    awareness,
                    committed,
                    excess: AtomicU64::new(excess_burst),
                    excess_burst,
                    discard_red,
                }
            }
            Spec::TwoRate {
                awareness,
                committed_rate,
                committed_burst,
                peak_rate,
                peak_burst,
                discard_red,
            } => Self::Double {
                awareness,
                committed: bytes(committed_rate, committed_burst),
                peak: bytes(peak_rate, peak_burst),
                discard_red,
            },
        }
    }

    fn colour(&self, line: &Line, now: Instant, bytes: u64, priority: LossPriority) -> Colour {
        match self {
            Self::Two { bucket, by_packet, .. } => {
                let need = if *by_packet { 1 } else { bytes };
                let conforms = takes(bucket, &line.committed, need, now);
                if conforms { Colour::Green } else { Colour::Red }
            }
            Self::Single { awareness, committed, excess, excess_burst, .. } => {
                let brought = awareness.sees(priority);
                single_rate(line, committed, (excess, *excess_burst), (brought, bytes), now)
            }
            Self::Double { awareness, committed, peak, .. } => {
                let brought = awareness.sees(priority);
                if brought == Colour::Red || !takes(peak, &line.peak, bytes, now) {
                    return Colour::Red;
                }
                let green = brought == Colour::Green && takes(committed, &line.committed, bytes, now);
                if green { Colour::Green } else { Colour::Yellow }
            }
        }
    }

    const fn action(&self, colour: Colour) -> Action {
        match (self, colour) {
            (Self::Two { .. }, Colour::Green | Colour::Yellow) => Action::Pass,
            (Self::Two { exceeding: Exceeding::Discard, .. }, Colour::Red) => Action::Discard,
            (
                Self::Two { exceeding: Exceeding::Mark { loss_priority, forwarding_class }, .. },
                Colour::Red,
            ) => Action::Mark { loss_priority: *loss_priority, forwarding_class: *forwarding_class },
            (
                Self::Single { discard_red: true, .. } | Self::Double { discard_red: true, .. },
                Colour::Red,
            ) => Action::Discard,
            (Self::Single { .. } | Self::Double { .. }, Colour::Green | Colour::Yellow | Colour::Red) => {
                Action::Mark { loss_priority: Some(colour.loss_priority()), forwarding_class: None }
            }
        }
    }
}

impl Awareness {
    const fn sees(self, priority: LossPriority) -> Colour {
        match self {
            Self::ColourBlind => Colour::Green,
            Self::ColourAware => Colour::of(priority),
        }
    }
}

/// A packet without bytes conforms: it takes nothing.
fn takes(bucket: &Bucket, held: &AtomicU64, need: u64, now: Instant) -> bool {
    bucket.take(held, need, now).tokens == need
}

/// RFC 2697 3: what runs over the committed bucket fills the excess bucket.
fn single_rate(
    line: &Line,
    committed: &Bucket,
    (excess, excess_burst): (&AtomicU64, u64),
    (brought, bytes): (Colour, u64),
    now: Instant,
) -> Colour {
    let visit = if brought == Colour::Green {
        committed.take(&line.committed, bytes, now)
    } else {
        committed.settle(now)
    };
    if visit.overflow > 0 {
        let fill = |held: u64| Some(held.saturating_add(visit.overflow).min(excess_burst));
        let _ = excess.fetch_update(Relaxed, Relaxed, fill);
    }
    if brought == Colour::Green && visit.tokens == bytes {
        return Colour::Green;
    }
    let has = brought != Colour::Red
        && excess.fetch_update(Relaxed, Relaxed, |held| held.checked_sub(bytes)).is_ok();
    if has { Colour::Yellow } else { Colour::Red }
}
