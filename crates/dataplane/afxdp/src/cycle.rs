//! Link cycles: every queue is let go of, and taken again when the links are back.
//!
//! In between the shim finds no socket and drops. State: none of its own; `Control` knows that ports are closed.

use std::{collections::BTreeSet, sync::mpsc::sync_channel};

use ravelin_engine::Rules;
use ravelin_plane::PortMode;

use crate::{
    layout::Layout,
    worker::Command,
    workers::{ANSWER_MAX, AfxdpError, Control, Inner, Phase},
};

impl Inner {
    pub(crate) fn close_ports(&self) -> Result<(), AfxdpError> {
        let mut control = self.control();
        control.may_change()?;
        control.detach()?;
        control.are_ports_closed = true;
        Ok(())
    }

    /// Devices are looked for by their names again: a link may be another one than before.
    pub(crate) fn open_ports(&self, rules: &Rules) -> Result<Vec<PortMode>, AfxdpError> {
        let mut control = self.control();
        control.may_change()?;
        let layout = Layout::of(rules)?;
        self.install(&mut control, layout)?;
        let kept = control.layout.ports.iter().map(|port| port.ifindex).collect();
        control.ports.retain(|ifindex, _| BTreeSet::contains(&kept, ifindex));
        self.shims.retain(&kept)?;
        control.are_ports_closed = false;
        Ok(control.modes.clone())
    }
}

impl Control {
    fn may_change(&self) -> Result<(), AfxdpError> {
        match self.phase {
            Phase::Own => Ok(()),
            Phase::Giving(_) | Phase::Taking(_) => Err(AfxdpError::HandingOver),
        }
    }

    /// Has every worker close its sockets.
    pub(crate) fn detach(&self) -> Result<(), AfxdpError> {
        for (worker, handle) in (0..).zip(&self.handles) {
            let (done, wait) = sync_channel(1);
            if handle.send(Command::Detach(done))
                && wait.recv_timeout(ANSWER_MAX).is_err()
                && !handle.thread.is_finished()
            {
                return Err(AfxdpError::Worker(worker));
            }
        }
        Ok(())
    }
}
