//! A long text in slices of buffers, which texts made from one another share.
//!
//! A copy costs nothing, and what two have in common is told by where it lies. Every slice is whole lines or a part of one that
//! was written at once: cuts never go through a character. Long buffers are packed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::packed::Packed;

/// A shorter stretch is copied rather than shared.
const SHARED_MIN: usize = 512;
/// A text of more slices is made one again.
const SLICES_MAX: usize = 1024;
/// So is one whose buffers are more than twice as long as it is, beyond this.
const SLACK: usize = 1 << 16;
/// What is written is put away when it has become this long.
const FRESH_MAX: usize = 4 << 20;

#[derive(Clone, Default)]
pub struct Rope {
    slices: Arc<[Slice]>,
    len: usize,
}

#[derive(Clone)]
struct Slice {
    buffer: Arc<Packed>,
    from: usize,
    to: usize,
    /// Where in the text it begins.
    at: usize,
}

/// How a text comes from another, from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Splice<'a> {
    /// This range of the other, in bytes.
    Kept(Range<usize>),
    New(Cow<'a, str>),
}

impl Rope {
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The text, piece by piece: none is longer than what has to be unpacked at once, or lies there unpacked.
    pub fn pieces(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.slices.iter().flat_map(|slice| slice.buffer.pieces(slice.from..slice.to))
    }

    /// The whole text, copied only when it is packed or in more than one slice.
    #[must_use]
    pub fn whole(&self) -> Cow<'_, str> {
        match &*self.slices {
            [] => Cow::Borrowed(""),
            [only] => only.text(),
            _ => Cow::Owned(self.joined()),
        }
    }

    fn joined(&self) -> String {
        let mut out = String::with_capacity(self.len);
        self.pieces().for_each(|piece| out.push_str(&piece));
        out
    }

    /// How it comes from `old`; what they don't share is new, even where it reads the same.
    #[must_use]
    pub fn splices<'a>(&'a self, old: &Self) -> Vec<Splice<'a>> {
        let mut shared: HashMap<*const Packed, Vec<&Slice>> = HashMap::new();
        for slice in &*old.slices {
            shared.entry(Arc::as_ptr(&slice.buffer)).or_default().push(slice);
        }
        shared.values_mut().for_each(|slices| slices.sort_by_key(|slice| slice.from));
        let mut out = Vec::new();
        for slice in &*self.slices {
            let known = shared.get(&Arc::as_ptr(&slice.buffer)).map_or(&[][..], Vec::as_slice);
            let mut from = slice.from;
            while from < slice.to {
                let next = known.partition_point(|old| old.from <= from);
                let over = next.checked_sub(1).map(|at| known[at]).filter(|old| from < old.to);
                let to =
                    over.map_or(known.get(next).map_or(slice.to, |old| old.from), |old| old.to).min(slice.to);
                match (over, out.last_mut()) {
                    (Some(old), Some(Splice::Kept(last))) if last.end == old.at + from - old.from => {
                        last.end += to - from;
                    }
                    (Some(old), _) => {
                        let at = old.at + from - old.from;
                        out.push(Splice::Kept(at..at + to - from));
                    }
                    (None, _) => out.push(Splice::New(slice.buffer.part(from..to))),
                }
                from = to;
            }
        }
        out
    }

    /// The text that `splices` make of this one; `None` when they reach beyond it or through a character.
    #[must_use]
    pub fn spliced<'a>(&self, splices: impl IntoIterator<Item = Splice<'a>>) -> Option<Self> {
        let mut writer = Writer::default();
        for splice in splices {
            match splice {
                Splice::Kept(range) => {
                    let parts: Vec<Slice> = self.cut(range)?.collect();
                    let is_whole = |part: &Slice| {
                        part.buffer.is_char_boundary(part.from) && part.buffer.is_char_boundary(part.to)
                    };
                    if !parts.iter().all(is_whole) {
                        return None;
                    }
                    parts.into_iter().for_each(|part| writer.add(part));
                }
                Splice::New(text) => writer.fresh().push_str(&text),
            }
        }
        Some(writer.finish())
    }

    /// The slices of a range; `None` when the text is shorter. It may go through a character.
    fn cut(&self, range: Range<usize>) -> Option<impl Iterator<Item = Slice>> {
        if range.start > range.end || range.end > self.len {
            return None;
        }
        let first = self.slices.partition_point(|slice| slice.at + slice.len() <= range.start);
        let parts = self.slices[first..].iter().take_while(move |slice| slice.at < range.end);
        Some(parts.map(move |slice| {
            let from = slice.from + range.start.saturating_sub(slice.at);
            let to = slice.from + slice.len().min(range.end - slice.at);
            Slice { from, to, ..slice.clone() }
        }))
    }

    /// Whether these bytes are the text's, from its beginning on; what comes behind them is left.
    fn begins_with<'a>(&self, mut bytes: impl Iterator<Item = Cow<'a, str>>) -> bool {
        let (mut theirs, mut at) = (Cow::Borrowed(""), 0);
        for piece in self.pieces() {
            let mut own = piece.as_bytes();
            while !own.is_empty() {
                if at == theirs.len() {
                    let Some(next) = bytes.next() else { return false };
                    (theirs, at) = (next, 0);
                    continue;
                }
                let length = own.len().min(theirs.len() - at);
                if own[..length] != theirs.as_bytes()[at..at + length] {
                    return false;
                }
                (own, at) = (&own[length..], at + length);
            }
        }
        true
    }
}

