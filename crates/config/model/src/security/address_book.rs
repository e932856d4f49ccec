//! `security address-book`: names for addresses and sets of them.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, Named, Runs, lower};
use ravelin_syntax::{Node, Span, Text};

/// Only the book `global` exists in a [`crate::ValidConfig`]: those of zones are in it.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct AddressBook {
    #[lower(key)]
    pub name: String,
    #[lower(runs = "address")]
    pub addresses: Runs<Address>,
    #[lower(runs = "address-set")]
    pub sets: Runs<AddressSet>,
    /// Whose policies look into it first.
    #[lower(leaves = "attach zone")]
    pub zones: Vec<String>,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct Address {
    #[lower(key)]
    pub name: Text,
    #[lower(need(
        address_value,
        "<>",
        "range-address",
        "range-address to <>",
        "address-range",
        "address-range to <>",
        "dns-name",
        "dns-name ipv4-only",
        "dns-name ipv6-only",
        "dns-name dns-query-interval",
        "wildcard-address"
    ))]
    pub value: AddressValue,
    #[lower(leaf = "description")]
    pub description: Option<Box<Text>>,
    #[lower(at)]
    pub at: Span,
}

const _: () = assert!(size_of::<Address>() <= 56, "a book has two hundred thousand of these");

/// What few addresses are takes memory of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AddressValue {
    /// Host bits zero.
    Prefix(IpNet),
    Range(Box<AddressRange>),
    /// IPv4 addresses that agree with the first in the bits of the second.
    Wildcard(Ipv4Addr, Ipv4Addr),
    Dns(Box<DnsName>),
}

/// Both ends included, same family, low first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange {
    pub low: IpAddr,
    pub high: IpAddr,
}

/// `dns-name`: whatever addresses a name has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Lower)]
pub struct DnsName {
    #[lower(key)]
    pub name: Text,
    #[lower(flag = "ipv4-only")]
    pub ipv4_only: bool,
    #[lower(flag = "ipv6-only")]
    pub ipv6_only: bool,
    /// Seconds from one question to the next while none is answered; 16..=86400, Junos' default is 300.
    #[lower(leaf = "dns-query-interval")]
    pub query_interval_s: Option<u32>,
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
    let mut lows: Vec<IpAddr> = lower::leaves(node, "range-address", cx);
    lows.extend(lower::leaves::<IpAddr>(node, "address-range", cx));
    let high: Option<IpAddr> = lower::leaf(node, "range-address to <>", cx);
    // Its end is typed as a prefix.
    let end = |net: IpNet| (net.prefix_len() == net.max_prefix_len()).then(|| net.addr());
    let high = high.or_else(|| lower::leaf(node, "address-range to <>", cx).and_then(end));
    let wildcards: Vec<String> = lower::leaves(node, "wildcard-address", cx);
    let names: Vec<DnsName> = lower::list(node, "dns-name", cx);
    match (wildcards.as_slice(), names.as_slice()) {
        ([], []) => {}
        ([written], []) if prefixes.is_empty() && lows.is_empty() => {
            let wildcard = wildcard(written);
            if wildcard.is_none() {
                cx.error(node.span, format!("`{written}' is no wildcard address: expected address/mask"));
            }
            return wildcard;
        }
        ([], [name]) if prefixes.is_empty() && lows.is_empty() => {
            return Some(AddressValue::Dns(name.clone().into()));
        }
        _ => {
            cx.error(node.span, "an address has one value");
            return None;
        }
    }
    match (prefixes.as_slice(), lows.as_slice()) {
        ([prefix], []) => Some(AddressValue::Prefix(prefix.trunc())),
        ([], [low]) => match high {
            Some(high) if low.is_ipv4() == high.is_ipv4() && *low <= high => {
                Some(AddressValue::Range(AddressRange { low: *low, high }.into()))
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
            if !node.active().any(|n| n.name.is_empty() || n.name.contains("range")) {
                cx.error(
                    node.span,
                    "missing mandatory statement: a prefix, `address-range' or `range-address'",
                );
            }
            None
        }
        _ => {
            cx.error(node.span, "an address has one value");
            None
        }
    }
}

/// `10.0.1.0/255.0.255.0`; bits that the mask does not ask for are zero in the result.
fn wildcard(text: &str) -> Option<AddressValue> {
    let (addr, mask) = text.split_once('/')?;
    let (addr, mask): (Ipv4Addr, Ipv4Addr) = (addr.parse().ok()?, mask.parse().ok()?);
    let addr = Ipv4Addr::from(u32::from(addr) & u32::from(mask));
    (!mask.is_unspecified()).then_some(AddressValue::Wildcard(addr, mask))
}
