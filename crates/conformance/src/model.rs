//! The reference model: a naive evaluator of the typed configuration.
//!
//! One rule after another, by name, no compile step, no index, no batch. Slow and plain on purpose:
//! where it and the engine differ, one of them is wrong.

use std::net::IpAddr;

mod nat;

use ipnet::IpNet;
use nat::Outward;
pub use nat::{End, Ports, Source};
use ravelin_model::{
    AddressRef, AddressValue, ApplicationTerm, Config, DefaultPolicy, HostInbound, Policy, PolicyAction,
    Service, predefined,
};
use ravelin_types::DropReason;

/// A packet as the model sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub proto: u8,
    pub sport: u16,
    pub dport: u16,
    /// TCP: a connection request.
    pub opens: bool,
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It left by this unit, looking so.
    Left {
        unit: String,
        packet: Packet,
    },
    Host,
    Dropped(DropReason),
}

/// What the model expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Out of this unit.
    Forward {
        unit: String,
        source: Source,
        to: End,
    },
    Host,
    Drop(DropReason),
}

/// A conversation that was let through, as its two directions look on the wire.
#[derive(Clone, Debug)]
struct Session {
    inside: Packet,
    /// As its packets leave.
    left: Packet,
    from_zone: String,
    to_zone: String,
    from_unit: String,
    unit: String,
}

/// The model and what it remembers.
pub struct Model<'a> {
    config: &'a Config,
    sessions: Vec<Session>,
    /// Conversations with the firewall itself.
    host: Vec<Packet>,
}

impl<'a> Model<'a> {
    #[must_use]
    pub fn new(config: &'a Config) -> Self {
        Self { config, sessions: Vec::new(), host: Vec::new() }
    }

    /// Judges a packet and what became of it. `Err`: what should have.
    pub fn agrees(&mut self, unit: &str, packet: &Packet, got: &Outcome) -> Result<(), Expected> {
        let expected = self.judge(unit, packet);
        match (&expected, got) {
            (Expected::Host, Outcome::Host) => Ok(()),
            (Expected::Drop(reason), Outcome::Dropped(other)) if reason == other => Ok(()),
            (Expected::Forward { unit: to, source, to: end }, Outcome::Left { unit: by, packet: left }) => {
                let fits = to == by && *end == (left.dst, left.dport) && self.may_be(source, packet, left);
                if !fits {
                    return Err(expected);
                }
                self.remember(unit, packet, (by, left));
                Ok(())
            }
            _ => Err(expected),
        }
    }

    /// Judges a packet of either side.
    fn judge(&mut self, unit: &str, packet: &Packet) -> Expected {
        let Some(zone) = self.zone_of(unit) else { return Expected::Drop(DropReason::NoZone) };
        if let Some(session) = self.sessions.iter().find(|s| same(&s.inside, packet) && s.from_zone == zone) {
            let Packet { src, sport, dst, dport, .. } = session.left;
            return forward(&session.unit, Source::Is((src, sport)), (dst, dport));
        }
        let answers = |s: &&Session| same(&turned(&s.left), packet) && s.to_zone == zone;
        if let Some(session) = self.sessions.iter().find(answers) {
            let Packet { src, sport, dst, dport, .. } = session.inside;
            return forward(&session.from_unit, Source::Is((dst, dport)), (src, sport));
        }
        if self.host.iter().any(|known| same(known, packet)) {
            return Expected::Host;
        }
        let inner = nat::inward(self.config, &zone, packet);
        if self.is_own(inner.dst) {
            return self.host_bound(unit, packet, &inner);
        }
        if packet.proto == 6 && !packet.opens && !self.config.security.flow.tcp_session.no_syn_check {
            return Expected::Drop(DropReason::TcpNotSyn);
        }
        let Some(egress) = self.route(inner.dst) else { return Expected::Drop(DropReason::NoRoute) };
        let Some(to_zone) = self.zone_of(&egress) else { return Expected::Drop(DropReason::EgressNoZone) };
        match self.policy(&zone, &to_zone, &inner) {
            Some(PolicyAction::Permit) => {}
            Some(PolicyAction::Deny) => return Expected::Drop(DropReason::PolicyDeny),
            Some(PolicyAction::Reject) => return Expected::Drop(DropReason::PolicyReject),
            None if self.config.security.policies.default_policy == DefaultPolicy::PermitAll => {}
            None => return Expected::Drop(DropReason::DefaultDeny),
        }
        let own = (self.own_address(&egress, packet), &self.sessions[..]);
        let source = match nat::outward(self.config, (&zone, &to_zone), &inner, own) {
            Outward::To(source) => source,
            Outward::NoAddress => return Expected::Drop(DropReason::NatNoAddress),
            Outward::PortsExhausted => return Expected::Drop(DropReason::NatPortsExhausted),
            Outward::AddressesExhausted => return Expected::Drop(DropReason::NatAddressesExhausted),
        };
        if self.collides(&source, &inner) {
            return Expected::Drop(DropReason::SessionCollision);
        }
        forward(&egress, source, (inner.dst, inner.dport))
    }

