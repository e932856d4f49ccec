//! The successor's side: takes everything, says that it has, and begins when it is told to.

use std::{
    collections::BTreeMap,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    sync::{Arc, mpsc::sync_channel},
    time::Duration,
};

use ravelin_contract::{DataPlane as _, Error};
use ravelin_engine::{Limits, Seed};
use ravelin_plane::Workers as _;
use ravelin_types::WorkerId;

use super::{
    STEP_MAX, SWITCH_MAX,
    channel::{Channel, ChannelError, FDS_MAX, odd},
    fault,
    hello::{self, HelloError},
    proto::{self, message::Step as Word},
    standing::{self, StandingError},
    transfer::{ImportError, StateTransfer},
};
use crate::{
    group::{ChecksumOffload, Group, GroupBook, GroupCounters, GroupError, GroupParts},
    inherit::Inherited,
    shim::{AttachMode, PortMaps, PortShim, ShimError, Shims, ShimsParts},
    socket::{CopyMode, QueueAt, SocketConfig},
    umem::BadMemory,
    workers::{ANSWER_MAX, AfxdpPlane, AfxdpSetup, AfxdpWorkers, Control, Phase},
};

/// Ports of one plane, and units.
const PORTS_MAX: usize = 64;

/// Why nothing was taken over. The predecessor works on.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    #[error("no packet process answers at `{path}`: {source}")]
    Nobody { path: String, source: std::io::Error },
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Hello(#[from] HelloError),
    #[error("what the running process says of itself makes no sense: {0}")]
    Plane(&'static str),
    #[error(transparent)]
    Shim(#[from] ShimError),
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error("packet memory: {0}")]
    Memory(#[from] BadMemory),
    #[error("{0}")]
    Standing(String),
    #[error("the running program: {0}")]
    Program(Error),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("worker {0} does not answer")]
    Worker(u32),
}

impl From<StandingError> for TakeError {
    fn from(error: StandingError) -> Self {
        Self::Standing(error.to_string())
    }
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Memory and rings are mapped, and the program is built.
    Prepared,
    /// State was taken in ahead.
    Imported,
    /// What runs has changed since: it is built once more.
    Again,
    /// It is this process that moves packets.
    Begun,
}

/// A predecessor that would hand over.
pub struct Offer {
    channel: Channel,
    plane: proto::Plane,
    fds: Vec<OwnedFd>,
    transfer: Arc<dyn StateTransfer>,
}

/// What was taken over.
pub struct Taken {
    pub plane: AfxdpPlane,
    /// What the predecessor carried beside packets.
    pub carried: Vec<OwnedFd>,
}

impl Offer {
    /// Asks the process behind a socket. Nothing of it is touched yet.
    ///
    /// # Errors
    /// Nobody answers, or the two don't understand each other.
    pub fn ask(path: &Path, transfer: Arc<dyn StateTransfer>) -> Result<Self, TakeError> {
        let nobody = |source| TakeError::Nobody { path: path.display().to_string(), source };
        let channel = Channel::new(UnixStream::connect(path).map_err(nobody)?)?;
        hello::ask(&channel, &hello::ours(transfer.format()))??;
        fault::place("take-hello");
        let plane = match channel.receive(STEP_MAX)? {
            Word::Plane(plane) => plane,
            other => return Err(odd(&other, "the plane").into()),
        };
        let fds = channel.receive_fds(descriptors(&plane)?, STEP_MAX)?;
        fault::place("take-plane");
        Ok(Self { channel, plane, fds, transfer })
    }

    /// Takes over. Threads start in here. `pins` is the predecessor's pin directory.
    ///
    /// # Errors
    /// Nothing came of it: what was mapped is unmapped, and the predecessor works on. The process should end.
    pub fn take(self, pins: &Path, on_step: &mut dyn FnMut(Step)) -> Result<Taken, TakeError> {
        let Self { channel, plane: told, fds, transfer } = self;
        let outcome = Taking::prepare(told, fds, pins).and_then(|taking| {
            taking.converse(&channel, &transfer, on_step)?;
            Ok(Taken { plane: taking.plane, carried: taking.carried })
        });
        if let Err(error) = &outcome {
            channel.abort(&error.to_string());
        }
        outcome
    }
}

/// How many descriptors follow.
fn descriptors(plane: &proto::Plane) -> Result<usize, TakeError> {
    let (ports, taps, workers) = (plane.ports.len(), plane.taps.len(), plane.workers as usize);
    if ports > PORTS_MAX || workers == 0 || workers > PORTS_MAX || plane.carried > 8 {
        return Err(TakeError::Plane("numbers beyond any limit"));
    }
    let lane = if ports == 0 { 0 } else { 1 + ports + taps };
    let count = 2 + plane.carried as usize + 2 * ports + workers * lane;
    if count > FDS_MAX { Err(TakeError::Plane("too many descriptors")) } else { Ok(count) }
}

fn setup_of(plane: &proto::Plane, pins: &Path) -> Result<AfxdpSetup, TakeError> {
    let seed = <[u8; 32]>::try_from(&plane.seed[..]).map_err(|_| TakeError::Plane("the seed"))?;
    let workers = u8::try_from(plane.workers).map_err(|_| TakeError::Plane("the workers"))?;
    if !plane.ring_size.is_power_of_two() || plane.ring_size > 1 << 20 {
        return Err(TakeError::Plane("the size of rings"));
    }
    Ok(AfxdpSetup {
        pins: pins.into(),
        workers,
        limits: Limits { sessions: plane.sessions as usize, events: plane.events as usize },
        seed: Seed(seed),
        offload: if plane.software_checksums { ChecksumOffload::Software } else { ChecksumOffload::Request },
        socket: SocketConfig {
            ring_size: plane.ring_size,
            copy: if plane.copy_only { CopyMode::Copy } else { CopyMode::Preferred },
            ..SocketConfig::default()
        },
    })
}

/// A plane that is not in charge yet.
struct Taking {
    plane: AfxdpPlane,
    carried: Vec<OwnedFd>,
}

impl Taking {
    /// Maps everything, and starts workers that have nothing to do.
    fn prepare(told: proto::Plane, fds: Vec<OwnedFd>, pins: &Path) -> Result<Self, TakeError> {
        let setup = setup_of(&told, pins)?;
        let mut fds = fds.into_iter();
        let mut next = || fds.next().ok_or(TakeError::Plane("too few descriptors"));
        let parts = ShimsParts { lock: next()?, heartbeat: next()? };
        let shims = Shims::inherit(pins, parts, told.epoch)?;
        let carried = (0..told.carried).map(|_| next()).collect::<Result<_, _>>()?;
        let mut ports = BTreeMap::new();
        for port in &told.ports {
            let mode = if port.generic { AttachMode::Generic } else { AttachMode::Native };
            let maps = PortMaps { sockets: next()?, drops: next()? };
            ports.insert(port.ifindex, PortShim::inherit(port.ifindex, mode, maps)?);
        }
        let mut inherited = Inherited {
            ifindexes: told.ports.iter().map(|port| port.ifindex).collect(),
            taps: told.taps.clone(),
            restarts: told.restarts.clone(),
            ..Inherited::default()
        };
        let workers = if told.ports.is_empty() { 0 } else { told.workers };
        for queue in 0..workers {
            let queues: Vec<_> =
                told.ports.iter().map(|port| QueueAt { ifindex: port.ifindex, queue }).collect();
            let memory = next()?;
            let sockets = queues.iter().map(|_| next()).collect::<Result<_, _>>()?;
            let taps = told.taps.iter().map(|_| next()).collect::<Result<_, _>>()?;
            let parts = GroupParts { memory, sockets };
            let group = Group::adopt(parts, &queues, told.ring_size, setup.offload)?;
            inherited.groups.push((group, taps));
        }
        let control = Control { ports, phase: Phase::Taking(Box::new(inherited)), ..Control::default() };
        let plane = AfxdpWorkers::plane_of(setup, shims, control);
        let lost = &plane.workers().0.lost_frames;
        lost.store(told.lost_frames, std::sync::atomic::Ordering::Relaxed);
        plane.start().map_err(TakeError::Program)?;
        Ok(Self { plane, carried })
    }

    fn converse(
        &self,
        channel: &Channel,
        transfer: &Arc<dyn StateTransfer>,
        on_step: &mut dyn FnMut(Step),
    ) -> Result<(), TakeError> {
        let mut imported = false;
        loop {
            match channel.receive(STEP_MAX)? {
                first @ (Word::Program(_) | Word::Updates(_) | Word::Stand(_)) => {
                    if imported {
                        on_step(Step::Again);
                    }
                    let standing = standing::receive(channel, first)?;
                    self.plane.stand_in(&standing).map_err(TakeError::Program)?;
                    fault::place("take-prepared");
                    on_step(Step::Prepared);
                    channel.send(Word::Prepared(proto::Empty {}), STEP_MAX)?;
                }
                Word::Chunk(chunk) => self.import(transfer, chunk)?,
                Word::Copied(_) => {
                    fault::place("take-copied");
                    on_step(Step::Imported);
                    imported = true;
                    channel.send(Word::Imported(proto::Empty {}), STEP_MAX)?;
                }
                Word::Last(last) => return self.begin(channel, last, on_step),
                other => return Err(odd(&other, "a step of the hand-over").into()),
            }
        }
    }

    fn import(&self, transfer: &Arc<dyn StateTransfer>, chunk: proto::Chunk) -> Result<(), TakeError> {
        let proto::Chunk { worker, state: bytes } = chunk;
        let id = u8::try_from(worker).map_err(|_| TakeError::Worker(worker))?;
        let (transfer, rules) = (Arc::clone(transfer), self.plane.rules());
        let (send, receive) = sync_channel(1);
        let task: ravelin_plane::Task = Box::new(move |state, shared, now| {
            let _ = send.send(transfer.import(state, (rules.as_deref(), shared), &bytes, now));
        });
        self.plane.workers().run(WorkerId(id), task).map_err(|_| TakeError::Worker(worker))?;
        Ok(receive.recv_timeout(ANSWER_MAX).map_err(|_| TakeError::Worker(worker))??)
    }

    fn begin(
        &self,
        channel: &Channel,
        last: proto::Last,
        on_step: &mut dyn FnMut(Step),
    ) -> Result<(), TakeError> {
        let books: Vec<_> = last.books.into_iter().map(book_of).collect();
        let mut control = self.plane.workers().0.control();
        control.restore(&books)?;
        fault::place("take-last");
        channel.send(Word::Taken(proto::Empty {}), SWITCH_MAX)?;
        // Longer than the predecessor waits: either word comes, or it died.
        match channel.receive(SWITCH_MAX + Duration::from_secs(1))? {
            Word::Go(_) => {}
            other => return Err(odd(&other, "the word to begin").into()),
        }
        fault::place("take-go");
        control.begin();
        drop(control);
        on_step(Step::Begun);
        Ok(())
    }
}

fn book_of(book: proto::Book) -> Option<GroupBook> {
    let proto::Book { ledger, bad_descriptors, tx_full, offload_declined } = book;
    let counters = GroupCounters { bad_descriptors, tx_full, offload_declined };
    (!ledger.is_empty()).then_some(GroupBook { ledger, counters })
}
