//! Redundancy groups: which of them forward here, since when and until when.
//!
//! Junos: chassis cluster, `redundancy-group`. Place: beside the device's limits; the plane tells, workers ask by packet. State:
//! two numbers a group, as atomics. A group is passive until it is told of, and again when its lease has run out: two nodes that
//! both forward are worse than none. Spec: contract-20..24.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ravelin_contract::{GROUP_LEASE_NS, GroupState};
use ravelin_types::{GroupId, Instant, InterfaceId};

use crate::rules::Rules;
use crate::session::{HOST_UNIT, Session, Ticks};
use crate::shared::Shared;
use crate::state::State;

const GROUPS: usize = 256;

/// All groups there can be.
#[derive(Debug)]
pub struct Groups([Group; GROUPS]);

#[derive(Debug, Default)]
struct Group {
    told: AtomicBool,
    /// In nanoseconds; 0: passive.
    until: AtomicU64,
    since: AtomicU64,
}

/// A group as another process of this machine goes on with it; times are those of one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupLease {
    pub group: GroupId,
    pub since: Instant,
    /// Zero: passive.
    pub until: Instant,
}

/// The group's lease has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lapsed;

impl Default for Groups {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Group::default()))
    }
}

impl Groups {
    /// Whether what belongs to a group is not for this node to forward.
    #[inline]
    pub(crate) fn is_passive(&self, group: GroupId, now: Instant) -> bool {
        group != GroupId(0) && now.0 >= self.of(group).until.load(Ordering::Relaxed)
    }

    /// From when on silence counts for sessions of a group: not while the peer hears what this node does not.
    fn silent_from(&self, group: GroupId, now: Instant) -> Option<Instant> {
        if group == GroupId(0) {
            return None;
        }
        if self.is_passive(group, now) {
            return Some(now);
        }
        Some(Instant(self.of(group).since.load(Ordering::Relaxed)))
    }

    pub fn set_active(&self, group: GroupId, active: bool, now: Instant) {
        let known = self.of(group);
        known.told.store(true, Ordering::Relaxed);
        if !active {
            known.until.store(0, Ordering::Relaxed);
            return;
        }
        if self.is_passive(group, now) {
            known.since.store(now.0, Ordering::Relaxed);
        }
        known.until.store(now.0.saturating_add(GROUP_LEASE_NS), Ordering::Relaxed);
    }

