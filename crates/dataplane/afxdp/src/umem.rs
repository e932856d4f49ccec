//! The packet memory of a worker: fixed chunks, and the move-only right to touch one.
//!
//! A `Frame` is the only way to a chunk's bytes. It comes from `Umem::take` (a free chunk) or `Umem::accept` (a
//! descriptor the kernel gave back) and goes to `Umem::put` (free again) or `Umem::lend` (to the kernel). The ledger
//! holds the owner of every chunk, so no chunk can be had twice and none can be lost unnoticed.
//! The memory is a sealed file without a name, so that another process can map it and go on by the same ledger.
#![allow(unsafe_code)]

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, memfd_create},
    io,
    mm::{MapFlags, ProtFlags, mmap, munmap},
};

/// Bytes of one chunk; a frame and its headroom lie inside one.
pub const CHUNK_SIZE: usize = 4096;
/// Bytes before a received frame's first byte: room for pushed tags and for TX metadata.
pub const HEADROOM: usize = 256;
/// The longest frame that a chunk holds.
pub const FRAME_LEN_MAX: usize = CHUNK_SIZE - HEADROOM;

const _: () = assert!(CHUNK_SIZE.is_power_of_two(), "addresses are cut into chunk and offset by shifting");

/// Who may touch a chunk now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Free,
    Kernel,
    Frame,
}

/// Chunks by owner; their sum is always the number of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    pub free: usize,
    pub kernel: usize,
    pub held: usize,
}

/// The right to one chunk of one `Umem`, and where its packet lies. Not `Clone`; give it back to its `Umem`.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a frame that is dropped is a chunk lost; give it back with `put` or `lend`"]
pub struct Frame {
    umem: u32,
    chunk: u32,
    start: u16,
    len: u16,
}

/// Why a descriptor from the kernel was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDescriptor {
    #[error("address {0:#x} is outside the packet memory")]
    Outside(u64),
    #[error("{len} bytes at {at:#x} cross the end of their chunk")]
    Crosses { at: u64, len: usize },
    #[error("the chunk at {0:#x} was not lent to the kernel")]
    NotLent(u64),
}

/// A worker's packet memory and the owner of each of its chunks.
#[derive(Debug)]
pub struct Umem {
    id: u32,
    base: NonNull<u8>,
    memory: OwnedFd,
    owners: Box<[Owner]>,
    free: Vec<u32>,
    lent: usize,
}

/// Why a ledger or a memory of another process can't be gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMemory {
    #[error("it is of another size")]
    Size,
    #[error("its size could still be changed")]
    Unsealed,
    #[error("a chunk is in nobody's hands")]
    Held,
    #[error(transparent)]
    Kernel(#[from] io::Errno),
}

// SAFETY: the mapping belongs to this value alone and is reached through `&self` only together with `&mut Frame`.
unsafe impl Send for Umem {}

impl Frame {
    /// Length of the packet.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// No packet bytes yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes free in front of the packet.
    #[must_use]
    pub const fn headroom(&self) -> usize {
        self.start as usize
    }

    /// Places the packet at `start` within the chunk. False, and no change, if it would not fit.
    #[must_use]
    pub fn place(&mut self, start: usize, len: usize) -> bool {
        let fits = start <= CHUNK_SIZE && len <= CHUNK_SIZE - start;
        if fits {
            self.start = start as u16;
            self.len = len as u16;
        }
        fits
    }

    /// The packet's address as descriptors have it.
    pub(crate) const fn address(&self) -> u64 {
        self.chunk as u64 * CHUNK_SIZE as u64 + self.start as u64
    }
}

impl Umem {
    /// Makes and maps `chunks` chunks, all free.
    pub fn new(chunks: u32) -> io::Result<Self> {
        let memory = memfd_create("packets", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&memory, chunks as u64 * CHUNK_SIZE as u64)?;
        // A file that shrank under its mapping would kill whoever touches a packet.
        fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let mut umem = Self::map(memory, chunks)?;
        umem.owners.fill(Owner::Free);
        umem.free.extend((0..chunks).rev());
        umem.lent = 0;
        Ok(umem)
    }

