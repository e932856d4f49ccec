//! Alarms of NAT: what is watched, judged again and again by whoever has the sums over all workers.
//!
//! Junos: `pool-utilization-alarm`, `rule-session-count-alarm`. Place: the daemon judges and keeps them, operators' commands show
//! them. State: which are raised. Spec: nat-pool-35, nat-source-18.

use ravelin_contract::{NatCounters, NatEvent, PoolCounters};
use ravelin_nat::{Alarm as State, AlarmEvent, Thresholds};
use serde::{Deserialize, Serialize};

use crate::answer::NatKind;
use crate::names::NameTable;

/// An alarm of a pool or rule: thresholds in percent in use, or in sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    pub raise: u32,
    pub clear: u32,
    pub raised: bool,
}

/// What an alarm is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    SourcePool(String),
    Rule { kind: NatKind, set: String, rule: String },
}

/// An alarm as the configuration wants it. `clear`: as it follows from `raise` unless said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedAlarm {
    pub watched: Watched,
    pub raise: u32,
    pub clear: Option<u32>,
}

/// An alarm that was raised or cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmChange {
    pub watched: Watched,
    pub raised: bool,
    /// Percent in use, or sessions.
    pub now: u32,
    /// The threshold that it reached, or fell below.
    pub threshold: u32,
}

/// Every alarm that the configuration wants.
#[derive(Clone, Debug, Default)]
pub struct NatAlarms {
    all: Vec<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    wanted: WantedAlarm,
    thresholds: Option<Thresholds>,
    clear: u32,
    state: State,
}