impl Slice {
    fn len(&self) -> usize {
        self.to - self.from
    }

    fn text(&self) -> Cow<'_, str> {
        self.buffer.part(self.from..self.to)
    }
}

/// Writes a text, some of it from others.
#[derive(Default)]
pub(crate) struct Writer {
    done: Vec<Slice>,
    done_len: usize,
    fresh: String,
}

impl Writer {
    pub fn len(&self) -> usize {
        self.done_len + self.fresh.len()
    }

    /// The end of the text, to write on.
    pub fn fresh(&mut self) -> &mut String {
        if self.fresh.len() >= FRESH_MAX {
            self.flush();
        }
        &mut self.fresh
    }

    /// Adds a range of another text.
    ///
    /// # Panics
    /// It isn't one of that text, or a short one that cuts a character.
    pub fn share(&mut self, text: &Rope, range: Range<usize>) {
        let parts = text.cut(range);
        let parts = parts.unwrap_or_else(|| unreachable!("statements begin and end within their text"));
        parts.for_each(|part| self.add(part));
    }

    fn add(&mut self, part: Slice) {
        if part.len() < SHARED_MIN {
            return self.fresh().push_str(&part.text());
        }
        self.flush();
        match self.done.last_mut() {
            Some(last) if Arc::ptr_eq(&last.buffer, &part.buffer) && last.to == part.from => {
                last.to = part.to
            }
            _ => self.done.push(Slice { at: self.done_len, ..part.clone() }),
        }
        self.done_len += part.len();
    }

    fn flush(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let fresh = std::mem::take(&mut self.fresh);
        let (to, at) = (fresh.len(), self.done_len);
        self.done_len += to;
        self.done.push(Slice { buffer: Arc::new(fresh.into()), from: 0, to, at });
    }

    pub fn finish(mut self) -> Rope {
        self.flush();
        let rope = Rope { slices: self.done.into(), len: self.done_len };
        let buffers: HashMap<_, _> =
            rope.slices.iter().map(|slice| (Arc::as_ptr(&slice.buffer), slice.buffer.len())).collect();
        let held: usize = buffers.values().sum();
        if rope.slices.len() > SLICES_MAX || held > 2 * rope.len + SLACK {
            rope.joined().into()
        } else {
            rope
        }
    }
}

impl From<String> for Rope {
    fn from(text: String) -> Self {
        let mut writer = Writer { fresh: text, ..Writer::default() };
        writer.flush();
        Self { slices: writer.done.into(), len: writer.done_len }
    }
}

impl From<&str> for Rope {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Display for Rope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().try_for_each(|piece| f.write_str(&piece))
    }
}

impl fmt::Debug for Rope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.whole(), f)
    }
}

impl PartialEq for Rope {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && (Arc::ptr_eq(&self.slices, &other.slices) || self.begins_with(other.pieces()))
    }
}

impl Eq for Rope {}

impl PartialEq<str> for Rope {
    fn eq(&self, other: &str) -> bool {
        self.len == other.len() && self.begins_with(std::iter::once(Cow::Borrowed(other)))
    }
}

impl PartialEq<&str> for Rope {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq<String> for Rope {
    fn eq(&self, other: &String) -> bool {
        *self == **other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: usize) -> String {
        format!("{n:0>600}ä\n")
    }

    fn written(old: &Rope, parts: &[Result<Range<usize>, usize>]) -> Rope {
        let mut writer = Writer::default();
        for part in parts {
            match part {
                Ok(range) => writer.share(old, range.clone()),
                Err(n) => writer.fresh().push_str(&line(*n)),
            }
        }
        writer.finish()
    }

