//! The workers' signs of life, read by the shim on every frame.
//!
//! State: one page shared with the shim's `heartbeat` map. A worker writes its slot every round; a write is a store.
#![allow(unsafe_code)]

use std::{
    os::fd::BorrowedFd,
    ptr::{self, NonNull},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::{
    io,
    mm::{MapFlags, ProtFlags, mmap, munmap},
    time::{ClockId, clock_gettime},
};

/// Queues a port may have, and slots there are. The shim has the same number.
pub const QUEUES_MAX: u32 = 64;
/// A worker beats at least this often, idle or not; the shim allows 80 ms.
pub const BEAT_PERIOD_MAX: Duration = Duration::from_millis(20);

/// `struct beat` of the shim.
#[repr(C, align(64))]
struct Slot {
    monotonic_ns: AtomicU64,
}

const _: () = assert!(size_of::<Slot>() == 64, "the shim's slots are one cache line");
const LEN: usize = QUEUES_MAX as usize * size_of::<Slot>();

#[derive(Debug)]
struct Page(NonNull<Slot>);

// SAFETY: the page holds atomics only.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

/// All slots; each worker gets a `Beat` for its own.
#[derive(Clone, Debug)]
pub struct Heartbeat(Arc<Page>);

/// One worker's slot.
#[derive(Debug)]
pub struct Beat {
    page: Arc<Page>,
    slot: usize,
}

impl Heartbeat {
    /// Maps the shim's heartbeat map.
    pub(crate) fn map(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice aliases nothing of ours.
        let page = unsafe { mmap(ptr::null_mut(), LEN, protection, MapFlags::SHARED, fd, 0) }?;
        Ok(Self(Arc::new(Page(NonNull::new(page.cast()).ok_or(io::Errno::NOMEM)?))))
    }

    /// The slot of the worker that serves receive queue `queue` of every port.
    #[must_use]
    pub fn beat(&self, queue: u32) -> Option<Beat> {
        (queue < QUEUES_MAX).then(|| Beat { page: Arc::clone(&self.0), slot: queue as usize })
    }
}

impl Beat {
    /// Says that the worker is alive now.
    pub fn now(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        self.store(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64);
    }

    /// Says that the worker is gone: the shim drops at once.
    pub fn stop(&self) {
        self.store(0);
    }

    fn store(&self, monotonic_ns: u64) {
        // SAFETY: `slot` is below `QUEUES_MAX`, so the sum stays in the page, which `page` keeps mapped.
        let slot = unsafe { self.page.0.add(self.slot) };
        // SAFETY: points at a slot of the mapped page; its content is atomic.
        let slot = unsafe { slot.as_ref() };
        slot.monotonic_ns.store(monotonic_ns, Ordering::Relaxed);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: mapped in `map` with this length; every `Beat` holds the page alive.
        let unmapped = unsafe { munmap(self.0.as_ptr().cast(), LEN) };
        debug_assert!(unmapped.is_ok(), "the page made in `map` can be unmapped");
    }
}
