//! What a device says of itself through the ethtool interface, its driver and its receive queues; and that it is to leave tags where they are.
#![allow(unsafe_code)]

use std::{ffi::c_void, marker::PhantomData};

use rustix::{
    io,
    ioctl::{Ioctl, IoctlOutput, Opcode, ioctl},
    net::{AddressFamily, SocketType},
};

const SIOCETHTOOL: Opcode = 0x8946;
const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GFLAGS: u32 = 0x25;
const ETHTOOL_SFLAGS: u32 = 0x26;
const ETHTOOL_GCHANNELS: u32 = 0x3c;
/// VLAN tags are taken out of received frames.
const ETH_FLAG_RXVLAN: u32 = 1 << 8;
const IFNAMSIZ: usize = 16;

/// The driver's name, as `ethtool -i` shows it.
pub(crate) fn driver(device: &str) -> io::Result<String> {
    let answer = ask(device, DriverInfo { command: ETHTOOL_GDRVINFO, driver: [0; 32], rest: [0; 160] })?;
    let end = answer.driver.iter().position(|byte| *byte == 0).unwrap_or(answer.driver.len());
    Ok(String::from_utf8_lossy(&answer.driver[..end]).into_owned())
}

/// Receive queues in use, as `ethtool -l` shows them.
pub(crate) fn receive_queues(device: &str) -> io::Result<u32> {
    let answer = ask(device, Channels { command: ETHTOOL_GCHANNELS, ..Channels::default() })?;
    Ok(answer.rx + answer.combined)
}

/// Has the device leave VLAN tags in the frames that it receives. One that hands them over beside a frame hides them from the shim and from
/// everything behind it: what came by any VLAN would look untagged.
///
/// # Errors
/// It can't be told to, or is gone.
pub(crate) fn leave_tags(device: &str) -> io::Result<()> {
    let flags = ask(device, Value { command: ETHTOOL_GFLAGS, data: 0 })?.data;
    if flags & ETH_FLAG_RXVLAN != 0 {
        ask(device, Value { command: ETHTOOL_SFLAGS, data: flags & !ETH_FLAG_RXVLAN })?;
    }
    Ok(())
}

/// `struct ethtool_value`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// `struct ethtool_drvinfo`.
#[derive(Clone, Copy)]
#[repr(C)]
struct DriverInfo {
    command: u32,
    driver: [u8; 32],
    rest: [u8; 160],
}

/// `struct ethtool_channels`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Channels {
    command: u32,
    maxima: [u32; 4],
    rx: u32,
    tx: u32,
    other: u32,
    combined: u32,
}

const _: () = assert!(size_of::<DriverInfo>() == 196, "struct ethtool_drvinfo");
const _: () = assert!(size_of::<Channels>() == 36, "struct ethtool_channels");

/// A command of the ethtool interface that the kernel answers in place.
trait Question: Copy {}

impl Question for DriverInfo {}
impl Question for Value {}
impl Question for Channels {}

/// `SIOCETHTOOL` with its `struct ifreq`, pointing at a question.
#[repr(C)]
struct Request<'a, Q: Question> {
    name: [u8; IFNAMSIZ],
    question: *mut Q,
    rest: [u8; 16],
    borrowed: PhantomData<&'a mut Q>,
}

fn ask<Q: Question>(device: &str, mut question: Q) -> io::Result<Q> {
    let mut name = [0; IFNAMSIZ];
    let fits = name.get_mut(..device.len()).filter(|_| device.len() < IFNAMSIZ);
    fits.ok_or(io::Errno::NAMETOOLONG)?.copy_from_slice(device.as_bytes());
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let request = Request { name, question: &raw mut question, rest: [0; 16], borrowed: PhantomData };
    // SAFETY: the request is a `struct ifreq` that points at a question of the size its command has, which outlives
    // the call; every bit pattern is a valid answer.
    unsafe { ioctl(&socket, request) }?;
    Ok(question)
}

// SAFETY: the pointer is that of a whole `struct ifreq`.
unsafe impl<Q: Question> Ioctl for Request<'_, Q> {
    type Output = ();
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        SIOCETHTOOL
    }

    fn as_ptr(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_device_is_an_error() {
        assert_eq!(driver("no-such-device"), Err(io::Errno::NODEV));
        assert_eq!(receive_queues("a-name-of-too-many-bytes"), Err(io::Errno::NAMETOOLONG));
        assert_eq!(leave_tags("no-such-device"), Err(io::Errno::NODEV));
    }
}
