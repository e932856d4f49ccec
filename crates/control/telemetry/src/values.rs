//! The fields of each record, in the order of its message.
//!
//! Spec: log-9..14, log-37, log-38.

use std::net::{IpAddr, Ipv4Addr};

use ravelin_contract::{NatLack, SessionKey};
use ravelin_types::Proto;

use crate::nat::NatRecord;
use crate::record::{
    Deny, Filtered, Flow, NatRuleKind, OverloadRecord, PolicedPacket, Record, Screen, ScreenTag,
};

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(u64),
    /// Written in hexadecimal.
    Hex(u64),
    Address(IpAddr),
}

use Value::{Address, Hex, Number, Text};

/// Junos' words for what was not there.
const NONE: Value<'static> = Text("None");
const NOT_AVAILABLE: Value<'static> = Text("N/A");
const NA: Value<'static> = Text("NA");
const UNKNOWN: Value<'static> = Text("UNKNOWN");

impl Record {
    /// Lends the fields, in the message's order.
    pub(crate) fn with_values<R>(&self, take: impl FnOnce(&[Value<'_>]) -> R) -> R {
        match self {
            Self::Create(flow) => take(&created(flow)),
            Self::Close { flow, reason, packets, bytes, elapsed_s } => {
                take(&closed(flow, reason, [packets, bytes], *elapsed_s))
            }
            // The fields of its end without a reason.
            Self::Update { flow, packets, bytes, elapsed_s } => {
                take(&closed(flow, "", [packets, bytes], *elapsed_s)[1..])
            }
            Self::Deny(deny) => take(&denied(deny)),
            Self::Screen(screen) => screened(screen, take),
            Self::Nat(record) => nat(record, take),
            Self::Tracked(record) => record.with_values(take),
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
            Self::Policer(PolicedPacket { policer, action, key, interface, packets, bytes }) => take(&[
                Text(interface),
                Text(policer),
                Text(action),
                Number(key.proto.0.into()),
                Address(key.src),
                Address(key.dst),
                Number(key.sport.into()),
                Number(key.dport.into()),
                Number(*packets),
                Number(*bytes),
            ]),
            Self::Overload(OverloadRecord::Began { worker, ring }) => {
                take(&[Number((*worker).into()), Text(ring)])
            }
            Self::Overload(OverloadRecord::Ended { worker, shed, lasted_ms }) => {
                take(&[Number((*worker).into()), Number(*shed), Number(*lasted_ms)])
            }
            Self::StreamLost { stream, lost, limited, produced } => {
                take(&[Text(stream), Number(*lost), Number(*limited), Number(*produced)])
            }
            Self::EventsLost { events } => take(&[Number(*events)]),
        }
    }
}

/// A rule's type and name.
pub(crate) fn rule(rule: Option<&(NatRuleKind, String)>) -> [Value<'_>; 2] {
    let Some((kind, name)) = rule else { return [NOT_AVAILABLE; 2] };
    [Text(rule_type(*kind)), Text(name)]
}

const fn rule_type(kind: NatRuleKind) -> &'static str {
    match kind {
        NatRuleKind::Source => "source rule",
        NatRuleKind::Destination => "destination rule",
        NatRuleKind::Static => "static rule",
    }
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
    let Deny { key, service, policy, from_zone, to_zone, interface, rejected } = deny;
    let mut out = [NOT_AVAILABLE; 27];
    out[..13].copy_from_slice(&[
        Address(key.src),
        Number(key.sport.into()),
        Address(key.dst),
        Number(key.dport.into()),
        Number(0),
        service.as_deref().map_or(NONE, Text),
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

fn nat<R>(record: &NatRecord, take: impl FnOnce(&[Value<'_>]) -> R) -> R {
    match record {
        NatRecord::Block { change: _, pool, host, external, ports, used, most, since_s } => take(&[
            Address(*host),
            Number((*used).into()),
            Number((*most).into()),
            Number(ports.0.into()),
            Number(ports.1.into()),
            Address(*external),
            Text(pool),
            Number(0),
            Hex(*since_s),
        ]),
        NatRecord::PoolAlarm { raised: _, pool, threshold, current } => {
            take(&[Text(pool), Number((*threshold).into()), Number((*current).into())])
        }
        NatRecord::RuleAlarm { raised: _, kind, rule, threshold, current } => take(&[
            Text(rule),
            Text(rule_type(*kind)),
            Number((*threshold).into()),
            Number((*current).into()),
        ]),
        NatRecord::Binding { made: _, pool, proto, internal, external } => take(&[
            Number(proto.map_or(0, |proto| proto.0.into())),
            Address(internal.0),
            Number(internal.1.into()),
            Address(external.0),
            Number(external.1.into()),
            Text(pool),
        ]),
        NatRecord::Exhausted { key, rule, interface, lack } => take(&[
            Address(key.src),
            Number(key.sport.into()),
            Address(key.dst),
            Number(key.dport.into()),
            Number(key.proto.0.into()),
            Text(rule),
            Text(interface),
            Text(match lack {
                NatLack::Ports => "ports",
                NatLack::Addresses => "addresses",
                NatLack::Quota => "quota",
            }),
        ]),
    }
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
