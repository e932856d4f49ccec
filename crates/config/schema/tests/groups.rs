//! Groups: where they are inherited, what wins, and what is said of it.

use ravelin_schema::{Clock, Situation, effective, read, time_zone};
use ravelin_syntax::{Severity, render};

/// The effective configuration of `text` as `set` lines.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    check_on(text, None, expected);
}

#[track_caller]
fn check_on(text: &str, node: Option<u8>, expected: &[&str]) {
    let bound = read(text);
    assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
    let effective = effective(&bound.tree, node);
    assert!(effective.diagnostics.is_empty(), "{:?}", effective.diagnostics);
    let set = render::set(&effective.tree);
    let lines: Vec<&str> = set.lines().collect();
    assert_eq!(lines, expected);
}

#[track_caller]
fn fails(text: &str, expected: &[&str]) {
    let tree = read(text).tree;
    let lines: Vec<String> = effective(&tree, None).diagnostics.iter().map(|d| d.line("f")).collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_group_adds_what_is_missing_and_ones_own_statement_wins() {
    check(
        "groups { g { system { host-name theirs; domain-name example.net; } } }
         apply-groups g;
         system { host-name mine; }",
        &["set system host-name mine", "set system domain-name example.net"],
    );
}

#[test]
fn the_first_group_of_a_list_wins_and_values_are_put_together() {
    check(
        "groups {
             a { system { host-name a; name-server 192.0.2.1; } }
             b { system { host-name b; domain-name b; name-server [ 192.0.2.2 192.0.2.1 ]; } }
         }
         apply-groups [ a b ];
         system { name-server 192.0.2.9; }",
        &[
            "set system host-name a",
            "set system domain-name b",
            "set system name-server 192.0.2.9",
            "set system name-server 192.0.2.1",
            "set system name-server 192.0.2.2",
        ],
    );
    check(
        "groups {
             a { security { policies { from-zone x to-zone y { policy p { match { application one; } } } } } }
             b { security { policies { from-zone x to-zone y { policy p { match { application [ two one ]; } } } } } }
         }
         apply-groups [ a b ];
         security { policies { from-zone x to-zone y { policy p { match { application zero; } } } } }",
        &[
            "set security policies from-zone x to-zone y policy p match application zero",
            "set security policies from-zone x to-zone y policy p match application one",
            "set security policies from-zone x to-zone y policy p match application two",
        ],
    );
}

#[test]
fn further_in_wins_over_further_out() {
    check(
        "groups {
             out { interfaces { ge-0/0/0 { mtu 9000; description out; } } }
             in { interfaces { ge-0/0/0 { mtu 1400; } } }
         }
         apply-groups out;
         interfaces { ge-0/0/0 { apply-groups in; vlan-tagging; } ge-0/0/1 { vlan-tagging; } }",
        &[
            "set interfaces ge-0/0/0 description out",
            "set interfaces ge-0/0/0 vlan-tagging",
            "set interfaces ge-0/0/0 mtu 1400",
            "set interfaces ge-0/0/1 vlan-tagging",
        ],
    );
}

#[test]
fn wildcards_are_about_names_that_are_there() {
    check(
        "groups { g { interfaces { <ge-*> { unit <*> { description edge; } mtu 1400; } } } }
         apply-groups g;
         interfaces { ge-0/0/0 { unit 0; unit 7 { description own; } } xe-0/0/0 { unit 0; } }",
        &[
            "set interfaces ge-0/0/0 mtu 1400",
            "set interfaces ge-0/0/0 unit 0 description edge",
            "set interfaces ge-0/0/0 unit 7 description own",
            "set interfaces xe-0/0/0 unit 0",
        ],
    );
    // Inherited names too, and a whole policy for every pair of zones, behind one's own.
    check(
        "groups {
             log { security { policies { from-zone <*> to-zone <*> { policy last { then { deny; log { session-init; } } } } } } }
             pair { security { policies { from-zone b to-zone a { policy p { then { permit; } } } } } }
         }
         apply-groups [ log pair ];
         security { policies { from-zone a to-zone b { policy p { then { permit; } } } } }",
        &[
            "set security policies from-zone a to-zone b policy p then permit",
            "set security policies from-zone a to-zone b policy last then deny",
            "set security policies from-zone a to-zone b policy last then log session-init",
            "set security policies from-zone b to-zone a policy last then deny",
            "set security policies from-zone b to-zone a policy last then log session-init",
            "set security policies from-zone b to-zone a policy p then permit",
        ],
    );
}

