//! What happened.

use ravelin_contract::{
    BlockChange, Event, EventBatch, NatEvent, NatLack, OverloadEvent, OverloadMoment, PolicyDeny,
    SessionEvent, TrackedMoment, TrackedSession,
};
use ravelin_program::Screen;
use ravelin_types::{NatRuleId, PolicyId, PortId, Proto, WorkerId, ZoneId};

use super::{
    Malformed, Read, Wire, address, decode_all, encode_all, instance, need, octets, part, small, unit,
};
use crate::proto;
use crate::proto::event::Kind;
use crate::proto::nat_event::Kind as Nat;
use crate::proto::tracked_session::Moment;

impl Wire for EventBatch {
    type Message = proto::EventBatch;

    fn to_message(&self) -> proto::EventBatch {
        let Self { events, lost } = self;
        proto::EventBatch { events: encode_all(events), lost: *lost }
    }

    /// Events of another version are none here: they are lost.
    fn from_message(message: proto::EventBatch) -> Read<Self> {
        let proto::EventBatch { mut events, lost } = message;
        let sent = events.len();
        events.retain(is_known);
        let unknown = (sent - events.len()) as u64;
        Ok(Self { events: decode_all(events)?, lost: lost.saturating_add(unknown) })
    }
}

fn is_known(event: &proto::Event) -> bool {
    match &event.kind {
        None => false,
        Some(Kind::Nat(event)) => event.kind.is_some(),
        Some(Kind::Tracked(session)) => session.moment.is_some(),
        Some(Kind::Overload(overload)) => overload.moment.is_some(),
        Some(_) => true,
    }
}

impl Wire for Event {
    type Message = proto::Event;

    fn to_message(&self) -> proto::Event {
        let kind = match self {
            Self::Session(SessionEvent { view, close: None }) => Kind::SessionOpened(view.to_message()),
            Self::Session(SessionEvent { view, close: Some(reason) }) => {
                let (view, reason) = (Some(view.to_message()), reason.to_message());
                Kind::SessionClosed(proto::SessionClosed { view, reason })
            }
            Self::SessionUpdated(view) => Kind::SessionUpdated(view.to_message()),
            Self::Tracked(session) => Kind::Tracked(session.to_message()),
            Self::PolicyDeny(deny) => Kind::PolicyDeny(deny.to_message()),
            Self::Screen { screen, zone, interface, key, dropped } => Kind::Screen(proto::ScreenHit {
                screen: screen.index() as u32,
                zone: zone.0.into(),
                interface: interface.0.into(),
                key: Some(key.to_message()),
                dropped: *dropped,
            }),
            Self::Filter(hit) => Kind::Filter(hit.to_message()),
            Self::Policer(hit) => Kind::Policer(hit.to_message()),
            Self::Nat(event) => Kind::Nat(event.to_message()),
            Self::Overload(event) => Kind::Overload(event.to_message()),
            Self::NeighbourWanted { interface, addr } => {
                let (interface, addr) = (interface.0.into(), octets(*addr));
                Kind::NeighbourWanted(proto::NeighbourWanted { interface, addr })
            }
        };
        proto::Event { kind: Some(kind) }
    }

    fn from_message(message: proto::Event) -> Read<Self> {
        Ok(match need("kind of event", message.kind)? {
            Kind::SessionOpened(view) => {
                Self::Session(SessionEvent { view: Wire::from_message(view)?, close: None })
            }
            Kind::SessionClosed(closed) => Self::Session(SessionEvent {
                view: part("session", closed.view)?,
                close: Some(Wire::from_message(closed.reason)?),
            }),
            Kind::SessionUpdated(view) => Self::SessionUpdated(Wire::from_message(view)?),
            Kind::Tracked(session) => Self::Tracked(Wire::from_message(session)?),
            Kind::PolicyDeny(deny) => Self::PolicyDeny(Wire::from_message(deny)?),
            Kind::Screen(hit) => Self::Screen {
                screen: need("screen", Screen::from_number(hit.screen))?,
                zone: ZoneId(small("zone id", hit.zone)?),
                interface: unit(hit.interface)?,
                key: part("session key", hit.key)?,
                dropped: hit.dropped,
            },
            Kind::Filter(hit) => Self::Filter(Wire::from_message(hit)?),
            Kind::Policer(hit) => Self::Policer(Wire::from_message(hit)?),
            Kind::Nat(event) => Self::Nat(Wire::from_message(event)?),
            Kind::Overload(event) => Self::Overload(Wire::from_message(event)?),
            Kind::NeighbourWanted(wanted) => {
                Self::NeighbourWanted { interface: unit(wanted.interface)?, addr: address(&wanted.addr)? }
            }
        })
    }
}

impl Wire for OverloadEvent {
    type Message = proto::Overload;

