//! What the control side has told a plane, taken out whole and put into another plane of the same firewall.
//!
//! Place: beside the contract, for a process that hands its work over to a successor. The successor builds from the same
//! program under the same generation, so that sessions are not judged anew. State: none of its own.

use ravelin_contract::{
    Error, FabricForwarding, FabricId, LinkUpdate, NeighbourUpdate, RouteUpdate, UpdateBatch,
};
use ravelin_engine::{Forwarding, ForwardingBook, GroupLease, Live, Shared};
use ravelin_program::{Digest, Program};
use ravelin_types::{Generation, GroupId, Instant};

use crate::{Core, Plane, Workers};

/// All that commits and updates have brought.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The one that runs; `None` before the first.
    pub program: Option<Program>,
    /// Routes, neighbours, links and what policies hang on, as one resync.
    pub updates: UpdateBatch,
    /// What sessions compare to know that routes changed.
    pub routing: u32,
    pub armed: bool,
    /// Redundancy groups, by the clock of this machine.
    pub groups: Vec<GroupLease>,
    /// Links to the other node.
    pub fabrics: Vec<(FabricId, FabricForwarding)>,
}

/// Which state of the control side's words a plane is in: equal editions, equal standings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    program: Option<(Generation, Digest)>,
    routing: u32,
    live: u32,
    armed: bool,
    /// What is active since when; leases become longer all the time.
    groups: Vec<(GroupId, Instant, bool)>,
    fabrics: Vec<(FabricId, FabricForwarding)>,
}

/// A plane that takes no commit and no update as long as this is there.
pub struct Still<'a>(&'a Core, &'a Shared);

impl Still<'_> {
    #[must_use]
    pub fn edition(&self) -> Edition {
        let Core { program, forwarding, told, armed, .. } = self.0;
        Edition {
            live: *told,
            program: program.as_ref().map(|program| (program.generation, program.digest())),
            routing: forwarding.now().generation,
            armed: *armed,
            groups: self.1.groups.leases().iter().map(state).collect(),
            fabrics: self.fabrics(),
        }
    }

    #[must_use]
    pub fn standing(&self) -> Standing {
        let Core { program, forwarding, live, armed, version, .. } = self.0;
        let updates = UpdateBatch { version: *version, ..whole(forwarding.now(), live) };
        let groups = self.1.groups.leases();
        Standing {
            program: program.clone(),
            updates,
            routing: forwarding.now().generation,
            armed: *armed,
            groups,
            fabrics: self.fabrics(),
        }
    }

    fn fabrics(&self) -> Vec<(FabricId, FabricForwarding)> {
        let set = (0..).zip(&self.0.fabrics);
        set.filter_map(|(fabric, to)| Some((FabricId(fabric), to.clone()?))).collect()
    }
}

const fn state(lease: &GroupLease) -> (GroupId, Instant, bool) {
    (lease.group, lease.since, lease.until.0 != 0)
}

/// Everything a table knows, as updates of an empty one.
fn whole(forwarding: &Forwarding, live: &Live) -> UpdateBatch {
    let Forwarding { generation: _, routes, neighbours, resolver: _, down } = forwarding;
    let route = |(instance, prefix, route): (_, _, &ravelin_contract::Route)| RouteUpdate {
        instance,
        prefix,
        route: Some(route.clone()),
    };
    let neighbour = |(interface, addr, neighbour)| NeighbourUpdate { interface, addr, neighbour };
    UpdateBatch {
        version: 0,
        resync: true,
        routes: routes.iter().map(route).collect(),
        neighbours: neighbours.iter().map(neighbour).collect(),
        links: down.iter().map(|port| LinkUpdate { port: *port, up: false }).collect(),
        live: Some(live.whole()),
    }
}

impl<W: Workers> Plane<W> {
    /// Does something while no commit and no update gets through; they wait.
    pub fn still<T>(&self, work: impl FnOnce(&Still<'_>) -> T) -> T {
        work(&Still(&self.core(), &self.shared))
    }

    /// Redundancy groups are what they were at another plane by the same clock.
    pub fn go_on(&self, groups: &[GroupLease]) {
        self.shared.groups.go_on(groups);
    }

    /// Takes another plane's standing over: its program is built and published as it ran there.
    ///
    /// # Errors
    /// The program asks for what this plane can't do; nothing is to be done with it then.
    pub fn stand_in(&self, standing: &Standing) -> Result<(), Error> {
        let Standing { program, updates, routing, armed, groups, fabrics } = standing;
        self.go_on(groups);
        {
            let mut core = self.core();
            let mut first = Forwarding::new(core.forwarding.now().resolver);
            // The next one has another number than any before: sessions look their path up again.
            first.generation = *routing;
            core.forwarding = ForwardingBook::new(first);
            core.forwarding.update(updates);
            if let Some(update) = &updates.live {
                self.take(&mut core, update)?;
            }
            for (fabric, to) in fabrics {
                if let Some(known) = core.fabrics.get_mut(usize::from(fabric.0)) {
                    *known = Some(to.clone());
                }
            }
            core.version = updates.version;
            core.armed = *armed;
        }
        match program {
            Some(program) => self.apply(program).map(drop),
            None => Ok(()),
        }
    }
}
