//! What the three kinds of NAT rules have in common: contexts, ports, protocols.

use ravelin_derive::Lower;
use ravelin_schema::{Cx, Value, lower};
use ravelin_syntax::{Node, Span};

use crate::applications::PortRange;
use crate::numbers;
use crate::security::zones::with_unit;

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

/// A port, or ports from `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq, Lower)]
pub struct PortSpan {
    #[lower(key)]
    low: Port,
    #[lower(leaf = "to <>")]
    high: Option<Port>,
    #[lower(at)]
    pub at: Span,
}

/// When an alarm is raised, and cleared again: percent in use of a pool, sessions of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Lower)]
pub struct AlarmThresholds {
    #[lower(leaf = "raise-threshold")]
    pub raise: Option<u32>,
    #[lower(leaf = "clear-threshold")]
    pub clear: Option<u32>,
}

/// A port by number or name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port(pub u16);

/// A protocol by number or name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatProtocol(pub u8);

impl PortSpan {
    /// `None`: it ends before it begins.
    #[must_use]
    pub fn range(&self) -> Option<PortRange> {
        let (low, high) = (self.low.0, self.high.unwrap_or(self.low).0);
        (low <= high).then_some(PortRange { low, high })
    }
}

impl Value for Port {
    fn value(word: &str) -> Result<Self, String> {
        let port = word.parse().ok().or_else(|| numbers::port(word));
        port.map(Self).ok_or_else(|| format!("invalid port `{word}'; expecting 0..65535 or a name"))
    }
}

impl Value for NatProtocol {
    fn value(word: &str) -> Result<Self, String> {
        let number = word.parse().ok().or_else(|| numbers::protocol(word));
        number.map(Self).ok_or_else(|| format!("invalid protocol `{word}'; expecting 0..255 or a name"))
    }
}

/// A range made of a leaf and the leaf after `to`.
pub(super) fn span(node: &Node, path: &str, cx: &mut Cx) -> Option<PortRange> {
    let low: Port = lower::leaf(node, &format!("{path} <>"), cx)?;
    let high: Option<Port> = lower::leaf(node, &format!("{path} to <>"), cx);
    let (low, high) = (low.0, high.unwrap_or(low).0);
    if low > high {
        cx.error(node.span, format!("port range {low} to {high} ends before it begins"));
        return None;
    }
    Some(PortRange { low, high })
}

pub(super) fn from_context(node: &Node, cx: &mut Cx) -> NatContext {
    context(node, "from", cx)
}

pub(super) fn to_context(node: &Node, cx: &mut Cx) -> NatContext {
    context(node, "to", cx)
}

fn context(node: &Node, side: &str, cx: &mut Cx) -> NatContext {
    let zones: Vec<String> = lower::leaves(node, &format!("{side} zone"), cx);
    let interfaces: Vec<String> = lower::leaves(node, &format!("{side} interface"), cx);
    let instances: Vec<String> = lower::leaves(node, &format!("{side} routing-instance"), cx);
    match (zones.is_empty(), interfaces.is_empty(), instances.is_empty()) {
        (false, true, true) => NatContext::Zones(zones),
        (true, false, true) => {
            NatContext::Interfaces(interfaces.iter().map(|name| with_unit(name)).collect())
        }
        (true, true, false) => NatContext::RoutingInstances(instances),
        (true, true, true) => {
            cx.error(node.span, format!("missing mandatory statement: '{side}'"));
            NatContext::default()
        }
        _ => {
            let message = format!("'{side}' takes zones, interfaces or routing instances, one kind of them");
            cx.error(node.span, message);
            NatContext::default()
        }
    }
}