impl NatAlarms {
    /// Takes another configuration's alarms; those that stay keep what they are. What was raised and is wanted no more is cleared.
    pub fn want(&mut self, wanted: Vec<WantedAlarm>) -> Vec<AlarmChange> {
        let mut before = std::mem::take(&mut self.all);
        for wanted in wanted {
            let known = before.iter().position(|kept| kept.wanted.watched == wanted.watched);
            let state = known.map_or_else(State::default, |at| before.swap_remove(at).state);
            let clear = wanted.clear.unwrap_or_else(|| Thresholds::default_clear(wanted.raise));
            let thresholds = Thresholds::new(wanted.raise, Some(clear));
            self.all.push(Kept { wanted, thresholds, clear, state });
        }
        let gone = before.into_iter().filter(|kept| kept.state.is_raised());
        gone.map(|kept| kept.change(false, 0, kept.clear)).collect()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Judges what is in use; what was raised or cleared by that. What is unknown stays as it is.
    pub fn judge(
        &mut self,
        names: &NameTable,
        (pools, rules): (&[PoolCounters], &[NatCounters]),
    ) -> Vec<AlarmChange> {
        let mut changes = Vec::new();
        for kept in &mut self.all {
            let now = match &kept.wanted.watched {
                Watched::SourcePool(name) => utilization_of(names, pools, name),
                Watched::Rule { kind, set, rule } => sessions_of(names, rules, (*kind, set, rule)),
            };
            let Some(now) = now else { continue };
            changes.extend(match kept.state.observe(kept.thresholds, now) {
                Some(AlarmEvent::Raised { now }) => Some(kept.change(true, now, kept.wanted.raise)),
                Some(AlarmEvent::Cleared { now }) => Some(kept.change(false, now, kept.clear)),
                None => None,
            });
        }
        changes
    }

    #[must_use]
    pub fn of_pool(&self, name: &str) -> Option<Alarm> {
        self.of(|watched| matches!(watched, Watched::SourcePool(known) if known == name))
    }

    pub(crate) fn of_rule(&self, kind: NatKind, set: &str, rule: &str) -> Option<Alarm> {
        self.of(|watched| {
            matches!(watched, Watched::Rule { kind: k, set: s, rule: r } if *k == kind && s == set && r == rule)
        })
    }

    fn of(&self, is_meant: impl Fn(&Watched) -> bool) -> Option<Alarm> {
        let kept = self.all.iter().find(|kept| is_meant(&kept.wanted.watched))?;
        Some(Alarm { raise: kept.wanted.raise, clear: kept.clear, raised: kept.state.is_raised() })
    }
}

impl AlarmChange {
    /// What the security log is told. `None`: the pool or rule is no more.
    #[must_use]
    pub fn event(&self, names: &NameTable) -> Option<NatEvent> {
        let Self { watched, raised, now, threshold } = self;
        let (raised, current, threshold) = (*raised, *now, *threshold);
        let name = match watched {
            Watched::SourcePool(name) => name,
            Watched::Rule { kind, set, rule } => {
                let rule = names.nat_rule_id(*kind, set, rule)?;
                return Some(NatEvent::RuleAlarm { rule, raised, threshold, current });
            }
        };
        let pool = names.source_pools().iter().find(|pool| pool.name == *name)?.spec.id;
        let percent = |of: u32| u8::try_from(of).unwrap_or(u8::MAX);
        Some(NatEvent::PoolAlarm {
            pool: pool.0.into(),
            raised,
            threshold: percent(threshold),
            current: percent(current),
        })
    }
}

impl Kept {
    fn change(&self, raised: bool, now: u32, threshold: u32) -> AlarmChange {
        AlarmChange { watched: self.wanted.watched.clone(), raised, now, threshold }
    }
}

/// Percent in use of a pool: of addresses or blocks where those are given out, else of the ports of the class that has most.
/// `None`: it gives nothing out.
#[must_use]
pub fn utilization(used: [u64; 4], held: u64, capacity: u64) -> Option<u32> {
    let most = used.into_iter().max().unwrap_or(0);
    (capacity > 0).then(|| State::percent(if held > 0 { held } else { most }, capacity))
}

fn utilization_of(names: &NameTable, pools: &[PoolCounters], name: &str) -> Option<u32> {
    let id = names.source_pools().iter().find(|pool| pool.name == name)?.spec.id;
    let counter = pools.iter().find(|counter| counter.id == u32::from(id.0))?;
    utilization(counter.ports, counter.held, counter.capacity)
}

fn sessions_of(
    names: &NameTable,
    rules: &[NatCounters],
    (kind, set, rule): (NatKind, &str, &str),
) -> Option<u32> {
    let id = match kind {
        NatKind::Source => {
            names.source_rules().find(|(s, r)| s.name == *set && r.name == *rule).map(|(_, r)| r.id)
        }
        NatKind::Destination => {
            names.destination_rules().find(|(s, r)| s.name == *set && r.name == *rule).map(|(_, r)| r.id)
        }
        NatKind::Static => {
            names.static_rules().find(|(s, r)| s.name == *set && r.name == *rule).map(|(_, r)| r.id)
        }
    }?;
    let counter = rules.iter().find(|counter| counter.id == id)?;
    Some(u32::try_from(counter.sessions).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ravelin_nat::{Assignment, PoolId, PoolMode, PoolSpec};
    use ravelin_program::{Chunk, Program, SourcePool, SourcePools};
    use ravelin_types::{Family, Generation};

    use super::*;

    fn pool(name: &str, raise: u32) -> WantedAlarm {
        WantedAlarm { watched: Watched::SourcePool(name.into()), raise, clear: None }
    }

    #[test]
    fn an_alarm_that_stays_is_what_it_was_and_one_that_goes_is_cleared() {
        let mut alarms = NatAlarms::default();
        assert_eq!(alarms.want(vec![pool("p", 90), pool("q", 50)]), []);
        alarms.all.iter_mut().for_each(|kept| {
            kept.state.observe(kept.thresholds, 95);
        });
        assert_eq!(alarms.of_pool("p"), Some(Alarm { raise: 90, clear: 72, raised: true }));
        assert_eq!(alarms.of_pool("x"), None);
        let gone =
            AlarmChange { watched: Watched::SourcePool("q".into()), raised: false, now: 0, threshold: 40 };
        assert_eq!(alarms.want(vec![pool("p", 80)]), [gone]);
        assert_eq!(alarms.of_pool("p"), Some(Alarm { raise: 80, clear: 64, raised: true }));
    }

    #[test]
    fn the_log_is_told_of_pools_that_are_there() {
        let spec = PoolSpec {
            id: PoolId(7),
            family: Family::V4,
            ranges: Vec::new(),
            mode: PoolMode::NoTranslation,
            assignment: Assignment::RoundRobin,
            overflow: None,
        };
        let pools = SourcePools {
            pools: vec![SourcePool { name: "p".into(), instance: None, spec }],
            ..SourcePools::default()
        };
        let chunk = (String::new(), Arc::new(Chunk::SourcePools(pools)));
        let names = NameTable::new(&Program::new(Generation(1), [chunk]));
        let change = |watched| AlarmChange { watched, raised: true, now: 91, threshold: 90 };
        let told = change(Watched::SourcePool("p".into())).event(&names);
        assert_eq!(told, Some(NatEvent::PoolAlarm { pool: 7, raised: true, threshold: 90, current: 91 }));
        assert_eq!(change(Watched::SourcePool("q".into())).event(&names), None);
        let rule = Watched::Rule { kind: NatKind::Source, set: "s".into(), rule: "p".into() };
        assert_eq!(change(rule).event(&names), None, "it is no more");
    }

    #[test]
    fn a_pool_that_gives_out_addresses_is_judged_by_these() {
        assert_eq!(utilization([0, 0, 3, 50], 0, 100), Some(50));
        assert_eq!(utilization([0, 90, 0, 0], 4, 8), Some(50));
        assert_eq!(utilization([0; 4], 0, 0), None);
    }
}
