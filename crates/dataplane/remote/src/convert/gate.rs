//! Sessions that gateways expect.

use ravelin_contract::{Alg, GateFilter, GatePage, GateSource, GateView};
use ravelin_types::{Proto, SessionId, WorkerId, ZoneId};

use super::trace::{ports, range};
use super::{Malformed, Read, Wire, address, decode_all, encode_all, need, octets, part, small};
use crate::proto;
use crate::proto::gate_view::Source;

impl Wire for Alg {
    type Message = u32;

    fn to_message(&self) -> u32 {
        match self {
            Self::Ftp => 1,
            Self::Tftp => 2,
        }
    }

    fn from_message(message: u32) -> Read<Self> {
        match message {
            1 => Ok(Self::Ftp),
            2 => Ok(Self::Tftp),
            value => Err(Malformed::Range { what: "gateway", value: value.into() }),
        }
    }
}

impl Wire for GateSource {
    type Message = Source;

    fn to_message(&self) -> Source {
        match self {
            Self::Kept => Source::Kept(proto::Empty {}),
            Self::Address(addr) => Source::Address(octets(*addr)),
            Self::ByRules => Source::ByRules(proto::Empty {}),
        }
    }

    fn from_message(message: Source) -> Read<Self> {
        Ok(match message {
            Source::Kept(_) => Self::Kept,
            Source::Address(bytes) => Self::Address(address(&bytes)?),
            Source::ByRules(_) => Self::ByRules,
        })
    }
}

impl Wire for GateView {
    type Message = proto::GateView;

    fn to_message(&self) -> proto::GateView {
        let Self { worker, key, source_ports, to, to_port, source, alg, parent, application, .. } = *self;
        let Self { from_zone, to_zone, leased, left_s, .. } = *self;
        proto::GateView {
            worker: worker.0.into(),
            key: Some(key.to_message()),
            source_ports: Some(ports(source_ports)),
            to: octets(to),
            to_port: to_port.into(),
            source: Some(source.to_message()),
            alg: alg.to_message(),
            parent: parent.0,
            application,
            from_zone: from_zone.0.into(),
            to_zone: to_zone.0.into(),
            leased,
            left_s,
        }
    }

    fn from_message(message: proto::GateView) -> Read<Self> {
        Ok(Self {
            worker: WorkerId(small("worker", message.worker)?),
            key: part("session key", message.key)?,
            source_ports: range(need("source ports", message.source_ports)?)?,
            to: address(&message.to)?,
            to_port: small("port", message.to_port)?,
            source: part("source of an expected session", message.source)?,
            alg: Alg::from_message(message.alg)?,
            parent: SessionId(message.parent),
            application: message.application,
            from_zone: ZoneId(small("zone", message.from_zone)?),
            to_zone: ZoneId(small("zone", message.to_zone)?),
            leased: message.leased,
            left_s: message.left_s,
        })
    }
}

impl Wire for GateFilter {
    type Message = proto::GateFilter;

    fn to_message(&self) -> proto::GateFilter {
        let Self { proto, source, destination, source_port, destination_port, family } = *self;
        proto::GateFilter {
            proto: proto.map(|proto| proto.0.into()),
            source: source.as_ref().map(Wire::to_message),
            destination: destination.as_ref().map(Wire::to_message),
            source_port: source_port.map(u32::from),
            destination_port: destination_port.map(u32::from),
            family: family.as_ref().map(Wire::to_message),
        }
    }

    fn from_message(message: proto::GateFilter) -> Read<Self> {
        let port = |what, port: Option<u32>| port.map(|port| small(what, port)).transpose();
        Ok(Self {
            proto: message.proto.map(|p| small("protocol", p).map(Proto)).transpose()?,
            source: message.source.map(Wire::from_message).transpose()?,
            destination: message.destination.map(Wire::from_message).transpose()?,
            source_port: port("source port", message.source_port)?,
            destination_port: port("destination port", message.destination_port)?,
            family: message.family.map(Wire::from_message).transpose()?,
        })
    }
}

impl Wire for GatePage {
    type Message = proto::GatePage;

    fn to_message(&self) -> proto::GatePage {
        let Self { gates, next } = self;
        proto::GatePage { gates: encode_all(gates), next: next.as_ref().map(Wire::to_message) }
    }

    fn from_message(message: proto::GatePage) -> Read<Self> {
        let next = message.next.map(Wire::from_message).transpose()?;
        Ok(Self { gates: decode_all(message.gates)?, next })
    }
}

#[cfg(test)]
mod tests {
    use ravelin_contract::{ExportCursor, SessionKey};
    use ravelin_types::{Family, InstanceId};

    use super::super::testing::survives;
    use super::*;

    fn gate(source: GateSource, alg: Alg) -> GateView {
        GateView {
            worker: WorkerId(3),
            key: SessionKey {
                src: "2001:db8::1".parse().unwrap(),
                dst: "2001:db8::2".parse().unwrap(),
                sport: 0,
                dport: 65_535,
                proto: Proto::UDP,
                instance: InstanceId(7),
            },
            source_ports: (1, 65_535),
            to: "2001:db8::3".parse().unwrap(),
            to_port: 1024,
            source,
            alg,
            parent: SessionId(u64::MAX),
            application: Some(0),
            from_zone: ZoneId(4),
            to_zone: ZoneId(5),
            leased: true,
            left_s: 60,
        }
    }

    #[test]
    fn gates_survive_the_wire() {
        let addr = "192.0.2.1".parse().unwrap();
        let gates = vec![
            gate(GateSource::Kept, Alg::Ftp),
            gate(GateSource::Address(addr), Alg::Tftp),
            GateView { application: None, leased: false, ..gate(GateSource::ByRules, Alg::Ftp) },
        ];
        let next = Some(ExportCursor { worker: 2, slot: u32::MAX });
        survives([GatePage { gates, next }, GatePage::default()]);
    }

    #[test]
    fn filters_survive_the_wire() {
        let net = "2001:db8::/32".parse().ok();
        survives([
            GateFilter::default(),
            GateFilter {
                proto: Some(Proto(0)),
                source: net,
                destination: "10.0.0.0/8".parse().ok(),
                source_port: Some(0),
                destination_port: Some(9),
                family: Some(Family::V6),
            },
        ]);
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let good = gate(GateSource::Kept, Alg::Ftp).to_message();
        let refused = |message| GateView::from_message(message).is_err();
        assert!(refused(proto::GateView { alg: 0, ..good.clone() }));
        assert!(refused(proto::GateView { alg: 3, ..good.clone() }));
        assert!(refused(proto::GateView { source: None, ..good.clone() }));
        assert!(refused(proto::GateView { source: Some(Source::Address(vec![1; 5])), ..good.clone() }));
        assert!(refused(proto::GateView { to_port: 65_536, ..good.clone() }));
        assert!(refused(proto::GateView { source_ports: None, ..good.clone() }));
        assert!(refused(proto::GateView { key: None, ..good }));
        let filter = proto::GateFilter { source_port: Some(65_536), ..Default::default() };
        assert!(GateFilter::from_message(filter).is_err());
    }
}
