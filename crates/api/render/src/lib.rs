//! Answers as Junos text, and as JSON with Junos' element names.
//!
//! Place: above `ops`, beside every front end. No state, no I/O. One file an area, each with the text and the
//! elements of its answers.

mod alg;
mod buffers;
mod commits;
mod dynamic;
mod element;
mod firewall;
mod flow;
mod gates;
mod interfaces;
mod log;
mod mirrors;
mod nat;
mod nat_state;
mod persistent;
mod policies;
mod policy_statistics;
mod ports;
mod routes;
mod screens;
mod source_pool;
mod system;
mod watch;
mod zones;

use crate::element::Element;
use ravelin_ops::{Answer, Render};

/// Junos' layouts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Junos;

impl Render for Junos {
    fn text(&self, answer: &Answer) -> String {
        text(answer)
    }

    fn json(&self, answer: &Answer) -> String {
        json(answer)
    }

    fn xml(&self, answer: &Answer) -> String {
        xml(answer)
    }
}

/// The answer as the command prints it.
#[must_use]
pub fn text(answer: &Answer) -> String {
    match answer {
        Answer::Interfaces(lines) => interfaces::text(lines),
        Answer::Routes(routes) => routes::text(routes),
        Answer::Instances(lines) => routes::instances(lines),
        Answer::Zones(zones) => zones::text(zones),
        Answer::ZonesTerse(zones) => zones::terse(zones),
        Answer::Screens(statistics) => screens::text(statistics),
        Answer::Dynamic(answer) => dynamic::text(answer),
        Answer::Buffers(lines) => buffers::text(lines),
        Answer::Mirrors(list) => mirrors::text(list),
        // Junos says nothing when it has cleared counters.
        Answer::MirrorsCleared { .. } => String::new(),
        Answer::Firewall(list) => firewall::text(list),
        Answer::FirewallLog(lines) => firewall::log(lines),
        Answer::FirewallCleared => String::new(),
        Answer::Policers(lines) => firewall::policers(lines),
        Answer::InterfaceFilters(list) => firewall::interfaces(list),
        Answer::Algs(status) => alg::status(status),
        Answer::Policies(list) => policies::text(list),
        Answer::HitCounts(list) => policies::hit_counts(list),
        Answer::Sessions(list) => flow::sessions(list),
        Answer::SessionSummary(summary) => flow::summary(summary),
        Answer::Cleared { sessions } => flow::cleared(*sessions),
        Answer::FlowStatistics(statistics) => flow::statistics(statistics),
        Answer::Gates(list) => gates::text(list),
        Answer::FlowStatus(status) => flow::status(status),
        Answer::CountersCleared => String::new(),
        Answer::NatSummary(rules) => nat::summary(rules),
        Answer::NatRules(rules) => nat::rules(rules),
        Answer::NatPools(pools) => nat::pools(pools),
        Answer::SourceNatPools(pools) => source_pool::text(pools),
        Answer::Deterministic(pools) => ports::deterministic(pools),
        Answer::DeterministicRanges(pools) => ports::ranges(pools),
        Answer::PoolUses(pools) => ports::pool_use(pools),
        Answer::Mappings(list) => persistent::text(list),
        Answer::MappingSummary(summary) => persistent::summary(summary),
        Answer::MappingsCleared { .. } => String::new(),
        Answer::NatState(state) => nat_state::text(state),
        Answer::Version(version) => system::version(version),
        Answer::Commits(history) => commits::history(history),
        Answer::Editors(list) => commits::editors(list),
        Answer::Scheduled(when) => commits::scheduled(*when),
        Answer::Explained(explained) => system::explained(explained),
        Answer::PlaneStatus(status) => system::plane_status(status),
        Answer::SecurityLog(events) => log::events(events),
        Answer::LogCleared { events } => log::cleared(*events),
        Answer::LogStatistics(statistics) => log::statistics(statistics),
        Answer::Tracking(counters) => log::tracking(counters),
        Answer::TrackingCleared => String::new(),
        Answer::Drops(list) => watch::drops(list),
        Answer::DropsCleared => String::new(),
        Answer::FlowTrace(status) => watch::flow_trace(status),
        Answer::PolicyMatches(found) => watch::matches(found),
        Answer::PolicyTotals(totals) => watch::totals(totals),
        Answer::PolicyContexts(totals) => watch::contexts(totals),
        Answer::Shadows(list) => watch::shadows(list),
        Answer::ScreenOptions(options) => watch::screen_options(options),
        Answer::WhiteLists(lists) => screens::white_lists(lists),
        Answer::Tried(list) => list.iter().map(system::explained).collect(),
    }
}

