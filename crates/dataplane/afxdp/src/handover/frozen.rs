//! A worker that stands still: it takes in no packet, lets go of what is on its way to others, and waits.

use std::sync::mpsc::{RecvTimeoutError, SyncSender};

use super::transfer::StateExport;
use crate::{
    group::GroupBook,
    heartbeat::BEAT_PERIOD_MAX,
    umem::BadMemory,
    worker::{Command, Worker, now},
};

/// What a worker knew when it stopped.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) chunks: Vec<Vec<u8>>,
    /// Of its sockets, if it has any.
    pub(crate) book: Result<Option<GroupBook>, BadMemory>,
}

impl Worker {
    /// Passes on and takes in what is between workers; how much there was since the last time.
    pub(crate) fn settle(&mut self) -> usize {
        let handled = self.judge_mail();
        let Self { state, links, .. } = self;
        state.deliver(|to, message| links.tell(to, message));
        links.call();
        if let Some(lane) = &mut self.lane {
            lane.group.flush();
        }
        std::mem::take(&mut self.settled) + handled + usize::from(self.links.has_mail())
    }

    /// Tells what it knows and waits, its heart beating, until it is told to go on.
    pub(crate) fn freeze(&mut self, mut export: Box<dyn StateExport>, reply: &SyncSender<Frozen>) {
        let chunks = export.last(&mut self.state, &self.shared, now());
        let book = self.lane.as_ref().map(|lane| lane.group.book()).transpose();
        // Should the asker be gone, it has also dropped the commands' other end, or said to go on.
        let _ = reply.send(Frozen { chunks, book });
        loop {
            self.beat.now();
            match self.commands.recv_timeout(BEAT_PERIOD_MAX / 2) {
                Ok(Command::Thaw) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(_) => unreachable!("the giver holds the lock under which every other command is sent"),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        self.still = false;
    }
}
