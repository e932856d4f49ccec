//! Answers about routes and routing instances.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// Tables that have routes to show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Routes {
    pub tables: Vec<RouteTableLines>,
}

/// Routes of one table, which Junos calls `inet.0` or `NAME.inet.0`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RouteTableLines {
    pub name: String,
    pub routes: Vec<RouteLine>,
}

/// A routing instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InstanceLine {
    /// `master`: the default one.
    pub name: String,
    pub kind: String,
    pub interfaces: Vec<String>,
    /// Tables that have routes, and how many.
    pub tables: Vec<(String, usize)>,
}

/// One route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RouteLine {
    pub prefix: String,
    /// `Direct`, `Local`, `Static`, ...
    pub protocol: String,
    pub preference: u32,
    pub age_s: Option<u64>,
    /// Gateway and unit; both absent: the route drops.
    pub hops: Vec<(Option<IpAddr>, Option<String>)>,
    /// `Discard` or `Reject`, or the table that it leads to, when it has no hops.
    pub drops: Option<String>,
}
