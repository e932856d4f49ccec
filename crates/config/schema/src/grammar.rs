//! The table of the language, read once into an arena.
//!
//! `grammar.tsv` holds every statement Junos knows; `enforced.tsv` marks the ones that do something here and has
//! their help. A node's children lie in the order Junos shows them, so an id also sorts siblings.

use std::sync::OnceLock;

use ravelin_syntax::Span;
use ravelin_syntax::tree::{Kind, Node, Shape, Style};

use crate::value::Values;

/// Index of a node in the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u32);

impl Default for RuleId {
    fn default() -> Self {
        ROOT
    }
}

/// Statements that may stand at every level.
const UNIVERSAL: [&str; 4] = ["apply-groups", "apply-groups-except", "apply-macro", "apply-flags"];

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

/// A key of a list.
#[derive(Debug)]
pub struct Key {
    /// Its element in XML and JSON.
    pub element: &'static str,
    /// The word written before it, if there is one.
    pub keyword: Option<&'static str>,
    /// Present only when [`takes_value`] says so of the key before it.
    pub optional: bool,
    pub value: Values,
}

#[derive(Debug, Default)]
pub struct Rule {
    /// Keyword; not written when `hidden`.
    pub name: &'static str,
    /// Name in XML and JSON.
    pub element: &'static str,
    pub kind: Kind,
    pub style: Style,
    pub hidden: bool,
    /// Braces around a list that XML and JSON write without.
    pub homogeneous: bool,
    /// An entry of `groups`.
    pub is_group: bool,
    /// Of a list.
    pub keys: Vec<Key>,
    /// Of a leaf.
    pub value: Values,
    pub mark: Mark,
    pub help: &'static str,
    /// What must hold where the statement is there, as the table writes it.
    pub constraint: &'static str,
    /// The same for the first key of a list.
    pub key_constraint: &'static str,
    pub parent: RuleId,
    pub children: Vec<RuleId>,
    /// Children by keyword, sorted; each with how the keyword begins.
    keywords: Vec<(u64, &'static str, RuleId)>,
}

impl Rule {
    #[must_use]
    pub fn supported(&self) -> bool {
        self.mark != Mark::Known
    }

    /// May stand at every level.
    #[must_use]
    pub fn is_universal(&self) -> bool {
        UNIVERSAL.contains(&self.name)
    }

    /// Values of the word that follows the keyword.
    #[must_use]
    pub fn first_value(&self) -> &Values {
        self.keys.first().map_or(&self.value, |key| &key.value)
    }
}

/// Ways of a route filter that name a second prefix or length; the others stand alone.
#[must_use]
pub fn takes_value(choice: &str) -> bool {
    ["upto", "through", "prefix-length-range", "address-mask"].contains(&choice)
}

#[derive(Debug)]
pub struct Grammar {
    rules: Vec<Rule>,
    shapes: Vec<Shape>,
    universal: Vec<(&'static str, RuleId)>,
}

/// The language.
#[must_use]
pub fn grammar() -> &'static Grammar {
    static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
    GRAMMAR.get_or_init(|| Grammar::load(include_str!("../grammar.tsv"), include_str!("../enforced.tsv")))
}

impl Grammar {
    fn load(table: &'static str, enforced: &'static str) -> Self {
        let mut grammar = Self { rules: vec![Rule::default()], shapes: Vec::new(), universal: Vec::new() };
        let mut stack = vec![ROOT];
        for line in table.lines() {
            let mut cells = line.split('\t');
            let depth: usize = cells.next().and_then(|d| d.parse().ok()).unwrap_or(0);
            stack.truncate(depth + 1);
            let parent = stack.last().copied().unwrap_or(ROOT);
            let id = grammar.push(parent, cells);
            stack.push(id);
        }
        grammar.link();
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
        grammar.shape();
        grammar
    }

    /// The same statements stand in a group as at the top; and keywords are found by search.
    fn link(&mut self) {
        let top: Vec<RuleId> =
            self.children(ROOT).filter(|(_, r)| r.name != "groups").map(|(id, _)| id).collect();
        self.universal = top.iter().map(|&id| (self.rules[id.0 as usize].name, id)).collect();
        self.universal.retain(|(name, _)| UNIVERSAL.contains(name));
        let group =
            self.children(ROOT).find(|(_, r)| r.name == "groups").and_then(|(_, r)| r.children.first());
        if let Some(group) = group.copied() {
            let group = &mut self.rules[group.0 as usize];
            group.is_group = true;
            group.children.extend(top);
        }
        // A range of interfaces takes what an interface takes.
        let interfaces = self.children(ROOT).find(|(_, r)| r.name == "interfaces").map(|(id, _)| id);
        let below = interfaces.map_or_else(Vec::new, |id| self.rules[id.0 as usize].children.clone());
        let of = |hidden| below.iter().copied().find(|id| self.rules[id.0 as usize].hidden == hidden);
        if let (Some(range), Some(interface)) = (of(false), of(true)) {
            let taken = self.rules[interface.0 as usize].children.clone();
            self.rules[range.0 as usize].children.extend(taken);
        }
        for id in 0..self.rules.len() as u32 {
            let named = self
                .children(RuleId(id))
                .filter(|(_, r)| !r.hidden)
                .map(|(id, r)| (beginning(r.name), r.name, id));
            let mut named: Vec<_> = named.collect();
            named.sort_unstable();
            self.rules[id as usize].keywords = named;
        }
    }

