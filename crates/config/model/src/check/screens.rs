//! Screens: what zones and screens name exists, limits are ones that let something through.

use std::collections::HashSet;

use ipnet::IpNet;
use ravelin_syntax::Span;

use super::Report;
use crate::{AddressLimit, Config, IdsOption, NumberRange, SideLimit};

/// Junos' bounds of lists and of what one holds.
const WHITE_LISTS_MAX: usize = 32;
const SYN_WHITE_LISTS_MAX: usize = 2;
const PREFIXES_MAX: usize = 32;
/// Thresholds of floods, a second.
const PACKETS_MAX: u32 = 4_000_000;
const REQUESTS_MAX: u32 = 1_000_000;
/// The fewest requests that a source or destination may be held to.
const REQUESTS_MIN: u32 = 4;
/// Proxied requests that wait at once, and the seconds that one may.
const QUEUE_MIN: u32 = 200;
const QUEUE_MAX: u32 = 20_000;
const QUEUE_TIMEOUT_MAX: u32 = 50;

pub(super) fn check(config: &Config, report: &mut Report) {
    let screen = &config.security.screen;
    let known: HashSet<&str> = screen.ids_options.iter().map(|o| o.name.as_str()).collect();
    for zone in config.security.every_zone() {
        if let Some(name) = zone.screen.filter(|name| !known.contains(name)) {
            report.error(
                format!("{} screen {name}", zone.path()),
                zone.at,
                format!("screen `{name}' is not defined"),
            );
        }
    }
    if screen.white_lists.len() > WHITE_LISTS_MAX {
        let at = screen.white_lists[WHITE_LISTS_MAX].at;
        report.error("security screen white-list", at, format!("no more than {WHITE_LISTS_MAX} are allowed"));
    }
    for list in &screen.white_lists {
        let path = format!("security screen white-list {}", list.name);
        if list.addresses.is_empty() {
            report.error(&path, list.at, "missing mandatory statement: 'address'");
        }
        prefixes(&list.addresses, &path, list.at, report);
        let is_v4 = |net: &IpNet| matches!(net, IpNet::V4(_));
        if list.addresses.iter().any(is_v4) && !list.addresses.iter().all(is_v4) {
            report.error(&path, list.at, "addresses must be all IPv4 or all IPv6");
        }
    }
    let lists = screen.white_lists.iter().map(|l| l.name.as_str()).collect();
    for option in &screen.ids_options {
        let path = format!("security screen ids-option {}", option.name);
        let mut judge = Judge { path, at: option.at, lists: &lists, report };
        judge.floods(option);
        judge.syn_flood(option);
        judge.numbers(option);
        judge.limits(option);
    }
}

fn prefixes(list: &[IpNet], path: &str, at: Span, report: &mut Report) {
    if list.len() > PREFIXES_MAX {
        report.error(path, at, format!("no more than {PREFIXES_MAX} addresses are allowed"));
    }
}

/// One `ids-option` being checked.
struct Judge<'a, 'b> {
    path: String,
    at: Span,
    lists: &'a HashSet<&'a str>,
    report: &'b mut Report,
}

impl Judge<'_, '_> {
    fn error(&mut self, path: &str, message: String) {
        self.report.error(format!("{} {path}", self.path), self.at, message);
    }

    fn range(&mut self, path: &str, value: Option<u32>, (low, high): (u32, u32)) {
        if let Some(value) = value.filter(|value| !(low..=high).contains(value)) {
            self.error(path, format!("value {value} is not within range ({low}..{high})"));
        }
    }

    fn named(&mut self, path: &str, names: &[String]) {
        for name in names.iter().filter(|name| !self.lists.contains(name.as_str())) {
            self.error(&format!("{path} {name}"), format!("white-list `{name}' is not defined"));
        }
    }

