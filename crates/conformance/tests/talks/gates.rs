//! What `show security flow gate` is told: every session that a gateway expects, of all workers, once. Spec: contract-31.

use std::collections::HashSet;
use std::time::Duration;

use ravelin_conformance::bench::{Bench as _, Setup};
use ravelin_contract::{
    Alg, CloseReason, ExportCursor, GateFilter, GateSource, GateView, Resource, ResourceRole, SessionRef,
    SessionView,
};
use ravelin_types::{Family, Proto, SessionId};

use crate::alg::{INSIDE, OUT, OUTSIDE, SNAT, connect, data, heard, line, octets, setups, udp};
use crate::kit::Ground;

/// Pages of at least so many, put together.
fn gates(ground: &Ground, filter: &GateFilter, at_once: usize) -> Vec<GateView> {
    let (mut all, mut next) = (Vec::new(), Some(ExportCursor::default()));
    while let Some(from) = next {
        let mut page = ground.bench.plane().sessions().gate_page(filter, from, at_once).unwrap();
        all.append(&mut page.gates);
        next = page.next;
    }
    all
}

fn only(ground: &Ground) -> GateView {
    let all = gates(ground, &GateFilter::default(), 1);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0]
}

fn read_request() -> Vec<u8> {
    [&[0, 1][..], b"file\0octet\0"].concat()
}

