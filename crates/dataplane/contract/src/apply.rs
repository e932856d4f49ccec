//! What checking and applying a program answer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ravelin_program::{Chunk, Program};
use ravelin_types::{Generation, PolicyId, ZoneId};

/// A statement the backend can't enforce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Path of the configuration statement.
    pub path: String,
    pub reason: String,
}

/// Whether a program could be applied as it stands. Everything is allocated when `refusals` is
/// empty: applying the same digest only swaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    pub refusals: Vec<Refusal>,
}

/// What the backend enforces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    pub supported: Vec<String>,
    pub refusals: Vec<Refusal>,
}

/// The terms of one filter among all rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterSpan {
    pub filter_id: u32,
    pub rule_start: u32,
    pub rule_count: u32,
}

/// An interface that the backend has taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedInterface {
    pub name: String,
    pub device: String,
    /// How packets are taken: the backend's word, for people.
    pub mode: String,
}

/// The outcome of an apply. Ids are valid only with counters of the same generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyResult {
    pub generation: Generation,
    pub zone_ids: BTreeMap<String, ZoneId>,
    pub filter_ids: BTreeMap<String, u32>,
    pub filter_spans: BTreeMap<String, FilterSpan>,
    pub nat_counter_ids: BTreeMap<String, u32>,
    pub pool_ids: BTreeMap<String, u32>,
    pub policy_names: PolicyNames,
    pub app_names: BTreeMap<u32, String>,
    pub policy_schedule_slots: Vec<String>,
    pub managed_interfaces: Vec<ManagedInterface>,
    pub capabilities: Capabilities,
}

/// Names of policies by id. Those of a program are shared with it: to name a hundred thousand costs nothing.
#[derive(Clone)]
pub struct PolicyNames(Names);

#[derive(Clone)]
enum Names {
    /// Sections, in runs.
    Program(Vec<Arc<Chunk>>),
    Listed(BTreeMap<PolicyId, String>),
}

impl PolicyNames {
    #[must_use]
    pub fn of(program: &Program) -> Self {
        Self(Names::Program(program.section_chunks().map(|(_, chunk)| chunk.clone()).collect()))
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (PolicyId, &str)> {
        let (chunks, listed) = match &self.0 {
            Names::Program(chunks) => (&chunks[..], None),
            Names::Listed(listed) => (&[][..], Some(listed)),
        };
        let sections = chunks.iter().filter_map(|chunk| match &**chunk {
            Chunk::Section(section) => Some(section),
            _ => None,
        });
        let of_program =
            sections.flat_map(|section| section.policies.iter().map(|(_, p)| (p.id, p.name.as_str())));
        of_program.chain(listed.into_iter().flatten().map(|(id, name)| (*id, name.as_str())))
    }

    /// Looks at all of them.
    #[must_use]
    pub fn get(&self, id: PolicyId) -> Option<&str> {
        self.iter().find(|(known, _)| *known == id).map(|(_, name)| name)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    fn listed(&self) -> BTreeMap<PolicyId, &str> {
        self.iter().collect()
    }
}

impl Default for PolicyNames {
    fn default() -> Self {
        Self(Names::Listed(BTreeMap::new()))
    }
}

impl FromIterator<(PolicyId, String)> for PolicyNames {
    fn from_iter<I: IntoIterator<Item = (PolicyId, String)>>(names: I) -> Self {
        Self(Names::Listed(names.into_iter().collect()))
    }
}

/// Equal when they name the same, wherever they have it from.
impl PartialEq for PolicyNames {
    fn eq(&self, other: &Self) -> bool {
        self.listed() == other.listed()
    }
}

impl Eq for PolicyNames {}

impl fmt::Debug for PolicyNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.listed()).finish()
    }
}
