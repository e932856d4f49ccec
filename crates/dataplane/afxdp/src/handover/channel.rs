//! The conversation between two processes of one user: messages, and descriptors beside single bytes.
//!
//! Every wait has a deadline. State: the stream.

use std::{
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use ravelin_remote::frame::{self, FrameError};
use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, recvmsg, sendmsg, sockopt,
    },
    process::geteuid,
};

use super::proto::{self, message::Step};

/// Descriptors that travel with one byte.
const FDS_A_BYTE: usize = 64;
/// Descriptors of one hand-over: 64 workers with 64 ports and TAPs each.
pub(super) const FDS_MAX: usize = 64 * 129;
/// The longest message: a section of policies, or routes.
const MESSAGE_MAX: usize = frame::MESSAGE_MAX;

/// What went wrong between the two.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    #[error("the peer is a process of user {0}")]
    Stranger(u32),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("pass descriptors: {0}")]
    Descriptors(Errno),
    #[error("the peer passed {0} descriptors too few")]
    TooFew(usize),
    #[error("the peer said {said} where {wanted} was due")]
    Unexpected { said: &'static str, wanted: &'static str },
    #[error("the peer gave up: {0}")]
    Aborted(String),
}

/// One end.
#[derive(Debug)]
pub(super) struct Channel(UnixStream);

impl Channel {
    /// # Errors
    /// The peer is another user's.
    pub(super) fn new(stream: UnixStream) -> Result<Self, ChannelError> {
        let peer = sockopt::socket_peercred(&stream).map_err(ChannelError::Descriptors)?;
        if peer.uid != geteuid() {
            return Err(ChannelError::Stranger(peer.uid.as_raw()));
        }
        Ok(Self(stream))
    }

    pub(super) fn stream(&self) -> &UnixStream {
        &self.0
    }

    pub(super) fn send_bare(
        &self,
        message: &impl prost::Message,
        within: Duration,
    ) -> Result<(), ChannelError> {
        Ok(frame::send(&self.0, &frame::encode(message)?, Instant::now() + within)?)
    }

    pub(super) fn receive_bare<M: prost::Message + Default>(
        &self,
        max: usize,
        within: Duration,
    ) -> Result<M, ChannelError> {
        Ok(frame::receive(&self.0, max, Instant::now() + within)?)
    }

    pub(super) fn send(&self, step: Step, within: Duration) -> Result<(), ChannelError> {
        self.send_bare(&proto::Message { step: Some(step) }, within)
    }

    /// The peer's next word. That it gave up is an error.
    pub(super) fn receive(&self, within: Duration) -> Result<Step, ChannelError> {
        let message: proto::Message = self.receive_bare(MESSAGE_MAX, within)?;
        match message.step {
            Some(Step::Abort(why)) => Err(ChannelError::Aborted(why)),
            Some(step) => Ok(step),
            None => Err(ChannelError::Unexpected { said: "nothing known here", wanted: "a step" }),
        }
    }

    /// Tells the peer that nothing comes of it; one that is gone needs no telling.
    pub(super) fn abort(&self, why: &str) {
        let _ = self.send(Step::Abort(why.into()), Duration::from_millis(100));
    }

