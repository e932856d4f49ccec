//! Questions and answers about ports of source pools: whose they are by arithmetic, and how many are in use.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What is asked of source pools; of one, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolQuery {
    Detail {
        name: Option<String>,
    },
    /// How much is in use.
    Use {
        name: Option<String>,
    },
    /// Hosts with their ports, and which hosts there are.
    Deterministic(HostQuery),
    DeterministicRanges(HostQuery),
}

/// Which hosts of pools with deterministic ports are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostQuery {
    #[default]
    All,
    Pool(String),
    Host(IpAddr),
    /// Whoever has an external address, or one port of it.
    External(IpAddr, Option<u16>),
}

/// The ports of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPorts {
    pub host: IpAddr,
    pub external: IpAddr,
    pub low: u16,
    pub high: u16,
}

/// A pool that computes addresses and ports, with those of its hosts that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeterministicPool {
    pub name: String,
    pub block_size: u16,
    /// Hosts that have ports, and those that could have: blocks in all.
    pub hosts: u64,
    pub blocks: u64,
    /// The hosts, in the order in which they are numbered.
    pub ranges: Vec<(IpAddr, IpAddr)>,
    pub lines: Vec<HostPorts>,
    /// Asked for and not listed.
    pub more: u64,
}

/// Pools that compute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeterministicPools {
    pub pools: Vec<DeterministicPool>,
}

/// How much of a pool is in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolUse {
    pub name: String,
    /// Ports are translated.
    pub is_pat: bool,
    /// What is counted: `ports` of the class of protocols that has most, `blocks`, `addresses`.
    pub unit: String,
    pub addresses: u64,
    pub overload: u8,
    pub used: u64,
    pub total: u64,
}

/// Use of pools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolUses {
    pub pools: Vec<PoolUse>,
}
