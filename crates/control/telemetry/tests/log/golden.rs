//! Lines as Junos writes them.
//!
//! Sources: field lists of the System Log Explorer, release 22.2R1; values of fields that this firewall does not fill
//! from captured lines of an SRX1500 (traditional form) and a vSRX on 25.4R1 (structured form); the screen messages
//! from Juniper's page on RT_SCREEN_TCP. Written by hand. Spec: log-1..16.

use jiff::tz::TimeZone;
use ravelin_contract::{FilterAction, FilterHit, PolicerHit};
use ravelin_telemetry::{
    Clock, Deny, Flow, Form, Line, Names, NatRuleKind, Record, ScreenTag, Style, filtered, policed,
};
use ravelin_types::{InterfaceId, NatRuleId, PolicyId, Proto, RuleIdentity, ZoneId};

use crate::support::{at, closed, denied, flow, key, screen, style};

#[track_caller]
fn check(style: Style, host_name: &str, time: &str, record: &Record, expected: &str) {
    let mut clock = Clock::new(TimeZone::UTC);
    clock.set(at(time));
    let mut out = String::new();
    Line { style, facility: 1, host_name, clock: &clock }.write(&mut out, record);
    assert_eq!(out, expected);
}

fn srx1500(text: &str, to: &str, session: u64) -> Flow {
    Flow {
        policy: "1".into(),
        from_zone: "V40".into(),
        to_zone: to.into(),
        session,
        interface: "reth2.0".into(),
        ..flow(text)
    }
}

#[test]
fn a_session_begins_in_the_traditional_form() {
    let record = Record::Create(srx1500("10.1.37.45:41013 > 180.225.82.115:3306", "V30", 1_047_299));
    check(
        style(Form::Syslog),
        "TA-FW_SRX1500",
        "2026-06-17T16:49:31Z",
        &record,
        "<14>Jun 17 16:49:31 TA-FW_SRX1500 RT_FLOW: RT_FLOW_SESSION_CREATE: session created \
         10.1.37.45/41013->180.225.82.115/3306 0x0 None 10.1.37.45/41013->180.225.82.115/3306 0x0 N/A N/A N/A N/A 6 1 \
         V40 V30 1047299 N/A(N/A) reth2.0 UNKNOWN UNKNOWN UNKNOWN N/A N/A -1 N/A N/A N/A Off root N/A N/A",
    );
}

#[test]
fn a_session_ends_in_the_traditional_form() {
    let record = Record::Close {
        flow: srx1500("122.35.0.54:59287 > 10.1.2.200:3306", "Untrust", 1_714_411),
        reason: "TCP FIN",
        packets: [10, 9],
        bytes: [550, 709],
        elapsed_s: 1,
    };
    check(
        style(Form::Syslog),
        "TA-FW_SRX1500",
        "2026-06-06T07:01:02Z",
        &record,
        "<14>Jun  6 07:01:02 TA-FW_SRX1500 RT_FLOW: RT_FLOW_SESSION_CLOSE: session closed TCP FIN: \
         122.35.0.54/59287->10.1.2.200/3306 0x0 None 122.35.0.54/59287->10.1.2.200/3306 0x0 N/A N/A N/A N/A 6 1 V40 \
         Untrust 1714411 10(550) 9(709) 1 UNKNOWN UNKNOWN N/A(N/A) reth2.0 UNKNOWN N/A N/A -1 N/A NA 0 \
         0.0.0.0/0->0.0.0.0/0 NA NA N/A N/A Off root 0 N/A N/A",
    );
}

