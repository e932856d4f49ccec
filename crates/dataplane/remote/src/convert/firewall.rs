//! Counters of filters and policers, and what filters logged.

use ravelin_contract::{
    FilterAction, FilterCounter, FilterHit, FilterLog, FirewallClear, FirewallCounters, PolicerCounters,
};
use ravelin_types::RuleIdentity;

use super::{Malformed, Read, Wire, decode_all, encode_all, need, part, small, unit};
use crate::proto;

impl Wire for FirewallCounters {
    type Message = proto::FirewallCounters;

    fn to_message(&self) -> proto::FirewallCounters {
        let Self { filters, policers } = self;
        proto::FirewallCounters { filters: encode_all(filters), policers: encode_all(policers) }
    }

    fn from_message(message: proto::FirewallCounters) -> Read<Self> {
        Ok(Self { filters: decode_all(message.filters)?, policers: decode_all(message.policers)? })
    }
}

impl Wire for FilterCounter {
    type Message = proto::FilterCounter;

    fn to_message(&self) -> proto::FilterCounter {
        let Self { filter, name, id, packets, bytes } = self.clone();
        proto::FilterCounter { filter, name, id, packets, bytes }
    }

    fn from_message(message: proto::FilterCounter) -> Read<Self> {
        let proto::FilterCounter { filter, name, id, packets, bytes } = message;
        Ok(Self { filter, name, id, packets, bytes })
    }
}

impl Wire for PolicerCounters {
    type Message = proto::PolicerCounters;

    fn to_message(&self) -> proto::PolicerCounters {
        let Self { name, filter, policer, place, packets, bytes } = self.clone();
        proto::PolicerCounters {
            name,
            filter,
            policer: policer.0,
            place: place.0,
            packets: packets.to_vec(),
            bytes: bytes.to_vec(),
        }
    }

    fn from_message(message: proto::PolicerCounters) -> Read<Self> {
        let colours =
            |list: Vec<u64>| list.try_into().map_err(|_| Malformed::Missing("colours of a policer"));
        Ok(Self {
            name: message.name,
            filter: message.filter,
            policer: RuleIdentity(message.policer),
            place: RuleIdentity(message.place),
            packets: colours(message.packets)?,
            bytes: colours(message.bytes)?,
        })
    }
}

impl Wire for FirewallClear {
    type Message = proto::FirewallClear;

    fn to_message(&self) -> proto::FirewallClear {
        let Self { counters, policers, log } = self;
        let place = |(policer, place): &(RuleIdentity, RuleIdentity)| proto::PolicerPlace {
            policer: policer.0,
            place: place.0,
        };
        proto::FirewallClear {
            counters: counters.clone(),
            policers: policers.iter().map(place).collect(),
            log: *log,
        }
    }

    fn from_message(message: proto::FirewallClear) -> Read<Self> {
        let place = |p: proto::PolicerPlace| (RuleIdentity(p.policer), RuleIdentity(p.place));
        Ok(Self {
            counters: message.counters,
            policers: message.policers.into_iter().map(place).collect(),
            log: message.log,
        })
    }
}

impl Wire for FilterLog {
    type Message = proto::FilterLog;

    fn to_message(&self) -> proto::FilterLog {
        let logged =
            |(at, hit): &(u64, FilterHit)| proto::FilterLogged { at_ns: *at, hit: Some(hit.to_message()) };
        proto::FilterLog { now_ns: self.now_ns, entries: self.entries.iter().map(logged).collect() }
    }

    fn from_message(message: proto::FilterLog) -> Read<Self> {
        let logged = |entry: proto::FilterLogged| Ok((entry.at_ns, part("logged packet", entry.hit)?));
        let entries = message.entries.into_iter().map(logged).collect::<Read<_>>()?;
        Ok(Self { now_ns: message.now_ns, entries })
    }
}

impl Wire for FilterHit {
    type Message = proto::FilterHit;

    fn to_message(&self) -> proto::FilterHit {
        let Self { filter, term, action, interface, key, bytes } = *self;
        proto::FilterHit {
            filter,
            term: term.into(),
            action: match action {
                FilterAction::Accept => 1,
                FilterAction::Discard => 2,
                FilterAction::Reject => 3,
            },
            interface: interface.0.into(),
            key: Some(key.to_message()),
            bytes,
        }
    }

    fn from_message(message: proto::FilterHit) -> Read<Self> {
        let action = match message.action {
            1 => Some(FilterAction::Accept),
            2 => Some(FilterAction::Discard),
            3 => Some(FilterAction::Reject),
            _ => None,
        };
        Ok(Self {
            filter: message.filter,
            term: small("term", message.term)?,
            action: need("action of a filter", action)?,
            interface: unit(message.interface)?,
            key: part("session key", message.key)?,
            bytes: message.bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::survives;
    use super::*;
    use ravelin_contract::SessionKey;
    use ravelin_types::{InstanceId, InterfaceId, Proto};

    #[test]
    fn everything_survives_the_wire() {
        let addr = std::net::IpAddr::from([192, 0, 2, 1]);
        let key = SessionKey {
            src: addr,
            dst: addr,
            sport: 1,
            dport: 2,
            proto: Proto::TCP,
            instance: InstanceId::DEFAULT,
        };
        let hit =
            |action| FilterHit { filter: 7, term: 3, action, interface: InterfaceId(2), key, bytes: 1500 };
        let actions = [FilterAction::Accept, FilterAction::Discard, FilterAction::Reject];
        survives([FilterLog { now_ns: 9, entries: (1..).zip(actions.map(hit)).collect() }]);
        let counter = FilterCounter { filter: 7, name: "c".into(), id: 1, packets: 2, bytes: 3 };
        let policer = PolicerCounters {
            name: "p".into(),
            filter: Some(7),
            policer: RuleIdentity(u64::MAX),
            place: RuleIdentity(5),
            packets: [1, 2, 3],
            bytes: [4, 5, 6],
        };
        let at_interface = PolicerCounters { filter: None, ..policer.clone() };
        survives([FirewallCounters { filters: vec![counter], policers: vec![policer, at_interface] }]);
        let policers = vec![(RuleIdentity(1), RuleIdentity(2))];
        survives([FirewallClear { counters: vec![1, 2], policers, log: true }]);
    }
}
