//! Dropped packets, flow traces and what policies say, over the fakes.

use ravelin_contract::TraceKind;

use crate::support::Bench;

#[track_caller]
fn check(line: &str, expected: &str) {
    assert_eq!(Bench::new().good(line), expected, "{line}");
}

const REJECTED: &str = "11:59:59.500000:LSYS-ID-00 10.1.0.2/40000-->198.51.100.2/443;tcp,ipid-7,ge-0/0/0.0,\
                        Dropped by POLICY:Rejected by Policy: p2\n";
const SCREENED: &str = "11:59:58.499999:LSYS-ID-00 198.51.100.9/5-->198.51.100.1/0;icmp,ipid-7,ge-0/0/1.0,\
                        Dropped by IDS:TCP land attack\n";
const NO_ROUTE: &str = "11:59:57.500000:LSYS-ID-00 2001:db8::2/53-->2001:db8:9::1/53;udp,ipid-7,ge-0/0/0.0,\
                        Dropped by FLOW:No route to destination\n";
const BROKEN: &str = "11:59:00.500000:LSYS-ID-00 N/A/0-->N/A/0;N/A,ipid-7,N/A,\
                      Dropped by FLOW:Malformed IPv4 header\n";

#[test]
fn drop_records_name_who_dropped_the_packet() {
    let all = [REJECTED, SCREENED, NO_ROUTE, BROKEN].concat();
    check("show security packet-drop records", &all);
    check("show security packet-drop records count 1", REJECTED);
    let mut bench = Bench::new();
    bench.good("clear security packet-drop records");
    assert_eq!(bench.good("show security packet-drop records"), "");
}

#[test]
fn every_filter_of_drop_records_narrows_them() {
    for (filter, expected) in [
        ("destination-port 443", REJECTED),
        ("destination-prefix 198.51.100.1", SCREENED),
        ("from-zone untrust", SCREENED),
        ("interface ge-0/0/1.0", SCREENED),
        ("protocol udp", NO_ROUTE),
        ("source-port 53", NO_ROUTE),
        ("source-prefix 10.0.0.0/8", REJECTED),
        ("source-prefix 10.0.0.0/8 protocol udp", ""),
    ] {
        check(&format!("show security packet-drop records {filter}"), expected);
    }
    let bad = |line| Bench::new().bad(line);
    assert_eq!(bad("show security packet-drop records from-zone dmz"), "error: zone dmz not found\n");
    assert!(bad("show security packet-drop records count 8193").starts_with("invalid value '8193'"));
    assert!(bad("monitor security packet-drop count 0").starts_with("invalid value '0'"));
}

#[test]
fn drops_are_followed_until_as_many_as_asked_for_were_shown() {
    let mut bench = Bench::new();
    let begun = bench.reply("monitor security packet-drop from-zone trust count 3 | except zzz");
    assert_eq!((begun.output.as_str(), begun.follow), ("Starting packet drop:\n", true));
    let request = bench.plane.traces.lock().unwrap()[0].clone().unwrap();
    assert_eq!(request.kind, TraceKind::Drops, "packets that pass are left alone");
    let first = bench.more();
    assert_eq!((first.output, first.follow), ([NO_ROUTE, REJECTED].concat(), true));
    let last = bench.more();
    assert_eq!((last.output.as_str(), last.follow), (NO_ROUTE, false));
    assert_eq!(bench.plane.traces.lock().unwrap()[..], [None], "and the plane lets go");
    assert_eq!(bench.more().output, "");
}

#[test]
fn another_line_ends_what_is_followed() {
    let mut bench = Bench::new();
    assert!(bench.reply("monitor security packet-drop | match POLICY").follow);
    assert_eq!(bench.more().output, REJECTED);
    bench.good("show version");
    assert_eq!(bench.plane.traces.lock().unwrap()[..], [None]);
    let refused = bench.bad("monitor security packet-drop | count");
    assert_eq!(refused, "`| of what does not end' is not supported\n");
    assert_eq!(bench.bad("monitor security packet-drop from-zone dmz"), "error: zone dmz not found\n");
}

#[test]
fn a_flow_trace_is_set_up_shown_and_cleared() {
    let mut bench = Bench::new();
    bench.good(
        "monitor security flow filter in protocol tcp destination-prefix 192.0.2.0/24 destination-port 80",
    );
    bench.good("monitor security flow filter out interface ge-0/0/1.0");
    let refused = bench.bad("monitor security flow start");
    assert_eq!(refused, "error: Please specify the monitor flow trace file.\n");
    bench.good("monitor security flow file trace.log size 10240");
    bench.good("monitor security flow start");
    assert_eq!(
        bench.good("show monitor security flow"),
        "  Monitor security flow session status: Active
  Monitor security flow trace file: /var/log/trace.log
  Monitor security flow filters: 2
    Name: in
      Status: Active
      Source: 0.0.0.0/0 (port 0~65535)
      Destination: 192.0.2.0/24 (port 80~80)
      Protocol: tcp
      Logical system: root-logical-system
      Interface: None
    Name: out
      Status: Active
      Source: 0.0.0.0/0 (port 0~65535)
      Destination: 0.0.0.0/0 (port 0~65535)
      Logical system: root-logical-system
      Interface: ge-0/0/1.0
  Packets written: 0, lost: 0
"
    );
    bench.good("clear monitor security flow filter in");
    assert!(!bench.good("show monitor security flow").contains("Name: in"));
    bench.good("monitor security flow stop");
    assert!(bench.good("show monitor security flow").contains("status: Inactive"));
    assert!(bench.bad("monitor security flow file x size 10").starts_with("invalid value '10'"));
    assert_eq!(
        bench.bad("monitor security flow filter x interface ge-9/0/0.0"),
        "error: interface ge-9/0/0.0 not found\n"
    );
}

