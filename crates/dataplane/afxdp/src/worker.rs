//! A worker: one pinned thread that receives, lets the engine judge, and sends.
//!
//! State: the engine's `State`, the lane, the snapshot of the last batch. No allocation per packet; between batches it
//! beats its heart and runs the control thread's commands. Without traffic it sleeps in poll.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TryRecvError},
    },
    time::Duration,
};

use ravelin_engine::{
    BATCH_MAX, Checksum, Handed, Ingress, NoRecorder, Onward, Output, Packet, Shared, Snapshot, State,
    Verdict, step,
};
use ravelin_plane::{
    Task,
    mesh::{Arrived, Bell, Link, Links},
};
use ravelin_types::{DropReason, Instant, WorkerId};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

use crate::{
    handover::{Frozen, StateExport},
    heartbeat::{BEAT_PERIOD_MAX, Beat},
    lane::{Lane, LaneParts},
    umem::Frame,
};

/// What the control thread asks of a worker between two batches.
pub(crate) enum Command {
    Task(Task),
    Publish(Arc<Snapshot>, SyncSender<()>),
    Attach(Box<Lane>),
    /// The rings to and from another worker, or its successor.
    Join(WorkerId, Box<Link>),
    /// Close every socket and TAP queue.
    Detach(SyncSender<()>),
    /// Copies of the descriptors of everything it works on.
    Parts(SyncSender<std::io::Result<Option<LaneParts>>>),
    /// Take in no more packets.
    Still(SyncSender<()>),
    /// Say what has passed between workers since the last time.
    Settle(SyncSender<usize>),
    /// Say what is left to be known, and wait.
    Freeze(Box<dyn StateExport>, SyncSender<Frozen>),
    /// Go on as if nothing had been.
    Thaw,
    /// For so long, leave frames in the rings while peers are behind.
    BePatient(Duration),
    Stop,
}

/// What a worker shares with the control thread.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Wakes the worker out of poll.
    pub(crate) wake: OwnedFd,
    /// Generation of the snapshot adopted last.
    pub(crate) generation: AtomicU64,
    /// Chunks that no owner accounted for when a lane was closed: always 0. Common to all workers.
    pub(crate) lost_frames: Arc<AtomicU64>,
}

/// The worker's side of everything.
pub(crate) struct Worker {
    pub(crate) state: State,
    pub(crate) shared: Arc<Shared>,
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) commands: Receiver<Command>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) beat: Beat,
    pub(crate) lane: Option<Box<Lane>>,
    pub(crate) links: Links,
    pub(crate) bell: Arc<Bell>,
    pub(crate) scratch: Scratch,
    /// Another process works on the same queues until a lane comes: its heart beats there.
    pub(crate) silent: bool,
    /// Takes in no packets, on its way to being frozen.
    pub(crate) still: bool,
    /// Mail handled since it stands still, until asked.
    pub(crate) settled: usize,
    pub(crate) patience: Patience,
}

/// Whether frames wait in the rings for peers that are behind. In daily work they do not: a peer under a flood must not
/// slow the others down, and what it can't take is dropped and counted. Around a hand-over two processes share the
/// cores, and being behind is nobody's fault.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    until: Instant,
    behind_since: Option<Instant>,
}

/// How long a worker is waited for at a time.
const BEHIND_MAX_NS: u64 = 50_000_000;
/// How long a successor's workers are patient with each other.
const BEGINNING: Duration = Duration::from_secs(2);

impl Patience {
    fn begin(&mut self, lasts: Duration) {
        let until = now().0.saturating_add(u64::try_from(lasts.as_nanos()).unwrap_or(u64::MAX));
        *self = Self { until: Instant(until), behind_since: None };
    }

