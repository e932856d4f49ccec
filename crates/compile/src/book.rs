//! Stable ids: a name keeps its id for as long as anything may remember it.
//!
//! State: persisted with the commit. Ids are given in order and never reused, but where nothing remembers any: see
//! [`IdBook::renew`].

use ravelin_filter::FilterCounterId;
use ravelin_nat::PoolId;
use ravelin_types::{InstanceId, InterfaceId, MirrorId, NatRuleId, PolicyId, PortId, RuleIdentity, ZoneId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::names::Names;
use crate::sections::Sections;

/// Counters of filters that a worker has room for, those of filters that were taken away too.
const COUNTERS_MAX: u32 = 1 << 20;

/// Applications that sessions can name, those that were taken away too.
const APPLICATIONS_MAX: u32 = u16::MAX as u32;

const INSTANCES_MAX: u32 = InstanceId::MAX as u32 + 1;

/// There are no ids of a kind left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no {kind} ids are left, as names that are gone keep theirs while sessions may have them: \
     start daemon and packet process anew"
)]
pub struct BookError {
    pub(crate) kind: &'static str,
}

/// Names and their ids, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdBook {
    zones: Names,
    ports: Names,
    units: Names,
    policies: Names,
    nat_rules: Names,
    #[serde(default)]
    source_pools: Names,
    #[serde(default)]
    mirrors: Names,
    #[serde(default)]
    filters: Names,
    #[serde(default)]
    filter_counters: Names,
    #[serde(default)]
    applications: Names,
    #[serde(default)]
    instances: Names,
    /// What was compiled with these ids.
    #[serde(skip)]
    pub(crate) sections: Sections,
}

/// An id as it was given out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub kind: String,
    pub name: String,
    pub id: u32,
}

