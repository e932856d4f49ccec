//! Listening to the kernel. State: the last world sent, and a netlink socket in the multicast groups.
//!
//! A burst of messages is waited out for a moment, then everything is dumped once; an overrun is one more message.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use futures_util::{Stream, StreamExt, TryStreamExt};
use ravelin_contract::UpdateBatch;
use ravelin_types::{InterfaceId, PortId};
use rtnetlink::{
    Handle, MulticastGroup, RouteMessageBuilder,
    packet_route::{AddressFamily, route::RouteMessage},
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    message::{self, Units},
    world::{World, diff},
};

/// How long a burst may go on before it is looked at, and how long silence ends it.
const BURST: Duration = Duration::from_millis(40);
const SILENCE: Duration = Duration::from_millis(5);
/// A dump that the kernel reports as interrupted by changes is repeated so often at most.
const DUMPS_MAX: usize = 5;

/// Which kernel devices are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// TAP device to unit.
    pub units: BTreeMap<String, InterfaceId>,
    /// Physical device to port.
    pub ports: BTreeMap<String, PortId>,
}

/// What stopped the monitor.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    #[error("open netlink: {0}")]
    Open(std::io::Error),
    #[error("list {what}: {source}")]
    Dump { what: &'static str, source: rtnetlink::Error },
    #[error("the netlink socket closed")]
    Closed,
}

/// Watches links, addresses, routes and neighbours of its network namespace.
pub struct Monitor {
    handle: Handle,
    changes: Changes,
    version: u64,
    last: Option<World>,
}

type Changes = std::pin::Pin<Box<dyn Stream<Item = ()> + Send>>;

impl Monitor {
    /// Joins the multicast groups; needs a tokio runtime.
    ///
    /// # Errors
    /// The socket can't be had.
    pub fn open() -> Result<Self, MonitorError> {
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Neigh,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv6Route,
        ];
        let (connection, handle, messages) =
            rtnetlink::new_multicast_connection(&groups).map_err(MonitorError::Open)?;
        tokio::spawn(connection);
        let changes = Box::pin(messages.map(drop));
        Ok(Self { handle, changes, version: 0, last: None })
    }

    /// Sends a resync, then every difference, until the receiver goes. New names are a resync again.
    ///
    /// # Errors
    /// Netlink failed; the caller opens a new monitor, which starts with a resync.
    pub async fn run(
        mut self,
        mut names: watch::Receiver<Names>,
        batches: mpsc::Sender<UpdateBatch>,
    ) -> Result<(), MonitorError> {
        loop {
            // A kernel change may have woken us together with new names: they are a resync all the same.
            if names.has_changed().unwrap_or(false) {
                self.last = None;
            }
            let known = names.borrow_and_update().clone();
            if let Some(batch) = self.look(&known).await?
                && batches.send(batch).await.is_err()
            {
                return Ok(());
            }
            tokio::select! {
                change = self.changes.next() => {
                    change.ok_or(MonitorError::Closed)?;
                    self.wait_out_burst().await;
                }
                renamed = names.changed() => match renamed {
                    Ok(()) => names.mark_changed(),
                    Err(_) => return Ok(()),
                },
                () = batches.closed() => return Ok(()),
            }
        }
    }

    async fn wait_out_burst(&mut self) {
        // Over when nothing came for a while or when it has gone on for long enough.
        let burst = async { while let Ok(Some(())) = timeout(SILENCE, self.changes.next()).await {} };
        let _ = timeout(BURST, burst).await;
    }

    /// The difference to the last look; None when there is none.
    async fn look(&mut self, names: &Names) -> Result<Option<UpdateBatch>, MonitorError> {
        let world = dump(&self.handle, names).await?;
        let mut batch = diff(self.last.as_ref(), &world);
        self.last = Some(world);
        if batch == UpdateBatch::default() {
            return Ok(None);
        }
        self.version += 1;
        batch.version = self.version;
        Ok(Some(batch))
    }
}

async fn dump(handle: &Handle, names: &Names) -> Result<World, MonitorError> {
    let mut world = World::default();
    let links = collect("links", || handle.link().get().execute()).await?;
    let mut units: Units = HashMap::new();
    for link in &links {
        let Some(name) = message::link_name(link) else { continue };
        if let Some(unit) = names.units.get(name) {
            units.insert(link.header.index, *unit);
        }
        if let Some(port) = names.ports.get(name) {
            world.set_link(*port, message::link_up(link));
        }
    }
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let routes = collect("routes", || handle.route().get(every(family)).execute()).await?;
        for (prefix, metric, route) in routes.iter().filter_map(|m| message::route(m, &units)) {
            world.add_route(prefix, metric, route);
        }
    }
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let get = || handle.neighbours().get().set_address_family(family).execute();
        let neighbours = collect("neighbours", get).await?;
        for (unit, addr, neighbour) in neighbours.iter().filter_map(|m| message::neighbour(m, &units)) {
            world.add_neighbour(unit, addr, neighbour);
        }
    }
    Ok(world)
}

/// One whole dump; tried again when the kernel's table moved under it.
async fn collect<T, S>(what: &'static str, dump: impl Fn() -> S) -> Result<Vec<T>, MonitorError>
where
    S: Stream<Item = Result<T, rtnetlink::Error>>,
{
    let mut tries = 1;
    loop {
        match dump().try_collect().await {
            Ok(all) => return Ok(all),
            Err(rtnetlink::Error::RequestFailed) | Err(rtnetlink::Error::NetlinkError(_))
                if tries < DUMPS_MAX =>
            {
                tries += 1;
            }
            Err(source) => return Err(MonitorError::Dump { what, source }),
        }
    }
}

fn every(family: AddressFamily) -> RouteMessage {
    let mut message = RouteMessageBuilder::<std::net::IpAddr>::new().build();
    message.attributes.clear();
    message.header = Default::default();
    message.header.address_family = family;
    message
}
