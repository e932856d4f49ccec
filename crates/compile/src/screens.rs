//! `security screen` to profiles, and the zones they are bound to. Spec: screen-1..6, screen-40..49.

use std::collections::HashMap;

use ipnet::IpNet;
use ravelin_model::{
    AddressLimit, IdsOption, LimitSession, MatchDirection, NumberRange, Screen as ScreenConfig,
    ScreenAggregation, ScreenIcmp, ScreenIp, ScreenSynFlood, ScreenTcp, ScreenTunnel, ScreenWhiteList,
    SideLimit, SynFloodProtection, Threshold,
};
use ravelin_program::{
    Aggregation, Allowance, Prefix, Screen, ScreenDirection, ScreenProfile, ScreenSet, Screens, SideLimits,
    Sweeps, SynFlood, SynProtection, SynWhiteList, UdpFlood, UserDefined, WhiteList,
};

use crate::Compiler;

/// Junos' defaults: packets or requests a second, microseconds, connections, seconds.
const FLOOD: u32 = 1000;
const SWEEP: u32 = 5000;
const SYN_ACK_ACK: u32 = 512;
const TRAP_INTERVAL: u32 = 2;

/// Prefixes of white-lists by name.
type Lists<'a> = HashMap<&'a str, Vec<Prefix>>;

impl Compiler<'_> {
    pub(crate) fn screens(&mut self) -> Screens {
        let config = self.config;
        let screen = &config.security.screen;
        let lists: Lists<'_> =
            screen.white_lists.iter().map(|l| (l.name.as_str(), prefixes(&l.addresses))).collect();
        let profiles: Vec<_> = screen.ids_options.iter().map(|option| profile(option, &lists)).collect();
        let mut zones = Vec::new();
        for zone in config.security.every_zone() {
            let found = profiles.iter().position(|p| zone.screen == Some(&p.name));
            let Some(index) = found else { continue };
            let id = self.zone_id(&zone);
            match u16::try_from(index).ok().filter(|index| *index < u16::MAX) {
                Some(index) => zones.push((id, index)),
                None => self.error("security screen ids-option", zone.at, "too many screen profiles"),
            }
        }
        let protection = match config.security.flow.syn_protection {
            None | Some(SynFloodProtection::Cookie) => SynProtection::Cookie,
            Some(SynFloodProtection::Proxy) => SynProtection::Proxy,
        };
        let trap_interval = screen.trap_interval.unwrap_or(TRAP_INTERVAL);
        let white_lists = white_lists(screen);
        Screens { profiles, zones, protection, trap_interval, white_lists }
    }
}

/// The lists as they are called, each with the profiles that name it.
fn white_lists(screen: &ScreenConfig) -> Vec<WhiteList> {
    let one = |list: &ScreenWhiteList| {
        let names_it = |option: &IdsOption| named_by(option).any(|name| *name == list.name);
        let profiles = screen.ids_options.iter().enumerate().filter(|(_, option)| names_it(option));
        WhiteList {
            name: list.name.clone(),
            addresses: prefixes(&list.addresses),
            profiles: profiles.filter_map(|(index, _)| u16::try_from(index).ok()).collect(),
        }
    };
    screen.white_lists.iter().map(one).collect()
}

/// The white-lists that a profile names, in whichever place.
fn named_by(option: &IdsOption) -> impl Iterator<Item = &String> {
    let LimitSession { by_source, by_destination, .. } = &option.limit_session;
    let of_limits = [by_source, by_destination]
        .into_iter()
        .flat_map(|SideLimit { all, tcp, udp, icmp }| [all, tcp, udp, icmp])
        .flat_map(|limit| &limit.white_lists);
    let of_fragments = option.ip.block_frag.iter().flat_map(|block| &block.white_lists);
    let of_datagrams = option.udp.flood.iter().flat_map(|flood| &flood.white_lists);
    of_limits.chain(of_fragments).chain(of_datagrams)
}

