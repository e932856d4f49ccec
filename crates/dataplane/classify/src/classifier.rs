//! A base, a small overlay of what was edited since, and the order of both.

use std::collections::HashSet;
use std::sync::Arc;

use crate::conditions::Effort;
use crate::diff::{Change, changes};
use crate::layer::{BuildError, Layer, RULES_MAX};
use crate::plane::{BATCH, Bounds, Plane, Roots};
use crate::rule::{Failed, Rule, RuleKey, Tuple};
use crate::view::{NONE, Ranking, View};

/// Rules an overlay may hold; an edit beyond it rebuilds.
pub const OVERLAY_MAX: usize = 1024;

/// The rule that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The rule's place in the list.
    pub rank: u32,
    pub key: RuleKey,
}

/// One change of a list. Ranks are those before any of the edits; what is inserted before the same rank keeps the
/// order of the edits; the length of the list is the rank behind the last rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    Remove { rank: u32 },
    Insert { before: u32, rule: Rule },
}

/// An ordered list of rules and what finds the first that holds.
#[derive(Clone, Debug)]
pub struct Classifier {
    base: Ranked,
    overlay: Ranked,
    /// By rank.
    places: Arc<[Place]>,
}

/// A layer and the ranks of its rules.
#[derive(Clone, Debug)]
struct Ranked {
    layer: Arc<Layer>,
    views: Arc<[View]>,
}

/// Where the rule of a rank is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Base(u32),
    Overlay(u32),
}

impl Classifier {
    /// Compiles a list; a rule's rank is its place in it.
    ///
    /// # Errors
    /// More rules than [`RULES_MAX`].
    pub fn build(rules: Vec<Rule>) -> Result<Self, BuildError> {
        if rules.len() > RULES_MAX {
            return Err(BuildError::TooManyRules { count: rules.len() });
        }
        let places = (0..rules.len() as u32).map(Place::Base).collect();
        let base = Arc::new(Layer::build(rules, Effort::BASE));
        let overlay = Arc::new(Layer::build(Vec::new(), Effort::OVERLAY));
        Ok(Self::assemble(base, overlay, places))
    }

    /// The list after some edits: the same base, with what is new in the overlay, compiled afresh when that is full.
    ///
    /// # Errors
    /// An edit names a rank that is not there, or too many rules.
    pub fn edited(&self, edits: &[Edit]) -> Result<Self, BuildError> {
        let count = self.places.len();
        let mut removed = HashSet::new();
        let mut inserts: Vec<(u32, &Rule)> = Vec::new();
        for edit in edits {
            match edit {
                Edit::Remove { rank } if (*rank as usize) < count && removed.insert(*rank) => {}
                Edit::Insert { before, rule } if *before as usize <= count => inserts.push((*before, rule)),
                Edit::Remove { rank } | Edit::Insert { before: rank, .. } => {
                    return Err(BuildError::NoSuchRank { rank: *rank });
                }
            }
        }
        inserts.sort_by_key(|(before, _)| *before);
        let mut inserts = inserts.into_iter().peekable();
        let (mut places, mut fresh) = (Vec::with_capacity(count + edits.len()), Vec::new());
        for rank in 0..=count as u32 {
            while let Some((_, rule)) = inserts.next_if(|(before, _)| *before == rank) {
                places.push(Place::Overlay(fresh.len() as u32));
                fresh.push(rule.clone());
            }
            match self.places.get(rank as usize).copied() {
                None => {}
                Some(_) if removed.contains(&rank) => {}
                Some(Place::Base(at)) => places.push(Place::Base(at)),
                Some(Place::Overlay(at)) => {
                    places.push(Place::Overlay(fresh.len() as u32));
                    fresh.push(self.overlay.layer.rules[at as usize].clone());
                }
            }
        }
        if places.len() > RULES_MAX {
            return Err(BuildError::TooManyRules { count: places.len() });
        }
        let full = fresh.len() > OVERLAY_MAX;
        let edited =
            Self::assemble(self.base.layer.clone(), Arc::new(Layer::build(fresh, Effort::OVERLAY)), places);
        if full { edited.rebuilt() } else { Ok(edited) }
    }

    /// The edits that turn this list into another: rules of the same key and content that keep their order stay.
    #[must_use]
    pub fn edits_to(&self, rules: &[Rule]) -> Vec<Edit> {
        let (old, new): (Vec<&Rule>, Vec<&Rule>) = (self.rules().collect(), rules.iter().collect());
        let edit = |change| match change {
            Change::Remove { rank } => Edit::Remove { rank },
            Change::Insert { before, new } => Edit::Insert { before, rule: rules[new].clone() },
        };
        changes(&old, &new, |rule| rule.key.0).into_iter().map(edit).collect()
    }

    /// The same list with everything in the base.
    ///
    /// # Errors
    /// None that a classifier that exists could meet.
    pub fn rebuilt(&self) -> Result<Self, BuildError> {
        Self::build(self.rules().cloned().collect())
    }

    /// Rules outside the base: when there are many, a rebuild pays.
    #[must_use]
    pub fn overlay_len(&self) -> usize {
        self.overlay.layer.rules.len()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    #[must_use]
    pub fn rule(&self, rank: u32) -> Option<&Rule> {
        self.places.get(rank as usize).map(|place| self.at(*place))
    }

    /// All rules in order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.places.iter().map(|place| self.at(*place))
    }

