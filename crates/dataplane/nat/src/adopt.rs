//! What a commit does to leases: addresses that stay keep theirs, those that go keep them until they are back.
//!
//! Place: between two batches, in every worker, with the same configuration. May allocate. A pool that is as
//! before is left as it is; one that changed begins anew beside the leases of the old one. Spec: nat-pool-39.

use std::collections::BTreeMap;
use std::mem::discriminant;

use ravelin_types::{Addr, Family, Instant};

use crate::allocator::{Adopted, Allocator, Counters, Usage};
use crate::config::{Config, PoolId, PoolMode, PoolSpec, check};
use crate::host::{Host, HostKind};
use crate::lease::Action;
use crate::pool::Pool;
use crate::ports::UNIT_BYTES;
use crate::range::AddressRange;
use crate::space::{Sharing, Wanted, Withhold};

impl Allocator {
    /// Takes a new program's pools, interfaces and withheld ports.
    pub fn adopt(&mut self, config: &Config, now: Instant) -> Adopted {
        let errors = check(config, self.limits.addresses);
        let usable = |pool: &PoolSpec| !errors.iter().any(|error| error.pool() == pool.id);
        self.silent_mappings = config.silent_mappings;
        self.tables.realms.clone_from(&config.realms);
        let (changed, must_end) = self.renew_pools(config, usable, now);
        self.renew_spaces(config);
        self.renew_hosts();
        self.renew_mappings(now);
        Adopted { errors, changed, must_end }
    }

    /// Keeps pools that are as before and makes the others; says which of before are not.
    fn renew_pools(
        &mut self,
        config: &Config,
        usable: impl Fn(&PoolSpec) -> bool,
        now: Instant,
    ) -> (Vec<PoolId>, Vec<PoolId>) {
        let numbers = config.pools.iter().map(|pool| usize::from(pool.id.0) + 1).max().unwrap_or(0);
        let mut old = std::mem::take(&mut self.pools);
        self.pools = (0..numbers.max(old.len())).map(|_| None).collect();
        self.leases.resize(self.leases.len().max(self.pools.len() + 1), [0; 5]);
        for spec in &config.pools {
            let at = usize::from(spec.id.0);
            if self.pools[at].is_some() {
                continue;
            }
            let same = |pool: &mut Pool| pool.spec == *spec && pool.usable == usable(spec);
            let kept = old.get_mut(at).and_then(|slot| slot.take_if(same));
            let (affinity, units) = (self.tables.affinity, &mut self.tables.spaces.units);
            self.pools[at] = Some(kept.unwrap_or_else(|| Pool::new(spec, usable(spec), &affinity, units)));
        }
        let (mut changed, mut must_end) = (Vec::new(), Vec::new());
        for pool in old.into_iter().flatten() {
            let id = pool.spec.id;
            changed.push(id);
            self.tables.retire_blocks(id.0, now);
            if leased_otherwise(&pool.spec, config) {
                must_end.push(id);
                self.unlink_mappings_of(id);
            }
            pool.dissolve(&mut self.tables.spaces.units);
        }
        (changed, must_end)
    }

    fn unlink_mappings_of(&mut self, id: PoolId) {
        let of_pool = self.mappings.linked().filter(|(_, key, _)| key.action == Action::Pool(id));
        let slots: Vec<u32> = of_pool.map(|(slot, ..)| slot).collect();
        slots.into_iter().for_each(|slot| self.unlink_mapping(slot));
    }

