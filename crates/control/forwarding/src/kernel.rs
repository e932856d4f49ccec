//! The kernel's side: a socket that hears of every change, and whole dumps. State: two netlink sockets and a buffer.
//!
//! While a dump is read, what is heard is put aside, so that the listening socket never waits for it.

use std::io;

use rtnetlink::{
    MulticastGroup,
    sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket, protocols::NETLINK_ROUTE},
};

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};

use crate::message::{DUMP_INTERRUPTED, Heard, Message, Units, dump_request, kind, messages};

/// A datagram of a dump has 32 KiB at most.
const DATAGRAM_MAX: usize = 64 << 10;
/// Bytes of changes that may wait in the kernel; each takes about one KiB of it.
const WAITING_MAX: usize = 64 << 20;
/// Datagrams heard at a time.
const HEARD_MAX: usize = 1024;
/// Changes put aside during a dump; more, and the dump is repeated.
const ASIDE_MAX: usize = 1 << 18;
/// `ENOBUFS`: changes were lost.
const OVERRUN: i32 = 105;

/// Both sockets.
pub(crate) struct Kernel {
    listener: TokioSocket,
    requests: TokioSocket,
    buffer: Vec<u8>,
    sequence: u32,
}

/// What was heard, in order.
#[derive(Default)]
pub(crate) struct Changes {
    pub heard: Vec<Heard>,
    /// Some are missing.
    pub overrun: bool,
}

/// Why a dump could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DumpError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the kernel changed it while it was read")]
    Interrupted,
}

impl Kernel {
    /// Joins the groups; needs a tokio runtime.
    pub(crate) fn open() -> io::Result<Self> {
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Neigh,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv6Route,
        ];
        let mut listener = TokioSocket::new(NETLINK_ROUTE)?;
        grow(&listener)?;
        let mask = groups.iter().fold(0, |mask, group| mask | 1 << (*group as u32 - 1));
        listener.socket_mut().bind(&SocketAddr::new(0, mask))?;
        // Kernels before 5.3 have no next hop objects.
        let _ = listener.socket_mut().add_membership(MulticastGroup::Nexthop as u32);
        let mut requests = TokioSocket::new(NETLINK_ROUTE)?;
        requests.socket_mut().bind(&SocketAddr::new(0, 0))?;
        requests.socket_ref().connect(&SocketAddr::new(0, 0))?;
        Ok(Self { listener, requests, buffer: Vec::with_capacity(DATAGRAM_MAX), sequence: 0 })
    }

    /// Waits for changes and takes those that are there, a bounded number.
    pub(crate) async fn hear(&mut self, units: &Units, into: &mut Changes) -> io::Result<()> {
        self.buffer.clear();
        match self.listener.recv(&mut self.buffer).await {
            Ok(()) => into.take(&self.buffer, units),
            Err(error) => into.overrun |= lost(error)?,
        }
        self.hear_more(units, into)
    }

    /// Takes the changes that are there without waiting for any.
    pub(crate) fn hear_more(&mut self, units: &Units, into: &mut Changes) -> io::Result<()> {
        for _ in 0..HEARD_MAX {
            self.buffer.clear();
            match self.listener.socket_ref().recv(&mut self.buffer, 0) {
                Ok(_) => into.take(&self.buffer, units),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => into.overrun |= lost(error)?,
            }
        }
        Ok(())
    }

    /// Everything of one kind and family, message by message; between datagrams, what is heard goes aside.
    pub(crate) async fn dump(
        &mut self,
        (what, family): (u16, u8),
        mut aside: Option<(&Units, &mut Changes)>,
        mut each: impl FnMut(&Message<'_>),
    ) -> Result<(), DumpError> {
        self.sequence = self.sequence.wrapping_add(1);
        self.requests.send(&dump_request(what, family, self.sequence)).await?;
        let (mut done, mut interrupted) = (false, false);
        while !done {
            self.buffer.clear();
            self.requests.recv(&mut self.buffer).await?;
            for message in messages(&self.buffer) {
                interrupted |= message.flags & DUMP_INTERRUPTED != 0;
                match message.kind {
                    kind::DONE => done = true,
                    kind::ERROR => return Err(io::Error::from_raw_os_error(message.error()).into()),
                    _ => each(&message),
                }
            }
            let Some((units, aside)) = &mut aside else { continue };
            self.hear_more(units, aside)?;
            if aside.heard.len() > ASIDE_MAX {
                aside.heard.clear();
                aside.overrun = true;
            }
        }
        if interrupted { Err(DumpError::Interrupted) } else { Ok(()) }
    }
}

impl Changes {
    fn take(&mut self, datagram: &[u8], units: &Units) {
        self.heard.extend(messages(datagram).filter_map(|message| message.heard(units)));
    }
}

/// Whether an error of the listening socket says that changes were lost; another one is an end.
fn lost(error: io::Error) -> io::Result<bool> {
    match error.raw_os_error() {
        Some(OVERRUN) => Ok(true),
        _ if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        _ => Err(error),
    }
}

/// Room for a burst; without the right to go beyond the system's limit, as much as that allows.
fn grow(socket: &TokioSocket) -> io::Result<()> {
    let socket = socket.socket_ref();
    if set_socket_recv_buffer_size_force(socket, WAITING_MAX).is_err() {
        set_socket_recv_buffer_size(socket, WAITING_MAX)?;
    }
    Ok(())
}