    /// Maps the memory of another process. Every chunk counts as the kernel's until `restore`.
    ///
    /// # Errors
    /// It is not a memory of so many chunks, or can't be mapped.
    pub(crate) fn adopt(memory: OwnedFd, chunks: u32) -> Result<Self, BadMemory> {
        if fstat(&memory)?.st_size as u64 != chunks as u64 * CHUNK_SIZE as u64 {
            return Err(BadMemory::Size);
        }
        if !fcntl_get_seals(&memory)?.contains(SealFlags::SHRINK) {
            return Err(BadMemory::Unsealed);
        }
        Ok(Self::map(memory, chunks)?)
    }

    /// All its pages are there before the first packet.
    fn map(memory: OwnedFd, chunks: u32) -> io::Result<Self> {
        static NEXT_ID: AtomicU32 = AtomicU32::new(0);
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        let (protection, len) = (ProtFlags::READ | ProtFlags::WRITE, chunks as usize * CHUNK_SIZE);
        // SAFETY: a new mapping at an address of the kernel's choice aliases nothing of ours; the file has this length
        // for ever, being sealed. Another process that maps it touches no chunk that this ledger calls ours: one of the
        // two works at a time.
        let base = unsafe { mmap(ptr::null_mut(), len, protection, flags, &memory, 0) }?;
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            base: NonNull::new(base.cast()).ok_or(io::Errno::NOMEM)?,
            memory,
            owners: vec![Owner::Kernel; chunks as usize].into(),
            free: Vec::with_capacity(chunks as usize),
            lent: chunks as usize,
        })
    }

    /// Which chunks the kernel has, a bit each; the others are free.
    ///
    /// # Errors
    /// A chunk is neither: it is in somebody's hands.
    pub(crate) fn ledger(&self) -> Result<Vec<u8>, BadMemory> {
        let mut bits = vec![0; self.owners.len().div_ceil(8)];
        for (chunk, owner) in self.owners.iter().enumerate() {
            match owner {
                Owner::Free => {}
                Owner::Kernel => bits[chunk / 8] |= 1 << (chunk % 8),
                Owner::Frame => return Err(BadMemory::Held),
            }
        }
        Ok(bits)
    }

    /// Goes on by another process' ledger.
    ///
    /// # Errors
    /// It is of another number of chunks; nothing changed then.
    pub(crate) fn restore(&mut self, bits: &[u8]) -> Result<(), BadMemory> {
        if bits.len() != self.owners.len().div_ceil(8) {
            return Err(BadMemory::Size);
        }
        self.free.clear();
        for (chunk, owner) in self.owners.iter_mut().enumerate().rev() {
            *owner = if bits[chunk / 8] & 1 << (chunk % 8) != 0 { Owner::Kernel } else { Owner::Free };
            if *owner == Owner::Free {
                self.free.push(chunk as u32);
            }
        }
        self.lent = self.owners.len() - self.free.len();
        Ok(())
    }

    /// The file that the memory is.
    pub(crate) fn memory(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }

    /// A free chunk as an empty frame with the usual headroom; None when all are in use.
    pub fn take(&mut self) -> Option<Frame> {
        let chunk = self.free.pop()?;
        self.owners[chunk as usize] = Owner::Frame;
        Some(Frame { umem: self.id, chunk, start: HEADROOM as u16, len: 0 })
    }

    /// The frame's chunk is free again.
    pub fn put(&mut self, frame: Frame) {
        self.check(&frame);
        self.owners[frame.chunk as usize] = Owner::Free;
        self.free.push(frame.chunk);
    }

    /// The frame's chunk goes to the kernel; the answer is its address for a descriptor.
    pub fn lend(&mut self, frame: Frame) -> u64 {
        self.check(&frame);
        self.owners[frame.chunk as usize] = Owner::Kernel;
        self.lent += 1;
        frame.address()
    }

    /// A descriptor came back with a packet in it.
    pub fn accept(&mut self, at: u64, len: u32) -> Result<Frame, BadDescriptor> {
        let chunk = at / CHUNK_SIZE as u64;
        let start = (at % CHUNK_SIZE as u64) as usize;
        let len = len as usize;
        let owner = usize::try_from(chunk).ok().and_then(|c| self.owners.get_mut(c));
        let owner = owner.ok_or(BadDescriptor::Outside(at))?;
        if *owner != Owner::Kernel {
            return Err(BadDescriptor::NotLent(at));
        }
        if len > CHUNK_SIZE - start {
            return Err(BadDescriptor::Crosses { at, len });
        }
        *owner = Owner::Frame;
        self.lent -= 1;
        Ok(Frame { umem: self.id, chunk: chunk as u32, start: start as u16, len: len as u16 })
    }

    /// The packet.
    #[must_use]
    pub fn bytes<'a>(&'a self, frame: &'a Frame) -> &'a [u8] {
        let (at, len) = self.span(frame, frame.start as usize, frame.len as usize);
        // SAFETY: `span` checked that the range lies inside the chunk that `frame`, borrowed for 'a, alone may touch;
        // the mapping lives as long as `self`.
        unsafe { slice::from_raw_parts(at.as_ptr(), len) }
    }

    /// The packet, to be changed in place.
    #[must_use]
    pub fn bytes_mut<'a>(&'a self, frame: &'a mut Frame) -> &'a mut [u8] {
        let (at, len) = self.span(frame, frame.start as usize, frame.len as usize);
        // SAFETY: as in `bytes`, and `frame` is borrowed mutably for 'a, so no other slice into its chunk exists.
        unsafe { slice::from_raw_parts_mut(at.as_ptr(), len) }
    }

    /// The whole chunk, headroom and tail included.
    #[must_use]
    pub fn chunk_mut<'a>(&'a self, frame: &'a mut Frame) -> &'a mut [u8] {
        let (at, len) = self.span(frame, 0, CHUNK_SIZE);
        // SAFETY: as in `bytes_mut`, over the whole chunk.
        unsafe { slice::from_raw_parts_mut(at.as_ptr(), len) }
    }

    /// Chunks by owner. `held` is counted, not derived, so a lost frame shows.
    #[must_use]
    pub fn census(&self) -> Census {
        let held = self.owners.iter().filter(|owner| **owner == Owner::Frame).count();
        Census { free: self.free.len(), kernel: self.lent, held }
    }

    /// Number of chunks.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.owners.len()
    }

    /// Number of free chunks.
    #[must_use]
    pub fn free_chunks(&self) -> usize {
        self.free.len()
    }

    /// Number of chunks that the kernel has.
    #[must_use]
    pub fn lent_chunks(&self) -> usize {
        self.lent
    }

    pub(crate) fn region(&self) -> (u64, u64) {
        (self.base.as_ptr() as u64, (self.chunks() * CHUNK_SIZE) as u64)
    }

    fn span(&self, frame: &Frame, start: usize, len: usize) -> (NonNull<u8>, usize) {
        self.check(frame);
        assert!(start + len <= CHUNK_SIZE, "a frame's range stays inside its chunk");
        let offset = frame.chunk as usize * CHUNK_SIZE + start;
        // SAFETY: `check` showed the frame to be of this mapping, so its chunk index is below `chunks()`.
        (unsafe { self.base.add(offset) }, len)
    }

    fn check(&self, frame: &Frame) {
        assert_eq!(frame.umem, self.id, "a frame is used only with the packet memory it came from");
    }
}

