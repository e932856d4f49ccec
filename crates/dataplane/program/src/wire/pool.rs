//! Source pools to and from their messages.

use ravelin_nat::{
    AddressRange, Assignment, BlockSpec, DeterministicSpec, HostPrefix, OVERLOAD_MAX, Overflow, PoolId,
    PoolMode, PoolSpec, Ports, Selection,
};
use ravelin_types::{Addr, Family, Seconds};

use super::decode::{Read, address, all, instance_id, need, range as read_range, small};
use super::encode::{address as write_address, range};
use super::proto::source_pool::Mode;
use super::{WireError, proto};
use crate::{PortRange, SourcePool, SourcePools};

pub(super) fn pools(x: &SourcePools) -> proto::SourcePools {
    let SourcePools { pools, interface, allow_overlapping, allow_distinct_ports, silent_mappings } = x;
    proto::SourcePools {
        pools: pools.iter().map(pool).collect(),
        interface: Some(ports(interface)),
        allow_overlapping: *allow_overlapping,
        allow_distinct_ports: *allow_distinct_ports,
        silent_mappings: *silent_mappings,
    }
}

pub(super) fn read_pools(x: proto::SourcePools) -> Read<SourcePools> {
    let proto::SourcePools { pools, interface, allow_overlapping, allow_distinct_ports, silent_mappings } = x;
    Ok(SourcePools {
        pools: all(pools, read_pool)?,
        interface: read_ports(interface)?,
        allow_overlapping,
        allow_distinct_ports,
        silent_mappings,
    })
}

fn pool(x: &SourcePool) -> proto::SourcePool {
    let SourcePool { name, instance, spec } = x;
    let PoolSpec { id, family, ranges, mode, assignment, overflow } = spec;
    let (assignment, ipv6_prefix) = match *assignment {
        Assignment::RoundRobin => (1, 0),
        Assignment::Persistent { ipv6_prefix } => (2, ipv6_prefix),
        Assignment::Paired => (3, 0),
    };
    let of = |r: &AddressRange| proto::AddressRange {
        first: write_address(*family, r.first),
        last: write_address(*family, r.last),
    };
    proto::SourcePool {
        id: id.0.into(),
        name: name.clone(),
        instance: instance.map(|id| id.0.into()),
        family: if *family == Family::V4 { 4 } else { 6 },
        ranges: ranges.iter().map(of).collect(),
        mode: Some(write_mode(mode)),
        assignment,
        ipv6_prefix: ipv6_prefix.into(),
        overflow_pool: match overflow {
            Some(Overflow::Pool(other)) => Some(other.0.into()),
            Some(Overflow::Interface) | None => None,
        },
        overflow_interface: *overflow == Some(Overflow::Interface),
    }
}

fn write_mode(x: &PoolMode) -> Mode {
    match x {
        PoolMode::Translate(x) => Mode::Translate(ports(x)),
        PoolMode::Blocks(p, spec) => {
            let BlockSpec {
                size,
                per_host,
                active_timeout,
                last_recycle_timeout,
                interim_interval,
                is_silent,
            } = *spec;
            Mode::Blocks(proto::PoolBlocks {
                ports: Some(ports(p)),
                size: size.into(),
                per_host: per_host.into(),
                active_timeout: active_timeout.0,
                last_recycle_timeout: last_recycle_timeout.0,
                interim_interval: interim_interval.0,
                is_silent,
            })
        }
        PoolMode::Deterministic(p, DeterministicSpec { block_size, hosts, include_boundary }) => {
            let host = |h: &HostPrefix| proto::HostPrefix {
                addr: write_address(h.family, h.addr),
                len: h.len.into(),
            };
            Mode::Deterministic(proto::PoolDeterministic {
                ports: Some(ports(p)),
                block_size: (*block_size).into(),
                hosts: hosts.iter().map(host).collect(),
                include_boundary: *include_boundary,
            })
        }
        PoolMode::NoTranslation => Mode::NoTranslation(proto::PoolWhole {}),
        PoolMode::Shared => Mode::Shared(proto::PoolWhole {}),
        PoolMode::Shift { hosts, base } => Mode::Shift(write_address(*hosts, *base)),
    }
}

