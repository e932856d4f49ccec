//! Counters. Drops travel by the name of their reason, so that versions may differ.

use ravelin_contract::{
    CounterClear, Global, InterfaceCounters, MirrorCounters, MirrorLoss, NatCounters, PolicyCounters,
    PoolCounters, ScreenCounters, Traffic, UnitScreenCounters,
};
use ravelin_program::Screen;
use ravelin_types::{DropReason, MirrorId, NatRuleId, PolicyId, RuleIdentity, ZoneId};

use super::{Malformed, Read, Wire, small, unit};
use crate::proto;

impl Wire for Global {
    type Message = proto::Global;

    fn to_message(&self) -> proto::Global {
        let Self {
            rx_packets,
            rx_bytes,
            tx_packets,
            tx_bytes,
            host_packets,
            answers,
            handed_over,
            sessions_created,
            sessions_closed,
            sessions_live,
            sessions_max,
            drops,
            events_lost,
        } = *self;
        let named = DropReason::ALL.iter().map(|r| (r.name().to_owned(), drops[r.index()]));
        proto::Global {
            rx_packets,
            rx_bytes,
            tx_packets,
            tx_bytes,
            host_packets,
            answers,
            handed_over,
            sessions_created,
            sessions_closed,
            sessions_live,
            sessions_max,
            drops: named.filter(|(_, count)| *count > 0).collect(),
            events_lost,
        }
    }

    /// A reason that this side does not know has no place in the contract's table: it is logged.
    fn from_message(message: proto::Global) -> Read<Self> {
        let mut drops = [0; DropReason::COUNT];
        for (name, count) in &message.drops {
            match DropReason::from_name(name) {
                Some(reason) => drops[reason.index()] = *count,
                None => tracing::debug!(%name, count, "The peer counts drops for a reason unknown here."),
            }
        }
        Ok(Self {
            rx_packets: message.rx_packets,
            rx_bytes: message.rx_bytes,
            tx_packets: message.tx_packets,
            tx_bytes: message.tx_bytes,
            host_packets: message.host_packets,
            answers: message.answers,
            handed_over: message.handed_over,
            sessions_created: message.sessions_created,
            sessions_closed: message.sessions_closed,
            sessions_live: message.sessions_live,
            sessions_max: message.sessions_max,
            drops,
            events_lost: message.events_lost,
        })
    }
}

impl Wire for PolicyCounters {
    type Message = proto::PolicyCounters;

    fn to_message(&self) -> proto::PolicyCounters {
        let Self {
            id,
            identity,
            hits,
            first_hit_s,
            last_hit_s,
            packets,
            bytes,
            sessions,
            gained,
            lost,
            recent,
            sent,
            recent_came,
            recent_sent,
        } = *self;
        let [packets_initial, packets_reply] = packets;
        let [bytes_initial, bytes_reply] = bytes;
        proto::PolicyCounters {
            id: id.0,
            identity: identity.0,
            hits,
            first_hit_s,
            last_hit_s,
            packets_initial,
            packets_reply,
            bytes_initial,
            bytes_reply,
            sessions,
            gained,
            lost,
            recent,
            sent: Some(traffic(sent)),
            recent_came: Some(traffic(recent_came)),
            recent_sent: Some(traffic(recent_sent)),
        }
    }

    fn from_message(message: proto::PolicyCounters) -> Read<Self> {
        let proto::PolicyCounters { identity, hits, first_hit_s, last_hit_s, .. } = message;
        let proto::PolicyCounters { sessions, gained, lost, recent, .. } = message;
        let packets = [message.packets_initial, message.packets_reply];
        let bytes = [message.bytes_initial, message.bytes_reply];
        Ok(Self {
            id: PolicyId(message.id),
            identity: RuleIdentity(identity),
            hits,
            first_hit_s,
            last_hit_s,
            packets,
            bytes,
            sessions,
            gained,
            lost,
            recent,
            // An older plane does not count it: all that came is taken for sent.
            sent: message.sent.map_or(Traffic { packets, bytes }, |sent| traffic_of(&sent)),
            recent_came: message.recent_came.as_ref().map(traffic_of).unwrap_or_default(),
            recent_sent: message.recent_sent.as_ref().map(traffic_of).unwrap_or_default(),
        })
    }
}

fn traffic(Traffic { packets, bytes }: Traffic) -> proto::PolicyTraffic {
    proto::PolicyTraffic {
        packets_initial: packets[0],
        packets_reply: packets[1],
        bytes_initial: bytes[0],
        bytes_reply: bytes[1],
    }
}

fn traffic_of(message: &proto::PolicyTraffic) -> Traffic {
    Traffic {
        packets: [message.packets_initial, message.packets_reply],
        bytes: [message.bytes_initial, message.bytes_reply],
    }
}

impl Wire for NatCounters {
    type Message = proto::NatCounters;

    fn to_message(&self) -> proto::NatCounters {
        let Self { id, identity, hits, failed, sessions, pool_hits } = *self;
        proto::NatCounters { id: id.0, identity: identity.0, hits, failed, sessions, pool_hits }
    }

    fn from_message(message: proto::NatCounters) -> Read<Self> {
        let proto::NatCounters { id, identity, hits, failed, sessions, pool_hits } = message;
        let (id, identity) = (NatRuleId(id), RuleIdentity(identity));
        Ok(Self { id, identity, hits, failed, sessions, pool_hits })
    }
}

impl Wire for PoolCounters {
    type Message = proto::PoolCounters;

    fn to_message(&self) -> proto::PoolCounters {
        let Self { id, ports, others, held, capacity } = *self;
        proto::PoolCounters { id, ports: ports.to_vec(), others, held, capacity }
    }

