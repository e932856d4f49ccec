//! The client: a `DataPlane` whose packets are moved by another process.
//!
//! One connection carries all calls but walks over sessions, which have one each, so that a visitor
//! may call back. Every call has a deadline. A call that only reads is made again once when the
//! connection turns out to be broken; any other answers [`Error::Unreachable`], since nobody knows
//! whether it was done, and the next call connects anew. State: the connection, counters of what was
//! sent.

mod link;
mod plane;
mod sessions;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ravelin_contract::Error;
use ravelin_program::Program;

use crate::frame;
use crate::hello::HelloError;
use crate::proto::request::Call;
use crate::proto::response::Answer;
use crate::proto::{self, Request};
use link::{Link, LinkError};

/// Calls that take over ports or build lookup structures may take so many times the timeout.
const HEAVY: u32 = 12;

/// Bytes of chunks sent in one message, a single larger chunk aside.
const UPLOAD: usize = 4 << 20;

/// Routes, neighbours or keys of sessions in one message; a call that says more is made in several.
const PART: usize = 256 << 10;

/// A plane in another process.
pub struct Client {
    path: PathBuf,
    timeout: Duration,
    link: Mutex<Option<Link>>,
    closed: AtomicBool,
    epoch: AtomicU64,
    next_id: AtomicU64,
    chunks_sent: AtomicU64,
    bytes_sent: AtomicU64,
}

/// What a client has sent so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Chunks of programs that the peer lacked.
    pub chunks: u64,
    /// Bytes of all requests.
    pub bytes: u64,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("`{}`: {error}", path.display())]
    Unreachable { path: PathBuf, error: std::io::Error },
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// The server's own words.
    #[error("the packet process refused the connection: {0}")]
    Refused(Error),
    #[error("no usable Hello: {0}")]
    Frame(#[from] frame::FrameError),
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Hello(error) => Self::Protocol(error.to_string()),
            error
            @ (ConnectError::Unreachable { .. } | ConnectError::Refused(_) | ConnectError::Frame(_)) => {
                Self::Unreachable(error.to_string())
            }
        }
    }
}

/// Whether a call may be made a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// It reads, or twice is as good as once.
    Safe,
    Never,
}

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    Light,
    Heavy,
}

impl Client {
    /// Connects to the server at a path; `timeout` bounds every call.
    ///
    /// # Errors
    /// Nobody serves there, or the two sides don't understand each other.
    pub fn connect(path: &Path, timeout: Duration) -> Result<Self, ConnectError> {
        let link = Link::connect(path, timeout)?;
        Ok(Self {
            path: path.to_owned(),
            timeout,
            epoch: AtomicU64::new(link.epoch),
            link: Mutex::new(Some(link)),
            closed: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
            chunks_sent: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
        })
    }

    /// The epoch of the plane at the other end of the last connection: another number, another plane,
    /// which wants its program and its updates again.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    #[must_use]
    pub fn traffic(&self) -> Traffic {
        Traffic {
            chunks: self.chunks_sent.load(Ordering::Relaxed),
            bytes: self.bytes_sent.load(Ordering::Relaxed),
        }
    }

    /// Makes one call.
    fn call(&self, call: Call, repeat: Repeat, effort: Effort) -> Result<Answer, Error> {
        let (id, bytes) = self.request(call)?;
        self.with_link(repeat, |link| self.exchange(link, (id, &bytes), effort))
    }

