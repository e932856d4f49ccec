//! What another plane goes on with beside sessions: mappings and counters.

use std::net::IpAddr;

use ravelin_contract::{CarriedCounters, CarriedMapping, MappingPage};

use super::{Read, Wire, address, decode_all, encode_all, need, octets, part, small};
use crate::proto;

impl Wire for (IpAddr, u16) {
    type Message = proto::Remote;

    fn to_message(&self) -> proto::Remote {
        proto::Remote { addr: octets(self.0), port: self.1.into() }
    }

    fn from_message(message: proto::Remote) -> Read<Self> {
        Ok((address(&message.addr)?, small("remote port", message.port)?))
    }
}

impl Wire for CarriedMapping {
    type Message = proto::CarriedMapping;

    fn to_message(&self) -> proto::CarriedMapping {
        let Self { mapping, block_external, remotes } = self;
        proto::CarriedMapping {
            mapping: Some(mapping.to_message()),
            block_external: *block_external,
            remotes: encode_all(remotes),
        }
    }

    fn from_message(message: proto::CarriedMapping) -> Read<Self> {
        Ok(Self {
            mapping: part("mapping", message.mapping)?,
            block_external: message.block_external,
            remotes: decode_all(message.remotes)?,
        })
    }
}

impl Wire for MappingPage {
    type Message = proto::MappingPage;

    fn to_message(&self) -> proto::MappingPage {
        let Self { mappings, next } = self;
        proto::MappingPage { mappings: encode_all(mappings), next: next.as_ref().map(Wire::to_message) }
    }

    fn from_message(message: proto::MappingPage) -> Read<Self> {
        let next = message.next.map(Wire::from_message).transpose()?;
        Ok(Self { mappings: decode_all(message.mappings)?, next })
    }
}

impl Wire for CarriedCounters {
    type Message = proto::CarriedCounters;

    fn to_message(&self) -> proto::CarriedCounters {
        let Self { global, policies, nat_rules, interfaces, screens, unit_screens, mirrors, firewall } = self;
        proto::CarriedCounters {
            global: Some(global.to_message()),
            policies: Some(proto::Policies { counters: encode_all(policies) }),
            nat_rules: Some(proto::NatRules { counters: encode_all(nat_rules) }),
            interfaces: Some(proto::Interfaces { counters: encode_all(interfaces) }),
            screens: Some(proto::Screens { counters: encode_all(screens) }),
            unit_screens: Some(proto::UnitScreens { counters: encode_all(unit_screens) }),
            mirrors: Some(proto::Mirrors { counters: encode_all(mirrors) }),
            firewall: Some(firewall.to_message()),
        }
    }

    fn from_message(message: proto::CarriedCounters) -> Read<Self> {
        let proto::CarriedCounters {
            global,
            policies,
            nat_rules,
            interfaces,
            screens,
            unit_screens,
            mirrors,
            firewall,
        } = message;
        Ok(Self {
            global: part("global counters", global)?,
            policies: decode_all(need("counters of policies", policies)?.counters)?,
            nat_rules: decode_all(need("counters of NAT rules", nat_rules)?.counters)?,
            interfaces: decode_all(need("counters of interfaces", interfaces)?.counters)?,
            screens: decode_all(need("counters of screens", screens)?.counters)?,
            // Older versions do not tell them.
            unit_screens: decode_all(unit_screens.unwrap_or_default().counters)?,
            mirrors: decode_all(need("counters of mirrors", mirrors)?.counters)?,
            firewall: part("counters of filters", firewall)?,
        })
    }
}
