//! Which of a plane's entries the list still has: what an edit changes while the plane stays.

use std::sync::Arc;

use crate::order::NONE;
use crate::plane::Plane;
use crate::rows::WORD;
use crate::rule::{Rule, RuleKey};

/// The order and the key of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranking {
    pub order: u32,
    pub key: RuleKey,
}

impl Ranking {
    pub(crate) const NONE: Self = Self { order: NONE, key: RuleKey(0) };
}

#[derive(Clone, Debug)]
pub(crate) struct View {
    /// By entry; orders rise within a word.
    rankings: Arc<[Ranking]>,
    /// By word: entries that the list still has.
    live: Box<[u64]>,
    /// By word and by block: the lowest order of a live entry.
    words: Box<[u32]>,
    blocks: Box<[u32]>,
}

impl View {
    /// Of everything. `order_of`: by rule of the layer.
    pub(crate) fn new(plane: &Plane, rules: &[Rule], order_of: impl Fn(u32) -> u32) -> Self {
        let entries = plane.rules();
        let ranking = |rule: &u32| Ranking { order: order_of(*rule), key: rules[*rule as usize].key };
        let rankings: Arc<[Ranking]> = entries.iter().map(ranking).collect();
        let words: Box<[u32]> = rankings.chunks(WORD).map(|word| word[0].order).collect();
        debug_assert!(rankings.chunks(WORD).all(|word| word.is_sorted_by_key(|entry| entry.order)));
        let live = rankings.chunks(WORD).map(|word| u64::MAX >> (WORD - word.len())).collect();
        let mut out = Self { rankings, live, words, blocks: Box::default() };
        out.blocks = out.words.chunks(plane.span()).map(lowest).collect();
        out
    }

    /// The list no longer has these entries.
    pub(crate) fn remove(&mut self, plane: &Plane, entries: &[u32]) {
        for entry in entries {
            let (word, bit) = (*entry as usize / WORD, entry % WORD as u32);
            self.live[word] &= !(1 << bit);
            let first = self.live[word].trailing_zeros() as usize;
            self.words[word] = if first < WORD { self.rankings[word * WORD + first].order } else { NONE };
            let block = word / plane.span();
            let words = block * plane.span()..self.words.len().min((block + 1) * plane.span());
            self.blocks[block] = lowest(&self.words[words]);
        }
    }

    #[inline]
    pub(crate) fn block_first(&self, block: u32) -> u32 {
        self.blocks[block as usize]
    }

    #[inline]
    pub(crate) fn first(&self, word: usize) -> u32 {
        self.words[word]
    }

    #[inline]
    pub(crate) fn ranking(&self, entry: usize) -> Ranking {
        self.rankings[entry]
    }

    /// Whether the list still has an entry.
    #[inline]
    pub(crate) fn has(&self, entry: u32) -> bool {
        self.live[entry as usize / WORD] >> (entry % WORD as u32) & 1 == 1
    }

    /// Live entries of a word whose order is not below `floor`.
    #[inline(always)]
    pub(crate) fn live(&self, word: usize, floor: u32) -> u64 {
        if floor <= self.words[word] { self.live[word] } else { self.live_from(word, floor) }
    }

    #[inline(never)]
    fn live_from(&self, word: usize, floor: u32) -> u64 {
        let rankings = &self.rankings[word * WORD..self.rankings.len().min(word * WORD + WORD)];
        let below = rankings.partition_point(|ranking| ranking.order < floor);
        if below == WORD { 0 } else { self.live[word] & u64::MAX << below }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.rankings)
            + size_of_val(&*self.live)
            + size_of_val(&*self.words)
            + size_of_val(&*self.blocks)
    }
}

fn lowest(words: &[u32]) -> u32 {
    words.iter().copied().min().unwrap_or(NONE)
}
