//! AF_XDP as a bench: one worker on the devices of the yard, real time.
//!
//! Frames are never guessed to be through: the plane's counters say how many packets it took and what it did with each,
//! and that many frames are waited for.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ravelin_afxdp::{
    AfxdpError, AfxdpPlane, AfxdpSetup, AfxdpWorkers, ChecksumOffload, PinsError, ShimError, SocketConfig,
};
use ravelin_compile::{Resolved, tap_name};
use ravelin_conformance::bench::{
    Arrival, Bench, BenchError, Commits, Due, Neighbours, Place, Setup, neighbour_mac,
};
use ravelin_contract::{DataPlane, Event, Global, Neighbour, NeighbourUpdate, UpdateBatch};
use ravelin_engine::{Limits, Seed};
use ravelin_model::ValidConfig;
use ravelin_types::{GroupId, InterfaceId, Mac, PortId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::yard::Devices;

/// How long a packet may take from the wire, through the plane, to the wire.
const REST_MAX: Duration = Duration::from_secs(2);
/// How often counters are asked while frames are waited for.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000 };
/// The longest that a case may let time pass here; more is for a clock that jumps.
const ADVANCE_MAX: Duration = Duration::from_secs(3);
/// Events that a case may leave unread.
const EVENTS_MAX: usize = 64;
/// Bytes of an Ethernet header: less can't be put on a wire.
const ETHERNET_MIN: usize = 14;

/// A plane with a worker for each queue of the yard's devices.
pub struct Afxdp<'a> {
    plane: AfxdpPlane,
    devices: &'a mut Devices,
    commits: Commits,
    neighbours: Neighbours,
    /// Frames put in, and frames that came out, since the plane was made.
    sent: u64,
    arrived: u64,
    left: Vec<Arrival>,
}

impl<'a> Afxdp<'a> {
    pub fn new(setup: Setup, pins: &Path, devices: &'a mut Devices) -> Result<Self, BenchError> {
        let setup_of_plane = AfxdpSetup {
            pins: pins.to_owned(),
            workers: devices.queues(),
            limits: Limits { sessions: setup.sessions, events: EVENTS_MAX },
            seed: Seed([7; 32]),
            // A packet socket would see a checksum that the veth was asked to finish before it is.
            offload: ChecksumOffload::Software,
            socket: SocketConfig::default(),
        };
        let plane = take_over(&setup_of_plane)?;
        plane.start()?;
        let (commits, neighbours) = (Commits::default(), setup.neighbours);
        let mut bench = Self { plane, devices, commits, neighbours, sent: 0, arrived: 0, left: Vec::new() };
        // What the case before left on the wires is not this one's.
        bench.drain()?;
        (bench.arrived, bench.left) = (0, Vec::new());
        Ok(bench)
    }

    /// Gives the devices back.
    pub fn close(self) -> Result<(), BenchError> {
        self.plane.teardown()?;
        match self.plane.workers().lost_frames() {
            0 => Ok(()),
            lost => Err(BenchError::Plane(backend(format!("{lost} chunks of packet memory have no owner")))),
        }
    }

    /// Takes what has come out.
    fn drain(&mut self) -> Result<(), BenchError> {
        for (place, wire) in self.devices.ends() {
            let failed = |source| BenchError::Kernel { what: format!("{place:?}"), source };
            while let Some(frame) = wire.receive().map_err(failed)? {
                self.arrived += 1;
                self.left.push(Arrival { place: place.clone(), frame });
            }
        }
        Ok(())
    }

    /// Tells the plane of the neighbours that it asks for.
    fn answer(&self) -> Result<(), BenchError> {
        let asked = self.plane.telemetry().events(EVENTS_MAX)?.events;
        let known = |event| match event {
            Event::NeighbourWanted { interface, addr } => Some(NeighbourUpdate {
                interface,
                addr,
                neighbour: Neighbour::Reachable(neighbour_mac(addr)),
            }),
            Event::Session(_)
            | Event::Overload(_)
            | Event::SessionUpdated(_)
            | Event::Tracked(_)
            | Event::PolicyDeny(_)
            | Event::Screen { .. }
            | Event::Filter(_)
            | Event::Policer(_)
            | Event::Nat(_) => None,
        };
        let neighbours: Vec<_> = asked.into_iter().filter_map(known).collect();
        if neighbours.is_empty() || self.neighbours == Neighbours::Told {
            return Ok(());
        }
        let updates = self.plane.updates();
        let version = updates.version() + 1;
        Ok(updates.apply(&UpdateBatch { version, neighbours, ..UpdateBatch::default() })?)
    }

