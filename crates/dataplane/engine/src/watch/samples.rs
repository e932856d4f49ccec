//! The last drops of every reason, a bounded number a second.

use ravelin_contract::DropCause;
use ravelin_types::{DropReason, Instant};

use super::head::Head;

/// Samples that a worker keeps of each reason, and takes of it in a second at most.
pub const SAMPLES_A_REASON: usize = 16;

/// A drop.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub head: Head,
    pub reason: DropReason,
    pub cause: Option<DropCause>,
}

/// Of one reason.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    /// Taken since the worker started, or since the last clear.
    taken: u64,
    /// The second that is being counted, and what was taken in it.
    second: u64,
    in_second: u32,
}

#[derive(Debug)]
pub(super) struct Samples {
    shares: [Share; DropReason::COUNT],
    /// By reason, [`SAMPLES_A_REASON`] each.
    places: Vec<Option<Sample>>,
}

impl Samples {
    pub(super) fn new() -> Self {
        let places = vec![None; DropReason::COUNT * SAMPLES_A_REASON];
        Self { shares: [Share::default(); DropReason::COUNT], places }
    }

    /// Whether a drop is still within its reason's share of the second.
    pub(super) fn admits(&mut self, reason: DropReason, now: Instant) -> bool {
        let share = &mut self.shares[reason.index()];
        let second = now.as_secs();
        if share.second != second {
            (share.second, share.in_second) = (second, 0);
        }
        let admitted = (share.in_second as usize) < SAMPLES_A_REASON;
        share.in_second += u32::from(admitted);
        admitted
    }

    /// The oldest of its reason makes room.
    pub(super) fn put(&mut self, sample: Sample) {
        let at = sample.reason.index();
        let share = &mut self.shares[at];
        let place = (share.taken % SAMPLES_A_REASON as u64) as usize;
        share.taken += 1;
        self.places[at * SAMPLES_A_REASON + place] = Some(sample);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Sample> {
        self.places.iter().flatten()
    }

    pub(super) fn clear(&mut self) {
        self.places.fill(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: u64, reason: DropReason) -> Sample {
        let mut head = Head::EMPTY;
        head.at = Instant(at);
        Sample { head, reason, cause: None }
    }

    #[test]
    fn a_flood_of_one_reason_leaves_the_others_alone_and_has_its_share_a_second() {
        let mut samples = Samples::new();
        let mut drop = |at, reason| {
            if samples.admits(reason, Instant(at)) {
                samples.put(sample(at, reason));
            }
        };
        drop(0, DropReason::NoRoute);
        for n in 0..10_000 {
            drop(n, DropReason::PolicyDeny);
        }
        // The next second has a share of its own.
        drop(1_000_000_000, DropReason::PolicyDeny);
        let of =
            |reason| samples.iter().filter(|s| s.reason == reason).map(|s| s.head.at.0).collect::<Vec<_>>();
        assert_eq!(of(DropReason::NoRoute), [0]);
        let mut deny = of(DropReason::PolicyDeny);
        deny.sort_unstable();
        assert_eq!(deny, (1..16).chain([1_000_000_000]).collect::<Vec<_>>());
        samples.clear();
        assert_eq!(samples.iter().count(), 0);
    }
}
