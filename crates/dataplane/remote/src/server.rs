//! The server: a plane behind a socket.
//!
//! One thread accepts, one a connection answers. Nothing a client sends reaches the plane but whole,
//! decoded calls; a client that speaks nonsense loses its connection and nothing else. State: the
//! open connections and the chunks of the last programs.

mod answer;
mod connection;
mod parts;
mod programs;

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ravelin_contract::DataPlane;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Uid;

use connection::Connection;
use programs::ChunkCache;

/// How many clients are served at a time; one more is told so and let go.
pub const CONNECTIONS_MAX: usize = 64;

/// How long to rest when no connection can be accepted (out of descriptors).
const REST: Duration = Duration::from_millis(100);

/// A running server; dropped or stopped, it closes its connections and waits for its threads.
pub struct Server {
    shared: Arc<Shared>,
    /// The far end ends the accept loop when it is shut down.
    wake: UnixStream,
    acceptor: Option<JoinHandle<()>>,
}

/// Serves one client on a stream of its own, in the caller's thread, until it leaves or misbehaves.
pub fn converse(plane: &Arc<dyn DataPlane>, stream: UnixStream) {
    Connection::new(plane, &Mutex::default(), stream).run();
}

/// What the threads of a server have in common.
struct Shared {
    plane: Arc<dyn DataPlane>,
    cache: Mutex<ChunkCache>,
    open: Mutex<Open>,
    stopping: AtomicBool,
}

/// The open connections, so that they can be shut down, and their threads.
#[derive(Default)]
struct Open {
    next: u64,
    streams: HashMap<u64, UnixStream>,
    threads: HashMap<u64, JoinHandle<()>>,
}

impl Server {
    /// Serves a plane until stopped.
    ///
    /// # Errors
    /// The listener can't be watched or the thread can't be had.
    pub fn serve(listener: UnixListener, plane: Arc<dyn DataPlane>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let (wake, woken) = UnixStream::pair()?;
        let shared = Arc::new(Shared {
            plane,
            cache: Mutex::default(),
            open: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        let acceptor = thread::Builder::new()
            .name("remote-accept".into())
            .spawn(move || accepting.accept(&listener, &woken))?;
        Ok(Self { shared, wake, acceptor: Some(acceptor) })
    }

    /// Closes the socket and every connection; returns when no thread of the server runs any more.
    pub fn stop(mut self) {
        self.end();
    }

    /// Waits until the server ends.
    pub fn wait(mut self) {
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.open().streams.len()
    }

    fn end(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        let _ = self.wake.shutdown(Shutdown::Both);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        let threads: Vec<_> = {
            let mut open = self.shared.open();
            for stream in open.streams.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
            open.threads.drain().map(|(_, thread)| thread).collect()
        };
        for thread in threads {
            // A thread that panicked has closed its connection already.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &UnixListener, woken: &UnixStream) {
        while !self.stopping.load(Ordering::Acquire) {
            let mut fds = [PollFd::new(listener, PollFlags::IN), PollFd::new(woken, PollFlags::IN)];
            if let Err(error) = poll(&mut fds, None)
                && error != rustix::io::Errno::INTR
            {
                tracing::error!(%error, "The dataplane socket can't be watched.");
                return;
            }
            match listener.accept() {
                Ok((stream, _)) => self.admit(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    tracing::warn!(%error, "A connection to the dataplane could not be accepted.");
                    thread::sleep(REST);
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: UnixStream) {
        let own = rustix::process::geteuid();
        let peer = rustix::net::sockopt::socket_peercred(&stream).map(|peer| peer.uid);
        if !peer.is_ok_and(|peer| may_call(own, peer)) {
            return tracing::warn!(?peer, "Another user called the dataplane and was turned away.");
        }
        let admitted = stream.set_nonblocking(false).and_then(|()| stream.try_clone());
        let kept = match admitted {
            Ok(kept) => kept,
            Err(error) => return tracing::warn!(%error, "A connection to the dataplane was lost."),
        };
        let mut open = self.open();
        if open.streams.len() >= CONNECTIONS_MAX {
            drop(open);
            tracing::warn!(max = CONNECTIONS_MAX, "Too many connections to the dataplane.");
            return connection::turn_away(&stream);
        }
        let id = open.next;
        open.next += 1;
        open.streams.insert(id, kept);
        let shared = self.clone();
        let serve = move || {
            let _open = Guard { shared: &shared, id };
            Connection::new(&shared.plane, &shared.cache, stream).run();
        };
        match thread::Builder::new().name(format!("remote-{id}")).spawn(serve) {
            Ok(thread) => {
                open.threads.insert(id, thread);
            }
            Err(error) => {
                open.streams.remove(&id);
                tracing::warn!(%error, "No thread for a connection to the dataplane.");
            }
        }
    }

    /// A panic elsewhere leaves the maps whole: every change to them is one call.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a user may call a plane of another: the file's mode says so already, and this where the file was moved or changed.
fn may_call(own: Uid, peer: Uid) -> bool {
    peer == own || peer.is_root()
}

/// Forgets a connection when its thread ends, however it ends.
struct Guard<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut open = self.shared.open();
        if let Some(stream) = open.streams.remove(&self.id) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        open.threads.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_user_and_root_may_call_a_plane() {
        let [root, own, other] = [Uid::ROOT, Uid::from_raw(7), Uid::from_raw(8)];
        assert!(may_call(own, own) && may_call(own, root) && may_call(root, root));
        assert!(!may_call(own, other) && !may_call(root, other));
    }
}
