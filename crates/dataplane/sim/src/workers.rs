//! Workers without threads: each in turn takes its packets, until none is handed over any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ravelin_contract::{Error, PortStatus, Refusal, WorkerStatus};
use ravelin_engine::{
    Checksum, Egress, Handed, Ingress, Limits, NoRecorder, Onward, Output, Packet, Resolver, Rules, Seed,
    Shared, Snapshot, State, Steering, Trace, Verdict, step,
};
use ravelin_plane::{Plane, PortMode, Setup, Task, Workers};
use ravelin_types::{Generation, Instant, InterfaceId, MirrorId, PortId, WorkerId};
use ravelin_wire::rewrite;

/// Room in front of a frame, as a NIC leaves it.
const HEADROOM: usize = 64;

/// The simulator behind the contract.
pub type SimPlane = Plane<SimWorkers>;

/// How a simulator is made.
#[derive(Clone, Copy, Debug)]
pub struct SimSetup {
    pub seed: u64,
    /// Frames arrive at any of them, whoever owns their flow.
    pub workers: u8,
    pub limits: Limits,
    pub resolver: Resolver,
    pub any_station: bool,
    /// What virtual ports say of a packet's checksum.
    pub checksum: Checksum,
    /// Packets leave a trace, and take the whole path for it; else they take the express path where they may.
    pub recorded: bool,
}

impl Default for SimSetup {
    fn default() -> Self {
        Self {
            seed: 0,
            workers: 1,
            limits: Limits { sessions: 65_536, events: 4096 },
            resolver: Resolver::Computed,
            any_station: true,
            checksum: Checksum::Unverified,
            recorded: true,
        }
    }
}

/// A frame that the engine sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub to: SentTo,
    /// For a copy: of its output, 65,535 when that is a whole port.
    pub unit: InterfaceId,
    pub frame: Vec<u8>,
    /// `Some`: a copy for this mirror.
    pub mirror: Option<MirrorId>,
}

/// Where it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentTo {
    Port(PortId),
    Host(InterfaceId),
}

/// The workers and their clock.
pub struct SimWorkers {
    inner: Mutex<Inner>,
    shared: Arc<Shared>,
    checksum: Checksum,
    recorded: bool,
}

struct Inner {
    states: Vec<State>,
    snapshot: Option<Arc<Snapshot>>,
    now: Instant,
    out: Output,
    /// What decides at which worker the next frame arrives.
    arrivals: u64,
    /// It answers no question.
    silent: Option<WorkerId>,
}

/// A frame of a batch on its way to a verdict.
struct Job {
    /// Its place in the batch; `None`: the engine had held it.
    at: Option<usize>,
    /// The frame with its headroom, as it came.
    buffer: Vec<u8>,
    ingress: Ingress,
    checksum: Checksum,
    handed: Option<Handed>,
}

/// What became of a batch: verdicts and frames by place, then what the engine made itself.
struct Outcome {
    verdicts: Vec<Verdict>,
    sent: Vec<Option<Sent>>,
    answers: Vec<Sent>,
    copies: Vec<Sent>,
    trace: Trace,
}

impl Outcome {
    fn sent(&mut self, at: Option<usize>, sent: Sent) {
        match at {
            Some(at) => self.sent[at] = Some(sent),
            None => self.answers.push(sent),
        }
    }
}

