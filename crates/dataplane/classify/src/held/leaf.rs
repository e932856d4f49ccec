//! The last level of a line: steps, and which list of conditions holds from each on.
//!
//! Most ranges are short and lie on a ground: a host within a network that other rules name, or within nothing. Such a step says how
//! wide it is, and behind its end the list of its ground holds again, so that the end is no step of its own: a leaf of one
//! cache line has four hosts instead of two.

use ravelin_mem::prefetch;

use crate::range::Point;
use crate::space::last_not_above;

/// Steps of a leaf: of 32-bit keys it is one cache line, of 128-bit keys two.
const STEPS: usize = 4;
/// Where the list is of the ground that the first step lies on.
const BEFORE: u8 = STEPS as u8;
/// The width of a step that ends where the next begins.
const OPEN: u8 = 127;
/// Steps ahead within which the ground must come back for a step to lie on it.
const AHEAD: usize = 4;

/// From `first` on, `1 << width` points have the list; behind them the ground has its own.
#[derive(Clone, Copy, Debug)]
struct Step<K> {
    first: K,
    width: u8,
    list: u64,
    is_ground: bool,
}

/// Up to four steps, and the list of each.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Leaf<K> {
    keys: [K; STEPS],
    lists: [u64; STEPS + 1],
    widths: [u8; STEPS],
    /// The place of the ground's list.
    grounds: [u8; STEPS],
}

/// The leaves of steps that ascend from the lowest point, each with the list that holds until the next.
pub(super) fn leaves<K: Point>(steps: &[(K, u64)]) -> Box<[Leaf<K>]> {
    let laid = laid(steps);
    let mut before = laid.first().map_or(0, |step| step.list);
    let leaf = |steps: &[Step<K>]| {
        let leaf = Leaf::new(steps, before);
        before = steps.iter().rev().find(|step| step.is_ground).map_or(before, |step| step.list);
        leaf
    };
    laid.chunks(STEPS).map(leaf).collect()
}

/// The steps without the ends of those that lie on a ground.
fn laid<K: Point>(steps: &[(K, u64)]) -> Vec<Step<K>> {
    let mut out: Vec<Step<K>> = Vec::with_capacity(steps.len());
    let mut ground = None;
    let mut at = 0;
    while let Some((first, list)) = steps.get(at).copied() {
        let ahead = &steps[at + 1..steps.len().min(at + 1 + AHEAD)];
        let is_ground = !ahead.iter().any(|(_, list)| Some(*list) == ground);
        let end = ahead.first().filter(|(_, list)| !is_ground && Some(*list) == ground);
        let width = end.and_then(|(end, _)| first.width_to(*end));
        out.push(Step { first, width: width.unwrap_or(OPEN), list, is_ground });
        if is_ground {
            ground = Some(list);
        }
        at += 1 + usize::from(width.is_some());
    }
    out
}

impl<K: Point> Leaf<K> {
    /// `before`: the list of the ground that the first step may lie on.
    fn new(steps: &[Step<K>], before: u64) -> Self {
        let (mut ground, mut last) = (BEFORE, before);
        let mut leaf = Self {
            keys: [K::MAX.turned(); STEPS],
            lists: [before; STEPS + 1],
            widths: [OPEN; STEPS],
            grounds: [BEFORE; STEPS],
        };
        for (at, step) in steps.iter().enumerate() {
            if step.is_ground {
                ground = at as u8;
            }
            (leaf.keys[at], leaf.lists[at]) = (step.first.turned(), step.list);
            (leaf.widths[at], leaf.grounds[at]) = (step.width, ground);
            last = if step.width == OPEN { step.list } else { leaf.lists[usize::from(ground)] };
        }
        // What fills it up begins at the highest point, which may be no step's own.
        leaf.lists[steps.len()..STEPS].fill(last);
        leaf
    }

    pub(super) fn first(&self) -> K {
        self.keys[0].turned()
    }

