//! Sets of entries as two-level bitmaps that share what they have in common.
//!
//! A row says which entries a step of a dimension leaves possible. It is a mask of blocks with the places of those that
//! are not empty; a block is a mask of words with those that are not zero. A row made from another one copies the blocks
//! that differ and points at the rest, so that a row costs what changed and not what it holds. Where only one entry comes
//! or goes the row is the other one and that entry, and costs nothing at all: the memory a lookup touches is what it takes.

use crate::reader::{Reader, Row};

/// Entries a word.
pub(crate) const WORD: usize = 64;
/// Blocks a row and words a block at most.
const MASK: usize = 64;
/// Entries a row can speak of.
pub(crate) const ENTRIES_MAX: usize = MASK * MASK * WORD;
/// The place of the row, and of the block, without an entry.
pub(crate) const EMPTY: u32 = 0;
/// The arena of all rows of a plane. A small row lies with the blocks made for it in one cache line.
#[derive(Debug)]
pub(crate) struct Rows {
    words: Vec<u64>,
    /// Words before the first line, when nothing is made any more.
    skip: usize,
    /// Blocks made for the row at hand.
    fresh: Vec<u64>,
    /// Where each list of rows begins and ends.
    lists: Vec<(u32, u32)>,
    listed: Vec<u32>,
    /// Words a block are a power of two: this one.
    shift: u32,
}

/// How far the arena and its lists were filled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    len: usize,
    lists: usize,
    listed: usize,
}

/// Words a cache line.
const LINE: usize = 8;

/// A row whose places are known: mask of blocks and where the blocks are.
#[derive(Clone, Copy)]
struct Open {
    mask: u64,
    blocks: [u32; MASK],
}

impl Rows {
    pub(crate) fn new(entries: usize) -> Self {
        let words = entries.div_ceil(WORD);
        Self {
            words: vec![0],
            skip: 0,
            fresh: Vec::new(),
            lists: vec![(0, 0)],
            listed: Vec::new(),
            shift: words.div_ceil(MASK).next_power_of_two().trailing_zeros(),
        }
    }

    /// Words a block.
    pub(crate) const fn span(&self) -> usize {
        1 << self.shift
    }

