//! Changes made on one configuration, brought onto another: what a private copy does at its commit.
//!
//! Statements are the same when keyword and keys are; a leaf is the same when its keyword is. A statement that only
//! one side changed is taken from that side. One that both changed alike is no conflict. Spec: commit-24..27.

use std::collections::{HashMap, HashSet};

use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Tree, Word, render};

/// A statement that both sides changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Words of the level it stands at.
    pub path: Vec<String>,
    /// As the private copy has it; empty: deleted there.
    pub mine: String,
    /// As it was when the copy was made; empty: it was not there.
    pub base: String,
    /// As it is now; empty: deleted meanwhile.
    pub theirs: String,
}

/// `theirs` with what leads from `base` to `mine`. In a conflict the tree has `mine`.
#[must_use]
pub fn merge(base: &Tree, mine: &Tree, theirs: &Tree) -> (Tree, Vec<Conflict>) {
    let mut merger = Merger::default();
    let nodes = merger.level(&base.nodes, &mine.nodes, &theirs.nodes);
    (Tree { nodes }, merger.conflicts)
}

/// What makes a statement the same on both sides.
pub(crate) type Identity = (u32, Vec<String>);

pub(crate) fn identity(node: &Node) -> Identity {
    let named_value = node.is_value() && !node.name.is_empty();
    let words = node.head().take(if named_value { 1 } else { usize::MAX });
    (node.rule, words.map(str::to_owned).collect())
}

fn index(nodes: &[Node]) -> HashMap<Identity, &Node> {
    nodes.iter().map(|node| (identity(node), node)).collect()
}

#[derive(Default)]
struct Merger {
    path: Vec<String>,
    conflicts: Vec<Conflict>,
}

impl Merger {
    fn level(&mut self, base: &[Node], mine: &[Node], theirs: &[Node]) -> Vec<Node> {
        let (was, here, there) = (index(base), index(mine), index(theirs));
        let order = self.order(base, mine, theirs);
        let mut out = Vec::new();
        for id in order {
            let sides = (was.get(&id).copied(), here.get(&id).copied(), there.get(&id).copied());
            out.extend(self.node(sides));
        }
        // Siblings stand in the grammar's order; entries of one list keep theirs.
        out.sort_by_key(|node| node.rule);
        out
    }

    fn node(&mut self, (base, mine, theirs): (Option<&Node>, Option<&Node>, Option<&Node>)) -> Option<Node> {
        if mine == theirs || base == theirs {
            return mine.cloned();
        }
        if base == mine {
            return theirs.cloned();
        }
        match (mine, theirs) {
            (Some(here), Some(there)) if here.kind == Kind::LeafList => Some(self.values(base, here, there)),
            (Some(here), Some(there)) if !here.is_value() && here.kind != Kind::Opaque => {
                Some(self.body(base, here, there))
            }
            _ => {
                self.conflict(base, mine, theirs);
                mine.cloned()
            }
        }
    }

    fn body(&mut self, base: Option<&Node>, mine: &Node, theirs: &Node) -> Node {
        let mark = self.path.len();
        self.path.extend(mine.head().map(str::to_owned));
        let children = self.level(base.map_or(&[], |n| &n.children), &mine.children, &theirs.children);
        self.path.truncate(mark);
        Node { children: children.into(), ..self.marks(base, mine, theirs) }
    }

    /// Values that either side added, without those that either took away.
    fn values(&mut self, base: Option<&Node>, mine: &Node, theirs: &Node) -> Node {
        let was: &[Word] = base.map_or(&[], |n| &n.args);
        let has = |words: &[Word], word: &Word| words.contains(word);
        let kept = theirs.args.iter().filter(|w| has(&mine.args, w) || !has(was, w));
        let added = mine.args.iter().filter(|w| !has(was, w) && !has(&theirs.args, w));
        let args: Vec<Word> = kept.chain(added).cloned().collect();
        if args.is_empty() {
            self.conflict(base, Some(mine), Some(theirs));
            return mine.clone();
        }
        Node { args: args.into(), ..self.marks(base, mine, theirs) }
    }

    /// The statement's own marks: each side's change counts, and there are only two values to change between.
    fn marks(&self, base: Option<&Node>, mine: &Node, theirs: &Node) -> Node {
        let blank = Node::default();
        let base = base.unwrap_or(&blank);
        let pick = |base: bool, mine: bool, theirs: bool| if mine == base { theirs } else { mine };
        let comments = if mine.comments == base.comments { &theirs.comments } else { &mine.comments };
        Node {
            inactive: pick(base.inactive, mine.inactive, theirs.inactive),
            protect: pick(base.protect, mine.protect, theirs.protect),
            comments: comments.clone(),
            ..mine.clone()
        }
    }

    fn conflict(&mut self, base: Option<&Node>, mine: Option<&Node>, theirs: Option<&Node>) {
        let text = |node: Option<&Node>| node.map_or_else(String::new, render::told);
        let conflict =
            Conflict { path: self.path.clone(), mine: text(mine), base: text(base), theirs: text(theirs) };
        self.conflicts.push(conflict);
    }

