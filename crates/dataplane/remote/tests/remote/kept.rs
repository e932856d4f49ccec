//! What NAT and buffers keep, as the fixed plane answers it.

use std::net::{IpAddr, Ipv4Addr};

use ravelin_contract::{
    Alg, BufferCounters, BufferKind, CarriedMapping, FabricForwarding, FabricId, FabricState, GateSource,
    GateView, GroupState, InterfacePorts, KeptKind, KeptList, KeptPorts, MappingFilter, MappingList,
    MappingOrigin, MappingPermit, MirrorCounters, PersistentMapping,
};
use ravelin_types::{
    GroupId, InstanceId, Mac, MirrorId, NatRuleId, Proto, RuleIdentity, SessionId, WorkerId, ZoneId,
};

pub fn groups() -> Vec<GroupState> {
    vec![GroupState { group: GroupId(255), active: true, lease_ms: 9 }]
}

pub fn fabrics() -> Vec<FabricState> {
    let [peer_mac, local_mac] = [Mac([2, 0, 0, 0, 0, 9]), Mac([2, 0, 0, 0, 0, 8])];
    let to = FabricForwarding { interface: "ge-0/0/7".into(), peer_mac, local_mac };
    vec![FabricState { fabric: FabricId(1), to, up: true, sent: u64::MAX, received: 3 }]
}

pub fn gate() -> GateView {
    GateView {
        worker: WorkerId(1),
        key: crate::fake::key(0),
        source_ports: (0, u16::MAX),
        to: IpAddr::from([10, 0, 0, 7]),
        to_port: 1024,
        source: GateSource::ByRules,
        alg: Alg::Tftp,
        parent: SessionId(u64::MAX),
        application: Some(2),
        from_zone: ZoneId(1),
        to_zone: ZoneId(2),
        leased: true,
        left_s: 60,
    }
}

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

pub const MIRROR: MirrorCounters = MirrorCounters {
    id: MirrorId(3),
    identity: RuleIdentity(0xfeed),
    packets: 7,
    bytes: 700,
    lost: [1, 2, 3, 4, 5],
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

/// A mapping whole.
pub fn carried() -> CarriedMapping {
    let remotes = vec![("2001:db8::9".parse().unwrap(), 53), ("192.0.2.1".parse().unwrap(), u16::MAX)];
    CarriedMapping { mapping: mappings().mappings[0], block_external: true, remotes }
}

pub const BUFFERS: BufferCounters = BufferCounters {
    worker: WorkerId(1),
    kind: BufferKind::Packets,
    bytes: 4096,
    capacity: 5120,
    free: 3000,
    lent: 2100,
    used: 20,
    refused: Some(5),
};
