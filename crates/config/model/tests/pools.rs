//! Source NAT pools that contradict themselves.

use ravelin_model::load;

/// Expects each of `wanted` among the errors of these lines.
fn refused(lines: &[&str], wanted: &[&str]) {
    let errors = load(&format!("{}\n", lines.join("\n"))).result.err().unwrap_or_default();
    let lines: Vec<String> = errors.iter().map(|e| e.line("f")).collect();
    for want in wanted {
        assert!(lines.iter().any(|line| line.contains(want)), "expected `{want}` in:\n{}", lines.join("\n"));
    }
}

#[test]
fn source_pools_that_contradict_themselves_are_refused() {
    let pool = "set security nat source pool p";
    let cases: &[(&[&str], &str)] = &[
        (&["port range 2000 to 3000"], "missing mandatory statement: 'address'"),
        (&["address 192.0.2.1/32", "address 2001:db8::1/128"], "addresses must be of one family"),
        (&["address 192.0.2.9/32 to 192.0.2.1/32"], "is no range of addresses"),
        (&["address 192.0.2.1/32", "address-name nobody"], "'address' and 'address-name' can't be combined"),
        (&["address-name nobody"], "address or address-set `nobody' is not defined"),
        (&["address 192.0.2.1/32", "port range 3000 to 2000"], "is no range from 1024 to 65535"),
        (
            &["address 192.0.2.1/32", "port no-translation", "port range 2000 to 3000"],
            "'port no-translation' and 'port range' can't be combined",
        ),
        (
            &["address 192.0.2.1/32", "address-pooling paired", "address-pooling no-paired"],
            "'address-pooling paired' and 'address-pooling no-paired' can't be combined",
        ),
        (&["address 192.0.2.1/32", "address-shared"], "'address-shared' needs 'port no-translation'"),
        (&["address 192.0.2.1/32", "overflow-pool interface"], "'overflow-pool' needs 'port no-translation'"),
        (&["address 192.0.2.1/32", "port no-translation", "overflow-pool q"], "pool `q' is not defined"),
        (
            &["address 192.0.2.1/32", "port deterministic block-size 64"],
            "missing mandatory statement: 'host'",
        ),
    ];
    for factor in ["0", "33"] {
        let line = format!("set security nat source interface port-overloading-factor {factor}");
        refused(&[&line], &[&format!("value {factor} is not within range (1..32)")]);
    }
    each_refused(pool, cases);
}

/// Statements of one pool, and what is wrong with them.
fn each_refused(pool: &str, cases: &[(&[&str], &str)]) {
    for (lines, wanted) in cases {
        let lines: Vec<String> = lines.iter().map(|line| format!("{pool} {line}")).collect();
        refused(&lines.iter().map(String::as_str).collect::<Vec<_>>(), &[wanted]);
    }
}

#[test]
fn ports_of_a_pool_are_chosen_in_one_way() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["address 192.0.2.1/32", "port deterministic host address-name nobody"],
            "address or address-set `nobody' is not defined",
        ),
        (&["address 192.0.2.1/32", "port range twin-port 63490"], "needs a first and a last port"),
        // An odd port and the next are no pair.
        (
            &["address 192.0.2.1/32", "port range twin-port 63489 to 63490"],
            "is no range from 63488 to 65535 with a pair",
        ),
        (
            &["address 192.0.2.1/32", "port range twin-port 63490 to 63490"],
            "is no range from 63488 to 65535 with a pair",
        ),
        (
            &["address 192.0.2.1/32", "port range twin-port 65535 to 65535"],
            "is no range from 63488 to 65535 with a pair",
        ),
        (
            &["address 192.0.2.1/32", "port range round-robin", "port range random-allocation"],
            "'port range random-allocation' and 'port range round-robin' can't be combined",
        ),
        (
            &["address 192.0.2.1/32", "port range 2000 to 3000", "port automatic round-robin"],
            "'port range' and 'port automatic' can't be combined",
        ),
        (
            &["address 192.0.2.1/32", "port automatic round-robin", "port automatic random-allocation"],
            "'port automatic random-allocation' and 'port automatic round-robin' can't be combined",
        ),
        (
            &[
                "address 192.0.2.1/32",
                "address-pooling paired",
                "address-persistent subscriber ipv6-prefix-length 56",
            ],
            "'address-persistent' and 'address-pooling paired' can't be combined",
        ),
    ];
    each_refused("set security nat source pool p", cases);
}

