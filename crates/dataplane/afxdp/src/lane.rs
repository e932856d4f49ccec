//! What a worker sends and receives on: its socket on every port and its queue of every TAP.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ravelin_contract::MirrorLoss;
use ravelin_engine::{Checksum, Egress, PacketBuffers};
use ravelin_plane::pressure::Pressure;
use ravelin_types::{DropReason, InterfaceId, PortId};
use ravelin_wire::rewrite::{self, Partial};

use crate::{
    group::{Group, GroupParts, Spare},
    tap::Tap,
    umem::{CHUNK_SIZE, FRAME_LEN_MAX, Frame, HEADROOM, LONG_CHUNKS, LONG_LEN_MAX},
};

/// A worker's ports and TAPs.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) group: Group,
    /// The port of each socket of the group, and what it says of a packet's checksum.
    ports: Vec<(PortId, Checksum)>,
    /// Of each socket's ring.
    pressures: Vec<Pressure>,
    taps: Vec<Tap>,
    socket_of: Vec<Option<usize>>,
    tap_of: Vec<Option<usize>>,
    /// Where frames of TAPs are read that may be long; empty where there are none.
    scratch: Box<[u8]>,
}

/// What a lane is made of, to go on with it in another process.
#[derive(Debug)]
pub(crate) struct LaneParts {
    pub(crate) group: GroupParts,
    pub(crate) taps: Vec<OwnedFd>,
}

impl Lane {
    /// Descriptors of everything, for another process.
    pub(crate) fn parts(&self) -> std::io::Result<LaneParts> {
        let copy = |tap: &Tap| tap.as_fd().try_clone_to_owned();
        let taps = self.taps.iter().map(copy).collect::<Result<_, _>>()?;
        Ok(LaneParts { group: self.group.parts()?, taps })
    }

    /// `ports` in the order of the group's sockets.
    pub(crate) fn new(group: Group, ports: Vec<(PortId, Checksum)>, taps: Vec<Tap>) -> Self {
        let socket_of = positions(ports.iter().map(|(port, _)| port.index()));
        let tap_of = positions(taps.iter().map(|tap| tap.unit.index()));
        let pressures = vec![Pressure::default(); ports.len()];
        let has_longs = group.umem().frames() > group.umem().chunks();
        let scratch = vec![0; if has_longs { LONG_LEN_MAX } else { 0 }].into();
        Self { group, ports, pressures, taps, socket_of, tap_of, scratch }
    }

    /// The packet memory as it stands: chunks, and long frames.
    pub(crate) fn buffers(&self) -> [PacketBuffers; 2] {
        let umem = self.group.umem();
        let [capacity, free, lent] =
            [umem.chunks(), umem.free_chunks(), umem.lent_chunks()].map(|chunks| chunks as u64);
        let chunks = PacketBuffers { bytes: CHUNK_SIZE as u32, capacity, free, lent };
        let [capacity, free, lent] =
            [umem.longs(), umem.free_longs(), umem.lent_longs()].map(|longs| longs as u64);
        [chunks, PacketBuffers { bytes: (LONG_CHUNKS * CHUNK_SIZE) as u32, capacity, free, lent }]
    }

    pub(crate) fn ports(&self) -> usize {
        self.ports.len()
    }

    pub(crate) fn taps(&self) -> usize {
        self.taps.len()
    }

    pub(crate) fn port(&self, at: usize) -> (PortId, Checksum) {
        self.ports[at]
    }

    /// Whether a port's frames come faster than they are taken. Asked before each batch of them.
    pub(crate) fn press(&mut self, at: usize) -> bool {
        let (taken, room) = self.group.waiting(at);
        self.pressures[at].look(taken, room)
    }

    pub(crate) fn tap_unit(&self, at: usize) -> InterfaceId {
        self.taps[at].unit
    }

    /// Reads up to `max` frames of a TAP.
    pub(crate) fn read_tap(&mut self, at: usize, max: usize, out: &mut Vec<Frame>) {
        if !self.scratch.is_empty() {
            return self.read_long(at, max, out);
        }
        while out.len() < max {
            let Some(mut frame) = self.group.umem_mut().take() else { return };
            let room = &mut self.group.umem().chunk_mut(&mut frame)[HEADROOM..];
            match self.taps[at].read(room) {
                Some(len) if frame.place(HEADROOM, len) => out.push(frame),
                Some(_) | None => return self.group.umem_mut().put(frame),
            }
        }
    }

