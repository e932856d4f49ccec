//! Listening to the kernel. State: the world as told, and what the kernel's links are.
//!
//! Changes are taken one by one. Everything is dumped at the start, when units are others, when changes were lost, and when
//! something went with which the kernel drops routes without a word. What is heard during a dump is taken in behind it; a dump
//! that raced with changes is repeated once when nothing changes. Changes wait for the receiver as what differs, not as a queue:
//! however slow it is, no more waits than there are routes. Spec: contract-5..8.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    time::Duration,
};

use ravelin_contract::{Route, UpdateBatch};
use ravelin_types::{InstanceId, InterfaceId, PortId};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use crate::{
    kernel::{Changes, DumpError, Kernel},
    message::{Heard, INET, INET6, Message, Units, kind},
    world::{Key, Place, World},
};

/// How long changes may go on before they are told, and how long silence lets them be told.
const BURST: Duration = Duration::from_millis(40);
const SILENCE: Duration = Duration::from_millis(5);
/// A dump that the kernel reports as interrupted by changes is repeated so often at most.
const DUMPS_MAX: usize = 5;
/// Dumps take at most a fifth of the time.
const REST: u32 = 4;
/// How long nothing changes before a dump that raced is repeated.
const CALM: Duration = Duration::from_secs(2);

/// Which kernel devices are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// TAP device to unit.
    pub units: BTreeMap<String, InterfaceId>,
    /// Of units that are not in the default one.
    pub instances: BTreeMap<InterfaceId, InstanceId>,
    /// Routes that no table of the kernel holds: to where they are looked up again.
    pub next_tables: BTreeMap<Key, InstanceId>,
    /// Physical device to port.
    pub ports: BTreeMap<String, PortId>,
    /// Another number: another plane, which knows nothing.
    pub plane: u64,
}

/// What stopped the monitor.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    #[error("open netlink: {0}")]
    Open(io::Error),
    #[error("list {what}: {source}")]
    Dump { what: &'static str, source: io::Error },
    #[error("listen to netlink: {0}")]
    Listen(io::Error),
}

/// Watches links, routes and neighbours of its network namespace.
pub struct Monitor {
    kernel: Kernel,
    world: World,
    links: Links,
    version: u64,
    /// Changes that are not told yet: since when, and when something was heard last.
    untold: Option<(Instant, Instant)>,
    look: Look,
    /// The plane that has been told everything.
    told: Option<u64>,
}

/// When everything is dumped.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// It must be.
    due: bool,
    not_before: Instant,
    /// The last one raced with changes: when it is repeated, should none come until then.
    again: Option<Instant>,
}

/// The kernel's links that are ours.
#[derive(Clone, Debug, Default)]
struct Links {
    names: Names,
    units: Units,
    /// Of units by name: index, and whether it is up.
    known: HashMap<String, (u32, bool)>,
}

impl Monitor {
    /// Joins the multicast groups; needs a tokio runtime.
    ///
    /// # Errors
    /// The sockets can't be had.
    pub fn open() -> Result<Self, MonitorError> {
        Ok(Self {
            kernel: Kernel::open().map_err(MonitorError::Open)?,
            world: World::default(),
            links: Links::default(),
            version: 0,
            untold: None,
            look: Look { due: true, not_before: Instant::now(), again: None },
            told: None,
        })
    }

