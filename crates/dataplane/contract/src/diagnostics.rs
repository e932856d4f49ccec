//! Looking inside: status, injected packets, samples of what was dropped, traces of what passes.

use ravelin_program::Screen;
use ravelin_types::{DropReason, Family, Generation, InterfaceId, PolicyId, Proto, WorkerId, ZoneId};

use crate::{Error, SessionKey};

/// One worker's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerStatus {
    pub worker: WorkerId,
    pub alive: bool,
    pub restarts: u32,
    pub generation: Generation,
}

/// One port's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortStatus {
    pub name: String,
    pub up: bool,
    /// How packets are taken: the backend's word, for people.
    pub mode: String,
}

/// The plane at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub backend: String,
    pub armed: bool,
    /// Changes with every start of the plane.
    pub epoch: u64,
    pub generation: Option<Generation>,
    pub workers: Vec<WorkerStatus>,
    pub ports: Vec<PortStatus>,
}

/// A packet to judge without sending it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectRequest {
    /// The unit it arrives on.
    pub interface: String,
    /// A whole Ethernet frame, without the unit's VLAN tag.
    pub frame: Vec<u8>,
    /// Frames that are tried before it, by the same unit and as if just now.
    pub before: Vec<Vec<u8>>,
}

/// How an injected packet ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InjectVerdict {
    Forward { interface: String },
    Host { interface: String },
    Drop(DropReason),
    Consume,
}

/// One thing the engine decided on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The stage: `zone`, `route`, `policy`, `nat`, `session`, ...
    pub stage: String,
    /// What it was about, by name.
    pub subject: String,
    /// What came of it.
    pub outcome: String,
}

/// Why a packet ended as it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub verdict: InjectVerdict,
    pub findings: Vec<Finding>,
}

/// What of a packet is kept: where it came in, its tuple as it came, and its first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketHead {
    /// On the clock of [`DropSamples::now_ns`] and [`TraceBatch::now_ns`].
    pub at_ns: u64,
    pub worker: WorkerId,
    /// The unit it came by, or, of what the firewall itself sends, is to leave by.
    pub interface: Option<InterfaceId>,
    pub from_host: bool,
    /// `None`: no IP, or a header that can't be read.
    pub key: Option<SessionKey>,
    /// Of the whole frame.
    pub bytes: u32,
    /// As it was when it ended, at most [`HEAD_BYTES_MAX`] of it.
    pub head: Vec<u8>,
}

/// Bytes that are kept of a packet.
pub const HEAD_BYTES_MAX: usize = 96;

/// What in the configuration a drop is the work of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropCause {
    Policy(PolicyId),
    Screen {
        zone: ZoneId,
        screen: Screen,
    },
    /// `None`: no term held.
    Filter {
        filter: u32,
        term: Option<u16>,
    },
}

/// A packet that was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropSample {
    pub packet: PacketHead,
    pub reason: DropReason,
    pub cause: Option<DropCause>,
}

/// The last packets that were dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropSamples {
    pub now_ns: u64,
    /// The newest first.
    pub samples: Vec<DropSample>,
}

/// Which packets are meant, as they come in; what is not said holds of every packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketFilter {
    pub interface: Option<InterfaceId>,
    /// The zone it comes from.
    pub zone: Option<ZoneId>,
    pub family: Option<Family>,
    pub proto: Option<Proto>,
    pub source: Option<ipnet::IpNet>,
    pub destination: Option<ipnet::IpNet>,
    /// First and last.
    pub source_ports: Option<(u16, u16)>,
    pub destination_ports: Option<(u16, u16)>,
    /// Only packets that are dropped for it.
    pub reason: Option<DropReason>,
}

impl PacketFilter {
    /// Whether a packet of this tuple is meant that came by a unit from a zone. One without a tuple is meant when
    /// nothing is said about tuples.
    #[must_use]
    pub fn holds(&self, at: (Option<InterfaceId>, Option<ZoneId>), key: Option<&SessionKey>) -> bool {
        let Self {
            interface, zone, family, proto, source, destination, source_ports, destination_ports, ..
        } = self;
        if interface.is_some() && *interface != at.0 || zone.is_some() && *zone != at.1 {
            return false;
        }
        let within =
            |ports: Option<(u16, u16)>, port| ports.is_none_or(|(first, last)| first <= port && port <= last);
        let Some(key) = key else {
            return family.is_none()
                && proto.is_none()
                && source.is_none()
                && destination.is_none()
                && source_ports.is_none()
                && destination_ports.is_none();
        };
        family.is_none_or(|family| (family == Family::V6) == key.src.is_ipv6())
            && proto.is_none_or(|proto| proto == key.proto)
            && source.is_none_or(|net| net.contains(&key.src))
            && destination.is_none_or(|net| net.contains(&key.dst))
            && within(*source_ports, key.sport)
            && within(*destination_ports, key.dport)
    }
}

/// What of packets is to be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceKind {
    /// Drops: reason, cause and head. Packets that pass are not touched by it.
    #[default]
    Drops,
    /// Every decision about a packet, whatever its end.
    Path,
    /// Every decision about packets that are dropped.
    DropPath,
}

/// A wish to be told of packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceRequest {
    /// A packet is meant when one of them holds; none: every packet.
    pub filters: Vec<PacketFilter>,
    pub kind: TraceKind,
    /// It ends after so many packets; 0: it does not end by that.
    pub packets: u64,
    /// It ends after so many seconds; 0: it does not end by that.
    pub for_s: u32,
}

