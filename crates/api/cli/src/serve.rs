//! The daemon's side of the socket: one thread and one session a connection, both bounded.

use std::io::{self, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ravelin_ops::wire::{LINE_BYTES_MAX, Request, Response};

use crate::frame::{read_line, write_line};

/// Wait after a failed accept: out of descriptors is not cured by asking again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bounds of one listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections: usize,
    pub line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 64, line_bytes: LINE_BYTES_MAX }
    }
}

/// Who connected, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub uid: u32,
    pub pid: i32,
}

/// One session's side of the conversation.
pub trait Talk {
    fn answer(&mut self, request: Request) -> Response;
}

impl<F: FnMut(Request) -> Response> Talk for F {
    fn answer(&mut self, request: Request) -> Response {
        self(request)
    }
}

/// A connection's place among those allowed.
struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves connections until `stop` is set and one more connection wakes it. `open` begins a session; `None`
/// refuses the peer.
pub fn serve<T: Talk + Send + 'static>(
    listener: &UnixListener,
    limits: Limits,
    stop: &AtomicBool,
    open: impl Fn(Peer) -> Option<T>,
) {
    let live = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = listener.accept();
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok((stream, _)) = accepted else {
            thread::sleep(ACCEPT_PAUSE);
            continue;
        };
        let slot = Slot(Arc::clone(&live));
        if live.fetch_add(1, Ordering::Relaxed) >= limits.connections {
            refuse(stream, "error: too many sessions\n");
            continue;
        }
        let Some(talk) = peer(&stream).ok().and_then(&open) else {
            refuse(stream, "error: permission denied\n");
            continue;
        };
        let work = move || {
            let _slot = slot;
            // A broken connection ends its session; there is nobody left to tell.
            let _ = converse(stream, limits.line_bytes, talk);
        };
        // Without a thread the closure is dropped, and with it the connection and its slot.
        let _ = thread::Builder::new().name("cli-session".to_owned()).spawn(work);
    }
}

fn peer(stream: &UnixStream) -> io::Result<Peer> {
    let credentials = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(Peer { uid: credentials.uid.as_raw(), pid: credentials.pid.as_raw_nonzero().get() })
}

fn refuse(mut stream: UnixStream, why: &str) {
    let response = Response { output: why.to_owned(), error: true, closed: true, ..Response::default() };
    let _ = write_line(&mut stream, &response);
}

fn converse(stream: UnixStream, line_bytes: usize, mut talk: impl Talk) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(line) = read_line(&mut reader, line_bytes)? {
        let response = match serde_json::from_slice(&line) {
            Ok(request) => talk.answer(request),
            Err(error) => {
                let output = format!("error: malformed request: {error}\n");
                Response { output, error: true, closed: true, ..Response::default() }
            }
        };
        write_line(&mut writer, &response)?;
        if response.closed {
            break;
        }
    }
    Ok(())
}