    fn from_message(message: proto::PoolCounters) -> Read<Self> {
        let proto::PoolCounters { id, ports, others, held, capacity } = message;
        let ports = ports.try_into().map_err(|_| Malformed::Missing("pool ports"))?;
        Ok(Self { id, ports, others, held, capacity })
    }
}

impl Wire for InterfaceCounters {
    type Message = proto::InterfaceCounters;

    fn to_message(&self) -> proto::InterfaceCounters {
        let Self { interface, rx_packets, rx_bytes, tx_packets, tx_bytes } = *self;
        proto::InterfaceCounters { interface: interface.0.into(), rx_packets, rx_bytes, tx_packets, tx_bytes }
    }

    fn from_message(message: proto::InterfaceCounters) -> Read<Self> {
        let proto::InterfaceCounters { interface, rx_packets, rx_bytes, tx_packets, tx_bytes } = message;
        Ok(Self { interface: unit(interface)?, rx_packets, rx_bytes, tx_packets, tx_bytes })
    }
}

impl Wire for ScreenCounters {
    type Message = proto::ScreenCounters;

    fn to_message(&self) -> proto::ScreenCounters {
        let Self { zone, hits } = self;
        proto::ScreenCounters { zone: zone.0.into(), hits: hits.iter().map(screen_count).collect() }
    }

    fn from_message(message: proto::ScreenCounters) -> Read<Self> {
        Ok(Self { zone: ZoneId(small("zone id", message.zone)?), hits: known_screens(message.hits) })
    }
}

impl Wire for UnitScreenCounters {
    type Message = proto::UnitScreenCounters;

    fn to_message(&self) -> proto::UnitScreenCounters {
        let Self { interface, hits } = self;
        proto::UnitScreenCounters {
            interface: interface.0.into(),
            hits: hits.iter().map(screen_count).collect(),
        }
    }

    fn from_message(message: proto::UnitScreenCounters) -> Read<Self> {
        Ok(Self { interface: unit(message.interface)?, hits: known_screens(message.hits) })
    }
}

fn screen_count((screen, hits): &(Screen, u64)) -> proto::ScreenCount {
    proto::ScreenCount { screen: screen.index() as u32, hits: *hits }
}

/// A screen of another version is left out.
fn known_screens(counts: Vec<proto::ScreenCount>) -> Vec<(Screen, u64)> {
    counts.into_iter().filter_map(|c| Some((Screen::from_number(c.screen)?, c.hits))).collect()
}

impl Wire for CounterClear {
    type Message = proto::CounterClear;

    fn to_message(&self) -> proto::CounterClear {
        let Self { policy_hits, policy_traffic, screens, unit_screens, flow } = self;
        let policies = |ids: &[PolicyId]| ids.iter().map(|id| id.0).collect();
        proto::CounterClear {
            policy_hits: policies(policy_hits),
            policy_traffic: policies(policy_traffic),
            screens: screens.iter().map(|zone| zone.0.into()).collect(),
            unit_screens: unit_screens.iter().map(|unit| unit.0.into()).collect(),
            flow: *flow,
        }
    }

    fn from_message(message: proto::CounterClear) -> Read<Self> {
        let policies = |ids: Vec<u32>| ids.into_iter().map(PolicyId).collect();
        let zone = |id: u32| Ok(ZoneId(small("zone id", id)?));
        Ok(Self {
            policy_hits: policies(message.policy_hits),
            policy_traffic: policies(message.policy_traffic),
            screens: message.screens.into_iter().map(zone).collect::<Read<_>>()?,
            unit_screens: message.unit_screens.into_iter().map(unit).collect::<Read<_>>()?,
            flow: message.flow,
        })
    }
}

impl Wire for MirrorCounters {
    type Message = proto::MirrorCounters;

    fn to_message(&self) -> proto::MirrorCounters {
        let Self { id, identity, packets, bytes, lost } = *self;
        let named = MirrorLoss::ALL.iter().map(|loss| (loss.name().to_owned(), lost[loss.index()]));
        proto::MirrorCounters {
            id: id.0.into(),
            identity: identity.0,
            packets,
            bytes,
            lost: named.filter(|(_, count)| *count > 0).collect(),
        }
    }

    /// A reason of another version is left out.
    fn from_message(message: proto::MirrorCounters) -> Read<Self> {
        let proto::MirrorCounters { id, identity, packets, bytes, lost } = message;
        let id = MirrorId(small("mirror id", id)?);
        let mut counters = Self { id, identity: RuleIdentity(identity), packets, bytes, ..Self::default() };
        for loss in MirrorLoss::ALL {
            counters.lost[loss.index()] = lost.get(loss.name()).copied().unwrap_or(0);
        }
        Ok(counters)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::survives;
    use super::*;

    #[test]
    fn every_drop_counter_survives_under_its_own_name() {
        let mut global = Global { rx_packets: 1, events_lost: 2, ..Global::default() };
        for reason in DropReason::ALL {
            global.drops[reason.index()] = 1000 + reason.index() as u64;
        }
        survives([Global::default(), global]);
    }

    #[test]
    fn a_reason_of_another_version_disturbs_no_other() {
        let mut message = Global::default().to_message();
        message.drops.insert("from-the-future".into(), 5);
        message.drops.insert("no-route".into(), 7);
        let global = Global::from_message(message).unwrap();
        assert_eq!(global.drops[DropReason::NoRoute.index()], 7);
        assert_eq!(global.drops.iter().sum::<u64>(), 7);
    }
}