    pub(super) fn send_fds(&self, fds: &[BorrowedFd<'_>]) -> Result<(), ChannelError> {
        for part in fds.chunks(FDS_A_BYTE) {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_A_BYTE))];
            let mut beside = SendAncillaryBuffer::new(&mut space);
            let fits = beside.push(SendAncillaryMessage::ScmRights(part));
            debug_assert!(fits, "there is space for as many as a part has");
            let byte = [IoSlice::new(b"F")];
            sendmsg(self.0.as_fd(), &byte, &mut beside, SendFlags::NOSIGNAL)
                .map_err(ChannelError::Descriptors)?;
        }
        Ok(())
    }

    /// As many descriptors as were announced.
    pub(super) fn receive_fds(&self, count: usize, within: Duration) -> Result<Vec<OwnedFd>, ChannelError> {
        let failed = |error: std::io::Error| ChannelError::Frame(FrameError::Io(error));
        self.0.set_read_timeout(Some(within)).map_err(failed)?;
        let mut fds = Vec::new();
        while fds.len() < count.min(FDS_MAX) {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_A_BYTE))];
            let mut beside = RecvAncillaryBuffer::new(&mut space);
            let mut byte = [0];
            let mut room = [IoSliceMut::new(&mut byte)];
            let got = recvmsg(self.0.as_fd(), &mut room, &mut beside, RecvFlags::CMSG_CLOEXEC);
            let before = fds.len();
            for message in beside.drain() {
                if let RecvAncillaryMessage::ScmRights(rights) = message {
                    fds.extend(rights);
                }
            }
            match got {
                Err(Errno::INTR) => {}
                Err(errno) => return Err(ChannelError::Descriptors(errno)),
                Ok(_) if fds.len() == before => return Err(ChannelError::TooFew(count - before)),
                Ok(_) => {}
            }
        }
        if fds.len() == count { Ok(fds) } else { Err(ChannelError::TooFew(count.abs_diff(fds.len()))) }
    }
}

/// A step's name, for messages about a wrong one.
pub(super) const fn name(step: &Step) -> &'static str {
    match step {
        Step::Plane(_) => "plane",
        Step::Program(_) => "program",
        Step::Body(_) => "body",
        Step::Updates(_) => "updates",
        Step::Stand(_) => "stand",
        Step::Chunk(_) => "chunk",
        Step::Copied(_) => "copied",
        Step::Last(_) => "last",
        Step::Go(_) => "go",
        Step::Prepared(_) => "prepared",
        Step::Imported(_) => "imported",
        Step::Taken(_) => "taken",
        Step::Abort(_) => "abort",
    }
}

/// The step was not the one due.
pub(super) const fn odd(step: &Step, wanted: &'static str) -> ChannelError {
    ChannelError::Unexpected { said: name(step), wanted }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn pair() -> (Channel, Channel) {
        let (one, two) = UnixStream::pair().unwrap();
        (Channel::new(one).unwrap(), Channel::new(two).unwrap())
    }

    #[test]
    fn more_descriptors_than_one_byte_carries_arrive_in_order_between_messages() {
        let (one, two) = pair();
        let files: Vec<_> = (0..150).map(|_| UnixStream::pair().unwrap()).collect();
        let fds: Vec<_> = files.iter().map(|(end, _)| end.as_fd()).collect();
        one.send(Step::Copied(proto::Empty {}), SOON).unwrap();
        one.send_fds(&fds).unwrap();
        one.send(Step::Go(proto::Empty {}), SOON).unwrap();
        assert_eq!(name(&two.receive(SOON).unwrap()), "copied");
        let got = two.receive_fds(150, SOON).unwrap();
        assert_eq!(name(&two.receive(SOON).unwrap()), "go");
        for (n, (fd, (_, far))) in got.into_iter().zip(&files).enumerate() {
            UnixStream::from(fd).write_all(&[n as u8]).unwrap();
            let (mut byte, mut far) = ([0], far);
            far.read_exact(&mut byte).unwrap();
            assert_eq!(byte, [n as u8]);
        }
    }

    #[test]
    fn too_few_descriptors_and_a_peer_that_gives_up_are_errors() {
        let (one, two) = pair();
        one.send_fds(&[one.stream().as_fd()]).unwrap();
        one.abort("no room");
        assert!(matches!(two.receive_fds(2, SOON), Err(ChannelError::TooFew(1))));
        let (one, two) = pair();
        one.abort("no room");
        assert!(matches!(two.receive(SOON), Err(ChannelError::Aborted(why)) if why == "no room"));
        drop(one);
        assert!(matches!(two.receive(SOON), Err(ChannelError::Frame(FrameError::Closed))));
    }
}
