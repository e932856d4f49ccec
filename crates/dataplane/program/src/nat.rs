//! Source NAT rules.
//!
//! Junos: `security nat source`. First matching rule of the most specific rule-set decides:
//! interface before zone before routing-instance.

use ravelin_types::{InterfaceId, NatRuleId, RuleIdentity, ZoneId};

use crate::policy::AddressMatch;

/// Where a rule-set's traffic comes from or goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NatContext {
    Zones(Vec<ZoneId>),
    Interfaces(Vec<InterfaceId>),
}

/// What a matching rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceAction {
    Off,
    /// The egress unit's own address.
    Interface,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceRule {
    pub id: NatRuleId,
    pub identity: RuleIdentity,
    pub name: String,
    pub source: AddressMatch,
    pub destination: AddressMatch,
    pub action: SourceAction,
}

/// An ordered list of rules for one direction of travel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceRuleSet {
    pub name: String,
    pub from: NatContext,
    pub to: NatContext,
    pub rules: Vec<SourceRule>,
}

/// All source rule-sets, most specific context first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourceNat(pub Vec<SourceRuleSet>);
