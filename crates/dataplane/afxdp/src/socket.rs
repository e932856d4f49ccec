//! One AF_XDP socket: its four rings on one receive queue of one device.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    io,
    net::{
        self, AddressFamily, RecvFlags, SendFlags, SocketType, sockopt,
        xdp::{
            SocketAddrXdp, SocketAddrXdpFlags, SocketAddrXdpWithSharedUmem, XDP_PGOFF_RX_RING,
            XDP_PGOFF_TX_RING, XDP_UMEM_PGOFF_COMPLETION_RING, XDP_UMEM_PGOFF_FILL_RING, XdpOptionsFlags,
            XdpUmemReg, XdpUmemRegFlags,
        },
    },
};

use crate::{
    group::ChecksumOffload,
    ring::{Descriptor, Ring},
    umem::{CHUNK_SIZE, Umem},
};

/// Bytes of `struct xsk_tx_metadata`, right before a transmitted frame.
pub(crate) const TX_METADATA_LEN: usize = 24;
/// `XDP_UMEM_TX_METADATA_LEN`: the registration carries `tx_metadata_len`. Linux 6.11, and stable kernels from 6.8 on.
const UMEM_TX_METADATA: u32 = 1 << 2;
/// `XDP_USE_SG`: packets in several descriptors. Linux 6.6.
const USE_SG: SocketAddrXdpFlags = SocketAddrXdpFlags::from_bits_retain(1 << 4);
/// What an older kernel does not do.
const BIND_OF_LONG: &str = "bind for frames of more than 3840 bytes, which needs Linux 6.6,";
/// A queue that was just given up answers EBUSY for about half a second; so long is tried again.
const BIND_RETRY: Duration = Duration::from_millis(20);

/// A receive queue of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueAt {
    pub ifindex: u32,
    pub queue: u32,
}

/// What stopped a socket from opening.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("{step} for queue {} of interface {}: {source}", at.queue, at.ifindex)]
    Kernel { step: &'static str, at: QueueAt, source: io::Errno },
    #[error("queue {} of interface {} stayed busy for {waited_ms} ms", at.queue, at.ifindex)]
    Busy { at: QueueAt, waited_ms: u128 },
}

/// How frames move between device and packet memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyMode {
    /// The driver's choice: zero-copy where it can.
    Preferred,
    /// Copied by the kernel; every driver can.
    Copy,
}

/// Sizes and behaviour common to the sockets of one worker.
#[derive(Clone, Copy, Debug)]
pub struct SocketConfig {
    /// Entries of each ring, a power of two.
    pub ring_size: u32,
    pub copy: CopyMode,
    /// How long a busy queue is waited for.
    pub bind_deadline: Duration,
    /// Whether frames may be longer than a chunk, and so come and go in pieces.
    pub long_frames: bool,
}

impl Default for SocketConfig {
    fn default() -> Self {
        Self {
            ring_size: 2048,
            copy: CopyMode::Preferred,
            bind_deadline: Duration::from_secs(3),
            long_frames: false,
        }
    }
}

/// What the kernel counted for one socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketCounters {
    /// Dropped for other reasons than the two below: longer than a chunk holds, mostly.
    pub rx_dropped: u64,
    pub rx_ring_full: u64,
    pub rx_fill_empty: u64,
    pub rx_invalid: u64,
    pub tx_invalid: u64,
}

/// An open, bound socket.
///
/// The rings are unmapped before the descriptor is closed: a ring that stays mapped keeps the queue busy for as long.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) fill: Ring<u64>,
    pub(crate) completion: Ring<u64>,
    pub(crate) rx: Ring<Descriptor>,
    pub(crate) tx: Ring<Descriptor>,
    pub(crate) zero_copy: bool,
    fd: OwnedFd,
}

