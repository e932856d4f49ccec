//! What every engine-based backend shares: the contract over workers that own their state.
//!
//! Place: between the contract and the backends. A backend moves packets and runs tasks on its
//! workers ([`Workers`]); everything else of the contract is here, once. State: the published
//! snapshot and the prepared program.

mod apply;
mod carry;
mod clear;
mod counting;
mod explain;
mod firewall;
mod gates;
mod inspect;
mod kept;
mod link;
mod mappings;
pub mod mesh;
mod mirrors;
pub mod pressure;
mod sessions;
mod standing;
mod sync;
mod trace;
mod workers;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ravelin_contract::{
    Admission, ApplyResult, DataPlane, Diagnostics, Error, FabricForwarding, Ha, Link, LiveUpdate, Refusal,
    SessionStore, Telemetry, UpdateBatch, Updates,
};
use ravelin_engine::{FABRICS, Forwarding, ForwardingBook, Live, Resolver, Rules, Shared, Snapshot};
use ravelin_program::{Digest, Program};

use apply::Applied;
pub use explain::findings;
use link::Ports;
pub use standing::{Edition, Standing, Still};
pub use workers::{PortMode, Task, Workers};

/// A backend's workers behind the contract.
pub struct Plane<W> {
    workers: W,
    shared: Arc<Shared>,
    epoch: u64,
    any_station: bool,
    core: Mutex<Core>,
    traces: Mutex<trace::Traces>,
}

/// What the control thread keeps.
struct Core {
    forwarding: ForwardingBook,
    live: Live,
    /// Raised with every update of `live`.
    told: u32,
    /// Raised whenever the running rules are others.
    judged: u32,
    version: u64,
    /// What `running` was built from.
    program: Option<Program>,
    running: Option<Arc<Rules>>,
    prepared: Option<(Digest, Arc<Rules>)>,
    last: Option<Applied>,
    armed: bool,
    ports: Ports,
    /// The links to the other node, by number.
    fabrics: [Option<FabricForwarding>; FABRICS],
}

/// How a plane differs from another.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Changes with every start.
    pub epoch: u64,
    pub resolver: Resolver,
    /// Take frames for any station (replay).
    pub any_station: bool,
}

impl<W: Workers> Plane<W> {
    #[must_use]
    pub fn new(workers: W, shared: Arc<Shared>, setup: Setup) -> Self {
        let core = Core {
            forwarding: ForwardingBook::new(Forwarding::new(setup.resolver)),
            live: Live::default(),
            told: 0,
            judged: 0,
            version: 0,
            program: None,
            running: None,
            prepared: None,
            last: None,
            armed: true,
            ports: Ports::default(),
            fabrics: [const { None }; FABRICS],
        };
        Self {
            workers,
            shared,
            epoch: setup.epoch,
            any_station: setup.any_station,
            core: Mutex::new(core),
            traces: Mutex::default(),
        }
    }

    #[must_use]
    pub fn workers(&self) -> &W {
        &self.workers
    }

    /// The rules that run now.
    #[must_use]
    pub fn rules(&self) -> Option<Arc<Rules>> {
        self.core().running.clone()
    }

    #[must_use]
    pub fn forwarding(&self) -> Arc<Forwarding> {
        self.core().forwarding.now().clone()
    }

    /// A panic elsewhere leaves the core whole: every change to it is one assignment.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, core: &Core) -> Result<(), Error> {
        let Some(rules) = core.running.clone() else { return Ok(()) };
        self.workers.publish(&Arc::new(Snapshot {
            rules,
            forwarding: core.forwarding.now().clone(),
            armed: core.armed && core.ports == Ports::Open,
            any_station: self.any_station,
            judged: core.judged,
            fabrics: crate::link::fabrics(core),
        }))
    }

    /// Takes in what policies hang on; the rules that run follow.
    fn take(&self, core: &mut Core, update: &LiveUpdate) -> Result<(), Error> {
        let live = core.live.updated(update).map_err(|error| {
            let reason = format!("more than {} {}", error.most, error.what);
            Error::Refused(vec![Refusal { path: String::new(), reason }])
        })?;
        let revised = match &core.running {
            Some(running) => running.revised(&live).map_err(|error| Error::Backend(error.reason))?,
            None => None,
        };
        core.live = live;
        core.told = core.told.wrapping_add(1);
        if let Some(rules) = revised {
            core.running = Some(Arc::new(rules));
            core.judged = core.judged.wrapping_add(1);
        }
        Ok(())
    }
}

impl<W: Workers> DataPlane for Plane<W> {
    fn start(&self) -> Result<(), Error> {
        self.workers.start()
    }

    fn check_config(&self, program: &Program) -> Result<Admission, Error> {
        self.check(program)
    }

    fn apply_config(&self, program: &Program) -> Result<ApplyResult, Error> {
        self.apply(program)
    }

    fn last_apply_result(&self) -> Option<ApplyResult> {
        self.core().last.as_ref().map(Applied::result)
    }

    fn close(&self) {}

    fn teardown(&self) -> Result<(), Error> {
        let mut core = self.core();
        core.program = None;
        core.running = None;
        core.prepared = None;
        core.ports = Ports::default();
        self.workers.stop()
    }

    fn link(&self) -> &dyn Link {
        self
    }

    fn ha(&self) -> &dyn Ha {
        self
    }

    fn sessions(&self) -> &dyn SessionStore {
        self
    }

    fn telemetry(&self) -> &dyn Telemetry {
        self
    }

    fn diagnostics(&self) -> &dyn Diagnostics {
        self
    }

    fn updates(&self) -> &dyn Updates {
        self
    }
}

impl<W: Workers> Updates for Plane<W> {
    fn apply(&self, batch: &UpdateBatch) -> Result<(), Error> {
        let mut core = self.core();
        // Kept until workers have let go of them: none of them has to free a table.
        let _before = core.running.clone();
        if let Some(update) = &batch.live {
            self.take(&mut core, update)?;
        }
        // Sessions look their way up again when this changes.
        if batch.tells_of_forwarding() || batch.live.is_none() {
            core.forwarding.update(batch);
            core.version = batch.version;
        }
        self.publish(&core)
    }

    fn version(&self) -> u64 {
        self.core().version
    }
}
