//! Nothing accepted is ignored: every enforced statement, taken out of a configuration that has them
//! all, changes the program, what the kernel should have or what services do, or is missed by a check.

use std::collections::BTreeSet;

use ravelin_commit::{Proposal, propose};
use ravelin_compile::{IdBook, Resolved};
use ravelin_schema::{RuleId, apply, grammar, read};
use ravelin_syntax::tree::Node;
use ravelin_syntax::{Tree, render};
use ravelin_types::Generation;

const EVERYTHING: &str = include_str!("everything.set");
/// What can't stand beside some of that.
const ZONE_BOOKS: &str = include_str!("zone-books.set");

/// Statements that exclude some of the sample's: what goes, and what comes in its place.
const INSTEAD: &[(&str, &str)] = &[
    ("security flow tcp-session no-syn-check", "security flow tcp-session strict-syn-check"),
    (
        "security policies from-zone a to-zone b policy p1 then count",
        "security policies policy-stats system-wide enable",
    ),
    (
        "security policies from-zone a to-zone b policy p1 then permit destination-address drop-translated",
        "security policies from-zone a to-zone b policy p1 then permit destination-address drop-untranslated",
    ),
    (
        "security policies global policy g1 then permit destination-address drop-translated",
        "security policies global policy g1 then permit destination-address drop-untranslated",
    ),
    (
        "forwarding-options port-mirroring family any",
        "forwarding-options port-mirroring output interface ge-0/0/3",
    ),
    ("forwarding-options port-mirroring instance d disable", "forwarding-options port-mirroring disable"),
    (
        "forwarding-options port-mirroring instance d disable",
        "forwarding-options port-mirroring disable-all-instances",
    ),
    (
        "security flow tcp-session time-wait-state session-timeout",
        "security flow tcp-session time-wait-state session-ageout",
    ),
    ("security flow aging early-ageout", "security flow aging early-aging defaults cutoff-time seconds 25"),
    ("security flow aging early-ageout", "security flow aging early-aging defaults cutoff-time percent 25"),
    ("security application-tracking log-session-create", "security application-tracking first-update"),
    ("security application-tracking log-session-close", "security application-tracking no-volume-updates"),
    ("security application-tracking log-session-close", "security application-tracking disable"),
    (
        "security nat source port-randomization disable",
        "security nat source pool plain port range round-robin",
    ),
    (
        "security nat source port-randomization disable",
        "security nat source pool plain port automatic round-robin",
    ),
    (
        "security nat source pool shift host-address-base",
        "security nat source pool-default-port-range 2000 to 60000",
    ),
];

/// As above, of statements that say what is so without them, beside others of their kind.
const SAID: &[(&str, &str)] = &[
    (
        "firewall family inet filter f4 term m then discard",
        "firewall family inet filter f4 term m then accept",
    ),
    (
        "firewall family inet filter f4 term r0 then reject network-unreachable",
        "firewall family inet filter f4 term r0 then reject administratively-prohibited",
    ),
    (
        "firewall family inet6 filter f6 term m then discard",
        "firewall family inet6 filter f6 term m then accept",
    ),
    (
        "firewall family inet6 filter f6 term r0 then reject no-route",
        "firewall family inet6 filter f6 term r0 then reject administratively-prohibited",
    ),
    (
        "security nat source interface port-overloading-factor",
        "security nat source interface port-overloading off",
    ),
    ("firewall filter g4 term m then discard", "firewall filter g4 term m then accept"),
    (
        "firewall filter g4 term r0 then reject network-unreachable",
        "firewall filter g4 term r0 then reject administratively-prohibited",
    ),
];

/// Text for people.
fn is_shown_only(path: &str) -> bool {
    path.ends_with("description")
}

/// `None`: the configuration does not commit.
fn proposal(tree: &Tree) -> Option<Proposal> {
    let valid = ravelin_model::check_tree(tree).ok()?;
    let resolved = Resolved::virtual_ports(&valid);
    propose(&valid, resolved, &mut IdBook::default(), Generation(1)).ok()
}

fn edited(tree: &Tree, lines: &[&str]) -> Tree {
    let mut tree = tree.clone();
    for line in lines {
        apply(&mut tree, &[], line).unwrap_or_else(|e| panic!("{line}: {e:?}"));
    }
    tree
}

fn paths(nodes: &[Node], out: &mut BTreeSet<String>) {
    for node in nodes {
        out.insert(grammar().path(RuleId(node.rule)));
        paths(&node.children, out);
    }
}

