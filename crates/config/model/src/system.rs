//! `system`: the node itself.

use std::path::{Path, PathBuf};

use ravelin_derive::Lower;
use ravelin_schema::Value;
use ravelin_syntax::Span;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct System {
    #[lower(leaf = "host-name")]
    pub host_name: Option<String>,
    #[lower(container = "archival configuration")]
    pub archival: Archival,
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

#[derive(Clone, Debug, PartialEq, Lower)]
pub struct ArchiveSite {
    #[lower(key)]
    pub directory: SiteDirectory,
}

/// A directory of this node, absolute: `file:///var/archive` or `/var/archive`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteDirectory(pub PathBuf);

impl Value for SiteDirectory {
    fn value(word: &str) -> Result<Self, String> {
        let path = match word.split_once("://") {
            Some(("file", path)) => path,
            Some((scheme, _)) => {
                return Err(format!(
                    "archive site `{scheme}://' is not supported; expecting file:///directory"
                ));
            }
            None => word,
        };
        match Path::new(path) {
            path if path.is_absolute() => Ok(Self(path.to_owned())),
            _ => Err(format!("invalid archive site `{word}'; expecting file:///directory")),
        }
    }
}
