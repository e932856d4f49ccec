//! What source NAT keeps for hosts and leases of interfaces, as `show security nat source port-block`, `paired-address` and
//! `show security nat interface-nat-ports` list it.

use std::net::IpAddr;

use ravelin_types::NatRuleId;

/// What of a pool a host has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeptKind {
    /// Ports by the block.
    #[default]
    Block,
    /// An address for all its sessions.
    Address,
}

/// Ports, or an address with all its ports, that a host has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptPorts {
    pub kind: KeptKind,
    /// The pool's number, stable by name.
    pub pool: u32,
    pub host: IpAddr,
    pub external: IpAddr,
    pub low: u16,
    pub high: u16,
    /// Sessions that have one of them.
    pub used: u32,
    /// New sessions get ports of it.
    pub is_active: bool,
    pub age_s: u32,
    /// Until it serves no new session; `None`: no such time is set.
    pub left_s: Option<u32>,
}

/// Which are meant; every field that is set must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptFilter {
    pub kind: KeptKind,
    pub pool: Option<u32>,
    pub host: Option<IpAddr>,
    pub external: Option<IpAddr>,
    pub port: Option<u16>,
}

/// Those of all workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptList {
    /// In no order, at most as many as were asked for.
    pub kept: Vec<KeptPorts>,
    /// That the filter holds for.
    pub found: u64,
}

/// How much is leased of an address that interface NAT gives: of the class of protocols that has most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfacePorts {
    pub addr: IpAddr,
    pub single: u64,
    pub single_max: u64,
    /// Ports of pairs that gateways open together.
    pub twin: u64,
    pub twin_max: u64,
}

/// Rules whose counters go back to zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NatClear {
    /// Hits and failed translations.
    pub rules: Vec<NatRuleId>,
    /// Hits as they count for the pool that the rule names.
    pub pools: Vec<NatRuleId>,
}

impl KeptFilter {
    #[must_use]
    pub fn holds(&self, kept: &KeptPorts) -> bool {
        let Self { kind, pool, host, external, port } = *self;
        kind == kept.kind
            && pool.is_none_or(|pool| pool == kept.pool)
            && host.is_none_or(|host| host == kept.host)
            && external.is_none_or(|external| external == kept.external)
            && port.is_none_or(|port| (kept.low..=kept.high).contains(&port))
    }
}
