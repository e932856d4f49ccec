//! What a program says of NAT's addresses, as plain data, and what is wrong with it.
//!
//! Junos: `security nat source pool`, `interface`, `pool-default-port-range`. Place: made by `compile`,
//! checked before a commit, adopted by every worker. State: none. Spec: nat-pool-1, nat-pool-10..29.

use ravelin_types::{Addr, Family, Seconds};

use crate::deterministic::Deterministic;
use crate::lease::{PortClass, Realm};
use crate::range::{AddressRange, Addresses, HostPrefix};

/// Ports of a pool or interface that says nothing else. Spec: nat-pool-10.
pub const PORT_LOW: u16 = 1024;
pub const PORT_HIGH: u16 = 63487;
/// Ports kept for pairs that ALGs open together. Spec: nat-pool-11.
pub const TWIN_LOW: u16 = 63488;
pub const TWIN_HIGH: u16 = 65535;
/// The last privileged port.
pub const PRIVILEGED_HIGH: u16 = 1023;
/// Most sessions on one port.
pub const OVERLOAD_MAX: u8 = 32;
/// Ports a block, and blocks a host, that block allocation has by default. Spec: nat-pool-22.
pub const BLOCK_SIZE: u16 = 128;
pub const BLOCKS_PER_HOST: u16 = 8;
/// Ports that deterministic NAT gives a host by default. Spec: nat-pool-26.
pub const DETERMINISTIC_BLOCK_SIZE: u16 = 256;
/// Percent of the raise threshold that clears an alarm whose clear threshold is not set.
pub const ALARM_CLEAR_SHARE: u32 = 80;

/// Addresses of one pool whose ports, or which themselves, are given out.
pub(crate) const POOL_ADDRESSES_MAX: u64 = 65_536;

/// A source pool, stable by name over commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolId(pub u16);

/// Which port is taken next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    Random,
    /// `port-randomization disable`, `round-robin`.
    RoundRobin,
}

/// Which address of a pool a host gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// `no-paired`: each session the next one.
    RoundRobin,
    /// `address-persistent`: the one that the host's address hashes to; of an IPv6 host this many bits count.
    Persistent { ipv6_prefix: u8 },
    /// `address-pooling paired`: one for all of a host's sessions, as long as it has any.
    Paired,
}

/// The ports of a translating pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    pub low: u16,
    pub high: u16,
    /// Pairs for ALGs.
    pub twin: (u16, u16),
    pub selection: Selection,
    pub preserve_parity: bool,
    pub preserve_range: bool,
    /// `port-overloading-factor`; 1: none.
    pub overload: u8,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            low: PORT_LOW,
            high: PORT_HIGH,
            twin: (TWIN_LOW, TWIN_HIGH),
            selection: Selection::Random,
            preserve_parity: false,
            preserve_range: false,
            overload: 1,
        }
    }
}

/// `port block-allocation`. A time of 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSpec {
    pub size: u16,
    pub per_host: u16,
    pub active_timeout: Seconds,
    pub last_recycle_timeout: Seconds,
    pub interim_interval: Seconds,
    /// `log disable`: no events of its blocks.
    pub is_silent: bool,
}

impl Default for BlockSpec {
    fn default() -> Self {
        Self {
            size: BLOCK_SIZE,
            per_host: BLOCKS_PER_HOST,
            active_timeout: Seconds(0),
            last_recycle_timeout: Seconds(0),
            interim_interval: Seconds(0),
            is_silent: false,
        }
    }
}

/// `port deterministic`. A block size of 0 divides all ports evenly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeterministicSpec {
    pub block_size: u16,
    pub hosts: Vec<HostPrefix>,
    /// Network and broadcast addresses of host prefixes are hosts too.
    pub include_boundary: bool,
}

/// What a pool does with ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolMode {
    Translate(Ports),
    Blocks(Ports, BlockSpec),
    Deterministic(Ports, DeterministicSpec),
    /// `port no-translation`: a host has an address of its own.
    NoTranslation,
    /// `port no-translation` with `address-shared`: hosts share addresses while their ports differ.
    Shared,
    /// `host-address-base`: the external address is as far from the pool's first as the host from the base. The hosts may be of
    /// the other family: those of IPv4 stand behind an IPv6 prefix shifted from 0.0.0.0.
    Shift {
        hosts: Family,
        base: Addr,
    },
}

