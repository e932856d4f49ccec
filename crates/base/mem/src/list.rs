//! A list that many may hold: in one allocation as long as nobody adds to it.
//!
//! Place: below the configuration tree and compiled rules, whose lists are many and small. State: a count of holders
//! beside the members.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

/// Members of a list whose members lie in a `Vec` behind the head; so does a list of more than a head can count.
const GROWN: u32 = u32::MAX;
/// Holders of one list: so many are leaked ones, and counting on would wrap.
const HOLDERS_MAX: u32 = u32::MAX / 2;

/// What every list that isn't empty begins with; its members, or a `Vec` of them, come next.
///
/// Both numbers in one word: a level of one statement and its head are one line of a cache.
#[repr(C)]
struct Head {
    holders: AtomicU32,
    /// Members, or [`GROWN`].
    length: u32,
}

/// One word, which may lie beside smaller ones; a clone is another holder of the same members.
#[repr(C, packed(4))]
pub struct List<T> {
    head: Option<NonNull<Head>>,
    of: PhantomData<T>,
}

// SAFETY: holders in other threads read members, and the last of them drops them: what `Arc` asks of its content.
unsafe impl<T: Send + Sync> Send for List<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for List<T> {}

const _: () = assert!(size_of::<Head>() == 8 && size_of::<List<u64>>() == 8 && align_of::<List<u64>>() == 4);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        if let Some(head) = self.head() {
            let before = head.holders.fetch_add(1, Ordering::Relaxed);
            assert!(before < HOLDERS_MAX, "a list has fewer holders than that");
        }
        Self { head: self.head, of: PhantomData }
    }
}

/// A head and so many of what comes behind it, and where that begins.
fn layout<U>(count: usize) -> (Layout, usize) {
    let behind = Layout::array::<U>(count).ok().and_then(|array| Layout::new::<Head>().extend(array).ok());
    let (layout, offset) = behind.unwrap_or_else(|| unreachable!("members that lay in a `Vec` fit here too"));
    (layout.pad_to_align(), offset)
}

impl<T> List<T> {
    #[must_use]
    pub const fn new() -> Self {
        Self { head: None, of: PhantomData }
    }

    /// Takes all members out of `from`, which keeps its room.
    #[must_use]
    pub fn taken(from: &mut Vec<T>) -> Self {
        let count = from.len();
        if count == 0 {
            return Self::default();
        }
        let Some(length) = u32::try_from(count).ok().filter(|length| *length != GROWN) else {
            return Self::grown(std::mem::take(from));
        };
        let (list, place) = Self::with_room::<T>(count, length);
        // SAFETY: `from` has that many members, and the room is for that many; one was made after the other.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), place.as_ptr(), count) };
        // SAFETY: nothing is asked of the members; they have moved.
        unsafe { from.set_len(0) };
        list
    }

    fn grown(members: Vec<T>) -> Self {
        let (list, place) = Self::with_room::<Vec<T>>(1, GROWN);
        // SAFETY: the room is for this `Vec`, and nothing is in it.
        unsafe { place.write(members) };
        list
    }

    /// A list with nothing yet behind its head.
    fn with_room<U>(count: usize, length: u32) -> (Self, NonNull<U>) {
        let (layout, offset) = layout::<U>(count);
        // SAFETY: the head alone makes the layout larger than nothing.
        let start = NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        let head = start.cast::<Head>();
        // SAFETY: just allocated, with the head's size and alignment.
        unsafe { head.write(Head { holders: AtomicU32::new(1), length }) };
        // SAFETY: `offset` lies in the allocation.
        let place = unsafe { start.add(offset) };
        (Self { head: Some(head), of: PhantomData }, place.cast())
    }

    fn head(&self) -> Option<&Head> {
        let head = self.head;
        // SAFETY: a head lives as long as a list that points to it.
        head.map(|head| unsafe { head.as_ref() })
    }