#[test]
fn hosts_of_deterministic_pools_are_prefixes() {
    let book = "set security address-book global address a";
    let lines = |value: &str| {
        let lines = [
            format!("{book} {value}"),
            "set security nat source pool p address 192.0.2.1/32".to_owned(),
            "set security nat source pool p port deterministic host address-name a".to_owned(),
        ];
        lines.join("\n")
    };
    refused(&[&lines("range-address 10.0.0.1 to 10.0.0.9")], &["address `a' is not of prefixes"]);
    refused(&[&lines("dns-name h.example")], &["address `a' is not of prefixes"]);
    let fed = [
        "set security dynamic-address feed-server f url http://h.example",
        "set security dynamic-address feed-server f feed-name g",
        "set security dynamic-address address-name d profile feed-name g",
        "set security nat source pool p address 192.0.2.1/32",
        "set security nat source pool p port deterministic host address 10.0.0.0/29",
        "set security nat source pool p port deterministic host address-name d",
    ];
    refused(&fed, &["address `d' is not of prefixes"]);
    assert!(load(&lines("10.0.0.0/29")).result.is_ok());
}

#[test]
fn destination_pools_have_one_address_or_one_name() {
    let pool = "set security nat destination pool p";
    let book = "set security address-book global";
    let cases: &[(&[&str], &str)] = &[
        (&["address-name a", "address 10.0.0.1/32"], "'address' and 'address-name' can't be combined"),
        (&["address-name a", "address port 80"], "'address' and 'address-name' can't be combined"),
        (&["address-name nobody"], "address or address-set `nobody' is not defined"),
        (&["address-name port 80"], "missing mandatory statement: 'address'"),
        (&["address-name h"], "is not one prefix or range that a commit knows"),
        (&["address-name s"], "is not one prefix or range that a commit knows"),
    ];
    let known = [
        format!("{book} address a 10.0.0.0/24"),
        format!("{book} address b 10.1.0.0/24"),
        format!("{book} address h dns-name h.example"),
        format!("{book} address-set s address a"),
        format!("{book} address-set s address b"),
    ];
    for (lines, wanted) in cases {
        let all: Vec<String> =
            known.iter().cloned().chain(lines.iter().map(|line| format!("{pool} {line}"))).collect();
        refused(&all.iter().map(String::as_str).collect::<Vec<_>>(), &[wanted]);
    }
}

#[test]
fn one_session_a_port_and_several_can_not_both_be_asked_for() {
    let lines = ["port-overloading off", "port-overloading-factor 4"];
    let lines = lines.map(|line| format!("set security nat source interface {line}"));
    let wanted = "'port-overloading off' and 'port-overloading-factor' can't be combined";
    refused(&[&lines[0], &lines[1]], &[wanted]);
    refused(
        &["set security nat source pool-default-twin-port-range 63490"],
        &["needs a first and a last port"],
    );
}

#[test]
fn persistent_nat_says_who_may_come_in_and_maps_addresses_where_ports_stay() {
    let rule = "set security nat source rule-set r rule n then source-nat";
    let pool = "set security nat source pool p address 192.0.2.1/32";
    let whole = "set security nat source pool p port no-translation";
    let line = |text: &str| format!("{rule} {text}");
    let of_pool = line("pool p");
    let any = line("pool persistent-nat permit any-remote-host");
    let cases: &[(&[&str], &str)] = &[
        (
            &[pool, &of_pool, &line("pool persistent-nat inactivity-timeout 60")],
            "missing mandatory statement: 'permit'",
        ),
        (
            &[pool, &of_pool, &any, &line("pool persistent-nat permit target-host")],
            "only one kind of remote host can be permitted",
        ),
        (&[&line("off"), &any], "missing mandatory statement: 'pool-name'"),
        (
            &[pool, &of_pool, &any, &line("pool persistent-nat address-mapping")],
            "'address-mapping' needs a pool that does not translate ports and has no overflow pool",
        ),
        (
            &[
                pool,
                whole,
                &of_pool,
                &line("pool persistent-nat permit target-host"),
                &line("pool persistent-nat address-mapping"),
            ],
            "'address-mapping' needs 'permit any-remote-host'",
        ),
    ];
    for (lines, wanted) in cases {
        refused(lines, &[wanted]);
    }
}

#[test]
fn static_rules_between_families_need_prefixes_that_fit() {
    let rule = "set security nat static rule-set r rule n";
    let cases: &[(&str, &str, &str)] = &[
        ("2001:db8::/95", "inet", "'inet' needs an IPv6 prefix"),
        ("10.0.0.0/24", "inet", "'inet' needs an IPv6 prefix"),
        ("2001:db8:0:0:100::/96", "inet", "bits 64 to 71 zero"),
        ("2001:db8::/112", "prefix 10.0.0.0/24", "prefixes must have equally many addresses"),
        ("2001:db8::/65", "nptv6-prefix 2001:db8:1::/65", "two IPv6 prefixes of equal length"),
        ("2001:db8::/48", "nptv6-prefix 2001:db8:1::/56", "two IPv6 prefixes of equal length"),
        ("10.0.0.0/24", "nptv6-prefix 10.0.1.0/24", "two IPv6 prefixes of equal length"),
    ];
    for (outside, then, wanted) in cases {
        let (from, to) =
            (format!("{rule} match destination-address {outside}"), format!("{rule} then static-nat {then}"));
        refused(&[&from, &to], &[wanted]);
    }
}
