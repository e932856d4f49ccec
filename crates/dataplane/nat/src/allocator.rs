//! Everything that NAT of one worker gives out, and the one place where it comes back.
//!
//! Place: the engine's `State` has one. `adopt` may allocate, nothing else does. Spec: nat-pool-1..40.

use ravelin_types::{Addr, Family, Instant, WorkerId};

use crate::affinity::Affinity;
use crate::block::Blocks;
use crate::config::{Assignment, ConfigError, PoolId, PoolMode, Ports};
use crate::host::{Host, HostKind, Hosts};
use crate::lease::{Action, Kind, Lease, PortClass, Recipe, Refusal, Request, Turn};
use crate::persistent::{InternalKey, Mappings};
use crate::pool::{Pool, Tables, of_grant, range, refusal, want};
use crate::ports::Parity;
use crate::space::{Grant, Layers, Spaces, Want};
use crate::told::{LeaseEvent, Told};

/// Sizes of a worker's tables, fixed for its life.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// External addresses with ports: about 34 kB of address space each, used as it is leased from.
    pub addresses: usize,
    /// Internal hosts that are paired, have an address of their own, or blocks.
    pub hosts: usize,
    pub blocks: usize,
    pub mappings: usize,
    /// Remote ends remembered for all mappings.
    pub remotes: usize,
    /// Block events waiting to be fetched.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            addresses: 16_384,
            hosts: 65_536,
            blocks: 65_536,
            mappings: 65_536,
            remotes: 262_144,
            events: 4096,
        }
    }
}

/// What came of a new program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Pools that refuse from now on. A commit was checked, so there are none.
    pub errors: Vec<ConfigError>,
    /// Pools of before that are gone or not as they were. Their leases are kept until they come back.
    pub changed: Vec<PoolId>,
    /// Those of `changed` whose addresses are leased in another way now, so that another worker may lease
    /// what a session still has: their sessions must be ended before any worker leases again.
    pub must_end: Vec<PoolId>,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    pub leased: u64,
    pub released: u64,
    /// Leases that came back though nobody had them: always a fault of the caller.
    pub released_twice: u64,
    /// By [`Refusal`], in the order of `Refusal::ALL`.
    pub refused: [u64; Refusal::COUNT],
}

/// How much of a pool is in use at this worker. Sums over workers are those of the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Ports leased, by class: TCP, UDP, ICMP, other.
    pub ports: [u64; 4],
    /// Leases without a port.
    pub others: u64,
    /// Blocks, or hosts' own addresses, given out.
    pub held: u64,
    /// Ports of one class, blocks or addresses that could be given out in all.
    pub capacity: u64,
}

/// All that one worker leases from.
#[derive(Debug)]
pub struct Allocator {
    pub(crate) tables: Tables,
    pub(crate) mappings: Mappings,
    pub(crate) pools: Vec<Option<Pool>>,
    /// The ports of interface NAT, by space.
    pub(crate) interfaces: Vec<Option<Ports>>,
    /// Live leases by the pool's number plus one; the first are the interfaces'.
    pub(crate) leases: Vec<[u64; 5]>,
    /// `persistent-nat log disable`.
    pub(crate) silent_mappings: bool,
    pub(crate) limits: Limits,
    pub(crate) counters: Counters,
}

impl Allocator {
    /// An allocator without addresses. `key` is this worker's secret, unlike the affinity's.
    #[must_use]
    pub fn new(affinity: Affinity, key: (u64, u64), limits: Limits) -> Self {
        let tables = Tables {
            affinity,
            spaces: Spaces::new(key),
            hosts: Hosts::new(limits.hosts, key),
            blocks: Blocks::new(limits.blocks),
            told: Told::new(limits.events),
            realms: Vec::new(),
            key,
        };
        Self {
            tables,
            mappings: Mappings::new(limits.mappings, limits.remotes, key),
            pools: Vec::new(),
            interfaces: Vec::new(),
            leases: vec![[0; 5]],
            silent_mappings: false,
            limits,
            counters: Counters { leased: 0, released: 0, released_twice: 0, refused: [0; Refusal::COUNT] },
        }
    }

