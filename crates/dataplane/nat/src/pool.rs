//! One pool of a worker: which address a session gets, and by which mode a port.
//!
//! Junos: `security nat source pool`. State: the turn of addresses, hints of which are full, addresses and
//! blocks given out. Spec: nat-pool-10..28.

use ravelin_types::{Addr, Family};

use crate::affinity::{Affinity, Region};
use crate::block::Blocks;
use crate::config::{Assignment, PRIVILEGED_HIGH, PoolMode, PoolSpec, Ports};
use crate::deterministic::Deterministic;
use crate::host::{Host, HostKey, HostKind, Hosts};
use crate::lease::{Kind, Lease, PortClass, Realm, Recipe, Refusal, Request, Turn};
use crate::ports::{Parity, Pick, UnitId, Units};
use crate::range::{Addresses, host_mask};
use crate::space::{Grant, Layers, NoPort, Sharing, Spaces, Want};
use crate::table::{self, NONE};
use crate::told::Told;

/// Addresses looked at for one session where the hint of full ones does not apply (parity, range,
/// overloading, kept ports).
pub(crate) const ADDRESS_TRIES: u64 = 64;

/// What all pools of a worker lease from.
#[derive(Debug)]
pub(crate) struct Tables {
    pub affinity: Affinity,
    pub spaces: Spaces,
    pub hosts: Hosts,
    pub blocks: Blocks,
    pub told: Told,
    /// What tokens stand for on every node.
    pub realms: Vec<Realm>,
    pub key: (u64, u64),
}

impl Tables {
    /// What the hosts of a token are told apart by from those of another, the same whatever its number is here.
    fn realm(&self, token: u32) -> u64 {
        self.realms.iter().find(|realm| realm.token == token).map_or(0, |realm| realm.name)
    }

    /// A session of an endpoint less; its port goes back with the last.
    pub(crate) fn forget_endpoint(&mut self, lease: &Lease) {
        if self.hosts.unref(lease.holder).is_some() {
            let Lease { space, class, port, layer, factor, .. } = *lease;
            self.spaces.release(space, class, Grant { port, layer, factor });
        }
    }
}

/// A pool as the running program has it.
#[derive(Debug)]
pub(crate) struct Pool {
    pub spec: PoolSpec,
    pub usable: bool,
    pub addresses: Addresses,
    /// Addresses in all; 0 for a pool that only shifts.
    pub count: u32,
    /// The space of each address.
    pub spaces: Vec<u32>,
    pub next: u32,
    /// Addresses where nothing was left, by class. A hint: set by a failure, cleared by a release.
    pub full: [UnitId; 4],
    /// Addresses that are a host's own.
    pub taken: UnitId,
    /// Blocks given out, by address, and how many there are for this worker.
    pub block_units: Vec<UnitId>,
    pub block_count: u32,
    pub plan: Option<Deterministic>,
    /// Ports, blocks or addresses that this worker could give out.
    pub capacity: u64,
    /// Blocks or addresses given out.
    pub held: u64,
}

impl Pool {
    pub(crate) fn new(spec: &PoolSpec, usable: bool, affinity: &Affinity, units: &mut Units) -> Self {
        let addresses = Addresses::new(&spec.ranges);
        let bounded = usable && !matches!(spec.mode, PoolMode::Shift { .. });
        let count = if bounded { addresses.count().unwrap_or(0) as u32 } else { 0 };
        let mut pool = Self {
            usable,
            addresses,
            count,
            spaces: Vec::new(),
            next: count / u32::from(affinity.workers()) * u32::from(affinity.worker().0),
            full: [(); 4].map(|()| units.make()),
            taken: units.make(),
            block_units: Vec::new(),
            block_count: 0,
            plan: None,
            capacity: 0,
            held: 0,
            spec: spec.clone(),
        };
        pool.plan_mode(affinity, units);
        pool
    }