#[test]
fn an_exception_keeps_a_group_out_here_and_below() {
    check(
        "groups { g { interfaces { <*> { mtu 1400; unit <*> { description x; } } } } }
         apply-groups g;
         interfaces { ge-0/0/0 { apply-groups-except g; unit 0; } ge-0/0/1 { unit 0; } }",
        &[
            "set interfaces ge-0/0/0 unit 0",
            "set interfaces ge-0/0/1 mtu 1400",
            "set interfaces ge-0/0/1 unit 0 description x",
        ],
    );
}

#[test]
fn groups_apply_groups_and_circles_end() {
    check(
        "groups {
             a { apply-groups b; system { host-name a; } }
             b { apply-groups a; system { host-name b; domain-name b; } }
         }
         apply-groups a;",
        &["set system host-name a", "set system domain-name b"],
    );
    check(
        "groups {
             a { interfaces { ge-0/0/0 { apply-groups b; } } }
             b { interfaces { <*> { mtu 1400; } } }
         }
         apply-groups a;",
        &["set interfaces ge-0/0/0 mtu 1400"],
    );
}

#[test]
fn the_node_of_a_cluster_chooses_its_group() {
    let text = "groups { node0 { system { host-name left; } } node1 { system { host-name right; } } }
                apply-groups \"${node}\";";
    check_on(text, Some(0), &["set system host-name left"]);
    check_on(text, Some(1), &["set system host-name right"]);
    check_on(text, None, &[]);
}

#[test]
fn what_is_inactive_is_not_there() {
    check(
        "groups { inactive: g { system { host-name g; } } h { system { inactive: host-name h; domain-name h; } } }
         apply-groups h;
         system { inactive: domain-name own; }",
        &["set system domain-name h"],
    );
    check(
        "groups { g { system { host-name g; } } }
         inactive: apply-groups g;
         system { domain-name own; }",
        &["set system domain-name own"],
    );
}

#[test]
fn a_prefix_list_takes_its_prefixes_from_a_path() {
    check(
        "interfaces {
             ge-0/0/0 { unit 0 { family inet { address 10.1.2.3/24; } } }
             ge-0/0/1 { unit 0 { family inet { address 10.2.0.1/16; } inactive: family inet6 { address 2001:db8::1/64; } } }
         }
         policy-options {
             prefix-list mine { 192.0.2.0/24; apply-path \"interfaces <ge-*> unit <*> family inet address <*>\"; }
         }",
        &[
            "set interfaces ge-0/0/0 unit 0 family inet address 10.1.2.3/24",
            "set interfaces ge-0/0/1 unit 0 family inet address 10.2.0.1/16",
            "set policy-options prefix-list mine 192.0.2.0/24",
            "set policy-options prefix-list mine 10.1.2.0/24",
            "set policy-options prefix-list mine 10.2.0.0/16",
        ],
    );
}

#[test]
fn what_can_not_be_inherited_is_said() {
    fails(
        "apply-groups nobody;\nsystem {\n    apply-groups [ junos-defaults noone ];\n}\n",
        &[
            "f:1:14: apply-groups: configuration group `nobody' is not defined",
            "f:3:35: system apply-groups: configuration group `noone' is not defined",
        ],
    );
    fails(
        "groups { g { when { weather fair; } system { host-name a; } } }\napply-groups g;",
        &["f:1:21: groups g when weather fair: statement not supported"],
    );
}