    fn floods(&mut self, option: &IdsOption) {
        if let Some(flood) = &option.icmp.flood {
            self.range("icmp flood threshold", flood.threshold, (1, PACKETS_MAX));
        }
        if let Some(flood) = &option.udp.flood {
            self.range("udp flood threshold", flood.threshold, (1, PACKETS_MAX));
            self.named("udp flood white-list", &flood.white_lists);
        }
        if let Some(block) = &option.ip.block_frag {
            self.named("ip block-frag white-list", &block.white_lists);
        }
    }

    fn syn_flood(&mut self, option: &IdsOption) {
        let Some(flood) = &option.tcp.syn_flood else { return };
        let requests = (1, REQUESTS_MAX);
        self.range("tcp syn-flood alarm-threshold", flood.alarm, requests);
        self.range("tcp syn-flood attack-threshold", flood.attack, requests);
        let requests = (REQUESTS_MIN, REQUESTS_MAX);
        self.range("tcp syn-flood source-threshold", flood.source, requests);
        self.range("tcp syn-flood destination-threshold", flood.destination, requests);
        self.range("tcp syn-flood timeout", flood.timeout, (1, QUEUE_TIMEOUT_MAX));
        self.range("tcp syn-flood queue-size", flood.queue_size, (QUEUE_MIN, QUEUE_MAX));
        if flood.white_lists.len() > SYN_WHITE_LISTS_MAX {
            let message = format!("no more than {SYN_WHITE_LISTS_MAX} are allowed");
            self.error("tcp syn-flood white-list", message);
        }
        for list in &flood.white_lists {
            let path = format!("{} tcp syn-flood white-list {}", self.path, list.name);
            if list.sources.is_empty() && list.destinations.is_empty() {
                let message = "missing mandatory statement: 'source-address' or 'destination-address'";
                self.report.error(&path, list.at, message);
            }
            prefixes(&list.sources, &format!("{path} source-address"), list.at, self.report);
            prefixes(&list.destinations, &format!("{path} destination-address"), list.at, self.report);
        }
    }

    fn numbers(&mut self, option: &IdsOption) {
        let header = &option.ip.extension_header;
        let path = "ip ipv6-extension-header";
        for (below, list) in [
            ("hop-by-hop-header user-defined-option-type", &header.hop_by_hop.user_defined),
            ("destination-header user-defined-option-type", &header.destination.user_defined),
            ("user-defined-header-type", &header.user_defined),
        ] {
            let ends_early = |range: &&NumberRange| range.high.is_some_and(|high| high < range.low);
            for range in list.iter().filter(ends_early) {
                let path = format!("{} {path} {below} {}", self.path, range.low);
                self.report.error(path, range.at, "range ends before it begins");
            }
        }
    }

    fn limits(&mut self, option: &IdsOption) {
        let limit = &option.limit_session;
        self.range("limit-session source-ip-based", limit.source, (1, u32::MAX));
        self.range("limit-session destination-ip-based", limit.destination, (1, u32::MAX));
        for (side, SideLimit { all, tcp, udp, icmp }) in
            [("by-source", &limit.by_source), ("by-destination", &limit.by_destination)]
        {
            let path = format!("limit-session {side}");
            self.limit(&path, all);
            for (protocol, limit) in [("tcp", tcp), ("udp", udp), ("icmp", icmp)] {
                self.limit(&format!("{path} by-protocol {protocol}"), limit);
            }
        }
    }

    fn limit(&mut self, path: &str, limit: &AddressLimit) {
        let AddressLimit { sessions, packet_rate, session_rate, white_lists } = limit;
        self.range(&format!("{path} maximum-sessions"), *sessions, (1, u32::MAX));
        self.named(&format!("{path} whitelist"), white_lists);
        if sessions.is_none() && packet_rate.is_none() && session_rate.is_none() && !white_lists.is_empty() {
            self.error(&format!("{path} whitelist"), "a whitelist needs a limit beside it".to_owned());
        }
    }
}