    /// The same where frames may be long.
    fn read_long(&mut self, at: usize, max: usize, out: &mut Vec<Frame>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        while out.len() < max {
            let Some(len) = self.taps[at].read(&mut scratch) else { break };
            // Without memory it is lost as in any full queue: it can't be given back.
            let Some(frame) = self.copy_in(&scratch[..len]) else { break };
            out.push(frame);
        }
        self.scratch = scratch;
    }

    /// Sends a frame where a verdict says.
    pub(crate) fn send(
        &mut self,
        to: Egress,
        mut frame: Frame,
        partial: Option<Partial>,
    ) -> Result<(), DropReason> {
        match to {
            Egress::Port(port) | Egress::Peer(port) => {
                let Some(socket) = self.socket_of.get(port.index()).copied().flatten() else {
                    self.group.umem_mut().put(frame);
                    return Err(DropReason::InterfaceDisabled);
                };
                self.group.transmit(socket, frame, partial).map_err(|frame| {
                    self.group.umem_mut().put(frame);
                    DropReason::TxQueueFull
                })
            }
            Egress::Host(unit) => {
                if let Some(partial) = partial {
                    rewrite::finish(self.group.umem().bytes_mut(&mut frame), partial);
                }
                let tap = self.tap_of.get(unit.index()).copied().flatten();
                let bytes = self.group.umem().bytes(&frame);
                let written = tap.map(|tap| self.taps[tap].write(bytes));
                self.group.umem_mut().put(frame);
                match written {
                    Some(true) => Ok(()),
                    Some(false) => Err(DropReason::TxQueueFull),
                    None => Err(DropReason::InterfaceDisabled),
                }
            }
        }
    }

    /// Sends bytes that are in no frame yet.
    pub(crate) fn send_bytes(
        &mut self,
        to: Egress,
        bytes: &[u8],
        partial: Option<Partial>,
    ) -> Result<(), DropReason> {
        let frame = self.copy_in(bytes).ok_or(DropReason::TxQueueFull)?;
        self.send(to, frame, partial)
    }

    /// Sends a copy for a mirror, if the port and the packet memory have room to spare.
    pub(crate) fn mirror(&mut self, to: PortId, bytes: &[u8]) -> Result<(), MirrorLoss> {
        let socket = self.socket_of.get(to.index()).copied().flatten().ok_or(MirrorLoss::NoBinding)?;
        match self.group.spare(socket, bytes.len()) {
            Spare::Some => {}
            Spare::Reserved => return Err(MirrorLoss::Reserve),
            Spare::Full => return Err(MirrorLoss::Full),
        }
        let frame = self.copy_in(bytes).ok_or(MirrorLoss::NoFrame)?;
        self.group.transmit(socket, frame, None).map_err(|frame| {
            self.group.umem_mut().put(frame);
            MirrorLoss::Full
        })
    }

    /// A frame of our own with these bytes. `None`: no chunk is free.
    pub(crate) fn copy_in(&mut self, bytes: &[u8]) -> Option<Frame> {
        let umem = self.group.umem_mut();
        let mut frame = if bytes.len() > FRAME_LEN_MAX { umem.take_long()? } else { umem.take()? };
        if bytes.len() > LONG_LEN_MAX || !frame.place(HEADROOM, bytes.len()) {
            self.group.umem_mut().put(frame);
            return None;
        }
        self.group.umem().bytes_mut(&mut frame).copy_from_slice(bytes);
        Some(frame)
    }

    /// Everything that wakes the worker.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let sockets = (0..self.group.ports()).map(|port| self.group.fd(port));
        sockets.chain(self.taps.iter().map(AsFd::as_fd))
    }
}

/// For each id, where it stands in the list.
fn positions(ids: impl Iterator<Item = usize>) -> Vec<Option<usize>> {
    let mut table = Vec::new();
    for (at, id) in ids.enumerate() {
        if table.len() <= id {
            table.resize(id + 1, None);
        }
        table[id] = Some(at);
    }
    table
}
