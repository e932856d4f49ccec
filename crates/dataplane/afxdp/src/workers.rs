//! The control side of the workers: starting, restarting, giving them ports, tasks and snapshots.
//!
//! State: the shims, the layout of ports and TAPs, a handle per worker. A supervisor looks every 100 ms for a worker
//! that died and starts it anew; meanwhile the shim drops its frames.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    net::Shutdown,
    os::unix::net::UnixStream,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ravelin_contract::{Error, PortStatus, Refusal, WorkerStatus};
use ravelin_engine::{Limits, Resolver, Rules, Seed, Shared, Snapshot, State, Steering};
use ravelin_plane::{
    Plane, PortMode, Setup, Task, Workers,
    mesh::{self, Bell, Links},
};
use ravelin_types::{Generation, WorkerId};
use rustix::{
    event::{EventfdFlags, eventfd},
    io,
};

use crate::{
    ethtool,
    group::{ChecksumOffload, Group, GroupError},
    inherit::Inherited,
    lane::Lane,
    layout::{DeviceError, Layout, refusals},
    shim::{AttachMode, PortShim, ShimError, Shims},
    socket::{CopyMode, QueueAt, SocketConfig, offload_of_kernel},
    tap::{Tap, TapError},
    umem::LONG_LEN_MAX,
    worker::{Command, Patience, Scratch, Signals, Worker, pin},
};

/// The AF_XDP backend behind the contract.
pub type AfxdpPlane = Plane<AfxdpWorkers>;

/// The ability to hand over to a successor.
pub const IN_SERVICE_UPGRADE: &str = "in-service-upgrade";

/// Commands that wait for a worker; more make the sender wait.
const COMMANDS_MAX: usize = 64;
/// How long a worker may take to answer.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How often dead workers are looked for.
const SUPERVISE_EVERY: Duration = Duration::from_millis(100);

/// How the backend is made.
#[derive(Clone, Debug)]
pub struct AfxdpSetup {
    /// Where the shim is pinned; mounted as a bpffs if it is none.
    pub pins: PathBuf,
    /// One a receive queue; worker N serves queue N of every port.
    pub workers: u8,
    pub limits: Limits,
    pub seed: Seed,
    pub offload: ChecksumOffload,
    pub socket: SocketConfig,
}

/// What stopped the backend from being made.
#[derive(Debug, thiserror::Error)]
pub enum AfxdpError {
    #[error(transparent)]
    Shim(#[from] ShimError),
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error(transparent)]
    Tap(#[from] TapError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(
        "device `{device}` takes VLAN tags out of frames and can't be told not to (ethtool -K {device} rxvlan off): {source}"
    )]
    Tags { device: String, source: io::Errno },
    #[error("worker {0} has no heartbeat slot; there are 64")]
    TooManyWorkers(u8),
    #[error("start a worker: {0}")]
    Thread(std::io::Error),
    #[error("worker {0} does not answer")]
    Worker(u8),
    #[error("an in-service upgrade is under way; ports can't change now")]
    HandingOver,
    #[error("ports and units are not those that were handed over")]
    OtherPorts,
}

/// The workers, as the contract's plane drives them.
pub struct AfxdpWorkers(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) setup: AfxdpSetup,
    shared: Arc<Shared>,
    pub(crate) shims: Shims,
    pub(crate) lost_frames: Arc<AtomicU64>,
    control: Mutex<Control>,
}

#[derive(Default)]
pub(crate) struct Control {
    pub(crate) handles: Vec<Handle>,
    pub(crate) layout: Layout,
    pub(crate) ports: BTreeMap<u32, PortShim>,
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) modes: Vec<PortMode>,
    pub(crate) phase: Phase,
    /// For a link cycle: nobody has queues.
    pub(crate) are_ports_closed: bool,
    /// This kernel would not let another process go on with some socket.
    pub(crate) is_bound_here: bool,
}

/// Whose the sockets are.
#[derive(Debug, Default)]
pub(crate) enum Phase {
    #[default]
    Own,
    /// A successor prepares itself; ending the stream tells it to stop.
    Giving(UnixStream),
    /// The predecessor works on; these are what it will leave.
    Taking(Box<Inherited>),
}

/// One running worker.
pub(crate) struct Handle {
    commands: SyncSender<Command>,
    bell: Arc<Bell>,
    signals: Arc<Signals>,
    pub(crate) thread: JoinHandle<()>,
    pub(crate) restarts: u32,
}