    fn request(&self, call: Call) -> Result<(u64, Vec<u8>), Error> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let bytes = frame::encode(&Request { id, call: Some(call) });
        Ok((id, bytes.map_err(|error| Error::Backend(error.to_string()))?))
    }

    fn exchange(&self, link: &Link, (id, bytes): (u64, &[u8]), effort: Effort) -> Result<Answer, LinkError> {
        self.bytes_sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let timeout = match effort {
            Effort::Light => self.timeout,
            Effort::Heavy => self.timeout * HEAVY,
        };
        link.exchange(id, bytes, timeout)
    }

    /// Runs a conversation on the connection, which is made when there is none and given up when it
    /// breaks.
    fn with_link<T>(
        &self,
        repeat: Repeat,
        converse: impl Fn(&Link) -> Result<T, LinkError>,
    ) -> Result<T, Error> {
        let mut slot = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let mut again = repeat == Repeat::Safe;
        loop {
            let link = match slot.take() {
                Some(link) => link,
                None => self.open()?,
            };
            match converse(&link) {
                Ok(value) => {
                    *slot = Some(link);
                    return Ok(value);
                }
                Err(LinkError::Answered(error)) => {
                    *slot = Some(link);
                    return Err(error);
                }
                Err(LinkError::Broken(_)) if again => again = false,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn open(&self) -> Result<Link, Error> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Unreachable("the connection was closed from this side".into()));
        }
        let link = Link::connect(&self.path, self.timeout)?;
        if self.epoch.swap(link.epoch, Ordering::AcqRel) != link.epoch {
            tracing::info!(epoch = link.epoch, "Another dataplane answers.");
        }
        Ok(link)
    }

    /// Hands a program over, only as much of it as the peer lacks, and makes the call on it. The
    /// connection is held for the whole of it: an offer is a matter between two.
    fn hand_over(
        &self,
        program: &Program,
        call: fn(ravelin_program::proto::Manifest) -> Call,
        repeat: Repeat,
    ) -> Result<Answer, Error> {
        let offer = |link: &Link| {
            let (id, offer) = self.request(call(link.offer(program)))?;
            self.exchange(link, (id, &offer), Effort::Heavy)
        };
        self.with_link(repeat, |link| match offer(link)? {
            Answer::Missing(missing) => {
                self.upload(link, program, &missing)?;
                match offer(link)? {
                    Answer::Missing(_) => {
                        let text = "it lacks chunks that it was sent";
                        Err(LinkError::Answered(Error::Protocol(text.into())))
                    }
                    answer => Ok(answer),
                }
            }
            answer => Ok(answer),
        })
    }

    /// Makes a call that is never repeated after what of it does not fit into its message. The connection is held for
    /// the whole of it: parts belong to the call that follows them.
    fn in_parts(&self, parts: impl Iterator<Item = Call>, last: Call) -> Result<Answer, Error> {
        let parts = parts.map(|part| self.request(part)).collect::<Result<Vec<_>, _>>()?;
        let (id, last) = self.request(last)?;
        self.with_link(Repeat::Never, |link| {
            for (id, part) in &parts {
                // Whatever goes wrong: the parts that the peer has must not be taken for those of a later call.
                match self.exchange(link, (*id, part), Effort::Heavy) {
                    Ok(Answer::Done(_)) => {}
                    Ok(_) => return Err(LinkError::Useless(odd("a part"))),
                    Err(LinkError::Answered(error)) => return Err(LinkError::Useless(error)),
                    Err(error) => return Err(error),
                }
            }
            self.exchange(link, (id, &last), Effort::Heavy)
        })
    }

    fn upload(&self, link: &Link, program: &Program, missing: &proto::Missing) -> Result<(), LinkError> {
        let mut wanted: HashSet<_> = missing.digests.iter().map(Vec::as_slice).collect();
        let mut batch = Vec::new();
        let mut room = UPLOAD;
        for (_, digest, chunk) in program.chunks() {
            // Two chunks of one content are sent once.
            if !wanted.remove(&digest.0[..]) {
                continue;
            }
            let body = chunk.encode();
            if body.len() > room && !batch.is_empty() {
                self.send_chunks(link, std::mem::take(&mut batch))?;
                room = UPLOAD;
            }
            room = room.saturating_sub(body.len());
            batch.push(proto::ChunkBody { digest: digest.0.to_vec(), body });
        }
        self.send_chunks(link, batch)
    }

    fn send_chunks(&self, link: &Link, chunks: Vec<proto::ChunkBody>) -> Result<(), LinkError> {
        let count = chunks.len() as u64;
        let (id, bytes) = self.request(Call::Chunks(proto::Chunks { chunks }))?;
        self.exchange(link, (id, &bytes), Effort::Heavy)?;
        self.chunks_sent.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }
}

/// The answer was of another kind than the call has.
fn odd(call: &'static str) -> Error {
    Error::Protocol(format!("an answer of another kind to `{call}`"))
}
