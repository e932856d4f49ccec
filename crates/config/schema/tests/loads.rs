//! Texts that enter a configuration: merge, override, replace, update, patch, in every form and below a level.

use ravelin_schema::{Action, json, load, read, xml};
use ravelin_syntax::{Tree, diff, render};

const START: &str = "\
system {
    host-name fw;
    name-server {
        192.0.2.1;
    }
}
security {
    zones {
        security-zone trust {
            tcp-rst;
            interfaces {
                ge-0/0/0.0;
            }
        }
        security-zone dmz;
    }
}
";

fn start() -> Tree {
    read(START).tree
}

fn base(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The start with `text` loaded below `at`, as `set` lines.
#[track_caller]
fn check(action: Action, at: &str, text: &str, expected: &[&str]) {
    let mut tree = start();
    load(&mut tree, &base(at), action, text).unwrap_or_else(|e| panic!("{e:?}"));
    let set = render::set(&tree);
    assert_eq!(set.lines().collect::<Vec<_>>(), expected, "{text}");
}

#[track_caller]
fn fails(action: Action, at: &str, text: &str, message: &str) {
    let mut tree = start();
    let errors = load(&mut tree, &base(at), action, text).expect_err(text);
    assert!(errors.iter().any(|e| e.line("f").contains(message)), "{errors:?}");
    assert_eq!(tree, start(), "a failed load changes nothing");
}

const ALL: [&str; 5] = [
    "set system host-name fw",
    "set system name-server 192.0.2.1",
    "set security zones security-zone trust tcp-rst",
    "set security zones security-zone trust interfaces ge-0/0/0.0",
    "set security zones security-zone dmz",
];

#[test]
fn merge_adds_and_changes() {
    let expected = [
        "set system host-name new",
        "set system name-server 192.0.2.1",
        "set system name-server 192.0.2.2",
        ALL[2],
        ALL[3],
        ALL[4],
    ];
    let text = "system { replace: host-name new; replace: name-server { 192.0.2.2; } }";
    check(Action::Merge, "", text, &expected);
    let tree = read("system { host-name new; name-server { 192.0.2.2; } }").tree;
    check(Action::Merge, "", &xml::write(&tree), &expected);
    check(Action::Merge, "", &json::write(&tree), &expected);
    check(Action::Merge, "", &render::set(&tree), &expected);
    check(Action::Merge, "system", "host-name new; name-server { 192.0.2.2; }", &expected);
    check(Action::Set, "system", "set host-name new\nset name-server 192.0.2.2", &expected);
}

#[test]
fn replace_puts_marked_statements_in_the_place_of_others() {
    check(
        Action::Replace,
        "",
        "system { replace: name-server { 192.0.2.2; } }
         security { zones { replace: security-zone trust { interfaces { ge-0/0/1.0; } } } }",
        &[
            ALL[0],
            "set system name-server 192.0.2.2",
            "set security zones security-zone trust interfaces ge-0/0/1.0",
            ALL[4],
        ],
    );
    check(
        Action::Replace,
        "",
        "<configuration><system replace=\"replace\"><host-name>x</host-name></system></configuration>",
        &["set system host-name x", ALL[2], ALL[3], ALL[4]],
    );
    check(
        Action::Replace,
        "",
        "{\"configuration\": {\"system\": {\"@\": {\"operation\": \"replace\"}, \"host-name\": \"x\"}}}",
        &["set system host-name x", ALL[2], ALL[3], ALL[4]],
    );
    check(
        Action::Replace,
        "security zones",
        "replace: security-zone trust { }",
        &[ALL[0], ALL[1], "set security zones security-zone trust", ALL[4]],
    );
}

#[test]
fn deletions_and_marks_of_a_load_are_done() {
    check(
        Action::Merge,
        "",
        "system { delete: host-name; } security { zones { delete: security-zone dmz; inactive: security-zone trust; } }",
        &[ALL[1], ALL[2], ALL[3], "deactivate security zones security-zone trust"],
    );
    check(
        Action::Merge,
        "",
        "<configuration><system><name-server operation=\"delete\"><name>192.0.2.1</name></name-server></system></configuration>",
        &[ALL[0], ALL[2], ALL[3], ALL[4]],
    );
    let mut tree = start();
    let warnings = load(&mut tree, &[], Action::Merge, "system { delete: domain-name; }").expect("it loads");
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].line("f"), "f:1:18: warning: system domain-name: statement not found");
    load(&mut tree, &[], Action::Merge, "inactive: protect: system;").expect("it loads");
    load(&mut tree, &[], Action::Merge, "unprotect: system; ").expect("it loads");
    load(&mut tree, &[], Action::Merge, "active: system; ").expect("it loads");
    assert_eq!(tree, start());
}

