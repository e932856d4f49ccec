//! Every enforced statement changes the typed configuration.

use ravelin_schema::ValueType;

/// Statements that make a place where any enforced leaf may be added.
const ROOM: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8::1/64
set security zones security-zone z
set security address-book global address a 10.0.0.0/8
set security address-book global address-set s address a
set security zones security-zone z address-book address a 10.0.0.0/8
set security zones security-zone z address-book address host dns-name h.example
set security zones security-zone z address-book address-set s address a
set security policies from-zone z to-zone z policy p then permit
set security policies global policy p then permit
set security nat source rule-set r rule n then source-nat interface
set security nat source rule-set r rule n match source-port 1000
set security nat source rule-set r rule n match destination-port 1000
set security nat destination pool p address 10.0.0.1/32
set security nat destination rule-set r rule n match destination-port 1000
set security nat destination rule-set r rule n then destination-nat pool p
set security nat static rule-set r rule n match source-port 1000
set security nat static rule-set r rule n match destination-port 1000
set security nat static rule-set r rule n then static-nat prefix 10.0.0.1/32
set security nat static rule-set r rule n then static-nat prefix mapped-port 1000
set security nat static rule-set r rule m then static-nat prefix-name a
set security nat static rule-set r rule m then static-nat prefix-name mapped-port 999
set security nat static rule-set r rule k then static-nat inet
set security nat proxy-arp interface ge-0/0/0.0 address 10.0.0.7/32
set security nat proxy-ndp interface ge-0/0/0.0 address 2001:db8::7/128
set schedulers scheduler c start-date 2026-01-01.08:00 stop-date 2026-02-01.08:00
set security address-book global address host dns-name h.example
set security dynamic-address feed-server f url http://h.example
set security dynamic-address feed-server f feed-name g
set security dynamic-address address-name d
set applications application x protocol tcp
set applications application y term t protocol tcp
set applications application-set q application x
set routing-options static route 10.9.0.0/16 discard
set routing-instances i instance-type virtual-router
set routing-instances i routing-options static route 10.9.0.0/16 discard
";

/// A sample word for each argument on the way to a rule, by keyword; `other` where its type says enough.
fn sample(path: &str, keyword: &str) -> &'static str {
    if path.starts_with("security log") {
        return log_sample(path, keyword);
    }
    if path.starts_with("firewall") || path.starts_with("policy-options") {
        return firewall_sample(path, keyword);
    }
    if let Some(word) = nat_sample(path, keyword) {
        return word;
    }
    match keyword {
        _ if path == "routing-instances" => "i",
        "next-table" => "i.inet.0",
        "instance-type" => "forwarding",
        "interface" if path.starts_with("routing-instances") => "ge-0/0/0.0",
        "<>" if path.ends_with("early-aging application") => "http",
        "<>" if path.ends_with("early-aging protocol") => "udp",
        "dns-name" => "h.example",
        "wildcard-address" => "10.0.1.0/255.0.255.0",
        "group" => "7",
        "<>" if path.ends_with("port range") || path.ends_with("port-range") => "1030",
        "<>" if path.ends_with("address-range to") => "10.0.0.9/32",
        "<>" if path.ends_with("range to") => "1040",
        "<>" if path.ends_with("-type to") => "12",
        "<>" if path.ends_with("option-type") || path.ends_with("header-type") => "9",
        "<>" if path.ends_with("port") => "1000",
        "<>" if path.ends_with("port to") || path.ends_with("port <> to") => "1001",
        "port" | "session-timeout" => "55",
        "mss" => "1300",
        "range-address" | "address-range" => "10.0.0.7",
        "transfer-interval" => "30",
        _ if path.ends_with("system name-server") => "192.0.2.53",
        "addresses" if path == "system services metrics" => "127.0.0.2",
        "allowed-sources" => "192.0.2.0/24",
        _ if path.ends_with("archive-sites") => "file:///var/archive",
        _ if path == "interfaces" => "ge-0/0/0",
        _ if path.ends_with("interfaces") => "ge-0/0/0.0",
        _ if path.ends_with("default-policy") => "permit-all",
        _ if path.ends_with("system-services") => "ssh",
        _ if path.ends_with("-traffic protocols") => "bgp",
        _ if path.ends_with("address-book") => "global",
        "rib" => "inet.0",
        _ if path.ends_with("address-book <> address") || path.ends_with("address-book address") => {
            "192.0.2.0/24"
        }
        _ if path.ends_with("range-address to") => "10.0.0.9",
        "address" if path.ends_with("inet") => "10.0.0.2/24",
        "address" if path.ends_with("inet6") => "2001:db8::2/64",
        "route" => "10.9.0.0/16",
        "next-hop" => "10.0.0.7",
        "source-address" | "destination-address" => "192.0.2.0/24",
        "url" => "http://other.example",
        "initial-tcp-mss" | "reverse-tcp-mss" | "dns-query-interval" | "update-interval"
        | "hold-interval" => "77",
        "source-port" | "destination-port" => "99",
        "icmp-type" | "icmp-code" | "icmp6-type" | "icmp6-code" => "3",
        "protocol" => "udp",
        "mtu" => "1300",
        "unit" => "0",
        "vlan-id" => "55",
        "inactivity-timeout" | "tcp-initial-timeout" | "route-change-timeout" => "44",
        "session-update" | "nh-resolve-timeout" => "44",
        "fragment-limit" | "fragment-reassembly-timeout" => "44",
        "first-update-interval" | "session-update-interval" => "44",
        "application-protocol" | "alg" => "tftp",
        "system-wide" => "enable",
        "zone" => "zz",
        _ => "other",
    }
}

