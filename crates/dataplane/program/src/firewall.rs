//! Firewall filters and policers, and where they stand.
//!
//! Junos: `firewall`, `interfaces .. family .. filter|policer`. What a term looks for and does is said in the filter
//! library's own words, what a policer limits in the policer library's. Names are for people; a counter's id and a
//! policer instance's two identities survive commits. Spec: firewall-filter-55..62.

use ravelin_filter::{Filter, FilterCounterId, Term};
use ravelin_policer::{MeterKey, Spec};
use ravelin_types::{Family, InterfaceId, MeterId, RuleIdentity};

/// A term by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirewallTerm {
    pub name: String,
    pub term: Term,
}

/// A filter, or one instance of it where each interface has its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirewallFilter {
    /// Stable by name over commits.
    pub id: u32,
    /// As `show firewall` names it: `f`, or `f-ge-0/0/0.0-i`.
    pub name: String,
    pub family: Family,
    pub terms: Vec<FirewallTerm>,
    /// In the order of the terms, each once.
    pub counters: Vec<(FilterCounterId, String)>,
}

/// One instance of a policer. Its place in [`Firewall::policers`] is its [`MeterId`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicerInstance {
    pub name: String,
    /// The filter that it is shown with; `None`: it stands at an interface.
    pub filter: Option<u32>,
    pub key: MeterKey,
    pub spec: Spec,
}

/// The way of packets past an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    Input,
    Output,
}

/// Where filters stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    Unit(InterfaceId),
    /// `lo0`: the firewall itself.
    Host,
}

/// What packets of one family pass on one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterAttachment {
    pub place: Place,
    pub direction: Direction,
    pub family: Family,
    /// Ids, walked as if their terms stood in one filter.
    pub filters: Vec<u32>,
    pub policer: Option<MeterId>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Firewall {
    pub filters: Vec<FirewallFilter>,
    pub policers: Vec<PolicerInstance>,
    pub attachments: Vec<FilterAttachment>,
    /// `filter group` of units that have one.
    pub groups: Vec<(InterfaceId, u8)>,
}

impl Firewall {
    #[must_use]
    pub fn filter(&self, id: u32) -> Option<&FirewallFilter> {
        self.filters.iter().find(|filter| filter.id == id)
    }

    /// The instance of a policer with these identities.
    #[must_use]
    pub fn policer(&self, policer: RuleIdentity, place: RuleIdentity) -> Option<&PolicerInstance> {
        self.policers.iter().find(|known| known.key == MeterKey { policer, place })
    }
}

impl FirewallFilter {
    /// The filter as packets are judged by it.
    ///
    /// # Errors
    /// A condition that can't be evaluated as it stands.
    pub fn build(&self) -> Result<Filter, ravelin_filter::BuildError> {
        let terms: Vec<Term> = self.terms.iter().map(|term| term.term.clone()).collect();
        Filter::build(self.family, &terms)
    }
}
