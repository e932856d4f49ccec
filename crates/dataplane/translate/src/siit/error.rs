//! ICMP errors from one family to the other, with the packet they quote (RFC 7915 4.2, 4.3, 5.2, 5.3).
//!
//! The headers in front of the quoted payload are written anew; the payload stays where it is, so that all
//! growth is at the front. A message whose checksum fails is refused, so the new one may be summed afresh.
//! State: none. Spec: rfc7915-9..19, rfc7915-33..41, icmp-errors-1..3.

use std::ops::Range;

use ravelin_types::{Addr, Family, IcmpKind, Proto};
use ravelin_wire::{checksum, put_u16, put_u32, u16_at};

use super::{Role, Rules, Target, Translated, other};
use crate::header::{Extent, Header};
use crate::icmp::{self, Field, Message};
use crate::{Datagram, Ends, Refused, transport};

/// Bytes of an ICMPv6 error at most (RFC 4443 2.4 c).
const ERROR6_MAX: usize = 1280;
/// Bytes of an ICMP error at most (RFC 1812 4.3.2.3).
const ERROR4_MAX: usize = 576;
/// Bytes of a quote at least when an extension follows it (RFC 4884 3).
const QUOTE_MIN: usize = 128;

/// Makes an ICMP error an ICMPv6 one: `outer` its own source and destination, `quoted` what the quoted packet was
/// on the IPv6 side. The caller has room of 56 bytes in front.
///
/// # Errors
/// Why it can't be; nobody is to be told.
pub fn error_to_ipv6(
    datagram: &mut Datagram<'_>,
    outer: (Addr, Addr),
    quoted: &Ends,
    rules: &Rules,
) -> Result<Translated, Refused> {
    let target = Target { family: Family::V6, src: outer.0, dst: outer.1, id: 0, rules };
    error(datagram, quoted, &target)
}

/// Makes an ICMPv6 error an ICMP one: `outer` its own source and destination, `quoted` what the quoted packet was
/// on the IPv4 side, `id` the new datagram's identification.
///
/// # Errors
/// Why it can't be; nobody is to be told.
pub fn error_to_ipv4(
    datagram: &mut Datagram<'_>,
    outer: (Addr, Addr),
    quoted: &Ends,
    id: u16,
    rules: &Rules,
) -> Result<Translated, Refused> {
    let target = Target { family: Family::V4, src: outer.0, dst: outer.1, id, rules };
    error(datagram, quoted, &target)
}

/// An ICMP error taken apart. Offsets are from the start of the datagram.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub outer: Header,
    pub quote: Header,
    /// The quoted packet's payload, as far as it is there.
    pub body: Range<usize>,
    /// The extension structure (RFC 4884); empty without one.
    pub extension: Range<usize>,
}

impl Taken {
    /// Reads an ICMP error, its checksum verified.
    pub(crate) fn read(bytes: &[u8], family: Family) -> Result<Self, Refused> {
        let outer = Header::read(bytes, family, Extent::Whole)?;
        let expected = if family == Family::V4 { Proto::ICMP } else { Proto::ICMPV6 };
        if outer.proto != expected {
            return Err(Refused::NoCounterpart);
        }
        if outer.is_part() {
            return Err(Refused::IcmpFragment);
        }
        let (at, end) = (outer.len, outer.len + outer.payload);
        let message = &bytes[at..end];
        if message.len() < icmp::LEN {
            return Err(Refused::Malformed);
        }
        if IcmpKind::of(expected, message[0]) != IcmpKind::Error {
            return Err(Refused::NoCounterpart);
        }
        if !verifies(&outer, message) {
            return Err(Refused::BadChecksum);
        }
        let quote_at = at + icmp::LEN;
        let quote_end = quote_at + quote_len(family, message);
        let quote = Header::read(&bytes[quote_at..quote_end], family, Extent::Quoted)?;
        let body_at = quote_at + quote.len;
        let body = body_at..quote_end.min(body_at + quote.payload);
        let nested = transport::is_icmp(quote.proto)
            && bytes[body.clone()].first().is_none_or(|k| IcmpKind::of(quote.proto, *k) == IcmpKind::Error);
        if nested && quote.has_transport() {
            return Err(Refused::NestedError);
        }
        Ok(Self { outer, quote, body, extension: quote_end..end })
    }
}

fn verifies(outer: &Header, message: &[u8]) -> bool {
    match outer.family {
        Family::V4 => checksum::fold(checksum::sum(message)) == 0xffff,
        Family::V6 => checksum::transport(Family::V6, outer.src, outer.dst, outer.proto, message) == 0,
    }
}

/// Bytes of the quote: all that is there, or as much as the length attribute says.
fn quote_len(family: Family, message: &[u8]) -> usize {
    let there = message.len() - icmp::LEN;
    let said = icmp::length_attribute(family, message[0])
        .map_or(0, |(at, unit)| usize::from(message[4 + at]) * unit);
    if (QUOTE_MIN..there).contains(&said) { said } else { there }
}

/// How the parts of the new message lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    /// Bytes of the quoted payload that stay.
    body: usize,
    /// Zeros behind them, before an extension.
    pad: usize,
    /// Whether an extension stays: the value of the length attribute.
    attribute: Option<u8>,
}

