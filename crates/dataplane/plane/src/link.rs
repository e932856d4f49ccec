//! Ports that are taken down and up under the plane, and what a chassis cluster controls.
//!
//! While the ports are held back, or a link cycle is under way, nothing is forwarded: packets that still come are dropped as by a
//! plane that is disarmed. A program may be applied meanwhile; its ports are taken when the cycle ends. Sessions stay.
//! Spec: contract-10..13, contract-20..24.

use ravelin_contract::{Error, FabricForwarding, FabricId, GroupState, Ha, Link, Refusal};
use ravelin_types::{GroupId, Instant, WorkerId};

use crate::workers::{ask, each};
use crate::{Core, Plane, Workers};

const FABRICS: &str = "fabric links: this plane has none";

/// Whether the ports may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ports {
    #[default]
    Open,
    /// To be taken when the control side says so.
    HeldBack,
    /// Let go of for a link cycle.
    Cycling,
}

impl<W: Workers> Plane<W> {
    /// Closes the ports, or opens them for the program that runs.
    fn turn(&self, core: &mut Core, ports: Ports) -> Result<(), Error> {
        if core.ports == ports {
            return Ok(());
        }
        let before = std::mem::replace(&mut core.ports, ports);
        let turned = self.turn_to(core, ports);
        if turned.is_err() {
            core.ports = before;
        }
        turned
    }

    fn turn_to(&self, core: &mut Core, ports: Ports) -> Result<(), Error> {
        if ports != Ports::Open {
            self.publish(core)?;
            return self.workers.close_ports();
        }
        if let Some(running) = core.running.clone() {
            let modes = self.workers.open_ports(&running)?;
            if let Some(last) = &mut core.last {
                last.modes = modes;
            }
        }
        self.publish(core)
    }
}

impl<W: Workers> Link for Plane<W> {
    fn defer_workers(&self, defer: bool) -> Result<(), Error> {
        let mut core = self.core();
        match (defer, core.ports) {
            (true, Ports::Open) => self.turn(&mut core, Ports::HeldBack),
            (false, Ports::HeldBack) => self.turn(&mut core, Ports::Open),
            (true, Ports::HeldBack | Ports::Cycling) | (false, Ports::Open | Ports::Cycling) => Ok(()),
        }
    }

    fn prepare_link_cycle(&self) -> Result<(), Error> {
        self.turn(&mut self.core(), Ports::Cycling)
    }

    fn notify_link_cycle(&self) -> Result<(), Error> {
        self.turn(&mut self.core(), Ports::Open)
    }
}

impl<W: Workers> Ha for Plane<W> {
    fn set_group_active(&self, group: GroupId, active: bool) -> Result<(), Error> {
        is_group(group)?;
        // A successor is not told twice, and none between two.
        let _core = self.core();
        ask(&self.workers, WorkerId(0), move |_, shared, now| shared.groups.set_active(group, active, now))?;
        // Whoever was in a batch has ended it.
        each(&self.workers).try_for_each(|worker| ask(&self.workers, worker, |_, _, _| ()))
    }

    fn set_watchdog(&self, group: GroupId, timestamp_ns: u64) -> Result<(), Error> {
        is_group(group)?;
        let _core = self.core();
        let lived = Instant(timestamp_ns);
        let renewed =
            ask(&self.workers, WorkerId(0), move |_, shared, now| shared.groups.renew(group, lived, now))?;
        renewed.map_err(|_| Error::Stale)
    }

    fn groups(&self) -> Result<Vec<GroupState>, Error> {
        ask(&self.workers, WorkerId(0), |_, shared, now| shared.groups.states(now))
    }

    fn set_fabric_forwarding(&self, _: FabricId, _: &FabricForwarding) -> Result<(), Error> {
        Err(Error::Unsupported(FABRICS))
    }

    fn sync_fabric_state(&self) -> Result<(), Error> {
        Err(Error::Unsupported(FABRICS))
    }
}

fn is_group(group: GroupId) -> Result<(), Error> {
    if group != GroupId(0) {
        return Ok(());
    }
    let reason = "0 is no group: what belongs to it is always forwarded".to_owned();
    Err(Error::Refused(vec![Refusal { path: "redundancy-group".to_owned(), reason }]))
}
