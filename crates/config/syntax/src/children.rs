//! Statements below a statement, shared until one of the sharers changes them.
//!
//! A candidate is a copy of the active configuration: copying costs nothing, and what neither changed is known to
//! be the same without a look at it.

use std::ops::{Deref, DerefMut};

use ravelin_mem::List;

use crate::Node;

/// Longer levels stay as they are: their members outweigh what is around them.
const COMPACT_MAX: usize = 64;

#[derive(Clone, Debug, Default)]
pub struct Children(List<Node>);

impl Children {
    /// Takes all statements out of `from`, which keeps its room.
    #[must_use]
    pub fn taken(from: &mut Vec<Node>) -> Self {
        Self(List::taken(from))
    }

    /// Whether two are one: equal without being compared.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        // Where one of them lies tells it without a look there, which levels of many statements would feel.
        self.0.identity() == other.0.identity() || self.is_empty() && other.is_empty()
    }

    /// What tells these from all others for as long as they, or a clone of them, are kept; `None` when empty.
    #[must_use]
    pub fn identity(&self) -> Option<usize> {
        self.0.identity().filter(|_| !self.is_empty())
    }

    /// Whether they take more room than they must: to be told in few, for [`Self::compact`].
    #[must_use]
    pub fn is_loose(&self) -> bool {
        self.0.is_loose() && self.len() <= COMPACT_MAX
    }

    pub fn compact(&mut self) {
        if self.is_loose() {
            let mut nodes = std::mem::take(self.edit());
            *self = Self::taken(&mut nodes);
        }
    }

    /// To add statements, or take some away.
    pub fn edit(&mut self) -> &mut Vec<Node> {
        self.0.edit()
    }
}

impl Deref for Children {
    type Target = [Node];

    fn deref(&self) -> &[Node] {
        &self.0
    }
}

impl DerefMut for Children {
    fn deref_mut(&mut self) -> &mut [Node] {
        self.0.members_mut()
    }
}

impl PartialEq for Children {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared_with(other) || **self == **other
    }
}

impl From<Vec<Node>> for Children {
    fn from(mut nodes: Vec<Node>) -> Self {
        Self::taken(&mut nodes)
    }
}

impl FromIterator<Node> for Children {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        nodes.into_iter().collect::<Vec<_>>().into()
    }
}

impl Extend<Node> for Children {
    fn extend<I: IntoIterator<Item = Node>>(&mut self, nodes: I) {
        self.edit().extend(nodes);
    }
}

impl IntoIterator for Children {
    type Item = Node;
    type IntoIter = std::vec::IntoIter<Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a Children {
    type Item = &'a Node;
    type IntoIter = std::slice::Iter<'a, Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Children {
    type Item = &'a mut Node;
    type IntoIter = std::slice::IterMut<'a, Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}