    /// The capacity is this worker's part: all workers' together are what the pool has.
    fn plan_mode(&mut self, affinity: &Affinity, units: &mut Units) {
        let is_home = u64::from(affinity.home_of_pool(self.spec.id) == affinity.worker());
        let each = match &self.spec.mode {
            PoolMode::Translate(ports) => {
                let region = affinity.region(ports.low, ports.high);
                u64::from(region.map_or(0, |r| r.ports())) * u64::from(ports.overload)
            }
            PoolMode::Blocks(ports, spec) => {
                let all = (u32::from(ports.high.saturating_sub(ports.low)) + 1) / u32::from(spec.size.max(1));
                let (worker, workers) = (u32::from(affinity.worker().0), u32::from(affinity.workers()));
                self.block_count = (all + workers - 1).saturating_sub(worker) / workers;
                self.block_units = (0..self.count).map(|_| units.make()).collect();
                u64::from(self.block_count)
            }
            PoolMode::Deterministic(ports, spec) => {
                self.plan = Deterministic::new(spec, ports, &self.addresses);
                // Each host's home leases from it: no part of it is one worker's.
                (u64::from(ports.high.saturating_sub(ports.low)) + 1) * is_home
            }
            PoolMode::NoTranslation => is_home,
            PoolMode::Shared => 65_536 * is_home,
            PoolMode::Shift { .. } => 0,
        };
        self.capacity = u64::from(self.count) * each;
    }

    /// Returns the bitmaps that are the pool's own.
    pub(crate) fn dissolve(self, units: &mut Units) {
        self.full.into_iter().chain([self.taken]).chain(self.block_units).for_each(|u| units.give_back(u));
    }

    /// Who may lease from its addresses.
    pub(crate) fn sharing(&self) -> Sharing {
        match self.spec.mode {
            PoolMode::Translate(_) => Sharing::Partitioned,
            PoolMode::Blocks(..)
            | PoolMode::Deterministic(..)
            | PoolMode::NoTranslation
            | PoolMode::Shared
            | PoolMode::Shift { .. } => Sharing::Home,
        }
    }

    pub(crate) fn lease(
        &mut self,
        tables: &mut Tables,
        request: &Request,
        turn: Turn,
    ) -> Result<Recipe, Refusal> {
        if !self.usable {
            return Err(Refusal::PoolUnusable);
        }
        if self.spec.family != request.family {
            return Err(Refusal::WrongFamily);
        }
        match &self.spec.mode {
            PoolMode::Translate(ports) => {
                let ports = *ports;
                match request.class() {
                    Some(class) => self.translate(tables, request, turn, &ports, class),
                    None => self.without_port(tables, request),
                }
            }
            PoolMode::Blocks(ports, spec) => {
                let (ports, spec) = (*ports, *spec);
                self.lease_of_blocks(tables, request, turn, (&ports, &spec))
            }
            PoolMode::Deterministic(ports, _) => self.determined(tables, request, turn, ports),
            PoolMode::NoTranslation => self.own_address(tables, request),
            PoolMode::Shared => self.shared(tables, request),
            PoolMode::Shift { hosts, base } => self.shifted(request, (*hosts, *base)),
        }
    }

    fn translate(
        &mut self,
        tables: &mut Tables,
        request: &Request,
        turn: Turn,
        ports: &Ports,
        class: PortClass,
    ) -> Result<Recipe, Refusal> {
        let want = want(tables, request, turn, ports, class).ok_or(Refusal::PortsExhausted)?;
        match self.spec.assignment {
            Assignment::RoundRobin => {
                let (at, grant) =
                    self.any_address(tables, &want, self.next).ok_or(Refusal::PortsExhausted)?;
                self.next = (at + 1) % self.count;
                Ok(self.recipe(tables, at, grant, class))
            }
            Assignment::Persistent { ipv6_prefix } => {
                let at = self.hashed(tables, request, ipv6_prefix);
                match tables.spaces.lease(self.spaces[at as usize], &want) {
                    Ok(grant) => Ok(self.recipe(tables, at, grant, class)),
                    Err(NoPort::Draining) => Err(Refusal::Draining),
                    Err(NoPort::Exhausted) => Err(Refusal::PortsExhausted),
                }
            }
            Assignment::Paired => self.paired(tables, request, &want),
        }
    }