    /// Sends a resync, then every difference, until the receiver goes. Another plane gets a resync again.
    ///
    /// # Errors
    /// Netlink failed; the caller opens a new monitor, which starts with a resync.
    pub async fn run(
        mut self,
        mut names: watch::Receiver<Names>,
        batches: mpsc::Sender<UpdateBatch>,
    ) -> Result<(), MonitorError> {
        self.name(names.borrow_and_update().clone());
        loop {
            if self.look.due && Instant::now() >= self.look.not_before {
                self.look().await?;
            }
            let wake = self.wakes_at();
            let mut changes = Changes::default();
            tokio::select! {
                biased;
                () = batches.closed() => return Ok(()),
                renamed = names.changed() => match renamed {
                    Ok(()) => self.name(names.borrow_and_update().clone()),
                    Err(_) => return Ok(()),
                },
                room = batches.reserve(), if self.may_tell() => match room {
                    Ok(room) => room.send(self.tell()),
                    Err(_) => return Ok(()),
                },
                heard = self.kernel.hear(&self.links.units, &mut changes) => {
                    heard.map_err(MonitorError::Listen)?;
                    self.take(changes);
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    self.look.due |= self.look.again.take_if(|at| *at <= Instant::now()).is_some();
                }
            }
        }
    }

    /// Other units are other routes; another plane has none at all.
    fn name(&mut self, names: Names) {
        let Names { units, instances, next_tables, ports, plane } = &self.links.names;
        let same_links = (units, instances, next_tables, ports)
            == (&names.units, &names.instances, &names.next_tables, &names.ports);
        if self.told.is_some() && *plane != names.plane {
            self.told = None;
        }
        if !same_links {
            self.look.due = true;
            self.look.not_before = Instant::now();
        }
        self.links.names = names;
    }

    /// Whether there is something to tell, and it is time to. Nothing is told of no units: a plane that runs keeps what it has
    /// until the configuration is there.
    fn may_tell(&self) -> bool {
        let Names { units, ports, .. } = &self.links.names;
        if self.told.is_none() {
            return !(self.look.due || units.is_empty() && ports.is_empty());
        }
        self.untold.is_some() && self.tells_at() <= Some(Instant::now())
    }

    fn tells_at(&self) -> Option<Instant> {
        self.untold.map(|(since, last)| (since + BURST).min(last + SILENCE))
    }

    /// When there is something to do without any change.
    fn wakes_at(&self) -> Option<Instant> {
        let now = Instant::now();
        let tells = self.tells_at().filter(|at| *at > now);
        let looks = self.look.due.then_some(self.look.not_before);
        tells.into_iter().chain(looks).chain(self.look.again).min()
    }

    fn tell(&mut self) -> UpdateBatch {
        self.version += 1;
        let batch = if self.told.is_none() {
            self.told = Some(self.links.names.plane);
            self.world.whole()
        } else {
            self.world.changes()
        };
        if !self.world.has_untold() {
            self.untold = None;
        }
        UpdateBatch { version: self.version, ..batch }
    }

    fn take(&mut self, changes: Changes) {
        let Changes { heard, overrun } = changes;
        self.look.due |= overrun;
        let calm_until = Instant::now() + CALM;
        for heard in heard {
            if let (Some(again), Heard::Route { .. }) = (&mut self.look.again, &heard) {
                *again = calm_until;
            }
            self.look.due |= take(&mut self.world, &mut self.links, heard);
        }
        self.note();
    }

    /// Notes that something is to be told.
    fn note(&mut self) {
        if self.world.has_untold() {
            let now = Instant::now();
            let (since, _) = self.untold.unwrap_or((now, now));
            self.untold = Some((since, now));
        }
    }

    /// Dumps everything; what differs is to be told.
    async fn look(&mut self) -> Result<(), MonitorError> {
        let began = Instant::now();
        let mut tries = 1;
        let (mut world, links, aside) = loop {
            match self.dump().await {
                Ok(whole) => break whole,
                Err((_, DumpError::Interrupted)) if tries < DUMPS_MAX => tries += 1,
                Err((what, error)) => {
                    let source = match error {
                        DumpError::Io(source) => source,
                        DumpError::Interrupted => io::Error::other("it changes all the time"),
                    };
                    return Err(MonitorError::Dump { what, source });
                }
            }
        };
        self.links = links;
        self.look.due = aside.overrun;
        let raced = aside.heard.iter().any(|heard| matches!(heard, Heard::Route { .. }));
        for heard in aside.heard {
            self.look.due |= take(&mut world, &mut self.links, heard);
        }
        if self.told.is_none() {
            self.world = world;
        } else {
            self.world.become_like(world);
        }
        let now = Instant::now();
        self.look.not_before = now + (now - began) * REST;
        self.look.again = raced.then_some(now + CALM);
        self.note();
        Ok(())
    }

