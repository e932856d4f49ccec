//! Samples of drops, and traces.

use ravelin_contract::{
    DropCause, DropSample, DropSamples, Explanation, PacketFilter, PacketHead, TraceBatch, TraceKind,
    TraceRequest, TracedPacket,
};
use ravelin_program::Screen;
use ravelin_types::{Family, PolicyId, Proto, WorkerId, ZoneId};

use super::{Malformed, Read, Wire, decode_all, encode_all, need, part, reason, small, unit};
use crate::proto;
use crate::proto::drop_cause::Kind;

impl Wire for PacketHead {
    type Message = proto::PacketHead;

    fn to_message(&self) -> proto::PacketHead {
        let Self { at_ns, worker, interface, from_host, key, bytes, head } = self;
        proto::PacketHead {
            at_ns: *at_ns,
            worker: worker.0.into(),
            interface: interface.map(|unit| unit.0.into()),
            from_host: *from_host,
            key: key.as_ref().map(Wire::to_message),
            bytes: *bytes,
            head: head.clone(),
        }
    }

    fn from_message(message: proto::PacketHead) -> Read<Self> {
        let proto::PacketHead { at_ns, worker, interface, from_host, key, bytes, head } = message;
        Ok(Self {
            at_ns,
            worker: WorkerId(small("worker", worker)?),
            interface: interface.map(unit).transpose()?,
            from_host,
            key: key.map(Wire::from_message).transpose()?,
            bytes,
            head,
        })
    }
}

impl Wire for DropCause {
    type Message = proto::DropCause;

    fn to_message(&self) -> proto::DropCause {
        let kind = match *self {
            Self::Policy(policy) => Kind::Policy(policy.0),
            Self::Screen { zone, screen } => {
                Kind::Screen(proto::ScreenCause { zone: zone.0.into(), screen: screen.index() as u32 })
            }
            Self::Filter { filter, term } => {
                Kind::Filter(proto::FilterCause { filter, term: term.map(u32::from) })
            }
        };
        proto::DropCause { kind: Some(kind) }
    }

    fn from_message(message: proto::DropCause) -> Read<Self> {
        Ok(match need("cause of a drop", message.kind)? {
            Kind::Policy(policy) => Self::Policy(PolicyId(policy)),
            Kind::Screen(cause) => Self::Screen {
                zone: ZoneId(small("zone id", cause.zone)?),
                screen: need("screen", Screen::from_number(cause.screen))?,
            },
            Kind::Filter(cause) => {
                let term = cause.term.map(|term| small("term", term)).transpose()?;
                Self::Filter { filter: cause.filter, term }
            }
        })
    }
}

impl Wire for DropSample {
    type Message = proto::DropSample;

    fn to_message(&self) -> proto::DropSample {
        let Self { packet, reason, cause } = self;
        proto::DropSample {
            reason: reason.name().to_owned(),
            packet: Some(packet.to_message()),
            cause: cause.as_ref().map(Wire::to_message),
        }
    }

    fn from_message(message: proto::DropSample) -> Read<Self> {
        Ok(Self {
            packet: part("packet", message.packet)?,
            reason: reason(&message.reason)?,
            cause: message.cause.map(Wire::from_message).transpose()?,
        })
    }
}

impl Wire for DropSamples {
    type Message = proto::DropSamples;

    fn to_message(&self) -> proto::DropSamples {
        let Self { now_ns, samples } = self;
        proto::DropSamples { samples: encode_all(samples), now_ns: *now_ns }
    }

    fn from_message(message: proto::DropSamples) -> Read<Self> {
        Ok(Self { now_ns: message.now_ns, samples: decode_all(message.samples)? })
    }
}

pub(super) fn ports(range: (u16, u16)) -> proto::Ports {
    proto::Ports { first: range.0.into(), last: range.1.into() }
}

pub(super) fn range(message: proto::Ports) -> Read<(u16, u16)> {
    Ok((small("port", message.first)?, small("port", message.last)?))
}

impl Wire for PacketFilter {
    type Message = proto::PacketFilter;

    fn to_message(&self) -> proto::PacketFilter {
        let Self {
            interface,
            zone,
            family,
            proto,
            source,
            destination,
            source_ports,
            destination_ports,
            reason,
        } = self;
        proto::PacketFilter {
            interface: interface.map(|unit| unit.0.into()),
            zone: zone.map(|zone| zone.0.into()),
            family: family.map(|family| family.to_message()),
            proto: proto.map(|proto| proto.0.into()),
            source: source.as_ref().map(Wire::to_message),
            destination: destination.as_ref().map(Wire::to_message),
            source_ports: source_ports.map(ports),
            destination_ports: destination_ports.map(ports),
            reason: reason.map(|reason| reason.name().to_owned()),
        }
    }

    fn from_message(message: proto::PacketFilter) -> Read<Self> {
        Ok(Self {
            interface: message.interface.map(unit).transpose()?,
            zone: message.zone.map(|zone| small("zone id", zone).map(ZoneId)).transpose()?,
            family: message.family.map(Family::from_message).transpose()?,
            proto: message.proto.map(|proto| small("protocol", proto).map(Proto)).transpose()?,
            source: message.source.map(Wire::from_message).transpose()?,
            destination: message.destination.map(Wire::from_message).transpose()?,
            source_ports: message.source_ports.map(range).transpose()?,
            destination_ports: message.destination_ports.map(range).transpose()?,
            reason: message.reason.map(|name| reason(&name)).transpose()?,
        })
    }
}

impl Wire for TraceRequest {
    type Message = proto::TraceRequest;

