//! Gives every written word its place in the grammar: statements as read become the tree.
//!
//! Both forms go through here, so `a { b c; }` and `set a b c` give one tree. Errors are collected, never fatal.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use ravelin_syntax::tree::{Kind, Node, Style};
use ravelin_syntax::{Diagnostic, Form, Item, Parsed, Span, Statement, Tree, Word};

use crate::grammar::{Grammar, OPAQUE, ROOT, Rule, RuleId, grammar};
use crate::value::nearest;

#[derive(Clone, Debug, Default)]
pub struct Bound {
    pub tree: Tree,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads text in either form.
#[must_use]
pub fn read(text: &str) -> Bound {
    let parsed = ravelin_syntax::parse(text);
    let mut bound = match parsed.form {
        Form::Braces => bind(&parsed),
        Form::Lines => crate::edit::replay(&parsed),
    };
    bound.diagnostics.extend(parsed.diagnostics);
    bound.diagnostics.sort_by_key(|d| d.span.offset);
    bound
}

fn bind(parsed: &Parsed) -> Bound {
    let mut bound = Bound::default();
    let mut binder = Binder::new(Form::Braces);
    for statement in &parsed.statements {
        binder.place_statement(&mut bound.tree.nodes, Scope { rule: ROOT, hash: 0 }, statement);
    }
    bound.diagnostics = binder.diagnostics;
    bound
}

#[derive(Clone, Copy)]
pub(crate) struct Scope {
    pub rule: RuleId,
    /// Of the path so far: tells new statements from ones met before without a search.
    pub hash: u64,
}

pub(crate) struct Binder {
    grammar: &'static Grammar,
    form: Form,
    pub diagnostics: Vec<Diagnostic>,
    path: Vec<String>,
    seen: HashSet<u64>,
    /// `seen` knows every statement of the tree: true while one binder makes all of it.
    complete: bool,
    hasher: RandomState,
    failed: bool,
}

impl Binder {
    pub fn new(form: Form) -> Self {
        Self {
            grammar: grammar(),
            form,
            diagnostics: Vec::new(),
            path: Vec::new(),
            seen: HashSet::new(),
            complete: true,
            hasher: RandomState::new(),
            failed: false,
        }
    }

    /// For a tree that others made or changed: look for what is there.
    pub fn search(&mut self) {
        self.complete = false;
    }

    pub fn place_statement(&mut self, nodes: &mut Vec<Node>, scope: Scope, statement: &Statement) {
        let depth = self.path.len();
        self.failed = false;
        if statement.tags.replace || statement.tags.delete {
            return self.error(statement.span, "`replace:' and `delete:' are not supported");
        }
        let used = self.place(nodes, scope, &statement.items, statement);
        if !self.failed && used < statement.items.len() {
            self.unknown(scope.rule, &statement.items[used]);
        }
        self.path.truncate(depth);
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.failed = true;
        self.diagnostics.push(Diagnostic::error(self.path.join(" "), span, message));
    }

    fn unknown(&mut self, rule: RuleId, item: &Item) {
        let Item::One(word) = item else {
            return self.error(item.span(), "syntax error, a list isn't expected here");
        };
        let names = self.grammar.children(rule).filter(|(_, r)| !r.hidden).map(|(_, r)| r.name);
        let near = nearest(&word.text, names);
        self.error(word.span, format!("syntax error, unknown statement `{}'", word.text));
        if let (Some(near), Some(last)) = (near, self.diagnostics.last_mut()) {
            last.hint = Some(format!("did you mean `{near}'?"));
        }
    }

    /// Places `items` below `scope`; says how many it took. What it leaves may belong to the parent.
    fn place(&mut self, nodes: &mut Vec<Node>, scope: Scope, items: &[Item], from: &Statement) -> usize {
        let mut at = 0;
        let one_line = self
            .grammar
            .rule(scope.rule)
            .is_some_and(|r| matches!(r.style, Style::OneLine | Style::OneLinePlus));
        while at < items.len() && !self.failed {
            let depth = self.path.len();
            let Some((id, rule)) = self.choose(scope.rule, &items[at]) else {
                if at == 0 && self.is_opaque(scope.rule, &items[at]) {
                    self.opaque(nodes, items, from);
                    return items.len();
                }
                if at == 0 {
                    self.unknown(scope.rule, &items[0]);
                }
                return at;
            };
            let taken = self.one(nodes, Scope { rule: id, ..scope }, rule, &items[at..], from);
            at += taken;
            self.path.truncate(depth);
            if at < items.len() && self.form == Form::Braces && !one_line {
                return at;
            }
        }
        at
    }