    /// Every statement of either side once. One side's order, with the other's new statements behind what they
    /// stand behind there; both sides having moved entries of a level differently is a conflict.
    fn order(&mut self, base: &[Node], mine: &[Node], theirs: &[Node]) -> Vec<Identity> {
        let ids = |nodes: &[Node]| -> Vec<Identity> { nodes.iter().map(identity).collect() };
        let (was, here, there) = (ids(base), ids(mine), ids(theirs));
        let moved = |now: &[Identity]| common(&was, now) != common(now, &was);
        let (mine_moved, theirs_moved) = (moved(&here), moved(&there));
        if mine_moved && theirs_moved && common(&here, &there) != common(&there, &here) {
            let order = |nodes: &[Node]| nodes.iter().map(render::told).collect::<Vec<_>>().join(" ");
            self.conflicts.push(Conflict {
                path: self.path.clone(),
                mine: order(mine),
                base: order(base),
                theirs: order(theirs),
            });
        }
        if mine_moved { weave(here, &there) } else { weave(there, &here) }
    }
}

/// What of `a` is in `b` too, in the order of `a`.
fn common<'a>(a: &'a [Identity], b: &[Identity]) -> Vec<&'a Identity> {
    let there: HashSet<&Identity> = b.iter().collect();
    a.iter().filter(|id| there.contains(id)).collect()
}