#[test]
fn override_and_update_are_the_whole() {
    check(Action::Override, "system", "system { host-name x; }", &["set system host-name x"]);
    check(Action::Update, "", "set system host-name x", &["set system host-name x"]);
    check(Action::Update, "system", "host-name x;", &["set system host-name x", ALL[2], ALL[3], ALL[4]]);
    check(
        Action::Update,
        "security zones security-zone trust",
        "<configuration><tcp-rst/></configuration>",
        &[ALL[0], ALL[1], ALL[2], ALL[4]],
    );
}

#[test]
fn a_patch_is_what_compare_shows() {
    let new = read(
        "system { host-name other; }
         security { zones { security-zone trust { interfaces { ge-0/0/0.0; ge-0/0/7.0; } } inactive: security-zone dmz; security-zone guest { tcp-rst; } } }
         interfaces { ge-0/0/0 { unit 0; } }",
    )
    .tree;
    let patch = diff(&start(), &new);
    let mut tree = start();
    load(&mut tree, &[], Action::Patch, &patch).unwrap_or_else(|e| panic!("{e:?}\n{patch}"));
    assert_eq!(render::text(&tree), render::text(&new), "{patch}");
    let back = diff(&new, &start());
    load(&mut tree, &[], Action::Patch, &back).unwrap_or_else(|e| panic!("{e:?}\n{back}"));
    assert_eq!(diff(&start(), &tree), "", "{back}");
    check(
        Action::Patch,
        "system",
        "[edit]\n-  host-name fw;\n+  host-name x;\n",
        &["set system host-name x", ALL[1], ALL[2], ALL[3], ALL[4]],
    );
    fails(Action::Patch, "", "[edit system]\n-  domain-name x;\n", "f:1:");
    fails(Action::Patch, "", "+  domain-name x;\n", "expecting `[edit ...]'");
    fails(
        Action::Patch,
        "",
        "[edit system]\n!  policy x { ... }\n",
        "`policy x' is not here and can't be moved",
    );
    fails(Action::Patch, "", "[edit system]\n+  no-such-thing x;\n", "f:1:1: system: syntax error");
}

#[test]
fn what_can_not_be_loaded_changes_nothing() {
    fails(
        Action::Merge,
        "",
        "system { host-name new; host-nam x; }",
        "f:1:25: system: syntax error, unknown statement",
    );
    fails(Action::Merge, "", "system {", "`{' is not closed");
    fails(Action::Override, "", "<configuration><system>", "is not closed");
    fails(Action::Merge, "", "{ \"configuration\": { \"system\": { \"x\": 1 } } }", "unknown element `x'");
    fails(Action::Set, "", "system { host-name x; }", "unknown command");
    fails(Action::Merge, "no such level", "host-name x;", "unknown statement");
    let mut tree = start();
    load(&mut tree, &[], Action::Set, "protect system").expect("it loads");
    let errors = load(&mut tree, &[], Action::Merge, "system { host-name x; }").expect_err("protected");
    assert!(errors[0].message.contains("protected"), "{errors:?}");
    assert!(load(&mut tree, &[], Action::Replace, "replace: system { host-name x; }").is_err());
    // What is protected further down is too.
    let mut tree = start();
    load(&mut tree, &[], Action::Set, "protect system host-name").expect("it loads");
    let before = tree.clone();
    for (action, text) in [
        (Action::Replace, "replace: system { domain-name x; }"),
        (Action::Merge, "delete: system;"),
        (Action::Merge, "system { delete: host-name; }"),
        (Action::Patch, "[edit]\n-  system {\n-      host-name fw;\n-  }\n"),
    ] {
        let errors = load(&mut tree, &[], action, text).expect_err(text);
        assert!(errors.iter().any(|e| e.message.contains("protected")), "{errors:?}");
        assert_eq!(tree, before, "{text}");
    }
}

/// Four zones in this order.
fn zones(order: &str) -> Tree {
    let text: String = order.chars().map(|c| format!("set security zones security-zone {c}\n")).collect();
    read(&text).tree
}

#[test]
fn a_patch_of_an_order_leads_there() {
    let orders = ["abcd", "dcba", "bcda", "dabc", "acbd", "cadb", "abdc"];
    for (old, new) in orders.iter().flat_map(|old| orders.iter().map(move |new| (*old, *new))) {
        let (mut tree, wanted) = (zones(old), zones(new));
        let patch = diff(&tree, &wanted);
        load(&mut tree, &[], Action::Patch, &patch).unwrap_or_else(|e| panic!("{patch} {e:?}"));
        assert_eq!(tree, wanted, "{old} to {new}: {patch}");
    }
    let mut tree = zones("abcd");
    let patch = diff(&zones("abx"), &zones("xba"));
    assert!(load(&mut tree, &[], Action::Patch, &patch).is_err(), "{patch}");
    assert_eq!(tree, zones("abcd"), "a patch that doesn't fit changes nothing");
}

