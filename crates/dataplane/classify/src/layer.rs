//! A list of rules with the planes that find them: the base of a classifier, or its overlay.

use std::collections::HashSet;
use std::sync::Arc;

use crate::conditions::Effort;
use crate::plane::Plane;
use crate::rows::ENTRIES_MAX;
use crate::rule::Rule;
use crate::service;
use crate::view::View;

/// Rules of one list at most.
pub const RULES_MAX: usize = 1 << 22;

/// A list that can't be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// More than [`RULES_MAX`].
    TooManyRules { count: usize },
    /// An edit names a rank that the list does not have, or removes one twice.
    NoSuchRank { rank: u32 },
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooManyRules { count } => write!(f, "{count} rules are more than {RULES_MAX}"),
            Self::NoSuchRank { rank } => write!(f, "the list has no rule of rank {rank} to change"),
        }
    }
}

impl std::error::Error for BuildError {}

#[derive(Debug)]
pub(crate) struct Layer {
    pub rules: Box<[Rule]>,
    /// Each of consecutive rules; more than one only beyond [`ENTRIES_MAX`].
    pub planes: Box<[Plane]>,
}

impl Layer {
    pub(crate) fn build(rules: Vec<Rule>, effort: Effort) -> Self {
        let mut planes = Vec::new();
        let (mut first, mut entries) = (0, 0);
        for (at, rule) in rules.iter().enumerate() {
            let more = service::count(&rule.terms);
            if entries + more > ENTRIES_MAX {
                planes.push(Plane::build(&rules[first..at], first, effort));
                (first, entries) = (at, 0);
            }
            entries += more;
        }
        if first < rules.len() {
            planes.push(Plane::build(&rules[first..], first, effort));
        }
        Self { rules: rules.into(), planes: planes.into() }
    }

    /// `rank_of`: by rule.
    pub(crate) fn views(&self, rank_of: &[u32]) -> Box<[View]> {
        self.planes.iter().map(|plane| View::new(plane, &self.rules, rank_of)).collect()
    }

    /// Bytes of planes, rules, and sets that `seen` does not have yet.
    pub(crate) fn bytes(&self, seen: &mut HashSet<usize>) -> usize {
        let planes: usize = self.planes.iter().map(Plane::bytes).sum();
        let mut rules = size_of_val(&*self.rules);
        for rule in &self.rules {
            if seen.insert(rule.terms.as_ptr().addr()) {
                rules += size_of_val(&*rule.terms);
            }
            for addresses in [&rule.source, &rule.destination] {
                if seen.insert(addresses.sets.as_ptr().addr()) {
                    rules += size_of_val(&*addresses.sets);
                }
                let sets = addresses.sets.iter().filter(|set| seen.insert(Arc::as_ptr(set).addr()));
                rules += sets.map(|set| set.bytes()).sum::<usize>();
            }
        }
        planes + rules
    }
}
