//! The program as the packet path reads it: the same rules behind indexes.
//!
//! Built by the plane's control thread, once for each program; immutable after.

mod cut_offs;
mod host;
mod ids;
mod policy;
mod portable;
mod present;
mod section;
mod tcp_options;
mod words;

use std::sync::Arc;

use ravelin_policer::Meter;
use ravelin_program::{
    Algs, Firewall, FirewallFilter, FlowSettings, Interface, Mirrors, PolicerInstance, Port, Program,
    RoutingInstance, Screens, Tracking, Zone,
};
use ravelin_screen::ScreenTable;
use ravelin_tcp::TcpRules;
use ravelin_tcp::aging::Aging;
use ravelin_types::{Addr, Family, Generation, InstanceId, InterfaceId, MeterId, PolicyId, PortId, ZoneId};

use crate::explain::Recorder;
use crate::express::Gates;
use crate::fabric::Fabrics;
use crate::filters::FilterTable;
use crate::forwarding::Forwarding;
use crate::live::Live;
use crate::mirror::MirrorTable;
use crate::nat::{Nat, NatRuleRef};
pub(crate) use cut_offs::CutOffs;
pub(crate) use policy::{Decision, Tuple};
pub(crate) use portable::text as mark_of;
use words::Configured;

/// What a batch sees: one program, one state of the world.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub rules: Arc<Rules>,
    pub forwarding: Arc<Forwarding>,
    /// Drop everything (disarmed) when false.
    pub armed: bool,
    /// Take frames for any station (replay) instead of our own MAC and groups only.
    pub any_station: bool,
    /// Another number whenever the rules are others: a session that was judged under another one is judged again.
    pub judged: u32,
    /// The links to the other node; `None`: there is none.
    pub fabrics: Option<Arc<Fabrics>>,
}

/// A program that can't be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    pub path: String,
    pub reason: String,
}

/// The indexed program.
#[derive(Clone, Debug)]
pub struct Rules {
    pub generation: Generation,
    pub flow: FlowSettings,
    ports: Vec<Option<Port>>,
    /// By port: its units, VLANs in order, the untagged one first.
    by_vlan: Vec<Vec<(Option<u16>, InterfaceId)>>,
    units: Vec<Option<Interface>>,
    zones: Vec<Option<Zone>>,
    /// Addresses of the firewall and the unit that has them.
    locals: Configured<(InstanceId, Family, Addr), InterfaceId>,
    instances: Arc<[RoutingInstance]>,
    policies: Arc<policy::Policies>,
    /// Those that count what their sessions carry.
    pub(crate) counting: Arc<[PolicyId]>,
    pub(crate) nat: Arc<Nat>,
    pub(crate) tcp: TcpRules,
    tcp_options: Arc<tcp_options::TcpOptions>,
    pub(crate) aging: Aging,
    pub(crate) cut_offs: Arc<CutOffs>,
    pub(crate) algs: Algs,
    pub(crate) screens: ScreenTable,
    pub(crate) filters: Arc<FilterTable>,
    /// No zone has a profile.
    pub(crate) screens_are_off: bool,
    pub(crate) limits: IdLimits,
    pub(crate) mirrors: Arc<MirrorTable>,
    pub(crate) gates: Gates,
}

/// One past the highest id of each kind: how long the counters must be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdLimits {
    pub units: usize,
    pub policies: usize,
    pub nat_rules: usize,
    pub zones: usize,
}

impl Rules {
    /// Indexes a program. What it has in common with the one `before` is shared with that; policers are lent to so
    /// many `workers`.
    ///
    /// # Errors
    /// A part is missing, an id is used twice or refers to nothing, or there are too many policies.
    pub fn build(program: &Program, before: Option<&Self>, workers: u8) -> Result<Self, BuildError> {
        Self::build_in(&Live::default(), program, before, workers)
    }

