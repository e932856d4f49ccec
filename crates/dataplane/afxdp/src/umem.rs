//! The packet memory of a worker: fixed chunks, and the move-only right to touch one.
//!
//! A `Frame` is the only way to a chunk's bytes. It comes from `Umem::take` (a free chunk) or `Umem::accept` (a
//! descriptor the kernel gave back) and goes to `Umem::put` (free again) or `Umem::lend` (to the kernel). The ledger
//! holds the owner of every chunk, so no chunk can be had twice and none can be lost unnoticed.
//! Where a port's frames may be longer than a chunk there are **long** frames too, of a few chunks one behind another behind all
//! others. The kernel never writes to them; it sends them from where they are, in pieces.
//! The memory is a sealed file without a name, so that another process can map it and go on by the same ledger.
#![allow(unsafe_code)]

mod count;

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

pub use count::Census;

/// Bytes of one chunk; a frame and its headroom lie inside one.
pub const CHUNK_SIZE: usize = 4096;
/// Bytes before a received frame's first byte: room for pushed tags and for TX metadata.
pub const HEADROOM: usize = 256;
/// The longest frame that a chunk holds.
pub const FRAME_LEN_MAX: usize = CHUNK_SIZE - HEADROOM;
/// Chunks of a long frame.
pub const LONG_CHUNKS: usize = 3;
/// Bytes before a later piece of one: as many as the kernel wants for TX metadata before each.
const PIECE_HEADROOM: usize = 64;
/// The longest frame there is: Junos' greatest MTU, with a VLAN tag and some room.
pub const LONG_LEN_MAX: usize = ravelin_engine::ANSWER_LEN_MAX;

const _: () = assert!(HEADROOM + LONG_LEN_MAX + 2 * PIECE_HEADROOM <= LONG_CHUNKS * CHUNK_SIZE, "it fits");

const _: () = assert!(CHUNK_SIZE.is_power_of_two(), "addresses are cut into chunk and offset by shifting");

/// A bit for each piece of a long frame.
const ALL_PIECES: u8 = (1 << LONG_CHUNKS) - 1;

/// Who may touch a chunk now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Free,
    Kernel,
    Frame,
}

/// What has become of a long frame's chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Long {
    Free,
    Held,
    /// Pieces that the kernel still has, a bit each.
    Lent(u8),
}

/// The right to one chunk of one `Umem`, and where its packet lies. Not `Clone`; give it back to its `Umem`.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a frame that is dropped is a chunk lost; give it back with `put` or `lend`"]
pub struct Frame {
    umem: u32,
    chunk: u32,
    /// Bytes of its chunks.
    room: u16,
    start: u16,
    len: u16,
}

/// A frame as the kernel takes it: addresses and lengths of up to [`LONG_CHUNKS`] pieces.
pub(crate) type Pieces = ([(u64, u32); LONG_CHUNKS], usize);

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
    /// Long frames behind the chunks.
    longs: Box<[Long]>,
    free_longs: Vec<u32>,
    lent_longs: usize,
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
        // A packet in pieces takes room for each of them, too.
        let room = usize::from(self.room);
        let room = room - (room / CHUNK_SIZE - 1) * PIECE_HEADROOM;
        let fits = start <= room && len <= room - start;
        if fits {
            self.start = start as u16;
            self.len = len as u16;
        }
        fits
    }

    /// The packet's address as descriptors have it.
    const fn address(&self) -> u64 {
        self.chunk as u64 * CHUNK_SIZE as u64 + self.start as u64
    }

    /// The pieces in which the packet is sent, each inside one chunk: where they are when it is lent.
    pub(crate) fn pieces(&self) -> Pieces {
        let (mut pieces, mut count) = ([(0, 0); LONG_CHUNKS], 0);
        let (mut at, mut left) = (self.address(), u32::from(self.len));
        while count == 0 || left > 0 {
            let room = CHUNK_SIZE as u64 - at % CHUNK_SIZE as u64;
            let len = left.min(room as u32);
            pieces[count] = (at, len);
            (at, left, count) = (at + room + PIECE_HEADROOM as u64, left - len, count + 1);
        }
        (pieces, count)
    }
}