#[test]
fn the_sample_has_every_enforced_statement() {
    let mut here = BTreeSet::new();
    let whole = read(EVERYTHING).tree;
    paths(&whole.nodes, &mut here);
    paths(&read(ZONE_BOOKS).tree.nodes, &mut here);
    for (gone, instead) in INSTEAD.iter().chain(SAID) {
        paths(&edited(&whole, &[&format!("delete {gone}"), &format!("set {instead}")]).nodes, &mut here);
    }
    let missing: Vec<_> =
        ravelin_model::covered().into_iter().filter(|p| !here.contains(p) && !is_shown_only(p)).collect();
    assert!(missing.is_empty(), "not in everything.set: {missing:#?}");
}

/// Lines without which nothing changes.
fn ignored(whole: &Tree) -> Vec<String> {
    let base = proposal(whole).unwrap_or_else(|| {
        panic!("the sample does not commit: {:#?}", ravelin_model::check_tree(whole).err())
    });
    let mut ignored = Vec::new();
    for line in render::set(whole).lines() {
        let words = line.strip_prefix("set ").unwrap_or_else(|| panic!("not a set line: {line}"));
        let without = edited(whole, &[&format!("delete {words}")]);
        assert_ne!(without, *whole, "{line}");
        let same = proposal(&without).is_some_and(|less| {
            less.program.digest() == base.program.digest()
                && less.desired == base.desired
                && less.services == base.services
                && less.log == base.log
                && less.dynamic == base.dynamic
        });
        if same {
            ignored.push(line.to_owned());
        }
    }
    ignored
}

#[test]
fn every_enforced_statement_changes_what_is_enforced() {
    let whole = read(EVERYTHING).tree;
    let base = proposal(&whole).expect("everything.set commits");
    let mut ignored = ignored(&whole);
    ignored.extend(self::ignored(&read(ZONE_BOOKS).tree));
    for (gone, instead) in INSTEAD {
        let without = edited(&whole, &[&format!("delete {gone}")]);
        let with = edited(&without, &[&format!("set {instead}")]);
        let (less, more) = (proposal(&without), proposal(&with));
        assert!(less.is_some() && more.is_some(), "{instead} does not commit");
        if less.map(|p| p.program.digest()) == more.map(|p| p.program.digest()) {
            ignored.push((*instead).to_owned());
        }
    }
    for (gone, instead) in SAID {
        let with = edited(&whole, &[&format!("delete {gone}"), &format!("set {instead}")]);
        let with = proposal(&with).unwrap_or_else(|| panic!("{instead} does not commit"));
        assert_ne!(with.program.digest(), base.program.digest(), "{instead}");
    }
    assert!(ignored.is_empty(), "accepted and without any effect: {ignored:#?}");
}

/// The configuration of the sample with everything in a group, inherited at the top.
fn inherited() -> String {
    let mut text = String::new();
    for line in EVERYTHING.lines().filter(|l| l.starts_with("set ")) {
        text.push_str(&format!("set groups g {}\n", line.trim_start_matches("set ")));
    }
    text + "set apply-groups g\n"
}

#[test]
fn what_a_group_gives_is_enforced_as_if_it_were_written() {
    let own = proposal(&read(EVERYTHING).tree).expect("everything.set commits");
    let bound = read(&inherited());
    assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
    let group = proposal(&bound.tree).unwrap_or_else(|| {
        panic!("it does not commit from a group: {:#?}", ravelin_model::check_tree(&bound.tree).err())
    });
    assert_eq!(group.program.digest(), own.program.digest());
    assert_eq!(group.desired, own.desired);
}

#[test]
fn every_statement_of_a_group_changes_what_is_enforced() {
    let whole = read(&inherited()).tree;
    let base = proposal(&whole).expect("everything.set commits from a group");
    let mut ignored = Vec::new();
    for line in render::set(&whole).lines().filter_map(|l| l.strip_prefix("set groups g ")) {
        let mut without = whole.clone();
        apply(&mut without, &[], &format!("delete groups g {line}"))
            .unwrap_or_else(|e| panic!("{line}: {e:?}"));
        let same = proposal(&without).is_some_and(|less| {
            less.program.digest() == base.program.digest()
                && less.desired == base.desired
                && less.services == base.services
                && less.log == base.log
                && less.dynamic == base.dynamic
        });
        if same {
            ignored.push(line.to_owned());
        }
    }
    assert!(ignored.is_empty(), "accepted in a group and without any effect: {ignored:#?}");
}