impl AfxdpWorkers {
    /// Takes over the pins; workers start with `DataPlane::start`.
    ///
    /// # Errors
    /// Another process holds the pins, or the shim can't be loaded.
    pub fn plane(setup: AfxdpSetup) -> Result<AfxdpPlane, AfxdpError> {
        let shims = Shims::take_over(&setup.pins)?;
        let setup = AfxdpSetup { offload: offload_of_kernel(setup.offload), ..setup };
        Ok(Self::plane_of(setup, shims, Control::default()))
    }

    pub(crate) fn plane_of(setup: AfxdpSetup, shims: Shims, control: Control) -> AfxdpPlane {
        let shared = Arc::new(Shared::new(setup.limits.sessions as u64, &setup.seed));
        let plane = Setup { epoch: shims.epoch(), resolver: Resolver::Table, any_station: false };
        let inner = Inner {
            setup,
            shared: Arc::clone(&shared),
            shims,
            lost_frames: Arc::default(),
            control: Mutex::new(control),
        };
        Plane::new(Self(Arc::new(inner)), shared, plane)
    }

    /// Chunks of packet memory that no owner accounted for when sockets were closed: 0, or frames were lost.
    #[must_use]
    pub fn lost_frames(&self) -> u64 {
        self.0.lost_frames.load(Ordering::Relaxed)
    }

    /// Ends a worker as a bug in it would, for tests of what follows.
    ///
    /// # Errors
    /// The worker is gone already.
    pub fn kill_worker(&self, worker: WorkerId) -> Result<(), Error> {
        self.run(worker, Box::new(|_, _, _| panic!("killed by request")))
    }
}

impl Workers for AfxdpWorkers {
    const NAME: &'static str = "af_xdp";

    fn start(&self) -> Result<(), Error> {
        let mut control = self.0.control();
        if !control.handles.is_empty() {
            return Ok(());
        }
        for worker in 0..self.0.setup.workers {
            let restarts = match &control.phase {
                Phase::Taking(inherited) => inherited.restarts(worker),
                Phase::Own | Phase::Giving(_) => 0,
            };
            let handle = self.0.spawn(worker, &control, restarts).map_err(backend)?;
            control.handles.push(handle);
        }
        let inner = Arc::downgrade(&self.0);
        let supervisor = thread::Builder::new().name("supervisor".into()).spawn(move || supervise(&inner));
        supervisor.map(drop).map_err(|error| backend(AfxdpError::Thread(error)))
    }

    fn stop(&self) -> Result<(), Error> {
        let mut control = self.0.control();
        for handle in control.handles.drain(..) {
            handle.send(Command::Stop);
            // A worker that panicked has been counted; there is nothing more to learn from it.
            let _ = handle.thread.join();
        }
        control.ports.clear();
        control.layout = Layout::default();
        control.modes.clear();
        control.snapshot = None;
        control.are_ports_closed = false;
        self.0.shims.retain(&Default::default()).map_err(|error| backend(error.into()))
    }

    fn count(&self) -> u8 {
        self.0.setup.workers
    }

    fn run(&self, worker: WorkerId, task: Task) -> Result<(), Error> {
        let control = self.0.control();
        let handle = control.handles.get(usize::from(worker.0)).ok_or(Error::Worker(worker.0))?;
        if handle.send(Command::Task(task)) { Ok(()) } else { Err(Error::Worker(worker.0)) }
    }

    fn publish(&self, snapshot: &Arc<Snapshot>) -> Result<(), Error> {
        let mut control = self.0.control();
        control.snapshot = Some(Arc::clone(snapshot));
        let mut waits = Vec::new();
        for (worker, handle) in (0..).zip(&control.handles) {
            let (done, wait) = sync_channel(1);
            // A worker that is dead now starts anew with this snapshot.
            if handle.send(Command::Publish(Arc::clone(snapshot), done)) {
                waits.push((worker, wait));
            }
            crate::handover::fault::published(worker, snapshot.rules.generation);
        }
        for (worker, wait) in waits {
            let answer = wait.recv_timeout(ANSWER_MAX);
            if answer.is_err() && !control.handles[usize::from(worker)].thread.is_finished() {
                return Err(Error::Worker(worker));
            }
        }
        Ok(())
    }

    fn admit(&self, rules: &Rules) -> Vec<Refusal> {
        refusals(rules, self.0.setup.workers)
    }

