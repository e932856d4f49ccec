//! What the sessions of a worker hold of NAT: the allocator, and beside each session its lease.
//!
//! State: one lease a slot of the session table. What is kept here is taken out by the one deletion and
//! nowhere else; a lease whose session was never made goes back at once. Spec: nat-source-12, nat-pool-4.

use ravelin_contract::{BlockChange, NatEvent, NatLack};
use ravelin_nat::{
    Affinity, Allocator, BindingEvent, BlockEvent, Config, Inbound, Lease, LeaseEvent, Limits, MappingRecord,
    PoolId, Recipe, Refusal, Request, Usage,
};
use ravelin_types::{Addr, DropReason, Family, InstanceId, Instant, WorkerId};

use crate::random::Random;

/// Internal hosts that pools keep something for, of one worker.
const HOSTS_MAX: usize = 65_536;
/// Blocks of ports given out by one worker.
const BLOCKS_MAX: usize = 65_536;
/// Persistent mappings of one worker, and remote ends remembered for each on average.
const MAPPINGS_MAX: usize = 65_536;
const REMOTES_EACH: usize = 4;
/// Events that wait to be fetched.
const EVENTS_MAX: usize = 4096;

/// All leases of one worker.
#[derive(Debug)]
pub(crate) struct Leases {
    allocator: Allocator,
    /// By the session's slot.
    held: Box<[Option<Lease>]>,
    /// Of sessions that came in by a mapping, likewise; empty until a program has such rules.
    entered: Vec<Option<Lease>>,
    pools: Vec<PoolId>,
    /// Events that were lost, as far as that was told.
    lost_told: u64,
}

impl Leases {
    pub(crate) fn new(affinity: Affinity, key: (u64, u64), sessions: usize) -> Self {
        let limits = Limits {
            hosts: sessions.min(HOSTS_MAX),
            blocks: sessions.min(BLOCKS_MAX),
            mappings: sessions.min(MAPPINGS_MAX),
            remotes: sessions.min(MAPPINGS_MAX) * REMOTES_EACH,
            events: EVENTS_MAX,
            ..Limits::default()
        };
        let held = (0..sessions).map(|_| None).collect();
        Self {
            allocator: Allocator::new(affinity, key, limits),
            held,
            entered: Vec::new(),
            pools: Vec::new(),
            lost_told: 0,
        }
    }

    /// Takes a program's pools; gives those whose sessions must end before anything is leased again.
    pub(crate) fn adopt(&mut self, config: &Config, now: Instant) -> Vec<PoolId> {
        self.pools = config.pools.iter().map(|pool| pool.id).collect();
        self.allocator.adopt(config, now).must_end
    }

    /// Makes room for sessions that come in by mappings. May allocate.
    pub(crate) fn admit_entries(&mut self) {
        self.entered.resize_with(self.held.len(), || None);
    }

    /// Who decides on packets to an external endpoint; `None`: it is not NAT's.
    pub(crate) fn owner(&self, (family, addr): (Family, Addr), port: u16) -> Option<WorkerId> {
        self.allocator.owner(family, addr, port)
    }

    /// The internal end that a packet from outside is let in to.
    pub(crate) fn seek(
        &self,
        packet: &Inbound,
        now: Instant,
    ) -> Result<(Family, Addr, Option<u16>), Refusal> {
        self.allocator.seek(packet, now)
    }

    /// One more session from outside.
    pub(crate) fn enter(&mut self, packet: &Inbound, now: Instant) -> Result<Lease, Refusal> {
        self.allocator.inbound(packet, now).map(|entry| entry.lease)
    }

    /// The session in this slot came in by it.
    pub(crate) fn keep_entry(&mut self, slot: u32, lease: Lease) {
        if let Some(entered) = self.entered.get_mut(slot as usize) {
            debug_assert!(entered.is_none(), "a session comes in once");
            *entered = Some(lease);
        }
    }

    pub(crate) fn mappings_max(&self) -> usize {
        self.allocator.mappings_max()
    }

    /// Persistent mappings among the next `budget` places from one on, and where to go on.
    pub(crate) fn walk_mappings(
        &self,
        from: u32,
        budget: u32,
        now: Instant,
    ) -> (Vec<MappingRecord>, Option<u32>) {
        self.allocator.walk_mappings(from, budget, now)
    }

    /// Every persistent mapping.
    pub(crate) fn mappings(&self, now: Instant) -> Vec<MappingRecord> {
        self.allocator.export(now)
    }

    pub(crate) fn put_mapping(&mut self, record: &MappingRecord, now: Instant) -> bool {
        self.allocator.import(record, now).is_ok()
    }

    /// Ends those of the mappings without sessions that `matches` names; how many.
    pub(crate) fn clear(&mut self, now: Instant, matches: impl Fn(&MappingRecord) -> bool) -> usize {
        self.allocator.clear(now, matches)
    }

    pub(crate) fn pools(&self) -> Vec<(PoolId, Usage)> {
        self.pools.iter().filter_map(|id| Some((*id, self.allocator.usage(*id)?))).collect()
    }

    /// The worker that must lease for a session.
    pub(crate) fn place(&self, request: &Request) -> WorkerId {
        self.allocator.place(request)
    }

    pub(crate) fn lease(
        &mut self,
        request: &Request,
        now: Instant,
        random: &mut Random,
    ) -> Result<Recipe, Refusal> {
        self.allocator.lease(request, now, &mut || random.next())
    }

    /// What the session in this slot holds: nothing, something that is no pool's, or a pool's.
    pub(crate) fn binding(&self, slot: u32) -> Option<Option<PoolId>> {
        self.held[slot as usize].as_ref().map(Lease::pool)
    }

