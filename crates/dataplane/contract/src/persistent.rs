//! Mappings of persistent NAT, as `show security nat source persistent-nat-table` lists them.

use std::net::IpAddr;

use ravelin_types::{InstanceId, NatRuleId, Proto};

/// Where a mapping has its external address from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MappingOrigin {
    #[default]
    Interface,
    /// The source pool with this number.
    Pool(u32),
}

/// Who may send to the external end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MappingPermit {
    AnyRemoteHost,
    TargetHost,
    #[default]
    TargetHostPort,
}

/// An internal end that keeps its external one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistentMapping {
    pub origin: MappingOrigin,
    /// The rule of its last session out; `None` until it has had one.
    pub rule: Option<NatRuleId>,
    /// `None`: of addresses alone, and both ports are 0.
    pub proto: Option<Proto>,
    pub internal: IpAddr,
    pub internal_port: u16,
    /// The routing instance of the internal end.
    pub instance: InstanceId,
    pub external: IpAddr,
    pub external_port: u16,
    pub permit: MappingPermit,
    pub sessions: u32,
    pub sessions_max: u32,
    /// Without sessions for so long.
    pub idle_s: u32,
    pub timeout_s: u32,
}

/// Which mappings are meant; every field that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingFilter {
    pub origin: Option<MappingOrigin>,
    pub proto: Option<Proto>,
    pub internal: Option<IpAddr>,
    pub internal_port: Option<u16>,
    /// Any of these; empty: not asked.
    pub external: Vec<IpAddr>,
}

/// Mappings of all workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingList {
    /// In no order, at most as many as were asked for.
    pub mappings: Vec<PersistentMapping>,
    /// That the filter holds for.
    pub found: u64,
    /// All there are, and all there can be.
    pub in_use: u64,
    pub capacity: u64,
}

impl MappingFilter {
    #[must_use]
    pub fn holds(&self, mapping: &PersistentMapping) -> bool {
        let Self { origin, proto, internal, internal_port, external } = self;
        origin.is_none_or(|origin| origin == mapping.origin)
            && proto.is_none_or(|proto| mapping.proto == Some(proto))
            && internal.is_none_or(|addr| addr == mapping.internal)
            && internal_port.is_none_or(|port| mapping.proto.is_some() && port == mapping.internal_port)
            && (external.is_empty() || external.contains(&mapping.external))
    }
}
