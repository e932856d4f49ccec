//! Events with names for ids: what a message says.
//!
//! Spec: log-8..16.

use ravelin_contract::{
    FilterAction, FilterHit, OverloadEvent, OverloadMoment, PolicerHit, PolicyDeny, SessionEvent, SessionKey,
    SessionView,
};
use ravelin_types::{InterfaceId, NatRuleId, PolicyId, PortId, RuleIdentity, ZoneId};

use crate::filter::{Outcome, Subject};
use crate::message::Message;
use crate::nat::NatRecord;
use crate::table::Tag;
use crate::tracking::TrackedRecord;

/// Which of the three translations a NAT rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NatRuleKind {
    Source,
    Destination,
    Static,
}

/// Names for the ids of events, lent by whoever knows the program that runs.
pub trait Names {
    fn zone(&self, id: ZoneId) -> String;
    /// `None`: the firewall itself.
    fn unit(&self, id: Option<InterfaceId>) -> String;
    fn policy(&self, id: PolicyId) -> String;
    fn nat_rule(&self, id: NatRuleId) -> (NatRuleKind, String);
    fn application(&self, index: u32) -> Option<String>;
    /// A firewall filter, as `show firewall` names it.
    fn filter(&self, _id: u32) -> String {
        String::new()
    }
    /// An instance of a policer, as `show policer` names it.
    fn policer(&self, _policer: RuleIdentity, _place: RuleIdentity) -> String {
        String::new()
    }
    /// A physical interface.
    fn port(&self, _id: PortId) -> String {
        String::new()
    }
    /// A source NAT pool by its number.
    fn pool(&self, _number: u32) -> String {
        String::new()
    }
    /// Whether a policy answers what it does not let through.
    fn rejects(&self, policy: PolicyId) -> bool;
}

/// What create and close have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    pub key: SessionKey,
    /// As the packet leaves.
    pub nat: SessionKey,
    pub service: Option<String>,
    /// The rule that translated the source, and the one that translated the destination.
    pub source_rule: Option<(NatRuleKind, String)>,
    pub destination_rule: Option<(NatRuleKind, String)>,
    pub policy: String,
    pub from_zone: String,
    pub to_zone: String,
    pub session: u64,
    pub interface: String,
}

/// A packet that a policy denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deny {
    pub key: SessionKey,
    pub service: Option<String>,
    pub policy: String,
    pub from_zone: String,
    pub to_zone: String,
    pub interface: String,
    /// Answered with a reset or an ICMP error.
    pub rejected: bool,
}

/// Which message a screen writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScreenTag {
    Tcp,
    Udp,
    Icmp,
    Ip,
    TcpSource,
    TcpDestination,
}

/// A packet that a screen caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    pub tag: ScreenTag,
    /// As Junos calls it: `SYN flood!`.
    pub attack: String,
    pub key: SessionKey,
    pub zone: String,
    pub interface: String,
    /// Not dropped: `alarm-without-drop`.
    pub alarm_only: bool,
}

/// The record of a screen that saw something.
#[must_use]
pub fn screen(
    (screen, dropped): (ravelin_program::Screen, bool),
    (zone, interface): (ZoneId, InterfaceId),
    key: SessionKey,
    names: &dyn Names,
) -> Record {
    let tag = match (screen, screen.path().split(' ').next()) {
        (ravelin_program::Screen::SynFloodSource, _) => ScreenTag::TcpSource,
        (ravelin_program::Screen::SynFloodDestination, _) => ScreenTag::TcpDestination,
        (_, Some("tcp")) => ScreenTag::Tcp,
        (_, Some("udp")) => ScreenTag::Udp,
        (_, Some("icmp")) => ScreenTag::Icmp,
        _ => ScreenTag::Ip,
    };
    Record::Screen(Screen {
        tag,
        attack: format!("{}!", screen.text()),
        key,
        zone: names.zone(zone),
        interface: names.unit(Some(interface)),
        alarm_only: !dropped,
    })
}

/// A packet that a term with `syslog` held of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered {
    pub filter: String,
    /// Junos' letter: `A`, `D` or `R`.
    pub action: &'static str,
    pub key: SessionKey,
    pub interface: String,
}

