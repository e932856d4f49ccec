//! Two nodes of one configuration whose ids are others: a peer's sessions are followed by name.
//!
//! That whole cases come out as written when everything moves between such nodes is in cases.rs.

use std::path::Path;

use ravelin_conformance::bench::{Bench, Setup, Simulator};
use ravelin_conformance::case::{Case, run};
use ravelin_contract::{
    DeltaCursor, Error, ExportCursor, Followed, IdKind, Naming, PutRefusal, PutResult, Renumber,
    SessionFilter, SessionStore, SyncedSession,
};
use ravelin_types::GroupId;

fn play(plane: &mut Simulator, text: &str) {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let case = Case::parse("a", text).unwrap();
    run(&case, plane, &configs).unwrap_or_else(|error| panic!("{error}"));
}

fn node(history: &[&str]) -> Simulator {
    let mut plane = Simulator::new(Setup { workers: Some(2), ..Setup::default() });
    history.iter().for_each(|text| play(&mut plane, text));
    plane
}

fn store(plane: &Simulator) -> &dyn SessionStore {
    plane.plane().sessions()
}

fn naming(plane: &Simulator) -> Naming {
    store(plane).deltas().unwrap().naming().unwrap()
}

fn exported(plane: &Simulator) -> Vec<SyncedSession> {
    let batch = store(plane).deltas().unwrap().export(&[], ExportCursor::default(), 10_000).unwrap();
    assert!(batch.next.is_none());
    batch.sessions
}

/// What the peer's changes since the cursor make of a node.
fn follow(peer: &Simulator, cursor: &mut DeltaCursor, node: &Simulator) -> Followed {
    let batch = store(peer).deltas().unwrap().drain(cursor, 1000).unwrap();
    assert!(batch.lost.is_empty() && !batch.truncated);
    *cursor = batch.next;
    let renumber = Renumber::between(&naming(peer), &naming(node));
    renumber.follow(store(node), batch.deltas.iter().map(|(_, _, delta)| delta)).unwrap()
}

/// By policy, NAT rule and application: names, and how often each held.
fn told(plane: &Simulator) -> Vec<String> {
    let names = plane.plane().last_apply_result().unwrap();
    let mut out = Vec::new();
    let mut note = |view: &ravelin_contract::SessionView| {
        let zones: Vec<_> = [view.from_zone, view.to_zone]
            .iter()
            .map(|zone| names.zone_ids.iter().find(|(_, id)| *id == zone).map(|(name, _)| name.clone()))
            .collect();
        let nat = names.nat_counter_ids.iter().find(|(_, id)| Some(**id) == view.nat_rule.map(|rule| rule.0));
        let application = view.application.and_then(|at| names.app_names.get(&at));
        let [there, back] = &view.wings;
        out.push(format!(
            "{:?} {:?} {:?} {application:?} {}>{} {}/{} {}/{}",
            names.policy_names.get(view.policy),
            zones,
            nat.map(|(name, _)| name),
            there.key.src,
            back.key.dst,
            there.packets,
            there.bytes,
            back.packets,
            back.bytes
        ));
        std::ops::ControlFlow::Continue(())
    };
    store(plane).for_each(&SessionFilter::default(), &mut note).unwrap();
    out.sort();
    out
}

/// Where trust is what is outside, and other names came first.
const PAST: &str = "config nat
    delete security
    set security zones security-zone dmz interfaces ge-0/0/0.0
    set security zones security-zone trust interfaces ge-0/0/1.0
    set security policies from-zone dmz to-zone trust policy first match source-address any
    set security policies from-zone dmz to-zone trust policy first match destination-address any
    set security policies from-zone dmz to-zone trust policy first match application any
    set security policies from-zone dmz to-zone trust policy first then permit
    set security nat source rule-set old from zone dmz
    set security nat source rule-set old to zone trust
    set security nat source rule-set old rule r1 match source-address 0.0.0.0/0
    set security nat source rule-set old rule r1 then source-nat interface
