//! From a pattern to the datagram it means.

use std::collections::HashMap;

use ravelin_wire::TcpFlags;

use super::super::{Kind, Number, Pattern, Quoted, What};
use crate::datagram::{Body, Content, Datagram, Quote};

/// As much of a packet as errors quote: every host takes that much (RFC 1812 4.3.2.3, RFC 4443 2.4).
const QUOTE4_MAX: usize = 576 - 28;
const QUOTE6_MAX: usize = 1280 - 48;
/// Bytes of data in a UDP datagram, an ICMP message or a protocol without ports.
const DATA: usize = 8;

/// Values of a case's variables.
#[derive(Debug, Default)]
pub(super) struct Variables(HashMap<String, u16>);

impl Variables {
    pub(super) fn get(&self, name: &str) -> Result<u16, What> {
        self.0.get(name).copied().ok_or_else(|| What::Unbound(name.to_owned()))
    }

    /// A text with their values in the places of their names.
    pub(super) fn within(&self, text: &str) -> Result<String, What> {
        let mut parts = text.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let name_end = part.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(part.len());
            let (name, rest) = part.split_at(name_end);
            out += &self.get(name)?.to_string();
            out += rest;
        }
        Ok(out)
    }
}

/// What a pattern is completed from.
pub(super) struct Known<'a> {
    /// What isn't said is as here.
    pub base: Option<&'a Datagram>,
    /// What `(given)` stands for.
    pub given: Option<&'a Datagram>,
    /// What `(last)` stands for.
    pub last: Option<&'a Datagram>,
    /// What came: unbound variables and `*` take their values from it.
    pub seen: Option<&'a Datagram>,
}

/// The datagram that a case sends.
pub(super) fn sent(pattern: &Pattern, last: Option<&Datagram>, bound: &Variables) -> Result<Datagram, What> {
    let mut variables = Variables(bound.0.clone());
    datagram(pattern, &Known { base: None, given: None, last, seen: None }, &mut variables)
}

/// The datagram that a pattern means.
pub(super) fn datagram(
    pattern: &Pattern,
    known: &Known<'_>,
    variables: &mut Variables,
) -> Result<Datagram, What> {
    let base = known.base;
    let Pattern { kind, src, dst, ttl, id, dont_fragment, extensions, tos, options, slice, len } = pattern;
    let body = body(pattern, kind, (*len, known), variables)?;
    // Who changes the family chooses the identification.
    let across = base.is_some_and(|b| b.src.is_ipv6() && src.0.is_ipv4());
    let chosen = known.seen.filter(|_| across).map(|seen| seen.id);
    Ok(Datagram {
        src: src.0,
        dst: dst.0,
        ttl: ttl.or(base.map(|b| b.ttl)).unwrap_or(64),
        id: id.or(chosen).or(base.map(|b| b.id)).unwrap_or(0),
        dont_fragment: src.0.is_ipv4() && dont_fragment.or(base.map(|b| b.dont_fragment)).unwrap_or(false),
        extensions: extensions.or(base.map(|b| b.extensions)).unwrap_or(0),
        tos: tos.or(base.map(|b| b.tos)).unwrap_or(0),
        options: options.clone().or(base.map(|b| b.options.clone())).unwrap_or_default(),
        slice: slice.or(base.and_then(|b| b.slice)),
        body,
    })
}

