//! Names for the ids that the plane answers with, out of the program that it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use ravelin_nat::PoolId;
use ravelin_program::{
    DestinationAction, DestinationPool, DestinationRule, DestinationRuleSet, Interface, NatContext, Program,
    SourcePool, SourceRule, SourceRuleSet, StaticRule, StaticRuleSet, Text, ZoneMatch,
};
use ravelin_types::{InstanceId, InterfaceId, NatRuleId, PolicyId, ZoneId};

use crate::answer::NatKind;
use crate::policy_names::{Found, PolicyNames};
use crate::table::Arg;

/// What Junos calls the policy of sessions that the firewall's own traffic makes.
const SELF_TRAFFIC: &str = "self-traffic-policy";
/// The host's zone.
const JUNOS_HOST: &str = "junos-host";

/// A policy by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyName {
    pub name: Text,
    /// Empty: any. Policies of one pair share the names of its zones.
    pub from: Arc<[String]>,
    /// Empty: any.
    pub to: Arc<[String]>,
    pub global: bool,
    /// Place among the policies of its zones, or among the global ones, from 1.
    pub sequence: u32,
}

/// The names of one program. Empty before the first commit.
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    program: Option<Program>,
    zones: BTreeMap<ZoneId, String>,
    units: BTreeMap<InterfaceId, String>,
    policies: PolicyNames,
    nat_rules: BTreeMap<NatRuleId, String>,
}

impl NameTable {
    /// The names of a program, which the table keeps (its chunks are shared).
    #[must_use]
    pub fn new(program: &Program) -> Self {
        let mut table = Self { program: Some(program.clone()), ..Self::default() };
        let zones = program.zones().map_or(&[][..], |z| &z.0);
        table.zones = zones.iter().map(|z| (z.id, z.name.clone())).collect();
        table.units = table.interfaces().iter().map(|u| (u.id, u.name.clone())).collect();
        table.policies = PolicyNames::new(program, |zones| table.pair(zones));
        let named = |id, name: &String| (id, name.clone());
        let nat: BTreeMap<_, _> = table
            .source_rules()
            .map(|(_, r)| named(r.id, &r.name))
            .chain(table.destination_rules().map(|(_, r)| named(r.id, &r.name)))
            .chain(table.static_rules().map(|(_, r)| named(r.id, &r.name)))
            .collect();
        table.nat_rules = nat;
        table
    }

    fn pair(&self, zones: &ZoneMatch) -> (Arc<[String]>, Arc<[String]>) {
        (self.zone_names(&zones.from).into(), self.zone_names(&zones.to).into())
    }

    #[must_use]
    pub fn program(&self) -> Option<&Program> {
        self.program.as_ref()
    }

    #[must_use]
    pub fn zone(&self, id: ZoneId) -> String {
        match self.zones.get(&id) {
            Some(name) => name.clone(),
            None if id == ZoneId::HOST => JUNOS_HOST.to_owned(),
            None => format!("zone-{id}"),
        }
    }

    /// `None`: not in the program.
    #[must_use]
    pub fn find_zone(&self, id: ZoneId) -> Option<&str> {
        self.zones.get(&id).map(String::as_str)
    }

    /// `None`: not in the program.
    #[must_use]
    pub fn find_unit(&self, id: InterfaceId) -> Option<&str> {
        self.units.get(&id).map(String::as_str)
    }

    /// `None`: not in the program.
    #[must_use]
    pub fn find_nat_rule(&self, id: NatRuleId) -> Option<&str> {
        self.nat_rules.get(&id).map(String::as_str)
    }

    /// The zone of a name, the firewall's own too.
    #[must_use]
    pub fn zone_id(&self, name: &str) -> Option<ZoneId> {
        if name == JUNOS_HOST {
            return Some(ZoneId::HOST);
        }
        self.zones.iter().find(|(_, zone)| *zone == name).map(|(id, _)| *id)
    }

    /// The zone that packets of a unit come from; what the firewall sends comes from its own.
    #[must_use]
    pub fn zone_of(&self, unit: InterfaceId, from_host: bool) -> Option<ZoneId> {
        if from_host {
            return Some(ZoneId::HOST);
        }
        self.interfaces().iter().find(|known| known.id == unit)?.zone
    }

