//! Making a TAP persistent and keeping its carrier.
//!
//! The daemon holds one detached queue of every TAP: the device never loses its last queue, so its carrier, addresses
//! and routes outlive the packet process. A detached queue gets no packets.
#![allow(unsafe_code)]

use std::{ffi::c_void, os::fd::OwnedFd};

use rustix::{
    fs::{Mode, OFlags},
    io,
    ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode},
};

const IFNAMSIZ: usize = 16;
const IFF_TAP: u16 = 0x0002;
const IFF_NO_PI: u16 = 0x1000;
const IFF_MULTI_QUEUE: u16 = 0x0100;
const IFF_DETACH_QUEUE: u16 = 0x0400;
const TUNSETPERSIST: u8 = 203;
const TUNSETIFF: u8 = 202;
const TUNSETOWNER: u8 = 204;
const TUNSETGROUP: u8 = 206;
const TUNSETQUEUE: u8 = 217;

/// What stopped a TAP from being had.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    #[error("`{0}` is no device name")]
    Name(String),
    #[error("{step} TAP `{name}`: {source}")]
    Kernel { step: &'static str, name: String, source: io::Errno },
}

/// The detached queue that keeps a TAP alive.
#[derive(Debug)]
pub(crate) struct HeldTap {
    _queue: OwnedFd,
}

impl HeldTap {
    /// Creates the TAP if there is none, makes it root's and persistent, and holds a detached queue.
    pub(crate) fn hold(name: &str) -> Result<Self, TapError> {
        let flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
        let attach = Request::interface(TUNSETIFF, name, flags).ok_or_else(|| TapError::Name(name.into()))?;
        let detach = Request::interface(TUNSETQUEUE, "", IFF_DETACH_QUEUE);
        let detach = detach.unwrap_or_else(|| unreachable!("an empty name fits"));
        let failed = |step| move |source| TapError::Kernel { step, name: name.into(), source };
        let open = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let queue = rustix::fs::open("/dev/net/tun", open, Mode::empty()).map_err(failed("open"))?;
        // SAFETY: TUNSETIFF takes a `struct ifreq`, which this request is.
        unsafe { ioctl(&queue, attach) }.map_err(failed("create"))?;
        // SAFETY: TUNSETOWNER takes its argument by value.
        unsafe { ioctl(&queue, Value { number: TUNSETOWNER, value: 0 }) }.map_err(failed("own"))?;
        // SAFETY: TUNSETGROUP takes its argument by value.
        unsafe { ioctl(&queue, Value { number: TUNSETGROUP, value: 0 }) }.map_err(failed("own"))?;
        // SAFETY: TUNSETPERSIST takes its argument by value.
        unsafe { ioctl(&queue, Value { number: TUNSETPERSIST, value: 1 }) }.map_err(failed("keep"))?;
        // SAFETY: TUNSETQUEUE takes a `struct ifreq`, which this request is.
        unsafe { ioctl(&queue, detach) }.map_err(failed("detach from"))?;
        Ok(Self { _queue: queue })
    }
}

/// A queue as the packet process has it.
#[cfg(test)]
pub(crate) struct AttachedQueue {
    _queue: OwnedFd,
}

#[cfg(test)]
impl AttachedQueue {
    pub(crate) fn attach(name: &str) -> io::Result<Self> {
        let queue = rustix::fs::open("/dev/net/tun", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        let flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
        let request = Request::interface(TUNSETIFF, name, flags).ok_or(io::Errno::INVAL)?;
        // SAFETY: TUNSETIFF takes a `struct ifreq`, which this request is.
        unsafe { ioctl(&queue, request) }?;
        Ok(Self { _queue: queue })
    }
}

/// A request with a `struct ifreq`.
#[repr(C)]
struct Request {
    name: [u8; IFNAMSIZ],
    flags: u16,
    rest: [u8; 22],
    number: u8,
}

impl Request {
    fn interface(number: u8, name: &str, flags: u16) -> Option<Self> {
        let fits = name.len() < IFNAMSIZ && !name.contains(['/', '\0']);
        let mut bytes = [0; IFNAMSIZ];
        fits.then(|| {
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            Self { name: bytes, flags, rest: [0; 22], number }
        })
    }
}

// SAFETY: the pointer is that of a struct that begins with a whole, writable `struct ifreq` (40 bytes).
unsafe impl Ioctl for Request {
    type Output = ();
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::write::<i32>(b'T', self.number)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> io::Result<()> {
        Ok(())
    }
}

/// A request whose argument is a number.
struct Value {
    number: u8,
    value: usize,
}

// SAFETY: the "pointer" is a plain value, which the kernel does not follow for these requests.
unsafe impl Ioctl for Value {
    type Output = ();
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        opcode::write::<i32>(b'T', self.number)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::without_provenance_mut(self.value)
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> io::Result<()> {
        Ok(())
    }
}
