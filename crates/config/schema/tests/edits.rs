//! Commands on a tree: what each leaves behind, alone and as a line of many.

use ravelin_schema::{apply, read};
use ravelin_syntax::{Tree, render};

const START: &str = "\
system {
    host-name fw;
}
security {
    policies {
        from-zone a to-zone b {
            policy one {
                match {
                    source-address any;
                    destination-address any;
                    application [ junos-http junos-https junos-ssh ];
                }
                then {
                    permit;
                }
            }
            policy two {
                then {
                    deny;
                }
            }
            policy three {
                then {
                    reject;
                }
            }
        }
    }
    zones {
        security-zone trust {
            interfaces {
                ge-0/0/0.0;
                ge-0/0/1.0;
                xe-0/0/0.0;
            }
        }
    }
}
";

const P: &str = "security policies from-zone a to-zone b policy";

fn start() -> Tree {
    let bound = read(START);
    assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
    bound.tree
}

/// `lines`, alone one after another and all at once, give the same tree; it holds every one of `has` and none of
/// `lacks`.
#[track_caller]
fn check(lines: &[&str], has: &[&str], lacks: &[&str]) -> Tree {
    let mut one = start();
    for line in lines {
        apply(&mut one, &[], line).unwrap_or_else(|e| panic!("{line}: {e:?}"));
    }
    let mut many = start();
    // Two lines at least, so that the text is taken as one of many commands.
    let text = format!("top\n{}\n", lines.join("\n"));
    apply(&mut many, &[], &text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
    assert_eq!(render::text(&one), render::text(&many), "alone and together");
    let set = render::set(&one);
    for want in has {
        assert!(set.lines().any(|l| l == *want), "expected `{want}` in:\n{set}");
    }
    for want in lacks {
        assert!(!set.contains(want), "unexpected `{want}` in:\n{set}");
    }
    let again = read(&set);
    assert!(again.diagnostics.is_empty(), "{:?}", again.diagnostics);
    assert_eq!(again.tree, one, "the set form is the same tree");
    assert_eq!(read(&render::text(&one)).tree, one, "the braces form is the same tree");
    one
}

#[track_caller]
fn fails(line: &str, message: &str) {
    for text in [line.to_owned(), format!("top\n{line}")] {
        let mut tree = start();
        let errors = apply(&mut tree, &[], &text).expect_err(line);
        assert!(errors.iter().any(|e| e.message.contains(message)), "{text}: {errors:?}");
        assert_eq!(tree, start(), "a failed command changes nothing");
    }
}

fn order(tree: &Tree) -> Vec<String> {
    let pair =
        tree.find(&["security", "policies", "from-zone", "a", "to-zone", "b"]).expect("the pair is there");
    pair.children.iter().map(|n| n.args[0].text.to_string()).collect()
}

#[test]
fn inactive_and_protected_statements_are_marked_and_unmarked() {
    check(
        &[&format!("deactivate {P} one"), "deactivate system host-name", "protect security zones"],
        &[
            &format!("deactivate {P} one"),
            "deactivate system host-name",
            "protect security zones",
            "set system host-name fw",
        ],
        &[],
    );
    check(
        &["deactivate system", "activate system", "protect system", "unprotect system"],
        &["set system host-name fw"],
        &["deactivate", "protect"],
    );
}

#[test]
fn what_is_protected_neither_goes_nor_changes() {
    let protected = |line: &str| {
        let mut tree = start();
        apply(&mut tree, &[], "protect security zones").expect("it is there");
        let before = tree.clone();
        assert!(apply(&mut tree, &[], line).is_err(), "{line}");
        assert!(apply(&mut tree, &[], &format!("top\n{line}")).is_err(), "{line}");
        assert_eq!(tree, before, "{line}");
    };
    protected("delete security zones");
    protected("delete security");
    protected("set security zones security-zone dmz");
    protected("set security zones security-zone trust tcp-rst");
    protected("deactivate security zones security-zone trust");
    protected("rename security zones security-zone trust to security-zone dmz");
    protected("copy security zones security-zone trust to security-zone dmz");
    protected("wildcard delete security zones security-zone trust interfaces ge-.*");
    protected("replace pattern trust with lan");
}

#[test]
fn comments_are_kept_in_both_forms() {
    let tree = check(
        &[
            "annotate system \"the box\"",
            "annotate system host-name \"its name\"",
            &format!("annotate {P} two \"# a line\""),
        ],
        &["annotate system \"the box\"", "annotate system host-name \"its name\""],
        &[],
    );
    assert!(
        render::text(&tree).starts_with("/* the box */\nsystem {\n    /* its name */\n    host-name fw;\n")
    );
    check(&["annotate system x", "annotate system \"\""], &[], &["annotate"]);
    let text = "/* one */\n# two\nsystem {\n    /* more\n       lines */\n    host-name a;\n}\n";
    let tree = read(text).tree;
    assert_eq!(render::text(&tree), text);
    assert_eq!(read(&render::set(&tree)).tree, tree);
}

#[test]
fn entries_move_before_and_after() {
    for (line, wanted) in [
        ("three before policy one", ["three", "one", "two"]),
        ("three before one", ["three", "one", "two"]),
        ("one after policy three", ["two", "three", "one"]),
        ("one after policy two", ["two", "one", "three"]),
        ("one before policy three", ["two", "one", "three"]),
        ("two after two", ["one", "two", "three"]),
    ] {
        let tree = check(&[&format!("insert {P} {line}")], &[], &[]);
        assert_eq!(order(&tree), wanted, "{line}");
    }
    let values = check(&[&format!("insert {P} one match application junos-ssh before junos-http")], &[], &[]);
    assert!(render::text(&values).contains("application [ junos-ssh junos-http junos-https ]"));
    fails(&format!("insert {P} one before policy none"), "statement not found");
    fails(&format!("insert {P} one policy two"), "expecting `before' or `after'");
    fails("insert system host-name before x", "only an entry of a list");
}

/// `before`, `to` and `policy` are names like any.
#[test]
fn words_of_commands_are_names_too() {
    let named = [
        format!("rename {P} one to before"),
        format!("rename {P} two to to"),
        format!("rename {P} three to policy policy"),
    ];
    for (lines, expected) in [
        (vec![format!("insert {P} policy before before")], ["policy", "before", "to"]),
        (vec![format!("insert {P} policy before policy before")], ["policy", "before", "to"]),
        (vec![format!("insert {P} before after policy")], ["to", "policy", "before"]),
        (vec![format!("insert {P} before after policy policy")], ["to", "policy", "before"]),
        (vec![format!("insert {P} before before before")], ["before", "to", "policy"]),
        (vec![format!("insert {P} to before before")], ["to", "before", "policy"]),
        (vec![format!("rename {P} to to policy after")], ["before", "after", "policy"]),
        (
            vec![format!("rename {P} before to top"), format!("rename {P} top to policy set")],
            ["set", "to", "policy"],
        ),
        (vec![format!("delete {P} to"), format!("copy {P} before to to")], ["before", "policy", "to"]),
        (vec![format!("delete {P} policy"), format!("copy {P} to to policy")], ["before", "to", "policy"]),
    ] {
        let all: Vec<&str> = named.iter().chain(&lines).map(String::as_str).collect();
        assert_eq!(order(&check(&all, &[], &[])), expected, "{lines:?}");
    }
    let marks = [
        format!("deactivate {P} before"),
        format!("protect {P} policy"),
        format!("annotate {P} to \"to\""),
        format!("insert {P} before match application junos-ssh before junos-http"),
    ];
    let all: Vec<&str> = named.iter().chain(&marks).map(String::as_str).collect();
    let shown = [format!("deactivate {P} before"), format!("protect {P} policy")];
    check(&all, &[&shown[0], &shown[1]], &[]);
    let zones = [
        "copy security policies from-zone a to-zone b to from-zone to to-zone to",
        "rename security policies from-zone to to-zone to to from-zone to-zone b",
        "insert security policies from-zone from-zone to-zone b before a to-zone b",
    ];
    check(
        &zones,
        &["set security policies from-zone from-zone to-zone b policy two then deny"],
        &["from-zone to "],
    );
    fails(&format!("insert {P} none before policy before"), "statement not found");
    fails(&format!("rename {P} one to"), "the name of an entry");
}

/// An entry is one level, of as many words as its name has.
#[test]
fn up_goes_by_levels() {
    for (at, up, line, expected) in [
        (&*format!("{P} two"), "up", "policy x then deny", format!("{P} x then deny")),
        (&format!("{P} two"), "up 1", "policy x then deny", format!("{P} x then deny")),
        (
            &format!("{P} two"),
            "up 2",
            "default-policy deny-all",
            "security policies default-policy deny-all".into(),
        ),
        (&format!("{P} two"), "up 3", "flow tcp-mss", "security flow tcp-mss".into()),
        (&format!("{P} two"), "up 4", "system domain-name x", "system domain-name x".into()),
        (&format!("{P} two"), "up 9", "system domain-name x", "system domain-name x".into()),
        (&format!("{P} two"), "up 0", "then count", format!("{P} two then count")),
        (&format!("{P} two then"), "up", "then count", format!("{P} two then count")),
        (P, "up", "policy x then deny", format!("{P} x then deny")),
        (
            "security policies from-zone a",
            "up",
            "default-policy deny-all",
            "security policies default-policy deny-all".into(),
        ),
    ] {
        let mut tree = start();
        let text = format!("edit {at}\n{up}\nset {line}\n");
        apply(&mut tree, &[], &text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let set = render::set(&tree);
        assert!(set.lines().any(|l| l == format!("set {expected}")), "{text}: {set}");
    }
}

#[test]
fn entries_are_renamed_and_copied() {
    let tree = check(&[&format!("rename {P} two to policy second")], &[], &["policy two"]);
    assert_eq!(order(&tree), ["one", "second", "three"]);
    let tree = check(
        &[&format!("copy {P} one to policy four"), &format!("delete {P} one match")],
        &[&format!("set {P} four match source-address any"), &format!("set {P} four then permit")],
        &[],
    );
    assert_eq!(order(&tree), ["one", "two", "three", "four"]);
    check(
        &[
            "rename security policies from-zone a to-zone b to from-zone c to-zone d",
            "set security policies from-zone c to-zone d policy two then count",
        ],
        &["set security policies from-zone c to-zone d policy two then count"],
        &["from-zone a"],
    );
    fails(&format!("rename {P} one to policy two"), "target already exists");
    fails(&format!("rename {P} one to policy \"no spaces\""), "must match");
    fails(&format!("rename {P} none to policy x"), "statement not found");
    fails("rename system host-name to x", "only an entry of a list");
}

#[test]
fn deletions_take_what_they_name() {
    check(&[&format!("delete {P} one match application junos-https")], &[], &["junos-https"]);
    check(&[&format!("delete {P}")], &[], &["policy"]);
    check(&["delete system host-name"], &[], &["system"]);
    check(
        &[&format!("delete {P} two"), &format!("set {P} two then permit")],
        &[&format!("set {P} two then permit")],
        &["then deny"],
    );
    check(
        &[
            &format!("delete {P} one match application junos-ssh"),
            &format!("set {P} one match application junos-ssh"),
        ],
        &[&format!("set {P} one match application junos-ssh")],
        &[],
    );
    fails("delete system host-name other", "statement not found");
    fails("delete system domain-name", "statement not found");
    fails("delete system host-nam", "did you mean `host-name'?");
}

#[test]
fn wildcards_delete_and_ranges_set() {
    check(
        &["wildcard delete security zones security-zone trust interfaces ge-.*"],
        &["set security zones security-zone trust interfaces xe-0/0/0.0"],
        &["ge-0"],
    );
    check(&[&format!("wildcard delete {P} t.*")], &[], &["two", "three"]);
    check(
        &["wildcard range set interfaces ge-0/0/[0-2,5,!1] unit [0,7] vlan-id 5"],
        &["set interfaces ge-0/0/5 unit 7 vlan-id 5", "set interfaces ge-0/0/0 unit 0 vlan-id 5"],
        &["ge-0/0/1 "],
    );
    check(
        &["wildcard range deactivate security zones security-zone trust interfaces ge-0/0/[0-1].0"],
        &["deactivate security zones security-zone trust interfaces ge-0/0/1.0"],
        &[],
    );
    fails("wildcard delete security zones security-zone trust interfaces (", "invalid pattern");
    fails("wildcard delete security zones security-zone trust interfaces et.*", "statement not found");
    fails("wildcard range set interfaces ge-0/0/[5-1] disable", "invalid range");
    fails("wildcard range set interfaces ge-[0-99]/[0-99]/[0-99] disable", "at most 4096");
}

#[test]
fn a_pattern_is_replaced_in_names_and_values() {
    check(
        &["replace pattern \"junos-(http.*)\" with \"my-\\\\1\""],
        &[
            &format!("set {P} one match application my-https"),
            &format!("set {P} one match application junos-ssh"),
        ],
        &["junos-http"],
    );
    check(&["replace pattern fw with &-&"], &["set system host-name fw-fw"], &[]);
    let tree = check(&["replace pattern ge-0 with ge-1 upto 1"], &[], &[]);
    let text = render::set(&tree);
    assert!(text.contains("ge-1/0/0.0") && text.contains("ge-0/0/1.0"), "{text}");
    // A word of the language is no name.
    check(&["replace pattern policy with rule"], &[&format!("set {P} two then deny")], &[]);
    check(&["edit security zones", "replace pattern trust with lan", "top"], &[], &["trust"]);
    fails(
        "replace pattern \"^b$\" with \"no spaces here, and one more than sixty-three characters in all of it\"",
        "within range",
    );
    fails("replace pattern a", "expecting `pattern REGEX with TEXT");
}

#[test]
fn a_long_text_of_commands_is_read_in_order() {
    let mut text = String::new();
    for n in 0..500 {
        text.push_str(&format!("set {P} p{n} then permit\n"));
    }
    text.push_str(&format!("insert {P} p499 before policy p0\nrename {P} p1 to policy q1\n"));
    for n in (10..490).rev() {
        text.push_str(&format!("delete {P} p{n}\n"));
    }
    text.push_str(&format!("set {P} q1 then count\nset {P} p12 then deny\ndeactivate {P} p12\n"));
    let mut tree = Tree::default();
    apply(&mut tree, &[], &text).unwrap_or_else(|e| panic!("{e:?}"));
    let names = order(&tree);
    assert_eq!(&names[..4], ["p499", "p0", "q1", "p2"]);
    assert_eq!(names.last().map(String::as_str), Some("p12"));
    assert_eq!(names.len(), 21);
    assert_eq!(tree, read(&text).tree, "a file of commands is the same");
}

#[test]
fn a_range_on_one_line_is_deleted_as_it_was_set() {
    for above in ["", "groups g "] {
        let range = format!("{above}security nat source pool-default-port-range 2000 to 60000");
        let empty = read("").tree;
        let mut whole = empty.clone();
        apply(&mut whole, &[], &format!("set {range}")).unwrap_or_else(|e| panic!("{e:?}"));
        let mut tree = whole.clone();
        apply(&mut tree, &[], &format!("delete {range}")).unwrap_or_else(|e| panic!("{e:?}"));
        let kept: Vec<String> = render::set(&tree).lines().map(str::to_owned).collect();
        assert!(kept.iter().all(|line| !line.contains("pool-default")), "{kept:?}");
        for wrong in ["2000 to 60001", "2001 to 60000", "2000 to", "2000 60000", "2000 to 60000 more"] {
            let mut tree = whole.clone();
            let line = format!("delete {above}security nat source pool-default-port-range {wrong}");
            assert!(apply(&mut tree, &[], &line).is_err() || wrong == "2000 to", "{line}");
        }
        // A text of several lines works over an index.
        let mut tree = whole.clone();
        apply(&mut tree, &[], &format!("set system host-name a\ndelete {range}"))
            .unwrap_or_else(|e| panic!("{e:?}"));
        assert!(!render::set(&tree).contains("pool-default"), "{}", render::set(&tree));
    }
}

#[test]
fn a_mark_before_a_statement_on_one_line_is_that_of_the_whole() {
    let text = "applications {\n    inactive: application z protocol 1;\n    application y {\n        inactive: protocol 1;\n    }\n}\n";
    let tree = read(text).tree;
    let z = tree.find(&["applications", "application", "z"]).expect("z");
    let y = tree.find(&["applications", "application", "y"]).expect("y");
    assert!(z.inactive && !z.children[0].inactive && !y.inactive && y.children[0].inactive);
    assert_eq!(read(&render::text(&tree)).tree, tree, "{}", render::text(&tree));
    assert_eq!(read(&render::set(&tree)).tree, tree, "{}", render::set(&tree));
}

#[test]
fn a_prefix_may_leave_octets_out() {
    let mut tree =
        read("set routing-options static route 0/0 discard\nset policy-options prefix-list p 172.16/12").tree;
    let shown = "set policy-options prefix-list p 172.16.0.0/12\nset routing-options static route 0.0.0.0/0 discard\n";
    assert_eq!(render::set(&tree), shown);
    for line in ["delete routing-options static route 0/0", "delete policy-options prefix-list p 172.16/12"] {
        assert!(apply(&mut tree, &[], line).is_ok(), "{line}");
    }
    assert!(!render::set(&tree).contains('/'), "{}", render::set(&tree));
    for wrong in ["10/33", "256/8", "10.1.2.3.4/8", "/8", "a/8", "10/", "10./8"] {
        let line = format!("set routing-options static route {wrong} discard");
        assert!(!read(&line).diagnostics.is_empty(), "{wrong}");
    }
}

/// Lines of `show | display set` tell of a hierarchy that the table doesn't detail one by one, and then switch it off.
#[test]
fn commands_mean_all_lines_of_a_hierarchy_outside_the_table() {
    let start = "set system host-name fw\nset protocols bgp group up type external\n\
                 set protocols bgp group up neighbor 192.0.2.1\nset protocols bgp group down type internal\n\
                 set protocols lldp interface all\nset tenants red security-profile p\nset tenants blue security-profile p\n";
    let after = |commands: &str| {
        // As lines of one text, and each on the tree.
        let bound = read(&format!("{start}{commands}"));
        let told: Vec<String> = bound.diagnostics.iter().map(|d| d.line("f")).collect();
        let mut tree = read(start).tree;
        for line in commands.lines() {
            if let Err(errors) = apply(&mut tree, &[], line) {
                assert!(!told.is_empty(), "{line}");
                return errors.iter().map(|d| d.message.clone()).collect();
            }
        }
        assert!(told.is_empty(), "{told:?}");
        assert_eq!(render::set(&tree), render::set(&bound.tree), "{commands}");
        let mut again = read(&render::set(&tree));
        assert!(again.diagnostics.is_empty(), "{:?}", again.diagnostics);
        assert_eq!(again.tree, tree, "{commands}");
        apply(&mut again.tree, &[], "delete system").unwrap();
        render::set(&again.tree)
    };
    let rest = "set protocols lldp interface all\nset tenants red security-profile p\nset tenants blue security-profile p\n";
    assert_eq!(after("delete protocols bgp"), rest);
    assert_eq!(after("delete protocols bgp group up\ndelete protocols bgp group down type internal"), rest);
    assert_eq!(
        after("deactivate protocols bgp group up\ndeactivate tenants red"),
        "set protocols lldp interface all\nset protocols bgp group up type external\ndeactivate protocols bgp group up type external\n\
         set protocols bgp group up neighbor 192.0.2.1\ndeactivate protocols bgp group up neighbor 192.0.2.1\n\
         set protocols bgp group down type internal\n\
         set tenants red security-profile p\ndeactivate tenants red security-profile p\nset tenants blue security-profile p\n"
    );
    assert_eq!(
        after("delete tenants\ndelete protocols lldp\ndelete protocols bgp group up"),
        "set protocols bgp group down type internal\n"
    );
    assert_eq!(after("deactivate protocols bgp\nactivate protocols bgp\ndelete protocols bgp"), rest);
    assert_eq!(after("protect protocols bgp\ndelete protocols bgp group up"), "statement is protected");
    for line in ["delete protocols bgp group side", "deactivate protocols ospf", "delete tenants green"] {
        assert_eq!(after(line), "statement not found", "{line}");
    }
    // In braces too.
    let mut tree =
        read("tenants { red { security-profile p; } }\nprotocols { bgp { group up { type external; } } }")
            .tree;
    apply(&mut tree, &[], "delete tenants red").unwrap();
    apply(&mut tree, &[], "deactivate protocols bgp group up").unwrap();
    assert!(render::text(&tree).contains("inactive: group up {"), "{}", render::text(&tree));
    apply(&mut tree, &[], "delete protocols bgp group").unwrap();
    assert!(!render::text(&tree).contains("group"), "{}", render::text(&tree));
}