    fn to_message(&self) -> proto::Overload {
        let Self { worker, moment } = *self;
        let moment = match moment {
            OverloadMoment::Began { port } => {
                proto::overload::Moment::Began(proto::OverloadBegan { port: port.map(|port| port.0.into()) })
            }
            OverloadMoment::Ended { shed, lasted_ms } => {
                proto::overload::Moment::Ended(proto::OverloadEnded { shed, lasted_ms })
            }
        };
        proto::Overload { worker: worker.0.into(), moment: Some(moment) }
    }

    fn from_message(message: proto::Overload) -> Read<Self> {
        let proto::Overload { worker, moment } = message;
        let moment = match need("moment of an overload", moment)? {
            proto::overload::Moment::Began(proto::OverloadBegan { port }) => OverloadMoment::Began {
                port: port.map(|port| small("port id", port)).transpose()?.map(PortId),
            },
            proto::overload::Moment::Ended(proto::OverloadEnded { shed, lasted_ms }) => {
                OverloadMoment::Ended { shed, lasted_ms }
            }
        };
        Ok(Self { worker: WorkerId(small("worker", worker)?), moment })
    }
}

impl Wire for TrackedSession {
    type Message = proto::TrackedSession;

    fn to_message(&self) -> proto::TrackedSession {
        let Self { view, moment } = self;
        let moment = match moment {
            TrackedMoment::Opened => Moment::Opened(true),
            TrackedMoment::Updated => Moment::Updated(true),
            TrackedMoment::Closed(reason) => Moment::Closed(reason.to_message()),
        };
        proto::TrackedSession { view: Some(view.to_message()), moment: Some(moment) }
    }

    fn from_message(message: proto::TrackedSession) -> Read<Self> {
        let proto::TrackedSession { view, moment } = message;
        let moment = match need("moment of a session", moment)? {
            Moment::Opened(_) => TrackedMoment::Opened,
            Moment::Updated(_) => TrackedMoment::Updated,
            Moment::Closed(reason) => TrackedMoment::Closed(Wire::from_message(reason)?),
        };
        Ok(Self { view: part("session", view)?, moment })
    }
}

impl Wire for PolicyDeny {
    type Message = proto::PolicyDeny;

    fn to_message(&self) -> proto::PolicyDeny {
        let Self { policy, key, interface, from_zone, to_zone, application } = *self;
        proto::PolicyDeny {
            policy: policy.0,
            key: Some(key.to_message()),
            interface: interface.0.into(),
            from_zone: from_zone.0.into(),
            to_zone: to_zone.0.into(),
            application,
        }
    }

    fn from_message(message: proto::PolicyDeny) -> Read<Self> {
        Ok(Self {
            policy: PolicyId(message.policy),
            key: part("session key", message.key)?,
            interface: unit(message.interface)?,
            from_zone: ZoneId(small("zone id", message.from_zone)?),
            to_zone: ZoneId(small("zone id", message.to_zone)?),
            application: message.application,
        })
    }
}

impl Wire for BlockChange {
    type Message = u32;

    fn to_message(&self) -> u32 {
        match self {
            Self::Allocated => 1,
            Self::Interim => 2,
            Self::Released => 3,
        }
    }

    fn from_message(message: u32) -> Read<Self> {
        let found = Self::ALL.into_iter().find(|change| change.to_message() == message);
        found.ok_or(Malformed::Missing("change of a block"))
    }
}

impl Wire for NatEvent {
    type Message = proto::NatEvent;

    fn to_message(&self) -> proto::NatEvent {
        let kind = match *self {
            Self::Block { change, pool, instance, host, external, low, high, used, most, age_s } => {
                Nat::Block(proto::NatBlock {
                    change: change.to_message(),
                    pool,
                    host: octets(host),
                    external: octets(external),
                    low: low.into(),
                    high: high.into(),
                    used,
                    most,
                    age_s,
                    instance: instance.0.into(),
                })
            }
            Self::PoolAlarm { pool, raised, threshold, current } => Nat::PoolAlarm(proto::NatPoolAlarm {
                pool,
                raised,
                threshold: threshold.into(),
                current: current.into(),
            }),
            Self::RuleAlarm { rule, raised, threshold, current } => {
                Nat::RuleAlarm(proto::NatRuleAlarm { rule: rule.0, raised, threshold, current })
            }
            Self::Binding {
                made,
                pool,
                proto,
                instance,
                internal,
                internal_port,
                external,
                external_port,
            } => Nat::Binding(proto::NatBinding {
                made,
                pool,
                proto: proto.map(|proto| proto.0.into()),
                internal: octets(internal),
                internal_port: internal_port.into(),
                external: octets(external),
                external_port: external_port.into(),
                instance: instance.0.into(),
            }),
            Self::Exhausted { rule, key, interface, lack } => Nat::Exhausted(proto::NatExhausted {
                rule: rule.0,
                key: Some(key.to_message()),
                interface: interface.0.into(),
                lack: match lack {
                    NatLack::Ports => 0,
                    NatLack::Addresses => 1,
                    NatLack::Quota => 2,
                },
            }),
        };
        proto::NatEvent { kind: Some(kind) }
    }

