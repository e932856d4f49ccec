//! Rows about counters of policies, screens and packets, and about zones.

use super::commands::{alone, flag, option};
use super::given::Given;
use super::{Arg, Command, Miss, Param};
use crate::counting::{CounterQuery, ScreenPlace};
use crate::request::{Request, ZoneView};

const PLACE: &[Param] = &[
    option("interface", &[Arg::Interface], "Logical interface that packets came in by"),
    option("zone", &[Arg::Zone], "Zone"),
];
const ZONES: &[Param] = &[
    flag("detail", "Everything about each zone (default)"),
    flag("terse", "Names and types"),
    option("type", &[Arg::ZoneType], "Zones of this type"),
    alone(&[Arg::Zone], "Zone to show"),
];

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["clear", "security", "flow", "statistics"],
        help: "Set counters of packets, drops and sessions back to zero",
        params: &[],
        make: |_| Ok(Request::Counters(CounterQuery::ClearFlow)),
    },
    Command {
        path: &["clear", "security", "policies", "hit-count"],
        help: "Set hits of policies back to zero",
        params: &[
            option("from-zone", &[Arg::Zone], "Policies for traffic from this zone"),
            option("to-zone", &[Arg::Zone], "Policies for traffic to this zone"),
        ],
        make: |given| {
            let (from_zone, to_zone) = (given.text("from-zone"), given.text("to-zone"));
            Ok(Request::Counters(CounterQuery::ClearHits { from_zone, to_zone }))
        },
    },
    Command {
        path: &["clear", "security", "policies", "statistics"],
        help: "Set packets and bytes of policies back to zero",
        params: &[],
        make: |_| Ok(Request::Counters(CounterQuery::ClearTraffic)),
    },
    Command {
        path: &["clear", "security", "screen", "statistics"],
        help: "Set what screens have seen back to zero",
        params: PLACE,
        make: |given| Ok(Request::Counters(CounterQuery::ClearScreens(place(given)?))),
    },
    Command {
        path: &["show", "security", "flow", "status"],
        help: "Show how packets are treated",
        params: &[],
        make: |_| Ok(Request::Counters(CounterQuery::FlowStatus)),
    },
    Command {
        path: &["show", "security", "screen", "statistics"],
        help: "Show what screens have seen in a zone or at an interface",
        params: PLACE,
        make: |given| Ok(Request::Counters(CounterQuery::Screens(place(given)?))),
    },
    Command { path: &["show", "security", "zones"], help: "Show zones", params: ZONES, make: zones },
];

fn place(given: &Given) -> Result<ScreenPlace, Miss> {
    match (given.text("zone"), given.text("interface")) {
        (Some(zone), None) => Ok(ScreenPlace::Zone(zone)),
        (None, Some(interface)) => Ok(ScreenPlace::Interface(interface)),
        (None, None) => Err(Miss::Missing("zone")),
        (Some(_), Some(interface)) => Err(Miss::Word(interface)),
    }
}

fn zones(given: &Given) -> Result<Request, Miss> {
    if given.is_set("detail") && given.is_set("terse") {
        return Err(Miss::Word("terse".to_owned()));
    }
    Ok(Request::Zones(ZoneView {
        name: given.text(""),
        terse: given.is_set("terse"),
        functional: given.text("type").map(|kind| kind == "functional"),
    }))
}
