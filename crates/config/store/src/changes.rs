//! What leads from one configuration to another, as commands, for the audit: secrets masked.

use std::collections::HashMap;

use ravelin_schema::secret::{announces, is_obscured};
use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Tree, Word, render};

use crate::merge::{Identity, identity};

const MASK: &str = "/* SECRET-DATA */";

/// `delete`, `set`, `activate`, `deactivate`... lines; an order that changed is one `insert` line a level.
#[must_use]
pub fn changes(old: &Tree, new: &Tree) -> Vec<String> {
    let mut found = Found::default();
    found.level(&old.nodes, &new.nodes);
    found.lines
}

/// The line without the values of secrets.
#[must_use]
pub fn mask(line: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let mut secret = false;
    for word in words(line) {
        let hashed = is_obscured(word.trim_start_matches('"'));
        out.push(if secret || hashed { MASK } else { word });
        secret = announces(word);
    }
    out.join(" ")
}

/// The statement as the audit may show it: what the table types a secret is not in it.
fn masked(node: &Node) -> Node {
    let word = |w: &Word| if w.secret { Word::new(MASK) } else { w.clone() };
    let children = node.children.iter().map(masked).collect();
    Node { args: node.args.iter().map(word).collect(), children, ..node.clone() }
}

fn masked_head(node: &Node) -> impl Iterator<Item = String> {
    let name = (!node.name.is_empty()).then(|| node.name.to_string());
    name.into_iter()
        .chain(node.args.iter().map(|w| if w.secret { MASK.to_owned() } else { w.text.to_string() }))
}

/// A mask is no word of the configuration: nobody is to take it for one.
fn line(text: &str) -> String {
    mask(text).replace(&format!("\"{MASK}\""), MASK)
}

#[derive(Default)]
struct Found {
    lines: Vec<String>,
    /// Words of the level, as they are.
    path: Vec<String>,
}

impl Found {
    /// Equal statements at the beginning and end of a level are passed over, so that a small change of a large
    /// configuration costs little.
    fn level(&mut self, old: &[Node], new: &[Node]) {
        let same = |(a, b): &(&Node, &Node)| a == b;
        let front = old.iter().zip(new).take_while(same).count();
        let (old, new) = (&old[front..], &new[front..]);
        let back = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
        let (old, new) = (&old[..old.len() - back], &new[..new.len() - back]);
        let index = |nodes: &[Node]| -> HashMap<Identity, usize> {
            nodes.iter().enumerate().map(|(at, node)| (identity(node), at)).collect()
        };
        let (before, after) = (index(old), index(new));
        for node in old.iter().filter(|node| !after.contains_key(&identity(node))) {
            self.whole(node, true);
        }
        let mut order = Vec::new();
        for node in new {
            match before.get(&identity(node)) {
                None => self.whole(node, false),
                Some(&at) => {
                    order.push(at);
                    if old[at] != *node {
                        self.both(&old[at], node);
                    }
                }
            }
        }
        if !order.is_sorted() {
            let words: Vec<String> = self.path.iter().map(|word| render::quote(word)).collect();
            self.lines.push(format!("insert {}: another order", words.join(" ")));
        }
    }

    /// A statement that came, with all that is in it, or that went, in one line: what was in it is in the history.
    fn whole(&mut self, node: &Node, gone: bool) {
        if gone && !node.is_value() {
            let node = masked(node);
            let words = self.path.iter().map(String::as_str).chain(node.head()).map(render::quote);
            return self.lines.push(line(&format!("delete {}", words.collect::<Vec<_>>().join(" "))));
        }
        let lines = render::set_under(&[masked(node)], &self.path);
        let undone = |text: &str| text.strip_prefix("set ").map(|rest| format!("delete {rest}"));
        // What is deleted needs no activation.
        let lines = lines.lines().filter_map(|text| if gone { undone(text) } else { Some(text.to_owned()) });
        self.lines.extend(lines.map(|text| line(&text)));
    }

    /// A statement that is there before and after, and not the same.
    fn both(&mut self, old: &Node, new: &Node) {
        if old.kind == Kind::LeafList && new.kind == Kind::LeafList {
            let without = |node: &Node, other: &Node| {
                let args = node.args.iter().filter(|word| !other.args.contains(word)).cloned().collect();
                Node { args, inactive: false, protect: false, ..node.clone() }
            };
            let (gone, come) = (without(old, new), without(new, old));
            for (node, gone) in [(gone, true), (come, false)] {
                if !node.args.is_empty() {
                    self.whole(&node, gone);
                }
            }
        } else if old.is_value() && !old.same_head(new) {
            self.whole(old, true);
            self.whole(&Node { inactive: false, protect: false, ..new.clone() }, false);
        }
        let mark = self.path.len();
        self.path.extend(masked_head(new));
        let words: Vec<String> = self.path.iter().map(|word| render::quote(word)).collect();
        let flags = [
            (old.inactive, new.inactive, "activate", "deactivate"),
            (old.protect, new.protect, "unprotect", "protect"),
        ];
        for (was, is, off, on) in flags {
            if was != is {
                self.lines.push(line(&format!("{} {}", if is { on } else { off }, words.join(" "))));
            }
        }
        if old.comments != new.comments {
            self.lines.push(line(&format!("annotate {}", words.join(" "))));
        }
        self.level(&old.children, &new.children);
        self.path.truncate(mark);
    }
}

