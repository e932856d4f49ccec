//! Every sample of a scrape is what the commands show, over a simulator that packets have passed.

use std::collections::BTreeMap;

use ravelin_ops::{Answer, NatState, PolicySessions};
use ravelin_telemetry::Tag;
use ravelin_types::DropReason;
use ravelin_wire::build::Payload;

use crate::support::{Bench, World};

const TEXT: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/0 unit 0 family inet filter input f
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set interfaces ge-0/0/2 unit 0 family inet address 192.0.2.1/24
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone trust screen s
set security zones security-zone untrust interfaces ge-0/0/1.0
set security screen ids-option s tcp land
set security policies from-zone trust to-zone untrust policy web match source-address any
set security policies from-zone trust to-zone untrust policy web match destination-address any
set security policies from-zone trust to-zone untrust policy web match application any
set security policies from-zone trust to-zone untrust policy web then permit
set security policies from-zone trust to-zone untrust policy web then count
set security policies global policy none match source-address any
set security policies global policy none match destination-address any
set security policies global policy none match application any
set security policies global policy none then deny
set security nat source pool p address 198.51.100.7/32
set security nat source rule-set r from zone trust
set security nat source rule-set r to zone untrust
set security nat source rule-set r rule n match source-address 10.1.0.0/24
set security nat source rule-set r rule n then source-nat pool p
set firewall policer tight if-exceeding bandwidth-limit 32k
set firewall policer tight if-exceeding burst-size-limit 1500
set firewall policer tight then discard
set firewall family inet filter f term dns from destination-port 53
set firewall family inet filter f term dns then count dns
set firewall family inet filter f term dns then policer tight
set firewall family inet filter f term dns then accept
set firewall family inet filter f term rest then count rest
set firewall family inet filter f term rest then accept
set forwarding-options port-mirroring instance m input ingress interface ge-0/0/0
set forwarding-options port-mirroring instance m input rate 2
set forwarding-options port-mirroring instance m output interface ge-0/0/2
";

/// It has seen packets of every kind that the configuration tells apart.
fn world() -> World {
    let mut world = World::new(TEXT, None);
    let mut send = |to: [u8; 4], ports: (u16, u16), data: &[u8]| {
        world.send("ge-0/0/0", ([10, 1, 0, 2], to), &Payload::udp(ports.0, ports.1, data));
    };
    let server = [198, 51, 100, 2];
    for n in 0..5 {
        send(server, (1000 + n, 53), &[0; 1000]);
    }
    for n in 0..3 {
        send(server, (2000 + n, 80), b"hello");
        send(server, (2000 + n, 80), b"again");
    }
    // To a network without a zone.
    send([192, 0, 2, 9], (3000, 80), b"where");
    world
}

/// Samples of a text, read as its specification says and not as it is written here; each is asked for once.
struct Samples(BTreeMap<String, String>);

impl Samples {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.map(|line| line.rsplit_once(' ').unwrap());
        Self(pairs.map(|(series, value)| (series.to_owned(), value.to_owned())).collect())
    }

    #[track_caller]
    fn is(&mut self, series: &str, value: u64) {
        assert_eq!(self.0.remove(series), Some(value.to_string()), "{series}");
    }

    /// One under these labels, given as name and value by turns.
    #[track_caller]
    fn of(&mut self, metric: &str, labels: &[&str], value: u64) {
        let labels: Vec<_> = labels.chunks(2).map(|pair| format!("{}=\"{}\"", pair[0], pair[1])).collect();
        self.is(&format!("ravelin_{metric}{{{}}}", labels.join(",")), value);
    }
}

