//! Questions and answers about the mappings of persistent NAT.

use std::net::IpAddr;

use ravelin_types::Proto;
use serde::{Deserialize, Serialize};

/// Which mappings are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MappingQuery {
    #[default]
    All,
    /// To interfaces' addresses, or to those of one.
    Interface(Option<String>),
    Pool(String),
    Internal {
        addr: IpAddr,
        port: Option<u16>,
        proto: Option<Proto>,
    },
}

/// How a source rule keeps external ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persistence {
    /// Who may send to them; `None`: nothing is kept.
    pub permit: Option<String>,
    pub address_mapping: bool,
    pub timeout_s: u32,
    pub sessions_max: u32,
}

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingLine {
    pub internal: IpAddr,
    /// Ports and protocol of no mapping of addresses.
    pub internal_port: Option<u16>,
    pub protocol: Option<String>,
    pub external: IpAddr,
    pub external_port: Option<u16>,
    /// A pool's name, or `interface`.
    pub pool: String,
    pub permit: String,
    /// Until it ends; `None`: it has sessions.
    pub left_s: Option<u32>,
    pub timeout_s: u32,
    pub sessions: u32,
    pub sessions_max: u32,
    pub rule: Option<String>,
}

/// Mappings by internal end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingLines {
    pub lines: Vec<MappingLine>,
    /// Found and not listed.
    pub more: u64,
}

/// The table at a glance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingSummary {
    pub total: u64,
    pub in_use: u64,
}
