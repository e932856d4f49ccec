//! The sockets of one worker: one a port, all on one packet memory, so a frame crosses ports without a copy.
//!
//! Place: between the worker's loop and the kernel. State: the memory, the sockets, and frames waiting for room in a
//! transmit ring (none: a full ring hands the frame back to the caller).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ravelin_wire::rewrite::{self, Partial};
use rustix::io;

use crate::{
    pieces::{Ended, Pieces},
    ring::Descriptor,
    socket::{CopyMode, QueueAt, Socket, SocketConfig, SocketCounters, SocketError, TX_METADATA_LEN},
    umem::{BadMemory, FRAME_LEN_MAX, Frame, Umem},
};

/// `XDP_PKT_CONTD`: the next descriptor goes on with the packet.
const OPTION_CONTINUED: u32 = 1 << 0;
/// `XDP_TX_METADATA`: the frame is preceded by metadata.
const OPTION_TX_METADATA: u32 = 1 << 1;
/// `XDP_TXMD_FLAGS_CHECKSUM`: finish the checksum that the metadata describes.
const TXMD_CHECKSUM: u64 = 1 << 1;
/// One call sends at most 32 frames in copy mode; this many calls empty any ring of ours.
const KICKS_MAX: u32 = 128;
/// Chunks of packet memory a port; the fill ring holds half, the rest is on its way out.
const CHUNKS_A_PORT: u32 = 4096;
/// Places of a transmit ring that expendable frames leave free: a batch of others always fits.
const TX_RESERVE: u32 = 64;
/// The part of the packet memory that they leave free.
const MEMORY_RESERVE: usize = 8;
/// Chunks for frames that come from TAPs or from the engine itself.
const CHUNKS_EXTRA: u32 = 1024;

/// Long frames, where there are any.
const LONGS: u32 = 512;

/// Who finishes a partial checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumOffload {
    /// The kernel or the device, asked by TX metadata.
    Request,
    /// We, before the frame is handed over.
    Software,
}

/// What stopped a group from opening.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    #[error("a group needs a port")]
    Empty,
    #[error("packet memory: {0}")]
    Memory(io::Errno),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("packet memory that was handed over: {0}")]
    HandedOver(#[from] BadMemory),
}

/// What a group is made of, to go on with it in another process.
#[derive(Debug)]
pub(crate) struct GroupParts {
    pub(crate) memory: OwnedFd,
    /// In the order of the queues.
    pub(crate) sockets: Vec<OwnedFd>,
}

/// What only the process that uses a group knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupBook {
    /// The chunks that the kernel has, a bit each.
    pub(crate) ledger: Vec<u8>,
    pub(crate) counters: GroupCounters,
}

/// What happened to frames inside a group, outside the engine's sight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupCounters {
    /// Descriptors from the kernel that contradicted the ledger.
    pub bad_descriptors: u64,
    /// Frames handed back because a transmit ring was full.
    pub tx_full: u64,
    /// Frames with too little headroom for the metadata, finished in software.
    pub offload_declined: u64,
}

/// Room for frames that others must not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spare {
    Some,
    /// What there is is kept for frames that matter more.
    Reserved,
    /// The transmit ring is full.
    Full,
}

impl Spare {
    /// By places free in a transmit ring, and chunks free of all.
    const fn of(room: u32, free: usize, chunks: usize) -> Self {
        match room {
            0 => Self::Full,
            _ if room > TX_RESERVE && free > chunks / MEMORY_RESERVE => Self::Some,
            _ => Self::Reserved,
        }
    }
}

/// The sockets of one worker over its packet memory.
#[derive(Debug)]
pub struct Group {
    // Sockets close before the memory is unmapped.
    sockets: Vec<Socket>,
    umem: Umem,
    offload: ChecksumOffload,
    counters: GroupCounters,
    /// Of each socket: the pieces of a packet of which the rest is still to be read.
    pieces: Vec<Pieces>,
    /// Packets in pieces for which there was no long frame, until asked.
    longs_missed: u64,
}

impl Group {
    /// Opens one socket a queue. Tries the drivers' best mode first and falls back to copying for all.
    ///
    /// # Errors
    /// No memory, or a queue that can't be bound.
    pub fn open(
        queues: &[QueueAt],
        config: &SocketConfig,
        offload: ChecksumOffload,
    ) -> Result<Self, GroupError> {
        match (Self::open_as(queues, config, offload), config.copy) {
            (Err(GroupError::Socket(_)), CopyMode::Preferred) => {
                Self::open_as(queues, &SocketConfig { copy: CopyMode::Copy, ..*config }, offload)
            }
            (outcome, _) => outcome,
        }
    }

    /// Goes on with the sockets of another process; they must not be used before `restore`.
    pub(crate) fn adopt(
        parts: GroupParts,
        queues: &[QueueAt],
        ring_size: u32,
        offload: ChecksumOffload,
    ) -> Result<Self, GroupError> {
        let GroupParts { memory, sockets } = parts;
        if sockets.len() != queues.len() || sockets.is_empty() {
            return Err(GroupError::Empty);
        }
        let umem = Umem::adopt(memory, chunks_of(queues.len()), LONGS)?;
        let sockets = sockets.into_iter().zip(queues);
        let sockets = sockets.map(|(fd, at)| Socket::adopt(fd, *at, ring_size)).collect::<Result<_, _>>()?;
        Ok(Self::new(sockets, umem, offload))
    }