/// How many packets were dropped.
fn plane(bench: &mut Bench, samples: &mut Samples) -> u64 {
    let Answer::FlowStatistics(flow) = bench.asked("show security flow statistics") else { panic!("flow") };
    assert_eq!((flow.received, flow.dropped > 0), (12, true));
    for (metric, value) in [
        ("sessions", flow.sessions),
        ("received_packets_total", flow.received),
        ("transmitted_packets_total", flow.transmitted),
        ("host_packets_total", flow.to_host),
        ("answers_total", flow.answered),
        ("handed_over_packets_total", flow.handed_over),
        ("sessions_created_total", flow.sessions_created),
        ("sessions_closed_total", flow.sessions_closed),
        ("events_lost_total", flow.events_lost),
    ] {
        samples.is(&format!("ravelin_{metric}"), value);
    }
    for reason in DropReason::ALL {
        let shown =
            flow.drops.iter().find(|drop| drop.reason == reason.name()).map_or(0, |drop| drop.packets);
        samples.of("dropped_packets_total", &["reason", reason.name()], shown);
    }
    let Answer::PlaneStatus(status) = bench.asked("show ravelin status") else { panic!("status") };
    samples.is("ravelin_dataplane_up", 1);
    samples.of("dataplane_info", &["backend", &status.backend, "epoch", &status.epoch.to_string()], 1);
    samples.is("ravelin_dataplane_armed", status.armed.into());
    samples.is("ravelin_dataplane_generation", status.generation.unwrap());
    for worker in status.workers {
        let labels = ["worker", &worker.id.to_string()];
        samples.of("worker_up", &labels, worker.alive.into());
        samples.of("worker_restarts_total", &labels, worker.restarts.into());
        samples.of("worker_generation", &labels, worker.generation);
    }
    for port in status.ports {
        samples.of("port_up", &["interface", &port.name, "mode", &port.mode], port.up.into());
    }
    for group in status.groups {
        samples.of("redundancy_group_active", &["group", &group.id.to_string()], group.active.into());
    }
    for link in status.fabrics {
        let of = ["fabric", &link.id.to_string(), "interface", &link.interface];
        samples.of("fabric_up", &of, link.up.into());
        samples.of("fabric_sent_packets_total", &of, link.sent);
        samples.of("fabric_received_packets_total", &of, link.received);
    }
    let Answer::Buffers(buffers) = bench.asked("show system buffers") else { panic!("buffers") };
    for line in buffers {
        let worker = line.worker.to_string();
        let of = ["worker", worker.as_str(), "kind", &line.kind];
        for (state, value) in [("free", line.free), ("lent", line.lent), ("used", line.used)] {
            samples.of("buffers", &[&of[..], &["state", state]].concat(), value);
        }
        samples.of("buffers_max", &of, line.capacity);
        if let Some(refused) = line.refused {
            samples.of("buffers_refused_total", &of, refused);
        }
    }
    flow.dropped
}

/// No command has these: every frame came by one unit, was one of `traffic`, and left by another unless it was dropped.
fn units(samples: &mut Samples, dropped: u64) {
    for (unit, zone, received, transmitted) in
        [("ge-0/0/0.0", "trust", 12, 0), ("ge-0/0/1.0", "untrust", 0, 12 - dropped), ("ge-0/0/2.0", "", 0, 0)]
    {
        let of = ["interface", unit, "zone", zone];
        samples.of("interface_received_packets_total", &of, received);
        samples.of("interface_transmitted_packets_total", &of, transmitted);
        if transmitted == 0 {
            samples.of("interface_transmitted_bytes_total", &of, 0);
        }
        // Ethernet, IPv4, UDP and what they carry.
        samples.of("interface_received_bytes_total", &of, if received > 0 { 5 * 1042 + 7 * 47 } else { 0 });
    }
    samples.is("ravelin_received_bytes_total", 5 * 1042 + 7 * 47);
    samples.of("zone_interfaces", &["zone", "trust"], 1);
    samples.of("zone_interfaces", &["zone", "untrust"], 1);
}

fn policies(bench: &mut Bench, samples: &mut Samples) {
    let Answer::Policies(list) = bench.asked("show security policies detail") else { panic!("policies") };
    samples.is("ravelin_policies", list.policies.len() as u64);
    assert!(list.policies.iter().any(|policy| policy.hits > 0 && policy.packets[0] > 0));
    for policy in list.policies {
        let zones = |list: &[String]| match policy.global {
            true => "junos-global".to_owned(),
            false => list.join(","),
        };
        let (from, to) = (zones(&policy.from_zones), zones(&policy.to_zones));
        let of = ["from_zone", &from, "to_zone", &to, "policy", &policy.name];
        samples.of("policy_hits_total", &of, policy.hits);
        for (way, direction) in ["initiator", "responder"].into_iter().enumerate().filter(|_| policy.count) {
            let of = [&of[..], &["direction", direction]].concat();
            samples.of("policy_packets_total", &of, policy.packets[way]);
            samples.of("policy_bytes_total", &of, policy.bytes[way]);
            samples.of("policy_sent_packets_total", &of, policy.sent.packets[way]);
            samples.of("policy_sent_bytes_total", &of, policy.sent.bytes[way]);
        }
        if policy.count {
            let PolicySessions { active, created, deleted, recent: _ } = policy.sessions;
            assert_eq!(active > 0, policy.hits > 0);
            samples.of("policy_sessions", &of, active);
            samples.of("policy_sessions_created_total", &of, created);
            samples.of("policy_sessions_closed_total", &of, deleted);
        }
    }
}

