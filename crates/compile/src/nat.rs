//! `security nat` to rule-sets, most specific context first.

use ravelin_model::{
    AddressRef, DEFAULT_INSTANCE, DestinationNatAction, DestinationRule as ConfigDestinationRule,
    NatContext as Config, NatRule, PersistentNat, PortSpan, SourceNatAction, StaticPrefix,
    StaticRule as ConfigStaticRule,
};
use ravelin_nat::{Permit, PersistentRule};
use ravelin_program::{
    AddressMatch, Application, DestinationAction, DestinationNat, DestinationPool, DestinationRule,
    DestinationRuleSet, List, NatContext, NatMatch, PortRange, Prefix, SourceAction, SourceNat, SourceRule,
    SourceRuleSet, StaticNat, StaticRule, StaticRuleSet, StaticTarget,
};
use ravelin_syntax::{Span, Text};
use ravelin_types::{Addr, Family, NatRuleId, Proto, Seconds};

use crate::book::identity;
use crate::{Compiler, address};

impl Compiler<'_> {
    pub(crate) fn source_nat(&mut self) -> SourceNat {
        let config = self.config;
        let mut out: Vec<(u8, SourceRuleSet)> = Vec::new();
        for set in &config.security.nat_source.rule_sets {
            let path = format!("security nat source rule-set {}", set.name);
            let (from, to) = (self.context(&path, &set.from), self.context(&path, &set.to));
            let rules = set.rules.iter().map(|rule| self.rule(&set.name, rule)).collect();
            let rank = rank(&set.from) * 3 + rank(&set.to);
            out.push((rank, SourceRuleSet { name: set.name.clone(), from, to, rules }));
        }
        // Stable: rule-sets of equal rank stay in the order of the configuration.
        out.sort_by_key(|(rank, _)| *rank);
        SourceNat(out.into_iter().map(|(_, set)| set).collect())
    }

    /// A routing instance stands for its interfaces. Spec: routing-instance-13.
    fn context(&mut self, path: &str, context: &Config) -> NatContext {
        match context {
            Config::Zones(names) => {
                NatContext::Zones(names.iter().map(|n| self.id(path, |book| book.zone(n))).collect())
            }
            Config::Interfaces(names) => {
                NatContext::Interfaces(names.iter().map(|n| self.id(path, |book| book.unit(n))).collect())
            }
            Config::RoutingInstances(names) => {
                let config = self.config;
                let units = config.interfaces.iter().filter(|i| crate::needs_device(i));
                let units =
                    units.flat_map(|i| i.units.iter().map(move |u| format!("{}.{}", i.name, u.number)));
                let of = |unit: &String| {
                    let instance = config.instance_of(unit).map_or(DEFAULT_INSTANCE, |i| i.name.as_str());
                    names.iter().any(|name| name == instance)
                };
                let units = units.filter(of);
                let units = units.map(|unit| self.id(path, |book| book.unit(&unit))).collect();
                let ids = names.iter().map(|name| self.instance_id(path, Some(name))).collect();
                NatContext::Instances { ids, units }
            }
        }
    }

    fn rule(&mut self, set: &str, rule: &NatRule) -> SourceRule {
        let name = format!("source rule-set {set} rule {}", rule.name);
        let matching = NatMatch {
            source: self.side(&rule.source_addresses, &rule.source_address_names),
            destination: self.side(&rule.destination_addresses, &rule.destination_address_names),
            source_ports: ports(&rule.source_ports),
            destination_ports: ports(&rule.destination_ports),
            protocols: rule.protocols.iter().map(|p| Proto(p.0)).collect(),
            applications: self.nat_applications(&name, &rule.applications, rule.at),
        };
        let action = match &rule.action {
            SourceNatAction::Interface => SourceAction::Interface,
            SourceNatAction::Off => SourceAction::Off,
            SourceNatAction::Pool(pool) => SourceAction::Pool(self.pool_id(pool)),
        };
        let persistent = match rule.action {
            SourceNatAction::Interface => rule.interface_persistent.as_ref().map(persistence),
            SourceNatAction::Pool(_) => rule.pool_persistent.as_ref().map(|of_pool| {
                let address_mapping = of_pool.address_mapping;
                PersistentRule { address_mapping, ..persistence(&of_pool.own) }
            }),
            SourceNatAction::Off => None,
        };
        SourceRule {
            id: self.nat_rule_id(&name),
            identity: identity(&name),
            name: rule.name.clone(),
            matching,
            action,
            persistent,
        }
    }

    /// What a unit answers ARP and neighbour discovery for.
    pub(crate) fn proxied(&self, unit: &str) -> Vec<Prefix> {
        let security = &self.config.security;
        let of_unit = security.proxy_arp.iter().chain(&security.proxy_ndp);
        let of_unit = of_unit.filter(|proxy| ravelin_model::with_unit(&proxy.interface) == unit);
        let ends = of_unit.flat_map(|proxy| &proxy.addresses).filter_map(ravelin_model::ProxyRange::ends);
        ends.map(|(first, last)| {
            let ((family, first), (_, last)) = (Addr::from_ip(first), Addr::from_ip(last));
            Prefix { family, first, last }
        })
        .collect()
    }

    pub(crate) fn destination_nat(&mut self) -> DestinationNat {
        let config = self.config;
        let mut out: Vec<(u8, DestinationRuleSet)> = Vec::new();
        for set in &config.security.nat_destination.rule_sets {
            let path = format!("security nat destination rule-set {}", set.name);
            let from = self.context(&path, &set.from);
            let rules = set.rules.iter().filter_map(|rule| self.destination_rule(&set.name, rule)).collect();
            out.push((rank(&set.from), DestinationRuleSet { name: set.name.clone(), from, rules }));
        }
        out.sort_by_key(|(rank, _)| *rank);
        DestinationNat(out.into_iter().map(|(_, set)| set).collect())
    }

    fn destination_rule(&mut self, set: &str, rule: &ConfigDestinationRule) -> Option<DestinationRule> {
        let name = format!("destination rule-set {set} rule {}", rule.name);
        let destination: Vec<_> = rule.destination_address.into_iter().collect();
        let named: Vec<_> = rule.destination_address_name.iter().cloned().collect();
        let matching = NatMatch {
            source: self.side(&rule.source_addresses, &rule.source_address_names),
            destination: self.side(&destination, &named),
            source_ports: Vec::new(),
            destination_ports: ports(&rule.destination_ports),
            protocols: rule.protocols.iter().map(|p| Proto(p.0)).collect(),
            applications: self.nat_applications(&name, &rule.applications, rule.at),
        };
        let action = match &rule.action {
            DestinationNatAction::Off => DestinationAction::Off,
            DestinationNatAction::Pool(pool) => DestinationAction::Pool(self.destination_pool(pool)?),
        };
        let id = self.nat_rule_id(&name);
        Some(DestinationRule { id, identity: identity(&name), name: rule.name.clone(), matching, action })
    }

    /// `None`: the checks have refused the configuration already.
    fn destination_pool(&mut self, name: &str) -> Option<DestinationPool> {
        let pool = self.config.security.nat_destination.pools.iter().find(|p| p.name == name)?;
        let (addresses, port) = match &pool.address_name {
            Some(name) => (self.one_prefix(name)?, pool.name_port),
            None => {
                let first = Prefix::from(pool.address?);
                let last = pool.to.map_or(first.last, |last| Prefix::from(last).last);
                (Prefix { last, ..first }, pool.port)
            }
        };
        let path = format!("security nat destination pool {name}");
        let instance = pool.instance.as_ref().map(|instance| self.instance_id(&path, Some(instance)));
        Some(DestinationPool { name: name.to_owned(), addresses, port: port.map(|p| p.0), instance })
    }

    pub(crate) fn static_nat(&mut self) -> StaticNat {
        let config = self.config;
        let mut out: Vec<(u8, StaticRuleSet)> = Vec::new();
        for set in &config.security.nat_static.rule_sets {
            let path = format!("security nat static rule-set {}", set.name);
            let from = self.context(&path, &set.from);
            let rules = set.rules.iter().filter_map(|rule| self.static_rule(&set.name, rule)).collect();
            out.push((rank(&set.from), StaticRuleSet { name: set.name.clone(), from, rules }));
        }
        out.sort_by_key(|(rank, _)| *rank);
        StaticNat {
            rule_sets: out.into_iter().map(|(_, set)| set).collect(),
            no_v6_fragment_header: config.security.no_v6_frag_header,
        }
    }

    fn static_rule(&mut self, set: &str, rule: &ConfigStaticRule) -> Option<StaticRule> {
        let name = format!("static rule-set {set} rule {}", rule.name);
        let outside = match (rule.destination_address, &rule.destination_address_name) {
            (Some(net), _) => Prefix::from(net),
            (None, Some(name)) => self.one_prefix(name)?,
            (None, None) => return None,
        };
        let target = match &rule.inside {
            StaticPrefix::Prefix(net) => StaticTarget::Range(Prefix::from(*net)),
            StaticPrefix::Named(name) => StaticTarget::Range(self.one_prefix(name)?),
            StaticPrefix::Inet => StaticTarget::Embedded,
            StaticPrefix::Nptv6(net) => StaticTarget::Npt(Prefix::from(*net)),
            StaticPrefix::Nptv6Named(name) => StaticTarget::Npt(self.one_prefix(name)?),
        };
        let range = |r: ravelin_model::PortRange| PortRange { low: r.low, high: r.high };
        Some(StaticRule {
            id: self.nat_rule_id(&name),
            identity: identity(&name),
            name: rule.name.clone(),
            remote: self.side(&rule.source_addresses, &rule.source_address_names),
            remote_ports: ports(&rule.source_ports),
            outside,
            target,
            ports: rule.destination_ports.zip(rule.mapped_ports).map(|(o, i)| (range(o), range(i))),
            instance: rule.instance.as_ref().map(|instance| self.instance_id(&name, Some(instance))),
        })
    }

    fn one_prefix(&self, name: &str) -> Option<Prefix> {
        let refs = [AddressRef::Named(name.into())];
        let ranges = address::ranges(self.addresses.names, &refs);
        ranges.first().copied().filter(|_| ranges.len() == 1)
    }

    fn nat_rule_id(&mut self, name: &str) -> NatRuleId {
        self.id(&format!("security nat {name}"), |book| book.nat_rule(name))
    }

    fn nat_applications(&mut self, rule: &str, names: &[String], at: Span) -> Option<List<Application>> {
        if names.is_empty() {
            return None;
        }
        let names: Vec<Text> = names.iter().map(Text::from).collect();
        match self.applications.terms(&self.config.applications, &names) {
            Ok(terms) => Some(terms),
            Err(name) => {
                self.error(
                    format!("security nat {rule}"),
                    at,
                    format!("application `{name}' is not defined"),
                );
                Some(List::new())
            }
        }
    }

    /// Prefixes and names together; a side that says nothing matches every address.
    fn side(&self, prefixes: &[ipnet::IpNet], names: &[String]) -> AddressMatch {
        let refs = prefixes.iter().map(|p| AddressRef::Prefix(*p));
        let refs: Vec<_> = refs.chain(names.iter().map(|n| AddressRef::Named(n.into()))).collect();
        let ranges = if refs.is_empty() {
            vec![Prefix::all(Family::V4), Prefix::all(Family::V6)]
        } else {
            address::ranges(self.addresses.names, &refs)
        };
        AddressMatch { ranges: ranges.into(), ..AddressMatch::default() }
    }
}

fn persistence(config: &PersistentNat) -> PersistentRule {
    let defaults = PersistentRule::default();
    PersistentRule {
        id: None,
        // The checks have seen to it that one is said.
        permit: match (config.any_remote_host, config.target_host) {
            (true, _) => Permit::AnyRemoteHost,
            (false, true) => Permit::TargetHost,
            (false, false) => Permit::TargetHostPort,
        },
        address_mapping: false,
        block_external: config.block_ext_session,
        inactivity: config.inactivity_timeout.map_or(defaults.inactivity, Seconds),
        sessions_max: config.max_session_number.unwrap_or(defaults.sessions_max),
    }
}

fn ports(spans: &[PortSpan]) -> Vec<PortRange> {
    let ranges = spans.iter().filter_map(PortSpan::range);
    ranges.map(|r| PortRange { low: r.low, high: r.high }).collect()
}

/// Interface before zone before routing instance.
fn rank(context: &Config) -> u8 {
    match context {
        Config::Interfaces(_) => 0,
        Config::Zones(_) => 1,
        Config::RoutingInstances(_) => 2,
    }
}