/// Sample words of NAT.
fn nat_sample(path: &str, keyword: &str) -> Option<&'static str> {
    let word = match keyword {
        _ if !path.starts_with("security nat") => return None,
        "<>" if path.contains("proxy-arp") && path.ends_with("to") => "10.0.0.8/32",
        "<>" if path.contains("proxy-arp") => "10.0.0.7/32",
        "<>" if path.contains("proxy-ndp") && path.ends_with("to") => "2001:db8::8",
        "<>" if path.contains("proxy-ndp") => "2001:db8::7/128",
        "<>" if path.ends_with("pool address <> to") => "10.0.0.8/32",
        "<>" if path.ends_with("twin-port") || path.ends_with("twin-port-range") => "63490",
        "<>" if path.ends_with("twin-port to") || path.ends_with("twin-port-range to") => "63999",
        "<>" if path.ends_with("host-address-base") => "10.0.0.4/32",
        "ipv6-prefix-length" => "56",
        "address" if path.ends_with("deterministic host") => "10.0.0.0/24",
        "block-size" | "active-block-timeout" | "last-block-recycle-timeout" => "600",
        "interim-logging-interval" => "1800",
        "raise-threshold" | "clear-threshold" => "60",
        "port-overloading-factor" | "maximum-blocks-per-host" => "5",
        "interface" if path.contains("nat proxy") => "ge-0/0/0.0",
        "<>" if path.ends_with("pool address") || path.ends_with("pool address to") => "10.0.0.3/32",
        "<>" if path.ends_with("destination-address") || path.ends_with("static-nat prefix") => "10.0.0.4/32",
        "<>" if path.ends_with("nptv6-prefix") => "2001:db8:7::/48",
        "inactivity-timeout" if path.contains("persistent-nat") => "444",
        _ => return None,
    };
    Some(word)
}

/// Sample words of the security log.
fn log_sample(path: &str, keyword: &str) -> &'static str {
    match keyword {
        "source-address" | "destination-address" => "192.0.2.7",
        "mode" => "event",
        "format" => "sd-syslog",
        "severity" => "notice",
        "category" => "session",
        "facility-override" => "local3",
        "event-rate" | "rate-cap" | "tcp-connections" | "size" | "files" | "rotation" | "limit" => "3",
        _ if path.ends_with("rate-limit") => "3",
        "protocol" if path.ends_with("transport") => "tcp",
        "port" => "55",
        "source-port" | "destination-port" => "99",
        "protocol" => "udp",
        _ => "other",
    }
}

/// Sample words of filters and policers.
fn firewall_sample(path: &str, keyword: &str) -> &'static str {
    let v6 = path.contains("inet6");
    match keyword {
        "<>" if path.ends_with("address") && v6 => "2001:db8::/48",
        "<>" if path.ends_with("address") => "10.9.0.0/16",
        "<>" if path.starts_with("policy-options") => "10.9.0.0/16",
        "<>" if path.ends_with("interface-set") => "ge-0/0/0.0",
        "bandwidth-limit" | "burst-size-limit" | "pps-limit" | "packet-burst" => "15k",
        "committed-information-rate" | "committed-burst-size" | "excess-burst-size" => "1m",
        "peak-information-rate" | "peak-burst-size" => "2m",
        "loss-priority" if path.ends_with("action") => "high",
        "forwarding-class" | "forwarding-class-except" => "best-effort",
        "tcp-flags" | "fragment-flags" | "count" | "policer" | "single-rate" | "two-rate" => "other",
        "interface" | "interface-set" | "prefix" | "range" | "range-except" => "other",
        "filter" | "term" | "prefix-list" | "three-color-policer" => "other",
        "mask-in-hex" => "0xff",
        "<>" | "loss-priority" | "loss-priority-except" | "next" | "match-start" => "other",
        _ => "5",
    }
}

