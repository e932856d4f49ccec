//! Ranks of a plane's entries: what an edit changes while the plane stays.

use crate::plane::Plane;
use crate::rows::WORD;
use crate::rule::{Rule, RuleKey};

/// The rank of what is not there.
pub(crate) const NONE: u32 = u32::MAX;

/// A rank and the key of the rule that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranking {
    pub rank: u32,
    pub key: RuleKey,
}

impl Ranking {
    pub(crate) const NONE: Self = Self { rank: NONE, key: RuleKey(0) };
}

#[derive(Debug)]
pub(crate) struct View {
    /// By entry; ranks ascend within a word, with that of its neighbour where the entry is not live.
    ranks: Box<[Ranking]>,
    /// By word: entries that the list still has.
    live: Box<[u64]>,
    /// By word and by block: the lowest rank of a live entry.
    words: Box<[u32]>,
    blocks: Box<[u32]>,
}

impl View {
    /// `rank_of`: by rule of the layer; [`NONE`] for a rule that the list no longer has. Rules that stay must keep
    /// their order.
    pub(crate) fn new(plane: &Plane, rules: &[Rule], rank_of: &[u32]) -> Self {
        let entries = plane.rules();
        let mut ranks = Vec::with_capacity(entries.len());
        let (mut live, mut words) = (Vec::new(), Vec::new());
        for word in entries.chunks(WORD) {
            let (mut bits, mut first, mut last) = (0u64, NONE, 0);
            for (at, rule) in word.iter().enumerate() {
                let rank = rank_of[*rule as usize];
                if rank != NONE {
                    bits |= 1 << at;
                    first = first.min(rank);
                    debug_assert!(last <= rank, "rules that stay keep their order");
                    last = rank;
                }
                ranks.push(Ranking { rank: last, key: rules[*rule as usize].key });
            }
            live.push(bits);
            words.push(first);
        }
        let blocks = words.chunks(plane.span()).map(|b| b.iter().copied().min().unwrap_or(NONE)).collect();
        Self { ranks: ranks.into(), live: live.into(), words: words.into(), blocks }
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
        self.ranks[entry]
    }

    /// Live entries of a word whose rank is not below `floor`.
    #[inline]
    pub(crate) fn live(&self, word: usize, floor: u32) -> u64 {
        if floor <= self.words[word] {
            return self.live[word];
        }
        let ranks = &self.ranks[word * WORD..self.ranks.len().min(word * WORD + WORD)];
        let below = ranks.partition_point(|ranking| ranking.rank < floor);
        if below == WORD { 0 } else { self.live[word] & u64::MAX << below }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.ranks)
            + size_of_val(&*self.live)
            + size_of_val(&*self.words)
            + size_of_val(&*self.blocks)
    }
}