#[test]
fn a_group_may_be_for_one_node_of_a_cluster() {
    for form in ["when { node node1; }", "when node node1;"] {
        let text = format!(
            "groups {{ g {{ {form} system {{ host-name a; }} }} }}\napply-groups g;\nsystem {{ ports; }}"
        );
        let tree = read(&text).tree;
        for (node, there) in [(Some(1), true), (Some(0), false), (None, false)] {
            let effective = effective(&tree, node);
            assert!(effective.diagnostics.is_empty(), "{:?}", effective.diagnostics);
            assert_eq!(
                effective.tree.find(&["system", "host-name", "a"]).is_some(),
                there,
                "{form} {node:?}"
            );
        }
    }
    fails(
        "groups { g { when { node node1; time 10:00; } system { host-name a; } } }\napply-groups g;",
        &["f:1:33: groups g when time 10:00: a time of day needs `to' and an end"],
    );
}

/// Spec: language-34.
#[test]
fn a_group_may_be_for_some_nodes_alone() {
    for (condition, there) in [
        ("when { routing-engine re0; }", true),
        ("when routing-engine re0;", true),
        ("when { routing-engine re1; }", false),
        ("when { peers a; }", true),
        ("when { peers [ b a ]; }", true),
        ("when peers [ b a ];", true),
        ("when { peers b; }", false),
        ("when { peers aa; }", false),
        ("when { peers a; routing-engine re1; }", false),
        ("when { routing-engine re0; peers a; }", true),
        ("inactive: when { routing-engine re1; }", true),
    ] {
        let text = format!(
            "groups {{ g {{ {condition} system {{ ports; }} }} }}\napply-groups g;\nsystem {{ host-name a; }}"
        );
        let tree = read(&text).tree;
        let effective = effective(&tree, None);
        assert!(effective.diagnostics.is_empty(), "{condition}: {:?}", effective.diagnostics);
        assert_eq!(effective.tree.find(&["system", "ports"]).is_some(), there, "{condition}");
        assert!(effective.tree.find(&["when"]).is_none(), "{condition}");
    }
    // Whoever has no name of his own is nobody's peer.
    let nameless = read("groups { g { when { peers a; } system { ports; } } }\napply-groups g;").tree;
    assert!(effective(&nameless, None).tree.nodes.is_empty());
    for words in ["chassis", "member", "model", "peers", "routing-engine re7", "weather fair"] {
        let text = format!("groups {{ g {{ when {{ {words}; }} system {{ ports; }} }} }}\napply-groups g;");
        fails(&text, &[&format!("f:1:21: groups g when {words}: statement not supported")]);
    }
}

/// Spec: language-73, language-74.
#[test]
fn a_group_may_be_for_some_times_alone() {
    let text =
        "groups { g { when { time 22:00 to 06:00; node node0; } system { ports; } } }\napply-groups g;";
    let tree = read(text).tree;
    let at =
        |hour: u32, node| Situation { node, clock: Some(Clock { date: (2026, 1, 1), second: hour * 3600 }) };
    for (hour, node, there) in [
        (22, Some(0), true),
        (5, Some(0), true),
        (6, Some(0), false),
        (23, Some(1), false),
        (23, None, false),
    ] {
        let effective = effective(&tree, at(hour, node));
        assert!(effective.diagnostics.is_empty(), "{:?}", effective.diagnostics);
        assert_eq!(effective.tree.find(&["system", "ports"]).is_some(), there, "{hour} {node:?}");
    }
    assert!(effective(&tree, Some(0)).tree.nodes.is_empty(), "without a clock");
    let zone = read("groups { g { system { time-zone GMT+1; } } }\nsystem { time-zone GMT+2; }").tree;
    assert_eq!(time_zone(&zone), Some("GMT+2"));
}

