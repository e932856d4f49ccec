//! Operational commands end to end over the fakes: the line typed, the text printed.

use crate::support::Bench;
use serde_json::Value;

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(Bench::new().good(line), expected, "{line}");
}

#[track_caller]
fn json(line: &str, pointer: &str, expected: &str) {
    let text = Bench::new().good(&format!("{line} | display json"));
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value.pointer(pointer).and_then(Value::as_str), Some(expected), "{line} {pointer}: {text}");
}

const WEB: &str = "\
Session ID: 3, Policy name: p1/4, Timeout: 1796, Valid
  In: 10.1.0.2/40000 --> 198.51.100.2/80;tcp, Conn Tag: 0x0, If: ge-0/0/0.0, Pkts: 5, Bytes: 400,
  Out: 198.51.100.2/80 --> 198.51.100.1/1024;tcp, Conn Tag: 0x0, If: ge-0/0/1.0, Pkts: 4, Bytes: 3000,

";
const PING: &str = "\
Session ID: 9, Policy name: self-traffic-policy/1, Timeout: 58, Pending
  In: 2001:db8::2/1 --> 2001:db8::1/9;icmp6, Conn Tag: 0x0, If: ge-0/0/0.0, Pkts: 1, Bytes: 104,
  Out: 2001:db8::1/9 --> 2001:db8::2/1;icmp6, Conn Tag: 0x0, If: .local..0, Pkts: 0, Bytes: 0,

";

#[test]
fn sessions_are_listed_by_identifier_and_filtered() {
    check("show security flow session", &format!("{WEB}{PING}Total sessions: 2\n"));
    let web = format!("{WEB}Total sessions: 1\n");
    for filter in [
        "protocol tcp",
        "family inet",
        "nat",
        "source-prefix 10.1.0.0/16",
        "destination-prefix 198.51.100.2",
        "source-port 40000",
        "destination-port 80",
        "interface ge-0/0/1.0",
        "interface ge-0/0/1 brief",
        "brief session-identifier 3",
    ] {
        check(&format!("show security flow session {filter}"), &web);
    }
    check("show security flow session family inet6", &format!("{PING}Total sessions: 1\n"));
    check("show security flow session protocol udp", "Total sessions: 0\n");
    assert_eq!(
        Bench::new().bad("show security flow session interface ge-9/0/0.0"),
        "error: interface ge-9/0/0.0 not found\n"
    );
}

#[test]
fn one_session_is_shown_whole() {
    check(
        "show security flow session session-identifier 3",
        "\
Session ID: 3, Status: Normal
Policy name: p1/4
Source NAT pool: Null, Source NAT rule: r1, Application: junos-http
Destination NAT rule: N/A
From zone: trust, To zone: untrust, Worker: 0
Maximum timeout: 1800, Current timeout: 1796
Session State: Valid
Duration: 12
   In: 10.1.0.2/40000 --> 198.51.100.2/80;tcp,
    Conn Tag: 0x0, Interface: ge-0/0/0.0,
    Pkts: 5, Bytes: 400
   Out: 198.51.100.2/80 --> 198.51.100.1/1024;tcp,
    Conn Tag: 0x0, Interface: ge-0/0/1.0,
    Pkts: 4, Bytes: 3000

Total sessions: 1
",
    );
}

#[test]
fn sessions_in_numbers() {
    check(
        "show security flow session summary",
        "\
Unicast-sessions: 2
Multicast-sessions: 0
Services-offload-sessions: 0
Failed-sessions: 1
Sessions-in-use: 2
  Valid sessions: 1
  Pending sessions: 1
  Invalidated sessions: 0
  Sessions in other states: 0
Maximum-sessions: 65536
",
    );
}

#[test]
fn clearing_takes_the_filter_to_the_plane() {
    let mut bench = Bench::new();
    assert_eq!(bench.good("clear security flow session protocol tcp"), "1 active sessions cleared\n");
    let filter = bench.plane.cleared.lock().unwrap().take().unwrap();
    assert_eq!(filter.proto, Some(ravelin_types::Proto::TCP));
    assert_eq!(bench.good("clear security flow session all"), "2 active sessions cleared\n");
}

