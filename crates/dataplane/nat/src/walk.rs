//! What is kept, as operators are shown it: blocks, hosts with an address of their own, ports of interfaces.
//!
//! Place: between two batches, in steps that are bounded by the caller. State: none of its own. Spec: nat-pool-46.

use std::time::Duration;

use ravelin_types::{Addr, Family, Instant};

use crate::allocator::Allocator;
use crate::config::{PoolId, PoolMode};
use crate::host::HostKind;
use crate::lease::PortClass;

/// A block of ports that a host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRecord {
    pub pool: PoolId,
    pub host_family: Family,
    pub host: Addr,
    pub external_family: Family,
    pub external: Addr,
    pub low: u16,
    pub high: u16,
    /// Sessions with a port of it.
    pub used: u32,
    /// New sessions of its host get ports of it.
    pub is_active: bool,
    pub age: Duration,
    /// Until it serves no new session; `None`: for ever, or it does not now.
    pub left: Option<Duration>,
}

/// A host that has one external address for all its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairRecord {
    pub pool: PoolId,
    pub family: Family,
    pub internal: Addr,
    pub external_family: Family,
    pub external: Addr,
    pub sessions: u32,
}

/// How much is leased of an address that interface NAT gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceUse {
    pub family: Family,
    pub addr: Addr,
    /// Ports leased of the class of protocols that has most, and those that this worker could.
    pub single: u32,
    pub single_max: u32,
    /// Likewise those of pairs.
    pub twin: u32,
    pub twin_max: u32,
}

impl Allocator {
    /// Blocks among the next `budget` places from one on, and where to go on.
    #[must_use]
    pub fn walk_blocks(&self, from: u32, budget: u32, now: Instant) -> (Vec<BlockRecord>, Option<u32>) {
        let horizon = self.tables.blocks.horizon();
        let end = from.saturating_add(budget).min(horizon);
        let records = (from..end).filter_map(|slot| self.block(slot, now)).collect();
        (records, (end < horizon).then_some(end))
    }

    fn block(&self, slot: u32, now: Instant) -> Option<BlockRecord> {
        let block = self.tables.blocks.get(slot)?;
        let host = self.tables.hosts.get(block.host)?;
        let pool = PoolId(block.pool);
        let timeout = match self.pool(pool).map(|pool| &pool.spec.mode) {
            Some(PoolMode::Blocks(_, spec)) if spec.active_timeout.0 > 0 && block.active => {
                Some(Duration::from_secs(spec.active_timeout.0.into()))
            }
            _ => None,
        };
        let age = now.since(block.since);
        Some(BlockRecord {
            pool,
            host_family: host.key.family,
            host: host.key.addr,
            external_family: block.family,
            external: block.external,
            low: block.low,
            high: block.high,
            used: block.used,
            is_active: block.active,
            age,
            left: timeout.map(|timeout| timeout.saturating_sub(age)),
        })
    }

    /// Hosts with an address of their own among the next `budget` places from one on, and where to go on.
    #[must_use]
    pub fn walk_pairs(&self, from: u32, budget: u32) -> (Vec<PairRecord>, Option<u32>) {
        let horizon = self.tables.hosts.horizon();
        let end = from.saturating_add(budget).min(horizon);
        let records = (from..end).filter_map(|slot| self.pair_at(slot)).collect();
        (records, (end < horizon).then_some(end))
    }

    fn pair_at(&self, slot: u32) -> Option<PairRecord> {
        let host = self.tables.hosts.get(slot)?;
        if !matches!(host.key.kind, HostKind::Paired | HostKind::Address) {
            return None;
        }
        let pool = PoolId(host.key.pool);
        Some(PairRecord {
            pool,
            family: host.key.family,
            internal: host.key.addr,
            external_family: host.family,
            external: host.external,
            sessions: host.refs,
        })
    }

    /// Addresses of interface NAT among the next `budget` places from one on, and where to go on.
    #[must_use]
    pub fn walk_interfaces(&self, from: u32, budget: u32) -> (Vec<InterfaceUse>, Option<u32>) {
        let horizon = self.interfaces.len() as u32;
        let end = from.saturating_add(budget).min(horizon);
        let records = (from..end).filter_map(|space| self.interface_use(space)).collect();
        (records, (end < horizon).then_some(end))
    }

    fn interface_use(&self, space: u32) -> Option<InterfaceUse> {
        let ports = (*self.interfaces.get(space as usize)?)?;
        let (family, addr) = self.tables.spaces.place(space)?;
        let taken = |(low, high): (u16, u16)| {
            let of_class = |class: &PortClass| self.tables.spaces.taken_in(space, *class, low, high);
            PortClass::ALL.iter().map(of_class).max().unwrap_or(0)
        };
        let mine = |(low, high)| {
            let region = self.tables.affinity.region(low, high);
            region.map_or(0, |region| region.ports()) * u32::from(ports.overload)
        };
        let (single, twin) = ((ports.low, ports.high), ports.twin);
        Some(InterfaceUse {
            family,
            addr,
            single: taken(single),
            single_max: mine(single),
            twin: taken(twin),
            twin_max: mine(twin),
        })
    }
}
