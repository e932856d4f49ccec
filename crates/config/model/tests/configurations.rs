//! Whole configurations as devices in the field have them: every statement is enforced, kept, or refused by its path.
//!
//! What is refused is listed beside each configuration; without it the rest commits. Spec: language-64, language-65.

use expect_test::{ExpectFile, expect_file};
use ravelin_model::{check_tree_on, report};
use ravelin_schema::{Mark, RuleId, apply, grammar, json, read, xml};
use ravelin_syntax::tree::Node;
use ravelin_syntax::{Diagnostic, Tree, render};

struct Device {
    name: &'static str,
    text: &'static str,
    node: Option<u8>,
    /// What is refused: statements, then values of others.
    refused: ExpectFile,
    /// Commands that take away the values which are refused.
    without: &'static str,
    /// Statements in force that are enforced, at least.
    enforced: usize,
}

fn devices() -> [Device; 8] {
    let cluster = |name, node, refused| Device {
        name,
        text: include_str!("configurations/cluster.conf"),
        node: Some(node),
        refused,
        without: include_str!("configurations/cluster.without"),
        enforced: 120,
    };
    [
        Device {
            name: "branch office",
            text: include_str!("configurations/branch.conf"),
            node: None,
            refused: expect_file!["configurations/branch.refused"],
            without: include_str!("configurations/branch.without"),
            enforced: 150,
        },
        cluster("cluster, first node", 0, expect_file!["configurations/cluster0.refused"]),
        cluster("cluster, second node", 1, expect_file!["configurations/cluster1.refused"]),
        Device {
            name: "edge of a provider",
            text: include_str!("configurations/edge.set"),
            node: None,
            refused: expect_file!["configurations/edge.refused"],
            without: include_str!("configurations/edge.without"),
            enforced: 130,
        },
        Device {
            name: "small, out of its box",
            text: include_str!("configurations/small.conf"),
            node: None,
            refused: expect_file!["configurations/small.refused"],
            without: include_str!("configurations/small.without"),
            enforced: 30,
        },
        Device {
            name: "cluster of a campus",
            text: include_str!("configurations/campus.conf"),
            node: Some(1),
            refused: expect_file!["configurations/campus.refused"],
            without: include_str!("configurations/campus.without"),
            enforced: 80,
        },
        Device {
            name: "data centre with logical systems",
            text: include_str!("configurations/datacentre.set"),
            node: None,
            refused: expect_file!["configurations/datacentre.refused"],
            without: include_str!("configurations/datacentre.without"),
            enforced: 60,
        },
        Device {
            name: "branch with radio and phones",
            text: include_str!("configurations/office.set"),
            node: None,
            refused: expect_file!["configurations/office.refused"],
            without: include_str!("configurations/office.without"),
            enforced: 30,
        },
    ]
}

fn lines(list: &[Diagnostic]) -> Vec<String> {
    list.iter().map(|d| d.line("")).collect()
}

#[test]
fn nothing_of_a_device_is_a_syntax_error() {
    for Device { name, text, .. } in devices() {
        let found = lines(&read(text).diagnostics);
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
    let found: Vec<String> = include_str!("configurations/lines.set")
        .lines()
        .flat_map(|line| {
            lines(&read(line).diagnostics).into_iter().map(move |found| format!("{line}\n{found}"))
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_statement_is_enforced_or_refused_by_name() {
    for Device { name, text, node, refused, enforced, .. } in devices() {
        let tree = read(text).tree;
        let report = report(&tree, node, Vec::new());
        let mut found = String::new();
        for one in &report.refused {
            found.push_str(&format!("{}\n", one.path));
            assert!(one.instead.is_some(), "{name}: nothing is said of `{}'", one.path);
        }
        found.push('\n');
        let rest = check_tree_on(&supported(&tree), node).err().unwrap_or_default();
        rest.iter().for_each(|d| found.push_str(&format!("{}: {}\n", d.path, d.message)));
        refused.assert_eq(&found);
        assert!(report.errors.iter().all(|d| !d.message.contains("syntax error")), "{name}");
        let sum: usize = report.stanzas.values().map(|s| s.enforced).sum();
        assert!(sum >= enforced, "{name}: {sum} enforced");
    }
}

/// The tree without what nothing here enforces.
fn supported(tree: &Tree) -> Tree {
    fn below(nodes: &[Node]) -> Vec<Node> {
        let known = |n: &&Node| grammar().rule(RuleId(n.rule)).is_some_and(|r| r.mark != Mark::Known);
        let cut = |n: &Node| Node { children: below(&n.children).into(), ..n.clone() };
        nodes.iter().filter(known).map(cut).collect()
    }
    Tree { nodes: below(&tree.nodes) }
}

#[test]
fn forms_keep_all_of_it() {
    for Device { name, text, .. } in devices() {
        let tree = read(text).tree;
        for written in [render::text(&tree), xml::write(&tree), json::write(&tree)] {
            let again = read(&written);
            assert!(again.diagnostics.is_empty(), "{name}: {:#?}", lines(&again.diagnostics));
            assert_eq!(render::text(&again.tree), render::text(&tree), "{name}");
        }
    }
}

#[test]
fn the_rest_commits() {
    for Device { name, text, node, without, .. } in devices() {
        let mut tree = supported(&read(text).tree);
        for line in without.lines() {
            let done = apply(&mut tree, &[], line);
            assert!(done.is_ok(), "{name}: {line}: {:#?}", lines(&done.err().unwrap_or_default()));
        }
        let found = check_tree_on(&tree, node).err().unwrap_or_default();
        assert!(found.is_empty(), "{name}: {:#?}", lines(&found));
    }
}

#[test]
fn secrets_of_a_device_are_told_nowhere() {
    let secrets = ["LbHX", "exampleexample"];
    for Device { name, text, node, .. } in devices() {
        let tree = read(text).tree;
        let debug = format!("{tree:?}");
        let found = check_tree_on(&tree, node).err().unwrap_or_default();
        let source: Vec<&str> = text.lines().collect();
        let told: Vec<String> = found.iter().map(|d| d.caret_in("f", &source) + &d.line("f")).collect();
        for secret in secrets {
            assert!(!debug.contains(secret), "{name}: {secret} in debug output");
            let bad = told.iter().find(|line| line.contains(secret));
            assert!(bad.is_none(), "{name}: {bad:?}");
        }
    }
}