    fn attach(&self, rules: &Rules) -> Result<Vec<PortMode>, Error> {
        let wanted = Layout::of(rules).map_err(|error| backend(error.into()))?;
        let mut control = self.0.control();
        if let Phase::Taking(_) = control.phase {
            return control.inherit(wanted).map_err(backend);
        }
        if wanted == control.layout {
            return Ok(control.modes.clone());
        }
        if let Phase::Giving(_) = control.phase {
            return Err(backend(AfxdpError::HandingOver));
        }
        let before = control.layout.clone();
        if let Err(error) = self.0.install(&mut control, wanted) {
            // What worked a moment ago is put back; should even that fail, the shims drop everything.
            let _ = self.0.install(&mut control, before);
            return Err(backend(error));
        }
        let kept = control.layout.ports.iter().map(|port| port.ifindex).collect();
        control.ports.retain(|ifindex, _| BTreeSet::contains(&kept, ifindex));
        self.0.shims.retain(&kept).map_err(|error| backend(error.into()))?;
        Ok(control.modes.clone())
    }

    fn close_ports(&self) -> Result<(), Error> {
        self.0.close_ports().map_err(backend)
    }

    fn open_ports(&self, rules: &Rules) -> Result<Vec<PortMode>, Error> {
        self.0.open_ports(rules).map_err(backend)
    }

    fn abilities(&self) -> Vec<String> {
        let able = !self.0.control().is_bound_here;
        able.then(|| IN_SERVICE_UPGRADE.to_owned()).into_iter().collect()
    }

    fn workers(&self) -> Vec<WorkerStatus> {
        let control = self.0.control();
        let status = |(worker, handle): (u8, &Handle)| WorkerStatus {
            worker: WorkerId(worker),
            alive: !handle.thread.is_finished(),
            restarts: handle.restarts,
            generation: Generation(handle.signals.generation.load(Ordering::Relaxed)),
        };
        (0..).zip(&control.handles).map(status).collect()
    }

    fn ports(&self) -> Vec<PortStatus> {
        let control = self.0.control();
        let up = |id| control.snapshot.as_ref().is_some_and(|s| s.forwarding.is_up(id));
        let ports = control.layout.ports.iter().zip(&control.modes);
        ports
            .map(|(port, mode)| PortStatus {
                name: port.name.clone(),
                up: up(port.id),
                mode: mode.mode.clone(),
            })
            .collect()
    }
}

