//! The security log in the daemon: events of the plane as records, a consumer of commits, and what operators see.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use ravelin_commit::{Consumer, Proposal};
use ravelin_contract::{
    FilterHit, NatEvent, OverloadEvent, PolicerHit, PolicyDeny, SessionEvent, SessionKey, SessionView,
    TrackedMoment, TrackedSession,
};
use ravelin_model::LogSeverity;
use ravelin_ops::{
    LogEvent, LogEvents, LogMemory, LogQuery, LogStatistics, LogStreamLine, LogView, NameTable,
    TrackingCounters,
};
use ravelin_program::{Action, Screen};
use ravelin_syntax::{Diagnostic, Span};
use ravelin_telemetry::{
    Filter, Names, NatRuleKind, Outcome, Record, Service, Window, close, create, deny, filtered, nat,
    overload, policed, screen, tracked, update,
};
use ravelin_types::{InterfaceId, NatRuleId, PolicyId, PortId, RuleIdentity, ZoneId};

/// Kept events that one answer lists.
const LISTED_MAX: usize = 10_000;
/// Lines a second for the daemon's own log, when the configuration has no `security log`.
const OWN_LINES_MAX: u32 = 100;
/// What stands for a name that nobody knows any more.
const NOT_AVAILABLE: &str = "N/A";

/// The log and the names it writes.
pub struct Log {
    pub service: Service,
    names: Mutex<Arc<Named>>,
    /// Of the daemon's own log: lines of this second, and events that were none since the last line.
    own: Mutex<(Window, u64)>,
    tracking: Mutex<TrackingCounters>,
}

/// Names of the program that runs and of the one before: sessions that a commit ended still have theirs.
#[derive(Debug, Default)]
struct Named {
    now: Arc<NameTable>,
    before: Arc<NameTable>,
    rejecting: HashSet<PolicyId>,
    /// Rules that are not about the source, of both programs.
    others: HashMap<NatRuleId, NatRuleKind>,
}

impl Log {
    pub fn new(service: Service) -> Self {
        Self { service, names: Mutex::default(), own: Mutex::default(), tracking: Mutex::default() }
    }

    /// Another program runs.
    pub fn renamed(&self, names: &Arc<NameTable>) {
        let policies = names.program().into_iter().flat_map(|p| p.sections());
        let policies = policies.flat_map(|(_, section)| section.policies.iter().map(|(_, policy)| policy));
        let others = |names: &NameTable| -> Vec<(NatRuleId, NatRuleKind)> {
            let destination = names.destination_rules().map(|(_, rule)| (rule.id, NatRuleKind::Destination));
            destination.chain(names.static_rules().map(|(_, rule)| (rule.id, NatRuleKind::Static))).collect()
        };
        let mut held = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(Named {
            now: names.clone(),
            before: held.now.clone(),
            others: others(&held.now).into_iter().chain(others(names)).collect(),
            rejecting: policies.filter(|p| p.action == Action::Reject).map(|p| p.id).collect(),
        });
    }

    /// A session began or ended.
    pub fn session(&self, event: &SessionEvent) {
        let names = self.names();
        self.tell(&match event.close {
            None => create(event, &*names),
            Some(reason) => close(event, reason.text(), &*names),
        });
    }

    /// A session lives on.
    pub fn updated(&self, view: &SessionView) {
        self.tell(&update(view, &*self.names()));
    }

    /// A session of a zone that tracks them. Spec: tracking-8.
    pub fn tracked(&self, session: &TrackedSession) {
        let is_told = self.tell(&tracked(session, &*self.names()));
        let mut counters = self.tracking.lock().unwrap_or_else(PoisonError::into_inner);
        let TrackingCounters { created, closed, updated, failed } = &mut *counters;
        let count = match session.moment {
            _ if !is_told => failed,
            TrackedMoment::Opened => created,
            TrackedMoment::Updated => updated,
            TrackedMoment::Closed(_) => closed,
        };
        *count += 1;
    }

    /// A policy denied a packet.
    pub fn denied(&self, denied: &PolicyDeny) {
        self.tell(&deny(denied, &*self.names()));
    }

    /// NAT gave out or took back a block, or has nothing left.
    pub fn nat(&self, event: &NatEvent) {
        self.tell(&nat(event, Timestamp::now(), &*self.names()));
    }

