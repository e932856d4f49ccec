//! The reference model: a naive evaluator of the typed configuration.
//!
//! One rule after another, by name, no compile step, no index, no batch. Slow and plain on purpose:
//! where it and the engine differ, one of them is wrong.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_model::{
    AddressRef, AddressValue, ApplicationTerm, Config, DefaultPolicy, HostInbound, NatContext, Policy,
    PolicyAction, Service, SourceNatAction, predefined,
};

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

/// What the model expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Out of this unit; `Some`: with this source address.
    Forward {
        unit: String,
        source: Option<IpAddr>,
    },
    Host,
    HostDenied,
    NotSyn,
    NoRoute,
    NoZone,
    Denied,
    Rejected,
    DefaultDenied,
}

/// A conversation that was let through, as its two directions look on the wire.
#[derive(Clone, Debug)]
struct Session {
    inside: Packet,
    from_zone: String,
    to_zone: String,
    unit: String,
    source: Option<IpAddr>,
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

    /// Judges a packet of the side that opens conversations.
    pub fn judge(&mut self, unit: &str, packet: &Packet) -> Expected {
        let Some(zone) = self.zone_of(unit) else { return Expected::NoZone };
        if let Some(session) = self.sessions.iter().find(|s| same(&s.inside, packet) && s.from_zone == zone) {
            return Expected::Forward { unit: session.unit.clone(), source: session.source };
        }
        if self.host.iter().any(|known| same(known, packet)) {
            return Expected::Host;
        }
        if self.is_own(packet.dst) {
            let listed = self.host_accepts(unit, packet);
            return if !listed {
                Expected::HostDenied
            } else if packet.proto == 6 && !packet.opens {
                Expected::NotSyn
            } else {
                self.host.push(*packet);
                Expected::Host
            };
        }
        if packet.proto == 6 && !packet.opens && !self.config.security.flow.tcp_session.no_syn_check {
            return Expected::NotSyn;
        }
        let Some(egress) = self.route(packet.dst) else { return Expected::NoRoute };
        let Some(to_zone) = self.zone_of(&egress) else { return Expected::NoZone };
        match self.policy(&zone, &to_zone, packet) {
            Some(PolicyAction::Permit) => {}
            Some(PolicyAction::Deny) => return Expected::Denied,
            Some(PolicyAction::Reject) => return Expected::Rejected,
            None if self.config.security.policies.default_policy == DefaultPolicy::PermitAll => {}
            None => return Expected::DefaultDenied,
        }
        let source =
            self.source_nat(&zone, &to_zone, packet).and_then(|()| self.own_address(&egress, packet));
        let session = Session { inside: *packet, from_zone: zone, to_zone, unit: egress.clone(), source };
        self.sessions.push(session);
        Expected::Forward { unit: egress, source }
    }

    /// Conversations remembered.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// The zone a conversation's answers come from, for tests that answer.
    #[must_use]
    pub fn answering_zone(&self, packet: &Packet) -> Option<&str> {
        self.sessions.iter().find(|s| same(&s.inside, packet)).map(|s| s.to_zone.as_str())
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

    fn source_nat(&self, from: &str, to: &str, packet: &Packet) -> Option<()> {
        let holds = |context: &NatContext, zone: &str| match context {
            NatContext::Zones(zones) => zones.iter().any(|z| z == zone),
            NatContext::Interfaces(_) | NatContext::RoutingInstances(_) => {
                unreachable!("the generator uses zones")
            }
        };
        let sets = self.config.security.nat_source.rule_sets.iter();
        let rules = sets.filter(|s| holds(&s.from, from) && holds(&s.to, to)).flat_map(|s| &s.rules);
        let side =
            |list: &[IpNet], addr: IpAddr| list.is_empty() || list.iter().any(|net| net.contains(&addr));
        let rule = rules
            .into_iter()
            .find(|r| side(&r.source_addresses, packet.src) && side(&r.destination_addresses, packet.dst))?;
        (rule.action == SourceNatAction::Interface).then_some(())
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
