//! Questions and answers about what source NAT keeps for hosts, what interfaces have leased, what rules match of applications,
//! and counters that go back to zero.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::answer::NatKind;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatStateQuery {
    PortBlocks(KeptQuery),
    PairedAddresses(KeptQuery),
    InterfacePorts,
    /// Of one name when there is one.
    RuleApplications(NatKind, Option<String>),
    Clear(NatClearQuery),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NatState {
    PortBlocks(PortBlockPools),
    PairedAddresses(PairedAddresses),
    InterfacePorts(InterfacePortsList),
    RuleApplications(RuleApplications),
    Cleared {
        /// Of so many rules.
        counters: u64,
    },
}

/// Which blocks or addresses are meant; every field that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptQuery {
    pub pool: Option<String>,
    pub host: Option<IpAddr>,
    pub external: Option<IpAddr>,
    pub port: Option<u16>,
}

/// Whose counters go back to zero; of one name, or of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatClearQuery {
    Rules(NatKind, Option<String>),
    SourcePools(Option<String>),
    DestinationPools(Option<String>),
}

/// One block of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBlockLine {
    pub host: IpAddr,
    pub external: IpAddr,
    pub low: u16,
    pub high: u16,
    /// Sessions that have a port of it.
    pub used: u32,
    pub active: bool,
    /// Until it serves no new session; `None`: no such time is set.
    pub left_s: Option<u32>,
}

/// A pool that gives out ports by the block, with its blocks that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBlockPool {
    pub name: String,
    pub block_size: u16,
    /// Blocks that a host may have.
    pub per_host: u16,
    pub active_timeout_s: u32,
    /// Blocks given out, and those there are.
    pub used: u64,
    pub total: u64,
    pub lines: Vec<PortBlockLine>,
}

/// Pools of blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBlockPools {
    pub pools: Vec<PortBlockPool>,
    /// Asked for and not listed.
    pub more: u64,
}

/// A host with its address of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedAddress {
    pub pool: String,
    pub internal: IpAddr,
    pub external: IpAddr,
    pub sessions: u32,
}

/// Hosts by pool and address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedAddresses {
    pub addresses: Vec<PairedAddress>,
    /// Asked for and not listed.
    pub more: u64,
}

/// Ports of one interface's address, and how many of them are leased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfacePortsLine {
    pub interface: String,
    pub address: IpAddr,
    pub single: u64,
    pub single_max: u64,
    /// Of pairs that gateways open together.
    pub twin: u64,
    pub twin_max: u64,
}

/// Ports of all interfaces that NAT may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfacePortsList {
    pub lines: Vec<InterfacePortsLine>,
}

/// The applications that a rule asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleApplication {
    pub name: String,
    pub rule_set: String,
    pub id: u32,
    pub applications: Vec<String>,
}

/// Rules of one kind that ask for applications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleApplications {
    pub kind: NatKind,
    pub rules: Vec<RuleApplication>,
}

/// Destination NAT pools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NatPools {
    pub pools: Vec<NatPool>,
}

/// One pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NatPool {
    pub name: String,
    pub first: Option<IpAddr>,
    pub last: Option<IpAddr>,
    pub port: Option<u16>,
    /// Rules that send packets to it.
    pub rules: u32,
    pub hits: u64,
    pub sessions: u64,
}