    /// A worker can't keep up, or could again.
    pub fn overloaded(&self, event: &OverloadEvent) {
        self.tell(&overload(event, &*self.names()));
    }

    /// A screen of a zone saw something.
    pub fn screened(&self, what: (Screen, bool), at: (ZoneId, InterfaceId), key: SessionKey) {
        self.tell(&screen(what, at, key, &*self.names()));
    }

    /// A term of a firewall filter with `syslog` held of a packet.
    pub fn filtered(&self, hit: &FilterHit) {
        self.tell(&filtered(hit, &*self.names()));
    }

    /// A packet was beyond the limit of a policer.
    pub fn policed(&self, hit: &PolicerHit) {
        self.tell(&policed(hit, &*self.names()));
    }

    /// Reports losses when it is time to.
    pub fn tick(&self) {
        self.service.tick(Timestamp::now());
    }

    fn names(&self) -> Arc<Named> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Without `security log` in the configuration, events are lines of the daemon's own log. `false`: too many of them.
    fn tell(&self, record: &Record) -> bool {
        if self.service.is_configured() {
            self.service.record(Timestamp::now(), record);
            true
        } else {
            self.tell_ourselves(record)
        }
    }

    fn tell_ourselves(&self, record: &Record) -> bool {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let (window, withheld) = &mut *own;
        if !window.admit(Timestamp::now().as_second(), Some(OWN_LINES_MAX)) {
            *withheld += 1;
            return false;
        }
        if *withheld > 0 {
            tracing::warn!(events = *withheld, "Security events came too fast to be written.");
            *withheld = 0;
        }
        tracing::info!("{}: {}", record.message().tag, record.text());
        true
    }
}

impl Named {
    fn first<'a, T>(&'a self, find: impl Fn(&'a NameTable) -> Option<T>) -> Option<T> {
        find(&self.now).or_else(|| find(&self.before))
    }
}

fn or_unknown(name: Option<&str>) -> String {
    name.unwrap_or(NOT_AVAILABLE).to_owned()
}

impl Names for Named {
    fn zone(&self, id: ZoneId) -> String {
        self.first(|table| table.find_zone(id)).map_or_else(|| self.now.zone(id), str::to_owned)
    }

    fn unit(&self, id: Option<InterfaceId>) -> String {
        let known = id.and_then(|id| self.first(|table| table.find_unit(id)));
        known.map_or_else(|| self.now.unit(id), str::to_owned)
    }

    fn port(&self, id: PortId) -> String {
        let of = |table: &NameTable| {
            let ports = &table.program()?.interfaces()?.ports;
            ports.iter().find(|port| port.id == id).map(|port| port.name.clone())
        };
        of(&self.now).or_else(|| of(&self.before)).unwrap_or_else(|| or_unknown(None))
    }

    fn policy(&self, id: PolicyId) -> String {
        or_unknown(self.first(|table| table.policy_name(id)))
    }

    fn nat_rule(&self, id: NatRuleId) -> (NatRuleKind, String) {
        let kind = self.others.get(&id).copied().unwrap_or(NatRuleKind::Source);
        (kind, or_unknown(self.first(|table| table.find_nat_rule(id))))
    }

    fn application(&self, index: u32) -> Option<String> {
        self.now.application(index).map(str::to_owned)
    }

    fn filter(&self, id: u32) -> String {
        or_unknown(self.first(|table| table.program()?.firewall()?.filter(id)).map(|f| f.name.as_str()))
    }

    fn policer(&self, policer: RuleIdentity, place: RuleIdentity) -> String {
        let known = self.first(|table| table.program()?.firewall()?.policer(policer, place));
        or_unknown(known.map(|known| known.name.as_str()))
    }

    fn pool(&self, number: u32) -> String {
        or_unknown(self.first(|table| table.source_pool_name(number)))
    }

    fn rejects(&self, policy: PolicyId) -> bool {
        self.rejecting.contains(&policy)
    }
}

/// The log as a part of every commit.
pub struct LogConsumer(pub Arc<Log>);