    /// It comes close.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.keys);
        if size_of::<Self>() > 64 {
            prefetch(&self.lists);
        }
    }

    /// The list that holds at a point not below the first step.
    #[inline]
    pub(super) fn list(&self, at: K) -> u64 {
        let step = last_not_above(&self.keys, at);
        let is_beyond = at.is_beyond(self.keys[step].turned(), self.widths[step]);
        // A choice, not a branch, which nobody could foresee.
        let place = if is_beyond { usize::from(self.grounds[step]) } else { step };
        self.lists[place.min(STEPS)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// What a walk over the steps says.
    fn naive<K: Point>(steps: &[(K, u64)], at: K) -> u64 {
        steps.iter().rev().find(|(first, _)| *first <= at).expect("a step from the lowest point on").1
    }

    fn listed<K: Point>(leaves: &[Leaf<K>], at: K) -> u64 {
        let leaf =
            leaves.iter().rev().find(|leaf| leaf.first() <= at).expect("a leaf from the lowest point on");
        leaf.list(at)
    }

    /// Steps as sweeps make them: gaps of powers of two and others, few lists, so that grounds come back.
    fn steps(high: bool) -> impl Strategy<Value = Vec<(u128, u64)>> {
        let gap = prop_oneof![Just(1), Just(16), Just(256), 1u128..40, Just(1 << 30), Just(1 << 100)];
        prop::collection::vec((gap, prop_oneof![3 => Just(7u64), 2 => 0u64..4]), 1..40).prop_map(
            move |drawn| {
                let mut at = 0u128;
                let mut out = vec![(0, 7)];
                for (gap, list) in drawn {
                    at = at.saturating_add(gap);
                    match out.last() {
                        Some((_, last)) if *last == list => {}
                        _ => out.push((at, list)),
                    }
                }
                // Down from the highest point, too.
                if high {
                    let top = u128::MAX - at;
                    out[1..].iter_mut().for_each(|(first, _)| *first += top);
                }
                out
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(13), ..ProptestConfig::default() })]
        #[test]
        fn the_list_at_a_point_is_that_of_its_step(steps in steps(false), high in steps(true), drawn: u128) {
            for steps in [steps, high] {
                let made = leaves(&steps);
                for (first, _) in steps.iter().chain([&(drawn, 0), &(u128::MAX, 0)]) {
                    for at in [first.saturating_sub(1), *first, first.saturating_add(1), first.saturating_add(15), first.saturating_add(1 << 127)] {
                        prop_assert_eq!(listed(&made, at), naive(&steps, at), "at {:x}", at);
                    }
                }
                let short: Vec<(u32, u64)> =
                    steps.iter().filter_map(|(first, list)| Some((u32::try_from(*first).ok()?, *list))).collect();
                let made = leaves(&short);
                for (first, _) in short.iter().chain([&(drawn as u32, 0), &(u32::MAX, 0)]) {
                    for at in [first.saturating_sub(1), *first, first.saturating_add(1), first.saturating_add(15)] {
                        prop_assert_eq!(listed(&made, at), naive(&short, at), "at {:x}", at);
                    }
                }
            }
        }
    }

    /// Hosts within networks: a step a host and one a network.
    #[test]
    fn what_lies_on_a_ground_is_one_step() {
        let mut steps = vec![(0u32, 0)];
        for net in 1..100u32 {
            let ground = u64::from(net);
            steps.push((net << 8, ground));
            for host in [5, 77, 130, 200] {
                steps.extend([((net << 8) + host, 1000 + ground), ((net << 8) + host + 1, ground)]);
            }
        }
        let made = leaves(&steps);
        assert_eq!(made.len(), (1 + 99 * 5usize).div_ceil(STEPS));
        for at in (0..100 << 8).step_by(1) {
            assert_eq!(listed(&made, at), naive(&steps, at), "{at:x}");
        }
        assert_eq!(size_of::<Leaf<u32>>(), 64);
        assert_eq!(size_of::<Leaf<u128>>(), 128);
    }
}
