//! What `show security zones` answers.

use serde::{Deserialize, Serialize};

/// A zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ZoneEntry {
    pub name: String,
    pub id: u16,
    pub tcp_rst: bool,
    /// Only packets of the first direction keep sessions from here alive.
    #[serde(default)]
    pub unidirectional_refresh: bool,
    /// For the firewall itself alone: no policy can name it.
    #[serde(default)]
    pub functional: bool,
    /// The profile of its screens.
    #[serde(default)]
    pub screen: Option<String>,
    pub interfaces: Vec<String>,
}
