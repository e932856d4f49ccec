//! `show security flow session` and `clear security flow session`: which sessions are meant.
//!
//! A filter of Junos that nothing here can hold for is taken as what it says: it holds for no session.

use super::commands::{flag, option};
use super::given::{Given, family, prefix, proto};
use super::{Arg, Command, Miss, Param};
use crate::request::{Detail, Request, SessionQuery};

const APPLICATION: Param = option("application", &[Arg::Name], "Application that the policy found");
const CONN_TAG: Param = option("conn-tag", &[Arg::Number], "Connection tag, which is 0 for every session");
const DESTINATION_PORT: Param = option("destination-port", &[Arg::Port], "Destination port");
const DESTINATION_PREFIX: Param =
    option("destination-prefix", &[Arg::Prefix], "Destination address or prefix");
const FAMILY: Param = option("family", &[Arg::Family], "Address family");
const IDLE: Param =
    option("idle-longer-than", &[Arg::Number], "Sessions silent for so many seconds (extension)");
const INTERFACE: Param = option("interface", &[Arg::Interface], "Logical interface of either direction");
const NAT: Param = flag("nat", "Sessions with translated addresses");
const POLICY_ID: Param = option("policy-id", &[Arg::Number], "Sessions of the policy with this index");
const PROTOCOL: Param = option("protocol", &[Arg::Protocol], "IP protocol");
const RESOURCES: Param =
    flag("resource-manager", "Sessions of gateways (ALGs) that expect others, and those that were expected");
const SESSION_ID: Param = option("session-identifier", &[Arg::SessionId], "One session");
const SOURCE_PORT: Param = option("source-port", &[Arg::Port], "Source port");
const SOURCE_PREFIX: Param = option("source-prefix", &[Arg::Prefix], "Source address or prefix");

// Filters that hold for no session here.
const APP_FIREWALL: Param =
    flag("application-firewall", "Sessions with an application firewall: there are none");
const APP_FIREWALL_RULES: Param = option(
    "application-firewall-rule-set",
    &[Arg::Name],
    "Sessions of a rule set of an application firewall: there are none",
);
const APP_TRAFFIC: Param =
    flag("application-traffic-control", "Sessions with application traffic control: there are none");
const APP_TRAFFIC_RULES: Param = option(
    "application-traffic-control-rule-set",
    &[Arg::Name],
    "Sessions of a rule set of application traffic control: there are none",
);
const DYNAMIC_APPLICATION: Param =
    option("dynamic-application", &[Arg::Name], "Sessions of an identified application: there are none");
const DYNAMIC_GROUP: Param =
    option("dynamic-application-group", &[Arg::Name], "Sessions of identified applications: there are none");
const ENCRYPTED: Param =
    flag("encrypted", "Sessions of applications identified as encrypted: there are none");
const IDP: Param = flag("idp", "Sessions with intrusion detection: there are none");
const OFFLOADED: Param = flag("services-offload", "Sessions left to the network processor: there are none");
const TUNNEL: Param = flag("tunnel", "Sessions of tunnels that end here: there are none");

/// Words of filters that hold for no session.
const NOWHERE: [&str; 10] = [
    "application-firewall",
    "application-firewall-rule-set",
    "application-traffic-control",
    "application-traffic-control-rule-set",
    "dynamic-application",
    "dynamic-application-group",
    "encrypted",
    "idp",
    "services-offload",
    "tunnel",
];

const SHOW: &[Param] = &[
    APPLICATION,
    APP_FIREWALL,
    APP_FIREWALL_RULES,
    APP_TRAFFIC,
    APP_TRAFFIC_RULES,
    flag("brief", "One entry a session (default)"),
    CONN_TAG,
    DESTINATION_PORT,
    DESTINATION_PREFIX,
    DYNAMIC_APPLICATION,
    DYNAMIC_GROUP,
    ENCRYPTED,
    flag("extensive", "Everything about each session"),
    FAMILY,
    IDLE,
    IDP,
    INTERFACE,
    NAT,
    POLICY_ID,
    PROTOCOL,
    RESOURCES,
    OFFLOADED,
    SESSION_ID,
    SOURCE_PORT,
    SOURCE_PREFIX,
    flag("summary", "Numbers only"),
    TUNNEL,
];

const CLEAR: &[Param] = &[
    flag("all", "Every session"),
    APPLICATION,
    APP_FIREWALL,
    APP_FIREWALL_RULES,
    APP_TRAFFIC,
    APP_TRAFFIC_RULES,
    CONN_TAG,
    DESTINATION_PORT,
    DESTINATION_PREFIX,
    DYNAMIC_APPLICATION,
    DYNAMIC_GROUP,
    ENCRYPTED,
    FAMILY,
    IDLE,
    IDP,
    INTERFACE,
    NAT,
    POLICY_ID,
    PROTOCOL,
    RESOURCES,
    OFFLOADED,
    SESSION_ID,
    SOURCE_PORT,
    SOURCE_PREFIX,
    TUNNEL,
];

pub(super) const COMMANDS: &[Command] = &[
    Command {
        path: &["clear", "security", "flow", "session"],
        help: "End sessions",
        params: CLEAR,
        make: |given| {
            if given.is_empty() {
                return Err(Miss::Missing("session"));
            }
            if given.is_set("all") {
                given.only(&["all"])?;
            }
            Ok(Request::ClearSessions { query: query(given) })
        },
    },
    Command {
        path: &["show", "security", "flow", "session"],
        help: "Show sessions",
        params: SHOW,
        make: show,
    },
];

fn query(given: &Given) -> SessionQuery {
    let number = |w: &str| given.read(w, |v| v.parse().ok());
    let port = |w: &str| given.read(w, |v| v.parse().ok());
    SessionQuery {
        proto: given.read("protocol", proto),
        source: given.read("source-prefix", prefix),
        destination: given.read("destination-prefix", prefix),
        source_port: port("source-port"),
        destination_port: port("destination-port"),
        interface: given.text("interface"),
        family: given.read("family", family),
        id: given.read("session-identifier", |v| v.parse().ok()),
        nat: given.is_set("nat"),
        application: given.text("application"),
        policy_id: number("policy-id"),
        idle_s: number("idle-longer-than"),
        resources: given.is_set("resource-manager"),
        // Nothing here gives a connection another tag than 0.
        nowhere: NOWHERE.iter().any(|word| given.is_set(word))
            || number("conn-tag").is_some_and(|tag| tag != 0),
    }
}

fn show(given: &Given) -> Result<Request, Miss> {
    let query = query(given);
    let chosen: Vec<_> = ["brief", "extensive", "summary"].into_iter().filter(|w| given.is_set(w)).collect();
    let detail = match chosen[..] {
        // Junos shows one session whole.
        [] if query.id.is_some() => Detail::Extensive,
        [] | ["brief"] => Detail::Brief,
        ["extensive"] => Detail::Extensive,
        ["summary"] => Detail::Summary,
        [.., last] => return Err(Miss::Word(last.to_owned())),
    };
    Ok(Request::Sessions { query, detail })
}
