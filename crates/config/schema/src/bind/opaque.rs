//! Statements that no row of the table stands for: kept as written.

use ravelin_syntax::tree::{Node, Shape};
use ravelin_syntax::{Args, Ending, Item, Reader, Statement, Word};

use super::{Binder, apply_tags};

impl Binder<'_> {
    /// `parent`: the hash of the level, where there may be statements of the table too.
    pub(super) fn opaque(
        &mut self,
        nodes: &mut Vec<Node>,
        parent: Option<u64>,
        items: &[Item],
        from: &Statement,
    ) {
        let named = items.first().is_some_and(|item| match item {
            Item::One(word) => !word.text.is_empty(),
            Item::Many(..) => false,
        });
        if !named {
            return self.error(from.span, "syntax error, expecting a statement");
        }
        let mut node = opaque_node(items, from);
        for statement in from.body.iter().flatten() {
            self.opaque(node.children.edit(), None, &statement.items, statement);
        }
        if std::mem::take(&mut self.open) {
            let mut statement = Statement::default();
            while let Some(ending) = self.reader.as_mut().and_then(|r| r.next(&mut statement)) {
                let braces = self.reader.as_ref().map_or(0, Reader::depth);
                self.open = ending == Ending::Open;
                let items = std::mem::take(&mut statement.items);
                self.opaque(node.children.edit(), None, &items, &statement);
                if std::mem::take(&mut self.open)
                    && let Some(reader) = &mut self.reader
                {
                    reader.close(braces);
                }
            }
        }
        if nodes.last() != Some(&node) {
            if let Some(parent) = parent {
                self.index.before_one_more(parent, nodes);
            }
            nodes.push(node);
        }
    }
}

fn opaque_node(items: &[Item], from: &Statement) -> Node {
    let words = items.iter().flat_map(|item| match item {
        Item::One(word) => std::slice::from_ref(word).to_vec(),
        Item::Many(words, _) => {
            let (open, close) = (Word::new("["), Word::new("]"));
            std::iter::once(open).chain(words.iter().cloned()).chain([close]).collect()
        }
    });
    let mut args: Args = words.collect();
    let mut announced = false;
    for word in args.iter_mut() {
        word.secret = (announced || crate::secret::is_obscured(&word.text)) && !word.is_bracket();
        announced = crate::secret::announces(&word.text) || announced && word.is_bracket();
    }
    let mut node = Node {
        shape: Shape::OUTSIDE,
        args,
        span: items.first().map_or(from.span, Item::span),
        ..Node::default()
    };
    apply_tags(&mut node, from);
    node
}
