//! Events with names for ids: what a message says.
//!
//! Spec: log-8..16.

use std::net::{IpAddr, Ipv4Addr};

use ravelin_contract::{FilterAction, FilterHit, SessionEvent, SessionKey};
use ravelin_types::{InterfaceId, NatRuleId, PolicyId, Proto, ZoneId};

use crate::filter::{Outcome, Subject};
use crate::message::{self, Message};

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
    /// Where a denied packet came from and was going to, and whether it was answered.
    fn denied(&self, interface: InterfaceId, policy: PolicyId) -> (String, String, bool);
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
    Deny(Deny),
    Screen(Screen),
    Filter(Filtered),
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

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Address(IpAddr),
}

use Value::{Address, Number, Text};

/// Junos' words for what was not there.
const NONE: Value<'static> = Text("None");
const NOT_AVAILABLE: Value<'static> = Text("N/A");
const NA: Value<'static> = Text("NA");
const UNKNOWN: Value<'static> = Text("UNKNOWN");

/// The beginning of a session.
#[must_use]
pub fn create(event: &SessionEvent, names: &dyn Names) -> Record {
    Record::Create(flow(event, names))
}

/// The end of a session; `reason` as RT_FLOW writes it.
#[must_use]
pub fn close(event: &SessionEvent, reason: &'static str, names: &dyn Names) -> Record {
    let [out, back] = &event.view.wings;
    Record::Close {
        flow: flow(event, names),
        reason,
        packets: [out.packets, back.packets],
        bytes: [out.bytes, back.bytes],
        elapsed_s: event.view.age_s,
    }
}

/// A denied packet.
#[must_use]
pub fn deny(key: SessionKey, interface: InterfaceId, policy: PolicyId, names: &dyn Names) -> Record {
    let (from_zone, to_zone, rejected) = names.denied(interface, policy);
    Record::Deny(Deny {
        key,
        policy: names.policy(policy),
        from_zone,
        to_zone,
        interface: names.unit(Some(interface)),
        rejected,
    })
}

fn flow(event: &SessionEvent, names: &dyn Names) -> Flow {
    let view = &event.view;
    let [out, back] = &view.wings;
    let nat = leaving(&out.key, &back.key);
    let (source_rule, destination_rule) = match view.nat_rule.map(|id| names.nat_rule(id)) {
        None => (None, None),
        Some(rule @ (NatRuleKind::Source, _)) => (Some(rule), None),
        Some(rule @ (NatRuleKind::Destination, _)) => (None, Some(rule)),
        // A static rule is about the side that it changed.
        Some(rule @ (NatRuleKind::Static, _)) if nat.src != out.key.src => (Some(rule), None),
        Some(rule @ (NatRuleKind::Static, _)) => (None, Some(rule)),
    };
    Flow {
        key: out.key,
        nat,
        service: view.application.and_then(|index| names.application(index)),
        source_rule,
        destination_rule,
        policy: names.policy(view.policy),
        from_zone: names.zone(view.from_zone),
        to_zone: names.zone(view.to_zone),
        session: view.id.0,
        interface: names.unit(out.interface),
    }
}

/// What leaves is what comes back, turned round; the numbers of ICMP are no ports and turn with the id only.
fn leaving(out: &SessionKey, back: &SessionKey) -> SessionKey {
    SessionKey { src: back.dst, sport: back.dport, dst: back.src, dport: back.sport, proto: out.proto }
}

/// The ICMP type of a session's key: an echo has its identifier first and 0 second, others type and code first.
/// Spec: log-14.
fn icmp_type(key: &SessionKey) -> u64 {
    match (key.proto, key.dport) {
        (Proto::ICMP, 0) => 8,
        (Proto::ICMPV6, 0) => 128,
        (Proto::ICMP | Proto::ICMPV6, 1) => u64::from(key.sport >> 8),
        _ => 0,
    }
}