    /// The lease of a session that has its external end already.
    pub(crate) fn restore(
        &mut self,
        request: &Request,
        addr: Addr,
        port: Option<u16>,
        now: Instant,
    ) -> Result<Recipe, Refusal> {
        self.allocator.restore(request, addr, port, now)
    }

    /// The worker that does so.
    pub(crate) fn keeper(&self, request: &Request, port: Option<u16>) -> WorkerId {
        self.allocator.keeper(request, port)
    }

    /// Of a session that was not made.
    pub(crate) fn give_back(&mut self, lease: Lease, now: Instant) {
        self.allocator.release(lease, now);
    }

    /// The session in this slot has it from now on.
    pub(crate) fn keep(&mut self, slot: u32, lease: Lease) {
        debug_assert!(self.held[slot as usize].is_none(), "a session has one lease");
        self.held[slot as usize] = Some(lease);
    }

    /// Only the one deletion calls this.
    pub(crate) fn session_ended(&mut self, slot: u32, now: Instant) {
        if let Some(lease) = self.held[slot as usize].take() {
            self.allocator.release(lease, now);
        }
        if let Some(lease) = self.entered.get_mut(slot as usize).and_then(Option::take) {
            self.allocator.release(lease, now);
        }
    }

    /// Sessions that hold something of one of these pools.
    pub(crate) fn slots_of(&self, pools: &[PoolId]) -> Vec<u32> {
        let of = |lease: &Lease| lease.pool().is_some_and(|pool| pools.contains(&pool));
        let held = self.held.iter().zip(0..).filter(|(lease, _)| lease.as_ref().is_some_and(of));
        held.map(|(_, slot)| slot).collect()
    }

    /// To look at.
    pub(crate) fn allocator(&self) -> &Allocator {
        &self.allocator
    }

    /// The oldest event that nobody has been told of.
    pub(crate) fn next_event(&mut self) -> Option<NatEvent> {
        let event = match self.allocator.next_event()? {
            LeaseEvent::Block(event) => event,
            LeaseEvent::Binding(event) => return Some(binding(event)),
        };
        let BlockEvent { change, pool, host_family, host, token, external_family, external, .. } = event;
        let BlockEvent { low, high, blocks, blocks_max, since, at, .. } = event;
        let change = match change {
            ravelin_nat::BlockChange::Allocated => BlockChange::Allocated,
            ravelin_nat::BlockChange::Interim => BlockChange::Interim,
            ravelin_nat::BlockChange::Released => BlockChange::Released,
        };
        Some(NatEvent::Block {
            change,
            pool: pool.0.into(),
            instance: instance(token),
            host: host.to_ip(host_family),
            external: external.to_ip(external_family),
            low,
            high,
            used: blocks.into(),
            most: blocks_max.into(),
            age_s: u32::try_from(at.since(since).as_secs()).unwrap_or(u32::MAX),
        })
    }

    /// Events that were not kept to be told, since the last call.
    pub(crate) fn newly_lost(&mut self) -> u64 {
        let lost = self.allocator.events_lost();
        lost - std::mem::replace(&mut self.lost_told, lost)
    }

    /// Ends what no session has kept in use for its time.
    pub(crate) fn sweep(&mut self, now: Instant, budget: usize) {
        self.allocator.sweep(now, budget);
    }
}

/// Tokens of hosts are the numbers of their instances.
fn instance(token: u32) -> InstanceId {
    InstanceId(u16::try_from(token).unwrap_or_default())
}

fn binding(event: BindingEvent) -> NatEvent {
    let BindingEvent { made, pool, proto, family, token, internal, external_family, external } = event;
    NatEvent::Binding {
        made,
        pool: pool.map(|pool| pool.0.into()),
        proto,
        instance: instance(token),
        internal: internal.0.to_ip(family),
        internal_port: internal.1,
        external: external.0.to_ip(external_family),
        external_port: external.1,
    }
}

/// What was lacking, as it is told.
pub(crate) const fn lack(refusal: Refusal) -> NatLack {
    match refusal {
        Refusal::AddressesExhausted => NatLack::Addresses,
        Refusal::HostBlocksFull | Refusal::MappingSessionsFull => NatLack::Quota,
        Refusal::PoolUnusable
        | Refusal::WrongFamily
        | Refusal::InterfaceUnknown
        | Refusal::WrongWorker
        | Refusal::PortsExhausted
        | Refusal::PairedAddressExhausted
        | Refusal::BlocksExhausted
        | Refusal::HostOutside
        | Refusal::NoPorts
        | Refusal::PortTaken
        | Refusal::HostsFull
        | Refusal::BlockTableFull
        | Refusal::MappingsFull
        | Refusal::NoMapping
        | Refusal::NotPermitted
        | Refusal::Draining => NatLack::Ports,
    }
}

/// As what a packet dies for which nothing is leased.
pub(crate) const fn reason(refusal: Refusal) -> DropReason {
    match refusal {
        Refusal::PoolUnusable
        | Refusal::WrongFamily
        | Refusal::InterfaceUnknown
        | Refusal::HostOutside
        | Refusal::NoPorts
        | Refusal::NoMapping
        | Refusal::Draining => DropReason::NatNoAddress,
        Refusal::PortsExhausted
        | Refusal::PairedAddressExhausted
        | Refusal::BlocksExhausted
        | Refusal::HostBlocksFull
        | Refusal::PortTaken
        | Refusal::MappingSessionsFull
        | Refusal::WrongWorker => DropReason::NatPortsExhausted,
        Refusal::NotPermitted => DropReason::PersistentNatFiltered,
        Refusal::AddressesExhausted => DropReason::NatAddressesExhausted,
        Refusal::HostsFull | Refusal::BlockTableFull | Refusal::MappingsFull => DropReason::NatTableFull,
    }
}
