//! Which Linux device a Junos interface name means.

use std::collections::BTreeMap;

use ravelin_types::Mac;

use crate::desired::{Observed, ObservedLink};

/// A device found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub name: String,
    pub index: u32,
    pub mac: Mac,
    pub mtu: u32,
}

/// Why a name means no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    #[error(
        "interface `{interface}` not found: no device is named `{device}` or has it as an alternative name"
    )]
    Missing { interface: String, device: String },
    #[error("interface `{interface}` is mapped to device `{device}`, which does not exist")]
    MappedMissing { interface: String, device: String },
}

/// Finds the device: by the explicit map, by name with `/` as `-`, by an alternative name of either form.
///
/// # Errors
/// There is none.
pub fn resolve(
    interface: &str,
    map: &BTreeMap<String, String>,
    observed: &Observed,
) -> Result<Device, ResolveError> {
    if let Some(device) = map.get(interface) {
        return observed.links.get_key_value(device).map(found).ok_or_else(|| ResolveError::MappedMissing {
            interface: interface.into(),
            device: device.clone(),
        });
    }
    let device = interface.replace('/', "-");
    let named =
        |link: &ObservedLink| link.alternative_names.iter().any(|name| *name == device || name == interface);
    let by_name = observed.links.get_key_value(&device);
    by_name
        .or_else(|| observed.links.iter().find(|(_, link)| named(link)))
        .map(found)
        .ok_or_else(|| ResolveError::Missing { interface: interface.into(), device })
}

fn found((name, link): (&String, &ObservedLink)) -> Device {
    Device { name: name.clone(), index: link.index, mac: link.mac, mtu: link.mtu }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(map: &[(&str, &str)], expected: Result<&str, &str>) {
        let mut observed = Observed::default();
        observed.links.insert("ge-0-0-1".into(), ObservedLink::default());
        let alias = ObservedLink { alternative_names: vec!["ge-0-0-0".into()], ..Default::default() };
        observed.links.insert("eth0".into(), alias);
        observed.links.insert("eth5".into(), ObservedLink::default());
        let mut names = BTreeMap::from([("xe-0/0/0".to_owned(), "eth5".to_owned())]);
        names.extend(map.iter().map(|(from, to)| (from.to_string(), to.to_string())));
        let interface = map.first().map_or("ge-0/0/0", |(from, _)| from);
        let outcome = resolve(interface, &names, &observed).map(|device| device.name);
        assert_eq!(outcome.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned));
    }

    #[test]
    fn an_alternative_name_counts() {
        check(&[], Ok("eth0"));
    }

    #[test]
    fn the_map_comes_first() {
        check(&[("ge-0/0/1", "eth5")], Ok("eth5"));
    }

    #[test]
    fn a_missing_device_is_named() {
        check(
            &[("ge-0/0/9", "eth7")],
            Err("interface `ge-0/0/9` is mapped to device `eth7`, which does not exist"),
        );
    }
}
