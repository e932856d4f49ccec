//! What gateways of the sample expect.

use ravelin_contract::{Alg, GateSource, GateView, SessionKey};
use ravelin_types::{InstanceId, Proto, SessionId, WorkerId, ZoneId};

pub fn gates() -> [GateView; 3] {
    let key = |proto, src: &str, dst: &str, dport| SessionKey {
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        sport: 0,
        dport,
        proto,
        instance: InstanceId::DEFAULT,
    };
    let active = GateView {
        worker: WorkerId(1),
        key: key(Proto::TCP, "198.51.100.2", "198.51.100.1", 1030),
        source_ports: (0, u16::MAX),
        to: "10.1.0.2".parse().unwrap(),
        to_port: 5000,
        source: GateSource::Kept,
        alg: Alg::Ftp,
        parent: SessionId(3),
        application: Some(1),
        from_zone: ZoneId(2),
        to_zone: ZoneId(1),
        leased: true,
        left_s: 58,
    };
    let passive = GateView {
        worker: WorkerId(0),
        key: key(Proto::TCP, "10.1.0.2", "198.51.100.2", 7001),
        to: "198.51.100.2".parse().unwrap(),
        to_port: 7001,
        source: GateSource::ByRules,
        from_zone: ZoneId(1),
        to_zone: ZoneId(2),
        leased: false,
        left_s: 0,
        ..active
    };
    let transfer = GateView {
        key: key(Proto::UDP, "2001:db8::7", "2001:db8::2", 3000),
        to: "2001:db8:1::2".parse().unwrap(),
        to_port: 3000,
        source: GateSource::Address("2001:db8::8".parse().unwrap()),
        alg: Alg::Tftp,
        parent: SessionId(9),
        application: None,
        leased: true,
        ..active
    };
    [transfer, active, passive]
}
