//! What NAT keeps, as the fixed plane answers it.

use std::net::{IpAddr, Ipv4Addr};

use ravelin_contract::{
    InterfacePorts, KeptKind, KeptList, KeptPorts, MappingFilter, MappingList, MappingOrigin, MappingPermit,
    PersistentMapping,
};
use ravelin_types::{InstanceId, NatRuleId, Proto};

pub fn mapping_filter() -> MappingFilter {
    MappingFilter {
        origin: Some(MappingOrigin::Pool(7)),
        proto: Some(Proto::UDP),
        internal: Some(IpAddr::from([10, 0, 0, 1])),
        internal_port: Some(5060),
        external: vec!["2001:db8::1".parse().unwrap()],
    }
}

pub const INTERFACE_PORTS: InterfacePorts = InterfacePorts {
    addr: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    single: 1,
    single_max: u64::MAX,
    twin: 3,
    twin_max: 4,
};

pub fn kept() -> KeptList {
    let one = |kind, left_s: Option<u32>| KeptPorts {
        kind,
        pool: 9,
        host: "2001:db8::1".parse().unwrap(),
        external: "203.0.113.1".parse().unwrap(),
        low: 1,
        high: u16::MAX,
        used: 7,
        is_active: left_s.is_some(),
        age_s: 8,
        left_s,
    };
    KeptList { kept: vec![one(KeptKind::Block, Some(0)), one(KeptKind::Address, None)], found: 5 }
}

pub fn mappings() -> MappingList {
    let mapping = PersistentMapping {
        origin: MappingOrigin::Interface,
        rule: Some(NatRuleId(4)),
        proto: Some(Proto::UDP),
        internal: "2001:db8::1".parse().unwrap(),
        internal_port: 5060,
        instance: InstanceId(3),
        external: IpAddr::from([203, 0, 113, 5]),
        external_port: 1024,
        permit: MappingPermit::TargetHost,
        sessions: 0,
        sessions_max: 30,
        idle_s: 12,
        timeout_s: 300,
    };
    MappingList { mappings: vec![mapping], found: 2, in_use: 3, capacity: 65_536 }
}
