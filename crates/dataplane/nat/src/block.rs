//! Blocks of ports: a host gets ports by the block, so that one event tells whose a port was.
//!
//! Junos: `port block-allocation`. The newest block of a host is active: it serves new sessions until it is
//! full or, with `active-block-timeout`, old. An inactive block goes back with its last session; an
//! active one stays unless a timeout says otherwise. State: the blocks. Spec: nat-pool-22..25.

use std::time::Duration;

use ravelin_types::{Addr, Family, Instant, Seconds};

use crate::affinity::Region;
use crate::config::{Assignment, BlockSpec, PoolId, PoolMode, Ports};
use crate::host::{Host, HostKind};
use crate::lease::{Kind, Recipe, Refusal, Request, Turn};
use crate::pool::{Pool, Tables, bare_want};
use crate::ports::{Parity, Pick};
use crate::space::Want;
use crate::table::{NONE, Slab};
use crate::told::LeaseEvent;

/// Blocks stepped over because sessions of an older program still have ports in them.
const STEPS_MAX: u32 = 16;

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockChange {
    Allocated,
    /// Still in use: `interim-logging-interval`.
    Interim,
    Released,
}

/// A line of the log of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEvent {
    pub change: BlockChange,
    pub pool: PoolId,
    pub host_family: Family,
    pub host: Addr,
    pub token: u32,
    pub external_family: Family,
    pub external: Addr,
    pub low: u16,
    pub high: u16,
    /// Sessions with a port of it.
    pub used: u32,
    /// Blocks that the host has now, and may have.
    pub blocks: u16,
    pub blocks_max: u16,
    pub since: Instant,
    pub at: Instant,
}

#[derive(Debug)]
pub(crate) struct Block {
    pub host: u32,
    pub pool: u16,
    space: u32,
    pub family: Family,
    pub external: Addr,
    /// Address of the pool, and number among this worker's blocks there.
    at: u32,
    number: u16,
    pub low: u16,
    pub high: u16,
    pub used: u32,
    /// Blocks that its host may have.
    blocks_max: u16,
    is_silent: bool,
    pub since: Instant,
    idle_since: Instant,
    reported: Instant,
    next: u32,
    pub active: bool,
    /// Of an older program: nothing is leased from it, and its number means nothing now.
    retired: bool,
}

/// All blocks of a worker.
#[derive(Debug)]
pub(crate) struct Blocks {
    slab: Slab<Block>,
    cursor: u32,
}

impl Blocks {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { slab: Slab::new(capacity), cursor: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Block> {
        self.slab.get(slot)
    }

    pub(crate) fn horizon(&self) -> u32 {
        self.slab.horizon()
    }

    /// A session gave its port back; the pool that the block is of.
    pub(crate) fn session_ended(&mut self, slot: u32, now: Instant) -> Option<u16> {
        let block = self.slab.get_mut(slot)?;
        block.used = block.used.saturating_sub(1);
        if block.used == 0 {
            block.idle_since = now;
        }
        Some(block.pool)
    }
}

impl Pool {
    pub(crate) fn lease_of_blocks(
        &mut self,
        tables: &mut Tables,
        request: &Request,
        turn: Turn,
        (ports, spec): (&Ports, &BlockSpec),
    ) -> Result<Recipe, Refusal> {
        let class = request.class().ok_or(Refusal::NoPorts)?;
        let want = bare_want(tables, request, turn, ports, class);
        let key = self.host_key(request, HostKind::Blocks);
        let Some(host) = tables.hosts.find(&key) else {
            let host = tables
                .hosts
                .insert(Host::new(key, (self.spec.family, Addr::default()), NONE))
                .ok_or(Refusal::HostsFull)?;
            let made = self.new_block(tables, host, turn, spec);
            if made.is_err() {
                tables.hosts.forget_idle(host);
            }
            return self.lease_of_block(tables, made?, &want);
        };
        self.age_active(tables, host, spec, turn.now);
        let newest = tables.hosts.get(host).map_or(NONE, |h| h.blocks);
        if tables.blocks.slab.get(newest).is_some_and(|b| b.active)
            && let Ok(recipe) = self.lease_of_block(tables, newest, &want)
        {
            return Ok(recipe);
        }
        let refused = match tables.hosts.get(host).is_some_and(|h| h.block_count < spec.per_host) {
            true => match self.new_block(tables, host, turn, spec) {
                Ok(block) => return self.lease_of_block(tables, block, &want),
                Err(refused) => refused,
            },
            false => Refusal::HostBlocksFull,
        };
        self.lease_of_older(tables, host, &want).ok_or(refused)
    }