    /// The worker that must decide on a session: itself, unless the rule keeps something for the host or
    /// gives out whole addresses, or none of the ports asked for is its own.
    #[must_use]
    pub fn place(&self, request: &Request) -> WorkerId {
        let affinity = &self.tables.affinity;
        let home = || affinity.home(request.source_family, request.source);
        let (paired, ports) = match request.action {
            Action::Interface(addr) => (false, self.interface(request.family, addr).map(|(_, ports)| ports)),
            Action::Pool(id) => match self.pool(id).map(|pool| (&pool.spec.mode, pool.spec.assignment)) {
                Some((PoolMode::NoTranslation | PoolMode::Shared, _)) => return affinity.home_of_pool(id),
                Some((PoolMode::Blocks(..) | PoolMode::Deterministic(..), _)) => return home(),
                // Answers without a port can't tell who leased: one worker does for all.
                Some((PoolMode::Translate(_), _)) if request.class().is_none() => {
                    return affinity.home_of_pool(id);
                }
                Some((PoolMode::Translate(ports), assignment)) => {
                    (assignment == Assignment::Paired, Some(*ports))
                }
                Some((PoolMode::Shift { .. }, _)) | None => (false, None),
            },
        };
        let wished = if paired || request.persistent.is_some() { home() } else { affinity.worker() };
        match (ports, request.class()) {
            (Some(ports), Some(class)) => {
                affinity.leaser(wished, range(request, &ports, class), request.source)
            }
            (Some(_), None) | (None, _) => wished,
        }
    }

    /// The external address and port of a new session.
    ///
    /// # Errors
    /// Why there is none. The session must not be made, nor its packet sent.
    pub fn lease(
        &mut self,
        request: &Request,
        now: Instant,
        random: &mut impl FnMut() -> u64,
    ) -> Result<Recipe, Refusal> {
        let turn = Turn { now, dice: random() };
        let kept = request.persistent.and_then(|rule| Some((rule, InternalKey::of(request, &rule)?)));
        let result = match kept {
            _ if self.place(request) != self.tables.affinity.worker() => Err(Refusal::WrongWorker),
            Some((rule, key)) => self.persist(request, turn, &rule, key),
            None => self.fresh(request, turn),
        };
        self.count(result)
    }

    pub(crate) fn count<T>(&mut self, result: Result<T, Refusal>) -> Result<T, Refusal> {
        match &result {
            Ok(_) => self.counters.leased += 1,
            Err(refusal) => self.counters.refused[*refusal as usize] += 1,
        }
        result
    }

    /// A lease that no mapping has yet.
    pub(crate) fn fresh(&mut self, request: &Request, turn: Turn) -> Result<Recipe, Refusal> {
        let first = match request.action {
            Action::Interface(addr) => self.lease_of_interface(request, turn, addr),
            Action::Pool(id) => self.lease_of_pool(request, turn, id),
        };
        let without_room = [Refusal::AddressesExhausted, Refusal::PortTaken, Refusal::HostsFull];
        let overflow = match (request.action, &first) {
            (Action::Pool(id), Err(refused))
                if without_room.contains(refused) && request.class().is_some() =>
            {
                self.pool(id).and_then(|pool| pool.spec.overflow)
            }
            _ => None,
        };
        let result = match overflow.and_then(|overflow| overflow.action(request)) {
            None => first,
            // Another has ports of it, or keeps the host's: asked for the overflow alone, it leases.
            Some(action) if self.is_anothers(&Request { action, ..*request }) => Err(Refusal::WrongWorker),
            Some(Action::Pool(id)) => self.lease_of_pool(request, turn, id),
            Some(Action::Interface(addr)) => self.lease_of_interface(request, turn, addr),
        };
        if let Ok(recipe) = &result {
            *self.live(&recipe.lease) += 1;
        }
        result
    }

    /// Whether another worker must lease for a session; a mapping's lease is with the mapping.
    fn is_anothers(&self, request: &Request) -> bool {
        request.persistent.is_none() && self.place(request) != self.tables.affinity.worker()
    }

    fn lease_of_pool(&mut self, request: &Request, turn: Turn, id: PoolId) -> Result<Recipe, Refusal> {
        let pool = self.pools.get_mut(usize::from(id.0)).and_then(Option::as_mut);
        pool.ok_or(Refusal::PoolUnusable)?.lease(&mut self.tables, request, turn)
    }

