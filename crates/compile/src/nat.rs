//! `security nat source` to rule-sets, most specific context first.

use ravelin_model::{AddressRef, NatContext as Config, NatRule, SourceNatAction};
use ravelin_program::{AddressMatch, NatContext, Prefix, SourceAction, SourceNat, SourceRule, SourceRuleSet};
use ravelin_types::Family;

use crate::book::identity;
use crate::{Compiler, address};

impl Compiler<'_> {
    pub(crate) fn source_nat(&mut self) -> SourceNat {
        let config = self.config;
        let mut out: Vec<(u8, SourceRuleSet)> = Vec::new();
        for set in &config.security.nat_source.rule_sets {
            let path = format!("security nat source rule-set {}", set.name);
            let contexts = (self.context(&path, &set.from), self.context(&path, &set.to));
            let (Some(from), Some(to)) = contexts else {
                self.error(path, set.at, "routing-instance: statement not supported");
                continue;
            };
            let rules = set.rules.iter().map(|rule| self.rule(&set.name, rule)).collect();
            let rank = rank(&from) * 2 + rank(&to);
            out.push((rank, SourceRuleSet { name: set.name.clone(), from, to, rules }));
        }
        // Stable: rule-sets of equal rank stay in the order of the configuration.
        out.sort_by_key(|(rank, _)| *rank);
        SourceNat(out.into_iter().map(|(_, set)| set).collect())
    }

    fn context(&mut self, path: &str, context: &Config) -> Option<NatContext> {
        Some(match context {
            Config::Zones(names) => {
                NatContext::Zones(names.iter().map(|n| self.id(path, |book| book.zone(n))).collect())
            }
            Config::Interfaces(names) => {
                NatContext::Interfaces(names.iter().map(|n| self.id(path, |book| book.unit(n))).collect())
            }
            Config::RoutingInstances(_) => return None,
        })
    }

    fn rule(&mut self, set: &str, rule: &NatRule) -> SourceRule {
        let name = format!("source rule-set {set} rule {}", rule.name);
        let id = self.id(&format!("security nat {name}"), |book| book.nat_rule(&name));
        SourceRule {
            id,
            identity: identity(&name),
            name: rule.name.clone(),
            source: self.side(&rule.source_addresses, &rule.source_address_names),
            destination: self.side(&rule.destination_addresses, &rule.destination_address_names),
            action: match rule.action {
                SourceNatAction::Interface => SourceAction::Interface,
                SourceNatAction::Off => SourceAction::Off,
            },
        }
    }

    /// Prefixes and names together; a side that says nothing matches every address.
    fn side(&self, prefixes: &[ipnet::IpNet], names: &[String]) -> AddressMatch {
        let refs = prefixes.iter().map(|p| AddressRef::Prefix(*p));
        let refs: Vec<_> = refs.chain(names.iter().map(|n| AddressRef::Named(n.clone()))).collect();
        let ranges = if refs.is_empty() {
            vec![Prefix::all(Family::V4), Prefix::all(Family::V6)]
        } else {
            address::ranges(&self.addresses, &refs)
        };
        AddressMatch { ranges, excluded: false }
    }
}

fn rank(context: &NatContext) -> u8 {
    match context {
        NatContext::Interfaces(_) => 0,
        NatContext::Zones(_) => 1,
    }
}