    fn choose(&self, scope: RuleId, item: &Item) -> Option<(RuleId, &'static Rule)> {
        let first = match item {
            Item::One(word) => Some(word),
            Item::Many(words, _) => words.first(),
        }?;
        if let (Item::One(word), Some(found)) = (item, self.grammar.keyword(scope, &first.text))
            && !word.quoted
        {
            return Some(found);
        }
        let mut hidden = self.grammar.hidden(scope);
        let only = hidden.next()?;
        let mut all = std::iter::once(only).chain(hidden);
        let fits = all.find(|(_, rule)| rule.value.check(&first.text).is_ok());
        fits.or((only.1.kind == Kind::Entry).then_some(only))
    }

    fn is_opaque(&self, scope: RuleId, item: &Item) -> bool {
        let Item::One(word) = item else { return false };
        let anywhere = ["apply-groups", "apply-groups-except", "apply-macro", "apply-flags"];
        anywhere.contains(&word.text.as_str())
            || self.grammar.rule(scope).is_some_and(|r| scope != ROOT && !r.supported())
    }

    /// One statement whose rule is `scope.rule`, and what follows on its line.
    fn one(
        &mut self,
        nodes: &mut Vec<Node>,
        scope: Scope,
        rule: &'static Rule,
        items: &[Item],
        from: &Statement,
    ) -> usize {
        let named = usize::from(!rule.hidden);
        if !rule.hidden {
            self.path.push(rule.name.to_owned());
        }
        let at = items[0].span();
        match rule.kind {
            Kind::Opaque => {
                self.opaque(nodes, items, from);
                items.len()
            }
            Kind::Flag => {
                let node = self.merge(nodes, scope, rule, Vec::new(), at).0;
                self.finish_leaf(node, items, 1, from)
            }
            Kind::Leaf | Kind::LeafList => {
                let Some(item) = items.get(named) else {
                    self.error(at, "syntax error, missing argument");
                    return items.len();
                };
                let words = match item {
                    Item::One(word) => std::slice::from_ref(word),
                    Item::Many(words, _) if rule.kind == Kind::LeafList => words.as_slice(),
                    Item::Many(_, span) => {
                        self.error(*span, "syntax error, one value is expected here");
                        return items.len();
                    }
                };
                words.iter().for_each(|word| self.check_value(rule, word));
                let node = self.merge(nodes, scope, rule, words.to_vec(), at).0;
                self.finish_leaf(node, items, named + 1, from)
            }
            Kind::Container => {
                let (node, hash) = self.merge(nodes, scope, rule, Vec::new(), at);
                self.below(node, Scope { hash, ..scope }, items, named, from)
            }
            Kind::Entry => self.entry(nodes, scope, rule, items, from),
        }
    }

    fn check_value(&mut self, rule: &Rule, word: &Word) {
        if let Err(message) = rule.value.check(&word.text) {
            let failed = self.failed;
            self.error(word.span, message);
            self.failed = failed;
        }
    }

    fn entry(
        &mut self,
        nodes: &mut Vec<Node>,
        scope: Scope,
        rule: &'static Rule,
        items: &[Item],
        from: &Statement,
    ) -> usize {
        let mut at = usize::from(!rule.hidden);
        let mut args = Vec::new();
        for (n, key) in rule.keys.iter().enumerate() {
            if let Some(keyword) = key {
                match items.get(at) {
                    Some(Item::One(word)) if word.text == *keyword => args.push(word.clone()),
                    other => {
                        let span = other.map_or(items[0].span(), Item::span);
                        self.error(span, format!("syntax error, expecting `{keyword}'"));
                        return items.len();
                    }
                }
                at += 1;
            }
            match items.get(at) {
                Some(Item::One(word)) => {
                    if n == 0 {
                        self.check_value(rule, word);
                    }
                    args.push(word.clone());
                }
                Some(Item::Many(words, _))
                    if rule.keys.len() == 1 && at + 1 == items.len() && from.body.is_none() =>
                {
                    for word in words {
                        self.check_value(rule, word);
                        self.merge(nodes, scope, rule, vec![word.clone()], word.span);
                    }
                    return items.len();
                }
                other => {
                    let span = other.map_or(items[0].span(), Item::span);
                    self.error(span, "syntax error, missing argument");
                    return items.len();
                }
            }
            at += 1;
        }
        self.path.extend(args.iter().map(|w| w.text.clone()));
        let (node, hash) = self.merge(nodes, scope, rule, args, items[0].span());
        self.below(node, Scope { hash, ..scope }, items, at, from)
    }

