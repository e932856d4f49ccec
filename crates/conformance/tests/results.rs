//! What an apply answers: everything that runs by name and id, and ids that stay while other names come.
//!
//! That a result arrives whole over the socket is shown in the remote crate, with a result of its own.

use std::collections::BTreeSet;
use std::path::Path;

use ravelin_conformance::bench::{Bench, Setup, Simulator};
use ravelin_conformance::case::{Case, run};
use ravelin_contract::ApplyResult;

const FIRST: &str = "config pool
    set firewall family inet filter low term a from protocol tcp
    set firewall family inet filter low term a then accept
    set firewall family inet filter low term b then accept
    set firewall family inet6 filter low term only then accept
    set interfaces ge-0/0/0 unit 0 family inet filter input low
    set interfaces ge-0/0/0 unit 0 family inet6 filter input low
    set schedulers scheduler office daily start-time 08:00 stop-time 17:00
    set security policies from-zone trust to-zone untrust policy out scheduler-name office
    set security policies global policy last match source-address any
    set security policies global policy last match destination-address any
    set security policies global policy last match application any
    set security policies global policy last then deny
    set applications application ledger protocol tcp destination-port 4711
    delete security policies from-zone trust to-zone untrust policy out match application
    set security policies from-zone trust to-zone untrust policy out match application ledger
";

/// All of it stands before what was there, by name and by place.
const SECOND: &str = "    set firewall family inet filter above term x then accept
    set firewall family inet filter above term y then accept
    set firewall family inet filter above term z then accept
    set interfaces ge-0/0/1 unit 0 family inet filter input above
    set schedulers scheduler early daily start-time 01:00 stop-time 02:00
    set security zones security-zone alpha
    set security policies from-zone trust to-zone untrust policy earlier match source-address any
    set security policies from-zone trust to-zone untrust policy earlier match destination-address any
    set security policies from-zone trust to-zone untrust policy earlier match application [ book ledger ]
    set security policies from-zone trust to-zone untrust policy earlier then permit
    set security policies from-zone trust to-zone untrust policy earlier scheduler-name early
    insert security policies from-zone trust to-zone untrust policy earlier before policy out
    set applications application book protocol tcp destination-port 4712
    set security nat source pool another address 203.0.113.9/32
    set security nat source rule-set rs rule r0 match source-address 10.1.0.99/32
    set security nat source rule-set rs rule r0 then source-nat pool another
    insert security nat source rule-set rs rule r0 before rule r1
";

fn step(plane: &mut Simulator, text: &str) -> ApplyResult {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let case = Case::parse("a", text).unwrap();
    run(&case, plane, &configs).unwrap_or_else(|error| panic!("{error}"));
    plane.plane().last_apply_result().unwrap()
}

fn names<T>(of: &std::collections::BTreeMap<String, T>) -> Vec<&str> {
    of.keys().map(String::as_str).collect()
}

/// So many rules has each filter, one behind the other among those of all, under the id that the filter has.
#[track_caller]
fn check_spans(result: &ApplyResult, expected: &[(&str, u32)]) {
    let counts: Vec<_> = result.filter_spans.iter().map(|(n, span)| (n.as_str(), span.rule_count)).collect();
    assert_eq!(counts, expected);
    let mut spans: Vec<_> = result.filter_spans.values().collect();
    spans.sort_unstable_by_key(|span| span.rule_start);
    let mut next = 0;
    for span in spans {
        assert_eq!(span.rule_start, next, "{result:#?}");
        next += span.rule_count;
    }
    assert!(result.filter_spans.iter().all(|(name, span)| result.filter_ids[name] == span.filter_id));
}

#[test]
fn a_result_names_everything_that_runs_and_a_name_keeps_its_id() {
    let mut plane = Simulator::new(Setup::default());
    assert!(plane.plane().last_apply_result().is_none());
    let first = step(&mut plane, FIRST);
    assert_eq!(names(&first.zone_ids), ["trust", "untrust"]);
    assert_eq!(names(&first.filter_ids), ["inet/low", "inet6/low"]);
    check_spans(&first, &[("inet/low", 2), ("inet6/low", 1)]);
    assert_eq!(names(&first.nat_counter_ids), ["source/rs/r1"]);
    assert_eq!(names(&first.pool_ids), ["p"]);
    let policies: BTreeSet<_> = first.policy_names.iter().map(|(_, name)| name.to_owned()).collect();
    assert!(["out", "last"].iter().all(|name| policies.contains(*name)), "{policies:?}");
    assert!(first.app_names.values().any(|name| name == "ledger"), "{:?}", first.app_names);
    assert_eq!(first.policy_schedule_slots, ["office"]);
    let devices: Vec<_> = first.managed_interfaces.iter().map(|port| port.name.as_str()).collect();
    assert_eq!(devices, ["ge-0/0/0", "ge-0/0/1"]);
    assert!(first.capabilities.refusals.is_empty() && !first.capabilities.supported.is_empty());
    assert_eq!(plane.plane().diagnostics().status().unwrap().generation, Some(first.generation));

    let second = step(&mut plane, &[FIRST, SECOND].concat());
    assert!(second.generation > first.generation);
    assert_eq!(names(&second.zone_ids), ["alpha", "trust", "untrust"]);
    check_spans(&second, &[("inet/above", 3), ("inet/low", 2), ("inet6/low", 1)]);
    assert_eq!(names(&second.nat_counter_ids), ["source/rs/r0", "source/rs/r1"]);
    assert_eq!(names(&second.pool_ids), ["another", "p"]);
    assert_eq!(second.policy_schedule_slots.len(), 2);
    kept(&first.zone_ids, &second.zone_ids);
    kept(&first.filter_ids, &second.filter_ids);
    kept(&first.nat_counter_ids, &second.nat_counter_ids);
    kept(&first.pool_ids, &second.pool_ids);
    for (id, name) in first.policy_names.iter() {
        assert_eq!(second.policy_names.get(id), Some(name));
    }
    for (id, name) in &first.app_names {
        assert_eq!(second.app_names.get(id), Some(name), "application {id}");
    }
}

/// Every name of before has the id of before, and no two names have one.
#[track_caller]
fn kept<I: Copy + Ord + std::fmt::Debug>(
    before: &std::collections::BTreeMap<String, I>,
    after: &std::collections::BTreeMap<String, I>,
) {
    assert!(before.iter().all(|(name, id)| after.get(name) == Some(id)), "{before:?} became {after:?}");
    let ids: BTreeSet<_> = after.values().collect();
    assert_eq!(ids.len(), after.len(), "{after:?}");
}
