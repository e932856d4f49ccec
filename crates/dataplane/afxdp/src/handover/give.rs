//! The predecessor's side: gives everything, works on until the successor is ready, and ends with one word.
//!
//! Until that word every way out leads back to work: the workers thaw, ports may change again, and the successor is told.

use std::{
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{Arc, mpsc::sync_channel},
    time::{Duration, Instant},
};

use ravelin_plane::{Still, Workers as _};
use ravelin_types::WorkerId;

use super::{
    STEP_MAX, SWITCH_MAX,
    channel::{Channel, ChannelError, odd},
    fault,
    frozen::Frozen,
    hello::{self, HelloError},
    proto::{self, message::Step},
    standing,
    transfer::{StateExport, StateTransfer},
};
use crate::{
    group::{ChecksumOffload, GroupBook, GroupCounters},
    lane::LaneParts,
    shim::{AttachMode, ShimError},
    socket::CopyMode,
    umem::BadMemory,
    worker::Command,
    workers::{ANSWER_MAX, AfxdpPlane, Control, Inner, Phase},
};

/// Chunks of one worker that are sent ahead; the rest waits for the end.
const AHEAD_MAX: usize = 1 << 20;
/// How long workers are patient with each other: both processes share the cores.
const PREPARING: Duration = Duration::from_secs(10);
/// How often workers are asked whether anything still passes between them.
const SETTLES_MAX: usize = 1000;

/// Why a successor got nothing. The predecessor works on.
#[derive(Debug, thiserror::Error)]
pub enum GiveError {
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Hello(#[from] HelloError),
    #[error("another successor is being served")]
    Busy,
    #[error("worker {0} does not answer")]
    Worker(u8),
    #[error("worker {0} has no sockets")]
    NoLane(u8),
    #[error("messages between workers do not come to an end")]
    Unsettled,
    #[error("copy descriptors: {0}")]
    Descriptors(std::io::Error),
    #[error(transparent)]
    Shim(#[from] ShimError),
    #[error("packet memory: {0}")]
    Memory(#[from] BadMemory),
}

/// What was given when, for the log.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    pub prepared: Duration,
    /// From the last packet taken in to the word that let the successor begin.
    pub still: Duration,
    /// Bytes of state: ahead, and while nothing moved.
    pub ahead_bytes: usize,
    pub last_bytes: usize,
}

/// Gives a plane to whoever asks in the right words.
pub struct Giver {
    plane: Arc<AfxdpPlane>,
    transfer: Arc<dyn StateTransfer>,
    carried: Vec<OwnedFd>,
}

type Exports = Vec<Box<dyn StateExport>>;

/// Ports may change again when this goes.
struct Phased<'a>(&'a Inner);

impl Drop for Phased<'_> {
    fn drop(&mut self) {
        self.0.control().phase = Phase::Own;
    }
}

impl Giver {
    /// `carried`: descriptors for the successor beside those of packets, in an order that both know.
    #[must_use]
    pub fn new(plane: Arc<AfxdpPlane>, transfer: Arc<dyn StateTransfer>, carried: Vec<OwnedFd>) -> Self {
        Self { plane, transfer, carried }
    }

    /// Serves one successor. `gone` ends the process at once when the successor has all; it must touch no packet.
    ///
    /// # Errors
    /// Nothing came of it, and everything is as before.
    pub fn give(&self, stream: UnixStream, gone: fn(Given) -> !) -> GiveError {
        let outcome = Channel::new(stream).map_err(GiveError::from).and_then(|channel| {
            let given = self.converse(&channel, gone);
            if let Err(error) = &given {
                channel.abort(&error.to_string());
            }
            given
        });
        match outcome {
            Err(error) => error,
        }
    }

    fn inner(&self) -> &Inner {
        &self.plane.workers().0
    }

    fn converse(
        &self,
        channel: &Channel,
        gone: fn(Given) -> !,
    ) -> Result<std::convert::Infallible, GiveError> {
        let started = Instant::now();
        let unable = self.inner().control().is_bound_here;
        let unable = unable.then(|| "this kernel maps no rings of a bound socket".to_owned());
        hello::answer(channel, hello::ours(self.transfer.format()), unable)??;
        let _phased = self.begin(channel)?;
        self.send_plane(channel)?;
        fault::place("give-plane");
        let (edition, standing) = self.plane.still(|still| (still.edition(), still.standing()));
        standing::send(channel, &standing)?;
        drop(standing);
        await_step(channel, STEP_MAX, |step| matches!(step, Step::Prepared(_)), "that it is prepared")?;
        let mut given =
            Given { prepared: started.elapsed(), still: Duration::ZERO, ahead_bytes: 0, last_bytes: 0 };
        let exports = self.send_ahead(channel, &mut given)?;
        channel.send(Step::Copied(proto::Empty {}), STEP_MAX)?;
        await_step(channel, STEP_MAX, |step| matches!(step, Step::Imported(_)), "that all was taken in")?;
        fault::place("give-copied");
        self.plane.still(|still| {
            if still.edition() != edition {
                self.send_again(channel, still)?;
            }
            self.switch(channel, exports, given, gone)
        })
    }