    /// A text as it was, as it is, and what the one made of the other has to be.
    fn check(old: &Rope, new: &Rope, wanted: &str) {
        assert_eq!(*new, *wanted);
        assert_eq!(
            (new.len(), new.whole().as_ref(), new.to_string()),
            (wanted.len(), wanted, wanted.to_owned())
        );
        let splices = new.splices(old);
        assert_eq!(old.spliced(splices).as_ref(), Some(new));
        let apart: Rope = old.to_string().into();
        assert_eq!(apart.spliced(new.splices(old)).as_ref(), Some(new), "wherever the old one lies");
    }

    #[test]
    fn a_text_made_from_another_tells_what_is_new() {
        let width = line(0).len();
        let all: String = (0..8).map(line).collect();
        let old = Rope::from(all.clone());
        let lines = |range: Range<usize>| Ok(range.start * width..range.end * width);
        let changed = written(&old, &[lines(0..3), Err(9), lines(4..8)]);
        let wanted: String = [0, 1, 2, 9, 4, 5, 6, 7].map(line).concat();
        check(&old, &changed, &wanted);
        let kept = |range: Range<usize>| Splice::Kept(range.start * width..range.end * width);
        assert_eq!(changed.splices(&old), [kept(0..3), Splice::New(line(9).into()), kept(4..8)]);
        // What had been parted stands together again: all of it is known.
        let parted = written(&old, &[lines(0..4), Err(9), lines(4..8)]);
        let again = written(&parted, &[lines(0..4), lines(5..9)]);
        check(&parted, &again, &all);
        assert_eq!(again.splices(&parted), [kept(0..4), kept(5..9)]);
        // Other places, and a line of which the old text has nothing any more.
        let turned = written(&changed, &[lines(4..8), Err(10), lines(0..4)]);
        check(&changed, &turned, &[4, 5, 6, 7, 10, 0, 1, 2, 9].map(line).concat());
        assert_eq!(turned.splices(&changed), [kept(4..8), Splice::New(line(10).into()), kept(0..4)]);
        let back = written(&old, &[lines(2..5)]);
        check(&changed, &back, &[2, 3, 4].map(line).concat());
        assert_eq!(back.splices(&changed), [kept(2..3), Splice::New(line(3).into()), kept(4..5)]);
        check(&changed, &Rope::default(), "");
        check(&Rope::default(), &changed, &wanted);
    }

    #[test]
    fn ranges_that_are_not_of_the_text_make_none() {
        let long: String = (0..1000).map(line).collect();
        assert!(matches!(Rope::from(long.as_str()).whole(), Cow::Owned(_)), "it is packed");
        for text in [line(1), long] {
            none_but_ranges_of(&text);
        }
    }

    fn none_but_ranges_of(whole: &str) {
        let text = Rope::from(whole);
        let end = text.len();
        for range in [0..end + 1, end - 2..end, 0..end - 2, end + 1..end + 1, usize::MAX..usize::MAX] {
            assert_eq!(text.spliced([Splice::Kept(range.clone())]), None, "{range:?}");
        }
        #[expect(clippy::reversed_empty_ranges, reason = "such a range has to be refused")]
        let turned = 5..2;
        assert_eq!(text.spliced([Splice::Kept(turned)]), None);
        assert_eq!(text.spliced([Splice::Kept(end..end)]), Some(Rope::default()));
        assert_eq!(
            text.spliced([Splice::Kept(3..end), Splice::New("x".into())]),
            Some((whole[3..].to_owned() + "x").into())
        );
    }

    #[test]
    fn slices_and_what_they_hold_are_bounded() {
        let width = line(0).len();
        let mut lines: Vec<String> = (0..4 * SLICES_MAX).map(line).collect();
        let mut now: Rope = lines.concat().into();
        for n in 0..2 * SLICES_MAX {
            let (at, len) = (2 * n * width, now.len());
            let mut writer = Writer::default();
            writer.share(&now, 0..at);
            writer.fresh().push_str(&line(n + 1));
            writer.share(&now, at + width..len);
            let before = std::mem::replace(&mut now, writer.finish());
            assert!(now.slices.len() <= SLICES_MAX && now.len() == len, "{n}");
            lines[2 * n] = line(n + 1);
            if n % 100 == 0 {
                check(&before, &now, &lines.concat());
            }
        }
        check(&Rope::default(), &now, &lines.concat());
        // A short rest does not hold a long buffer.
        let rest = written(&now, &[Ok(0..width)]);
        assert_eq!((rest.slices.len(), rest.slices[0].buffer.len()), (1, width));
    }
}
