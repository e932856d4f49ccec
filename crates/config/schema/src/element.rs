//! Between the tree and the element forms, XML and JSON: what they share.
//!
//! Reading makes statements of elements and lets the binder place them, so that both forms are judged as text is.
//! Spec: language-17..24.

use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Change, Diagnostic, Item, Span, Statement, Tags, Word, render};

use crate::bind::{Binder, Bound, Scope};
use crate::grammar::{ROOT, Rule, RuleId, grammar, takes_value};
use crate::index::settle;
use crate::value::{ValueType, nearest};

/// An element that stands for a statement outside the table: its words are its value.
pub(crate) const STATEMENT: &str = "ravelin:statement";

/// How an element is written where the forms differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    #[default]
    Object,
    /// One of several objects of the name.
    Listed,
    Value,
    Number,
    Flag,
    /// One of several values of the name.
    ListedValue,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Element {
    pub name: String,
    pub tags: Tags,
    pub value: Option<String>,
    pub children: Vec<Element>,
    pub shape: Shape,
    pub span: Span,
    pub order: Option<Order>,
}

/// What an element does to the entry it names, beside holding statements.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// `before`, `after` or `rename`.
    pub verb: &'static str,
    /// The keys of the entry it goes beside, or is to have, by their elements.
    pub keys: Vec<(String, String)>,
}

/// The elements of statements.
pub(crate) fn elements(nodes: &[Node]) -> Vec<Element> {
    let mut out = Vec::with_capacity(nodes.len());
    for node in nodes {
        write(node, &mut out);
    }
    out
}

fn tags(node: &Node) -> Tags {
    let Node { inactive, protect, comments, .. } = node;
    Tags { inactive: *inactive, protect: *protect, change: node.change(), comments: comments.to_vec() }
}

fn write(node: &Node, out: &mut Vec<Element>) {
    let Some(rule) = grammar().rule(RuleId(node.rule)) else {
        out.push(Element {
            name: STATEMENT.to_owned(),
            tags: tags(node),
            value: Some(render::head(node)),
            children: elements(&node.children),
            shape: Shape::Listed,
            span: node.span,
            order: None,
        });
        return;
    };
    let element = Element { name: rule.element.to_owned(), tags: tags(node), ..Element::default() };
    match node.kind {
        Kind::Container if rule.homogeneous => homogeneous(node, element, out),
        Kind::Container | Kind::Opaque => out.push(Element { children: elements(&node.children), ..element }),
        Kind::Flag => out.push(Element { shape: Shape::Flag, ..element }),
        Kind::Leaf => {
            let value = node.args.first().map(|w| w.text.to_string()).unwrap_or_default();
            let shape = shape(&rule.value.kind, &value);
            out.push(Element { value: Some(value), shape, ..element });
        }
        Kind::LeafList => {
            let one = |(n, word): (usize, &Word)| Element {
                tags: if n == 0 { element.tags.clone() } else { Tags::default() },
                name: element.name.clone(),
                value: Some(word.text.to_string()),
                shape: Shape::ListedValue,
                ..Element::default()
            };
            out.extend(node.args.iter().enumerate().map(one));
        }
        Kind::Entry => {
            let mut children = keys(rule, &node.args);
            children.extend(elements(&node.children));
            out.push(Element { children, shape: Shape::Listed, ..element });
        }
    }
}

fn shape(kind: &ValueType, value: &str) -> Shape {
    let canonical = value.parse::<i64>().is_ok_and(|n| n.to_string() == value);
    if matches!(kind, ValueType::Number { .. }) && canonical { Shape::Number } else { Shape::Value }
}

fn keys(rule: &Rule, args: &[Word]) -> Vec<Element> {
    let mut words = args.iter();
    let mut before = "";
    let mut out = Vec::new();
    for key in &rule.keys {
        if key.optional && !takes_value(before) {
            continue;
        }
        if key.keyword.is_some() {
            words.next();
        }
        let value = words.next().map(|w| w.text.as_str()).unwrap_or_default();
        before = value;
        let shape = shape(&key.value.kind, value);
        out.push(Element {
            name: key.element.to_owned(),
            value: Some(value.to_owned()),
            shape,
            ..Element::default()
        });
    }
    out
}