/// Filters of one trace.
pub const TRACE_FILTERS_MAX: usize = 64;
/// Traces that a plane runs at a time.
pub const TRACES_MAX: usize = 8;
/// A trace that nobody has read for so long ends by itself.
pub const TRACE_UNREAD_MAX_S: u32 = 15;

/// A running trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub u64);

/// A packet and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedPacket {
    pub packet: PacketHead,
    pub verdict: InjectVerdict,
    pub cause: Option<DropCause>,
    /// In the order of the decisions; empty for [`TraceKind::Drops`].
    pub findings: Vec<Finding>,
    /// Decisions that there was no room for.
    pub findings_lost: u32,
}

/// What a trace has seen since it was read last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceBatch {
    pub now_ns: u64,
    /// The oldest first.
    pub packets: Vec<TracedPacket>,
    /// Packets that there was no room for, and that may have been meant.
    pub lost: u64,
    /// Nothing follows: the trace has ended.
    pub ended: bool,
}

/// Looks inside the plane.
pub trait Diagnostics {
    /// # Errors
    /// The plane is gone.
    fn status(&self) -> Result<Status, Error>;
    /// Lets packets through (`true`) or drops all of them.
    ///
    /// # Errors
    /// No program is applied.
    fn arm(&self, armed: bool) -> Result<(), Error>;
    /// Runs a packet through the engine with a full recorder, on copies of the sessions that it may be of: it makes no
    /// session, counts nowhere and leaves no trace.
    ///
    /// # Errors
    /// Unknown interface, or the plane is gone.
    fn inject_packet(&self, request: &InjectRequest) -> Result<Explanation, Error>;
    /// The last packets dropped, a bounded number for each reason.
    ///
    /// # Errors
    /// Not supported, or the plane is gone.
    fn drop_samples(&self, max: usize) -> Result<DropSamples, Error>;
    /// Forgets the samples.
    ///
    /// # Errors
    /// Not supported, or the plane is gone.
    fn clear_drop_samples(&self) -> Result<(), Error> {
        Err(Error::Unsupported("drop samples"))
    }
    /// Begins to note packets as they pass. It must be read, or it ends by itself ([`TRACE_UNREAD_MAX_S`]).
    ///
    /// # Errors
    /// Not supported, too many run ([`TRACES_MAX`]), or the plane is gone.
    fn trace_start(&self, _: &TraceRequest) -> Result<TraceId, Error> {
        Err(Error::Unsupported("packet traces"))
    }
    /// Takes what was noted, at most `max` packets. An unknown trace has ended.
    ///
    /// # Errors
    /// The plane is gone.
    fn trace_read(&self, _: TraceId, _max: usize) -> Result<TraceBatch, Error> {
        Err(Error::Unsupported("packet traces"))
    }
    /// Ends a trace. An unknown one has ended already.
    ///
    /// # Errors
    /// The plane is gone.
    fn trace_stop(&self, _: TraceId) -> Result<(), Error> {
        Err(Error::Unsupported("packet traces"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(src: &str, dst: &str) -> SessionKey {
        let address = |text: &str| text.parse().unwrap();
        SessionKey {
            src: address(src),
            dst: address(dst),
            sport: 1000,
            dport: 443,
            proto: Proto::TCP,
            instance: ravelin_types::InstanceId::DEFAULT,
        }
    }

    #[test]
    fn every_condition_of_a_filter_must_hold() {
        let at = (Some(InterfaceId(1)), Some(ZoneId(2)));
        let web = key("10.1.0.5", "192.0.2.80");
        let all = PacketFilter {
            interface: at.0,
            zone: at.1,
            family: Some(Family::V4),
            proto: Some(Proto::TCP),
            source: "10.1.0.0/16".parse().ok(),
            destination: "192.0.2.80/32".parse().ok(),
            source_ports: Some((1000, 1000)),
            destination_ports: Some((400, 500)),
            reason: None,
        };
        assert!(all.holds(at, Some(&web)));
        let others = [
            PacketFilter { interface: Some(InterfaceId(9)), ..all.clone() },
            PacketFilter { zone: Some(ZoneId(9)), ..all.clone() },
            PacketFilter { family: Some(Family::V6), ..all.clone() },
            PacketFilter { proto: Some(Proto::UDP), ..all.clone() },
            PacketFilter { source: "10.2.0.0/16".parse().ok(), ..all.clone() },
            PacketFilter { destination: "192.0.2.81/32".parse().ok(), ..all.clone() },
            PacketFilter { source_ports: Some((1, 999)), ..all.clone() },
            PacketFilter { destination_ports: Some((444, 500)), ..all.clone() },
        ];
        for other in others {
            assert!(!other.holds(at, Some(&web)), "{other:?}");
        }
    }

    #[test]
    fn a_packet_without_a_tuple_is_meant_when_none_is_asked_for() {
        let at = (Some(InterfaceId(1)), None);
        assert!(PacketFilter::default().holds(at, None));
        assert!(PacketFilter { interface: at.0, ..PacketFilter::default() }.holds(at, None));
        assert!(!PacketFilter { proto: Some(Proto::TCP), ..PacketFilter::default() }.holds(at, None));
    }
}
