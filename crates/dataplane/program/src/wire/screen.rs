//! Screens to and from their messages: every field named, every value checked.

use ravelin_types::ZoneId;

use super::decode::{Read, all, need, small};
use super::{WireError, decode, encode, proto};
use crate::{
    Aggregation, Allowance, Screen, ScreenDirection, ScreenProfile, ScreenSet, Screens, SideLimits, Sweeps,
    SynFlood, SynProtection, SynWhiteList, UdpFlood, UserDefined, WhiteList,
};

pub(super) fn encode(x: &Screens) -> proto::Screens {
    let Screens { profiles, zones, protection, trap_interval, white_lists } = x;
    let zone =
        |(zone, index): &(ZoneId, u16)| proto::ScreenZone { zone: zone.0.into(), profile: (*index).into() };
    proto::Screens {
        profiles: profiles.iter().map(profile).collect(),
        zones: zones.iter().map(zone).collect(),
        protection: match protection {
            SynProtection::Cookie => 1,
            SynProtection::Proxy => 2,
        },
        trap_interval: *trap_interval,
        white_lists: white_lists.iter().map(white_list).collect(),
    }
}

fn white_list(x: &WhiteList) -> proto::WhiteList {
    let WhiteList { name, addresses, profiles } = x;
    proto::WhiteList {
        name: name.clone(),
        addresses: prefixes(addresses),
        profiles: profiles.iter().map(|index| (*index).into()).collect(),
    }
}

fn profile(x: &ScreenProfile) -> proto::ScreenProfile {
    let ScreenProfile {
        name,
        alarm_without_drop,
        direction,
        aggregation: Aggregation { source4, destination4, source6, destination6 },
        checks,
        user_defined: UserDefined { hop_options, destination_options, headers },
        header_limit,
        fragment_white_list,
        icmp_flood,
        udp_flood,
        syn_flood,
        sweeps: Sweeps { ip_sweep, tcp_sweep, udp_sweep, tcp_port_scan, udp_port_scan },
        syn_ack_ack,
        source_sessions,
        destination_sessions,
        by_source,
        by_destination,
    } = x;
    proto::ScreenProfile {
        name: name.clone(),
        alarm_without_drop: *alarm_without_drop,
        direction: match direction {
            ScreenDirection::Input => 1,
            ScreenDirection::Output => 2,
            ScreenDirection::Both => 3,
        },
        masks: Some(proto::ScreenMasks {
            source4: (*source4).into(),
            destination4: (*destination4).into(),
            source6: (*source6).into(),
            destination6: (*destination6).into(),
        }),
        checks: checks.iter().map(|screen| screen as u32).collect(),
        hop_options: ranges(hop_options),
        destination_options: ranges(destination_options),
        headers: ranges(headers),
        header_limit: header_limit.map(Into::into),
        fragment_white_list: prefixes(fragment_white_list),
        icmp_flood: *icmp_flood,
        udp_flood: udp_flood.as_ref().map(udp),
        syn_flood: syn_flood.as_ref().map(syn),
        sweeps: Some(proto::Sweeps {
            ip_sweep: *ip_sweep,
            tcp_sweep: *tcp_sweep,
            udp_sweep: *udp_sweep,
            tcp_port_scan: *tcp_port_scan,
            udp_port_scan: *udp_port_scan,
        }),
        syn_ack_ack: *syn_ack_ack,
        source_sessions: *source_sessions,
        destination_sessions: *destination_sessions,
        by_source: Some(side(by_source)),
        by_destination: Some(side(by_destination)),
    }
}

fn ranges(list: &[(u8, u8)]) -> Vec<proto::Range> {
    list.iter().map(|(low, high)| proto::Range { low: (*low).into(), high: (*high).into() }).collect()
}

fn prefixes(list: &[crate::Prefix]) -> Vec<proto::AddressRange> {
    list.iter().map(encode::prefix).collect()
}

fn udp(x: &UdpFlood) -> proto::UdpFlood {
    let UdpFlood { threshold, white_list } = x;
    proto::UdpFlood { threshold: *threshold, white_list: prefixes(white_list) }
}

