//! Whole configurations: both text forms, their renderings, and what is refused.

use proptest::prelude::*;
use ravelin_model::{Loaded, StaticAction, load};
use ravelin_syntax::{Tree, diff, render};

const BRANCH: &str = include_str!("cases/branch.conf");

fn loaded(text: &str) -> Loaded {
    let loaded = load(text);
    if let Err(errors) = &loaded.result {
        let lines: Vec<String> = errors.iter().map(|e| e.line("case")).collect();
        panic!("refused:\n{}", lines.join("\n"));
    }
    loaded
}

fn edited(text: &str, lines: &[&str]) -> Tree {
    let mut tree = load(text).tree;
    for line in lines {
        ravelin_schema::apply(&mut tree, &[], line).unwrap_or_else(|e| panic!("{line}: {e:?}"));
    }
    tree
}

/// Applies `lines` to the branch office and expects each of `wanted` among the errors.
fn refused(lines: &[&str], wanted: &[&str]) {
    let tree = edited(BRANCH, lines);
    let errors = ravelin_model::check_tree(&tree).err().unwrap_or_default();
    let lines: Vec<String> = errors.iter().map(|e| e.line("f")).collect();
    for want in wanted {
        assert!(lines.iter().any(|line| line.contains(want)), "expected `{want}` in:\n{}", lines.join("\n"));
    }
}

#[test]
fn braces_are_read_and_rendered_the_same() {
    assert_eq!(render::text(&loaded(BRANCH).tree), BRANCH);
}

#[test]
fn set_form_gives_the_same_tree_and_configuration() {
    let first = loaded(BRANCH);
    let set = render::set(&first.tree);
    let second = loaded(&set);
    assert_eq!(render::text(&second.tree), BRANCH, "{set}");
    assert_eq!(render::set(&second.tree), set);
}

#[test]
fn typed_configuration_holds_what_was_written() {
    let loaded = loaded(BRANCH);
    let Ok(valid) = &loaded.result else { unreachable!("loaded() refuses errors") };
    let config = valid.get();
    assert_eq!(config.system.host_name.as_deref(), Some("fw-branch"));
    assert_eq!(config.interfaces[2].units[0].vlan_id, Some(100));
    assert_eq!(config.security.zones[0].interfaces[0].name, "ge-0/0/0.0");
    assert_eq!(config.security.policies.pairs[0].policies[0].applications.len(), 3);
    assert_eq!(config.security.policies.global[0].to_zones, ["trust", "dmz"]);
    assert_eq!(config.security.nat_source.rule_sets[0].rules.len(), 2);
    assert!(
        matches!(&config.routing_options.ribs[0].static_routes[0].action, StaticAction::NextHops(hops) if hops.len() == 2)
    );
    assert_eq!(config.applications.applications[0].terms.len(), 2);
    assert_eq!(config.security.flow.tcp_session.tcp_initial_timeout, Some(30));
}

#[test]
fn covered_paths_are_the_enforced_marks() {
    let enforced = |m| matches!(m, ravelin_schema::Mark::Enforced | ravelin_schema::Mark::Presence);
    let grammar = ravelin_schema::grammar();
    let mut marks: Vec<String> =
        grammar.marked().filter(|(_, r)| enforced(r.mark)).map(|(id, _)| grammar.path(id)).collect();
    marks.sort();
    let covered = ravelin_model::covered();
    let missing: Vec<&String> = marks.iter().filter(|m| !covered.contains(m)).collect();
    let extra: Vec<&String> = covered.iter().filter(|c| !marks.contains(c)).collect();
    // `family inet` of an interface-level list entry is lowered as a presence; flatten and list share paths.
    assert!(
        missing.is_empty() && extra.is_empty(),
        "marked but not lowered: {missing:#?}\nlowered but not marked: {extra:#?}"
    );
}

