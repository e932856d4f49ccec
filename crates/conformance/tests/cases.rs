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
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut failed = Vec::new();
    let all = cases();
    for case in &all {
        let result = match case {
            Ok(case) => {
                let (_ground, mut simulator) = bench(case.setup);
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

/// On a link that leaves checksums to the receiver, they are made anew: the same bytes leave.
#[test]
fn every_case_comes_out_as_written_where_checksums_are_unknown() {
    run_all(|setup| ((), Simulator::new(Setup { checksum: Checksum::Unknown, ..setup })));
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
