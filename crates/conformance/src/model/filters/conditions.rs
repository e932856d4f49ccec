//! Whether a term means a packet, one condition after another (firewall-filter-2, 3, 10..34, 60, 61).

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_model::{
    FilterAddress, FilterFrom4, FilterFrom6, FilterMatch, FilterPrefixList, IpOption, Listed,
};

use super::super::Model;
use super::{From, Seen, Term};

const TCP_FLAGS: [(&str, u8); 6] =
    [("fin", 1), ("syn", 2), ("rst", 4), ("push", 8), ("ack", 16), ("urgent", 32)];
const FRAGMENT_FLAGS: [(&str, u8); 3] = [("more-fragments", 2), ("dont-fragment", 4), ("reserved", 8)];

impl Model<'_> {
    pub(super) fn holds_of(&self, term: &Term<'_>, seen: &Seen<'_>) -> bool {
        match term.from {
            From::Four(from) => self.common(&from.common, seen) && four(from, seen),
            From::Six(from) => self.common(&from.common, seen) && six(from, seen),
        }
    }

    fn common(&self, from: &FilterMatch, seen: &Seen<'_>) -> bool {
        let packet = seen.packet;
        let ends = [packet.src, packet.dst];
        let all = |ends: &[IpAddr], prefixes: &[FilterAddress], lists: &[FilterPrefixList]| {
            self.means_one(ends, prefixes, lists)
        };
        // SCTP in the naive packets shows its ports, too.
        let ports = matches!(packet.proto, 6 | 17 | 132).then_some([packet.sport, packet.dport]);
        let some = |number: u16| Some(u32::from(number));
        let source = ports.and_then(|ports| some(ports[0]));
        let destination = ports.and_then(|ports| some(ports[1]));
        let either =
            from.port.is_empty() || [source, destination].iter().any(|port| among(&from.port, *port));
        let neither = from.port_except.is_empty()
            || ports.is_some() && [source, destination].iter().all(|port| !among(&from.port_except, *port));
        let flags = packet.tcp.map(|tcp| tcp.flags & 0x3f);
        let has = |bits: u8| flags.is_some_and(|flags| flags & bits != 0);
        all(&ends, &from.address, &from.prefix_list)
            && all(&ends[..1], &from.source_address, &from.source_prefix_list)
            && all(&ends[1..], &from.destination_address, &from.destination_prefix_list)
            && either
            && neither
            && value(&from.source_port, &from.source_port_except, source)
            && value(&from.destination_port, &from.destination_port_except, destination)
            && value(&from.packet_length, &from.packet_length_except, Some(packet.size() as u32))
            && from.tcp_flags.as_ref().is_none_or(|text| flags.is_some_and(|of| says(text, of, &TCP_FLAGS)))
            && (!from.tcp_initial || has(2) && !has(16))
            && (!from.tcp_established || has(16) || has(4))
            && (from.interface.is_empty() || from.interface.iter().any(|name| is_of(name, seen.by)))
            && (from.interface_set.is_empty()
                || from.interface_set.iter().any(|set| self.is_in_set(set, seen.by)))
            && value(&from.interface_group, &from.interface_group_except, Some(self.group(seen.by)))
            && value(&from.forwarding_class, &from.forwarding_class_except, Some(seen.marks.class.into()))
            && value(&from.loss_priority, &from.loss_priority_except, Some(seen.marks.loss.into()))
    }

    /// Whether a list means one of these addresses and excepts none (firewall-filter-10..15, 60).
    fn means_one(&self, ends: &[IpAddr], prefixes: &[FilterAddress], lists: &[FilterPrefixList]) -> bool {
        if prefixes.is_empty() && lists.is_empty() {
            return true;
        }
        let known = &self.config.policy_options.prefix_lists;
        let own = prefixes.iter().map(|address| (address.prefix, address.except));
        let named = lists.iter().flat_map(|list| {
            let of = known.iter().filter(|known| known.name == list.name).flat_map(|known| &known.prefixes);
            of.map(|prefix| (*prefix, list.except))
        });
        let all: Vec<(IpNet, bool)> = own.chain(named).collect();
        let told = |addr: &IpAddr| {
            let having = all.iter().filter(|(prefix, _)| prefix.contains(addr));
            // Of equal prefixes the exception holds.
            having.max_by_key(|(prefix, except)| (prefix.prefix_len(), *except)).map(|(_, except)| *except)
        };
        let told: Vec<_> = ends.iter().map(told).collect();
        told.contains(&Some(false)) && !told.contains(&Some(true))
    }

    fn is_in_set(&self, set: &str, unit: &str) -> bool {
        let sets = self.config.firewall.interface_sets.iter().filter(|known| known.name == set);
        sets.flat_map(|set| &set.interfaces).any(|name| is_of(name, unit))
    }

    fn group(&self, unit: &str) -> u32 {
        let of = |is_four| self.family(unit, is_four).and_then(|family| family.filter_group);
        of(true).or_else(|| of(false)).unwrap_or(0).into()
    }
}

