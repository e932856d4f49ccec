//! Large levels of a tree, by keyword and key: a table is made where enough is looked up to pay for it.

use std::collections::HashMap;

use ravelin_syntax::tree::{Kind, Node};

/// Levels at least this large are looked up by a table.
const LARGE: usize = 32;
/// Lookups for which a level is looked through. A change asks for few, and making the table costs more than these.
const LOOKED_THROUGH: u32 = 4;

#[derive(Default)]
struct Level<'a> {
    /// What was looked up so far.
    lookups: u32,
    /// Entries with one key, by keyword and key.
    entries: HashMap<(&'a str, &'a str), u32>,
    others: Vec<u32>,
}

/// By where the levels lie.
#[derive(Default)]
pub(super) struct Levels<'a>(HashMap<usize, Level<'a>>);

impl<'a> Levels<'a> {
    /// Where on a level the statements are that a path may lead to or through, in their order. `None`: it is to be looked through.
    pub fn places(&mut self, level: &'a [Node], words: &[Option<&str>]) -> Option<Vec<u32>> {
        let (Some(Some(name)), Some(key)) = (words.first(), words.get(1)) else { return None };
        if level.len() < LARGE {
            return None;
        }
        let known = self.0.entry(level.as_ptr().addr()).or_default();
        known.lookups += 1;
        match known.lookups {
            ..=LOOKED_THROUGH => return None,
            lookups if lookups == LOOKED_THROUGH + 1 => known.read(level),
            _ => {}
        }
        let mut places: Vec<u32> = known.others.clone();
        match key {
            Some(key) => places.extend(known.entries.get(&(name, key))),
            None => places.extend(known.entries.iter().filter(|((n, _), _)| n == name).map(|(_, at)| *at)),
        }
        places.extend(known.entries.get(&("", name)));
        places.sort_unstable();
        Some(places)
    }
}

impl<'a> Level<'a> {
    fn read(&mut self, level: &'a [Node]) {
        for (at, node) in (0u32..).zip(level).filter(|(_, n)| !n.inactive) {
            match &*node.args {
                [key] if node.kind == Kind::Entry => {
                    self.entries.insert((node.name, key.text.as_str()), at);
                }
                _ => self.others.push(at),
            }
        }
    }
}
