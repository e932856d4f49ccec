//! Lines of application tracking as Junos writes them. Spec: tracking-6, tracking-7.
//!
//! The beginning was captured from an SRX cluster, in the traditional form; the end, in the structured form, has the fields of a
//! captured line of a vSRX, values of what it identified aside.

use jiff::tz::TimeZone;
use ravelin_contract::{CloseReason, SessionState, SessionView, TrackedMoment, TrackedSession, WingView};
use ravelin_model::LogCategory;
use ravelin_telemetry::{Clock, Form, Kinds, Line, Names, NatRuleKind, Record, Tag, tracked};
use ravelin_types::{InterfaceId, NatRuleId, PolicyId, Proto, SessionId, WorkerId, ZoneId};

use crate::support::{at, key, style};

struct Fake;

impl Names for Fake {
    fn zone(&self, id: ZoneId) -> String {
        ["junos-host", "lab", "vmware"][id.index()].into()
    }

    fn unit(&self, id: Option<InterfaceId>) -> String {
        id.map_or_else(|| ".local..0".into(), |id| format!("reth1.10{id}"))
    }

    fn policy(&self, _: PolicyId) -> String {
        "lab_vmware".into()
    }

    fn nat_rule(&self, id: NatRuleId) -> (NatRuleKind, String) {
        (NatRuleKind::Source, format!("rule{id}"))
    }

    fn application(&self, index: u32) -> Option<String> {
        (index == 3).then(|| "junos-https".into())
    }

    fn rejects(&self, _: PolicyId) -> bool {
        false
    }
}

fn session(moment: TrackedMoment) -> TrackedSession {
    let wing = |text, unit, packets, bytes| WingView {
        key: key(text, Proto::TCP),
        interface: Some(InterfaceId(unit)),
        packets,
        bytes,
    };
    let view = SessionView {
        id: SessionId(111_547),
        worker: WorkerId(0),
        state: SessionState::Established,
        wings: [
            wing("192.168.105.3:59896 > 192.168.106.163:443", 5, 9, 641),
            wing("192.168.106.163:443 > 192.168.105.3:59896", 6, 7, 500),
        ],
        policy: PolicyId(4),
        nat_rule: None,
        destination_rule: None,
        from_zone: ZoneId(1),
        to_zone: ZoneId(2),
        application: Some(3),
        timeout_s: 1800,
        remaining_s: 0,
        age_s: 24,
        resource: None,
    };
    TrackedSession { view, moment }
}

fn written(form: Form, record: &Record) -> String {
    let mut clock = Clock::new(TimeZone::UTC);
    clock.set(at("2026-04-28T10:57:14Z"));
    let mut out = String::new();
    Line { style: style(form), facility: 1, host_name: "firewall1", clock: &clock }.write(&mut out, record);
    out
}

#[test]
fn a_session_begins() {
    assert_eq!(
        written(Form::Syslog, &tracked(&session(TrackedMoment::Opened), &Fake)),
        "<14>Apr 28 10:57:14 firewall1 RT_FLOW: APPTRACK_SESSION_CREATE: AppTrack session created \
         192.168.105.3/59896->192.168.106.163/443 junos-https UNKNOWN UNKNOWN \
         192.168.105.3/59896->192.168.106.163/443 N/A N/A 6 lab_vmware lab vmware 111547 N/A N/A UNKNOWN reth1.106 \
         N/A N/A N/A N/A",
    );
}

#[test]
fn a_session_has_carried_more() {
    assert_eq!(
        written(Form::Syslog, &tracked(&session(TrackedMoment::Updated), &Fake)),
        "<14>Apr 28 10:57:14 firewall1 RT_FLOW: APPTRACK_SESSION_VOL_UPDATE: AppTrack volume update: \
         192.168.105.3/59896->192.168.106.163/443 junos-https UNKNOWN UNKNOWN \
         192.168.105.3/59896->192.168.106.163/443 N/A N/A 6 lab_vmware lab vmware 111547 9(641) 7(500) 24 N/A N/A \
         UNKNOWN reth1.106 N/A N/A N/A N/A",
    );
}

#[test]
fn a_translated_session_ends() {
    let mut session = session(TrackedMoment::Closed(CloseReason::PeerDelete));
    session.view.wings[1].key = key("192.168.106.163:443 > 203.0.113.9:1024", Proto::TCP);
    session.view.nat_rule = Some(NatRuleId(8));
    session.view.application = None;
    assert_eq!(
        written(Form::SdSyslog, &tracked(&session, &Fake)),
        "<14>1 2026-04-28T10:57:14.000Z firewall1 RT_FLOW - APPTRACK_SESSION_CLOSE [junos@2636.1.1.1.2.129 \
         reason=\"HA\" source-address=\"192.168.105.3\" source-port=\"59896\" \
         destination-address=\"192.168.106.163\" destination-port=\"443\" service-name=\"None\" \
         application=\"UNKNOWN\" nested-application=\"UNKNOWN\" nat-source-address=\"203.0.113.9\" \
         nat-source-port=\"1024\" nat-destination-address=\"192.168.106.163\" nat-destination-port=\"443\" \
         src-nat-rule-name=\"rule8\" dst-nat-rule-name=\"N/A\" protocol-id=\"6\" policy-name=\"lab_vmware\" \
         source-zone-name=\"lab\" destination-zone-name=\"vmware\" session-id-32=\"111547\" \
         packets-from-client=\"9\" bytes-from-client=\"641\" packets-from-server=\"7\" bytes-from-server=\"500\" \
         elapsed-time=\"24\" username=\"N/A\" roles=\"N/A\" encrypted=\"UNKNOWN\" profile-name=\"N/A\" \
         rule-name=\"N/A\" routing-instance=\"N/A\" destination-interface-name=\"reth1.106\" \
         uplink-incoming-interface-name=\"N/A\" uplink-tx-bytes=\"0\" uplink-rx-bytes=\"0\" category=\"N/A\" \
         sub-category=\"N/A\" apbr-policy-name=\"N/A\" multipath-rule-name=\"N/A\" src-vrf-grp=\"N/A\" \
         dst-vrf-grp=\"N/A\"]",
    );
}

#[test]
fn each_has_as_many_values_as_fields_and_the_categories_of_sessions() {
    let moments =
        [TrackedMoment::Opened, TrackedMoment::Updated, TrackedMoment::Closed(CloseReason::AgedOut)];
    let tags = [Tag::TrackedCreate, Tag::TrackedUpdate, Tag::TrackedClose];
    let kinds = [LogCategory::SessionOpen, LogCategory::Session, LogCategory::SessionClose];
    for ((moment, tag), category) in moments.into_iter().zip(tags).zip(kinds) {
        let record = tracked(&session(moment), &Fake);
        assert_eq!(record.tag(), tag);
        let line = written(Form::SdSyslog, &record);
        assert_eq!(line.matches("=\"").count(), tag.message().pieces.len(), "{line}");
        assert!(Kinds::of(&[category]).has(tag.message().kind));
        assert!(!Kinds::of(&[LogCategory::Screen]).has(tag.message().kind));
    }
}
