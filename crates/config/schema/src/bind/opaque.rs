//! Statements that no row of the table stands for: kept as written.

use ravelin_syntax::tree::{Kind, Node};
use ravelin_syntax::{Args, Ending, Item, Reader, Statement};

use super::{Binder, apply_tags};
use crate::grammar::OPAQUE;

impl Binder<'_> {
    pub(super) fn opaque(&mut self, nodes: &mut Vec<Node>, items: &[Item], from: &Statement) {
        let named = items.first().is_some_and(|item| match item {
            Item::One(word) => !word.text.is_empty(),
            Item::Many(..) => false,
        });
        if !named {
            return self.error(from.span, "syntax error, expecting a statement");
        }
        let mut node = opaque_node(items, from);
        for statement in from.body.iter().flatten() {
            self.opaque(&mut node.children, &statement.items, statement);
        }
        if std::mem::take(&mut self.open) {
            let mut statement = Statement::default();
            while let Some(ending) = self.reader.as_mut().and_then(|r| r.next(&mut statement)) {
                let braces = self.reader.as_ref().map_or(0, Reader::depth);
                self.open = ending == Ending::Open;
                let items = std::mem::take(&mut statement.items);
                self.opaque(&mut node.children, &items, &statement);
                if std::mem::take(&mut self.open)
                    && let Some(reader) = &mut self.reader
                {
                    reader.close(braces);
                }
            }
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
    let name = words.next().map(|w| String::from(w.text)).unwrap_or_default();
    let list = matches!(items, [Item::One(_), Item::Many(..)]);
    let mut args: Args = words.collect();
    let mut announced = crate::secret::announces(&name);
    for word in args.iter_mut() {
        word.secret = announced || crate::secret::is_obscured(&word.text);
        announced = crate::secret::announces(&word.text);
    }
    let mut node = Node {
        rule: OPAQUE.0,
        kind: if list { Kind::LeafList } else { Kind::Opaque },
        name: name.into(),
        args,
        span: items.first().map_or(from.span, Item::span),
        ..Node::default()
    };
    apply_tags(&mut node, from);
    node
}
