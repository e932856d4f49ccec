//! `security nat source pool`: addresses and ports that sources become.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_syntax::Span;

use super::matching::{AlarmThresholds, Port};
use super::proxy::ProxyRange;

/// A source pool.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct SourcePool {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    /// Whose addresses they are; `None`: wherever they are used.
    #[lower(leaf = "routing-instance <>")]
    pub instance: Option<String>,
    #[lower(list = "address <>")]
    pub addresses: Vec<ProxyRange>,
    /// Addresses of the address book instead.
    #[lower(leaf = "address-name <>")]
    pub address_name: Option<String>,
    /// The internal address that gets the pool's first.
    #[lower(leaf = "host-address-base <>")]
    pub host_address_base: Option<IpNet>,
    #[lower(container = "port")]
    pub port: PoolPort,
    #[lower(leaf = "overflow-pool <>")]
    pub overflow_pool: Option<String>,
    #[lower(flag = "overflow-pool interface")]
    pub overflow_interface: bool,
    #[lower(flag = "address-shared")]
    pub address_shared: bool,
    #[lower(flag = "address-pooling paired")]
    pub paired: bool,
    #[lower(flag = "address-pooling no-paired")]
    pub no_paired: bool,
    /// A host has one address; of an IPv6 host so many bits count.
    #[lower(leaf = "address-persistent subscriber ipv6-prefix-length")]
    pub subscriber_prefix: Option<u16>,
    #[lower(container = "pool-utilization-alarm")]
    pub alarm: AlarmThresholds,
    #[lower(at)]
    pub at: Span,
}

/// What a pool does with ports.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct PoolPort {
    #[lower(flag = "no-translation")]
    pub no_translation: bool,
    #[lower(leaf = "range <>")]
    pub low: Option<Port>,
    #[lower(leaf = "range to <>")]
    pub high: Option<Port>,
    #[lower(flag = "range random-allocation")]
    pub range_random: bool,
    #[lower(flag = "range round-robin")]
    pub range_round_robin: bool,
    /// Pairs that gateways open together.
    #[lower(leaf = "range twin-port <>")]
    pub twin_low: Option<Port>,
    #[lower(leaf = "range twin-port to <>")]
    pub twin_high: Option<Port>,
    #[lower(flag = "automatic random-allocation")]
    pub automatic_random: bool,
    #[lower(flag = "automatic round-robin")]
    pub automatic_round_robin: bool,
    /// Sessions on one port, 2..=32.
    #[lower(leaf = "port-overloading-factor")]
    pub overloading_factor: Option<u16>,
    #[lower(flag = "preserve-parity")]
    pub preserve_parity: bool,
    #[lower(flag = "preserve-range")]
    pub preserve_range: bool,
    #[lower(presence = "block-allocation")]
    pub blocks: Option<BlockAllocation>,
    #[lower(presence = "deterministic")]
    pub deterministic: Option<DeterministicPorts>,
}

/// Ports by the block. Times are seconds.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct BlockAllocation {
    #[lower(leaf = "block-size")]
    pub block_size: Option<u16>,
    #[lower(leaf = "maximum-blocks-per-host")]
    pub per_host: Option<u16>,
    #[lower(leaf = "active-block-timeout")]
    pub active_timeout: Option<u32>,
    #[lower(leaf = "interim-logging-interval")]
    pub interim_interval: Option<u32>,
    #[lower(leaf = "last-block-recycle-timeout")]
    pub last_recycle_timeout: Option<u32>,
    /// Nobody is told of the pool's blocks.
    #[lower(flag = "log disable")]
    pub log_disable: bool,
}

/// Ports by arithmetic.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct DeterministicPorts {
    #[lower(leaf = "block-size")]
    pub block_size: Option<u16>,
    #[lower(leaves = "host address")]
    pub hosts: Vec<IpNet>,
    /// Of the address book, after those.
    #[lower(leaves = "host address-name")]
    pub host_names: Vec<String>,
    #[lower(flag = "include-boundary-addresses")]
    pub include_boundary: bool,
}