#[test]
fn what_does_not_resolve_is_refused() {
    let p = "security policies from-zone trust to-zone untrust policy web-out";
    refused(
        &[&format!("set {p} match source-address nobody")],
        &["address or address-set `nobody' is not defined", "can't be combined"],
    );
    refused(&[&format!("set {p} match application nothing")], &["`nothing' is not defined"]);
    refused(&[&format!("delete {p} then permit")], &["missing mandatory statement: 'then'"]);
    refused(&[&format!("delete {p} match application")], &["missing mandatory statement: 'application'"]);
    refused(&[&format!("set {p} then deny")], &["only one of"]);
    refused(&["delete security zones security-zone dmz"], &["zone `dmz' is not defined"]);
    refused(&["set security zones security-zone dmz interfaces ge-0/0/0"], &["already in zone `trust'"]);
    refused(
        &["set security zones security-zone dmz interfaces ge-0/0/9.0"],
        &["must be configured under [edit interfaces]"],
    );
    refused(&["set interfaces ge-0/0/0 unit 7"], &["only unit 0"]);
    refused(&["delete interfaces ge-0/0/2 vlan-tagging"], &["vlan-id needs vlan-tagging"]);
    refused(&["set interfaces ge-0/0/1 unit 0 family inet address 10.0.1.1/24"], &["address is also on"]);
    refused(&["delete security nat source rule-set out from"], &["missing mandatory statement: 'from'"]);
    refused(&["set applications application junos-http protocol tcp"], &["is predefined"]);
    refused(&["set applications application-set mail-in application-set mail-in"], &["contains itself"]);
}

#[test]
fn what_is_not_enforced_is_refused_by_path_and_place() {
    let text = "system {\n    host-name a;\n    domain-name b.example;\n}\nrouting-instances {\n    r { instance-type vrf; }\n}\napply-groups x;\n";
    let errors = load(text).result.err().unwrap_or_default();
    let lines: Vec<String> = errors.iter().map(|e| e.line("f")).collect();
    assert_eq!(
        lines,
        [
            "f:3:5: system domain-name b.example: statement not supported",
            "f:6:9: routing-instances r instance-type: statement not supported: a vrf needs BGP; virtual-router is one without",
            "f:8:14: apply-groups: configuration group `x' is not defined",
        ]
    );
}

#[test]
fn unknown_words_are_syntax_errors_with_a_suggestion_and_all_are_told() {
    let text = "system {\n    host-nam a;\n}\nsecurity {\n    zones {\n        security-zone t {\n            tcp-rts;\n        }\n    }\n}\n";
    let errors = load(text).result.err().unwrap_or_default();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert_eq!(errors[0].line("f"), "f:2:5: system: syntax error, unknown statement `host-nam'");
    assert_eq!(errors[0].hint.as_deref(), Some("did you mean `host-name'?"));
    assert_eq!(errors[1].span.line, 7);
}

#[test]
fn values_are_checked_where_they_stand() {
    let text = "security { flow { tcp-session { tcp-initial-timeout 3; } } }\ninterfaces { ge-0/0/0 { unit 0 { family inet { address 10.0.0.300/24; } } } }\n";
    let errors = load(text).result.err().unwrap_or_default();
    assert!(errors.iter().any(|e| e.message == "value 3 is not within range (4..300)"), "{errors:?}");
    assert!(errors.iter().any(|e| e.message == "invalid prefix `10.0.0.300/24'"), "{errors:?}");
}

#[test]
fn inactive_statements_are_kept_and_not_enforced() {
    let tree = edited(
        BRANCH,
        &[
            "deactivate security policies from-zone trust to-zone untrust policy no-telnet",
            "deactivate security flow",
        ],
    );
    let text = render::text(&tree);
    assert!(text.contains("            inactive: policy no-telnet {"), "{text}");
    let again = loaded(&text);
    assert_eq!(again.tree, tree);
    assert_eq!(loaded(&render::set(&tree)).tree, tree);
    let Ok(valid) = again.result else { unreachable!("loaded() refuses errors") };
    assert_eq!(valid.get().security.policies.pairs[0].policies.len(), 1);
    assert!(!valid.get().security.flow.tcp_session.no_syn_check);
}

#[test]
fn edits_move_rename_and_copy_entries() {
    let tree = edited(
        BRANCH,
        &[
            "insert security policies from-zone trust to-zone untrust policy no-telnet before policy web-out",
            "rename security zones security-zone dmz to security-zone lan2",
            "copy applications application smtp-alt to application smtp-new",
            "delete security address-book global address-set all-inside address v6",
        ],
    );
    let text = render::text(&tree);
    let at = |s: &str| text.find(s).unwrap_or_else(|| panic!("no {s} in {text}"));
    assert!(at("policy no-telnet") < at("policy web-out"));
    assert!(at("security-zone lan2") > 0 && at("application smtp-new") > 0);
}