    /// The first rule that holds.
    #[must_use]
    pub fn lookup(&self, tuple: &Tuple) -> Option<Match> {
        self.lookup_from(tuple, 0)
    }

    /// The first rule of this rank or higher that holds.
    #[must_use]
    pub fn lookup_from(&self, tuple: &Tuple, floor: u32) -> Option<Match> {
        let best = self.overlay.first(tuple, Bounds { floor, best: Ranking::NONE });
        self.matched(tuple, self.base.first(tuple, Bounds { floor, best }))
    }

    /// All rules that hold, lowest rank first, each sought when asked for.
    pub fn matches<'c>(&'c self, tuple: &'c Tuple) -> impl Iterator<Item = Match> + use<'c> {
        let mut floor = Some(0);
        std::iter::from_fn(move || {
            let found = self.lookup_from(tuple, floor?);
            floor = found.map(|found| found.rank + 1);
            found
        })
    }

    /// Looks up several tuples; what memory is slow to give is asked for together.
    ///
    /// # Panics
    /// The slices differ in length.
    pub fn lookup_batch(&self, tuples: &[Tuple], out: &mut [Option<Match>]) {
        assert_eq!(tuples.len(), out.len(), "a place for each answer");
        for (tuples, out) in tuples.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
            let mut best = [Ranking::NONE; BATCH];
            self.overlay.batch(tuples, &mut best);
            self.base.batch(tuples, &mut best);
            for ((tuple, out), best) in tuples.iter().zip(out).zip(best) {
                *out = self.matched(tuple, best);
            }
        }
    }

    /// Every rule in order with the place of the term that holds or the first condition that failed. Slow.
    pub fn explain<'c>(
        &'c self,
        tuple: &'c Tuple,
    ) -> impl Iterator<Item = (&'c Rule, Result<usize, Failed>)> + use<'c> {
        self.rules().map(move |rule| (rule, rule.examine(tuple)))
    }

    /// Bytes it takes, sets and base included, though others may share them.
    #[must_use]
    pub fn memory(&self) -> usize {
        let mut seen = HashSet::new();
        let layers = [&self.base, &self.overlay];
        let layers = layers.map(|ranked| {
            ranked.layer.bytes(&mut seen) + ranked.views.iter().map(View::bytes).sum::<usize>()
        });
        layers.iter().sum::<usize>() + size_of_val(&*self.places)
    }

    fn assemble(base: Arc<Layer>, overlay: Arc<Layer>, places: Vec<Place>) -> Self {
        let mut base_ranks = vec![NONE; base.rules.len()];
        let mut overlay_ranks = vec![NONE; overlay.rules.len()];
        for (rank, place) in places.iter().enumerate() {
            match place {
                Place::Base(at) => base_ranks[*at as usize] = rank as u32,
                Place::Overlay(at) => overlay_ranks[*at as usize] = rank as u32,
            }
        }
        Self {
            base: Ranked::new(base, &base_ranks),
            overlay: Ranked::new(overlay, &overlay_ranks),
            places: places.into(),
        }
    }

    fn at(&self, place: Place) -> &Rule {
        match place {
            Place::Base(at) => &self.base.layer.rules[at as usize],
            Place::Overlay(at) => &self.overlay.layer.rules[at as usize],
        }
    }

    fn matched(&self, tuple: &Tuple, found: Ranking) -> Option<Match> {
        let Ranking { rank, key } = found;
        debug_assert!(
            rank == NONE || self.rule(rank).is_some_and(|rule| rule.key == key && rule.holds(tuple)),
            "a rule that was found holds"
        );
        (rank != NONE).then_some(Match { rank, key })
    }
}

impl Ranked {
    fn new(layer: Arc<Layer>, rank_of: &[u32]) -> Self {
        Self { views: layer.views(rank_of).into(), layer }
    }

    fn planes(&self) -> impl Iterator<Item = (&Plane, &View)> {
        self.layer.planes.iter().zip(&*self.views)
    }

    fn first(&self, tuple: &Tuple, bounds: Bounds) -> Ranking {
        let Bounds { floor, mut best } = bounds;
        for (plane, view) in self.planes() {
            let holds = |rule: u32| self.layer.rules[rule as usize].holds(tuple);
            best = plane.first(&plane.roots(tuple), view, Bounds { floor, best }, holds);
        }
        best
    }

    /// Lowers `best` of each tuple.
    fn batch(&self, tuples: &[Tuple], best: &mut [Ranking; BATCH]) {
        for (plane, view) in self.planes() {
            let mut roots = [Roots::default(); BATCH];
            plane.roots_of(tuples, &mut roots);
            plane.first_of(&roots[..tuples.len()], view, best, |at, rule| {
                self.layer.rules[rule as usize].holds(&tuples[at])
            });
        }
    }
}

/// The first rank of a layer alone, however it was built.
#[cfg(test)]
pub(crate) fn first(layer: &Layer, views: &[View], tuple: &Tuple) -> Option<u32> {
    let mut best = Ranking::NONE;
    for (plane, view) in layer.planes.iter().zip(views) {
        let holds = |rule: u32| layer.rules[rule as usize].holds(tuple);
        best = plane.first(&plane.roots(tuple), view, Bounds { floor: 0, best }, holds);
    }
    (best.rank != NONE).then_some(best.rank)
}