impl Drop for Umem {
    fn drop(&mut self) {
        let len = self.chunks() * CHUNK_SIZE;
        // SAFETY: the mapping was made in `map` with this length, and slices into it can't outlive `self`. Sockets that
        // still use it hold their own reference to its pages.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), len) };
        debug_assert!(unmapped.is_ok(), "the mapping made in `map` can be unmapped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(census: Census) -> usize {
        census.free + census.kernel + census.held
    }

    #[test]
    fn chunks_are_conserved_on_every_way() {
        let mut umem = Umem::new(8).unwrap();
        let first = umem.take().unwrap();
        let second = umem.take().unwrap();
        assert_eq!(umem.census(), Census { free: 6, kernel: 0, held: 2 });
        let at = umem.lend(first);
        umem.put(second);
        assert_eq!(umem.census(), Census { free: 7, kernel: 1, held: 0 });
        let back = umem.accept(at, 60).unwrap();
        assert_eq!((back.len(), sum(umem.census())), (60, 8));
        umem.put(back);
        assert_eq!(umem.census(), Census { free: 8, kernel: 0, held: 0 });
    }

    #[test]
    fn a_descriptor_is_accepted_once_and_only_inside_its_chunk() {
        let mut umem = Umem::new(2).unwrap();
        let frame = umem.take().unwrap();
        let at = umem.lend(frame);
        assert_eq!(umem.accept(at, 4000), Err(BadDescriptor::Crosses { at, len: 4000 }));
        let frame = umem.accept(at, 100).unwrap();
        assert_eq!(umem.accept(at, 100), Err(BadDescriptor::NotLent(at)));
        assert_eq!(umem.accept(1 << 40, 1), Err(BadDescriptor::Outside(1 << 40)));
        umem.put(frame);
    }

    #[test]
    fn an_exhausted_memory_gives_nothing() {
        let mut umem = Umem::new(1).unwrap();
        let frame = umem.take().unwrap();
        assert_eq!(umem.take(), None);
        umem.put(frame);
    }

    #[test]
    fn a_packet_moves_within_its_chunk_and_not_out_of_it() {
        let mut umem = Umem::new(1).unwrap();
        let mut frame = umem.take().unwrap();
        assert!(frame.place(HEADROOM, 3));
        umem.bytes_mut(&mut frame).copy_from_slice(b"abc");
        assert!(frame.place(HEADROOM - 1, 4));
        assert_eq!(umem.bytes(&frame), b"\0abc");
        assert!(!frame.place(CHUNK_SIZE, 1));
        assert_eq!(frame.len(), 4);
        umem.put(frame);
    }

    #[test]
    fn another_owner_goes_on_by_the_ledger() {
        let mut old = Umem::new(11).unwrap();
        let mut lent = Vec::new();
        for n in 0..9 {
            let mut frame = old.take().unwrap();
            assert!(frame.place(HEADROOM, 1));
            old.bytes_mut(&mut frame)[0] = n;
            lent.push(old.lend(frame));
        }
        let back = old.accept(lent[4], 1).unwrap();
        assert_eq!(old.ledger(), Err(BadMemory::Held));
        old.put(back);
        let ledger = old.ledger().unwrap();
        let mut new = Umem::adopt(old.memory().try_clone_to_owned().unwrap(), 11).unwrap();
        assert_eq!(new.census(), Census { free: 0, kernel: 11, held: 0 });
        new.restore(&ledger).unwrap();
        assert_eq!(new.census(), old.census());
        drop(old);
        let frame = new.accept(lent[7], 1).unwrap();
        assert_eq!(new.bytes(&frame), [7]);
        assert_eq!(new.accept(lent[4], 1), Err(BadDescriptor::NotLent(lent[4])));
        new.put(frame);
        assert_eq!(new.census(), Census { free: 4, kernel: 7, held: 0 });
        assert_eq!((new.restore(&[0]), new.census().free), (Err(BadMemory::Size), 4));
    }

    #[test]
    fn a_memory_that_is_none_of_ours_is_refused() {
        let file = |seals, len| {
            let file = memfd_create("t", MemfdFlags::ALLOW_SEALING).unwrap();
            ftruncate(&file, len).unwrap();
            fcntl_add_seals(&file, seals).unwrap();
            file
        };
        let len = 2 * CHUNK_SIZE as u64;
        assert_eq!(Umem::adopt(file(SealFlags::SHRINK, len), 3).unwrap_err(), BadMemory::Size);
        assert_eq!(Umem::adopt(file(SealFlags::GROW, len), 2).unwrap_err(), BadMemory::Unsealed);
        assert!(Umem::adopt(file(SealFlags::SHRINK, len), 2).is_ok());
    }

    #[test]
    #[should_panic(expected = "the packet memory it came from")]
    fn a_frame_of_another_memory_is_refused() {
        let mut one = Umem::new(1).unwrap();
        let two = Umem::new(1).unwrap();
        let frame = one.take().unwrap();
        let _ = two.bytes(&frame);
    }
}