#[test]
fn an_active_data_connection_is_to_the_leased_port_and_leads_to_the_client() {
    for setup in setups() {
        let mut ground = Ground::new(&[OUT, SNAT].concat(), setup);
        let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
        let shown = octets(&control.says(&mut ground, 0, &(line("PORT ", "10.1.0.2:5000") + "\r\n")));
        let parent = ground.bench.plane().sessions();
        let mut ids = Vec::new();
        parent
            .for_each(&Default::default(), &mut |view| {
                ids.push((view.id, view.application, view.worker));
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        let GateView {
            worker, key, source_ports, to, to_port, source, alg, parent, application, leased, ..
        } = only(&ground);
        assert_eq!(ids, [(parent, application, worker)]);
        assert!(application.is_some());
        assert_eq!(
            (key.src.to_string(), key.dst, key.dport),
            ("198.51.100.2".into(), shown.ip(), shown.port())
        );
        assert_eq!((key.proto, key.sport, source_ports), (Proto::TCP, 0, (0, u16::MAX)));
        assert_eq!((to.to_string(), to_port), ("10.1.0.2".into(), 5000));
        assert_eq!((source, alg, leased), (GateSource::Kept, Alg::Ftp, true));
        let server = "198.51.100.2:20".parse().unwrap();
        data(&mut ground, (&OUTSIDE, server), shown, &INSIDE);
        assert_eq!(gates(&ground, &GateFilter::default(), 9), [], "it has come");
    }
}

#[test]
fn a_passive_data_connection_has_its_source_translated_when_it_comes() {
    for setup in setups() {
        let mut ground = Ground::new(&[OUT, SNAT].concat(), setup);
        let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
        let said = line("227 Entering Passive Mode (", "198.51.100.2:7001") + ")\r\n";
        let _ = control.says(&mut ground, 1, &said);
        let gate = only(&ground);
        assert_eq!(
            (gate.key.src.to_string(), gate.key.dst.to_string()),
            ("10.1.0.2".into(), "198.51.100.2".into())
        );
        assert_eq!((gate.to, gate.to_port, gate.key.dport), (gate.key.dst, 7001, 7001));
        assert_eq!((gate.source, gate.leased), (GateSource::ByRules, false));
        assert!(gate.from_zone != gate.to_zone);
    }
}

/// Sessions with what they are to their gateway, by the port that each came to.
fn resources(ground: &Ground) -> Vec<(u16, SessionId, Option<Resource>)> {
    let mut all = Vec::new();
    let sessions = ground.bench.plane().sessions();
    let each = &mut |view: &SessionView| {
        all.push((view.wings[0].key.dport, view.id, view.resource));
        std::ops::ControlFlow::Continue(())
    };
    sessions.for_each(&Default::default(), each).unwrap();
    all.sort_by_key(|(port, ..)| *port);
    all
}

/// Spec: session-25.
#[test]
fn sessions_of_gateways_say_so_and_by_whom_they_were_expected() {
    for setup in setups() {
        let mut ground = Ground::new(&[OUT, SNAT].concat(), setup);
        let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
        let said = line("227 Entering Passive Mode (", "198.51.100.2:7001") + ")\r\n";
        let _ = control.says(&mut ground, 1, &said);
        let control = Some(Resource { alg: Alg::Ftp, role: ResourceRole::Control });
        let [(21, parent, found)] = resources(&ground)[..] else { panic!() };
        assert_eq!(found, control);
        data(
            &mut ground,
            (&INSIDE, "10.1.0.2:40001".parse().unwrap()),
            "198.51.100.2:7001".parse().unwrap(),
            &OUTSIDE,
        );
        let expected = |parent| Some(Resource { alg: Alg::Ftp, role: ResourceRole::Expected(parent) });
        let [(21, _, one), (7001, child, other)] = resources(&ground)[..] else { panic!() };
        assert_eq!((one, other), (control, expected(Some(parent))));
        let sessions = ground.bench.plane().sessions();
        let by_key = |id| {
            let mut key = None;
            let each = &mut |view: &SessionView| {
                key = key.or((view.id == id).then_some(view.wings[0].key));
                std::ops::ControlFlow::Continue(())
            };
            sessions.for_each(&Default::default(), each).unwrap();
            key.unwrap()
        };
        let key = by_key(child);
        assert_eq!(sessions.get(&key).unwrap().unwrap().resource, expected(Some(parent)));
        // One that outlives its parent still says whose it was.
        let known = SessionRef { id: parent, key: by_key(parent) };
        assert_eq!(sessions.delete_known(&[known], CloseReason::Cleared).unwrap(), 1);
        let [(7001, _, found)] = resources(&ground)[..] else { panic!() };
        assert_eq!(found, expected(Some(parent)));
    }
}

/// On another node, or in the process that comes after: whatever the numbers of workers. Spec: session-25.
#[test]
fn sessions_that_go_elsewhere_still_say_by_whom_they_were_expected() {
    for setup in setups() {
        let mut ground = Ground::new(&[OUT, SNAT].concat(), setup);
        let mut control = connect(&mut ground, true, "10.1.0.2:40000", "198.51.100.2:21");
        let said = line("227 Entering Passive Mode (", "198.51.100.2:7001") + ")\r\n";
        let _ = control.says(&mut ground, 1, &said);
        let from = "10.1.0.2:40001".parse().unwrap();
        data(&mut ground, (&INSIDE, from), "198.51.100.2:7001".parse().unwrap(), &OUTSIDE);
        let there = resources(&ground);
        let next = Ground::new(&[OUT, SNAT].concat(), Setup { workers: Some(3), ..setup });
        let (plane, mut all, mut at) = (ground.bench.plane(), Vec::new(), Some(ExportCursor::default()));
        while let Some(from) = at {
            let batch = plane.sessions().deltas().unwrap().export(&[], from, 1).unwrap();
            all.extend(batch.sessions);
            at = batch.next;
        }
        assert_eq!(next.bench.plane().sessions().put_synced(&all).unwrap().installed, 2);
        assert_eq!(resources(&next), there);
        let [_, (7001, _, Some(Resource { role: ResourceRole::Expected(Some(_)), .. }))] = there[..] else {
            panic!("{there:?}")
        };
    }
}

#[test]
fn a_request_of_tftp_and_its_transfer_are_of_one_group() {
    for setup in setups() {
        let mut ground = Ground::new(&[OUT, SNAT].concat(), setup);
        let asked =
            heard(ground.send_frame(&INSIDE, udp("10.1.0.2:3000", "198.51.100.2:69", &read_request())));
        let to = asked.0.to_string();
        let _ = ground.send_frame(&OUTSIDE, udp("198.51.100.2:5555", &to, &[0, 3, 0, 1, 7]));
        let of = |alg, role| Some(Resource { alg, role });
        let mut found = resources(&ground);
        found.sort_by_key(|(_, id, _)| *id);
        let [(69, parent, request), (_, _, transfer)] = found[..] else { panic!("{found:?}") };
        assert_eq!(request, of(Alg::Tftp, ResourceRole::Control));
        assert_eq!(transfer, of(Alg::Tftp, ResourceRole::Expected(Some(parent))));
    }
}

/// A server inside that is known by another address outside.
const STATIC: &str = "\
set security policies from-zone untrust to-zone trust policy in match source-address any destination-address any application junos-ftp
set security policies from-zone untrust to-zone trust policy in then permit
set security nat static rule-set st from zone untrust
set security nat static rule-set st rule one match destination-address 203.0.113.2/32
set security nat static rule-set st rule one then static-nat prefix 10.1.0.2/32
";

#[test]
fn an_active_connection_of_a_server_behind_static_nat_has_the_address_that_was_asked_for() {
    for setup in setups() {
        let mut ground = Ground::new(&[OUT, STATIC].concat(), setup);
        let mut control = connect(&mut ground, false, "198.51.100.2:40000", "203.0.113.2:21");
        let _ = control.says(&mut ground, 0, &(line("PORT ", "198.51.100.2:5001") + "\r\n"));
        let gate = only(&ground);
        assert_eq!(gate.source, GateSource::Address("203.0.113.2".parse().unwrap()));
        assert_eq!(
            (gate.key.src.to_string(), gate.to.to_string()),
            ("10.1.0.2".into(), "198.51.100.2".into())
        );
    }
}

/// Whatever the size of the pages: each once, with any number of workers, and no other by a filter.
#[test]
fn pages_have_each_once() {
    for workers in [1, 3] {
        let setup = Setup { workers: Some(workers), sessions: 8192, ..Setup::default() };
        let mut ground = Ground::new(OUT, setup);
        for host in 2..1502u32 {
            let client = format!("10.1.{}.{}:3000", host >> 8, host & 255);
            let _ = ground.send_frame(&INSIDE, udp(&client, "198.51.100.2:69", &read_request()));
        }
        let v6 = udp("[2001:db8:1::2]:3000", "[2001:db8:2::2]:69", &read_request());
        let _ = ground.send_frame(&INSIDE, v6);
        for at_once in [1, 700, 1024, 5000] {
            let all = gates(&ground, &GateFilter::default(), at_once);
            let keys: HashSet<_> = all.iter().map(|gate| gate.key).collect();
            assert_eq!((all.len(), keys.len()), (1501, 1501), "pages of {at_once}");
        }
        let holds = |filter| gates(&ground, &filter, 100).len();
        let any = GateFilter::default();
        assert_eq!(holds(GateFilter { destination: "10.1.1.0/24".parse().ok(), ..any }), 256);
        assert_eq!(holds(GateFilter { destination: "2001:db8:1::/64".parse().ok(), ..any }), 1);
        assert_eq!(holds(GateFilter { source: "198.51.100.2/32".parse().ok(), ..any }), 1500);
        assert_eq!(holds(GateFilter { family: Some(Family::V6), ..any }), 1);
        assert_eq!(holds(GateFilter { proto: Some(Proto::TCP), ..any }), 0);
        assert_eq!(holds(GateFilter { proto: Some(Proto::UDP), ..any }), 1501);
        assert_eq!(holds(GateFilter { destination_port: Some(3001), ..any }), 0);
        assert_eq!(holds(GateFilter { source_port: Some(9), destination_port: Some(3000), ..any }), 1501);
    }
}

/// A place stays good while others come and go: what is forgotten, what is expected once more, and what is new.
#[test]
fn a_place_stays_good() {
    let mut ground = Ground::new(OUT, Setup { workers: Some(1), sessions: 8192, ..Setup::default() });
    let ask = |ground: &mut Ground, host: u32| {
        let client = format!("10.1.{}.{}:3000", host >> 8, host & 255);
        let _ = ground.send_frame(&INSIDE, udp(&client, "198.51.100.2:69", &read_request()));
    };
    let answer = |ground: &mut Ground, host: u32| {
        let client = format!("10.1.{}.{}:3000", host >> 8, host & 255);
        let _ = ground.send_frame(&OUTSIDE, udp("198.51.100.2:7000", &client, &[0, 3, 0, 1, 7, 7]));
    };
    (0..2000).for_each(|host| ask(&mut ground, host));
    let store = |ground: &Ground, from| {
        ground.bench.plane().sessions().gate_page(&GateFilter::default(), from, 1).unwrap()
    };
    let first = store(&ground, ExportCursor::default());
    // Those that were told are claimed or asked for once more; the order is tidied when it is full of them.
    (0..500).for_each(|host| answer(&mut ground, host));
    for _ in 0..12 {
        (500..1024).for_each(|host| ask(&mut ground, host));
    }
    let mut seen: Vec<_> = first.gates.iter().map(|gate| gate.key.dst).collect();
    let mut next = first.next;
    while let Some(from) = next {
        let page = store(&ground, from);
        seen.extend(page.gates.iter().map(|gate| gate.key.dst));
        next = page.next;
    }
    for host in 1024..2000u32 {
        let dst: std::net::IpAddr = format!("10.1.{}.{}", host >> 8, host & 255).parse().unwrap();
        assert_eq!(seen.iter().filter(|seen| **seen == dst).count(), 1, "{dst}");
    }
    assert_eq!(gates(&ground, &GateFilter::default(), 9).len(), 1500);
}

#[test]
fn time_is_told_in_begun_seconds_until_none_is_left() {
    let mut ground = Ground::new(OUT, Setup { workers: Some(1), ..Setup::default() });
    let _ = ground.send_frame(&INSIDE, udp("10.1.0.2:3000", "198.51.100.2:69", &read_request()));
    assert_eq!(only(&ground).left_s, 60);
    let _ = ground.wait(Duration::from_millis(59_500));
    assert_eq!(only(&ground).left_s, 1);
    let _ = ground.wait(Duration::from_secs(1));
    assert_eq!(gates(&ground, &GateFilter::default(), 1), []);
}