#[test]
fn compare_shows_what_changed_under_its_path() {
    let old = load(BRANCH).tree;
    let new = edited(
        BRANCH,
        &["set system host-name fw2", "delete security flow", "set security zones security-zone dmz tcp-rst"],
    );
    let want = "\
[edit system]
-   host-name fw-branch;
+   host-name fw2;
[edit security]
-   flow {
-       tcp-session {
-           no-syn-check;
-           tcp-initial-timeout 30;
-       }
-   }
[edit security zones security-zone dmz]
+     tcp-rst;
";
    assert_eq!(diff(&old, &new), want);
    assert_eq!(diff(&old, &old), "");
}

#[test]
fn crlf_tabs_comments_and_latin1_are_read() {
    let bytes = b"## Last changed: x\r\nsystem {\r\n\t/* caf\xe9 */\r\n\thost-name a; # note\r\n}\r\n";
    let loaded = loaded(&ravelin_syntax::decode(bytes));
    assert_eq!(render::text(&loaded.tree), "system {\n    /* caf\u{e9} */\n    host-name a;\n}\n");
}

#[test]
fn archival_needs_a_directory_and_something_to_send() {
    const ARCHIVAL: &str = "set system archival configuration";
    let site = |site: &str| format!("{ARCHIVAL} archive-sites \"{site}\"");
    let path = "system archival configuration";
    refused(&[&format!("{ARCHIVAL} transfer-on-commit")], &["missing mandatory statement: `archive-sites'"]);
    refused(&[&site("/var/x")], &["archive-sites needs `transfer-on-commit' or `transfer-interval'"]);
    let url = "tftp://192.0.2.1/x";
    refused(
        &[&site(url)],
        &[&format!("{path} archive-sites {url}: archive site `tftp://' is not supported")],
    );
    refused(&[&site("var/x")], &["invalid archive site `var/x'"]);
    refused(
        &[&format!("{} password \"$9$x\"", site("scp://u@192.0.2.1/x"))],
        &["archive-sites scp://u@192.0.2.1/x password <secret>: invalid encrypted secret"],
    );
}

#[test]
fn protected_statements_can_not_be_deleted() {
    let mut tree = edited(BRANCH, &["protect security zones security-zone dmz"]);
    let dmz = "security zones security-zone dmz";
    for line in [
        format!("delete {dmz}"),
        "delete security".into(),
        format!("delete {dmz} interfaces"),
        "delete".into(),
    ] {
        assert!(ravelin_schema::apply(&mut tree, &[], &line).is_err(), "{line}");
    }
    assert!(ravelin_schema::apply(&mut tree, &[], &format!("unprotect {dmz}")).is_ok());
    assert!(ravelin_schema::apply(&mut tree, &[], &format!("delete {dmz}")).is_ok());
}

#[test]
fn tags_of_a_load_have_nothing_to_change_in_a_whole_configuration() {
    let tree = load("system {\n    replace: host-name a;\n    delete: domain-name;\n}\n").tree;
    assert_eq!(render::text(&tree), "system {\n    host-name a;\n}\n");
}

#[test]
fn a_diagnostic_shows_its_line_and_as_json() {
    let text = "system {\n    host-nam a;\n}\n";
    let errors = load(text).result.err().unwrap_or_default();
    let caret = errors[0].caret("f", text);
    assert!(caret.contains("2 |     host-nam a;\n  |     ^^^^^^^^\n"), "{caret}");
    assert_eq!(
        ravelin_syntax::diagnostic::json(&errors),
        "[{\"severity\":\"error\",\"path\":\"system\",\"line\":2,\"column\":5,\
         \"message\":\"syntax error, unknown statement `host-nam'\",\"hint\":\"did you mean `host-name'?\"}]"
    );
}

