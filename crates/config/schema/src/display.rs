//! A configuration as it is shown: `| display set`, `xml`, `json`, `inheritance`, `detail`, below a path or whole.
//!
//! Spec: language-17..24, language-39, language-71, language-72.

use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Children, Comments, Tree, Word, render};

use crate::grammar::{Rule, RuleId, grammar};
use crate::groups::{Situation, effective};
use crate::path::{self, Path};
use crate::value::{ValueType, Values};
use crate::{json, xml};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    #[default]
    Text,
    /// Text, without what is in statements that `apply-flags omit` marks.
    Omitting,
    Set,
    /// `set` lines that begin at the path.
    SetRelative,
    Xml,
    Json,
    /// Text, and above every statement what it is and takes.
    Detail,
}

/// Whether groups are expanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inherit {
    #[default]
    AsWritten,
    /// In text the group is told above what it gave.
    Told,
    Silent,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub form: Form,
    pub inherit: Inherit,
}

/// What stands at a path, shown; `None` when nothing does. Text shows what is in a level, the other forms the way to
/// it too.
#[must_use]
pub fn display(tree: &Tree, path: &[String], view: View, at: impl Into<Situation>) -> Option<String> {
    if view.inherit == Inherit::AsWritten {
        return shown(tree, path, view, &[]);
    }
    let effective = effective(tree, at);
    let expanded;
    // Nothing applied: what is not in force is still in it.
    let tree = match effective.groups.is_empty() {
        true => {
            expanded = Tree { nodes: effective.tree.active().map(in_force).collect() };
            &expanded
        }
        false => &*effective.tree,
    };
    shown(tree, path, view, &effective.groups)
}

fn in_force(node: &Node) -> Node {
    Node { children: node.active().map(in_force).collect(), ..node.clone() }
}

fn shown(tree: &Tree, path: &[String], view: View, groups: &[String]) -> Option<String> {
    let words: Vec<Word> = path.iter().map(Word::new).collect();
    let resolved = path::resolve(&words).ok()?;
    let text = |notes: Option<render::Notes<'_>>| {
        let nodes = level(tree, &resolved)?;
        Some(notes.map_or_else(|| render::nodes(&nodes, 0), |notes| render::noted(&nodes, notes)))
    };
    let part = || if path.is_empty() { Some(tree.clone()) } else { with_way(&tree.nodes, &resolved) };
    match view.form {
        Form::Text if view.inherit == Inherit::Told => {
            level(tree, &resolved).map(|nodes| render::inherited(&nodes, groups))
        }
        Form::Text => text(None),
        Form::Omitting => {
            let told: render::Notes<'_> = &|node| render::origins(node, groups);
            let notes = (view.inherit == Inherit::Told).then_some(told);
            level(tree, &resolved).map(|nodes| render::omitting(&nodes, notes, &is_omitted))
        }
        Form::SetRelative => level(tree, &resolved).map(|nodes| render::set_under(&nodes, &[])),
        Form::Detail => text(Some(&detail)),
        Form::Set => part().map(|part| render::set(&part)),
        Form::Xml => part().map(|part| xml::write(&part)),
        Form::Json => part().map(|part| json::write(&part)),
    }
}

/// `apply-flags omit` stands in it.
fn is_omitted(node: &Node) -> bool {
    let mut flags = node.active().filter(|n| n.name == "apply-flags");
    flags.any(|flags| flags.active().any(|flag| flag.name == "omit"))
}

/// What is in a level; of a leaf, itself; of a list, its entries.
fn level(tree: &Tree, path: &Path) -> Option<Vec<Node>> {
    let Some((last, above)) = path.steps.split_last() else { return Some(tree.nodes.clone()) };
    if path.is_list {
        let place = path::follow(&tree.nodes, above, None)?;
        let siblings = if above.is_empty() {
            tree.nodes.as_slice()
        } else {
            &path::at(&tree.nodes, &place.indexes)?.children
        };
        let listed: Vec<Node> = siblings.iter().filter(|n| n.rule == last.rule.0).cloned().collect();
        return (!listed.is_empty()).then_some(listed);
    }
    let place = path::follow(&tree.nodes, &path.steps, None)?;
    let node = path::at(&tree.nodes, &place.indexes)?;
    Some(if node.is_value() { vec![node.clone()] } else { node.children.to_vec() })
}

/// The statement of a path in the levels that lead to it.
fn with_way(nodes: &[Node], path: &Path) -> Option<Tree> {
    let steps = if path.is_list { &path.steps[..path.steps.len() - 1] } else { &path.steps[..] };
    let place = path::follow(nodes, steps, None)?;
    let mut inner = match place.indexes.split_last() {
        Some(_) => vec![path::at(nodes, &place.indexes)?.clone()],
        None => nodes.to_vec(),
    };
    if let (true, Some(list)) = (path.is_list, path.steps.last()) {
        let level = if steps.is_empty() { &mut inner } else { inner[0].children.edit() };
        level.retain(|n| n.rule == list.rule.0);
        if level.is_empty() {
            return None;
        }
    }
    for length in (1..place.indexes.len()).rev() {
        let above = path::at(nodes, &place.indexes[..length])?;
        let bare = Node {
            children: Children::default(),
            args: above.args.clone(),
            comments: Comments::default(),
            ..*above
        };
        inner = vec![Node { children: inner.into(), ..bare }];
    }
    Some(Tree { nodes: inner })
}

/// What a statement is: its help, what it takes, and whether it does anything here.
fn detail(node: &Node) -> Vec<String> {
    let Some(rule) = grammar().rule(RuleId(node.rule)) else { return Vec::new() };
    let mut lines =
        vec![format!("{}: {}", rule.name, if rule.help.is_empty() { "no description" } else { rule.help })];
    lines.extend(limits(rule.first_value()));
    if !rule.supported() {
        lines.push("not supported: a commit refuses it".to_owned());
    }
    vec![lines.join("\n")]
}

/// Type, range, default and unit of a value, a line each.
pub(crate) fn limits(values: &Values) -> Vec<String> {
    let mut lines = Vec::new();
    match &values.kind {
        ValueType::Number { low, high } => lines.push(format!("range: {low} .. {high}")),
        ValueType::Text { low, high } => lines.push(format!("length: {low} .. {high}")),
        ValueType::Words(words) => lines.push(format!("one of: {}", words.join(", "))),
        _ => {}
    }
    lines.extend(values.pattern.map(|p| format!("match: {p}")));
    lines.extend(values.default.map(|d| format!("default: {d}")));
    lines.extend(values.unit.map(|u| format!("unit: {u}")));
    lines
}

/// The word that a table shows for a rule's kind.
#[must_use]
pub fn kind_name(rule: &Rule) -> &'static str {
    match rule.kind {
        Kind::Container => "level",
        Kind::Entry => "list",
        Kind::Leaf => "value",
        Kind::LeafList => "values",
        Kind::Flag => "flag",
        Kind::Opaque => "not detailed",
    }
}
