//! Answers out of the plane, the program's names and the route table.

mod algs;
mod buffers;
mod counting;
mod drops;
mod firewall;
mod gates;
mod matching;
mod mirrors;
mod nat;
mod nat_state;
mod persistent;
mod ports;
mod profile;
mod routes;
mod rules;
mod sessions;
mod shadow;
mod state;

use ipnet::IpNet;
use ravelin_contract::Route;
use ravelin_types::InstanceId;

pub(crate) use buffers::buffers;
pub(crate) use counting::about_counters;
pub(crate) use drops::{drops, record as drop_record};
pub(crate) use firewall::about_filters;
pub(crate) use gates::about_gateways;
pub(crate) use matching::{matches, totals};
pub(crate) use mirrors::{clear_mirrors, mirrors};
pub(crate) use nat::{nat_pools, nat_rules};
pub(crate) use nat_state::about_nat_state;
pub(crate) use persistent::about_mappings;
pub(crate) use ports::about_pools;
pub(crate) use profile::{options as screen_options, white_lists};
pub(crate) use routes::about_routes;
pub(crate) use rules::policies;
pub(crate) use sessions::{Listing, clear, summary};
pub(crate) use shadow::shadows;
pub(crate) use state::{flow_statistics, plane_status, zones};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Plane(#[from] ravelin_contract::Error),
    #[error("{what} {name} not found")]
    NotFound { what: &'static str, name: String },
    #[error("{0}")]
    File(String),
    #[error("no configuration is committed")]
    NoProgram,
}

/// A route as the forwarding service knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteEntry {
    pub instance: InstanceId,
    pub prefix: IpNet,
    /// As Junos writes it: `Direct`, `Local`, `Static`, `OSPF`, ...
    pub protocol: String,
    pub preference: u32,
    pub age_s: Option<u64>,
    pub route: Route,
}

/// Where routes are read.
pub trait RouteTable {
    /// Active routes of every instance, in any order.
    fn routes(&self) -> Vec<RouteEntry>;
    /// Routes of every instance that are about a destination: of each table the best one of an address, or what lies within a
    /// prefix.
    fn towards(&self, wanted: &IpNet) -> Vec<RouteEntry> {
        routes::narrowed(self.routes(), wanted)
    }
    /// Routing instances by name, each with its type.
    fn instances(&self) -> Vec<(String, String)>;
}
