//! Applications Junos defines itself: written in the language, read by the code that reads the operator's.
//!
//! Source: Juniper, "Predefined Policy Applications". Those that are told apart by RPC programs or UUIDs are left out:
//! by ports alone they would match more than they say.

use std::sync::OnceLock;

use crate::Applications;
use crate::load::lower;

/// The `junos-*` applications and application-sets.
#[must_use]
pub fn predefined() -> &'static Applications {
    static TABLE: OnceLock<Applications> = OnceLock::new();
    TABLE.get_or_init(|| lower(&ravelin_schema::read(include_str!("predefined.conf")).tree).0.applications)
}

pub(crate) fn is_defined(name: &str) -> bool {
    name.starts_with("junos-")
        && (predefined().applications.iter().any(|a| a.name == name)
            || predefined().sets.iter().any(|s| s.name == name))
}

/// Predefined on Junos, but only an RPC gateway can tell them.
pub(crate) fn needs_gateway(name: &str) -> bool {
    name.starts_with("junos-ms-rpc") || name.starts_with("junos-sun-rpc")
}