    /// A session of a protocol without ports gets an address alone.
    fn without_port(&mut self, tables: &mut Tables, request: &Request) -> Result<Recipe, Refusal> {
        let at = match self.spec.assignment {
            Assignment::Paired => return self.paired_without_port(tables, request),
            Assignment::Persistent { ipv6_prefix } => self.hashed(tables, request, ipv6_prefix),
            Assignment::RoundRobin => {
                let at = self.next;
                self.next = (at + 1) % self.count;
                at
            }
        };
        Ok(self.keeping_port(request, self.address(at), Lease::counted(self.spec.id.0)))
    }

    fn determined(
        &self,
        tables: &mut Tables,
        request: &Request,
        turn: Turn,
        ports: &Ports,
    ) -> Result<Recipe, Refusal> {
        let plan = self.plan.as_ref().ok_or(Refusal::PoolUnusable)?;
        let found = plan.forward(request.source_family, request.source);
        let (external, low, high) = found.ok_or(Refusal::HostOutside)?;
        let Some(class) = request.class() else {
            return Ok(self.keeping_port(request, external, Lease::counted(self.spec.id.0)));
        };
        let region = Region::all(low, high);
        let want = Want { region, ..bare_want(tables, request, turn, ports, class) };
        let at = self.addresses.index_of(external).ok_or(Refusal::PoolUnusable)? as u32;
        let grant = tables.spaces.lease(self.spaces[at as usize], &want).map_err(refusal)?;
        Ok(self.recipe(tables, at, grant, class))
    }

    /// An address that no other host has.
    fn own_address(&mut self, tables: &mut Tables, request: &Request) -> Result<Recipe, Refusal> {
        let key = self.host_key(request, HostKind::Address);
        let slot = match tables.hosts.find(&key) {
            Some(slot) => slot,
            None => {
                let start = self.hashed(tables, request, 128);
                self.give_address(tables, key, Pick::From(start as u16))?
            }
        };
        self.with_host(tables, request, slot)
    }

    fn give_address(&mut self, tables: &mut Tables, key: HostKey, pick: Pick) -> Result<u32, Refusal> {
        let region = Region::all(0, (self.count - 1) as u16);
        let units = &mut tables.spaces.units;
        let number =
            units.search(&[self.taken], &region, Parity::Any, pick).ok_or(Refusal::AddressesExhausted)?;
        let external = (self.spec.family, self.address(u32::from(number)));
        let slot = tables.hosts.insert(Host::new(key, external, NONE)).ok_or(Refusal::HostsFull)?;
        units.take(self.taken, number);
        self.held += 1;
        tables.tell_pair(&Host::new(key, external, NONE), true);
        Ok(slot)
    }

    pub(crate) fn with_host(
        &self,
        tables: &mut Tables,
        request: &Request,
        slot: u32,
    ) -> Result<Recipe, Refusal> {
        let host = tables.hosts.get_mut(slot).ok_or(Refusal::HostsFull)?;
        host.refs += 1;
        let lease = Lease { holder: slot, kind: Kind::Address, ..Lease::counted(self.spec.id.0) };
        Ok(self.keeping_port(request, host.external, lease))
    }

    /// The first address, from the host's hash on, where the session's own port is free or the endpoint's.
    fn shared(&mut self, tables: &mut Tables, request: &Request) -> Result<Recipe, Refusal> {
        let start = self.hashed(tables, request, 128);
        let (Some(class), Some(port)) = (request.class(), request.sport) else {
            return Ok(self.keeping_port(request, self.address(start), Lease::counted(self.spec.id.0)));
        };
        let steps = 0..u64::from(self.count).min(ADDRESS_TRIES);
        let addresses = steps.map(|step| ((u64::from(start) + step) % u64::from(self.count)) as u32);
        self.endpoint(tables, request, (class, port), addresses)
    }

