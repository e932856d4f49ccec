//! The allocator's persistent mappings: made by sessions out, entered by sessions in, kept over a restart.
//!
//! Place: beside `allocator`, which decides whether a rule is persistent. State: `persistent::Mappings`.
//! Spec: nat-persistent-1..12.

use ravelin_types::{Addr, Family, Instant, Proto, WorkerId};

use crate::allocator::Allocator;
use crate::config::PoolMode;
use crate::lease::{Action, Kind, Lease, Recipe, Refusal, Request, Turn};
use crate::persistent::{ExternalKey, InternalKey, MappingRecord, PersistentRule};
use crate::told::{BindingEvent, LeaseEvent};

/// Mappings looked at for a free place when their table is full.
const SWEEP_WHEN_FULL: usize = 64;

/// A packet that comes in to an external endpoint and has no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbound {
    pub family: Family,
    pub proto: Proto,
    pub external: Addr,
    pub port: u16,
    pub remote: (Addr, u16),
}

/// Where a packet goes that a persistent mapping lets in.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    pub family: Family,
    pub addr: Addr,
    /// `None`: the packet keeps its port.
    pub port: Option<u16>,
    pub token: u32,
    pub lease: Lease,
}

impl Allocator {
    /// The mapping's endpoint for one more session, the mapping made when there is none.
    pub(crate) fn persist(
        &mut self,
        request: &Request,
        turn: Turn,
        rule: &PersistentRule,
        key: InternalKey,
    ) -> Result<Recipe, Refusal> {
        if rule.address_mapping && !self.keeps_ports(request.action) {
            return Err(Refusal::PoolUnusable);
        }
        if let Some(slot) = self.mappings.find(&key) {
            if !self.mappings.is_over(slot, turn.now) {
                self.mappings.session_out(slot, rule, request.remote)?;
                return self.recipe_of(slot, request).ok_or(Refusal::NoMapping);
            }
            self.end_mapping(slot, turn.now);
        }
        if self.mappings.is_full() {
            self.sweep_mappings(turn.now, SWEEP_WHEN_FULL);
        }
        if self.mappings.is_full() {
            return Err(Refusal::MappingsFull);
        }
        let fresh = self.fresh(request, turn)?;
        let slot = self.map(key, (request, rule), fresh, turn.now)?;
        if let Some(external) = self.mappings.get(slot).map(|mapping| mapping.external) {
            self.tell_mapping(&key, &external, true);
        }
        self.mappings.session_out(slot, rule, request.remote)?;
        self.recipe_of(slot, request).ok_or(Refusal::NoMapping)
    }

    /// Whether a pool gives a host an address of its own and no other: what a mapping of addresses needs.
    fn keeps_ports(&self, action: Action) -> bool {
        let Action::Pool(id) = action else { return false };
        self.pool(id).is_some_and(|pool| {
            let own = matches!(pool.spec.mode, PoolMode::NoTranslation | PoolMode::Shift { .. });
            own && pool.spec.overflow.is_none()
        })
    }

    /// Makes a mapping that keeps what was leased.
    pub(crate) fn map(
        &mut self,
        key: InternalKey,
        (request, rule): (&Request, &PersistentRule),
        fresh: Recipe,
        now: Instant,
    ) -> Result<u32, Refusal> {
        let port = if rule.address_mapping { None } else { fresh.port.or(request.sport) };
        let external = ExternalKey {
            proto: key.proto,
            family: request.family,
            addr: fresh.addr,
            port: port.unwrap_or(0),
        };
        // Two hosts behind one shifted address, from two routing instances: the second is not let through.
        if self.mappings.find_external(&external).is_some() {
            self.give_back(fresh.lease, now);
            return Err(Refusal::PortTaken);
        }
        match self.mappings.insert(key, external, *rule, fresh.lease, now) {
            Ok(slot) => Ok(slot),
            Err(lease) => {
                self.give_back(lease, now);
                Err(Refusal::MappingsFull)
            }
        }
    }

