//! `security address-book`: names for addresses and sets of them.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, Named, Runs, lower};
use ravelin_syntax::{Node, Span};

/// Only the book `global` exists in a [`crate::ValidConfig`].
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct AddressBook {
    #[lower(key)]
    pub name: String,
    #[lower(runs = "address")]
    pub addresses: Runs<Address>,
    #[lower(runs = "address-set")]
    pub sets: Runs<AddressSet>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct Address {
    #[lower(key)]
    pub name: String,
    #[lower(need(address_value, "<>", "range-address", "range-address to <>"))]
    pub value: AddressValue,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressValue {
    /// Host bits zero.
    Prefix(IpNet),
    /// Both ends included, same family, low first.
    Range(IpAddr, IpAddr),
}

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct AddressSet {
    #[lower(key)]
    pub name: String,
    #[lower(leaf = "description")]
    pub description: Option<String>,
    #[lower(leaves = "address")]
    pub addresses: Vec<String>,
    #[lower(leaves = "address-set")]
    pub sets: Vec<String>,
    #[lower(at)]
    pub at: Span,
}

impl Named for Address {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for AddressSet {
    fn name(&self) -> &str {
        &self.name
    }
}

fn address_value(node: &Node, cx: &mut Cx) -> Option<AddressValue> {
    let prefixes: Vec<IpNet> = lower::leaves(node, "<>", cx);
    let lows: Vec<IpAddr> = lower::leaves(node, "range-address", cx);
    let high: Option<IpAddr> = lower::leaf(node, "range-address to <>", cx);
    match (prefixes.as_slice(), lows.as_slice()) {
        ([prefix], []) => Some(AddressValue::Prefix(prefix.trunc())),
        ([], [low]) => match high {
            Some(high) if low.is_ipv4() == high.is_ipv4() && *low <= high => {
                Some(AddressValue::Range(*low, high))
            }
            Some(_) => {
                cx.error(node.span, "range ends before it begins");
                None
            }
            None => {
                cx.error(node.span, "missing mandatory statement: `to'");
                None
            }
        },
        ([], []) => {
            // A value that didn't parse has its own error.
            if !node.active().any(|n| n.name.is_empty() || n.name == "range-address") {
                cx.error(node.span, "missing mandatory statement: a prefix or `range-address'");
            }
            None
        }
        _ => {
            cx.error(node.span, "an address has one value");
            None
        }
    }
}