    /// The rest of a container's or entry's line, then its braces.
    fn below(
        &mut self,
        node: &mut Node,
        scope: Scope,
        items: &[Item],
        used: usize,
        from: &Statement,
    ) -> usize {
        if used == items.len() {
            self.tag(node, from);
            for statement in from.body.iter().flatten() {
                let depth = self.path.len();
                self.place_statement(&mut node.children, scope, statement);
                self.path.truncate(depth);
            }
            return used;
        }
        let taken = self.place(&mut node.children, scope, &items[used..], from);
        used + taken
    }

    fn finish_leaf(&mut self, node: &mut Node, items: &[Item], used: usize, from: &Statement) -> usize {
        if used >= items.len() {
            self.tag(node, from);
            if from.body.as_ref().is_some_and(|b| !b.is_empty()) {
                let span = node.span;
                self.error(span, "syntax error, expecting `;'");
            }
        }
        used
    }

    fn tag(&mut self, node: &mut Node, from: &Statement) {
        node.inactive |= from.tags.inactive;
        node.protect |= from.tags.protect;
        node.comments.extend(from.tags.comments.iter().cloned());
    }

    /// The statement of this rule and these arguments: the one there is, or a new one in its place.
    fn merge<'a>(
        &mut self,
        nodes: &'a mut Vec<Node>,
        scope: Scope,
        rule: &Rule,
        args: Vec<Word>,
        at: Span,
    ) -> (&'a mut Node, u64) {
        let identity: Vec<&str> = if rule.kind == Kind::Entry {
            args.iter().map(|w| w.text.as_str()).collect()
        } else {
            Vec::new()
        };
        let hash = self.hasher.hash_one((scope.hash, scope.rule, &identity));
        let fresh = self.complete && self.seen.insert(hash);
        let same = |n: &Node| n.rule == scope.rule.0 && (rule.kind != Kind::Entry || n.args == args);
        if let Some(found) = (!fresh).then(|| nodes.iter().rposition(same)).flatten() {
            let node = &mut nodes[found];
            match rule.kind {
                Kind::LeafList => {
                    for word in args {
                        if !node.args.contains(&word) {
                            node.args.push(word);
                        }
                    }
                }
                Kind::Leaf => {
                    node.args = args;
                    node.span = at;
                }
                Kind::Container | Kind::Entry | Kind::Flag | Kind::Opaque => {}
            }
            return (node, hash);
        }
        let place = nodes.iter().rposition(|n| n.rule <= scope.rule.0).map_or(0, |n| n + 1);
        let mut args = args;
        if rule.kind == Kind::LeafList {
            let mut kept = HashSet::new();
            args.retain(|w| kept.insert(w.text.clone()));
        }
        let node = Node {
            rule: scope.rule.0,
            kind: rule.kind,
            style: rule.style,
            presence: rule.mark == crate::Mark::Presence || rule.kind == Kind::Entry,
            name: if rule.hidden { String::new() } else { rule.name.to_owned() },
            args,
            span: at,
            ..Node::default()
        };
        nodes.insert(place, node);
        (&mut nodes[place], hash)
    }

    fn opaque(&mut self, nodes: &mut Vec<Node>, items: &[Item], from: &Statement) {
        let mut node = opaque_node(items, from);
        for statement in from.body.iter().flatten() {
            self.opaque(&mut node.children, &statement.items, statement);
        }
        if nodes.last() != Some(&node) {
            nodes.push(node);
        }
    }
}

fn opaque_node(items: &[Item], from: &Statement) -> Node {
    let mut words = items.iter().flat_map(|item| match item {
        Item::One(word) => std::slice::from_ref(word).to_vec(),
        Item::Many(words, _) => words.clone(),
    });
    let name = words.next().map(|w| w.text).unwrap_or_default();
    let list = matches!(items, [Item::One(_), Item::Many(..)]);
    Node {
        rule: OPAQUE.0,
        kind: if list { Kind::LeafList } else { Kind::Opaque },
        name,
        args: words.collect(),
        inactive: from.tags.inactive,
        protect: from.tags.protect,
        comments: from.tags.comments.clone(),
        span: items.first().map_or(from.span, Item::span),
        ..Node::default()
    }
}
