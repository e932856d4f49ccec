//! What ids mean beyond one node: two nodes of one configuration give them out in histories of their own.
//!
//! Place: between the sessions of one plane and the store of another. A plane says what its ids stand for ([`Naming`]); who
//! brings sessions to another plane has them renumbered ([`Renumber`]). What one of the two does not know keeps the session
//! out: it never gets another's number. Spec: sync-16..20.

use std::collections::HashMap;

use ravelin_program::{Digest, Program};
use ravelin_types::{
    Generation, InstanceId, InterfaceId, MirrorId, NatRuleId, PolicyId, PortId, RuleIdentity, ZoneId,
};

use crate::{
    CarriedCounters, CarriedMapping, CloseReason, Error, FirewallCounters, MappingOrigin, PutRefusal,
    PutResult, SessionDelta, SessionKey, SessionRef, SessionStore, SourceBinding, SyncedSession, SyncedWing,
};

/// What is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdKind {
    Zone,
    Port,
    Interface,
    Policy,
    NatRule,
    SourcePool,
    Application,
    Mirror,
    /// Of filters, by filter and counter.
    FilterCounter,
    /// A routing instance.
    Instance,
}

/// What the ids of a plane's sessions and counters stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// Of the program that says so.
    pub generation: Generation,
    /// Kind, id, and what is the same on every node.
    pub ids: Vec<(IdKind, u32, RuleIdentity)>,
}

/// From the ids of one plane to those of another.
#[derive(Clone, Debug, Default)]
pub struct Renumber([HashMap<u32, u32>; IdKind::COUNT]);

/// What became of a peer's changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    pub put: PutResult,
    /// Sessions that ended, as they did at the peer.
    pub ended: u64,
}

impl IdKind {
    pub const ALL: [Self; 10] = [
        Self::Zone,
        Self::Port,
        Self::Interface,
        Self::Policy,
        Self::NatRule,
        Self::SourcePool,
        Self::Application,
        Self::Mirror,
        Self::FilterCounter,
        Self::Instance,
    ];
    pub const COUNT: usize = Self::ALL.len();

    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What a name is on every node.
fn named(name: &str) -> RuleIdentity {
    RuleIdentity(Digest::of(name.as_bytes()).short())
}

impl Naming {
    /// What a program's ids stand for.
    #[must_use]
    pub fn of(program: &Program) -> Self {
        let mut ids = vec![(IdKind::Zone, ZoneId::HOST.0.into(), named("junos-host"))];
        let zones = program.zones().into_iter().flat_map(|zones| &zones.0);
        // A functional zone is no security zone of that name.
        let zone =
            |functional, name| if functional { format!("functional {name}") } else { format!("zone {name}") };
        ids.extend(zones.map(|z| (IdKind::Zone, z.id.0.into(), named(&zone(z.functional, &z.name)))));
        ids.push((IdKind::Instance, InstanceId::DEFAULT.0.into(), named("")));
        if let Some(interfaces) = program.interfaces() {
            ids.extend(interfaces.ports.iter().map(|p| (IdKind::Port, p.id.0.into(), named(&p.name))));
            let instances = interfaces.instances.iter();
            ids.extend(instances.map(|i| (IdKind::Instance, i.id.0.into(), named(&i.name))));
            ids.extend(interfaces.units.iter().map(|u| (IdKind::Interface, u.id.0.into(), named(&u.name))));
        }
        let policies = program.sections().flat_map(|(_, section)| &section.policies);
        ids.extend(policies.map(|(_, policy)| (IdKind::Policy, policy.id.0, policy.identity)));
        ids.extend(nat_rules(program).map(|(id, identity)| (IdKind::NatRule, id.0, identity)));
        let pools = program.source_pools().into_iter().flat_map(|pools| &pools.pools);
        ids.extend(pools.map(|pool| (IdKind::SourcePool, pool.spec.id.0.into(), named(&pool.name))));
        let applications = (0..).zip(program.application_names()).filter(|(_, name)| !name.is_empty());
        ids.extend(applications.map(|(at, name)| (IdKind::Application, at, named(name))));
        let mirrors = program.mirrors().into_iter().flat_map(|mirrors| mirrors.counted());
        ids.extend(mirrors.map(|(id, identity, _)| (IdKind::Mirror, id.0.into(), identity)));
        let filters = program.firewall().into_iter().flat_map(|firewall| &firewall.filters);
        ids.extend(filters.flat_map(|filter| {
            let of = move |name: &str| named(&format!("{:?} {} {name}", filter.family, filter.name));
            filter.counters.iter().map(move |(id, name)| (IdKind::FilterCounter, id.0, of(name)))
        }));
        Self { generation: program.generation, ids }
    }