    /// Descriptors of everything, for another process.
    pub(crate) fn parts(&self) -> std::io::Result<GroupParts> {
        let copy = |socket: &Socket| socket.as_fd().try_clone_to_owned();
        Ok(GroupParts {
            memory: self.umem.memory().try_clone_to_owned()?,
            sockets: self.sockets.iter().map(copy).collect::<Result<_, _>>()?,
        })
    }

    /// What another process has to know, at the edge of a batch.
    pub(crate) fn book(&self) -> Result<GroupBook, BadMemory> {
        Ok(GroupBook { ledger: self.umem.ledger()?, counters: self.counters })
    }

    /// Goes on where another process stopped.
    pub(crate) fn restore(&mut self, book: &GroupBook) -> Result<(), BadMemory> {
        self.umem.restore(&book.ledger)?;
        self.counters = book.counters;
        Ok(())
    }

    /// Whether another process could go on with these sockets on this kernel.
    pub(crate) fn can_be_adopted(&self) -> bool {
        self.sockets.first().is_some_and(Socket::can_be_adopted)
    }

    fn open_as(
        queues: &[QueueAt],
        config: &SocketConfig,
        offload: ChecksumOffload,
    ) -> Result<Self, GroupError> {
        let (first, rest) = queues.split_first().ok_or(GroupError::Empty)?;
        let longs = if config.long_frames { LONGS } else { 0 };
        let umem = Umem::new(chunks_of(queues.len()), longs).map_err(GroupError::Memory)?;
        let mut sockets = vec![Socket::first(*first, &umem, config, offload)?];
        for at in rest {
            sockets.push(Socket::sharing(&sockets[0], *at, config)?);
        }
        let mut group = Self::new(sockets, umem, offload);
        group.refill();
        Ok(group)
    }

    fn new(sockets: Vec<Socket>, umem: Umem, offload: ChecksumOffload) -> Self {
        let (counters, pieces) =
            (GroupCounters::default(), sockets.iter().map(|_| Pieces::default()).collect());
        Self { sockets, umem, offload, counters, pieces, longs_missed: 0 }
    }

