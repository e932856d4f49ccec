//! A tree of named elements: what Junos' JSON and XML are written from.

use std::fmt::{Display, Write as _};

use serde_json::{Map, Value, json};

/// What stands around the only element of a reply.
pub(crate) const REPLY_BEGINS: &str = "<rpc-reply xmlns:junos=\"http://xml.juniper.net/junos/\">\n";
pub(crate) const REPLY_ENDS: &str = "</rpc-reply>\n";

/// A named element with text or children.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    name: &'static str,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Text(String),
    Children(Vec<Element>),
}

impl Element {
    pub fn new(name: &'static str) -> Self {
        Self { name, content: Content::Children(Vec::new()) }
    }

    pub fn text(name: &'static str, value: impl Display) -> Self {
        Self { name, content: Content::Text(value.to_string()) }
    }

    /// Adds a child that holds text.
    pub fn leaf(self, name: &'static str, value: impl Display) -> Self {
        self.child(Self::text(name, value))
    }

    /// Adds a text child when there is a value.
    pub fn maybe(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.leaf(name, value),
            None => self,
        }
    }

    /// Adds a text child of one name for every value.
    pub fn leaves(self, name: &'static str, values: impl IntoIterator<Item = impl Display>) -> Self {
        values.into_iter().fold(self, |element, value| element.leaf(name, value))
    }

    pub fn child(mut self, child: Self) -> Self {
        match &mut self.content {
            Content::Children(children) => children.push(child),
            Content::Text(_) => unreachable!("text elements are made by `leaf` and never handed out"),
        }
        self
    }

    pub fn children(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    /// The document whose only element this is.
    pub fn json(&self) -> String {
        let document = json!({ self.name: [self.value()] });
        let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The reply whose only element this is.
    pub fn xml(&self) -> String {
        let mut out = String::from(REPLY_BEGINS);
        self.write_xml(&mut out, 1);
        out.push_str(REPLY_ENDS);
        out
    }

    /// What stands for the element in a JSON array, in lines of their own.
    pub fn json_value(&self, depth: usize) -> String {
        let indent = "  ".repeat(depth);
        let text = serde_json::to_string_pretty(&self.value()).unwrap_or_default();
        text.lines().fold(String::new(), |out, line| out + &indent + line + "\n")
    }

    pub fn write_xml(&self, out: &mut String, depth: usize) {
        let (name, indent) = (self.name, "    ".repeat(depth));
        match &self.content {
            Content::Text(text) => {
                let _ = writeln!(out, "{indent}<{name}>{}</{name}>", escaped(text));
            }
            Content::Children(children) if children.is_empty() => {
                let _ = writeln!(out, "{indent}<{name}/>");
            }
            Content::Children(children) => {
                let _ = writeln!(out, "{indent}<{name}>");
                children.iter().for_each(|child| child.write_xml(out, depth + 1));
                let _ = writeln!(out, "{indent}</{name}>");
            }
        }
    }

    fn value(&self) -> Value {
        match &self.content {
            Content::Text(text) => json!({ "data": text }),
            Content::Children(children) => {
                let mut map = Map::new();
                for child in children {
                    let slot = map.entry(child.name).or_insert_with(|| Value::Array(Vec::new()));
                    if let Value::Array(list) = slot {
                        list.push(child.value());
                    }
                }
                Value::Object(map)
            }
        }
    }
}

/// Text as XML 1.0 may hold it; characters that it can't hold at all are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_nests_and_escapes() {
        let element = Element::new("a").leaf("b", "<x & y>\u{1}").child(Element::new("c"));
        let expected = "<rpc-reply xmlns:junos=\"http://xml.juniper.net/junos/\">\n    <a>\n        \
                        <b>&lt;x &amp; y&gt;</b>\n        <c/>\n    </a>\n</rpc-reply>\n";
        assert_eq!(element.xml(), expected);
    }

    #[test]
    fn children_of_one_name_are_one_array() {
        let element = Element::new("a").leaf("b", 1).leaves("c", ["x", "y"]).maybe("d", None::<u8>);
        let text: Value = serde_json::from_str(&element.json()).unwrap();
        let expected = json!({"a": [{"b": [{"data": "1"}], "c": [{"data": "x"}, {"data": "y"}]}]});
        assert_eq!(text, expected);
    }
}