    /// One more session of an endpoint: where it is already, else at the first address that has its port.
    pub(crate) fn endpoint(
        &self,
        tables: &mut Tables,
        request: &Request,
        (class, port): (PortClass, u16),
        mut addresses: impl Iterator<Item = u32>,
    ) -> Result<Recipe, Refusal> {
        let endpoint = (class as u32) << 16 | u32::from(port);
        let key = HostKey { endpoint, ..self.host_key(request, HostKind::Endpoint) };
        let slot = match tables.hosts.find(&key) {
            Some(slot) => slot,
            None if tables.hosts.is_full() => return Err(Refusal::HostsFull),
            None => {
                let free = |at: &u32| {
                    tables.spaces.take(self.spaces[*at as usize], class, port, Layers::All).is_ok()
                };
                let at = addresses.find(free).ok_or(Refusal::PortTaken)?;
                let host = Host::new(key, (self.spec.family, self.address(at)), self.spaces[at as usize]);
                tables.hosts.insert(host).ok_or(Refusal::HostsFull)?
            }
        };
        let host = tables.hosts.get_mut(slot).ok_or(Refusal::HostsFull)?;
        host.refs += 1;
        let grant = Grant { port, layer: 0, factor: 1 };
        let lease = of_grant(host.space, self.spec.id.0, class, grant);
        let lease = Lease { holder: slot, kind: Kind::Endpoint, ..lease };
        Ok(self.keeping_port(request, host.external, lease))
    }

    fn shifted(&self, request: &Request, (hosts, base): (Family, Addr)) -> Result<Recipe, Refusal> {
        let offset = request.source.0.checked_sub(base.0).and_then(|n| u64::try_from(n).ok());
        let same_family = request.source_family == hosts;
        let addr = offset.filter(|_| same_family).and_then(|n| self.addresses.nth(n));
        Ok(self.keeping_port(request, addr.ok_or(Refusal::HostOutside)?, Lease::counted(self.spec.id.0)))
    }

    /// A port of the first address from `start` that has one.
    pub(crate) fn any_address(&self, tables: &mut Tables, want: &Want, start: u32) -> Option<(u32, Grant)> {
        let ports = self.spec.mode.ports()?;
        let hinted = ports.overload == 1 && !ports.preserve_parity && !ports.preserve_range;
        if !hinted {
            return (0..u64::from(self.count).min(ADDRESS_TRIES)).find_map(|step| {
                let at = ((u64::from(start) + step) % u64::from(self.count)) as u32;
                Some((at, tables.spaces.lease(self.spaces[at as usize], want).ok()?))
            });
        }
        let region = Region::all(0, self.count.checked_sub(1)? as u16);
        let full = self.full[want.class.index()];
        let mut pick = start as u16;
        for _ in 0..self.count {
            let units = &mut tables.spaces.units;
            let at = units.search(&[full], &region, Parity::Any, Pick::From(pick))?;
            match tables.spaces.lease(self.spaces[usize::from(at)], want) {
                Ok(grant) => return Some((u32::from(at), grant)),
                // A release takes the mark away.
                Err(NoPort::Exhausted) => tables.spaces.units.take(full, at),
                Err(NoPort::Draining) => false,
            };
            pick = at.wrapping_add(1);
        }
        None
    }

    pub(crate) fn recipe(&self, tables: &Tables, at: u32, grant: Grant, class: PortClass) -> Recipe {
        let space = self.spaces[at as usize];
        Recipe {
            addr: tables.spaces.addr(space).unwrap_or_default(),
            port: Some(grant.port),
            pool: Some(self.spec.id),
            lease: of_grant(space, self.spec.id.0, class, grant),
            reply_port: Some(grant.port),
        }
    }

    pub(crate) fn keeping_port(&self, request: &Request, addr: Addr, lease: Lease) -> Recipe {
        let reply_port = request.class().and(request.sport);
        Recipe { addr, port: None, pool: Some(self.spec.id), lease, reply_port }
    }