impl Socket {
    /// Opens the first socket on a packet memory, which registers the memory.
    pub(crate) fn first(
        at: QueueAt,
        umem: &Umem,
        config: &SocketConfig,
        offload: ChecksumOffload,
    ) -> Result<Self, SocketError> {
        let fd = create(at)?;
        register(&fd, umem, offload).map_err(failed("register packet memory", at))?;
        let copy = match config.copy {
            CopyMode::Preferred => SocketAddrXdpFlags::empty(),
            CopyMode::Copy => SocketAddrXdpFlags::XDP_COPY,
        };
        // Holds for all sockets that share the memory.
        let pieces = if config.long_frames { USE_SG } else { SocketAddrXdpFlags::empty() };
        let address =
            SocketAddrXdp::new(copy | pieces | SocketAddrXdpFlags::XDP_USE_NEED_WAKEUP, at.ifindex, at.queue);
        Self::finish(fd, at, config, |fd| net::bind(fd, &address)).map_err(|error| match error {
            SocketError::Kernel { step: "bind", at, source: io::Errno::INVAL } if config.long_frames => {
                SocketError::Kernel { step: BIND_OF_LONG, at, source: io::Errno::INVAL }
            }
            error => error,
        })
    }

    /// Opens a further socket on the memory that `first` registered; modes are those of `first`.
    pub(crate) fn sharing(first: &Self, at: QueueAt, config: &SocketConfig) -> Result<Self, SocketError> {
        let fd = create(at)?;
        let addr = SocketAddrXdp::new(SocketAddrXdpFlags::XDP_SHARED_UMEM, at.ifindex, at.queue);
        let address = SocketAddrXdpWithSharedUmem { addr, shared_umem_fd: first.fd.as_fd() };
        Self::finish(fd, at, config, |fd| net::bind(fd, &address))
    }

    /// Goes on with a bound socket of another process.
    pub(crate) fn adopt(fd: OwnedFd, at: QueueAt, ring_size: u32) -> Result<Self, SocketError> {
        Self::mapped(fd, at, ring_size)?.in_its_mode(at)
    }

    /// Whether another process could go on with this socket: kernels used to map no ring of a bound one.
    pub(crate) fn can_be_adopted(&self) -> bool {
        let Ok(offsets) = sockopt::xdp_mmap_offsets(&self.fd) else { return false };
        Ring::<Descriptor>::map(self.fd.as_fd(), &offsets.rx, self.rx.size(), XDP_PGOFF_RX_RING).is_ok()
    }

    fn finish(
        fd: OwnedFd,
        at: QueueAt,
        config: &SocketConfig,
        bind: impl Fn(&OwnedFd) -> io::Result<()>,
    ) -> Result<Self, SocketError> {
        let size = config.ring_size;
        sockopt::set_xdp_umem_fill_ring_size(&fd, size).map_err(failed("size fill ring", at))?;
        sockopt::set_xdp_umem_completion_ring_size(&fd, size).map_err(failed("size completion ring", at))?;
        sockopt::set_xdp_rx_ring_size(&fd, size).map_err(failed("size receive ring", at))?;
        sockopt::set_xdp_tx_ring_size(&fd, size).map_err(failed("size transmit ring", at))?;
        let socket = Self::mapped(fd, at, size)?;
        bind_patiently(&socket.fd, at, config.bind_deadline, bind)?;
        socket.in_its_mode(at)
    }

    fn mapped(fd: OwnedFd, at: QueueAt, size: u32) -> Result<Self, SocketError> {
        let offsets = sockopt::xdp_mmap_offsets(&fd).map_err(failed("read ring offsets", at))?;
        let map = failed("map ring", at);
        let fill = Ring::map(fd.as_fd(), &offsets.fr, size, XDP_UMEM_PGOFF_FILL_RING).map_err(&map)?;
        let completion =
            Ring::map(fd.as_fd(), &offsets.cr, size, XDP_UMEM_PGOFF_COMPLETION_RING).map_err(&map)?;
        let rx = Ring::map(fd.as_fd(), &offsets.rx, size, XDP_PGOFF_RX_RING).map_err(&map)?;
        let tx = Ring::map(fd.as_fd(), &offsets.tx, size, XDP_PGOFF_TX_RING).map_err(&map)?;
        Ok(Self { fill, completion, rx, tx, zero_copy: false, fd })
    }

