//! `interfaces` to ports and units.

use ravelin_model::{DEFAULT_INSTANCE, Family, Interface as Config, Unit};
use ravelin_program::{Interface, InterfaceAddress, Interfaces, Port, RoutingInstance};
use ravelin_types::{Addr, GroupId, InstanceId, ZoneId};
use sha2::{Digest, Sha256};

use crate::Compiler;

/// Bytes of a Linux device name without the final zero.
const DEVICE_NAME_MAX: usize = 15;

/// The TAP device of a unit: `/` becomes `-`; a name too long for Linux is cut and made unique by
/// its hash.
#[must_use]
pub fn tap_name(unit: &str) -> String {
    let plain = unit.replace('/', "-");
    if plain.len() <= DEVICE_NAME_MAX {
        return plain;
    }
    let hash = Sha256::digest(unit);
    let cut: String = plain.chars().take(DEVICE_NAME_MAX - 7).collect();
    format!("{cut}~{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2])
}

impl Compiler<'_> {
    pub(crate) fn interfaces(&mut self) -> Interfaces {
        let mut out = Interfaces { instances: self.instances(), ..Interfaces::default() };
        for interface in &self.config.interfaces {
            if !needs_device(interface) {
                continue;
            }
            let path = format!("interfaces {}", interface.name);
            let Some(port) = self.resolved.0.get(&interface.name) else {
                let device = interface.name.replace('/', "-");
                let message = format!(
                    "interface `{}` not found: no device is named `{device}`, has it as an alternative \
                     name, or is mapped to it",
                    interface.name
                );
                self.error(path, interface.at, message);
                continue;
            };
            let mtu = interface.mtu.map_or(port.mtu, |mtu| mtu.saturating_sub(LINK_HEADER));
            if mtu > port.mtu {
                let message = format!("mtu needs {mtu} bytes of payload, the device has {}", port.mtu);
                self.error(format!("{path} mtu"), interface.at, message);
            }
            let id = self.id(&path, |book| book.port(&interface.name));
            out.ports.push(Port {
                id,
                name: interface.name.clone(),
                device: port.device.clone(),
                mac: port.mac.0,
                mtu,
                enabled: !interface.disable,
            });
            for unit in &interface.units {
                let unit = self.unit(interface, unit, id, mtu);
                out.units.push(unit);
            }
        }
        out
    }

    fn instances(&mut self) -> Vec<RoutingInstance> {
        let config = self.config;
        let each = config.routing_instances.iter().map(|instance| {
            let path = format!("routing-instances {}", instance.name);
            RoutingInstance { id: self.instance_id(&path, Some(&instance.name)), name: instance.name.clone() }
        });
        each.collect()
    }

    /// The id of an instance by its name; `None` and `default`: the default one.
    pub(crate) fn instance_id(&mut self, path: &str, name: Option<&str>) -> InstanceId {
        match name.filter(|name| *name != DEFAULT_INSTANCE) {
            None => InstanceId::DEFAULT,
            Some(name) => self.id(path, |book| book.instance(name)),
        }
    }

    fn unit(&mut self, interface: &Config, unit: &Unit, port: ravelin_types::PortId, mtu: u16) -> Interface {
        let name = format!("{}.{}", interface.name, unit.number);
        let id = self.id(&format!("interfaces {name}"), |book| book.unit(&name));
        let zone = self.zone_of(&name);
        let instance = self.config.instance_of(&name).map(|instance| instance.name.as_str());
        let instance = self.instance_id(&format!("interfaces {name}"), instance);
        let mtu4 = self.family_mtu(&name, "inet", &unit.inet, (mtu, unit.at));
        let mtu6 = self.family_mtu(&name, "inet6", &unit.inet6, (mtu, unit.at));
        let families = [&unit.inet, &unit.inet6];
        let proxied = self.proxied(&name);
        let addresses = families.into_iter().flatten().flat_map(addresses).collect();
        Interface {
            id,
            port,
            vlan: unit.vlan_id,
            zone: zone.as_ref().map(|(id, _)| *id),
            instance,
            enabled: !unit.disable && !interface.disable,
            mtu4,
            mtu6,
            inet: unit.inet.is_some(),
            inet6: unit.inet6.is_some(),
            addresses,
            host_inbound: zone.and_then(|(_, inbound)| inbound),
            proxied,
            group: GroupId(0),
            tap: tap_name(&name),
            name,
        }
    }

    /// A family's own MTU, or the interface's. More than the interface can carry is refused.
    fn family_mtu(
        &mut self,
        unit: &str,
        word: &str,
        family: &Option<Family>,
        (most, at): (u16, ravelin_syntax::Span),
    ) -> u16 {
        match family.as_ref().and_then(|f| f.mtu) {
            Some(mtu) if mtu > most => {
                let message = format!("mtu {mtu} is more than the {most} bytes that the interface carries");
                self.error(format!("interfaces {unit} family {word} mtu"), at, message);
                most
            }
            Some(mtu) => mtu,
            None => most,
        }
    }

    /// The zone of a unit, and its own host-inbound list where it has one.
    fn zone_of(&mut self, unit: &str) -> Option<(ZoneId, Option<ravelin_program::HostInbound>)> {
        let config = self.config;
        let (zone, member) = config
            .security
            .every_zone()
            .find_map(|zone| zone.interfaces.iter().find(|i| i.name == unit).map(|member| (zone, member)))?;
        let path = format!("{} interfaces {unit}", zone.path());
        let id = self.zone_id(&zone);
        let inbound = member.host_inbound.as_ref().map(|list| self.host_inbound(&path, member.at, list));
        Some((id, inbound))
    }
}

/// `lo0` without addresses is the firewall itself, a place for filters, and needs no device.
#[must_use]
pub fn needs_device(interface: &Config) -> bool {
    let is_plain = |unit: &Unit| families(unit).all(|f| f.addresses.is_empty());
    interface.name != "lo0" || !interface.units.iter().all(is_plain)
}

fn families(unit: &Unit) -> impl Iterator<Item = &Family> {
    unit.inet.iter().chain(&unit.inet6)
}

/// Junos' `mtu` of an interface counts the Ethernet header.
const LINK_HEADER: u16 = 14;

/// Addresses of a family; the preferred one is Junos' choice of source: `preferred`, else `primary`,
/// else the lowest.
fn addresses(family: &Family) -> Vec<InterfaceAddress> {
    let list = &family.addresses;
    let chosen = list
        .iter()
        .find(|a| a.preferred)
        .or_else(|| list.iter().find(|a| a.primary))
        .or_else(|| list.iter().min_by_key(|a| a.prefix.addr()));
    let chosen = chosen.map(|a| a.prefix);
    let address = |a: &ravelin_model::InterfaceAddress| {
        let (family, addr) = Addr::from_ip(a.prefix.addr());
        let preferred = chosen == Some(a.prefix);
        InterfaceAddress { family, addr, len: a.prefix.prefix_len(), preferred }
    };
    list.iter().map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tap_names_fit_linux_and_stay_apart() {
        assert_eq!(tap_name("ge-0/0/0.0"), "ge-0-0-0.0");
        let (a, b) = (tap_name("ge-0/0/10.4094123"), tap_name("ge-0/0/10.4094124"));
        assert!(a.len() <= DEVICE_NAME_MAX && a != b, "{a} {b}");
    }
}
