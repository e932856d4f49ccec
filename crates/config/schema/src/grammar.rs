//! The table of the language, read once into an arena.
//!
//! `grammar.tsv` holds every statement Junos knows; `enforced.tsv` marks the ones that do something here and has
//! their help. A node's children lie in the order Junos shows them, so an id also sorts siblings.

use std::sync::OnceLock;

use ravelin_syntax::tree::{Kind, Style};

use crate::value::ValueType;

/// Index of a node in the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u32);

/// Rule of statements no row stands for: kept as written, never enforced.
pub const OPAQUE: RuleId = RuleId(u32::MAX);
pub(crate) const ROOT: RuleId = RuleId(0);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// Junos knows it; a commit refuses it here.
    #[default]
    Known,
    /// On the way to something enforced.
    Way,
    /// Lowered into the typed configuration.
    Enforced,
    /// As `Enforced`, and meaningful with nothing in it.
    Presence,
    /// Text for people: kept, shown, without effect.
    Annotation,
}

#[derive(Debug)]
pub struct Rule {
    /// Keyword; not written when `hidden`.
    pub name: &'static str,
    pub kind: Kind,
    pub style: Style,
    pub hidden: bool,
    /// For a list: the word before each key, if there is one.
    pub keys: Vec<Option<&'static str>>,
    pub value: ValueType,
    pub mark: Mark,
    pub help: &'static str,
    pub parent: RuleId,
    pub children: Vec<RuleId>,
}

impl Rule {
    #[must_use]
    pub fn supported(&self) -> bool {
        self.mark != Mark::Known
    }
}

#[derive(Debug)]
pub struct Grammar {
    rules: Vec<Rule>,
}

/// The language.
#[must_use]
pub fn grammar() -> &'static Grammar {
    static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
    GRAMMAR.get_or_init(|| Grammar::load(include_str!("../grammar.tsv"), include_str!("../enforced.tsv")))
}

impl Grammar {
    fn load(table: &'static str, enforced: &'static str) -> Self {
        let root = Rule { name: "", ..blank() };
        let mut grammar = Self { rules: vec![root] };
        let mut stack = vec![ROOT];
        for line in table.lines() {
            let mut cells = line.split('\t');
            let depth: usize = cells.next().and_then(|d| d.parse().ok()).unwrap_or(0);
            stack.truncate(depth + 1);
            let parent = stack.last().copied().unwrap_or(ROOT);
            let id = grammar.push(parent, cells);
            stack.push(id);
        }
        for line in enforced.lines().skip(1) {
            let mut cells = line.split('\t');
            let path = cells.next().unwrap_or("");
            let (mark, help) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
            if let Some(id) = grammar.by_path(path) {
                let rule = &mut grammar.rules[id.0 as usize];
                rule.mark = match mark {
                    "e" => Mark::Enforced,
                    "p" => Mark::Presence,
                    "a" => Mark::Annotation,
                    _ => Mark::Way,
                };
                rule.help = help;
            }
        }
        grammar
    }

    fn push(&mut self, parent: RuleId, mut cells: std::str::Split<'static, char>) -> RuleId {
        let id = RuleId(self.rules.len() as u32);
        let name = cells.next().unwrap_or("");
        let kind = match cells.next().unwrap_or("") {
            "c" => Kind::Container,
            "l" => Kind::Entry,
            "e" => Kind::Flag,
            "f" => Kind::Leaf,
            "s" => Kind::LeafList,
            _ => Kind::Opaque,
        };
        let flags = cells.next().unwrap_or("");
        let keys = cells.next().unwrap_or("");
        let style = match flags {
            _ if flags.contains('o') => Style::OneLine,
            _ if flags.contains('p') => Style::OneLinePlus,
            _ if flags.contains('j') => Style::Joined,
            _ => Style::Block,
        };
        let keys = keys.split(',').filter(|k| !k.is_empty()).map(|k| (k != "-").then_some(k)).collect();
        let value = ValueType::parse(cells.next().unwrap_or(""));
        let kind = if name == "version" && parent == ROOT { Kind::Leaf } else { kind };
        self.rules.push(Rule {
            name,
            kind,
            style,
            hidden: flags.contains('n'),
            keys,
            value,
            parent,
            ..blank()
        });
        self.rules[parent.0 as usize].children.push(id);
        id
    }

    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.0 as usize)
    }

    pub fn children(&self, id: RuleId) -> impl Iterator<Item = (RuleId, &Rule)> {
        let ids = self.rule(id).map_or(&[][..], |r| r.children.as_slice());
        ids.iter().map(|&id| (id, &self.rules[id.0 as usize]))
    }

    /// The child a written keyword names.
    #[must_use]
    pub fn keyword(&self, id: RuleId, word: &str) -> Option<(RuleId, &Rule)> {
        self.children(id).find(|(_, rule)| !rule.hidden && rule.name == word)
    }

    /// Children written without keyword: a list's entries or a bare value.
    pub fn hidden(&self, id: RuleId) -> impl Iterator<Item = (RuleId, &Rule)> {
        self.children(id).filter(|(_, rule)| rule.hidden)
    }

    /// A rule by keywords alone; `<>` stands for the child without keyword.
    #[must_use]
    pub fn by_path(&self, path: &str) -> Option<RuleId> {
        path.split(' ').try_fold(ROOT, |at, word| match word {
            "<>" => self.hidden(at).next().map(|(id, _)| id),
            word => self.keyword(at, word).map(|(id, _)| id),
        })
    }

    /// The path [`Grammar::by_path`] takes.
    #[must_use]
    pub fn path(&self, id: RuleId) -> String {
        let mut words = Vec::new();
        let mut at = id;
        while let Some(rule) = self.rule(at).filter(|_| at != ROOT) {
            words.push(if rule.hidden { "<>" } else { rule.name });
            at = rule.parent;
        }
        words.reverse();
        words.join(" ")
    }

    pub fn marked(&self) -> impl Iterator<Item = (RuleId, &Rule)> {
        let ids = (0..self.rules.len() as u32).map(RuleId);
        ids.zip(&self.rules).filter(|(_, rule)| rule.supported())
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

fn blank() -> Rule {
    Rule {
        name: "",
        kind: Kind::Container,
        style: Style::Block,
        hidden: false,
        keys: Vec::new(),
        value: ValueType::Any,
        mark: Mark::Known,
        help: "",
        parent: ROOT,
        children: Vec::new(),
    }
}