    fn in_its_mode(self, at: QueueAt) -> Result<Self, SocketError> {
        let options = sockopt::xdp_options(&self.fd).map_err(failed("read options", at))?;
        Ok(Self { zero_copy: options.contains(XdpOptionsFlags::XDP_OPTIONS_ZEROCOPY), ..self })
    }

    /// Asks the kernel to send what lies in the transmit ring. True: call again, it has not sent all.
    pub(crate) fn kick_tx(&self) -> bool {
        let sent = net::send(&self.fd, &[], SendFlags::DONTWAIT);
        matches!(sent, Err(io::Errno::AGAIN | io::Errno::BUSY | io::Errno::NOBUFS))
    }

    /// Tells the kernel that the fill ring has entries again.
    pub(crate) fn kick_rx(&self) {
        // The answer is of no use: the call itself is the message.
        let _ = net::recv(&self.fd, &mut [0_u8; 0], RecvFlags::DONTWAIT);
    }

    pub(crate) fn counters(&self) -> io::Result<SocketCounters> {
        let s = sockopt::xdp_statistics(&self.fd)?;
        Ok(SocketCounters {
            rx_dropped: s.rx_dropped,
            rx_ring_full: s.rx_ring_full.unwrap_or(0),
            rx_fill_empty: s.rx_fill_ring_empty_descs.unwrap_or(0),
            rx_invalid: s.rx_invalid_descs,
            tx_invalid: s.tx_invalid_descs,
        })
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// `offload`, where this kernel takes metadata with frames to send; elsewhere checksums are finished before they are sent.
pub(crate) fn offload_of_kernel(offload: ChecksumOffload) -> ChecksumOffload {
    if offload == ChecksumOffload::Software {
        return offload;
    }
    // What else may be wrong is told where the memory of packets is registered.
    let tried = Umem::new(1, 0).and_then(|umem| {
        let fd = net::socket_with(AddressFamily::XDP, SocketType::RAW, net::SocketFlags::CLOEXEC, None)?;
        register(&fd, &umem, offload)
    });
    if tried == Err(io::Errno::INVAL) { ChecksumOffload::Software } else { offload }
}

/// Tells the kernel where packets lie.
fn register(fd: &OwnedFd, umem: &Umem, offload: ChecksumOffload) -> io::Result<()> {
    let (addr, len) = umem.region();
    let (flags, tx_metadata_len) = match offload {
        ChecksumOffload::Request => (UMEM_TX_METADATA, TX_METADATA_LEN as u32),
        ChecksumOffload::Software => (0, 0),
    };
    sockopt::set_xdp_umem_reg(
        fd,
        XdpUmemReg {
            addr,
            len,
            chunk_size: CHUNK_SIZE as u32,
            headroom: 0, // the kernel always leaves XDP's own 256 bytes, which is `HEADROOM`
            flags: XdpUmemRegFlags::from_bits_retain(flags),
            tx_metadata_len,
        },
    )
}

fn create(at: QueueAt) -> Result<OwnedFd, SocketError> {
    let flags = net::SocketFlags::CLOEXEC;
    net::socket_with(AddressFamily::XDP, SocketType::RAW, flags, None).map_err(failed("open socket", at))
}

fn failed(step: &'static str, at: QueueAt) -> impl Fn(io::Errno) -> SocketError {
    move |source| SocketError::Kernel { step, at, source }
}

fn bind_patiently(
    fd: &OwnedFd,
    at: QueueAt,
    deadline: Duration,
    bind: impl Fn(&OwnedFd) -> io::Result<()>,
) -> Result<(), SocketError> {
    let start = Instant::now();
    loop {
        match bind(fd) {
            Ok(()) => return Ok(()),
            Err(io::Errno::BUSY) if start.elapsed() < deadline => thread::sleep(BIND_RETRY),
            Err(io::Errno::BUSY) => {
                return Err(SocketError::Busy { at, waited_ms: start.elapsed().as_millis() });
            }
            Err(source) => return Err(SocketError::Kernel { step: "bind", at, source }),
        }
    }
}
