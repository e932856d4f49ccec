//! Where two trees differ, found without a look at what they share.

use std::collections::HashMap;

use ravelin_syntax::Tree;
use ravelin_syntax::tree::Node;

/// Differences that are told apart; trees that have more are different as a whole.
const CHANGES_MAX: usize = 1024;
/// Statements in common that are worth remembering.
const LONG: usize = 32;

/// A statement that was, is, or is not what it was.
#[derive(Clone, Debug)]
pub struct Changed<'a> {
    /// Statements of the later tree on the way there.
    pub above: Vec<&'a Node>,
    pub old: Option<&'a Node>,
    pub new: Option<&'a Node>,
}

impl Changed<'_> {
    /// Whether the statement as it is now counts: it isn't inactive, nor in an inactive one, nor in a group.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        let mut path = self.above.iter().copied().chain(self.new);
        let in_group = self.above.first().copied().or(self.new).is_some_and(|top| top.name == "groups");
        self.new.is_some() && !in_group && !path.any(|node| node.inactive)
    }
}

/// How many statements two levels begin and end with alike, by where the levels lie: what was looked through once.
pub type SharedEnds = HashMap<(usize, usize), (usize, usize)>;

/// Where two trees differ.
#[derive(Clone, Debug, Default)]
pub struct Changes<'a> {
    /// The topmost statements that do.
    pub list: Vec<Changed<'a>>,
    pub ends: SharedEnds,
}

/// `None`: there are too many differences.
#[must_use]
pub fn changed<'a>(old: &'a Tree, new: &'a Tree) -> Option<Changes<'a>> {
    let mut finder = Finder { above: Vec::new(), out: Changes::default() };
    finder.level(&old.nodes, &new.nodes).then_some(finder.out)
}

/// How many statements two levels begin with alike, and how many of the rest they end with.
pub(crate) fn shared_ends(old: &[Node], new: &[Node]) -> (usize, usize) {
    let front = old.iter().zip(new).take_while(|(a, b)| a.is_kept_from(b)).count();
    let (old, new) = (&old[front..], &new[front..]);
    let back = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a.is_kept_from(b)).count();
    (front, back)
}

struct Finder<'a> {
    above: Vec<&'a Node>,
    out: Changes<'a>,
}

impl<'a> Finder<'a> {
    /// False: there are too many.
    fn level(&mut self, old: &'a [Node], new: &'a [Node]) -> bool {
        let (front, back) = shared_ends(old, new);
        if front + back >= LONG {
            self.out.ends.insert((old.as_ptr().addr(), new.as_ptr().addr()), (front, back));
        }
        let (old, new) = (&old[front..old.len() - back], &new[front..new.len() - back]);
        if old.len() == 1 && new.len() == 1 && is_one(&old[0], &new[0]) {
            return self.both(&old[0], &new[0]);
        }
        let mut before: HashMap<(u32, Vec<&str>), &'a Node> =
            old.iter().map(|node| (identity(node), node)).collect();
        // An order that changed is a change of all that stand in it: what judges by order must see them.
        let ordered = before.len() == old.len() && in_order(old, new);
        for node in new {
            let whole = match before.remove(&identity(node)) {
                Some(was) if ordered && was.is_kept_from(node) => true,
                Some(was) if ordered && is_one(was, node) => self.both(was, node),
                was => self.add(was, Some(node)),
            };
            if !whole {
                return false;
            }
        }
        let gone = old.iter().filter(|node| before.contains_key(&identity(node)));
        gone.into_iter().all(|node| self.add(Some(node), None))
    }

    fn both(&mut self, old: &'a Node, new: &'a Node) -> bool {
        if old.children.is_empty() || new.children.is_empty() || old.inactive != new.inactive {
            return self.add(Some(old), Some(new));
        }
        self.above.push(new);
        let whole = self.level(&old.children, &new.children);
        self.above.pop();
        whole
    }

    fn add(&mut self, old: Option<&'a Node>, new: Option<&'a Node>) -> bool {
        self.out.list.push(Changed { above: self.above.clone(), old, new });
        self.out.list.len() <= CHANGES_MAX
    }
}

fn identity(node: &Node) -> (u32, Vec<&str>) {
    (node.rule, node.head().collect())
}

fn is_one(old: &Node, new: &Node) -> bool {
    old.rule == new.rule && old.same_head(new)
}

/// Whether what both lists have stands in one order.
fn in_order(old: &[Node], new: &[Node]) -> bool {
    let places: HashMap<_, usize> = old.iter().enumerate().map(|(at, node)| (identity(node), at)).collect();
    new.iter().filter_map(|node| places.get(&identity(node))).is_sorted()
}
