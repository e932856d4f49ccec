//! Destination pools: an address, a range or one address of the book, all of one family.

use ipnet::IpNet;

use super::Report;
use crate::{AddressNames, AddressValue, Config, DestinationPool};

pub(super) fn check(config: &Config, known: &AddressNames, report: &mut Report) {
    for pool in &config.security.nat_destination.pools {
        let path = format!("security nat destination pool {}", pool.name);
        match (pool.address, pool.to) {
            (None, _) if pool.address_name.is_some() => named(pool, known, &path, report),
            (None, _) => report.error(path, pool.at, "missing mandatory statement: 'address'"),
            (Some(_), _) if pool.address_name.is_some() || pool.name_port.is_some() => {
                report.error(path, pool.at, "'address' and 'address-name' can't be combined");
            }
            (Some(first), Some(last)) => {
                let order = first.addr() <= last.addr() && same_family(&first, &last);
                if !order || !is_host(&first) || !is_host(&last) {
                    let message = format!("'{first} to {last}' is no range of addresses");
                    report.error(format!("{path} address"), pool.at, message);
                }
            }
            (Some(_), None) => {}
        }
    }
}

/// A name of one prefix or range; what changes without a commit is none.
fn named(pool: &DestinationPool, known: &AddressNames, path: &str, report: &mut Report) {
    let Some(name) = &pool.address_name else { return };
    let there = format!("{path} address-name");
    if !known.contains(name.as_str()) {
        let message = format!("address or address-set `{name}' is not defined");
        return report.error(there, pool.at, message);
    }
    if pool.port.is_some() || pool.to.is_some() {
        report.error(path, pool.at, "'address' and 'address-name' can't be combined");
    }
    if is_v4(pool, known).is_none() {
        let message = format!("address `{name}' is not one prefix or range that a commit knows");
        report.error(there, pool.at, message);
    }
}

/// The pool's family; `None`: it has no address, or not one that is a range.
pub(super) fn is_v4(pool: &DestinationPool, known: &AddressNames) -> Option<bool> {
    if let Some(address) = pool.address {
        return Some(address.addr().is_ipv4());
    }
    let values: Vec<_> = known.values(pool.address_name.as_deref()?).collect();
    match values[..] {
        [AddressValue::Prefix(net)] => Some(net.addr().is_ipv4()),
        [AddressValue::Range(range)] if range.low.is_ipv4() == range.high.is_ipv4() => {
            Some(range.low.is_ipv4())
        }
        _ => None,
    }
}

fn same_family(a: &IpNet, b: &IpNet) -> bool {
    a.addr().is_ipv4() == b.addr().is_ipv4()
}

fn is_host(net: &IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}
