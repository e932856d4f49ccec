//! Announcements of addresses, sent behind the commit that changed them.
//!
//! Twice, two seconds apart (RFC 5227 2.3): the first may come before the packet process has the new program or its link is up.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use ravelin_host::{Announced, Announcement, LinkSocket};

/// Commits whose announcements may wait.
const WAITING_MAX: usize = 64;
/// From a commit to its announcements, the first and the second.
const DELAYS: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(2500)];
/// Frames sent in a row, and the pause behind them: a TAP's queue holds some hundreds.
const BURST: usize = 32;
const PAUSE: Duration = Duration::from_millis(2);

/// What a commit changed, and all that is so since then.
type Change = (Vec<Announcement>, Announced);

/// The way to the thread that sends.
pub struct Announcer(SyncSender<Change>);

impl Announcer {
    pub fn start() -> Self {
        let (send, receive) = sync_channel(WAITING_MAX);
        std::thread::spawn(move || run(&receive));
        Self(send)
    }

    /// Nobody waits for it.
    pub fn announce(&self, what: Vec<Announcement>, all: &Announced) {
        if self.0.try_send((what, all.clone())).is_err() {
            tracing::warn!("Commits come too fast: neighbours are not told of some addresses.");
        }
    }
}

fn run(receive: &Receiver<Change>) {
    let mut due: Vec<(Instant, Vec<Announcement>)> = Vec::new();
    let mut all = Announced::default();
    loop {
        let next = due.iter().map(|(at, _)| *at).min();
        let wait = next.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
        match receive.recv_timeout(wait) {
            Ok((what, since)) => {
                all = since;
                let now = Instant::now();
                due.extend(DELAYS.map(|delay| (now + delay, what.clone())));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        // What another commit has taken away meanwhile may be another station's by now.
        for (_, what) in due.extract_if(.., |(at, _)| *at <= now) {
            let what: Vec<_> = what.into_iter().filter(|announcement| all.holds(announcement)).collect();
            if !what.is_empty() {
                send(&what);
            }
        }
    }
}

fn send(what: &[Announcement]) {
    let socket = match LinkSocket::open() {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!(%error, "Neighbours can't be told of addresses.");
            return;
        }
    };
    for burst in what.chunks(BURST) {
        for announcement in burst {
            let Announcement { tap, address, .. } = announcement;
            if let Err(error) = socket.send(tap, &announcement.frame()) {
                tracing::debug!(%error, tap, %address, "Neighbours are not told of an address.");
            }
        }
        std::thread::sleep(PAUSE);
    }
}