/// `first`, and what only `second` has behind its predecessor.
fn weave(first: Vec<Identity>, second: &[Identity]) -> Vec<Identity> {
    let known: HashSet<&Identity> = first.iter().collect();
    let mut behind: HashMap<Option<&Identity>, Vec<&Identity>> = HashMap::new();
    let mut last = None;
    for id in second {
        if known.contains(id) {
            last = Some(id);
        } else {
            behind.entry(last).or_default().push(id);
        }
    }
    let mut out: Vec<Identity> = behind.get(&None).into_iter().flatten().map(|id| (*id).clone()).collect();
    for id in &first {
        out.push(id.clone());
        out.extend(behind.get(&Some(id)).into_iter().flatten().map(|id| (*id).clone()));
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE: &str = "set system host-name a\n\
        set applications application x protocol tcp\n\
        set applications application x destination-port 80\n\
        set applications application-set s application x\n\
        set applications application-set s application junos-ssh";

    fn tree(text: &str) -> Tree {
        let bound = ravelin_schema::read(text);
        assert!(bound.diagnostics.is_empty(), "{:?}", bound.diagnostics);
        bound.tree
    }

    fn edited(lines: &str) -> Tree {
        let mut tree = tree(BASE);
        for line in lines.lines().filter(|line| !line.is_empty()) {
            assert!(ravelin_schema::apply(&mut tree, &[], line).is_ok(), "{line}");
        }
        tree
    }

    /// Both sides' commands on the base; the merged tree is what both together would have made.
    #[track_caller]
    fn check(mine: &str, theirs: &str) {
        let both = edited(&format!("{theirs}\n{mine}"));
        let (merged, conflicts) = merge(&tree(BASE), &edited(mine), &edited(theirs));
        assert_eq!(conflicts, []);
        assert_eq!(render::set(&merged), render::set(&both));
    }

    #[track_caller]
    fn clash(mine: &str, theirs: &str, expected: (&str, &str, &str, &str)) {
        let mine = edited(mine);
        let (merged, conflicts) = merge(&tree(BASE), &mine, &edited(theirs));
        let [only] = &conflicts[..] else { panic!("{conflicts:?}") };
        let found = (only.path.join(" "), only.mine.as_str(), only.base.as_str(), only.theirs.as_str());
        assert_eq!((found.0.as_str(), found.1, found.2, found.3), expected);
        // What was edited here is still there, to be committed once it was seen.
        let (again, none) = merge(&edited(""), &merged, &edited(""));
        assert_eq!((again, none), (merged, vec![]));
    }

    #[test]
    fn changes_of_different_statements_come_together() {
        check("", "");
        check("set system host-name b", "");
        check("", "set system host-name b");
        check("set system host-name b", "set system host-name b");
        check("set system host-name b", "set applications application y protocol udp");
        check(
            "set applications application x inactivity-timeout 60",
            "delete applications application x destination-port",
        );
        check("delete system", "set applications application z protocol 47");
        check("deactivate applications application x", "set applications application x destination-port 81");
        check(
            "set applications application-set s application junos-http",
            "delete applications application-set s application junos-ssh",
        );
    }

    #[test]
    fn conflicts_tell_no_secret() {
        let text = |keys: &str, password: &str| {
            let keys: String = keys.chars().map(|key| format!("ssh-rsa {key}; ")).collect();
            tree(&format!(
                "system {{ root-authentication {{ {keys} encrypted-password \"$6$s${password}\"; }} }}"
            ))
        };
        let (_, conflicts) = merge(&text("abc", "first"), &text("cab", "hidden"), &text("bac", "veiled"));
        assert_eq!(conflicts.len(), 2, "the order, and the password: {conflicts:?}");
        let told = format!("{conflicts:?}");
        let secret = ["first", "hidden", "veiled"].into_iter().find(|secret| told.contains(secret));
        assert_eq!(secret, None, "{told}");
    }

    #[test]
    fn new_entries_stand_behind_what_they_stood_behind() {
        let names = |tree: &Tree| -> Vec<String> {
            let apps = &tree.nodes[1].children;
            apps.iter().map(|n| n.args[0].text.to_string()).collect()
        };
        let base = tree(
            "set system host-name a\nset applications application a protocol 1\nset applications application b protocol 1",
        );
        let put = |lines: &str| {
            let mut tree = base.clone();
            for line in lines.lines() {
                assert!(ravelin_schema::apply(&mut tree, &[], line).is_ok(), "{line}");
            }
            tree
        };
        let mine =
            put("set applications application c protocol 1\ninsert applications application c after a");
        let theirs = put("set applications application d protocol 1");
        assert_eq!(names(&merge(&base, &mine, &theirs).0), ["a", "c", "b", "d"]);
        let turned = put("insert applications application b before a");
        let (both, none) = merge(&base, &turned, &theirs);
        assert_eq!((names(&both), none), (["b", "d", "a"].map(str::to_owned).to_vec(), vec![]));
    }

    #[test]
    fn siblings_keep_the_order_of_the_grammar() {
        let base = tree("set applications application a protocol 1");
        let mine = tree("set system host-name a\nset applications application a protocol 1");
        let theirs = tree("set interfaces ge-0/0/0 disable\nset applications application a protocol 1");
        let (both, none) = merge(&base, &mine, &theirs);
        let names: Vec<&str> = both.nodes.iter().map(|node| node.name).collect();
        assert_eq!((names, none), (vec!["system", "interfaces", "applications"], vec![]));
    }

    #[test]
    fn one_statement_changed_twice_is_a_conflict() {
        clash(
            "set system host-name b",
            "set system host-name c",
            ("system", "host-name b", "host-name a", "host-name c"),
        );
        clash(
            "delete system host-name\nset applications application y protocol 1",
            "set system host-name c",
            ("", "", "system", "system"),
        );
        clash(
            "delete applications application x",
            "set applications application x destination-port 81",
            ("applications", "", "application x", "application x"),
        );
        clash(
            "set applications application x destination-port 82",
            "delete applications application x",
            ("applications", "application x", "application x", ""),
        );
    }

    /// Edits over few names, so that sides meet.
    pub(crate) fn edits() -> impl Strategy<Value = Vec<String>> {
        let app = prop_oneof![Just("x"), Just("y"), Just("z")];
        let line = prop_oneof![
            "[abc]".prop_map(|name| format!("set system host-name {name}")),
            Just("delete system".to_owned()),
            (app.clone(), 1..4_u8)
                .prop_map(|(app, n)| format!("set applications application {app} protocol {n}")),
            (app.clone(), 1..4_u8)
                .prop_map(|(app, n)| format!("set applications application {app} destination-port {n}")),
            app.clone().prop_map(|app| format!("delete applications application {app}")),
            app.clone().prop_map(|app| format!("deactivate applications application {app}")),
            app.clone().prop_map(|app| format!("set applications application-set s application {app}")),
            app.clone().prop_map(|app| format!("delete applications application-set s application {app}")),
            (app.clone(), app).prop_map(|(a, b)| format!("insert applications application {a} before {b}")),
        ];
        proptest::collection::vec(line, 0..6)
    }

    pub(crate) fn put(mut tree: Tree, lines: &[String]) -> Tree {
        for line in lines {
            // What names nothing that exists changes nothing.
            let _ = ravelin_schema::apply(&mut tree, &[], line);
        }
        tree
    }

    pub(crate) fn sorted(tree: &Tree) -> Vec<String> {
        let mut lines: Vec<String> = render::set(tree).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]
        #[test]
        fn one_side_alone_is_taken_whole_and_sides_may_be_swapped(
            base in edits(), mine in edits(), theirs in edits(),
        ) {
            let base = put(tree(BASE), &base);
            let (mine, theirs) = (put(base.clone(), &mine), put(base.clone(), &theirs));
            prop_assert_eq!(merge(&base, &mine, &base), (mine.clone(), vec![]));
            prop_assert_eq!(merge(&base, &base, &theirs), (theirs.clone(), vec![]));
            prop_assert_eq!(merge(&base, &mine, &mine), (mine.clone(), vec![]));
            let (there, clashes) = merge(&base, &mine, &theirs);
            let (back, same) = merge(&base, &theirs, &mine);
            prop_assert_eq!(clashes.len(), same.len());
            if clashes.is_empty() {
                prop_assert_eq!(sorted(&there), sorted(&back));
                prop_assert_eq!(merge(&there, &back, &there).1, vec![]);
            }
        }
    }
}
