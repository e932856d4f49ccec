//! Nothing accepted is ignored, values neither: every value of a configuration that has every enforced statement,
//! changed to another that commits, changes the program, what the kernel should have or what services do.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_commit::{Proposal, propose};
use ravelin_compile::{IdBook, Resolved};
use ravelin_model::{Checked, check_tree_after};
use ravelin_schema::{RuleId, ValueType, apply, grammar, read};
use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Tree, render};
use ravelin_types::Generation;

const EVERYTHING: &str = include_str!("everything.set");
/// Names tried for one value.
const NAMES_MAX: usize = 114;
/// Values tried that commit.
const TRIES_MAX: usize = 4;

fn proposal(checked: &Checked) -> Option<Proposal> {
    let resolved = Resolved::virtual_ports(&checked.valid);
    propose(&checked.valid, resolved, &mut IdBook::default(), Generation(1)).ok()
}

/// A value and the words that lead to it.
struct Value {
    path: String,
    rule: u32,
    kind: Kind,
    word: String,
}

fn values(nodes: &[Node], path: &[String], out: &mut Vec<Value>, names: &mut BTreeSet<String>) {
    for node in nodes {
        let mut path = path.to_vec();
        path.extend((!node.name.is_empty()).then(|| node.name.to_string()));
        if matches!(node.kind, Kind::Leaf | Kind::LeafList) {
            let value = |word: &ravelin_syntax::Word| Value {
                path: path.join(" "),
                rule: node.rule,
                kind: node.kind,
                word: word.text.to_string(),
            };
            out.extend(node.args.iter().map(value));
        }
        path.extend(node.args.iter().map(|word| render::quote(&word.text)));
        names.extend((node.kind == Kind::Entry).then(|| node.args[0].text.to_string()));
        values(&node.children, &path, out, names);
    }
}

fn bumped(addr: IpAddr, by: u8) -> IpAddr {
    match addr {
        IpAddr::V4(addr) => IpAddr::V4((u32::from(addr) ^ u32::from(by)).into()),
        IpAddr::V6(addr) => IpAddr::V6((u128::from(addr) ^ u128::from(by)).into()),
    }
}

/// Other values that may be right in the place of one.
fn others(value: &Value, names: &BTreeSet<String>) -> Vec<String> {
    let mut out = Vec::new();
    let rule = grammar().rule(RuleId(value.rule));
    match rule.map(|rule| &rule.value.kind) {
        Some(ValueType::Words(words)) => out.extend(words.iter().map(|word| (*word).to_owned())),
        Some(ValueType::Number { low, high }) => out.extend([low, high].map(ToString::to_string)),
        _ => {}
    }
    let digits = value.word.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.word.len());
    let (number, unit) = value.word.split_at(digits);
    if let Ok(number) = number.parse::<u64>() {
        let near = [number + 1, number.saturating_sub(1), number * 2, number / 2];
        out.extend(near.map(|number| format!("{number}{unit}")));
    }
    if let Ok(net) = value.word.parse::<IpNet>() {
        let moved = |by| IpNet::new(bumped(net.addr(), by), net.prefix_len());
        out.extend([1, 2, 4, 8].into_iter().filter_map(|by| moved(by).ok()).map(|net| net.to_string()));
        let length = |length: u8| IpNet::new(net.addr(), length).ok().map(|net| net.trunc());
        out.extend(
            [net.prefix_len() + 1, net.prefix_len().saturating_sub(1)]
                .into_iter()
                .filter_map(length)
                .map(|net| net.to_string()),
        );
    }
    if let Ok(addr) = value.word.parse::<IpAddr>() {
        out.extend([1, 2, 4, 8].map(|by| bumped(addr, by).to_string()));
    }
    out.push(format!("{}x", value.word));
    out.extend(["1", "2"].map(str::to_owned));
    out.extend(names.iter().take(NAMES_MAX).cloned());
    out.retain(|other| *other != value.word);
    out
}

fn with(tree: &Tree, value: &Value, other: &str) -> Option<Tree> {
    let mut out = tree.clone();
    let Value { path, kind, word, .. } = value;
    if *kind == Kind::LeafList {
        apply(&mut out, &[], &format!("delete {path} {}", render::quote(word))).ok()?;
    }
    apply(&mut out, &[], &format!("set {path} {}", render::quote(other))).ok()?;
    Some(out)
}

/// Whether a consumer has something else to do.
fn is_other(a: &Proposal, b: &Proposal) -> bool {
    a.program.digest() != b.program.digest()
        || a.desired != b.desired
        || a.services != b.services
        || a.log != b.log
        || a.dynamic != b.dynamic
}

#[test]
fn every_changed_value_changes_what_is_enforced() {
    let whole = read(EVERYTHING).tree;
    let base = check_tree_after(&whole, None, None).unwrap_or_else(|e| panic!("{e:#?}"));
    let enforced = proposal(&base).expect("everything.set compiles");
    let (mut all, mut names) = (Vec::new(), BTreeSet::new());
    values(&whole.nodes, &[], &mut all, &mut names);
    let (mut ignored, mut untried) = (Vec::new(), Vec::new());
    for value in &all {
        // Text for people; and an instance that may be of another type has no interface: it routes as it did.
        if value.path.ends_with("description") || value.path.ends_with("instance-type") {
            continue;
        }
        let mut changed = others(value, &names).into_iter().filter_map(|other| {
            let tree = with(&whole, value, &other).filter(|tree| *tree != whole)?;
            Some((proposal(&check_tree_after(&tree, None, Some(&base)).ok()?)?, other))
        });
        let (mut tried, mut has_effect) = (None, false);
        for (changed, other) in changed.by_ref().take(TRIES_MAX) {
            has_effect = is_other(&changed, &enforced);
            let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
            // A number may be another word for a name.
            if has_effect || is_number(&value.word) || !is_number(&other) {
                tried = Some(other);
            }
            if has_effect {
                break;
            }
        }
        match tried {
            None => untried.push(format!("{} {}", value.path, value.word)),
            Some(other) if !has_effect => ignored.push(format!("{} {} -> {other}", value.path, value.word)),
            Some(_) => {}
        }
    }
    assert!(ignored.is_empty(), "changed without any effect: {ignored:#?}");
    assert!(untried.len() * 4 <= all.len(), "{} of {} not tried: {untried:#?}", untried.len(), all.len());
}
