//! `show security screen ids-option`: a profile's values. `show security screen white-list`: whom screens leave alone.

use ravelin_program::{Program, ScreenDirection, ScreenProfile, SideLimits, UserDefined, WhiteList};

use super::Failure;
use super::rules::range_text;
use crate::session::Env;
use crate::watch::{ScreenOptions, WhiteListEntry};

/// Lists as the configuration has them, or the one of a name.
pub(crate) fn white_lists(env: &Env<'_>, name: Option<&str>) -> Result<Vec<WhiteListEntry>, Failure> {
    let screens = env.names.program().and_then(Program::screens);
    let entry = |list: &WhiteList| WhiteListEntry {
        name: list.name.clone(),
        addresses: list.addresses.iter().flat_map(range_text).collect(),
        profiles: (list.profiles.iter())
            .filter_map(|index| screens?.profiles.get(usize::from(*index)))
            .map(|profile| profile.name.clone())
            .collect(),
    };
    let all = screens.map_or(&[][..], |screens| &screens.white_lists);
    let meant = |list: &&WhiteList| name.is_none_or(|name| name == list.name);
    let found: Vec<_> = all.iter().filter(meant).map(entry).collect();
    match name {
        Some(name) if found.is_empty() => {
            Err(Failure::NotFound { what: "white-list", name: name.to_owned() })
        }
        _ => Ok(found),
    }
}

pub(crate) fn options(env: &Env<'_>, name: &str) -> Result<ScreenOptions, Failure> {
    let not_found = || Failure::NotFound { what: "screen", name: name.to_owned() };
    let screens = env.names.program().and_then(Program::screens).ok_or_else(not_found)?;
    let at = screens.profiles.iter().position(|profile| profile.name == name).ok_or_else(not_found)?;
    let bound = screens.zones.iter().filter(|(_, profile)| usize::from(*profile) == at);
    Ok(ScreenOptions {
        name: name.to_owned(),
        zones: bound.map(|(zone, _)| env.names.zone(*zone)).collect(),
        options: lines(&screens.profiles[at]),
    })
}

/// What is on, and the thresholds, by the names that Junos gives them.
fn lines(profile: &ScreenProfile) -> Vec<(String, String)> {
    let ScreenProfile {
        name: _,
        alarm_without_drop,
        direction,
        // What is counted together shows in the configuration alone, as on an SRX.
        aggregation: _,
        checks,
        user_defined,
        header_limit,
        fragment_white_list: _,
        icmp_flood,
        udp_flood,
        syn_flood,
        sweeps,
        syn_ack_ack,
        source_sessions,
        destination_sessions,
        by_source,
        by_destination,
    } = profile;
    let mut out: Vec<(String, String)> =
        checks.iter().map(|screen| (screen.text().to_owned(), "enabled".to_owned())).collect();
    let syn = syn_flood.as_ref();
    let thresholds = [
        ("ICMP flood threshold", *icmp_flood),
        ("UDP flood threshold", udp_flood.as_ref().map(|flood| flood.threshold)),
        ("TCP SYN flood attack threshold", syn.map(|flood| flood.attack)),
        ("TCP SYN flood alarm threshold", syn.map(|flood| flood.alarm)),
        ("TCP SYN flood source threshold", syn.map(|flood| flood.source)),
        ("TCP SYN flood destination threshold", syn.map(|flood| flood.destination)),
        ("TCP SYN flood timeout", syn.map(|flood| flood.timeout)),
        ("TCP port scan threshold", sweeps.tcp_port_scan),
        ("UDP port scan threshold", sweeps.udp_port_scan),
        ("ICMP address sweep threshold", sweeps.ip_sweep),
        ("TCP address sweep threshold", sweeps.tcp_sweep),
        ("UDP address sweep threshold", sweeps.udp_sweep),
        ("TCP SYN-ACK-ACK proxy threshold", *syn_ack_ack),
        ("Session source limit threshold", *source_sessions),
        ("Session destination limit threshold", *destination_sessions),
        ("IPv6 extension header limit", header_limit.map(u32::from)),
    ];
    for (title, value) in thresholds {
        out.extend(value.map(|value| (title.to_owned(), value.to_string())));
    }
    out.extend(limits("source", by_source));
    out.extend(limits("destination", by_destination));
    let UserDefined { hop_options, destination_options, headers } = user_defined;
    for (title, numbers) in [
        ("IPv6 user defined header", headers),
        ("IPv6 user defined hop-by-hop option", hop_options),
        ("IPv6 user defined destination option", destination_options),
    ] {
        out.extend((!numbers.is_empty()).then(|| (title.to_owned(), ranges(numbers))));
    }
    match direction {
        ScreenDirection::Input => {}
        ScreenDirection::Output => out.push(("Match direction".to_owned(), "output".to_owned())),
        ScreenDirection::Both => out.push(("Match direction".to_owned(), "input-output".to_owned())),
    }
    if *alarm_without_drop {
        out.push(("Alarm without drop".to_owned(), "enabled".to_owned()));
    }
    out
}

/// Limits of addresses of one side, in all and by protocol.
fn limits(side: &'static str, SideLimits { all, tcp, udp, icmp }: &SideLimits) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (titles, allowed) in [
        (["Session limit", "Packet rate", "Session rate"], all),
        (["TCP session limit", "TCP packet rate", "TCP session rate"], tcp),
        (["UDP session limit", "UDP packet rate", "UDP session rate"], udp),
        (["ICMP session limit", "ICMP packet rate", "ICMP session rate"], icmp),
    ] {
        let values = [allowed.sessions, allowed.packet_rate, allowed.session_rate];
        for (title, value) in titles.into_iter().zip(values) {
            out.extend(value.map(|value| (format!("{title} by {side}"), value.to_string())));
        }
    }
    out
}

fn ranges(numbers: &[(u8, u8)]) -> String {
    let one = |(low, high): &(u8, u8)| {
        if low == high { low.to_string() } else { format!("{low} to {high}") }
    };
    numbers.iter().map(one).collect::<Vec<_>>().join(", ")
}
