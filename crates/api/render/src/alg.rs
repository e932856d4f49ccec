//! Gateways of the application layer, as Junos lists them.

use std::fmt::Write;

use ravelin_ops::AlgStatus;

use crate::element::Element;

pub(crate) fn status(status: &AlgStatus) -> String {
    let mut out = String::from("ALG Status:\n");
    for (name, enabled) in &status.gateways {
        let _ = writeln!(out, "  {name:<9}: {}", word(*enabled));
    }
    out
}

pub(crate) fn status_element(status: &AlgStatus) -> Element {
    let one = |(name, enabled): &(String, bool)| {
        Element::new("alg").leaf("alg-name", name).leaf("alg-state", word(*enabled))
    };
    Element::new("alg-status").children(status.gateways.iter().map(one))
}

const fn word(enabled: bool) -> &'static str {
    if enabled { "Enabled" } else { "Disabled" }
}