    pub(crate) fn host_key(&self, request: &Request, kind: HostKind) -> HostKey {
        let Request { source, source_family, token, .. } = *request;
        HostKey { pool: self.spec.id.0, kind, family: source_family, token, addr: source, endpoint: 0 }
    }

    pub(crate) fn address(&self, at: u32) -> Addr {
        self.addresses.nth(u64::from(at)).unwrap_or_default()
    }

    /// The number of a space's address in this pool.
    pub(crate) fn number_of(&self, tables: &Tables, space: u32) -> u32 {
        let mine = tables.spaces.members(space).iter().find(|(pool, _)| *pool == self.spec.id.0);
        mine.map_or(0, |(_, at)| *at)
    }

    /// The address that a host hashes to; the same for every worker, and for every node whatever numbers
    /// the pool and the instance have there.
    pub(crate) fn hashed(&self, tables: &Tables, request: &Request, ipv6_prefix: u8) -> u32 {
        let kept = match request.source_family {
            Family::V4 => request.source,
            Family::V6 => Addr(request.source.0 & !host_mask(Family::V6, ipv6_prefix)),
        };
        let [high, low] = table::halves(kept);
        let first = self.spec.ranges.first().map_or(Addr(0), |range| range.first);
        let [first_high, first_low] = table::halves(first);
        let realm = tables.realm(request.token);
        let hash = tables.affinity.spread(&[high, low, realm, first_high, first_low]);
        (((hash >> 32) * u64::from(self.count)) >> 32) as u32
    }
}

/// The lease of a port.
pub(crate) const fn of_grant(space: u32, pool: u16, class: PortClass, grant: Grant) -> Lease {
    let Grant { port, layer, factor } = grant;
    Lease { space, holder: NONE, port, pool, layer, factor, class, kind: Kind::Port }
}

pub(crate) const fn refusal(no: NoPort) -> Refusal {
    match no {
        NoPort::Exhausted => Refusal::PortsExhausted,
        NoPort::Draining => Refusal::Draining,
    }
}

/// What a session wants of this worker's ports; `None`: it has none of them.
pub(crate) fn want(
    tables: &Tables,
    request: &Request,
    turn: Turn,
    ports: &Ports,
    class: PortClass,
) -> Option<Want> {
    let (low, high) = range(request, ports, class);
    let region = tables.affinity.region(low, high)?;
    Some(Want { region, ..bare_want(tables, request, turn, ports, class) })
}

/// The ports that a session may have of a range.
pub(crate) fn range(request: &Request, ports: &Ports, class: PortClass) -> (u16, u16) {
    let privileged = request.sport.is_some_and(|port| port <= PRIVILEGED_HIGH);
    match (ports.preserve_range && class != PortClass::Icmp, privileged) {
        (true, true) => (1, PRIVILEGED_HIGH),
        (true, false) => (ports.low.max(PRIVILEGED_HIGH + 1), ports.high),
        (false, _) => (ports.low, ports.high),
    }
}

/// As [`want`], whoever the ports are.
pub(crate) fn bare_want(
    tables: &Tables,
    request: &Request,
    turn: Turn,
    ports: &Ports,
    class: PortClass,
) -> Want {
    let parity = match request.sport {
        Some(port) if ports.preserve_parity && class != PortClass::Icmp => Parity::like(port),
        Some(_) | None => Parity::Any,
    };
    Want {
        class,
        region: Region::all(ports.low, ports.high),
        parity,
        selection: ports.selection,
        dice: turn.dice,
        layers: layers(tables, request, ports),
    }
}

/// A mapping's port is its own, whatever the remote; a session's may be shared where overloading allows it.
pub(crate) fn layers(tables: &Tables, request: &Request, ports: &Ports) -> Layers {
    if ports.overload == 1 {
        return Layers::OfRemote(0);
    }
    if request.persistent.is_some() {
        return Layers::All;
    }
    let ([high, low], port) = (table::halves(request.remote.0), request.remote.1);
    Layers::OfRemote(table::hash(tables.key, &[high, low, u64::from(port)]) >> 8)
}