    /// The socket's descriptor of port `port`, for the shim's map and for poll.
    #[must_use]
    pub fn fd(&self, port: usize) -> BorrowedFd<'_> {
        self.sockets[port].as_fd()
    }

    /// Number of sockets, in the order of the queues given to `open`.
    #[must_use]
    pub fn ports(&self) -> usize {
        self.sockets.len()
    }

    /// Whether the driver moves frames without a copy.
    #[must_use]
    pub fn zero_copy(&self, port: usize) -> bool {
        self.sockets[port].zero_copy
    }

    /// The packet memory, to look at and change frames.
    #[must_use]
    pub fn umem(&self) -> &Umem {
        &self.umem
    }

    /// The packet memory, to take and give back frames.
    pub fn umem_mut(&mut self) -> &mut Umem {
        &mut self.umem
    }

    /// Appends up to `max` received frames of `port` to `out`.
    pub fn receive(&mut self, port: usize, max: u32, out: &mut Vec<Frame>) -> u32 {
        let Self { sockets, umem, counters, pieces, longs_missed, offload: _ } = self;
        let (rx, pieces) = (&mut sockets[port].rx, &mut pieces[port]);
        let mut read = 0;
        // The kernel shows a packet's pieces together: what was begun is read to its end.
        while read == 0 || !pieces.is_empty() {
            let next = if read == 0 { max } else { 1 };
            let now = rx.consume(next, |descriptor| {
                let found = umem.accept(descriptor.address, descriptor.len);
                counters.bad_descriptors += u64::from(found.is_err());
                match pieces.next(found.ok(), descriptor.options & OPTION_CONTINUED != 0, umem) {
                    Ended::Nothing => {}
                    Ended::Packet(frame) => out.push(frame),
                    Ended::NoRoom => *longs_missed += 1,
                }
            });
            read += now;
            if now == 0 {
                break;
            }
        }
        read
    }

    /// Packets in pieces that were dropped for want of a long frame since the last time, or were too long for one.
    pub fn take_longs_missed(&mut self) -> u64 {
        std::mem::take(&mut self.longs_missed)
    }

    /// Frames that wait on `port`, and how many can.
    #[must_use]
    pub fn waiting(&self, port: usize) -> (usize, usize) {
        let ring = &self.sockets[port].rx;
        (ring.ready() as usize, ring.size() as usize)
    }

    /// Queues a frame on `port`; with `partial`, its checksum is still to be finished.
    ///
    /// # Errors
    /// The ring is full: the frame comes back, for the caller to count and give up.
    pub fn transmit(&mut self, port: usize, mut frame: Frame, partial: Option<Partial>) -> Result<(), Frame> {
        let (pieces, count) = frame.pieces();
        if self.sockets[port].tx.room() < count as u32 {
            self.counters.tx_full += 1;
            return Err(frame);
        }
        let options = partial.map_or(0, |partial| self.complete(&mut frame, partial));
        let first = self.umem.lend(frame);
        let mut left = pieces[..count].iter();
        let queued = self.sockets[port].tx.produce(count as u32, || {
            let (address, len) = *left.next()?;
            let continued = if left.len() == 0 { 0 } else { OPTION_CONTINUED };
            // The metadata lies before the first piece.
            let options = if address == first { options } else { 0 };
            Some(Descriptor { address, len, options: options | continued })
        });
        debug_assert_eq!(queued as usize, count, "room was checked above and we are the only producer");
        Ok(())
    }

    /// Whether an expendable frame of so many bytes may take a place on `port`.
    #[must_use]
    pub fn spare(&self, port: usize, len: usize) -> Spare {
        let room = self.sockets[port].tx.room();
        if len > FRAME_LEN_MAX {
            return Spare::of(room, self.umem.free_longs(), LONGS as usize);
        }
        Spare::of(room, self.umem.free_chunks(), self.umem.chunks())
    }

    /// Writes the offload request before the frame, or finishes the checksum; the answer is the descriptor's options.
    fn complete(&mut self, frame: &mut Frame, partial: Partial) -> u32 {
        let start = frame.headroom();
        if self.offload == ChecksumOffload::Software || start < TX_METADATA_LEN {
            self.counters.offload_declined += u64::from(self.offload == ChecksumOffload::Request);
            rewrite::finish(self.umem.bytes_mut(frame), partial);
            return 0;
        }
        let metadata = &mut self.umem.chunk_mut(frame)[start - TX_METADATA_LEN..start];
        metadata.fill(0);
        metadata[..8].copy_from_slice(&TXMD_CHECKSUM.to_ne_bytes());
        metadata[8..10].copy_from_slice(&partial.start.to_ne_bytes());
        metadata[10..12].copy_from_slice(&(partial.field - partial.start).to_ne_bytes());
        OPTION_TX_METADATA
    }

    /// Ends a round: sends what is queued, takes back what was sent, and refills the receive side.
    pub fn flush(&mut self) {
        for socket in &mut self.sockets {
            let mut kicks = 0;
            while socket.tx.ready() > 0 && socket.tx.needs_wakeup() && kicks < KICKS_MAX {
                kicks += 1;
                if !socket.kick_tx() {
                    break;
                }
                reclaim(socket, &mut self.umem, &mut self.counters);
            }
            reclaim(socket, &mut self.umem, &mut self.counters);
        }
        self.refill();
    }

    fn refill(&mut self) {
        // What other ports may still need is left free: an empty pool would starve TAP reads and engine answers.
        for socket in &mut self.sockets {
            let spare = self.umem.free_chunks().saturating_sub(CHUNKS_EXTRA as usize / 2) as u32;
            let room = socket.fill.room().min(spare);
            let umem = &mut self.umem;
            socket.fill.produce(room, || umem.take().map(|frame| umem.lend(frame)));
            if socket.fill.needs_wakeup() {
                socket.kick_rx();
            }
        }
    }

    /// What the group counted itself.
    #[must_use]
    pub const fn counters(&self) -> GroupCounters {
        self.counters
    }

    /// What the kernel counted for the socket of `port`.
    ///
    /// # Errors
    /// The kernel refused to tell.
    pub fn socket_counters(&self, port: usize) -> io::Result<SocketCounters> {
        self.sockets[port].counters()
    }

    /// Chunks that no owner accounts for: always 0, or frames were lost. `held` is what the caller holds now.
    #[must_use]
    pub fn lost(&self, held: usize) -> usize {
        let census = self.umem.census();
        census.held.abs_diff(held) + self.umem.frames().abs_diff(census.free + census.kernel + census.held)
    }
}

const fn chunks_of(ports: usize) -> u32 {
    CHUNKS_A_PORT * ports as u32 + CHUNKS_EXTRA
}

fn reclaim(socket: &mut Socket, umem: &mut Umem, counters: &mut GroupCounters) {
    socket.completion.consume(u32::MAX, |address| match umem.reclaim(address) {
        Ok(()) => {}
        Err(_) => counters.bad_descriptors += 1,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spec: mirror-18.
    #[test]
    fn expendable_frames_leave_a_batch_and_an_eighth_of_the_memory_to_others() {
        assert_eq!(Spare::of(0, 4096, 5120), Spare::Full);
        assert_eq!(Spare::of(64, 4096, 5120), Spare::Reserved);
        assert_eq!(Spare::of(65, 4096, 5120), Spare::Some);
        assert_eq!(Spare::of(2048, 640, 5120), Spare::Reserved);
        assert_eq!(Spare::of(2048, 641, 5120), Spare::Some);
        assert_eq!(Spare::of(2048, 0, 5120), Spare::Reserved);
    }
}
