//! Commands about drops, flow traces and what policies say.

use std::net::IpAddr;

use ravelin_types::Proto;

use super::commands::{alone, flag, option};
use super::given::{Given, prefix, proto};
use super::{Arg, Command, Miss, Param};
use crate::request::Request;
use crate::watch::{DropQuery, FlowFile, PacketQuery, PolicyTuple, ShadowQuery, Watch};

/// What Junos shows of drop records when nothing is said.
const RECORDS_DEFAULT: u32 = 50;
const RECORDS_MAX: u32 = 8192;
/// Files and their size when nothing is said, and their bounds. Spec: explain-13.
const FILES: (u32, u32, u32) = (3, 2, 1000);
const FILE_BYTES: (u32, u32, u32) = (131_072, 10_240, 1_073_741_824);
/// Policies that `match-policies` may list.
const RESULTS_MAX: u32 = 16;

const COUNT: Param = option("count", &[Arg::Number], "How many, 1 to 8192");
const DESTINATION_PORT: Param = option("destination-port", &[Arg::Port], "Destination port");
const DESTINATION_PREFIX: Param =
    option("destination-prefix", &[Arg::Prefix], "Destination address or prefix");
const FROM_ZONE: Param = option("from-zone", &[Arg::Zone], "Zone that packets come from");
const INTERFACE: Param = option("interface", &[Arg::Interface], "Logical interface that packets come by");
const PROTOCOL: Param = option("protocol", &[Arg::Protocol], "IP protocol");
const SOURCE_PORT: Param = option("source-port", &[Arg::Port], "Source port");
const SOURCE_PREFIX: Param = option("source-prefix", &[Arg::Prefix], "Source address or prefix");

const DROPS: &[Param] = &[
    COUNT,
    DESTINATION_PORT,
    DESTINATION_PREFIX,
    FROM_ZONE,
    INTERFACE,
    PROTOCOL,
    SOURCE_PORT,
    SOURCE_PREFIX,
];

const FLOW_FILTER: &[Param] = &[
    alone(&[Arg::Name], "Name of the filter"),
    DESTINATION_PORT,
    DESTINATION_PREFIX,
    FROM_ZONE,
    INTERFACE,
    PROTOCOL,
    SOURCE_PORT,
    SOURCE_PREFIX,
];

const FLOW_FILE: &[Param] = &[
    alone(&[Arg::Name], "Name of the file"),
    option("files", &[Arg::Number], "How many files are kept, 2 to 1000"),
    option("match", &[Arg::Name], "Only lines that match this pattern"),
    option("size", &[Arg::Number], "Bytes of a file, 10240 to 1073741824"),
];

const MATCH_POLICIES: &[Param] = &[
    option("destination-ip", &[Arg::Address], "Destination address"),
    option("destination-port", &[Arg::Port], "Destination port"),
    option("from-zone", &[Arg::Zone], "Zone that packets come from"),
    flag("global", "Global policies alone"),
    option("protocol", &[Arg::Protocol], "IP protocol"),
    option("result-count", &[Arg::Number], "Policies to list, 1 to 16 (default 1)"),
    // No policy can name an identity, so that each holds of any: the answer is the same whatever is said here.
    option("source-identity", &[Arg::Name], "User or role; every policy here is for any"),
    option("source-ip", &[Arg::Address], "Source address"),
    option("source-port", &[Arg::Port], "Source port"),
    option("to-zone", &[Arg::Zone], "Zone that packets go to"),
];

const SHADOW_POLICIES: &[Param] = &[
    option("from-zone", &[Arg::Zone], "Policies for traffic from this zone"),
    flag("global", "Global policies"),
    option("policy", &[Arg::Policy], "One policy"),
    flag("reverse", "What stands in the policy's way"),
    option("to-zone", &[Arg::Zone], "Policies for traffic to this zone"),
];

const TEST_CAPTURE: &[Param] = &[
    option("file", &[Arg::Name], "Capture (pcap) of the client"),
    option("interface", &[Arg::Interface], "Logical interface the packets arrive on"),
];

