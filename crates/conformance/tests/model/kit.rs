//! A simulator under a configuration, and what becomes of packets there.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_conformance::model::{Outcome, Packet};
use ravelin_contract::DataPlane;
use ravelin_engine::{Egress, Ingress, Verdict};
use ravelin_model::{Config, check};
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_types::{Addr, Generation, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{L4, TcpFlags, parse};

pub fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn plane(config: &Config, workers: u8) -> SimPlane {
    let valid = check(config.clone()).unwrap_or_else(|errors| panic!("the generator is wrong: {errors:?}"));
    let mut book = IdBook::default();
    let program = compile(&valid, &Resolved::virtual_ports(&valid), &mut book, Generation(1)).unwrap();
    let plane = SimWorkers::plane(SimSetup { workers, ..SimSetup::default() });
    plane.apply_config(&program).unwrap();
    plane.updates().apply(&routes(&valid, &book)).unwrap();
    plane
}

fn frame(packet: &Packet) -> Vec<u8> {
    let ((family, src), (_, dst)) = (Addr::from_ip(packet.src), Addr::from_ip(packet.dst));
    let flags = if packet.opens { TcpFlags::SYN } else { TcpFlags::ACK };
    let payload = match Proto(packet.proto) {
        Proto::TCP => Payload::tcp(packet.sport, packet.dport, flags),
        _ => Payload::udp(packet.sport, packet.dport, b"payload"),
    };
    build::frame(&Ip::new(family, src, dst), &payload)
}

/// What becomes of a packet that arrives at the port of this number.
pub fn outcome(plane: &SimPlane, from: usize, packet: &Packet) -> Outcome {
    let rules = plane.rules().unwrap();
    let port = rules.ports().find(|p| p.name == format!("ge-0/0/{from}")).unwrap().id;
    let (verdicts, sent, _) = plane.workers().run_batch(&[(Ingress::Port(port), &frame(packet))]);
    match verdicts[0] {
        Verdict::Send { egress: Egress::Port(_), unit, .. } => {
            let network = parse(&sent[0].frame).unwrap().network.unwrap();
            let ends = match network.l4 {
                L4::Tcp { sport, dport, .. } | L4::Udp { sport, dport } => (sport, dport),
                other => panic!("{other:?} is no packet of the model"),
            };
            let (src, dst) = (network.src.to_ip(network.family), network.dst.to_ip(network.family));
            let packet = Packet { src, dst, sport: ends.0, dport: ends.1, ..*packet };
            Outcome::Left { unit: rules.unit(unit).unwrap().name.clone(), packet }
        }
        Verdict::Send { egress: Egress::Host(_), .. } => Outcome::Host,
        Verdict::Drop(reason) => Outcome::Dropped(reason),
        other => panic!("{other:?} is no outcome of the model"),
    }
}
