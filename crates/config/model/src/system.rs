//! `system`: the node itself.

#[derive(Clone, Debug, Default, PartialEq)]
pub struct System {
    pub host_name: Option<String>,
}
