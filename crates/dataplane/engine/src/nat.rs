//! NAT: which rule, and what it makes of a packet.
//!
//! Junos: `security nat`. Place: first path; destinations (static, then destination NAT) before the route,
//! sources (reverse static, then source NAT) after policy. Spec: nat-source-1..6, nat-destination-1..9,
//! nat-static-1..7.

mod fixed;
mod lease;
mod pool;

use std::collections::HashMap;

use ravelin_nat::{Action, Inbound, PersistentRule, Request};
use ravelin_program::{
    DestinationAction, DestinationNat, Interface, NatTuple, Program, SourceAction, SourceNat,
};
use ravelin_types::{Addr, Family, InstanceId, InterfaceId, NatRuleId, Proto, RuleIdentity, ZoneId};

use crate::key::FlowKey;

pub(crate) use fixed::Untranslatable;
use fixed::{Fixed, Inside};
pub(crate) use lease::{Leases, lack, reason};
use pool::Given;
pub(crate) use pool::{Pools, Translated};

/// A program's NAT rules.
#[derive(Debug, Default)]
pub(crate) struct Nat {
    pub source: SourceNat,
    destination: DestinationNat,
    pub fixed: Fixed,
    pub pools: Pools,
    /// A rule keeps mappings.
    pub is_persistent: bool,
    /// Instances that destination and static rules send to.
    behind: HashMap<NatRuleId, InstanceId>,
}

/// The two ends of a packet's way, as rule-sets name them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub from: (InterfaceId, ZoneId),
    pub to: (InterfaceId, ZoneId),
}

/// A name server's end of an answer and its client's: where packets of each arrive, and its address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub server: ((InterfaceId, ZoneId), Addr),
    pub client: ((InterfaceId, ZoneId), Addr),
}

/// A packet's key with its destination as translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inward {
    pub key: FlowKey,
    /// The rule that matched, one that says `off` too.
    pub rule: Option<NatRuleId>,
    /// The rule is for it and can do nothing with it.
    pub refused: Option<Untranslatable>,
    /// A persistent mapping lets it in: the external end that it came to.
    pub entered: Option<Inbound>,
}

/// A packet between two hosts of one family that goes through the other one: by a rule's prefix to a mapping's external
/// end, and from there back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    /// Its source as it came, and the external end.
    pub key: FlowKey,
    pub rule: NatRuleId,
}

/// A rule by name.
#[derive(Clone, Copy, Debug)]
pub struct NatRuleRef<'a> {
    /// `source`, `destination` or `static`.
    pub kind: &'static str,
    pub set: &'a str,
    pub name: &'a str,
    pub id: NatRuleId,
    pub identity: RuleIdentity,
}

/// What becomes of a packet's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outward {
    Keep,
    /// A rule says `off`.
    Off(NatRuleId),
    /// What the worker leases for it.
    Leased(Action, NatRuleId, Option<PersistentRule>),
    /// Address and port as the rule computes them.
    Fixed((Addr, u16), NatRuleId),
    /// The rule has no address for it.
    NoAddress(NatRuleId),
    /// A static rule is for it and can do nothing with it.
    Refused(Untranslatable, NatRuleId),
}

impl Nat {
    pub(crate) fn of(program: &Program) -> Self {
        let source = program.source_nat().cloned().unwrap_or_default();
        let is_persistent = source.0.iter().flat_map(|set| &set.rules).any(|r| r.persistent.is_some());
        Self {
            is_persistent,
            behind: instances_behind(program),
            source,
            destination: program.destination_nat().cloned().unwrap_or_default(),
            fixed: Fixed::new(program.static_nat().cloned().unwrap_or_default()),
            pools: Pools::of(program),
        }
    }

    /// The instance that a rule's translated destinations are in, when it names one. Spec: routing-instance-14.
    pub(crate) fn instance_behind(&self, rule: NatRuleId) -> Option<InstanceId> {
        self.behind.get(&rule).copied()
    }

    pub(crate) fn has_static(&self) -> bool {
        !self.fixed.is_empty()
    }

    /// The address that a name's answer is to show to its client, by static rules: the outside one of an inside host
    /// to those outside, the inside one to those inside. Spec: alg-14.
    pub(crate) fn doctored(&self, way: &Answered, family: Family, addr: Addr) -> Option<Addr> {
        let Answered { server, client } = *way;
        let tuple = |src, dst| {
            let (proto, ports, icmp) = (Proto::UDP, None, None);
            NatTuple { family, dst_family: family, proto, src, dst, ports, icmp }
        };
        let outside = self.fixed.outward(client.0, &tuple(addr, client.1));
        let outside = outside.and_then(|(_, met)| met.ok()).map(|(addr, _)| addr);
        let inside = || {
            let (_, met) = self.fixed.inward(server.0, &tuple(server.1, addr))?;
            met.ok().filter(|inside| inside.family == family).map(|inside| inside.addr)
        };
        outside.or_else(inside)
    }

