//! `routing-options static`: routes the operator wrote.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, Value, lower};
use ravelin_syntax::{Node, Span};

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct RoutingOptions {
    #[lower(list = "static route")]
    pub static_routes: Vec<StaticRoute>,
    #[lower(list = "rib")]
    pub ribs: Vec<Rib>,
}

/// Routes of one table: where Junos wants IPv6 static routes.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Rib {
    /// `inet.0` or `inet6.0`.
    #[lower(key)]
    pub name: String,
    #[lower(list = "static route")]
    pub static_routes: Vec<StaticRoute>,
    #[lower(at)]
    pub at: Span,
}

impl RoutingOptions {
    /// Every static route, whichever way it was written.
    pub fn routes(&self) -> impl Iterator<Item = &StaticRoute> {
        self.static_routes.iter().chain(self.ribs.iter().flat_map(|rib| &rib.static_routes))
    }
}

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct StaticRoute {
    /// Host bits zero.
    #[lower(need(route_prefix))]
    pub prefix: IpNet,
    #[lower(need(route_action, "next-hop", "next-table", "discard", "reject"))]
    pub action: StaticAction,
    #[lower(at)]
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaticAction {
    /// At least one, all of the prefix's family.
    NextHops(Vec<IpAddr>),
    /// Look it up again there.
    NextTable(NextTable),
    /// Drop silently.
    Discard,
    /// Drop and answer with ICMP unreachable.
    Reject,
}

/// A table of routes: `inet.0`, `NAME.inet6.0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextTable {
    /// `None`: the default instance.
    pub instance: Option<String>,
    pub is_v6: bool,
}

impl Value for NextTable {
    fn value(word: &str) -> Result<Self, String> {
        let whole = format!(".{word}");
        let (instance, is_v6) = match (whole.strip_suffix(".inet.0"), whole.strip_suffix(".inet6.0")) {
            (Some(instance), _) => (instance, false),
            (None, Some(instance)) => (instance, true),
            (None, None) => {
                return Err(format!("table `{word}' is not supported: only those of inet and inet6 are"));
            }
        };
        // Of one that is named the dot before the name is left.
        let instance = instance.strip_prefix('.').map(str::to_owned);
        Ok(Self { instance: instance.filter(|name| name != crate::DEFAULT_INSTANCE), is_v6 })
    }
}

/// Junos takes interfaces too: nothing here routes to a link without a gateway.
struct NextHop(IpAddr);

impl Value for NextHop {
    fn value(word: &str) -> Result<Self, String> {
        let interface = word.contains('.') && word.starts_with(|c: char| c.is_ascii_alphabetic());
        match word.parse() {
            Ok(address) => Ok(Self(address)),
            Err(_) if interface => {
                Err(format!("next hop `{word}' is an interface: only addresses are supported"))
            }
            Err(_) => Err(format!("invalid IP address `{word}'")),
        }
    }
}

fn route_prefix(node: &Node, cx: &mut Cx) -> Option<IpNet> {
    let written: IpNet = lower::key(node, 0, cx)?;
    if written.trunc() != written {
        cx.error(node.span, format!("prefix `{written}' has host bits set; use {}", written.trunc()));
    }
    Some(written.trunc())
}

fn route_action(node: &Node, cx: &mut Cx) -> Option<StaticAction> {
    let hops: Vec<NextHop> = lower::leaves(node, "next-hop", cx);
    let hops: Vec<IpAddr> = hops.into_iter().map(|NextHop(address)| address).collect();
    let table: Option<NextTable> = lower::leaf(node, "next-table", cx);
    let written = ["next-hop", "next-table", "discard", "reject"].map(|word| lower::flag(node, word));
    match written {
        [true, false, false, false] => (!hops.is_empty()).then_some(StaticAction::NextHops(hops)),
        [false, true, false, false] => table.map(StaticAction::NextTable),
        [false, false, true, false] => Some(StaticAction::Discard),
        [false, false, false, true] => Some(StaticAction::Reject),
        [false, false, false, false] => {
            let message = "missing mandatory statement: one of `next-hop', `next-table', `discard', `reject'";
            cx.error(node.span, message);
            None
        }
        _ => {
            let message = "only one of `next-hop', `next-table', `discard' and `reject' may be given";
            cx.error(node.span, message);
            None
        }
    }
}
