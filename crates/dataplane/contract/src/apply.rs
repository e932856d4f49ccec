//! What checking and applying a program answer.

use std::collections::BTreeMap;

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
    pub policy_names: BTreeMap<PolicyId, String>,
    pub app_names: BTreeMap<u32, String>,
    pub policy_schedule_slots: Vec<String>,
    pub managed_interfaces: Vec<ManagedInterface>,
    pub capabilities: Capabilities,
}
