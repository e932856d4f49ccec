//! Events of the packet plane as records. Spec: log-10, log-13..16.

use ravelin_contract::{CloseReason, SessionEvent, SessionState, SessionView, WingView};
use ravelin_telemetry::{Deny, Flow, Names, NatRuleKind, Record, close, create, deny};
use ravelin_types::{InterfaceId, NatRuleId, PolicyId, Proto, SessionId, WorkerId, ZoneId};

use crate::support::key;

struct Fake;

impl Names for Fake {
    fn zone(&self, id: ZoneId) -> String {
        format!("zone{id}")
    }

    fn unit(&self, id: Option<InterfaceId>) -> String {
        id.map_or_else(|| ".local..0".to_owned(), |id| format!("unit{id}"))
    }

    fn policy(&self, id: PolicyId) -> String {
        format!("policy{id}")
    }

    fn nat_rule(&self, id: NatRuleId) -> (NatRuleKind, String) {
        let kind = match id.0 {
            5 => NatRuleKind::Source,
            6 => NatRuleKind::Destination,
            _ => NatRuleKind::Static,
        };
        (kind, format!("rule{id}"))
    }

    fn application(&self, index: u32) -> Option<String> {
        (index == 3).then(|| "junos-http".to_owned())
    }

    fn denied(&self, interface: InterfaceId, policy: PolicyId) -> (String, String, bool) {
        (format!("from{interface}"), "to".to_owned(), policy == PolicyId(8))
    }
}

fn event(out: &str, back: &str, proto: Proto) -> SessionEvent {
    let wing =
        |text, interface, packets, bytes| WingView { key: key(text, proto), interface, packets, bytes };
    let view = SessionView {
        id: SessionId(0x0100_0000_0000_002a),
        worker: WorkerId(0),
        state: SessionState::Established,
        wings: [wing(out, Some(InterfaceId(1)), 6, 337), wing(back, Some(InterfaceId(2)), 4, 535)],
        policy: PolicyId(4),
        nat_rule: None,
        from_zone: ZoneId(1),
        to_zone: ZoneId(2),
        application: Some(3),
        timeout_s: 1800,
        remaining_s: 0,
        age_s: 79,
    };
    SessionEvent { view, close: None }
}

fn flow(out: &str, nat: &str, proto: Proto) -> Flow {
    Flow {
        key: key(out, proto),
        nat: key(nat, proto),
        service: Some("junos-http".into()),
        source_rule: None,
        destination_rule: None,
        policy: "policy4".into(),
        from_zone: "zone1".into(),
        to_zone: "zone2".into(),
        session: 0x0100_0000_0000_002a,
        interface: "unit1".into(),
    }
}

#[test]
fn what_leaves_is_what_comes_back_turned_round() {
    for (proto, out, back, nat) in [
        (
            Proto::TCP,
            "10.0.0.1:1000 > 192.0.2.1:80",
            "192.0.2.1:80 > 10.0.0.1:1000",
            "10.0.0.1:1000 > 192.0.2.1:80",
        ),
        (
            Proto::TCP,
            "10.0.0.1:1000 > 192.0.2.1:80",
            "192.0.2.1:80 > 198.51.100.1:1024",
            "198.51.100.1:1024 > 192.0.2.1:80",
        ),
        (
            Proto::ICMP,
            "10.0.0.1:77 > 192.0.2.1:0",
            "192.0.2.1:0 > 198.51.100.1:1024",
            "198.51.100.1:1024 > 192.0.2.1:0",
        ),
        (
            Proto::UDP,
            "[2001:db8::1]:5 > [2001:db8::2]:6",
            "[2001:db8::2]:6 > [2001:db8::1]:5",
            "[2001:db8::1]:5 > [2001:db8::2]:6",
        ),
    ] {
        assert_eq!(
            create(&event(out, back, proto), &Fake),
            Record::Create(flow(out, nat, proto)),
            "{out}, {back}"
        );
    }
}