/// The record of a packet that a filter's term held of.
#[must_use]
pub fn filtered(hit: &FilterHit, names: &dyn Names) -> Record {
    Record::Filter(Filtered {
        filter: names.filter(hit.filter),
        action: match hit.action {
            FilterAction::Accept => "A",
            FilterAction::Discard => "D",
            FilterAction::Reject => "R",
        },
        key: hit.key,
        interface: names.unit(Some(hit.interface)),
    })
}

/// A packet beyond the limit of a policer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicedPacket {
    pub policer: String,
    /// Junos' letter: `D`, or `A` where it is marked and goes on.
    pub action: &'static str,
    pub key: SessionKey,
    pub interface: String,
    pub packets: u64,
    pub bytes: u64,
}

/// The record of a packet that a policer saw beyond its limit.
#[must_use]
pub fn policed(hit: &PolicerHit, names: &dyn Names) -> Record {
    Record::Policer(PolicedPacket {
        policer: names.policer(hit.policer, hit.place),
        action: if hit.dropped { "D" } else { "A" },
        key: hit.key,
        interface: names.unit(Some(hit.interface)),
        packets: hit.packets,
        bytes: hit.bytes,
    })
}

/// A worker that can't keep up, or could again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverloadRecord {
    /// `ring`: an interface, or `other-workers`.
    Began {
        worker: u8,
        ring: String,
    },
    Ended {
        worker: u8,
        shed: u64,
        lasted_ms: u64,
    },
}

/// In the place of an interface, of frames that other workers hand over.
const OTHER_WORKERS: &str = "other-workers";

/// The record of the beginning or end of a spell of overload.
#[must_use]
pub fn overload(event: &OverloadEvent, names: &dyn Names) -> Record {
    let OverloadEvent { worker, moment } = *event;
    Record::Overload(match moment {
        OverloadMoment::Began { port } => OverloadRecord::Began {
            worker: worker.0,
            ring: port.map_or_else(|| OTHER_WORKERS.to_owned(), |port| names.port(port)),
        },
        OverloadMoment::Ended { shed, lasted_ms } => {
            OverloadRecord::Ended { worker: worker.0, shed, lasted_ms }
        }
    })
}

/// Anything the log can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    Create(Flow),
    Close {
        flow: Flow,
        reason: &'static str,
        packets: [u64; 2],
        bytes: [u64; 2],
        elapsed_s: u32,
    },
    /// It lives on: the same without a reason.
    Update {
        flow: Flow,
        packets: [u64; 2],
        bytes: [u64; 2],
        elapsed_s: u32,
    },
    Deny(Deny),
    Screen(Screen),
    Filter(Filtered),
    Policer(PolicedPacket),
    Nat(NatRecord),
    Tracked(TrackedRecord),
    Overload(OverloadRecord),
    /// The log's own loss, told to the stream that lost.
    StreamLost {
        stream: String,
        lost: u64,
        limited: u64,
        produced: u64,
    },
    EventsLost {
        events: u64,
    },
}

/// The beginning of a session.
#[must_use]
pub fn create(event: &SessionEvent, names: &dyn Names) -> Record {
    Record::Create(flow(&event.view, names))
}

/// The end of a session; `reason` as RT_FLOW writes it.
#[must_use]
pub fn close(event: &SessionEvent, reason: &'static str, names: &dyn Names) -> Record {
    let [out, back] = &event.view.wings;
    Record::Close {
        flow: flow(&event.view, names),
        reason,
        packets: [out.packets, back.packets],
        bytes: [out.bytes, back.bytes],
        elapsed_s: event.view.age_s,
    }
}

/// A session that goes on.
#[must_use]
pub fn update(view: &SessionView, names: &dyn Names) -> Record {
    let [out, back] = &view.wings;
    Record::Update {
        flow: flow(view, names),
        packets: [out.packets, back.packets],
        bytes: [out.bytes, back.bytes],
        elapsed_s: view.age_s,
    }
}

/// A denied packet.
#[must_use]
pub fn deny(deny: &PolicyDeny, names: &dyn Names) -> Record {
    let PolicyDeny { policy, key, interface, from_zone, to_zone, application } = *deny;
    Record::Deny(Deny {
        key,
        service: application.and_then(|index| names.application(index)),
        policy: names.policy(policy),
        from_zone: names.zone(from_zone),
        to_zone: names.zone(to_zone),
        interface: names.unit(Some(interface)),
        rejected: names.rejects(policy),
    })
}