fn profile(option: &IdsOption, lists: &Lists<'_>) -> ScreenProfile {
    let LimitSession { source, destination, by_source, by_destination } = &option.limit_session;
    let threshold = |found: &Option<Threshold>, default| {
        found.as_ref().map(|Threshold { threshold }| threshold.unwrap_or(default))
    };
    let udp_flood = option.udp.flood.as_ref().map(|flood| UdpFlood {
        threshold: flood.threshold.unwrap_or(FLOOD),
        white_list: named(&flood.white_lists, lists),
    });
    let header = &option.ip.extension_header;
    ScreenProfile {
        name: option.name.clone(),
        alarm_without_drop: option.alarm_without_drop,
        direction: match option.match_direction {
            None | Some(MatchDirection::Input) => ScreenDirection::Input,
            Some(MatchDirection::Output) => ScreenDirection::Output,
            Some(MatchDirection::InputOutput) => ScreenDirection::Both,
        },
        aggregation: aggregation(&option.aggregation),
        checks: checks(option),
        user_defined: UserDefined {
            hop_options: numbers(&header.hop_by_hop.user_defined),
            destination_options: numbers(&header.destination.user_defined),
            headers: numbers(&header.user_defined),
        },
        header_limit: option.ip.extension_header_limit,
        fragment_white_list: option
            .ip
            .block_frag
            .as_ref()
            .map_or_else(Vec::new, |b| named(&b.white_lists, lists)),
        icmp_flood: threshold(&option.icmp.flood, FLOOD),
        udp_flood,
        syn_flood: option.tcp.syn_flood.as_ref().map(syn_flood),
        sweeps: Sweeps {
            ip_sweep: threshold(&option.icmp.ip_sweep, SWEEP),
            tcp_sweep: threshold(&option.tcp.tcp_sweep, SWEEP),
            udp_sweep: threshold(&option.udp.udp_sweep, SWEEP),
            tcp_port_scan: threshold(&option.tcp.port_scan, SWEEP),
            udp_port_scan: threshold(&option.udp.port_scan, SWEEP),
        },
        syn_ack_ack: threshold(&option.tcp.syn_ack_ack_proxy, SYN_ACK_ACK),
        source_sessions: *source,
        destination_sessions: *destination,
        by_source: side(by_source, lists),
        by_destination: side(by_destination, lists),
    }
}

fn aggregation(masks: &ScreenAggregation) -> Aggregation {
    let whole = Aggregation::default();
    let ScreenAggregation { source4, destination4, source6, destination6 } = masks;
    Aggregation {
        source4: source4.unwrap_or(whole.source4),
        destination4: destination4.unwrap_or(whole.destination4),
        source6: source6.unwrap_or(whole.source6),
        destination6: destination6.unwrap_or(whole.destination6),
    }
}

/// The screens that are just on.
fn checks(option: &IdsOption) -> ScreenSet {
    let ScreenIcmp { ip_sweep: _, fragment, large, flood: _, ping_death, icmpv6_malformed } = &option.icmp;
    let ScreenTcp { syn_fin, fin_no_ack, no_flag, syn_frag, land, winnuke, .. } = &option.tcp;
    let flags = [
        (Screen::IcmpFragment, fragment),
        (Screen::IcmpLarge, large),
        (Screen::PingDeath, ping_death),
        (Screen::Icmpv6Malformed, icmpv6_malformed),
        (Screen::SynFin, syn_fin),
        (Screen::FinNoAck, fin_no_ack),
        (Screen::TcpNoFlag, no_flag),
        (Screen::SynFrag, syn_frag),
        (Screen::Land, land),
        (Screen::Winnuke, winnuke),
    ];
    let mut set: ScreenSet = flags.into_iter().filter(|(_, is_on)| **is_on).map(|(s, _)| s).collect();
    for part in [ip_checks(&option.ip), header_checks(&option.ip), tunnel_checks(&option.ip.tunnel)] {
        set.0 |= part.0;
    }
    set
}

fn ip_checks(ip: &ScreenIp) -> ScreenSet {
    let flags = [
        (Screen::BadOption, ip.bad_option),
        (Screen::RecordRoute, ip.record_route_option),
        (Screen::TimestampOption, ip.timestamp_option),
        (Screen::SecurityOption, ip.security_option),
        (Screen::StreamOption, ip.stream_option),
        (Screen::Spoofing, ip.spoofing),
        (Screen::SourceRoute, ip.source_route_option),
        (Screen::LooseSourceRoute, ip.loose_source_route_option),
        (Screen::StrictSourceRoute, ip.strict_source_route_option),
        (Screen::UnknownProtocol, ip.unknown_protocol),
        (Screen::BlockFrag, ip.block_frag.is_some()),
        (Screen::TearDrop, ip.tear_drop),
        (Screen::Ipv6Malformed, ip.malformed_header),
    ];
    on(&flags)
}

