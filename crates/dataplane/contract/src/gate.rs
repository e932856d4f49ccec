//! Sessions that gateways of the application layer expect, as `show security flow gate` lists them.

use std::net::IpAddr;

use ravelin_types::{Family, Proto, SessionId, WorkerId, ZoneId};

use crate::{ExportCursor, SessionKey};

/// A gateway that expects sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Alg {
    Ftp,
    Tftp,
}

/// What the source of an expected session becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateSource {
    Kept,
    /// This address; its port stays.
    Address(IpAddr),
    /// What source NAT makes of it when it comes.
    ByRules,
}

/// One expected session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateView {
    pub worker: WorkerId,
    /// Of its first packet, whose source port is one of `source_ports`; 0 stands for it here.
    pub key: SessionKey,
    /// First and last.
    pub source_ports: (u16, u16),
    /// Where it goes behind the translation of its destination.
    pub to: IpAddr,
    pub to_port: u16,
    pub source: GateSource,
    pub alg: Alg,
    /// The session that expects it.
    pub parent: SessionId,
    /// Of that one: index into the program's application names.
    pub application: Option<u32>,
    pub from_zone: ZoneId,
    pub to_zone: ZoneId,
    /// The port that it comes to is leased for it.
    pub leased: bool,
    /// Begun seconds until it is expected no more; 0: it is over, and about to be forgotten.
    pub left_s: u32,
}

/// Which are meant; every field that is set must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateFilter {
    pub proto: Option<Proto>,
    pub source: Option<ipnet::IpNet>,
    pub destination: Option<ipnet::IpNet>,
    pub source_port: Option<u16>,
    pub destination_port: Option<u16>,
    pub family: Option<Family>,
}

/// Some of those that a filter holds for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatePage {
    pub gates: Vec<GateView>,
    /// Where to go on; `None`: those were all.
    pub next: Option<ExportCursor>,
}

impl GateFilter {
    /// As a filter of sessions: of the packet that would open it.
    #[must_use]
    pub fn holds(&self, gate: &GateView) -> bool {
        let Self { proto, source, destination, source_port, destination_port, family } = *self;
        let (low, high) = gate.source_ports;
        proto.is_none_or(|proto| proto == gate.key.proto)
            && source.is_none_or(|net| net.contains(&gate.key.src))
            && destination.is_none_or(|net| net.contains(&gate.key.dst))
            && source_port.is_none_or(|port| (low..=high).contains(&port))
            && destination_port.is_none_or(|port| port == gate.key.dport)
            && family.is_none_or(|family| (family == Family::V6) == gate.key.src.is_ipv6())
    }
}

#[cfg(test)]
mod tests {
    use ravelin_types::InstanceId;

    use super::*;

    #[test]
    fn every_field_of_a_filter_must_hold() {
        let gate = GateView {
            worker: WorkerId(0),
            key: SessionKey {
                src: "198.51.100.2".parse().unwrap(),
                dst: "203.0.113.5".parse().unwrap(),
                sport: 0,
                dport: 1030,
                proto: Proto::TCP,
                instance: InstanceId::DEFAULT,
            },
            source_ports: (20, 30),
            to: "10.1.0.2".parse().unwrap(),
            to_port: 5000,
            source: GateSource::Kept,
            alg: Alg::Ftp,
            parent: SessionId(1),
            application: None,
            from_zone: ZoneId(1),
            to_zone: ZoneId(2),
            leased: false,
            left_s: 9,
        };
        let all = GateFilter {
            proto: Some(Proto::TCP),
            source: "198.51.100.0/24".parse().ok(),
            destination: "203.0.113.5/32".parse().ok(),
            source_port: Some(30),
            destination_port: Some(1030),
            family: Some(Family::V4),
        };
        assert!(GateFilter::default().holds(&gate) && all.holds(&gate));
        assert!(GateFilter { source_port: Some(20), ..all }.holds(&gate));
        for other in [
            GateFilter { proto: Some(Proto::UDP), ..all },
            GateFilter { source: "203.0.113.0/24".parse().ok(), ..all },
            GateFilter { destination: "10.1.0.2/32".parse().ok(), ..all },
            GateFilter { destination: "::/0".parse().ok(), ..all },
            GateFilter { source_port: Some(31), ..all },
            GateFilter { source_port: Some(19), ..all },
            GateFilter { destination_port: Some(5000), ..all },
            GateFilter { family: Some(Family::V6), ..all },
        ] {
            assert!(!other.holds(&gate), "{other:?}");
        }
    }
}
