//! One ring shared with the kernel: single producer, single consumer, a power of two of entries.
//!
//! The index words are shared; each side publishes with release and looks with acquire, so an entry is read only
//! after it was written whole.
#![allow(unsafe_code)]

use std::{
    os::fd::BorrowedFd,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::{
    io,
    mm::{MapFlags, ProtFlags, mmap, munmap},
    net::xdp::XdpRingOffset,
};

const NEED_WAKEUP: u32 = 1;

/// What may lie in a ring: plain words of the kernel's interface.
pub(crate) trait Entry: Copy {}

impl Entry for u64 {}

/// `struct xdp_desc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Descriptor {
    pub(crate) address: u64,
    pub(crate) len: u32,
    pub(crate) options: u32,
}

impl Entry for Descriptor {}

/// A mapped ring, used from one of its two ends.
#[derive(Debug)]
pub(crate) struct Ring<T: Entry> {
    base: NonNull<u8>,
    map_len: usize,
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    entries: NonNull<T>,
    size: u32,
}

// SAFETY: the mapping belongs to this value; the kernel's end is synchronised by the index words.
unsafe impl<T: Entry> Send for Ring<T> {}

impl<T: Entry> Ring<T> {
    /// Maps the ring of a socket that `page_offset` names.
    pub(crate) fn map(
        fd: BorrowedFd<'_>,
        at: &XdpRingOffset,
        size: u32,
        page_offset: u64,
    ) -> io::Result<Self> {
        let map_len = at.desc as usize + size as usize * size_of::<T>();
        // SAFETY: a new mapping at an address of the kernel's choice aliases nothing of ours.
        let base = unsafe {
            mmap(
                ptr::null_mut(),
                map_len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::POPULATE,
                fd,
                page_offset,
            )
        }?;
        let base = NonNull::new(base.cast()).ok_or(io::Errno::NOMEM)?;
        let flags = at.flags.ok_or(io::Errno::NOTSUP)?;
        Ok(Self::at(base, map_len, [at.producer, at.consumer, flags, at.desc], size))
    }

    fn at(
        base: NonNull<u8>,
        map_len: usize,
        [producer, consumer, flags, entries]: [u64; 4],
        size: u32,
    ) -> Self {
        assert!(size.is_power_of_two(), "ring sizes are powers of two");
        let field = |offset: u64| {
            assert!(offset as usize + size_of::<u32>() <= map_len, "ring words lie in the mapping");
            // SAFETY: just checked to lie inside the mapping of `map_len` bytes.
            unsafe { base.add(offset as usize) }
        };
        Self {
            base,
            map_len,
            producer: field(producer).cast(),
            consumer: field(consumer).cast(),
            flags: field(flags).cast(),
            entries: field(entries).cast(),
            size,
        }
    }

    /// Entries there are.
    pub(crate) const fn size(&self) -> u32 {
        self.size
    }

    /// Entries the producer may still write.
    pub(crate) fn room(&self) -> u32 {
        self.size
            - self
                .produced()
                .load(Ordering::Relaxed)
                .wrapping_sub(self.consumed().load(Ordering::Acquire))
                .min(self.size)
    }

    /// Entries the consumer may read.
    pub(crate) fn ready(&self) -> u32 {
        self.produced()
            .load(Ordering::Acquire)
            .wrapping_sub(self.consumed().load(Ordering::Relaxed))
            .min(self.size)
    }

    /// Producer's end: writes up to `count` entries made by `next`, which may stop early; the answer is how many.
    pub(crate) fn produce(&mut self, count: u32, mut next: impl FnMut() -> Option<T>) -> u32 {
        let start = self.produced().load(Ordering::Relaxed);
        let mut written = 0;
        for _ in 0..count.min(self.room()) {
            let Some(entry) = next() else { break };
            let slot = self.slot(start.wrapping_add(written));
            // SAFETY: `slot` lies in the mapping, and the kernel does not read it before the index is published below.
            unsafe { slot.write(entry) };
            written += 1;
        }
        self.produced().store(start.wrapping_add(written), Ordering::Release);
        written
    }

    /// Consumer's end: hands up to `count` entries to `take`; the answer is how many.
    pub(crate) fn consume(&mut self, count: u32, mut take: impl FnMut(T)) -> u32 {
        let start = self.consumed().load(Ordering::Relaxed);
        let count = count.min(self.ready());
        for n in 0..count {
            let slot = self.slot(start.wrapping_add(n));
            // SAFETY: `slot` lies in the mapping; the kernel published it and leaves it alone until consumed. Every bit
            // pattern is a valid entry.
            take(unsafe { slot.read() });
        }
        self.consumed().store(start.wrapping_add(count), Ordering::Release);
        count
    }

    /// Whether the kernel waits for a system call before it looks at this ring.
    pub(crate) fn needs_wakeup(&self) -> bool {
        // SAFETY: points into the mapping, which lives as long as `self`.
        let flags = unsafe { self.flags.as_ref() };
        flags.load(Ordering::Relaxed) & NEED_WAKEUP != 0
    }

    fn slot(&self, index: u32) -> NonNull<T> {
        // SAFETY: the index is masked to the ring's size, and that many entries lie in the mapping.
        unsafe { self.entries.add((index & (self.size - 1)) as usize) }
    }

    fn produced(&self) -> &AtomicU32 {
        // SAFETY: points into the mapping, which lives as long as `self`; the word is only used atomically.
        unsafe { self.producer.as_ref() }
    }

    fn consumed(&self) -> &AtomicU32 {
        // SAFETY: as in `produced`.
        unsafe { self.consumer.as_ref() }
    }
}

impl<T: Entry> Drop for Ring<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this length and nothing borrowed from it outlives `self`.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), self.map_len) };
        debug_assert!(unmapped.is_ok(), "the ring's own mapping can be unmapped");
    }
}

#[cfg(test)]
mod tests {
    use rustix::mm::mmap_anonymous;

    use super::*;

    fn ring(size: u32) -> Ring<u64> {
        let len = 64 + size as usize * 8;
        // SAFETY: a fresh anonymous mapping.
        let base = unsafe {
            mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
        };
        Ring::at(NonNull::new(base.unwrap().cast()).unwrap(), len, [0, 8, 16, 64], size)
    }

    fn pass(ring: &mut Ring<u64>, values: std::ops::Range<u64>) -> Vec<u64> {
        let mut from = values.clone();
        ring.produce(values.count() as u32, || from.next());
        let mut out = Vec::new();
        ring.consume(u32::MAX, |value| out.push(value));
        out
    }

    #[test]
    fn entries_come_out_in_order_across_the_wrap() {
        let mut ring = ring(4);
        assert_eq!(pass(&mut ring, 0..3), [0, 1, 2]);
        assert_eq!(pass(&mut ring, 3..6), [3, 4, 5]);
        assert_eq!(pass(&mut ring, 6..10), [6, 7, 8, 9]);
    }

    #[test]
    fn a_full_ring_takes_no_more() {
        let mut ring = ring(4);
        let mut from = 0..9_u64;
        assert_eq!(ring.produce(9, || from.next()), 4);
        assert_eq!((ring.room(), ring.ready(), from.next()), (0, 4, Some(4)));
    }

    #[test]
    fn a_dry_source_stops_early() {
        let mut ring = ring(4);
        assert_eq!(ring.produce(4, || None), 0);
        assert_eq!(ring.ready(), 0);
    }
}