/// Words as `set` lines have them: parted by a space, one in quotes may hold spaces.
fn words(line: &str) -> Vec<&str> {
    let (mut out, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                out.push(&line[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(&line[start..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::tests::{edits, put, sorted};
    use proptest::prelude::*;

    fn tree(text: &str) -> Tree {
        let bound = ravelin_schema::read(text);
        assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
        bound.tree
    }

    #[track_caller]
    fn check(old: &str, new: &str, expected: &[&str]) {
        assert_eq!(changes(&tree(old), &tree(new)), expected);
        assert_eq!(changes(&tree(new), &tree(new)), Vec::<String>::new());
    }

    const APPS: &str = "set applications application a protocol 1\n\
        set applications application b protocol 2\n\
        set applications application c protocol 3\n";

    #[test]
    fn changes_are_commands() {
        check(
            "set system host-name a\nset interfaces ge-0/0/0 disable",
            "set system host-name b\nset interfaces ge-0/0/0 disable\ndeactivate interfaces ge-0/0/0",
            &["delete system host-name a", "set system host-name b", "deactivate interfaces ge-0/0/0"],
        );
        check(
            APPS,
            &APPS.replace("protocol 2", "protocol 9"),
            &["delete applications application b protocol 2", "set applications application b protocol 9"],
        );
        check(
            APPS,
            &format!("{APPS}set applications application d description \"x y\""),
            &["set applications application d description \"x y\""],
        );
        check(
            &format!("{APPS}deactivate applications application c"),
            &APPS.replace("set applications application c protocol 3\n", ""),
            &["delete applications application c"],
        );
        check(
            APPS,
            &format!("{APPS}insert applications application c before a"),
            &["insert applications: another order"],
        );
        let list = "set security zones security-zone z host-inbound-traffic system-services";
        check(
            &format!("{list} ssh\n{list} ping"),
            &format!("{list} ping\n{list} http"),
            &[
                "delete security zones security-zone z host-inbound-traffic system-services ssh",
                "set security zones security-zone z host-inbound-traffic system-services http",
            ],
        );
    }

    #[test]
    fn what_the_table_types_a_secret_is_masked_whatever_its_keyword() {
        let old = "system { root-authentication { encrypted-password \"$6$a$old\"; } }\n\
            security { ike { policy p { pre-shared-key ascii-text topmost; } } }\n\
            protocols { bgp { authentication-key quiet; } }";
        let new = old.replace("$old", "$new").replace("topmost", "other").replace("quiet", "loud");
        let trees = [old, &new, ""].map(|text| ravelin_schema::read(text).tree);
        for (from, to) in [(0, 1), (1, 0), (2, 0), (0, 2)] {
            let lines = changes(&trees[from], &trees[to]).join("\n");
            let told =
                ["old", "new", "topmost", "other", "quiet", "loud"].iter().find(|w| lines.contains(**w));
            assert_eq!(told, None, "{lines}");
            assert!(!lines.contains("*/ SECRET"), "each once: {lines}");
            assert!(from != 0 || to != 1 || lines.matches(MASK).count() == 6, "{lines}");
        }
    }

    #[test]
    fn secrets_are_masked() {
        for (line, expected) in [
            (
                "set system radius-server 192.0.2.1 secret \"a b\\\" c\" timeout 3",
                "set system radius-server 192.0.2.1 secret /* SECRET-DATA */ timeout 3",
            ),
            ("set x encrypted-password \"$6$ab$cd\"", "set x encrypted-password /* SECRET-DATA */"),
            ("set x anything \"$9$abc\"", "set x anything /* SECRET-DATA */"),
            ("set system host-name secret", "set system host-name secret"),
        ] {
            assert_eq!(mask(line), expected);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]
        /// Run as commands on the old configuration they give the new one.
        #[test]
        fn they_lead_there(old in edits(), new in edits()) {
            let old = put(Tree::default(), &old);
            let new = put(old.clone(), &new);
            let lines = changes(&old, &new);
            let there = put(old, &lines);
            if !lines.iter().any(|line| line.starts_with("insert")) {
                prop_assert_eq!(sorted(&there), sorted(&new), "{:?}", lines);
            }
        }
    }
}
