//! Interfaces: names, tags, packet sizes, addresses.

use std::collections::HashMap;
use std::net::IpAddr;

use ravelin_syntax::Span;

use super::Report;
use crate::{Config, Family, Interface, Unit};

const UNIT_MAX: u32 = 16385;

pub(super) fn check(config: &Config, report: &mut Report) {
    let mut owners = HashMap::new();
    for interface in &config.interfaces {
        let path = format!("interfaces {}", interface.name);
        if !is_known_name(&interface.name) {
            report.error(
                &path,
                interface.at,
                format!("interface name `{}' is not supported", interface.name),
            );
            // What its units may be is another matter than that of ports.
            continue;
        }
        if interface.mtu.is_some_and(|mtu| !(256..=9192).contains(&mtu)) {
            report.error(format!("{path} mtu"), interface.at, "value is not within range (256..9192)");
        }
        let mut tags: HashMap<u32, Span> = HashMap::new();
        for unit in &interface.units {
            let path = format!("{path} unit {}", unit.number);
            tagging(interface, unit, &path, report);
            if let Some(tag) = unit.vlan_id
                && let Some(other) = tags.insert(u32::from(tag), unit.at)
            {
                let message = "vlan-id is used by another unit of this interface";
                report.conflict(format!("{path} vlan-id"), unit.at, message, (other, "by this one"));
            }
            family(unit, unit.inet.as_ref(), &format!("{path} family inet"), report);
            family(unit, unit.inet6.as_ref(), &format!("{path} family inet6"), report);
            let name = format!("{}.{}", interface.name, unit.number);
            let instance = config.instance_of(&name).map_or("", |instance| instance.name.as_str());
            addresses(unit, (&path, instance), &mut owners, report);
        }
    }
}

fn tagging(interface: &Interface, unit: &Unit, path: &str, report: &mut Report) {
    if unit.number > UNIT_MAX {
        report.error(path, unit.at, format!("value {} is not within range (0..{UNIT_MAX})", unit.number));
    }
    match (interface.vlan_tagging, unit.vlan_id) {
        (true, Some(1..=4094)) => {}
        (true, None) => report.error(path, unit.at, "vlan-id must be specified on tagged interfaces"),
        (_, Some(tag)) if !(1..=4094).contains(&tag) => {
            report.error(
                format!("{path} vlan-id {tag}"),
                unit.at,
                format!("value {tag} is not within range (1..4094)"),
            );
        }
        (_, Some(_)) => {
            report.error(format!("{path} vlan-id"), unit.at, "vlan-id needs vlan-tagging on the interface")
        }
        (false, None) if unit.number != 0 && !is_loopback(&interface.name) => {
            report.error(path, unit.at, "only unit 0 is valid without vlan-tagging on the interface");
        }
        (false, None) => {}
    }
}

fn family(unit: &Unit, family: Option<&Family>, path: &str, report: &mut Report) {
    let Some(family) = family else { return };
    let v6 = path.ends_with('6');
    let low = if v6 { 1280 } else { 256 };
    if family.mtu.is_some_and(|mtu| !(low..=9192).contains(&mtu)) {
        report.error(format!("{path} mtu"), unit.at, format!("value is not within range ({low}..9192)"));
    }
    for address in &family.addresses {
        let ip = address.prefix.addr();
        let path = format!("{path} address {}", address.prefix);
        if ip.is_ipv6() != v6 {
            report.error(&path, address.at, "address is of the other family");
        } else if ip.is_unspecified() || ip.is_multicast() {
            report.error(&path, address.at, "an interface can't have this address");
        } else if let IpAddr::V6(v6) = ip
            && v6.to_ipv4_mapped().is_some()
        {
            report.error(&path, address.at, "an interface can't have an IPv4-mapped address");
        }
    }
    if family.addresses.iter().filter(|a| a.primary).count() > 1 {
        report.error(path, unit.at, "only one address may be primary");
    }
}

/// An address is on one unit of an instance.
fn addresses<'a>(
    unit: &Unit,
    (path, instance): (&str, &'a str),
    owners: &mut HashMap<(&'a str, IpAddr), (String, Span)>,
    report: &mut Report,
) {
    for address in unit.inet.iter().chain(&unit.inet6).flat_map(|f| &f.addresses) {
        let ip = address.prefix.addr();
        if ip.is_ipv6() && ip.to_string().starts_with("fe80:") {
            continue;
        }
        if let Some((owner, at)) = owners.insert((instance, ip), (path.to_owned(), address.at)) {
            let message = format!("address is also on [{owner}]");
            let path = format!("{path} address {}", address.prefix);
            report.conflict(path, address.at, message, (at, "the address is first given here"));
        }
    }
}

fn is_loopback(name: &str) -> bool {
    name == "lo0"
}

/// Names this system gives meaning to: Ethernet ports by slot, the loopback and the management port.
fn is_known_name(name: &str) -> bool {
    if ["lo0", "fxp0"].contains(&name) {
        return true;
    }
    let Some((media, place)) = name.split_once('-') else { return false };
    let numbers: Vec<&str> = place.split('/').collect();
    let number = |n: &&str| n.len() <= 3 && !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    ["fe", "ge", "mge", "xe", "et"].contains(&media) && numbers.len() == 3 && numbers.iter().all(number)
}
