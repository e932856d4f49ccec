//! The words of a packet.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ravelin_types::{Family, Mac};

use super::{Kind, Number, Packet, Pattern, Quoted, Sending, What};
use crate::datagram::{self, Slice};

/// Type and code of an ICMP message.
type Message = (u8, u8);

/// ICMP messages by name: as IPv4 and as IPv6 has them.
const MESSAGES: &[(&str, Option<Message>, Option<Message>)] = &[
    ("echo", Some((8, 0)), Some((128, 0))),
    ("echo-reply", Some((0, 0)), Some((129, 0))),
    ("net-unreachable", Some((3, 0)), Some((1, 0))),
    ("host-unreachable", Some((3, 1)), Some((1, 3))),
    ("port-unreachable", Some((3, 3)), Some((1, 4))),
    ("too-big", Some((3, 4)), Some((2, 0))),
    ("time-exceeded", Some((11, 0)), Some((3, 0))),
    ("timestamp", Some((13, 0)), None),
    ("router-solicitation", None, Some((133, 0))),
    ("neighbour-solicitation", None, Some((135, 0))),
    ("neighbour-advertisement", None, Some((136, 0))),
];

/// A word as a value, or what was expected in its place.
pub(super) fn word<T: FromStr>(expected: &'static str, text: &str) -> Result<T, What> {
    text.parse().map_err(|_| wrong(expected, text))
}

fn wrong(expected: &'static str, found: &str) -> What {
    What::Word { expected, found: found.to_owned() }
}

pub(super) fn number(text: &str) -> Result<Number, What> {
    match text.strip_prefix('$') {
        Some(name) if !name.is_empty() => Ok(Number::Variable(name.to_owned())),
        _ if text == "*" => Ok(Number::Any),
        _ => Ok(Number::Is(word("a number, `$name' or `*'", text)?)),
    }
}

/// A packet with everything that may be said of it.
pub(super) fn sending(text: &str) -> Result<Sending, What> {
    let (text, quote) = quoted(text)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut sending = Sending {
        packet: Packet::Bytes(Vec::new()),
        to: None,
        vlan: None,
        poke: None,
        truncate: None,
        pad: 0,
    };
    let rest = match words.as_slice() {
        ["ether", kind, payload, rest @ ..] => {
            let kind = u16::from_str_radix(kind, 16).map_err(|_| wrong("an EtherType", kind))?;
            sending.packet = Packet::Ether { kind, payload: hex(payload)? };
            rest
        }
        ["bytes", bytes, rest @ ..] => {
            sending.packet = Packet::Bytes(hex(bytes)?);
            rest
        }
        [proto, src, ">", dst, rest @ ..] => {
            let (mut pattern, rest) = head(proto, (src, dst), rest)?;
            if let (Some(found), Kind::Icmp { quote, .. }) = (quote, &mut pattern.kind) {
                *quote = Some(found);
            }
            sending.packet = Packet::Ip(Box::new(pattern));
            rest
        }
        _ => return Err(wrong("a packet", text)),
    };
    for option in rest {
        self::option(&mut sending, option)?;
    }
    Ok(sending)
}

/// Takes the quoted packet, in parentheses, off the text.
fn quoted(text: &str) -> Result<(&str, Option<Quoted>), What> {
    let Some((before, rest)) = text.split_once('(') else { return Ok((text, None)) };
    let Some((inner, "")) = rest.rsplit_once(')').map(|(i, after)| (i.trim(), after.trim())) else {
        return Err(wrong("`)' at the end", rest));
    };
    let quote = match inner {
        "given" => Quoted::Given,
        "last" => Quoted::Last,
        packet => match sending(packet)?.packet {
            Packet::Ip(pattern) => Quoted::Packet(pattern),
            Packet::Ether { .. } | Packet::Bytes(_) => return Err(wrong("a datagram", packet)),
        },
    };
    Ok((before, Some(quote)))
}

/// Protocol, ends, and the word that belongs to the protocol.
fn head<'a, 'w>(
    proto: &str,
    (src, dst): (&str, &str),
    rest: &'a [&'w str],
) -> Result<(Pattern, &'a [&'w str]), What> {
    let ports = matches!(proto, "tcp" | "udp");
    let (src, dst) = (end(src, ports)?, end(dst, ports)?);
    let (kind, rest) = match (proto, rest) {
        ("tcp", [letters, rest @ ..]) => {
            let flags = datagram::flags(letters).ok_or_else(|| wrong("TCP flags", letters))?;
            (Kind::Tcp { flags, seq: None, ack: None }, rest)
        }
        ("udp", rest) => (Kind::Udp { unsummed: None }, rest),
        ("icmp", [message, rest @ ..]) => {
            let (kind, code) = self::message(src.0, message)?;
            (Kind::Icmp { kind, code, echo: None, mtu: None, quote: None, quote_len: None }, rest)
        }
        ("ip", [option, rest @ ..]) => {
            let number = option.strip_prefix("proto=").ok_or_else(|| wrong("`proto='", option))?;
            (Kind::Other(word("a protocol", number)?), rest)
        }
        _ => return Err(wrong("tcp, udp, icmp or ip, and what belongs to it", proto)),
    };
    let pattern = Pattern {
        kind,
        src,
        dst,
        ttl: None,
        id: None,
        dont_fragment: None,
        extensions: None,
        tos: None,
        options: None,
        slice: None,
        len: None,
    };
    Ok((pattern, rest))
}

