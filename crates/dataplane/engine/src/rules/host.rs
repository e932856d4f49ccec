//! What the firewall accepts for itself.
//!
//! Junos: `host-inbound-traffic` of the ingress unit, else of its zone. Spec: host-inbound-1..4.

use ravelin_program::HostInbound;
use ravelin_types::{InterfaceId, Proto};

use super::Rules;

impl Rules {
    /// Whether a packet that arrived on a unit may reach the firewall itself.
    pub(crate) fn host_accepts(
        &self,
        unit: InterfaceId,
        proto: Proto,
        dport: u16,
        icmp_type: Option<u8>,
    ) -> bool {
        let Some(unit) = self.unit(unit) else { return false };
        let zone = unit.zone.and_then(|z| self.zone(z));
        let list = unit.host_inbound.as_ref().or_else(|| zone.map(|z| &z.host_inbound));
        list.is_some_and(|list| accepts(list, proto, dport, icmp_type))
    }
}

fn accepts(list: &HostInbound, proto: Proto, dport: u16, icmp_type: Option<u8>) -> bool {
    let HostInbound { accept, except } = list;
    let any =
        |services: &[ravelin_program::Service]| services.iter().any(|s| s.holds(proto, dport, icmp_type));
    any(accept) && !any(except)
}
