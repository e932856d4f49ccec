//! One connection: the Hello, then requests and their answers.

use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use ravelin_contract::Error;
use ravelin_program::proto::Manifest;
use ravelin_program::{Digest, Program};
use ravelin_types::Generation;

use super::ConnectError;
use crate::convert::Wire;
use crate::frame::{self, FrameError, MESSAGE_MAX};
use crate::hello::{self, HELLO_MAX};
use crate::proto::response::Answer;
use crate::proto::{self, Response};

/// A connection on which both sides have said Hello.
pub(super) struct Link {
    stream: UnixStream,
    pub(super) epoch: u64,
    /// The peer knows what was offered last.
    knows_offers: bool,
    /// What that was.
    offered: Cell<Option<(Generation, Digest)>>,
}

/// How an exchange failed.
pub(super) enum LinkError {
    /// The peer answered by an error; the connection is whole.
    Answered(Error),
    /// The peer is gone: nobody knows whether it did what it was asked.
    Broken(FrameError),
    /// The peer is there and late, or speaks nonsense; asking again would not help.
    Useless(Error),
}

impl From<Error> for LinkError {
    fn from(error: Error) -> Self {
        Self::Answered(error)
    }
}

impl From<LinkError> for Error {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Answered(error) | LinkError::Useless(error) => error,
            LinkError::Broken(error) => Self::Unreachable(error.to_string()),
        }
    }
}

impl From<FrameError> for LinkError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Closed | FrameError::Truncated | FrameError::Io(_) => Self::Broken(error),
            FrameError::Timeout => Self::Useless(Error::Unreachable(error.to_string())),
            FrameError::TooLong { .. } | FrameError::Malformed(_) => {
                Self::Useless(Error::Protocol(error.to_string()))
            }
        }
    }
}

impl Link {
    pub(super) fn connect(path: &Path, timeout: Duration) -> Result<Self, ConnectError> {
        let unreachable = |error| ConnectError::Unreachable { path: path.to_owned(), error };
        let stream = UnixStream::connect(path).map_err(unreachable)?;
        let deadline = Instant::now() + timeout;
        // A server without room answers before it reads: its words count, not our failure to send.
        let sent = frame::send(&stream, &frame::encode(&hello::of_client())?, deadline);
        let theirs = match frame::receive::<proto::Hello>(&stream, HELLO_MAX, deadline) {
            Ok(theirs) => theirs,
            Err(error) => return Err(sent.err().unwrap_or(error).into()),
        };
        if theirs.version != hello::VERSION {
            hello::accept(&theirs)?;
        }
        if let Some(refusal) = theirs.refusal {
            let refusal = Error::from_message(refusal).unwrap_or_else(Error::from);
            return Err(ConnectError::Refused(refusal));
        }
        hello::accept(&theirs)?;
        hello::suffices(&theirs)?;
        let knows_offers = theirs.capabilities.iter().any(|word| word == hello::OFFERED_AGAIN);
        Ok(Self { stream, epoch: theirs.epoch, knows_offers, offered: Cell::new(None) })
    }

    /// The manifest to offer a program by: what the peer has in mind already is not said again.
    pub(super) fn offer(&self, program: &Program) -> Manifest {
        let generation = program.generation;
        let offer = Some((generation, program.digest()));
        if self.offered.replace(offer) == offer && self.knows_offers {
            return Manifest { generation: generation.0, ..Manifest::default() };
        }
        program.manifest().to_proto()
    }

    /// Sends a request and waits for its answer.
    pub(super) fn exchange(&self, id: u64, request: &[u8], timeout: Duration) -> Result<Answer, LinkError> {
        let deadline = Instant::now() + timeout;
        frame::send(&self.stream, request, deadline)?;
        self.answer(id, deadline)
    }

    /// The next answer to a request.
    pub(super) fn answer(&self, id: u64, deadline: Instant) -> Result<Answer, LinkError> {
        let response: Response = frame::receive(&self.stream, MESSAGE_MAX, deadline)?;
        let useless = |text: &str| LinkError::Useless(Error::Protocol(text.to_owned()));
        match (response.id, response.answer) {
            (_, None) => Err(useless("an answer of an unknown kind")),
            (0, Some(Answer::Error(error))) => {
                Err(LinkError::Useless(Error::from_message(error).unwrap_or_else(Error::from)))
            }
            (other, Some(_)) if other != id => Err(useless("an answer to another request")),
            (_, Some(Answer::Error(error))) => {
                Err(LinkError::Answered(Error::from_message(error).unwrap_or_else(Error::from)))
            }
            (_, Some(answer)) => Ok(answer),
        }
    }
}