    /// Any port of the host's blocks, newest first.
    fn lease_of_older(&self, tables: &mut Tables, host: u32, want: &Want) -> Option<Recipe> {
        let mut slot = tables.hosts.get(host)?.blocks;
        while let Some(block) = tables.blocks.slab.get(slot) {
            let (next, retired) = (block.next, block.retired);
            if !retired && let Ok(recipe) = self.lease_of_block(tables, slot, want) {
                return Some(recipe);
            }
            slot = next;
        }
        None
    }

    fn lease_of_block(&self, tables: &mut Tables, slot: u32, want: &Want) -> Result<Recipe, Refusal> {
        let block = tables.blocks.slab.get_mut(slot).ok_or(Refusal::BlocksExhausted)?;
        let want = Want { region: Region::all(block.low, block.high), ..*want };
        let grant = tables.spaces.lease(block.space, &want).map_err(crate::pool::refusal)?;
        block.used += 1;
        let at = block.at;
        let mut recipe = self.recipe(tables, at, grant, want.class);
        recipe.lease.holder = slot;
        recipe.lease.kind = Kind::Block;
        Ok(recipe)
    }

    /// A block for a host: at the address it has blocks of, else at the next one that has any.
    fn new_block(
        &mut self,
        tables: &mut Tables,
        host: u32,
        turn: Turn,
        spec: &BlockSpec,
    ) -> Result<u32, Refusal> {
        let current =
            tables.hosts.get(host).filter(|h| h.block_count > 0 && tables.spaces.is_adopted(h.space));
        let current = current.map(|h| h.space).map(|space| self.number_of(tables, space));
        let start = current.unwrap_or(self.next);
        let region = Region::all(0, self.count.checked_sub(1).ok_or(Refusal::BlocksExhausted)? as u16);
        let mut pick = start as u16;
        loop {
            let full = self.full[0];
            let found = tables.spaces.units.search(&[full], &region, Parity::Any, Pick::From(pick));
            let at = found.ok_or(Refusal::BlocksExhausted)?;
            if current.is_some_and(|current| current != u32::from(at))
                && self.spec.assignment == Assignment::Paired
            {
                return Err(Refusal::BlocksExhausted);
            }
            if let Some(number) = self.free_block(tables, u32::from(at), turn.dice, spec.size) {
                if current.is_none() {
                    self.next = (u32::from(at) + 1) % self.count;
                }
                return self.give_block(
                    tables,
                    host,
                    (u32::from(at), number),
                    BlockChange::Allocated,
                    turn.now,
                );
            }
            tables.spaces.units.take(full, at);
            pick = at;
        }
    }

    /// A free block of one address that no session has a port of.
    fn free_block(&self, tables: &Tables, at: u32, dice: u64, size: u16) -> Option<u16> {
        let region = Region::all(0, self.block_count.checked_sub(1)? as u16);
        let (unit, space) = (self.block_units[at as usize], self.spaces[at as usize]);
        let mut pick = Pick::Random(dice);
        for _ in 0..STEPS_MAX {
            let number = tables.spaces.units.search(&[unit], &region, Parity::Any, pick)?;
            let low = self.block_low(tables, number, size)?;
            if tables.spaces.is_empty(space, low, low + (size - 1)) {
                return Some(number);
            }
            pick = Pick::From(number.wrapping_add(1));
        }
        None
    }

    /// The first port of one of this worker's blocks.
    fn block_low(&self, tables: &Tables, number: u16, size: u16) -> Option<u16> {
        let (worker, workers) = (tables.affinity.worker().0, tables.affinity.workers());
        let block = u32::from(number) * u32::from(workers) + u32::from(worker);
        Some(self.spec.mode.ports()?.low + (block * u32::from(size)) as u16)
    }

