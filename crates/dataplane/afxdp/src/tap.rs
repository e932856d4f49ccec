//! One queue of a unit's TAP device: frames to and from the kernel's own stack.
//!
//! The control side makes the device persistent and gives it addresses; here only a queue is attached.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use ravelin_types::InterfaceId;
use rustix::{
    fs::{Mode, OFlags},
    io,
    ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode},
};

const IFNAMSIZ: usize = 16;
const IFF_TAP: u16 = 0x0002;
const IFF_NO_PI: u16 = 0x1000;
const IFF_MULTI_QUEUE: u16 = 0x0100;

/// What stopped a TAP queue from being attached.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    #[error("`{0}` is no device name")]
    Name(String),
    #[error("attach to TAP `{name}`: {source}")]
    Kernel { name: String, source: io::Errno },
}

/// An attached queue.
#[derive(Debug)]
pub(crate) struct Tap {
    pub(crate) unit: InterfaceId,
    fd: OwnedFd,
}

impl Tap {
    pub(crate) fn attach(unit: InterfaceId, name: &str) -> Result<Self, TapError> {
        let request = SetInterface::new(name).ok_or_else(|| TapError::Name(name.into()))?;
        let failed = |source| TapError::Kernel { name: name.into(), source };
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = rustix::fs::open("/dev/net/tun", flags, Mode::empty()).map_err(failed)?;
        // SAFETY: TUNSETIFF reads and writes one `struct ifreq`, which `SetInterface` has the size and layout of.
        unsafe { ioctl(&fd, request) }.map_err(failed)?;
        Ok(Self { unit, fd })
    }

    /// Goes on with a queue that another process attached.
    pub(crate) const fn adopt(unit: InterfaceId, fd: OwnedFd) -> Self {
        Self { unit, fd }
    }

    /// Reads one frame the kernel sends; None when there is none.
    pub(crate) fn read(&self, into: &mut [u8]) -> Option<usize> {
        io::read(&self.fd, into).ok()
    }

    /// Hands a frame to the kernel. False: it did not take it.
    pub(crate) fn write(&self, frame: &[u8]) -> bool {
        io::write(&self.fd, frame).is_ok()
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// `TUNSETIFF` with its `struct ifreq`.
#[repr(C)]
struct SetInterface {
    name: [u8; IFNAMSIZ],
    flags: u16,
    rest: [u8; 22],
}

const _: () = assert!(size_of::<SetInterface>() == 40, "struct ifreq of 64-bit kernels");

impl SetInterface {
    fn new(name: &str) -> Option<Self> {
        let fits = !name.is_empty() && name.len() < IFNAMSIZ && !name.contains(['/', '\0']);
        let mut bytes = [0; IFNAMSIZ];
        fits.then(|| {
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            Self { name: bytes, flags: IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE, rest: [0; 22] }
        })
    }
}

// SAFETY: the pointer handed out is that of a whole, writable `struct ifreq`, and its content is not used after.
unsafe impl Ioctl for SetInterface {
    type Output = ();
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::write::<i32>(b'T', 202)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> io::Result<()> {
        Ok(())
    }
}
