//! Text that is kept and rarely looked at: what is long is packed, in blocks that are unpacked one by one.
//!
//! A configuration of 100,000 policies is 46 MB as it is shown, and a tenth of that packed. State: none.

use std::borrow::Cow;
use std::ops::Range;

use lz4_flex::block::{compress, decompress};

/// Bytes of a block at most; what is packed refers no further back.
const BLOCK_MAX: usize = 64 << 10;
/// A shorter text stays as it is.
const PACKED_MIN: usize = 4 * BLOCK_MAX;

/// Immutable text.
pub(crate) struct Packed {
    len: usize,
    form: Form,
}

enum Form {
    Plain(String),
    /// Each a whole text; they stand in their order.
    Blocks(Box<[Block]>),
}

struct Block {
    begins: usize,
    bytes: Box<[u8]>,
}

impl From<String> for Packed {
    fn from(mut text: String) -> Self {
        let len = text.len();
        if len < PACKED_MIN {
            text.shrink_to_fit();
            return Self { len, form: Form::Plain(text) };
        }
        let (mut blocks, mut begins) = (Vec::with_capacity(len / BLOCK_MAX + 1), 0);
        while begins < len {
            let end = text.floor_char_boundary(begins + BLOCK_MAX);
            blocks.push(Block { begins, bytes: compress(&text.as_bytes()[begins..end]).into() });
            begins = end;
        }
        Self { len, form: Form::Blocks(blocks.into()) }
    }
}

impl Packed {
    pub fn len(&self) -> usize {
        self.len
    }

    /// A range of the text, as it lies: each piece is from one block.
    pub fn pieces(&self, range: Range<usize>) -> impl Iterator<Item = Cow<'_, str>> {
        let (plain, blocks) = match &self.form {
            Form::Plain(text) => (Some(text), &[][..]),
            Form::Blocks(blocks) => (None, &**blocks),
        };
        let first = blocks.partition_point(|block| block.begins <= range.start).saturating_sub(1);
        let last = blocks.partition_point(|block| block.begins < range.end);
        let cut = range.clone();
        let unpacked = (first..last.max(first)).map(move |at| {
            let (mut text, begins) = (self.unpacked(blocks, at), blocks[at].begins);
            text.truncate((cut.end - begins).min(text.len()));
            Cow::Owned(text.split_off(cut.start.saturating_sub(begins)))
        });
        plain.map(|text| Cow::Borrowed(&text[range])).into_iter().chain(unpacked)
    }

    /// As [`Self::pieces`], in one.
    pub fn part(&self, range: Range<usize>) -> Cow<'_, str> {
        let len = range.len();
        let mut pieces = self.pieces(range);
        let Some(first) = pieces.next() else { return Cow::Borrowed("") };
        if first.len() == len {
            return first;
        }
        let mut whole = String::with_capacity(len);
        whole.push_str(&first);
        pieces.for_each(|piece| whole.push_str(&piece));
        Cow::Owned(whole)
    }

    pub fn is_char_boundary(&self, at: usize) -> bool {
        match &self.form {
            Form::Plain(text) => text.is_char_boundary(at),
            Form::Blocks(blocks) => match blocks.binary_search_by_key(&at, |block| block.begins) {
                Ok(_) => true,
                Err(_) if at >= self.len => at == self.len,
                Err(behind) => {
                    self.unpacked(blocks, behind - 1).is_char_boundary(at - blocks[behind - 1].begins)
                }
            },
        }
    }

    fn unpacked(&self, blocks: &[Block], at: usize) -> String {
        let end = blocks.get(at + 1).map_or(self.len, |next| next.begins);
        let bytes = decompress(&blocks[at].bytes, end - blocks[at].begins).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.unwrap_or_else(|| unreachable!("a block was packed from text, and nobody changes it"))
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_MAX, PACKED_MIN, Packed};

    /// Lines that differ, of characters of every width, so that blocks can't all end where they are full.
    fn text(length: usize) -> String {
        let mut out: String = (0..)
            .map(|n: usize| format!("policy p{n} \u{e9}\u{20ac}\u{1f600};\n"))
            .take(length / 16)
            .collect();
        out.truncate(out.floor_char_boundary(length));
        out
    }

    #[test]
    fn every_part_of_a_text_is_there_whether_it_is_packed_or_not() {
        for length in [0, 1, 1000, PACKED_MIN - 1, PACKED_MIN, PACKED_MIN + 1, 9 * BLOCK_MAX + 7] {
            let text = text(length);
            let packed = Packed::from(text.clone());
            assert_eq!((packed.len(), &*packed.part(0..text.len())), (text.len(), &*text));
            let near = |at: usize| at.saturating_sub(9)..=at + 9;
            let places: Vec<usize> =
                (0..=9).flat_map(|n| near(n * BLOCK_MAX)).chain(near(text.len())).collect();
            for at in places.iter().copied() {
                assert_eq!(packed.is_char_boundary(at), text.is_char_boundary(at), "{at} of {length}");
            }
            let cuts: Vec<usize> = places.into_iter().filter(|at| text.is_char_boundary(*at)).collect();
            for (from, to) in cuts.iter().flat_map(|from| cuts.iter().map(move |to| (*from, *to))) {
                if from <= to && (to - from < 2 * BLOCK_MAX || from < 9) {
                    assert!(packed.part(from..to) == text[from..to], "{from} to {to} of {length}");
                }
            }
        }
    }

    #[test]
    fn a_long_text_is_kept_in_less_than_it_is() {
        let packed = Packed::from(text(32 * BLOCK_MAX));
        let held: usize = match &packed.form {
            super::Form::Plain(text) => text.len(),
            super::Form::Blocks(blocks) => blocks.iter().map(|block| block.bytes.len()).sum(),
        };
        assert!(held < packed.len() / 2, "{held} of {}", packed.len());
    }
}