    #[must_use]
    pub fn zone_names(&self, ids: &[ZoneId]) -> Vec<String> {
        ids.iter().map(|id| self.zone(*id)).collect()
    }

    /// A unit's name; `None` is the firewall itself.
    #[must_use]
    pub fn unit(&self, id: Option<InterfaceId>) -> String {
        match id {
            None => ".local..0".to_owned(),
            Some(id) => self.units.get(&id).cloned().unwrap_or_else(|| format!("unit-{id}")),
        }
    }

    /// The unit of a name; a device's name means its unit 0.
    #[must_use]
    pub fn unit_id(&self, name: &str) -> Option<InterfaceId> {
        let full = if name.contains('.') { name.to_owned() } else { format!("{name}.0") };
        self.units.iter().find(|(_, n)| **n == full).map(|(id, _)| *id)
    }

    #[must_use]
    pub fn policy(&self, id: PolicyId) -> Option<PolicyName> {
        let Found { from, to, section, narrow, policy, sequence } = self.policies.find(id)?;
        let global = section.zones.from.is_empty() && section.zones.to.is_empty();
        let (from, to) = if global { self.pair(narrow) } else { (from.clone(), to.clone()) };
        Some(PolicyName { name: policy.name.clone(), from, to, global, sequence })
    }

    /// The name alone, which costs nothing.
    #[must_use]
    pub fn policy_name(&self, id: PolicyId) -> Option<&str> {
        self.policies.find(id).map(|found| found.policy.name.as_str())
    }

    /// `name/index`, as session lines have it.
    #[must_use]
    pub fn policy_label(&self, id: PolicyId) -> String {
        match self.policy_name(id) {
            Some(name) => format!("{name}/{id}"),
            None if id == PolicyId(u32::MAX) => format!("{SELF_TRAFFIC}/1"),
            None => format!("N/A/{id}"),
        }
    }

    #[must_use]
    pub fn nat_rule(&self, id: NatRuleId) -> String {
        self.nat_rules.get(&id).cloned().unwrap_or_else(|| format!("rule-{id}"))
    }

    /// The number of a NAT rule; `None`: there is none of this name.
    #[must_use]
    pub fn nat_rule_id(&self, kind: NatKind, set: &str, rule: &str) -> Option<NatRuleId> {
        match kind {
            NatKind::Source => {
                self.source_rules().find(|(s, r)| s.name == set && r.name == rule).map(|(_, r)| r.id)
            }
            NatKind::Destination => {
                self.destination_rules().find(|(s, r)| s.name == set && r.name == rule).map(|(_, r)| r.id)
            }
            NatKind::Static => {
                self.static_rules().find(|(s, r)| s.name == set && r.name == rule).map(|(_, r)| r.id)
            }
        }
    }

    #[must_use]
    pub fn application(&self, index: u32) -> Option<&str> {
        self.program.as_ref()?.application_names().get(index as usize).map(String::as_str)
    }