    /// From here on ports stay as they are, and a worker that dies stays dead until this is over.
    fn begin(&self, channel: &Channel) -> Result<Phased<'_>, GiveError> {
        let stream = channel.stream().try_clone().map_err(GiveError::Descriptors)?;
        let mut control = self.inner().control();
        match control.phase {
            Phase::Own => control.phase = Phase::Giving(stream),
            Phase::Giving(_) | Phase::Taking(_) => return Err(GiveError::Busy),
        }
        for handle in &control.handles {
            handle.send(Command::BePatient(PREPARING));
        }
        drop(control);
        Ok(Phased(self.inner()))
    }

    /// What came since the first standing.
    fn send_again(&self, channel: &Channel, still: &Still<'_>) -> Result<(), GiveError> {
        standing::send(channel, &still.standing())?;
        await_step(channel, STEP_MAX, |step| matches!(step, Step::Prepared(_)), "that it is prepared")
    }

    fn send_plane(&self, channel: &Channel) -> Result<(), GiveError> {
        let control = self.inner().control();
        let lanes = lanes(&control)?;
        let shims = self.inner().shims.parts()?;
        let mut fds: Vec<BorrowedFd<'_>> = vec![shims.lock.as_fd(), shims.heartbeat.as_fd()];
        fds.extend(self.carried.iter().map(AsFd::as_fd));
        let ports = control.layout.ports.iter().filter_map(|port| control.ports.get(&port.ifindex));
        let maps = ports.map(crate::shim::PortShim::parts).collect::<Result<Vec<_>, _>>()?;
        fds.extend(maps.iter().flat_map(|maps| [maps.sockets.as_fd(), maps.drops.as_fd()]));
        for LaneParts { group, taps } in &lanes {
            fds.push(group.memory.as_fd());
            fds.extend(group.sockets.iter().chain(taps).map(AsFd::as_fd));
        }
        channel.send(Step::Plane(self.describe(&control)), STEP_MAX)?;
        Ok(channel.send_fds(&fds)?)
    }

    fn describe(&self, control: &Control) -> proto::Plane {
        let Inner { setup, shims, lost_frames, .. } = self.inner();
        let ports = control.layout.ports.iter().zip(&control.modes);
        let port = |(port, mode): (&crate::layout::LayoutPort, &ravelin_plane::PortMode)| proto::Port {
            ifindex: port.ifindex,
            generic: control.ports.get(&port.ifindex).is_some_and(|s| s.mode() == AttachMode::Generic),
            name: port.name.clone(),
            device: port.device.clone(),
            mode: mode.mode.clone(),
        };
        proto::Plane {
            epoch: shims.epoch(),
            workers: setup.workers.into(),
            sessions: setup.limits.sessions as u64,
            events: setup.limits.events as u64,
            seed: setup.seed.0.to_vec(),
            software_checksums: setup.offload == ChecksumOffload::Software,
            ring_size: setup.socket.ring_size,
            copy_only: setup.socket.copy == CopyMode::Copy,
            ports: ports.map(port).collect(),
            taps: control.layout.taps.iter().map(|(_, name)| name.clone()).collect(),
            carried: self.carried.len() as u32,
            restarts: control.handles.iter().map(|handle| handle.restarts).collect(),
            lost_frames: lost_frames.load(std::sync::atomic::Ordering::Relaxed),
        }
    }

    /// State ahead of the end, in bounded pieces between batches.
    fn send_ahead(&self, channel: &Channel, given: &mut Given) -> Result<Exports, GiveError> {
        let mut exports = Vec::new();
        for worker in 0..self.inner().setup.workers {
            let mut export = self.transfer.export(WorkerId(worker));
            for _ in 0..AHEAD_MAX {
                let (send, receive) = sync_channel(1);
                let task: ravelin_plane::Task = Box::new(move |state, shared, now| {
                    let chunk = export.ahead(state, shared, now);
                    let _ = send.send((export, chunk));
                });
                let gone = |_| GiveError::Worker(worker);
                self.plane.workers().run(WorkerId(worker), task).map_err(gone)?;
                let (back, chunk) =
                    receive.recv_timeout(ANSWER_MAX).map_err(|_| GiveError::Worker(worker))?;
                export = back;
                let Some(state) = chunk else { break };
                given.ahead_bytes += state.len();
                channel.send(Step::Chunk(proto::Chunk { worker: worker.into(), state }), STEP_MAX)?;
            }
            exports.push(export);
        }
        Ok(exports)
    }

    /// The workers stop, what is left goes over, and `gone` is called; or they go on.
    fn switch(
        &self,
        channel: &Channel,
        exports: Exports,
        given: Given,
        gone: fn(Given) -> !,
    ) -> Result<std::convert::Infallible, GiveError> {
        let control = self.inner().control();
        let mut given = given;
        match self.hand_over(&control, channel, exports, &mut given) {
            // Under both locks: nothing in this process may move any more.
            Ok(()) => gone(given),
            Err(error) => {
                for handle in &control.handles {
                    handle.send(Command::Thaw);
                }
                Err(error)
            }
        }
    }

    fn hand_over(
        &self,
        control: &Control,
        channel: &Channel,
        exports: Exports,
        given: &mut Given,
    ) -> Result<(), GiveError> {
        let started = Instant::now();
        settle(control)?;
        let frozen = freeze(control, exports)?;
        fault::place("give-frozen");
        let mut books = Vec::new();
        for (worker, Frozen { chunks, book }) in (0..).zip(frozen) {
            for state in chunks {
                given.last_bytes += state.len();
                channel.send(Step::Chunk(proto::Chunk { worker, state }), SWITCH_MAX)?;
            }
            books.push(book?.map(book_message).unwrap_or_default());
        }
        channel.send(Step::Last(proto::Last { books }), SWITCH_MAX)?;
        await_step(channel, SWITCH_MAX, |step| matches!(step, Step::Taken(_)), "that it took all")?;
        fault::place("give-taken");
        given.still = started.elapsed();
        // A write that fails has told the successor nothing.
        Ok(channel.send(Step::Go(proto::Empty {}), SWITCH_MAX)?)
    }
}