/// Entries stand alone; what else the braces hold, and their marks, goes into an element without a name.
fn homogeneous(node: &Node, element: Element, out: &mut Vec<Element>) {
    let entry = |n: &&Node| n.kind == Kind::Entry && n.name.is_empty();
    let others: Vec<Node> = node.children.iter().filter(|n| !entry(n)).cloned().collect();
    let tagged = element.tags != Tags::default();
    if tagged || !others.is_empty() || node.children.is_empty() {
        out.push(Element { children: elements(&others), shape: Shape::Listed, ..element });
    }
    for child in node.children.iter().filter(entry) {
        write(child, out);
    }
}

/// The tree of a form's elements below `base`.
pub(crate) fn bound(elements: Vec<Element>, base: &[Word], mut diagnostics: Vec<Diagnostic>) -> Bound {
    let path = crate::path::resolve(base);
    let scope = path.ok().and_then(|p| p.steps.last().map(|s| s.rule)).unwrap_or(ROOT);
    let mut reader = Reader { diagnostics: Vec::new(), path: Vec::new(), commands: Vec::new() };
    let mut statements = Vec::new();
    reader.statements(elements, scope, &mut statements);
    diagnostics.append(&mut reader.diagnostics);
    if !base.is_empty() {
        let items = base.iter().cloned().map(Item::One).collect();
        statements = vec![Statement { items, body: Some(statements), ..Statement::default() }];
    }
    let mut nodes = Vec::new();
    let mut binder = Binder::new(ravelin_syntax::Form::Braces);
    for mut statement in statements {
        binder.place_statement(&mut nodes, Scope::TOP, &mut statement);
    }
    settle(&mut nodes);
    diagnostics.append(&mut binder.diagnostics);
    Bound { tree: ravelin_syntax::Tree { nodes }, diagnostics, is_marked: true, commands: reader.commands }
}

struct Reader {
    diagnostics: Vec<Diagnostic>,
    path: Vec<String>,
    /// What is to be done once the statements are in.
    commands: Vec<String>,
}

impl Reader {
    fn error(&mut self, span: Span, message: String) {
        if self.diagnostics.len() < ravelin_syntax::DIAGNOSTICS_MAX {
            self.diagnostics.push(Diagnostic::error(self.path.join(" "), span, message));
        }
    }

    fn statements(&mut self, elements: Vec<Element>, scope: RuleId, out: &mut Vec<Statement>) {
        for element in elements {
            let depth = self.path.len();
            if element.name == STATEMENT {
                out.extend(outside(element));
            } else {
                match grammar().element(scope, &element.name) {
                    Some((id, rule)) => out.extend(self.statement(element, id, rule)),
                    None => match bare_value(&element, scope) {
                        Some(statement) => out.push(statement),
                        None => self.unknown(&element, scope),
                    },
                }
            }
            self.path.truncate(depth);
        }
    }

    fn unknown(&mut self, element: &Element, scope: RuleId) {
        let names = grammar().children(scope).map(|(_, r)| r.element);
        let near = nearest(&element.name, names).map(|near| format!("did you mean `{near}'?"));
        self.error(element.span, format!("syntax error, unknown element `{}'", element.name));
        if let Some(last) = self.diagnostics.last_mut() {
            last.hint = near;
        }
    }

    fn statement(&mut self, mut element: Element, id: RuleId, rule: &'static Rule) -> Option<Statement> {
        let Element { span, .. } = element;
        let word = |text: &str| Item::One(Word { span, ..Word::new(text) });
        // Quoted: a name or value is no keyword, whatever it says.
        let value = |text: String| Item::One(Word { span, quoted: true, ..Word::new(text) });
        if !rule.hidden {
            self.path.push(rule.name.to_owned());
        }
        if rule.homogeneous
            && let Some((entry_id, entry)) = grammar().hidden(id).next()
            && entry.keys.first().is_some_and(|k| element.children.iter().any(|c| c.name == k.element))
        {
            let body = self.statement(element, entry_id, entry)?;
            return Some(Statement {
                items: vec![word(rule.name)],
                body: Some(vec![body]),
                span,
                ..Statement::default()
            });
        }
        let mut items: Vec<Item> = if rule.hidden { Vec::new() } else { vec![word(rule.name)] };
        let tags = std::mem::take(&mut element.tags);
        let mut body = None;
        match rule.kind {
            Kind::Opaque => return Some(opaque(element, tags)),
            Kind::Flag if element.children.is_empty() => {}
            Kind::Leaf | Kind::LeafList if element.children.is_empty() => {
                // Nothing is a value too, but for what goes whatever its value.
                let text = if tags.change == Change::Delete {
                    element.value
                } else {
                    Some(element.value.unwrap_or_default())
                };
                items.extend(text.map(value))
            }
            Kind::Flag | Kind::Leaf | Kind::LeafList => {
                self.error(span, format!("syntax error, `{}' holds no elements", rule.name));
                return None;
            }
            Kind::Container | Kind::Entry => {
                if element.value.is_some_and(|v| !v.trim().is_empty()) {
                    self.error(span, format!("syntax error, `{}' holds elements and no text", rule.name));
                    return None;
                }
                let (keys, rest) = take_keys(rule, element.children);
                for (keyword, text) in keys {
                    if let Some(keyword) = keyword {
                        self.path.push(keyword.to_owned());
                        items.push(word(keyword));
                    }
                    self.path.push(text.clone());
                    items.push(value(text));
                }
                if let Some(order) = &element.order
                    && !self.order(order, rule, span)
                {
                    return None;
                }
                let mut below = Vec::new();
                self.statements(rest, id, &mut below);
                body = Some(below);
            }
        }
        Some(Statement { tags, items, body, span })
    }
}