fn syn(x: &SynFlood) -> proto::SynFlood {
    let SynFlood { alarm, attack, source, destination, timeout, queue_size, white_lists } = x;
    let pair = |SynWhiteList { sources, destinations }: &SynWhiteList| proto::SynWhiteList {
        sources: prefixes(sources),
        destinations: prefixes(destinations),
    };
    proto::SynFlood {
        alarm: *alarm,
        attack: *attack,
        source: *source,
        destination: *destination,
        timeout: *timeout,
        queue_size: *queue_size,
        white_lists: white_lists.iter().map(pair).collect(),
    }
}

fn side(x: &SideLimits) -> proto::SideLimits {
    let SideLimits { all, tcp, udp, icmp } = x;
    let one = |Allowance { sessions, packet_rate, session_rate, white_list }: &Allowance| {
        Some(proto::Allowance {
            sessions: *sessions,
            packet_rate: *packet_rate,
            session_rate: *session_rate,
            white_list: prefixes(white_list),
        })
    };
    proto::SideLimits { all: one(all), tcp: one(tcp), udp: one(udp), icmp: one(icmp) }
}

pub(super) fn decode(x: proto::Screens) -> Read<Screens> {
    let profiles = all(x.profiles, read_profile)?;
    let place = |index: u32| {
        let index: u16 = small("screen profile", index)?;
        if usize::from(index) >= profiles.len() {
            return Err(WireError::Range { what: "screen profile", value: index.into() });
        }
        Ok(index)
    };
    let zones = all(x.zones, |z| Ok((ZoneId(small("zone id", z.zone)?), place(z.profile)?)))?;
    let white_lists = all(x.white_lists, |list| {
        let (addresses, profiles) = (all(list.addresses, decode::prefix)?, all(list.profiles, place)?);
        Ok(WhiteList { name: list.name, addresses, profiles })
    })?;
    let protection = match x.protection {
        1 => SynProtection::Cookie,
        2 => SynProtection::Proxy,
        value => return Err(range("SYN flood protection mode", value)),
    };
    Ok(Screens { profiles, zones, protection, trap_interval: x.trap_interval, white_lists })
}

fn range(what: &'static str, value: u32) -> WireError {
    WireError::Range { what, value: value.into() }
}

fn read_profile(x: proto::ScreenProfile) -> Read<ScreenProfile> {
    let sweeps = need("sweeps", x.sweeps)?;
    let screen = |number| Screen::from_number(number).ok_or(range("screen", number));
    Ok(ScreenProfile {
        name: x.name,
        alarm_without_drop: x.alarm_without_drop,
        direction: match x.direction {
            1 => ScreenDirection::Input,
            2 => ScreenDirection::Output,
            3 => ScreenDirection::Both,
            value => return Err(range("screen direction", value)),
        },
        aggregation: read_masks(&need("screen masks", x.masks)?)?,
        checks: x.checks.into_iter().map(screen).collect::<Read<ScreenSet>>()?,
        user_defined: UserDefined {
            hop_options: all(x.hop_options, octets)?,
            destination_options: all(x.destination_options, octets)?,
            headers: all(x.headers, octets)?,
        },
        header_limit: x.header_limit.map(|limit| small("extension header limit", limit)).transpose()?,
        fragment_white_list: all(x.fragment_white_list, decode::prefix)?,
        icmp_flood: x.icmp_flood,
        udp_flood: x.udp_flood.map(read_udp).transpose()?,
        syn_flood: x.syn_flood.map(read_syn).transpose()?,
        sweeps: Sweeps {
            ip_sweep: sweeps.ip_sweep,
            tcp_sweep: sweeps.tcp_sweep,
            udp_sweep: sweeps.udp_sweep,
            tcp_port_scan: sweeps.tcp_port_scan,
            udp_port_scan: sweeps.udp_port_scan,
        },
        syn_ack_ack: x.syn_ack_ack,
        source_sessions: x.source_sessions,
        destination_sessions: x.destination_sessions,
        by_source: read_side(need("by-source", x.by_source)?)?,
        by_destination: read_side(need("by-destination", x.by_destination)?)?,
    })
}