/// Where a session goes when a pool without port translation has no address left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    Pool(PoolId),
    Interface,
}

/// A source pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    pub id: PoolId,
    pub family: Family,
    pub ranges: Vec<AddressRange>,
    pub mode: PoolMode,
    pub assignment: Assignment,
    pub overflow: Option<Overflow>,
}

/// An address of the firewall's own that interface NAT may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceSpec {
    pub family: Family,
    pub addr: Addr,
    pub ports: Ports,
}

/// Ports of an address that are never leased: destinations of destination and static NAT, own services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withheld {
    pub family: Family,
    pub addr: Addr,
    pub class: PortClass,
    pub low: u16,
    pub high: u16,
}

/// All that workers lease from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub pools: Vec<PoolSpec>,
    pub interfaces: Vec<InterfaceSpec>,
    pub withheld: Vec<Withheld>,
    /// `allow-overlapping-pools`: translating pools may share addresses.
    pub allow_overlapping: bool,
    /// `allow-distinct-port-pools`: they may when they have no port in common.
    pub allow_distinct_ports: bool,
    /// `persistent-nat log disable`: no events of mappings.
    pub silent_mappings: bool,
    /// The routing instances beside the default one.
    pub realms: Vec<Realm>,
}

/// What is wrong with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The pool has no address, or a range turned round.
    NoAddress(PoolId),
    /// The pool has more addresses than its mode can keep count of.
    TooManyAddresses(PoolId),
    /// All pools and interfaces together have more addresses than the tables hold.
    TooManyInAll(PoolId),
    /// An IPv4 pool with an address above 32 bits.
    NotOfFamily(PoolId),
    /// The port range is empty, or the overloading factor out of range.
    BadPorts(PoolId),
    /// A block is empty or larger than the port range.
    BadBlock(PoolId),
    /// Deterministic NAT has more hosts than blocks, or none.
    TooManyHosts(PoolId),
    /// Two pools have an address in common, and may not.
    Overlap(PoolId, PoolId),
    /// An interface's address is in a pool that must have it alone.
    InterfaceInPool(PoolId),
    /// Overflow to a pool that does not exist, or translates no ports, or is the pool itself.
    BadOverflow(PoolId),
    /// Overflow of a pool that translates ports.
    OverflowWithPorts(PoolId),
    /// Two pools have one number.
    SameId(PoolId),
}

impl ConfigError {
    /// The pool that can't be used.
    #[must_use]
    pub const fn pool(&self) -> PoolId {
        match self {
            Self::NoAddress(pool)
            | Self::TooManyAddresses(pool)
            | Self::TooManyInAll(pool)
            | Self::NotOfFamily(pool)
            | Self::BadPorts(pool)
            | Self::BadBlock(pool)
            | Self::TooManyHosts(pool)
            | Self::Overlap(_, pool)
            | Self::InterfaceInPool(pool)
            | Self::BadOverflow(pool)
            | Self::OverflowWithPorts(pool)
            | Self::SameId(pool) => *pool,
        }
    }
}

/// Everything wrong with a configuration; `addresses_max` is the bound of [`crate::Limits`].
#[must_use]
pub fn check(config: &Config, addresses_max: usize) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let mut room = (addresses_max as u64).saturating_sub(config.interfaces.len() as u64);
    for (at, pool) in config.pools.iter().enumerate() {
        errors.extend(check_addresses(pool));
        errors.extend(check_mode(pool));
        errors.extend(check_overflow(pool, &config.pools));
        if config.pools[..at].iter().any(|other| other.id == pool.id) {
            errors.push(ConfigError::SameId(pool.id));
        }
        if pool.mode.has_spaces() {
            let count = Addresses::new(&pool.ranges).count().unwrap_or(u64::MAX);
            match room.checked_sub(count) {
                Some(left) => room = left,
                None => errors.push(ConfigError::TooManyInAll(pool.id)),
            }
        }
    }
    check_overlaps(config, &mut errors);
    errors
}