impl Record {
    /// Its place in the catalogue.
    #[must_use]
    pub fn message(&self) -> &'static Message {
        match self {
            Self::Create(_) => &message::CREATE,
            Self::Close { .. } => &message::CLOSE,
            Self::Deny(_) => &message::DENY,
            Self::Screen(screen) => match screen.tag {
                ScreenTag::Tcp => &message::SCREEN_TCP,
                ScreenTag::Udp => &message::SCREEN_UDP,
                ScreenTag::Icmp => &message::SCREEN_ICMP,
                ScreenTag::Ip => &message::SCREEN_IP,
                ScreenTag::TcpSource => &message::SCREEN_TCP_SRC_IP,
                ScreenTag::TcpDestination => &message::SCREEN_TCP_DST_IP,
            },
            Self::Filter(_) => &message::FILTER,
            Self::StreamLost { .. } => &message::STREAM_LOST,
            Self::EventsLost { .. } => &message::EVENTS_LOST,
        }
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
            Self::Create(flow) | Self::Close { flow, .. } => Subject {
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
            Self::StreamLost { .. } | Self::EventsLost { .. } => subject,
        }
    }

    /// The message's text, without anything around it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        crate::line::text(&mut out, self);
        out
    }

    /// Lends the fields, in the message's order.
    pub(crate) fn with_values<R>(&self, take: impl FnOnce(&[Value<'_>]) -> R) -> R {
        match self {
            Self::Create(flow) => take(&created(flow)),
            Self::Close { flow, reason, packets, bytes, elapsed_s } => {
                take(&closed(flow, reason, [packets, bytes], *elapsed_s))
            }
            Self::Deny(deny) => take(&denied(deny)),
            Self::Screen(screen) => screened(screen, take),
            Self::Filter(Filtered { filter, action, key, interface }) => take(&[
                Text(interface),
                Text(filter),
                Text(action),
                Number(key.proto.0.into()),
                Address(key.src),
                Address(key.dst),
                Number(key.sport.into()),
                Number(key.dport.into()),
            ]),
            Self::StreamLost { stream, lost, limited, produced } => {
                take(&[Text(stream), Number(*lost), Number(*limited), Number(*produced)])
            }
            Self::EventsLost { events } => take(&[Number(*events)]),
        }
    }
}

/// A rule's type and name.
fn rule(rule: Option<&(NatRuleKind, String)>) -> [Value<'_>; 2] {
    let Some((kind, name)) = rule else { return [NOT_AVAILABLE; 2] };
    let kind = match kind {
        NatRuleKind::Source => "source rule",
        NatRuleKind::Destination => "destination rule",
        NatRuleKind::Static => "static rule",
    };
    [Text(kind), Text(name)]
}

/// The fields from source address to session id.
fn tuple(flow: &Flow) -> [Value<'_>; 20] {
    let Flow { key, nat, service, policy, from_zone, to_zone, session, .. } = flow;
    let [source_type, source_rule] = rule(flow.source_rule.as_ref());
    let [destination_type, destination_rule] = rule(flow.destination_rule.as_ref());
    [
        Address(key.src),
        Number(key.sport.into()),
        Address(key.dst),
        Number(key.dport.into()),
        Number(0),
        service.as_deref().map_or(NONE, Text),
        Address(nat.src),
        Number(nat.sport.into()),
        Address(nat.dst),
        Number(nat.dport.into()),
        Number(0),
        source_type,
        source_rule,
        destination_type,
        destination_rule,
        Number(key.proto.0.into()),
        Text(policy),
        Text(from_zone),
        Text(to_zone),
        Number(*session),
    ]
}

/// Category, subcategory, risk and characteristics of an application that nobody identified.
const UNIDENTIFIED: [Value<'static>; 4] = [NOT_AVAILABLE, NOT_AVAILABLE, Text("-1"), NOT_AVAILABLE];

fn created(flow: &Flow) -> [Value<'_>; 36] {
    let mut out = [NOT_AVAILABLE; 36];
    out[..20].copy_from_slice(&tuple(flow));
    out[20..26].copy_from_slice(&[
        NOT_AVAILABLE,
        NOT_AVAILABLE,
        Text(&flow.interface),
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
    ]);
    out[26..30].copy_from_slice(&UNIDENTIFIED);
    out[32..34].copy_from_slice(&[Text("Off"), Text("root")]);
    out
}

fn closed<'a>(
    flow: &'a Flow,
    reason: &'a str,
    [packets, bytes]: [&[u64; 2]; 2],
    elapsed_s: u32,
) -> [Value<'a>; 50] {
    let mut out = [NOT_AVAILABLE; 50];
    out[0] = Text(reason);
    out[1..21].copy_from_slice(&tuple(flow));
    out[21..28].copy_from_slice(&[
        Number(packets[0]),
        Number(bytes[0]),
        Number(packets[1]),
        Number(bytes[1]),
        Number(elapsed_s.into()),
        UNKNOWN,
        UNKNOWN,
    ]);
    out[30..32].copy_from_slice(&[Text(&flow.interface), UNKNOWN]);
    out[32..36].copy_from_slice(&UNIDENTIFIED);
    let nowhere = Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    out[36..43].copy_from_slice(&[NA, Number(0), nowhere, Number(0), nowhere, Number(0), Text("NA NA")]);
    out[45..48].copy_from_slice(&[Text("Off"), Text("root"), Number(0)]);
    out
}

fn denied(deny: &Deny) -> [Value<'_>; 27] {
    let Deny { key, policy, from_zone, to_zone, interface, rejected } = deny;
    let mut out = [NOT_AVAILABLE; 27];
    out[..13].copy_from_slice(&[
        Address(key.src),
        Number(key.sport.into()),
        Address(key.dst),
        Number(key.dport.into()),
        Number(0),
        NONE,
        Number(key.proto.0.into()),
        Number(icmp_type(key)),
        Text(policy),
        Text(from_zone),
        Text(to_zone),
        UNKNOWN,
        UNKNOWN,
    ]);
    let reason = if *rejected { "Rejected by policy" } else { "Denied by policy" };
    out[15..19].copy_from_slice(&[Text(interface), UNKNOWN, Text(reason), Number(0)]);
    out[19..23].copy_from_slice(&UNIDENTIFIED);
    out
}

fn screened<R>(screen: &Screen, take: impl FnOnce(&[Value<'_>]) -> R) -> R {
    let Screen { tag, attack, key, zone, interface, alarm_only } = screen;
    let (attack, zone, interface) = (Text(attack), Text(zone), Text(interface));
    let action = Text(if *alarm_only { "alarm-without-drop" } else { "drop" });
    let (src, dst) = (Address(key.src), Address(key.dst));
    match tag {
        ScreenTag::Tcp | ScreenTag::Udp => {
            let (sport, dport) = (Number(key.sport.into()), Number(key.dport.into()));
            take(&[attack, src, sport, dst, dport, zone, interface, action])
        }
        ScreenTag::Icmp => take(&[attack, src, dst, zone, interface, action]),
        ScreenTag::Ip => take(&[attack, src, dst, Number(key.proto.0.into()), zone, interface, action]),
        ScreenTag::TcpSource => take(&[attack, src, zone, interface, action]),
        ScreenTag::TcpDestination => take(&[attack, dst, zone, interface, action]),
    }
}
