//! What a predecessor leaves, until it has left it: mapped, but not touched.
//!
//! Place: in the control side of a successor's workers. State: a group of sockets and the TAP queues a worker, and the
//! lanes that are made of them once the program has named ports and units.

use std::os::fd::OwnedFd;

use ravelin_plane::PortMode;

use crate::{
    group::{Group, GroupBook},
    lane::Lane,
    layout::Layout,
    tap::Tap,
    umem::BadMemory,
    worker::Command,
    workers::{AfxdpError, Control, Phase},
};

/// Everything of all workers.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// In the order of every group's sockets.
    pub(crate) ifindexes: Vec<u32>,
    pub(crate) taps: Vec<String>,
    pub(crate) restarts: Vec<u32>,
    /// One a worker, or none when there are no ports.
    pub(crate) groups: Vec<(Group, Vec<OwnedFd>)>,
    pub(crate) lanes: Vec<Lane>,
}

impl Inherited {
    pub(crate) fn restarts(&self, worker: u8) -> u32 {
        self.restarts.get(usize::from(worker)).copied().unwrap_or(0)
    }
}

impl Control {
    /// Makes lanes for a layout, which must be the one that was handed over.
    pub(crate) fn inherit(&mut self, wanted: Layout) -> Result<Vec<PortMode>, AfxdpError> {
        let Phase::Taking(inherited) = &mut self.phase else {
            unreachable!("asked for only while taking over")
        };
        let same = wanted.ports.iter().map(|port| port.ifindex).eq(inherited.ifindexes.iter().copied())
            && wanted.taps.iter().map(|(_, name)| name).eq(&inherited.taps);
        if !same {
            return Err(AfxdpError::OtherPorts);
        }
        let mut modes = Vec::new();
        let zero_copy = |at: usize| match (inherited.groups.first(), inherited.lanes.first()) {
            (Some((group, _)), _) => group.zero_copy(at),
            (None, Some(lane)) => lane.group.zero_copy(at),
            (None, None) => false,
        };
        for (at, port) in wanted.ports.iter().enumerate() {
            let Some(shim) = self.ports.get(&port.ifindex) else { continue };
            modes.push(port.mode(shim.mode(), zero_copy(at)));
        }
        let ids: Vec<_> = wanted.ports.iter().map(|port| (port.id, port.checksum)).collect();
        for (group, fds) in inherited.groups.drain(..) {
            let units = wanted.taps.iter().map(|(unit, _)| *unit);
            let taps = units.zip(fds).map(|(unit, fd)| Tap::adopt(unit, fd)).collect();
            inherited.lanes.push(Lane::new(group, ids.clone(), taps));
        }
        self.layout = wanted;
        self.modes.clone_from(&modes);
        Ok(modes)
    }

    /// Takes in what the predecessor's workers knew of their sockets when they stopped.
    pub(crate) fn restore(&mut self, books: &[Option<GroupBook>]) -> Result<(), BadMemory> {
        let Phase::Taking(inherited) = &mut self.phase else {
            unreachable!("asked for only while taking over")
        };
        let books: Vec<_> = books.iter().flatten().collect();
        if books.len() != inherited.lanes.len() {
            return Err(BadMemory::Size);
        }
        for (lane, book) in inherited.lanes.iter_mut().zip(books) {
            lane.group.restore(book)?;
        }
        Ok(())
    }

    /// The predecessor has stopped for good: every worker begins. False: one is dead, and starts anew by itself.
    pub(crate) fn begin(&mut self) -> bool {
        let Phase::Taking(inherited) = std::mem::take(&mut self.phase) else {
            unreachable!("asked for only while taking over")
        };
        let lanes = inherited.lanes.into_iter().zip(&self.handles);
        lanes
            .map(|(lane, handle)| handle.send(Command::Attach(Box::new(lane))))
            .fold(true, |all, sent| all & sent)
    }
}