impl Consumer for LogConsumer {
    fn name(&self) -> &'static str {
        "security log"
    }

    fn check(&mut self, proposal: &Proposal) -> Result<(), Vec<Diagnostic>> {
        let refused = self.0.service.check(&proposal.log);
        if refused.is_empty() {
            return Ok(());
        }
        let diagnostic = |(path, reason)| Diagnostic::error(path, Span::default(), reason);
        Err(refused.into_iter().map(diagnostic).collect())
    }

    fn apply(&mut self, proposal: &Proposal) -> Result<(), String> {
        self.0.service.apply(&proposal.log);
        Ok(())
    }
}

impl LogView for Log {
    fn events(&self, query: &LogQuery) -> LogEvents {
        let (listed, total) = self.service.entries(&filter(query), LISTED_MAX);
        let line = |entry: ravelin_telemetry::Entry| LogEvent {
            time_s: entry.time.as_second(),
            message: entry.text.into(),
        };
        LogEvents { events: listed.into_iter().map(line).collect(), total: total as u64 }
    }

    fn clear(&self, query: &LogQuery) -> u64 {
        self.service.clear(&filter(query)) as u64
    }

    fn file(&self) -> Result<Option<String>, String> {
        self.service.event_file().map_err(|error| error.to_string())
    }

    fn statistics(&self) -> LogStatistics {
        let found = self.service.statistics();
        let line = |name: String, destination, connections, trouble, counts: ravelin_telemetry::Counts, c| {
            let ravelin_telemetry::Counters { offered: _, sent, lost, failed, waiting, in_flight } = c;
            LogStreamLine {
                name,
                destination,
                connections,
                trouble,
                produced: counts.produced,
                sent,
                waiting: waiting + in_flight,
                lost,
                failed,
                limited: counts.limited,
            }
        };
        let streams = found.streams.into_iter();
        let mut streams: Vec<_> = streams
            .map(|s| line(s.name, s.destination, s.connected, s.trouble, s.counts, s.counters))
            .collect();
        if let Some(event) = &found.event
            && let Some((path, counters, trouble)) = event.file.clone()
        {
            // What event mode withheld never was for the file.
            let counts = ravelin_telemetry::Counts { produced: counters.offered, limited: 0 };
            streams.push(line("(event file)".into(), path, 0, trouble, counts, counters));
        }
        let memory = found.event.map(|event| LogMemory {
            produced: event.counts.produced,
            limited: event.counts.limited,
            kept: event.kept as u64,
            refused: event.refused,
        });
        let messages = found.told.iter().map(|(tag, count)| (tag.message().tag.to_owned(), *count)).collect();
        LogStatistics { streams, memory, events_lost: found.events_lost, messages }
    }