    /// As [`Rules::build`], in a world of which something is known.
    ///
    /// # Errors
    /// As there.
    pub fn build_in(
        live: &Live,
        program: &Program,
        before: Option<&Self>,
        workers: u8,
    ) -> Result<Self, BuildError> {
        let missing = |what: &str| BuildError { path: what.into(), reason: "missing part".into() };
        let interfaces = program.interfaces().ok_or_else(|| missing("interfaces"))?;
        let zones = program.zones().ok_or_else(|| missing("security zones"))?;
        let flow = program.flow().ok_or_else(|| missing("security flow"))?;
        let mut rules = Self {
            generation: program.generation,
            flow: flow.clone(),
            ports: table("interfaces", interfaces.ports.iter().map(|p| (p.id.index(), p.clone())))?,
            by_vlan: Vec::new(),
            units: table("interfaces", interfaces.units.iter().map(|u| (u.id.index(), u.clone())))?,
            zones: table("security zones", zones.0.iter().map(|z| (z.id.index(), z.clone())))?,
            locals: Configured::default(),
            instances: interfaces.instances.clone().into(),
            policies: Arc::new(policy::Policies::build(program, before.map(|b| &*b.policies), live)?),
            counting: Arc::default(),
            nat: Arc::new(Nat::of(program)),
            tcp: crate::tcp::rules(&flow.tcp),
            tcp_options: Arc::default(),
            aging: crate::tcp::aging(&flow.aging),
            cut_offs: Arc::new(CutOffs::of(&flow.aging)),
            algs: program.algs().cloned().unwrap_or_default(),
            screens: ScreenTable::new(program.screens().unwrap_or(&Screens::default())),
            filters: Arc::new(FilterTable::build(
                program.firewall().unwrap_or(&Firewall::default()),
                before.map(|b| &*b.filters),
                workers,
            )?),
            screens_are_off: program.screens().is_none_or(|s| s.zones.is_empty()),
            limits: IdLimits::default(),
            mirrors: Arc::default(),
            gates: Gates::default(),
        };
        rules.index_units()?;
        rules.limits = rules.id_limits();
        rules.counting = rules.policies().filter(|policy| policy.count).map(|policy| policy.id).collect();
        rules.tcp_options = Arc::new(tcp_options::TcpOptions::of(rules.policies.with_tcp(), &rules.tcp));
        if let Some(mirrors) = program.mirrors() {
            rules.mirrors = Arc::new(MirrorTable::build(mirrors, &rules)?);
        }
        rules.gates = Gates::of(&rules);
        Ok(rules)
    }

    /// The same program where the world is otherwise; `None`: nothing that it hangs on has changed.
    ///
    /// # Errors
    /// The policies can't be indexed.
    pub fn revised(&self, live: &Live) -> Result<Option<Self>, BuildError> {
        let policies = self.policies.revised(live)?;
        Ok(policies.map(|policies| Self { policies: Arc::new(policies), ..self.clone() }))
    }

    fn index_units(&mut self) -> Result<(), BuildError> {
        self.by_vlan.resize_with(self.ports.len(), Vec::new);
        for unit in self.units.iter().flatten() {
            let broken = |reason: &str| BuildError {
                path: format!("interfaces {}", unit.name),
                reason: reason.into(),
            };
            if unit.instance != InstanceId::DEFAULT && self.instance(unit.instance).is_none() {
                return Err(broken("its routing instance does not exist"));
            }
            if !matches!(self.ports.get(unit.port.index()), Some(Some(_))) {
                return Err(broken("its port does not exist"));
            }
            let zone = unit.zone.map(|z| matches!(self.zones.get(z.index()), Some(Some(_))));
            if zone == Some(false) {
                return Err(broken("its zone does not exist"));
            }
            let units = &mut self.by_vlan[unit.port.index()];
            match units.binary_search_by_key(&unit.vlan, |(vlan, _)| *vlan) {
                Ok(_) => return Err(broken("its VLAN is another unit's")),
                Err(at) => units.insert(at, (unit.vlan, unit.id)),
            }
            for address in &unit.addresses {
                self.locals.insert((unit.instance, address.family, address.addr), unit.id);
            }
        }
        Ok(())
    }

    fn id_limits(&self) -> IdLimits {
        IdLimits {
            units: self.units.len(),
            policies: self.policies.ids(),
            zones: self.zones.len(),
            nat_rules: self.nat.rules().map(|r| r.id.index() + 1).max().unwrap_or(0),
        }
    }

    #[must_use]
    pub fn port(&self, id: PortId) -> Option<&Port> {
        self.ports.get(id.index())?.as_ref()
    }

    pub fn ports(&self) -> impl Iterator<Item = &Port> {
        self.ports.iter().flatten()
    }

    #[must_use]
    pub fn unit(&self, id: InterfaceId) -> Option<&Interface> {
        self.units.get(id.index())?.as_ref()
    }

    pub fn units(&self) -> impl Iterator<Item = &Interface> {
        self.units.iter().flatten()
    }

    #[must_use]
    #[inline]
    pub fn unit_of(&self, port: PortId, vlan: Option<u16>) -> Option<InterfaceId> {
        let units = self.by_vlan.get(port.index())?;
        if let [(only, unit)] = units[..] {
            return (only == vlan).then_some(unit);
        }
        let at = units.binary_search_by_key(&vlan, |(vlan, _)| *vlan).ok()?;
        Some(units[at].1)
    }

    /// The unit of a port that has no other, and its VLAN.
    pub(crate) fn only_unit_of(&self, port: PortId) -> Option<(Option<u16>, InterfaceId)> {
        match self.by_vlan.get(port.index())?[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    #[must_use]
    pub fn zone(&self, id: ZoneId) -> Option<&Zone> {
        self.zones.get(id.index())?.as_ref()
    }

    pub fn zones(&self) -> impl Iterator<Item = &Zone> {
        self.zones.iter().flatten()
    }

    /// The unit that owns an address of the firewall in an instance.
    #[must_use]
    pub fn local(&self, instance: InstanceId, (family, addr): (Family, Addr)) -> Option<InterfaceId> {
        self.locals.get(&(instance, family, addr)).copied()
    }

    /// The instance of a unit; what is of no unit is of the default one.
    #[must_use]
    pub fn instance_of(&self, unit: InterfaceId) -> InstanceId {
        self.unit(unit).map(|unit| unit.instance).unwrap_or_default()
    }

    /// A routing instance beside the default one, by name.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> Option<&RoutingInstance> {
        self.instances.iter().find(|instance| instance.id == id)
    }

    pub(crate) fn instances(&self) -> impl Iterator<Item = &RoutingInstance> {
        self.instances.iter()
    }

    pub(crate) fn decide<R: Recorder>(&self, tuple: &Tuple, rec: &mut R) -> Decision<'_> {
        self.policies.decide(tuple, &self.flow, rec)
    }