    /// The control side lived at a time.
    ///
    /// # Errors
    /// The lease has run out already.
    pub fn renew(&self, group: GroupId, lived: Instant, now: Instant) -> Result<(), Lapsed> {
        let until = &self.of(group).until;
        match until.load(Ordering::Relaxed) {
            0 => Ok(()),
            lapsed if lapsed <= now.0 => Err(Lapsed),
            _ => {
                until.fetch_max(lived.min(now).0.saturating_add(GROUP_LEASE_NS), Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Every group that was told of.
    #[must_use]
    pub fn states(&self, now: Instant) -> Vec<GroupState> {
        let state = |lease: GroupLease| GroupState {
            group: lease.group,
            active: now < lease.until,
            lease_ms: u32::try_from(lease.until.0.saturating_sub(now.0) / 1_000_000).unwrap_or(u32::MAX),
        };
        self.leases().into_iter().map(state).collect()
    }

    #[must_use]
    pub fn leases(&self) -> Vec<GroupLease> {
        let lease = |(group, known): (u8, &Group)| GroupLease {
            group: GroupId(group),
            since: Instant(known.since.load(Ordering::Relaxed)),
            until: Instant(known.until.load(Ordering::Relaxed)),
        };
        let told = (0..=u8::MAX).zip(&self.0).filter(|(_, known)| known.told.load(Ordering::Relaxed));
        told.map(lease).collect()
    }

    /// Goes on with the groups of a predecessor.
    pub fn go_on(&self, leases: &[GroupLease]) {
        for lease in leases {
            let known = self.of(lease.group);
            known.told.store(true, Ordering::Relaxed);
            known.since.store(lease.since.0, Ordering::Relaxed);
            known.until.store(lease.until.0, Ordering::Relaxed);
        }
    }

    #[inline]
    fn of(&self, group: GroupId) -> &Group {
        &self.0[group.index()]
    }
}

impl Rules {
    pub(crate) fn group_of(&self, session: &Session) -> GroupId {
        let unit = |wing: usize| Some(session.wings[wing].ingress).filter(|unit| *unit != HOST_UNIT);
        self.group_between(unit(0), unit(1))
    }

    /// The group of a session: that of the unit it leaves by, or if that is none, of the one it came by.
    #[must_use]
    pub fn group_between(&self, came: Option<InterfaceId>, leaves: Option<InterfaceId>) -> GroupId {
        let group = |unit| self.unit(unit).map_or(GroupId(0), |unit| unit.group);
        let leaves = leaves.map_or(GroupId(0), group);
        if leaves == GroupId(0) { came.map_or(GroupId(0), group) } else { leaves }
    }
}

impl State {
    /// Whether a session has been silent for too long. One of a group that was passive has been heard of until it became
    /// active, for all that this node knows.
    pub(crate) fn is_over(&mut self, slot: u32, (rules, shared): (&Rules, &Shared), now: Instant) -> bool {
        let ticks = Ticks::at(now);
        let session = self.sessions.get_mut(slot);
        if !session.is_over(ticks) {
            return false;
        }
        let Some(from) = shared.groups.silent_from(rules.group_of(session), now).map(Ticks::at) else {
            return true;
        };
        if ticks.since(from) < ticks.since(session.last_seen) {
            session.last_seen = from;
        }
        session.is_over(ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;
    const G: GroupId = GroupId(1);

    #[test]
    fn a_group_is_passive_until_it_is_told_of_and_when_nobody_speaks_for_it_any_more() {
        let groups = Groups::default();
        assert!(!groups.is_passive(GroupId(0), Instant(0)), "what is in no group is this node's");
        assert!(groups.is_passive(G, Instant(0)) && groups.is_passive(G, Instant(S)));
        groups.set_active(G, true, Instant(S));
        assert!(!groups.is_passive(G, Instant(11 * S - 1)), "the lease is ten seconds");
        assert!(groups.is_passive(G, Instant(11 * S)));
        assert!(groups.is_passive(GroupId(2), Instant(S)), "another one is not meant");
        assert_eq!(groups.renew(G, Instant(11 * S), Instant(11 * S)), Err(Lapsed), "the peer may have it");
        assert!(groups.is_passive(G, Instant(11 * S)));
    }

    #[test]
    fn the_watchdog_makes_a_lease_longer_and_nothing_else() {
        let groups = Groups::default();
        assert_eq!(groups.renew(G, Instant(S), Instant(S)), Ok(()));
        assert!(groups.is_passive(G, Instant(S)), "a word of life makes none active");
        groups.set_active(G, true, Instant(S));
        let until = |groups: &Groups| groups.leases()[0].until;
        groups.renew(G, Instant(5 * S), Instant(6 * S)).unwrap();
        assert_eq!(until(&groups), Instant(15 * S));
        groups.renew(G, Instant(2 * S), Instant(6 * S)).unwrap();
        assert_eq!(until(&groups), Instant(15 * S), "an older word takes nothing back");
        groups.renew(G, Instant(u64::MAX), Instant(7 * S)).unwrap();
        assert_eq!(until(&groups), Instant(17 * S), "one that is still to come counts as now");
        groups.set_active(G, false, Instant(8 * S));
        assert_eq!(groups.renew(G, Instant(8 * S), Instant(8 * S)), Ok(()));
        assert!(groups.is_passive(G, Instant(8 * S)));
    }

    #[test]
    fn silence_counts_from_when_the_group_became_active() {
        let groups = Groups::default();
        assert_eq!(groups.silent_from(GroupId(0), Instant(9)), None);
        assert_eq!(groups.silent_from(G, Instant(9)), Some(Instant(9)));
        groups.set_active(G, true, Instant(S));
        groups.set_active(G, true, Instant(3 * S));
        assert_eq!(groups.silent_from(G, Instant(4 * S)), Some(Instant(S)), "told twice is told once");
        assert_eq!(groups.silent_from(G, Instant(20 * S)), Some(Instant(20 * S)), "it lapsed");
        groups.set_active(G, true, Instant(21 * S));
        assert_eq!(groups.silent_from(G, Instant(22 * S)), Some(Instant(21 * S)));
    }

    #[test]
    fn a_successor_goes_on_as_its_predecessor_was() {
        let (one, other) = (Groups::default(), Groups::default());
        one.set_active(G, true, Instant(S));
        one.set_active(GroupId(7), false, Instant(S));
        other.go_on(&one.leases());
        assert_eq!(other.states(Instant(2 * S)), one.states(Instant(2 * S)));
        assert_eq!(other.states(Instant(2 * S)).len(), 2);
        assert_eq!(other.silent_from(G, Instant(2 * S)), Some(Instant(S)));
    }
}