impl Reader {
    /// Takes down what is to be done with the entry at hand; whether its statements are to be read too.
    fn order(&mut self, order: &Order, rule: &Rule, span: Span) -> bool {
        let mut words = Vec::new();
        for key in rule.keys.iter().filter(|k| !k.optional) {
            let Some((_, name)) = order.keys.iter().find(|(element, _)| element == key.element) else {
                self.error(span, format!("attribute `{}' is missing", key.element));
                return false;
            };
            words.extend(key.keyword.map(str::to_owned));
            words.push(render::quote(name));
        }
        let path: Vec<String> = self.path.iter().map(|w| render::quote(w)).collect();
        let (verb, side) = if order.verb == "rename" { ("rename", "to") } else { ("insert", order.verb) };
        if words.is_empty() {
            self.error(span, "only an entry of a list has a name and a place".to_owned());
            return false;
        }
        self.commands.push(format!("{verb} {} {side} {}", path.join(" "), words.join(" ")));
        verb == "insert"
    }
}

/// An empty element that is one of the values its parent takes: `<default-policy><permit-all/>`.
fn bare_value(element: &Element, scope: RuleId) -> Option<Statement> {
    let Element { name, tags, value, children, span, shape: _, order: _ } = element;
    let one_of =
        |r: &Rule| matches!(&r.value.kind, ValueType::Words(words) if words.contains(&name.as_str()));
    grammar().hidden(scope).find(|(_, r)| r.kind == Kind::Leaf && one_of(r))?;
    let empty = value.as_deref().is_none_or(str::is_empty) && children.is_empty();
    let word = Word { span: *span, ..Word::new(name) };
    empty.then(|| Statement { tags: tags.clone(), items: vec![Item::One(word)], body: None, span: *span })
}

/// Keys of an entry in the table's order, and the elements that are none.
type Keys = Vec<(Option<&'static str>, String)>;

fn take_keys(rule: &Rule, mut children: Vec<Element>) -> (Keys, Vec<Element>) {
    let mut out: Keys = Vec::new();
    for key in &rule.keys {
        let Some(at) = children.iter().position(|c| c.name == key.element && c.children.is_empty()) else {
            continue;
        };
        let found = children.remove(at);
        if key.optional && !out.last().is_some_and(|(_, before)| takes_value(before)) {
            continue;
        }
        out.push((key.keyword, found.value.unwrap_or_default()));
    }
    (out, children)
}

/// A statement outside the table, as it was written.
fn outside(element: Element) -> Option<Statement> {
    let text = element.value.unwrap_or_default();
    let mut parsed = ravelin_syntax::parse(&format!("{text};"));
    let mut statement = parsed.statements.pop()?;
    statement.tags = element.tags;
    statement.span = element.span;
    if !element.children.is_empty() {
        statement.body = Some(element.children.into_iter().filter_map(outside).collect());
    }
    Some(statement)
}

/// An element below a hierarchy that the table doesn't detail.
fn opaque(element: Element, tags: Tags) -> Statement {
    let Element { name, value, children, span, .. } = element;
    let word = |text: String| Item::One(Word { span, ..Word::new(text) });
    let mut items = vec![word(name)];
    items.extend(value.filter(|v| !v.is_empty()).map(word));
    let mut body = Vec::new();
    for mut child in children {
        if child.name == "name" && child.children.is_empty() {
            items.extend(child.value.map(word));
        } else {
            let tags = std::mem::take(&mut child.tags);
            body.push(opaque(child, tags));
        }
    }
    Statement { tags, items, body: (!body.is_empty()).then_some(body), span }
}
