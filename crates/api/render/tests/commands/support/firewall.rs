//! Two filters, one with an instance for a unit, and two policers: one of a term, one at an interface.

use ravelin_contract::{
    FilterAction, FilterCounter, FilterHit, FilterLog, FirewallCounters, PolicerCounters, SessionKey,
};
use ravelin_filter::FilterCounterId;
use ravelin_policer::{Exceeding, Limit, MeterKey, Spec};
use ravelin_program::{Direction, FilterAttachment, Firewall, FirewallFilter, Place, PolicerInstance};
use ravelin_types::{Family, InstanceId, InterfaceId, MeterId, Proto, RuleIdentity};

fn filter(id: u32, name: &str, family: Family, counters: &[(u32, &str)]) -> FirewallFilter {
    let counters = counters.iter().map(|(id, name)| (FilterCounterId(*id), name.to_string())).collect();
    FirewallFilter { id, name: name.into(), family, terms: Vec::new(), counters }
}

fn policer(name: &str, filter: Option<u32>, key: MeterKey) -> PolicerInstance {
    let limit = Limit::Bits { per_second: 8_000, burst_bytes: 15_000 };
    let spec = Spec::TwoColour { limit, exceeding: Exceeding::Discard };
    PolicerInstance { name: name.into(), filter, key, spec }
}

const TERM: MeterKey = MeterKey { policer: RuleIdentity(1), place: RuleIdentity(11) };
const UNIT: MeterKey = MeterKey { policer: RuleIdentity(2), place: RuleIdentity(12) };

pub fn program() -> Firewall {
    let at = |place, direction, family, filters: &[u32], policer| FilterAttachment {
        place,
        direction,
        family,
        filters: filters.to_vec(),
        policer,
    };
    let (inside, outside) = (Place::Unit(InterfaceId(0)), Place::Unit(InterfaceId(1)));
    Firewall {
        filters: vec![
            filter(1, "edge", Family::V4, &[(1, "quiet"), (2, "rest")]),
            filter(2, "bare6", Family::V6, &[]),
            filter(3, "each-ge-0/0/1.0-o", Family::V4, &[(7, "sent-ge-0/0/1.0-o")]),
        ],
        policers: vec![policer("slow-quiet", Some(1), TERM), policer("slow", None, UNIT)],
        attachments: vec![
            at(inside, Direction::Input, Family::V4, &[1, 3], None),
            at(inside, Direction::Input, Family::V6, &[2], Some(MeterId(1))),
            at(outside, Direction::Output, Family::V4, &[3], None),
            at(Place::Host, Direction::Input, Family::V4, &[1], None),
        ],
        groups: Vec::new(),
    }
}

pub fn counters() -> FirewallCounters {
    let counter = |filter, id, name: &str, packets, bytes| FilterCounter {
        filter,
        name: name.into(),
        id,
        packets,
        bytes,
    };
    let policer = |name: &str, filter, key: MeterKey, packets, bytes| PolicerCounters {
        name: name.into(),
        filter,
        policer: key.policer,
        place: key.place,
        packets,
        bytes,
    };
    FirewallCounters {
        // In an order of their own: they are found by id.
        filters: vec![counter(1, 2, "rest", 4, 240), counter(1, 1, "quiet", 3, 180)],
        policers: vec![
            policer("slow-quiet", Some(1), TERM, [15, 0, 85], [15_000, 0, 85_000]),
            policer("slow", None, UNIT, [9, 0, 1], [900, 0, 100]),
        ],
    }
}

/// Of which the last is the newest.
pub fn log() -> FilterLog {
    let key = |src: &str, dst: &str, ports: (u16, u16), proto| SessionKey {
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        sport: ports.0,
        dport: ports.1,
        proto,
        instance: InstanceId::DEFAULT,
    };
    let hit = |filter, action, key| FilterHit {
        filter,
        term: 0,
        action,
        interface: InterfaceId(0),
        key,
        bytes: 60,
    };
    let udp = key("10.1.0.2", "198.51.100.2", (40_000, 5300), Proto::UDP);
    let tcp = key("2001:db8::2", "2001:db8::1", (40_001, 443), Proto::TCP);
    let ping = key("10.1.0.2", "198.51.100.2", (1, 0), Proto::ICMP);
    FilterLog {
        now_ns: 9_000_000_000,
        entries: vec![
            (1_000_000_000, hit(1, FilterAction::Discard, udp)),
            (2_000_000_000, hit(2, FilterAction::Reject, tcp)),
            (9_000_000_000, hit(1, FilterAction::Accept, ping)),
        ],
    }
}
