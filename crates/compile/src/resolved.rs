//! Physical interfaces as this machine has them.

use std::collections::BTreeMap;

use ravelin_types::Mac;

/// A Linux device that stands for a Junos interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedPort {
    pub device: String,
    pub mac: Mac,
    pub mtu: u16,
    /// Bits a second that its link can carry; `None`: nobody knows.
    pub speed_bps: Option<u64>,
}

/// By Junos name (`ge-0/0/0`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved(pub BTreeMap<String, ResolvedPort>);

/// MTU of virtual ports, as SRX interfaces have it by default.
const VIRTUAL_MTU: u16 = 1500;
/// Speed of virtual ports: that of `ge-` interfaces.
const VIRTUAL_SPEED_BPS: u64 = 1_000_000_000;

impl Resolved {
    /// Virtual ports for every interface of a configuration: MACs 02:00:00:00:00:NN, NN counted from
    /// 01 over the names in bytewise order.
    #[must_use]
    pub fn virtual_ports(config: &ravelin_model::ValidConfig) -> Self {
        let mut names: Vec<_> = config.get().interfaces.iter().map(|i| i.name.clone()).collect();
        names.sort();
        names.dedup();
        let port = |(n, name): (u16, String)| {
            let [high, low] = n.to_be_bytes();
            let device = name.replace('/', "-");
            let mac = Mac([2, 0, 0, 0, high, low]);
            (name, ResolvedPort { device, mac, mtu: VIRTUAL_MTU, speed_bps: Some(VIRTUAL_SPEED_BPS) })
        };
        Self((1..).zip(names).map(port).collect())
    }
}
