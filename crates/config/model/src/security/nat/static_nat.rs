//! `security nat static`: addresses that stand for each other, both ways.

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, lower};
use ravelin_syntax::{Node, Span};

use super::matching::{AlarmThresholds, NatContext, PortSpan, from_context, span};
use crate::applications::PortRange;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct NatStatic {
    #[lower(list = "rule-set")]
    pub rule_sets: Vec<StaticRuleSet>,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct StaticRuleSet {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(with(from_context, "from zone", "from interface", "from routing-instance"))]
    pub from: NatContext,
    #[lower(list = "rule")]
    pub rules: Vec<StaticRule>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct StaticRule {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(leaves = "match source-address")]
    pub source_addresses: Vec<IpNet>,
    #[lower(leaves = "match source-address-name")]
    pub source_address_names: Vec<String>,
    #[lower(list = "match source-port <>")]
    pub source_ports: Vec<PortSpan>,
    #[lower(leaf = "match destination-address <>")]
    pub destination_address: Option<IpNet>,
    #[lower(leaf = "match destination-address-name <>")]
    pub destination_address_name: Option<String>,
    #[lower(with(outside_ports, "match destination-port <>", "match destination-port to <>"))]
    pub destination_ports: Option<PortRange>,
    #[lower(need(
        inside,
        "then static-nat prefix <>",
        "then static-nat prefix-name <>",
        "then static-nat inet",
        "then static-nat nptv6-prefix <>",
        "then static-nat nptv6-prefix-name <>"
    ))]
    pub inside: StaticPrefix,
    #[lower(with(
        inside_ports,
        "then static-nat prefix mapped-port <>",
        "then static-nat prefix mapped-port to <>",
        "then static-nat prefix-name mapped-port <>",
        "then static-nat prefix-name mapped-port to <>"
    ))]
    pub mapped_ports: Option<PortRange>,
    /// Where the inside addresses are; `None`: in the instance that packets come in.
    #[lower(with(
        inside_instance,
        "then static-nat prefix routing-instance",
        "then static-nat prefix-name routing-instance",
        "then static-nat inet routing-instance",
        "then static-nat nptv6-prefix routing-instance",
        "then static-nat nptv6-prefix-name routing-instance"
    ))]
    pub instance: Option<String>,
    #[lower(container = "then static-nat rule-session-count-alarm")]
    pub alarm: AlarmThresholds,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaticPrefix {
    Prefix(IpNet),
    Named(String),
    /// The IPv4 address that the IPv6 one stands for (RFC 6052).
    Inet,
    /// Prefix for prefix, checksums as they were (RFC 6296).
    Nptv6(IpNet),
    Nptv6Named(String),
}

fn outside_ports(node: &Node, cx: &mut Cx) -> Option<PortRange> {
    span(node, "match destination-port", cx)
}

fn inside_ports(node: &Node, cx: &mut Cx) -> Option<PortRange> {
    span(node, "then static-nat prefix mapped-port", cx)
        .or_else(|| span(node, "then static-nat prefix-name mapped-port", cx))
}

fn inside_instance(node: &Node, cx: &mut Cx) -> Option<String> {
    let kinds = ["prefix", "prefix-name", "inet", "nptv6-prefix", "nptv6-prefix-name"];
    kinds.iter().find_map(|kind| lower::leaf(node, &format!("then static-nat {kind} routing-instance"), cx))
}

fn inside(node: &Node, cx: &mut Cx) -> Option<StaticPrefix> {
    let prefix = lower::leaf(node, "then static-nat prefix <>", cx).map(StaticPrefix::Prefix);
    let name = lower::leaf(node, "then static-nat prefix-name <>", cx).map(StaticPrefix::Named);
    let npt = lower::leaf(node, "then static-nat nptv6-prefix <>", cx).map(StaticPrefix::Nptv6);
    let npt_name =
        lower::leaf(node, "then static-nat nptv6-prefix-name <>", cx).map(StaticPrefix::Nptv6Named);
    let inet = lower::flag(node, "then static-nat inet").then_some(StaticPrefix::Inet);
    let all = [
        ("prefix", prefix),
        ("prefix-name", name),
        ("inet", inet),
        ("nptv6-prefix", npt),
        ("nptv6-prefix-name", npt_name),
    ];
    let mut said = all.into_iter().filter_map(|(word, to)| Some((word, to?)));
    match (said.next(), said.next()) {
        (Some((_, to)), None) => Some(to),
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
