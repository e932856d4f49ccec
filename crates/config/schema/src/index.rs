//! Where the statements of a tree in the making lie, so that a text of any size is placed in linear time.
//!
//! Small levels are looked through, large ones hashed. New statements go to the end of their level and deleted ones leave a gap, so that places stay true;
//! [`settle`] closes the gaps and puts siblings in the table's order.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use ravelin_syntax::tree::{Kind, Node, Shape};
use ravelin_syntax::{Args, Children, Word};

use crate::bind::Scope;
use crate::grammar::RuleId;

/// Siblings or values of a list that are compared one by one.
const LOOKED_THROUGH: usize = 16;

/// For keys that are hashes under a secret key already.
#[derive(Debug, Default)]
pub struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.0 = self.0.rotate_left(8) ^ u64::from(*b));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[derive(Default)]
pub(crate) struct Index {
    places: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    /// Values of lists, each with its statement.
    values: HashSet<u64, BuildHasherDefault<Hashed>>,
    hasher: RandomState,
}

impl Index {
    /// Of a tree that is empty so far.
    pub fn complete() -> Self {
        Self::default()
    }

    /// Of a tree that is there.
    pub fn of(nodes: &[Node]) -> Self {
        let mut index = Self::default();
        index.fill(nodes, 0);
        index
    }

    fn fill(&mut self, nodes: &[Node], parent: u64) {
        let large = nodes.len() > LOOKED_THROUGH;
        for (place, node) in nodes.iter().enumerate() {
            let hash = self.enter_below(parent, node);
            if large {
                self.places.insert(hash, place as u32);
            }
        }
    }

    /// Learns a statement that was put at a place, and all in it.
    pub fn enter(&mut self, parent: u64, node: &Node, place: usize) {
        let hash = self.enter_below(parent, node);
        self.places.insert(hash, place as u32);
    }

    /// Learns what is in a statement; answers the statement's own hash.
    pub fn enter_below(&mut self, parent: u64, node: &Node) -> u64 {
        let hash = self.hash_of(parent, node);
        if node.kind == Kind::LeafList {
            for word in &node.args {
                self.values.insert(self.hasher.hash_one((hash, word.text.as_str())));
            }
        }
        self.fill(&node.children, hash);
        hash
    }

    /// A statement that is known lies at another place among its siblings.
    pub fn moved(&mut self, parent: u64, node: &Node, place: usize) {
        let hash = self.hash_of(parent, node);
        self.places.insert(hash, place as u32);
    }

    fn hash_of(&self, parent: u64, node: &Node) -> u64 {
        let keys: &[Word] = if node.kind == Kind::Entry { &node.args } else { &[] };
        self.hash(Scope { rule: RuleId(node.rule), hash: parent }, keys)
    }

