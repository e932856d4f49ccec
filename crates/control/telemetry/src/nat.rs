//! What NAT tells: blocks of ports, bindings, alarms of pools, and that nothing is left.
//!
//! Spec: log-37, log-38, log-43.

use std::net::IpAddr;

use jiff::Timestamp;
use ravelin_contract::{BlockChange, NatEvent, NatLack, SessionKey};
use ravelin_types::Proto;

use crate::filter::{Outcome, Subject};
use crate::record::{Names, NatRuleKind, Record};
use crate::table::Tag;

/// An event of NAT with names for ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatRecord {
    Block {
        change: BlockChange,
        pool: String,
        host: IpAddr,
        external: IpAddr,
        /// The first and the last.
        ports: (u16, u16),
        used: u32,
        most: u32,
        /// When it was given out, in seconds since 1970.
        since_s: u64,
    },
    PoolAlarm {
        raised: bool,
        pool: String,
        threshold: u8,
        current: u8,
    },
    RuleAlarm {
        raised: bool,
        kind: NatRuleKind,
        rule: String,
        threshold: u32,
        current: u32,
    },
    Binding {
        made: bool,
        /// A pool's name, or `interface`.
        pool: String,
        proto: Option<Proto>,
        internal: (IpAddr, u16),
        external: (IpAddr, u16),
    },
    Exhausted {
        key: SessionKey,
        rule: String,
        interface: String,
        lack: NatLack,
    },
}

/// The record of an event of NAT.
#[must_use]
pub fn nat(event: &NatEvent, now: Timestamp, names: &dyn Names) -> Record {
    Record::Nat(match *event {
        NatEvent::Block { change, pool, instance: _, host, external, low, high, used, most, age_s } => {
            NatRecord::Block {
                change,
                pool: names.pool(pool),
                host,
                external,
                ports: (low, high),
                used,
                most,
                since_s: u64::try_from(now.as_second()).unwrap_or(0).saturating_sub(age_s.into()),
            }
        }
        NatEvent::PoolAlarm { pool, raised, threshold, current } => {
            NatRecord::PoolAlarm { raised, pool: names.pool(pool), threshold, current }
        }
        NatEvent::RuleAlarm { rule, raised, threshold, current } => {
            let (kind, rule) = names.nat_rule(rule);
            NatRecord::RuleAlarm { raised, kind, rule, threshold, current }
        }
        NatEvent::Binding {
            made,
            pool,
            proto,
            instance: _,
            internal,
            internal_port,
            external,
            external_port,
        } => NatRecord::Binding {
            made,
            pool: pool.map_or_else(|| "interface".to_owned(), |pool| names.pool(pool)),
            proto,
            internal: (internal, internal_port),
            external: (external, external_port),
        },
        NatEvent::Exhausted { rule, key, interface, lack } => {
            let (rule, interface) = (names.nat_rule(rule).1, names.unit(Some(interface)));
            NatRecord::Exhausted { key, rule, interface, lack }
        }
    })
}

impl NatRecord {
    pub(crate) fn tag(&self) -> Tag {
        match self {
            Self::Block { change: BlockChange::Allocated, .. } => Tag::NatBlockAllocated,
            Self::Block { change: BlockChange::Interim, .. } => Tag::NatBlockInterim,
            Self::Block { change: BlockChange::Released, .. } => Tag::NatBlockReleased,
            Self::PoolAlarm { raised: true, .. } => Tag::NatPoolRaised,
            Self::PoolAlarm { raised: false, .. } => Tag::NatPoolCleared,
            Self::RuleAlarm { raised: true, .. } => Tag::NatRuleRaised,
            Self::RuleAlarm { raised: false, .. } => Tag::NatRuleCleared,
            Self::Binding { made: true, .. } => Tag::NatBindingCreated,
            Self::Binding { made: false, .. } => Tag::NatBindingDeleted,
            Self::Exhausted { .. } => Tag::NatExhausted,
        }
    }

    /// What filters ask for.
    pub(crate) fn subject<'a>(&'a self, subject: Subject<'a>) -> Subject<'a> {
        match self {
            Self::Block { host, .. } => Subject { source: Some(*host), ..subject },
            Self::Binding { internal, .. } => Subject { source: Some(internal.0), ..subject },
            Self::PoolAlarm { .. } | Self::RuleAlarm { .. } => subject,
            Self::Exhausted { key, interface, .. } => {
                Subject { interface, outcome: Some(Outcome::Failure), ..subject.of(key) }
            }
        }
    }
}
