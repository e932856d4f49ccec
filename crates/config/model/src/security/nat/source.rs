//! `security nat source`: pools, and rules that translate sources.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, lower};
use ravelin_syntax::{Node, Span};

use super::matching::{AlarmThresholds, NatContext, NatProtocol, Port, PortSpan, from_context, to_context};
use super::pool::SourcePool;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct NatSource {
    #[lower(list = "pool")]
    pub pools: Vec<SourcePool>,
    /// A host has one address of a pool for all its sessions.
    #[lower(flag = "address-persistent")]
    pub address_persistent: bool,
    /// The next port upwards, and none at random.
    #[lower(flag = "port-randomization disable")]
    pub port_randomization_disable: bool,
    /// Of pools that say nothing else.
    #[lower(leaf = "pool-default-port-range <>")]
    pub default_low: Option<Port>,
    #[lower(leaf = "pool-default-port-range to <>")]
    pub default_high: Option<Port>,
    /// Of pools that say nothing else, and of interfaces.
    #[lower(leaf = "pool-default-twin-port-range <>")]
    pub default_twin_low: Option<Port>,
    #[lower(leaf = "pool-default-twin-port-range to <>")]
    pub default_twin_high: Option<Port>,
    /// Pools may share addresses when they have no port in common.
    #[lower(flag = "allow-distinct-port-pools")]
    pub allow_distinct_port_pools: bool,
    /// Nobody is told of mappings of persistent NAT.
    #[lower(flag = "persistent-nat log disable")]
    pub mapping_log_disable: bool,
    #[lower(flag = "interface port-overloading off")]
    pub interface_overloading_off: bool,
    /// Sessions on one port of an interface's address.
    #[lower(leaf = "interface port-overloading-factor")]
    pub interface_overloading_factor: Option<u16>,
    /// Of pools that say nothing of their own.
    #[lower(container = "pool-utilization-alarm")]
    pub pool_alarm: AlarmThresholds,
    #[lower(list = "rule-set")]
    pub rule_sets: Vec<NatRuleSet>,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct NatRuleSet {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(with(from_context, "from zone", "from interface", "from routing-instance"))]
    pub from: NatContext,
    #[lower(with(to_context, "to zone", "to interface", "to routing-instance"))]
    pub to: NatContext,
    #[lower(list = "rule")]
    pub rules: Vec<NatRule>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct NatRule {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    /// Empty with no names too: any.
    #[lower(leaves = "match source-address")]
    pub source_addresses: Vec<IpNet>,
    #[lower(leaves = "match destination-address")]
    pub destination_addresses: Vec<IpNet>,
    #[lower(leaves = "match source-address-name")]
    pub source_address_names: Vec<String>,
    #[lower(leaves = "match destination-address-name")]
    pub destination_address_names: Vec<String>,
    #[lower(list = "match source-port <>")]
    pub source_ports: Vec<PortSpan>,
    #[lower(list = "match destination-port <>")]
    pub destination_ports: Vec<PortSpan>,
    #[lower(leaves = "match protocol")]
    pub protocols: Vec<NatProtocol>,
    #[lower(leaves = "match application")]
    pub applications: Vec<String>,
    #[lower(need(
        nat_action,
        "then source-nat interface",
        "then source-nat off",
        "then source-nat pool <>"
    ))]
    pub action: SourceNatAction,
    #[lower(presence = "then source-nat pool persistent-nat")]
    pub pool_persistent: Option<PoolPersistentNat>,
    #[lower(presence = "then source-nat interface persistent-nat")]
    pub interface_persistent: Option<PersistentNat>,
    #[lower(container = "then source-nat rule-session-count-alarm")]
    pub alarm: AlarmThresholds,
    #[lower(at)]
    pub at: Span,
}

/// The same for a pool.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct PoolPersistentNat {
    #[lower(flatten)]
    pub own: PersistentNat,
    /// Of addresses: ports stay.
    #[lower(flag = "address-mapping")]
    pub address_mapping: bool,
}

/// An internal endpoint keeps its external one. Times are seconds.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct PersistentNat {
    #[lower(flag = "permit any-remote-host")]
    pub any_remote_host: bool,
    #[lower(flag = "permit target-host")]
    pub target_host: bool,
    #[lower(flag = "permit target-host-port")]
    pub target_host_port: bool,
    /// No session comes in by it.
    #[lower(flag = "block-ext-session")]
    pub block_ext_session: bool,
    #[lower(leaf = "inactivity-timeout")]
    pub inactivity_timeout: Option<u32>,
    #[lower(leaf = "max-session-number")]
    pub max_session_number: Option<u32>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SourceNatAction {
    /// The egress interface's address.
    Interface,
    /// An address of a pool.
    Pool(String),
    /// No translation, and no later rule is looked at.
    Off,
}

fn nat_action(node: &Node, cx: &mut Cx) -> Option<SourceNatAction> {
    let pool: Option<String> = lower::leaf(node, "then source-nat pool <>", cx);
    let interface =
        lower::flag(node, "then source-nat interface").then_some(("interface", SourceNatAction::Interface));
    let off = lower::flag(node, "then source-nat off").then_some(("off", SourceNatAction::Off));
    let pool = pool.map(|pool| ("pool", SourceNatAction::Pool(pool)));
    let mut said = [interface, off, pool].into_iter().flatten();
    match (said.next(), said.next()) {
        (Some((_, action)), None) => Some(action),
        (Some((first, _)), Some((second, _))) => {
            cx.error(node.span, format!("'{first}' and '{second}' can't be combined"));
            None
        }
        (None, _) => {
            cx.error(node.span, "missing mandatory statement: 'then'");
            None
        }
    }
}
