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

#[test]
fn every_interface_of_a_zone_has_a_name() {
    check(
        "set security zones security-zone a interfaces all\n",
        &[
            "security zones security-zone a interfaces all.0: statement not supported: every interface has to be named",
        ],
    );
}

#[test]
fn the_instance_of_the_management_interface_needs_no_type() {
    check(
        "set routing-instances mgmt_junos description x\n",
        &["routing-instances mgmt_junos: statement not supported: fxp0 has the default instance's routes"],
    );
}
