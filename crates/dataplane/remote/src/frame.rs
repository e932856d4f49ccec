//! Messages on a stream: a length of four bytes, big-endian, then so many bytes.
//!
//! Every read and write has a deadline for the whole message, so that a peer that trickles is no
//! better off than one that stalls. Memory grows with what has arrived, not with what was promised.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use prost::Message;

/// The longest message either side takes: a full routing table in one batch fits.
pub const MESSAGE_MAX: usize = 64 << 20;

/// How much room is made at a time for what arrives.
const STEP: usize = 64 << 10;

/// Why a message could not be had or sent.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a message of {len} bytes exceeds the limit of {max}")]
    TooLong { len: usize, max: usize },
    /// Between two messages: an orderly end.
    #[error("the connection was closed")]
    Closed,
    #[error("the connection ended within a message")]
    Truncated,
    #[error("no answer in time")]
    Timeout,
    #[error("malformed message: {0}")]
    Malformed(#[from] prost::DecodeError),
    #[error(transparent)]
    Io(io::Error),
}

/// A message as it stands on the stream.
///
/// # Errors
/// It is longer than a peer takes.
pub fn encode(message: &impl Message) -> Result<Vec<u8>, FrameError> {
    let len = message.encoded_len();
    let head = match u32::try_from(len) {
        Ok(head) if len <= MESSAGE_MAX => head,
        _ => return Err(FrameError::TooLong { len, max: MESSAGE_MAX }),
    };
    let mut bytes = Vec::with_capacity(4 + len);
    bytes.extend_from_slice(&head.to_be_bytes());
    if message.encode(&mut bytes).is_err() {
        unreachable!("a vector grows as needed");
    }
    Ok(bytes)
}

/// Sends bytes of [`encode`] before the deadline.
///
/// # Errors
/// The peer takes nothing, or is gone.
pub fn send(mut stream: &UnixStream, mut bytes: &[u8], deadline: Instant) -> Result<(), FrameError> {
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?)).map_err(FrameError::Io)?;
        match stream.write(bytes) {
            Ok(0) => return Err(FrameError::Closed),
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) => retry(error)?,
        }
    }
    Ok(())
}

/// Waits for a message to begin, as long as it takes; the stream is at its end on [`FrameError::Closed`].
pub(crate) fn wait(stream: &UnixStream) -> Result<(), FrameError> {
    stream.set_read_timeout(None).map_err(FrameError::Io)?;
    let mut first = [0];
    loop {
        match rustix::net::recv(stream, &mut first, rustix::net::RecvFlags::PEEK) {
            Ok((_, 0)) => return Err(FrameError::Closed),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(FrameError::Io(error.into())),
        }
    }
}

/// Receives a whole message of at most `max` bytes before the deadline.
///
/// # Errors
/// None came in time, or not one of this kind, or the stream ended.
pub fn receive<M: Message + Default>(
    stream: &UnixStream,
    max: usize,
    deadline: Instant,
) -> Result<M, FrameError> {
    let mut head = [0; 4];
    fill(stream, &mut head, deadline).map_err(|(filled, error)| match error {
        FrameError::Truncated if filled == 0 => FrameError::Closed,
        error => error,
    })?;
    let len = u32::from_be_bytes(head) as usize;
    if len > max {
        return Err(FrameError::TooLong { len, max });
    }
    let mut body = Vec::new();
    while body.len() < len {
        let from = body.len();
        body.resize(len.min(from + STEP), 0);
        fill(stream, &mut body[from..], deadline).map_err(|(_, error)| error)?;
    }
    Ok(M::decode(&body[..])?)
}

/// Fills the buffer; on an error, says how much of it was filled.
fn fill(mut stream: &UnixStream, buffer: &mut [u8], deadline: Instant) -> Result<(), (usize, FrameError)> {
    let mut filled = 0;
    while filled < buffer.len() {
        let at = |error| (filled, error);
        let timeout = left(deadline).map_err(at)?;
        stream.set_read_timeout(Some(timeout)).map_err(|e| at(FrameError::Io(e)))?;
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => return Err(at(FrameError::Truncated)),
            Ok(got) => filled += got,
            Err(error) => retry(error).map_err(at)?,
        }
    }
    Ok(())
}

fn left(deadline: Instant) -> Result<Duration, FrameError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(FrameError::Timeout) } else { Ok(left.max(Duration::from_millis(1))) }
}

/// An interrupted call is made again; a timeout of the socket is ours.
fn retry(error: io::Error) -> Result<(), FrameError> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Err(FrameError::Timeout),
        _ => Err(FrameError::Io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    fn received(bytes: &[u8], max: usize) -> Result<proto::Hello, FrameError> {
        let (near, far) = UnixStream::pair().unwrap();
        send(&near, bytes, soon()).unwrap();
        drop(near);
        receive(&far, max, soon())
    }

    #[test]
    fn a_message_survives_the_round_trip() {
        let hello = proto::Hello { version: 1, epoch: 7, ..Default::default() };
        assert_eq!(received(&encode(&hello).unwrap(), MESSAGE_MAX).unwrap(), hello);
    }

    #[test]
    fn a_promise_beyond_the_limit_is_refused_before_its_bytes_arrive() {
        let error = received(&[0, 1, 0, 0], 1000).unwrap_err();
        assert!(matches!(error, FrameError::TooLong { len: 65_536, max: 1000 }), "{error}");
    }

    #[test]
    fn an_end_between_messages_is_orderly_and_one_within_is_not() {
        assert!(matches!(received(&[], MESSAGE_MAX).unwrap_err(), FrameError::Closed));
        assert!(matches!(received(&[0, 0], MESSAGE_MAX).unwrap_err(), FrameError::Truncated));
        assert!(matches!(received(&[0, 0, 0, 9, 8], MESSAGE_MAX).unwrap_err(), FrameError::Truncated));
    }

    #[test]
    fn a_silent_peer_costs_no_more_than_the_deadline() {
        let (_near, far) = UnixStream::pair().unwrap();
        let deadline = Instant::now() + Duration::from_millis(20);
        let error = receive::<proto::Hello>(&far, MESSAGE_MAX, deadline).unwrap_err();
        assert!(matches!(error, FrameError::Timeout), "{error}");
    }
}
