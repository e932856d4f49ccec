//! `show security screen statistics` and `white-list`.

use std::fmt::Write as _;

use ravelin_ops::{ScreenStatistics, WhiteListEntry};

use crate::element::Element;

/// What Junos calls the elements of the screens that it has; others are entries with their name.
const ELEMENTS: [(&str, &str); 36] = [
    ("ICMP flood", "ids-statistics-icmp-flood"),
    ("UDP flood", "ids-statistics-udp-flood"),
    ("TCP winnuke", "ids-statistics-winnuke"),
    ("TCP port scan", "ids-statistics-tcp-port-scan"),
    ("UDP port scan", "ids-statistics-udp-port-scan"),
    ("ICMP address sweep", "ids-statistics-address-sweep"),
    ("TCP sweep", "ids-statistics-tcp-sweep"),
    ("UDP sweep", "ids-statistics-udp-sweep"),
    ("IP tear drop", "ids-statistics-tear-drop"),
    ("TCP SYN flood", "ids-statistics-syn-flood"),
    ("SYN flood source", "ids-statistics-syn-flood-src"),
    ("SYN flood destination", "ids-statistics-syn-flood-dst"),
    ("IP spoofing", "ids-statistics-ip-spoofing"),
    ("ICMP ping of death", "ids-statistics-ping-of-death"),
    ("IP source route option", "ids-statistics-ip-option-src-route"),
    ("TCP land attack", "ids-statistics-land"),
    ("TCP SYN fragment", "ids-statistics-syn-fragment"),
    ("TCP no flag", "ids-statistics-tcp-no-flag"),
    ("IP unknown protocol", "ids-statistics-unknown-protocol"),
    ("IP bad options", "ids-statistics-ip-option-bad"),
    ("IP record route option", "ids-statistics-ip-option-record-route"),
    ("IP timestamp option", "ids-statistics-ip-option-timestamp"),
    ("IP security option", "ids-statistics-ip-option-security"),
    ("IP loose source route option", "ids-statistics-ip-option-loose-src-route"),
    ("IP strict source route option", "ids-statistics-ip-option-strict-src-route"),
    ("IP stream option", "ids-statistics-ip-option-stream"),
    ("ICMP fragment", "ids-statistics-icmp-fragment"),
    ("ICMP large packet", "ids-statistics-icmp-large-pkt"),
    ("TCP SYN FIN", "ids-statistics-syn-fin"),
    ("TCP FIN no ACK", "ids-statistics-fin-no-ack"),
    ("Source session limit", "ids-statistics-src-session-limit"),
    ("TCP SYN-ACK-ACK proxy", "ids-statistics-syn-ack-ack-proxy"),
    ("IP block fragment", "ids-statistics-block-fragment"),
    ("Destination session limit", "ids-statistics-dst-session-limit"),
    ("IPv6 extension header limit", "ids-statistics-ipv6-ext-header-limit"),
    ("IPv6 malformed header", "ids-statistics-ipv6-malformed-header"),
];

pub(crate) fn text(statistics: &ScreenStatistics) -> String {
    let mut out = format!("Screen statistics:\n\n{:<49} Statistics\n", "IDS attack type");
    for (name, hits) in &statistics.screens {
        let _ = writeln!(out, "  {name:<47} {hits}");
    }
    out
}

pub(crate) fn element(statistics: &ScreenStatistics) -> Element {
    let ScreenStatistics { zone, interface, screens } = statistics;
    let one = |(name, hits): &(String, u64)| match ELEMENTS.iter().find(|(known, _)| known == name) {
        Some((_, element)) => Element::text(element, hits),
        None => {
            Element::new("ids-statistics-entry").leaf("ids-attack-type", name).leaf("ids-attack-count", hits)
        }
    };
    Element::new("ids-statistics")
        .maybe("zone-name", (!zone.is_empty()).then_some(zone))
        .maybe("interface-name", interface.as_ref())
        .children(screens.iter().map(one))
}

/// `show security screen white-list`.
pub(crate) fn white_lists(lists: &[WhiteListEntry]) -> String {
    let mut out = String::new();
    for WhiteListEntry { name, addresses, profiles } in lists {
        let _ = writeln!(out, "Screen white list: {name}");
        if !profiles.is_empty() {
            let _ = writeln!(out, "  Bound to screen: {}", profiles.join(", "));
        }
        for address in addresses {
            let _ = writeln!(out, "  {address}");
        }
        out.push('\n');
    }
    out
}

pub(crate) fn white_lists_element(lists: &[WhiteListEntry]) -> Element {
    let one = |WhiteListEntry { name, addresses, profiles }: &WhiteListEntry| {
        Element::new("ids-white-list")
            .leaf("ids-white-list-name", name)
            .leaves("ids-object-name", profiles)
            .leaves("ids-white-list-address", addresses)
    };
    Element::new("ids-white-list-information").children(lists.iter().map(one))
}

#[cfg(test)]
mod tests {
    use ravelin_program::Screen;

    use super::*;

    #[test]
    fn elements_are_of_screens_that_there_are() {
        for (name, _) in ELEMENTS {
            assert!(Screen::ALL.iter().any(|screen| screen.text() == name), "{name}");
        }
    }
}