    #[inline]
    pub(crate) fn reader(&self) -> Reader<'_> {
        let Self { words, skip, lists, listed, shift, .. } = self;
        Reader { words: &words[*skip..], lists, listed, shift: *shift }
    }

    /// Whether any row has a list: where none has, lookups are compiled without.
    pub(crate) fn has_lists(&self) -> bool {
        self.lists.len() > 1
    }

    /// The number of a list of rows of the arena.
    pub(crate) fn list(&mut self, rows: &[u32]) -> u32 {
        if rows.is_empty() {
            return 0;
        }
        let first = self.listed.len() as u32;
        self.listed.extend_from_slice(rows);
        self.lists.push((first, self.listed.len() as u32));
        self.lists.len() as u32 - 1
    }

    /// The place of a row of the arena with some entries.
    pub(crate) fn row_of(&mut self, entries: &[(u32, u64)]) -> u32 {
        self.toggled(EMPTY, entries)
    }

    /// The row that differs from `row` in the bits of `changes`; also another form of `row` itself, which has to take
    /// its place.
    pub(crate) fn changed(&mut self, row: Row, changes: &[(u32, u64)]) -> (Row, Row) {
        let one = match changes {
            [(word, bits)] if bits.is_power_of_two() => Some(word * WORD as u32 + bits.trailing_zeros()),
            _ => None,
        };
        let Some(entry) = row.entry() else {
            return match one {
                Some(one) => (row, Row::with(row.base, one)),
                None => (row, Row::of(self.toggled(row.base, changes))),
            };
        };
        if one == Some(entry) {
            return (row, Row::of(row.base));
        }
        if let Some(one) = one {
            let base = self.settled(row);
            return (Row::of(base), Row::with(base, one));
        }
        // Beside the arena's row stand the changes and the entry, which may be among them.
        let (word, bit) = row.word();
        let mut all = changes.to_vec();
        match all.binary_search_by_key(&word, |(word, _)| *word) {
            Ok(at) => all[at].1 ^= bit,
            Err(at) => all.insert(at, (word, bit)),
        }
        all.retain(|(_, bits)| *bits != 0);
        (row, self.changed(Row::of(row.base), &all).1)
    }

    /// The place of a row of the arena with all entries of a row.
    pub(crate) fn settled(&mut self, row: Row) -> u32 {
        match row.entry() {
            None => row.base,
            Some(_) => self.toggled(row.base, &[row.word()]),
        }
    }

    /// The row that differs from `row` in the bits of `changes`: words ascending, each once.
    fn toggled(&mut self, row: u32, changes: &[(u32, u64)]) -> u32 {
        let (mut open, span) = (self.open(row), self.span());
        let mut made = 0u64;
        self.fresh.clear();
        for group in changes.chunk_by(|a, b| a.0 as usize / span == b.0 as usize / span) {
            let block = group[0].0 as usize / span;
            let bit = 1u64 << block;
            let mut words = [0; MASK];
            if open.mask & bit != 0 {
                self.unpack(open.blocks[block], &mut words);
            }
            for (word, toggle) in group {
                words[*word as usize % span] ^= toggle;
            }
            made |= bit;
            match self.pack(&words) {
                Some(at) => (open.mask, open.blocks[block]) = (open.mask | bit, at),
                None => (open.mask, made) = (open.mask & !bit, made & !bit),
            }
        }
        self.close(open, made)
    }

    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    /// What there is so far.
    pub(crate) fn mark(&self) -> Mark {
        Mark { len: self.len(), lists: self.lists.len(), listed: self.listed.len() }
    }

    /// Forgets what was made since.
    pub(crate) fn truncate(&mut self, mark: Mark) {
        let Mark { len, lists, listed } = mark;
        self.words.truncate(len);
        self.lists.truncate(lists);
        self.listed.truncate(listed);
    }

    /// Nothing is made any more: what there is takes no more room than it needs, and its lines are those of the cache.
    pub(crate) fn finish(&mut self) {
        let Self { words, skip, .. } = self;
        let len = words.len();
        words.shrink_to(len + LINE - 1);
        words.reserve_exact(LINE - 1);
        *skip = words.as_ptr().align_offset(LINE * size_of::<u64>()).min(LINE - 1);
        words.resize(len + *skip, 0);
        words.copy_within(..len, *skip);
        self.lists.shrink_to_fit();
        self.listed.shrink_to_fit();
        self.fresh = Vec::new();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
            + self.lists.capacity() * size_of::<(u32, u32)>()
            + self.listed.capacity() * size_of::<u32>()
    }

    #[inline]
    fn get(&self, at: usize) -> u64 {
        self.words[at]
    }

    fn open(&self, row: u32) -> Open {
        let mut open = Open { mask: self.get(row as usize), blocks: [0; MASK] };
        let mut left = open.mask;
        let mut nth = 0;
        while left != 0 {
            let pair = self.get(row as usize + 1 + nth / 2);
            open.blocks[left.trailing_zeros() as usize] = (pair >> (nth % 2 * 32)) as u32;
            nth += 1;
            left &= left - 1;
        }
        open
    }

    /// Writes a row and behind it the blocks `made` for it, whose places are still those in `fresh`.
    fn close(&mut self, open: Open, made: u64) -> u32 {
        if open.mask == 0 {
            return EMPTY;
        }
        let head = 1 + open.mask.count_ones().div_ceil(2) as usize;
        let size = head + self.fresh.len();
        if size <= LINE && self.len() % LINE + size > LINE {
            self.words.resize(self.len().next_multiple_of(LINE), 0);
        }
        let at = self.len();
        self.words.push(open.mask);
        let (mut left, mut half) = (open.mask, None);
        while left != 0 {
            let block = left.trailing_zeros();
            let base = if made >> block & 1 == 1 { (at + head) as u64 } else { 0 };
            let place = base + u64::from(open.blocks[block as usize]);
            match half.take() {
                None => half = Some(place),
                Some(low) => self.words.push(low | place << 32),
            }
            left &= left - 1;
        }
        if let Some(last) = half {
            self.words.push(last);
        }
        self.words.extend_from_slice(&self.fresh);
        at as u32
    }

    fn unpack(&self, block: u32, words: &mut [u64; MASK]) {
        let mut left = self.get(block as usize);
        let mut at = block as usize;
        while left != 0 {
            at += 1;
            words[left.trailing_zeros() as usize] = self.get(at);
            left &= left - 1;
        }
    }

    fn pack(&mut self, words: &[u64; MASK]) -> Option<u32> {
        let used = &words[..self.span()];
        let mask = used.iter().enumerate().fold(0u64, |mask, (at, word)| mask | u64::from(*word != 0) << at);
        if mask == 0 {
            return None;
        }
        let at = self.fresh.len() as u32;
        self.fresh.push(mask);
        self.fresh.extend(used.iter().filter(|word| **word != 0));
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(rows: &Rows, row: Row) -> Vec<usize> {
        let each = |mask: u64| (0..64u32).filter(move |bit| mask >> bit & 1 == 1);
        let (mut out, rows) = (Vec::new(), rows.reader());
        for block in each(rows.blocks::<true>(row)) {
            let place = rows.place(row.base, block);
            for word in each(rows.words::<true>(row, block, place)) {
                let at = rows.word_of(block, word);
                let bits = each(rows.bits::<true>(row, place, word, at));
                out.extend(bits.map(|bit| at as usize * WORD + bit as usize));
            }
        }
        out
    }

    fn toggles(entries: &[usize]) -> Vec<(u32, u64)> {
        entries.iter().map(|at| ((at / WORD) as u32, 1 << (at % WORD))).collect()
    }

    /// Rows made one from another, beside a plain set of numbers.
    fn check(count: usize, steps: &[&[usize]]) {
        let mut rows = Rows::new(count);
        let (mut row, mut plain) = (Row::default(), std::collections::BTreeSet::new());
        let mut made = Vec::new();
        for step in steps {
            for entry in *step {
                if !plain.remove(entry) {
                    plain.insert(*entry);
                }
            }
            let (before, now) = rows.changed(row, &toggles(step));
            assert_eq!(entries(&rows, before), entries(&rows, row));
            row = now;
            made.push((row, plain.iter().copied().collect::<Vec<_>>()));
        }
        for (row, plain) in &made {
            assert_eq!(&entries(&rows, *row), plain);
            let settled = Row::of(rows.settled(*row));
            assert_eq!(&entries(&rows, settled), plain);
        }
        // As lookups see it: where it lies changes, what is in it does not.
        rows.finish();
        assert_eq!(rows.reader().words.as_ptr().addr() % 64, 0, "lines are those of the cache");
        for (row, plain) in &made {
            assert_eq!(&entries(&rows, *row), plain);
        }
    }

    #[test]
    fn a_row_is_what_was_toggled_and_the_old_one_stays() {
        check(ENTRIES_MAX, &[&[3, 70, 5000, 262_143], &[70, 4200, 262_143], &[3, 4200, 5000]]);
        check(100, &[&[3], &[3, 4], &[70], &[4], &[4, 5, 70], &[5], &[5], &[5, 99], &[5, 99]]);
        check(9000, &[&[1, 8999], &[8000], &[8000, 8001], &[1], &[8001, 1], &[1, 8999], &[]]);
    }

    #[test]
    fn what_did_not_change_is_shared() {
        let mut rows = Rows::new(ENTRIES_MAX);
        let all: Vec<(u32, u64)> = (0..4096).map(|word| (word, u64::MAX)).collect();
        let (_, full) = rows.changed(Row::default(), &all);
        let before = rows.len();
        let (_, less) = rows.changed(full, &toggles(&[0, 1]));
        assert!(rows.len() - before <= 2 * 65 + LINE, "one block and the row: {}", rows.len() - before);
        let before = rows.len();
        let (_, more) = rows.changed(less, &toggles(&[0]));
        let (_, fewer) = rows.changed(more, &toggles(&[0, 5000]));
        assert_eq!(
            [less, more, fewer].map(|row| entries(&rows, row).len()),
            [2, 1, 3].map(|n| ENTRIES_MAX - n)
        );
        assert_eq!(rows.len(), before, "one entry more or less costs nothing");
    }
}
