//! A namespace and the devices in it: a veth pair a port, a TAP a unit, and the bench at the far end of each.
//!
//! The kernel itself is silent on all of them: no IPv6, no ARP, no addresses.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use ravelin_conformance::bench::{BenchError, Place};
use ravelin_types::Mac;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::wire::Wire;

/// Where namespaces have their names.
const NAMESPACES: &str = "/run/netns";
/// What names of ours begin with; the process that made them follows.
const PREFIX: &str = "rvc-";
/// Where the shims are pinned, a folder a process.
const PINS: &str = "/run/rvc";

/// A network namespace and a place for pins, removed when dropped.
pub struct Yard {
    name: String,
    pins: PathBuf,
}

impl Yard {
    /// `tag` keeps the yards of one process apart.
    pub fn build(tag: u8) -> Result<Self, BenchError> {
        clear_abandoned();
        let id = format!("{}.{tag}", std::process::id());
        let yard = Self { name: format!("{PREFIX}{id}"), pins: Path::new(PINS).join(id) };
        fs::create_dir_all(PINS).map_err(|source| BenchError::Kernel { what: PINS.into(), source })?;
        ip(&["netns", "add", &yard.name])?;
        Ok(yard)
    }

    /// Moves the calling thread, and what it starts, into the namespace.
    pub fn enter(&self) -> Result<(), BenchError> {
        let path = Path::new(NAMESPACES).join(&self.name);
        let failed = |source| BenchError::Kernel { what: path.display().to_string(), source };
        let file = File::open(&path).map_err(failed)?;
        let moved = move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network));
        moved.map_err(|errno| failed(errno.into()))?;
        // Missing where the kernel has no IPv6, which is as good as off.
        let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        Ok(())
    }

    pub fn pins(&self) -> &Path {
        &self.pins
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        clear(&self.name, &self.pins);
    }
}

/// Removes what processes that are gone left.
fn clear_abandoned() {
    for entry in fs::read_dir(NAMESPACES).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some((id, pid)) = name.strip_prefix(PREFIX).map(|id| (id, id.split('.').next().unwrap_or(id)))
            && !Path::new("/proc").join(pid).exists()
        {
            clear(&name, &Path::new(PINS).join(id));
        }
    }
}

/// Best effort: what isn't there need not go.
fn clear(name: &str, pins: &Path) {
    let _ = ip(&["netns", "delete", name]);
    let _ = Command::new("umount").arg("--quiet").arg(pins).output();
    let _ = fs::remove_dir(pins);
}

/// The devices of all cases so far, and the bench's end of each.
pub struct Devices {
    queues: u8,
    ends: Vec<(Place, Wire)>,
    macs: BTreeMap<String, Mac>,
}

impl Devices {
    /// Devices with so many receive queues each.
    pub fn new(queues: u8) -> Self {
        Self { queues, ends: Vec::new(), macs: BTreeMap::new() }
    }

    pub fn queues(&self) -> u8 {
        self.queues
    }

    /// A veth pair for a port; frames are put in and seen at the far end.
    pub fn port(&mut self, name: &str, device: &str, mac: Mac) -> Result<(), BenchError> {
        if self.has_mac(device, mac)? {
            return Ok(());
        }
        let far = format!("far-{device}");
        let address = mac.to_string();
        let queues = self.queues.to_string();
        let queues = ["numrxqueues", &queues, "numtxqueues", &queues];
        let (near, peer) =
            (["link", "add", device, "address", &address], ["type", "veth", "peer", "name", &far]);
        ip(&[&near[..], &queues, &peer, &queues].concat())?;
        for end in [device, &far] {
            ip(&["link", "set", end, "arp", "off", "up"])?;
        }
        self.end(Place::Port(name.into()), device, (&far, mac))
    }

    /// A TAP for a unit; the far end is the kernel's side.
    pub fn unit(&mut self, name: &str, device: &str, mac: Mac) -> Result<(), BenchError> {
        if self.has_mac(device, mac)? {
            return Ok(());
        }
        ip(&["tuntap", "add", "dev", device, "mode", "tap", "multi_queue"])?;
        ip(&["link", "set", device, "address", &mac.to_string(), "arp", "off", "up"])?;
        self.end(Place::Host(name.into()), device, (device, mac))
    }

    pub fn at(&self, place: &Place) -> Option<&Wire> {
        self.ends.iter().find(|(at, _)| at == place).map(|(_, wire)| wire)
    }

    pub fn ends(&self) -> &[(Place, Wire)] {
        &self.ends
    }

    /// Whether there is the device, which gets the MAC if it had another.
    fn has_mac(&mut self, device: &str, mac: Mac) -> Result<bool, BenchError> {
        let Some(has) = self.macs.get_mut(device) else { return Ok(false) };
        if *has != mac {
            ip(&["link", "set", device, "address", &mac.to_string()])?;
            *has = mac;
        }
        Ok(true)
    }

    fn end(&mut self, place: Place, device: &str, (far, mac): (&str, Mac)) -> Result<(), BenchError> {
        let wire = Wire::open(far).map_err(|source| BenchError::Kernel { what: far.into(), source })?;
        self.ends.push((place, wire));
        self.macs.insert(device.into(), mac);
        Ok(())
    }
}

fn ip(arguments: &[&str]) -> Result<(), BenchError> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|source| BenchError::Kernel { what: "ip".into(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(BenchError::Command { command: format!("ip {}", arguments.join(" ")), message })
}