impl SimWorkers {
    /// A simulator with its clock at zero.
    #[must_use]
    pub fn plane(setup: SimSetup) -> SimPlane {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&setup.seed.to_le_bytes());
        let seed = Seed(seed);
        let shared = Arc::new(Shared::new(setup.limits.sessions as u64, &seed));
        let state = |worker| {
            let steering = Steering::new(&seed, WorkerId(worker), setup.workers);
            State::new(steering, &seed, 1, setup.limits)
        };
        let states = (0..setup.workers).map(state).collect();
        let (now, out) = (Instant::ZERO, Output::new());
        let inner = Inner { states, snapshot: None, now, out, arrivals: setup.seed, silent: None };
        let workers = Self {
            inner: Mutex::new(inner),
            shared: shared.clone(),
            checksum: setup.checksum,
            recorded: setup.recorded,
        };
        let resolver = setup.resolver;
        Plane::new(workers, shared, Setup { epoch: 1, resolver, any_station: setup.any_station })
    }

    /// A worker that takes packets and answers no question, or none.
    pub fn silence(&self, worker: Option<WorkerId>) {
        self.inner().silent = worker;
    }

    /// Every worker is under pressure from now on, or none.
    pub fn press(&self, pressed: bool) {
        self.inner().states.iter_mut().for_each(|state| state.press(pressed));
    }

    /// What the workers hold: the snapshot published last.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.inner().snapshot.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock; it never goes back.
    pub fn advance(&self, now: Instant) {
        let mut inner = self.inner();
        inner.now = inner.now.max(now);
    }

    #[must_use]
    pub fn now(&self) -> Instant {
        self.inner().now
    }

    /// Runs frames through the engine as one batch a worker; the verdicts and what was sent, the frames
    /// of the batch first, in order, copies for mirrors last.
    #[must_use]
    pub fn run_batch(&self, frames: &[(Ingress, &[u8])]) -> (Vec<Verdict>, Vec<Sent>, Trace) {
        let mut inner = self.inner();
        let dropped = Verdict::Drop(ravelin_types::DropReason::NotReady);
        let mut outcome = Outcome {
            verdicts: vec![dropped; frames.len()],
            sent: vec![None; frames.len()],
            answers: Vec::new(),
            copies: Vec::new(),
            trace: Trace::default(),
        };
        if inner.snapshot.is_some() {
            let mut inboxes = self.arrive(&mut inner, frames);
            // Once at least, for what ages and what waits.
            loop {
                inboxes = inner.round((&self.shared, self.recorded), inboxes, &mut outcome);
                if inboxes.iter().all(Vec::is_empty) {
                    break;
                }
            }
        }
        let Outcome { verdicts, sent, answers, copies, trace } = outcome;
        (verdicts, sent.into_iter().flatten().chain(answers).chain(copies).collect(), trace)
    }

    /// Spreads a batch over the workers.
    fn arrive(&self, inner: &mut Inner, frames: &[(Ingress, &[u8])]) -> Vec<Vec<Job>> {
        let mut inboxes: Vec<Vec<Job>> = inner.states.iter().map(|_| Vec::new()).collect();
        for (at, (ingress, frame)) in frames.iter().enumerate() {
            let checksum = match ingress {
                Ingress::Port(_) | Ingress::Peer(_) => self.checksum,
                Ingress::Host(_) => Checksum::Verified,
            };
            let buffer = [&[0; HEADROOM][..], frame].concat();
            let worker = inner.next_arrival();
            inboxes[worker].push(Job { at: Some(at), buffer, ingress: *ingress, checksum, handed: None });
        }
        inboxes
    }
}

impl Inner {
    /// Knuth's multiplicative sequence: any order will do that is not the flows' own.
    fn next_arrival(&mut self) -> usize {
        self.arrivals = self.arrivals.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.arrivals >> 33) as usize % self.states.len()
    }

    /// One step of every worker; what they handed over.
    fn round(
        &mut self,
        shared: (&Shared, bool),
        inboxes: Vec<Vec<Job>>,
        outcome: &mut Outcome,
    ) -> Vec<Vec<Job>> {
        let mut next: Vec<Vec<Job>> = inboxes.iter().map(|_| Vec::new()).collect();
        for (worker, jobs) in inboxes.into_iter().enumerate() {
            for (to, job) in self.turn(worker, shared, jobs, outcome) {
                next[usize::from(to.0)].push(job);
            }
            self.deliver(worker);
        }
        next
    }

    fn turn(
        &mut self,
        worker: usize,
        (shared, recorded): (&Shared, bool),
        mut jobs: Vec<Job>,
        outcome: &mut Outcome,
    ) -> Vec<(WorkerId, Job)> {
        let Self { states, snapshot: Some(snapshot), now, out, .. } = self else { return Vec::new() };
        let mut buffers: Vec<_> = jobs.iter().map(|job| job.buffer.clone()).collect();
        let mut packets: Vec<_> = buffers
            .iter_mut()
            .zip(&jobs)
            .map(|(buffer, job)| {
                let len = buffer.len() - HEADROOM;
                Packet::new(buffer, HEADROOM, len, job.ingress, job.checksum).with_handed(job.handed)
            })
            .collect();
        let state = (&mut states[worker], shared);
        match recorded {
            true => step(snapshot, state, *now, &mut packets, out, &mut outcome.trace),
            false => step(snapshot, state, *now, &mut packets, out, &mut NoRecorder),
        }
        let mut over = Vec::new();
        for ((packet, verdict), job) in packets.iter().zip(&out.verdicts).zip(jobs.drain(..)) {
            match *verdict {
                Verdict::HandOver(to) => {
                    let handed = Some(to.handed);
                    let buffer = [&[0; HEADROOM], packet.bytes()].concat();
                    over.push((to.to, Job { handed, ingress: packet.ingress, buffer, ..job }));
                    continue;
                }
                Verdict::Send { egress, unit, partial } => {
                    let mut frame = packet.bytes().to_vec();
                    if let Some(partial) = partial {
                        rewrite::finish(&mut frame, partial);
                    }
                    outcome.sent(job.at, Sent { to: to(egress), unit, frame, mirror: None });
                }
                Verdict::Drop(_) | Verdict::Consume => {}
            }
            if let Some(at) = job.at {
                outcome.verdicts[at] = *verdict;
            }
        }
        for answer in out.answers() {
            if let Some(Onward { over: to, ingress, checksum }) = answer.onward {
                let buffer = [&[0; HEADROOM][..], answer.bytes()].concat();
                over.push((to.to, Job { at: None, buffer, ingress, checksum, handed: Some(to.handed) }));
                continue;
            }
            if let Some(partial) = answer.partial {
                rewrite::finish(answer.bytes_mut(), partial);
            }
            let frame = answer.bytes().to_vec();
            outcome.answers.push(Sent { to: to(answer.egress), unit: answer.unit, frame, mirror: None });
        }
        for copy in out.copies() {
            states[worker].counters.mirrored(copy.mirror, copy.bytes().len(), Ok(()));
            let unit = copy.unit.unwrap_or(InterfaceId(u16::MAX));
            let (to, frame) = (SentTo::Port(copy.port), copy.bytes().to_vec());
            outcome.copies.push(Sent { to, unit, frame, mirror: Some(copy.mirror) });
        }
        over
    }

    /// Passes on what a worker has to tell the others.
    fn deliver(&mut self, worker: usize) {
        let mut messages = Vec::new();
        self.states[worker].deliver(|to, message| {
            messages.push((to, message));
            true
        });
        for (to, message) in messages {
            self.states[usize::from(to.0)].receive(message);
        }
    }
}