#[test]
fn flow_statistics_name_every_reason_that_happened() {
    check(
        "show security flow statistics",
        "    Current sessions: 2
    Packets received: 1000
    Packets transmitted: 900
    Packets forwarded/queued: 0
    Packets copied: 0
    Packets dropped: 4
    Packets answered: 0
    Packets handed over: 0
    Sessions created: 0
    Sessions closed: 0
    Events lost: 0
    Drops by reason:
      Rejected by policy: 3
      Session table full: 1
",
    );
}

const INTERFACES: &str = "\
Interface               Admin Link Proto    Local                 Remote
ge-0/0/0                up    up
ge-0/0/0.0              up    up   inet     10.1.0.1/24
                                            10.1.1.1/24
                                   inet6    2001:db8::1/64
";

#[test]
fn interfaces_have_their_columns() {
    let rest =
        "ge-0/0/1                up    down\nge-0/0/1.0              up    down inet     198.51.100.1/24\n";
    check("show interfaces terse", &format!("{INTERFACES}{rest}"));
    check("show interfaces terse ge-0/0/0", INTERFACES);
    assert_eq!(Bench::new().bad("show interfaces terse xe-0/0/0"), "error: interface xe-0/0/0 not found\n");
}

#[test]
fn zones_name_their_interfaces() {
    check(
        "show security zones trust",
        "
Security zone: trust
  Zone ID: 1
  Send reset for non-SYN session TCP packets: On
  Policy configurable: Yes
  Interfaces bound: 1
  Interfaces:
    ge-0/0/0.0
  Unidirectional-session-refreshing: No
",
    );
    assert_eq!(Bench::new().bad("show security zones dmz"), "error: zone dmz not found\n");
}

#[test]
fn policies_stand_under_their_zones() {
    let pair = "\
Default policy: deny-all
From zone: trust, To zone: untrust
  Policy: p1, State: enabled, Index: 4, Scope Policy: 0, Sequence number: 1
    Source addresses: 10.1.0.0/24
    Destination addresses: any
    Applications: junos-http
    Action: permit, log
  Policy: p2, State: enabled, Index: 5, Scope Policy: 0, Sequence number: 2
    Source addresses: any
    Destination addresses: any
    Applications: any
    Action: reject
";
    let global = "\
Global policies:
  Policy: last, State: enabled, Index: 6, Scope Policy: 0, Sequence number: 1
    From zones: untrust
    To zones: any
    Source addresses: any
    Destination addresses: any
    Applications: any
    Action: deny
";
    check("show security policies", &format!("{pair}{global}"));
    check("show security policies from-zone trust to-zone untrust", pair);
    assert_eq!(Bench::new().bad("show security policies policy-name x"), "error: policy x not found\n");
    assert_eq!(Bench::new().bad("show security policies from-zone x"), "error: zone x not found\n");
}

#[test]
fn policies_in_detail_carry_their_counter() {
    check(
        "show security policies detail policy-name p1",
        "\
Default policy: deny-all
From zone: trust, To zone: untrust
Policy: p1, action-type: permit, State: enabled, Index: 4, Scope Policy: 0
  Policy Type: Configured, zone
  Description: Web for all
  Sequence number: 1
  From zone: trust, To zone: untrust
  Source addresses:
    10.1.0.0/24
  Destination addresses:
    any
  Application: junos-http
    IP protocol: tcp, ALG: 0, Inactivity timeout: 1800
      Source port range: [0-65535]
      Destination port range: [0-65535]
  Per policy TCP Options: SYN check: No, SEQ check: No, Window scale: No
  Session log: at-close, every 5 minutes
  Policy lookups: 20
  First hit: 00:01:40 ago, Last hit: 00:00:05 ago, Average rate: 0.20 a second
",
    );
}