#[test]
fn entries_are_moved_and_renamed_by_members_of_json() {
    let zone = |marks: &str| {
        format!(
            "{{ \"configuration\": {{ \"security\": {{ \"zones\": {{ \"security-zone\": [ {{ \"@\": {{ {marks} }}, \
             \"name\": \"c\" }} ] }} }} }} }}"
        )
    };
    for (marks, expected) in [
        ("\"insert\": \"before\", \"name\": \"a\"", "cabd"),
        ("\"name\": \"a\", \"insert\": \"after\"", "acbd"),
        ("\"rename\": \"rename\", \"name\": \"x\"", "abxd"),
    ] {
        let mut tree = zones("abcd");
        load(&mut tree, &[], Action::Merge, &zone(marks)).unwrap_or_else(|e| panic!("{marks} {e:?}"));
        assert_eq!(tree, zones(expected), "{marks}");
    }
    for (marks, message) in [
        ("\"insert\": \"before\", \"name\": \"z\"", "statement not found"),
        ("\"rename\": \"rename\", \"name\": \"a\"", "target already exists"),
        ("\"insert\": \"before\"", "attribute `name' is missing"),
        ("\"insert\": \"first\", \"name\": \"a\"", "is not supported"),
        ("\"name\": \"a\"", "is not supported"),
    ] {
        let mut tree = zones("abcd");
        let errors = load(&mut tree, &[], Action::Merge, &zone(marks)).expect_err(marks);
        assert!(errors.iter().any(|e| e.message.contains(message)), "{marks}: {errors:?}");
        assert_eq!(tree, zones("abcd"), "{marks}");
    }
}

#[test]
fn entries_are_moved_and_renamed_by_attributes() {
    let zone = |attributes: &str| {
        format!(
            "<configuration><security><zones><security-zone {attributes}><name>c</name></security-zone></zones></security></configuration>"
        )
    };
    for (attributes, expected) in [
        ("insert=\"before\" name=\"a\"", "cabd"),
        ("name=\"a\" insert=\"after\"", "acbd"),
        ("insert=\"after\" name=\"d\"", "abdc"),
        ("rename=\"rename\" name=\"x\"", "abxd"),
    ] {
        let mut tree = zones("abcd");
        load(&mut tree, &[], Action::Merge, &zone(attributes))
            .unwrap_or_else(|e| panic!("{attributes} {e:?}"));
        assert_eq!(tree, zones(expected), "{attributes}");
    }
    for (attributes, message) in [
        ("insert=\"before\" name=\"z\"", "statement not found"),
        ("rename=\"rename\" name=\"a\"", "target already exists"),
        ("insert=\"before\"", "attribute `name' is missing"),
        ("insert=\"first\" name=\"a\"", "is not supported"),
    ] {
        let mut tree = zones("abcd");
        let errors = load(&mut tree, &[], Action::Merge, &zone(attributes)).expect_err(attributes);
        assert!(errors.iter().any(|e| e.message.contains(message)), "{attributes} {errors:?}");
        assert_eq!(tree, zones("abcd"), "{attributes}");
    }
    let alone = read(&zone("insert=\"before\" name=\"a\""));
    assert!(!alone.diagnostics.is_empty(), "there is nothing to move in");
    let pair = "<configuration><security><policies><policy insert=\"before\" from-zone-name=\"a\" to-zone-name=\"b\"> \
        <from-zone-name>c</from-zone-name><to-zone-name>d</to-zone-name></policy></policies></security></configuration>";
    let line =
        |a: &str, b: &str| format!("set security policies from-zone {a} to-zone {b} policy p then deny\n");
    let mut tree = read(&(line("a", "b") + &line("c", "d"))).tree;
    load(&mut tree, &[], Action::Merge, pair).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(tree, read(&(line("c", "d") + &line("a", "b"))).tree);
}

#[test]
fn a_statement_that_is_not_there_to_delete_is_warned_of() {
    let mut tree = start();
    let warnings =
        load(&mut tree, &[], Action::Merge, "system {\n    delete: domain-name;\n}\n").expect("loads");
    let told: Vec<String> = warnings.iter().map(|w| format!("{}: {}", w.path, w.message)).collect();
    assert_eq!(told, ["system domain-name: statement not found"]);
    assert_eq!(tree, start());
}
