//! What pools and interfaces have for a host.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_model::{DeterministicPorts, SourcePool};
use ravelin_types::DropReason;

use super::super::{Model, Packet, Session};
use super::{Ports, Source, Span, addresses_of, at, carried, fixed, number};

/// The ports that pools and interfaces lease unless something else is said (nat-pool-10, nat-source-8).
const DEFAULT_PORTS: (u16, u16) = (1024, 63_487);
/// Ports of a deterministic host (nat-pool-26).
const BLOCK: u16 = 256;
/// The last port of services, which `preserve-range` keeps apart.
const PRIVILEGED: u16 = 1023;

impl Model<'_> {
    pub(super) fn of_interface(&self, unit: &str, inner: &Packet) -> Result<Source, DropReason> {
        let own = self.own_address(unit, inner.dst.is_ipv4()).ok_or(DropReason::NatNoAddress)?;
        let (low, high) = DEFAULT_PORTS;
        self.lease(vec![own], Span { low, high, odd: None }, inner)
    }

    pub(super) fn of_pool(&self, name: &str, unit: &str, inner: &Packet) -> Result<Source, DropReason> {
        let pools = &self.config.security.nat_source.pools;
        let pool = pools.iter().find(|pool| pool.name == name).ok_or(DropReason::NatNoAddress)?;
        let found = self.of_addresses(pool, inner);
        let keeps_ports = pool.port.no_translation;
        let overflows = keeps_ports
            && matches!(found, Err(DropReason::NatAddressesExhausted | DropReason::NatPortsExhausted));
        match &pool.overflow_pool {
            Some(other) if overflows => self.of_pool(other, unit, inner),
            None if overflows && pool.overflow_interface => self.of_interface(unit, inner),
            _ => found,
        }
    }

    fn of_addresses(&self, pool: &SourcePool, inner: &Packet) -> Result<Source, DropReason> {
        if let Some(prefix) = embeds(pool) {
            let is_for = inner.src.is_ipv4() && inner.dst.is_ipv6();
            let end = is_for.then(|| Source::Is((fixed::embedded(&prefix, inner.src), inner.sport)));
            return end.ok_or(DropReason::NatNoAddress);
        }
        let addresses: Vec<_> = pool.addresses.iter().flat_map(addresses_of).collect();
        if addresses.iter().any(|addr| addr.is_ipv4() != inner.dst.is_ipv4()) {
            return Err(DropReason::NatNoAddress);
        }
        if let Some(base) = pool.host_address_base {
            let is_for = base.addr().is_ipv4() == inner.src.is_ipv4();
            let place = number(inner.src).checked_sub(number(base.addr())).filter(|_| is_for);
            let addr = place.and_then(|place| addresses.get(usize::try_from(place).ok()?));
            return addr.map(|addr| Source::Is((*addr, inner.sport))).ok_or(DropReason::NatNoAddress);
        }
        match (&pool.port.deterministic, pool.port.no_translation, pool.address_shared) {
            (Some(plan), ..) => self.computed(pool, plan, &addresses, inner),
            (None, true, true) => self.shared(addresses, inner),
            (None, true, false) => self.own(addresses, inner),
            (None, false, _) => self.leased(pool, addresses, inner),
        }
    }

    /// A host has an address of its own while it has sessions.
    fn own(&self, addresses: Vec<IpAddr>, inner: &Packet) -> Result<Source, DropReason> {
        let taken = |addr: &IpAddr| self.sessions.iter().any(|session| session.left.src == *addr);
        let mine = self.of_host(&addresses, inner).next();
        let free = match mine {
            Some(session) => vec![session.left.src],
            None => addresses.into_iter().filter(|addr| !taken(addr)).collect(),
        };
        kept(free, DropReason::NatAddressesExhausted)
    }

    /// Hosts share addresses while their ports differ; an end has one for all its sessions.
    fn shared(&self, addresses: Vec<IpAddr>, inner: &Packet) -> Result<Source, DropReason> {
        let proto = carried(inner.proto, inner.src, inner.dst);
        let of_port = |s: &&Session| s.left.proto == proto && s.left.sport == inner.sport;
        let mine = self.of_host(&addresses, inner).find(of_port);
        let free = match mine {
            Some(session) => vec![session.left.src],
            None => {
                let taken = |addr: &IpAddr| self.sessions.iter().filter(of_port).any(|s| s.left.src == *addr);
                addresses.into_iter().filter(|addr| !taken(addr)).collect()
            }
        };
        kept(free, DropReason::NatPortsExhausted)
    }

    /// Hosts in their order, so many to an address, each with its ports.
    fn computed(
        &self,
        pool: &SourcePool,
        plan: &DeterministicPorts,
        addresses: &[IpAddr],
        inner: &Packet,
    ) -> Result<Source, DropReason> {
        let mut hosts = Vec::new();
        for net in &plan.hosts {
            let mut all: Vec<_> = (0..=number(net.broadcast()) - number(net.network()))
                .map(|place| at(net.network(), place))
                .collect();
            if !plan.include_boundary && all.len() > 2 {
                all = all[1..all.len() - 1].to_vec();
            }
            hosts.extend(all);
        }
        let place = hosts.iter().position(|host| *host == inner.src).ok_or(DropReason::NatNoAddress)?;
        let each = hosts.len().div_ceil(addresses.len());
        let size = plan.block_size.unwrap_or(BLOCK);
        let low = span(pool).0 + (place % each) as u16 * size;
        self.lease(vec![addresses[place / each]], Span { low, high: low + (size - 1), odd: None }, inner)
    }

    fn leased(
        &self,
        pool: &SourcePool,
        addresses: Vec<IpAddr>,
        inner: &Packet,
    ) -> Result<Source, DropReason> {
        let (low, high) = match (pool.port.preserve_range, inner.sport) {
            (true, ..=PRIVILEGED) => (1, PRIVILEGED),
            _ => span(pool),
        };
        let has_parity = pool.port.preserve_parity && matches!(inner.proto, 6 | 17);
        let ports = Span { low, high, odd: has_parity.then_some(inner.sport % 2 == 1) };
        // A paired host stays with its address.
        let paired = self.of_host(&addresses, inner).next().filter(|_| pool.paired);
        if let Some(session) = paired {
            return self.lease(vec![session.left.src], ports, inner);
        }
        let is_persistent =
            self.config.security.nat_source.address_persistent && !pool.paired && !pool.no_paired;
        if !is_persistent {
            return self.lease(addresses, ports, inner);
        }
        // It always has the same, whichever that is.
        let known = self.homes.iter().find(|(name, host, _)| *name == pool.name && *host == inner.src);
        if let Some((_, _, addr)) = known {
            return self.lease(vec![*addr], ports, inner);
        }
        let all = addresses.len();
        match self.lease(addresses, ports, inner)? {
            Source::OneOf { addresses, ports, .. } => {
                let or = (addresses.len() < all).then_some(DropReason::NatPortsExhausted);
                Ok(Source::OneOf { addresses, ports, or })
            }
            is @ Source::Is(_) => Ok(is),
        }
    }

    /// Sessions of the host that have one of these addresses.
    fn of_host<'m>(&'m self, addresses: &'m [IpAddr], inner: &Packet) -> impl Iterator<Item = &'m Session> {
        let host = inner.src;
        self.sessions.iter().filter(move |s| addresses.contains(&s.left.src) && s.inside.src == host)
    }

    /// Ports that nobody has, of addresses that have any.
    fn lease(&self, addresses: Vec<IpAddr>, ports: Span, inner: &Packet) -> Result<Source, DropReason> {
        // What has no port, or none that could be another, gets an address alone (nat-source-10, nat-pool-21).
        let has_port = matches!(inner.proto, 6 | 17) || matches!(inner.icmp(), Some((8 | 128, _)));
        if !has_port {
            return kept(addresses, DropReason::NatPortsExhausted);
        }
        let proto = carried(inner.proto, inner.src, inner.dst);
        let in_all = (ports.low..=ports.high).filter(|port| ports.holds(*port)).count();
        let is_free = |addr: &IpAddr| {
            let there = self.sessions.iter().filter(|s| s.left.proto == proto && s.left.src == *addr);
            there.filter(|s| ports.holds(s.left.sport)).count() < in_all
        };
        let addresses: Vec<_> = addresses.into_iter().filter(is_free).collect();
        match addresses.is_empty() {
            true => Err(DropReason::NatPortsExhausted),
            false => Ok(Source::OneOf { addresses, ports: Ports::Leased(ports), or: None }),
        }
    }
}

fn kept(addresses: Vec<IpAddr>, lack: DropReason) -> Result<Source, DropReason> {
    match addresses.is_empty() {
        true => Err(lack),
        false => Ok(Source::OneOf { addresses, ports: Ports::Kept, or: None }),
    }
}

/// The prefix of a pool that IPv4 hosts stand behind (nat-pool-44).
fn embeds(pool: &SourcePool) -> Option<IpNet> {
    let [range] = &pool.addresses[..] else { return None };
    let is_one = range.last.is_none() && range.first.prefix_len() == 96;
    (is_one && pool.host_address_base.is_none()).then_some(range.first)
}

fn span(pool: &SourcePool) -> (u16, u16) {
    let low = pool.port.low.map_or(DEFAULT_PORTS.0, |port| port.0);
    (low, pool.port.high.or(pool.port.low).map_or(DEFAULT_PORTS.1, |port| port.0))
}