    /// By identity; what two ids of a kind claim is neither's.
    fn by_identity(&self) -> HashMap<(IdKind, RuleIdentity), Option<u32>> {
        let mut out = HashMap::with_capacity(self.ids.len());
        for (kind, id, identity) in &self.ids {
            let held = out.entry((*kind, *identity)).or_insert(Some(*id));
            if *held != Some(*id) {
                *held = None;
            }
        }
        out
    }
}

fn nat_rules(program: &Program) -> impl Iterator<Item = (NatRuleId, RuleIdentity)> {
    let source = program.source_nat().into_iter().flat_map(|nat| &nat.0);
    let destination = program.destination_nat().into_iter().flat_map(|nat| &nat.0);
    let fixed = program.static_nat().into_iter().flat_map(|nat| &nat.rule_sets);
    let source = source.flat_map(|set| set.rules.iter().map(|rule| (rule.id, rule.identity)));
    let destination = destination.flat_map(|set| set.rules.iter().map(|rule| (rule.id, rule.identity)));
    source.chain(destination).chain(fixed.flat_map(|set| set.rules.iter().map(|r| (r.id, r.identity))))
}

impl Renumber {
    #[must_use]
    pub fn between(theirs: &Naming, ours: &Naming) -> Self {
        let (known, told) = (ours.by_identity(), theirs.by_identity());
        let mut out = Self::default();
        for (kind, id, identity) in &theirs.ids {
            let told = told.get(&(*kind, *identity)).copied().flatten();
            let here = known.get(&(*kind, *identity)).copied().flatten();
            if let (Some(_), Some(here)) = (told, here) {
                // An id that stands for several things is the first.
                out.0[kind.index()].entry(*id).or_insert(here);
            }
        }
        out
    }

    fn id(&self, kind: IdKind, id: u32) -> Option<u32> {
        self.0[kind.index()].get(&id).copied()
    }

    fn small(&self, kind: IdKind, id: u16) -> Option<u16> {
        self.id(kind, id.into()).and_then(|id| id.try_into().ok())
    }

    #[must_use]
    pub fn zone(&self, zone: ZoneId) -> Option<ZoneId> {
        self.small(IdKind::Zone, zone.0).map(ZoneId)
    }

    #[must_use]
    pub fn port(&self, port: PortId) -> Option<PortId> {
        self.small(IdKind::Port, port.0).map(PortId)
    }

    #[must_use]
    pub fn interface(&self, interface: InterfaceId) -> Option<InterfaceId> {
        self.small(IdKind::Interface, interface.0).map(InterfaceId)
    }

    #[must_use]
    pub fn policy(&self, policy: PolicyId) -> Option<PolicyId> {
        self.id(IdKind::Policy, policy.0).map(PolicyId)
    }

    #[must_use]
    pub fn nat_rule(&self, rule: NatRuleId) -> Option<NatRuleId> {
        self.id(IdKind::NatRule, rule.0).map(NatRuleId)
    }

    #[must_use]
    pub fn instance(&self, instance: InstanceId) -> Option<InstanceId> {
        self.small(IdKind::Instance, instance.0).map(InstanceId)
    }

    #[must_use]
    pub fn key(&self, key: &SessionKey) -> Option<SessionKey> {
        Some(SessionKey { instance: self.instance(key.instance)?, ..*key })
    }

    /// A session as this plane numbers what it names; `None`: it names what is not known on both sides.
    #[must_use]
    pub fn session(&self, session: &SyncedSession) -> Option<SyncedSession> {
        let SyncedSession { wings, policy, source_rule, destination_rule, source, application, .. } = session;
        let wing = |wing: &SyncedWing| {
            let interface = known(wing.interface, |id| self.interface(id))?;
            Some(SyncedWing { key: self.key(&wing.key)?, interface, zone: self.zone(wing.zone)?, ..*wing })
        };
        Some(SyncedSession {
            wings: [wing(&wings[0])?, wing(&wings[1])?],
            policy: known(*policy, |id| self.policy(id))?,
            source_rule: known(*source_rule, |id| self.nat_rule(id))?,
            destination_rule: known(*destination_rule, |id| self.nat_rule(id))?,
            source: match *source {
                SourceBinding::None | SourceBinding::Interface => *source,
                SourceBinding::Pool(pool) => SourceBinding::Pool(self.small(IdKind::SourcePool, pool)?),
            },
            application: known(*application, |id| self.id(IdKind::Application, id))?,
            ..session.clone()
        })
    }

