//! `test security packet`: a frame of the words given, judged by the engine and explained.

use ravelin_contract::{InjectRequest, InjectVerdict};
use ravelin_program::{Interface, InterfaceAddress};
use ravelin_types::{Addr, Family, Mac, Proto};
use ravelin_wire::build::{Ip, Payload, frame};
use ravelin_wire::{L4, parse};

use crate::answer::{Explained, FindingLine};
use crate::capture;
use crate::gather::Failure;
use crate::request::TestPacket;
use crate::session::Env;

/// The packet's way through the engine; it makes no session and leaves no trace.
pub(crate) fn explain(env: &Env<'_>, test: &TestPacket) -> Result<Explained, Failure> {
    let unit = entrance(env, test)?;
    let ports = env.names.program().and_then(|p| p.interfaces()).map_or(&[][..], |i| &i.ports);
    let not_found = || Failure::NotFound { what: "interface", name: unit.name.clone() };
    let port = ports.iter().find(|p| p.id == unit.port).ok_or_else(not_found)?;
    let frame = build(test, Mac(port.mac));
    let request = InjectRequest { interface: unit.name.clone(), frame, before: Vec::new() };
    judged(env, &request, label(test))
}

/// The packets of a capture, each behind those before it.
pub(crate) fn explain_capture(env: &Env<'_>, name: &str, text: &str) -> Result<Vec<Explained>, Failure> {
    let not_found = || Failure::NotFound { what: "interface", name: name.to_owned() };
    let unit = env.names.unit_id(name).ok_or_else(not_found)?;
    let interface = env.names.unit(Some(unit));
    let mut before: Vec<Vec<u8>> = Vec::new();
    let mut out = Vec::new();
    for frame in capture::frames(text).map_err(|why| Failure::File(why.to_owned()))? {
        let label = label_of(&frame);
        let request = InjectRequest { interface: interface.clone(), frame, before };
        out.push(judged(env, &request, label)?);
        before = request.before;
        before.push(request.frame);
    }
    Ok(out)
}

fn judged(env: &Env<'_>, request: &InjectRequest, packet: String) -> Result<Explained, Failure> {
    let explanation = env.plane.diagnostics().inject_packet(request)?;
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
        packet,
        interface: request.interface.clone(),
        findings: findings.collect(),
        verdict: verdict.to_owned(),
        detail,
    })
}

/// The unit that the packet arrives on: the one named, or the zone's that is nearest to its source.
fn entrance<'a>(env: &'a Env<'_>, test: &TestPacket) -> Result<&'a Interface, Failure> {
    let not_found = |what, name: &str| Failure::NotFound { what, name: name.to_owned() };
    if let Some(name) = &test.interface {
        let id = env.names.unit_id(name).ok_or_else(|| not_found("interface", name))?;
        let found = env.names.interfaces().iter().find(|unit| unit.id == id);
        return found.ok_or_else(|| not_found("interface", name));
    }
    let name = test.zone.as_deref().unwrap_or_default();
    let zone = env.names.zone_id(name).ok_or_else(|| not_found("zone", name))?;
    let (family, source) = Addr::from_ip(test.source);
    let near = |unit: &Interface| {
        let shared = |a: &InterfaceAddress| {
            let bits = if family == Family::V4 { 32 } else { 128 };
            let same = ((a.addr.0 ^ source.0) << (128 - bits)).leading_zeros();
            (a.family == family && same >= u32::from(a.len)).then_some(a.len)
        };
        unit.addresses.iter().filter_map(shared).max()
    };
    let units = env.names.interfaces().iter().filter(|unit| unit.zone == Some(zone));
    // The first of those that are equally near.
    let nearest = units.rev().max_by_key(|unit| near(unit));
    nearest.ok_or_else(|| Failure::NotFound { what: "interface of zone", name: name.to_owned() })
}

fn build(test: &TestPacket, to: Mac) -> Vec<u8> {
    let (family, src) = Addr::from_ip(test.source);
    let (_, dst) = Addr::from_ip(test.destination);
    let ip = Ip { dst_mac: to, ..Ip::new(family, src, dst) };
    let (sport, dport) = (test.source_port, test.destination_port);
    let echo = if family == Family::V4 { 8 } else { 128 };
    let payload = match test.proto {
        Proto::TCP => Payload::tcp(sport, dport, test.tcp_flags),
        Proto::UDP => Payload::udp(sport, dport, &[]),
        Proto::ICMP | Proto::ICMPV6 => Payload::icmp(family, echo, 0, u32::from(sport) << 16 | 1, &[]),
        Proto::SCTP => {
            let [a, b] = sport.to_be_bytes();
            let [c, d] = dport.to_be_bytes();
            // The common header: ports, tag, checksum (RFC 9260 3.1), and an INIT chunk's own.
            Payload::raw(Proto::SCTP, &[a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 4])
        }
        other => Payload::raw(other, &[0; 8]),
    };
    frame(&ip, &payload)
}

fn label(test: &TestPacket) -> String {
    let TestPacket { source, destination, proto, source_port, destination_port, .. } = test;
    match *proto {
        Proto::TCP | Proto::UDP | Proto::SCTP => {
            format!("{source}/{source_port} --> {destination}/{destination_port};{proto}")
        }
        _ => format!("{source} --> {destination};{proto}"),
    }
}

fn label_of(frame: &[u8]) -> String {
    let Some(network) = parse(frame).ok().and_then(|parsed| parsed.network) else {
        return format!("{} bytes that are no IP packet", frame.len());
    };
    let (src, dst) = (network.src.to_ip(network.family), network.dst.to_ip(network.family));
    match network.l4 {
        L4::Tcp { sport, dport, .. } | L4::Udp { sport, dport } | L4::Sctp { sport, dport } => {
            format!("{src}/{sport} --> {dst}/{dport};{}", network.proto)
        }
        L4::Icmp { .. } | L4::Spi(_) | L4::Opaque => format!("{src} --> {dst};{}", network.proto),
    }
}
