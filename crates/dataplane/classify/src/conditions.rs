//! Conditions of one dimension: each distinct one once, in the order of what it holds.
//!
//! A condition is a list of shared sets, perhaps turned round. Entries are ordered by the numbers of their conditions, so
//! numbers follow addresses: what lies together on the line lies together in the bitmaps.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use ravelin_types::Family;

use crate::range::{AddressSet, merged};
use crate::rule::Addresses;
use crate::service::Ranges;

/// Ranges that the wildcards of one plane may be cut into; beyond it a wildcard is its hull and the rule asked again.
const WILDCARD_RANGES_MAX: usize = 65_536;
/// Free bits above the contiguous end that are written out.
const WILDCARD_BITS: u32 = 8;

#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub sets: Box<[u32]>,
    /// Whether it holds, on the line of each family, where none of its sets does.
    pub outside: [bool; 2],
    /// Not narrowed by the bitmaps: possible everywhere in its families.
    pub always: bool,
    /// Says more than the rule does: the rule is asked again.
    pub loose: bool,
    pub any: bool,
    order: (bool, bool, u128),
}

/// A set's ranges on both lines.
#[derive(Debug)]
pub(crate) struct Cover<'r> {
    pub v4: Cow<'r, [(u32, u32)]>,
    pub v6: Cow<'r, [(u128, u128)]>,
    exact: bool,
}

/// Conditions of an address dimension.
#[derive(Debug, Default)]
pub(crate) struct AddressConditions<'r> {
    pub sets: Vec<Cover<'r>>,
    pub conditions: Vec<Condition>,
    set_ids: HashMap<*const AddressSet, u32>,
    /// By the list itself, then by what is in it.
    lists: HashMap<(*const Arc<AddressSet>, usize, bool), u32>,
    ids: HashMap<(Box<[u32]>, bool), u32>,
    any: Option<u32>,
    wildcard_ranges: usize,
}

impl<'r> AddressConditions<'r> {
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
        let loose = key.0.iter().any(|set| !self.sets[*set as usize].exact);
        let first = key.0.iter().filter_map(|set| self.sets[*set as usize].first()).min();
        let (six, first) = first.unwrap_or((true, u128::MAX));
        let condition = Condition {
            sets: key.0.clone(),
            outside: [Family::V4, Family::V6].map(|family| excluded && addresses.names(family)),
            // A hull holds more than its set: what is not in it may still be asked for.
            always: excluded && loose,
            loose,
            any: addresses.is_any(),
            order: (excluded, six, first),
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
        if set.wildcards.is_empty() {
            return Cover { v4: Cow::Borrowed(&set.v4), v6: Cow::Borrowed(&set.v6), exact: true };
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
        Cover { v4: merged(v4).into(), v6: merged(v6).into(), exact: all }
    }
}

impl Cover<'_> {
    fn first(&self) -> Option<(bool, u128)> {
        let v4 = self.v4.first().map(|(first, _)| (false, u128::from(*first)));
        v4.or_else(|| self.v6.first().map(|(first, _)| (true, *first)))
    }
}

/// One condition for each set of ranges.
pub(crate) fn of_ranges(ranges: &Ranges, last: u32) -> Vec<Condition> {
    let condition = |(id, set): (usize, &Arc<[(u32, u32)]>)| Condition {
        sets: [id as u32].into(),
        outside: [false; 2],
        always: false,
        loose: false,
        any: **set == [(0, last)],
        order: (false, false, set.first().map_or(u128::MAX, |(first, _)| u128::from(*first))),
    };
    ranges.sets.iter().enumerate().map(condition).collect()
}

/// Numbers conditions in their order: the new number of each old one.
pub(crate) fn renumber(conditions: &mut Vec<Condition>) -> Vec<u32> {
    let mut order: Vec<u32> = (0..conditions.len() as u32).collect();
    order.sort_by_key(|id| {
        let condition = &conditions[*id as usize];
        (!condition.any, condition.order)
    });
    let mut numbers = vec![0; order.len()];
    for (number, id) in order.iter().enumerate() {
        numbers[*id as usize] = number as u32;
    }
    *conditions = order.iter().map(|id| conditions[*id as usize].clone()).collect();
    numbers
}