    /// A mapping likewise.
    #[must_use]
    pub fn mapping(&self, carried: &CarriedMapping) -> Option<CarriedMapping> {
        let mut out = carried.clone();
        out.mapping.instance = self.instance(out.mapping.instance)?;
        out.mapping.rule = known(out.mapping.rule, |id| self.nat_rule(id))?;
        if let MappingOrigin::Pool(pool) = &mut out.mapping.origin {
            *pool = self.id(IdKind::SourcePool, *pool)?;
        }
        Some(out)
    }

    /// Counters likewise; those of what is not known here are left out. Policies, NAT rules and policers have names of their own.
    #[must_use]
    pub fn counters(&self, carried: &CarriedCounters) -> CarriedCounters {
        let mut out = carried.clone();
        let CarriedCounters {
            global: _,
            policies: _,
            nat_rules: _,
            interfaces,
            screens,
            unit_screens,
            mirrors,
            firewall,
        } = &mut out;
        let FirewallCounters { filters, policers: _ } = firewall;
        keep_known(interfaces, |unit| self.interface(unit.interface).map(|id| unit.interface = id));
        keep_known(screens, |zone| self.zone(zone.zone).map(|id| zone.zone = id));
        keep_known(unit_screens, |unit| self.interface(unit.interface).map(|id| unit.interface = id));
        keep_known(mirrors, |mirror| {
            self.small(IdKind::Mirror, mirror.id.0).map(|id| mirror.id = MirrorId(id))
        });
        keep_known(filters, |counter| self.id(IdKind::FilterCounter, counter.id).map(|id| counter.id = id));
        out
    }

    /// Puts a peer's sessions into a store. Those that name what is not known here are refused as that.
    ///
    /// # Errors
    /// As [`SessionStore::put_synced`].
    pub fn put(&self, store: &dyn SessionStore, sessions: &[SyncedSession]) -> Result<PutResult, Error> {
        let (mut ours, mut unknown) = (Vec::with_capacity(sessions.len()), Vec::new());
        for session in sessions {
            match self.session(session) {
                Some(session) => ours.push(session),
                None => unknown.push((session.id, PutRefusal::Unknown)),
            }
        }
        let mut result = if ours.is_empty() { PutResult::default() } else { store.put_synced(&ours)? };
        result.refused.append(&mut unknown);
        Ok(result)
    }

    /// Does to a store what happened to a peer's sessions, in order. A change may come twice.
    ///
    /// # Errors
    /// As [`SessionStore::put_synced`] and [`SessionStore::delete_known`].
    pub fn follow<'d>(
        &self,
        store: &dyn SessionStore,
        deltas: impl IntoIterator<Item = &'d SessionDelta>,
    ) -> Result<Followed, Error> {
        let mut followed = Followed::default();
        let (mut opened, mut closed): (Vec<SyncedSession>, Vec<SessionRef>) = (Vec::new(), Vec::new());
        for delta in deltas {
            match delta {
                SessionDelta::Open(session) | SessionDelta::Update(session) => {
                    self.end(store, &mut closed, &mut followed)?;
                    opened.push(session.clone());
                }
                SessionDelta::Close(view, _) => {
                    if !opened.is_empty() {
                        followed.put.add(self.put(store, &std::mem::take(&mut opened))?);
                    }
                    // One of an instance that is not known here was never put in.
                    let key = self.key(&view.wings[0].key);
                    closed.extend(key.map(|key| SessionRef { id: view.id, key }));
                }
            }
        }
        followed.put.add(self.put(store, &opened)?);
        self.end(store, &mut closed, &mut followed)?;
        Ok(followed)
    }

    fn end(
        &self,
        store: &dyn SessionStore,
        closed: &mut Vec<SessionRef>,
        followed: &mut Followed,
    ) -> Result<(), Error> {
        if !closed.is_empty() {
            followed.ended += store.delete_known(&std::mem::take(closed), CloseReason::PeerDelete)?;
        }
        Ok(())
    }
}

/// `Some(None)`: there is nothing to find. `None`: it is not found.
#[expect(clippy::option_option, reason = "nothing named and nothing known are two things")]
fn known<T, U>(id: Option<T>, find: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match id {
        None => Some(None),
        Some(id) => find(id).map(Some),
    }
}

fn keep_known<T>(list: &mut Vec<T>, mut renumber: impl FnMut(&mut T) -> Option<()>) {
    list.retain_mut(|item| renumber(item).is_some());
}
