//! The simulator as a bench: virtual ports, a clock that moves when told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ravelin_contract::{CarriedCounters, DataPlane, ExportCursor, SyncedSession};
use ravelin_engine::{Checksum, Ingress, Limits, Resolver, Rules};
use ravelin_model::ValidConfig;
use ravelin_sim::{Sent, SentTo, SimPlane, SimSetup, SimWorkers};
use ravelin_types::{GroupId, InterfaceId, Mac, PortId, SessionId};

use super::{Arrival, Bench, BenchError, Commits, Due, Place, nodes};

/// What a case may ask of a simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Packets arrive at any of them; one, when the case does not say.
    pub workers: Option<u8>,
    /// Sessions the table holds.
    pub sessions: usize,
    pub neighbours: Neighbours,
    /// What the virtual ports say of a packet's checksum: `Unknown` is what virtual links do.
    pub checksum: Checksum,
    /// Packets take the whole path; else the express path where they may.
    pub recorded: bool,
}

/// Frames before each of which a moving simulator moves.
const MOVED: u32 = 32;

/// How next hops are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbours {
    /// All answer at once.
    Known,
    /// Those that the case tells of.
    Told,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            workers: None,
            sessions: 4096,
            neighbours: Neighbours::Known,
            checksum: Checksum::Unverified,
            recorded: true,
        }
    }
}

/// A simulator behind the contract.
pub struct Simulator {
    plane: Arc<SimPlane>,
    /// What stands before the plane: a client of a server, say.
    front: Option<Box<dyn DataPlane>>,
    commits: Commits,
    left: Vec<Arrival>,
    pressed: bool,
    setup: Setup,
    /// Frames until now, when everything moves to another plane before most of them.
    moves: Option<u32>,
    /// A commit may leave sessions behind that the next plane does not take.
    may_refuse: bool,
    /// The running configuration, where the next plane is another node's.
    strange: Option<Option<ValidConfig>>,
}

impl Simulator {
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let plane = Arc::new(plane(setup));
        Self {
            plane,
            front: None,
            commits: Commits::default(),
            left: Vec::new(),
            pressed: false,
            setup,
            moves: None,
            may_refuse: false,
            strange: None,
        }
    }

    /// A simulator whose plane is another one before each of the first frames, and before some later ones, to which sessions have been moved whole.
    #[must_use]
    pub fn moving(setup: Setup, may_refuse: bool) -> Self {
        Self { moves: Some(0), may_refuse, ..Self::new(setup) }
    }

    /// As [`Self::moving`], between two nodes of one configuration that gave out other ids.
    #[must_use]
    pub fn moving_between_nodes(setup: Setup, may_refuse: bool) -> Self {
        Self { strange: Some(None), ..Self::moving(setup, may_refuse) }
    }

    /// Moves to the other node, which has the configuration under ids of its own.
    fn move_over(&mut self, config: &ValidConfig) -> Result<(), BenchError> {
        let next = plane(self.setup);
        next.workers().advance(self.plane.workers().now());
        let mut commits = match self.commits.has_past() {
            true => Commits::default(),
            false => Commits::with_a_past(),
        };
        commits.join_as(&self.commits);
        commits.commit(&next, config)?;
        let renumber = nodes::renumber(&*self.plane, &next)?;
        let standing = self.plane.still(|still| still.standing());
        next.updates().apply(&nodes::updates(&standing.updates, &renumber))?;
        next.diagnostics().arm(standing.armed)?;
        next.go_on(&standing.groups);
        for (fabric, to) in &standing.fabrics {
            next.ha().set_fabric_forwarding(*fabric, to)?;
        }
        nodes::hand_over(&*self.plane, &next, (&renumber, self.may_refuse))?;
        drop(next.workers().run_batch(&[]));
        (self.plane, self.commits) = (Arc::new(next), commits);
        Ok(())
    }

    /// Moves what a successor needs to a new plane, which takes over.
    fn move_on(&mut self, may_refuse: bool) -> Result<(), BenchError> {
        let next = plane(self.setup);
        next.workers().advance(self.plane.workers().now());
        next.stand_in(&self.plane.still(|still| still.standing()))?;
        hand_over(&*self.plane, &next, may_refuse)?;
        // What workers have to tell each other of it.
        drop(next.workers().run_batch(&[]));
        self.plane = Arc::new(next);
        Ok(())
    }

    /// The same simulator, with every call on the contract made on what `front` makes of its plane.
    ///
    /// # Errors
    /// Those of `front`.
    pub fn behind<E>(
        self,
        front: impl FnOnce(Arc<dyn DataPlane>) -> Result<Box<dyn DataPlane>, E>,
    ) -> Result<Self, E> {
        let front = front(Arc::clone(&self.plane) as _)?;
        Ok(Self { front: Some(front), ..self })
    }

    /// The workers behind the plane, to look into.
    #[must_use]
    pub fn workers(&self) -> &SimWorkers {
        self.plane.workers()
    }

    /// The rules that run.
    #[must_use]
    pub fn rules(&self) -> Option<Arc<Rules>> {
        self.plane.rules()
    }

    fn run(&mut self, frames: &[(Ingress, &[u8])]) {
        let (_, sent, _) = self.plane.workers().run_batch(frames);
        for Sent { to, frame, .. } in sent {
            let place = match to {
                SentTo::Port(id) => Place::Port(self.port_name(id)),
                SentTo::Host(id) => Place::Host(self.unit_name(id)),
            };
            self.left.push(Arrival { place, frame });
        }
    }

    fn port_name(&self, id: PortId) -> String {
        let rules = self.plane.rules();
        rules.and_then(|r| r.port(id).map(|p| p.name.clone())).unwrap_or_else(|| format!("port {id}"))
    }

    fn unit_name(&self, id: InterfaceId) -> String {
        let rules = self.plane.rules();
        rules.and_then(|r| r.unit(id).map(|u| u.name.clone())).unwrap_or_else(|| format!("unit {id}"))
    }
}

