//! A datagram within a buffer that leaves room in front: headers grow and shrink there.

use std::ops::Range;

use crate::Refused;

/// An IP datagram at `buf[start..end]`, its network header first.
#[derive(Debug)]
pub struct Datagram<'a> {
    buf: &'a mut [u8],
    start: usize,
    end: usize,
}

impl<'a> Datagram<'a> {
    /// `None`: the range does not lie within the buffer.
    #[must_use]
    pub fn new(buf: &'a mut [u8], range: Range<usize>) -> Option<Self> {
        let Range { start, end } = range;
        (start <= end && end <= buf.len()).then_some(Self { buf, start, end })
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buf[self.start..self.end]
    }

    /// Where the datagram lies in its buffer now.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether the first `old` bytes can be replaced by `new` ones.
    pub(crate) fn fits(&self, old: usize, new: usize) -> Result<(), Refused> {
        if self.start + old >= new { Ok(()) } else { Err(Refused::NoRoom) }
    }

    /// Replaces the first `old` bytes by `new` ones, content undefined. The caller has asked [`Self::fits`] and `old` lies
    /// within the datagram.
    pub(crate) fn resize_front(&mut self, old: usize, new: usize) {
        self.start = self.start + old - new;
    }

    /// Cuts off what follows `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start + len);
    }

    /// Bytes behind the datagram that may be used.
    pub(crate) fn room_behind(&self) -> usize {
        self.buf.len() - self.end
    }

    /// Moves the end behind `len` bytes. The caller has asked [`Self::room_behind`].
    pub(crate) fn extend_to(&mut self, len: usize) {
        self.end = self.start + len;
    }
}
