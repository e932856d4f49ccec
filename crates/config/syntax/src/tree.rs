//! The lossless tree: what was written, placed by the grammar. Both text forms give the same tree.

use std::ops::Deref;

use crate::{Args, Children, Comments, Span, Word};

/// How a statement is shaped; the grammar decides, renderers and edits follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Container,
    /// An entry of a list: `args` are its keys (with the words between them).
    Entry,
    /// `args` is the one value.
    Leaf,
    /// A leaf without value.
    Flag,
    /// `args` are the values.
    LeafList,
    /// Known to Junos but not in our table: words and body kept as written.
    Opaque,
}

/// How braces text lays a statement out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    #[default]
    Block,
    /// Always on one line.
    OneLine,
    /// On one line when it holds a single leaf.
    OneLinePlus,
    /// Written again before each of its children: `family inet { ... }`.
    Joined,
}

/// What a statement does to the one that stands where it is loaded; a configuration itself holds only `Merge`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    #[default]
    Merge,
    /// `replace:`
    Replace,
    /// `delete:`
    Delete,
    /// `active:`
    Activate,
    /// `unprotect:`
    Unprotect,
}

/// What all statements of one rule have in common; the grammar has one of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Index in the grammar; siblings are kept in its order, as Junos shows them.
    pub rule: u32,
    pub kind: Kind,
    pub style: Style,
    /// Stays when its last child goes.
    pub presence: bool,
    /// The keyword; empty when the statement begins with its key or value.
    pub name: &'static str,
}

impl Shape {
    const NONE: &'static Self =
        &Self { rule: 0, kind: Kind::Container, style: Style::Block, presence: false, name: "" };
    /// Of a gap, which stands for nothing.
    pub const GAP: &'static Self = &Self { rule: u32::MAX - 1, ..*Self::NONE };
    /// Of a statement that no rule of a grammar stands for: all its words are arguments, brackets among them.
    pub const OUTSIDE: &'static Self = &Self { rule: u32::MAX, kind: Kind::Opaque, ..*Self::NONE };
}

/// A statement. A configuration has millions: what a rule says of all of its statements is behind a reference, and reads
/// as if it were in each.
#[derive(Clone, Debug)]
pub struct Node {
    pub shape: &'static Shape,
    pub args: Args,
    pub children: Children,
    pub inactive: bool,
    pub protect: bool,
    /// And what it does where it is loaded: [`Self::change`].
    pub comments: Comments,
    pub span: Span,
    /// The group the statement was inherited from; 0 is none. Numbers are those of the expansion that made the tree.
    pub origin: u16,
}

const _: () = assert!(size_of::<Node>() <= 64, "a configuration of 100,000 policies is a million of these");

impl Default for Node {
    fn default() -> Self {
        Self {
            shape: Shape::NONE,
            args: Args::default(),
            children: Children::default(),
            inactive: false,
            protect: false,
            comments: Comments::default(),
            span: Span::NOWHERE,
            origin: 0,
        }
    }
}

impl Deref for Node {
    type Target = Shape;

    fn deref(&self) -> &Shape {
        self.shape
    }
}

/// Equal when they mean and show the same; places in the text, origins and changes don't count.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.same_head(other)
            && self.rule == other.rule
            && self.inactive == other.inactive
            && self.protect == other.protect
            && self.comments == other.comments
            && self.children == other.children
    }
}

impl Node {
    #[must_use]
    pub fn same_head(&self, other: &Self) -> bool {
        (std::ptr::eq(self.shape, other.shape) || self.name == other.name) && self.args == other.args
    }

    /// Whether nothing in force differs, by what the two share and without a look into it: two that were read apart are
    /// never known to be the same.
    #[must_use]
    pub fn is_kept_from(&self, other: &Self) -> bool {
        self.children.is_shared_with(&other.children)
            && self.rule == other.rule
            && self.inactive == other.inactive
            && self.span == other.span
            && self.same_head(other)
    }

    /// The word it is known by: also of a statement that no rule stands for. Empty when it begins with its key or value.
    #[must_use]
    pub fn keyword(&self) -> &str {
        match self.args.first() {
            Some(first) if self.is_outside() => &first.text,
            _ => self.name,
        }
    }

    /// No rule of a grammar stands for it.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        self.rule == Shape::OUTSIDE.rule
    }

    #[must_use]
    pub fn change(&self) -> Change {
        self.comments.change()
    }

    pub fn set_change(&mut self, change: Change) {
        self.comments.set_change(change);
    }

    /// Keyword and arguments as written in a path.
    pub fn head(&self) -> impl Iterator<Item = &str> {
        let name = (!self.name.is_empty()).then_some(self.name);
        name.into_iter().chain(self.args.iter().map(|w| w.text.as_str()))
    }

    /// The same for findings and logs: a secret is not in it.
    pub fn told(&self) -> impl Iterator<Item = &str> {
        let name = (!self.name.is_empty()).then_some(self.name);
        name.into_iter().chain(self.args.iter().map(Word::told))
    }

    #[must_use]
    pub fn is_value(&self) -> bool {
        matches!(self.kind, Kind::Leaf | Kind::Flag | Kind::LeafList)
    }

    /// Active children.
    pub fn active(&self) -> impl Iterator<Item = &Node> {
        self.children.iter().filter(|n| !n.inactive)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    pub nodes: Vec<Node>,
}

impl Tree {
    /// Active statements at the top; groups take no part.
    pub fn active(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|n| !n.inactive && n.name != "groups")
    }

    /// The node reached by an exact path of heads, if any.
    #[must_use]
    pub fn find(&self, words: &[&str]) -> Option<&Node> {
        find(&self.nodes, words)
    }
}

fn find<'a>(nodes: &'a [Node], words: &[&str]) -> Option<&'a Node> {
    for node in nodes {
        let length = node.head().count();
        if length <= words.len() && node.head().eq(words[..length].iter().copied()) {
            if length == words.len() {
                return Some(node);
            }
            if let Some(found) = find(&node.children, &words[length..]) {
                return Some(found);
            }
        }
    }
    None
}
