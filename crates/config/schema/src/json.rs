//! Junos JSON: `{ "configuration": { ... } }`, marks in `@` members.
//!
//! Spec: language-22..23.

use std::fmt::{self, Write};

use ravelin_syntax::{Change, Diagnostic, Span, Tags, Tree, Word};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::bind::Bound;
use crate::element::{Element, Order, STATEMENT, Shape, bound, elements};

/// A tree as JSON.
#[must_use]
pub fn write(tree: &Tree) -> String {
    let mut out = String::from("{\n    \"configuration\" : ");
    object(&mut out, &Element { children: elements(&tree.nodes), ..Element::default() }, 1);
    out.push_str("\n}\n");
    out
}

fn string(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// An element with what is in it; elements of one name are together.
fn object(out: &mut String, element: &Element, depth: usize) {
    let pad = "    ".repeat(depth + 1);
    let mut members: Vec<String> = Vec::new();
    if let Some(marks) = marks(&element.tags) {
        members.push(format!("\"@\" : {marks}"));
    }
    if element.name == STATEMENT {
        members.push(format!("\"words\" : {}", string(element.value.as_deref().unwrap_or(""))));
    }
    let mut rest = element.children.as_slice();
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|e| e.name == first.name).count();
        let (same, after) = rest.split_at(count);
        rest = after;
        member(&mut members, first, same, depth + 1);
    }
    if members.is_empty() {
        out.push_str("{}");
        return;
    }
    let _ = write!(out, "{{\n{pad}{}\n{}}}", members.join(&format!(",\n{pad}")), "    ".repeat(depth));
}

fn member(members: &mut Vec<String>, first: &Element, same: &[Element], depth: usize) {
    let name = string(&first.name);
    let value = |e: &Element| match e.shape {
        Shape::Number => e.value.clone().unwrap_or_default(),
        _ => string(e.value.as_deref().unwrap_or("")),
    };
    let text = match first.shape {
        Shape::Flag => "[null]".to_owned(),
        Shape::Value | Shape::Number => value(first),
        Shape::ListedValue => format!("[{}]", same.iter().map(value).collect::<Vec<_>>().join(", ")),
        Shape::Object => {
            let mut out = String::new();
            object(&mut out, first, depth);
            out
        }
        Shape::Listed => {
            let pad = "    ".repeat(depth + 1);
            let one = |e: &Element| {
                let mut out = pad.clone();
                object(&mut out, e, depth + 1);
                out
            };
            let list: Vec<String> = same.iter().map(one).collect();
            format!("[\n{}\n{}]", list.join(",\n"), "    ".repeat(depth))
        }
    };
    if !matches!(first.shape, Shape::Object | Shape::Listed)
        && let Some(marks) = marks(&first.tags)
    {
        members.push(format!("{} : {marks}", string(&format!("@{}", first.name))));
    }
    members.push(format!("{name} : {text}"));
}

fn marks(tags: &Tags) -> Option<String> {
    let Tags { inactive, protect, change: _, comments } = tags;
    let mut members = Vec::new();
    match comments.as_slice() {
        [] => {}
        [only] => members.push(format!("\"comment\" : {}", string(only))),
        more => {
            let list: Vec<String> = more.iter().map(|c| string(c)).collect();
            members.push(format!("\"comment\" : [{}]", list.join(", ")));
        }
    }
    if *inactive {
        members.push("\"inactive\" : true".to_owned());
    }
    if *protect {
        members.push("\"protect\" : true".to_owned());
    }
    (!members.is_empty()).then(|| format!("{{ {} }}", members.join(", ")))
}

/// The statements of a JSON text below `base`. JSON's reader tells places of its own errors only.
pub(crate) fn read(text: &str, base: &[Word]) -> Bound {
    let json = match serde_json::from_str::<Json>(text) {
        Ok(json) => json,
        Err(error) => {
            let span = Span { line: error.line() as u32, column: error.column() as u32 };
            let message = format!("syntax error, {error}");
            return Bound { diagnostics: vec![Diagnostic::error("", span, message)], ..Bound::default() };
        }
    };
    let mut reader = Reader { diagnostics: Vec::new(), path: Vec::new() };
    let members = match json {
        Json::Object(members) => members,
        Json::Null | Json::Text(_) | Json::List(_) => Vec::new(),
    };
    let mut elements = Vec::new();
    for (name, value) in members {
        match value {
            Json::Object(inner) if name == "configuration" => elements.extend(reader.members(inner).1),
            _ if name == "configuration" || name.starts_with('@') => {
                reader.error(format!("`{name}' must be an object"));
            }
            value => elements.extend(reader.members(vec![(name, value)]).1),
        }
    }
    bound(elements, base, reader.diagnostics)
}