    fn to_message(&self) -> proto::TraceRequest {
        let Self { filters, kind, packets, for_s } = self;
        let kind = match kind {
            TraceKind::Drops => proto::TraceKind::Drops,
            TraceKind::Path => proto::TraceKind::Path,
            TraceKind::DropPath => proto::TraceKind::DropPath,
        };
        proto::TraceRequest {
            filters: encode_all(filters),
            kind: kind.into(),
            packets: *packets,
            for_s: *for_s,
        }
    }

    fn from_message(message: proto::TraceRequest) -> Read<Self> {
        let kind = match proto::TraceKind::try_from(message.kind) {
            Ok(proto::TraceKind::Drops) => TraceKind::Drops,
            Ok(proto::TraceKind::Path) => TraceKind::Path,
            Ok(proto::TraceKind::DropPath) => TraceKind::DropPath,
            Ok(proto::TraceKind::Unspecified) | Err(_) => {
                return Err(Malformed::Unknown { what: "kind of trace", value: message.kind.to_string() });
            }
        };
        let filters = decode_all(message.filters)?;
        Ok(Self { filters, kind, packets: message.packets, for_s: message.for_s })
    }
}

impl Wire for TracedPacket {
    type Message = proto::TracedPacket;

    fn to_message(&self) -> proto::TracedPacket {
        let Self { packet, verdict, cause, findings, findings_lost } = self.clone();
        proto::TracedPacket {
            packet: Some(packet.to_message()),
            explanation: Some(Explanation { verdict, findings }.to_message()),
            cause: cause.as_ref().map(Wire::to_message),
            findings_lost,
        }
    }

    fn from_message(message: proto::TracedPacket) -> Read<Self> {
        let Explanation { verdict, findings } = part("explanation", message.explanation)?;
        Ok(Self {
            packet: part("packet", message.packet)?,
            verdict,
            cause: message.cause.map(Wire::from_message).transpose()?,
            findings,
            findings_lost: message.findings_lost,
        })
    }
}

impl Wire for TraceBatch {
    type Message = proto::TraceBatch;

    fn to_message(&self) -> proto::TraceBatch {
        let Self { now_ns, packets, lost, ended } = self;
        proto::TraceBatch { now_ns: *now_ns, packets: encode_all(packets), lost: *lost, ended: *ended }
    }

    fn from_message(message: proto::TraceBatch) -> Read<Self> {
        let proto::TraceBatch { now_ns, packets, lost, ended } = message;
        Ok(Self { now_ns, packets: decode_all(packets)?, lost, ended })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::survives;
    use super::*;
    use ravelin_contract::{Finding, InjectVerdict, SessionKey};
    use ravelin_types::{DropReason, InstanceId, InterfaceId};

    fn head(interface: Option<u16>, key: Option<(&str, &str)>) -> PacketHead {
        let address = |text: &str| text.parse().unwrap();
        PacketHead {
            at_ns: 7,
            worker: WorkerId(3),
            interface: interface.map(InterfaceId),
            from_host: interface.is_none(),
            key: key.map(|(src, dst)| SessionKey {
                src: address(src),
                dst: address(dst),
                sport: 1,
                dport: 65_535,
                proto: Proto::UDP,
                instance: InstanceId::DEFAULT,
            }),
            bytes: 1514,
            head: vec![1, 2, 3],
        }
    }

    #[test]
    fn samples_and_traced_packets_survive() {
        let causes = [
            None,
            Some(DropCause::Policy(PolicyId(9))),
            Some(DropCause::Screen { zone: ZoneId(2), screen: Screen::Land }),
            Some(DropCause::Filter { filter: 4, term: None }),
            Some(DropCause::Filter { filter: 4, term: Some(1) }),
        ];
        let packets = [
            head(Some(1), Some(("10.0.0.1", "192.0.2.1"))),
            head(None, Some(("::1", "2001:db8::1"))),
            head(Some(0), None),
        ];
        for packet in packets {
            let sample = |cause| DropSample { packet: packet.clone(), reason: DropReason::PolicyDeny, cause };
            survives([DropSamples { now_ns: 8, samples: causes.map(sample).to_vec() }]);
            let finding = Finding { stage: "zone".into(), subject: "a".into(), outcome: "b".into() };
            let traced = |cause| TracedPacket {
                packet: packet.clone(),
                verdict: InjectVerdict::Drop(DropReason::PolicyDeny),
                cause,
                findings: vec![finding.clone()],
                findings_lost: 5,
            };
            survives([TraceBatch { now_ns: 8, packets: causes.map(traced).to_vec(), lost: 1, ended: true }]);
        }
    }

    #[test]
    fn requests_survive_and_what_they_do_not_say_is_refused() {
        let full = PacketFilter {
            interface: Some(InterfaceId(1)),
            zone: Some(ZoneId(2)),
            family: Some(Family::V6),
            proto: Some(Proto::TCP),
            source: "10.0.0.0/8".parse().ok(),
            destination: "2001:db8::/32".parse().ok(),
            source_ports: Some((1, 2)),
            destination_ports: Some((443, 443)),
            reason: Some(DropReason::NoRoute),
        };
        let filters = vec![full, PacketFilter { family: Some(Family::V4), ..PacketFilter::default() }];
        let request = |kind| TraceRequest { filters: filters.clone(), kind, packets: 9, for_s: 60 };
        survives([TraceKind::Drops, TraceKind::Path, TraceKind::DropPath].map(request));
        let odd = proto::TraceRequest { kind: 9, ..proto::TraceRequest::default() };
        assert_eq!(TraceRequest::from_message(odd).unwrap_err().to_string(), "unknown kind of trace `9`");
        let odd = proto::PacketFilter { reason: Some("odd".into()), ..proto::PacketFilter::default() };
        assert_eq!(PacketFilter::from_message(odd).unwrap_err().to_string(), "unknown drop reason `odd`");
    }
}