";

const OPENED: &str = "config nat
ge-0/0/0.0 tcp 10.1.0.2:9 > 198.51.100.2:80 S => ge-0/0/1.0 tcp 198.51.100.1:$t > 198.51.100.2:80 S
ge-0/0/1.0 tcp 198.51.100.2:80 > 198.51.100.1:$t SA seq=10 ack=2 => sent 1
ge-0/0/0.0 tcp 10.1.0.2:9 > 198.51.100.2:80 A seq=2 ack=11 => sent 1
";

/// Spec: sync-16, sync-17, sync-19.
#[test]
fn a_node_with_another_history_follows_its_peer_by_name() {
    let mut peer = node(&["config nat\n"]);
    // It has known other zones, interfaces, policies, rules and pools before.
    let other = node(&[PAST, "config nat\n"]);
    assert_ne!(
        naming(&peer).ids,
        naming(&other).ids,
        "the two number things in one way: the test shows nothing"
    );
    let mut cursor = follow_start(&peer);
    play(&mut peer, OPENED);
    let followed = follow(&peer, &mut cursor, &other);
    assert_eq!((followed.put.installed, followed.ended), (1, 0), "{followed:?}");
    assert_eq!(told(&other), told(&peer));
    assert!(told(&peer)[0].contains("10.1.0.2>198.51.100.1"), "{:?}", told(&peer));
    // What both were judged by is one number: the first packet here is not judged again.
    let renumber = Renumber::between(&naming(&peer), &naming(&other));
    let here = exported(&other);
    let there: Vec<_> = exported(&peer).iter().map(|session| renumber.session(session).unwrap()).collect();
    assert_eq!(here, there);
    store(&peer).clear(&SessionFilter::default()).unwrap();
    let followed = follow(&peer, &mut cursor, &other);
    assert_eq!((followed.put, followed.ended), (PutResult::default(), 1));
    assert!(told(&other).is_empty());
    assert_eq!(follow(&peer, &mut cursor, &other), Followed::default(), "nothing happened since");
}

/// A cursor from before the first change.
fn follow_start(peer: &Simulator) -> DeltaCursor {
    store(peer).deltas().unwrap().drain(&DeltaCursor::default(), 1).unwrap().next
}

/// Spec: sync-18.
#[test]
fn what_one_of_two_nodes_does_not_know_keeps_a_session_out() {
    let mut peer = node(&["config nat\n"]);
    play(&mut peer, OPENED);
    let all = exported(&peer);
    for kind in IdKind::ALL {
        let mut lacking = naming(&peer);
        lacking.ids.retain(|(of, _, _)| *of != kind);
        let here = node(&["config nat\n"]);
        let renumber = Renumber::between(&lacking, &naming(&here));
        let result = renumber.put(store(&here), &all).unwrap();
        let names = [
            IdKind::Zone,
            IdKind::Interface,
            IdKind::Policy,
            IdKind::NatRule,
            IdKind::Application,
            IdKind::Instance,
        ];
        let is_named = names.contains(&kind);
        let wanted = if is_named { vec![(all[0].id, PutRefusal::Unknown)] } else { Vec::new() };
        assert_eq!(result.refused, wanted, "{kind:?}");
        assert_eq!(store(&here).count().unwrap(), u64::from(!is_named), "{kind:?}");
        // The same the other way round: the peer knows it, this node does not.
        let renumber = Renumber::between(&naming(&peer), &lacking);
        assert_eq!(renumber.session(&all[0]).is_none(), is_named, "{kind:?}");
    }
}

/// Two names of one identity are nobody's: neither id may stand for the other.
#[test]
fn what_is_named_twice_is_not_known() {
    let mut peer = node(&["config nat\n"]);
    play(&mut peer, OPENED);
    let (ours, mut twice) = (naming(&peer), naming(&peer));
    let (kind, id, identity) = *twice.ids.iter().find(|(kind, _, _)| *kind == IdKind::Policy).unwrap();
    twice.ids.push((kind, id + 1000, identity));
    let session = &exported(&peer)[0];
    assert!(Renumber::between(&ours, &ours).session(session).is_some());
    assert!(Renumber::between(&twice, &ours).session(session).is_none());
    assert!(Renumber::between(&ours, &twice).session(session).is_none());
}

