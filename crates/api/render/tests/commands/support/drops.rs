//! What the plane has dropped.

use ravelin_contract::{
    DropCause, DropSample, InjectVerdict, PacketHead, SessionKey, TraceBatch, TraceRequest, TracedPacket,
};
use ravelin_program::Screen;
use ravelin_types::{DropReason, InstanceId, InterfaceId, PolicyId, Proto, WorkerId, ZoneId};

/// The plane's clock.
pub const NOW_NS: u64 = 5_000_000_000_000;

/// An IPv4 header's beginning behind an Ethernet header.
fn head(id: u16) -> Vec<u8> {
    let mut head = vec![0; 12];
    head.extend([0x08, 0x00, 0x45, 0, 0, 40]);
    head.extend(id.to_be_bytes());
    head
}

fn sample(ago_us: u64, unit: Option<u16>, key: Option<(&str, u16, &str, u16, Proto)>) -> DropSample {
    let key = key.map(|(src, sport, dst, dport, proto)| SessionKey {
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        sport,
        dport,
        proto,
        instance: InstanceId::DEFAULT,
    });
    let packet = PacketHead {
        at_ns: NOW_NS - ago_us * 1000,
        worker: WorkerId(0),
        interface: unit.map(InterfaceId),
        from_host: false,
        key,
        bytes: 60,
        head: head(7),
    };
    DropSample { packet, reason: DropReason::NoRoute, cause: None }
}

/// The newest first: denied, screened, without a route, and what is no packet at all.
pub fn samples() -> Vec<DropSample> {
    let web = Some(("10.1.0.2", 40_000, "198.51.100.2", 443, Proto::TCP));
    let ping = Some(("198.51.100.9", 5, "198.51.100.1", 0, Proto::ICMP));
    let six = Some(("2001:db8::2", 53, "2001:db8:9::1", 53, Proto::UDP));
    let denied = DropSample {
        reason: DropReason::PolicyReject,
        cause: Some(DropCause::Policy(PolicyId(5))),
        ..sample(1_000_000, Some(0), web)
    };
    let screened = DropSample {
        reason: DropReason::Screen,
        cause: Some(DropCause::Screen { zone: ZoneId(2), screen: Screen::Land }),
        ..sample(2_000_001, Some(1), ping)
    };
    let broken = DropSample { reason: DropReason::MalformedIpv4, ..sample(60_000_000, None, None) };
    vec![denied, screened, sample(3_000_000, Some(0), six), broken]
}

/// The oldest first.
pub fn batch(request: &TraceRequest, max: usize) -> TraceBatch {
    let held = samples().into_iter().rev().filter(|sample| {
        let unit = sample.packet.interface;
        let zone = unit.map(|unit| ZoneId(unit.0 + 1));
        request.filters.iter().any(|filter| filter.holds((unit, zone), sample.packet.key.as_ref()))
    });
    let packets = held.take(max).map(|sample| TracedPacket {
        packet: sample.packet,
        verdict: InjectVerdict::Drop(sample.reason),
        cause: sample.cause,
        findings: Vec::new(),
        findings_lost: 0,
    });
    TraceBatch { now_ns: NOW_NS, packets: packets.collect(), lost: 0, ended: false }
}
