//! All meters of a program: ids are places in it, and what did not change keeps its buckets.
//!
//! Spec: policer-21..24.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ravelin_types::{Instant, MeterId, RuleIdentity};

use crate::meter::Meter;
use crate::spec::{Spec, SpecError};

/// Meters of one program: a cache line a worker each.
pub const METERS_MAX: usize = 65_536;

/// What a meter is known by over commits: the policer's name and where this instance of it stands (filter, term,
/// interface), each as a stable identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MeterKey {
    pub policer: RuleIdentity,
    pub place: RuleIdentity,
}

/// Why meters could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetersError {
    /// More than [`METERS_MAX`].
    TooMany(usize),
    /// Two with one key.
    Twice(MeterKey),
    Spec(MeterKey, SpecError),
}

impl fmt::Display for MetersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(count) => write!(f, "{count} policer instances, at most {METERS_MAX} are possible"),
            Self::Twice(key) => write!(f, "policer instance {key:?} stands twice"),
            Self::Spec(_, error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MetersError {}

/// The meters of one program, built by the control side, read by workers.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    list: Box<[Arc<Meter>]>,
    places: BTreeMap<MeterKey, MeterId>,
}

impl Meters {
    /// Makes the meters of a program; those that `running` has under the same key with the same limits and
    /// actions, for as many workers, are shared with it, tokens, loans and counts included.
    ///
    /// # Errors
    /// A limit out of bounds, a key twice, too many.
    pub fn build(
        specs: &[(MeterKey, Spec)],
        running: &Self,
        workers: u8,
        now: Instant,
    ) -> Result<Self, MetersError> {
        if specs.len() > METERS_MAX {
            return Err(MetersError::TooMany(specs.len()));
        }
        let mut places = BTreeMap::new();
        let mut list = Vec::with_capacity(specs.len());
        for (key, spec) in specs {
            if places.insert(*key, MeterId(list.len() as u32)).is_some() {
                return Err(MetersError::Twice(*key));
            }
            let same = |meter: &&Arc<Meter>| meter.spec() == spec && meter.workers() == usize::from(workers);
            let meter = match running.by_key(*key).filter(same) {
                Some(meter) => Arc::clone(meter),
                None => {
                    Arc::new(Meter::new(*spec, workers, now).map_err(|error| MetersError::Spec(*key, error))?)
                }
            };
            list.push(meter);
        }
        Ok(Self { list: list.into(), places })
    }

    /// The meter of an id of this program.
    #[must_use]
    pub fn get(&self, id: MeterId) -> Option<&Meter> {
        self.list.get(id.index()).map(|meter| &**meter)
    }

    #[must_use]
    pub fn id(&self, key: MeterKey) -> Option<MeterId> {
        self.places.get(&key).copied()
    }

    /// All, by key: for counters and `show`.
    pub fn iter(&self) -> impl Iterator<Item = (MeterKey, &Meter)> {
        self.places.iter().map(|(key, id)| (*key, &*self.list[id.index()]))
    }

    fn by_key(&self, key: MeterKey) -> Option<&Arc<Meter>> {
        self.id(key).map(|id| &self.list[id.index()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colour, Exceeding, Limit};
    use ravelin_types::{LossPriority, WorkerId};

    const A: MeterKey = MeterKey { policer: RuleIdentity(1), place: RuleIdentity(1) };
    const B: MeterKey = MeterKey { policer: RuleIdentity(1), place: RuleIdentity(2) };

    fn bits(per_second: u64) -> Spec {
        let limit = Limit::Bits { per_second, burst_bytes: 1500 };
        Spec::TwoColour { limit, exceeding: Exceeding::Discard }
    }

    fn build(specs: &[(MeterKey, Spec)], running: &Meters) -> Meters {
        Meters::build(specs, running, 1, Instant::ZERO).unwrap()
    }

    fn police(meters: &Meters, key: MeterKey) -> Colour {
        let meter = meters.get(meters.id(key).unwrap()).unwrap();
        meter.police(WorkerId(0), Instant::ZERO, 1500, LossPriority::Low).colour
    }

    #[test]
    fn a_commit_that_does_not_change_a_policer_refills_nothing() {
        let first = build(&[(A, bits(8000)), (B, bits(8000))], &Meters::default());
        assert_eq!((police(&first, A), police(&first, A)), (Colour::Green, Colour::Red));
        let second = build(&[(B, bits(8000)), (A, bits(8000))], &first);
        assert_eq!(police(&second, A), Colour::Red);
        assert_eq!(police(&second, B), Colour::Green);
        let counts = second.get(second.id(A).unwrap()).unwrap().counts();
        assert_eq!((counts.packets, counts.bytes), ([1, 0, 2], [1500, 0, 3000]));
        // Both generations draw on the one bucket while a worker still runs the old.
        assert_eq!(police(&first, B), Colour::Red);
    }

    #[test]
    fn a_changed_policer_begins_anew() {
        let first = build(&[(A, bits(8000))], &Meters::default());
        assert_eq!((police(&first, A), police(&first, A)), (Colour::Green, Colour::Red));
        let second = build(&[(A, bits(9000))], &first);
        assert_eq!(police(&second, A), Colour::Green);
    }

    #[test]
    fn what_can_not_be_metered_is_refused() {
        let refused = |specs: &[(MeterKey, Spec)]| {
            Meters::build(specs, &Meters::default(), 1, Instant::ZERO).unwrap_err()
        };
        assert_eq!(refused(&[(A, bits(0))]), MetersError::Spec(A, SpecError::Rate(0)));
        assert_eq!(refused(&[(A, bits(1)), (A, bits(1))]), MetersError::Twice(A));
        let many: Vec<_> =
            (0..=METERS_MAX as u64).map(|n| (MeterKey { place: RuleIdentity(n), ..A }, bits(1))).collect();
        assert_eq!(refused(&many), MetersError::TooMany(METERS_MAX + 1));
    }
}