    /// What lies behind a head.
    fn behind<U>(head: NonNull<Head>) -> NonNull<U> {
        let (_, offset) = layout::<U>(1);
        // SAFETY: what has a head was allocated with something behind it.
        unsafe { head.cast::<u8>().add(offset) }.cast()
    }

    /// What tells these members from all others for as long as they have a holder; `None` when there are none.
    #[must_use]
    pub fn identity(&self) -> Option<usize> {
        { self.head }.map(|head| head.addr().get())
    }

    /// Whether the members lie apart, to be edited, and nobody else holds them.
    #[must_use]
    pub fn is_loose(&self) -> bool {
        self.is_only_holder() && self.head().is_some_and(|head| head.length == GROWN)
    }

    fn is_only_holder(&self) -> bool {
        self.head().is_some_and(|head| head.holders.load(Ordering::Acquire) == 1)
    }

    fn place(&self) -> Option<NonNull<[T]>> {
        let head = self.head?;
        let length = self.head().map_or(0, |head| head.length);
        if length == GROWN {
            // SAFETY: the length says that a `Vec` was written there.
            let members: &Vec<T> = unsafe { Self::behind::<Vec<T>>(head).as_ref() };
            return Some(NonNull::from(members.as_slice()));
        }
        Some(NonNull::slice_from_raw_parts(Self::behind::<T>(head), length as usize))
    }
}

impl<T: Clone> List<T> {
    /// The members, none of them held by another list.
    pub fn members_mut(&mut self) -> &mut [T] {
        if { self.head }.is_some() && !self.is_only_holder() {
            *self = Self::taken(&mut self.to_vec());
        }
        if self.head().is_some_and(|head| head.length == GROWN) {
            return self.edit();
        }
        // SAFETY: this list alone holds the members.
        self.place().map_or(&mut [], |mut place| unsafe { place.as_mut() })
    }

    /// The same as a list that may grow: from then on they lie in an allocation of their own.
    pub fn edit(&mut self) -> &mut Vec<T> {
        if !self.is_loose() {
            *self = Self::grown(std::mem::take(self).into_vec());
        }
        let head = { self.head }.unwrap_or_else(|| unreachable!("a list that grew has a head"));
        // SAFETY: the list is in the grown form, and alone holds it.
        unsafe { Self::behind::<Vec<T>>(head).as_mut() }
    }

    #[must_use]
    pub fn into_vec(mut self) -> Vec<T> {
        if !self.is_only_holder() {
            return self.to_vec();
        }
        if self.head().is_some_and(|head| head.length == GROWN) {
            return std::mem::take(self.edit());
        }
        let mut out = Vec::with_capacity(self.len());
        let (Some(mut head), Some(place)) = (self.head, self.place()) else { return out };
        // SAFETY: there is room for that many, and the two do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(place.cast::<T>().as_ptr(), out.as_mut_ptr(), place.len()) };
        // SAFETY: the members have moved here.
        unsafe { out.set_len(place.len()) };
        // SAFETY: the only holder.
        let left = unsafe { head.as_mut() };
        let (layout, _) = layout::<T>(std::mem::replace(&mut left.length, 0) as usize);
        self.head = None;
        // SAFETY: allocated with this layout, and forgotten by its only holder; the members are `out`'s.
        unsafe { dealloc(head.cast::<u8>().as_ptr(), layout) };
        out
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        let (Some(head), Some(place)) = (self.head, self.place()) else { return };
        // All that is asked of the head is asked before it is let go: the next moment it may be gone.
        let length = self.head().map_or(0, |head| head.length);
        let holders = self.head().map_or(0, |head| head.holders.fetch_sub(1, Ordering::Release));
        if holders != 1 {
            return;
        }
        fence(Ordering::Acquire);
        let layout = if length == GROWN {
            // SAFETY: the last holder drops the `Vec`, once.
            unsafe { Self::behind::<Vec<T>>(head).drop_in_place() };
            layout::<Vec<T>>(1).0
        } else {
            // SAFETY: the last holder drops the members, once.
            unsafe { place.drop_in_place() };
            layout::<T>(length as usize).0
        };
        // SAFETY: allocated with this layout; nobody holds it any more.
        unsafe { dealloc(head.cast::<u8>().as_ptr(), layout) };
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: members live as long as a list that holds them, and are changed by an only holder alone.
        self.place().map_or(&[], |place| unsafe { place.as_ref() })
    }
}