    /// Whether to take in nothing now.
    fn waits(&mut self, links: &Links) -> bool {
        if self.until == Instant::ZERO {
            return false;
        }
        let now = now();
        if now >= self.until {
            *self = Self::default();
            return false;
        }
        if links.has_room(BATCH_MAX) {
            self.behind_since = None;
            return false;
        }
        let since = *self.behind_since.get_or_insert(now);
        now.0 - since.0 < BEHIND_MAX_NS
    }
}

/// Buffers of a batch, allocated once.
pub(crate) struct Scratch {
    frames: Vec<Frame>,
    /// Frames received that wait for the mail to be read.
    aside: Vec<Frame>,
    /// How each of the frames came.
    ways: Vec<Way>,
    packets: Vec<Packet<'static>>,
    /// Where each of them is now, and as what it came.
    places: Vec<(usize, usize, Ingress)>,
    out: Output,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            frames: Vec::with_capacity(BATCH_MAX),
            aside: Vec::with_capacity(BATCH_MAX),
            ways: Vec::with_capacity(BATCH_MAX),
            packets: Vec::with_capacity(BATCH_MAX),
            places: Vec::with_capacity(BATCH_MAX),
            out: Output::new(),
        }
    }
}

/// How a frame came here.
type Way = (Ingress, Checksum, Option<Handed>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    /// Commands may be left.
    GoAwake,
    Stop,
}

impl Worker {
    /// Runs until told to stop or until nobody can tell any more.
    pub(crate) fn run(&mut self) {
        loop {
            if !self.silent {
                self.beat.now();
            }
            let next = self.obey();
            if next == Next::Stop {
                return;
            }
            if self.round() == 0 {
                if next == Next::Go {
                    self.sleep();
                }
                self.judge();
            }
            if let Some(lane) = &mut self.lane {
                lane.group.flush();
            }
            let links = &mut self.links;
            self.state.deliver(|to, message| links.tell(to, message));
            links.call();
        }
    }