fn book_message(book: GroupBook) -> proto::Book {
    let GroupBook { ledger, counters: GroupCounters { bad_descriptors, tx_full, offload_declined } } = book;
    proto::Book { ledger, bad_descriptors, tx_full, offload_declined }
}

fn await_step(
    channel: &Channel,
    within: Duration,
    is: impl Fn(&Step) -> bool,
    wanted: &'static str,
) -> Result<(), GiveError> {
    let step = channel.receive(within)?;
    if is(&step) { Ok(()) } else { Err(odd(&step, wanted).into()) }
}

/// Copies of every worker's descriptors; none without ports.
fn lanes(control: &Control) -> Result<Vec<LaneParts>, GiveError> {
    if control.layout.ports.is_empty() {
        return Ok(Vec::new());
    }
    let answers = ask(control, Command::Parts)?;
    let lane = |(worker, parts): (u8, std::io::Result<Option<LaneParts>>)| {
        parts.map_err(GiveError::Descriptors)?.ok_or(GiveError::NoLane(worker))
    };
    (0..).zip(answers).map(lane).collect()
}

/// No worker takes in packets any more, and nothing is on its way between them.
fn settle(control: &Control) -> Result<(), GiveError> {
    ask(control, Command::Still)?;
    if control.handles.len() < 2 {
        return Ok(());
    }
    for _ in 0..SETTLES_MAX {
        // Whatever one sends it sends for something it handled: when nobody handled anything, nothing is left.
        if ask(control, Command::Settle)?.iter().sum::<usize>() == 0 {
            return Ok(());
        }
    }
    Err(GiveError::Unsettled)
}

fn freeze(control: &Control, exports: Exports) -> Result<Vec<Frozen>, GiveError> {
    let mut exports = exports.into_iter();
    ask(control, |reply| {
        let Some(export) = exports.next() else { unreachable!("there is one export a worker") };
        Command::Freeze(export, reply)
    })
}

/// Asks all workers at once and waits for every answer.
fn ask<T>(
    control: &Control,
    mut command: impl FnMut(std::sync::mpsc::SyncSender<T>) -> Command,
) -> Result<Vec<T>, GiveError> {
    let mut waits = Vec::new();
    for (worker, handle) in (0..).zip(&control.handles) {
        let (reply, wait) = sync_channel(1);
        if !handle.send(command(reply)) {
            return Err(GiveError::Worker(worker));
        }
        waits.push((worker, wait));
    }
    let answer = |(worker, wait): (u8, std::sync::mpsc::Receiver<T>)| {
        wait.recv_timeout(ANSWER_MAX).map_err(|_| GiveError::Worker(worker))
    };
    waits.into_iter().map(answer).collect()
}
