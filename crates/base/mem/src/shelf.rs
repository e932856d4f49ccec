//! Slices of several kinds that lie together in one allocation, on huge pages where the kernel has them.
//!
//! Place: below the classifier, whose tables are a few megabytes, read at places that nobody can foresee. Each alone is
//! too small for huge pages, or lies across their bounds. State: what was put there, for as long as a slice of it is left.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::table::{HUGE, advise};

/// What every slice begins at a multiple of.
const LINE: usize = 64;

/// Room for slices: they are put there one behind the other.
pub struct Shelf {
    room: Arc<Room>,
    used: usize,
}

/// A slice that was put there.
pub struct Shelved<T> {
    first: NonNull<T>,
    len: usize,
    /// Keeps it alive.
    _room: Arc<Room>,
    _of: PhantomData<T>,
}

#[derive(Debug)]
struct Room {
    at: NonNull<u8>,
    layout: Layout,
}

impl Shelf {
    /// Of so many bytes: what [`Shelf::room_of`] says of all slices together.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { room: Arc::new(Room::new(bytes)), used: 0 }
    }

    /// Bytes that a slice takes.
    #[must_use]
    pub const fn room_of<T>(slice: &[T]) -> usize {
        size_of_val(slice).next_multiple_of(LINE)
    }

    /// A copy of a slice.
    ///
    /// # Panics
    /// There is no room left.
    #[must_use]
    pub fn put<T: Copy>(&mut self, slice: &[T]) -> Shelved<T> {
        const { assert!(align_of::<T>() <= LINE) };
        let begin = self.used;
        self.used += Self::room_of(slice);
        assert!(self.used <= self.room.layout.size(), "room for all that is put there");
        // SAFETY: `begin` is not beyond the allocation, as just asserted.
        let first = unsafe { self.room.at.add(begin) }.cast::<T>();
        // SAFETY: so many bytes from `begin` on lie within the allocation, at an address that is a multiple of `LINE` and so of the
        // type's alignment; they were given to no other slice, since `used` only grows and the shelf is borrowed for it.
        unsafe { first.copy_from_nonoverlapping(NonNull::from(slice).cast(), slice.len()) };
        Shelved { first, len: slice.len(), _room: Arc::clone(&self.room), _of: PhantomData }
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("used", &self.used).finish_non_exhaustive()
    }
}

impl Room {
    fn new(bytes: usize) -> Self {
        let is_large = bytes >= HUGE / 2;
        let unit = if is_large { HUGE } else { LINE };
        let size = bytes.max(1).next_multiple_of(unit);
        let layout = Layout::from_size_align(size, unit).expect("a size that memory has");
        // SAFETY: the size is not zero.
        let Some(at) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        if is_large {
            advise(at.as_ptr(), size);
        }
        Self { at, layout }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: it was allocated so, and whoever has a slice of it has this, too.
        unsafe { dealloc(self.at.as_ptr(), self.layout) };
    }
}

// SAFETY: the memory is written once, through the shelf that is borrowed for it, and read from then on.
unsafe impl Send for Room {}
// SAFETY: as above.
unsafe impl Sync for Room {}
// SAFETY: it is read as a slice is.
unsafe impl<T: Sync> Send for Shelved<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Shelved<T> {}

impl<T: Copy> From<&[T]> for Shelved<T> {
    /// On a shelf of its own.
    fn from(slice: &[T]) -> Self {
        Shelf::new(Shelf::room_of(slice)).put(slice)
    }
}

impl<T: Copy> Shelved<T> {
    /// Goes to another shelf.
    pub fn move_to(&mut self, shelf: &mut Shelf) {
        *self = shelf.put(self);
    }
}

impl<T> Deref for Shelved<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: so many were written there, nothing else ever is, and the room is kept.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Shelved<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C, align(64))]
    struct Wide(u8, u64);

    #[test]
    fn slices_are_what_was_put_there_for_as_long_as_one_is_left() {
        for many in [1usize, 1000, 1 << 18] {
            let words: Vec<u16> = (0..many).map(|n| n as u16).collect();
            let wide: Vec<Wide> = (0..many / 8).map(|n| Wide(n as u8, n as u64)).collect();
            let bytes = Shelf::room_of(&words) + Shelf::room_of(&wide) + Shelf::room_of::<u64>(&[]);
            let mut shelf = Shelf::new(bytes);
            let (first, none, second) = (shelf.put(&words), shelf.put::<u64>(&[]), shelf.put(&wide));
            drop(shelf);
            assert_eq!((&*first, none.len()), (&*words, 0));
            assert_eq!(first.as_ptr().addr() % LINE, 0);
            let moved = std::thread::spawn(move || second.iter().eq(&wide)).join();
            assert!(moved.is_ok_and(|same| same));
        }
    }

    #[test]
    #[should_panic(expected = "room for all")]
    fn no_more_is_put_there_than_there_is_room() {
        let mut shelf = Shelf::new(64);
        let _first = shelf.put(&[0u8; 65]);
    }

    #[test]
    fn a_large_one_begins_at_a_huge_page() {
        let bytes = vec![7u8; 3 * HUGE / 2];
        let mut shelf = Shelf::new(Shelf::room_of(&bytes));
        let kept = shelf.put(&bytes);
        assert_eq!(kept.as_ptr().addr() % HUGE, 0);
        assert_eq!(*kept, *bytes);
    }
}
