//! `routing-options static`: routes the operator wrote.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoutingOptions {
    pub static_routes: Vec<StaticRoute>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StaticRoute {
    /// Host bits zero.
    pub prefix: IpNet,
    pub action: StaticAction,
    pub preference: Option<u32>,
    pub metric: Option<u32>,
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaticAction {
    /// At least one, all of the prefix's family.
    NextHops(Vec<IpAddr>),
    /// Drop silently.
    Discard,
    /// Drop and answer with ICMP unreachable.
    Reject,
}