    fn renew_spaces(&mut self, config: &Config) {
        let mut wanted: BTreeMap<(Family, Addr), Wanted> = BTreeMap::new();
        // Where several lease from one address the lowest factor holds: overloading is a permission.
        let mut want = |family, addr, factor: u8, sharing| {
            let entry = wanted.entry((family, addr)).or_insert(Wanted { family, addr, factor, sharing });
            entry.factor = entry.factor.min(factor);
        };
        for pool in self.pools.iter().flatten().filter(|p| p.usable && p.spec.mode.has_spaces()) {
            let factor = pool.spec.mode.ports().map_or(1, |ports| ports.overload);
            (0..pool.count).for_each(|at| want(pool.spec.family, pool.address(at), factor, pool.sharing()));
        }
        for unit in &config.interfaces {
            want(unit.family, unit.addr, unit.ports.overload.max(1), Sharing::Partitioned);
        }
        let wanted: Vec<Wanted> = wanted.into_values().collect();
        self.tables.spaces.adopt(&wanted, |want| withheld(config, want));
        self.interfaces = vec![None; self.tables.spaces.horizon()];
        for unit in &config.interfaces {
            if let Some(space) = self.tables.spaces.find(unit.family, unit.addr) {
                self.interfaces[space as usize] = Some(unit.ports);
            }
        }
        for pool in self.pools.iter_mut().flatten().filter(|p| p.usable && p.spec.mode.has_spaces()) {
            let (family, spaces) = (pool.spec.family, &mut self.tables.spaces);
            pool.spaces.clear();
            // What was full may not be so under the new program.
            pool.full.into_iter().for_each(|unit| spaces.units.clear(unit));
            for at in 0..pool.count {
                let space =
                    spaces.find(family, pool.address(at)).unwrap_or_else(|| unreachable!("it was wanted"));
                pool.spaces.push(space);
                spaces.join(space, pool.spec.id.0, at);
            }
        }
    }

    /// Unlinks hosts whose external address is not their pool's now. Those that are unlinked keep their address
    /// until their last session, also when the pool has it again.
    fn renew_hosts(&mut self) {
        let stray: Vec<u32> =
            self.tables.hosts.iter().filter(|(_, h)| !self.fits(h)).map(|(slot, _)| slot).collect();
        for slot in stray {
            self.tables.hosts.unlink(slot);
            self.tables.hosts.forget_idle(slot);
        }
        for (_, host) in self.tables.hosts.iter().filter(|(_, h)| h.key.kind == HostKind::Address) {
            let Some(pool) = self.pools.get_mut(usize::from(host.key.pool)).and_then(Option::as_mut) else {
                continue;
            };
            if let Some(at) = pool.addresses.index_of(host.external)
                && self.tables.spaces.units.take(pool.taken, at as u16)
            {
                pool.held += 1;
            }
        }
    }

    fn fits(&self, host: &Host) -> bool {
        let Some(pool) = self.pool(PoolId(host.key.pool)).filter(|pool| pool.usable) else { return false };
        let has_address = || pool.addresses.index_of(host.external).is_some();
        match host.key.kind {
            HostKind::Paired => matches!(pool.spec.mode, PoolMode::Translate(_)) && has_address(),
            HostKind::Address => matches!(pool.spec.mode, PoolMode::NoTranslation) && has_address(),
            HostKind::Endpoint => matches!(pool.spec.mode, PoolMode::Shared) && has_address(),
            HostKind::Blocks => matches!(pool.spec.mode, PoolMode::Blocks(..)),
        }
    }

    /// Unlinks mappings whose external address is not NAT's any more, and ends those without sessions.
    fn renew_mappings(&mut self, now: Instant) {
        let fits = |action: &Action, family, addr| match action {
            Action::Interface(_) => self.interface(family, addr).is_some(),
            Action::Pool(id) => {
                self.pool(*id).is_some_and(|pool| pool.usable && pool.serves(family, addr, self))
            }
        };
        let stray = self.mappings.linked().filter(|(_, key, out)| !fits(&key.action, out.family, out.addr));
        let stray: Vec<u32> = stray.map(|(slot, ..)| slot).collect();
        for slot in stray {
            self.unlink_mapping(slot);
        }
        for slot in 0..self.mappings.horizon() {
            if self.mappings.is_unlinked(slot) {
                self.end_mapping(slot, now);
            }
        }
    }

    /// What has happened since the allocator was made.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How much of a pool is in use at this worker; `None`: no such pool.
    #[must_use]
    pub fn usage(&self, id: PoolId) -> Option<Usage> {
        let pool = self.pool(id)?;
        Some(Usage { held: pool.held, capacity: pool.capacity, ..self.leased(usize::from(id.0) + 1) })
    }