fn read_masks(x: &proto::ScreenMasks) -> Read<Aggregation> {
    let mask = |value: u32, most: u8| {
        let mask: u8 = small("aggregation mask", value)?;
        if mask == 0 || mask > most { Err(range("aggregation mask", value)) } else { Ok(mask) }
    };
    Ok(Aggregation {
        source4: mask(x.source4, 32)?,
        destination4: mask(x.destination4, 32)?,
        source6: mask(x.source6, 128)?,
        destination6: mask(x.destination6, 128)?,
    })
}

fn octets(x: proto::Range) -> Read<(u8, u8)> {
    Ok((small("IPv6 option or header", x.low)?, small("IPv6 option or header", x.high)?))
}

fn read_udp(x: proto::UdpFlood) -> Read<UdpFlood> {
    Ok(UdpFlood { threshold: x.threshold, white_list: all(x.white_list, decode::prefix)? })
}

fn read_syn(x: proto::SynFlood) -> Read<SynFlood> {
    let pair = |x: proto::SynWhiteList| {
        Ok(SynWhiteList {
            sources: all(x.sources, decode::prefix)?,
            destinations: all(x.destinations, decode::prefix)?,
        })
    };
    Ok(SynFlood {
        alarm: x.alarm,
        attack: x.attack,
        source: x.source,
        destination: x.destination,
        timeout: x.timeout,
        queue_size: x.queue_size,
        white_lists: all(x.white_lists, pair)?,
    })
}

