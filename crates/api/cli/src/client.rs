//! The connection to the daemon: one question, one answer.

use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use ravelin_ops::wire::{LINE_BYTES_MAX, Request, Response};

use crate::frame::{read_line, write_line};

/// Why the daemon does not answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("can't connect to {path}: {cause}")]
    Connect { path: PathBuf, cause: io::Error },
    #[error("connection lost: {0}")]
    Lost(#[from] io::Error),
    #[error("the daemon closed the connection")]
    Closed,
    #[error("the daemon answered nonsense: {0}")]
    Nonsense(#[from] serde_json::Error),
}

/// One session with the daemon.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Client {
    /// # Errors
    /// Nobody serves the socket, or it may not be opened.
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let connect = || -> io::Result<Self> { Self::over(UnixStream::connect(path)?) };
        connect().map_err(|cause| ClientError::Connect { path: path.to_owned(), cause })
    }

    /// A session over a stream that is connected already.
    ///
    /// # Errors
    /// The stream can't be shared between reading and writing.
    pub fn over(stream: UnixStream) -> io::Result<Self> {
        Ok(Self { reader: BufReader::new(stream.try_clone()?), writer: stream })
    }

    /// # Errors
    /// The connection is lost, or the answer is none.
    pub fn ask(&mut self, request: &Request) -> Result<Response, ClientError> {
        write_line(&mut self.writer, request)?;
        let line = read_line(&mut self.reader, LINE_BYTES_MAX)?.ok_or(ClientError::Closed)?;
        Ok(serde_json::from_slice(&line)?)
    }

    /// # Errors
    /// As [`Self::ask`].
    pub fn run(&mut self, line: &str, text: Option<String>) -> Result<Response, ClientError> {
        self.ask(&Request::Run { line: line.to_owned(), text })
    }

    /// Answers what a line asked back.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn answer(&mut self, yes: bool) -> Result<Response, ClientError> {
        self.ask(&Request::Answer { yes })
    }

    /// What came since the last time of output that goes on.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn more(&mut self) -> Result<Response, ClientError> {
        self.ask(&Request::More)
    }

    /// # Errors
    /// As [`Self::ask`].
    pub fn complete(&mut self, line: &str) -> Result<Response, ClientError> {
        self.ask(&Request::Complete { line: line.to_owned() })
    }
}
