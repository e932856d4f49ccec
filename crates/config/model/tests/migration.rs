//! What configurations of real devices bring that is easily taken for something else: each is enforced as Junos takes it, or
//! refused for what it is.

use ravelin_model::load;
use ravelin_syntax::render;

/// Findings, as `path: message`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let told = load(text).result.err().unwrap_or_default();
    let told: Vec<String> = told.iter().map(|d| format!("{}: {}", d.path, d.message)).collect();
    assert_eq!(told, expected, "{text}");
}

/// Spec: language-77.
#[test]
fn prefixes_with_octets_left_out_are_completed_wherever_a_prefix_stands() {
    let text = "set interfaces ge-0/0/0 unit 0 family inet address 192.0.2.1/24\n\
        set security zones security-zone a interfaces ge-0/0/0.0\n\
        set security nat source pool p address 203.0.113/24\n\
        set security nat source rule-set r from zone a\n\
        set security nat source rule-set r to zone a\n\
        set security nat source rule-set r rule q match source-address 10/8\n\
        set security nat source rule-set r rule q match destination-address [ 0/0 172.16/12 ]\n\
        set security nat source rule-set r rule q then source-nat pool p\n\
        set security nat destination pool d address 10.1.1.1/32\n\
        set security nat destination rule-set e from zone a\n\
        set security nat destination rule-set e rule q match source-address 192.168/16\n\
        set security nat destination rule-set e rule q match destination-address 203.0.113.7/32\n\
        set security nat destination rule-set e rule q then destination-nat pool d\n\
        set firewall family inet filter f term t from source-address 10/8\n\
        set firewall family inet filter f term t from source-address 10.1/16 except\n\
        set firewall family inet filter f term t from destination-address 0/0\n\
        set firewall family inet filter f term t then accept\n\
        set firewall filter g term t from address 192.168/16\n\
        set firewall filter g term t then accept\n";
    check(text, &[]);
    let set = render::set(&load(text).tree);
    for whole in [
        "pool p address 203.0.113.0/24",
        "match source-address 10.0.0.0/8",
        "match destination-address 0.0.0.0/0",
        "match destination-address 172.16.0.0/12",
        "match source-address 192.168.0.0/16",
        "from source-address 10.0.0.0/8",
        "from source-address 10.1.0.0/16 except",
        "from destination-address 0.0.0.0/0",
        "from address 192.168.0.0/16",
    ] {
        assert!(set.lines().any(|line| line.ends_with(whole)), "{whole}:\n{set}");
    }
    for wrong in ["10.0.0.0/33", "10.0.0.0.0/8", "nowhere", "10/8/8"] {
        for path in [
            "security nat source rule-set r rule q match source-address",
            "firewall family inet filter f term t from address",
        ] {
            let told = load(&format!("set {path} {wrong}\n")).result.err().unwrap_or_default();
            assert!(
                told.iter().any(|d| d.path.starts_with(path) && d.message.contains(wrong)),
                "{path} {wrong}: {told:?}"
            );
        }
    }
    let v6 = load("set firewall family inet6 filter f term t from source-address 10.0.0.0/8\n").result.err();
    assert!(v6.unwrap_or_default().iter().any(|d| d.message.contains("10.0.0.0/8")));
}

#[test]
fn statements_of_other_platforms_and_releases_are_refused_as_not_supported() {
    for statement in
        ["interfaces traceoptions file ifd size 1m", "interfaces interface-set s interface ge-0/0/0 unit 0"]
    {
        check(&format!("set {statement}\n"), &[&format!("{statement}: statement not supported")[..]]);
    }
    let count = "security policies from-zone a to-zone b policy p then count alarm";
    let told = load(&format!("set {count} per-second-threshold 100\n")).result.err().unwrap_or_default();
    let all: Vec<(&str, &str)> = told.iter().map(|d| (d.path.as_str(), d.message.as_str())).collect();
    assert!(
        all.iter().any(|(path, message)| path.starts_with(count) && *message == "statement not supported"),
        "{all:?}"
    );
    assert!(!all.iter().any(|(_, message)| message.contains("syntax error")), "{all:?}");
    for (family, words) in [
        ("inet", &["last-fragment", "sctp-initial", "slice x", "first-byte-of-payload 1"][..]),
        (
            "inet6",
            &[
                "payload-protocol tcp",
                "extension-header routing",
                "is-fragment",
                "hop-limit 255",
                "first-fragment",
            ],
        ),
    ] {
        for word in words {
            let path = format!("firewall family {family} filter f term t from");
            let text =
                format!("set {path} {word}\nset firewall family {family} filter f term t then accept\n");
            let told = load(&text).result.err().unwrap_or_default();
            let told: Vec<&str> = told.iter().map(|d| d.message.as_str()).collect();
            assert_eq!(told, ["statement not supported"], "{text}");
        }
    }
}

/// `show configuration | display xml` ends with what the shell says of itself.
#[test]
fn the_reply_of_a_device_is_a_configuration() {
    let reply = |inside: &str, behind: &str| {
        format!(
            "<rpc-reply xmlns:junos=\"http://xml.juniper.net/junos/20.4R3/junos\"><configuration>{inside}</configuration>{behind}</rpc-reply>"
        )
    };
    let name = "<system><host-name>a</host-name></system>";
    let bare = reply(name, "");
    let whole = reply(name, "<cli><banner>{primary:node0}[edit]</banner></cli>");
    let tree = load(&whole).tree;
    assert_eq!(tree, load(&bare).tree);
    check(&whole, &[]);
    assert_eq!(render::set(&tree), "set system host-name a\n");
    check(&reply("<cli><banner/></cli>", ""), &[": syntax error, unknown element `cli'"]);
}

