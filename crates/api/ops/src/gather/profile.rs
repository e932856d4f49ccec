//! `show security screen ids-option`: a profile's values.

use ravelin_program::{Program, ScreenProfile};

use super::Failure;
use crate::session::Env;
use crate::watch::ScreenOptions;

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
        direction: _,
        aggregation: _,
        checks,
        user_defined: _,
        header_limit,
        fragment_white_list: _,
        icmp_flood,
        udp_flood,
        syn_flood,
        sweeps,
        syn_ack_ack,
        source_sessions,
        destination_sessions,
        by_source: _,
        by_destination: _,
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
    if *alarm_without_drop {
        out.push(("Alarm without drop".to_owned(), "enabled".to_owned()));
    }
    out
}
