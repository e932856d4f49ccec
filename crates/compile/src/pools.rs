//! `security nat source pool` and what holds for all of them, in the allocator's words.

use ravelin_model::{
    AddressValue, BlockAllocation, DeterministicPorts, NatSource, PoolPort, Port, ProxyRange,
    SourcePool as Config,
};
use ravelin_nat::{
    AddressRange, Assignment, BLOCK_SIZE, BLOCKS_PER_HOST, BlockSpec, ConfigError, DETERMINISTIC_BLOCK_SIZE,
    DeterministicSpec, HostPrefix, Limits, Overflow, PORT_HIGH, PORT_LOW, PoolId, PoolMode, PoolSpec, Ports,
    Selection, TWIN_HIGH, TWIN_LOW, check,
};
use ravelin_program::{Interfaces, Prefix, SourcePool, SourcePools};
use ravelin_syntax::Span;
use ravelin_types::{Addr, Family, Seconds};

use crate::{Compiler, address};

impl Compiler<'_> {
    /// All pools; what the allocator could not do with them is an error of the pool that it is about.
    pub(crate) fn source_pools(&mut self, interfaces: &Interfaces) -> SourcePools {
        let config = self.config;
        let source = &config.security.nat_source;
        let pools = source.pools.iter().map(|pool| self.source_pool(source, pool)).collect();
        let pools = SourcePools {
            pools,
            interface: Ports {
                twin: twin(source, None),
                ..common(source, source.interface_overloading_factor)
            },
            allow_overlapping: config.security.allow_overlapping_pools,
            allow_distinct_ports: source.allow_distinct_port_pools,
            silent_mappings: source.mapping_log_disable,
        };
        for error in check(&pools.config(interfaces), Limits::default().addresses) {
            let name = pools.get(error.pool()).map_or("", |pool| &pool.name);
            let at = source.pools.iter().find(|pool| pool.name == name).map(|pool| pool.at);
            let path = format!("security nat source pool {name}");
            self.error(path, at.unwrap_or_default(), message(&pools, error));
        }
        pools
    }

    pub(crate) fn pool_id(&mut self, name: &str) -> PoolId {
        let path = format!("security nat source pool {name}");
        match self.book.source_pool(name) {
            Ok(id) => id,
            Err(error) => {
                self.error(path, Span::default(), error.to_string());
                PoolId(0)
            }
        }
    }

    fn source_pool(&mut self, source: &NatSource, pool: &Config) -> SourcePool {
        let ranges = self.pool_ranges(pool);
        let family = ranges.first().map_or(Family::V4, |range| range.family);
        if ranges.iter().any(|range| range.family != family) {
            let path = format!("security nat source pool {}", pool.name);
            self.error(path, pool.at, "addresses must be of one family");
        }
        let overflow = match (&pool.overflow_pool, pool.overflow_interface) {
            (Some(name), _) => Some(Overflow::Pool(self.pool_id(name))),
            (None, true) => Some(Overflow::Interface),
            (None, false) => None,
        };
        let assignment = match (pool.paired, pool.no_paired, source.address_persistent) {
            (true, ..) => Assignment::Paired,
            (false, true, _) => Assignment::RoundRobin,
            (false, false, everywhere) => match pool.subscriber_prefix {
                // What is out of range the grammar refuses.
                Some(bits) => Assignment::Persistent { ipv6_prefix: u8::try_from(bits).unwrap_or(128) },
                None if everywhere => Assignment::Persistent { ipv6_prefix: 128 },
                None => Assignment::RoundRobin,
            },
        };
        let spec = PoolSpec {
            id: self.pool_id(&pool.name),
            family,
            ranges: ranges.iter().map(|r| AddressRange { first: r.first, last: r.last }).collect(),
            mode: embedding(pool, &ranges).unwrap_or_else(|| self.mode(source, pool)),
            assignment,
            overflow,
        };
        let path = format!("security nat source pool {}", pool.name);
        let instance = pool.instance.as_ref().map(|instance| self.instance_id(&path, Some(instance)));
        SourcePool { name: pool.name.clone(), instance, spec }
    }

    fn pool_ranges(&self, pool: &Config) -> Vec<Prefix> {
        if let Some(name) = &pool.address_name {
            let refs = [ravelin_model::AddressRef::Named(name.into())];
            return address::ranges(self.addresses.names, &refs);
        }
        let ends = pool.addresses.iter().filter_map(ProxyRange::ends);
        ends.map(|(first, last)| {
            let ((family, first), (_, last)) = (Addr::from_ip(first), Addr::from_ip(last));
            Prefix { family, first, last }
        })
        .collect()
    }
}

fn common(source: &NatSource, factor: Option<u16>) -> Ports {
    Ports {
        selection: if source.port_randomization_disable { Selection::RoundRobin } else { Selection::Random },
        // What is out of range is refused with the pool, or by the check of the whole.
        overload: factor.map_or(1, |factor| u8::try_from(factor).unwrap_or(u8::MAX)),
        ..Ports::default()
    }
}