fn nat(bench: &mut Bench, samples: &mut Samples) {
    let Answer::NatRules(rules) = bench.asked("show security nat source rule all") else { panic!("rules") };
    assert!(rules.rules[0].hits > 0 && rules.rules[0].sessions > 0);
    for rule in rules.rules {
        let of = ["kind", "source", "rule_set", &rule.rule_set, "rule", &rule.name];
        samples.of("nat_rule_hits_total", &of, rule.hits);
        samples.of("nat_rule_failed_total", &of, rule.failed);
        samples.of("nat_rule_sessions", &of, rule.sessions);
    }
    let Answer::SourceNatPools(pools) = bench.asked("show security nat source pool all") else {
        panic!("pools")
    };
    assert!(pools.pools[0].used[1] > 0, "ports of UDP");
    for pool in pools.pools {
        for (class, used) in ["tcp", "udp", "icmp", "other"].into_iter().zip(pool.used) {
            samples.of("nat_pool_ports", &["pool", &pool.name, "protocol", class], used);
        }
        samples.of("nat_pool_portless_sessions", &["pool", &pool.name], pool.others);
        samples.of("nat_pool_held", &["pool", &pool.name], pool.held);
        samples.of("nat_pool_max", &["pool", &pool.name], pool.capacity);
    }
    let line = "show security nat source persistent-nat-table summary";
    let Answer::MappingSummary(summary) = bench.asked(line) else { panic!("mappings") };
    samples.is("ravelin_nat_persistent_mappings", summary.in_use);
    samples.is("ravelin_nat_persistent_mappings_max", summary.total);
}

fn interface_ports(bench: &mut Bench, samples: &mut Samples) {
    let line = "show security nat interface-nat-ports";
    let Answer::NatState(NatState::InterfacePorts(list)) = bench.asked(line) else { panic!("ports") };
    assert_eq!(list.lines.len(), 3);
    for line in list.lines {
        let address = line.address.to_string();
        for (ports, leased, max) in
            [("single", line.single, line.single_max), ("pair", line.twin, line.twin_max)]
        {
            let of = ["address", &address, "ports", ports];
            samples.of("nat_interface_ports", &of, leased);
            samples.of("nat_interface_ports_max", &of, max);
        }
    }
}

fn filters(bench: &mut Bench, samples: &mut Samples) {
    let Answer::Firewall(list) = bench.asked("show firewall detail") else { panic!("firewall") };
    for filter in list.filters {
        for line in &filter.counters {
            assert!(line.packets > 0, "{line:?}");
            let of = ["filter", &filter.name, "family", "inet", "counter", &line.name];
            samples.of("filter_packets_total", &of, line.packets);
            samples.of("filter_bytes_total", &of, line.bytes);
        }
        for line in &filter.detail {
            // Of two colours: what is not beyond the limit is green.
            let beyond = [line.offered.1 - line.beyond.1, 0, line.beyond.1];
            let bytes = [line.offered.0 - line.beyond.0, 0, line.beyond.0];
            assert!(beyond[0] > 0 && beyond[2] > 0, "{line:?}");
            for (colour, word) in ["green", "yellow", "red"].into_iter().enumerate() {
                let of =
                    ["policer", line.name.as_str(), "filter", &filter.name, "family", "inet", "color", word];
                samples.of("policer_packets_total", &of, beyond[colour]);
                samples.of("policer_bytes_total", &of, bytes[colour]);
            }
        }
    }
    let Answer::Mirrors(list) = bench.asked("show forwarding-options port-mirroring") else {
        panic!("mirrors")
    };
    assert_eq!(list.mirrors[0].packets, 6, "one in two");
    for mirror in list.mirrors {
        let of = ["kind", "instance", "mirror", mirror.name.as_str()];
        samples.of("mirror_packets_total", &of, mirror.packets);
        samples.of("mirror_bytes_total", &of, mirror.bytes);
        for (reason, copies) in &mirror.lost {
            samples.of("mirror_lost_packets_total", &[&of[..], &["reason", reason]].concat(), *copies);
        }
    }
}

