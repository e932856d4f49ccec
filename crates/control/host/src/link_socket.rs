//! A socket that sends whole frames on a device of this network namespace.
#![allow(unsafe_code)]

use std::os::fd::OwnedFd;

use rustix::io;
use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, netdevice, sendto, socket_with};

/// Sends frames; receives none.
#[derive(Debug)]
pub struct LinkSocket(OwnedFd);

impl LinkSocket {
    /// # Errors
    /// Raw sockets are not to be had.
    pub fn open() -> io::Result<Self> {
        // Without a protocol nothing is received.
        socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None).map(Self)
    }

    /// # Errors
    /// There is no such device, or it takes no frames.
    pub fn send(&self, device: &str, frame: &[u8]) -> io::Result<()> {
        let index = netdevice::name_to_index(&self.0, device)?;
        sendto(&self.0, frame, SendFlags::DONTWAIT, &LinkAddress::of(index)).map(|_| ())
    }
}

/// `struct sockaddr_ll`.
#[repr(C)]
struct LinkAddress {
    family: u16,
    protocol: u16,
    index: i32,
    hardware: u16,
    kind: u8,
    length: u8,
    address: [u8; 8],
}

const _: () = assert!(size_of::<LinkAddress>() == 20);

impl LinkAddress {
    fn of(index: u32) -> Self {
        let family = AddressFamily::PACKET.as_raw();
        Self { family, protocol: 0, index: index as i32, hardware: 0, kind: 0, length: 0, address: [0; 8] }
    }
}

// SAFETY: the pointer is that of a whole `struct sockaddr_ll`, readable for the length given while `f` runs.
unsafe impl SocketAddrArg for LinkAddress {
    unsafe fn with_sockaddr<R>(&self, f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R) -> R {
        f((&raw const *self).cast(), size_of::<Self>() as SocketAddrLen)
    }
}