const fn to(egress: Egress) -> SentTo {
    match egress {
        Egress::Port(port) | Egress::Peer(port) => SentTo::Port(port),
        Egress::Host(unit) => SentTo::Host(unit),
    }
}

impl Workers for SimWorkers {
    const NAME: &'static str = "simulator";

    fn start(&self) -> Result<(), Error> {
        Ok(())
    }

    fn stop(&self) -> Result<(), Error> {
        self.inner().snapshot = None;
        Ok(())
    }

    fn count(&self) -> u8 {
        self.inner().states.len() as u8
    }

    fn run(&self, worker: WorkerId, task: Task) -> Result<(), Error> {
        let mut inner = self.inner();
        let (now, at) = (inner.now, usize::from(worker.0));
        if inner.silent == Some(worker) {
            return Err(Error::Worker(worker.0));
        }
        let state = inner.states.get_mut(at).ok_or(Error::Worker(worker.0))?;
        task(state, &self.shared, now);
        inner.deliver(at);
        Ok(())
    }

    fn publish(&self, snapshot: &Arc<Snapshot>) -> Result<(), Error> {
        let mut inner = self.inner();
        let now = inner.now;
        inner.states.iter_mut().for_each(|state| state.adopt(&snapshot.rules, &self.shared, now));
        inner.snapshot = Some(snapshot.clone());
        Ok(())
    }

    fn admit(&self, _: &Rules) -> Vec<Refusal> {
        Vec::new()
    }

    /// Its ports are virtual; the plane drops what is put on them meanwhile.
    fn close_ports(&self) -> Result<(), Error> {
        Ok(())
    }

    fn open_ports(&self, rules: &Rules) -> Result<Vec<PortMode>, Error> {
        self.attach(rules)
    }

    fn attach(&self, rules: &Rules) -> Result<Vec<PortMode>, Error> {
        let mode = |p: &ravelin_program::Port| PortMode {
            port: p.name.clone(),
            device: p.device.clone(),
            mode: "virtual".into(),
        };
        Ok(rules.ports().map(mode).collect())
    }

    fn workers(&self) -> Vec<WorkerStatus> {
        let inner = self.inner();
        let generation = inner.snapshot.as_ref().map_or(Generation(0), |s| s.rules.generation);
        let status = |s: &State| WorkerStatus { worker: s.worker, alive: true, restarts: 0, generation };
        inner.states.iter().map(status).collect()
    }

    fn ports(&self) -> Vec<PortStatus> {
        let inner = self.inner();
        let Some(snapshot) = &inner.snapshot else { return Vec::new() };
        let port = |p: &ravelin_program::Port| PortStatus {
            name: p.name.clone(),
            up: snapshot.forwarding.is_up(p.id),
            mode: "virtual".into(),
        };
        snapshot.rules.ports().map(port).collect()
    }
}
