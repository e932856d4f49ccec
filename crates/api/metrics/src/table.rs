//! Every metric: one table gives the enum, the names, the help and the page of the manual.

/// How a value moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only up, from zero when what counts was started or cleared. Samples end in `_total`.
    Counter,
    Gauge,
}

/// How many series a metric can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As many as there are combinations of label values that the software knows.
    Fixed,
    /// It grows with the configuration: `series-limit` bounds it.
    Limited,
}

/// One row of the table.
#[derive(Debug)]
pub struct Metric {
    pub group: &'static str,
    /// The command that shows the same numbers.
    pub show: &'static str,
    pub kind: Kind,
    pub size: Size,
    /// Without the `_total` of counters.
    pub name: &'static str,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

macro_rules! families {
    ($($group:literal $show:literal {
        $($family:ident $kind:ident $size:ident $name:literal [$($label:literal)*] $help:literal)*
    })*) => {
        /// A metric, in the order in which they are told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Family { $($($family,)*)* }

        impl Family {
            pub const ALL: &'static [Self] = &[$($(Self::$family,)*)*];
            pub const COUNT: usize = Self::ALL.len();
        }

        static METRICS: &[Metric] = &[$($(Metric {
            group: $group,
            show: $show,
            kind: Kind::$kind,
            size: Size::$size,
            name: $name,
            labels: &[$($label,)*],
            help: $help,
        },)*)*];
    };
}

families! {
    "Packets and sessions" "show security flow statistics" {
        ReceivedPackets Counter Fixed "ravelin_received_packets" [] "Packets received."
        ReceivedBytes Counter Fixed "ravelin_received_bytes" [] "Bytes received."
        TransmittedPackets Counter Fixed "ravelin_transmitted_packets" [] "Packets transmitted."
        TransmittedBytes Counter Fixed "ravelin_transmitted_bytes" [] "Bytes transmitted."
        HostPackets Counter Fixed "ravelin_host_packets" [] "Packets handed to the firewall itself."
        Answers Counter Fixed "ravelin_answers" [] "Packets that the firewall sent on its own account: ICMP errors, resets, cookies."
        HandedOver Counter Fixed "ravelin_handed_over_packets" [] "Packets that one worker gave to another."
        DroppedPackets Counter Fixed "ravelin_dropped_packets" ["reason"] "Packets dropped, by reason."
        Sessions Gauge Fixed "ravelin_sessions" [] "Sessions that are up."
        SessionsMax Gauge Fixed "ravelin_sessions_max" [] "Sessions that can be up at a time."
        SessionsCreated Counter Fixed "ravelin_sessions_created" [] "Sessions installed."
        SessionsClosed Counter Fixed "ravelin_sessions_closed" [] "Sessions that ended."
        EventsLost Counter Fixed "ravelin_events_lost" [] "Events that the packet process had no room for."
    }
    "Packet process" "show ravelin status" {
        DataplaneUp Gauge Fixed "ravelin_dataplane_up" [] "Whether the packet process answered this scrape."
        DataplaneInfo Gauge Fixed "ravelin_dataplane_info" ["backend" "epoch"] "Always 1; the epoch is another with every start of the packet process."
        DataplaneArmed Gauge Fixed "ravelin_dataplane_armed" [] "Whether packets are let through."
        DataplaneGeneration Gauge Fixed "ravelin_dataplane_generation" [] "Generation of the program that runs."
        WorkerUp Gauge Fixed "ravelin_worker_up" ["worker"] "Whether the worker lives."
        WorkerRestarts Counter Fixed "ravelin_worker_restarts" ["worker"] "Times the worker was started again."
        WorkerGeneration Gauge Fixed "ravelin_worker_generation" ["worker"] "Generation that the worker runs."
        PortUp Gauge Limited "ravelin_port_up" ["interface" "mode"] "Whether the link of the interface is up; how its packets are taken."
    }
    "Cluster" "show ravelin status" {
        RedundancyGroupActive Gauge Fixed "ravelin_redundancy_group_active" ["group"] "Whether this node forwards for the redundancy group."
        FabricUp Gauge Fixed "ravelin_fabric_up" ["fabric" "interface"] "Whether the link to the other node is up."
        FabricSentPackets Counter Fixed "ravelin_fabric_sent_packets" ["fabric" "interface"] "Packets given to the other node."
        FabricReceivedPackets Counter Fixed "ravelin_fabric_received_packets" ["fabric" "interface"] "Packets taken from the other node."
    }
    "Buffers" "show system buffers" {
        Buffers Gauge Fixed "ravelin_buffers" ["worker" "kind" "state"] "Buffers free, lent to links, and used."
        BuffersMax Gauge Fixed "ravelin_buffers_max" ["worker" "kind"] "Buffers there are in all."
        BuffersRefused Counter Fixed "ravelin_buffers_refused" ["worker" "kind"] "Packets dropped and events lost because no such buffer was free."
    }
    "Interfaces" "" {
        InterfaceReceivedPackets Counter Limited "ravelin_interface_received_packets" ["interface" "zone"] "Packets received by a unit."
        InterfaceReceivedBytes Counter Limited "ravelin_interface_received_bytes" ["interface" "zone"] "Bytes received by a unit."
        InterfaceTransmittedPackets Counter Limited "ravelin_interface_transmitted_packets" ["interface" "zone"] "Packets transmitted by a unit."
        InterfaceTransmittedBytes Counter Limited "ravelin_interface_transmitted_bytes" ["interface" "zone"] "Bytes transmitted by a unit."
    }
    "Zones and screens" "show security screen statistics zone ZONE | interface INTERFACE" {
        ZoneInterfaces Gauge Limited "ravelin_zone_interfaces" ["zone"] "Units that are in the zone."
        ScreenHits Counter Limited "ravelin_screen_hits" ["zone" "screen"] "Packets that a screen saw something in; those screens that did."
        InterfaceScreenHits Counter Limited "ravelin_interface_screen_hits" ["interface" "zone" "screen"] "The same of packets that a unit received; those screens that did."
    }
    "Policies" "show security policies hit-count, detail" {
        Policies Gauge Fixed "ravelin_policies" [] "Policies there are."
        PolicyHits Counter Limited "ravelin_policy_hits" ["from_zone" "to_zone" "policy"] "First packets that the policy decided."
        PolicyPackets Counter Limited "ravelin_policy_packets" ["from_zone" "to_zone" "policy" "direction"] "Packets of sessions of policies that count."
        PolicyBytes Counter Limited "ravelin_policy_bytes" ["from_zone" "to_zone" "policy" "direction"] "Bytes of sessions of policies that count."
        PolicySentPackets Counter Limited "ravelin_policy_sent_packets" ["from_zone" "to_zone" "policy" "direction"] "Those of them that were sent on."
        PolicySentBytes Counter Limited "ravelin_policy_sent_bytes" ["from_zone" "to_zone" "policy" "direction"] "Bytes of those, as they left."
        PolicySessions Gauge Limited "ravelin_policy_sessions" ["from_zone" "to_zone" "policy"] "Sessions that policies that count have."
        PolicySessionsCreated Counter Limited "ravelin_policy_sessions_created" ["from_zone" "to_zone" "policy"] "Sessions that came to policies that count."
        PolicySessionsClosed Counter Limited "ravelin_policy_sessions_closed" ["from_zone" "to_zone" "policy"] "Sessions that policies that count lost: by their end, or to another policy."
    }
    "NAT rules" "show security nat source | destination | static rule all" {
        NatRuleHits Counter Limited "ravelin_nat_rule_hits" ["kind" "rule_set" "rule"] "Sessions that the rule translated."
        NatRuleFailed Counter Limited "ravelin_nat_rule_failed" ["kind" "rule_set" "rule"] "Sessions that the rule should have translated and could not."
        NatRuleSessions Gauge Limited "ravelin_nat_rule_sessions" ["kind" "rule_set" "rule"] "Sessions that the rule translates."
    }
    "NAT pools" "show security nat source pool all, interface-nat-ports, persistent-nat-table summary" {
        NatPoolPorts Gauge Limited "ravelin_nat_pool_ports" ["pool" "protocol"] "Ports leased of a source pool."
        NatPoolOthers Gauge Limited "ravelin_nat_pool_portless_sessions" ["pool"] "Sessions with an address of a source pool and no port."
        NatPoolHeld Gauge Limited "ravelin_nat_pool_held" ["pool"] "Blocks, or addresses of hosts, given out."
        NatPoolMax Gauge Limited "ravelin_nat_pool_max" ["pool"] "Ports of one protocol, blocks or addresses that can be given out."
        NatPoolAlarm Gauge Limited "ravelin_nat_pool_alarm" ["pool"] "Whether the alarm of a source pool is raised; those that have one."
        NatInterfacePorts Gauge Limited "ravelin_nat_interface_ports" ["address" "ports"] "Ports leased of an address of an interface, single ones and pairs."
        NatInterfacePortsMax Gauge Limited "ravelin_nat_interface_ports_max" ["address" "ports"] "Such ports there are."
        NatMappings Gauge Fixed "ravelin_nat_persistent_mappings" [] "Mappings of persistent NAT."
        NatMappingsMax Gauge Fixed "ravelin_nat_persistent_mappings_max" [] "Such mappings there can be."
    }
    "Firewall filters and policers" "show firewall, show policer" {
        FilterPackets Counter Limited "ravelin_filter_packets" ["filter" "family" "counter"] "Packets that a counter of a filter counted."
        FilterBytes Counter Limited "ravelin_filter_bytes" ["filter" "family" "counter"] "Bytes that a counter of a filter counted."
        PolicerPackets Counter Limited "ravelin_policer_packets" ["policer" "filter" "family" "color"] "Packets by colour; at an interface the policer has no filter."
        PolicerBytes Counter Limited "ravelin_policer_bytes" ["policer" "filter" "family" "color"] "Bytes by colour."
    }
    "Port mirroring" "show forwarding-options port-mirroring, show security forward-options mirror-filter" {
        MirrorPackets Counter Limited "ravelin_mirror_packets" ["kind" "mirror"] "Copies sent."
        MirrorBytes Counter Limited "ravelin_mirror_bytes" ["kind" "mirror"] "Bytes of copies sent."
        MirrorLost Counter Limited "ravelin_mirror_lost_packets" ["kind" "mirror" "reason"] "Copies lost, by reason."
    }
    "Security log" "show ravelin log" {
        SecurityEvents Counter Fixed "ravelin_security_events" ["event"] "Events told, by message."
        LogEventsLost Counter Fixed "ravelin_log_events_lost" [] "Events that never reached the log."
        LogProduced Counter Fixed "ravelin_log_produced" ["stream"] "Messages meant for the stream; of memory and file of event mode too."
        LogSent Counter Fixed "ravelin_log_sent" ["stream"] "Messages handed to the network or written."
        LogWaiting Gauge Fixed "ravelin_log_waiting" ["stream"] "Messages in the queue or on the way."
        LogLost Counter Fixed "ravelin_log_lost" ["stream"] "Messages that found the queue full."
        LogFailed Counter Fixed "ravelin_log_failed" ["stream"] "Messages that could not be sent or written."
        LogLimited Counter Fixed "ravelin_log_rate_limited" ["stream"] "Messages above the rate limit."
        LogConnected Gauge Fixed "ravelin_log_connections" ["stream"] "Connections that stand, of TCP and TLS."
        LogKept Gauge Fixed "ravelin_log_kept" [] "Events kept in memory."
        LogRefused Counter Fixed "ravelin_log_refused" [] "Events that found the memory full."
    }
    "Schedulers, names and feeds" "show schedulers, show security dynamic-address" {
        ScheduleOpen Gauge Limited "ravelin_schedule_open" ["scheduler"] "Whether the scheduler lets its policies work now."
        NameAddresses Gauge Limited "ravelin_dns_addresses" ["name"] "Addresses that the name has."
        NameFailed Gauge Limited "ravelin_dns_failed" ["name"] "Whether the name was not resolved when it was asked for last."
        FeedEntries Gauge Limited "ravelin_feed_entries" ["server" "feed"] "Entries of the feed that is in use."
        FeedUnread Gauge Limited "ravelin_feed_unread_lines" ["server" "feed"] "Lines of the feed that are no addresses."
        FeedAge Gauge Limited "ravelin_feed_age_seconds" ["server" "feed"] "Since the feed was fetched."
        FeedFailed Gauge Limited "ravelin_feed_failed" ["server" "feed"] "Whether the feed was not fetched when it was tried last."
    }
    "Routes" "show route" {
        Routes Gauge Fixed "ravelin_routes" [] "Routes that the packet process was told of, of all instances."
    }
    "Commits" "show system commit" {
        Commits Counter Fixed "ravelin_commits" [] "Commits since the first."
        CommitTime Gauge Fixed "ravelin_commit_timestamp_seconds" [] "When the active configuration was committed, since 1970."
        CommitsKept Gauge Fixed "ravelin_commits_kept" [] "Configurations kept, the active one among them."
        CommitUnconfirmed Gauge Fixed "ravelin_commit_unconfirmed" [] "Whether the active configuration waits to be confirmed."
        CommitOwed Gauge Fixed "ravelin_commit_owed" [] "Consumers that do not enforce the active configuration yet."
        Editors Gauge Fixed "ravelin_editors" [] "Users in configuration mode."
    }
    "Process" "show version" {
        BuildInfo Gauge Fixed "ravelin_build_info" ["version"] "Always 1; the version is the label."
        ProcessCpu Counter Fixed "process_cpu_seconds" [] "Processor time of the daemon, of user and system."
        ProcessStart Gauge Fixed "process_start_time_seconds" [] "When the daemon was started, since 1970."
        ProcessMemory Gauge Fixed "process_resident_memory_bytes" [] "Memory of the daemon that is in use."
        ProcessVirtual Gauge Fixed "process_virtual_memory_bytes" [] "Address space of the daemon."
        ProcessThreads Gauge Fixed "process_threads" [] "Threads of the daemon."
        ProcessFiles Gauge Fixed "process_open_fds" [] "Open files of the daemon."
        ProcessFilesMax Gauge Fixed "process_max_fds" [] "Files that the daemon may open."
    }
    "This exporter" "" {
        SeriesOmitted Gauge Fixed "ravelin_metrics_omitted_series" ["metric"] "Series above series-limit, by metric; those that have some."
        Refused Counter Fixed "ravelin_metrics_refused_connections" ["cause"] "Connections refused: too many at a time, or of no allowed source."
        ScrapeDuration Gauge Fixed "ravelin_metrics_gather_seconds" [] "How long this answer took to gather."
    }
}

impl Family {
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its row.
    #[must_use]
    pub fn metric(self) -> &'static Metric {
        &METRICS[self.index()]
    }
}

impl Metric {
    /// The name of its samples.
    #[must_use]
    pub fn sample(&self) -> String {
        match self.kind {
            Kind::Counter => format!("{}_total", self.name),
            Kind::Gauge => self.name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Prometheus and OpenMetrics write names: units last, no suffix that means something else.
    #[test]
    fn names_are_unique_and_well_formed() {
        let mut names: Vec<_> = Family::ALL.iter().map(|family| family.metric().name).collect();
        let bad = ["_total", "_info_", "_count", "_sum", "_bucket", "_created_"];
        for name in &names {
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert!(name.starts_with("ravelin_") || name.starts_with("process_"), "{name}");
            assert!(!bad.iter().any(|suffix| name.ends_with(suffix)), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Family::COUNT);
    }

    #[test]
    fn the_table_of_messages_knows_its_metric() {
        assert_eq!(Family::SecurityEvents.metric().sample(), ravelin_telemetry::METRIC);
    }
}
