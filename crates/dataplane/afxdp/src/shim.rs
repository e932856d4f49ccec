//! Loading, attaching and taking over the XDP shim.
//!
//! Pins: `epoch` (a one-word map, counted up by each process that takes over), `heartbeat-<epoch>`, and
//! `link-<ifindex>-<mode>` for every port. The link pins keep the shim attached when the process dies; the next process
//! swaps its own copy of the program into them, so a port is never without a shim. A successor that was handed
//! everything over leaves the programs where they are and goes on with their maps.

use std::{
    collections::BTreeSet,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::{Array, Map, MapData, MapError, PerCpuArray, XskMap},
    programs::{
        ProgramError, Xdp, XdpMode,
        links::{FdLink, PinnedLink},
        xdp::{XdpLink, XdpLinkId},
    },
};
use rustix::io;

use crate::{
    bpffs::{Pins, PinsError},
    heartbeat::Heartbeat,
};

/// For frames in any number of buffers (`xdp.frags`), so that a device's MTU may change under it.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/shim.bpf.o"));
/// For frames in one buffer: what some drivers take alone.
static OBJECT_OF_SHORT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/shim-short.bpf.o"));

/// How long a device may stay busy with a link that is going away.
const BUSY_MAX: Duration = Duration::from_secs(2);
const BUSY_RETRY: Duration = Duration::from_millis(5);

/// How the shim sits on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachMode {
    /// In the driver.
    Native,
    /// In the kernel's generic path: slower, works everywhere.
    Generic,
}

/// Frames that the shim of one port dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShimDrops {
    /// No worker serves the queue.
    pub no_worker: u64,
    /// The queue's worker went silent.
    pub stale_heartbeat: u64,
}

