//! `show security zones`.

use std::fmt::Write as _;

use ravelin_ops::ZoneEntry;

use crate::element::Element;

/// Width of the column of names.
const NAME_WIDTH: usize = 28;

const fn on_off(on: bool) -> &'static str {
    if on { "On" } else { "Off" }
}

const fn yes_no(is: bool) -> &'static str {
    if is { "Yes" } else { "No" }
}

const fn kind(functional: bool) -> &'static str {
    if functional { "Functional" } else { "Security" }
}

pub(crate) fn text(zones: &[ZoneEntry]) -> String {
    let mut out = String::new();
    for ZoneEntry { name, id, tcp_rst, unidirectional_refresh, functional, screen, interfaces } in zones {
        let kind = kind(*functional);
        let screen = screen.as_ref().map(|name| format!("  Screen: {name}\n")).unwrap_or_default();
        let _ = write!(
            out,
            "\n{kind} zone: {name}\n\
             \x20 Zone ID: {id}\n\
             \x20 Send reset for non-SYN session TCP packets: {}\n\
             \x20 Policy configurable: {}\n\
             {screen}\
             \x20 Interfaces bound: {}\n\
             \x20 Interfaces:\n",
            on_off(*tcp_rst),
            yes_no(!*functional),
            interfaces.len()
        );
        for interface in interfaces {
            let _ = writeln!(out, "    {interface}");
        }
        let _ = writeln!(out, "  Unidirectional-session-refreshing: {}", yes_no(*unidirectional_refresh));
    }
    out
}

pub(crate) fn element(zones: &[ZoneEntry]) -> Element {
    let zones = zones.iter().map(|entry| {
        let ZoneEntry { name, id, tcp_rst, unidirectional_refresh, functional, screen, interfaces } = entry;
        let bound =
            Element::new("zones-security-interfaces").leaves("zones-security-interface-name", interfaces);
        Element::new("zones-security")
            .leaf("zones-security-zonename", name)
            .leaf("zone-id", id)
            .leaf("zones-security-send-reset", on_off(*tcp_rst))
            .leaf("zones-security-policy-configurable", yes_no(!*functional))
            .maybe("zones-security-screen", screen.as_ref())
            .leaf("zones-security-interfaces-bound", interfaces.len())
            .child(bound)
            .leaf("zones-security-unidirectional-session-refreshing", yes_no(*unidirectional_refresh))
    });
    Element::new("zones-information").children(zones)
}

/// Names and types.
pub(crate) fn terse(zones: &[ZoneEntry]) -> String {
    let mut out = format!("{:<NAME_WIDTH$}Type\n", "Zone");
    for ZoneEntry { name, functional, .. } in zones {
        let _ = writeln!(out, "{name:<NAME_WIDTH$}{}", kind(*functional));
    }
    out
}

pub(crate) fn terse_element(zones: &[ZoneEntry]) -> Element {
    let zone = |ZoneEntry { name, functional, .. }: &ZoneEntry| {
        Element::new("zones-security")
            .leaf("zones-security-zonename", name)
            .leaf("zones-security-type", kind(*functional))
    };
    Element::new("zones-information").children(zones.iter().map(zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_policy_can_name_a_functional_zone() {
        let interfaces = vec!["ge-0/0/2.0".to_owned()];
        let zone = ZoneEntry {
            name: "management".into(),
            id: 3,
            functional: true,
            interfaces,
            ..ZoneEntry::default()
        };
        let shown = text(std::slice::from_ref(&zone));
        assert!(shown.starts_with("\nFunctional zone: management\n"), "{shown}");
        assert!(shown.contains("\n  Policy configurable: No\n"), "{shown}");
        let security = text(&[ZoneEntry { functional: false, ..zone }]);
        assert!(
            security.contains("Security zone: management") && security.contains("Policy configurable: Yes")
        );
    }
}