    /// Leases of interface NAT.
    #[must_use]
    pub fn interface_usage(&self) -> Usage {
        self.leased(0)
    }

    fn leased(&self, at: usize) -> Usage {
        let [tcp, udp, icmp, other, others] = self.leases.get(at).copied().unwrap_or_default();
        Usage { ports: [tcp, udp, icmp, other], others, held: 0, capacity: 0 }
    }

    /// Sessions with a port, sizes of the tables, and bytes of bitmaps.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        Footprint {
            ports: self.tables.spaces.live(),
            addresses: self.tables.spaces.len(),
            hosts: self.tables.hosts.len(),
            blocks: self.tables.blocks.len(),
            mappings: self.mappings.len(),
            bitmap_bytes: self.tables.spaces.units.used() * UNIT_BYTES,
            events_lost: self.tables.told.lost,
            remotes_lost: self.mappings.remotes_lost,
        }
    }
}

/// What an allocator holds at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    pub ports: u64,
    pub addresses: usize,
    pub hosts: usize,
    pub blocks: usize,
    pub mappings: usize,
    /// Address space of the bitmaps; memory is used where ports were leased.
    pub bitmap_bytes: usize,
    pub events_lost: u64,
    pub remotes_lost: u64,
}

impl Usage {
    /// What counts against the capacity: the class with most ports, or blocks, or addresses.
    #[must_use]
    pub fn used(&self) -> u64 {
        if self.held > 0 { self.held } else { self.ports.into_iter().max().unwrap_or(0) }
    }

    /// The sum of two workers' usages.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let Self { ports, others, held, capacity } = self;
        Self {
            ports: std::array::from_fn(|class| ports[class] + other.ports[class]),
            others: others + other.others,
            held: held + other.held,
            capacity: capacity + other.capacity,
        }
    }
}

impl Pool {
    /// Whether an external address is this pool's, or its overflow's.
    fn serves(&self, family: Family, addr: Addr, allocator: &Allocator) -> bool {
        use crate::config::Overflow;
        let own = |pool: &Self| pool.spec.family == family && pool.addresses.index_of(addr).is_some();
        own(self)
            || match self.spec.overflow {
                Some(Overflow::Pool(other)) => {
                    allocator.pool(other).is_some_and(|pool| pool.usable && own(pool))
                }
                Some(Overflow::Interface) => allocator.interface(family, addr).is_some(),
                None => false,
            }
    }
}

/// Whether what an old pool's sessions hold may now be leased by a worker that does not know of them.
fn leased_otherwise(old: &PoolSpec, config: &Config) -> bool {
    let plain = |pool: &PoolSpec| matches!(pool.mode, PoolMode::Translate(_));
    let meets = |ranges: &[AddressRange]| {
        let meet = |a: &AddressRange, b: &AddressRange| a.first <= b.last && b.first <= a.last;
        old.ranges.iter().any(|a| ranges.iter().any(|b| meet(a, b)))
    };
    let by_pool = config.pools.iter().filter(|new| new.family == old.family).any(|new| {
        let same = new.id == old.id && discriminant(&new.mode) == discriminant(&old.mode);
        let by_host = matches!(new.mode, PoolMode::Blocks(..) | PoolMode::Deterministic(..));
        let safe = if same { !by_host } else { plain(new) && plain(old) };
        !safe && meets(&new.ranges)
    });
    let by_interface = || {
        let of_family = config.interfaces.iter().filter(|unit| unit.family == old.family);
        !plain(old) && of_family.into_iter().any(|unit| meets(&[AddressRange::one(unit.addr)]))
    };
    by_pool || by_interface()
}

/// The withheld ports of one address.
fn withheld(config: &Config, want: &Wanted) -> Vec<Withhold> {
    let of_address = config.withheld.iter().filter(|w| w.family == want.family && w.addr == want.addr);
    of_address.map(|w| Withhold { class: w.class, low: w.low, high: w.high }).collect()
}
