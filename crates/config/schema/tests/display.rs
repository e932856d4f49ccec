//! What a part of a configuration looks like in every form.

use ravelin_schema::{Form, Inherit, View, display, read};

const TEXT: &str = "\
groups { g { system { host-name fw; } } }
apply-groups g;
inactive: snmp { contact x; }
security {
    zones {
        security-zone a { tcp-rst; }
        security-zone b { interfaces { ge-0/0/0.0; } }
    }
}";

#[track_caller]
fn check(path: &str, form: Form, inherit: Inherit, expected: Option<&str>) {
    let tree = read(TEXT).tree;
    let words: Vec<String> = path.split_whitespace().map(str::to_owned).collect();
    assert_eq!(display(&tree, &words, View { form, inherit }, None).as_deref(), expected, "{path}");
}

#[test]
fn a_path_names_a_level_a_list_or_a_leaf() {
    let plain = Inherit::AsWritten;
    check("security zones security-zone a", Form::Text, plain, Some("tcp-rst;\n"));
    check("security zones security-zone a tcp-rst", Form::Text, plain, Some("tcp-rst;\n"));
    check(
        "security zones security-zone",
        Form::Text,
        plain,
        Some(
            "security-zone a {\n    tcp-rst;\n}\nsecurity-zone b {\n    interfaces {\n        ge-0/0/0.0;\n    }\n}\n",
        ),
    );
    check(
        "security zones security-zone a",
        Form::Set,
        plain,
        Some("set security zones security-zone a tcp-rst\n"),
    );
    check(
        "security zones security-zone",
        Form::Set,
        plain,
        Some(
            "set security zones security-zone a tcp-rst\nset security zones security-zone b interfaces ge-0/0/0.0\n",
        ),
    );
    check(
        "security zones security-zone a",
        Form::Xml,
        plain,
        Some(
            "<configuration xmlns:junos=\"http://xml.juniper.net/junos/24.4R1/junos\" xmlns:ravelin=\"urn:ravelin:configuration\">
    <security>
        <zones>
            <security-zone>
                <name>a</name>
                <tcp-rst/>
            </security-zone>
        </zones>
    </security>
</configuration>
",
        ),
    );
    check("security zones security-zone c", Form::Text, plain, None);
    check("system", Form::Text, plain, None);
    check("no such", Form::Set, plain, None);
}

#[test]
fn inheritance_shows_what_is_in_force() {
    check("system", Form::Text, Inherit::Silent, Some("host-name fw;\n"));
    check("system", Form::Set, Inherit::Told, Some("set system host-name fw\n"));
    check(
        "system",
        Form::Text,
        Inherit::Told,
        Some("##\n## 'fw' was inherited from group 'g'\n##\nhost-name fw;\n"),
    );
    check("snmp", Form::Text, Inherit::Silent, None);
    check("groups", Form::Text, Inherit::Silent, None);
    let tree = read("system { inactive: host-name x; domain-name y; }").tree;
    let view = View { form: Form::Set, inherit: Inherit::Silent };
    assert_eq!(display(&tree, &[], view, None).as_deref(), Some("set system domain-name y\n"));
}

#[test]
fn detail_tells_what_a_statement_takes() {
    check(
        "security zones security-zone a",
        Form::Detail,
        Inherit::AsWritten,
        Some("##\n## tcp-rst: Answer denied TCP packets with a reset\n##\ntcp-rst;\n"),
    );
    let tree = read("security { flow { tcp-session { tcp-initial-timeout 30; } } }").tree;
    let words = ["security", "flow", "tcp-session"].map(str::to_owned);
    let view = View { form: Form::Detail, inherit: Inherit::AsWritten };
    let text = display(&tree, &words, view, None).expect("it is there");
    assert!(text.contains("## range: 4 .. 300\n"), "{text}");
}