#[test]
fn gateways_are_listed_by_name() {
    check(
        "show security alg status",
        "\
ALG Status:
  DNS      : Enabled
  FTP      : Enabled
  H323     : Disabled
  MGCP     : Disabled
  MSRPC    : Disabled
  PPTP     : Disabled
  RSH      : Disabled
  RTSP     : Disabled
  SCCP     : Disabled
  SIP      : Disabled
  SQL      : Disabled
  SUNRPC   : Disabled
  TALK     : Disabled
  TFTP     : Disabled
",
    );
}

#[test]
fn hit_counts_are_a_table() {
    check(
        "show security policies hit-count",
        "\
Logical system: root-logical-system
Index  From zone  To zone  Name  Policy count  Action
1      trust      untrust  p1    20            Permit
2      trust      untrust  p2    0             Reject
3      untrust    any      last  0             Deny

Number of policy: 3
",
    );
}

#[test]
fn nat_rules_have_counters() {
    check(
        "show security nat source rule r1",
        "\
Total rules: 1
Total referenced IPv4/IPv6 ip-prefixes: 2/0
source NAT rule: r1                   Rule-set: out
  Rule-Id                    : 1
  Rule position              : 1
  From zone                  : trust
  To zone                    : untrust
  Match
    Source addresses         : 10.1.0.0        - 10.1.0.255
    Destination addresses    : 0.0.0.0         - 255.255.255.255
  Action                     : interface
    Persistent NAT type        : N/A
    Persistent NAT mapping type: address-port-mapping
    Inactivity timeout         : 0
    Max session number         : 0
  Translation hits           : 7
    Successful sessions      : 6
    Failed sessions          : 1
  Number of sessions         : 2
",
    );
    check(
        "show security nat source summary",
        "\
Total pools: 4

Total rules: 1
Rule name          Rule set       From              To                   Action
r1                 out            trust             untrust              interface
",
    );
    assert_eq!(Bench::new().bad("show security nat source rule r9"), "error: rule r9 not found\n");
}

#[test]
fn a_packet_is_explained() {
    let mut bench = Bench::new();
    let output = bench.good(
        "test security packet interface ge-0/0/0.0 source-ip 10.1.0.2 destination-ip 198.51.100.2 protocol udp",
    );
    assert_eq!(
        output,
        "\
Packet: 10.1.0.2/40000 --> 198.51.100.2/80;udp, If: ge-0/0/0.0
  session  no session
  policy   p2: match: reject
Verdict: drop: Rejected by policy
"
    );
    let request = bench.plane.injected.lock().unwrap().take().unwrap();
    assert_eq!(request.interface, "ge-0/0/0.0");
    assert_eq!(request.frame[..6], [2, 0, 0, 0, 0, 0], "the port's own address");
    assert_eq!(request.frame[23], 17);
}

#[test]
fn the_plane_shows_its_state() {
    check(
        "show ravelin status",
        "\
Backend: fake
Forwarding: armed
Epoch: 11
Generation: 7
Worker  State  Restarts  Generation
0       up     1         7
Port                State  Mode
ge-0/0/0            up     native, copy
ge-0/0/1            down   native, copy
Redundancy group  State    Lease ms
1                 active   9990
Fabric  Interface           State  Sent                  Received
0       ge-0/0/7            up     12                    34
",
    );
    json("show ravelin status", "/ravelin-status/0/fabric/0/received-packets/0/data", "34");
    check("show version", "Hostname: fw1\nModel: ravelin\nRavelin: 0.1.0\n");
}