/// The `set` words of a rule: entries that [`ROOM`] has are reused, so that a leaf lands in a whole statement.
fn words_of(path: &str) -> Vec<String> {
    use ravelin_syntax::tree::Kind;
    let grammar = ravelin_schema::grammar();
    let parts: Vec<&str> = path.split(' ').collect();
    let mut out: Vec<String> = Vec::new();
    for n in 0..parts.len() {
        let (before, here) = (parts[..n].join(" "), parts[..=n].join(" "));
        let Some(rule) = grammar.by_path(&here).and_then(|id| grammar.rule(id)) else { panic!("{here}") };
        out.extend((!rule.hidden).then(|| parts[n].to_owned()));
        let last = n + 1 == parts.len();
        let word = match (sample(&before, parts[n]), &rule.value.kind) {
            ("other", ValueType::Words(words)) => words[0].to_owned(),
            ("other", ValueType::Number { low, high }) => (low + 7).min(*high).to_string(),
            ("other", ValueType::Prefix) => "192.0.2.0/24".to_owned(),
            (word, _) => word.to_owned(),
        };
        match rule.kind {
            Kind::Entry if parts[n] == "from-zone" => {
                out.extend(["z", "to-zone", if last { "y" } else { "z" }].map(str::to_owned))
            }
            Kind::Entry if parts[n] == "start-date" => {
                out.extend(["2026-03-01.08:00", "stop-date", "2026-04-01.08:00"].map(str::to_owned))
            }
            Kind::Entry if parts[n] == "start-time" => {
                out.extend(["08:00", "stop-time", "09:00"].map(str::to_owned))
            }
            Kind::Entry if last || rule.hidden => out.push(word),
            Kind::Entry => out.push(match (parts[n], here.contains("term")) {
                ("security-zone", _) => "z".into(),
                ("application", true) => "y".into(),
                ("application", false) => "x".into(),
                ("application-set", _) => "q".into(),
                ("address", _) if path.ends_with("description") => "a".into(),
                ("address", _) if path.contains("dns-name ") => "host".into(),
                ("address", _) if here.contains("address-book") => "b".into(),
                ("dns-name", _) => "h.example".into(),
                ("scheduler", _) => "c".into(),
                ("feed-server", _) => "f".into(),
                ("feed-name", _) => "g".into(),
                ("address-name", _) => "d".into(),
                ("address", _) if here.contains("inet6") => "2001:db8::1/64".into(),
                ("address", _) => "10.0.0.1/24".into(),
                ("address-set", _) => "s".into(),
                ("policy", _) => "p".into(),
                ("rule-set", _) => "r".into(),
                ("pool", _) => "p".into(),
                ("rule", _) if path.contains("prefix-name") => "m".into(),
                ("rule", _) if path.contains("static-nat inet") => "k".into(),
                ("rule", _) => "n".into(),
                ("term", _) => "t".into(),
                _ => word,
            }),
            Kind::Leaf | Kind::LeafList => out.push(word),
            Kind::Container | Kind::Flag | Kind::Opaque => {}
        }
    }
    out
}

#[test]
fn every_enforced_statement_changes_the_typed_configuration() {
    let room = ravelin_schema::read(ROOM);
    assert!(room.diagnostics.is_empty(), "{:?}", room.diagnostics);
    let mut same = Vec::new();
    for path in ravelin_model::covered() {
        let words = words_of(&path);
        let line = format!("set {}", words.join(" "));
        let mut tree = room.tree.clone();
        if let Err(errors) = ravelin_schema::apply(&mut tree, &[], &line) {
            panic!("{line}: {errors:?}");
        }
        let before = ravelin_model::lower_tree(&room.tree);
        let after = ravelin_model::lower_tree(&tree);
        // Part of the room already: taking it away must show.
        let fresh = tree != room.tree;
        assert!(ravelin_schema::apply(&mut tree, &[], &line.replacen("set", "delete", 1)).is_ok(), "{line}");
        if (fresh && before == after) || ravelin_model::lower_tree(&tree) == after {
            same.push(line);
        }
    }
    assert!(same.is_empty(), "no effect:\n{}", same.join("\n"));
}
