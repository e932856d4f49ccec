//! Which devices a program needs, and whether this machine has them as they must be.

use ravelin_contract::Refusal;
use ravelin_engine::{Checksum, Rules};
use ravelin_plane::PortMode;
use ravelin_types::{InterfaceId, PortId};
use rustix::{
    io,
    net::{AddressFamily, SocketType, netdevice},
};

use crate::{
    ethtool,
    shim::AttachMode,
    umem::{FRAME_LEN_MAX, LONG_LEN_MAX},
};

/// Bytes of Ethernet header and one tag, beside the MTU.
const LINK_HEADER_MAX: usize = 18;
/// Drivers whose packets may come with only the pseudo-header sum in the checksum field, and no way to tell.
const VIRTUAL_DRIVERS: &[&str] =
    &["veth", "tun", "virtio_net", "vif", "netkit", "macvlan", "bridge", "hv_netvsc"];

/// Ports and TAPs that are to be served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) ports: Vec<LayoutPort>,
    pub(crate) taps: Vec<(InterfaceId, String)>,
}

/// One port's device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayoutPort {
    pub(crate) id: PortId,
    pub(crate) name: String,
    pub(crate) device: String,
    pub(crate) ifindex: u32,
    pub(crate) checksum: Checksum,
    /// Its frames may be longer than a chunk of packet memory.
    pub(crate) long: bool,
}

/// A device that is not there.
#[derive(Debug, thiserror::Error)]
#[error("device `{device}` of port {port}: {source}")]
pub struct DeviceError {
    port: String,
    device: String,
    source: io::Errno,
}

impl LayoutPort {
    /// How packets are taken from it, for people.
    pub(crate) fn mode(&self, attached: AttachMode, zero_copy: bool) -> PortMode {
        let how = if zero_copy { "zero-copy" } else { "copy" };
        let mode = match attached {
            AttachMode::Native => format!("native, {how}"),
            AttachMode::Generic => format!("generic, {how}"),
        };
        PortMode { port: self.name.clone(), device: self.device.clone(), mode }
    }
}

impl Layout {
    /// Whether any frame may be longer than a chunk of packet memory.
    pub(crate) fn is_long(&self) -> bool {
        self.ports.iter().any(|port| port.long)
    }

    /// # Errors
    /// A device does not exist.
    pub(crate) fn of(rules: &Rules) -> Result<Self, DeviceError> {
        let port = |port: &ravelin_program::Port| {
            let ifindex = ifindex(&port.device).map_err(|source| DeviceError {
                port: port.name.clone(),
                device: port.device.clone(),
                source,
            })?;
            let (name, device) = (port.name.clone(), port.device.clone());
            let long = usize::from(port.mtu) + LINK_HEADER_MAX > FRAME_LEN_MAX;
            Ok(LayoutPort { id: port.id, name, checksum: checksum_of(&device), device, ifindex, long })
        };
        let taps = rules.units().map(|unit| (unit.id, unit.tap.clone())).collect();
        Ok(Self { ports: rules.ports().map(port).collect::<Result<_, _>>()?, taps })
    }
}

/// What of a program's ports can't be served by so many workers.
pub(crate) fn refusals(rules: &Rules, workers: u8) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for port in rules.ports() {
        let mut refuse =
            |reason| refusals.push(Refusal { path: format!("interfaces {}", port.name), reason });
        let device = &port.device;
        if let Err(errno) = ifindex(device) {
            refuse(format!("device `{device}` of this interface: {errno}"));
            continue;
        }
        if usize::from(port.mtu) + LINK_HEADER_MAX > LONG_LEN_MAX {
            refuse(format!(
                "device `{device}` has an mtu of {}, over {}",
                port.mtu,
                LONG_LEN_MAX - LINK_HEADER_MAX
            ));
        }
        // A device that can't say how many queues it has, has one.
        let queues = ethtool::receive_queues(device).unwrap_or(1);
        if queues > u32::from(workers) {
            refuse(format!(
                "device `{device}` has {queues} receive queues and the dataplane {workers} workers; \
                 frames of the others would be lost (ethtool -L {device} changes the number)"
            ));
        }
        if queues < u32::from(workers) {
            refuse(format!(
                "device `{device}` has {queues} receive queues and the dataplane {workers} workers"
            ));
        }
    }
    refusals
}

fn checksum_of(device: &str) -> Checksum {
    match ethtool::driver(device) {
        Ok(driver) if !VIRTUAL_DRIVERS.contains(&driver.as_str()) => Checksum::Unverified,
        Ok(_) | Err(_) => Checksum::Unknown,
    }
}

fn ifindex(device: &str) -> io::Result<u32> {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    netdevice::name_to_index(&socket, device)
}
