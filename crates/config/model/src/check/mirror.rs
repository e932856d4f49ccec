//! Mirroring: values that mean something, and one output for each family. Names are resolved when the configuration
//! is compiled: only then it is known what Linux calls an interface. Spec: mirror-4..6, mirror-21, mirror-23.

use std::net::IpAddr;

use super::Report;
use crate::{Config, MirrorFamily, MirrorFilter, MirrorTarget};

const FILTERS_MAX: usize = 15;

pub(super) fn check(config: &Config, report: &mut Report) {
    for (path, _, target) in config.forwarding_options.port_mirroring.all() {
        instance(&path, target, report);
    }
    let filters = &config.security.mirror_filters;
    if let Some(filter) = filters.get(FILTERS_MAX) {
        let message = format!("no more than {FILTERS_MAX} are allowed");
        report.error("security forwarding-options mirror-filter", filter.at, message);
    }
    for filter in filters {
        mirror_filter(filter, report);
    }
}

fn instance(path: &str, target: &MirrorTarget, report: &mut Report) {
    if target.input.rate == Some(0) {
        report.error(format!("{path} input rate"), target.at, "value 0 is not within range (1..65535)");
    }
    let families = target.families();
    if target.output.is_none() && families.iter().all(|(_, family)| family.outputs.is_empty()) {
        let message = "missing mandatory statement: an `output interface', of a family or of the instance";
        report.error(format!("{path} output"), target.at, message);
    }
    for (name, family) in families {
        outputs(&format!("{path} family {name} output"), name, family, report);
    }
    if let (Some(_), Some(any)) = (&target.output, target.any.outputs.first()) {
        let message = format!("[{path} output] is the same: only one of them may be written");
        let other = (target.at, "the instance's own output stands here");
        report.conflict(format!("{path} family any output interface {}", any.name), any.at, message, other);
    }
}

fn outputs(path: &str, name: &str, family: &MirrorFamily, report: &mut Report) {
    let Some(first) = family.outputs.first() else { return };
    for other in &family.outputs[1..] {
        let message = format!(
            "[{path} interface {}] is the output already; next-hop groups are not supported",
            first.name
        );
        let path = format!("{path} interface {}", other.name);
        report.conflict(path, other.at, message, (first.at, "this one"));
    }
    let path = format!("{path} interface {}", first.name);
    let Some(hop) = first.next_hops.first() else { return };
    if let Some(other) = first.next_hops.get(1) {
        let message = format!("{hop} is the next hop already; next-hop groups are not supported");
        report.error(format!("{path} next-hop {other}"), first.at, message);
    }
    let of_family = match name {
        "inet" => hop.is_ipv4(),
        "inet6" => hop.is_ipv6(),
        _ => true,
    };
    let nobody = match hop {
        IpAddr::V4(v4) => v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast() || v6.to_ipv4_mapped().is_some(),
    };
    if !of_family || nobody {
        let message = if nobody { "no station has this address" } else { "address is of the other family" };
        report.error(format!("{path} next-hop {hop}"), first.at, message);
    }
}

fn mirror_filter(filter: &MirrorFilter, report: &mut Report) {
    let path = format!("security forwarding-options mirror-filter {}", filter.name);
    for (name, is_there) in
        [("interface", filter.output.is_some()), ("destination-mac", filter.destination_mac.is_some())]
    {
        if !is_there {
            report.error(
                format!("{path} output"),
                filter.at,
                format!("missing mandatory statement: '{name}'"),
            );
        }
    }
    if let Some(mac) = filter.destination_mac.as_deref().filter(|mac| !is_mac(mac)) {
        report.error(
            format!("{path} output destination-mac"),
            filter.at,
            format!("invalid MAC address `{mac}'"),
        );
    }
    if let (Some(source), Some(destination)) = (filter.source, filter.destination)
        && source.addr().is_ipv4() != destination.addr().is_ipv4()
    {
        report.error(format!("{path} destination-prefix"), filter.at, "address is of the other family");
    }
}

/// Six octets, two digits each.
fn is_mac(text: &str) -> bool {
    let octet = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    text.split(':').count() == 6 && text.split(':').all(octet)
}
