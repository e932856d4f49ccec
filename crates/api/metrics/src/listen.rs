//! Sockets that are bound before a commit, and listen after it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::sockopt;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};

/// Connections that the kernel may hold until they are accepted.
const BACKLOG: i32 = 16;

/// A port that is ours and answers nobody yet.
#[derive(Debug)]
pub struct Bound {
    pub addr: SocketAddr,
    socket: OwnedFd,
}

/// Which addresses may be bound that the machine does not have: those that the same commit gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Here,
    /// It will be.
    Promised,
}

/// Who else may be bound to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    None,
    WithThePast,
    WithOurselves,
}

fn taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

impl Bound {
    /// Binds an address. Where that clashes with one of `ours`, such as of another address and the same port, both may have it.
    ///
    /// # Errors
    /// The system's: taken, or not an address of this machine.
    pub fn new(addr: SocketAddr, presence: Presence, ours: &[&TcpListener]) -> io::Result<Self> {
        // Alone at first: nobody else can have it then. Connections that ended a moment ago may stand in the way.
        let alone = Self::bind(addr, presence, Sharing::None);
        let first = match alone {
            Err(error) if taken(&error) => Self::bind(addr, presence, Sharing::WithThePast),
            done => done,
        };
        match first {
            Err(error) if taken(&error) => {
                let same = |held: &&&TcpListener| held.local_addr().is_ok_and(|a| a.port() == addr.port());
                let mut clashing = ours.iter().filter(same).peekable();
                if clashing.peek().is_none() {
                    return Err(error);
                }
                for held in clashing {
                    sockopt::set_socket_reuseport(held, true)?;
                }
                Self::bind(addr, presence, Sharing::WithOurselves)
            }
            done => done,
        }
    }

    fn bind(addr: SocketAddr, presence: Presence, sharing: Sharing) -> io::Result<Self> {
        let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        let own = socket.as_fd();
        sockopt::set_socket_reuseaddr(own, sharing != Sharing::None)?;
        sockopt::set_socket_reuseport(own, sharing == Sharing::WithOurselves)?;
        if addr.is_ipv6() {
            // IPv4 has a listener of its own.
            sockopt::set_ipv6_v6only(own, true)?;
        }
        match (presence, addr) {
            (Presence::Here, _) => {}
            (Presence::Promised, SocketAddr::V4(_)) => sockopt::set_ip_freebind(own, true)?,
            (Presence::Promised, SocketAddr::V6(_)) => sockopt::set_ipv6_freebind(own, true)?,
        }
        bind(own, &addr)?;
        Ok(Self { addr, socket })
    }

    /// Begins to take connections.
    ///
    /// # Errors
    /// The system's.
    pub fn listen(&self) -> io::Result<TcpListener> {
        listen(&self.socket, BACKLOG)?;
        // What its connections leave behind must not stand in its successor's way.
        sockopt::set_socket_reuseaddr(&self.socket, true)?;
        Ok(TcpListener::from(self.socket.try_clone()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(text: &str) -> TcpListener {
        TcpListener::bind(text).unwrap()
    }

    #[test]
    fn a_port_that_another_program_has_is_refused() {
        let other = any("127.0.0.1:0");
        let addr = other.local_addr().unwrap();
        assert_eq!(Bound::new(addr, Presence::Here, &[]).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        // That we hold another port doesn't help.
        let ours = any("127.0.0.1:0");
        let refused = Bound::new(addr, Presence::Here, &[&ours]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn our_own_port_is_bound_again_under_a_wider_address() {
        let first = Bound::new("127.0.0.1:0".parse().unwrap(), Presence::Here, &[]).unwrap();
        let ours = first.listen().unwrap();
        let wide = SocketAddr::new("0.0.0.0".parse().unwrap(), ours.local_addr().unwrap().port());
        let second = Bound::new(wide, Presence::Here, &[&ours]).unwrap();
        second.listen().unwrap();
    }

    #[test]
    fn an_address_that_is_not_here_is_bound_when_it_is_promised() {
        let addr = "192.0.2.77:0".parse().unwrap();
        let refused = Bound::new(addr, Presence::Here, &[]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrNotAvailable);
        Bound::new(addr, Presence::Promised, &[]).unwrap().listen().unwrap();
    }
}