    fn recipe_of(&self, slot: u32, request: &Request) -> Option<Recipe> {
        let mapping = self.mappings.get(slot)?;
        let kept = mapping.rule.address_mapping;
        let port = if kept { None } else { Some(mapping.external.port) };
        let pool = match request.action {
            Action::Interface(_) => None,
            Action::Pool(id) => Some(id),
        };
        let lease = Lease { holder: slot, kind: Kind::Mapping, ..Lease::counted(Lease::NO_POOL) };
        let reply_port = port.or(request.class().and(request.sport));
        Some(Recipe { addr: mapping.external.addr, port, pool, lease, reply_port })
    }

    /// A session from outside that a persistent mapping lets in.
    ///
    /// # Errors
    /// There is no mapping, or it does not let this remote end in, or not one session more.
    pub fn inbound(&mut self, packet: &Inbound, now: Instant) -> Result<Entry, Refusal> {
        let result = self.let_in(packet, now);
        self.count(result)
    }

    /// The internal end, address and port, that a packet from outside would be let in to; nothing is taken for it.
    ///
    /// # Errors
    /// As [`Self::inbound`].
    pub fn seek(&self, packet: &Inbound, now: Instant) -> Result<(Family, Addr, Option<u16>), Refusal> {
        let slot = self.entrance(packet).filter(|slot| !self.mappings.is_over(*slot, now));
        let slot = slot.ok_or(Refusal::NoMapping)?;
        self.mappings.lets_in(slot, packet.remote)?;
        let mapping = self.mappings.get(slot).ok_or(Refusal::NoMapping)?;
        let port = (!mapping.rule.address_mapping).then_some(mapping.internal.port);
        Ok((mapping.internal.family, mapping.internal.addr, port))
    }

    fn entrance(&self, packet: &Inbound) -> Option<u32> {
        let Inbound { family, proto, external: addr, port, .. } = *packet;
        let exact = ExternalKey { proto, family, addr, port };
        let whole = ExternalKey { proto: Proto::default(), family, addr, port: 0 };
        self.mappings.find_external(&exact).or_else(|| self.mappings.find_external(&whole))
    }

    fn let_in(&mut self, packet: &Inbound, now: Instant) -> Result<Entry, Refusal> {
        let slot = self.entrance(packet).ok_or(Refusal::NoMapping)?;
        if self.mappings.is_over(slot, now) {
            self.end_mapping(slot, now);
            return Err(Refusal::NoMapping);
        }
        self.mappings.session_in(slot, packet.remote)?;
        let internal = self.mappings.get(slot).ok_or(Refusal::NoMapping)?;
        let port = (!internal.rule.address_mapping).then_some(internal.internal.port);
        let internal = internal.internal;
        let lease = Lease { holder: slot, kind: Kind::Mapping, ..Lease::counted(Lease::NO_POOL) };
        Ok(Entry { family: internal.family, addr: internal.addr, port, token: internal.token, lease })
    }

    pub(crate) fn end_mapping(&mut self, slot: u32, now: Instant) {
        if let Some(ended) = self.mappings.remove(slot) {
            // The end of one that was unlinked before has been told.
            if ended.linked {
                self.tell_mapping(&ended.internal, &ended.external, false);
            }
            self.give_back(ended.lease, now);
        }
    }

    /// Takes a mapping out of sight and tells its end: its sessions may never be seen again here, and no other session will
    /// have its external end.
    pub(crate) fn unlink_mapping(&mut self, slot: u32) {
        let ends = self.mappings.get(slot).filter(|m| m.linked).map(|m| (m.internal, m.external));
        if let Some((internal, external)) = ends {
            self.tell_mapping(&internal, &external, false);
            self.mappings.unlink(slot);
        }
    }

    pub(crate) fn tell_mapping(&mut self, internal: &InternalKey, external: &ExternalKey, made: bool) {
        if self.silent_mappings {
            return;
        }
        self.tables.told.tell(LeaseEvent::Binding(BindingEvent {
            made,
            pool: match internal.action {
                Action::Interface(_) => None,
                Action::Pool(id) => Some(id),
            },
            proto: (internal.proto != Proto::default()).then_some(internal.proto),
            family: internal.family,
            token: internal.token,
            internal: (internal.addr, internal.port),
            external_family: external.family,
            external: (external.addr, external.port),
        }));
    }

