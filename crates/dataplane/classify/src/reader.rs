//! A row, and the arena of all rows as lookups read it.

use ravelin_mem::prefetch;

use crate::rows::{EMPTY, WORD};

/// No entry.
const NO_ENTRY: u32 = u32::MAX;

/// A row of the arena, but for one entry perhaps: where the arena has that, this row does not, and the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub base: u32,
    entry: u32,
    /// A list of further rows of the arena; 0 is the empty one.
    parts: u32,
}

impl Default for Row {
    fn default() -> Self {
        Self::of(EMPTY)
    }
}

impl Row {
    pub(crate) const fn of(base: u32) -> Self {
        Self { base, entry: NO_ENTRY, parts: 0 }
    }

    #[inline]
    pub(crate) const fn with(base: u32, entry: u32) -> Self {
        Self { base, entry, parts: 0 }
    }

    /// This row and those of a list.
    #[inline]
    pub(crate) const fn and_list(self, parts: u32) -> Self {
        Self { parts, ..self }
    }

    /// The entry in which it differs from the arena's row.
    pub(crate) fn entry(self) -> Option<u32> {
        (self.entry != NO_ENTRY).then_some(self.entry)
    }

    /// The word and the bit of the entry; a word that no row has when there is none.
    #[inline]
    pub(crate) const fn word(self) -> (u32, u64) {
        (self.entry / WORD as u32, 1 << (self.entry % WORD as u32))
    }
}

/// The arena as lookups read it.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'r> {
    pub words: &'r [u64],
    pub lists: &'r [(u32, u32)],
    pub listed: &'r [u32],
    /// Words a block are a power of two: this one.
    pub shift: u32,
}

impl Reader<'_> {
    /// The block of a word, and which one of it the word is.
    #[inline]
    pub(crate) const fn block_of(self, word: u32) -> (u32, u32) {
        (word >> self.shift, word & ((1 << self.shift) - 1))
    }

    /// The number of a block's word among all.
    #[inline]
    pub(crate) const fn word_of(self, block: u32, word: u32) -> u32 {
        block << self.shift | word
    }

    /// The mask of blocks of a row; perhaps one more, whose last entry it does not have.
    #[inline]
    pub(crate) fn blocks<const LISTS: bool>(self, row: Row) -> u64 {
        let own = match row.entry {
            NO_ENTRY => 0,
            _ => 1 << self.block_of(row.word().0).0,
        };
        let mine = self.get(row.base) | own;
        self.parts::<LISTS>(row).iter().fold(mine, |mask, part| mask | self.get(*part))
    }

    /// What the arena has of a row or a block comes close.
    #[inline]
    pub(crate) fn prefetch(self, at: u32) {
        if let Some(word) = self.words.get(at as usize) {
            prefetch(word);
        }
    }

    /// The place of one block of the arena's part of a row.
    #[inline]
    pub(crate) fn place(self, base: u32, block: u32) -> u32 {
        let mask = self.get(base);
        let nth = below(mask, block);
        // A choice, not a branch, which nobody could foresee: the word at `EMPTY` is zero.
        let at = if mask >> block & 1 == 0 { EMPTY } else { base + 1 + nth / 2 };
        (self.get(at) >> (nth % 2 * 32)) as u32
    }

    /// The mask of words of a block; perhaps one more.
    #[inline]
    pub(crate) fn words<const LISTS: bool>(self, row: Row, block: u32, place: u32) -> u64 {
        let (at, nth) = self.block_of(row.word().0);
        let own = u64::from(at == block) << nth;
        let mine = self.get(place) | own;
        self.parts::<LISTS>(row).iter().fold(mine, |mask, part| mask | self.get(self.place(*part, block)))
    }

    /// The entries of a word, which is the one of this number in a block, and of this one in all.
    #[inline]
    pub(crate) fn bits<const LISTS: bool>(self, row: Row, place: u32, word: u32, at: u32) -> u64 {
        let (own, bit) = row.word();
        let own = if own == at { bit } else { 0 };
        let mine = own ^ self.word(place, word);
        let block = self.block_of(at).0;
        self.parts::<LISTS>(row)
            .iter()
            .fold(mine, |bits, part| bits | self.word(self.place(*part, block), word))
    }

    /// A word of a block.
    #[inline]
    fn word(self, place: u32, word: u32) -> u64 {
        let mask = self.get(place);
        self.get(if mask >> word & 1 == 0 { EMPTY } else { place + 1 + below(mask, word) })
    }

    #[inline]
    fn get(self, at: u32) -> u64 {
        self.words[at as usize]
    }

    #[inline]
    fn parts<const LISTS: bool>(&self, row: Row) -> &[u32] {
        if !LISTS || row.parts == 0 {
            return &[];
        }
        let (first, end) = self.lists[row.parts as usize];
        &self.listed[first as usize..end as usize]
    }
}

/// How many bits of a mask are below one.
#[inline]
fn below(mask: u64, bit: u32) -> u32 {
    (mask & ((1u64 << bit) - 1)).count_ones()
}