fn ports(x: &Ports) -> proto::PoolPorts {
    let Ports { low, high, twin, selection, preserve_parity, preserve_range, overload } = *x;
    proto::PoolPorts {
        ports: Some(range(PortRange { low, high })),
        twin: Some(range(PortRange { low: twin.0, high: twin.1 })),
        round_robin: selection == Selection::RoundRobin,
        preserve_parity,
        preserve_range,
        overload: overload.into(),
    }
}

fn read_pool(x: proto::SourcePool) -> Read<SourcePool> {
    let family = match x.family {
        4 => Family::V4,
        6 => Family::V6,
        value => return Err(WireError::Range { what: "address family", value: value.into() }),
    };
    let overflow = match (x.overflow_pool, x.overflow_interface) {
        (Some(id), false) => Some(Overflow::Pool(PoolId(small("pool id", id)?))),
        (None, true) => Some(Overflow::Interface),
        (None, false) => None,
        (Some(id), true) => return Err(WireError::Range { what: "overflow pool", value: id.into() }),
    };
    let spec = PoolSpec {
        id: PoolId(small("pool id", x.id)?),
        family,
        ranges: all(x.ranges, |r| {
            Ok(AddressRange { first: of_family(family, &r.first)?, last: of_family(family, &r.last)? })
        })?,
        mode: read_mode(need("pool mode", x.mode)?)?,
        assignment: match x.assignment {
            1 => Assignment::RoundRobin,
            2 => Assignment::Persistent { ipv6_prefix: small("prefix length", x.ipv6_prefix)? },
            3 => Assignment::Paired,
            value => return Err(WireError::Range { what: "pool assignment", value: value.into() }),
        },
        overflow,
    };
    let instance = x.instance.map(instance_id).transpose()?;
    Ok(SourcePool { name: x.name, instance, spec })
}

fn of_family(family: Family, bytes: &[u8]) -> Read<Addr> {
    match address(bytes)? {
        (of, addr) if of == family => Ok(addr),
        _ => Err(WireError::Address),
    }
}

fn read_mode(x: Mode) -> Read<PoolMode> {
    Ok(match x {
        Mode::Translate(x) => PoolMode::Translate(read_ports(Some(x))?),
        Mode::Blocks(x) => PoolMode::Blocks(
            read_ports(x.ports)?,
            BlockSpec {
                size: small("block size", x.size)?,
                per_host: small("blocks a host", x.per_host)?,
                active_timeout: Seconds(x.active_timeout),
                last_recycle_timeout: Seconds(x.last_recycle_timeout),
                interim_interval: Seconds(x.interim_interval),
                is_silent: x.is_silent,
            },
        ),
        Mode::Deterministic(x) => PoolMode::Deterministic(
            read_ports(x.ports)?,
            DeterministicSpec {
                block_size: small("block size", x.block_size)?,
                hosts: all(x.hosts, read_host)?,
                include_boundary: x.include_boundary,
            },
        ),
        Mode::NoTranslation(proto::PoolWhole {}) => PoolMode::NoTranslation,
        Mode::Shared(proto::PoolWhole {}) => PoolMode::Shared,
        Mode::Shift(base) => {
            let (hosts, base) = address(&base)?;
            PoolMode::Shift { hosts, base }
        }
    })
}

fn read_host(x: proto::HostPrefix) -> Read<HostPrefix> {
    let (family, addr) = address(&x.addr)?;
    let len: u8 = small("prefix length", x.len)?;
    if len > if family == Family::V4 { 32 } else { 128 } {
        return Err(WireError::Range { what: "prefix length", value: len.into() });
    }
    Ok(HostPrefix { family, addr, len })
}