fn check_addresses(pool: &PoolSpec) -> Option<ConfigError> {
    if pool.ranges.is_empty() || pool.ranges.iter().any(|r| r.first > r.last) {
        return Some(ConfigError::NoAddress(pool.id));
    }
    if pool.family == Family::V4 && pool.ranges.iter().any(|r| r.last.0 >> 32 != 0) {
        return Some(ConfigError::NotOfFamily(pool.id));
    }
    let bounded = !matches!(pool.mode, PoolMode::Shift { .. });
    let count = Addresses::new(&pool.ranges).count();
    (bounded && count.is_none_or(|n| n > POOL_ADDRESSES_MAX))
        .then_some(ConfigError::TooManyAddresses(pool.id))
}

fn check_mode(pool: &PoolSpec) -> Option<ConfigError> {
    let ports = pool.mode.ports()?;
    let range = ports.low >= 1 && ports.low <= ports.high && ports.twin.0 <= ports.twin.1;
    if !range || !(1..=OVERLOAD_MAX).contains(&ports.overload) {
        return Some(ConfigError::BadPorts(pool.id));
    }
    match &pool.mode {
        PoolMode::Blocks(_, block) => {
            let fits = block.size > 0 && block.size - 1 <= ports.high - ports.low;
            (!fits || block.per_host == 0).then_some(ConfigError::BadBlock(pool.id))
        }
        PoolMode::Deterministic(_, spec) => {
            let plan = Deterministic::new(spec, ports, &Addresses::new(&pool.ranges));
            plan.is_none().then_some(ConfigError::TooManyHosts(pool.id))
        }
        PoolMode::Translate(_) | PoolMode::NoTranslation | PoolMode::Shared | PoolMode::Shift { .. } => None,
    }
}

fn check_overflow(pool: &PoolSpec, pools: &[PoolSpec]) -> Option<ConfigError> {
    let overflow = pool.overflow?;
    if pool.mode.ports().is_some() {
        return Some(ConfigError::OverflowWithPorts(pool.id));
    }
    let Overflow::Pool(other) = overflow else { return None };
    let fits =
        |p: &PoolSpec| p.id == other && p.family == pool.family && matches!(p.mode, PoolMode::Translate(_));
    (!pools.iter().any(fits)).then_some(ConfigError::BadOverflow(pool.id))
}

/// Only pools that divide an address's ports among workers can share it.
fn check_overlaps(config: &Config, errors: &mut Vec<ConfigError>) {
    let mut ranges: Vec<(Family, AddressRange, Option<&PoolSpec>)> = Vec::new();
    for pool in &config.pools {
        ranges.extend(pool.ranges.iter().map(|range| (pool.family, *range, Some(pool))));
    }
    ranges.extend(config.interfaces.iter().map(|i| (i.family, AddressRange::one(i.addr), None)));
    ranges.sort_by_key(|(family, range, _)| (*family, *range));
    let mut open: Vec<(Family, AddressRange, Option<&PoolSpec>)> = Vec::new();
    for (family, range, pool) in ranges {
        open.retain(|(f, earlier, _)| *f == family && earlier.last >= range.first);
        for (_, _, other) in &open {
            errors.extend(conflict(*other, pool, config));
        }
        open.push((family, range, pool));
    }
}

fn conflict(a: Option<&PoolSpec>, b: Option<&PoolSpec>, config: &Config) -> Option<ConfigError> {
    let divides = |pool: &PoolSpec| matches!(pool.mode, PoolMode::Translate(_));
    let allowed = |a: &PoolSpec, b: &PoolSpec| {
        config.allow_overlapping || config.allow_distinct_ports && have_distinct_ports(a, b)
    };
    match (a, b) {
        (Some(a), Some(b)) if allowed(a, b) && divides(a) && divides(b) && a.id != b.id => None,
        (Some(a), Some(b)) => Some(ConfigError::Overlap(a.id, b.id)),
        (Some(pool), None) | (None, Some(pool)) => {
            (!divides(pool)).then_some(ConfigError::InterfaceInPool(pool.id))
        }
        (None, None) => None,
    }
}