    pub fn hash(&self, scope: Scope, keys: &[Word]) -> u64 {
        use std::hash::Hash;
        if keys.is_empty() {
            // Rules are the table's own, nobody chooses them: no need for a keyed hash.
            let mixed = scope.hash ^ (u64::from(scope.rule.0) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            return mixed.rotate_left(23).wrapping_mul(0xd6e8_feb8_6659_fd93);
        }
        let mut hasher = self.hasher.build_hasher();
        (scope.hash, scope.rule).hash(&mut hasher);
        for word in keys {
            word.text.hash(&mut hasher);
        }
        hasher.finish()
    }

    pub fn find(&self, hash: u64, nodes: &[Node], rule: RuleId, keys: &[Word]) -> Option<usize> {
        let same = |node: &Node| node.rule == rule.0 && (node.kind != Kind::Entry || node.args == keys);
        if nodes.len() <= LOOKED_THROUGH {
            return nodes.iter().position(same);
        }
        let place = *self.places.get(&hash)? as usize;
        nodes.get(place).is_some_and(same).then_some(place)
    }

    pub fn add(&mut self, parent: u64, hash: u64, nodes: &mut Vec<Node>, node: Node) -> usize {
        let place = nodes.len();
        self.before_one_more(parent, nodes);
        if place >= LOOKED_THROUGH {
            self.places.insert(hash, place as u32);
        } else if nodes.capacity() == 0 {
            // Most levels hold one statement.
            nodes.reserve_exact(1);
        }
        nodes.push(node);
        place
    }

    /// A level gets a statement that nobody looks for, or one that is entered by itself: the others are hashed from where
    /// they are no longer looked through.
    pub fn before_one_more(&mut self, parent: u64, nodes: &[Node]) {
        if nodes.len() == LOOKED_THROUGH {
            for (place, node) in nodes.iter().enumerate() {
                let hash = self.hash_of(parent, node);
                self.places.insert(hash, place as u32);
            }
        }
    }

    /// Values put behind those of a list, each once.
    pub fn add_values(&mut self, statement: u64, values: &mut Args, more: Args) {
        if values.is_empty() && more.len() == 1 {
            *values = more;
            return;
        }
        values.change(|values| {
            for word in Vec::from(more) {
                // Short lists are looked through; of long ones every value is known.
                let known = if values.len() < LOOKED_THROUGH {
                    values.contains(&word)
                } else {
                    if values.len() == LOOKED_THROUGH {
                        let hashes =
                            values.iter().map(|w| self.hasher.hash_one((statement, w.text.as_str())));
                        self.values.extend(hashes);
                    }
                    !self.values.insert(self.hasher.hash_one((statement, word.text.as_str())))
                };
                if !known {
                    values.push(word);
                }
            }
        });
    }

    pub fn forget_value(&mut self, statement: u64, value: &str) {
        self.values.remove(&self.hasher.hash_one((statement, value)));
    }

    /// Forgets the values below a statement that goes.
    pub fn forget(&mut self, statement: u64, node: &Node) {
        if node.kind == Kind::LeafList {
            for word in &node.args {
                self.forget_value(statement, &word.text);
            }
        }
        for child in &node.children {
            self.forget(self.hash_of(statement, child), child);
        }
    }
}

/// Takes a statement out and leaves a gap.
pub(crate) fn leave_gap(node: &mut Node) {
    *node = Node { shape: Shape::GAP, ..Node::default() };
}

pub(crate) fn is_gap(node: &Node) -> bool {
    node.rule == Shape::GAP.rule
}

/// Closes gaps and sorts siblings; entries of one list keep their order.
pub(crate) fn settle_level(nodes: &mut Vec<Node>) {
    if nodes.iter().any(is_gap) {
        nodes.retain(|n| !is_gap(n));
    }
    if !nodes.is_sorted_by_key(|n| n.rule) {
        nodes.sort_by_key(|n| n.rule);
    }
    // What stood between two that are the same may be elsewhere now, or gone.
    nodes.dedup_by(|later, first| later.rule == crate::grammar::OPAQUE.0 && later == first);
}

/// The same for a whole tree. A container that means nothing when empty goes with its last statement.
pub(crate) fn settle(nodes: &mut Vec<Node>) {
    settle_below(nodes);
    settle_level(nodes);
    if nodes.capacity() > nodes.len() + nodes.len() / 2 {
        nodes.shrink_to_fit();
    }
}

/// Touches nothing that is in order.
fn settle_below(nodes: &mut [Node]) {
    for node in nodes.iter_mut() {
        node.args.compact();
        if is_settled(&node.children) {
            continue;
        }
        settle_below(&mut node.children);
        if !is_level_settled(&node.children) {
            settle_level(node.children.edit());
        }
        if node.children.is_empty() && !node.presence && node.kind == Kind::Container {
            leave_gap(node);
        }
        node.children.compact();
    }
}

fn is_level_settled(nodes: &[Node]) -> bool {
    nodes.is_sorted_by_key(|n| n.rule) && !nodes.iter().any(is_gap)
}

fn is_settled(children: &Children) -> bool {
    children.is_empty()
        || !children.is_loose()
            && is_level_settled(children)
            && children.iter().all(|n| is_settled(&n.children))
}
