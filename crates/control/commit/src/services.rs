//! What the daemon itself does for a configuration, beside kernel and dataplane.

use std::path::PathBuf;
use std::time::Duration;

use ravelin_model::{Archival, ValidConfig};

/// The plan of every service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    pub archival: ArchivalPlan,
}

/// `system archival configuration`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArchivalPlan {
    pub on_commit: bool,
    pub every: Option<Duration>,
    /// Tried in order; empty: nothing is copied.
    pub sites: Vec<PathBuf>,
    /// Begins the names of the copies.
    pub node: String,
}

impl Services {
    #[must_use]
    pub fn new(valid: &ValidConfig) -> Self {
        let system = &valid.get().system;
        let Archival { transfer_interval_min, transfer_on_commit, sites, at: _ } = &system.archival;
        if sites.is_empty() {
            return Self::default();
        }
        let archival = ArchivalPlan {
            on_commit: *transfer_on_commit,
            every: transfer_interval_min.map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
            sites: sites.iter().map(|site| site.directory.0.clone()).collect(),
            node: system.host_name.clone().unwrap_or_else(|| "ravelin".to_owned()),
        };
        Self { archival }
    }
}