#[test]
fn the_end_has_the_counters_of_both_directions_and_the_whole_life() {
    let (out, back) = ("10.0.0.1:1 > 192.0.2.1:80", "192.0.2.1:80 > 10.0.0.1:1");
    let mut event = event(out, back, Proto::TCP);
    event.view.nat_rule = Some(NatRuleId(5));
    event.view.application = None;
    let expected = Record::Close {
        flow: Flow {
            source_rule: Some((NatRuleKind::Source, "rule5".into())),
            service: None,
            ..flow(out, out, Proto::TCP)
        },
        reason: "TCP RST",
        packets: [6, 4],
        bytes: [337, 535],
        elapsed_s: 79,
    };
    assert_eq!(close(&event, CloseReason::TcpRst.text(), &Fake), expected);
}

#[test]
fn a_rule_is_named_at_the_side_that_it_translates() {
    let out = "10.0.0.1:1 > 192.0.2.1:80";
    let (same, source, destination) =
        ("192.0.2.1:80 > 10.0.0.1:1", "192.0.2.1:80 > 198.51.100.1:1", "10.9.0.1:80 > 10.0.0.1:1");
    for (rule, back, at_source, at_destination) in [
        (5, source, "source rule rule5", "N/A N/A"),
        (6, destination, "N/A N/A", "destination rule rule6"),
        (7, source, "static rule rule7", "N/A N/A"),
        (7, destination, "N/A N/A", "static rule rule7"),
        // Translated to what it was.
        (5, same, "source rule rule5", "N/A N/A"),
    ] {
        let mut event = event(out, back, Proto::TCP);
        event.view.nat_rule = Some(NatRuleId(rule));
        let text = create(&event, &Fake).text();
        assert!(text.contains(&format!(" 0x0 {at_source} {at_destination} 6 policy4 ")), "{back}: {text}");
    }
}

#[test]
fn a_session_of_the_firewall_itself_comes_from_local() {
    let (out, back) = ("10.0.0.1:1 > 192.0.2.1:80", "192.0.2.1:80 > 10.0.0.1:1");
    let mut event = event(out, back, Proto::TCP);
    event.view.wings[0].interface = None;
    let expected = Flow { interface: ".local..0".into(), ..flow(out, out, Proto::TCP) };
    assert_eq!(create(&event, &Fake), Record::Create(expected));
}

#[test]
fn a_denial_knows_its_zones_and_whether_it_was_answered() {
    let tuple = key("10.0.0.1:1 > 192.0.2.1:23", Proto::TCP);
    let expected = Deny {
        key: tuple,
        policy: "policy8".into(),
        from_zone: "from1".into(),
        to_zone: "to".into(),
        interface: "unit1".into(),
        rejected: true,
    };
    assert_eq!(deny(tuple, InterfaceId(1), PolicyId(8), &Fake), Record::Deny(expected));
}

/// Type 8 and 128 are echo requests (RFC 792, RFC 4443); 13 is a timestamp request; 135 neighbour solicitation.
#[test]
fn the_type_of_an_icmp_message_is_read_from_its_tuple() {
    for (proto, text, expected) in [
        (Proto::ICMP, "10.0.0.1:77 > 192.0.2.1:0", "1(8)"),
        (Proto::ICMP, "10.0.0.1:3328 > 192.0.2.1:1", "1(13)"),
        (Proto::ICMPV6, "[2001:db8::1]:77 > [2001:db8::2]:0", "58(128)"),
        (Proto::ICMPV6, "[2001:db8::1]:34560 > [2001:db8::2]:1", "58(135)"),
        (Proto::UDP, "10.0.0.1:3328 > 192.0.2.1:1", "17(0)"),
        (Proto::TCP, "10.0.0.1:77 > 192.0.2.1:0", "6(0)"),
    ] {
        let text = deny(key(text, proto), InterfaceId(1), PolicyId(1), &Fake).text();
        assert!(text.contains(&format!(" None {expected} policy1 ")), "{text}");
    }
}
