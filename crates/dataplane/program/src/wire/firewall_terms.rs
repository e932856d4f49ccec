//! Terms of filters to and from their messages.

use std::sync::Arc;

use ravelin_filter::{
    ByteField, Condition, End, FilterCounterId, FlexibleMatch, FlexibleStart, ListedPrefix, Logging,
    MirrorId, NumberField, OptionMatch, Reject, Term, Terminal, Then, Values,
};
use ravelin_types::{FlagTable, InstanceId, InterfaceId, MeterId};

use super::decode::{Read, all, instance_id, need, small};
use super::firewall::{Lists, read_class, read_priority};
use super::proto::filter_condition::Condition as Body;
use super::{WireError, proto};
use crate::FirewallTerm;

/// Their numbers on the wire never change.
const BYTE_FIELDS: [(ByteField, u32); 10] = [
    (ByteField::Protocol, 1),
    (ByteField::NextHeader, 2),
    (ByteField::Dscp, 3),
    (ByteField::Precedence, 4),
    (ByteField::Ttl, 5),
    (ByteField::IcmpType, 6),
    (ByteField::IcmpCode, 7),
    (ByteField::ForwardingClass, 8),
    (ByteField::LossPriority, 9),
    (ByteField::InterfaceGroup, 10),
];
const NUMBER_FIELDS: [(NumberField, u32); 3] =
    [(NumberField::PacketLength, 1), (NumberField::FragmentOffset, 2), (NumberField::EspSpi, 3)];
const ENDS: [(End, u32); 3] = [(End::Source, 1), (End::Destination, 2), (End::Either, 3)];
const STARTS: [(FlexibleStart, u32); 3] =
    [(FlexibleStart::Layer3, 1), (FlexibleStart::Layer4, 2), (FlexibleStart::Payload, 3)];

fn number<T: PartialEq + Copy>(table: &[(T, u32)], value: T) -> u32 {
    table.iter().find(|(v, _)| *v == value).map_or(0, |(_, number)| *number)
}

fn of_number<T: Copy>(table: &[(T, u32)], what: &'static str, number: u32) -> Read<T> {
    let found = table.iter().find(|(_, n)| *n == number).map(|(value, _)| *value);
    found.ok_or(WireError::Range { what, value: number.into() })
}

pub(super) fn term(x: &FirewallTerm, lists: &mut Lists) -> proto::FilterTerm {
    let FirewallTerm { name, term: Term { conditions, then } } = x;
    let Then { terminal, count, logging, meter, forwarding_class, loss_priority, mirror, sample } = *then;
    let (kind, reject_code, routing_instance) = match terminal {
        Terminal::Accept => (1, None, 0),
        Terminal::Discard => (2, None, 0),
        Terminal::Reject(Reject::Icmp { code }) => (3, Some(code.into()), 0),
        Terminal::Reject(Reject::TcpReset) => (3, None, 0),
        Terminal::RoutingInstance(InstanceId(id)) => (4, None, id.into()),
        Terminal::NextTerm => (5, None, 0),
    };
    proto::FilterTerm {
        name: name.clone(),
        conditions: conditions.iter().map(|c| condition(c, lists)).collect(),
        terminal: kind,
        reject_code,
        routing_instance,
        count: count.map(|c| c.0),
        log: logging.buffer,
        syslog: logging.syslog,
        policer: meter.map(|m| m.0),
        forwarding_class: forwarding_class.map(|c| c.0.into()),
        loss_priority: loss_priority.map(|p| p as u32),
        mirror: mirror.map(|m| m.0.into()),
        sample,
    }
}

pub(super) fn read_term(x: proto::FilterTerm, lists: &[Arc<[ListedPrefix]>]) -> Read<FirewallTerm> {
    let terminal = match (x.terminal, x.reject_code) {
        (1, _) => Terminal::Accept,
        (2, _) => Terminal::Discard,
        (3, Some(code)) => Terminal::Reject(Reject::Icmp { code: small("reject code", code)? }),
        (3, None) => Terminal::Reject(Reject::TcpReset),
        (4, _) => Terminal::RoutingInstance(instance_id(x.routing_instance)?),
        (5, _) => Terminal::NextTerm,
        (value, _) => return Err(WireError::Range { what: "filter action", value: value.into() }),
    };
    let then = Then {
        terminal,
        count: x.count.map(FilterCounterId),
        logging: Logging { buffer: x.log, syslog: x.syslog },
        meter: x.policer.map(MeterId),
        forwarding_class: x.forwarding_class.map(read_class).transpose()?,
        loss_priority: x.loss_priority.map(read_priority).transpose()?,
        mirror: x.mirror.map(|m| small("mirror", m).map(MirrorId)).transpose()?,
        sample: x.sample,
    };
    let conditions = all(x.conditions, |c| read_condition(c, lists))?;
    Ok(FirewallTerm { name: x.name, term: Term { conditions, then } })
}

