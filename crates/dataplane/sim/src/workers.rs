//! One worker without a thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ravelin_contract::{Error, PortStatus, Refusal, WorkerStatus};
use ravelin_engine::{
    Checksum, Egress, Ingress, Limits, Output, Packet, Resolver, Rules, Seed, Shared, Snapshot, State, Trace,
    Verdict, step,
};
use ravelin_plane::{Plane, PortMode, Setup, Task, Workers};
use ravelin_types::{Generation, Instant, InterfaceId, PortId, WorkerId};
use ravelin_wire::rewrite;

/// Room in front of a frame, as a NIC leaves it.
const HEADROOM: usize = 64;

/// The simulator behind the contract.
pub type SimPlane = Plane<SimWorkers>;

/// How a simulator is made.
#[derive(Clone, Copy, Debug)]
pub struct SimSetup {
    pub seed: u64,
    pub limits: Limits,
    pub resolver: Resolver,
    pub any_station: bool,
    /// What virtual ports say of a packet's checksum.
    pub checksum: Checksum,
}

impl Default for SimSetup {
    fn default() -> Self {
        Self {
            seed: 0,
            limits: Limits { sessions: 65_536, events: 4096 },
            resolver: Resolver::Computed,
            any_station: true,
            checksum: Checksum::Unverified,
        }
    }
}

/// A frame that the engine sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub to: SentTo,
    pub unit: InterfaceId,
    pub frame: Vec<u8>,
}

/// Where it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentTo {
    Port(PortId),
    Host(InterfaceId),
}

/// The worker and its clock.
pub struct SimWorkers {
    inner: Mutex<Inner>,
    shared: Arc<Shared>,
    checksum: Checksum,
}

struct Inner {
    state: State,
    snapshot: Option<Arc<Snapshot>>,
    now: Instant,
    out: Output,
}

impl SimWorkers {
    /// A simulator with its clock at zero.
    #[must_use]
    pub fn plane(setup: SimSetup) -> SimPlane {
        let shared = Arc::new(Shared::new(setup.limits.sessions as u64, 1));
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&setup.seed.to_le_bytes());
        let state = State::new(WorkerId(0), &Seed(seed), 1, setup.limits);
        let inner = Inner { state, snapshot: None, now: Instant::ZERO, out: Output::new() };
        let workers = Self { inner: Mutex::new(inner), shared: shared.clone(), checksum: setup.checksum };
        let resolver = setup.resolver;
        Plane::new(workers, shared, Setup { epoch: 1, resolver, any_station: setup.any_station })
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

    /// Runs frames through the engine as one batch; the verdicts and what was sent, the frames of
    /// the batch first.
    #[must_use]
    pub fn run_batch(&self, frames: &[(Ingress, &[u8])]) -> (Vec<Verdict>, Vec<Sent>, Trace) {
        let mut inner = self.inner();
        let Inner { state, snapshot, now, out } = &mut *inner;
        let Some(snapshot) = snapshot else {
            let dropped = Verdict::Drop(ravelin_types::DropReason::NotReady);
            return (vec![dropped; frames.len()], Vec::new(), Trace::default());
        };
        let mut buffers: Vec<Vec<u8>> =
            frames.iter().map(|(_, frame)| [&[0; HEADROOM][..], frame].concat()).collect();
        let mut packets: Vec<_> = buffers
            .iter_mut()
            .zip(frames)
            .map(|(buffer, (ingress, frame))| {
                let checksum = match ingress {
                    Ingress::Port(_) => self.checksum,
                    Ingress::Host(_) => Checksum::Verified,
                };
                Packet::new(buffer, HEADROOM, frame.len(), *ingress, checksum)
            })
            .collect();
        let mut trace = Trace::default();
        step(snapshot, (state, &self.shared), *now, &mut packets, out, &mut trace);
        let mut sent = Vec::new();
        for (packet, verdict) in packets.iter().zip(&out.verdicts) {
            if let Verdict::Send { egress, unit, partial } = *verdict {
                let mut frame = packet.bytes().to_vec();
                if let Some(partial) = partial {
                    rewrite::finish(&mut frame, partial);
                }
                sent.push(Sent { to: to(egress), unit, frame });
            }
        }
        for answer in out.answers() {
            if let Some(partial) = answer.partial {
                rewrite::finish(answer.bytes_mut(), partial);
            }
            let frame = answer.bytes().to_vec();
            sent.push(Sent { to: to(answer.egress), unit: answer.unit, frame });
        }
        (out.verdicts.clone(), sent, trace)
    }
}

const fn to(egress: Egress) -> SentTo {
    match egress {
        Egress::Port(port) => SentTo::Port(port),
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
        1
    }

    fn run(&self, _: WorkerId, task: Task) -> Result<(), Error> {
        let mut inner = self.inner();
        let now = inner.now;
        task(&mut inner.state, &self.shared, now);
        Ok(())
    }

    fn publish(&self, snapshot: &Arc<Snapshot>) -> Result<(), Error> {
        let mut inner = self.inner();
        inner.state.adopt(&snapshot.rules);
        inner.snapshot = Some(snapshot.clone());
        Ok(())
    }

    fn admit(&self, _: &Rules) -> Vec<Refusal> {
        Vec::new()
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
        let generation = self.inner().snapshot.as_ref().map_or(Generation(0), |s| s.rules.generation);
        vec![WorkerStatus { worker: WorkerId(0), alive: true, restarts: 0, generation }]
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