    /// Every rule.
    pub(crate) fn rules(&self) -> impl Iterator<Item = NatRuleRef<'_>> {
        let of = |kind, set, (id, identity, name)| NatRuleRef { kind, set, name, id, identity };
        let source = self.source.0.iter().flat_map(move |set| {
            set.rules.iter().map(move |r| of("source", &set.name, (r.id, r.identity, &r.name)))
        });
        let destination = self.destination.0.iter().flat_map(move |set| {
            set.rules.iter().map(move |r| of("destination", &set.name, (r.id, r.identity, &r.name)))
        });
        let fixed = self.fixed.rules.rule_sets.iter().flat_map(move |set| {
            set.rules.iter().map(move |r| of("static", &set.name, (r.id, r.identity, &r.name)))
        });
        source.chain(destination).chain(fixed)
    }

    /// Where a packet really goes: static rules first, then destination rules.
    pub(crate) fn inward(
        &self,
        from: (InterfaceId, ZoneId),
        key: &FlowKey,
        icmp: Option<(u8, u8)>,
    ) -> Inward {
        let untouched = Inward { key: *key, rule: None, refused: None, entered: None };
        if self.fixed.is_empty() && self.destination.0.is_empty() {
            return untouched;
        }
        let tuple = tuple_of(key, icmp);
        if let Some((rule, met)) = self.fixed.inward(from, &tuple) {
            return match met {
                Ok(inside) => Inward { key: towards(key, inside), rule: Some(rule), ..untouched },
                Err(why) => Inward { rule: Some(rule), refused: Some(why), ..untouched },
            };
        }
        let sets = self.destination.0.iter().filter(|set| set.from.holds(from));
        let Some(rule) = sets.flat_map(|set| &set.rules).find(|rule| rule.matching.holds(&tuple)) else {
            return untouched;
        };
        let matched = rule.matching.destination.ranges.iter().find(|r| r.contains(tuple.family, tuple.dst));
        match (&rule.action, matched) {
            (DestinationAction::Pool(pool), Some(matched)) if pool.addresses.family == tuple.family => {
                let port = pool.port.filter(|_| tuple.ports.is_some());
                let (family, addr) = (tuple.family, pool.target(&matched, tuple.dst));
                let key = towards(key, Inside { family, addr, port });
                Inward { key, rule: Some(rule.id), ..untouched }
            }
            (DestinationAction::Pool(_) | DestinationAction::Off, _) => {
                Inward { rule: Some(rule.id), ..untouched }
            }
        }
    }

    /// What the source becomes on the way out: reverse static rules first, then source rules. `key` has its
    /// destination as translated.
    pub(crate) fn outward(
        &self,
        way: Way,
        key: &FlowKey,
        icmp: Option<(u8, u8)>,
        egress: &Interface,
    ) -> Outward {
        if self.fixed.is_empty() && self.source.0.is_empty() {
            return Outward::Keep;
        }
        let tuple = tuple_of(key, icmp);
        if let Some((rule, met)) = self.fixed.outward(way.to, &tuple) {
            return match met {
                Ok((addr, port)) => Outward::Fixed((addr, port.unwrap_or(key.sport())), rule),
                Err(why) => Outward::Refused(why, rule),
            };
        }
        let sets = self.source.0.iter().filter(|set| set.from.holds(way.from) && set.to.holds(way.to));
        let Some(rule) = sets.flat_map(|set| &set.rules).find(|rule| rule.matching.holds(&tuple)) else {
            return Outward::Keep;
        };
        // A mapping is kept by who leases, the address that a rule computes too.
        let kept = rule.persistent.filter(|p| leases_port(key, icmp) || p.address_mapping);
        let kept = kept.map(|p| PersistentRule { id: Some(rule.id), ..p });
        match rule.action {
            SourceAction::Pool(pool) if !self.pools.serves(pool, egress.instance) => {
                Outward::NoAddress(rule.id)
            }
            SourceAction::Pool(pool) if kept.is_some() => Outward::Leased(Action::Pool(pool), rule.id, kept),
            SourceAction::Off => Outward::Off(rule.id),
            SourceAction::Pool(pool) => match self.pools.give(pool, key, leases_port(key, icmp)) {
                Given::Lease => Outward::Leased(Action::Pool(pool), rule.id, None),
                Given::Address(addr) => Outward::Fixed((addr, key.sport()), rule.id),
                Given::Nothing => Outward::NoAddress(rule.id),
            },
            SourceAction::Interface => match egress.source_address(tuple.dst_family) {
                None => Outward::NoAddress(rule.id),
                Some(addr) if leases_port(key, icmp) => {
                    Outward::Leased(Action::Interface(addr), rule.id, kept)
                }
                // Messages without an identifier and protocols without ports keep what they have.
                Some(addr) => Outward::Fixed((addr, key.sport()), rule.id),
            },
        }
    }
}

