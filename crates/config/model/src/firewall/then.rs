//! What terms do.

use ravelin_derive::Lower;
use ravelin_schema::{Cx, Value, lower};
use ravelin_syntax::Node;

use super::values::class_by_name;
use crate::keywords::keywords;

keywords! {
    /// `loss-priority`.
    LossPriorityWord {
        Low = "low",
        MediumLow = "medium-low",
        MediumHigh = "medium-high",
        High = "high",
    }
}

impl Value for LossPriorityWord {
    fn value(word: &str) -> Result<Self, String> {
        Self::from_word(word).ok_or_else(|| format!("invalid loss priority `{word}'"))
    }
}

/// A forwarding class by its queue's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassName(pub u8);

impl Value for ClassName {
    fn value(word: &str) -> Result<Self, String> {
        class_by_name(word).map(Self).ok_or_else(|| format!("forwarding class `{word}' is not defined"))
    }
}

/// Everything in `then` but `reject`, which families have in forms of their own.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct FilterThen {
    #[lower(flag = "accept")]
    pub accept: bool,
    #[lower(flag = "discard")]
    pub discard: bool,
    /// `term`, the only word.
    #[lower(leaf = "next")]
    pub next: Option<String>,
    #[lower(leaf = "count")]
    pub count: Option<String>,
    #[lower(flag = "log")]
    pub log: bool,
    #[lower(flag = "syslog")]
    pub syslog: bool,
    #[lower(leaf = "policer")]
    pub policer: Option<String>,
    #[lower(container = "three-color-policer")]
    pub three_colour: ThreeColourAction,
    #[lower(leaf = "forwarding-class")]
    pub forwarding_class: Option<ClassName>,
    #[lower(leaf = "loss-priority")]
    pub loss_priority: Option<LossPriorityWord>,
    /// The instance that routes it.
    #[lower(leaf = "routing-instance <>")]
    pub routing_instance: Option<String>,
    #[lower(flag = "port-mirror")]
    pub port_mirror: bool,
    #[lower(leaf = "port-mirror-instance")]
    pub port_mirror_instance: Option<String>,
}

/// `then three-color-policer`: the policer's kind is said again.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct ThreeColourAction {
    #[lower(leaf = "single-rate")]
    pub single_rate: Option<String>,
    #[lower(leaf = "two-rate")]
    pub two_rate: Option<String>,
}

/// `then reject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterReject {
    /// Without a word: administratively prohibited.
    Plain,
    /// Destination unreachable with this code.
    Code(u8),
    TcpReset,
}

/// By Junos' words, code by code from 0 (RFC 792, 1122, 1812).
const CODES4: [&str; 16] = [
    "network-unreachable",
    "host-unreachable",
    "protocol-unreachable",
    "port-unreachable",
    "fragmentation-needed",
    "source-route-failed",
    "network-unknown",
    "host-unknown",
    "source-host-isolated",
    "network-prohibited",
    "host-prohibited",
    "bad-network-tos",
    "bad-host-tos",
    "administratively-prohibited",
    "precedence-violation",
    "precedence-cutoff",
];

/// RFC 4443 3.1.
const CODES6: [&str; 7] = [
    "no-route",
    "administratively-prohibited",
    "beyond-scope",
    "address-unreachable",
    "port-unreachable",
    "policy-failed",
    "reject-route",
];

pub(super) fn reject4(term: &Node, cx: &mut Cx) -> Option<FilterReject> {
    reject(term, &CODES4, cx)
}

pub(super) fn reject6(term: &Node, cx: &mut Cx) -> Option<FilterReject> {
    reject(term, &CODES6, cx)
}

fn reject(term: &Node, codes: &[&str], cx: &mut Cx) -> Option<FilterReject> {
    let node = *lower::at(term, "then reject").last()?;
    let mut words = node.active().map(|child| child.name.to_string());
    let Some(word) = words.next() else { return Some(FilterReject::Plain) };
    if words.next().is_some() {
        cx.error(node.span, "only one answer can be given to a rejected packet");
    }
    if word == "tcp-reset" {
        return Some(FilterReject::TcpReset);
    }
    let code = codes.iter().position(|code| *code == word).and_then(|code| u8::try_from(code).ok());
    code.map(FilterReject::Code)
}