    pub(crate) fn sweep_mappings(&mut self, now: Instant, budget: usize) {
        for _ in 0..budget.min(self.mappings.horizon() as usize) {
            if let Some(slot) = self.mappings.next_to_sweep()
                && self.mappings.is_over(slot, now)
            {
                self.end_mapping(slot, now);
            }
        }
    }

    /// Every mapping of this worker, for a restart or a peer.
    #[must_use]
    pub fn export(&self, now: Instant) -> Vec<MappingRecord> {
        self.mappings.records(now).collect()
    }

    /// Mappings among the next `budget` places from one on, and where to go on: a walk in bounded steps.
    #[must_use]
    pub fn walk_mappings(&self, from: u32, budget: u32, now: Instant) -> (Vec<MappingRecord>, Option<u32>) {
        self.mappings.walk(from, budget, now)
    }

    /// Mappings that there can be.
    #[must_use]
    pub fn mappings_max(&self) -> usize {
        self.limits.mappings
    }

    /// Takes a mapping over, with its external endpoint and without sessions: they come by `lease` and
    /// `inbound` again.
    ///
    /// # Errors
    /// The endpoint can't be had any more, another worker should have it, or there is no room.
    pub fn import(&mut self, record: &MappingRecord, now: Instant) -> Result<(), Refusal> {
        let MappingRecord { action, rule, proto, token, family, addr, port, .. } = *record;
        let kept = !rule.address_mapping;
        let request = Request {
            action,
            family: record.external_family,
            proto,
            source: addr,
            source_family: family,
            token,
            sport: kept.then_some(port),
            remote: (Addr::default(), 0),
            persistent: Some(rule),
            egress: None,
        };
        let key = InternalKey { action, proto, token, family, addr, port };
        if let Some(slot) = self.mappings.find(&key) {
            for remote in &record.remotes {
                self.mappings.remember(slot, *remote);
            }
            return Ok(());
        }
        if self.mappings.is_full() {
            return Err(Refusal::MappingsFull);
        }
        let fresh = self.restore(&request, record.external, kept.then_some(record.external_port), now)?;
        let slot = self.map(key, (&request, &rule), fresh, now)?;
        self.mappings.idle_for(slot, record.idle, now);
        for remote in &record.remotes {
            self.mappings.remember(slot, *remote);
        }
        Ok(())
    }

    /// Ends the mappings without sessions that `matches` names: `clear security nat source
    /// persistent-nat-table`. How many.
    pub fn clear(&mut self, now: Instant, matches: impl Fn(&MappingRecord) -> bool) -> usize {
        let mut cleared = 0;
        for slot in 0..self.mappings.horizon() {
            let record = self.mappings.record_of(slot, now).filter(|r| r.sessions == 0 && matches(r));
            if record.is_some() {
                self.end_mapping(slot, now);
                cleared += 1;
            }
        }
        cleared
    }

    /// The worker that knows of an external endpoint: where a packet without a session is decided.
    /// `None`: the address is not NAT's.
    #[must_use]
    pub fn owner(&self, family: Family, external: Addr, port: u16) -> Option<WorkerId> {
        let affinity = &self.tables.affinity;
        let has = |pool: &&crate::pool::Pool| {
            pool.usable && pool.spec.family == family && pool.addresses.index_of(external).is_some()
        };
        let Some(pool) = self.pools.iter().flatten().find(has) else {
            return self.interface(family, external).map(|_| affinity.of_port(port));
        };
        Some(match &pool.spec.mode {
            PoolMode::Translate(_) => affinity.of_port(port),
            PoolMode::NoTranslation | PoolMode::Shared => affinity.home_of_pool(pool.spec.id),
            PoolMode::Blocks(ports, spec) => {
                let block = port.saturating_sub(ports.low) / spec.size;
                WorkerId((block % u16::from(affinity.workers())) as u8)
            }
            PoolMode::Deterministic(..) => {
                let host = pool.plan.as_ref().and_then(|plan| plan.reverse(external, port));
                host.map_or(affinity.of_port(port), |(family, host)| affinity.home(family, host))
            }
            PoolMode::Shift { hosts, base } => {
                let at = pool.addresses.index_of(external).unwrap_or_default();
                affinity.home(*hosts, Addr(base.0.saturating_add(u128::from(at))))
            }
        })
    }
}
