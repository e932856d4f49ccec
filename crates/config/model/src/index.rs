//! Where the names of a list are found: by a hash of the name, which is then compared.
//!
//! The index of a list that an edit changed is that of the list before with what came and went on top. State: none; an
//! index holds the lists it is of.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};
use std::sync::Arc;

use ravelin_schema::{Hashed, Named, RUN_MAX, Runs, shared_runs};

/// Names on top of an index; with more it is made anew.
const TOP_MAX: usize = 4096;

type Run<T> = Arc<[T]>;
type Sides<T> = (Vec<Run<T>>, Vec<Run<T>>);

/// See the head of the file.
#[derive(Clone, Debug)]
pub struct NameIndex<T> {
    runs: Vec<Run<T>>,
    base: Arc<Base<T>>,
    /// Members that the base has not, by name: what it has of that name is gone.
    come: HashMap<String, Vec<(Run<T>, u32)>>,
    gone: HashSet<String>,
}

#[derive(Debug)]
struct Base<T> {
    runs: Vec<Run<T>>,
    /// Places by hash; of names that share one, the first.
    places: HashMap<u64, Place, BuildHasherDefault<Hashed>>,
    more: HashMap<u64, Vec<Place>>,
    hasher: RandomState,
}

/// The number of a run, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    run: u32,
    at: u16,
}

const _: () = assert!(RUN_MAX <= 1 << 16, "a place in a run fits");

impl<T: Named> NameIndex<T> {
    #[must_use]
    pub fn new<'a>(lists: impl Iterator<Item = &'a Runs<T>>) -> Self
    where
        T: 'a,
    {
        let runs: Vec<Run<T>> = lists.flat_map(Runs::runs).cloned().collect();
        let base = Arc::new(Base::new(runs.clone()));
        Self { runs, base, come: HashMap::new(), gone: HashSet::new() }
    }

    /// As [`Self::new`], of a list in which every name stands once, with the work done for an earlier one.
    #[must_use]
    pub fn after(list: &Runs<T>, before: &Self) -> Self {
        let Some((gone, come)) = apart(&before.base.runs, list.runs()) else {
            return Self::new([list].into_iter());
        };
        let mut out = Self {
            runs: list.runs().to_vec(),
            base: before.base.clone(),
            come: HashMap::new(),
            gone: gone.iter().flat_map(|run| run.iter()).map(|member| member.name().to_owned()).collect(),
        };
        for run in come {
            for (at, member) in (0..).zip(run.iter()) {
                out.come.entry(member.name().to_owned()).or_default().push((run.clone(), at));
            }
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

    /// Names of members that are not the same here and there; `None`: too many to tell.
    #[must_use]
    pub fn differing(&self, other: &Self, same: impl Fn(&T, &T) -> bool) -> Option<HashSet<String>> {
        let (gone, come) = apart(&other.runs, &self.runs)?;
        let mut out = HashSet::new();
        for run in gone.iter().chain(&come) {
            for name in run.iter().map(Named::name) {
                let (mut here, mut there) = (self.find(name), other.find(name));
                let is_same = loop {
                    match (here.next(), there.next()) {
                        (None, None) => break true,
                        (Some(a), Some(b)) if same(a, b) => {}
                        (Some(_) | None, _) => break false,
                    }
                };
                drop((here, there));
                if !is_same {
                    out.insert(name.to_owned());
                }
            }
        }
        Some(out)
    }

    /// Members of this name.
    pub fn find(&self, name: &str) -> impl Iterator<Item = &T> {
        let come = self.come.get(name);
        let base = come.is_none() && !self.gone.contains(name);
        let come = come.into_iter().flatten().map(|(run, at)| &run[*at as usize]);
        come.chain(base.then(|| self.base.find(name)).into_iter().flatten())
    }

    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).next().is_some()
    }

    /// The lists it is of, one behind the other.
    #[must_use]
    pub(crate) fn runs(&self) -> &[Run<T>] {
        &self.runs
    }

    /// All members.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.runs.iter().flat_map(|run| run.iter())
    }
}