    fn give_block(
        &mut self,
        tables: &mut Tables,
        host: u32,
        (at, number): (u32, u16),
        change: BlockChange,
        now: Instant,
    ) -> Result<u32, Refusal> {
        let PoolMode::Blocks(_, BlockSpec { size, per_host, is_silent, .. }) = self.spec.mode else {
            return Err(Refusal::PoolUnusable);
        };
        let low = self.block_low(tables, number, size).ok_or(Refusal::PoolUnusable)?;
        let owner = tables.hosts.get_mut(host).ok_or(Refusal::HostsFull)?;
        let space = self.spaces[at as usize];
        let external = self.address(at);
        let block = Block {
            host,
            pool: self.spec.id.0,
            space,
            family: self.spec.family,
            external,
            at,
            number,
            low,
            high: low + (size - 1),
            used: 0,
            blocks_max: per_host,
            is_silent,
            since: now,
            idle_since: now,
            reported: now,
            next: owner.blocks,
            active: true,
            retired: false,
        };
        let slot = tables.blocks.slab.insert(block).ok_or(Refusal::BlockTableFull)?;
        let older = std::mem::replace(&mut owner.blocks, slot);
        owner.block_count += 1;
        owner.space = space;
        owner.external = external;
        tables.spaces.units.take(self.block_units[at as usize], number);
        self.held += 1;
        tables.announce(slot, change, now);
        if let Some(older) = tables.blocks.slab.get_mut(older) {
            older.active = false;
        }
        tables.settle(older, now, Some(self));
        Ok(slot)
    }

    /// Ends the service of an active block that is older than `active-block-timeout`.
    fn age_active(&mut self, tables: &mut Tables, host: u32, spec: &BlockSpec, now: Instant) {
        let newest = tables.hosts.get(host).map_or(NONE, |h| h.blocks);
        if let Some(block) = tables.blocks.slab.get_mut(newest)
            && block.active
            && passed(block.since, spec.active_timeout, now)
        {
            block.active = false;
            // The host must outlive its only block: it is about to get the next one.
            if let Some(host) = tables.hosts.get_mut(host) {
                host.refs += 1;
            }
            tables.settle(newest, now, Some(self));
            if let Some(host) = tables.hosts.get_mut(host) {
                host.refs -= 1;
            }
        }
    }

    /// Takes this very block for a host, for a session that comes with its port. It was told when the host got it: it is told as
    /// still in use.
    pub(crate) fn restore_block(
        &mut self,
        tables: &mut Tables,
        request: &Request,
        (at, port): (u32, u16),
        now: Instant,
    ) -> Result<u32, Refusal> {
        let PoolMode::Blocks(ports, BlockSpec { size, .. }) = self.spec.mode else {
            return Err(Refusal::PoolUnusable);
        };
        let block = port.checked_sub(ports.low).ok_or(Refusal::PortTaken)? / size;
        let (worker, workers) = (u16::from(tables.affinity.worker().0), u16::from(tables.affinity.workers()));
        let number = block / workers;
        if block % workers != worker || u32::from(number) >= self.block_count {
            return Err(Refusal::WrongWorker);
        }
        let key = self.host_key(request, HostKind::Blocks);
        let host = match tables.hosts.find(&key) {
            Some(host) => host,
            None => tables
                .hosts
                .insert(Host::new(key, (self.spec.family, Addr::default()), NONE))
                .ok_or(Refusal::HostsFull)?,
        };
        let mut slot = tables.hosts.get(host).map_or(NONE, |h| h.blocks);
        while let Some(block) = tables.blocks.slab.get(slot) {
            if !block.retired && block.at == at && block.number == number {
                return Ok(slot);
            }
            slot = block.next;
        }
        let taken = tables.spaces.units.is_taken(self.block_units[at as usize], number);
        let given = if taken {
            Err(Refusal::PortTaken)
        } else {
            self.give_block(tables, host, (at, number), BlockChange::Interim, now)
        };
        if given.is_err() {
            tables.hosts.forget_idle(host);
        }
        given
    }
}

impl Tables {
    fn announce(&mut self, slot: u32, change: BlockChange, at: Instant) {
        let Some(block) = self.blocks.slab.get(slot).filter(|block| !block.is_silent) else { return };
        let Some(host) = self.hosts.get(block.host) else { return };
        let event = BlockEvent {
            change,
            pool: PoolId(block.pool),
            host_family: host.key.family,
            host: host.key.addr,
            token: host.key.token,
            external_family: block.family,
            external: block.external,
            low: block.low,
            high: block.high,
            used: block.used,
            blocks: host.block_count - u16::from(change == BlockChange::Released),
            blocks_max: block.blocks_max,
            since: block.since,
            at,
        };
        self.told.tell(LeaseEvent::Block(event));
    }