#[test]
fn the_policy_of_a_tuple_is_found_and_those_before_it_told() {
    let tuple = "from-zone trust to-zone untrust source-ip 10.2.0.9 destination-ip 192.0.2.1 source-port 1000 destination-port 80 protocol tcp";
    check(
        &format!("show security match-policies {tuple}"),
        "\
Policy: p2, action-type: reject, State: enabled, Index: 5, Scope Policy: 0
  Policy Type: Configured
  Sequence number: 2
  From zone: trust, To zone: untrust
  Source addresses:
    any
  Destination addresses:
    any
  Application: any
    IP protocol: 0, ALG: 0, Inactivity timeout: 0
      Source port range: [0-65535]
      Destination port range: [0-65535]
Policies passed over:
  p1                            no match: source-address
",
    );
    // Whoever the source is: no policy is for some and not for others.
    let all = Bench::new().good(&format!("show security match-policies {tuple}"));
    for of in ["any", "unknown-user", "someone"] {
        let line = format!("show security match-policies {tuple} source-identity {of}");
        assert_eq!(Bench::new().good(&line), all);
    }
    // The global list narrows itself to packets from untrust; then the default decides.
    check(
        "show security match-policies global from-zone trust to-zone untrust source-ip 10.2.0.9 destination-ip 192.0.2.1 protocol icmp",
        "\
Policy: default-policy-logical-system-00, action-type: deny-all, State: enabled, Index: 2
Policies passed over:
  last                          no match: zones
",
    );
    // A global policy of any to-zone does not mean the firewall itself, to which what no policy means is let through.
    check(
        "show security match-policies from-zone untrust to-zone junos-host source-ip 10.2.0.9 destination-ip 192.0.2.1 protocol icmp",
        "\
Policy: default-policy-logical-system-00, action-type: permit-all, State: enabled, Index: 2
Policies passed over:
  last                          no match: zones
",
    );
    let bad = |line: &str| Bench::new().bad(line);
    assert!(bad("show security match-policies from-zone trust to-zone untrust source-ip 10.2.0.9 destination-ip 192.0.2.1 protocol tcp").contains("source-port"));
    assert_eq!(
        bad(&format!("show security match-policies {}", tuple.replace("to-zone untrust", "to-zone dmz"))),
        "error: zone dmz not found\n"
    );
}

#[test]
fn policies_in_each_other_s_way_are_listed() {
    check(
        "show security shadow-policies from-zone trust to-zone untrust",
        "\
Policies                      Shadowed policies
Policies never hit
p2
",
    );
    check(
        "show security shadow-policies global",
        "Policies                      Shadowed policies\nPolicies never hit\nlast\n",
    );
    let bad = |line| Bench::new().bad(line);
    assert_eq!(bad("show security shadow-policies policy nobody"), "error: policy nobody not found\n");
    assert!(bad("show security shadow-policies reverse").contains("missing argument for `policy'"));
}

#[test]
fn hit_counts_are_sorted_and_bounded() {
    let table = |rows: &str, count| {
        format!(
            "Logical system: root-logical-system\n\
             Index  From zone  To zone  Name  Policy count  Action\n{rows}\nNumber of policy: {count}\n"
        )
    };
    let first = "1      trust      untrust  p1    20            Permit\n";
    check("show security policies hit-count greater-than 19", &table(first, 1));
    let rows = "1      trust      untrust  p2    0             Reject\n\
                2      untrust    any      last  0             Deny\n\
                3      trust      untrust  p1    20            Permit\n";
    check("show security policies hit-count ascending", &table(rows, 3));
    assert!(Bench::new().good("show security policies hit-count descending").contains(first));
    assert!(
        Bench::new().good("show security policies hit-count less-than 20").contains("Number of policy: 2")
    );
    assert_eq!(Bench::new().bad("show security policies ascending"), "syntax error: ascending\n");
    check(
        "show security policies information",
        "\
Default policy: deny-all
From zone: trust, To zone: untrust: policies: 2, hits: 20
Global policies: policies: 1, hits: 0
Number of policies: 3
",
    );
    check(
        "show security policies zone-context",
        "\
From zone     To zone       Policy count
trust         untrust       2
junos-global  junos-global  1
",
    );
}

