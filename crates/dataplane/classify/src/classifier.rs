//! A base, a small overlay of what was edited since, and the order of both.

use std::collections::HashSet;
use std::sync::Arc;

use crate::conditions::Effort;
use crate::diff::{Change, changes};
use crate::layer::{BuildError, Layer, RULES_MAX};
use crate::order::{NONE, Order, Place, of_base};
use crate::plane::{BATCH, Bounds, Plane};
use crate::rows::WORD;
use crate::rule::{Failed, Rule, RuleKey, Tuple};
use crate::view::{Ranking, View};

/// Rules an overlay may hold; an edit beyond it rebuilds.
pub const OVERLAY_MAX: usize = 1000;

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
    order: Order,
}

/// A layer, and which of its rules the list has.
#[derive(Clone, Debug)]
struct Ranked {
    layer: Arc<Layer>,
    views: Box<[View]>,
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
        let order = Order::new(rules.len());
        let base = Ranked::new(Layer::build(rules, Effort::BASE), of_base);
        let overlay = Ranked::new(Layer::build(Vec::new(), Effort::OVERLAY), |_| NONE);
        Ok(Self { base, overlay, order })
    }

    /// The list after some edits: the same base, with what is new in the overlay, compiled afresh when that is full. Costs
    /// what the edits and the overlay are worth, not the base.
    ///
    /// # Errors
    /// An edit names a rank that is not there, or too many rules.
    pub fn edited(&self, edits: &[Edit]) -> Result<Self, BuildError> {
        let count = self.order.len() as u32;
        let mut removed = HashSet::new();
        let mut inserts: Vec<(u32, &Rule)> = Vec::new();
        for edit in edits {
            match edit {
                Edit::Remove { rank } if *rank < count && removed.insert(*rank) => {}
                Edit::Insert { before, rule } if *before <= count => inserts.push((*before, rule)),
                Edit::Remove { rank } | Edit::Insert { before: rank, .. } => {
                    return Err(BuildError::NoSuchRank { rank: *rank });
                }
            }
        }
        inserts.sort_by_key(|(before, _)| *before);
        let length = count as usize + inserts.len() - removed.len();
        if length > RULES_MAX {
            return Err(BuildError::TooManyRules { count: length });
        }
        let (mut base, mut live) = (self.base.clone(), self.order.live().to_vec());
        let mut dropped = HashSet::new();
        for place in removed.iter().filter_map(|rank| self.order.place(*rank)) {
            match place {
                Place::Overlay(at) => drop(dropped.insert(at)),
                Place::Base(rule) => {
                    live[rule as usize / WORD] &= !(1 << (rule % WORD as u32));
                    base.remove(rule);
                }
            }
        }
        let (anchors, fresh) = self.overlay_with(&inserts, &dropped);
        if fresh.len() > OVERLAY_MAX {
            return Self::build(merged(&live, &base.layer.rules, &anchors, &fresh));
        }
        let order = Order::of(live.into(), anchors.into());
        let orders = order.orders();
        let overlay = Ranked::new(Layer::build(fresh, Effort::OVERLAY), |rule| orders[rule as usize]);
        Ok(Self { base, overlay, order })
    }

    /// The overlay after some inserts, by rank before, and without some of its rules: where each rule stands in the
    /// base, and the rule.
    fn overlay_with(&self, inserts: &[(u32, &Rule)], dropped: &HashSet<u32>) -> (Vec<u32>, Vec<Rule>) {
        let known = self.order.anchors();
        // Behind which rule: how many rules of the base and of the overlay stand before.
        let stands = |before: u32| match before.checked_sub(1).and_then(|last| self.order.place(last)) {
            None => (0, 0),
            Some(Place::Base(rule)) => (rule + 1, known.partition_point(|anchor| *anchor <= rule)),
            Some(Place::Overlay(at)) => (known[at as usize], at as usize + 1),
        };
        let mut inserts = inserts.iter().map(|(before, rule)| (stands(*before), *rule)).peekable();
        let (mut anchors, mut fresh) = (Vec::new(), Vec::new());
        for at in 0..=known.len() {
            while let Some(((anchor, _), rule)) = inserts.next_if(|((_, place), _)| *place == at) {
                anchors.push(anchor);
                fresh.push(rule.clone());
            }
            if at < known.len() && !dropped.contains(&(at as u32)) {
                anchors.push(known[at]);
                fresh.push(self.overlay.layer.rules[at].clone());
            }
        }
        (anchors, fresh)
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
        self.order.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.len() == 0
    }

    #[must_use]
    pub fn rule(&self, rank: u32) -> Option<&Rule> {
        self.order.place(rank).map(|place| self.at(place))
    }

    /// All rules in order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        (0..self.order.len() as u32).filter_map(|rank| self.rule(rank))
    }

    /// The first rule that holds.
    #[must_use]
    pub fn lookup(&self, tuple: &Tuple) -> Option<Match> {
        self.lookup_from(tuple, 0)
    }

    /// The first rule of this rank or higher that holds.
    #[must_use]
    pub fn lookup_from(&self, tuple: &Tuple, floor: u32) -> Option<Match> {
        let floor = if floor == 0 { 0 } else { self.order.order(floor) };
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
        layers.iter().sum::<usize>() + self.order.bytes()
    }

    /// Whether the base answers a lookup by names.
    #[cfg(test)]
    pub(crate) fn is_by_name(&self, tuple: &Tuple) -> bool {
        let bounds = Bounds { floor: 0, best: Ranking::NONE };
        let holds = |rule: u32| self.base.layer.rules[rule as usize].holds(tuple);
        self.base.planes().all(|(plane, view)| plane.first_named(tuple, view, bounds, &holds).is_some())
    }

    fn at(&self, place: Place) -> &Rule {
        match place {
            Place::Base(at) => &self.base.layer.rules[at as usize],
            Place::Overlay(at) => &self.overlay.layer.rules[at as usize],
        }
    }

    fn matched(&self, tuple: &Tuple, found: Ranking) -> Option<Match> {
        let Ranking { order, key } = found;
        if order == NONE {
            return None;
        }
        let rank = self.order.rank(order);
        debug_assert!(
            self.rule(rank).is_some_and(|rule| rule.key == key && rule.holds(tuple)),
            "a rule that was found holds"
        );
        Some(Match { rank, key })
    }
}

