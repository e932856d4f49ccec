//! Conditions of one dimension: each distinct one once, in the order of what it holds.
//!
//! A condition is a list of shared sets, perhaps turned round. Entries are ordered by the numbers of their conditions, so
//! numbers follow addresses: what lies together on the line lies together in the bitmaps.

use std::borrow::Cow;
use std::sync::Arc;

use ravelin_types::Family;

use crate::hash::QuickMap;
use crate::range::{AddressSet, merged};
use crate::rule::Addresses;
use crate::service::Ranges;

/// Ranges that the wildcards of one plane may be cut into; beyond it a wildcard is its hull and the rule asked again.
const WILDCARD_RANGES_MAX: usize = 65_536;
/// Addresses from which on a condition counts as wide: those of 16 bits in IPv4, of 80 in IPv6.
const WIDE_V4: u64 = 1 << 16;
const WIDE_V6: u128 = 1 << 80;
/// The same for points of the other lines.
const WIDE_POINTS: u64 = 1 << 12;
/// Free bits above the contiguous end that are written out.
const WILDCARD_BITS: u32 = 8;

/// How much a build may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Effort {
    /// Ranges of a set that are written out; a larger set is asked itself.
    pub ranges: usize,
    /// Words of rows a dimension may make; beyond it conditions become coarse.
    pub rows: usize,
    /// Entries from which on they are also found by name.
    pub named: usize,
}

impl Effort {
    /// At most 24 MiB a dimension.
    pub(crate) const BASE: Self = Self { ranges: usize::MAX, rows: 3 << 20, named: 256 };
    /// In time for an edit.
    pub(crate) const OVERLAY: Self = Self { ranges: 256, rows: 1 << 16, named: usize::MAX };
}

/// How much of the line a condition takes: entries of one breadth lie together, so that the narrow ones' rows hold
/// little and the broad ones' rows are whole blocks, shared by all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Breadth {
    Any,
    Wide,
    Narrow,
}

/// What the rows say of a condition, the dearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// Possible where it holds.
    Exact,
    /// The same, by a row of its own.
    Apart,
    /// Possible also a little before and behind.
    Coarse,
    /// Possible everywhere.
    Always,
}

#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub sets: Box<[u32]>,
    /// Whether it holds, on the line of each family, where none of its sets does.
    pub outside: [bool; 2],
    pub detail: Detail,
    /// The sets hold more than the rule's do: it is asked again.
    pub loose: bool,
    pub breadth: Breadth,
    order: (bool, u128),
}

/// A set's ranges on both lines.
#[derive(Debug)]
pub(crate) struct Cover<'r> {
    pub v4: Cow<'r, [(u32, u32)]>,
    pub v6: Cow<'r, [(u128, u128)]>,
    exact: bool,
    /// Too large for the effort.
    left_out: bool,
}

/// Conditions of an address dimension.
#[derive(Debug)]
pub(crate) struct AddressConditions<'r> {
    pub sets: Vec<Cover<'r>>,
    pub conditions: Vec<Condition>,
    set_ids: QuickMap<*const AddressSet, u32>,
    /// By the list itself, then by what is in it.
    lists: QuickMap<(*const Arc<AddressSet>, usize, bool), u32>,
    ids: QuickMap<(Box<[u32]>, bool), u32>,
    any: Option<u32>,
    wildcard_ranges: usize,
    effort: Effort,
}

impl<'r> AddressConditions<'r> {
    pub(crate) fn new(effort: Effort) -> Self {
        Self {
            sets: Vec::new(),
            conditions: Vec::new(),
            set_ids: QuickMap::default(),
            lists: QuickMap::default(),
            ids: QuickMap::default(),
            any: None,
            wildcard_ranges: 0,
            effort,
        }
    }

    pub(crate) fn id(&mut self, addresses: &'r Addresses) -> u32 {
        let list = (addresses.sets.as_ptr(), addresses.sets.len(), addresses.excluded);
        if let Some(id) = self.lists.get(&list) {
            return *id;
        }
        let any = addresses.is_any();
        let id = match self.any.filter(|_| any) {
            Some(id) => id,
            None => self.by_content(addresses),
        };
        if any {
            self.any = Some(id);
        }
        self.lists.insert(list, id);
        id
    }