fn read_ports(x: Option<proto::PoolPorts>) -> Read<Ports> {
    let x = need("pool ports", x)?;
    let (PortRange { low, high }, twin) = (read_range(x.ports)?, read_range(x.twin)?);
    if !(1..=u32::from(OVERLOAD_MAX)).contains(&x.overload) {
        return Err(WireError::Range { what: "port overloading factor", value: x.overload.into() });
    }
    Ok(Ports {
        low,
        high,
        twin: (twin.low, twin.high),
        selection: if x.round_robin { Selection::RoundRobin } else { Selection::Random },
        preserve_parity: x.preserve_parity,
        preserve_range: x.preserve_range,
        overload: small("port overloading factor", x.overload)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chunk, ChunkKey, Digest};

    fn specs() -> Vec<PoolSpec> {
        let v4 = |n| Addr::v4([192, 0, 2, n]);
        let ports = Ports {
            low: 2000,
            high: 3000,
            twin: (63490, 63500),
            selection: Selection::RoundRobin,
            preserve_parity: true,
            preserve_range: true,
            overload: 7,
        };
        let hosts = vec![HostPrefix { family: Family::V6, addr: Addr(1 << 127), len: 120 }];
        let block = BlockSpec {
            size: 9,
            per_host: 3,
            active_timeout: Seconds(4),
            last_recycle_timeout: Seconds(5),
            interim_interval: Seconds(6),
            is_silent: true,
        };
        let modes = [
            PoolMode::Translate(ports),
            PoolMode::Blocks(Ports::default(), block),
            PoolMode::Deterministic(
                ports,
                DeterministicSpec { block_size: 64, hosts, include_boundary: true },
            ),
            PoolMode::NoTranslation,
            PoolMode::Shared,
            PoolMode::Shift { hosts: Family::V4, base: v4(77) },
            PoolMode::Shift { hosts: Family::V6, base: Addr(1) },
        ];
        let assignments =
            [Assignment::RoundRobin, Assignment::Persistent { ipv6_prefix: 64 }, Assignment::Paired];
        let overflows = [None, Some(Overflow::Interface), Some(Overflow::Pool(PoolId(1)))];
        let choices = assignments.into_iter().zip(overflows).cycle();
        let of = |(id, (mode, (assignment, overflow)))| PoolSpec {
            id: PoolId(id),
            family: Family::V4,
            ranges: vec![AddressRange { first: v4(1), last: v4(5) }, AddressRange::one(v4(9))],
            mode,
            assignment,
            overflow,
        };
        (1..).zip(modes.into_iter().zip(choices)).map(of).collect()
    }

    #[test]
    fn every_kind_of_pool_comes_back_from_the_wire() {
        let named = |spec: PoolSpec| SourcePool {
            name: format!("p{}", spec.id.0),
            instance: (spec.id.0 > 2).then_some(ravelin_types::InstanceId(spec.id.0)),
            spec,
        };
        let pools = SourcePools {
            pools: specs().into_iter().map(named).collect(),
            interface: Ports { overload: 4, ..Ports::default() },
            allow_overlapping: true,
            allow_distinct_ports: true,
            silent_mappings: true,
        };
        let chunk = Chunk::SourcePools(pools);
        let bytes = chunk.encode();
        let key = ChunkKey { kind: chunk.kind(), name: String::new() };
        assert_eq!(Chunk::decode(&bytes, &key, &Digest::of(&bytes)).unwrap(), chunk);
    }

    #[test]
    fn an_address_of_the_other_family_is_refused() {
        let spec = PoolSpec { family: Family::V6, ..specs().remove(0) };
        let mut message = pool(&SourcePool { name: String::new(), instance: None, spec });
        message.family = 4;
        assert!(matches!(read_pool(message), Err(WireError::Address)));
    }
}
