//! Gives every written word its place in the grammar: statements as read become the tree.
//!
//! Both forms go through here, so `a { b c; }` and `set a b c` give one tree. Errors are collected, never fatal.

mod opaque;

use ravelin_syntax::tree::{Change, Kind, Node, Style};
use ravelin_syntax::{Args, Children, Diagnostic, Ending, Form, Item, Reader, Span, Statement, Tree, Word};

use crate::grammar::{Grammar, ROOT, Rule, RuleId, grammar};
use crate::index::Index;
use crate::trail::Trail;
use crate::value::{Values, nearest};

#[derive(Clone, Debug, Default)]
pub struct Bound {
    pub tree: Tree,
    pub diagnostics: Vec<Diagnostic>,
    /// Statements may hold changes: `replace:`, `delete:`.
    pub(crate) is_marked: bool,
    /// What is to be done once the statements are in: `insert`, `rename`.
    pub(crate) commands: Vec<String>,
}

/// Statements that a level in the making keeps room for when it is done.
const ROOM_MAX: usize = 4096;
/// Hints are looked for this often in one text: each compares a word with every keyword of its level.
const HINTS_MAX: usize = 100;

/// The statements of a braces text below `base`, their changes (`replace:`, `delete:`) still marked.
pub(crate) fn bind(text: &str, base: &[Word]) -> Bound {
    let mut nodes = Vec::new();
    let mut binder = Binder::new(Form::Braces);
    binder.reader = Some(Reader::new(text));
    if base.is_empty() {
        binder.read_level(&mut nodes, Scope::TOP);
    } else {
        let items = base.iter().map(|w| Item::One(w.clone())).collect();
        let mut statement = Statement { items, ..Statement::default() };
        binder.open = true;
        binder.place_statement(&mut nodes, Scope::TOP, &mut statement);
    }
    crate::index::settle(&mut nodes);
    let mut diagnostics = std::mem::take(&mut binder.diagnostics);
    diagnostics.extend(binder.reader.take().into_iter().flat_map(Reader::finish));
    Bound { tree: Tree { nodes }, diagnostics, is_marked: binder.is_marked, commands: Vec::new() }
}

#[derive(Clone, Copy)]
pub(crate) struct Scope {
    pub rule: RuleId,
    /// Of the path so far: tells statements apart without a search.
    pub hash: u64,
}

impl Scope {
    pub const TOP: Self = Self { rule: ROOT, hash: 0 };
}

pub(crate) struct Binder<'a> {
    grammar: &'static Grammar,
    form: Form,
    /// Where statements come from that are not given whole.
    reader: Option<Reader<'a>>,
    /// The brace of the statement at hand is open in the reader.
    open: bool,
    is_marked: bool,
    /// Room for levels in the making.
    levels: Vec<Vec<Node>>,
    pub diagnostics: Vec<Diagnostic>,
    pub index: Index,
    path: Trail,
    failed: bool,
    /// What stands before the statement at hand has been given to one of its words.
    tagged: bool,
    /// Below `groups`: keys may be wildcards, values variables.
    in_group: bool,
    hints: usize,
}