/// The answer as Junos writes JSON: every element an array, text under `data`.
#[must_use]
pub fn json(answer: &Answer) -> String {
    match answer {
        Answer::Sessions(list) => flow::sessions_json(list),
        answer => element(answer).json(),
    }
}

/// The answer as Junos writes XML, within the reply of a remote procedure.
#[must_use]
pub fn xml(answer: &Answer) -> String {
    match answer {
        Answer::Sessions(list) => flow::sessions_xml(list),
        answer => element(answer).xml(),
    }
}

fn element(answer: &Answer) -> Element {
    match answer {
        Answer::Interfaces(lines) => interfaces::element(lines),
        Answer::Routes(routes) => routes::element(routes),
        Answer::Instances(lines) => routes::instances_element(lines),
        Answer::Zones(zones) => zones::element(zones),
        Answer::ZonesTerse(zones) => zones::terse_element(zones),
        Answer::Screens(statistics) => screens::element(statistics),
        Answer::Dynamic(answer) => dynamic::element(answer),
        Answer::Buffers(lines) => buffers::element(lines),
        Answer::Mirrors(list) => mirrors::element(list),
        Answer::MirrorsCleared { kind, mirrors: cleared } => mirrors::cleared_element(*kind, *cleared),
        Answer::Firewall(list) => firewall::element(list),
        Answer::FirewallLog(lines) => firewall::log_element(lines),
        Answer::FirewallCleared => Element::new("firewall-clear-information"),
        Answer::Policers(lines) => firewall::policers_element(lines),
        Answer::InterfaceFilters(list) => firewall::interfaces_element(list),
        Answer::Algs(status) => alg::status_element(status),
        Answer::Policies(list) => policies::element(list),
        Answer::HitCounts(list) => policies::hit_count_element(list),
        Answer::Sessions(_) => unreachable!("a list of sessions is written in parts"),
        Answer::SessionSummary(summary) => flow::summary_element(summary),
        Answer::Cleared { sessions } => {
            Element::new("flow-session-clear-information").leaf("cleared-session-count", sessions)
        }
        Answer::FlowStatistics(statistics) => flow::statistics_element(statistics),
        Answer::Gates(list) => gates::element(list),
        Answer::FlowStatus(status) => flow::status_element(status),
        Answer::CountersCleared => Element::new("clear-counters-information"),
        Answer::NatSummary(rules) | Answer::NatRules(rules) => nat::element(rules),
        Answer::NatPools(pools) => nat::pools_element(pools),
        Answer::SourceNatPools(pools) => source_pool::element(pools),
        Answer::Deterministic(pools) => ports::deterministic_element(pools),
        Answer::DeterministicRanges(pools) => ports::ranges_element(pools),
        Answer::PoolUses(pools) => ports::pool_use_element(pools),
        Answer::Mappings(list) => persistent::element(list),
        Answer::MappingSummary(summary) => persistent::summary_element(summary),
        Answer::NatState(state) => nat_state::element(state),
        Answer::MappingsCleared { mappings } => {
            Element::new("persist-nat-table-clear-information").leaf("cleared-binding-count", mappings)
        }
        Answer::Version(version) => system::version_element(version),
        Answer::Commits(history) => commits::history_element(history),
        Answer::Editors(list) => commits::editors_element(list),
        Answer::Scheduled(when) => commits::scheduled_element(*when),
        Answer::Explained(explained) => system::explained_element(explained),
        Answer::PlaneStatus(status) => system::plane_status_element(status),
        Answer::SecurityLog(events) => log::events_element(events),
        Answer::LogCleared { events } => log::cleared_element(*events),
        Answer::LogStatistics(statistics) => log::statistics_element(statistics),
        Answer::Tracking(counters) => log::tracking_element(counters),
        Answer::TrackingCleared => Element::new("avt-counters-clear"),
        Answer::Drops(list) => watch::drops_element(list),
        Answer::DropsCleared => Element::new("packet-drop-records-clear"),
        Answer::FlowTrace(status) => watch::flow_trace_element(status),
        Answer::PolicyMatches(found) => watch::matches_element(found),
        Answer::PolicyTotals(totals) => watch::totals_element(totals),
        Answer::PolicyContexts(totals) => watch::contexts_element(totals),
        Answer::Shadows(list) => watch::shadows_element(list),
        Answer::ScreenOptions(options) => watch::screen_options_element(options),
        Answer::WhiteLists(lists) => screens::white_lists_element(lists),
        Answer::Tried(list) => {
            Element::new("packet-explanations").children(list.iter().map(system::explained_element))
        }
    }
}

/// `any` for an empty list of zones.
fn or_any(list: &[String]) -> String {
    if list.is_empty() { "any".to_owned() } else { list.join(", ") }
}