    fn host_bound(&mut self, unit: &str, packet: &Packet, inner: &Packet) -> Expected {
        if !self.host_accepts(unit, inner) {
            return Expected::Drop(DropReason::HostInboundDenied);
        }
        if packet.proto == 6 && !packet.opens {
            return Expected::Drop(DropReason::TcpNotSyn);
        }
        self.host.push(*packet);
        Expected::Host
    }

    /// Whether answers to a session with this source would be another's packets.
    fn collides(&self, source: &Source, inner: &Packet) -> bool {
        let of = |(src, sport): End| {
            let left = Packet { src, sport, ..*inner };
            self.sessions.iter().any(|s| same(&s.left, &left) || same(&s.inside, &turned(&left)))
        };
        match source {
            Source::Is(end) => of(*end),
            // A host's own address: two of its ways to one end.
            Source::OneOf { addresses, ports: Ports::Kept } if addresses.len() == 1 => {
                of((addresses[0], inner.sport))
            }
            Source::OneOf { .. } => false,
        }
    }

    /// Whether a source is one that may be, and nobody else's.
    fn may_be(&self, source: &Source, packet: &Packet, left: &Packet) -> bool {
        let (addresses, ports) = match source {
            Source::Is(end) => return *end == (left.src, left.sport),
            Source::OneOf { addresses, ports } => (addresses, ports),
        };
        let port = match ports {
            Ports::Kept => return addresses.contains(&left.src) && left.sport == packet.sport,
            Ports::Leased(low, high) => (low..=high).contains(&&left.sport),
        };
        let taken = self
            .sessions
            .iter()
            .any(|s| s.inside.proto == packet.proto && (s.left.src, s.left.sport) == (left.src, left.sport));
        port && addresses.contains(&left.src) && !taken
    }

    fn remember(&mut self, from: &str, packet: &Packet, (unit, left): (&str, &Packet)) {
        let known = |s: &Session| same(&s.inside, packet) || same(&turned(&s.left), packet);
        if self.sessions.iter().any(known) {
            return;
        }
        let zone = |unit: &str| self.zone_of(unit).unwrap_or_default();
        let session = Session {
            inside: *packet,
            left: *left,
            from_zone: zone(from),
            to_zone: zone(unit),
            from_unit: from.to_owned(),
            unit: unit.to_owned(),
        };
        self.sessions.push(session);
    }

