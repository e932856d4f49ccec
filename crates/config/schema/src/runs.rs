//! Long lists of a configuration, in runs that configurations share where they are the same.
//!
//! A run ends behind a member whose name says so, or when it is full: where runs end depends on the names in the list
//! alone, so that one list has the same runs however it came about, and an edit changes the runs around it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::iter::FlatMap;
use std::ops::Index;
use std::slice;
use std::sync::Arc;

use crate::Lower;

/// Members of a run at most.
pub const RUN_MAX: usize = 256;
/// Members of a run on average.
const RUN_MEAN: u64 = 64;

/// A member of a list that has a name.
pub trait Named {
    fn name(&self) -> &str;
}

/// Whether a run ends behind a member that makes it this long.
#[must_use]
pub fn ends_run(name: &str, length: usize) -> bool {
    length >= RUN_MAX || (name_hash(name) >> 32).is_multiple_of(RUN_MEAN)
}

/// A hash that is the same everywhere and always.
#[must_use]
pub fn name_hash(name: &str) -> u64 {
    // FNV-1a, and a last mixing (MurmurHash3's) so that names which differ in their last letters alone part, too.
    let mut hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ hash >> 33).wrapping_mul(factor);
    }
    hash
}

/// What tells a run from all others that are there.
#[must_use]
pub fn run_place<T>(run: &Arc<[T]>) -> usize {
    Arc::as_ptr(run).addr()
}

/// A map by [`run_place`].
pub type ByPlace<T> = HashMap<usize, T, BuildHasherDefault<Placed>>;

/// For keys that are places in memory: nobody chooses them, and they differ in the middle.
#[derive(Debug, Default)]
pub struct Placed(u64);

impl Hasher for Placed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0 ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }

    fn write_usize(&mut self, key: usize) {
        self.write_u64(key as u64);
    }
}

/// How many runs two lists begin with alike, and how many of the rest they end with.
#[must_use]
pub fn shared_runs<T>(old: &[Arc<[T]>], new: &[Arc<[T]>]) -> (usize, usize) {
    let same = |(a, b): &(&Arc<[T]>, &Arc<[T]>)| Arc::ptr_eq(a, b);
    let front = old.iter().zip(new).take_while(same).count();
    let back = old[front..].iter().rev().zip(new[front..].iter().rev()).take_while(same).count();
    (front, back)
}

/// An immutable list; a clone costs nothing.
#[derive(Debug)]
pub struct Runs<T> {
    runs: Arc<[Arc<[T]>]>,
    len: usize,
}

pub type RunsIter<'a, T> =
    FlatMap<slice::Iter<'a, Arc<[T]>>, slice::Iter<'a, T>, fn(&'a Arc<[T]>) -> slice::Iter<'a, T>>;

impl<T> Runs<T> {
    /// Of runs that end where [`ends_run`] says.
    pub(crate) fn of(runs: Vec<Arc<[T]>>) -> Self {
        let len = runs.iter().map(|run| run.len()).sum();
        Self { runs: runs.into(), len }
    }

    #[must_use]
    pub fn runs(&self) -> &[Arc<[T]>] {
        &self.runs
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn iter(&self) -> RunsIter<'_, T> {
        self.runs.iter().flat_map(|run| run.iter())
    }

    /// Whether two are known to be the same without a look at their members.
    #[must_use]
    pub fn is_shared_with(&self, other: &Self) -> bool {
        let same = || self.runs.iter().zip(&*other.runs).all(|(a, b)| Arc::ptr_eq(a, b));
        Arc::ptr_eq(&self.runs, &other.runs) || self.runs.len() == other.runs.len() && same()
    }

    /// The same list with some of its runs replaced by others of the same names.
    #[must_use]
    pub fn with(&self, mut replaced: impl FnMut(&Arc<[T]>) -> Option<Arc<[T]>>) -> Self {
        let mut runs: Option<Vec<Arc<[T]>>> = None;
        for (at, run) in self.runs.iter().enumerate() {
            if let Some(new) = replaced(run) {
                runs.get_or_insert_with(|| self.runs.to_vec())[at] = new;
            }
        }
        runs.map_or_else(|| self.clone(), Self::of)
    }
}

impl<T: Lower> Runs<T> {
    /// As [`Lower::covered`] of a member.
    pub fn covered(prefix: &str, out: &mut Vec<String>) {
        T::covered(prefix, out);
    }
}

impl<T> Clone for Runs<T> {
    fn clone(&self) -> Self {
        Self { runs: self.runs.clone(), len: self.len }
    }
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl<T: PartialEq> PartialEq for Runs<T> {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared_with(other) || self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T> Index<usize> for Runs<T> {
    type Output = T;

    /// # Panics
    /// There is no such member.
    fn index(&self, mut at: usize) -> &T {
        for run in &*self.runs {
            match run.get(at) {
                Some(member) => return member,
                None => at -= run.len(),
            }
        }
        panic!("a list of {} has no member {at} behind its end", self.len)
    }
}

impl<'a, T> IntoIterator for &'a Runs<T> {
    type Item = &'a T;
    type IntoIter = RunsIter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: Named> FromIterator<T> for Runs<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        let (mut runs, mut run) = (Vec::new(), Vec::new());
        for member in members {
            let ends = ends_run(member.name(), run.len() + 1);
            run.push(member);
            if ends {
                runs.push(Arc::from(std::mem::take(&mut run)));
            }
        }
        if !run.is_empty() {
            runs.push(run.into());
        }
        Self::of(runs)
    }
}

impl<T: Named> From<Vec<T>> for Runs<T> {
    fn from(members: Vec<T>) -> Self {
        members.into_iter().collect()
    }
}
