//! `interface-range`: what several interfaces have in common, written once.
//!
//! Junos: `interfaces interface-range <name> { member ..; member-range .. to ..; ... }`. Expanded behind groups; an
//! interface's own statements, and those that groups gave it, win over the range's, an earlier range over a later one.
//! Spec: language-67..70.

use std::collections::HashSet;

use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Args, Diagnostic, Span, Text, Tree, Word};

use super::{identity, wildcard};
use crate::grammar::{RuleId, grammar};

/// Interfaces of one range.
const RANGE_MEMBERS_MAX: usize = 1024;

/// What an origin of a range is called among those of groups.
pub(super) const NAME: &str = "interface-range ";

/// A range, as far as it is known.
struct Range<'a> {
    node: &'a Node,
    members: Vec<(String, Span)>,
    origin: u16,
}

/// Puts what ranges say into their members; ranges themselves go. Their names come behind those of groups.
pub(super) fn expand(tree: &mut Tree, groups: &mut Vec<String>, diagnostics: &mut Vec<Diagnostic>) {
    let rule = grammar().by_path("interfaces interface-range");
    let interface = grammar().by_path("interfaces <>");
    let (Some(rule), Some(interface)) = (rule, interface) else { return };
    for level in tree.nodes.iter_mut().filter(|n| n.name == "interfaces") {
        let is_range = |n: &Node| n.rule == rule.0;
        if !level.children.iter().any(is_range) {
            continue;
        }
        let all = std::mem::take(&mut level.children);
        let (ranges, mut out): (Vec<Node>, Vec<Node>) = all.into_iter().partition(is_range);
        let names: Vec<Text> =
            out.iter().flat_map(|n| n.args.first()).map(|word| word.text.clone()).collect();
        for node in ranges.iter().filter(|n| !n.inactive) {
            let name = node.args.first().map_or("", |w| w.text.as_str());
            groups.push(format!("{NAME}{name}"));
            let origin = u16::try_from(groups.len()).unwrap_or(u16::MAX);
            let members = members(node, &names, diagnostics);
            Range { node, members, origin }.give(interface, &mut out);
        }
        out.sort_by_key(|n| n.rule);
        level.children = out.into();
    }
}

impl Range<'_> {
    fn give(&self, interface: RuleId, out: &mut Vec<Node>) {
        let Self { node, members, origin } = self;
        let given: Vec<Node> = node.children.iter().filter(|n| !is_member(n)).cloned().collect();
        for (name, span) in members {
            let is_it = |n: &Node| n.args.first().is_some_and(|w| w.text.as_str() == name);
            let at = out.iter().position(is_it).unwrap_or_else(|| {
                let mut made = grammar().node(interface, *span);
                made.args = Args::one(Word { span: *span, ..Word::new(name.as_str()) });
                made.origin = *origin;
                out.push(made);
                out.len() - 1
            });
            inherit(out[at].children.edit(), &given, *origin);
        }
    }
}

fn is_member(node: &Node) -> bool {
    node.name == "member" || node.name == "member-range"
}

/// Adds what is not there; values of a list are put together.
fn inherit(own: &mut Vec<Node>, given: &[Node], origin: u16) {
    for more in given {
        match own.iter_mut().find(|n| identity(n) == identity(more)) {
            None => own.push(from(more, origin)),
            Some(known) if matches!(known.kind, Kind::Container | Kind::Entry) => {
                inherit(known.children.edit(), &more.children, origin);
            }
            Some(known) if known.kind == Kind::LeafList => {
                known.args.change(|args| super::values(args, &more.args, origin));
            }
            Some(_) => {}
        }
    }
    own.sort_by_key(|n| n.rule);
}

/// What a group gave a range stays the group's.
fn from(node: &Node, origin: u16) -> Node {
    let mut out = node.clone();
    if out.origin == 0 {
        out.origin = origin;
        let list = out.kind == Kind::LeafList;
        out.args.iter_mut().filter(|w| list && w.origin == 0).for_each(|w| w.origin = origin);
    }
    if !out.children.is_empty() {
        out.children.iter_mut().for_each(|n| *n = from(n, origin));
    }
    out
}

/// The interfaces of a range, each once.
fn members(range: &Node, configured: &[Text], diagnostics: &mut Vec<Diagnostic>) -> Vec<(String, Span)> {
    let path = format!("interfaces interface-range {}", range.args.first().map_or("", |w| &w.text));
    let mut told = |at: Span, below: &str, message: String| {
        let path = if below.is_empty() { path.clone() } else { format!("{path} {below}") };
        diagnostics.push(Diagnostic::error(path, at, message));
    };
    let (mut out, mut known) = (Vec::new(), HashSet::new());
    let listed = range.children.iter().filter(|n| is_member(n));
    let is_empty = range.children.iter().all(|n| !is_member(n));
    for node in listed {
        let words: Vec<&str> = node.args.iter().map(|w| w.text.as_str()).collect();
        let names = match words[..] {
            [pattern] => named(pattern, configured),
            [first, "to", last] => between(first, last),
            _ => continue,
        };
        match names {
            Ok(names) => {
                out.extend(names.into_iter().filter(|n| known.insert(n.clone())).map(|n| (n, node.span)));
            }
            Err(message) => told(node.span, node.name, message),
        }
        if out.len() > RANGE_MEMBERS_MAX {
            told(node.span, "", format!("more than {RANGE_MEMBERS_MAX} members"));
            return Vec::new();
        }
    }
    if is_empty {
        told(range.span, "", "missing mandatory statement: `member' or `member-range'".to_owned());
    }
    out
}

/// `member`: a name; with `"[1-3,5]"` several; with `*` those that are configured.
fn named(pattern: &str, configured: &[Text]) -> Result<Vec<String>, String> {
    if pattern.contains('*') {
        let names = configured.iter().filter(|name| wildcard::matches(&format!("<{pattern}>"), name));
        return Ok(names.map(|name| name.to_string()).collect());
    }
    let Some((before, rest)) = pattern.split_once('[') else { return Ok(vec![pattern.to_owned()]) };
    let invalid = || format!("invalid pattern `{pattern}' of interfaces");
    let (list, after) = rest.split_once(']').ok_or_else(invalid)?;
    let mut out = Vec::new();
    for part in list.split(',') {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u16>().map_err(|_| invalid());
        let (low, high) = (number(low)?, number(high)?);
        if low > high || usize::from(high - low) >= RANGE_MEMBERS_MAX {
            return Err(invalid());
        }
        for number in low..=high {
            out.extend(named(&format!("{before}{number}{after}"), configured)?);
            if out.len() > RANGE_MEMBERS_MAX {
                return Err(format!("more than {RANGE_MEMBERS_MAX} members"));
            }
        }
    }
    Ok(out)
}

/// `member-range ge-0/0/1 to ge-0/0/4`: ports of one slot.
fn between(first: &str, last: &str) -> Result<Vec<String>, String> {
    let port = |name: &str| {
        let (slot, port) = name.rsplit_once('/')?;
        Some((slot.to_owned(), port.parse::<u16>().ok()?))
    };
    let range = port(first).zip(port(last));
    let Some(((slot, low), (_, high))) = range.filter(|((a, low), (b, high))| a == b && low <= high) else {
        return Err(format!(
            "`{first}' to `{last}' is no range; expecting ports of one slot in rising order"
        ));
    };
    if usize::from(high - low) >= RANGE_MEMBERS_MAX {
        return Err(format!("more than {RANGE_MEMBERS_MAX} members"));
    }
    Ok((low..=high).map(|port| format!("{slot}/{port}")).collect())
}