pub(super) const GROUPS: &[(&[&str], &str)] = &[
    (&["clear", "monitor"], "Clear what is monitored"),
    (&["clear", "monitor", "security"], "Clear what is monitored of packets"),
    (&["clear", "monitor", "security", "flow"], "Clear what is monitored of flows"),
    (&["clear", "security", "packet-drop"], "Clear what is kept of dropped packets"),
    (&["monitor"], "Watch what happens"),
    (&["monitor", "security"], "Watch packets"),
    (&["monitor", "security", "flow"], "Write the way of packets to a file"),
    (&["show", "monitor"], "Show what is monitored"),
    (&["show", "monitor", "security"], "Show what is monitored of packets"),
    (&["show", "security", "packet-drop"], "Show dropped packets"),
];

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["clear", "monitor", "security", "flow", "filter"],
        help: "Remove filters of flow traces",
        params: &[alone(&[Arg::Name], "Name of the filter")],
        make: |given| watch(Watch::FlowClear { name: given.text("") }),
    },
    Command {
        path: &["clear", "security", "packet-drop", "records"],
        help: "Forget the last dropped packets",
        params: &[],
        make: |_| watch(Watch::ClearDrops),
    },
    Command {
        path: &["monitor", "security", "flow", "file"],
        help: "Say where flow traces are written",
        params: FLOW_FILE,
        make: flow_file,
    },
    Command {
        path: &["monitor", "security", "flow", "filter"],
        help: "Say which packets are traced",
        params: FLOW_FILTER,
        make: |given| {
            let name = given.text("").ok_or(Miss::Missing("filter"))?;
            watch(Watch::FlowFilter { name, packets: packets(given)? })
        },
    },
    Command {
        path: &["monitor", "security", "flow", "start"],
        help: "Begin to trace",
        params: &[],
        make: |_| watch(Watch::FlowStart),
    },
    Command {
        path: &["monitor", "security", "flow", "stop"],
        help: "End the trace",
        params: &[],
        make: |_| watch(Watch::FlowStop),
    },
    Command {
        path: &["monitor", "security", "packet-drop"],
        help: "Show packets as they are dropped, and why",
        params: DROPS,
        make: |given| {
            let count = count(given)?;
            watch(Watch::FollowDrops(DropQuery { packets: packets(given)?, count }))
        },
    },
    Command {
        path: &["show", "monitor", "security", "flow"],
        help: "Show file and filters of the flow trace",
        params: &[],
        make: |_| watch(Watch::FlowStatus),
    },
    Command {
        path: &["show", "security", "match-policies"],
        help: "Show the policy that a packet matches",
        params: MATCH_POLICIES,
        make: match_policies,
    },
    Command {
        path: &["show", "security", "packet-drop", "records"],
        help: "Show the last dropped packets, and why",
        params: DROPS,
        make: |given| {
            let count = Some(count(given)?.unwrap_or(RECORDS_DEFAULT));
            watch(Watch::Drops(DropQuery { packets: packets(given)?, count }))
        },
    },
    Command {
        path: &["show", "security", "shadow-policies"],
        help: "Show policies that others leave nothing to",
        params: SHADOW_POLICIES,
        make: shadows,
    },
];

/// Elsewhere in the table, beside their kin.
pub(super) const OTHERS: &[Command] = &[
    Command {
        path: &["show", "security", "screen", "ids-option"],
        help: "Show the values of a profile of screens",
        params: &[alone(&[Arg::Name], "Name of the profile")],
        make: |given| {
            let name = given.text("").ok_or(Miss::Missing("ids-option"))?;
            watch(Watch::ScreenOptions { name })
        },
    },
    Command {
        path: &["show", "security", "screen", "white-list"],
        help: "Show addresses that screens leave alone",
        params: &[alone(&[Arg::Name], "Name of the white-list")],
        make: |given| watch(Watch::WhiteLists { name: given.text("") }),
    },
    Command {
        path: &["test", "security", "capture"],
        help: "Explain what would become of the packets of a capture (extension)",
        params: TEST_CAPTURE,
        make: |given| {
            given.text("file").ok_or(Miss::Missing("file"))?;
            let interface = given.text("interface").ok_or(Miss::Missing("interface"))?;
            watch(Watch::TryCapture { interface })
        },
    },
];