    fn from_message(message: proto::NatEvent) -> Read<Self> {
        Ok(match need("kind of NAT event", message.kind)? {
            Nat::Block(block) => Self::Block {
                change: Wire::from_message(block.change)?,
                pool: block.pool,
                instance: instance(block.instance)?,
                host: address(&block.host)?,
                external: address(&block.external)?,
                low: small("port", block.low)?,
                high: small("port", block.high)?,
                used: block.used,
                most: block.most,
                age_s: block.age_s,
            },
            Nat::PoolAlarm(alarm) => Self::PoolAlarm {
                pool: alarm.pool,
                raised: alarm.raised,
                threshold: small("threshold", alarm.threshold)?,
                current: small("percentage", alarm.current)?,
            },
            Nat::RuleAlarm(alarm) => Self::RuleAlarm {
                rule: NatRuleId(alarm.rule),
                raised: alarm.raised,
                threshold: alarm.threshold,
                current: alarm.current,
            },
            Nat::Binding(binding) => Self::Binding {
                made: binding.made,
                pool: binding.pool,
                proto: binding.proto.map(|proto| small("protocol", proto).map(Proto)).transpose()?,
                instance: instance(binding.instance)?,
                internal: address(&binding.internal)?,
                internal_port: small("internal port", binding.internal_port)?,
                external: address(&binding.external)?,
                external_port: small("external port", binding.external_port)?,
            },
            Nat::Exhausted(exhausted) => Self::Exhausted {
                rule: NatRuleId(exhausted.rule),
                key: part("session key", exhausted.key)?,
                interface: unit(exhausted.interface)?,
                lack: match exhausted.lack {
                    0 => NatLack::Ports,
                    1 => NatLack::Addresses,
                    2 => NatLack::Quota,
                    value => return Err(Malformed::Range { what: "lack", value: value.into() }),
                },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::survives;
    use super::*;
    use ravelin_contract::SessionKey;
    use ravelin_types::{InstanceId, InterfaceId, Proto};

    fn key() -> SessionKey {
        let (src, dst) = ("10.0.0.1".parse().unwrap(), "198.51.100.1".parse().unwrap());
        SessionKey { src, dst, sport: 1, dport: u16::MAX, proto: Proto::UDP, instance: InstanceId::DEFAULT }
    }

    #[test]
    fn a_denial_survives_with_and_without_an_application() {
        let deny = PolicyDeny {
            policy: PolicyId(3),
            key: key(),
            interface: InterfaceId(4),
            from_zone: ZoneId(5),
            to_zone: ZoneId(6),
            application: None,
        };
        survives([deny, PolicyDeny { application: Some(0), ..deny }]);
    }

    #[test]
    fn every_event_of_nat_survives() {
        let block = |change| NatEvent::Block {
            change,
            pool: 1,
            instance: InstanceId(2),
            host: "2001:db8::1".parse().unwrap(),
            external: "203.0.113.1".parse().unwrap(),
            low: 1024,
            high: u16::MAX,
            used: 2,
            most: 8,
            age_s: 3,
        };
        survives(BlockChange::ALL.map(block));
        survives([true, false].map(|raised| NatEvent::PoolAlarm {
            pool: 7,
            raised,
            threshold: 90,
            current: 91,
        }));
        survives(NatLack::ALL.map(|lack| {
            let (rule, interface) = (NatRuleId(9), InterfaceId(1));
            NatEvent::Exhausted { rule, key: key(), interface, lack }
        }));
        survives([true, false].map(|raised| NatEvent::RuleAlarm {
            rule: NatRuleId(3),
            raised,
            threshold: u32::MAX,
            current: 9,
        }));
        survives([(true, None, None), (false, Some(3), Some(Proto::UDP))].map(|(made, pool, proto)| {
            NatEvent::Binding {
                made,
                pool,
                proto,
                instance: InstanceId(InstanceId::MAX),
                internal: "2001:db8::1".parse().unwrap(),
                internal_port: 5,
                external: "203.0.113.1".parse().unwrap(),
                external_port: u16::MAX,
            }
        }));
        assert!(BlockChange::from_message(0).is_err());
        assert!(NatEvent::from_message(proto::NatEvent { kind: None }).is_err());
    }

    #[test]
    fn an_event_of_another_version_is_lost_and_takes_no_other_with_it() {
        let known = Event::Nat(NatEvent::PoolAlarm { pool: 1, raised: true, threshold: 80, current: 81 });
        let nameless = proto::Event { kind: Some(Kind::Nat(proto::NatEvent { kind: None })) };
        let events = vec![proto::Event { kind: None }, known.to_message(), nameless];
        let batch = EventBatch::from_message(proto::EventBatch { events, lost: 3 }).unwrap();
        assert_eq!(batch, EventBatch { events: vec![known], lost: 5 });
    }
}