/// A pool of one IPv6 /96 that says nothing more: what IPv4 hosts look like from IPv6, and far too much for anything else.
fn embedding(pool: &Config, ranges: &[Prefix]) -> Option<PoolMode> {
    const HOSTS: u128 = u32::MAX as u128;
    let [Prefix { family: Family::V6, first, last }] = ranges else { return None };
    let is_96 = first.0 & HOSTS == 0 && last.0 - first.0 == HOSTS;
    let is_assigned = pool.paired || pool.no_paired || pool.subscriber_prefix.is_some();
    let is_plain = pool.port == PoolPort::default() && pool.host_address_base.is_none() && !is_assigned;
    (is_96 && is_plain).then_some(PoolMode::Shift { hosts: Family::V4, base: Addr(0) })
}

fn number(port: Option<Port>) -> Option<u16> {
    port.map(|port| port.0)
}

/// Pairs of a pool that says so, or of all.
fn twin(source: &NatSource, pool: Option<&PoolPort>) -> (u16, u16) {
    let own = pool.and_then(|port| number(port.twin_low).zip(number(port.twin_high)));
    let common = || number(source.default_twin_low).zip(number(source.default_twin_high));
    own.or_else(common).unwrap_or((TWIN_LOW, TWIN_HIGH))
}

fn ports(source: &NatSource, port: &PoolPort) -> Ports {
    let (low, high) = match (number(port.low), number(port.high)) {
        (Some(low), high) => (low, high.unwrap_or(low)),
        (None, _) => {
            (number(source.default_low).unwrap_or(PORT_LOW), number(source.default_high).unwrap_or(PORT_HIGH))
        }
    };
    let common = common(source, port.overloading_factor);
    let in_turn = port.range_round_robin || port.automatic_round_robin;
    let random = port.range_random || port.automatic_random;
    Ports {
        low,
        high,
        twin: twin(source, Some(port)),
        selection: match (in_turn, random) {
            (true, _) => Selection::RoundRobin,
            (false, true) => Selection::Random,
            (false, false) => common.selection,
        },
        preserve_parity: port.preserve_parity,
        preserve_range: port.preserve_range,
        ..common
    }
}

const fn blocks(config: &BlockAllocation) -> BlockSpec {
    const fn or(value: Option<u32>) -> Seconds {
        match value {
            Some(value) => Seconds(value),
            None => Seconds(0),
        }
    }
    BlockSpec {
        size: match config.block_size {
            Some(size) => size,
            None => BLOCK_SIZE,
        },
        per_host: match config.per_host {
            Some(most) => most,
            None => BLOCKS_PER_HOST,
        },
        active_timeout: or(config.active_timeout),
        last_recycle_timeout: or(config.last_recycle_timeout),
        interim_interval: or(config.interim_interval),
        is_silent: config.log_disable,
    }
}

impl Compiler<'_> {
    fn mode(&self, source: &NatSource, pool: &Config) -> PoolMode {
        let Config { port, host_address_base, .. } = pool;
        if let Some(base) = host_address_base {
            let (hosts, base) = Addr::from_ip(base.addr());
            return PoolMode::Shift { hosts, base };
        }
        match (port.no_translation, pool.address_shared) {
            (true, true) => return PoolMode::Shared,
            (true, false) => return PoolMode::NoTranslation,
            (false, _) => {}
        }
        let ports = ports(source, port);
        match (&port.blocks, &port.deterministic) {
            (Some(config), _) => PoolMode::Blocks(ports, blocks(config)),
            (None, Some(deterministic)) => PoolMode::Deterministic(ports, self.deterministic(deterministic)),
            (None, None) => PoolMode::Translate(ports),
        }
    }

    /// Hosts as they are written, then those of names, in the order of the book.
    fn deterministic(&self, config: &DeterministicPorts) -> DeterministicSpec {
        let host = |net: &ipnet::IpNet| {
            let (family, addr) = Addr::from_ip(net.network());
            HostPrefix { family, addr, len: net.prefix_len() }
        };
        let mut hosts: Vec<_> = config.hosts.iter().map(host).collect();
        for name in &config.host_names {
            self.addresses.names.all_values(name, |value| {
                if let AddressValue::Prefix(net) = value {
                    hosts.push(host(net));
                }
            });
        }
        DeterministicSpec {
            block_size: config.block_size.unwrap_or(DETERMINISTIC_BLOCK_SIZE),
            hosts,
            include_boundary: config.include_boundary,
        }
    }
}

fn message(pools: &SourcePools, error: ConfigError) -> String {
    let name = |id| pools.get(id).map_or("", |pool| pool.name.as_str());
    match error {
        ConfigError::NoAddress(_) => "has no address".into(),
        ConfigError::TooManyAddresses(_) => "has more than 65536 addresses".into(),
        ConfigError::TooManyInAll(_) => {
            format!("all pools have more than {} addresses together", Limits::default().addresses)
        }
        ConfigError::NotOfFamily(_) => "addresses must be of one family".into(),
        ConfigError::BadPorts(_) => "has no valid range of ports, or overloads them too often".into(),
        ConfigError::BadBlock(_) => "has no room for a block of ports".into(),
        ConfigError::TooManyHosts(_) => "has no ports for all its hosts".into(),
        ConfigError::Overlap(other, _) => format!("has an address of pool `{}' too", name(other)),
        ConfigError::InterfaceInPool(_) => "has an interface's address, and does not translate ports".into(),
        ConfigError::BadOverflow(_) => "its overflow pool is none that translates ports of its family".into(),
        ConfigError::OverflowWithPorts(_) => "an overflow pool needs 'port no-translation'".into(),
        ConfigError::SameId(_) => "has another pool's number".into(),
    }
}
