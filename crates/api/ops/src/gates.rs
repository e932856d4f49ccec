//! Questions and answers about the sessions that gateways expect.

use std::net::IpAddr;

use ravelin_contract::GateFilter;
use serde::{Deserialize, Serialize};

/// Which are meant, and whether numbers alone are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateQuery {
    pub filter: GateFilter,
    pub summary: bool,
}

/// One expected session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateLine {
    pub source: IpAddr,
    /// First and last.
    pub source_ports: (u16, u16),
    pub destination: IpAddr,
    pub destination_port: u16,
    /// What its packets have behind translation; of a source that rules are yet to translate, what it has before.
    pub translated_source: IpAddr,
    pub translated_destination: IpAddr,
    pub translated_port: u16,
    pub protocol: String,
    /// `FTP`, `TFTP`.
    pub alg: String,
    /// Name of the application of the session that expects it.
    pub application: Option<String>,
    /// Begun seconds until it is expected no more; 0: it is over.
    pub left_s: u32,
    pub flags: u16,
    pub zone: String,
    pub worker: u8,
    /// Number of the session that expects it.
    pub session: u64,
}

/// Those that are meant, by their ends, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateList {
    pub lines: Vec<GateLine>,
    /// Counted and not listed, though not only numbers are wanted.
    pub more: u64,
    pub valid: u64,
    /// Over, and not yet forgotten.
    pub invalidated: u64,
}

impl GateList {
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.valid + self.invalidated
    }
}
