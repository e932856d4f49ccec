//! `system`: the node itself.

use ravelin_derive::Lower;

#[derive(Clone, Debug, Default, PartialEq, Lower)]
pub struct System {
    #[lower(leaf = "host-name")]
    pub host_name: Option<String>,
}