#[test]
fn errors_stand_at_the_word_and_name_both_places() {
    let text = "\
interfaces {
    ge-0/0/0 { unit 0 { family inet { address 10.0.0.1/24; } } }
    ge-0/0/1 { unit 0 { family inet { address 10.0.0.1/24; } } }
}
security {
    zones {
        security-zone a { interfaces { ge-0/0/0.0; } }
        security-zone b { interfaces { ge-0/0/0.0; } }
    }
    policies {
        from-zone a to-zone b {
            policy p {
                match { source-address any; destination-address [ any-ipv4 nobody ]; application nothing; }
                then { permit; deny; }
            }
        }
    }
}
";
    let errors = load(text).result.err().unwrap_or_default();
    let at = |message: &str| {
        let found = errors.iter().find(|e| e.message.contains(message));
        let found = found.unwrap_or_else(|| panic!("no `{message}' in {errors:#?}"));
        let related: Vec<_> = found.related.iter().map(|(span, _)| (span.line, span.column)).collect();
        (found.span.line, found.span.column, related)
    };
    assert_eq!(at("address is also on"), (3, 39, vec![(2, 39)]));
    assert_eq!(at("already in zone `a'"), (8, 40, vec![(7, 40)]));
    assert_eq!(at("only one of 'permit'"), (14, 32, vec![(14, 24)]));
    let text = text.replace("permit; deny;", "permit;");
    let errors = load(&text).result.err().unwrap_or_default();
    let place = |message: &str| errors.iter().find(|e| e.message.contains(message)).map(|e| e.span.column);
    assert_eq!(place("`nobody' is not defined"), Some(76));
    assert_eq!(place("`nothing' is not defined"), Some(98));
    let clash = errors.iter().find(|e| e.message.contains("already in zone")).expect("still there");
    assert_eq!(
        clash.caret("f", &text),
        "\
error: interface `ge-0/0/0.0' is already in zone `a'
 --> f:8:40
  |
8 |         security-zone b { interfaces { ge-0/0/0.0; } }
  |                                        ^^^^^^^^^^
note: it is in a zone here
 --> f:7:40
  |
7 |         security-zone a { interfaces { ge-0/0/0.0; } }
  |                                        ^^^^^^^^^^
  in [edit security zones security-zone b interfaces ge-0/0/0.0]
"
    );
}

#[test]
fn deep_nesting_and_open_braces_are_errors() {
    let deep = "a { ".repeat(100_000);
    assert!(load(&deep).result.is_err());
    assert!(load(&format!("system {}", "}".repeat(1000))).result.is_err());
    assert!(load(&"apply-macro { ".repeat(5000)).result.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(256), ..ProptestConfig::default() })]
    #[test]
    fn any_text_is_answered(text in "(?s).{0,300}") {
        let _ = load(&text);
    }

    #[test]
    fn damaged_set_lines_are_answered(cut in 0..4000usize, put in "[{};\\[\\]\"# a-z\n]{0,4}", drop in 0usize..40) {
        let mut text = render::set(&load(BRANCH).tree);
        let start = cut.min(text.len());
        let end = (start + drop).min(text.len());
        text.replace_range(start..end, &put);
        let loaded = load(&text);
        if loaded.result.is_ok() {
            prop_assert_eq!(&load(&render::set(&loaded.tree)).tree, &loaded.tree);
        }
    }

    #[test]
    fn damaged_configurations_are_answered(cut in 0..BRANCH.len(), put in "[{};\\[\\]\"# a-z\n]{0,4}", drop in 0usize..40) {
        let mut text = BRANCH.to_owned();
        let end = (cut + drop).min(text.len());
        text.replace_range(cut..end, &put);
        let loaded = load(&text);
        if loaded.result.is_ok() {
            let again = load(&render::text(&loaded.tree));
            prop_assert_eq!(&again.tree, &loaded.tree);
            prop_assert_eq!(&load(&render::set(&loaded.tree)).tree.nodes, &load(&render::set(&again.tree)).tree.nodes);
        }
    }
}

/// A name that is no protocol, port, type or service is an error where it stands, and never matches everything.
#[test]
fn an_application_that_is_not_understood_is_refused() {
    for leaf in
        ["protocol nosuch", "protocol tcp destination-port nosuch", "protocol tcp destination-port 70000"]
    {
        let text = format!("set applications application a {leaf}");
        assert!(load(&text).result.is_err(), "{text}");
    }
    let policy = "set security policies global policy p match source-address any\n\
                  set security policies global policy p match destination-address any\n\
                  set security policies global policy p then permit\n\
                  set security policies global policy p match application ";
    let errors = |name: &str| load(&format!("{policy}{name}")).result.err().map_or(0, |errors| errors.len());
    assert_eq!(errors("junos-ssh"), 0);
    assert!(errors("nosuch") > 0 && errors("\"\"") > 0);
    // A policy that says neither permit nor deny is none (S1).
    let silent = policy.replace("set security policies global policy p then permit\n", "");
    assert!(load(&format!("{silent}any")).result.is_err());
}