impl Umem {
    /// Makes and maps `chunks` chunks and as many long frames, all free.
    pub fn new(chunks: u32, longs: u32) -> io::Result<Self> {
        let memory = memfd_create("packets", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&memory, len_of(chunks, longs))?;
        // A file that shrank under its mapping would kill whoever touches a packet.
        fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let mut umem = Self::map(memory, chunks, longs)?;
        umem.owners.fill(Owner::Free);
        umem.free.extend((0..chunks).rev());
        umem.lent = 0;
        umem.longs.fill(Long::Free);
        umem.free_longs.extend((0..longs).rev());
        umem.lent_longs = 0;
        Ok(umem)
    }

    /// Maps the memory of another process, with long frames or without. Every chunk counts as the kernel's until `restore`.
    ///
    /// # Errors
    /// It is not a memory of so many chunks, or can't be mapped.
    pub(crate) fn adopt(memory: OwnedFd, chunks: u32, longs: u32) -> Result<Self, BadMemory> {
        let size = fstat(&memory)?.st_size as u64;
        let longs = if size == len_of(chunks, longs) { longs } else { 0 };
        if size != len_of(chunks, longs) {
            return Err(BadMemory::Size);
        }
        if !fcntl_get_seals(&memory)?.contains(SealFlags::SHRINK) {
            return Err(BadMemory::Unsealed);
        }
        Ok(Self::map(memory, chunks, longs)?)
    }