    /// Conversations remembered.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    fn zone_of(&self, unit: &str) -> Option<String> {
        let zones = self.config.security.zones.iter();
        zones.filter(|z| z.interfaces.iter().any(|i| i.name == unit)).map(|z| z.name.clone()).next()
    }

    fn units(&self) -> impl Iterator<Item = (String, &IpNet)> {
        self.config.interfaces.iter().flat_map(|interface| {
            interface.units.iter().flat_map(move |unit| {
                let name = format!("{}.{}", interface.name, unit.number);
                let families = [&unit.inet, &unit.inet6].into_iter().flatten();
                families.flat_map(|f| &f.addresses).map(move |a| (name.clone(), &a.prefix))
            })
        })
    }

    fn is_own(&self, addr: IpAddr) -> bool {
        self.units().any(|(_, prefix)| prefix.addr() == addr)
    }

    fn route(&self, dst: IpAddr) -> Option<String> {
        let covering = self.units().filter(|(_, prefix)| prefix.contains(&dst));
        covering.max_by_key(|(_, prefix)| prefix.prefix_len()).map(|(unit, _)| unit)
    }

    fn own_address(&self, unit: &str, packet: &Packet) -> Option<IpAddr> {
        let of_family = |a: &IpAddr| a.is_ipv4() == packet.src.is_ipv4();
        self.units().filter(|(name, _)| name == unit).map(|(_, p)| p.addr()).filter(of_family).min()
    }

    fn policy(&self, from: &str, to: &str, packet: &Packet) -> Option<PolicyAction> {
        let policies = &self.config.security.policies;
        let pair = policies.pairs.iter().filter(|p| p.from == from && p.to == to);
        let here = pair.flat_map(|p| &p.policies);
        let listed =
            |zones: &[String], zone: &str| zones.is_empty() || zones.iter().any(|z| z == "any" || z == zone);
        let global = policies
            .global
            .iter()
            .filter(|g| listed(&g.from_zones, from) && listed(&g.to_zones, to))
            .map(|g| &g.policy);
        here.chain(global).find(|p| self.matches(p, packet)).map(|p| p.action)
    }

    fn matches(&self, policy: &Policy, packet: &Packet) -> bool {
        let side = |refs: &[AddressRef], excluded: bool, addr: IpAddr| {
            let listed = refs.iter().any(|r| self.address(r, addr));
            if excluded { !listed && refs.iter().any(|r| self.speaks_of_family(r, addr)) } else { listed }
        };
        side(&policy.source_addresses, policy.source_excluded, packet.src)
            && side(&policy.destination_addresses, policy.destination_excluded, packet.dst)
            && policy.applications.iter().any(|name| self.application(name, packet))
    }

    fn address(&self, reference: &AddressRef, addr: IpAddr) -> bool {
        match reference {
            AddressRef::Any => true,
            AddressRef::AnyIpv4 => addr.is_ipv4(),
            AddressRef::AnyIpv6 => addr.is_ipv6(),
            AddressRef::Prefix(net) => net.contains(&addr),
            AddressRef::Named(name) => self.named(name, &|value| match value {
                AddressValue::Prefix(net) => net.contains(&addr),
                AddressValue::Range(low, high) => {
                    low.is_ipv4() == addr.is_ipv4() && *low <= addr && addr <= *high
                }
                AddressValue::Wildcard(of, mask) => match addr {
                    IpAddr::V4(addr) => addr & *mask == *of & *mask,
                    IpAddr::V6(_) => false,
                },
                // Of names the configuration alone knows nothing.
                AddressValue::Dns(_) => false,
            }),
        }
    }

    fn speaks_of_family(&self, reference: &AddressRef, addr: IpAddr) -> bool {
        let same = |ip: IpAddr| ip.is_ipv4() == addr.is_ipv4();
        match reference {
            AddressRef::Any => true,
            AddressRef::AnyIpv4 => addr.is_ipv4(),
            AddressRef::AnyIpv6 => addr.is_ipv6(),
            AddressRef::Prefix(net) => same(net.addr()),
            AddressRef::Named(name) => self.named(name, &|value| match value {
                AddressValue::Prefix(net) => same(net.addr()),
                AddressValue::Range(low, _) => same(*low),
                AddressValue::Wildcard(..) => addr.is_ipv4(),
                AddressValue::Dns(_) => false,
            }),
        }
    }

    /// Whether any address under a name, sets opened, has a property. Sets do not contain themselves:
    /// the checks see to that.
    fn named(&self, name: &str, holds: &dyn Fn(&AddressValue) -> bool) -> bool {
        self.config.security.address_books.iter().any(|book| {
            book.addresses.iter().any(|a| a.name == name && holds(&a.value))
                || book
                    .sets
                    .iter()
                    .filter(|s| s.name == name)
                    .any(|set| set.addresses.iter().chain(&set.sets).any(|member| self.named(member, holds)))
        })
    }

    fn application(&self, name: &str, packet: &Packet) -> bool {
        let own = &self.config.applications;
        name == "any"
            || [own, predefined()].into_iter().any(|list| {
                let terms = list.applications.iter().filter(|a| a.name == name).flat_map(|a| &a.terms);
                let sets = list.sets.iter().filter(|s| s.name == name);
                terms.into_iter().any(|t| term(t, packet))
                    || sets.into_iter().any(|s| {
                        s.applications.iter().chain(&s.sets).any(|member| self.application(member, packet))
                    })
            })
    }

    fn host_accepts(&self, unit: &str, packet: &Packet) -> bool {
        let zones = self.config.security.zones.iter();
        let found =
            zones.flat_map(|z| z.interfaces.iter().map(move |i| (z, i))).find(|(_, i)| i.name == unit);
        let Some((zone, member)) = found else { return false };
        let HostInbound { system_services, .. } = member.host_inbound.as_ref().unwrap_or(&zone.host_inbound);
        let is = |service: Service| match service {
            Service::Ping => false,
            Service::Ssh => packet.proto == 6 && packet.dport == 22,
            Service::Ntp => packet.proto == 17 && packet.dport == 123,
            Service::AnyService => true,
            // Of the ports that the generator uses.
            Service::All => {
                matches!((packet.proto, packet.dport), (6, 22 | 53 | 80) | (17, 53 | 123))
            }
            other => unreachable!("the generator does not use {other:?}"),
        };
        let any = |except: bool| system_services.iter().any(|(s, e)| *e == except && is(*s));
        any(false) && !any(true)
    }
}

fn term(term: &ApplicationTerm, packet: &Packet) -> bool {
    let within = |range: Option<ravelin_model::PortRange>, port: u16| {
        range.is_none_or(|r| r.low <= port && port <= r.high)
    };
    let no_icmp = term.icmp_type.is_none() && term.icmp6_type.is_none();
    term.protocol.is_none_or(|p| p == packet.proto)
        && within(term.source_ports, packet.sport)
        && within(term.destination_ports, packet.dport)
        && no_icmp
}

fn same(one: &Packet, other: &Packet) -> bool {
    let tuple = |p: &Packet| (p.src, p.dst, p.proto, p.sport, p.dport);
    tuple(one) == tuple(other)
}

/// The packet that answers another.
fn turned(packet: &Packet) -> Packet {
    let Packet { src, dst, sport, dport, .. } = *packet;
    Packet { src: dst, dst: src, sport: dport, dport: sport, ..*packet }
}

fn forward(unit: &str, source: Source, to: End) -> Expected {
    Expected::Forward { unit: unit.to_owned(), source, to }
}
