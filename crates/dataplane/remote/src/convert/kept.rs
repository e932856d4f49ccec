//! What source NAT keeps for hosts.

use ravelin_contract::{InterfacePorts, KeptFilter, KeptKind, KeptList, KeptPorts, NatClear};
use ravelin_types::NatRuleId;

use super::{Malformed, Read, Wire, address, decode_all, encode_all, octets, small};
use crate::proto;

fn kind(kind: KeptKind) -> u32 {
    match kind {
        KeptKind::Block => 1,
        KeptKind::Address => 2,
    }
}

fn read_kind(kind: u32) -> Read<KeptKind> {
    match kind {
        1 => Ok(KeptKind::Block),
        2 => Ok(KeptKind::Address),
        value => Err(Malformed::Range { what: "kind of kept ports", value: value.into() }),
    }
}

impl Wire for KeptPorts {
    type Message = proto::KeptPorts;

    fn to_message(&self) -> proto::KeptPorts {
        let Self { kind: of, pool, host, external, low, high, used, is_active, age_s, left_s } = *self;
        proto::KeptPorts {
            kind: kind(of),
            pool,
            host: octets(host),
            external: octets(external),
            low: low.into(),
            high: high.into(),
            used,
            is_active,
            age_s,
            left_s,
        }
    }

    fn from_message(message: proto::KeptPorts) -> Read<Self> {
        let proto::KeptPorts { kind, pool, host, external, low, high, used, is_active, age_s, left_s } =
            message;
        Ok(Self {
            kind: read_kind(kind)?,
            pool,
            host: address(&host)?,
            external: address(&external)?,
            low: small("port", low)?,
            high: small("port", high)?,
            used,
            is_active,
            age_s,
            left_s,
        })
    }
}

impl Wire for KeptFilter {
    type Message = proto::KeptFilter;

    fn to_message(&self) -> proto::KeptFilter {
        let Self { kind: of, pool, host, external, port } = *self;
        proto::KeptFilter {
            kind: kind(of),
            pool,
            host: host.map_or_else(Vec::new, octets),
            external: external.map_or_else(Vec::new, octets),
            port: port.map(u32::from),
        }
    }

    fn from_message(message: proto::KeptFilter) -> Read<Self> {
        let proto::KeptFilter { kind, pool, host, external, port } = message;
        let asked = |bytes: Vec<u8>| (!bytes.is_empty()).then(|| address(&bytes)).transpose();
        Ok(Self {
            kind: read_kind(kind)?,
            pool,
            host: asked(host)?,
            external: asked(external)?,
            port: port.map(|port| small("port", port)).transpose()?,
        })
    }
}

impl Wire for KeptList {
    type Message = proto::KeptList;

    fn to_message(&self) -> proto::KeptList {
        let Self { kept, found } = self;
        proto::KeptList { kept: encode_all(kept), found: *found }
    }

    fn from_message(message: proto::KeptList) -> Read<Self> {
        Ok(Self { kept: decode_all(message.kept)?, found: message.found })
    }
}

impl Wire for InterfacePorts {
    type Message = proto::InterfacePorts;

    fn to_message(&self) -> proto::InterfacePorts {
        let Self { addr, single, single_max, twin, twin_max } = *self;
        proto::InterfacePorts { addr: octets(addr), single, single_max, twin, twin_max }
    }

    fn from_message(message: proto::InterfacePorts) -> Read<Self> {
        let proto::InterfacePorts { addr, single, single_max, twin, twin_max } = message;
        Ok(Self { addr: address(&addr)?, single, single_max, twin, twin_max })
    }
}

impl Wire for NatClear {
    type Message = proto::NatClear;

    fn to_message(&self) -> proto::NatClear {
        let ids = |rules: &[NatRuleId]| rules.iter().map(|rule| rule.0).collect();
        let Self { rules, pools } = self;
        proto::NatClear { rules: ids(rules), pools: ids(pools) }
    }

    fn from_message(message: proto::NatClear) -> Read<Self> {
        let ids = |rules: Vec<u32>| rules.into_iter().map(NatRuleId).collect();
        Ok(Self { rules: ids(message.rules), pools: ids(message.pools) })
    }
}
