//! What policies say, as a number that is the same on every node of one configuration.
//!
//! Ids are given out in the order in which a node came to know names, and lists are cut where they were edited: neither is
//! part of what a policy says. Place: when a section is built; sessions remember the number as what they were judged by.
//! Spec: sync-17.

use std::collections::HashMap;
use std::hash::Hasher as _;

use ravelin_program::{
    Action, AddressMatch, Application, Gateway, IcmpMatch, LogWhen, Policy, PolicyTcp, PortRange, Prefix,
    Program, Translated, WildcardAddress, ZoneMatch,
};
use ravelin_types::{Family, ZoneId};
use siphasher::sip::SipHasher13;

use crate::live::mixed;

/// Odd, so that the place of a policy counts however many follow it.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Zones by what all nodes call them.
#[derive(Debug, Default)]
pub(super) struct ZoneMarks(HashMap<ZoneId, u64>);

/// Consecutive policies: two such sums make that of both lists, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    value: u64,
    /// [`BASE`] to the number of policies.
    power: u64,
}

impl ZoneMarks {
    pub(super) fn of(program: &Program) -> Self {
        let zones = program.zones().into_iter().flat_map(|zones| &zones.0);
        let named = zones.map(|zone| (zone.id, text(&zone.name)));
        Self(named.chain([(ZoneId::HOST, text("junos-host"))]).collect())
    }

    /// The zones that a section or a policy speaks of, in whatever order they are listed.
    pub(super) fn mark(&self, zones: &ZoneMatch) -> u64 {
        let ZoneMatch { from, to } = zones;
        let side = |zones: &[ZoneId]| {
            let mut marks: Vec<u64> =
                zones.iter().map(|zone| self.0.get(zone).copied().unwrap_or(0)).collect();
            marks.sort_unstable();
            marks.into_iter().fold(zones.len() as u64, mixed)
        };
        mixed(side(from), side(to))
    }
}

impl Said {
    pub(super) const NOTHING: Self = Self { value: 0, power: 1 };

    pub(super) fn of(policies: &[(ZoneMatch, Policy)], zones: &ZoneMarks) -> Self {
        let one = |(own, policy): &(ZoneMatch, Policy)| Self {
            value: mixed(zones.mark(own), said_by(policy)),
            power: BASE,
        };
        policies.iter().map(one).fold(Self::NOTHING, Self::then)
    }

    /// This list with another one behind it.
    pub(super) fn then(self, next: Self) -> Self {
        let value = self.value.wrapping_mul(next.power).wrapping_add(next.value);
        Self { value, power: self.power.wrapping_mul(next.power) }
    }

    /// What a section says whose policies these lists are, one behind the other.
    pub(super) fn of_section(
        of: Option<&ZoneMatch>,
        lists: impl Iterator<Item = Self>,
        zones: &ZoneMarks,
    ) -> u64 {
        mixed(of.map_or(0, |of| zones.mark(of)), lists.fold(Self::NOTHING, Self::then).value())
    }

    fn value(self) -> u64 {
        mixed(self.value, self.power)
    }
}