#[test]
fn a_translated_session_ends_in_the_structured_form() {
    let out = key("10.3.255.203:47776 > 8.23.224.110:80", Proto::TCP);
    let record = Record::Close {
        flow: Flow {
            key: out,
            nat: key("10.3.136.49:19162 > 8.23.224.110:80", Proto::TCP),
            service: Some("junos-http".into()),
            source_rule: Some((NatRuleKind::Source, "nat1".into())),
            destination_rule: None,
            policy: "permit_all".into(),
            from_zone: "trust".into(),
            to_zone: "untrust".into(),
            session: 5,
            interface: "ge-0/0/0.0".into(),
        },
        reason: "TCP FIN",
        packets: [6, 4],
        bytes: [337, 535],
        elapsed_s: 1,
    };
    check(
        style(Form::SdSyslog),
        "fw1",
        "2019-04-12T14:29:06.576Z",
        &record,
        "<14>1 2019-04-12T14:29:06.576Z fw1 RT_FLOW - RT_FLOW_SESSION_CLOSE [junos@2636.1.1.1.2.129 \
         reason=\"TCP FIN\" source-address=\"10.3.255.203\" source-port=\"47776\" \
         destination-address=\"8.23.224.110\" destination-port=\"80\" connection-tag=\"0\" \
         service-name=\"junos-http\" nat-source-address=\"10.3.136.49\" nat-source-port=\"19162\" \
         nat-destination-address=\"8.23.224.110\" nat-destination-port=\"80\" nat-connection-tag=\"0\" \
         src-nat-rule-type=\"source rule\" src-nat-rule-name=\"nat1\" dst-nat-rule-type=\"N/A\" \
         dst-nat-rule-name=\"N/A\" protocol-id=\"6\" policy-name=\"permit_all\" source-zone-name=\"trust\" \
         destination-zone-name=\"untrust\" session-id=\"5\" packets-from-client=\"6\" bytes-from-client=\"337\" \
         packets-from-server=\"4\" bytes-from-server=\"535\" elapsed-time=\"1\" application=\"UNKNOWN\" \
         nested-application=\"UNKNOWN\" username=\"N/A\" roles=\"N/A\" packet-incoming-interface=\"ge-0/0/0.0\" \
         encrypted=\"UNKNOWN\" application-category=\"N/A\" application-sub-category=\"N/A\" application-risk=\"-1\" \
         application-characteristics=\"N/A\" secure-web-proxy-session-type=\"NA\" peer-session-id=\"0\" \
         peer-source-address=\"0.0.0.0\" peer-source-port=\"0\" peer-destination-address=\"0.0.0.0\" \
         peer-destination-port=\"0\" hostname=\"NA NA\" src-vrf-grp=\"N/A\" dst-vrf-grp=\"N/A\" \
         tunnel-inspection=\"Off\" tunnel-inspection-policy-set=\"root\" session-flag=\"0\" source-tenant=\"N/A\" \
         destination-service=\"N/A\"]",
    );
}

#[test]
fn a_session_over_ipv6_begins_in_the_structured_form() {
    let record = Record::Create(Flow { session: 9, ..flow("[2001:db8:1::2]:40000 > [2001:db8:2::2]:443") });
    check(
        style(Form::SdSyslog),
        "",
        "2026-11-21T07:13:39Z",
        &record,
        "<14>1 2026-11-21T07:13:39.000Z - RT_FLOW - RT_FLOW_SESSION_CREATE [junos@2636.1.1.1.2.129 \
         source-address=\"2001:db8:1::2\" source-port=\"40000\" destination-address=\"2001:db8:2::2\" \
         destination-port=\"443\" connection-tag=\"0\" service-name=\"None\" nat-source-address=\"2001:db8:1::2\" \
         nat-source-port=\"40000\" nat-destination-address=\"2001:db8:2::2\" nat-destination-port=\"443\" \
         nat-connection-tag=\"0\" src-nat-rule-type=\"N/A\" src-nat-rule-name=\"N/A\" dst-nat-rule-type=\"N/A\" \
         dst-nat-rule-name=\"N/A\" protocol-id=\"6\" policy-name=\"p1\" source-zone-name=\"trust\" \
         destination-zone-name=\"untrust\" session-id=\"9\" username=\"N/A\" roles=\"N/A\" \
         packet-incoming-interface=\"ge-0/0/0.0\" application=\"UNKNOWN\" nested-application=\"UNKNOWN\" \
         encrypted=\"UNKNOWN\" application-category=\"N/A\" application-sub-category=\"N/A\" application-risk=\"-1\" \
         application-characteristics=\"N/A\" src-vrf-grp=\"N/A\" dst-vrf-grp=\"N/A\" tunnel-inspection=\"Off\" \
         tunnel-inspection-policy-set=\"root\" source-tenant=\"N/A\" destination-service=\"N/A\"]",
    );
}