    /// Every unit, in the program's order.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        self.program.as_ref().and_then(Program::interfaces).map_or(&[], |i| &i.units)
    }

    /// Every source NAT rule with its rule-set, in order of evaluation.
    pub fn source_rules(&self) -> impl Iterator<Item = (&SourceRuleSet, &SourceRule)> {
        let sets = self.program.as_ref().and_then(Program::source_nat).map_or(&[][..], |n| &n.0);
        sets.iter().flat_map(|set| set.rules.iter().map(move |rule| (set, rule)))
    }

    /// Every destination NAT rule with its rule-set, in order of evaluation.
    pub fn destination_rules(&self) -> impl Iterator<Item = (&DestinationRuleSet, &DestinationRule)> {
        let sets = self.program.as_ref().and_then(Program::destination_nat).map_or(&[][..], |n| &n.0);
        sets.iter().flat_map(|set| set.rules.iter().map(move |rule| (set, rule)))
    }

    /// Every static NAT rule with its rule-set, in order of evaluation.
    pub fn static_rules(&self) -> impl Iterator<Item = (&StaticRuleSet, &StaticRule)> {
        let sets = self.program.as_ref().and_then(Program::static_nat).map_or(&[][..], |n| &n.rule_sets);
        sets.iter().flat_map(|set| set.rules.iter().map(move |rule| (set, rule)))
    }

    /// Every source pool.
    pub fn source_pools(&self) -> &[SourcePool] {
        self.program.as_ref().and_then(Program::source_pools).map_or(&[][..], |x| &x.pools)
    }

    /// The source pool with a number.
    #[must_use]
    pub fn source_pool(&self, id: PoolId) -> Option<&SourcePool> {
        self.source_pools().iter().find(|pool| pool.spec.id == id)
    }

    /// The name of the source pool with a number.
    #[must_use]
    pub fn source_pool_name(&self, number: u32) -> Option<&str> {
        let id = u16::try_from(number).ok().map(PoolId)?;
        self.source_pool(id).map(|pool| pool.name.as_str())
    }

    /// The pools that destination rules use, each with a rule that does.
    pub fn nat_pools(&self) -> impl Iterator<Item = (&DestinationRule, &DestinationPool)> {
        self.destination_rules().filter_map(|(_, rule)| match &rule.action {
            DestinationAction::Pool(pool) => Some((rule, pool)),
            DestinationAction::Off => None,
        })
    }

    /// `zone` or `interface` and the names, as a rule-set's context is shown.
    #[must_use]
    pub fn nat_context(&self, context: &NatContext) -> (&'static str, Vec<String>) {
        match context {
            NatContext::Zones(ids) => ("zone", self.zone_names(ids)),
            NatContext::Interfaces(ids) => ("interface", ids.iter().map(|id| self.unit(Some(*id))).collect()),
            NatContext::Instances { ids, .. } => {
                let name = |id: &InstanceId| self.instance(*id).unwrap_or("default").to_owned();
                ("routing-instance", ids.iter().map(name).collect())
            }
        }
    }

    /// Routing instances beside the default one.
    pub fn instances(&self) -> impl Iterator<Item = (InstanceId, &str)> {
        let interfaces = self.program.as_ref().and_then(Program::interfaces);
        let all = interfaces.map_or(&[][..], |interfaces| &interfaces.instances);
        all.iter().map(|instance| (instance.id, instance.name.as_str()))
    }

    /// The name of a routing instance; `None`: it is the default one.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> Option<&str> {
        self.instances().find(|(known, _)| *known == id).map(|(_, name)| name)
    }

    /// The routing instance of a name; Junos has two for the default one.
    #[must_use]
    pub fn instance_id(&self, name: &str) -> Option<InstanceId> {
        match name {
            "default" | "master" => Some(InstanceId::DEFAULT),
            _ => self.instances().find(|(_, known)| *known == name).map(|(id, _)| id),
        }
    }

    pub(crate) fn zone_list(&self) -> impl Iterator<Item = &str> {
        self.zones.values().map(String::as_str)
    }

    pub(crate) fn policy_list(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(|policy| policy.name.as_str())
    }

    /// Whether something of a kind has this name; never of kinds whose names are not those of the program.
    pub(crate) fn has(&self, kind: Arg, name: &str) -> bool {
        match kind {
            Arg::Zone => self.zone_list().any(|zone| zone == name),
            Arg::Policy => self.policy_list().any(|policy| policy == name),
            Arg::NatRule => self.nat_rule_list().any(|rule| rule == name),
            Arg::NatPool => self.nat_pools().any(|(_, pool)| pool.name == name),
            Arg::SourcePool => self.source_pools().iter().any(|pool| pool.name == name),
            Arg::Interface => self.interfaces().iter().any(|unit| unit.name == name),
            Arg::ZoneType
            | Arg::Address
            | Arg::Prefix
            | Arg::Port
            | Arg::Protocol
            | Arg::Family
            | Arg::Number
            | Arg::SessionId
            | Arg::Time
            | Arg::Severity
            | Arg::Name
            | Arg::ConfigPath => false,
        }
    }

    pub(crate) fn nat_rule_list(&self) -> impl Iterator<Item = &str> {
        self.nat_rules.values().map(String::as_str)
    }
}