    /// One dump of everything, and what was heard meanwhile.
    async fn dump(&mut self) -> Result<(World, Links, Changes), (&'static str, DumpError)> {
        let mut world = World::default();
        let mut links = Links { names: self.links.names.clone(), ..Links::default() };
        let (none, mut found) = (Units::new(), Vec::new());
        // What was heard before the dump is in it.
        let heard = self.kernel.hear_more(&none, &mut Changes::default());
        heard.map_err(|error| ("changes", error.into()))?;
        let each = |message: &Message<'_>| found.extend(message.heard(&none));
        // Nothing can be made of what is heard without the links: it waits.
        let listed = self.kernel.dump((kind::GET_LINK, 0), None, each).await;
        listed.map_err(|error| ("links", error))?;
        for link in found {
            take(&mut world, &mut links, link);
        }
        let mut aside = Changes::default();
        for (key, next) in &links.names.next_tables {
            world.add_route((*key, metric_of(key)), Place::Last, Some(Route::Table(*next)));
        }
        for (what, name) in [(kind::GET_ROUTE, "routes"), (kind::GET_NEIGHBOUR, "neighbours")] {
            for family in [INET, INET6] {
                let each = |message: &Message<'_>| list(&mut world, message.heard(&links.units));
                let aside = Some((&links.units, &mut aside));
                self.kernel.dump((what, family), aside, each).await.map_err(|error| (name, error))?;
            }
        }
        Ok((world, links, aside))
    }
}

/// Where a route into another table stands: behind those of links, before those of routing daemons.
fn metric_of((_, prefix): &Key) -> u32 {
    if prefix.addr().is_ipv6() { 1023 } else { 5 }
}

/// What a dump lists comes behind what it listed before.
fn list(world: &mut World, heard: Option<Heard>) {
    match heard {
        Some(Heard::Route { key, came: Some(_), route }) => world.add_route(key, Place::Last, route),
        Some(Heard::Neighbour { key, neighbour, in_doubt: _ }) => world.set_neighbour(key, neighbour, false),
        Some(Heard::Route { came: None, .. } | Heard::Link { .. } | Heard::Silence) | None => {}
    }
}

/// One change; whether everything has to be looked at.
fn take(world: &mut World, links: &mut Links, heard: Heard) -> bool {
    match heard {
        Heard::Route { key, came: Some(place), route } => {
            world.add_route(key, place, route);
            false
        }
        Heard::Route { key, came: None, route } => {
            world.remove_route(key, route.as_ref());
            false
        }
        Heard::Neighbour { key, neighbour, in_doubt } => {
            world.set_neighbour(key, neighbour, in_doubt);
            false
        }
        Heard::Link { index, name, up, gone } => links.take(world, (index, name), up, gone),
        Heard::Silence => true,
    }
}

impl Links {
    /// A link as it is now; whether routes may be others without a word of it: those of IPv4 go with the link that they lead
    /// over, and a unit's device may be another one under the same name.
    fn take(&mut self, world: &mut World, (index, name): (u32, String), up: bool, gone: bool) -> bool {
        if let Some(port) = self.names.ports.get(&name) {
            world.set_link(*port, up);
        }
        let Some(unit) = self.names.units.get(&name) else {
            // One of ours that has another name now.
            return self.units.remove(&index).is_some();
        };
        let before = if gone { self.known.remove(&name) } else { self.known.insert(name, (index, up)) };
        if gone {
            self.units.remove(&index);
        } else {
            let instance = self.names.instances.get(unit).copied().unwrap_or_default();
            self.units.insert(index, (*unit, instance));
        }
        before != Some((index, up)) || gone
    }
}