/// The members, none of them held by another list.
impl<T: Clone> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.members_mut()
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(mut members: Vec<T>) -> Self {
        Self::taken(&mut members)
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        Self::taken(&mut members.into_iter().collect())
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// By the members, wherever they lie.
impl<T: PartialEq> PartialEq for List<T> {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity() || **self == **other
    }
}

impl<T: Eq> Eq for List<T> {}

impl<T: Hash> Hash for List<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::sync::Arc;

    use super::List;

    /// Of every length up to a few, in both forms.
    fn lists(each: impl Fn(usize, List<Rc<usize>>, &[Rc<usize>])) {
        for count in 0..5 {
            let members: Vec<Rc<usize>> = (0..count).map(Rc::new).collect();
            each(count, List::taken(&mut members.clone()), &members);
            let mut grown = List::taken(&mut members.clone());
            grown.edit().reserve(3);
            each(count, grown, &members);
            assert!(members.iter().all(|m| Rc::strong_count(m) == 1), "every member is dropped, once");
        }
    }

    #[test]
    fn members_are_those_that_were_taken() {
        lists(|count, list, members| {
            assert_eq!(&*list, members);
            assert_eq!(list.len(), count);
            assert_eq!(list.clone().into_vec(), members);
            assert_eq!(list.into_vec(), members);
        });
    }

    #[test]
    fn what_one_holder_changes_the_others_do_not_see() {
        lists(|_, list, members| {
            let mut other = list.clone();
            other.edit().push(Rc::new(9));
            assert_eq!((&*list, other.len()), (members, members.len() + 1));
            let mut third = list.clone();
            third.members_mut().iter_mut().for_each(|m| *m = Rc::new(7));
            assert_eq!(&*list, members);
            assert!(third.iter().all(|m| **m == 7));
            assert_eq!(list.identity() == third.identity(), list.identity().is_none());
        });
    }

    #[test]
    fn an_only_holder_changes_in_place() {
        lists(|count, mut list, _| {
            let before = list.identity();
            list.members_mut().iter_mut().for_each(|m| *m = Rc::new(7));
            assert_eq!((list.identity(), list.len()), (before, count));
            list.edit().push(Rc::new(8));
            let grown = list.identity();
            list.edit().insert(0, Rc::new(6));
            assert_eq!((list.identity(), list.len()), (grown, count + 2));
        });
    }

    #[test]
    fn lists_are_equal_by_their_members_in_whatever_form_and_wherever_they_lie() {
        lists(|count, list, members| {
            // Beside a byte, at an address that is no multiple of a word.
            #[repr(C, packed(4))]
            struct Beside(u32, List<Rc<usize>>);
            let beside = Beside(1, List::from(members.to_vec()));
            assert_eq!({ beside.0 }, 1);
            let Beside(_, other) = beside;
            assert_eq!(list, other);
            assert_eq!(other, members.iter().cloned().collect());
            let mut longer = other.clone();
            longer.edit().push(Rc::new(9));
            assert_ne!(list, longer);
            if count > 0 {
                let mut changed = other.clone();
                changed[count - 1] = Rc::new(9);
                assert_ne!(list, changed);
                assert_eq!(list, other, "the other holder keeps what it had");
            }
        });
    }

    #[test]
    fn the_last_of_many_threads_drops_the_members() {
        let member = Arc::new(());
        let list = List::taken(&mut vec![member.clone(); 8]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let list = list.clone();
                scope.spawn(move || (0..1000).map(|_| list.clone().len()).sum::<usize>());
            }
        });
        assert_eq!(Arc::strong_count(&member), 9);
        drop(list);
        assert_eq!(Arc::strong_count(&member), 1);
    }
}
