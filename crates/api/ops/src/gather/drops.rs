//! Dropped packets as records: who dropped them, by name.

use ravelin_contract::{DropCause, PacketHead};
use ravelin_types::DropReason;

use super::Failure;
use crate::names::NameTable;
use crate::session::{Env, Facts};
use crate::watch::{DropQuery, DropRecord, DropRecords};

/// Samples that the plane is asked for: those that a filter does not hold for are among them.
const SAMPLES_MAX: usize = 8192;
/// What Junos calls the policy that decides when no other does.
const DEFAULT_POLICY: &str = "default-policy-logical-system-00";
const DAY_US: i64 = 86_400_000_000;

/// The last drops that are meant, the newest first.
pub(crate) fn drops(env: &Env<'_>, query: &DropQuery) -> Result<DropRecords, Failure> {
    let filter = query.packets.filter(env.names)?;
    let found = env.plane.diagnostics().drop_samples(SAMPLES_MAX)?;
    let meant = found.samples.iter().filter(|sample| {
        let packet = &sample.packet;
        let zone = packet.interface.and_then(|unit| env.names.zone_of(unit, packet.from_host));
        filter.holds((packet.interface, zone), packet.key.as_ref())
    });
    let record = |sample: &ravelin_contract::DropSample| {
        record(env, found.now_ns, &sample.packet, (sample.reason, sample.cause))
    };
    let most = query.count.map_or(usize::MAX, |count| count as usize);
    Ok(DropRecords { records: meant.take(most).map(record).collect() })
}

pub(crate) fn record(
    env: &Env<'_>,
    now_ns: u64,
    packet: &PacketHead,
    (reason, cause): (DropReason, Option<DropCause>),
) -> DropRecord {
    let (module, detail) = blame(env.names, reason, cause);
    let key = packet.key;
    DropRecord {
        time: clock(env.facts, now_ns.saturating_sub(packet.at_ns)),
        source: key.map(|key| key.src),
        source_port: key.map_or(0, |key| key.sport),
        destination: key.map(|key| key.dst),
        destination_port: key.map_or(0, |key| key.dport),
        protocol: key.map_or_else(|| "N/A".to_owned(), |key| key.proto.to_string()),
        ip_id: ip_id(&packet.head),
        interface: match packet.interface {
            _ if packet.from_host => env.names.unit(None),
            Some(unit) => env.names.unit(Some(unit)),
            None => "N/A".to_owned(),
        },
        module: module.to_owned(),
        detail,
        reason: reason.name().to_owned(),
    }
}

/// The part that dropped it, and in its words why.
fn blame(names: &NameTable, reason: DropReason, cause: Option<DropCause>) -> (&'static str, String) {
    let denied = match reason {
        DropReason::PolicyReject => "Rejected by Policy",
        _ => "Denied by Policy",
    };
    match (cause, reason) {
        (Some(DropCause::Policy(id)), _) => {
            let name = names.policy_name(id).unwrap_or("N/A");
            ("POLICY", format!("{denied}: {name}"))
        }
        (None, DropReason::DefaultDeny) => ("POLICY", format!("{denied}: {DEFAULT_POLICY}")),
        (Some(DropCause::Screen { screen, .. }), _) => ("IDS", screen.text().to_owned()),
        (Some(DropCause::Filter { filter, term }), _) => {
            let filters = names.program().and_then(|program| program.firewall());
            let Some(found) = filters.and_then(|filters| filters.filter(filter)) else {
                return ("FILTER", reason.text().to_owned());
            };
            let term = term.and_then(|term| found.terms.get(usize::from(term)));
            let term = term.map_or_else(|| "no term".to_owned(), |term| format!("term {}", term.name));
            ("FILTER", format!("{} {}, {term}", reason.text(), found.name))
        }
        (None, _) => ("FLOW", reason.text().to_owned()),
    }
}

/// The wall's time so long ago.
pub(crate) fn clock(facts: &Facts, ago_ns: u64) -> String {
    let ago_us = i64::try_from(ago_ns / 1000).unwrap_or(i64::MAX);
    let us = facts.local_us.saturating_sub(ago_us).rem_euclid(DAY_US);
    let (seconds, rest) = (us / 1_000_000, us % 1_000_000);
    format!("{:02}:{:02}:{:02}.{rest:06}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Identification of an IPv4 header, as far as the head shows it.
fn ip_id(head: &[u8]) -> u16 {
    let word = |at: usize| Some(u16::from_be_bytes([*head.get(at)?, *head.get(at + 1)?]));
    let (kind, l3_at) = match word(12) {
        Some(0x8100) => (word(16), 18),
        kind => (kind, 14),
    };
    if kind == Some(0x0800) { word(l3_at + 4).unwrap_or(0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identification_is_read_behind_a_tag_too() {
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00, 0x45, 0, 0, 40, 0x12, 0x34]);
        assert_eq!(ip_id(&frame), 0x1234);
        let mut tagged = frame.clone();
        tagged.splice(12..12, [0x81, 0x00, 0, 7]);
        assert_eq!(ip_id(&tagged), 0x1234);
        assert_eq!(ip_id(&frame[..16]), 0);
        frame[12] = 0x86;
        assert_eq!(ip_id(&frame), 0);
    }

    #[test]
    fn the_clock_goes_back_over_midnight() {
        let facts = Facts { local_us: DAY_US + 500_000, ..Facts::default() };
        assert_eq!(clock(&facts, 0), "00:00:00.500000");
        assert_eq!(clock(&facts, 1_000_000_000), "23:59:59.500000");
    }
}
