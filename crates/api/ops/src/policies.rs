//! Policies as they are listed.

use serde::{Deserialize, Serialize};

/// Policies in order of evaluation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyList {
    pub default_action: String,
    pub policies: Vec<PolicyEntry>,
    /// Counters are shown with each policy.
    pub detail: bool,
}

/// A policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PolicyEntry {
    pub name: String,
    pub index: u32,
    pub sequence: u32,
    pub global: bool,
    pub from_zones: Vec<String>,
    pub to_zones: Vec<String>,
    pub sources: Vec<String>,
    pub sources_excluded: bool,
    pub destinations: Vec<String>,
    pub destinations_excluded: bool,
    pub applications: Vec<String>,
    /// `permit`, `deny` or `reject`.
    pub action: String,
    pub log_init: bool,
    pub log_close: bool,
    /// Minutes between reports on a session; 0: none.
    pub log_update: u16,
    pub count: bool,
    pub scheduler: Option<String>,
    pub inactive: bool,
    pub hits: u64,
    /// Seconds since its first hit and its last.
    #[serde(default)]
    pub first_hit_ago_s: Option<u64>,
    #[serde(default)]
    pub last_hit_ago_s: Option<u64>,
    /// Packets and bytes of its sessions, of the initial and the reply direction, when it counts.
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    /// What was sent on of these.
    #[serde(default)]
    pub sent: PolicyTraffic,
    /// What came, and what was sent on, in ten seconds.
    #[serde(default)]
    pub recent_came: PolicyTraffic,
    #[serde(default)]
    pub recent_sent: PolicyTraffic,
    #[serde(default)]
    pub sessions: PolicySessions,
    /// As the configuration has it; told in detail.
    #[serde(default)]
    pub description: Option<String>,
    /// What is shown in detail.
    #[serde(default)]
    pub terms: Vec<TermLine>,
    #[serde(default)]
    pub tcp: TcpOptions,
    /// `drop translated` or `drop untranslated`.
    #[serde(default)]
    pub translated: Option<String>,
}

/// Packets and bytes of sessions of a policy, of the initial and the reply direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTraffic {
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
}

/// How many sessions a policy has and had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySessions {
    pub active: u64,
    /// That came to it, and that it lost again: those that a commit moved from policy to policy, too.
    pub created: u64,
    pub deleted: u64,
    /// Those that came in the last whole ten seconds.
    pub recent: u64,
}

/// `then permit tcp-options` of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpOptions {
    pub syn_check: bool,
    pub sequence_check: bool,
    pub window_scale: bool,
    pub initial_mss: Option<u16>,
    pub reverse_mss: Option<u16>,
}

/// A term of an application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TermLine {
    pub application: String,
    pub protocol: String,
    /// The gateway that the application names, `ignore`, or `0`: that of the server's port, if there is one.
    #[serde(default)]
    pub alg: String,
    /// 0: by protocol where the term is of any, and never where the application says so.
    pub inactivity_timeout: u32,
    pub source_ports: (u16, u16),
    pub destination_ports: (u16, u16),
    /// Type and code of ICMP; a `None` within is any.
    #[serde(default)]
    pub icmp: Option<(Option<u8>, Option<u8>)>,
}