/// Spec: language-71.
#[test]
fn what_is_marked_is_left_out_and_can_be_had() {
    let text = "system {\n    apply-flags omit;\n    host-name fw;\n}\nsecurity {\n    zones {\n        inactive: security-zone a {\n            \
                apply-flags omit;\n            tcp-rst;\n        }\n        security-zone b {\n            inactive: apply-flags omit;\n            tcp-rst;\n        }\n    }\n}\n";
    let tree = read(text).tree;
    let shown = |path: &str, form| {
        let words: Vec<String> = path.split_whitespace().map(str::to_owned).collect();
        display(&tree, &words, View { form, ..View::default() }, None).expect("a level")
    };
    assert_eq!(shown("", Form::Text), text);
    assert_eq!(
        shown("", Form::Omitting),
        "system { /* OMITTED */ };\nsecurity {\n    zones {\n        inactive: security-zone a { /* OMITTED */ };\n        security-zone b {\n            \
         inactive: apply-flags omit;\n            tcp-rst;\n        }\n    }\n}\n"
    );
    assert_eq!(shown("system", Form::Omitting), "apply-flags omit;\nhost-name fw;\n");
    let grouped = read("groups { g { system { apply-flags omit; host-name fw; } } }\napply-groups g;\n").tree;
    let view = View { form: Form::Omitting, inherit: Inherit::Told };
    let shown = display(&grouped, &["system".to_owned()], view, None);
    assert!(shown.is_some_and(|shown| shown.contains("## 'fw' was inherited from group 'g'")));
}

/// Spec: language-72.
#[test]
fn set_lines_may_begin_at_the_path() {
    let path = "security zones security-zone a";
    check(path, Form::SetRelative, Inherit::AsWritten, Some("set tcp-rst\n"));
    let list = "set security-zone a tcp-rst\nset security-zone b interfaces ge-0/0/0.0\n";
    check("security zones", Form::SetRelative, Inherit::AsWritten, Some(list));
}

/// Statements whose names are words of the language, or of commands, are shown as any are. Each name stands beside the others,
/// so that one taken for a keyword would show something else.
#[test]
fn names_that_are_keywords_are_names() {
    let names = [
        "policy",
        "before",
        "after",
        "to",
        "to-zone",
        "from-zone",
        "match",
        "then",
        "permit",
        "set",
        "detail",
        "display",
    ];
    let zones = ["from-zone", "to-zone", "policy"];
    let mut text = String::new();
    for from in zones {
        for to in zones {
            for name in names {
                let path = format!("security policies from-zone {from} to-zone {to} policy {name}");
                text += &format!("set {path} match source-address {from}-{to}-{name}\n");
                text += &format!("set {path} then deny\n");
            }
        }
    }
    let bound = read(&text);
    assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
    let shown = |path: &str, form| {
        let words: Vec<String> = path.split_whitespace().map(str::to_owned).collect();
        display(&bound.tree, &words, View { form, ..View::default() }, None)
    };
    assert_eq!(shown("", Form::Set).as_deref(), Some(&*text));
    for from in zones {
        for to in zones {
            let pair = format!("security policies from-zone {from} to-zone {to}");
            let own = |line: &&str| line.starts_with(&format!("set {pair} policy "));
            let lines: String = text.lines().filter(own).map(|line| format!("{line}\n")).collect();
            for path in [pair.clone(), format!("{pair} policy")] {
                assert_eq!(shown(&path, Form::Set).as_deref(), Some(&*lines), "{path}");
            }
            for name in names {
                let path = format!("{pair} policy {name}");
                let address = format!("{from}-{to}-{name}");
                let lines = format!("set {path} match source-address {address}\nset {path} then deny\n");
                assert_eq!(shown(&path, Form::Set).as_deref(), Some(&*lines), "{path}");
                let level = format!("match {{\n    source-address {address};\n}}\nthen {{\n    deny;\n}}\n");
                assert_eq!(shown(&path, Form::Text).as_deref(), Some(&*level), "{path}");
                let relative = format!("set match source-address {address}\nset then deny\n");
                assert_eq!(shown(&path, Form::SetRelative).as_deref(), Some(&*relative), "{path}");
                let leaf = shown(&format!("{path} match source-address"), Form::Text);
                assert_eq!(leaf, Some(format!("source-address {address};\n")), "{path}");
                for form in [Form::Xml, Form::Json] {
                    let written = shown(&path, form).unwrap_or_default();
                    assert_eq!(ravelin_syntax::render::set(&read(&written).tree), lines, "{written}");
                }
            }
            assert_eq!(shown(&format!("{pair} policy none"), Form::Set), None);
        }
    }
}