#[test]
fn a_denied_packet_in_both_forms() {
    let time = "2026-11-21T07:13:39.5Z";
    check(
        style(Form::SdSyslog),
        "fw1",
        time,
        &denied(),
        "<14>1 2026-11-21T07:13:39.500Z fw1 RT_FLOW - RT_FLOW_SESSION_DENY [junos@2636.1.1.1.2.129 \
         source-address=\"10.0.0.2\" source-port=\"2000\" destination-address=\"198.51.100.1\" destination-port=\"23\" \
         connection-tag=\"0\" service-name=\"None\" protocol-id=\"6\" icmp-type=\"0\" policy-name=\"no-telnet\" \
         source-zone-name=\"trust\" destination-zone-name=\"untrust\" application=\"UNKNOWN\" \
         nested-application=\"UNKNOWN\" username=\"N/A\" roles=\"N/A\" packet-incoming-interface=\"ge-0/0/0.0\" \
         encrypted=\"UNKNOWN\" reason=\"Denied by policy\" session-id=\"0\" application-category=\"N/A\" \
         application-sub-category=\"N/A\" application-risk=\"-1\" application-characteristics=\"N/A\" \
         src-vrf-grp=\"N/A\" dst-vrf-grp=\"N/A\" source-tenant=\"N/A\" destination-service=\"N/A\"]",
    );
    let Record::Deny(deny) = denied() else { unreachable!("it is a denial") };
    let ping =
        Record::Deny(Deny { key: key("10.0.0.2:77 > 198.51.100.1:0", Proto::ICMP), rejected: true, ..deny });
    check(
        style(Form::Syslog),
        "fw1",
        time,
        &ping,
        "<14>Nov 21 07:13:39 fw1 RT_FLOW: RT_FLOW_SESSION_DENY: session denied 10.0.0.2/77->198.51.100.1/0 0x0 None \
         1(8) no-telnet trust untrust UNKNOWN UNKNOWN N/A(N/A) ge-0/0/0.0 UNKNOWN Rejected by policy 0 N/A N/A -1 N/A \
         N/A N/A N/A N/A",
    );
}

#[test]
fn screens_are_errors_and_have_the_fields_of_their_protocol() {
    let ports = "1.1.1.2:40001 > 2.2.2.2:50010";
    let tcp = Record::Screen(screen(ScreenTag::Tcp, "SYN flood!", ports, Proto::TCP));
    let time = "2026-11-21T07:13:39Z";
    check(
        style(Form::SdSyslog),
        "fw1",
        time,
        &tcp,
        "<11>1 2026-11-21T07:13:39.000Z fw1 RT_IDS - RT_SCREEN_TCP [junos@2636.1.1.1.2.129 \
         attack-name=\"SYN flood!\" source-address=\"1.1.1.2\" source-port=\"40001\" destination-address=\"2.2.2.2\" \
         destination-port=\"50010\" source-zone-name=\"trustZone\" interface-name=\"ge-0/0/1.0\" action=\"drop\"]",
    );
    let head = "<11>Nov 21 07:13:39 fw1 RT_IDS: ";
    for (tag, attack, expected) in [
        (
            ScreenTag::Tcp,
            "SYN flood!",
            "RT_SCREEN_TCP: SYN flood! source: 1.1.1.2:40001, destination: 2.2.2.2:50010, \
             zone name: trustZone, interface name: ge-0/0/1.0, action: drop",
        ),
        (
            ScreenTag::Udp,
            "UDP flood!",
            "RT_SCREEN_UDP: UDP flood! source: 1.1.1.2:40001, destination: 2.2.2.2:50010, \
             zone name: trustZone, interface name: ge-0/0/1.0, action: drop",
        ),
        (
            ScreenTag::Icmp,
            "ICMP flood!",
            "RT_SCREEN_ICMP: ICMP flood! source: 1.1.1.2, destination: 2.2.2.2, \
             zone name: trustZone, interface name: ge-0/0/1.0, action: drop",
        ),
        (
            ScreenTag::Ip,
            "IP spoofing!",
            "RT_SCREEN_IP: IP spoofing! source: 1.1.1.2, destination: 2.2.2.2, protocol-id: 17, \
             zone name: trustZone, interface name: ge-0/0/1.0, action: drop",
        ),
        (
            ScreenTag::TcpSource,
            "SYN flood Src-IP based!",
            "RT_SCREEN_TCP_SRC_IP: SYN flood Src-IP based! source: 1.1.1.2, \
             zone name: trustZone, interface name: ge-0/0/1.0, action: drop",
        ),
        (
            ScreenTag::TcpDestination,
            "SYN flood Dst-IP based!",
            "RT_SCREEN_TCP_DST_IP: SYN flood Dst-IP based! destination: 2.2.2.2, \
             zone name: trustZone, interface name: ge-0/0/1.0, action: drop",
        ),
    ] {
        let record = Record::Screen(screen(tag, attack, ports, Proto::UDP));
        check(style(Form::Syslog), "fw1", time, &record, &format!("{head}{expected}"));
    }
}