impl Ranked {
    fn new(layer: Layer, order_of: impl Fn(u32) -> u32) -> Self {
        Self { views: layer.views(order_of), layer: Arc::new(layer) }
    }

    /// The list no longer has a rule.
    fn remove(&mut self, rule: u32) {
        for (plane, view) in self.layer.planes.iter().zip(&mut self.views) {
            view.remove(plane, plane.by_rule.of(rule));
        }
    }

    fn planes(&self) -> impl Iterator<Item = (&Plane, &View)> {
        self.layer.planes.iter().zip(&*self.views)
    }

    fn first(&self, tuple: &Tuple, bounds: Bounds) -> Ranking {
        let Bounds { floor, mut best } = bounds;
        for (plane, view) in self.planes() {
            let holds = |rule: u32| self.layer.rules[rule as usize].holds(tuple);
            best = plane.first(tuple, view, Bounds { floor, best }, holds);
        }
        best
    }

    /// Lowers `best` of each tuple.
    fn batch(&self, tuples: &[Tuple], best: &mut [Ranking; BATCH]) {
        for (plane, view) in self.planes() {
            let holds = |at: usize, rule: u32| self.layer.rules[rule as usize].holds(&tuples[at]);
            let left = plane.first_of_named(tuples, view, best, &holds);
            plane.first_of(tuples, left, view, best, &holds);
        }
    }
}

/// What a base has left and an overlay, one list.
fn merged(live: &[u64], base: &[Rule], anchors: &[u32], overlay: &[Rule]) -> Vec<Rule> {
    let mut overlay = anchors.iter().zip(overlay).peekable();
    let mut out = Vec::new();
    for at in 0..=base.len() {
        while let Some((_, rule)) = overlay.next_if(|(anchor, _)| **anchor as usize == at) {
            out.push(rule.clone());
        }
        if at < base.len() && live[at / WORD] >> (at % WORD) & 1 == 1 {
            out.push(base[at].clone());
        }
    }
    out
}

/// The first order of a layer alone, however it was built.
#[cfg(test)]
pub(crate) fn first(layer: &Layer, views: &[View], tuple: &Tuple) -> Option<u32> {
    let mut best = Ranking::NONE;
    for (plane, view) in layer.planes.iter().zip(views) {
        let holds = |rule: u32| layer.rules[rule as usize].holds(tuple);
        best = plane.first(tuple, view, Bounds { floor: 0, best }, holds);
    }
    (best.order != NONE).then_some(best.order)
}
