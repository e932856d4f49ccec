//! `apply-path`: a prefix list of what other statements hold.
//!
//! Junos: `policy-options prefix-list <name> apply-path "interfaces <*> unit <*> family inet address <*>"`.

use std::collections::HashSet;

use ipnet::IpNet;
use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Args, Diagnostic, Text, Tree, Word};

use super::{EXPANSION_MAX, wildcard};
use crate::grammar::{OPAQUE, RuleId, grammar};

/// Puts the prefixes in the place of the paths; the rest of the tree is as it was.
pub(super) fn expand(tree: &mut Tree, diagnostics: &mut Vec<Diagnostic>) {
    let Some(leaf) = grammar().by_path("policy-options prefix-list apply-path") else { return };
    let item = grammar().by_path("policy-options prefix-list <>");
    let mut found: Vec<(usize, usize, Vec<Word>)> = Vec::new();
    let mut work = 0;
    for (at, options) in tree.nodes.iter().enumerate().filter(|(_, n)| n.name == "policy-options") {
        for (list, entry) in options.children.iter().enumerate() {
            let paths = entry.children.iter().filter(|n| n.rule == leaf.0);
            for word in paths.flat_map(|n| n.args.first()) {
                let words: Vec<&str> = word.text.split_whitespace().collect();
                let mut out = Vec::new();
                collect(&tree.nodes, &words, &mut work, &mut out);
                out.iter_mut().for_each(|w| w.span = word.span);
                if words.is_empty() || work > EXPANSION_MAX {
                    let path =
                        format!("policy-options prefix-list {}", entry.args.first().map_or("", |w| &w.text));
                    let message =
                        if words.is_empty() { "it names no statement" } else { "it expands to too much" };
                    diagnostics.push(Diagnostic::error(format!("{path} apply-path"), word.span, message));
                    break;
                }
                found.push((at, list, out));
            }
        }
    }
    for (at, list, prefixes) in found {
        let entry = &mut tree.nodes[at].children[list];
        entry.children.edit().retain(|n| n.rule != leaf.0);
        let Some(item) = item else { continue };
        let listed = entry.children.iter().filter(|n| n.rule == item.0).flat_map(|n| n.args.first());
        let mut known: HashSet<Text> = listed.map(|w| w.text.clone()).collect();
        for prefix in prefixes {
            if known.insert(prefix.text.clone()) {
                let mut node = grammar().node(RuleId(item.0), prefix.span);
                node.args = Args::one(prefix);
                entry.children.edit().push(node);
            }
        }
        entry.children.sort_by_key(|n| n.rule);
    }
}

/// The values that a path of keywords and wildcards ends with, as prefixes.
fn collect(nodes: &[Node], path: &[&str], work: &mut usize, out: &mut Vec<Word>) {
    *work += nodes.len();
    if *work > EXPANSION_MAX {
        return;
    }
    for node in nodes.iter().filter(|n| !n.inactive) {
        let listed =
            node.rule == OPAQUE.0 && path.len() == 2 && node.args.get(1).is_some_and(Word::is_bracket);
        if listed && wildcard::matches(path[0], &node.args[0].text) {
            let values = node.args[1..].iter().filter(|w| !w.is_bracket());
            let fits = values.filter(|w| wildcard::matches(path[1], &w.text));
            out.extend(fits.filter_map(|w| prefix(&w.text)));
            continue;
        }
        if node.kind == Kind::LeafList && path.len() == 2 && node.name == path[0] {
            let fits = node.args.iter().filter(|w| wildcard::matches(path[1], &w.text));
            out.extend(fits.filter_map(|w| prefix(&w.text)));
            continue;
        }
        let words: Vec<&str> = node.head().collect();
        // A statement that the table doesn't detail is one line of words when it came as one.
        let is_line = node.rule == OPAQUE.0 && node.children.is_empty();
        if words.len() > path.len() && !is_line
            || !words.iter().zip(path).all(|(word, p)| wildcard::matches(p, word))
        {
            continue;
        }
        let taken = words.len().min(path.len());
        match (&path[taken..], words[..taken].last()) {
            ([], Some(last)) => out.extend(prefix(last)),
            (rest, _) => collect(&node.children, rest, work, out),
        }
    }
}

/// The network of an address; host bits are cut.
fn prefix(text: &str) -> Option<Word> {
    let net =
        text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))?;
    Some(Word::new(net.trunc().to_string()))
}
