//! Answers about firewall filters and policers.

use serde::{Deserialize, Serialize};

/// A counter, or what a policer has kept from passing unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterLine {
    pub name: String,
    pub bytes: u64,
    pub packets: u64,
}

/// One filter, or one instance of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterEntry {
    pub name: String,
    pub counters: Vec<CounterLine>,
    pub policers: Vec<CounterLine>,
    /// The same policers with all that they saw, when it was asked for.
    pub detail: Vec<PolicerLine>,
}

/// Bytes and packets of a policer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicerLine {
    pub name: String,
    pub beyond: (u64, u64),
    pub offered: (u64, u64),
    pub transmitted: (u64, u64),
    /// Green, yellow and red, of a policer that knows three colours.
    pub colours: Option<[(u64, u64); 3]>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallList {
    pub filters: Vec<FilterEntry>,
    pub depth: FirewallDepth,
}

/// How much of filters is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FirewallDepth {
    /// Names only.
    Terse,
    #[default]
    Brief,
    /// All that policers saw, too.
    Detail,
}

/// A packet that a filter logged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterLogLine {
    /// Seconds since 1970, UTC.
    pub time_s: i64,
    pub filter: String,
    /// `A`, `D` or `R`.
    pub action: String,
    pub interface: String,
    pub protocol: String,
    pub source: String,
    pub destination: String,
    pub bytes: u32,
}

/// What stands at one unit for one family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceFilterLine {
    pub interface: String,
    pub family: String,
    pub input: Vec<String>,
    pub output: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceFilterList {
    pub lines: Vec<InterfaceFilterLine>,
    /// Of policers instead.
    pub policers: bool,
}