/// The traditional text is that of a captured `PFE_FW_SYSLOG_IP`; names of fields are our own. Spec: firewall-filter-68.
#[test]
fn a_packet_that_a_filter_logs_in_both_forms() {
    let hit = FilterHit {
        filter: 3,
        term: 1,
        action: FilterAction::Discard,
        interface: InterfaceId(0),
        key: key("10.0.0.2:2000 > 198.51.100.1:23", Proto::TCP),
        bytes: 40,
    };
    let time = "2026-11-21T07:13:39.5Z";
    check(
        style(Form::Syslog),
        "fw1",
        time,
        &filtered(&hit, &Edge),
        "<13>Nov 21 07:13:39 fw1 PFE: PFE_FW_SYSLOG_IP: FW: ge-0/0/0.0 edge D 6 10.0.0.2 198.51.100.1 2000 23 \
         (1 packets)",
    );
    let answered = FilterHit {
        action: FilterAction::Reject,
        key: key("[2001:db8::2]:2000 > [2001:db8::1]:53", Proto::UDP),
        ..hit
    };
    check(
        style(Form::SdSyslog),
        "fw1",
        time,
        &filtered(&answered, &Edge),
        "<13>1 2026-11-21T07:13:39.500Z fw1 PFE - PFE_FW_SYSLOG_IP [junos@2636.1.1.1.2.129 \
         interface-name=\"ge-0/0/0.0\" filter-name=\"edge\" action=\"R\" protocol-id=\"17\" \
         source-address=\"2001:db8::2\" destination-address=\"2001:db8::1\" source-port=\"2000\" \
         destination-port=\"53\"]",
    );
}

/// Spec: log-48.
#[test]
fn a_packet_beyond_the_limit_of_a_policer() {
    let hit = PolicerHit {
        policer: RuleIdentity(7),
        place: RuleIdentity(8),
        interface: InterfaceId(0),
        key: key("10.0.0.2:2000 > 198.51.100.1:53", Proto::UDP),
        dropped: true,
        packets: 12,
        bytes: 18_000,
    };
    let time = "2026-11-21T07:13:39.5Z";
    check(
        style(Form::Syslog),
        "fw1",
        time,
        &policed(&hit, &Edge),
        "<13>Nov 21 07:13:39 fw1 PFE: PFE_FW_POLICER_EXCEEDED: FW: ge-0/0/0.0 policer slow-udp D 17 10.0.0.2 \
         198.51.100.1 2000 53 (12 packets, 18000 bytes out of profile)",
    );
    check(
        style(Form::SdSyslog),
        "fw1",
        time,
        &policed(&PolicerHit { dropped: false, ..hit }, &Edge),
        "<13>1 2026-11-21T07:13:39.500Z fw1 PFE - PFE_FW_POLICER_EXCEEDED [junos@2636.1.1.1.2.129 \
         interface-name=\"ge-0/0/0.0\" policer-name=\"slow-udp\" action=\"A\" protocol-id=\"17\" \
         source-address=\"10.0.0.2\" destination-address=\"198.51.100.1\" source-port=\"2000\" \
         destination-port=\"53\" packets=\"12\" bytes=\"18000\"]",
    );
}

/// A filter 3 called `edge`, a policer and one unit.
struct Edge;

impl Names for Edge {
    fn zone(&self, _: ZoneId) -> String {
        unreachable!("filters know no zones")
    }
    fn unit(&self, id: Option<InterfaceId>) -> String {
        assert_eq!(id, Some(InterfaceId(0)));
        "ge-0/0/0.0".into()
    }
    fn policy(&self, _: PolicyId) -> String {
        unreachable!("filters know no policies")
    }
    fn nat_rule(&self, _: NatRuleId) -> (NatRuleKind, String) {
        unreachable!("filters know no NAT")
    }
    fn application(&self, _: u32) -> Option<String> {
        unreachable!("filters know no applications")
    }
    fn filter(&self, id: u32) -> String {
        assert_eq!(id, 3);
        "edge".into()
    }
    fn policer(&self, policer: RuleIdentity, place: RuleIdentity) -> String {
        assert_eq!((policer, place), (RuleIdentity(7), RuleIdentity(8)));
        "slow-udp".into()
    }
    fn rejects(&self, _: PolicyId) -> bool {
        unreachable!("filters deny nothing by policy")
    }
}

#[test]
fn a_file_has_no_priority_in_the_traditional_form_alone() {
    let in_file = |form| Style { in_file: true, ..style(form) };
    let starts = |form, expected: &str| {
        let mut clock = Clock::new(TimeZone::UTC);
        clock.set(at("2026-11-21T07:13:39Z"));
        let mut out = String::new();
        Line { style: in_file(form), facility: 19, host_name: "fw1", clock: &clock }
            .write(&mut out, &closed());
        assert!(out.starts_with(expected), "{out}");
    };
    starts(Form::Syslog, "Nov 21 07:13:39 fw1 RT_FLOW: ");
    starts(Form::SdSyslog, "<158>1 2026-11-21T07:13:39.000Z fw1 RT_FLOW - ");
}