    /// What a zone pair's sessions were judged by: sections that apply to it, in order.
    pub(crate) fn section_hash(&self, from: ZoneId, to: ZoneId) -> u64 {
        self.policies.section_hash(from, to)
    }

    /// The TCP rules of a policy's sessions.
    #[inline]
    pub(crate) fn tcp_of(&self, policy: PolicyId) -> &TcpRules {
        self.tcp_options.rules(policy).unwrap_or(&self.tcp)
    }

    pub(crate) fn has_own_tcp(&self, policy: PolicyId) -> bool {
        self.tcp_options.rules(policy).is_some()
    }

    /// Highest MSS that a SYN of a wing may announce.
    pub(crate) fn mss_of(&self, policy: PolicyId, wing: usize) -> Option<u16> {
        self.tcp_options.mss(policy, wing).or(self.flow.tcp.mss)
    }

    pub(crate) fn keeps(&self, policy: PolicyId) -> bool {
        self.policies.keeps(policy, self.flow.rematch)
    }

    /// Whether a policy lets its packets through whose destination was translated, or was not. Spec: policy-22.
    pub(crate) fn permits_destination(&self, policy: PolicyId, is_translated: bool) -> bool {
        self.policies.get(policy).is_none_or(|policy| policy.translated.permits(is_translated))
    }

    /// Whether nothing passes through a zone.
    pub(crate) fn is_functional(&self, zone: ZoneId) -> bool {
        self.zone(zone).is_some_and(|zone| zone.functional)
    }

    /// Whether answers to sessions from a zone do not keep them alive. Spec: session-23.
    pub(crate) fn refreshes_one_way(&self, zone: ZoneId) -> bool {
        self.zone(zone).is_some_and(|zone| zone.unidirectional_refresh)
    }

    /// What is told of sessions that begin in a zone. Spec: tracking-1.
    pub(crate) fn tracking(&self, zone: ZoneId) -> Option<Tracking> {
        self.zone(zone).and_then(|zone| zone.tracking)
    }

    /// Whether its scheduler, if it has one, is open.
    #[must_use]
    pub fn is_in_force(&self, policy: PolicyId) -> bool {
        self.policies.is_in_force(policy)
    }

    /// Whether a policy's own conditions hold, whatever stands before it.
    pub(crate) fn matches(&self, policy: PolicyId, tuple: &Tuple) -> bool {
        self.policies.matches(policy, tuple)
    }

    /// Every NAT rule.
    pub fn nat_rules(&self) -> impl Iterator<Item = NatRuleRef<'_>> {
        self.nat.rules()
    }

    /// Every source pool's number and name.
    pub fn source_pools(&self) -> impl Iterator<Item = (ravelin_nat::PoolId, &str)> {
        self.nat.pools.names()
    }

    /// Mirror instances and filters.
    #[must_use]
    pub fn mirrors(&self) -> &Mirrors {
        &self.mirrors.program
    }

    /// Every firewall filter, one instance after another.
    pub fn filters(&self) -> impl Iterator<Item = &FirewallFilter> {
        self.filters.filters()
    }

    #[must_use]
    pub fn filter(&self, id: u32) -> Option<&FirewallFilter> {
        self.filters.filter(id)
    }

    /// The name of a policer's instance.
    #[must_use]
    pub fn policer(&self, id: MeterId) -> Option<&str> {
        self.filters.policer(id).map(|policer| policer.name.as_str())
    }

    /// Every instance of a policer with what it has counted.
    pub fn meters(&self) -> impl Iterator<Item = (&PolicerInstance, &Meter)> {
        self.filters.meters()
    }

    /// The policy of an id, and the zone pair or `global` it stands in.
    #[must_use]
    pub fn policy(&self, id: PolicyId) -> Option<&ravelin_program::Policy> {
        self.policies.get(id)
    }

    pub fn policies(&self) -> impl Iterator<Item = &ravelin_program::Policy> {
        self.policies.iter()
    }
}

/// A table indexed by id; an id used twice is an error.
fn table<T>(path: &str, items: impl Iterator<Item = (usize, T)>) -> Result<Vec<Option<T>>, BuildError> {
    let mut out: Vec<Option<T>> = Vec::new();
    for (at, item) in items {
        if out.len() <= at {
            out.resize_with(at + 1, || None);
        }
        if out[at].replace(item).is_some() {
            return Err(BuildError { path: path.into(), reason: format!("id {at} is used twice") });
        }
    }
    Ok(out)
}
