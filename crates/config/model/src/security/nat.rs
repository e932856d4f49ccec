//! `security nat source`: interface-mode source NAT.

use ipnet::IpNet;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct NatSource {
    pub rule_sets: Vec<NatRuleSet>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NatRuleSet {
    pub name: String,
    pub description: Option<String>,
    pub from: NatContext,
    pub to: NatContext,
    pub rules: Vec<NatRule>,
    pub at: Span,
}

/// Where traffic comes from or goes to; never empty in a [`crate::ValidConfig`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatContext {
    Zones(Vec<String>),
    /// Logical interfaces with unit: `ge-0/0/0.0`.
    Interfaces(Vec<String>),
    RoutingInstances(Vec<String>),
}

impl Default for NatContext {
    fn default() -> Self {
        NatContext::Zones(Vec::new())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct NatRule {
    pub name: String,
    pub description: Option<String>,
    /// Empty with no names too: any.
    pub source_addresses: Vec<IpNet>,
    pub destination_addresses: Vec<IpNet>,
    pub source_address_names: Vec<String>,
    pub destination_address_names: Vec<String>,
    pub action: SourceNatAction,
    pub at: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceNatAction {
    /// The egress interface's address.
    Interface,
    /// No translation, and no later rule is looked at.
    Off,
}
