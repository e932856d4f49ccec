//! Ports that are taken down and up under the plane, and what a chassis cluster controls.
//!
//! While the ports are held back, or a link cycle is under way, nothing is forwarded: packets that still come are dropped as by a
//! plane that is disarmed. A program may be applied meanwhile; its ports are taken when the cycle ends. Sessions stay.
//! Spec: contract-10..13, contract-20..29.

use std::sync::Arc;

use ravelin_contract::{Error, FabricForwarding, FabricId, FabricState, GroupState, Ha, Link, Refusal};
use ravelin_engine::{FABRICS, Fabric, FabricCounts, Fabrics, Rules};
use ravelin_program::Port;
use ravelin_types::{GroupId, Instant, Mac, WorkerId};

use crate::workers::{ask, each};
use crate::{Core, Plane, Workers};

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

    fn set_fabric_forwarding(&self, fabric: FabricId, to: &FabricForwarding) -> Result<(), Error> {
        let mut core = self.core();
        if let Some(reason) = refused(&core, fabric, to) {
            let path = format!("fabric {}", fabric.0);
            return Err(Error::Refused(vec![Refusal { path, reason }]));
        }
        let new = (!to.interface.is_empty()).then(|| to.clone());
        let before = std::mem::replace(&mut core.fabrics[usize::from(fabric.0)], new);
        let published = self.publish(&core);
        if published.is_err() {
            core.fabrics[usize::from(fabric.0)] = before;
        }
        published
    }

    fn sync_fabric_state(&self) -> Result<(), Error> {
        self.publish(&self.core())
    }

    fn fabrics(&self) -> Result<Vec<FabricState>, Error> {
        let (links, running, forwarding) = {
            let core = self.core();
            (core.fabrics.clone(), core.running.clone(), core.forwarding.now().clone())
        };
        let mut counts = [FabricCounts::default(); FABRICS];
        for worker in each(&self.workers) {
            let own = ask(&self.workers, worker, |state, _, _| state.counters.fabrics)?;
            for (sum, own) in counts.iter_mut().zip(own) {
                sum.sent += own.sent;
                sum.received += own.received;
            }
        }
        let state = |(fabric, (to, counts)): (u8, (Option<FabricForwarding>, FabricCounts))| {
            let to = to?;
            let port = running.as_ref().and_then(|rules| port_of(rules, &to.interface));
            let up = port.is_some_and(|port| port.enabled && forwarding.is_up(port.id));
            let FabricCounts { sent, received } = counts;
            Some(FabricState { fabric: FabricId(fabric), to, up, sent, received })
        };
        Ok((0..).zip(links.into_iter().zip(counts)).filter_map(state).collect())
    }
}

/// The links whose ports there are, for a snapshot.
pub(crate) fn fabrics(core: &Core) -> Option<Arc<Fabrics>> {
    let rules = core.running.as_ref()?;
    let link = |to: &Option<FabricForwarding>| {
        let FabricForwarding { interface, peer_mac, local_mac } = to.as_ref()?;
        let port = port_of(rules, interface)?.id;
        Some(Fabric { port, peer: *peer_mac, local: *local_mac })
    };
    let links = core.fabrics.each_ref().map(link);
    links.iter().any(Option::is_some).then(|| Arc::new(Fabrics::new(links, rules)))
}

fn port_of<'r>(rules: &'r Rules, name: &str) -> Option<&'r Port> {
    rules.ports().find(|port| port.name == name)
}

fn refused(core: &Core, fabric: FabricId, to: &FabricForwarding) -> Option<String> {
    let FabricForwarding { interface, peer_mac, local_mac } = to;
    if usize::from(fabric.0) >= FABRICS {
        return Some(format!("there are the fabrics 0 to {}", FABRICS - 1));
    }
    if interface.is_empty() {
        return None;
    }
    let is_station = |mac: &Mac| !mac.is_group() && *mac != Mac::default();
    if !is_station(peer_mac) || !is_station(local_mac) || peer_mac == local_mac {
        return Some("it takes the addresses of two stations".to_owned());
    }
    let other = (0..).zip(&core.fabrics).any(|(at, known)| {
        at != fabric.0 && known.as_ref().is_some_and(|known| known.interface == *interface)
    });
    if other {
        return Some(format!("interface `{interface}' is the other fabric's"));
    }
    let Some(rules) = &core.running else { return Some("no program is running".to_owned()) };
    let Some(port) = port_of(rules, interface) else {
        return Some(format!("there is no interface `{interface}'"));
    };
    carries(rules, port)
        .map(|unit| format!("interface `{interface}' has units (`{unit}'): a fabric carries nothing else"))
}

/// A unit of a port.
fn carries<'r>(rules: &'r Rules, port: &Port) -> Option<&'r str> {
    rules.units().find(|unit| unit.port == port.id).map(|unit| unit.name.as_str())
}

/// Why a program can't run beside the fabrics that are set.
pub(crate) fn refused_units(core: &Core, rules: &Rules) -> Vec<Refusal> {
    let units = core.fabrics.iter().flatten().filter_map(|to| carries(rules, port_of(rules, &to.interface)?));
    let refusal = |unit: &str| Refusal {
        path: format!("interfaces {unit}"),
        reason: "its port is a fabric link, which carries nothing else".to_owned(),
    };
    units.map(refusal).collect()
}

fn is_group(group: GroupId) -> Result<(), Error> {
    if group != GroupId(0) {
        return Ok(());
    }
    let reason = "0 is no group: what belongs to it is always forwarded".to_owned();
    Err(Error::Refused(vec![Refusal { path: "redundancy-group".to_owned(), reason }]))
}
