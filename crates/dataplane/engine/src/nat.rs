//! Source NAT: which rule, and which port.
//!
//! Junos: `security nat source`. Place: first path, after policy. Spec: nat-source-1..6.

mod lease;

use ravelin_program::{Interface, NatContext, SourceNat, SourceRule};
use ravelin_types::{Addr, Family, InterfaceId, ZoneId};

pub(crate) use lease::{Leases, has_ports};

/// The two ends of a packet's way, as rule-sets name them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub from: (InterfaceId, ZoneId),
    pub to: (InterfaceId, ZoneId),
}

/// The first rule that matches in the first rule-set whose contexts hold. Rule-sets stand most
/// specific first.
pub(crate) fn source_rule(
    nat: &SourceNat,
    way: Way,
    family: Family,
    src: Addr,
    dst: Addr,
) -> Option<&SourceRule> {
    nat.0
        .iter()
        .filter(|set| holds(&set.from, way.from) && holds(&set.to, way.to))
        .flat_map(|set| &set.rules)
        .find(|rule| rule.source.holds(family, src) && rule.destination.holds(family, dst))
}

fn holds(context: &NatContext, (unit, zone): (InterfaceId, ZoneId)) -> bool {
    match context {
        NatContext::Zones(zones) => zones.contains(&zone),
        NatContext::Interfaces(units) => units.contains(&unit),
    }
}

/// The address that interface NAT gives packets leaving a unit.
pub(crate) fn interface_address(unit: &Interface, family: Family) -> Option<Addr> {
    let of_family = || unit.addresses.iter().filter(|a| a.family == family && !a.addr.is_link_local6());
    of_family().find(|a| a.preferred).or_else(|| of_family().next()).map(|a| a.addr)
}