fn daemon(bench: &mut Bench, samples: &mut Samples) {
    let Answer::LogStatistics(log) = bench.asked("show ravelin log") else { panic!("log") };
    samples.is("ravelin_log_events_lost_total", log.events_lost);
    for tag in Tag::ALL {
        let tag = tag.message().tag;
        let told = log.messages.iter().find(|(told, _)| told == tag).map_or(0, |(_, count)| *count);
        samples.of("security_events_total", &["event", tag], told);
    }
    for line in log.streams {
        let of = ["stream", line.name.as_str()];
        samples.of("log_produced_total", &of, line.produced);
        samples.of("log_sent_total", &of, line.sent);
        samples.of("log_waiting", &of, line.waiting);
        samples.of("log_lost_total", &of, line.lost);
        samples.of("log_failed_total", &of, line.failed);
        samples.of("log_rate_limited_total", &of, line.limited);
        samples.of("log_connections", &of, line.connections.into());
    }
    if let Some(memory) = log.memory {
        samples.of("log_produced_total", &["stream", "(event mode)"], memory.produced);
        samples.of("log_rate_limited_total", &["stream", "(event mode)"], memory.limited);
        samples.is("ravelin_log_kept", memory.kept);
        samples.is("ravelin_log_refused_total", memory.refused);
    }
    for (series, value) in [
        ("schedule_open{scheduler=\"office\"}", 1),
        ("schedule_open{scheduler=\"past\"}", 0),
        ("dns_addresses{name=\"a.example\"}", 2),
        ("dns_failed{name=\"a.example\"}", 0),
        ("dns_addresses{name=\"b.example\"}", 0),
        ("dns_failed{name=\"b.example\"}", 1),
        ("feed_entries{server=\"lists\",feed=\"bad\"}", 1),
        ("feed_unread_lines{server=\"lists\",feed=\"bad\"}", 0),
        ("feed_age_seconds{server=\"lists\",feed=\"bad\"}", 12),
        ("feed_failed{server=\"lists\",feed=\"bad\"}", 0),
        ("routes", 7),
        ("commits_total", 7),
        ("commit_timestamp_seconds", 1_770_000_000),
        ("commits_kept", 3),
        ("commit_unconfirmed", 0),
        ("commit_owed", 0),
        ("editors", 0),
        ("build_info{version=\"0.1.0\"}", 1),
    ] {
        samples.is(&format!("ravelin_{series}"), value);
    }
}

#[test]
fn every_sample_is_what_the_commands_show() {
    let mut world = world();
    let bench = &mut world.bench;
    let samples = &mut Samples::read(&bench.metrics(1000).text());
    let dropped = plane(bench, samples);
    units(samples, dropped);
    policies(bench, samples);
    nat(bench, samples);
    interface_ports(bench, samples);
    filters(bench, samples);
    daemon(bench, samples);
    // How long copies and addresses make what leaves, and how many sessions there may be, are not shown.
    let left: Vec<&str> = samples.0.keys().map(String::as_str).collect();
    let untrust = "ravelin_interface_transmitted_bytes_total{interface=\"ge-0/0/1.0\",zone=\"untrust\"}";
    assert_eq!(left, [untrust, "ravelin_sessions_max", "ravelin_transmitted_bytes_total"]);
}

#[test]
fn a_limit_leaves_out_what_grows_and_nothing_else() {
    let mut world = world();
    let none = world.bench.metrics(0).text();
    for gone in ["ravelin_policy_hits", "ravelin_nat_rule_", "ravelin_filter_", "ravelin_mirror_"] {
        assert!(!none.contains(&format!("\n{gone}")), "{gone}");
    }
    assert!(none.contains("\nravelin_policies 2\n"));
    assert!(none.contains("\nravelin_received_packets_total 12\n"));
    let one = world.bench.metrics(1).text();
    assert_eq!(one.matches("\nravelin_policy_hits_total{").count(), 1);
    let omitted = "\nravelin_metrics_omitted_series{metric=\"ravelin_policy_hits_total\"} 1\n";
    assert!(one.contains(omitted), "{one}");
}

/// Half a scrape would look like counters that were reset. Spec: metrics-9.
#[test]
fn a_plane_that_does_not_answer_is_told_as_down_and_nothing_of_it() {
    let mut world = world();
    let bench = &mut world.bench;
    assert!(bench.metrics(1000).text().contains("\nravelin_dataplane_up 1\n"));
    is_down(&bench.half_of_metrics().text());
    drop(world.server.take());
    is_down(&bench.metrics(1000).text());
}

#[track_caller]
fn is_down(text: &str) {
    assert!(text.contains("\nravelin_dataplane_up 0\n"), "{text}");
    for gone in
        ["ravelin_received_packets", "ravelin_policy_hits", "ravelin_mirror_packets", "ravelin_worker_up"]
    {
        assert!(!text.contains(gone), "{gone}");
    }
    assert!(text.contains("\nravelin_commits_total 7\n"));
}