fn end(text: &str, ports: bool) -> Result<(IpAddr, Number), What> {
    if !ports {
        return Ok((word("an address", text)?, Number::Same));
    }
    let Some((addr, port)) = text.rsplit_once(':') else { return Err(wrong("address:port", text)) };
    // The port may be a variable: the address is read with a stand-in.
    let with_port: SocketAddr =
        format!("{addr}:0").parse().map_err(|_| wrong("address:port or [address]:port", text))?;
    Ok((with_port.ip(), number(port)?))
}

fn message(src: IpAddr, text: &str) -> Result<Message, What> {
    if let Some((kind, code)) = text.split_once('/') {
        return Ok((word("an ICMP type", kind)?, word("an ICMP code", code)?));
    }
    let found = MESSAGES.iter().find(|(name, ..)| *name == text);
    let (_, v4, v6) = found.ok_or_else(|| wrong("an ICMP message", text))?;
    let family = if src.is_ipv4() { Family::V4 } else { Family::V6 };
    let message = if family == Family::V4 { v4 } else { v6 };
    message.ok_or_else(|| wrong("an ICMP message of the family", text))
}

fn option(sending: &mut Sending, text: &str) -> Result<(), What> {
    let unknown = || wrong("an option of a packet", text);
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    match name {
        "to" => sending.to = Some(mac(value)?),
        "vlan" => sending.vlan = Some(word("a VLAN", value)?),
        "truncate" => sending.truncate = Some(word("a length", value)?),
        "pad" => sending.pad = word("a length", value)?,
        "poke" => {
            let (at, bytes) = value.split_once(':').ok_or_else(|| wrong("offset:hex", value))?;
            sending.poke = Some((word("an offset", at)?, hex(bytes)?));
        }
        _ => {
            let Packet::Ip(pattern) = &mut sending.packet else { return Err(unknown()) };
            return of_datagram(pattern, name, value).unwrap_or_else(|| Err(unknown()));
        }
    }
    Ok(())
}

/// An option of the datagram; `None`: no such option of this protocol.
fn of_datagram(pattern: &mut Pattern, name: &str, value: &str) -> Option<Result<(), What>> {
    let mut take = || -> Result<bool, What> {
        match name {
            "ttl" => pattern.ttl = Some(word("a TTL", value)?),
            "id" if !is_echo(&pattern.kind) => pattern.id = Some(word("an identification", value)?),
            "df" => pattern.dont_fragment = Some(true),
            "extensions" => pattern.extensions = Some(word("a number", value)?),
            "tos" => {
                pattern.tos = Some(u8::from_str_radix(value, 16).map_err(|_| wrong("two hex digits", value))?)
            }
            "options" if pattern.src.0.is_ipv4() => pattern.options = Some(options(value)?),
            "len" => pattern.len = Some(word("a length", value)?),
            "fragment" => {
                let (offset, len) = value.split_once(':').ok_or_else(|| wrong("offset:length", value))?;
                let (offset, len) = (word("an offset", offset)?, word("a length", len)?);
                pattern.slice = Some(Slice { offset, len });
            }
            _ => return of_transport(&mut pattern.kind, name, value),
        }
        Ok(true)
    };
    match take() {
        Ok(true) => Some(Ok(())),
        Ok(false) => None,
        Err(what) => Some(Err(what)),
    }
}

/// Options of an IPv4 header: whole words, ten at most.
fn options(text: &str) -> Result<Vec<u8>, What> {
    let bytes = hex(text)?;
    match bytes.len() {
        0..=40 if bytes.len().is_multiple_of(4) => Ok(bytes),
        _ => Err(wrong("words of four bytes", text)),
    }
}

fn is_echo(kind: &Kind) -> bool {
    matches!(kind, Kind::Icmp { kind: 0 | 8 | 128 | 129, .. })
}

fn of_transport(kind: &mut Kind, name: &str, value: &str) -> Result<bool, What> {
    match (kind, name) {
        (Kind::Tcp { seq, .. }, "seq") => *seq = Some(word("a sequence number", value)?),
        (Kind::Tcp { ack, .. }, "ack") => *ack = Some(word("a sequence number", value)?),
        (Kind::Udp { unsummed }, "nosum") => *unsummed = Some(true),
        (Kind::Icmp { echo, .. }, "id") => *echo = Some(number(value)?),
        (Kind::Icmp { mtu, .. }, "mtu") => *mtu = Some(word("an MTU", value)?),
        (Kind::Icmp { quote_len, .. }, "quote") => *quote_len = Some(word("a length", value)?),
        (Kind::Tcp { .. } | Kind::Udp { .. } | Kind::Icmp { .. } | Kind::Other(_), _) => return Ok(false),
    }
    Ok(true)
}

fn mac(text: &str) -> Result<Mac, What> {
    match text {
        "broadcast" => Ok(Mac::BROADCAST),
        other => word("a MAC", other),
    }
}

fn hex(text: &str) -> Result<Vec<u8>, What> {
    let bad = || wrong("pairs of hex digits", text);
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return Err(bad());
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| bad()))
        .collect()
}