impl Binder<'_> {
    /// For a tree that this binder makes from nothing: new statements go to the end of their level, and
    /// [`crate::index::settle`] puts them in order.
    pub fn new(form: Form) -> Self {
        Self::with(form, Index::complete())
    }

    /// With what is known of a tree that is there.
    pub fn with(form: Form, index: Index) -> Self {
        Self {
            grammar: grammar(),
            form,
            reader: None,
            open: false,
            is_marked: false,
            levels: Vec::new(),
            diagnostics: Vec::new(),
            index,
            path: Trail::default(),
            failed: false,
            tagged: false,
            in_group: false,
            hints: 0,
        }
    }

    /// Takes the words of the statement into the tree; they are gone from it.
    pub fn place_statement(&mut self, nodes: &mut Vec<Node>, scope: Scope, statement: &mut Statement) {
        let mut items = std::mem::take(&mut statement.items);
        let depth = self.path.len();
        let braces = self.reader.as_ref().map_or(0, Reader::depth);
        let (in_group, tagged) = (self.in_group, self.tagged);
        self.failed = false;
        self.tagged = false;
        self.is_marked |= statement.tags.change != Change::Merge;
        let used = self.place(nodes, scope, &mut items, statement);
        if !self.failed && used < items.len() {
            self.unknown(scope.rule, &items[used]);
        }
        if std::mem::take(&mut self.open)
            && let Some(reader) = &mut self.reader
        {
            // What is in the braces of a statement that has no place is read for its own errors only.
            reader.close(braces);
        }
        self.path.truncate(depth);
        self.in_group = in_group;
        self.tagged = tagged;
        statement.items = items;
    }

    /// Places what the reader has up to where the level at hand ends.
    fn read_level(&mut self, nodes: &mut Vec<Node>, scope: Scope) {
        let mut statement = Statement::default();
        while let Some(ending) = self.reader.as_mut().and_then(|r| r.next(&mut statement)) {
            self.open = ending == Ending::Open;
            self.place_statement(nodes, scope, &mut statement);
        }
    }

    fn has_body(&self, from: &Statement) -> bool {
        self.open || from.body.is_some()
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.failed = true;
        if self.diagnostics.len() < ravelin_syntax::DIAGNOSTICS_MAX {
            self.diagnostics.push(Diagnostic::error(self.path.join(), span, message));
        }
    }

    fn unknown(&mut self, rule: RuleId, item: &Item) {
        let Item::One(word) = item else {
            return self.error(item.span(), "syntax error, a list isn't expected here");
        };
        self.hints += 1;
        let names = self.grammar.children(rule).filter(|(_, r)| !r.hidden).map(|(_, r)| r.name);
        let near = if self.hints > HINTS_MAX { None } else { nearest(&word.text, names) };
        // What is no keyword, nor like one, may be a value that isn't right.
        let mut bare = self.grammar.hidden(rule).filter(|(_, r)| r.kind != Kind::Entry);
        let value = bare.next().filter(|_| near.is_none()).and_then(|(_, r)| r.value.check(&word.text).err());
        let message = value.unwrap_or_else(|| format!("syntax error, unknown statement `{}'", word.text));
        self.error(word.span, message);
        if let (Some(near), Some(last)) = (near, self.diagnostics.last_mut()) {
            last.hint = Some(format!("did you mean `{near}'?"));
        }
    }

    /// Places `items` below `scope`; says how many it took. What it leaves may belong to the parent.
    fn place(
        &mut self,
        nodes: &mut Vec<Node>,
        scope: Scope,
        items: &mut [Item],
        from: &mut Statement,
    ) -> usize {
        let mut at = 0;
        let one_line = self
            .grammar
            .rule(scope.rule)
            .is_some_and(|r| matches!(r.style, Style::OneLine | Style::OneLinePlus));
        while at < items.len() && !self.failed {
            let depth = self.path.len();
            let Some((id, rule)) = choose(self.grammar, scope.rule, &items[at]) else {
                if at == 0 && self.is_opaque(scope.rule, &items[at]) {
                    self.opaque(nodes, Some(scope.hash), items, from);
                    return items.len();
                }
                if at == 0 {
                    self.unknown(scope.rule, &items[0]);
                }
                return at;
            };
            let taken = self.one(nodes, Scope { rule: id, ..scope }, rule, &mut items[at..], from);
            at += taken;
            self.path.truncate(depth);
            if at < items.len() && self.form == Form::Braces && !one_line {
                return at;
            }
        }
        at
    }

    fn is_opaque(&self, scope: RuleId, item: &Item) -> bool {
        matches!(item, Item::One(_))
            && self.grammar.rule(scope).is_some_and(|r| scope != ROOT && !r.supported() && !r.is_group)
    }

    /// One statement whose rule is `scope.rule`, and what follows on its line.
    fn one(
        &mut self,
        nodes: &mut Vec<Node>,
        scope: Scope,
        rule: &'static Rule,
        items: &mut [Item],
        from: &mut Statement,
    ) -> usize {
        let named = usize::from(!rule.hidden);
        if !rule.hidden {
            self.path.push(rule.name);
        }
        let at = items[0].span();
        match rule.kind {
            Kind::Opaque => {
                self.opaque(nodes, Some(scope.hash), items, from);
                items.len()
            }
            Kind::Flag => {
                let node = self.merge(nodes, scope, rule, Args::default(), at).0;
                self.finish_leaf(node, items, 1, from)
            }
            Kind::Leaf | Kind::LeafList => {
                let Some(item) = items.get_mut(named) else {
                    if from.tags.change == Change::Delete {
                        let node = self.merge(nodes, scope, rule, Args::default(), at).0;
                        return self.finish_leaf(node, items, named, from);
                    }
                    self.error(at, "syntax error, missing argument");
                    return items.len();
                };
                let mut words = match item {
                    Item::One(word) => Args::one(std::mem::take(word)),
                    Item::Many(words, _) if rule.kind == Kind::LeafList && !words.is_empty() => {
                        std::mem::take(words).into()
                    }
                    Item::Many(_, span) => {
                        self.error(*span, "syntax error, one value is expected here");
                        return items.len();
                    }
                };
                for word in words.iter_mut() {
                    word.secret = rule.value.is_secret;
                    self.check_value(&rule.value, word);
                }
                let node = self.merge(nodes, scope, rule, words, at).0;
                self.finish_leaf(node, items, named + 1, from)
            }
            Kind::Container => {
                let (node, hash) = self.merge(nodes, scope, rule, Args::default(), at);
                self.below(node, Scope { hash, ..scope }, items, named, from)
            }
            Kind::Entry => self.entry(nodes, scope, rule, items, from),
        }
    }

    fn check_value(&mut self, values: &Values, word: &mut Word) {
        if let Some(whole) = values.kind.completed(&word.text) {
            word.text = whole.into();
        }
        if self.in_group && (crate::groups::is_wildcard(&word.text) || word.text.contains("${")) {
            if word.text.len() > crate::groups::WILDCARD_BYTES_MAX {
                self.error(word.span, "a wildcard is too long");
            }
            return;
        }
        if let Err(message) = values.check(&word.text) {
            self.error(word.span, message);
            // The statement is known: what is in it is read, and its errors told too.
            self.failed = false;
        }
    }

    /// A list entry: its keys, each maybe behind a word of its own.
    fn entry(
        &mut self,
        nodes: &mut Vec<Node>,
        scope: Scope,
        rule: &'static Rule,
        items: &mut [Item],
        from: &mut Statement,
    ) -> usize {
        let (mut at, count, start) = (usize::from(!rule.hidden), items.len(), items[0].span());
        if let (Some(Item::Many(words, _)), 1) = (items.get_mut(at), rule.keys.len())
            && at + 1 == count
            && !self.has_body(from)
        {
            for word in words {
                self.check_value(rule.first_value(), word);
                let (word, span) = (std::mem::take(word), word.span);
                let node = self.merge(nodes, scope, rule, Args::one(word), span).0;
                apply_tags(node, from);
            }
            return count;
        }
        let mut args = Args::default();
        for key in &rule.keys {
            if key.optional && !args.last().is_some_and(|w| crate::grammar::takes_value(&w.text)) {
                continue;
            }
            if let Some(keyword) = key.keyword {
                match items.get_mut(at) {
                    Some(Item::One(word)) if word.text == keyword => args.push(std::mem::take(word)),
                    other => {
                        let span = other.map_or(start, |item| item.span());
                        self.error(span, format!("syntax error, expecting `{keyword}'"));
                        return items.len();
                    }
                }
                at += 1;
            }
            let Some(Item::One(word)) = items.get_mut(at) else {
                let span = items.get(at).map_or(start, Item::span);
                self.error(span, "syntax error, missing argument");
                return items.len();
            };
            self.check_value(&key.value, word);
            args.push(std::mem::take(word));
            at += 1;
        }
        args.iter().for_each(|w| self.path.push(&w.text));
        self.in_group |= rule.is_group;
        let (node, hash) = self.merge(nodes, scope, rule, args, start);
        self.below(node, Scope { hash, ..scope }, items, at, from)
    }

    /// The rest of a container's or entry's line, then its braces.
    fn below(
        &mut self,
        node: &mut Node,
        scope: Scope,
        items: &mut [Item],
        used: usize,
        from: &mut Statement,
    ) -> usize {
        // A statement that is written on one line is tagged as a whole.
        let inline = matches!(node.style, Style::OneLine | Style::OneLinePlus);
        if used == items.len() || inline {
            self.tag(node, from);
        }
        if used == items.len() {
            if let Some(body) = from.body.take() {
                for mut statement in body {
                    self.place_statement(node.children.edit(), scope, &mut statement);
                }
            } else if std::mem::take(&mut self.open) {
                if node.children.is_empty() {
                    // As large as it must be: most levels are small, and many.
                    let mut level = self.levels.pop().unwrap_or_default();
                    self.read_level(&mut level, scope);
                    self.keep(node, level);
                } else {
                    self.read_level(node.children.edit(), scope);
                }
            }
            return used;
        }
        if !node.children.is_empty() {
            return used + self.place(node.children.edit(), scope, &mut items[used..], from);
        }
        let mut level = self.levels.pop().unwrap_or_default();
        let taken = self.place(&mut level, scope, &mut items[used..], from);
        self.keep(node, level);
        used + taken
    }

    /// Gives a statement its level; most are small, and there are many.
    fn keep(&mut self, node: &mut Node, mut level: Vec<Node>) {
        node.children = Children::taken(&mut level);
        if level.capacity() <= ROOM_MAX {
            self.levels.push(level);
        }
    }

    fn finish_leaf(&mut self, node: &mut Node, items: &[Item], used: usize, from: &Statement) -> usize {
        if used >= items.len() {
            self.tag(node, from);
            let inside = match &mut self.reader {
                Some(reader) if self.open => {
                    let depth = reader.depth();
                    let inside = reader.next(&mut Statement::default()).is_some();
                    reader.close(depth);
                    self.open = false;
                    inside
                }
                _ => from.body.as_ref().is_some_and(|b| !b.is_empty()),
            };
            if inside {
                let span = node.span;
                self.error(span, "syntax error, expecting `;'");
            }
        }
        used
    }

    fn tag(&mut self, node: &mut Node, from: &Statement) {
        if !std::mem::replace(&mut self.tagged, true) {
            apply_tags(node, from);
        }
    }

    /// The statement of this rule and these arguments: the one there is, or a new one in its place.
    fn merge<'a>(
        &mut self,
        nodes: &'a mut Vec<Node>,
        scope: Scope,
        rule: &Rule,
        args: Args,
        at: Span,
    ) -> (&'a mut Node, u64) {
        let keys: &[Word] = if rule.kind == Kind::Entry { &args } else { &[] };
        let hash = self.index.hash(scope, keys);
        if let Some(found) = self.index.find(hash, nodes, scope.rule, keys) {
            let node = &mut nodes[found];
            if node.protect && self.form == Form::Lines {
                self.error(at, "statement is protected and can't be changed");
            }
            match rule.kind {
                Kind::LeafList => self.index.add_values(hash, &mut node.args, args),
                Kind::Leaf => {
                    node.args = args;
                    node.span = at;
                }
                Kind::Container | Kind::Entry | Kind::Flag | Kind::Opaque => {}
            }
            return (node, hash);
        }
        let mut node = self.grammar.node(scope.rule, at);
        if rule.kind == Kind::LeafList {
            self.index.add_values(hash, &mut node.args, args);
        } else {
            node.args = args;
        }
        let place = self.index.add(scope.hash, hash, nodes, node);
        (&mut nodes[place], hash)
    }
}

/// The rule that a statement beginning with this word follows.
pub(crate) fn choose(
    grammar: &'static Grammar,
    scope: RuleId,
    item: &Item,
) -> Option<(RuleId, &'static Rule)> {
    let first = match item {
        Item::One(word) => Some(word),
        Item::Many(words, _) => words.first(),
    }?;
    if let (Item::One(word), Some(found)) = (item, grammar.keyword(scope, &first.text))
        && !word.quoted
    {
        return Some(found);
    }
    let mut hidden = grammar.hidden(scope);
    let only = hidden.next()?;
    let fits = |rule: &Rule| rule.first_value().check(&first.text).is_ok();
    let mut all = std::iter::once(only).chain(hidden);
    let found = all.find(|(_, rule)| fits(rule));
    found.or((only.1.kind == Kind::Entry).then_some(only))
}

fn apply_tags(node: &mut Node, from: &Statement) {
    node.inactive |= from.tags.inactive;
    node.protect |= from.tags.protect;
    if from.tags.change != Change::Merge {
        node.set_change(from.tags.change);
    }
    if !from.tags.comments.is_empty() {
        node.comments.extend(from.tags.comments.iter().cloned());
    }
}