    fn lease_of_interface(&mut self, request: &Request, turn: Turn, addr: Addr) -> Result<Recipe, Refusal> {
        let (space, ports) = self.interface(request.family, addr).ok_or(Refusal::InterfaceUnknown)?;
        let Some(class) = request.class() else {
            let lease = Lease::counted(Lease::NO_POOL);
            return Ok(Recipe { addr, port: None, pool: None, lease, reply_port: None });
        };
        let want = want(&self.tables, request, turn, &ports, class).ok_or(Refusal::PortsExhausted)?;
        let grant = self.tables.spaces.lease(space, &want).map_err(refusal)?;
        Ok(on_interface(addr, space, class, grant))
    }

    /// The space and ports of an address that interface NAT may use.
    pub(crate) fn interface(&self, family: Family, addr: Addr) -> Option<(u32, Ports)> {
        let space = self.tables.spaces.find(family, addr)?;
        Some((space, (*self.interfaces.get(space as usize)?)?))
    }

    /// An even port and the next one, of the address given, for a pair of sessions that an ALG expects.
    ///
    /// # Errors
    /// The address is no translating pool's or interface's, or has no such pair.
    pub fn twin(
        &mut self,
        request: &Request,
        addr: Addr,
        now: Instant,
        random: &mut impl FnMut() -> u64,
    ) -> Result<[Recipe; 2], Refusal> {
        let turn = Turn { now, dice: random() };
        let result = self.pair(request, addr, turn);
        self.count(result)
    }

    fn pair(&mut self, request: &Request, addr: Addr, turn: Turn) -> Result<[Recipe; 2], Refusal> {
        let class = request.class().ok_or(Refusal::NoPorts)?;
        let (space, ports, pool) = match request.action {
            Action::Interface(_) => {
                let (space, ports) = self.interface(request.family, addr).ok_or(Refusal::InterfaceUnknown)?;
                (space, ports, None)
            }
            Action::Pool(id) => {
                let pool = self.pool(id).filter(|pool| pool.usable).ok_or(Refusal::PoolUnusable)?;
                let PoolMode::Translate(ports) = pool.spec.mode else { return Err(Refusal::NoPorts) };
                let at = pool.addresses.index_of(addr).ok_or(Refusal::PoolUnusable)?;
                (pool.spaces[at as usize], ports, Some(id))
            }
        };
        let range = Ports { low: ports.twin.0, high: ports.twin.1, preserve_range: false, ..ports };
        let wanted = want(&self.tables, request, turn, &range, class).ok_or(Refusal::PortsExhausted)?;
        let wanted = Want { parity: Parity::Twin, layers: Layers::All, ..wanted };
        let even = self.tables.spaces.lease(space, &wanted).map_err(refusal)?;
        let odd = self.tables.spaces.take(space, class, even.port + 1, Layers::All);
        let odd = match odd {
            Ok(odd) => odd,
            Err(no) => {
                self.tables.spaces.release(space, class, even);
                return Err(refusal(no));
            }
        };
        Ok([even, odd].map(|grant| {
            let recipe = on_interface(addr, space, class, grant);
            let number = pool.map_or(Lease::NO_POOL, |id| id.0);
            let lease = Lease { pool: number, ..recipe.lease };
            *self.live(&lease) += 1;
            Recipe { pool, lease, ..recipe }
        }))
    }

    /// Takes a lease back. The only way; every kind of lease comes here once.
    pub fn release(&mut self, lease: Lease, now: Instant) {
        if lease.kind != Kind::Mapping {
            if self.give_back(lease, now) {
                self.counters.released += 1;
            }
            return;
        }
        match self.mappings.session_ended(lease.holder, now) {
            Ok(None) => self.counters.released += 1,
            Ok(Some(ended)) => {
                self.counters.released += 1;
                self.give_back(ended.lease, now);
            }
            Err(()) => self.counters.released_twice += 1,
        }
    }