impl Inner {
    /// The state behind the lock is made whole again by `install`, whatever a panic left.
    pub(crate) fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, worker: u8, control: &Control, restarts: u32) -> Result<Handle, AfxdpError> {
        let beat =
            self.shims.heartbeat().beat(u32::from(worker)).ok_or(AfxdpError::TooManyWorkers(worker))?;
        let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC);
        let wake = wake.map_err(|errno| AfxdpError::Thread(errno.into()))?;
        let signals = Arc::new(Signals {
            wake,
            generation: AtomicU64::new(0),
            lost_frames: Arc::clone(&self.lost_frames),
        });
        let ring = Arc::clone(&signals);
        // The counter of an eventfd can't overflow by our writes; a wake that is pending already is as good.
        let bell = Arc::new(Bell::new(move || _ = io::write(&ring.wake, &1_u64.to_ne_bytes())));
        let (commands, receiver) = sync_channel(COMMANDS_MAX);
        // Session ids stay unique over a worker's restart: its count lies above the plane's epoch.
        let epoch = (self.shims.incarnation() as u32).wrapping_mul(1 << 8).wrapping_add(restarts);
        let steering = Steering::new(&self.setup.seed, WorkerId(worker), self.setup.workers);
        let limits = self.setup.limits.of_one(self.setup.workers);
        let mut state = State::new(steering, &self.setup.seed, epoch, limits);
        state.begin_life(&self.setup.seed, epoch.into());
        let mut thread_side = Worker {
            state,
            shared: Arc::clone(&self.shared),
            snapshot: None,
            commands: receiver,
            signals: Arc::clone(&signals),
            beat,
            lane: None,
            links: join(worker, self.setup.workers, &bell, &control.handles),
            bell: Arc::clone(&bell),
            scratch: Scratch::new(),
            silent: matches!(control.phase, Phase::Taking(_)),
            still: false,
            settled: 0,
            patience: Patience::default(),
        };
        if let Some(snapshot) = &control.snapshot {
            thread_side.adopt(Arc::clone(snapshot));
        }
        let body = move || {
            pin(worker);
            let outcome = catch_unwind(AssertUnwindSafe(|| thread_side.run()));
            end(thread_side, outcome);
        };
        let thread = thread::Builder::new().name(format!("worker-{worker}")).spawn(body);
        Ok(Handle { commands, bell, signals, thread: thread.map_err(AfxdpError::Thread)?, restarts })
    }

    /// Gives every worker its lane on a layout. Only between the old sockets' end and the new ones' start are frames
    /// dropped, by the shim.
    pub(crate) fn install(&self, control: &mut Control, layout: Layout) -> Result<(), AfxdpError> {
        control.detach()?;
        control.layout = layout;
        for port in &control.layout.ports {
            if let Entry::Vacant(vacant) = control.ports.entry(port.ifindex) {
                ethtool::leave_tags(&port.device)
                    .map_err(|source| AfxdpError::Tags { device: port.device.clone(), source })?;
                vacant.insert(self.shims.attach(port.ifindex)?);
            }
        }
        for worker in 0..control.handles.len() {
            self.give_lane(control, worker as u8)?;
        }
        Ok(())
    }

    fn give_lane(&self, control: &mut Control, worker: u8) -> Result<(), AfxdpError> {
        if control.layout.ports.is_empty() {
            control.modes.clear();
            return Ok(());
        }
        let queue = u32::from(worker);
        let queues: Vec<_> =
            control.layout.ports.iter().map(|p| QueueAt { ifindex: p.ifindex, queue }).collect();
        let generic = control.ports.values().any(|shim| shim.mode() == AttachMode::Generic);
        let copy = if generic { CopyMode::Copy } else { self.setup.socket.copy };
        let config = SocketConfig { copy, long_frames: control.layout.is_long(), ..self.setup.socket };
        let group = Group::open(&queues, &config, self.setup.offload)?;
        control.is_bound_here |= !group.can_be_adopted();
        let mut modes = Vec::new();
        for (at, port) in control.layout.ports.iter().enumerate() {
            let Some(shim) = control.ports.get_mut(&port.ifindex) else { continue };
            shim.serve(queue, group.fd(at))?;
            modes.push(port.mode(shim.mode(), group.zero_copy(at)));
        }
        let taps = control
            .layout
            .taps
            .iter()
            .map(|(unit, name)| Tap::attach(*unit, name))
            .collect::<Result<_, _>>()?;
        let ids = control.layout.ports.iter().map(|port| (port.id, port.checksum)).collect();
        control.modes = modes;
        let lane = Box::new(Lane::new(group, ids, taps));
        if control.handles[usize::from(worker)].send(Command::Attach(lane)) {
            Ok(())
        } else {
            Err(AfxdpError::Worker(worker))
        }
    }

    fn restart_dead(&self) {
        let mut control = self.control();
        match &control.phase {
            Phase::Own => {}
            // Its sockets are in another process too: first that one has to let go of them.
            Phase::Giving(stream) => {
                if control.handles.iter().any(|handle| handle.thread.is_finished()) {
                    let _ = stream.shutdown(Shutdown::Both);
                }
                return;
            }
            Phase::Taking(_) => return,
        }
        for worker in 0..control.handles.len() {
            if !control.handles[worker].thread.is_finished() {
                continue;
            }
            let restarts = control.handles[worker].restarts + 1;
            // A restart that fails is tried again at the next look: the handle stays a dead one's.
            if let Ok(handle) = self.spawn(worker as u8, &control, restarts) {
                control.handles[worker] = handle;
                if !control.are_ports_closed && self.give_lane(&mut control, worker as u8).is_err() {
                    control.handles[worker].send(Command::Stop);
                }
            }
        }
    }
}

impl Handle {
    /// False: the worker is dead.
    pub(crate) fn send(&self, command: Command) -> bool {
        let sent = self.commands.send(command).is_ok();
        // The counter of an eventfd can't overflow by our writes; a wake that is pending already is as good.
        let _ = io::write(&self.signals.wake, &1_u64.to_ne_bytes());
        sent
    }
}

/// Joins a new worker with all that live.
fn join(worker: u8, workers: u8, bell: &Arc<Bell>, handles: &[Handle]) -> Links {
    let mut links = Links::default();
    for (peer, handle) in (0..).zip(handles) {
        if peer == worker || handle.thread.is_finished() {
            continue;
        }
        let (ours, theirs) = mesh::join(bell, &handle.bell, workers, LONG_LEN_MAX);
        if handle.send(Command::Join(WorkerId(worker), Box::new(theirs))) {
            links.set(WorkerId(peer), ours);
        }
    }
    links
}

/// The end of a worker's thread: sockets close here, and the shim drops from now on.
fn end(mut worker: Worker, outcome: Result<(), Box<dyn Any + Send>>) {
    worker.beat.stop();
    worker.state.abandon(&worker.shared);
    if outcome.is_ok() {
        worker.close_lane();
    }
    drop(worker);
    // The panic's message went to stderr when it happened.
    drop(outcome);
}

fn supervise(inner: &Weak<Inner>) {
    while let Some(inner) = inner.upgrade() {
        inner.restart_dead();
        drop(inner);
        thread::sleep(SUPERVISE_EVERY);
    }
}

fn backend(error: AfxdpError) -> Error {
    Error::Backend(error.to_string())
}
