//! Statements below a statement, shared until one of the sharers changes them.
//!
//! A candidate is a copy of the active configuration: copying costs nothing, and what neither changed is known to
//! be the same without a look at it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::Node;

#[derive(Clone, Debug, Default)]
pub struct Children(Option<Arc<Vec<Node>>>);

impl Children {
    /// Whether two are one: equal without being compared.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// What tells these from all others for as long as they, or a clone of them, are kept; `None` when empty.
    #[must_use]
    pub fn identity(&self) -> Option<usize> {
        self.0.as_ref().map(|nodes| Arc::as_ptr(nodes).addr())
    }
}

impl Deref for Children {
    type Target = Vec<Node>;

    fn deref(&self) -> &Vec<Node> {
        const NONE: &Vec<Node> = &Vec::new();
        self.0.as_deref().unwrap_or(NONE)
    }
}

impl DerefMut for Children {
    fn deref_mut(&mut self) -> &mut Vec<Node> {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl PartialEq for Children {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared_with(other) || **self == **other
    }
}

impl From<Vec<Node>> for Children {
    fn from(nodes: Vec<Node>) -> Self {
        Self((!nodes.is_empty()).then(|| Arc::new(nodes)))
    }
}

impl FromIterator<Node> for Children {
    fn from_iter<I: IntoIterator<Item = Node>>(nodes: I) -> Self {
        nodes.into_iter().collect::<Vec<_>>().into()
    }
}

impl Extend<Node> for Children {
    fn extend<I: IntoIterator<Item = Node>>(&mut self, nodes: I) {
        (**self).extend(nodes);
    }
}

impl IntoIterator for Children {
    type Item = Node;
    type IntoIter = std::vec::IntoIter<Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.map_or_else(Vec::new, Arc::unwrap_or_clone).into_iter()
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
