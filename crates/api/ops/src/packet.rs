//! `test security packet`: a frame of the words given, judged by the engine and explained.

use ravelin_contract::{InjectRequest, InjectVerdict};
use ravelin_types::{Addr, Family, Mac, Proto};
use ravelin_wire::build::{Ip, Payload, frame};

use crate::answer::{Explained, FindingLine};
use crate::gather::Failure;
use crate::request::TestPacket;
use crate::session::Env;

const TCP_SYN: u8 = 0x02;

/// The packet's way through the engine; it makes no session and leaves no trace.
pub(crate) fn explain(env: &Env<'_>, test: &TestPacket) -> Result<Explained, Failure> {
    let not_found = || Failure::NotFound { what: "interface", name: test.interface.clone() };
    let id = env.names.unit_id(&test.interface).ok_or_else(not_found)?;
    let unit = env.names.interfaces().iter().find(|u| u.id == id).ok_or_else(not_found)?;
    let ports = env.names.program().and_then(|p| p.interfaces()).map_or(&[][..], |i| &i.ports);
    let port = ports.iter().find(|p| p.id == unit.port).ok_or_else(not_found)?;
    let request = InjectRequest { interface: unit.name.clone(), frame: build(test, Mac(port.mac)) };
    let explanation = env.plane.diagnostics().inject_packet(&request)?;
    let (verdict, detail) = match explanation.verdict {
        InjectVerdict::Forward { interface } => ("forward", Some(interface)),
        InjectVerdict::Host { interface } => ("host", Some(interface)),
        InjectVerdict::Drop(reason) => ("drop", Some(reason.text().to_owned())),
        InjectVerdict::Consume => ("consume", None),
    };
    let findings = explanation.findings.into_iter().map(|f| FindingLine {
        stage: f.stage,
        subject: f.subject,
        outcome: f.outcome,
    });
    Ok(Explained {
        packet: label(test),
        interface: request.interface,
        findings: findings.collect(),
        verdict: verdict.to_owned(),
        detail,
    })
}

fn build(test: &TestPacket, to: Mac) -> Vec<u8> {
    let (family, src) = Addr::from_ip(test.source);
    let (_, dst) = Addr::from_ip(test.destination);
    let ip = Ip { dst_mac: to, ..Ip::new(family, src, dst) };
    let (sport, dport) = (test.source_port, test.destination_port);
    let echo = if family == Family::V4 { 8 } else { 128 };
    let payload = match test.proto {
        Proto::TCP => Payload::tcp(sport, dport, TCP_SYN),
        Proto::UDP => Payload::udp(sport, dport, &[]),
        Proto::ICMP | Proto::ICMPV6 => Payload::icmp(family, echo, 0, u32::from(sport) << 16 | 1, &[]),
        other => Payload::raw(other, &[0; 8]),
    };
    frame(&ip, &payload)
}

fn label(test: &TestPacket) -> String {
    let TestPacket { source, destination, proto, source_port, destination_port, .. } = test;
    match *proto {
        Proto::TCP | Proto::UDP => {
            format!("{source}/{source_port} --> {destination}/{destination_port};{proto}")
        }
        _ => format!("{source} --> {destination};{proto}"),
    }
}
