//! Source NAT pools, and the ports of interface NAT.
//!
//! Junos: `security nat source pool`, `interface`, `port-randomization`. A pool's number is stable by name over
//! commits; what it leases is said in the allocator's own words.

use ravelin_nat::{Config, InterfaceSpec, PoolId, PoolSpec, Ports, Realm};
use ravelin_types::{Family, InstanceId};

use crate::{Digest, Interface, Interfaces, RoutingInstance};

/// A source pool by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePool {
    pub name: String,
    /// Whose addresses they are; `None`: of every instance that packets leave by.
    pub instance: Option<InstanceId>,
    pub spec: PoolSpec,
}

/// All source pools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcePools {
    pub pools: Vec<SourcePool>,
    /// What interface NAT leases from.
    pub interface: Ports,
    /// `allow-overlapping-pools`.
    pub allow_overlapping: bool,
    /// `allow-distinct-port-pools`.
    pub allow_distinct_ports: bool,
    /// `persistent-nat log disable`.
    pub silent_mappings: bool,
}

impl SourcePools {
    #[must_use]
    pub fn get(&self, id: PoolId) -> Option<&SourcePool> {
        self.pools.iter().find(|pool| pool.spec.id == id)
    }

    /// What every worker leases from: the pools, and each address that interface NAT gives.
    #[must_use]
    pub fn config(&self, interfaces: &Interfaces) -> Config {
        let of = |unit: &Interface| {
            let spec = |family| {
                let addr = unit.source_address(family)?;
                Some(InterfaceSpec { family, addr, ports: self.interface })
            };
            [Family::V4, Family::V6].map(spec)
        };
        Config {
            pools: self.pools.iter().map(|pool| pool.spec.clone()).collect(),
            interfaces: interfaces.units.iter().flat_map(of).flatten().collect(),
            allow_overlapping: self.allow_overlapping,
            allow_distinct_ports: self.allow_distinct_ports,
            silent_mappings: self.silent_mappings,
            realms: interfaces.instances.iter().map(realm).collect(),
            ..Config::default()
        }
    }
}

/// By name: numbers differ between nodes. Spec: nat-pool-15.
fn realm(instance: &RoutingInstance) -> Realm {
    Realm { token: instance.id.0.into(), name: Digest::of(instance.name.as_bytes()).short() }
}
