//! Where the names of a list are found: by a hash of the name, which is then compared.
//!
//! State: none; an index holds the list it is of, and goes with it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use ravelin_schema::{Named, Runs};

/// See the head of the file.
#[derive(Clone, Debug)]
pub struct NameIndex<T> {
    runs: Vec<Arc<[T]>>,
    /// Members before each run.
    starts: Vec<u32>,
    /// Places by hash; of names that share one, the first.
    places: HashMap<u64, u32>,
    more: HashMap<u64, Vec<u32>>,
    hasher: RandomState,
}

impl<T> Default for NameIndex<T> {
    fn default() -> Self {
        Self {
            runs: Vec::new(),
            starts: Vec::new(),
            places: HashMap::new(),
            more: HashMap::new(),
            hasher: RandomState::new(),
        }
    }
}

impl<T: Named> NameIndex<T> {
    #[must_use]
    pub fn new<'a>(lists: impl Iterator<Item = &'a Runs<T>> + Clone) -> Self
    where
        T: 'a,
    {
        let mut out = Self::default();
        out.places.reserve(lists.clone().map(Runs::len).sum());
        let mut place = 0;
        for run in lists.flat_map(Runs::runs) {
            out.starts.push(place);
            for member in &**run {
                let hash = out.hasher.hash_one(member.name());
                if *out.places.entry(hash).or_insert(place) != place {
                    out.more.entry(hash).or_default().push(place);
                }
                place += 1;
            }
            out.runs.push(run.clone());
        }
        out
    }

    /// Whether it is of these lists.
    #[must_use]
    pub fn is_of<'a>(&self, lists: impl Iterator<Item = &'a Runs<T>>) -> bool
    where
        T: 'a,
    {
        let mut known = self.runs.iter();
        lists.flat_map(Runs::runs).all(|run| known.next().is_some_and(|known| Arc::ptr_eq(run, known)))
            && known.next().is_none()
    }

    /// Members of this name.
    pub fn find(&self, name: &str) -> impl Iterator<Item = &T> {
        let hash = self.hasher.hash_one(name);
        let more = self.more.get(&hash).into_iter().flatten();
        let places = self.places.get(&hash).into_iter().chain(more);
        places.map(|place| self.at(*place)).filter(move |member| member.name() == name)
    }

    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).next().is_some()
    }

    fn at(&self, place: u32) -> &T {
        let run = self.starts.partition_point(|start| *start <= place) - 1;
        &self.runs[run][(place - self.starts[run]) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Name(String);

    impl Named for Name {
        fn name(&self) -> &str {
            &self.0
        }
    }

    #[test]
    fn every_name_is_found_where_it_is_and_no_other() {
        let list: Runs<Name> = (0..1000).map(|n| Name(format!("n{}", n % 700))).collect();
        let index = NameIndex::new([&list].into_iter());
        for n in 0..700 {
            let found: Vec<_> = index.find(&format!("n{n}")).map(|name| name.0.clone()).collect();
            assert_eq!(found, vec![format!("n{n}"); if n < 300 { 2 } else { 1 }]);
        }
        assert!(!index.contains("n700") && !index.contains(""));
        assert!(index.is_of([&list].into_iter()) && !index.is_of([].into_iter()));
    }
}