    /// Works until the counters are as wanted, or too much time has passed.
    fn until(&mut self, wanted: impl Fn(&Self, &Global) -> bool) -> Result<bool, BenchError> {
        let began = Instant::now();
        loop {
            let late = began.elapsed() > REST_MAX;
            let global = self.plane.telemetry().global()?;
            self.drain()?;
            if wanted(self, &global) {
                return Ok(true);
            }
            if late {
                return Ok(false);
            }
            self.answer()?;
            self.look();
        }
    }

    /// Waits for a frame, for a short time.
    fn look(&self) {
        let ends = self.devices.ends().iter();
        let mut fds: Vec<_> = ends.map(|(_, wire)| PollFd::new(wire, PollFlags::IN)).collect();
        // A frame, the end of the time or a signal: everything is looked at again.
        let _ = poll(&mut fds, Some(&LOOK_EVERY));
    }
}

impl Bench for Afxdp<'_> {
    fn plane(&self) -> &dyn DataPlane {
        &self.plane
    }

    fn commit(&mut self, config: &ValidConfig) -> Result<(), BenchError> {
        let resolved = Resolved::virtual_ports(config);
        for interface in &config.get().interfaces {
            let Some(port) = resolved.0.get(&interface.name) else { continue };
            self.devices.port(&interface.name, &port.device, port.mac)?;
            for unit in &interface.units {
                let name = format!("{}.{}", interface.name, unit.number);
                self.devices.unit(&name, &tap_name(&name), port.mac)?;
            }
        }
        self.commits.commit(&self.plane, config)
    }

    fn join(&mut self, unit: &str, group: GroupId) {
        self.commits.join(unit, group);
    }

    fn send(&mut self, place: &Place, frame: &[u8]) -> Result<(), BenchError> {
        if frame.len() < ETHERNET_MIN {
            return Err(BenchError::Unsupported("a frame shorter than its Ethernet header"));
        }
        let began = Instant::now();
        loop {
            let wire = self.devices.at(place).ok_or_else(|| BenchError::Unknown(format!("{place:?}")))?;
            match wire.send(frame) {
                Ok(()) => break,
                // A TAP that has just got its queue may not be ready yet.
                Err(error) if busy(&error) && began.elapsed() < REST_MAX => self.look(),
                Err(source) => return Err(BenchError::Kernel { what: format!("{place:?}"), source }),
            }
        }
        self.sent += 1;
        if self.until(|bench, global| global.rx_packets >= bench.sent)? {
            return Ok(());
        }
        let message = format!("a frame of {} bytes never came in at {place:?}", frame.len());
        Err(BenchError::Plane(backend(message)))
    }

    fn collect(&mut self, due: Due) -> Result<Vec<Arrival>, BenchError> {
        // When it does not come, what is missing shows in what is returned. What is held is neither sent nor dropped, what is
        // cut is sent in pieces: no number of packets in tells how many are to come.
        self.until(|bench, global| {
            let drops: u64 = global.drops.iter().sum();
            let out = global.tx_packets + global.host_packets;
            bench.left.len() >= due.frames && drops >= due.drops && bench.arrived >= out
        })?;
        Ok(std::mem::take(&mut self.left))
    }

    fn advance(&mut self, by: Duration) -> Result<(), BenchError> {
        if by > ADVANCE_MAX {
            return Err(BenchError::Unsupported("a clock that jumps"));
        }
        thread::sleep(by);
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

/// The plane of the case before may hold the pins for an instant longer: its supervisor lets go last.
fn take_over(setup: &AfxdpSetup) -> Result<AfxdpPlane, BenchError> {
    let began = Instant::now();
    loop {
        match AfxdpWorkers::plane(setup.clone()) {
            Ok(plane) => return Ok(plane),
            Err(AfxdpError::Shim(ShimError::Pins(PinsError::Held(_)))) if began.elapsed() < REST_MAX => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(BenchError::Plane(backend(error.to_string()))),
        }
    }
}

fn backend(message: String) -> ravelin_contract::Error {
    ravelin_contract::Error::Backend(message)
}

fn busy(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENETDOWN | libc::EAGAIN))
}