    fn push(&mut self, parent: RuleId, mut cells: std::str::Split<'static, char>) -> RuleId {
        let id = RuleId(self.rules.len() as u32);
        let mut cell = || cells.next().unwrap_or("");
        let name = cell();
        let kind = match cell() {
            "c" => Kind::Container,
            "l" => Kind::Entry,
            "e" => Kind::Flag,
            "f" => Kind::Leaf,
            "s" => Kind::LeafList,
            _ => Kind::Opaque,
        };
        let (flags, keys, values, element) = (cell(), cell(), cell(), cell());
        let style = match flags {
            _ if flags.contains('o') => Style::OneLine,
            _ if flags.contains('p') => Style::OneLinePlus,
            _ if flags.contains('j') => Style::Joined,
            _ => Style::Block,
        };
        let value = Values::parse(if kind == Kind::Entry { "" } else { values });
        self.rules.push(Rule {
            name,
            element: if element.is_empty() { name } else { element },
            kind,
            style,
            hidden: flags.contains('n'),
            homogeneous: flags.contains('h'),
            keys: key_rows(keys, values),
            value,
            constraint: cell(),
            key_constraint: cell(),
            parent,
            ..Rule::default()
        });
        self.rules[parent.0 as usize].children.push(id);
        id
    }

    /// A new statement of a rule, without arguments yet.
    #[must_use]
    pub fn node(&'static self, id: RuleId, span: Span) -> Node {
        Node { shape: self.shapes.get(id.0 as usize).unwrap_or(Shape::OUTSIDE), span, ..Node::default() }
    }

    /// What the statements of each rule have in common.
    fn shape(&mut self) {
        let one = |(rule, id): (&Rule, u32)| Shape {
            rule: id,
            kind: rule.kind,
            style: rule.style,
            presence: rule.mark == Mark::Presence || rule.kind == Kind::Entry,
            name: if rule.hidden { "" } else { rule.name },
        };
        self.shapes = self.rules.iter().zip(0..).map(one).collect();
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
        let rule = self.rule(id)?;
        let begins = beginning(word);
        let at = rule.keywords.partition_point(|(beginning, ..)| *beginning < begins);
        let alike = rule.keywords[at..].iter().take_while(|(beginning, ..)| *beginning == begins);
        let own = alike.into_iter().find(|(_, name, _)| *name == word).map(|(_, name, id)| (name, id));
        let level = id != ROOT && matches!(rule.kind, Kind::Container | Kind::Entry);
        let anywhere =
            || self.universal.iter().find(|(name, _)| level && *name == word).map(|(name, id)| (name, id));
        let id = *own.or_else(anywhere)?.1;
        Some((id, &self.rules[id.0 as usize]))
    }

    /// The child that an element of XML or JSON stands for.
    #[must_use]
    pub fn element(&self, id: RuleId, name: &str) -> Option<(RuleId, &Rule)> {
        let own = self.children(id).find(|(_, rule)| rule.element == name);
        own.or_else(|| self.keyword(id, name).filter(|(id, _)| self.universal.iter().any(|(_, u)| u == id)))
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

/// The first bytes of a word, in an order that is that of words.
fn beginning(word: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = word.len().min(8);
    bytes[..length].copy_from_slice(&word.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

fn key_rows(keys: &'static str, values: &'static str) -> Vec<Key> {
    let mut values = values.split(" || ");
    let keys = keys.split(',').filter(|k| !k.is_empty());
    let row = |cell: &'static str| {
        let (cell, optional) = cell.strip_suffix('?').map_or((cell, false), |cell| (cell, true));
        let (element, keyword) = cell.split_once(':').map_or((cell, None), |(e, k)| (e, Some(k)));
        Key { element, keyword, optional, value: Values::parse(values.next().unwrap_or("")) }
    };
    keys.map(row).collect()
}