/// The interfaces of each zone.
fn members(statements: &str) -> Result<Vec<String>, Vec<String>> {
    let unit = |name: &str| format!("set interfaces {name} family inet\n");
    let units = ["ge-0/0/0 unit 0", "ge-0/0/1 unit 0", "ge-0/0/2 unit 0", "fxp0 unit 0"].map(unit).concat();
    let valid = load(&format!("{units}{statements}")).result;
    let valid = valid
        .map_err(|errors| errors.iter().map(|e| format!("{}: {}", e.path, e.message)).collect::<Vec<_>>())?;
    let zone = |zone: ravelin_model::AnyZone<'_>| {
        let list: Vec<String> = zone
            .interfaces
            .iter()
            .map(|i| format!("{}{}", i.name, if i.host_inbound.is_some() { "!" } else { "" }))
            .collect();
        format!("{}: {}", zone.name, list.join(" "))
    };
    Ok(valid.get().security.every_zone().map(zone).collect())
}

#[test]
fn all_interfaces_of_a_zone_are_those_that_no_other_zone_names() {
    let a = "set security zones security-zone a interfaces all\n";
    let check =
        |more: &str, wanted: &[&str]| assert_eq!(members(&format!("{a}{more}")).unwrap(), wanted, "{more}");
    check("", &["a: ge-0/0/0.0 ge-0/0/1.0 ge-0/0/2.0"]);
    let b = "set security zones security-zone b interfaces";
    check(&format!("{b} ge-0/0/1\n"), &["a: ge-0/0/0.0 ge-0/0/2.0", "b: ge-0/0/1.0"]);
    check(
        "set security zones functional-zone management interfaces ge-0/0/2.0\n",
        &["a: ge-0/0/0.0 ge-0/0/1.0", "management: ge-0/0/2.0"],
    );
    // One that is named in the same zone keeps what is said of it.
    let own = "host-inbound-traffic system-services ssh\n";
    check(
        &format!("set security zones security-zone a interfaces ge-0/0/1.0 {own}"),
        &["a: ge-0/0/1.0! ge-0/0/0.0 ge-0/0/2.0"],
    );
    check(
        &format!("set security zones security-zone a interfaces all {own}{b} ge-0/0/0\n"),
        &["a: ge-0/0/1.0! ge-0/0/2.0!", "b: ge-0/0/0.0"],
    );
    check(
        &format!("{b} ge-0/0/0\n{b} ge-0/0/1\n{b} ge-0/0/2\n"),
        &["a: ", "b: ge-0/0/0.0 ge-0/0/1.0 ge-0/0/2.0"],
    );
    let twice = "security zones security-zone b interfaces all: interface `all' is already in zone `a'";
    assert_eq!(members(&format!("{a}{b} all\n")).unwrap_err(), [twice]);
}

#[test]
fn the_instance_of_the_management_interface_needs_no_type() {
    check(
        "set routing-instances mgmt_junos description x\n",
        &["routing-instances mgmt_junos: statement not supported: fxp0 has the default instance's routes"],
    );
}

#[test]
fn what_may_be_missing_for_a_refused_statement_alone_is_not_told_beside_it() {
    let units = "set interfaces ge-0/0/0 unit 0 family inet\nset security zones security-zone a interfaces ge-0/0/0.0\n";
    let policy = "security policies from-zone a to-zone a policy";
    let any = "source-address any destination-address any";
    let refused = |path: &str| format!("{policy} p {path}: statement not supported");
    // Its match has what Junos takes for an application; the other policy has nothing.
    check(
        &format!(
            "{units}set {policy} p match {any} dynamic-application junos:HTTP\nset {policy} p then permit\n\
             set {policy} q match {any}\nset {policy} q then permit\n"
        ),
        &[
            &refused("match dynamic-application junos:HTTP"),
            &format!("{policy} q match application: missing mandatory statement: 'application'"),
        ],
    );
    // What is missing elsewhere in the same policy is missing.
    check(
        &format!("{units}set {policy} p match {any} dynamic-application junos:HTTP\n"),
        &[
            &format!(
                "{policy} p: missing mandatory statement: 'then' with one of 'permit', 'deny', 'reject'"
            ),
            &refused("match dynamic-application junos:HTTP"),
        ],
    );
}

#[test]
fn marks_of_statements_are_no_values_of_lists() {
    for mark in ["inactive:", "protect:", "replace:", "delete:", "active:", "unprotect:"] {
        check(
            &format!("system {{ name-server [ 192.0.2.1 {mark} 192.0.2.2 ]; }}\n"),
            &[&format!(": syntax error, `{mark}' marks a statement, not a value of a list")],
        );
    }
    let quoted = "applications { application-set s { application [ \"inactive:\" junos-ssh ]; } }\n";
    assert!(
        load(quoted).result.err().unwrap_or_default().iter().all(|d| !d.message.starts_with("syntax error"))
    );
}
