//! Mirroring to and from its messages.

use ravelin_types::{InterfaceId, Mac, MirrorId, PortId, Proto, RuleIdentity};

use super::decode::{Read, address, all, need, range as read_range, small};
use super::encode::{address as write_address, range};
use super::proto::mirror_output::To;
use super::proto::mirror_source::At;
use super::{WireError, nat, proto};
use crate::{
    MIRROR_FILTERS_MAX, Mirror, MirrorFilter, MirrorOutput, MirrorOutputs, MirrorSource, MirrorTo, Mirrors,
};

pub(super) fn encode(x: &Mirrors) -> proto::Mirrors {
    let Mirrors { instances, filters } = x;
    proto::Mirrors {
        instances: instances.iter().map(instance).collect(),
        filters: filters.iter().map(filter).collect(),
    }
}

pub(super) fn decode(x: proto::Mirrors) -> Read<Mirrors> {
    if x.filters.len() > MIRROR_FILTERS_MAX {
        return Err(WireError::Range { what: "mirror filters", value: x.filters.len() as u64 });
    }
    Ok(Mirrors { instances: all(x.instances, read_instance)?, filters: all(x.filters, read_filter)? })
}

fn instance(x: &Mirror) -> proto::Mirror {
    let Mirror { id, identity, name, enabled, rate, run_length, len_max, ingress, egress, outputs } = x;
    let MirrorOutputs { inet, inet6, any } = outputs;
    proto::Mirror {
        id: id.0.into(),
        identity: identity.0,
        name: name.clone(),
        enabled: *enabled,
        rate: (*rate).into(),
        run_length: (*run_length).into(),
        len_max: (*len_max).into(),
        ingress: ingress.iter().map(source).collect(),
        egress: egress.iter().map(source).collect(),
        inet: inet.as_ref().map(output),
        inet6: inet6.as_ref().map(output),
        any: any.as_ref().map(output),
    }
}

fn read_instance(x: proto::Mirror) -> Read<Mirror> {
    let rate = small("mirror rate", x.rate)?;
    if rate == 0 {
        return Err(WireError::Range { what: "mirror rate", value: 0 });
    }
    Ok(Mirror {
        id: MirrorId(small("mirror id", x.id)?),
        identity: RuleIdentity(x.identity),
        name: x.name,
        enabled: x.enabled,
        rate,
        run_length: small("mirror run-length", x.run_length)?,
        len_max: small("mirrored length", x.len_max)?,
        ingress: all(x.ingress, read_source)?,
        egress: all(x.egress, read_source)?,
        outputs: MirrorOutputs {
            inet: x.inet.map(read_output).transpose()?,
            inet6: x.inet6.map(read_output).transpose()?,
            any: x.any.map(read_output).transpose()?,
        },
    })
}

fn filter(x: &MirrorFilter) -> proto::MirrorFilter {
    let MirrorFilter {
        id,
        identity,
        name,
        proto,
        source: from,
        destination,
        source_ports,
        destination_ports,
        interface_in,
        interface_out,
        output: to,
    } = x;
    proto::MirrorFilter {
        id: id.0.into(),
        identity: identity.0,
        name: name.clone(),
        proto: proto.map(|p| p.0.into()),
        source: from.as_ref().map(nat::prefix),
        destination: destination.as_ref().map(nat::prefix),
        source_ports: source_ports.map(range),
        destination_ports: destination_ports.map(range),
        interface_in: interface_in.as_ref().map(source),
        interface_out: interface_out.as_ref().map(source),
        output: Some(output(to)),
    }
}

fn read_filter(x: proto::MirrorFilter) -> Read<MirrorFilter> {
    let prefix = |x: Option<_>| x.map(|x| nat::read_prefix(Some(x))).transpose();
    let ports = |x: Option<_>| x.map(|x| read_range(Some(x))).transpose();
    Ok(MirrorFilter {
        id: MirrorId(small("mirror id", x.id)?),
        identity: RuleIdentity(x.identity),
        name: x.name,
        proto: x.proto.map(|p| small("protocol", p).map(Proto)).transpose()?,
        source: prefix(x.source)?,
        destination: prefix(x.destination)?,
        source_ports: ports(x.source_ports)?,
        destination_ports: ports(x.destination_ports)?,
        interface_in: x.interface_in.map(read_source).transpose()?,
        interface_out: x.interface_out.map(read_source).transpose()?,
        output: read_output(need("mirror output", x.output)?)?,
    })
}

fn source(x: &MirrorSource) -> proto::MirrorSource {
    let at = match *x {
        MirrorSource::Port(port) => At::Port(port.0.into()),
        MirrorSource::Unit(unit) => At::Unit(unit.0.into()),
    };
    proto::MirrorSource { at: Some(at) }
}

fn read_source(x: proto::MirrorSource) -> Read<MirrorSource> {
    Ok(match need("mirrored interface", x.at)? {
        At::Port(port) => MirrorSource::Port(PortId(small("port id", port)?)),
        At::Unit(unit) => MirrorSource::Unit(InterfaceId(small("unit id", unit)?)),
    })
}