    /// Commands up to the first task: one that asks again and again must not keep packets waiting.
    fn obey(&mut self) -> Next {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Task(task)) => {
                    task(&mut self.state, &self.shared, now());
                    return Next::GoAwake;
                }
                Ok(Command::Publish(snapshot, done)) => {
                    self.adopt(snapshot);
                    // The asker may have given up waiting.
                    let _ = done.send(());
                }
                Ok(Command::Attach(lane)) => {
                    self.lane = Some(lane);
                    if std::mem::take(&mut self.silent) {
                        self.patience.begin(BEGINNING);
                    }
                }
                Ok(Command::Join(peer, link)) => self.links.set(peer, *link),
                Ok(Command::Detach(done)) => {
                    self.close_lane();
                    let _ = done.send(());
                }
                // Whoever asked may have given up waiting: that is no reason to stop working.
                Ok(Command::Parts(reply)) => {
                    let _ = reply.send(self.lane.as_ref().map(|lane| lane.parts()).transpose());
                }
                Ok(Command::Still(done)) => {
                    self.still = true;
                    let _ = done.send(());
                }
                Ok(Command::Settle(reply)) => _ = reply.send(self.settle()),
                Ok(Command::Freeze(export, reply)) => self.freeze(export, &reply),
                Ok(Command::Thaw) => self.still = false,
                Ok(Command::BePatient(lasts)) => self.patience.begin(lasts),
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return Next::Stop,
                Err(TryRecvError::Empty) => return Next::Go,
            }
        }
    }

    pub(crate) fn adopt(&mut self, snapshot: Arc<Snapshot>) {
        self.state.adopt(&snapshot.rules, &self.shared, now());
        self.signals.generation.store(snapshot.rules.generation.0, Ordering::Relaxed);
        self.snapshot = Some(snapshot);
    }

    pub(crate) fn close_lane(&mut self) {
        if let Some(lane) = self.lane.take() {
            let lost = lane.group.lost(0) as u64;
            self.signals.lost_frames.fetch_add(lost, Ordering::Relaxed);
        }
    }

    /// One batch of every port and every TAP; how many packets there were.
    fn round(&mut self) -> usize {
        if self.still {
            let mail = self.judge_mail();
            self.settled += mail;
            return mail;
        }
        if self.patience.waits(&self.links) {
            return self.judge_mail();
        }
        let (ports, taps) = self.lane.as_ref().map_or((0, 0), |lane| (lane.ports(), lane.taps()));
        let mut packets = 0;
        for at in 0..ports {
            let Some(lane) = &mut self.lane else { break };
            let pressed = lane.press(at);
            lane.group.receive(at, BATCH_MAX as u32, &mut self.scratch.frames);
            for _ in 0..lane.group.take_longs_missed() {
                // Those there are wait to be sent.
                self.state.counters.drop(DropReason::TxQueueFull);
            }
            let (port, checksum) = lane.port(at);
            packets += self.judge_from((Ingress::Port(port), checksum, None), pressed);
        }
        for at in 0..taps {
            let Some(lane) = &mut self.lane else { break };
            lane.read_tap(at, BATCH_MAX, &mut self.scratch.frames);
            let ingress = Ingress::Host(lane.tap_unit(at));
            // The kernel finishes checksums before it writes to a TAP without offloads.
            packets += self.judge_from((ingress, Checksum::Verified, None), false);
        }
        let packets = packets + self.judge_mail();
        if let Some(lane) = &self.lane {
            self.state.counters.buffers = lane.buffers();
        }
        packets
    }

    /// Judges the frames received, all of which came one way; how many.
    fn judge_from(&mut self, way: Way, pressed: bool) -> usize {
        let packets = self.scratch.frames.len();
        if packets == 0 {
            return 0;
        }
        // Whose they are was told before they could be sent: by mail that is here, as they are.
        if self.links.has_mail() {
            std::mem::swap(&mut self.scratch.frames, &mut self.scratch.aside);
            self.judge_mail();
            std::mem::swap(&mut self.scratch.frames, &mut self.scratch.aside);
        }
        self.scratch.ways.resize(packets, way);
        self.state.press(pressed);
        self.judge();
        packets
    }

    /// Judges what other workers handed over; how many items there were.
    pub(crate) fn judge_mail(&mut self) -> usize {
        let Self { state, lane, links, scratch, .. } = self;
        state.press(links.press());
        let items = links.receive(BATCH_MAX, |item| match item {
            Arrived::Message(message) => state.receive(message),
            Arrived::Frame { ingress, checksum, handed, bytes } => {
                let copied = lane.as_mut().and_then(|lane| lane.copy_in(bytes));
                match copied {
                    None => state.counters.drop(DropReason::HandOverFull),
                    Some(frame) => {
                        scratch.frames.push(frame);
                        scratch.ways.push((ingress, checksum, Some(handed)));
                    }
                }
            }
        });
        if items > 0 {
            self.judge();
        }
        items
    }

    /// Lets the engine judge the batch in `scratch`, and does as it says. With an empty one sessions age and held
    /// packets leave.
    fn judge(&mut self) {
        let Self { state, shared, snapshot, lane: Some(lane), links, scratch, .. } = self else { return };
        let Some(snapshot) = snapshot else {
            scratch.ways.clear();
            for frame in scratch.frames.drain(..) {
                state.counters.drop(DropReason::NotReady);
                lane.group.umem_mut().put(frame);
            }
            return;
        };
        let umem = lane.group.umem();
        let mut packets = reuse(std::mem::take(&mut scratch.packets));
        packets.extend(scratch.frames.iter_mut().zip(&scratch.ways).map(|(frame, way)| {
            let (start, len, (ingress, checksum, handed)) = (frame.headroom(), frame.len(), *way);
            Packet::new(umem.chunk_mut(frame), start, len, ingress, checksum).with_handed(handed)
        }));
        step(snapshot, (state, shared), now(), &mut packets, &mut scratch.out, &mut NoRecorder);
        scratch.places.clear();
        scratch.places.extend(packets.iter().map(|packet| (packet.start(), packet.len(), packet.ingress)));
        scratch.packets = reuse(packets);
        // Before anything leaves: its answer may be another worker's to receive.
        state.deliver(|to, message| links.tell(to, message));
        let judged = scratch.frames.drain(..).zip(scratch.ways.drain(..));
        let judged = judged.zip(scratch.places.iter().zip(&scratch.out.verdicts));
        for ((mut frame, way), ((start, len, ingress), verdict)) in judged {
            let outcome = match *verdict {
                Verdict::Send { egress, unit: _, partial } if frame.place(*start, *len) => {
                    lane.send(egress, frame, partial)
                }
                Verdict::HandOver(over) => {
                    // What came over a fabric link has been unwrapped.
                    let way = (*ingress, way.1, over.handed);
                    let gone = frame.place(*start, *len)
                        && links.hand_over(over.to, way, lane.group.umem().bytes(&frame));
                    lane.group.umem_mut().put(frame);
                    if gone { Ok(()) } else { Err(DropReason::HandOverFull) }
                }
                Verdict::Send { .. } | Verdict::Drop(_) | Verdict::Consume => {
                    lane.group.umem_mut().put(frame);
                    Ok(())
                }
            };
            if let Err(reason) = outcome {
                state.counters.drop(reason);
            }
        }
        for answer in scratch.out.answers() {
            let outcome = match answer.onward {
                None => lane.send_bytes(answer.egress, answer.bytes(), answer.partial),
                Some(Onward { over, ingress, checksum }) => {
                    let way = (ingress, checksum, over.handed);
                    let gone = links.hand_over(over.to, way, answer.bytes());
                    if gone { Ok(()) } else { Err(DropReason::HandOverFull) }
                }
            };
            if let Err(reason) = outcome {
                state.counters.drop(reason);
            }
        }
        send_copies(state, lane, &scratch.out);
    }

    /// Sleeps until a packet, a command, or the next beat is due.
    fn sleep(&self) {
        self.bell.doze();
        if self.links.has_mail() {
            return self.bell.wake();
        }
        let lane = self.lane.iter().flat_map(|lane| lane.fds());
        let fds = lane.chain([self.signals.wake.as_fd()]);
        let mut fds: Vec<_> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(BEAT_PERIOD_MAX.subsec_nanos()) };
        // Woken, timed out or interrupted: the next round looks at everything anyway.
        let _ = poll(&mut fds, Some(&timeout));
        let _ = io::read(&self.signals.wake, &mut [0_u8; 8]);
        self.bell.wake();
    }
}

/// Sends the copies for mirrors, behind everything that matters more.
fn send_copies(state: &mut State, lane: &mut Lane, out: &Output) {
    for copy in out.copies() {
        let outcome = lane.mirror(copy.port, copy.bytes());
        state.counters.mirrored(copy.mirror, copy.bytes().len(), outcome);
    }
}

/// The engine's clock: nanoseconds since boot, monotonic.
pub(crate) fn now() -> Instant {
    let now = clock_gettime(ClockId::Monotonic);
    Instant(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
}

/// The same allocation for another batch: emptied, so nothing of the old lifetime remains.
fn reuse<'a>(mut packets: Vec<Packet<'_>>) -> Vec<Packet<'a>> {
    packets.clear();
    packets.into_iter().map(|_| unreachable!("the vector was just emptied")).collect()
}

/// Pins the calling thread to one of the cores it may use. A worker that can't be pinned works all the same.
pub(crate) fn pin(worker: u8) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let cores: Vec<_> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
    if let Some(core) = cores.iter().rev().cycle().nth(usize::from(worker)) {
        let mut one = CpuSet::new();
        one.set(*core);
        let _ = sched_setaffinity(None, &one);
    }
}