fn four(from: &FilterFrom4, seen: &Seen<'_>) -> bool {
    let packet = seen.packet;
    let icmp = packet.icmp().filter(|_| packet.proto == 1);
    let (kind, code) = (icmp.map(|of| of.0.into()), icmp.map(|of| of.1.into()));
    // Of what it holds these are the first four bytes.
    let spi = (packet.proto == 50).then_some(0x0707_0707);
    let fragment = if packet.dont_fragment { 4 } else { 0 };
    let tos = u32::from(packet.tos);
    value(&from.protocol, &from.protocol_except, Some(packet.proto.into()))
        && value(&from.dscp, &from.dscp_except, Some(tos >> 2))
        && value(&from.precedence, &from.precedence_except, Some(tos >> 5))
        && value(&from.ttl, &from.ttl_except, Some(packet.ttl.into()))
        && value(&from.icmp_type, &from.icmp_type_except, kind)
        && value(&from.icmp_code, &from.icmp_code_except, code)
        && value(&from.fragment_offset, &from.fragment_offset_except, Some(0))
        && value(&from.esp_spi, &from.esp_spi_except, spi)
        && (from.ip_options.is_empty() || has_option(&from.ip_options, packet.options) == Some(true))
        && (from.ip_options_except.is_empty() || has_option(&from.ip_options_except, packet.options) == Some(false))
        // Whole packets are no fragments.
        && !from.is_fragment
        && !from.first_fragment
        && from.fragment_flags.as_ref().is_none_or(|text| says(text, fragment, &FRAGMENT_FLAGS))
}

fn six(from: &FilterFrom6, seen: &Seen<'_>) -> bool {
    let packet = seen.packet;
    let icmp = packet.icmp().filter(|_| packet.proto == 58);
    let (kind, code) = (icmp.map(|of| of.0.into()), icmp.map(|of| of.1.into()));
    // No headers stand between.
    value(&from.next_header, &from.next_header_except, Some(packet.proto.into()))
        && value(&from.traffic_class, &from.traffic_class_except, Some(u32::from(packet.tos) >> 2))
        && value(&from.icmp_type, &from.icmp_type_except, kind)
        && value(&from.icmp_code, &from.icmp_code_except, code)
}

fn among<K>(list: &[Listed<K>], value: Option<u32>) -> bool {
    value.is_some_and(|value| list.iter().any(|of| of.low <= value && value <= of.high))
}

/// A condition on what is not there does not hold, nor does its exception (firewall-filter-3).
fn value<K>(only: &[Listed<K>], except: &[Listed<K>], value: Option<u32>) -> bool {
    (only.is_empty() || among(only, value)) && (except.is_empty() || value.is_some() && !among(except, value))
}

/// Whether a name means a unit: itself, its interface, or the beginning that stands before `*`.
fn is_of(name: &str, unit: &str) -> bool {
    let physical = unit.split('.').next();
    name.strip_suffix('*').map_or(name == unit || physical == Some(name), |start| unit.starts_with(start))
}

/// Whether an option of these types is in the header; `None` where the list contradicts itself before (firewall-filter-27).
fn has_option(types: &[Listed<IpOption>], options: &[u8]) -> Option<bool> {
    if types.iter().any(|of| of.low == IpOption::ANY) {
        return Some(!options.is_empty());
    }
    let mut rest = options;
    loop {
        let Some(kind) = rest.first() else { return Some(false) };
        if among(types, Some(u32::from(*kind))) {
            return Some(true);
        }
        let len = match kind {
            0 => return Some(false),
            1 => 1,
            _ => usize::from(*rest.get(1)?),
        };
        if len == 0 || *kind > 1 && len < 2 || len > rest.len() {
            return None;
        }
        rest = &rest[len..];
    }
}

/// What an expression says of a field: `|` or `,` of `&` or `+` of flags, each perhaps with `!`, or brackets (firewall-filter-30, 31).
fn says(text: &str, field: u8, names: &[(&str, u8)]) -> bool {
    let text = text.trim();
    let apart = |marks: [char; 2]| -> Option<(&str, &str)> {
        let mut depth = 0;
        // Operators of one rank go left to right: the last one is looked at first.
        text.char_indices().rev().find_map(|(at, c)| {
            match c {
                ')' => depth += 1,
                '(' => depth -= 1,
                _ => {}
            }
            (depth == 0 && marks.contains(&c)).then(|| (&text[..at], &text[at + 1..]))
        })
    };
    if let Some((one, other)) = apart(['|', ',']) {
        return says(one, field, names) || says(other, field, names);
    }
    if let Some((one, other)) = apart(['&', '+']) {
        return says(one, field, names) && says(other, field, names);
    }
    if let Some(rest) = text.strip_prefix('!') {
        return !says(rest, field, names);
    }
    if let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        return says(inner, field, names);
    }
    let named = names.iter().find(|(name, _)| *name == text).map(|(_, bits)| *bits);
    let number = || match text.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    let bits = named.or_else(number).expect("the checks let no other text through");
    field & bits == bits
}
