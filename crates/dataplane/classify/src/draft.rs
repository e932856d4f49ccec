//! Rules as entries: what stands in a plane before it has rows, in the order of its bits.

use crate::conditions::{AddressConditions, Condition, Effort, of_ranges, renumber};
use crate::plane::DIMENSIONS;
use crate::rows::WORD;
use crate::rule::{Addresses, Rule, Zones};
use crate::service::{Ranges, Services};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub conditions: [u32; DIMENSIONS],
    pub rule: u32,
    pub loose: bool,
}

/// Entries, and what their conditions' numbers mean.
pub(crate) struct Draft<'r> {
    pub entries: Vec<Entry>,
    pub zones: [Ranges; 2],
    pub addresses: [AddressConditions<'r>; 2],
    pub services: Services,
}

impl<'r> Draft<'r> {
    pub(crate) fn new(rules: &'r [Rule], first: usize, effort: Effort) -> Self {
        let mut draft = Self {
            entries: Vec::with_capacity(rules.len()),
            zones: Default::default(),
            addresses: [AddressConditions::new(effort), AddressConditions::new(effort)],
            services: Services::new(rules),
        };
        for (at, rule) in rules.iter().enumerate() {
            let rule_at = (first + at) as u32;
            let Rule { key: _, from, to, source, destination, terms } = rule;
            let zones = [from, to].map(Zones::ranges);
            let mut conditions = [0; DIMENSIONS];
            for (at, ranges) in zones.into_iter().enumerate() {
                conditions[at] = draft.zones[at].id(ranges);
            }
            let addresses: [&Addresses; 2] = [source, destination];
            for (at, addresses) in addresses.into_iter().enumerate() {
                conditions[2 + at] = draft.addresses[at].id(addresses);
            }
            for part in &*draft.services.parts(terms) {
                (conditions[4], conditions[5]) = (part.service, part.source);
                draft.entries.push(Entry { conditions, rule: rule_at, loose: part.loose });
            }
        }
        draft
    }

    pub(crate) fn conditions(&mut self) -> [Vec<Condition>; DIMENSIONS] {
        let port = u32::from(u16::MAX);
        [
            of_ranges(&self.zones[0], port),
            of_ranges(&self.zones[1], port),
            std::mem::take(&mut self.addresses[0].conditions),
            std::mem::take(&mut self.addresses[1].conditions),
            of_ranges(&self.services.services, self.services.scale.last()),
            of_ranges(&self.services.sources, port),
        ]
    }

    /// Gives conditions their numbers and entries their bits.
    pub(crate) fn order(&mut self, conditions: &mut [Vec<Condition>; DIMENSIONS]) {
        for (dimension, conditions) in conditions.iter_mut().enumerate() {
            let numbers = renumber(conditions);
            for entry in &mut self.entries {
                let condition = &mut entry.conditions[dimension];
                *condition = numbers[*condition as usize];
            }
        }
        let breadths =
            |entry: &Entry| [2, 3, 4].map(|at: usize| conditions[at][entry.conditions[at] as usize].breadth);
        self.entries.sort_by_cached_key(|entry| (breadths(entry), entry.conditions, entry.rule));
        for word in self.entries.chunks_mut(WORD) {
            word.sort_unstable_by_key(|entry| entry.rule);
        }
    }
}
