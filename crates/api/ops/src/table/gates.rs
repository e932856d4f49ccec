//! Rows about sessions that gateways expect.

use ravelin_contract::GateFilter;

use super::commands::{flag, option};
use super::given::{Given, family, prefix, proto};
use super::{Arg, Command, Miss, Param};
use crate::gates::GateQuery;
use crate::request::Request;

const GATES: &[Param] = &[
    flag("brief", "One entry an expected session (default)"),
    option("destination-port", &[Arg::Port], "Destination port"),
    option("destination-prefix", &[Arg::Prefix], "Destination address or prefix"),
    option("family", &[Arg::Family], "Address family"),
    option("protocol", &[Arg::Protocol], "IP protocol"),
    option("source-port", &[Arg::Port], "Source port"),
    option("source-prefix", &[Arg::Prefix], "Source address or prefix"),
    flag("summary", "Numbers only"),
];

pub(super) const COMMANDS: &[Command] = &[Command {
    path: &["show", "security", "flow", "gate"],
    help: "Show sessions that gateways of the application layer expect",
    params: GATES,
    make: gates,
}];

fn gates(given: &Given) -> Result<Request, Miss> {
    let port = |word| given.read(word, |v| v.parse().ok());
    let summary = given.is_set("summary");
    if summary && given.is_set("brief") {
        return Err(Miss::Word("summary".to_owned()));
    }
    let filter = GateFilter {
        proto: given.read("protocol", proto),
        source: given.read("source-prefix", prefix),
        destination: given.read("destination-prefix", prefix),
        source_port: port("source-port"),
        destination_port: port("destination-port"),
        family: given.read("family", family),
    };
    Ok(Request::Gates(GateQuery { filter, summary }))
}
