//! Memory primitives that need unsafe: prefetch, short strings in place, small lists that are shared, tables on huge pages; and keyed
//! hashes of words.
//!
//! Place: below the engine and the configuration tree, which themselves have no unsafe code. State: none.
#![allow(unsafe_code)]

mod few;
mod keyed;
mod lanes;
mod list;
mod shelf;
mod siphash;
mod table;
mod text;

pub use few::Few;
pub use keyed::KeyedHash;
pub use lanes::{equal_lanes, meeting_lanes, not_above_lanes};
pub use list::List;
pub use shelf::{Shelf, Shelved};
pub use siphash::{KeyedWords, WordHasher, siphash13, siphash24};
pub use table::table;
pub use text::{TEXT_INLINE_MAX, Text};

/// Gives memory that was freed, and that the allocator holds on to, back to the kernel: for who is done with something
/// large. Takes milliseconds, in which other threads may have to wait for memory.
pub fn release() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: what is in use stays as it is; the call may come from any thread at any time (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Asks the processor to bring the line of `place` close; a hint without effect on the program.
#[inline(always)]
pub fn prefetch<T>(place: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults never; the reference is valid besides.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(
            std::ptr::from_ref(place).cast::<i8>(),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