/// Spec: language-75.
#[test]
fn a_group_for_another_machine_is_not_in_force_and_a_warning_says_so() {
    for (condition, there, warning) in [
        ("model ravelin", true, ""),
        ("model srx1500", false, "the group is not in force: this system's model is `ravelin'"),
        ("chassis lcc0", false, "the group is not in force: this system has no chassis of that kind"),
        ("member member0", false, "the group is not in force: this system is no member of a virtual chassis"),
    ] {
        let text =
            format!("groups {{ g {{ when {{ {condition}; }} system {{ ports; }} }} }}\napply-groups g;");
        let tree = read(&text).tree;
        let effective = effective(&tree, None);
        assert_eq!(effective.tree.find(&["system", "ports"]).is_some(), there, "{condition}");
        let told: Vec<_> = effective.diagnostics.iter().map(|d| (d.severity, d.message.as_str())).collect();
        let expected = [(Severity::Warning, warning)];
        assert_eq!(told, expected[..usize::from(!there)], "{condition}");
    }
}

#[test]
fn every_inherited_statement_names_its_group() {
    let text = "groups { g { system { host-name a; name-server [ 192.0.2.1 192.0.2.2 ]; } } }
                apply-groups g;
                system { name-server 192.0.2.9; }";
    let tree = read(text).tree;
    let effective = effective(&tree, None);
    assert_eq!(
        render::inherited(&effective.tree.nodes, &effective.groups),
        "\
system {
    ##
    ## 'a' was inherited from group 'g'
    ##
    host-name a;
    name-server {
        192.0.2.9;
        ##
        ## '192.0.2.1' was inherited from group 'g'
        ##
        192.0.2.1;
        ##
        ## '192.0.2.2' was inherited from group 'g'
        ##
        192.0.2.2;
    }
}
"
    );
    assert_eq!(effective.group(1), Some("g"));
    assert_eq!(read(&render::inherited(&effective.tree.nodes, &effective.groups)).tree, *effective.tree);
}

#[test]
fn a_text_of_groups_that_multiply_ends() {
    // Every group applies every other, and all have wildcards for all names.
    let names: Vec<String> = (0..40).map(|n| format!("g{n}")).collect();
    let mut text = String::from("groups {\n");
    for name in &names {
        text.push_str(&format!("{name} {{ apply-groups [ {} ]; interfaces {{ <*> {{ apply-groups [ {} ]; unit <*> {{ description {name}; }} }} }} }}\n", names.join(" "), names.join(" ")));
    }
    text.push_str("}\napply-groups g0;\ninterfaces {\n");
    for n in 0..200 {
        text.push_str(&format!("ge-0/0/{n} {{ unit 0; }}\n"));
    }
    text.push('}');
    let bound = read(&text);
    assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
    let effective = effective(&bound.tree, None);
    assert!(render::set(&effective.tree).contains("set interfaces ge-0/0/199 unit 0 description g0"));
}

#[test]
fn a_path_finds_what_the_table_does_not_detail_in_either_form() {
    for protocols in [
        "protocols { bgp { group a { neighbor 192.0.2.1 { peer-as 1; } neighbor 192.0.2.2; } } }",
        "set protocols bgp group a neighbor 192.0.2.1 peer-as 1\nset protocols bgp group a neighbor 192.0.2.2",
    ] {
        let list =
            "policy-options { prefix-list bgp { apply-path \"protocols bgp group <*> neighbor <*>\"; } }";
        let set = "set policy-options prefix-list bgp apply-path \"protocols bgp group <*> neighbor <*>\"";
        let text = format!("{protocols}\n{}", if protocols.starts_with("set") { set } else { list });
        let bound = read(&text);
        assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
        let shown = render::set(&effective(&bound.tree, None).tree);
        let found: Vec<&str> = shown.lines().filter(|line| line.contains("prefix-list")).collect();
        assert_eq!(
            found,
            [
                "set policy-options prefix-list bgp 192.0.2.1/32",
                "set policy-options prefix-list bgp 192.0.2.2/32"
            ],
            "{text}"
        );
    }
}