fn header_checks(ip: &ScreenIp) -> ScreenSet {
    let header = &ip.extension_header;
    let (hop, destination) = (&header.hop_by_hop, &header.destination);
    let flags = [
        (Screen::HopJumbo, hop.jumbo_payload),
        (Screen::HopRouterAlert, hop.router_alert),
        (Screen::HopQuickStart, hop.quick_start),
        (Screen::HopCalipso, hop.calipso),
        (Screen::HopSmfDpd, hop.smf_dpd),
        (Screen::HopRpl, hop.rpl),
        (Screen::DestinationTunnelLimit, destination.tunnel_encapsulation_limit),
        (Screen::DestinationHomeAddress, destination.home_address),
        (Screen::DestinationIlnpNonce, destination.ilnp_nonce),
        (Screen::DestinationLineId, destination.line_identification),
        (Screen::RoutingHeader, header.routing),
        (Screen::FragmentHeader, header.fragment),
        (Screen::EspHeader, header.esp),
        (Screen::AhHeader, header.ah),
        (Screen::NoNextHeader, header.no_next),
        (Screen::Shim6Header, header.shim6),
        (Screen::MobilityHeader, header.mobility),
        (Screen::HipHeader, header.hip),
    ];
    on(&flags)
}

fn tunnel_checks(tunnel: &ScreenTunnel) -> ScreenSet {
    let flags = [
        (Screen::BadInnerHeader, tunnel.bad_inner_header),
        (Screen::Gre6in4, tunnel.gre_6in4),
        (Screen::Gre4in6, tunnel.gre_4in6),
        (Screen::Gre6in6, tunnel.gre_6in6),
        (Screen::Gre4in4, tunnel.gre_4in4),
        (Screen::Teredo, tunnel.teredo),
        (Screen::Ipip6to4Relay, tunnel.ipip_6to4relay),
        (Screen::Ipip6in4, tunnel.ipip_6in4),
        (Screen::Ipip4in6, tunnel.ipip_4in6),
        (Screen::Ipip4in4, tunnel.ipip_4in4),
        (Screen::Ipip6in6, tunnel.ipip_6in6),
        (Screen::Ipip6over4, tunnel.ipip_6over4),
        (Screen::Isatap, tunnel.isatap),
        (Screen::DsLite, tunnel.dslite),
    ];
    on(&flags)
}

fn on(flags: &[(Screen, bool)]) -> ScreenSet {
    flags.iter().filter(|(_, is_on)| *is_on).map(|(screen, _)| *screen).collect()
}

fn syn_flood(flood: &ScreenSynFlood) -> SynFlood {
    let ScreenSynFlood { alarm, attack, source, destination, timeout, queue_size, white_lists } = flood;
    SynFlood {
        alarm: alarm.unwrap_or(512),
        attack: attack.unwrap_or(200),
        source: source.unwrap_or(4000),
        destination: destination.unwrap_or(4000),
        timeout: timeout.unwrap_or(20),
        queue_size: queue_size.unwrap_or(1024),
        white_lists: white_lists
            .iter()
            .map(|l| SynWhiteList { sources: prefixes(&l.sources), destinations: prefixes(&l.destinations) })
            .collect(),
    }
}

fn side(limit: &SideLimit, lists: &Lists<'_>) -> SideLimits {
    let SideLimit { all, tcp, udp, icmp } = limit;
    let one = |AddressLimit { sessions, packet_rate, session_rate, white_lists }: &AddressLimit| Allowance {
        sessions: *sessions,
        packet_rate: *packet_rate,
        session_rate: *session_rate,
        white_list: named(white_lists, lists),
    };
    SideLimits { all: one(all), tcp: one(tcp), udp: one(udp), icmp: one(icmp) }
}

fn prefixes(list: &[IpNet]) -> Vec<Prefix> {
    list.iter().map(|net| Prefix::from(*net)).collect()
}

/// The prefixes of named lists; the checks let no name through that is not defined.
fn named(names: &[String], lists: &Lists<'_>) -> Vec<Prefix> {
    names.iter().filter_map(|name| lists.get(name.as_str())).flatten().copied().collect()
}

fn numbers(list: &[NumberRange]) -> Vec<(u8, u8)> {
    list.iter().map(|range| (range.low, range.high.unwrap_or(range.low))).collect()
}