    fn by_content(&mut self, addresses: &'r Addresses) -> u32 {
        let mut sets: Vec<u32> = addresses.sets.iter().map(|set| self.set(set)).collect();
        sets.sort_unstable();
        sets.dedup();
        let key = (sets.into_boxed_slice(), addresses.excluded);
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let excluded = addresses.excluded;
        let covers = || key.0.iter().map(|set| &self.sets[*set as usize]);
        let loose = covers().any(|cover| !cover.exact);
        let always = (excluded && loose) || covers().any(|cover| cover.left_out);
        let wide = excluded || covers().any(Cover::is_wide);
        let condition = Condition {
            sets: key.0.clone(),
            outside: [Family::V4, Family::V6].map(|family| excluded && addresses.names(family)),
            // A hull holds more than its set: what is in it may be asked for all the same.
            detail: if always { Detail::Always } else { Detail::Exact },
            loose,
            breadth: match addresses.is_any() {
                true => Breadth::Any,
                false if wide => Breadth::Wide,
                false => Breadth::Narrow,
            },
            order: covers().filter_map(Cover::first).min().unwrap_or((true, u128::MAX)),
        };
        let id = self.conditions.len() as u32;
        self.conditions.push(condition);
        self.ids.insert(key, id);
        id
    }

    fn set(&mut self, set: &'r Arc<AddressSet>) -> u32 {
        if let Some(id) = self.set_ids.get(&Arc::as_ptr(set)) {
            return *id;
        }
        let cover = self.cover(set);
        let id = self.sets.len() as u32;
        self.sets.push(cover);
        self.set_ids.insert(Arc::as_ptr(set), id);
        id
    }

    fn cover(&mut self, set: &'r AddressSet) -> Cover<'r> {
        let (v4, v6) = (Cow::Borrowed(&*set.v4), Cow::Borrowed(&*set.v6));
        let count = v4.len() + v6.len() + set.wildcards.len();
        if count > self.effort.ranges {
            return Cover { v4, v6, exact: false, left_out: true };
        }
        if set.wildcards.is_empty() {
            return Cover { v4, v6, exact: true, left_out: false };
        }
        let (mut v4, mut v6, mut all) = (set.v4.to_vec(), set.v6.to_vec(), true);
        for wildcard in &set.wildcards {
            let bits = if self.wildcard_ranges < WILDCARD_RANGES_MAX { WILDCARD_BITS } else { 0 };
            let (ranges, exact) = wildcard.cover(bits);
            self.wildcard_ranges += ranges.len();
            all &= exact;
            match wildcard.family {
                Family::V4 => v4.extend(ranges.iter().map(|(first, last)| (*first as u32, *last as u32))),
                Family::V6 => v6.extend(ranges),
            }
        }
        Cover { v4: merged(v4).into(), v6: merged(v6).into(), exact: all, left_out: false }
    }
}

impl Cover<'_> {
    fn is_wide(&self) -> bool {
        let v4: u64 = self.v4.iter().map(|(first, last)| u64::from(last - first) + 1).sum();
        v4 >= WIDE_V4 || self.v6.iter().any(|(first, last)| last - first >= WIDE_V6)
    }

    fn first(&self) -> Option<(bool, u128)> {
        let v4 = self.v4.first().map(|(first, _)| (false, u128::from(*first)));
        v4.or_else(|| self.v6.first().map(|(first, _)| (true, *first)))
    }
}

/// One condition for each set of ranges.
pub(crate) fn of_ranges(ranges: &Ranges, last: u32) -> Vec<Condition> {
    let condition = |(id, set): (usize, &Arc<[(u32, u32)]>)| {
        let points: u64 = set.iter().map(|(first, last)| u64::from(last - first) + 1).sum();
        Condition {
            sets: [id as u32].into(),
            outside: [false; 2],
            detail: Detail::Exact,
            loose: false,
            breadth: match &**set {
                [(0, end)] if *end == last => Breadth::Any,
                _ if points >= WIDE_POINTS => Breadth::Wide,
                _ => Breadth::Narrow,
            },
            order: (false, set.first().map_or(u128::MAX, |(first, _)| u128::from(*first))),
        }
    };
    ranges.sets.iter().enumerate().map(condition).collect()
}

/// Numbers conditions in their order: the new number of each old one.
pub(crate) fn renumber(conditions: &mut Vec<Condition>) -> Vec<u32> {
    let mut order: Vec<u32> = (0..conditions.len() as u32).collect();
    order.sort_by_key(|id| {
        let condition = &conditions[*id as usize];
        (condition.breadth, condition.order)
    });
    let mut numbers = vec![0; order.len()];
    for (number, id) in order.iter().enumerate() {
        numbers[*id as usize] = number as u32;
    }
    *conditions = order.iter().map(|id| conditions[*id as usize].clone()).collect();
    numbers
}