    fn tracking(&self) -> TrackingCounters {
        *self.tracking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clear_tracking(&self) {
        *self.tracking.lock().unwrap_or_else(PoisonError::into_inner) = TrackingCounters::default();
    }
}

fn filter(query: &LogQuery) -> Filter {
    let LogQuery {
        source,
        source_port,
        destination,
        destination_port,
        protocol,
        event,
        process,
        interface,
        policy,
        success,
        severity,
        newer_than_s,
        older_than_s,
    } = query.clone();
    let time = |s: Option<i64>| s.and_then(|s| Timestamp::from_second(s).ok());
    Filter {
        source,
        source_port,
        destination,
        destination_port,
        protocol,
        event,
        process,
        interface,
        policy,
        outcome: success.map(|yes| if yes { Outcome::Success } else { Outcome::Failure }),
        severity: severity.and_then(|n| LogSeverity::ALL.get(usize::from(n)).copied()),
        newer_than: time(newer_than_s),
        older_than: time(older_than_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_compile::{IdBook, Resolved, compile};
    use ravelin_types::Generation;

    /// Units `ge-0/0/0.0` in zone a and `ge-0/0/1.0` in zone b, and more `set` lines.
    fn names(more: &str, book: &mut IdBook) -> Arc<NameTable> {
        let zone = |n: u8, zone| {
            format!(
                "set interfaces ge-0/0/{n} unit 0 family inet address 10.0.{n}.1/24\n\
                 set security zones security-zone {zone} interfaces ge-0/0/{n}.0\n"
            )
        };
        let text = zone(0, "a") + &zone(1, "b") + more;
        let valid = ravelin_model::load(&text).result.unwrap_or_else(|e| panic!("{e:?}"));
        let resolved = Resolved::virtual_ports(&valid);
        let program = compile(&valid, &resolved, book, Generation(1)).unwrap_or_else(|e| panic!("{e:?}"));
        Arc::new(NameTable::new(&program))
    }

    fn policy(section: &str, name: &str, then: &str) -> String {
        let path = format!("set security policies {section} policy {name}");
        let any = ["source-address", "destination-address", "application"];
        let matches = any.map(|what| format!("{path} match {what} any\n")).concat();
        format!("{matches}{path} then {then}\n")
    }

    #[test]
    fn a_policy_is_numbered_among_those_of_its_zones_and_has_their_names() {
        let list = |section: &str, count| -> String {
            (0..count).map(|n| policy(section, &format!("p{n}"), "permit")).collect()
        };
        // Several chunks of the program each.
        let more = list("from-zone a to-zone b", 300) + &list("from-zone b to-zone a", 200);
        let global = list("global", 150) + "set security policies global policy p149 match from-zone a\n";
        let table = names(&(more + &global), &mut IdBook::default());
        let [mut ab, mut ba, mut all] = [const { Vec::new() }; 3];
        for id in (0..1000).map(PolicyId) {
            let Some(found) = table.policy(id) else { continue };
            assert_eq!(table.policy_name(id), Some(&*found.name));
            assert_eq!(found.name, *format!("p{}", found.sequence - 1));
            let zones = (found.from.concat(), found.to.concat());
            match (zones.0.as_str(), zones.1.as_str(), found.global) {
                ("a", "b", false) => ab.push(found.sequence),
                ("b", "a", false) => ba.push(found.sequence),
                ("", "", true) => all.push(found.sequence),
                ("a", "", true) => assert_eq!(found.sequence, 150),
                other => panic!("{other:?}"),
            }
        }
        for (mut found, count) in [(ab, 300), (ba, 200), (all, 149)] {
            found.sort_unstable();
            assert!(found.into_iter().eq(1..=count), "{count}");
        }
    }

    fn log() -> (tokio::runtime::Runtime, Log) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let service = Service::new(runtime.handle().clone(), "/nonexistent".into(), jiff::tz::TimeZone::UTC);
        (runtime, Log::new(service))
    }

    fn id_of(table: &NameTable, name: &str) -> PolicyId {
        let ids = (0..100).map(PolicyId);
        ids.into_iter().find(|id| table.policy_name(*id) == Some(name)).unwrap()
    }

    #[test]
    fn a_session_that_a_commit_ends_still_has_its_policy_s_name() {
        let (_runtime, log) = log();
        let mut book = IdBook::default();
        let first = names(&policy("from-zone a to-zone b", "old", "permit"), &mut book);
        let old = id_of(&first, "old");
        log.renamed(&first);
        let without = names("", &mut book);
        log.renamed(&without);
        assert_eq!(log.names().policy(old), "old");
        log.renamed(&without);
        assert_eq!(log.names().policy(old), "N/A");
    }

    #[test]
    fn a_denial_has_names_for_its_zones_and_says_whether_it_was_answered() {
        let (_runtime, log) = log();
        let lines = policy("from-zone a to-zone b", "no", "deny") + &policy("global", "all", "reject");
        let table = names(&lines, &mut IdBook::default());
        log.renamed(&table);
        let zone = |name: &str| {
            let ids = (0..100).map(ZoneId);
            ids.into_iter().find(|id| table.find_zone(*id) == Some(name)).unwrap()
        };
        let key = SessionKey {
            src: "10.0.0.2".parse().unwrap(),
            dst: "10.0.1.2".parse().unwrap(),
            sport: 1,
            dport: 2,
            proto: ravelin_types::Proto::TCP,
            instance: ravelin_types::InstanceId::DEFAULT,
        };
        let told = |policy: &str, from, to| {
            let denied = PolicyDeny {
                policy: id_of(&table, policy),
                key,
                interface: table.unit_id("ge-0/0/0.0").unwrap(),
                from_zone: zone(from),
                to_zone: zone(to),
                application: None,
            };
            deny(&denied, &*log.names()).text()
        };
        let (no, all) = (told("no", "a", "b"), told("all", "b", "a"));
        assert!(no.contains(" 6(0) no a b ") && no.contains(" Denied by policy "), "{no}");
        assert!(all.contains(" 6(0) all b a ") && all.contains(" Rejected by policy "), "{all}");
    }
}