/// As written: members in their order, twice when they are there twice.
enum Json {
    Null,
    /// Strings, numbers, `true` and `false`.
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a configuration")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut out = Vec::new();
        while let Some(value) = list.next_element()? {
            out.push(value);
        }
        Ok(Json::List(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut out = Vec::new();
        while let Some(member) = map.next_entry()? {
            out.push(member);
        }
        Ok(Json::Object(out))
    }
}

struct Reader {
    diagnostics: Vec<Diagnostic>,
    path: Vec<String>,
}

impl Reader {
    fn error(&mut self, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(self.path.join(" "), Span::NOWHERE, message));
    }

    /// The marks of an object and the elements in it.
    fn members(&mut self, members: Vec<(String, Json)>) -> (Marks, Vec<Element>) {
        let mut own = Marks::default();
        let mut elements = Vec::new();
        let mut marked: Vec<(String, Marks)> = Vec::new();
        for (name, value) in members {
            if name == "@" {
                own = self.marks(value);
            } else if let Some(of) = name.strip_prefix('@') {
                let marks = self.marks(value);
                marked.push((of.to_owned(), marks));
            } else {
                self.path.push(name.clone());
                self.element(&name, value, &mut elements);
                self.path.pop();
            }
        }
        for (name, marks) in marked {
            match elements.iter_mut().find(|e: &&mut Element| e.name == name) {
                Some(element) => (element.tags, element.order) = marks,
                None => self.error(format!("`@{name}' is about nothing")),
            }
        }
        (own, elements)
    }

    fn element(&mut self, name: &str, value: Json, out: &mut Vec<Element>) {
        let mut element = Element { name: name.to_owned(), ..Element::default() };
        match value {
            Json::Null => out.push(element),
            Json::Text(text) => {
                element.value = Some(text);
                out.push(element);
            }
            Json::List(list) => list.into_iter().for_each(|value| self.element(name, value, out)),
            Json::Object(mut members) => {
                if name == STATEMENT
                    && let Some(at) = members.iter().position(|(n, _)| n == "words")
                    && let Json::Text(words) = members.remove(at).1
                {
                    element.value = Some(words);
                }
                ((element.tags, element.order), element.children) = self.members(members);
                out.push(element);
            }
        }
    }

    fn marks(&mut self, value: Json) -> Marks {
        let (mut tags, mut order) = Marks::default();
        let members = match value {
            Json::Object(members) => members,
            // A list of values may have a mark for each; ours are of the whole.
            Json::List(list) => list
                .into_iter()
                .filter_map(|v| if let Json::Object(members) = v { Some(members) } else { None })
                .flatten()
                .collect(),
            Json::Null | Json::Text(_) => return (tags, order),
        };
        for (name, value) in members {
            let known = match (name.as_str(), value) {
                ("comment", Json::Text(text)) => {
                    tags.comments.push(text);
                    true
                }
                ("comment", Json::List(list)) => {
                    let texts =
                        list.into_iter().filter_map(|v| if let Json::Text(t) = v { Some(t) } else { None });
                    tags.comments.extend(texts);
                    true
                }
                (name, Json::Text(value)) => mark(&mut tags, name, &value) || place(&mut order, name, value),
                _ => false,
            };
            if !known {
                self.error(format!("attribute `{name}' is not supported"));
            }
        }
        if let Some(order) = order.take_if(|order| order.verb.is_empty()) {
            order
                .keys
                .iter()
                .for_each(|(name, _)| self.error(format!("attribute `{name}' is not supported")));
        }
        (tags, order)
    }
}

/// What an entry is marked as, and where it is to go.
type Marks = (Tags, Option<Order>);

/// The place or the name that an entry is to have: a verb, and the keys of another.
fn place(order: &mut Option<Order>, name: &str, value: String) -> bool {
    let verb = match (name, value.as_str()) {
        ("insert", "before") => "before",
        ("insert", "after") => "after",
        ("rename", "rename") => "rename",
        (
            "insert" | "rename" | "operation" | "comment" | "inactive" | "protect" | "active" | "unprotect",
            _,
        ) => {
            return false;
        }
        _ => {
            order.get_or_insert_default().keys.push((name.to_owned(), value));
            return true;
        }
    };
    order.get_or_insert_default().verb = verb;
    true
}

fn mark(tags: &mut Tags, name: &str, value: &str) -> bool {
    match (name, value) {
        ("inactive", "true") => tags.inactive = true,
        ("protect", "true") => tags.protect = true,
        ("active", "true") | ("inactive", "false") => tags.change = Change::Activate,
        ("unprotect", "true") | ("protect", "false") => tags.change = Change::Unprotect,
        ("operation", "delete" | "remove") => tags.change = Change::Delete,
        ("operation", "replace" | "create") => tags.change = Change::Replace,
        ("operation", "merge" | "none") => {}
        _ if name.starts_with("junos:") || name == "xmlns" || name.starts_with("xmlns:") => {}
        _ => return false,
    }
    true
}