    /// `false`: nobody had it.
    pub(crate) fn give_back(&mut self, lease: Lease, now: Instant) -> bool {
        let Lease { space, holder, port, layer, factor, class, kind, .. } = lease;
        let grant = Grant { port, layer, factor };
        let had = match kind {
            Kind::Port | Kind::Paired | Kind::Block => self.tables.spaces.release(space, class, grant),
            Kind::Address | Kind::Endpoint => self.tables.hosts.get(holder).is_some_and(|host| host.refs > 0),
            Kind::Counted => *self.live(&lease) > 0,
            Kind::Mapping => false,
        };
        if !had {
            self.counters.released_twice += 1;
            return false;
        }
        let live = self.live(&lease);
        *live = live.saturating_sub(1);
        match kind {
            Kind::Paired => drop(self.pair_session_ended(holder)),
            Kind::Block => self.block_session_ended(holder, now),
            Kind::Address => self.address_session_ended(holder),
            Kind::Endpoint => self.tables.forget_endpoint(&lease),
            Kind::Port | Kind::Counted | Kind::Mapping => {}
        }
        if matches!(kind, Kind::Port | Kind::Paired | Kind::Block) {
            self.unmark_full(space, class);
        }
        true
    }

    fn block_session_ended(&mut self, block: u32, now: Instant) {
        let Some(pool) = self.tables.blocks.session_ended(block, now) else { return };
        let pool = self.pools.get_mut(usize::from(pool)).and_then(Option::as_mut);
        self.tables.settle(block, now, pool);
    }

    /// The host, when this was its last session.
    fn pair_session_ended(&mut self, host: u32) -> Option<Host> {
        let host = self.tables.hosts.unref(host)?;
        self.tables.tell_pair(&host, false);
        Some(host)
    }

    fn address_session_ended(&mut self, host: u32) {
        let Some(host) = self.pair_session_ended(host) else { return };
        if host.key.kind != HostKind::Address {
            return;
        }
        let Some(pool) = self.pools.get_mut(usize::from(host.key.pool)).and_then(Option::as_mut) else {
            return;
        };
        if let Some(at) = pool.addresses.index_of(host.external)
            && self.tables.spaces.units.free(pool.taken, at as u16)
        {
            pool.held -= 1;
        }
    }

    /// An address that had nothing left has something now.
    fn unmark_full(&mut self, space: u32, class: PortClass) {
        for member in 0..self.tables.spaces.members(space).len() {
            let (pool, at) = self.tables.spaces.members(space)[member];
            if let Some(Some(pool)) = self.pools.get(usize::from(pool)) {
                // The first set serves pools of blocks, whatever the class.
                self.tables.spaces.units.free(pool.full[class.index()], at as u16);
                self.tables.spaces.units.free(pool.full[0], at as u16);
            }
        }
    }

    /// The count of live leases like this one.
    pub(crate) fn live(&mut self, lease: &Lease) -> &mut u64 {
        // A pool of an older program that is gone counts with the interfaces.
        let at = usize::from(lease.pool.wrapping_add(1));
        let at = if at < self.leases.len() { at } else { 0 };
        let counts = &mut self.leases[at];
        match lease.kind {
            Kind::Port | Kind::Paired | Kind::Block | Kind::Endpoint => &mut counts[lease.class.index()],
            Kind::Address | Kind::Mapping | Kind::Counted => &mut counts[4],
        }
    }

    /// Looks after at most `budget` mappings and as many blocks: ends those whose time is over.
    pub fn sweep(&mut self, now: Instant, budget: usize) {
        self.sweep_mappings(now, budget);
        self.tables.sweep_blocks(now, budget, &mut self.pools);
    }

    /// The oldest event nobody has fetched.
    pub fn next_event(&mut self) -> Option<LeaseEvent> {
        self.tables.told.next()
    }

    /// Events that found no room among those to be fetched, so far.
    #[must_use]
    pub fn events_lost(&self) -> u64 {
        self.tables.told.lost
    }

    pub(crate) fn pool(&self, id: PoolId) -> Option<&Pool> {
        self.pools.get(usize::from(id.0)).and_then(Option::as_ref)
    }
}

/// The recipe of a port that is no pool's.
pub(crate) fn on_interface(addr: Addr, space: u32, class: PortClass, grant: Grant) -> Recipe {
    let lease = of_grant(space, Lease::NO_POOL, class, grant);
    Recipe { addr, port: Some(grant.port), pool: None, lease, reply_port: Some(grant.port) }
}
