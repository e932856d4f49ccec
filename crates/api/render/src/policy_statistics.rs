//! The block `Policy statistics` of `show security policies detail`, of a policy that counts.

use std::fmt::Write as _;

use ravelin_ops::{PolicyEntry, PolicySessions, PolicyTraffic};

use crate::element::Element;

/// Counts of a rate are those of ten seconds.
const SPAN_S: u64 = 10;

/// What came or what was sent on, in bytes or packets: both directions, and those of ten seconds.
struct Count {
    title: &'static str,
    unit: &'static str,
    /// Of each direction the name of what there is of it, and of its rate.
    names: [[&'static str; 2]; 2],
    all: [u64; 2],
    recent: [u64; 2],
}

fn counts(policy: &PolicyEntry) -> [Count; 4] {
    let PolicyEntry { packets, bytes, sent, recent_came, recent_sent, .. } = policy;
    let bytes_of = |title, names, all, recent: &PolicyTraffic| {
        let recent = recent.bytes;
        Count { title, unit: "bps", names, all, recent }
    };
    let packets_of = |title, names, all, recent: &PolicyTraffic| {
        let recent = recent.packets;
        Count { title, unit: "pps", names, all, recent }
    };
    let input =
        [["input-bytes-init", "input-byte-rate-init"], ["input-bytes-reply", "input-byte-rate-reply"]];
    let output =
        [["output-bytes-init", "output-byte-rate-init"], ["output-bytes-reply", "output-byte-rate-reply"]];
    let came = [
        ["input-packets-init", "input-packet-rate-init"],
        ["input-packets-reply", "input-packet-rate-reply"],
    ];
    let left = [
        ["output-packets-init", "output-packet-rate-init"],
        ["output-packets-reply", "output-packet-rate-reply"],
    ];
    [
        bytes_of("Input  bytes", input, *bytes, recent_came),
        bytes_of("Output bytes", output, sent.bytes, recent_sent),
        packets_of("Input  packets", came, *packets, recent_came),
        packets_of("Output packets", left, sent.packets, recent_sent),
    ]
}

pub(crate) fn text(out: &mut String, policy: &PolicyEntry) {
    out.push_str("  Policy statistics:\n");
    for Count { title, unit, names: _, all: [initial, reply], recent } in counts(policy) {
        let rates = [recent[0] + recent[1], recent[0], recent[1]].map(|count| count / SPAN_S);
        let _ = write!(
            out,
            "    {title:<18} : {:>20} {:>20} {unit}\n\
             \x20     Initial direction: {initial:>20} {:>20} {unit}\n\
             \x20     Reply direction  : {reply:>20} {:>20} {unit}\n",
            initial + reply,
            rates[0],
            rates[1],
            rates[2]
        );
    }
    let PolicySessions { active, created, deleted, recent: _ } = policy.sessions;
    let (rate, hits) = (session_rate(&policy.sessions), policy.hits);
    let _ = write!(
        out,
        "    Session rate       : {created:>20} {rate:>20} sps\n\
         \x20   Active sessions    : {active:>20}\n\
         \x20   Session deletions  : {deleted:>20}\n\
         \x20   Policy lookups     : {hits:>20}\n"
    );
}

/// Sessions a second over the last whole ten seconds.
fn session_rate(PolicySessions { recent, .. }: &PolicySessions) -> String {
    format!("{}.{}", recent / SPAN_S, recent % SPAN_S)
}

pub(crate) fn element(policy: &PolicyEntry) -> Element {
    let PolicySessions { active, created, deleted, recent: _ } = policy.sessions;
    let mut out = Element::new("policy-statistics-information");
    for Count { title: _, unit: _, names, all, recent } in counts(policy) {
        for (wing, [count, rate]) in names.into_iter().enumerate() {
            out = out.leaf(count, all[wing]).leaf(rate, recent[wing] / SPAN_S);
        }
    }
    out.leaf("session-rate", session_rate(&policy.sessions))
        .leaf("session-creations", created)
        .leaf("active-sessions", active)
        .leaf("session-deletions", deleted)
        .leaf("policy-lookups", policy.hits)
}