fn read_side(x: proto::SideLimits) -> Read<SideLimits> {
    let one = |x: Option<proto::Allowance>| {
        let x = need("allowance", x)?;
        Ok::<_, WireError>(Allowance {
            sessions: x.sessions,
            packet_rate: x.packet_rate,
            session_rate: x.session_rate,
            white_list: all(x.white_list, decode::prefix)?,
        })
    };
    Ok(SideLimits { all: one(x.all)?, tcp: one(x.tcp)?, udp: one(x.udp)?, icmp: one(x.icmp)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chunk, ChunkKey, Digest, Prefix};
    use ravelin_types::{Addr, Family};

    fn decoded(bytes: &[u8]) -> Result<Chunk, WireError> {
        Chunk::decode(bytes, &ChunkKey { kind: 7, name: String::new() }, &Digest::of(bytes))
    }

    /// Written by hand after proto/ravelin/program.proto: a number that changes breaks running peers.
    #[test]
    fn the_wire_form_is_pinned() {
        let mut profile =
            ScreenProfile { name: "u".to_owned(), icmp_flood: Some(1000), ..ScreenProfile::default() };
        profile.checks = ScreenSet::of(&[Screen::PingDeath, Screen::Land]);
        profile.sweeps.ip_sweep = Some(5000);
        let screens = Screens {
            profiles: vec![profile],
            zones: vec![(ZoneId(3), 0)],
            protection: SynProtection::Cookie,
            trap_interval: 2,
            white_lists: Vec::new(),
        };
        let profile: &[&[u8]] = &[
            &[0x0a, 1, b'u', 0x18, 1],
            &[0x22, 10, 0x08, 32, 0x10, 32, 0x18, 0x80, 1, 0x20, 0x80, 1],
            &[0x2a, 2, 14, 16],
            &[0x58, 0xe8, 7],
            &[0x72, 3, 0x08, 0x88, 0x27],
            &[0x92, 1, 8, 0x0a, 0, 0x12, 0, 0x1a, 0, 0x22, 0],
            &[0x9a, 1, 8, 0x0a, 0, 0x12, 0, 0x1a, 0, 0x22, 0],
        ];
        let profile = profile.concat();
        let screens_bytes =
            [&[0x0a, profile.len() as u8][..], &profile, &[0x12, 2, 0x08, 3, 0x18, 1, 0x20, 2]].concat();
        let bytes = [&[0x3a, screens_bytes.len() as u8][..], &screens_bytes].concat();
        let chunk = Chunk::Screens(screens);
        assert_eq!(chunk.encode(), bytes);
        assert_eq!(decoded(&bytes).unwrap(), chunk);
    }

    fn allowance(n: u32) -> Allowance {
        let prefix = Prefix { family: Family::V6, first: Addr(n.into()), last: Addr(u128::MAX) };
        Allowance {
            sessions: Some(n),
            packet_rate: Some(n + 1),
            session_rate: None,
            white_list: vec![prefix],
        }
    }

    #[test]
    fn everything_comes_back() {
        let side = |n| SideLimits {
            all: allowance(n),
            tcp: allowance(n + 10),
            udp: allowance(n + 20),
            icmp: allowance(n + 30),
        };
        let prefixes = vec![Prefix::all(Family::V4)];
        let pair = SynWhiteList { sources: prefixes.clone(), destinations: vec![Prefix::all(Family::V6)] };
        let profile = ScreenProfile {
            name: "all".to_owned(),
            alarm_without_drop: true,
            direction: ScreenDirection::Both,
            aggregation: Aggregation { source4: 24, destination4: 25, source6: 64, destination6: 65 },
            checks: Screen::ALL.iter().copied().collect(),
            user_defined: UserDefined {
                hop_options: vec![(1, 2)],
                destination_options: vec![(3, 4)],
                headers: vec![(0, 255)],
            },
            header_limit: Some(0),
            fragment_white_list: prefixes.clone(),
            icmp_flood: Some(1),
            udp_flood: Some(UdpFlood { threshold: 2, white_list: prefixes }),
            syn_flood: Some(SynFlood {
                alarm: 1,
                attack: 2,
                source: 3,
                destination: 4,
                timeout: 5,
                queue_size: 6,
                white_lists: vec![pair],
            }),
            sweeps: Sweeps {
                ip_sweep: Some(1),
                tcp_sweep: Some(2),
                udp_sweep: Some(3),
                tcp_port_scan: Some(4),
                udp_port_scan: Some(5),
            },
            syn_ack_ack: Some(7),
            source_sessions: Some(8),
            destination_sessions: Some(9),
            by_source: side(100),
            by_destination: side(200),
        };
        let chunk = Chunk::Screens(Screens {
            profiles: vec![ScreenProfile::default(), profile],
            zones: vec![(ZoneId(1), 1), (ZoneId(2), 0)],
            protection: SynProtection::Proxy,
            trap_interval: 3600,
            white_lists: vec![
                WhiteList::default(),
                WhiteList {
                    name: "offices".to_owned(),
                    addresses: vec![Prefix::all(Family::V6)],
                    profiles: vec![1, 0],
                },
            ],
        });
        assert_eq!(decoded(&chunk.encode()).unwrap(), chunk);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let refused = |change: fn(&mut proto::Screens)| {
            let screens = Screens {
                profiles: vec![ScreenProfile::default()],
                zones: vec![(ZoneId(1), 0)],
                ..Screens::default()
            };
            let mut message = encode(&screens);
            change(&mut message);
            decode(message).expect_err("accepted").to_string()
        };
        assert_eq!(refused(|m| m.zones[0].profile = 1), "screen profile out of range: 1");
        let of_none = |m: &mut proto::Screens| {
            m.white_lists = vec![proto::WhiteList { profiles: vec![1], ..Default::default() }];
        };
        assert_eq!(refused(of_none), "screen profile out of range: 1");
        assert_eq!(refused(|m| m.profiles[0].checks = vec![200]), "screen out of range: 200");
        assert_eq!(refused(|m| m.profiles[0].direction = 0), "screen direction out of range: 0");
        assert_eq!(refused(|m| m.protection = 9), "SYN flood protection mode out of range: 9");
        assert_eq!(refused(|m| m.profiles[0].sweeps = None), "missing sweeps");
        let mask = |m: &mut proto::Screens| m.profiles[0].masks.as_mut().unwrap().source4 = 33;
        assert_eq!(refused(mask), "aggregation mask out of range: 33");
    }
}