#[test]
fn sessions_are_found_by_application_policy_and_silence() {
    let ids = |filter: &str| {
        let listed = Bench::new().good(&format!("show security flow session {filter}"));
        let ids = listed.lines().filter_map(|line| line.strip_prefix("Session ID: ")?.split(',').next());
        ids.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ids("application junos-http"), ["3"]);
    assert_eq!(ids("application junos-ftp"), [""; 0]);
    assert_eq!(ids("policy-id 4"), ["3"]);
    assert_eq!(ids("idle-longer-than 3"), ["3"]);
    assert_eq!(ids("idle-longer-than 2"), ["3", "9"]);
    let mut bench = Bench::new();
    assert_eq!(bench.good("clear security flow session policy-id 4"), "1 active sessions cleared\n");
    let ended: Vec<_> = bench.plane.ended.lock().unwrap().iter().map(|session| session.id.0).collect();
    assert_eq!(ended, [3]);
    assert!(bench.plane.cleared.lock().unwrap().is_none(), "no wider filter went to the plane");
}

#[test]
fn a_packet_is_tried_from_a_zone_s_nearest_interface() {
    let mut bench = Bench::new();
    let line = "test security packet from-zone trust source-ip 10.1.1.7 destination-ip 198.51.100.2 tcp-flags fin+ack";
    assert!(bench.good(line).contains("If: ge-0/0/0.0"));
    let request = bench.plane.injected.lock().unwrap().take().unwrap();
    assert_eq!(request.frame[47], 0x11);
    let sctp = "test security packet interface ge-0/0/0.0 protocol sctp source-ip 10.1.0.2 destination-ip 198.51.100.2";
    assert!(bench.good(&format!("{sctp} source-port 258 destination-port 772")).contains("10.1.0.2/258"));
    let request = bench.plane.injected.lock().unwrap().take().unwrap();
    assert_eq!((request.frame[23], &request.frame[34..38]), (132, &[1, 2, 3, 4][..]));
    assert!(bench.bad(&line.replace("fin+ack", "fun")).starts_with("invalid value 'fun'"));
    assert_eq!(bench.bad(&line.replace("trust", "dmz")), "error: zone dmz not found\n");
}

#[test]
fn operational_answers_are_xml() {
    check(
        "show security packet-drop records count 1 | display xml",
        "\
<rpc-reply xmlns:junos=\"http://xml.juniper.net/junos/\">
    <packet-drop-records>
        <packet-drop-record>
            <time>11:59:59.500000</time>
            <source-address>10.1.0.2</source-address>
            <source-port>40000</source-port>
            <destination-address>198.51.100.2</destination-address>
            <destination-port>443</destination-port>
            <protocol>tcp</protocol>
            <ip-id>7</ip-id>
            <interface-name>ge-0/0/0.0</interface-name>
            <dropped-by>POLICY</dropped-by>
            <reason>Rejected by Policy: p2</reason>
            <counter>policy-reject</counter>
        </packet-drop-record>
    </packet-drop-records>
</rpc-reply>
",
    );
}

#[test]
fn a_capture_is_judged_packet_by_packet() {
    let mut bench = Bench::new();
    // One Ethernet frame of twenty bytes that are no IP packet, and another.
    let record = "00000000 00000000 14000000 14000000".replace(' ', "") + &"07".repeat(20);
    let text = format!("d4c3b2a1020004000000000000000000{}{}", "0000040001000000", record.repeat(2));
    let reply = bench.reply_with("test security capture interface ge-0/0/0 file x.pcap", Some(&text));
    assert!(!reply.error, "{}", reply.output);
    assert_eq!(reply.output.matches("20 bytes that are no IP packet, If: ge-0/0/0.0").count(), 2);
    let request = bench.plane.injected.lock().unwrap().take().unwrap();
    assert_eq!((request.frame, request.before), (vec![7; 20], vec![vec![7; 20]]));
    assert_eq!(
        bench.bad("test security capture interface ge-0/0/0 file x.pcap"),
        "error: no capture was brought along\n"
    );
}

#[test]
fn a_profile_of_screens_that_is_not_there_is_not_found() {
    assert_eq!(Bench::new().bad("show security screen ids-option t"), "error: screen t not found\n");
}

#[test]
fn white_lists_of_screens_are_listed_by_name() {
    let offices = "Screen white list: offices\n  Bound to screen: s\n  10.1.0.0/24\n  192.0.2.7/32\n\n";
    let spare = "Screen white list: spare\n  2001:db8::/32\n  2001:db9::7/128\n\n";
    assert_eq!(Bench::new().good("show security screen white-list"), [offices, spare].concat());
    assert_eq!(Bench::new().good("show security screen white-list spare"), spare);
    let bad = Bench::new().bad("show security screen white-list other");
    assert_eq!(bad, "error: white-list other not found\n");
}
