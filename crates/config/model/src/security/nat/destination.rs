//! `security nat destination`: pools, and rules that send packets to them.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, lower};
use ravelin_syntax::{Node, Span};

use super::matching::{AlarmThresholds, NatContext, NatProtocol, Port, PortSpan, from_context};

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct NatDestination {
    #[lower(list = "pool")]
    pub pools: Vec<DestinationPool>,
    #[lower(list = "rule-set")]
    pub rule_sets: Vec<DestinationRuleSet>,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct DestinationPool {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(leaf = "address <>")]
    pub address: Option<IpNet>,
    /// The last address, when the pool is a range and no prefix.
    #[lower(leaf = "address to <>")]
    pub to: Option<IpNet>,
    #[lower(leaf = "address port")]
    pub port: Option<Port>,
    /// Where the addresses are; `default` for the default instance.
    #[lower(with(pool_instance, "routing-instance <>", "routing-instance default"))]
    pub instance: Option<String>,
    /// An address of the book instead.
    #[lower(leaf = "address-name <>")]
    pub address_name: Option<String>,
    #[lower(leaf = "address-name port")]
    pub name_port: Option<Port>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct DestinationRuleSet {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(with(from_context, "from zone", "from interface", "from routing-instance"))]
    pub from: NatContext,
    #[lower(list = "rule")]
    pub rules: Vec<DestinationRule>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct DestinationRule {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(leaves = "match source-address")]
    pub source_addresses: Vec<IpNet>,
    #[lower(leaves = "match source-address-name")]
    pub source_address_names: Vec<String>,
    #[lower(leaf = "match destination-address <>")]
    pub destination_address: Option<IpNet>,
    #[lower(leaf = "match destination-address-name <>")]
    pub destination_address_name: Option<String>,
    #[lower(list = "match destination-port <>")]
    pub destination_ports: Vec<PortSpan>,
    #[lower(leaves = "match protocol")]
    pub protocols: Vec<NatProtocol>,
    #[lower(leaves = "match application")]
    pub applications: Vec<String>,
    #[lower(need(action, "then destination-nat off", "then destination-nat pool <>"))]
    pub action: DestinationNatAction,
    #[lower(container = "then destination-nat rule-session-count-alarm")]
    pub alarm: AlarmThresholds,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestinationNatAction {
    /// No translation, and no later rule is looked at.
    Off,
    Pool(String),
}

fn action(node: &Node, cx: &mut Cx) -> Option<DestinationNatAction> {
    let pool: Option<String> = lower::leaf(node, "then destination-nat pool <>", cx);
    match (lower::flag(node, "then destination-nat off"), pool) {
        (true, None) => Some(DestinationNatAction::Off),
        (false, Some(pool)) => Some(DestinationNatAction::Pool(pool)),
        (true, Some(_)) => {
            cx.error(node.span, "'off' and 'pool' can't be combined");
            None
        }
        (false, None) => {
            cx.error(node.span, "missing mandatory statement: 'then'");
            None
        }
    }
}

fn pool_instance(node: &Node, cx: &mut Cx) -> Option<String> {
    let named: Option<String> = lower::leaf(node, "routing-instance <>", cx);
    let default = lower::flag(node, "routing-instance default");
    named.or(default.then(|| crate::DEFAULT_INSTANCE.to_owned()))
}
