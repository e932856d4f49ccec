//! Persistent NAT: an internal endpoint keeps its external one, and others may come in by it.
//!
//! Junos: `then source-nat ... persistent-nat`. A mapping is made by the first session out, counts its live
//! sessions, and outlives the last by the inactivity timeout. State: bounded tables of mappings and of the
//! remote ends that an internal host has sent to. Spec: nat-persistent-1..12.

use std::time::Duration;

use ravelin_types::{Addr, Family, Instant, NatRuleId, Proto, Seconds};

use crate::lease::{Action, Lease, Refusal, Request};
use crate::table::{self, Index, NONE, Slab};

/// Who may send to the external endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permit {
    AnyRemoteHost,
    /// Hosts that the internal endpoint has sent to.
    TargetHost,
    /// Endpoints that the internal endpoint has sent to.
    TargetHostPort,
}

/// A rule's `persistent-nat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PersistentRule {
    /// As operators are told whose a mapping is; nothing is decided by it.
    pub id: Option<NatRuleId>,
    pub permit: Permit,
    /// The mapping is of addresses; ports stay what they are.
    pub address_mapping: bool,
    /// No session comes in by the mapping.
    pub block_external: bool,
    pub inactivity: Seconds,
    pub sessions_max: u32,
}

impl Default for PersistentRule {
    fn default() -> Self {
        Self {
            id: None,
            permit: Permit::TargetHostPort,
            address_mapping: false,
            block_external: false,
            inactivity: Seconds(300),
            sessions_max: 30,
        }
    }
}

/// A mapping as it is kept over a restart or sent to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingRecord {
    pub action: Action,
    pub rule: PersistentRule,
    /// 0 for a mapping of addresses, as are both ports.
    pub proto: Proto,
    pub token: u32,
    pub family: Family,
    pub addr: Addr,
    pub port: u16,
    pub external_family: Family,
    pub external: Addr,
    pub external_port: u16,
    /// Live sessions when it was taken.
    pub sessions: u32,
    /// How long it has had none.
    pub idle: Duration,
    /// Remote ends that were sent to.
    pub remotes: Vec<(Addr, u16)>,
}

/// The internal end of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InternalKey {
    pub action: Action,
    pub proto: Proto,
    pub token: u32,
    pub family: Family,
    pub addr: Addr,
    pub port: u16,
}

/// The external end; protocol and port are 0 for a mapping of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExternalKey {
    pub proto: Proto,
    pub family: Family,
    pub addr: Addr,
    pub port: u16,
}

#[derive(Debug)]
pub(crate) struct Mapping {
    pub internal: InternalKey,
    pub external: ExternalKey,
    pub rule: PersistentRule,
    pub lease: Lease,
    refs: u32,
    idle_since: Instant,
    pub(crate) linked: bool,
    remotes: u32,
    remote_count: u32,
}

/// A remote end that a mapping's host has sent to.
#[derive(Debug)]
struct Remote {
    mapping: u32,
    addr: Addr,
    port: u16,
    next: u32,
}

#[derive(Debug)]
pub(crate) struct Mappings {
    slab: Slab<Mapping>,
    inside: Index,
    outside: Index,
    remotes: Slab<Remote>,
    remote_index: Index,
    key: (u64, u64),
    cursor: u32,
    /// Remote ends not remembered because the table, or the mapping's share of it, was full.
    pub(crate) remotes_lost: u64,
}

impl InternalKey {
    pub(crate) fn of(request: &Request, rule: &PersistentRule) -> Option<Self> {
        let (proto, port) = match (rule.address_mapping, request.sport) {
            (true, _) => (Proto::default(), 0),
            (false, Some(port)) => (request.proto, port),
            (false, None) => return None,
        };
        let Request { action, source: addr, source_family: family, token, .. } = *request;
        Some(Self { action, proto, token, family, addr, port })
    }
}