pub(crate) fn flow(view: &SessionView, names: &dyn Names) -> Flow {
    let [out, back] = &view.wings;
    Flow {
        key: out.key,
        nat: leaving(&out.key, &back.key),
        service: view.application.and_then(|index| names.application(index)),
        source_rule: view.nat_rule.map(|id| names.nat_rule(id)),
        destination_rule: view.destination_rule.map(|id| names.nat_rule(id)),
        policy: names.policy(view.policy),
        from_zone: names.zone(view.from_zone),
        to_zone: names.zone(view.to_zone),
        session: view.id.0,
        interface: names.unit(out.interface),
    }
}

/// What leaves is what comes back, turned round; the numbers of ICMP are no ports and turn with the id only.
fn leaving(out: &SessionKey, back: &SessionKey) -> SessionKey {
    SessionKey {
        src: back.dst,
        sport: back.dport,
        dst: back.src,
        dport: back.sport,
        proto: out.proto,
        instance: back.instance,
    }
}

impl Record {
    /// Which message it is.
    #[must_use]
    pub fn tag(&self) -> Tag {
        match self {
            Self::Create(_) => Tag::SessionCreate,
            Self::Close { .. } => Tag::SessionClose,
            Self::Update { .. } => Tag::SessionUpdate,
            Self::Deny(_) => Tag::SessionDeny,
            Self::Screen(screen) => match screen.tag {
                ScreenTag::Tcp => Tag::ScreenTcp,
                ScreenTag::Udp => Tag::ScreenUdp,
                ScreenTag::Icmp => Tag::ScreenIcmp,
                ScreenTag::Ip => Tag::ScreenIp,
                ScreenTag::TcpSource => Tag::ScreenTcpSource,
                ScreenTag::TcpDestination => Tag::ScreenTcpDestination,
            },
            Self::Filter(_) => Tag::Filter,
            Self::Policer(_) => Tag::Policer,
            Self::Nat(record) => record.tag(),
            Self::Tracked(record) => record.tag(),
            Self::Overload(OverloadRecord::Began { .. }) => Tag::OverloadBegan,
            Self::Overload(OverloadRecord::Ended { .. }) => Tag::OverloadEnded,
            Self::StreamLost { .. } => Tag::StreamLost,
            Self::EventsLost { .. } => Tag::EventsLost,
        }
    }

    /// Its row of the table.
    #[must_use]
    pub fn message(&self) -> &'static Message {
        self.tag().message()
    }

    /// What filters ask for.
    #[must_use]
    pub fn subject(&self) -> Subject<'_> {
        let message = self.message();
        let subject = Subject {
            tag: message.tag,
            process: message.process,
            severity: message.severity,
            ..Subject::default()
        };
        match self {
            Self::Create(flow) | Self::Close { flow, .. } | Self::Update { flow, .. } => Subject {
                interface: &flow.interface,
                policy: &flow.policy,
                outcome: Some(Outcome::Success),
                ..subject.of(&flow.key)
            },
            Self::Deny(deny) => Subject {
                interface: &deny.interface,
                policy: &deny.policy,
                outcome: Some(Outcome::Failure),
                ..subject.of(&deny.key)
            },
            Self::Screen(screen) => Subject {
                interface: &screen.interface,
                outcome: Some(Outcome::Failure),
                ..subject.of(&screen.key)
            },
            Self::Filter(filtered) => Subject {
                interface: &filtered.interface,
                policy: &filtered.filter,
                outcome: Some(if filtered.action == "A" { Outcome::Success } else { Outcome::Failure }),
                ..subject.of(&filtered.key)
            },
            Self::Policer(policed) => Subject {
                interface: &policed.interface,
                policy: &policed.policer,
                outcome: Some(if policed.action == "A" { Outcome::Success } else { Outcome::Failure }),
                ..subject.of(&policed.key)
            },
            Self::Nat(record) => record.subject(subject),
            Self::Tracked(record) => record.subject(subject),
            Self::Overload(OverloadRecord::Began { ring, .. }) => Subject { interface: ring, ..subject },
            Self::Overload(OverloadRecord::Ended { .. })
            | Self::StreamLost { .. }
            | Self::EventsLost { .. } => subject,
        }
    }

    /// The message's text, without anything around it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.with_values(|values| crate::line::text(&mut out, self.message(), values));
        out
    }
}
