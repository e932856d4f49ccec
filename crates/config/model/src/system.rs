//! `system`: the node itself.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_derive::Lower;
use ravelin_schema::{Cx, lower};
use ravelin_syntax::{Node, Span};

use crate::ArchiveSite;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct System {
    #[lower(leaf = "host-name")]
    pub host_name: Option<String>,
    /// What times are shown, read and kept in: of commits, of schedulers, of the security log.
    #[lower(with(time_zone, "time-zone"))]
    pub time_zone: Option<TimeZoneName>,
    /// Asked for names of hosts, one after another.
    #[lower(leaves = "name-server <>")]
    pub name_servers: Vec<IpAddr>,
    /// Configurations kept before the active one, at most 49.
    #[lower(leaf = "max-configuration-rollbacks")]
    pub rollbacks_max: Option<u8>,
    /// Every commit is the other node's too.
    #[lower(flag = "commit synchronize")]
    pub synchronize: bool,
    #[lower(container = "archival configuration")]
    pub archival: Archival,
    /// Extension. `None`: there are no metrics.
    #[lower(presence = "services metrics")]
    pub metrics: Option<Metrics>,
}

/// What is counted, over HTTP: `system services metrics`.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Metrics {
    #[lower(leaf = "port")]
    pub port: Option<u16>,
    /// None: the loopback.
    #[lower(leaves = "addresses")]
    pub addresses: Vec<IpAddr>,
    /// None: who reaches it may ask.
    #[lower(leaves = "allowed-sources")]
    pub allowed_sources: Vec<IpNet>,
    #[lower(leaf = "connection-limit")]
    pub connections_max: Option<u32>,
    #[lower(leaf = "series-limit")]
    pub series_max: Option<u32>,
    #[lower(at)]
    pub at: Span,
}

/// A zone of the time zone database, such as `Europe/Berlin`, or `GMT+5` as that has it: five hours behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZoneName {
    pub name: String,
    pub at: Span,
}

fn time_zone(node: &Node, cx: &mut Cx) -> Option<TimeZoneName> {
    let at = lower::at(node, "time-zone").last()?.span;
    lower::leaf(node, "time-zone", cx).map(|name| TimeZoneName { name, at })
}

/// Where and when the active configuration is copied to.
#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct Archival {
    #[lower(leaf = "transfer-interval")]
    pub transfer_interval_min: Option<u16>,
    #[lower(flag = "transfer-on-commit")]
    pub transfer_on_commit: bool,
    /// Tried in order until one takes the file.
    #[lower(list = "archive-sites <>")]
    pub sites: Vec<ArchiveSite>,
    #[lower(at)]
    pub at: Span,
}