fn plane(setup: Setup) -> SimPlane {
    let resolver = match setup.neighbours {
        Neighbours::Known => Resolver::Computed,
        Neighbours::Told => Resolver::Table,
    };
    SimWorkers::plane(SimSetup {
        workers: setup.workers.unwrap_or(1),
        limits: Limits { sessions: setup.sessions, events: 64 },
        resolver,
        any_station: false,
        checksum: setup.checksum,
        recorded: setup.recorded,
        ..SimSetup::default()
    })
}

/// What a successor needs from one plane to another that runs the same program, over the contract alone. Afterwards the other has
/// the same, at the same workers; sessions that it refuses are those that a commit has left behind.
fn hand_over(from: &dyn DataPlane, to: &dyn DataPlane, may_refuse: bool) -> Result<(), BenchError> {
    to.telemetry().carry_over(&CarriedCounters::of(from.telemetry())?)?;
    to.sessions().put_mappings(&from.sessions().mappings()?)?;
    let mut at = Some(ExportCursor::default());
    while let Some(cursor) = at {
        let batch = from.sessions().deltas()?.export(&[], cursor, 100)?;
        let put = to.sessions().put_synced(&batch.sessions)?;
        if let Some((id, why)) = put.refused.first().filter(|_| !may_refuse) {
            let whole = batch.sessions.iter().find(|session| session.id == *id);
            return Err(BenchError::NotMoved(format!("{why:?}: {whole:?}")));
        }
        at = batch.next;
    }
    let (had, has) = (sessions(from)?, sessions(to)?);
    match had.iter().find(|(id, session)| has.get(id) != Some(session)).filter(|_| !may_refuse) {
        Some((id, session)) => Err(BenchError::NotMoved(format!("{session:?} is {:?}", has.get(id)))),
        None => Ok(()),
    }
}

/// Every session whole, and where it lives.
pub(super) fn sessions(
    plane: &dyn DataPlane,
) -> Result<BTreeMap<SessionId, (u8, SyncedSession)>, BenchError> {
    let mut all = BTreeMap::new();
    let mut at = Some(ExportCursor::default());
    while let Some(cursor) = at {
        let batch = plane.sessions().deltas()?.export(&[], cursor, 1)?;
        let home = cursor.worker;
        all.extend(batch.sessions.into_iter().map(|session| (session.id, (home, session))));
        at = batch.next;
    }
    Ok(all)
}

impl Bench for Simulator {
    fn plane(&self) -> &dyn DataPlane {
        self.front.as_deref().unwrap_or(&*self.plane)
    }

    fn commit(&mut self, config: &ValidConfig) -> Result<(), BenchError> {
        let plane = self.front.as_deref().unwrap_or(&*self.plane);
        self.commits.commit(plane, config)?;
        if let Some(running) = &mut self.strange {
            *running = Some(config.clone());
        }
        Ok(())
    }

    fn join(&mut self, unit: &str, group: GroupId) {
        self.commits.join(unit, group);
    }

    fn send(&mut self, place: &Place, frame: &[u8]) -> Result<(), BenchError> {
        if let Some(frames) = &mut self.moves {
            *frames += 1;
            if *frames <= MOVED || frames.is_power_of_two() {
                match self.strange.clone() {
                    Some(Some(config)) => self.move_over(&config)?,
                    Some(None) => {}
                    None => self.move_on(self.may_refuse)?,
                }
                self.plane.workers().press(self.pressed);
            }
        }
        let unknown = |name: &str| BenchError::Unknown(name.to_owned());
        let ingress = match place {
            Place::Port(name) => Ingress::Port(self.port(name).ok_or_else(|| unknown(name))?),
            Place::Host(name) => Ingress::Host(self.unit(name).ok_or_else(|| unknown(name))?),
        };
        self.run(&[(ingress, frame)]);
        Ok(())
    }

    fn collect(&mut self, _: Due) -> Result<Vec<Arrival>, BenchError> {
        // What waited for a neighbour leaves with the next batch, be it empty.
        self.run(&[]);
        Ok(std::mem::take(&mut self.left))
    }

    fn advance(&mut self, by: Duration) -> Result<(), BenchError> {
        // Second by second, as the ageing of a worker sees time pass.
        let mut left = by;
        while !left.is_zero() {
            let step = left.min(Duration::from_secs(1));
            let workers = self.plane.workers();
            workers.advance(workers.now().plus(step));
            self.run(&[]);
            left -= step;
        }
        Ok(())
    }

    fn press(&mut self, pressed: bool) -> Result<(), BenchError> {
        self.pressed = pressed;
        self.plane.workers().press(pressed);
        Ok(())
    }

    fn station(&self, port: &str) -> Option<Mac> {
        self.commits.station(port)
    }

    fn unit(&self, name: &str) -> Option<InterfaceId> {
        self.plane.rules()?.units().find(|u| u.name == name).map(|u| u.id)
    }

    fn port(&self, name: &str) -> Option<PortId> {
        self.plane.rules()?.ports().find(|p| p.name == name).map(|p| p.id)
    }
}