    /// Counts one more session on a block whose port was taken by number.
    pub(crate) fn block_used(&mut self, slot: u32) {
        if let Some(block) = self.blocks.slab.get_mut(slot) {
            block.used += 1;
        }
    }

    /// Gives back a block that was allocated for a session that was not made.
    pub(crate) fn give_up_unused(&mut self, slot: u32, now: Instant, pool: &mut Pool) {
        if let Some(block) = self.blocks.slab.get_mut(slot).filter(|block| block.used == 0) {
            block.active = false;
        }
        self.settle(slot, now, Some(pool));
    }

    /// Gives a block back when it is neither active nor used.
    pub(crate) fn settle(&mut self, slot: u32, now: Instant, pool: Option<&mut Pool>) {
        if !self.blocks.slab.get(slot).is_some_and(|b| b.used == 0 && !b.active) {
            return;
        }
        self.announce(slot, BlockChange::Released, now);
        let Some(block) = self.blocks.slab.remove(slot) else { return };
        if let Some(pool) = pool.filter(|_| !block.retired) {
            self.spaces.units.free(pool.block_units[block.at as usize], block.number);
            self.spaces.units.free(pool.full[0], block.at as u16);
            pool.held -= 1;
        }
        self.unchain(block.host, slot, block.next);
        if let Some(host) = self.hosts.get_mut(block.host) {
            host.block_count -= 1;
        }
        self.hosts.forget_idle(block.host);
    }

    fn unchain(&mut self, host: u32, slot: u32, next: u32) {
        let Some(host) = self.hosts.get_mut(host) else { return };
        if host.blocks == slot {
            host.blocks = next;
            return;
        }
        let mut at = host.blocks;
        while let Some(block) = self.blocks.slab.get_mut(at) {
            if block.next == slot {
                block.next = next;
                return;
            }
            at = block.next;
        }
    }

    /// Withdraws the blocks of a pool that changed or went: used ones live on for their sessions.
    pub(crate) fn retire_blocks(&mut self, pool: u16, now: Instant) {
        for slot in 0..self.blocks.slab.horizon() {
            if let Some(block) = self.blocks.slab.get_mut(slot).filter(|b| b.pool == pool) {
                block.retired = true;
                block.active = false;
                self.settle(slot, now, None);
            }
        }
    }

    /// Looks after at most `budget` blocks: timeouts of active ones, interim events.
    pub(crate) fn sweep_blocks(&mut self, now: Instant, budget: usize, pools: &mut [Option<Pool>]) {
        let horizon = self.blocks.slab.horizon();
        for _ in 0..budget.min(horizon as usize) {
            let slot = self.blocks.cursor % horizon;
            self.blocks.cursor = (slot + 1) % horizon;
            let Some(block) = self.blocks.slab.get_mut(slot) else { continue };
            let Some(pool) = pools.get_mut(usize::from(block.pool)).and_then(Option::as_mut) else {
                continue;
            };
            let PoolMode::Blocks(_, spec) = pool.spec.mode else { continue };
            let old = passed(block.since, spec.active_timeout, now);
            let idle = block.used == 0 && passed(block.idle_since, spec.last_recycle_timeout, now);
            if block.active && (old || idle) {
                block.active = false;
            }
            let due = (block.active || block.used > 0) && passed(block.reported, spec.interim_interval, now);
            if due {
                block.reported = now;
                self.announce(slot, BlockChange::Interim, now);
            }
            self.settle(slot, now, Some(pool));
        }
    }
}

/// Whether a time has passed; a time of 0 never does.
fn passed(since: Instant, timeout: Seconds, now: Instant) -> bool {
    timeout.0 > 0 && now.since(since) >= Duration::from_secs(u64::from(timeout.0))
}
