//! `show security log` and `clear security log`: one set of conditions.

use super::commands::{flag, option};
use super::given::{Given, proto, severity, time};
use super::{Arg, Miss, Param};
use crate::log::{LogQuery, LogRequest};
use crate::request::Request;

const ALL: Param = flag("all", "Every kept event");
const DESTINATION: Param = option("destination-address", &[Arg::Address], "Destination address");
const DESTINATION_PORT: Param = option("destination-port", &[Arg::Port], "Destination port");
const EVENT_ID: Param = option("event-id", &[Arg::Name], "Name of the message");
const FAILURE: Param = flag("failure", "What was denied");
const INTERFACE: Param = option("interface-name", &[Arg::Interface], "Interface the packet came in by");
const NEWER: Param = option("newer-than", &[Arg::Time], "After a date and time");
const OLDER: Param = option("older-than", &[Arg::Time], "Before a date and time");
const POLICY: Param = option("policy-name", &[Arg::Policy], "Policy");
const PROCESS: Param = option("process", &[Arg::Name], "What wrote the message");
const PROTOCOL: Param = option("protocol", &[Arg::Protocol], "IP protocol");
const SEVERITY: Param = option("severity", &[Arg::Severity], "This severity and what is more severe");
const SOURCE: Param = option("source-address", &[Arg::Address], "Source address");
const SOURCE_PORT: Param = option("source-port", &[Arg::Port], "Source port");
const SUCCESS: Param = flag("success", "What was permitted");

pub(super) const SHOW: &[Param] = &[
    ALL,
    DESTINATION,
    DESTINATION_PORT,
    EVENT_ID,
    FAILURE,
    flag("file", "The end of the event file"),
    INTERFACE,
    NEWER,
    OLDER,
    POLICY,
    PROCESS,
    PROTOCOL,
    SEVERITY,
    SOURCE,
    SOURCE_PORT,
    SUCCESS,
];

pub(super) const CLEAR: &[Param] = &[
    ALL,
    DESTINATION,
    DESTINATION_PORT,
    EVENT_ID,
    FAILURE,
    INTERFACE,
    NEWER,
    OLDER,
    POLICY,
    PROCESS,
    PROTOCOL,
    SEVERITY,
    SOURCE,
    SOURCE_PORT,
    SUCCESS,
];

pub(super) fn show(given: &Given) -> Result<Request, Miss> {
    let query = query(given)?;
    if !given.is_set("file") {
        return Ok(Request::Log(LogRequest::Events(query)));
    }
    // The file is shown as it is.
    if given.is_set("all") || query != LogQuery::default() {
        return Err(Miss::Word("file".into()));
    }
    Ok(Request::SecurityLogFile)
}

/// What is cleared must be said.
pub(super) fn clear(given: &Given) -> Result<Request, Miss> {
    if given.is_empty() {
        return Err(Miss::Missing("log"));
    }
    query(given).map(|query| Request::Log(LogRequest::Clear(query)))
}

fn query(given: &Given) -> Result<LogQuery, Miss> {
    let address = |word| given.read(word, |v| v.parse().ok());
    let port = |word| given.read(word, |v| v.parse().ok());
    let query = LogQuery {
        source: address("source-address"),
        source_port: port("source-port"),
        destination: address("destination-address"),
        destination_port: port("destination-port"),
        protocol: given.read("protocol", proto).map(|p| p.0),
        event: given.text("event-id"),
        process: given.text("process"),
        interface: given.text("interface-name"),
        policy: given.text("policy-name"),
        success: match (given.is_set("success"), given.is_set("failure")) {
            (true, true) => return Err(Miss::Word("failure".into())),
            (true, false) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        },
        severity: given.read("severity", severity),
        newer_than_s: given.read("newer-than", time),
        older_than_s: given.read("older-than", time),
    };
    if given.is_set("all") && query != LogQuery::default() {
        return Err(Miss::Word("all".into()));
    }
    Ok(query)
}