/// A name as a number that is the same on every node.
pub(crate) fn text(text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

fn said_by(policy: &Policy) -> u64 {
    let Policy {
        id: _,
        identity,
        name,
        source,
        destination,
        applications,
        action,
        log: LogWhen { init, close, update },
        count,
        schedule,
        tcp,
        translated,
    } = policy;
    let mut out = SipHasher13::new();
    out.write_u64(identity.0);
    out.write_u64(text(name));
    addresses(&mut out, source);
    addresses(&mut out, destination);
    out.write_u64(applications.len() as u64);
    applications.iter().for_each(|term| application(&mut out, term));
    out.write_u8(match action {
        Action::Permit => 0,
        Action::Deny => 1,
        Action::Reject => 2,
    });
    for flag in [*init, *close, *count, schedule.is_some()] {
        out.write_u8(flag.into());
    }
    out.write_u64(schedule.map_or(0, |schedule| schedule.0));
    out.write_u16(*update);
    let PolicyTcp { syn_check, sequence_check, window_scale, initial_mss, reverse_mss } = *tcp;
    for flag in [syn_check, sequence_check, window_scale] {
        out.write_u8(flag.into());
    }
    for mss in [initial_mss, reverse_mss] {
        out.write_u32(mss.map_or(u32::MAX, u32::from));
    }
    out.write_u8(match translated {
        Translated::Either => 0,
        Translated::Dropped => 1,
        Translated::Required => 2,
    });
    out.finish()
}

fn addresses(out: &mut SipHasher13, addresses: &AddressMatch) {
    let AddressMatch { ranges, wildcards, live, excluded } = addresses;
    for len in [ranges.len(), wildcards.len(), live.len()] {
        out.write_u64(len as u64);
    }
    for Prefix { family, first, last } in ranges {
        out.write_u8(u8::from(family == Family::V6));
        out.write_u128(first.0);
        out.write_u128(last.0);
    }
    for WildcardAddress { addr, mask } in wildcards {
        out.write_u32(*addr);
        out.write_u32(*mask);
    }
    live.iter().for_each(|set| out.write_u64(set.0));
    out.write_u8((*excluded).into());
}

fn application(out: &mut SipHasher13, term: &Application) {
    let Application { proto, source_ports, destination_ports, icmp, inactivity_timeout, gateway, name: _ } =
        term;
    out.write_u16(proto.map_or(u16::MAX, |proto| proto.0.into()));
    for PortRange { low, high } in [source_ports, destination_ports] {
        out.write_u16(*low);
        out.write_u16(*high);
    }
    let byte = |value: Option<u8>| value.map_or(u16::MAX, u16::from);
    let IcmpMatch { kind, code } = icmp.unwrap_or(IcmpMatch { kind: None, code: None });
    out.write_u8(icmp.is_some().into());
    out.write_u16(byte(kind));
    out.write_u16(byte(code));
    out.write_u64(inactivity_timeout.map_or(u64::MAX, u64::from));
    out.write_u8(match gateway {
        Gateway::ByPort => 0,
        Gateway::Nothing => 1,
        Gateway::Ftp => 2,
        Gateway::Tftp => 3,
        Gateway::Dns => 4,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_program::Ranges;
    use ravelin_types::{Addr, LiveSetId, PolicyId, Proto, RuleIdentity, ScheduleId};

    fn policy(id: u32, name: &str) -> (ZoneMatch, Policy) {
        let any = AddressMatch { ranges: vec![Prefix::all(Family::V4)].into(), ..AddressMatch::default() };
        let term = Application {
            proto: Some(Proto::TCP),
            source_ports: PortRange::ANY,
            destination_ports: PortRange { low: 80, high: 80 },
            icmp: None,
            inactivity_timeout: None,
            gateway: Gateway::ByPort,
            name: id,
        };
        let policy = Policy {
            id: PolicyId(id),
            identity: RuleIdentity(text(name)),
            name: name.into(),
            source: any.clone(),
            destination: any,
            applications: vec![term].into(),
            action: Action::Permit,
            log: LogWhen::default(),
            count: false,
            schedule: None,
            tcp: PolicyTcp::default(),
            translated: Translated::default(),
        };
        (ZoneMatch::default(), policy)
    }

    fn marks(zones: &[(u16, &str)]) -> ZoneMarks {
        ZoneMarks(zones.iter().map(|(id, name)| (ZoneId(*id), text(name))).collect())
    }

    #[test]
    fn ids_and_cuts_say_nothing() {
        let zones = marks(&[(1, "trust"), (2, "untrust")]);
        let other = marks(&[(7, "untrust"), (9, "trust")]);
        let list = [policy(1, "a"), policy(2, "b"), policy(3, "c")];
        let renumbered = [policy(9, "a"), policy(4, "b"), policy(5, "c")];
        let whole = Said::of(&list, &zones);
        assert_eq!(whole, Said::of(&renumbered, &other));
        let (first, rest) = list.split_at(1);
        let cut = [first, &[], rest].map(|some| Said::of(some, &zones)).into_iter();
        assert_eq!(cut.fold(Said::NOTHING, Said::then), whole);
        let pair = |from, to| ZoneMatch { from: vec![ZoneId(from)].into(), to: vec![ZoneId(to)].into() };
        assert_eq!(zones.mark(&pair(1, 2)), other.mark(&pair(9, 7)));
        assert_ne!(zones.mark(&pair(1, 2)), zones.mark(&pair(2, 1)));
    }

    #[test]
    fn order_and_every_word_count() {
        type Change = fn(&mut Policy);
        fn from(first: u32, last: u32) -> Ranges {
            let (first, last) = (Addr(first.into()), Addr(last.into()));
            vec![Prefix { family: Family::V4, first, last }].into()
        }
        let zones = marks(&[(1, "trust")]);
        let of = |list: &[(ZoneMatch, Policy)]| Said::of(list, &zones).value();
        let list = [policy(1, "a"), policy(2, "b")];
        assert_ne!(of(&list), of(&[policy(2, "b"), policy(1, "a")]));
        assert_ne!(of(&list), of(&list[..1]));
        let changes: &[Change] = &[
            |p| p.identity = RuleIdentity(0),
            |p| p.name = format!("{}x", p.name).into(),
            |p| p.source.excluded = true,
            |p| p.source.ranges = from(1, u32::MAX),
            |p| p.destination.ranges = from(0, 1),
            |p| p.destination.live.edit().push(LiveSetId(0)),
            |p| p.destination.wildcards.edit().push(WildcardAddress { addr: 0, mask: 0 }),
            |p| p.applications.edit().clear(),
            |p| p.applications[0].proto = None,
            |p| p.applications[0].destination_ports.high = 81,
            |p| p.applications[0].source_ports.low = 1,
            |p| p.applications[0].icmp = Some(IcmpMatch { kind: None, code: None }),
            |p| p.applications[0].inactivity_timeout = Some(0),
            |p| p.action = Action::Reject,
            |p| p.log.init = true,
            |p| p.log.close = true,
            |p| p.log.update = 1,
            |p| p.applications[0].gateway = Gateway::Nothing,
            |p| p.applications[0].gateway = Gateway::Ftp,
            |p| p.count = true,
            |p| p.schedule = Some(ScheduleId(0)),
            |p| p.tcp.syn_check = true,
            |p| p.tcp.sequence_check = true,
            |p| p.tcp.window_scale = true,
            |p| p.tcp.initial_mss = Some(0),
            |p| p.tcp.reverse_mss = Some(0),
            |p| p.translated = Translated::Required,
        ];
        let mut seen = vec![of(&list)];
        for change in changes {
            let mut changed = list.clone();
            change(&mut changed[1].1);
            seen.push(of(&changed));
        }
        let mut narrowed = list.clone();
        narrowed[1].0.from.edit().push(ZoneId(1));
        seen.push(of(&narrowed));
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
