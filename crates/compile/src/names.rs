//! Names of one kind and their ids. What many names begin with is kept once: policies of one pair of zones differ in their last word.
//!
//! State: part of the id book.

use std::collections::{BTreeMap, HashMap};

use ravelin_syntax::Text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::book::BookError;

/// Names given out since the book was saved that are remembered as they are; of more the ids are, and the names looked for.
const FRESH_NAMES_MAX: usize = 64;

/// One kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Names {
    pub next: u32,
    ids: Ids,
    #[serde(skip)]
    fresh: Fresh,
}

/// By what stands before the last word, with the space behind it, and by the last word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ids(HashMap<Box<str>, HashMap<Text, u32>>);

/// Names that no file has yet, in the order they were given out; what is in files is no part of what a book says.
#[derive(Clone, Debug, Default)]
struct Fresh {
    ids: Vec<u32>,
    /// Of the first of them.
    names: Vec<String>,
}

impl PartialEq for Fresh {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Fresh {}

fn parted(name: &str) -> (&str, &str) {
    name.split_at(name.rfind(' ').map_or(0, |space| space + 1))
}

impl Ids {
    fn get(&self, name: &str) -> Option<u32> {
        let (head, last) = parted(name);
        self.0.get(head)?.get(last).copied()
    }

    /// The id of the name, which is this one unless it has another.
    fn insert(&mut self, name: &str, id: u32) -> u32 {
        let (head, last) = parted(name);
        if !self.0.contains_key(head) {
            self.0.insert(head.into(), HashMap::new());
        }
        self.0.get_mut(head).map_or(id, |known| *known.entry(last.into()).or_insert(id))
    }

    fn iter(&self) -> impl Iterator<Item = (String, u32)> {
        self.0.iter().flat_map(|(head, ids)| ids.iter().map(move |(last, id)| (format!("{head}{last}"), *id)))
    }
}

/// One book is one text, whatever order its names came in.
impl Serialize for Ids {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.iter().collect::<BTreeMap<_, _>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut out = Self::default();
        for (name, id) in BTreeMap::<String, u32>::deserialize(deserializer)? {
            out.insert(&name, id);
        }
        Ok(out)
    }
}

impl Names {
    /// `first` is the lowest id of the kind, `max` one that must not be given.
    pub fn id(&mut self, name: &str, kind: &'static str, first: u32, max: u32) -> Result<u32, BookError> {
        if let Some(id) = self.ids.get(name) {
            return Ok(id);
        }
        let id = self.next.max(first);
        if id >= max {
            return Err(BookError { kind });
        }
        self.next = id + 1;
        self.ids.insert(name, id);
        if self.fresh.ids.len() < FRESH_NAMES_MAX {
            self.fresh.names.push(name.to_owned());
        }
        self.fresh.ids.push(id);
        Ok(id)
    }

    pub fn find(&self, name: &str) -> Option<u32> {
        self.ids.get(name)
    }

    /// Takes an id as it was given out once. False: the name has another.
    pub fn give(&mut self, name: &str, id: u32) -> bool {
        self.next = self.next.max(id.saturating_add(1));
        self.ids.insert(name, id) == id
    }

    /// Given out since [`Self::saved`], in that order.
    pub fn unsaved(&self) -> Vec<(String, u32)> {
        let Fresh { ids, names } = &self.fresh;
        if ids.len() == names.len() {
            return names.iter().cloned().zip(ids.iter().copied()).collect();
        }
        // Each was greater than all before it.
        let mut out: Vec<_> = self.ids.iter().filter(|(_, id)| ids.binary_search(id).is_ok()).collect();
        out.sort_by_key(|(_, id)| *id);
        out
    }

    pub fn saved(&mut self) {
        self.fresh = Fresh::default();
    }
}

#[cfg(test)]
mod tests {
    use super::{FRESH_NAMES_MAX, Names};

    #[test]
    fn names_are_told_apart_by_all_of_their_words() {
        let mut names = Names::default();
        let all =
            ["", " ", "a", " a", "a ", "a b", "a  b", "b", "from-zone a to-zone b policy a", "a\u{e9} b"];
        for (n, name) in (1..).zip(all) {
            assert_eq!(names.id(name, "kind", 1, 100).ok(), Some(n), "{name:?}");
        }
        for (n, name) in (1..).zip(all) {
            assert_eq!(
                (names.id(name, "kind", 1, 100).ok(), names.find(name)),
                (Some(n), Some(n)),
                "{name:?}"
            );
        }
        assert_eq!(names.find("a b c"), None);
        let text = serde_json::to_string(&names).unwrap();
        assert!(text.starts_with(r#"{"next":11,"ids":{"":1," ":2," a":4,"a":3,"a ":5,"#), "{text}");
        assert_eq!(serde_json::from_str::<Names>(&text).unwrap(), names);
        assert!(names.give("new", 40) && names.give("a b", 6) && !names.give("a b", 7));
        assert_eq!(names.id("next", "kind", 1, 100).ok(), Some(41));
    }

    #[test]
    fn what_is_not_saved_is_told_in_its_order_however_much_it_is() {
        for count in [0, 1, FRESH_NAMES_MAX, FRESH_NAMES_MAX + 1, 1000] {
            let mut names = Names::default();
            assert!(names.id("old one", "kind", 5, 10_000).is_ok());
            names.saved();
            let wanted: Vec<(String, u32)> =
                (0..count as u32).map(|n| (format!("name {n}"), 6 + n)).collect();
            for (name, id) in &wanted {
                assert_eq!(names.id(name, "kind", 5, 10_000).ok(), Some(*id));
            }
            assert_eq!(names.unsaved(), wanted, "{count}");
            assert_eq!(
                serde_json::from_str::<Names>(&serde_json::to_string(&names).unwrap()).unwrap().unsaved(),
                []
            );
            names.saved();
            assert_eq!(names.unsaved(), []);
        }
    }
}