impl Mappings {
    pub(crate) fn new(capacity: usize, remotes: usize, key: (u64, u64)) -> Self {
        Self {
            slab: Slab::new(capacity),
            inside: Index::new(capacity),
            outside: Index::new(capacity),
            remotes: Slab::new(remotes),
            remote_index: Index::new(remotes),
            key,
            cursor: 0,
            remotes_lost: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.slab.is_full()
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Mapping> {
        self.slab.get(slot)
    }

    pub(crate) fn find(&self, key: &InternalKey) -> Option<u32> {
        let same = |slot| self.slab.get(slot).is_some_and(|m| m.internal == *key);
        self.inside.find(self.hash_inside(key), same)
    }

    pub(crate) fn find_external(&self, key: &ExternalKey) -> Option<u32> {
        let same = |slot| self.slab.get(slot).is_some_and(|m| m.external == *key);
        self.outside.find(self.hash_outside(key), same)
    }

    /// Whether the mapping has had no session for as long as its rule allows.
    pub(crate) fn is_over(&self, slot: u32, now: Instant) -> bool {
        self.slab.get(slot).is_some_and(|m| m.is_over(now))
    }

    /// A mapping without sessions; the lease back when there is no room.
    pub(crate) fn insert(
        &mut self,
        internal: InternalKey,
        external: ExternalKey,
        rule: PersistentRule,
        lease: Lease,
        now: Instant,
    ) -> Result<u32, Lease> {
        if self.slab.is_full() {
            return Err(lease);
        }
        let mapping = Mapping {
            internal,
            external,
            rule,
            lease,
            refs: 0,
            idle_since: now,
            linked: true,
            remotes: NONE,
            remote_count: 0,
        };
        let slot = self.slab.insert(mapping).unwrap_or_else(|| unreachable!("the slab had room"));
        self.inside.insert(self.hash_inside(&internal), slot);
        self.outside.insert(self.hash_outside(&external), slot);
        Ok(slot)
    }

    /// One more session out; the rule of today counts. `remote` may answer from now on.
    pub(crate) fn session_out(
        &mut self,
        slot: u32,
        rule: &PersistentRule,
        remote: (Addr, u16),
    ) -> Result<(), Refusal> {
        let mapping = self.slab.get_mut(slot).ok_or(Refusal::NoMapping)?;
        mapping.rule = *rule;
        if mapping.refs >= rule.sessions_max {
            return Err(Refusal::MappingSessionsFull);
        }
        mapping.refs += 1;
        self.remember(slot, remote);
        Ok(())
    }

    /// One more session in, if the mapping lets its remote end.
    pub(crate) fn session_in(&mut self, slot: u32, remote: (Addr, u16)) -> Result<(), Refusal> {
        self.lets_in(slot, remote)?;
        let mapping = self.slab.get_mut(slot).ok_or(Refusal::NoMapping)?;
        mapping.refs += 1;
        Ok(())
    }

    /// Whether a remote end may open a session by a mapping, and there may be one more.
    pub(crate) fn lets_in(&self, slot: u32, remote: (Addr, u16)) -> Result<(), Refusal> {
        let mapping = self.slab.get(slot).ok_or(Refusal::NoMapping)?;
        let rule = mapping.rule;
        if rule.block_external || !self.permits(slot, &rule, remote) {
            return Err(Refusal::NotPermitted);
        }
        if mapping.refs >= rule.sessions_max {
            return Err(Refusal::MappingSessionsFull);
        }
        Ok(())
    }

    /// A session less. The mapping when it only waited for its last one. `Err`: it had none.
    pub(crate) fn session_ended(&mut self, slot: u32, now: Instant) -> Result<Option<Mapping>, ()> {
        let mapping = self.slab.get_mut(slot).filter(|m| m.refs > 0).ok_or(())?;
        mapping.refs -= 1;
        if mapping.refs > 0 {
            return Ok(None);
        }
        mapping.idle_since = now;
        let linked = mapping.linked;
        Ok(if linked { None } else { self.remove(slot) })
    }

    fn permits(&self, slot: u32, rule: &PersistentRule, (addr, port): (Addr, u16)) -> bool {
        match rule.permit {
            Permit::AnyRemoteHost => true,
            Permit::TargetHost => self.find_remote(slot, addr, 0).is_some(),
            Permit::TargetHostPort => self.find_remote(slot, addr, port).is_some(),
        }
    }

    fn find_remote(&self, mapping: u32, addr: Addr, port: u16) -> Option<u32> {
        let same = |slot| {
            self.remotes.get(slot).is_some_and(|r| (r.mapping, r.addr, r.port) == (mapping, addr, port))
        };
        self.remote_index.find(self.hash_remote(mapping, addr, port), same)
    }

    /// Remembers a remote end as precisely as the rule judges it, at most as many as the rule has sessions.
    pub(crate) fn remember(&mut self, slot: u32, (addr, port): (Addr, u16)) {
        let Some(mapping) = self.slab.get(slot) else { return };
        let port = match mapping.rule.permit {
            Permit::AnyRemoteHost => return,
            Permit::TargetHost => 0,
            Permit::TargetHostPort => port,
        };
        let (head, count, most) = (mapping.remotes, mapping.remote_count, mapping.rule.sessions_max);
        if self.find_remote(slot, addr, port).is_some() {
            return;
        }
        let remote = Remote { mapping: slot, addr, port, next: head };
        let made = if count < most { self.remotes.insert(remote) } else { None };
        let Some(made) = made else {
            self.remotes_lost += 1;
            return;
        };
        self.remote_index.insert(self.hash_remote(slot, addr, port), made);
        if let Some(mapping) = self.slab.get_mut(slot) {
            mapping.remotes = made;
            mapping.remote_count += 1;
        }
    }

    /// Takes a mapping out of sight: new sessions get another; it goes with its last session.
    pub(crate) fn unlink(&mut self, slot: u32) {
        let Some(mapping) = self.slab.get_mut(slot) else { return };
        if std::mem::take(&mut mapping.linked) {
            let (internal, external) = (mapping.internal, mapping.external);
            self.inside.remove(self.hash_inside(&internal), slot);
            self.outside.remove(self.hash_outside(&external), slot);
        }
    }

    /// Ends a mapping without sessions. As it was: linked, or not.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Mapping> {
        let linked = self.slab.get(slot).filter(|m| m.refs == 0)?.linked;
        self.unlink(slot);
        let mapping = Mapping { linked, ..self.slab.remove(slot)? };
        let mut at = mapping.remotes;
        while let Some(remote) = self.remotes.remove(at) {
            self.remote_index.remove(self.hash_remote(slot, remote.addr, remote.port), at);
            at = remote.next;
        }
        Some(mapping)
    }

    /// The next slot that a sweep looks at, if any was ever used.
    pub(crate) fn next_to_sweep(&mut self) -> Option<u32> {
        let horizon = self.slab.horizon();
        let slot = self.cursor.checked_rem(horizon)?;
        self.cursor = (slot + 1) % horizon;
        Some(slot)
    }

    pub(crate) fn horizon(&self) -> u32 {
        self.slab.horizon()
    }

    pub(crate) fn is_unlinked(&self, slot: u32) -> bool {
        self.slab.get(slot).is_some_and(|m| !m.linked)
    }

    /// Every mapping's number and what it maps, unlinked ones left out.
    pub(crate) fn linked(&self) -> impl Iterator<Item = (u32, &InternalKey, &ExternalKey)> {
        self.slab.iter().filter(|(_, m)| m.linked).map(|(slot, m)| (slot, &m.internal, &m.external))
    }

    /// Every linked mapping that is not over, as a record.
    pub(crate) fn records(&self, now: Instant) -> impl Iterator<Item = MappingRecord> {
        let living = self.slab.iter().filter(move |(_, m)| m.linked && !m.is_over(now));
        living.map(move |(_, mapping)| self.record(mapping, now))
    }

    /// Records of linked mappings that are not over among the next `budget` slots, and where to go on.
    pub(crate) fn walk(&self, from: u32, budget: u32, now: Instant) -> (Vec<MappingRecord>, Option<u32>) {
        let end = from.saturating_add(budget).min(self.slab.horizon());
        let living = |slot| self.slab.get(slot).filter(|m| m.linked && !m.is_over(now));
        let records = (from..end).filter_map(living).map(|mapping| self.record(mapping, now)).collect();
        (records, (end < self.slab.horizon()).then_some(end))
    }

    /// The record of one mapping, if it is linked.
    pub(crate) fn record_of(&self, slot: u32, now: Instant) -> Option<MappingRecord> {
        let mapping = self.slab.get(slot).filter(|m| m.linked)?;
        Some(self.record(mapping, now))
    }

    fn record(&self, mapping: &Mapping, now: Instant) -> MappingRecord {
        let Mapping { internal, external, rule, refs, idle_since, .. } = mapping;
        let mut remotes = Vec::with_capacity(mapping.remote_count as usize);
        let mut at = mapping.remotes;
        while let Some(remote) = self.remotes.get(at) {
            remotes.push((remote.addr, remote.port));
            at = remote.next;
        }
        remotes.reverse();
        MappingRecord {
            action: internal.action,
            rule: *rule,
            proto: internal.proto,
            token: internal.token,
            family: internal.family,
            addr: internal.addr,
            port: internal.port,
            external_family: external.family,
            external: external.addr,
            external_port: external.port,
            sessions: *refs,
            idle: if *refs > 0 { Duration::ZERO } else { now.since(*idle_since) },
            remotes,
        }
    }

    /// Lets a mapping have been idle for a while already.
    pub(crate) fn idle_for(&mut self, slot: u32, idle: Duration, now: Instant) {
        if let Some(mapping) = self.slab.get_mut(slot) {
            mapping.idle_since = Instant(now.0.saturating_sub(idle.as_nanos() as u64));
        }
    }

    fn hash_inside(&self, key: &InternalKey) -> u64 {
        let InternalKey { action, proto, token, family, addr, port } = *key;
        let [high, low] = table::halves(addr);
        let from = match action {
            Action::Interface(addr) => addr.0 as u64 ^ (addr.0 >> 64) as u64,
            Action::Pool(pool) => u64::from(pool.0),
        };
        let tag = u64::from(token) << 32 | u64::from(port) << 16 | u64::from(proto.0) << 8 | family as u64;
        table::hash(self.key, &[high, low, from, tag])
    }

    fn hash_outside(&self, key: &ExternalKey) -> u64 {
        let ExternalKey { proto, family, addr, port } = *key;
        let [high, low] = table::halves(addr);
        table::hash(self.key, &[high, low, u64::from(port) << 16 | u64::from(proto.0) << 8 | family as u64])
    }

    fn hash_remote(&self, mapping: u32, addr: Addr, port: u16) -> u64 {
        let [high, low] = table::halves(addr);
        table::hash(self.key, &[high, low, u64::from(mapping) << 16 | u64::from(port)])
    }
}

impl Mapping {
    fn is_over(&self, now: Instant) -> bool {
        let timeout = Duration::from_secs(u64::from(self.rule.inactivity.0));
        self.refs == 0 && now.since(self.idle_since) >= timeout
    }
}