fn instances_behind(program: &Program) -> HashMap<NatRuleId, InstanceId> {
    let pool = |action: &DestinationAction| match action {
        DestinationAction::Pool(pool) => pool.instance,
        DestinationAction::Off => None,
    };
    let to = program.destination_nat().into_iter().flat_map(|nat| &nat.0).flat_map(|set| &set.rules);
    let fixed = program.static_nat().into_iter().flat_map(|nat| &nat.rule_sets).flat_map(|set| &set.rules);
    let to = to.filter_map(|rule| Some((rule.id, pool(&rule.action)?)));
    to.chain(fixed.filter_map(|rule| Some((rule.id, rule.instance?)))).collect()
}

/// A packet as persistent mappings look at it; `key` has its destination as translated so far.
pub(crate) fn inbound(key: &FlowKey) -> Inbound {
    Inbound {
        family: key.dst_family(),
        proto: key.dst_proto(),
        external: key.dst(),
        port: key.dport(),
        remote: (key.src(), key.sport()),
    }
}

impl Inward {
    /// The same packet, let in by a mapping to this internal end.
    pub(crate) fn entering(&self, entered: Inbound, family: Family, addr: Addr, port: Option<u16>) -> Self {
        let key = towards(&self.key, Inside { family, addr, port });
        Self { key, entered: Some(entered), ..*self }
    }
}

impl Inward {
    /// Where its destination is, as the rule says.
    pub(crate) fn instance(&self, nat: &Nat) -> Option<InstanceId> {
        nat.instance_behind(self.rule?)
    }

    /// Spec: nat-persistent-18.
    pub(crate) fn turned(&self) -> Option<Turned> {
        let (entered, rule, key) = (self.entered?, self.rule?, &self.key);
        if entered.family == key.family() || key.is_across() {
            return None;
        }
        let from = (key.src(), key.sport());
        let to = (entered.family, entered.external);
        let turned = FlowKey::across((key.family(), key.proto()), from, to, entered.port);
        Some(Turned { key: turned.within(key.instance()), rule })
    }
}

impl Outward {
    pub(crate) fn rule(self) -> Option<NatRuleId> {
        match self {
            Self::Keep => None,
            Self::Off(rule)
            | Self::Leased(_, rule, _)
            | Self::Fixed(_, rule)
            | Self::NoAddress(rule)
            | Self::Refused(_, rule) => Some(rule),
        }
    }
}

/// Protocols whose port or identifier can be changed.
pub(crate) const fn has_ports(proto: Proto) -> bool {
    matches!(proto, Proto::TCP | Proto::UDP | Proto::ICMP | Proto::ICMPV6)
}

/// What is asked for a session; `key` has its destination as translated.
pub(crate) fn request(action: Action, key: &FlowKey, icmp: Option<(u8, u8)>, egress: &Interface) -> Request {
    Request {
        action,
        family: key.dst_family(),
        proto: key.dst_proto(),
        source: key.src(),
        source_family: key.family(),
        token: key.instance().0.into(),
        sport: leases_port(key, icmp).then_some(key.sport()),
        remote: (key.dst(), key.dport()),
        persistent: None,
        egress: egress.source_address(key.dst_family()),
    }
}

/// Whether a packet has a port or identifier that can be changed.
pub(crate) fn leases_port(key: &FlowKey, icmp: Option<(u8, u8)>) -> bool {
    has_ports(key.proto()) && (icmp.is_none() || key.dport() == 0)
}

/// Rewriting SCTP's ports would need its checksum anew: rules that ask for ports are not for it.
fn tuple_of(key: &FlowKey, icmp: Option<(u8, u8)>) -> NatTuple {
    let has_ports = matches!(key.proto(), Proto::TCP | Proto::UDP);
    NatTuple {
        family: key.family(),
        proto: key.proto(),
        src: key.src(),
        dst_family: key.dst_family(),
        dst: key.dst(),
        ports: has_ports.then(|| (key.sport(), key.dport())),
        icmp,
    }
}

fn towards(key: &FlowKey, inside: Inside) -> FlowKey {
    let Inside { family, addr, port } = inside;
    let from = (key.src(), key.sport());
    let to = FlowKey::across((key.family(), key.proto()), from, (family, addr), port.unwrap_or(key.dport()));
    to.within(key.instance())
}