fn body(
    pattern: &Pattern,
    kind: &Kind,
    (len, known): (Option<usize>, &Known<'_>),
    variables: &mut Variables,
) -> Result<Body, What> {
    let (base, seen) = (known.base.map(|b| &b.body), known.seen.map(|s| &s.body));
    // IPv6 demands the checksum that IPv4 may leave out.
    let demanded = known.base.is_some_and(|b| b.src.is_ipv4()) && pattern.src.0.is_ipv6();
    let (sport, dport) = (&pattern.src.1, &pattern.dst.1);
    Ok(match kind {
        Kind::Tcp { flags, seq, ack } => {
            let was = match base {
                Some(Body::Tcp { seq, ack, len, .. }) => (*seq, *ack, *len),
                // Both ends begin at 1: a SYN is acknowledged by 2, and data begins there.
                _ => (
                    if flags & TcpFlags::SYN != 0 { 1 } else { 2 },
                    if flags & TcpFlags::ACK != 0 { 2 } else { 0 },
                    0,
                ),
            };
            let (sport, dport) = ports((sport, dport), seen, variables)?;
            let (seq, ack, len) = (seq.unwrap_or(was.0), ack.unwrap_or(was.1), len.unwrap_or(was.2));
            Body::Tcp { sport, dport, flags: *flags, seq, ack, len }
        }
        Kind::Udp { unsummed } => {
            let was = match base {
                Some(Body::Udp { len, unsummed, .. }) => (*len, *unsummed),
                _ => (DATA, false),
            };
            let (sport, dport) = ports((sport, dport), seen, variables)?;
            Body::Udp {
                sport,
                dport,
                len: len.unwrap_or(was.0),
                unsummed: unsummed.unwrap_or(was.1 && !demanded),
            }
        }
        Kind::Icmp { .. } => icmp(pattern, kind, (len, known), variables)?,
        Kind::Other(proto) => {
            let was = if let Some(Body::Other { len, .. }) = base { *len } else { DATA };
            Body::Other { proto: *proto, len: len.unwrap_or(was) }
        }
    })
}

fn icmp(
    pattern: &Pattern,
    kind: &Kind,
    (len, known): (Option<usize>, &Known<'_>),
    variables: &mut Variables,
) -> Result<Body, What> {
    let Kind::Icmp { kind, code, echo, mtu, quote, quote_len } = kind else {
        unreachable!("called for ICMP alone")
    };
    let was = match known.base.map(|b| &b.body) {
        Some(Body::Icmp { rest, content, .. }) => Some((*rest, content)),
        _ => None,
    };
    let seen = match known.seen.map(|s| &s.body) {
        Some(Body::Icmp { rest, .. }) => Some((rest >> 16) as u16),
        _ => None,
    };
    let is_echo = matches!(kind, 0 | 8 | 128 | 129);
    let rest = match (echo, mtu) {
        (Some(id), _) => u32::from(number(id, seen, variables)?) << 16 | was.map_or(1, |w| w.0 & 0xffff),
        (None, Some(mtu)) => *mtu,
        (None, None) => was.map_or(if is_echo { 1 << 16 | 1 } else { 0 }, |w| w.0),
    };
    let content = match quote {
        None => match was {
            Some((_, content)) if len.is_none() => content.clone(),
            _ => Content::Data(len.unwrap_or(DATA)),
        },
        Some(quoted) => {
            let before = match was {
                Some((_, Content::Quote(quote))) => Some(quote),
                _ => None,
            };
            let inner = self::quoted(quoted, before, known, variables)?;
            let max = if pattern.src.0.is_ipv4() { QUOTE4_MAX } else { QUOTE6_MAX };
            let as_long = before.filter(|q| q.datagram.src.is_ipv4() == inner.src.is_ipv4());
            let len = quote_len.or(as_long.map(|q| q.len)).unwrap_or(max).min(inner.bytes().len());
            Content::Quote(Quote { datagram: Box::new(inner), len })
        }
    };
    Ok(Body::Icmp { kind: *kind, code: *code, rest, content })
}

fn quoted(
    quoted: &Quoted,
    before: Option<&Quote>,
    known: &Known<'_>,
    variables: &mut Variables,
) -> Result<Datagram, What> {
    match quoted {
        Quoted::Given => known.given.cloned().ok_or(What::NoPacket),
        Quoted::Last => known.last.cloned().ok_or(What::NoPacket),
        Quoted::Packet(pattern) => {
            let base = before.map(|q| &*q.datagram);
            datagram(pattern, &Known { base, given: None, last: None, seen: None }, variables)
        }
    }
}

fn ports(
    (sport, dport): (&Number, &Number),
    seen: Option<&Body>,
    variables: &mut Variables,
) -> Result<(u16, u16), What> {
    let seen = match seen {
        Some(Body::Tcp { sport, dport, .. } | Body::Udp { sport, dport, .. }) => Some((*sport, *dport)),
        _ => None,
    };
    let sport = number(sport, seen.map(|s| s.0), variables)?;
    Ok((sport, number(dport, seen.map(|s| s.1), variables)?))
}

fn number(number: &Number, seen: Option<u16>, variables: &mut Variables) -> Result<u16, What> {
    match number {
        Number::Is(value) => Ok(*value),
        Number::Any => seen.ok_or_else(|| What::Unbound("*".into())),
        Number::Same => Ok(0),
        Number::Variable(name) => match (variables.0.get(name), seen) {
            (Some(value), _) => Ok(*value),
            (None, Some(value)) => {
                variables.0.insert(name.clone(), value);
                Ok(value)
            }
            (None, None) => Err(What::Unbound(name.clone())),
        },
    }
}
