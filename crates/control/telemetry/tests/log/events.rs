//! Events of the packet plane as records. Spec: log-10, log-13..16, log-37, log-38.
//!
//! The structured line of a port block was captured from an SRX.

use jiff::tz::TimeZone;
use ravelin_contract::{
    BlockChange, CloseReason, NatEvent, NatLack, OverloadEvent, OverloadMoment, PolicyDeny, SessionEvent,
    SessionState, SessionView, WingView,
};
use ravelin_telemetry::{
    Clock, Deny, Filter, Flow, Form, Line, Names, NatRuleKind, Record, Tag, close, create, deny, nat,
    overload,
};
use ravelin_types::{
    InstanceId, InterfaceId, NatRuleId, PolicyId, PortId, Proto, SessionId, WorkerId, ZoneId,
};

use crate::support::{at, key, style};

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

    fn pool(&self, number: u32) -> String {
        format!("pool{number}")
    }

    fn port(&self, id: PortId) -> String {
        format!("ge-0/0/{id}")
    }

    fn rejects(&self, policy: PolicyId) -> bool {
        policy == PolicyId(8)
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
        destination_rule: None,
        from_zone: ZoneId(1),
        to_zone: ZoneId(2),
        application: Some(3),
        timeout_s: 1800,
        remaining_s: 0,
        age_s: 79,
        resource: None,
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

/// Spec: log-47, overload-6.
#[test]
fn a_spell_of_overload_is_told_with_its_ring_and_its_cost() {
    let text = |moment| {
        let record = overload(&OverloadEvent { worker: WorkerId(3), moment }, &Fake);
        (record.message().tag, record.text(), record.subject().interface.to_owned())
    };
    assert_eq!(
        text(OverloadMoment::Began { port: Some(PortId(1)) }),
        ("RT_FLOW_OVERLOAD_BEGIN", "overload began: worker 3, frames of ge-0/0/1".into(), "ge-0/0/1".into())
    );
    assert_eq!(
        text(OverloadMoment::Began { port: None }).1,
        "overload began: worker 3, frames of other-workers"
    );
    assert_eq!(
        text(OverloadMoment::Ended { shed: 70_000, lasted_ms: 1500 }),
        (
            "RT_FLOW_OVERLOAD_END",
            "overload ended: worker 3, 70000 packets without a session dropped in 1500 ms".into(),
            String::new()
        )
    );
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
fn each_side_has_the_rule_that_translates_it() {
    let (out, back) = ("10.0.0.1:1 > 192.0.2.1:80", "10.9.0.1:80 > 198.51.100.1:1");
    for (source, destination, text) in [
        (None, None, "N/A N/A N/A N/A"),
        (Some(5), None, "source rule rule5 N/A N/A"),
        (None, Some(6), "N/A N/A destination rule rule6"),
        (Some(5), Some(6), "source rule rule5 destination rule rule6"),
        (Some(7), Some(6), "static rule rule7 destination rule rule6"),
        (Some(5), Some(7), "source rule rule5 static rule rule7"),
    ] {
        let mut event = event(out, back, Proto::TCP);
        event.view.nat_rule = source.map(NatRuleId);
        event.view.destination_rule = destination.map(NatRuleId);
        for record in [create(&event, &Fake), close(&event, "TCP FIN", &Fake)] {
            let found = record.text();
            assert!(found.contains(&format!(" 0x0 {text} 6 policy4 ")), "{found}");
        }
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
fn a_denial_knows_its_zones_its_application_and_whether_it_was_answered() {
    let tuple = key("10.0.0.1:1 > 192.0.2.1:23", Proto::TCP);
    let denied = |policy, application| PolicyDeny {
        policy: PolicyId(policy),
        key: tuple,
        interface: InterfaceId(1),
        from_zone: ZoneId(1),
        to_zone: ZoneId(2),
        application,
    };
    let expected = |policy: &str, service: Option<&str>, rejected| {
        Record::Deny(Deny {
            key: tuple,
            service: service.map(str::to_owned),
            policy: policy.into(),
            from_zone: "zone1".into(),
            to_zone: "zone2".into(),
            interface: "unit1".into(),
            rejected,
        })
    };
    assert_eq!(deny(&denied(8, Some(3)), &Fake), expected("policy8", Some("junos-http"), true));
    assert_eq!(deny(&denied(9, None), &Fake), expected("policy9", None, false));
    let text = deny(&denied(8, Some(3)), &Fake).text();
    assert!(text.contains("->192.0.2.1/23 0x0 junos-http 6(0) policy8 zone1 zone2 "), "{text}");
}

/// A line that an SRX wrote, but for the process and what is before it.
const ALLOCATED: &str = "RT_SRC_NAT_PBA_ALLOC [junos@2636.1.1.1.2.129 internal-ip=\"10.0.10.10\" block-used=\"1\" \
     block-max-per-host=\"4\" block-port-low=\"48640\" block-port-high=\"48895\" reflexive-ip=\"1.2.84.172\" \
     nat-pool-name=\"pool7\" logical-system-id=\"0\" epoch-time-64=\"624b0492\"]";

#[test]
fn blocks_of_ports_are_told_as_an_srx_tells_them() {
    let block = |change| NatEvent::Block {
        change,
        pool: 7,
        instance: InstanceId::DEFAULT,
        host: "10.0.10.10".parse().unwrap(),
        external: "1.2.84.172".parse().unwrap(),
        low: 48_640,
        high: 48_895,
        used: 1,
        most: 4,
        age_s: 60,
    };
    // 0x624b0492 is 14:45:38 of that day.
    let now = at("2022-04-04T14:46:38Z");
    let mut clock = Clock::new(TimeZone::UTC);
    clock.set(now);
    let written = |form, event: &NatEvent| {
        let mut out = String::new();
        let line = Line { style: style(form), facility: 1, host_name: "fw1", clock: &clock };
        line.write(&mut out, &nat(event, now, &Fake));
        out
    };
    let expected = format!("<14>1 2022-04-04T14:46:38.000Z fw1 RT_NAT - {ALLOCATED}");
    assert_eq!(written(Form::SdSyslog, &block(BlockChange::Allocated)), expected);
    for (change, tag, verb) in [
        (BlockChange::Allocated, "RT_SRC_NAT_PBA_ALLOC", "allocates"),
        (BlockChange::Interim, "RT_SRC_NAT_PBA_INTERIM", "holds"),
        (BlockChange::Released, "RT_SRC_NAT_PBA_RELEASE", "releases"),
    ] {
        let expected = format!(
            "<14>Apr  4 14:46:38 fw1 RT_NAT: {tag}: Subscriber 10.0.10.10 used/maximum [1/4] blocks, {verb} port \
             block [48640-48895] from 1.2.84.172 in source pool pool7 lsys_id: 0 epoch: 624b0492"
        );
        assert_eq!(written(Form::Syslog, &block(change)), expected);
    }
}

#[test]
fn alarms_and_exhaustion_have_names_for_numbers() {
    let now = at("2026-11-21T07:00:00Z");
    let alarm = |raised| NatEvent::PoolAlarm { pool: 2, raised, threshold: 80, current: 81 };
    let rule_alarm =
        |raised| NatEvent::RuleAlarm { rule: NatRuleId(5), raised, threshold: 100, current: 101 };
    let key = key("10.0.0.1:1 > 192.0.2.1:80", Proto::UDP);
    let exhausted =
        NatEvent::Exhausted { rule: NatRuleId(5), key, interface: InterfaceId(3), lack: NatLack::Addresses };
    for (event, tag, text) in [
        (alarm(true), Tag::NatPoolRaised, "Source NAT pool: pool2, threshold: 80%, current: 81%"),
        (alarm(false), Tag::NatPoolCleared, "Source NAT pool: pool2, threshold: 80%, current: 81%"),
        (
            rule_alarm(true),
            Tag::NatRuleRaised,
            "NAT rule: rule5, type: source rule, threshold: 100 sessions, current: 101",
        ),
        (
            rule_alarm(false),
            Tag::NatRuleCleared,
            "NAT rule: rule5, type: source rule, threshold: 100 sessions, current: 101",
        ),
        (
            exhausted,
            Tag::NatExhausted,
            "no address or port for 10.0.0.1/1->192.0.2.1/80 17 of rule rule5 unit3, out of addresses",
        ),
    ] {
        let record = nat(&event, now, &Fake);
        assert_eq!((record.tag(), record.text().as_str()), (tag, text));
    }
    let binding = |made, pool, proto| NatEvent::Binding {
        made,
        pool,
        proto,
        instance: InstanceId::DEFAULT,
        internal: "10.0.0.1".parse().unwrap(),
        internal_port: 5000,
        external: "203.0.113.1".parse().unwrap(),
        external_port: 6000,
    };
    for (event, tag, text) in [
        (
            binding(true, Some(7), Some(Proto::UDP)),
            Tag::NatBindingCreated,
            "binding created 17 10.0.0.1/5000->203.0.113.1/6000 in source pool pool7",
        ),
        (
            binding(false, None, None),
            Tag::NatBindingDeleted,
            "binding deleted 0 10.0.0.1/5000->203.0.113.1/6000 in source pool interface",
        ),
    ] {
        let record = nat(&event, now, &Fake);
        assert_eq!((record.tag(), record.text().as_str()), (tag, text));
        let asked = Filter { source: Some("10.0.0.1".parse().unwrap()), ..Filter::default() };
        assert!(asked.holds(now, &record.subject()));
    }
    let record = nat(&exhausted, now, &Fake);
    let asked = Filter { source: Some(key.src), interface: Some("unit3".into()), ..Filter::default() };
    assert!(asked.holds(now, &record.subject()));
}