fn condition(x: &Condition, lists: &mut Lists) -> proto::FilterCondition {
    let body = match x {
        Condition::Address { end, prefixes } => {
            let next = lists.len() as u32;
            let list = *lists.entry(Arc::clone(prefixes)).or_insert(next);
            Body::Address(proto::FilterAddress { end: number(&ENDS, *end), list })
        }
        Condition::Port { end, values: v } => {
            Body::Port(proto::FilterPort { end: number(&ENDS, *end), values: Some(values(v)) })
        }
        Condition::Byte { field, values: v } => {
            Body::Byte(proto::FilterField { field: number(&BYTE_FIELDS, *field), values: Some(values(v)) })
        }
        Condition::Number { field, values: v } => Body::Number(proto::FilterField {
            field: number(&NUMBER_FIELDS, *field),
            values: Some(values(v)),
        }),
        Condition::TcpFlags(table) => Body::TcpFlags(table.0),
        Condition::FragmentFlags(table) => Body::FragmentFlags(table.0),
        Condition::IsFragment => Body::IsFragment(true),
        Condition::FirstFragment => Body::FirstFragment(true),
        Condition::IpOptions(OptionMatch::Any { except }) => Body::AnyOption(*except),
        Condition::IpOptions(OptionMatch::Types(v)) => Body::OptionTypes(values(v)),
        Condition::Flexible(wanted) => Body::Flexible(flexible(wanted)),
        Condition::Interface(units) => {
            Body::Interfaces(proto::FilterUnits { units: units.iter().map(|u| u.0.into()).collect() })
        }
    };
    proto::FilterCondition { condition: Some(body) }
}

fn read_condition(x: proto::FilterCondition, lists: &[Arc<[ListedPrefix]>]) -> Read<Condition> {
    let end = |n| of_number(&ENDS, "end of a condition", n);
    Ok(match need("filter condition", x.condition)? {
        Body::Address(x) => {
            let list = lists.get(x.list as usize);
            let prefixes = list.ok_or(WireError::Range { what: "prefix list", value: x.list.into() })?;
            Condition::Address { end: end(x.end)?, prefixes: Arc::clone(prefixes) }
        }
        Body::Port(x) => Condition::Port { end: end(x.end)?, values: read_values(x.values)? },
        Body::Byte(x) => Condition::Byte {
            field: of_number(&BYTE_FIELDS, "field of a condition", x.field)?,
            values: read_values(x.values)?,
        },
        Body::Number(x) => Condition::Number {
            field: of_number(&NUMBER_FIELDS, "field of a condition", x.field)?,
            values: read_values(x.values)?,
        },
        Body::TcpFlags(table) => Condition::TcpFlags(FlagTable(table)),
        Body::FragmentFlags(table) => Condition::FragmentFlags(FlagTable(table)),
        Body::IsFragment(_) => Condition::IsFragment,
        Body::FirstFragment(_) => Condition::FirstFragment,
        Body::AnyOption(except) => Condition::IpOptions(OptionMatch::Any { except }),
        Body::OptionTypes(values) => Condition::IpOptions(OptionMatch::Types(read_values(Some(values))?)),
        Body::Flexible(x) => Condition::Flexible(read_flexible(&x)?),
        Body::Interfaces(x) => Condition::Interface(all(x.units, |u| small("unit", u).map(InterfaceId))?),
    })
}

fn values(x: &Values) -> proto::FilterValues {
    let range = |(low, high): &(u32, u32)| proto::ValueRange { low: *low, high: *high };
    proto::FilterValues { ranges: x.ranges.iter().map(range).collect(), except: x.except }
}

fn read_values(x: Option<proto::FilterValues>) -> Read<Values> {
    let x = need("values", x)?;
    Ok(Values { ranges: x.ranges.into_iter().map(|r| (r.low, r.high)).collect(), except: x.except })
}

fn flexible(x: &FlexibleMatch) -> proto::FlexibleMatch {
    let FlexibleMatch { start, byte_offset, bit_offset, bit_length, mask, low, high, except } = *x;
    proto::FlexibleMatch {
        start: number(&STARTS, start),
        byte_offset: byte_offset.into(),
        bit_offset: bit_offset.into(),
        bit_length: bit_length.into(),
        mask: mask.to_be_bytes().to_vec(),
        low: low.to_be_bytes().to_vec(),
        high: high.to_be_bytes().to_vec(),
        except,
    }
}

fn read_flexible(x: &proto::FlexibleMatch) -> Read<FlexibleMatch> {
    let wide = |bytes: &[u8]| {
        let bytes = <[u8; 16]>::try_from(bytes);
        bytes.map(u128::from_be_bytes).map_err(|_| WireError::Missing("bits of a flexible match"))
    };
    Ok(FlexibleMatch {
        start: of_number(&STARTS, "start of a flexible match", x.start)?,
        byte_offset: small("byte offset", x.byte_offset)?,
        bit_offset: small("bit offset", x.bit_offset)?,
        bit_length: small("bit length", x.bit_length)?,
        mask: wide(&x.mask)?,
        low: wide(&x.low)?,
        high: wide(&x.high)?,
        except: x.except,
    })
}