/// Runs that only the first, and only the second has; `None`: too many members.
fn apart<T>(old: &[Run<T>], new: &[Run<T>]) -> Option<Sides<T>> {
    let (front, back) = shared_runs(old, new);
    let (old, new) = (&old[front..old.len() - back], &new[front..new.len() - back]);
    let places = |runs: &[Run<T>]| -> HashSet<*const [T]> { runs.iter().map(Arc::as_ptr).collect() };
    let only = |runs: &[Run<T>], other: &HashSet<*const [T]>| -> Vec<Run<T>> {
        runs.iter().filter(|run| !other.contains(&Arc::as_ptr(run))).cloned().collect()
    };
    let (gone, come) = (only(old, &places(new)), only(new, &places(old)));
    let count: usize = gone.iter().chain(&come).map(|run| run.len()).sum();
    (count <= TOP_MAX).then_some((gone, come))
}

impl<T: Named> Base<T> {
    fn new(runs: Vec<Run<T>>) -> Self {
        let mut out = Self {
            places: HashMap::with_capacity_and_hasher(
                runs.iter().map(|run| run.len()).sum(),
                BuildHasherDefault::default(),
            ),
            more: HashMap::new(),
            hasher: RandomState::new(),
            runs,
        };
        for (run, members) in (0..).zip(&out.runs) {
            for (at, member) in (0..).zip(members.iter()) {
                let place = Place { run, at };
                let hash = out.hasher.hash_one(member.name());
                if *out.places.entry(hash).or_insert(place) != place {
                    out.more.entry(hash).or_default().push(place);
                }
            }
        }
        out
    }

    fn find(&self, name: &str) -> impl Iterator<Item = &T> {
        // In a list without members nothing is worth a hash.
        let hash = if self.places.is_empty() { 0 } else { self.hasher.hash_one(name) };
        let more = self.more.get(&hash).into_iter().flatten();
        let places = self.places.get(&hash).into_iter().chain(more);
        places.map(|place| self.at(*place)).filter(move |member| member.name() == name)
    }

    fn at(&self, place: Place) -> &T {
        &self.runs[place.run as usize][usize::from(place.at)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq)]
    struct Name(String, u32);

    impl Named for Name {
        fn name(&self) -> &str {
            &self.0
        }
    }

    fn list(count: usize) -> Runs<Name> {
        (0..count).map(|n| Name(format!("n{n}"), 0)).collect()
    }

    #[test]
    fn every_name_is_found_where_it_is_and_no_other() {
        let list: Runs<Name> = (0..1000).map(|n| Name(format!("n{}", n % 700), n)).collect();
        let index = NameIndex::new([&list].into_iter());
        for n in 0..700 {
            let found: Vec<_> = index.find(&format!("n{n}")).map(|name| name.1).collect();
            assert_eq!(found, if n < 300 { vec![n, n + 700] } else { vec![n] });
        }
        assert!(!index.contains("n700") && !index.contains(""));
        assert!(index.is_of([&list].into_iter()) && !index.is_of([].into_iter()));
    }

    #[test]
    fn the_index_of_an_edited_list_is_that_of_the_list() {
        let old = list(1000);
        let before = NameIndex::new([&old].into_iter());
        let mut members: Vec<Name> = old.iter().cloned().collect();
        members[500].1 = 7;
        members.remove(20);
        members.insert(800, Name("new".into(), 1));
        let changed: Vec<Name> = members;
        // What the edit left alone is shared.
        let made: Runs<Name> = changed.clone().into();
        let shared = |run: &Run<Name>| old.runs().iter().find(|known| **known == *run).cloned();
        let made = made.with(shared);
        let after = NameIndex::after(&made, &before);
        assert!(Arc::ptr_eq(&after.base, &before.base));
        for name in (0..1001).map(|n| format!("n{n}")).chain(["new".to_owned()]) {
            let expected: Vec<_> = changed.iter().filter(|member| member.0 == name).map(|m| m.1).collect();
            assert_eq!(after.find(&name).map(|m| m.1).collect::<Vec<_>>(), expected, "{name}");
        }
        let mut differing: Vec<_> = after.differing(&before, |a, b| a == b).unwrap().into_iter().collect();
        differing.sort();
        assert_eq!(differing, ["n20", "n500", "new"]);
    }
}