impl IdBook {
    fn kinds(&mut self) -> [(&'static str, &mut Names); 11] {
        let Self {
            zones,
            ports,
            units,
            policies,
            nat_rules,
            source_pools,
            mirrors,
            filters,
            filter_counters,
            applications,
            instances,
            sections: _,
        } = self;
        [
            ("zone", zones),
            ("port", ports),
            ("unit", units),
            ("policy", policies),
            ("nat-rule", nat_rules),
            ("source-pool", source_pools),
            ("mirror", mirrors),
            ("filter", filters),
            ("filter-counter", filter_counters),
            ("application", applications),
            ("routing-instance", instances),
        ]
    }

    /// Ids given out since [`Self::saved`], in that order by kind.
    #[must_use]
    pub fn unsaved(&mut self) -> Vec<Given> {
        let given = |(kind, names): (&'static str, &mut Names)| -> Vec<Given> {
            let one = |(name, id)| Given { kind: kind.to_owned(), name, id };
            names.unsaved().into_iter().map(one).collect()
        };
        self.kinds().into_iter().flat_map(given).collect()
    }

    /// All of it is in a file.
    pub fn saved(&mut self) {
        self.kinds().into_iter().for_each(|(_, names)| names.saved());
    }

    /// Forgets every name of the kinds of which half of the ids are given out. Only for a plane that has had no program yet:
    /// nothing remembers an id. True: something was forgotten.
    #[must_use]
    pub fn renew(&mut self) -> bool {
        let small = u32::from(u16::MAX);
        let kinds = [
            (&mut self.zones, small),
            (&mut self.ports, small),
            (&mut self.units, small),
            (&mut self.source_pools, small),
            (&mut self.mirrors, small),
            (&mut self.filter_counters, COUNTERS_MAX),
            (&mut self.applications, APPLICATIONS_MAX),
            (&mut self.instances, INSTANCES_MAX),
        ];
        let worn = kinds.into_iter().filter(|(names, max)| names.next > max / 2);
        worn.map(|(names, _)| *names = Names::default()).count() > 0
    }

    /// Takes an id as it was given out once. False: it can't be, for the name has another, or the kind is unknown.
    #[must_use]
    pub fn give(&mut self, given: &Given) -> bool {
        let Given { kind, name, id } = given;
        let Some((_, names)) = self.kinds().into_iter().find(|(known, _)| known == kind) else {
            return false;
        };
        names.give(name, *id)
    }

    /// # Errors
    /// All 65,534 zone ids are given out. 0 is `junos-host`.
    pub fn zone(&mut self, name: &str) -> Result<ZoneId, BookError> {
        self.zones.id(name, "zone", 1, u16::MAX.into()).map(|id| ZoneId(id as u16))
    }

    /// # Errors
    /// All port ids are given out.
    pub fn port(&mut self, name: &str) -> Result<PortId, BookError> {
        self.ports.id(name, "interface", 0, u16::MAX.into()).map(|id| PortId(id as u16))
    }

    /// # Errors
    /// All unit ids are given out. 65,535 stands for the firewall itself.
    pub fn unit(&mut self, name: &str) -> Result<InterfaceId, BookError> {
        self.units.id(name, "unit", 0, u16::MAX.into()).map(|id| InterfaceId(id as u16))
    }

    /// # Errors
    /// All policy ids are given out.
    pub fn policy(&mut self, name: &str) -> Result<PolicyId, BookError> {
        self.policies.id(name, "policy", 1, u32::MAX).map(PolicyId)
    }

    /// # Errors
    /// All NAT rule ids are given out.
    pub fn nat_rule(&mut self, name: &str) -> Result<NatRuleId, BookError> {
        self.nat_rules.id(name, "NAT rule", 1, u32::MAX).map(NatRuleId)
    }

    /// # Errors
    /// All source pool numbers are given out. The last stands for interfaces.
    pub fn source_pool(&mut self, name: &str) -> Result<PoolId, BookError> {
        self.source_pools.id(name, "source pool", 1, u16::MAX.into()).map(|id| PoolId(id as u16))
    }

    /// # Errors
    /// All mirror numbers are given out. 0 is the instance without a name.
    pub fn mirror(&mut self, name: &str) -> Result<MirrorId, BookError> {
        self.mirrors.id(name, "mirror", 1, u16::MAX.into()).map(|id| MirrorId(id as u16))
    }

    /// # Errors
    /// All ids of firewall filters are given out.
    pub fn filter(&mut self, name: &str) -> Result<u32, BookError> {
        self.filters.id(name, "firewall filter", 1, u32::MAX)
    }

    /// # Errors
    /// All ids of filter counters are given out.
    pub fn filter_counter(&mut self, name: &str) -> Result<FilterCounterId, BookError> {
        self.filter_counters.id(name, "filter counter", 0, COUNTERS_MAX).map(FilterCounterId)
    }

    /// # Errors
    /// All numbers of applications are given out.
    pub fn application(&mut self, name: &str) -> Result<u32, BookError> {
        self.applications.id(name, "application", 0, APPLICATIONS_MAX)
    }

    /// # Errors
    /// All ids of routing instances are given out. 0 is the default one.
    pub fn instance(&mut self, name: &str) -> Result<InstanceId, BookError> {
        self.instances.id(name, "routing instance", 1, INSTANCES_MAX).map(|id| InstanceId(id as u16))
    }

    /// The id of an instance already compiled; `None` as its name means the default one.
    #[must_use]
    pub fn find_instance(&self, name: Option<&str>) -> Option<InstanceId> {
        match name {
            None => Some(InstanceId::DEFAULT),
            Some(name) => self.instances.find(name).map(|id| InstanceId(id as u16)),
        }
    }

    /// The id of a unit already compiled.
    #[must_use]
    pub fn find_unit(&self, name: &str) -> Option<InterfaceId> {
        self.units.find(name).map(|id| InterfaceId(id as u16))
    }
}

/// What hit counts are keyed by: the same for the same name on every node, before and after a
/// restart.
pub(crate) fn identity(name: &str) -> RuleIdentity {
    let hash = Sha256::digest(name);
    RuleIdentity(hash.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_id_and_a_new_one_renumbers_nothing() {
        let mut book = IdBook::default();
        let trust = book.zone("trust").unwrap();
        let untrust = book.zone("untrust").unwrap();
        let text = serde_json::to_string(&book).unwrap();
        let mut book: IdBook = serde_json::from_str(&text).unwrap();
        assert_eq!(book.zone("dmz").unwrap(), ZoneId(3));
        assert_eq!((book.zone("trust").unwrap(), book.zone("untrust").unwrap()), (trust, untrust));
        assert_ne!(trust, ZoneId::HOST);
    }
}