/// What a fail-over is for the planes: the peer's sessions are there, nothing of them has ended, and the other node goes on with
/// their translations. Spec: contract-20, contract-22, contract-23.
#[test]
fn the_other_node_goes_on_with_the_sessions_of_a_group() {
    const CLUSTER: &str = "member ge-0/0/0.0 1\nmember ge-0/0/1.0 1\nconfig nat\n";
    let mut first = node(&[CLUSTER, "group 1 active\n"]);
    let mut second = node(&[PAST, CLUSTER, "group 1 passive\n"]);
    let mut cursor = follow_start(&first);
    play(&mut first, OPENED);
    assert_eq!(follow(&first, &mut cursor, &second).put.installed, 1);
    let port = exported(&first)[0].wings[1].key.dport;
    let established = "ge-0/0/0.0 tcp 10.1.0.2:9 > 198.51.100.2:80 A seq=2 ack=11";
    play(&mut second, &format!("config nat\n{established} => drop redundancy-group-passive\n"));
    // Far longer than an established session may be silent: the first node hears what this one does not.
    second.advance(std::time::Duration::from_secs(4000)).unwrap();
    play(&mut second, "config nat\nsessions 1\n");
    first.plane().ha().set_group_active(GroupId(1), false).unwrap();
    second.plane().ha().set_group_active(GroupId(1), true).unwrap();
    play(&mut first, &format!("config nat\n{established} => drop redundancy-group-passive\nsessions 1\n"));
    let back = format!("ge-0/0/1.0 tcp 198.51.100.2:80 > 198.51.100.1:{port} A seq=11 ack=2");
    play(
        &mut second,
        &format!(
            "config nat\n{established} => ge-0/0/1.0 tcp 198.51.100.1:{port} > 198.51.100.2:80 A seq=2 ack=11\n{back} => sent 1\n"
        ),
    );
    // And it is the one that tells now: its changes are followed where it was opened.
    let mut cursor = follow_start(&second);
    store(&second).clear(&SessionFilter::default()).unwrap();
    let followed = follow(&second, &mut cursor, &first);
    assert_eq!((followed.ended, store(&first).count().unwrap()), (1, 0), "{followed:?}");
}

/// Spec: contract-23.
#[test]
fn an_export_of_a_group_holds_what_leaves_by_it() {
    let mut plane =
        node(&["member ge-0/0/0.0 1\nmember ge-0/0/1.0 2\nconfig nat\ngroup 1 active\ngroup 2 active\n"]);
    play(
        &mut plane,
        "config nat\nge-0/0/0.0 udp 10.1.0.2:9 > 198.51.100.2:53 => sent 1\nhost ge-0/0/0.0 udp 10.1.0.1:5 > 10.1.0.2:53 => sent 1\n",
    );
    let of = |groups: &[u8]| {
        let groups: Vec<_> = groups.iter().copied().map(GroupId).collect();
        let batch = store(&plane).deltas().unwrap().export(&groups, ExportCursor::default(), 100).unwrap();
        assert!(batch.next.is_none());
        batch.sessions.iter().map(|session| session.wings[0].key.sport).collect::<Vec<_>>()
    };
    assert_eq!((of(&[1]), of(&[2]), of(&[3])), (vec![5], vec![9], vec![]));
    assert_eq!(of(&[1, 2]).len(), 2);
    assert!(matches!(plane.plane().ha().set_group_active(GroupId(0), false), Err(Error::Refused(_))));
    assert!(matches!(plane.plane().ha().set_watchdog(GroupId(0), 1), Err(Error::Refused(_))));
}