fn output(x: &MirrorOutput) -> proto::MirrorOutput {
    let MirrorOutput { port, unit, to } = *x;
    proto::MirrorOutput {
        port: port.0.into(),
        unit: unit.map(|u| u.0.into()),
        to: match to {
            MirrorTo::AsItIs => None,
            MirrorTo::NextHop(family, addr) => Some(To::NextHop(write_address(family, addr))),
            MirrorTo::Station(mac) => Some(To::Station(mac.0.to_vec())),
        },
    }
}

fn read_output(x: proto::MirrorOutput) -> Read<MirrorOutput> {
    Ok(MirrorOutput {
        port: PortId(small("port id", x.port)?),
        unit: x.unit.map(|u| small("unit id", u).map(InterfaceId)).transpose()?,
        to: match x.to {
            None => MirrorTo::AsItIs,
            Some(To::NextHop(bytes)) => {
                let (family, addr) = address(&bytes)?;
                MirrorTo::NextHop(family, addr)
            }
            Some(To::Station(bytes)) => {
                MirrorTo::Station(Mac(bytes.try_into().map_err(|_| WireError::Address)?))
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use ravelin_types::{Addr, Family, Generation};

    use super::*;
    use crate::{Chunk, ChunkKey, Digest, PortRange, Program};

    /// Written by hand from program.proto: what an older peer sends is still understood.
    const GOLDEN: &[u8] = b"\x82\x01\x4e\
        \x0a\x29\x08\x03\x10\x07\x1a\x01m\x20\x01\x28\xe8\x07\x30\x02\x38\x80\x01\x42\x02\x08\x01\x4a\x02\x10\x05\
        \x52\x0a\x08\x02\x10\x06\x1a\x04\x0a\x00\x00\x02\x62\x02\x08\x04\
        \x12\x21\x08\x09\x10\x08\x1a\x01f\x20\x11\x42\x04\x08\x05\x10\x06\x52\x02\x10\x05\
        \x5a\x0c\x08\x02\x10\x06\x22\x06\x02\x00\x00\x00\x00\x09";

    fn mirrors() -> Mirrors {
        let output = |to| MirrorOutput { port: PortId(2), unit: Some(InterfaceId(6)), to };
        let instance = Mirror {
            id: MirrorId(3),
            identity: RuleIdentity(7),
            name: "m".into(),
            enabled: true,
            rate: 1000,
            run_length: 2,
            len_max: 128,
            ingress: vec![MirrorSource::Port(PortId(1))],
            egress: vec![MirrorSource::Unit(InterfaceId(5))],
            outputs: MirrorOutputs {
                inet: Some(output(MirrorTo::NextHop(Family::V4, Addr::v4([10, 0, 0, 2])))),
                inet6: None,
                any: Some(MirrorOutput { port: PortId(4), unit: None, to: MirrorTo::AsItIs }),
            },
        };
        let filter = MirrorFilter {
            id: MirrorId(9),
            identity: RuleIdentity(8),
            name: "f".into(),
            proto: Some(Proto::UDP),
            source: None,
            destination: None,
            source_ports: None,
            destination_ports: Some(PortRange { low: 5, high: 6 }),
            interface_in: None,
            interface_out: Some(MirrorSource::Unit(InterfaceId(5))),
            output: output(MirrorTo::Station(Mac([2, 0, 0, 0, 0, 9]))),
        };
        Mirrors { instances: vec![instance], filters: vec![filter] }
    }

    fn decode_chunk(bytes: &[u8]) -> Read<Chunk> {
        Chunk::decode(bytes, &ChunkKey { kind: 16, name: String::new() }, &Digest::of(bytes))
    }

    #[test]
    fn the_section_is_these_bytes() {
        let chunk = Chunk::Mirrors(mirrors());
        assert_eq!((chunk.kind(), chunk.encode()), (16, GOLDEN.to_vec()));
        assert_eq!(decode_chunk(GOLDEN).unwrap(), chunk);
    }

    #[test]
    fn what_a_later_version_adds_is_tolerated_and_a_program_without_the_section_mirrors_nothing() {
        // Field 100 of Mirrors, three bytes; the section is 6 bytes longer.
        let mut longer = GOLDEN.to_vec();
        longer[2] += 6;
        longer.extend(b"\xa2\x06\x03abc");
        assert_eq!(decode_chunk(&longer).unwrap(), Chunk::Mirrors(mirrors()));
        let bare = Program::new(Generation(1), []);
        assert!(bare.mirrors().is_none());
        let empty = Chunk::Mirrors(Mirrors::default());
        assert_eq!(decode_chunk(&empty.encode()).unwrap(), empty);
    }

    #[test]
    fn values_that_mean_nothing_are_refused() {
        let refused = |change: fn(&mut proto::Mirrors)| {
            let mut message = encode(&mirrors());
            change(&mut message);
            assert!(decode(message).is_err());
        };
        refused(|m| m.instances[0].rate = 0);
        refused(|m| m.instances[0].rate = 65_536);
        refused(|m| m.instances[0].id = 65_536);
        refused(|m| m.instances[0].run_length = 256);
        refused(|m| m.instances[0].ingress[0].at = None);
        refused(|m| m.instances[0].inet.as_mut().unwrap().to = Some(To::NextHop(vec![1, 2, 3])));
        refused(|m| m.filters[0].output.as_mut().unwrap().to = Some(To::Station(vec![1; 7])));
        refused(|m| m.filters[0].output = None);
        refused(|m| m.filters = vec![m.filters[0].clone(); 16]);
    }
}
