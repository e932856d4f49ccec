//! Static rules: prefixes for prefixes, IPv4 hosts within IPv6 prefixes, prefixes whose change no checksum shows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ravelin_model::{PortRange, StaticPrefix, StaticRule};
use ravelin_types::DropReason;

use super::super::{Model, Packet};
use super::{End, Side, at, has_ports, number, ordered, ports, rank};

/// Bytes of an IPv6 address that hold no part of an embedded one (RFC 6052 2.2).
const RESERVED: usize = 8;

impl Model<'_> {
    /// Where a rule sends a packet that it is for.
    pub(super) fn fixed_inward(&self, rule: &StaticRule, packet: &Packet) -> Option<Result<End, DropReason>> {
        let outside = rule.destination_address?;
        if !outside.contains(&packet.dst) || !self.is_remote(rule, packet, (packet.src, packet.sport)) {
            return None;
        }
        let whole = |dst| (dst, packet.dport);
        match &rule.inside {
            StaticPrefix::Prefix(inside) => {
                let port = match (rule.destination_ports, rule.mapped_ports) {
                    (Some(from), Some(to)) if has_ports(packet) && within(&from, packet.dport) => {
                        to.low + (packet.dport - from.low)
                    }
                    (Some(_), _) => return None,
                    (None, _) => packet.dport,
                };
                Some(Ok((moved(packet.dst, &outside, inside), port)))
            }
            StaticPrefix::Inet => Some(held(packet, &outside).map(whole)),
            StaticPrefix::Nptv6(inside) => {
                let mapped = swapped(packet.dst, &outside, inside).map(whole);
                Some(mapped.ok_or(DropReason::Nptv6Unmappable))
            }
            StaticPrefix::Named(_) | StaticPrefix::Nptv6Named(_) => None,
        }
    }

    /// What a rule makes of the source of a packet that it is for.
    pub(super) fn fixed_outward(&self, rule: &StaticRule, inner: &Packet) -> Option<Result<End, DropReason>> {
        let outside = rule.destination_address?;
        if outside.addr().is_ipv4() != inner.dst.is_ipv4()
            || !self.is_remote(rule, inner, (inner.dst, inner.dport))
        {
            return None;
        }
        let whole = |src| (src, inner.sport);
        match &rule.inside {
            StaticPrefix::Prefix(inside) if inside.contains(&inner.src) => {
                let port = match (rule.destination_ports, rule.mapped_ports) {
                    (Some(to), Some(from)) if has_ports(inner) && within(&from, inner.sport) => {
                        to.low + (inner.sport - from.low)
                    }
                    (Some(_), _) => return None,
                    (None, _) => inner.sport,
                };
                Some(Ok((moved(inner.src, inside, &outside), port)))
            }
            StaticPrefix::Inet if inner.src.is_ipv4() => match is_shut(&outside, inner.src) {
                true => Some(Err(DropReason::InvalidSource)),
                false => Some(Ok(whole(embedded(&outside, inner.src)))),
            },
            StaticPrefix::Nptv6(inside) if inside.contains(&inner.src) => {
                let mapped = swapped(inner.src, inside, &outside).map(whole);
                Some(mapped.ok_or(DropReason::Nptv6Unmappable))
            }
            _ => None,
        }
    }

    /// The address that a host is known by to another on this side, by a rule of its own (rfc5508-5).
    pub(in crate::model) fn counterpart(&self, to: Side<'_>, host: IpAddr, other: IpAddr) -> Option<IpAddr> {
        let proto = if host.is_ipv4() { 1 } else { 58 };
        let asked = Packet {
            src: host,
            dst: other,
            proto,
            sport: 0,
            dport: 0,
            tcp: None,
            len: 0,
            options: &[],
            ..Packet::PLAIN
        };
        let sets = &self.config.security.nat_static.rule_sets;
        let rules = ordered(sets, |set| rank(&set.from, to)).into_iter().flat_map(|set| &set.rules);
        let mut own = rules.filter(|rule| prefix(rule).is_none());
        own.find_map(|rule| self.fixed_outward(rule, &asked))?.ok().map(|(addr, _)| addr)
    }

    fn is_remote(&self, rule: &StaticRule, packet: &Packet, (addr, port): End) -> bool {
        self.side(&rule.source_addresses, &rule.source_address_names, addr)
            && ports(&rule.source_ports, packet, port)
    }
}

const fn within(ports: &PortRange, port: u16) -> bool {
    ports.low <= port && port <= ports.high
}

/// The prefix that a rule between families embeds in.
pub(super) fn prefix(rule: &StaticRule) -> Option<IpNet> {
    rule.destination_address.filter(|_| rule.inside == StaticPrefix::Inet)
}

/// The IPv4 host that a packet is for.
fn held(packet: &Packet, prefix: &IpNet) -> Result<IpAddr, DropReason> {
    if prefix.contains(&packet.src) {
        return Err(DropReason::InvalidSource);
    }
    let IpAddr::V6(dst) = packet.dst else { return Err(DropReason::InvalidDestination) };
    let octets: Vec<u8> = places(prefix).map(|place| dst.octets()[place]).collect();
    let host = IpAddr::V4(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]));
    match is_shut(prefix, host) {
        true => Err(DropReason::InvalidDestination),
        false => Ok(host),
    }
}

/// An IPv4 host behind a prefix.
pub(in crate::model) fn embedded(prefix: &IpNet, host: IpAddr) -> IpAddr {
    let (IpAddr::V6(first), IpAddr::V4(host)) = (prefix.network(), host) else {
        unreachable!("an IPv4 host behind an IPv6 prefix")
    };
    let mut octets = first.octets();
    places(prefix).zip(host.octets()).for_each(|(place, octet)| octets[place] = octet);
    IpAddr::V6(Ipv6Addr::from(octets))
}

/// The bytes of an address behind a prefix that hold an IPv4 one.
fn places(prefix: &IpNet) -> impl Iterator<Item = usize> {
    (usize::from(prefix.prefix_len()) / 8..16).filter(|place| *place != RESERVED).take(4)
}

/// The well-known prefix stands for no host of a private network (rfc6052-8); of others the generators have none.
fn is_shut(prefix: &IpNet, host: IpAddr) -> bool {
    let is_private = matches!(host, IpAddr::V4(host) if host.is_private());
    prefix.to_string() == "64:ff9b::/96" && is_private
}

/// The address at the same place of another prefix.
fn moved(addr: IpAddr, from: &IpNet, to: &IpNet) -> IpAddr {
    at(to.network(), number(addr) - number(from.network()))
}

/// The address with another prefix and one word so that the sum of all words is what it was.
fn swapped(addr: IpAddr, from: &IpNet, to: &IpNet) -> Option<IpAddr> {
    let (IpAddr::V6(host), IpAddr::V6(to), len) = (addr, to.network(), from.prefix_len()) else {
        return None;
    };
    let behind = u128::MAX >> len;
    let mut words = Ipv6Addr::from(host.to_bits() & behind | to.to_bits()).segments();
    let word = match len {
        ..=48 => (words[3] != 0xffff).then_some(3),
        _ => (4..8).find(|n| words[*n] != 0xffff),
    }?;
    words[word] = 0;
    let sum = |words: &[u16]| words.iter().map(|word| u32::from(*word)).sum::<u32>() % 0xffff;
    words[word] = ((sum(&host.segments()) + 0xffff - sum(&words)) % 0xffff) as u16;
    Some(IpAddr::V6(words.into()))
}