fn error(datagram: &mut Datagram<'_>, quoted: &Ends, target: &Target<'_>) -> Result<Translated, Refused> {
    let from = other(target.family);
    let taken = Taken::read(datagram.bytes(), from)?;
    let mut outer = target.header(&taken.outer, Role::Forwarded)?;
    let message = &datagram.bytes()[taken.outer.len..];
    let rest = [message[4], message[5], message[6], message[7]];
    let new = icmp::error(from, message[0], message[1], rest).ok_or(Refused::NoCounterpart)?;
    let inner = Target { src: quoted.src, dst: quoted.dst, id: 0, ..*target };
    let quote = inner.header(&taken.quote, Role::Quoted)?;
    check_quote(datagram.bytes(), &taken)?;
    let front = outer.len + icmp::LEN + quote.len;
    datagram.fits(taken.body.start, front)?;
    let plan = plan(datagram, &taken, (&outer, &quote), new.kind);
    let four = field(new, rest, &taken.quote, target.rules, plan.attribute);

    let body = taken.body.start..taken.body.start + plan.body;
    transport::rewrite(&mut datagram.bytes_mut()[body.clone()], &taken.quote, &quote, quoted.ports);
    move_extension(datagram, &taken, &plan);
    datagram.resize_front(taken.body.start, front);
    let bytes = datagram.bytes_mut();
    outer.payload = bytes.len() - outer.len;
    outer.dont_fragment = target.family == Family::V6;
    outer.write(bytes);
    let at = outer.len;
    bytes[at..at + 4].copy_from_slice(&[new.kind, new.code, 0, 0]);
    put_u32(bytes, at + 4, four);
    quote.write(&mut bytes[at + icmp::LEN..]);
    let sum = match target.family {
        Family::V4 => !checksum::fold(checksum::sum(&bytes[at..])),
        Family::V6 => checksum::transport(Family::V6, outer.src, outer.dst, outer.proto, &bytes[at..]),
    };
    put_u16(bytes, at + 2, sum);
    Ok(outer.translated())
}

/// A quoted packet that could not have come from the other side.
fn check_quote(bytes: &[u8], taken: &Taken) -> Result<(), Refused> {
    let quote = &taken.quote;
    if !transport::is_icmp(quote.proto) {
        return Ok(());
    }
    if quote.is_part() {
        return Err(Refused::IcmpFragment);
    }
    let kind = bytes[taken.body.clone()].first().ok_or(Refused::Malformed)?;
    icmp::query(quote.family, *kind).map(|_| ()).ok_or(Refused::NoCounterpart)
}

/// What of quote and extension fits. An extension that doesn't fit beside the least quote goes, as does one that
/// the new type has no length attribute for.
fn plan(datagram: &Datagram<'_>, taken: &Taken, (outer, quote): (&Header, &Header), kind: u8) -> Plan {
    let limit = if outer.family == Family::V4 { ERROR4_MAX } else { ERROR6_MAX };
    let room = limit - outer.len - icmp::LEN;
    let (body, extension) = (taken.body.len(), taken.extension.len());
    let bare = Plan { body: body.min(room - quote.len), pad: 0, attribute: None };
    let Some((_, unit)) = icmp::length_attribute(outer.family, kind).filter(|_| extension > 0) else {
        return bare;
    };
    let most = room.saturating_sub(extension) / unit * unit;
    if most < QUOTE_MIN {
        return bare;
    }
    let padded = (quote.len + body).next_multiple_of(unit).clamp(QUOTE_MIN, most);
    let body = body.min(padded - quote.len);
    let pad = padded - quote.len - body;
    let end = taken.body.start + body + pad + extension;
    if end > datagram.bytes().len() + datagram.room_behind() {
        return bare;
    }
    Plan { body, pad, attribute: Some((padded / unit) as u8) }
}

/// The four bytes behind the checksum.
fn field(new: Message, rest: [u8; 4], quote: &Header, rules: &Rules, attribute: Option<u8>) -> u32 {
    let to = other(quote.family);
    let length = icmp::length_attribute(to, new.kind)
        .map_or(0, |(at, _)| u32::from(attribute.unwrap_or(0)) << (24 - 8 * at));
    let value = match (new.field, to) {
        (Field::Length, _) => 0,
        (Field::Mtu, Family::V6) => icmp::mtu6(u16_at(&rest, 2), quote.len + quote.payload, rules),
        (Field::Mtu, Family::V4) => {
            let growth = if quote.place.is_some() { icmp::GROWTH_FRAGMENT } else { icmp::GROWTH };
            u32::from(icmp::mtu4(u32::from_be_bytes(rest), growth, rules))
        }
        (Field::Pointer(at), Family::V6) => u32::from(at),
        (Field::Pointer(at), Family::V4) => u32::from(at) << 24,
    };
    value | length
}

/// Puts the extension behind the quote, and the datagram's end behind it.
fn move_extension(datagram: &mut Datagram<'_>, taken: &Taken, plan: &Plan) {
    let quote_end = taken.body.start + plan.body;
    if plan.attribute.is_none() {
        datagram.truncate(quote_end);
        return;
    }
    let to = quote_end + plan.pad;
    let end = to + taken.extension.len();
    datagram.extend_to(end.max(taken.extension.end));
    let bytes = datagram.bytes_mut();
    bytes.copy_within(taken.extension.clone(), to);
    bytes[quote_end..to].fill(0);
    datagram.truncate(end);
}