#[test]
fn a_list_of_sessions_is_told_in_parts_that_make_one_document() {
    let mut bench = Bench::new();
    assert!(
        bench.reply("show security flow session").part,
        "the plane has two sessions and tells one at a time"
    );
    // Another line does without the rest.
    assert_eq!(bench.good("show security flow session | count"), "Count: 9 lines\n");
    assert_eq!(bench.good("show security flow session | last 1"), "Total sessions: 2\n");
    assert_eq!(bench.more(), ravelin_ops::Reply::default());
    let xml = bench.good("show security flow session | display xml");
    assert_eq!(xml.matches("<flow-session>").count(), 2);
    assert_eq!(xml.matches("<flow-session-information>").count(), 1);
    assert!(xml.ends_with("<displayed-session-count>2</displayed-session-count>\n    </flow-session-information>\n</rpc-reply>\n"));
    let none = "show security flow session protocol udp | display";
    assert!(!bench.good(&format!("{none} xml")).contains("<flow-session>"));
    let empty: serde_json::Value = serde_json::from_str(&bench.good(&format!("{none} json"))).unwrap();
    assert_eq!(empty["flow-session-information"][0]["flow-session"], serde_json::json!([]));
}

#[test]
fn answers_are_json_with_names_of_junos() {
    let session = "/flow-session-information/0/flow-session/0";
    json("show security flow session", &format!("{session}/session-identifier/0/data"), "3");
    json(
        "show security flow session",
        &format!("{session}/flow-information/1/interface-name/0/data"),
        "ge-0/0/1.0",
    );
    json(
        "show interfaces terse",
        "/interface-information/0/physical-interface/0/logical-interface/0/address-family/1/interface-address/0/ifa-local/0/data",
        "2001:db8::1/64",
    );
    json("show route", "/route-information/0/route-table/3/rt/0/rt-destination/0/data", "2001:db8::/64");
    json(
        "show security policies",
        "/security-policies/0/security-context/1/policies/0/policy-information/0/policy-action/0/action-type/0/data",
        "reject",
    );
    json(
        "show security zones",
        "/zones-information/0/zones-security/1/zones-security-zonename/0/data",
        "untrust",
    );
}

#[test]
fn pipes_work_on_the_text() {
    check("show security flow session | match ^session | count", "Count: 2 lines\n");
    check(
        "show interfaces terse | except UP",
        "Interface               Admin Link Proto    Local                 Remote\n                                            10.1.1.1/24\n                                   inet6    2001:db8::1/64\n",
    );
    assert_eq!(Bench::new().bad("show version | display set"), "`| display set' is not supported\n");
    assert_eq!(Bench::new().bad("show version | compare"), "`| compare' is not supported\n");
}

#[test]
fn completion_knows_words_and_names() {
    let mut bench = Bench::new();
    assert_eq!(bench.words("sh"), ["show"]);
    let security = [
        "alg",
        "application-tracking",
        "dns-cache",
        "dynamic-address",
        "flow",
        "forward-options",
        "log",
        "match-policies",
        "nat",
        "packet-drop",
        "policies",
        "screen",
        "shadow-policies",
        "zones",
    ];
    assert_eq!(bench.words("show security "), security);
    assert_eq!(bench.words("show security zones t"), ["<zone>", "terse", "trust", "type"]);
    assert_eq!(bench.words("show security policies from-zone "), ["<zone>", "trust", "untrust"]);
    assert_eq!(bench.words("show security flow session source"), ["source-port", "source-prefix"]);
    assert_eq!(bench.words("show security flow session protocol t"), ["tcp"]);
    assert_eq!(bench.words("show configuration sec"), ["security"]);
    assert_eq!(bench.words("show configuration security "), ["<[Enter]>", "<|>", "zones"]);
    assert_eq!(bench.words("show version | m"), ["match"]);
    assert_eq!(
        bench.words("show version | display "),
        ["detail", "inheritance", "json", "omit", "set", "xml"]
    );
    assert!(bench.words("show nonsense ").is_empty());
}

#[test]
fn buffers_are_shown_by_worker_and_use() {
    let expected = "\
Worker  Buffers        Bytes    Capacity        Free  With links        Used     Refused
1       packets         4096        5120        3000        2100          20           -
1       events             -        4096        4095           0           1          17
";
    check("show system buffers", expected);
    json("show system buffers", "/memory-statistics/0/worker-buffers/0/with-links/0/data", "2100");
    json("show system buffers", "/memory-statistics/0/worker-buffers/1/refused/0/data", "17");
}