fn watch(what: Watch) -> Result<Request, Miss> {
    Ok(Request::Watch(what))
}

/// A number within bounds.
fn within(
    given: &Given,
    word: &'static str,
    (low, high): (u32, u32),
    wanted: &'static str,
) -> Result<Option<u32>, Miss> {
    match given.read(word, |v| v.parse::<u32>().ok()) {
        Some(number) if (low..=high).contains(&number) => Ok(Some(number)),
        Some(number) => Err(Miss::Value { word: number.to_string(), wanted }),
        None => Ok(None),
    }
}

fn count(given: &Given) -> Result<Option<u32>, Miss> {
    within(given, "count", (1, RECORDS_MAX), "a number from 1 to 8192")
}

fn packets(given: &Given) -> Result<PacketQuery, Miss> {
    let port = |word| given.read(word, |v| v.parse().ok());
    let query = PacketQuery {
        interface: given.text("interface"),
        from_zone: given.text("from-zone"),
        proto: given.read("protocol", proto),
        source: given.read("source-prefix", prefix),
        destination: given.read("destination-prefix", prefix),
        source_port: port("source-port"),
        destination_port: port("destination-port"),
    };
    match (query.source, query.destination) {
        (Some(from), Some(to)) if from.addr().is_ipv4() != to.addr().is_ipv4() => {
            Err(Miss::Value { word: to.to_string(), wanted: "a prefix of the source's family" })
        }
        _ => Ok(query),
    }
}

fn flow_file(given: &Given) -> Result<Request, Miss> {
    let (files, low, high) = FILES;
    let kept = within(given, "files", (low, high), "a number from 2 to 1000")?.unwrap_or(files);
    let (bytes, low, high) = FILE_BYTES;
    let size = within(given, "size", (low, high), "a number from 10240 to 1073741824")?.unwrap_or(bytes);
    watch(Watch::FlowFile(FlowFile {
        name: given.text("").ok_or(Miss::Missing("file"))?,
        files: kept,
        size: size.into(),
        pattern: given.text("match"),
    }))
}

fn match_policies(given: &Given) -> Result<Request, Miss> {
    let address = |word| given.required(word, |v| v.parse::<IpAddr>().ok());
    let (source, destination) = (address("source-ip")?, address("destination-ip")?);
    if source.is_ipv4() != destination.is_ipv4() {
        let wanted = "an address of the source's family";
        return Err(Miss::Value { word: destination.to_string(), wanted });
    }
    let proto = given.required("protocol", proto)?;
    // Protocols without ports need none.
    let port = |word: &'static str| match proto {
        Proto::TCP | Proto::UDP | Proto::SCTP => given.required(word, |v| v.parse::<u16>().ok()),
        _ => Ok(given.read(word, |v| v.parse().ok()).unwrap_or(0)),
    };
    let wanted = "a number from 1 to 16";
    watch(Watch::Match(PolicyTuple {
        from_zone: given.text("from-zone").ok_or(Miss::Missing("from-zone"))?,
        to_zone: given.text("to-zone").ok_or(Miss::Missing("to-zone"))?,
        source,
        destination,
        proto,
        source_port: port("source-port")?,
        destination_port: port("destination-port")?,
        global: given.is_set("global"),
        results: within(given, "result-count", (1, RESULTS_MAX), wanted)?.unwrap_or(1),
    }))
}

fn shadows(given: &Given) -> Result<Request, Miss> {
    let query = ShadowQuery {
        from_zone: given.text("from-zone"),
        to_zone: given.text("to-zone"),
        global: given.is_set("global"),
        policy: given.text("policy"),
        reverse: given.is_set("reverse"),
    };
    if query.reverse && query.policy.is_none() {
        return Err(Miss::Missing("policy"));
    }
    watch(Watch::Shadows(query))
}