    /// All its pages are there before the first packet.
    fn map(memory: OwnedFd, chunks: u32, longs: u32) -> io::Result<Self> {
        static NEXT_ID: AtomicU32 = AtomicU32::new(0);
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        let (protection, len) = (ProtFlags::READ | ProtFlags::WRITE, len_of(chunks, longs) as usize);
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
            longs: vec![Long::Lent(ALL_PIECES); longs as usize].into(),
            free_longs: Vec::with_capacity(longs as usize),
            lent_longs: longs as usize,
        })
    }

    /// Which chunks the kernel has, a bit each, and behind them a byte of three bits for each long frame; the others are free.
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
        for long in &self.longs {
            bits.push(match long {
                Long::Free => 0,
                Long::Lent(pieces) => *pieces,
                Long::Held => return Err(BadMemory::Held),
            });
        }
        Ok(bits)
    }

    /// Goes on by another process' ledger.
    ///
    /// # Errors
    /// It is of another number of chunks; nothing changed then.
    pub(crate) fn restore(&mut self, bits: &[u8]) -> Result<(), BadMemory> {
        let Some((bits, longs)) = bits.split_at_checked(self.owners.len().div_ceil(8)) else {
            return Err(BadMemory::Size);
        };
        if longs.len() != self.longs.len() {
            return Err(BadMemory::Size);
        }
        self.free_longs.clear();
        for (at, (long, pieces)) in self.longs.iter_mut().zip(longs).enumerate().rev() {
            *long = if pieces & ALL_PIECES == 0 { Long::Free } else { Long::Lent(pieces & ALL_PIECES) };
            if *long == Long::Free {
                self.free_longs.push(at as u32);
            }
        }
        self.free.clear();
        for (chunk, owner) in self.owners.iter_mut().enumerate().rev() {
            *owner = if bits[chunk / 8] & 1 << (chunk % 8) != 0 { Owner::Kernel } else { Owner::Free };
            if *owner == Owner::Free {
                self.free.push(chunk as u32);
            }
        }
        self.lent = self.owners.len() - self.free.len();
        self.lent_longs = self.longs.len() - self.free_longs.len();
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
        Some(Frame { umem: self.id, chunk, room: CHUNK_SIZE as u16, start: HEADROOM as u16, len: 0 })
    }

    /// A long frame, as [`Umem::take`].
    pub fn take_long(&mut self) -> Option<Frame> {
        let at = self.free_longs.pop()?;
        self.longs[at as usize] = Long::Held;
        let chunk = self.owners.len() as u32 + at * LONG_CHUNKS as u32;
        let room = (LONG_CHUNKS * CHUNK_SIZE) as u16;
        Some(Frame { umem: self.id, chunk, room, start: HEADROOM as u16, len: 0 })
    }

    /// The frame's chunk is free again.
    pub fn put(&mut self, frame: Frame) {
        self.check(&frame);
        match self.long_of(frame.chunk) {
            Some((at, _)) => {
                self.longs[at] = Long::Free;
                self.free_longs.push(at as u32);
            }
            None => {
                self.owners[frame.chunk as usize] = Owner::Free;
                self.free.push(frame.chunk);
            }
        }
    }

    /// The frame's chunk goes to the kernel; the answer is its address for a descriptor, or that of its first piece.
    pub fn lend(&mut self, mut frame: Frame) -> u64 {
        self.check(&frame);
        match self.long_of(frame.chunk) {
            Some((at, _)) => {
                let (pieces, count) = frame.pieces();
                self.spread(&mut frame, &pieces[..count]);
                let bit = |(at, _): &(u64, u32)| 1 << (at / CHUNK_SIZE as u64 - u64::from(frame.chunk));
                self.longs[at] =
                    Long::Lent(pieces[..count].iter().map(bit).fold(0, |all, bit: u8| all | bit));
                self.lent_longs += 1;
            }
            None => {
                self.owners[frame.chunk as usize] = Owner::Kernel;
                self.lent += 1;
            }
        }
        frame.address()
    }

    /// Moves the bytes of a packet to its pieces, the last first.
    fn spread(&self, frame: &mut Frame, pieces: &[(u64, u32)]) {
        let base = u64::from(frame.chunk) * CHUNK_SIZE as u64;
        let mut end = frame.headroom() + frame.len();
        let bytes = self.chunk_mut(frame);
        for (at, len) in pieces.iter().skip(1).rev() {
            bytes.copy_within(end - *len as usize..end, (at - base) as usize);
            end -= *len as usize;
        }
    }

    /// The kernel has sent what was at an address: that chunk is free again.
    ///
    /// # Errors
    /// The kernel had nothing there.
    pub fn reclaim(&mut self, at: u64) -> Result<(), BadDescriptor> {
        let chunk = u32::try_from(at / CHUNK_SIZE as u64).map_err(|_| BadDescriptor::Outside(at))?;
        let Some((long, piece)) = self.long_of(chunk) else {
            let frame = self.accept(at, 0)?;
            self.put(frame);
            return Ok(());
        };
        let left = match self.longs.get(long) {
            Some(Long::Lent(pieces)) if pieces & piece != 0 => pieces & !piece,
            Some(_) => return Err(BadDescriptor::NotLent(at)),
            None => return Err(BadDescriptor::Outside(at)),
        };
        self.longs[long] = if left == 0 { Long::Free } else { Long::Lent(left) };
        if left == 0 {
            self.free_longs.push(long as u32);
            self.lent_longs -= 1;
        }
        Ok(())
    }

    /// Whose piece a chunk is, if it is of a long frame, and which of them as a bit.
    fn long_of(&self, chunk: u32) -> Option<(usize, u8)> {
        let behind = (chunk as usize).checked_sub(self.owners.len())?;
        Some((behind / LONG_CHUNKS, 1 << (behind % LONG_CHUNKS)))
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
        let room = CHUNK_SIZE as u16;
        Ok(Frame { umem: self.id, chunk: chunk as u32, room, start: start as u16, len: len as u16 })
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
        let (at, len) = self.span(frame, 0, usize::from(frame.room));
        // SAFETY: as in `bytes_mut`, over the whole chunk.
        unsafe { slice::from_raw_parts_mut(at.as_ptr(), len) }
    }

    pub(crate) fn region(&self) -> (u64, u64) {
        (self.base.as_ptr() as u64, self.len() as u64)
    }

    /// Bytes of all.
    fn len(&self) -> usize {
        len_of(self.owners.len() as u32, self.longs.len() as u32) as usize
    }

    fn span(&self, frame: &Frame, start: usize, len: usize) -> (NonNull<u8>, usize) {
        self.check(frame);
        assert!(start + len <= usize::from(frame.room), "a frame's range stays inside its chunk");
        let offset = frame.chunk as usize * CHUNK_SIZE + start;
        // SAFETY: `check` showed the frame to be of this mapping, so `room` bytes from its chunk on are inside it.
        (unsafe { self.base.add(offset) }, len)
    }

    fn check(&self, frame: &Frame) {
        assert_eq!(frame.umem, self.id, "a frame is used only with the packet memory it came from");
    }
}

/// Bytes of so many chunks and long frames.
const fn len_of(chunks: u32, longs: u32) -> u64 {
    (chunks as u64 + longs as u64 * LONG_CHUNKS as u64) * CHUNK_SIZE as u64
}

impl Drop for Umem {
    fn drop(&mut self) {
        let len = self.len();
        // SAFETY: the mapping was made in `map` with this length, and slices into it can't outlive `self`. Sockets that
        // still use it hold their own reference to its pages.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), len) };
        debug_assert!(unmapped.is_ok(), "the mapping made in `map` can be unmapped");
    }
}

#[cfg(test)]
mod tests;
