//! Every file of cases/ over the simulator.

use std::path::Path;
use std::time::Duration;

use ravelin_conformance::bench::{Setup, Simulator};
use ravelin_conformance::case::{Case, CaseError, run};
use ravelin_contract::DataPlane;
use ravelin_engine::Checksum;
use ravelin_remote::{Client, Server, listen};
use tempfile::TempDir;

/// How long a call over the socket may take on a machine that does much else.
const CALL_MAX: Duration = Duration::from_secs(20);

fn cases() -> Vec<Result<Case, CaseError>> {
    Case::read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).unwrap()
}

/// Runs every case, each on a simulator of its own that goes before what it stands on.
fn run_all<G>(bench: impl Fn(Setup) -> (G, Simulator)) {
    run_some(|_| true, |case| bench(case.setup));
}

fn run_some<G>(which: impl Fn(&Case) -> bool, bench: impl Fn(&Case) -> (G, Simulator)) {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut failed = Vec::new();
    let all = cases();
    for case in all.iter().filter(|case| case.as_ref().map_or(true, &which)) {
        let result = match case {
            Ok(case) => {
                let (_ground, mut simulator) = bench(case);
                run(case, &mut simulator, &configs).map_err(|e| e.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        match (case, result) {
            (Ok(case), Ok(())) => println!("pass {}", case.name),
            (_, Err(error)) => failed.push(error),
            (Err(_), Ok(())) => unreachable!("a case that can't be read is not run"),
        }
    }
    assert!(!all.is_empty());
    println!("{} cases", all.len());
    assert!(failed.is_empty(), "{} of {} cases failed\n\n{}\n", failed.len(), all.len(), failed.join("\n\n"));
}

#[test]
fn every_case_comes_out_as_written_on_the_simulator() {
    run_all(|setup| ((), Simulator::new(setup)));
}

/// Packets arrive at workers that do not own them: they are handed over, and nobody sees it.
#[test]
fn every_case_comes_out_as_written_with_several_workers() {
    for workers in [2, 5] {
        // A case that is about a bound of one worker says so.
        run_all(|setup| ((), Simulator::new(Setup { workers: setup.workers.or(Some(workers)), ..setup })));
    }
}

/// The express path, where a packet may take it, is the whole path: only shorter.
#[test]
fn every_case_comes_out_as_written_on_the_express_path() {
    for workers in [1, 3] {
        let workers = |setup: Setup| setup.workers.or(Some(workers));
        run_all(|setup| ((), Simulator::new(Setup { workers: workers(setup), recorded: false, ..setup })));
    }
}

/// On a link that leaves checksums to the receiver, they are made anew: the same bytes leave.
#[test]
fn every_case_comes_out_as_written_where_checksums_are_unknown() {
    run_all(|setup| ((), Simulator::new(Setup { checksum: Checksum::Unknown, ..setup })));
}

/// Cases, or folders of them, that are about something which does not move, and what.
const STAYS: &[(&str, &str)] = &[
    ("fragment/", "fragments that wait for others"),
    ("firewall/fragments", "fragments that wait for others"),
    ("nat/nat64-fragments", "fragments that wait for others"),
    ("nat/nat64-whole", "fragments that wait for others"),
    ("flow/ttl-gate", "what gateways expect"),
    ("policy/carried-held", "packets that wait for a neighbour"),
    ("nat/pool-round-robin", "where in its range a pool is"),
    ("routing-instance/fragments", "fragments that wait for others"),
    ("flow/mtu", "fragments that wait for others"),
    ("flow/unparsed", "fragments that wait for others"),
    ("firewall-from/inet-is-fragment", "fragments that wait for others"),
    ("firewall-from/inet-fragment-offset", "fragments that wait for others"),
    ("firewall-from/inet-first-fragment", "fragments that wait for others"),
    ("firewall-from/inet-fragment-flags", "fragments that wait for others"),
    ("firewall/policer", "tokens"),
    ("firewall/policer-interface", "tokens"),
    ("firewall/bandwidth-percent", "tokens"),
    ("firewall/nested-ipv6", "tokens"),
    ("log/nat-blocks", "that a block was told: it is told again"),
    ("log/nat-exhausted", "that a block was told: it is told again"),
    ("log/policer", "tokens"),
    ("flow/error-rate", "tokens of our own answers"),
    ("flow/gate", "what gateways expect"),
    ("flow/overload-told", "a spell of overload: it begins again"),
    ("interface/answers-full", "tokens of our own answers"),
    ("screen/block-frag-later", "fragments that wait for others"),
    ("screen/fragment", "fragments that wait, and what is known of datagrams"),
    ("screen/icmp-errors-output", "rates"),
    ("screen/silent-alarm", "whether a client has said something"),
    ("screen/silent-output", "whether a client has said something"),
    ("screen/syn-flood", "rates"),
    ("screen/syn-proxy", "rates"),
    ("screen/told-once", "when something was told of: it is told again"),
    ("screen/udp-flood", "rates"),
    ("screen/within-a-zone", "rates"),
    ("mirror/budget", "what a batch has copied"),
    ("mirror/sampl", "where in its period a mirror is"),
    ("flow/cut-waits", "packets that wait for a neighbour"),
    ("mirror/waited", "packets that wait for a neighbour"),
    ("interface/neighbours", "packets that wait for a neighbour"),
    ("interface/unresolved-denied", "packets that wait for a neighbour"),
];

/// Cases in which a commit leaves sessions behind: they would end at their next packet.
const LEFT_BEHIND: &[&str] = &[
    "commit/",
    "firewall-from/",
    "log/nat-bindings-moved",
    "nat/changed-rules",
    "nat/nat64-hairpin",
    "nat/persistent-commit",
    "nat/pool-changed",
    "nat/pool-ipv6",
    "routing-instance/moved",
    "routing-instance/nat-contexts",
    "zone/management",
];

/// Before each frame everything goes to another plane: a cluster peer, or the process that comes after.
#[test]
fn every_case_comes_out_as_written_when_sessions_move() {
    for workers in [1, 3] {
        let moving = |case: &Case| {
            let setup = Setup { workers: case.setup.workers.or(Some(workers)), ..case.setup };
            let may_refuse = LEFT_BEHIND.iter().any(|name| case.name.starts_with(name));
            ((), Simulator::moving(setup, may_refuse))
        };
        run_some(|case| !STAYS.iter().any(|(name, _)| case.name.starts_with(name)), moving);
    }
}

/// Cases that two nodes can't tell alike, and why.
const ONE_NODE: &[(&str, &str)] = &[
    ("commit/rematch-deleted-extensive", "a session of a policy that is gone has no name for it"),
    ("log/nat-bindings", "pools are told by number"),
    ("log/session-update", "a session of a policy that is gone has no name for it"),
];

/// The same between two nodes whose ids are others: names, rules and counts stay what they are. Spec: sync-16..18.
#[test]
fn every_case_comes_out_as_written_when_sessions_move_between_nodes() {
    let moving = |case: &Case| {
        let setup = Setup { workers: case.setup.workers.or(Some(2)), ..case.setup };
        let may_refuse = LEFT_BEHIND.iter().any(|name| case.name.starts_with(name));
        ((), Simulator::moving_between_nodes(setup, may_refuse))
    };
    let stays = |case: &Case| STAYS.iter().chain(ONE_NODE).any(|(name, _)| case.name.starts_with(name));
    run_some(|case| !stays(case), moving);
}

/// The same with everything but the frames going over a socket.
#[test]
fn every_case_comes_out_as_written_on_the_simulator_behind_a_socket() {
    run_all(served);
}

/// A simulator with a client before its plane, and the server that the client calls.
fn served(setup: Setup) -> ((Server, TempDir), Simulator) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plane.sock");
    let mut server = None;
    let front = |plane| {
        server = Some(Server::serve(listen(&path).unwrap(), plane).unwrap());
        Client::connect(&path, CALL_MAX).map(|client| Box::new(client) as Box<dyn DataPlane>)
    };
    let simulator = Simulator::new(setup).behind(front).unwrap();
    ((server.unwrap(), folder), simulator)
}
