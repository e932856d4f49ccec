//! The far end of a device: whole frames in and out by a packet socket, tags where they were on the wire.
//!
//! The kernel takes the first tag off before a packet socket sees the frame, and tells of it beside the frame: it is put
//! back here. What the kernel itself sends on the device is not shown.
#![allow(unsafe_code)]

use std::{
    io, mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use rustix::net::{AddressFamily, SocketType, netdevice};

/// Longer than any frame of a port with an MTU of 1500.
const FRAME_MAX: usize = 4096;
/// Bytes of the two Ethernet addresses; the tag follows them.
const MACS: usize = 12;
/// `PACKET_IGNORE_OUTGOING` of `linux/if_packet.h`.
const PACKET_IGNORE_OUTGOING: i32 = 23;
const VLAN_VALID: u32 = 1 << 4;
const CHECKSUM_UNFINISHED: u32 = 1 << 3;

/// A packet socket on one device.
#[derive(Debug)]
pub struct Wire(OwnedFd);

/// Room for what the kernel tells beside a frame, laid out as it wants it.
#[repr(C, align(8))]
struct Beside([u8; 64]);

impl Wire {
    /// # Errors
    /// No such device, or no right to a packet socket.
    pub fn open(device: &str) -> io::Result<Self> {
        let any = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
        let index = netdevice::name_to_index(&any, device)?;
        let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // Protocol 0: nothing comes before the socket is bound to its device.
        // SAFETY: socket(2) takes numbers alone.
        let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        checked(fd as isize)?;
        // SAFETY: the descriptor was just made and nobody else has it.
        let wire = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        for option in [libc::PACKET_AUXDATA, libc::PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING] {
            wire.switch_on(option)?;
        }
        let address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as u16,
            sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
            sll_ifindex: index as i32,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        let len = size_of_val(&address) as u32;
        // SAFETY: the address is a whole `sockaddr_ll` of the length given, and lives through the call.
        checked(unsafe { libc::bind(wire.0.as_raw_fd(), (&raw const address).cast(), len) } as isize)?;
        Ok(wire)
    }

    fn switch_on(&self, option: i32) -> io::Result<()> {
        let on = 1_i32;
        let (value, len) = ((&raw const on).cast(), size_of_val(&on) as u32);
        // SAFETY: the value is an int of the length given, and lives through the call.
        let done = unsafe { libc::setsockopt(self.0.as_raw_fd(), libc::SOL_PACKET, option, value, len) };
        checked(done as isize).map(drop)
    }

    /// # Errors
    /// The device does not take the frame.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        Ok(rustix::io::write(&self.0, frame).map(drop)?)
    }

    /// The next frame; `None` when there is none.
    ///
    /// # Errors
    /// The device is gone, or the frame's checksum was left for the device to finish.
    pub fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0_u8; FRAME_MAX];
        let mut beside = Beside([0; 64]);
        let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        // SAFETY: all of `msghdr` is numbers and pointers, for which zero is a value.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = beside.0.as_mut_ptr().cast();
        message.msg_controllen = beside.0.len() as _;
        // SAFETY: every buffer that the message names is writable, of the length given, and lives through the call.
        let len = match checked(unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut message, 0) }) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        bytes.truncate(len);
        beside.restore(&mut bytes)?;
        Ok(Some(bytes))
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Beside {
    /// Puts the tag back that the kernel took off. The record is a `cmsghdr` of 16 bytes and a `tpacket_auxdata`.
    fn restore(&self, frame: &mut Vec<u8>) -> io::Result<()> {
        let record = &self.0;
        let word =
            |at: usize| u32::from_ne_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
        let half = |at: usize| u16::from_ne_bytes([record[at], record[at + 1]]);
        if word(8) as i32 != libc::SOL_PACKET || word(12) as i32 != libc::PACKET_AUXDATA {
            return Err(io::Error::other("the kernel told nothing beside the frame"));
        }
        let (status, tag, kind) = (word(16), half(32), half(34));
        if status & CHECKSUM_UNFINISHED != 0 {
            return Err(io::Error::other("a checksum was left unfinished"));
        }
        if status & VLAN_VALID != 0 && frame.len() >= MACS {
            let tag = [kind.to_be_bytes(), tag.to_be_bytes()].concat();
            frame.splice(MACS..MACS, tag);
        }
        Ok(())
    }
}

fn checked(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