/// What stopped the shim from being loaded or attached.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    #[error(transparent)]
    Pins(#[from] PinsError),
    #[error("load the XDP shim: {0}")]
    Load(#[from] EbpfError),
    #[error("attach the XDP shim to interface {ifindex}: {source}")]
    Attach { ifindex: u32, source: Box<ProgramError> },
    #[error("the kernel gives no XDP link for interface {ifindex}; Linux 5.9 or newer is needed")]
    NoLink { ifindex: u32 },
    #[error("pin the XDP shim of interface {ifindex}: {reason}")]
    Pin { ifindex: u32, reason: String },
    #[error("pin map `{name}`: {reason}")]
    PinMap { name: &'static str, reason: String },
    #[error("map of the XDP shim: {0}")]
    Map(#[from] MapError),
    #[error("the XDP shim's object has no `{0}`")]
    Missing(&'static str),
    #[error("map the heartbeat page: {0}")]
    Heartbeat(io::Errno),
    #[error("copy a descriptor: {0}")]
    Descriptor(std::io::Error),
}

/// The shims of this process, one a port.
#[derive(Debug)]
pub struct Shims {
    pins: Pins,
    epoch: u64,
    incarnation: u64,
    heartbeat: Heartbeat,
    /// The map behind the heartbeat.
    heartbeat_map: OwnedFd,
}

/// The shim of one port.
pub struct PortShim {
    ifindex: u32,
    mode: AttachMode,
    sockets: XskMap<MapData>,
    drops: PerCpuArray<MapData, u64>,
    maps: PortMaps,
    /// The program; `None`: it was loaded by a process before this one, and its link keeps it.
    _object: Option<Ebpf>,
}

/// Descriptors of the maps of one port's shim.
#[derive(Debug)]
pub(crate) struct PortMaps {
    pub(crate) sockets: OwnedFd,
    pub(crate) drops: OwnedFd,
}

/// Descriptors of what all shims of a process have in common.
#[derive(Debug)]
pub(crate) struct ShimsParts {
    /// Of the pin directory, with the lock on it.
    pub(crate) lock: OwnedFd,
    pub(crate) heartbeat: OwnedFd,
}

impl AttachMode {
    const fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }

    const fn flag(self) -> XdpMode {
        match self {
            Self::Native => XdpMode::Driver,
            Self::Generic => XdpMode::Skb,
        }
    }
}

impl Shims {
    /// Takes over the pin directory: a new epoch and a fresh heartbeat, so that what an earlier process beat counts for nothing.
    ///
    /// # Errors
    /// The directory can't be had, or the shim can't be loaded.
    pub fn take_over(directory: &Path) -> Result<Self, ShimError> {
        let pins = Pins::open(directory)?;
        let epoch = next_epoch(&pins)?;
        for name in pins.names()?.iter().filter(|name| name.starts_with("heartbeat-")) {
            pins.remove(name)?;
        }
        let mut object = load(&pins, epoch, OBJECT)?;
        let map = object.take_map("heartbeat").ok_or(ShimError::Missing("heartbeat"))?;
        let Map::Array(map) = map else { return Err(ShimError::Missing("heartbeat")) };
        let heartbeat = Heartbeat::map(map.fd().as_fd()).map_err(ShimError::Heartbeat)?;
        let heartbeat_map = copy_of(map.fd().as_fd())?;
        Ok(Self { pins, epoch, incarnation: epoch, heartbeat, heartbeat_map })
    }

    /// Goes on with the directory, the heartbeat and the epoch of a process that hands them over.
    pub(crate) fn inherit(directory: &Path, parts: ShimsParts, epoch: u64) -> Result<Self, ShimError> {
        let pins = Pins::inherit(directory, parts.lock)?;
        let incarnation = next_epoch(&pins)?;
        let heartbeat = Heartbeat::map(parts.heartbeat.as_fd()).map_err(ShimError::Heartbeat)?;
        Ok(Self { pins, epoch, incarnation, heartbeat, heartbeat_map: parts.heartbeat })
    }

    /// Descriptors for a successor.
    pub(crate) fn parts(&self) -> Result<ShimsParts, ShimError> {
        let lock = copy_of(self.pins.lock())?;
        Ok(ShimsParts { lock, heartbeat: copy_of(self.heartbeat_map.as_fd())? })
    }

    /// How many processes had held the directory when the first of those began that handed it on, that one included.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How many processes have held the directory, this one included.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The workers' signs of life, common to all ports.
    #[must_use]
    pub const fn heartbeat(&self) -> &Heartbeat {
        &self.heartbeat
    }

    /// Puts a shim on a port: into the link an earlier process left, else natively, else generically.
    ///
    /// # Errors
    /// Neither mode can be attached.
    pub fn attach(&self, ifindex: u32) -> Result<PortShim, ShimError> {
        let failed = |source: ProgramError| ShimError::Attach { ifindex, source: source.into() };
        let ways = [
            (OBJECT, AttachMode::Native),
            (OBJECT_OF_SHORT, AttachMode::Native),
            (OBJECT, AttachMode::Generic),
        ];
        let (mut is_first, mut refused) = (true, None);
        for (object, mode) in ways {
            let mut object = load(&self.pins, self.epoch, object)?;
            let program = program(&mut object)?;
            program.load().map_err(failed)?;
            let swapped = if is_first { self.swap_into_pinned(program, ifindex)? } else { None };
            is_first = false;
            let attached = match swapped {
                Some(mode) => Ok(mode),
                None => self.attach_fresh(program, ifindex, mode)?.map(|()| mode),
            };
            match attached {
                Ok(mode) => return PortShim::of(object, ifindex, mode),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.map_or(ShimError::Missing("shim"), failed))
    }

    /// Takes the shim off every port that is not in `wanted`: what an earlier process or configuration left.
    ///
    /// # Errors
    /// A pin can't be removed.
    pub fn retain(&self, wanted: &BTreeSet<u32>) -> Result<(), ShimError> {
        for name in self.pins.names()? {
            let ifindex = name.strip_prefix("link-").and_then(|rest| rest.split('-').next()?.parse().ok());
            if ifindex.is_some_and(|ifindex: u32| !wanted.contains(&ifindex)) {
                self.pins.remove(&name)?;
            }
        }
        Ok(())
    }

    fn swap_into_pinned(&self, program: &mut Xdp, ifindex: u32) -> Result<Option<AttachMode>, ShimError> {
        for mode in [AttachMode::Native, AttachMode::Generic] {
            let name = link_name(ifindex, mode);
            let Ok(pinned) = PinnedLink::from_pin(self.pins.at(&name)) else { continue };
            let swapped = XdpLink::try_from(FdLink::from(pinned)).ok().and_then(|link| {
                let id = program.attach_to_link(link).ok()?;
                program.take_link(id).ok()
            });
            if swapped.is_some() {
                return Ok(Some(mode));
            }
            // The device behind the pin is gone, and its index came back as another one's.
            self.pins.remove(&name)?;
        }
        Ok(None)
    }

    /// Attaches a program in one mode. What another program's being there refuses is an error at once; the inner one is the
    /// driver's.
    fn attach_fresh(
        &self,
        program: &mut Xdp,
        ifindex: u32,
        mode: AttachMode,
    ) -> Result<Result<(), ProgramError>, ShimError> {
        let failed = |source: ProgramError| ShimError::Attach { ifindex, source: source.into() };
        let id = match attach_patiently(program, ifindex, mode) {
            Ok(id) => id,
            Err(error) if is_busy(&error) => return Err(failed(error)),
            Err(error) => return Ok(Err(error)),
        };
        let link = program.take_link(id).map_err(failed)?;
        let link = FdLink::try_from(link).map_err(|_| ShimError::NoLink { ifindex })?;
        let pinned = link.pin(self.pins.at(&link_name(ifindex, mode)));
        pinned.map_err(|error| ShimError::Pin { ifindex, reason: error.to_string() })?;
        Ok(Ok(()))
    }
}

impl PortShim {
    fn of(mut object: Ebpf, ifindex: u32, mode: AttachMode) -> Result<Self, ShimError> {
        let sockets = object.take_map("xsks").ok_or(ShimError::Missing("xsks"))?;
        let drops = object.take_map("drops").ok_or(ShimError::Missing("drops"))?;
        let (Map::XskMap(sockets), Map::PerCpuArray(drops)) = (sockets, drops) else {
            return Err(ShimError::Missing("xsks"));
        };
        Self::new((ifindex, mode), (sockets, drops), Some(object))
    }

    fn new(
        (ifindex, mode): (u32, AttachMode),
        (sockets, drops): (MapData, MapData),
        object: Option<Ebpf>,
    ) -> Result<Self, ShimError> {
        let maps = PortMaps { sockets: copy_of(sockets.fd().as_fd())?, drops: copy_of(drops.fd().as_fd())? };
        Ok(Self {
            ifindex,
            mode,
            sockets: Map::XskMap(sockets).try_into()?,
            drops: Map::PerCpuArray(drops).try_into()?,
            maps,
            _object: object,
        })
    }

    /// Goes on with the shim of a process that hands it over.
    pub(crate) fn inherit(ifindex: u32, mode: AttachMode, maps: PortMaps) -> Result<Self, ShimError> {
        let data = (MapData::from_fd(maps.sockets)?, MapData::from_fd(maps.drops)?);
        Self::new((ifindex, mode), data, None)
    }

    /// Descriptors for a successor.
    pub(crate) fn parts(&self) -> Result<PortMaps, ShimError> {
        let PortMaps { sockets, drops } = &self.maps;
        Ok(PortMaps { sockets: copy_of(sockets.as_fd())?, drops: copy_of(drops.as_fd())? })
    }

    /// The port's interface.
    #[must_use]
    pub const fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// How the shim is attached.
    #[must_use]
    pub const fn mode(&self) -> AttachMode {
        self.mode
    }

    /// Frames of `queue` go to this socket from now on, until it is closed.
    ///
    /// # Errors
    /// The socket is not bound to that queue of this port, or the queue is out of range.
    pub fn serve(&mut self, queue: u32, socket: impl AsFd) -> Result<(), ShimError> {
        use std::os::fd::AsRawFd;
        Ok(self.sockets.set(queue, socket.as_fd().as_raw_fd(), 0)?)
    }

    /// Frames dropped on this port since the shim was loaded.
    ///
    /// # Errors
    /// The kernel refused to tell.
    pub fn drops(&self) -> Result<ShimDrops, ShimError> {
        let count = |reason| -> Result<u64, MapError> { Ok(self.drops.get(&reason, 0)?.iter().sum()) };
        Ok(ShimDrops { no_worker: count(0)?, stale_heartbeat: count(1)? })
    }
}

/// A link whose pin was just removed is let go by the kernel a moment later: until then the device is busy.
fn attach_patiently(program: &mut Xdp, ifindex: u32, mode: AttachMode) -> Result<XdpLinkId, ProgramError> {
    let start = Instant::now();
    loop {
        match program.attach_to_if_index(ifindex, mode.flag()) {
            Err(error) if is_busy(&error) && start.elapsed() < BUSY_MAX => thread::sleep(BUSY_RETRY),
            outcome => return outcome,
        }
    }
}

fn is_busy(error: &ProgramError) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.raw_os_error() == Some(io::Errno::BUSY.raw_os_error())) {
            return true;
        }
        source = error.source();
    }
    false
}

fn copy_of(fd: BorrowedFd<'_>) -> Result<OwnedFd, ShimError> {
    fd.try_clone_to_owned().map_err(ShimError::Descriptor)
}

fn load(pins: &Pins, epoch: u64, object: &[u8]) -> Result<Ebpf, ShimError> {
    let heartbeat = pins.at(&format!("heartbeat-{epoch}"));
    Ok(EbpfLoader::new().map_pin_path("heartbeat", heartbeat).load(object)?)
}

fn program(object: &mut Ebpf) -> Result<&mut Xdp, ShimError> {
    let program = object.program_mut("shim").ok_or(ShimError::Missing("shim"))?;
    program.try_into().map_err(|_| ShimError::Missing("shim"))
}

fn link_name(ifindex: u32, mode: AttachMode) -> String {
    format!("link-{ifindex}-{}", mode.word())
}

/// Counts the epoch up. A pin that can't be read as one is a leftover of something else and is replaced.
fn next_epoch(pins: &Pins) -> Result<u64, ShimError> {
    let path = pins.at("epoch");
    let open = || MapData::from_pin(&path).and_then(|data| Array::<_, u64>::try_from(Map::Array(data)));
    let mut map = match open() {
        Ok(map) => map,
        Err(_) => {
            pins.remove("epoch")?;
            let pinned = Array::<MapData, u64>::create(1, 0)?.pin(&path);
            pinned.map_err(|error| ShimError::PinMap { name: "epoch", reason: error.to_string() })?;
            open()?
        }
    };
    let epoch = map.get(&0, 0)?.wrapping_add(1);
    map.set(0, epoch, 0)?;
    Ok(epoch)
}