/// Whether two pools lease no port in common, privileged ports that are kept in range included.
fn have_distinct_ports(a: &PoolSpec, b: &PoolSpec) -> bool {
    let (Some(a), Some(b)) = (a.mode.ports(), b.mode.ports()) else { return false };
    let apart = a.high < b.low || b.high < a.low;
    apart && !(a.preserve_range && b.preserve_range)
}

impl PoolMode {
    /// The ports it leases from, if it leases ports.
    pub(crate) const fn ports(&self) -> Option<&Ports> {
        match self {
            Self::Translate(ports) | Self::Blocks(ports, _) | Self::Deterministic(ports, _) => Some(ports),
            Self::NoTranslation | Self::Shared | Self::Shift { .. } => None,
        }
    }

    /// Whether its addresses have bitmaps of ports.
    pub(crate) const fn has_spaces(&self) -> bool {
        match self {
            Self::Translate(_) | Self::Blocks(..) | Self::Deterministic(..) | Self::Shared => true,
            Self::NoTranslation | Self::Shift { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(id: u16, first: u8, last: u8, mode: PoolMode) -> PoolSpec {
        let addr = |n| Addr::v4([192, 0, 2, n]);
        PoolSpec {
            id: PoolId(id),
            family: Family::V4,
            ranges: vec![AddressRange { first: addr(first), last: addr(last) }],
            mode,
            assignment: Assignment::RoundRobin,
            overflow: None,
        }
    }

    fn plain() -> PoolMode {
        PoolMode::Translate(Ports::default())
    }

    fn judge(pools: Vec<PoolSpec>) -> Vec<ConfigError> {
        check(&Config { pools, ..Config::default() }, 1024)
    }

    #[test]
    fn sound_pools_have_no_errors() {
        let pools = vec![
            pool(1, 1, 4, plain()),
            pool(2, 5, 5, PoolMode::Blocks(Ports::default(), BlockSpec::default())),
            PoolSpec { overflow: Some(Overflow::Pool(PoolId(1))), ..pool(3, 6, 9, PoolMode::NoTranslation) },
            PoolSpec { overflow: Some(Overflow::Interface), ..pool(4, 10, 11, PoolMode::Shared) },
        ];
        assert_eq!(judge(pools), []);
    }

    #[test]
    fn each_fault_is_told_with_its_pool() {
        let id = PoolId(1);
        let ports =
            |low, high, overload| PoolMode::Translate(Ports { low, high, overload, ..Ports::default() });
        let block = |size, per_host| {
            PoolMode::Blocks(Ports::default(), BlockSpec { size, per_host, ..BlockSpec::default() })
        };
        let hosts = |len| {
            let hosts = vec![HostPrefix { family: Family::V4, addr: Addr::v4([10, 0, 0, 0]), len }];
            PoolMode::Deterministic(
                Ports::default(),
                DeterministicSpec { block_size: 256, hosts, include_boundary: true },
            )
        };
        let cases = [
            (pool(1, 4, 3, plain()), ConfigError::NoAddress(id)),
            (pool(1, 1, 1, ports(5000, 4999, 1)), ConfigError::BadPorts(id)),
            (pool(1, 1, 1, ports(0, 4999, 1)), ConfigError::BadPorts(id)),
            (pool(1, 1, 1, ports(1024, 4999, 33)), ConfigError::BadPorts(id)),
            (pool(1, 1, 1, ports(1024, 4999, 0)), ConfigError::BadPorts(id)),
            (pool(1, 1, 1, block(0, 1)), ConfigError::BadBlock(id)),
            (pool(1, 1, 1, block(62465, 1)), ConfigError::BadBlock(id)),
            (pool(1, 1, 1, block(128, 0)), ConfigError::BadBlock(id)),
            (pool(1, 1, 1, hosts(23)), ConfigError::TooManyHosts(id)),
            (
                PoolSpec { overflow: Some(Overflow::Pool(id)), ..pool(1, 1, 1, PoolMode::Shared) },
                ConfigError::BadOverflow(id),
            ),
            (
                PoolSpec { overflow: Some(Overflow::Interface), ..pool(1, 1, 1, plain()) },
                ConfigError::OverflowWithPorts(id),
            ),
            (
                PoolSpec { ranges: vec![AddressRange::one(Addr(1 << 32))], ..pool(1, 1, 1, plain()) },
                ConfigError::NotOfFamily(id),
            ),
        ];
        for (pool, expected) in cases {
            assert_eq!(judge(vec![pool.clone()]), [expected], "{pool:?}");
        }
        assert_eq!(judge(vec![pool(1, 1, 1, hosts(25))]), []);
        assert_eq!(judge(vec![pool(1, 1, 1, block(62464, 1))]), []);
    }

    #[test]
    fn only_translating_pools_may_share_addresses_and_only_when_allowed() {
        let pools =
            vec![pool(1, 1, 9, plain()), pool(2, 5, 5, plain()), pool(3, 8, 12, PoolMode::NoTranslation)];
        let overlaps = |allow_overlapping| {
            check(&Config { pools: pools.clone(), allow_overlapping, ..Config::default() }, 1024)
        };
        let of_three = ConfigError::Overlap(PoolId(1), PoolId(3));
        assert_eq!(overlaps(true), [of_three]);
        assert_eq!(overlaps(false), [ConfigError::Overlap(PoolId(1), PoolId(2)), of_three]);
    }

    #[test]
    fn pools_without_a_port_in_common_may_share_when_that_is_allowed() {
        let with = |low, high, preserve_range| {
            PoolMode::Translate(Ports { low, high, preserve_range, ..Ports::default() })
        };
        let judge = |second| {
            let pools = vec![pool(1, 1, 2, with(2000, 2999, true)), pool(2, 2, 3, second)];
            check(&Config { pools, allow_distinct_ports: true, ..Config::default() }, 1024)
        };
        let overlap = [ConfigError::Overlap(PoolId(1), PoolId(2))];
        assert_eq!(judge(with(3000, 3999, false)), []);
        assert_eq!(judge(with(1024, 1999, false)), []);
        assert_eq!(judge(with(2999, 3999, false)), overlap);
        assert_eq!(judge(with(1024, 2000, false)), overlap);
        // Both have the privileged ports.
        assert_eq!(judge(with(3000, 3999, true)), overlap);
        let blocks = BlockSpec { size: 10, ..BlockSpec::default() };
        let ports = Ports { low: 3000, high: 3999, ..Ports::default() };
        assert_eq!(judge(PoolMode::Blocks(ports, blocks)), overlap);
    }

    #[test]
    fn an_interface_shares_with_translating_pools_alone() {
        let ports = Ports::default();
        let interface = |n| InterfaceSpec { family: Family::V4, addr: Addr::v4([192, 0, 2, n]), ports };
        let pools = vec![
            pool(1, 1, 4, plain()),
            pool(2, 5, 8, PoolMode::Shift { hosts: Family::V4, base: Addr::v4([10, 0, 0, 1]) }),
        ];
        let config = Config { pools, interfaces: vec![interface(2), interface(6)], ..Config::default() };
        assert_eq!(check(&config, 1024), [ConfigError::InterfaceInPool(PoolId(2))]);
    }

    #[test]
    fn addresses_are_bounded_one_by_one_and_all_together() {
        let wide = |mode| {
            let prefix = AddressRange::prefix(Family::V4, Addr::v4([198, 18, 0, 0]), 15);
            PoolSpec { ranges: vec![prefix], ..pool(1, 1, 1, mode) }
        };
        assert!(judge(vec![wide(plain())]).contains(&ConfigError::TooManyAddresses(PoolId(1))));
        assert_eq!(judge(vec![wide(PoolMode::Shift { hosts: Family::V4, base: Addr(0) })]), []);
        let config =
            Config { pools: vec![pool(1, 1, 4, plain()), pool(2, 5, 8, plain())], ..Config::default() };
        assert_eq!(check(&config, 7), [ConfigError::TooManyInAll(PoolId(2))]);
    }
}
