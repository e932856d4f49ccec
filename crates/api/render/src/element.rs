//! A tree of named elements: what Junos' JSON is written from.

use std::fmt::Display;

use serde_json::{Map, Value, json};

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

    fn text(name: &'static str, value: impl Display) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_of_one_name_are_one_array() {
        let element = Element::new("a").leaf("b", 1).leaves("c", ["x", "y"]).maybe("d", None::<u8>);
        let text: Value = serde_json::from_str(&element.json()).unwrap();
        let expected = json!({"a": [{"b": [{"data": "1"}], "c": [{"data": "x"}, {"data": "y"}]}]});
        assert_eq!(text, expected);
    }
}
