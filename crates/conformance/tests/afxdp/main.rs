//! Every file of cases/ over AF_XDP on real devices, in a network namespace.
//!
//! Needs root, iproute2 and util-linux. All state is named `rvc-<pid>` or lies under `/run/rvc`; what a run that
//! crashed left is removed by the next.

mod bench;
#[path = "../../../dataplane/afxdp/tests/lab/wire.rs"]
mod wire;
mod yard;

use std::path::Path;
use std::thread;
use std::time::Instant;

use bench::Afxdp;
use ravelin_conformance::bench::Bench;
use ravelin_conformance::case::{Benches, Case, CaseError, run};
use yard::{Devices, Yard};

/// What became of the cases.
#[derive(Default)]
struct Tally {
    ran: usize,
    /// Packets that went from one worker to another.
    handed_over: u64,
    left: Vec<String>,
    failed: Vec<String>,
}

/// False, said aloud, without the rights that namespaces and BPF need.
fn root() -> bool {
    let root = rustix::process::geteuid().is_root();
    let required = std::env::var_os("RAVELIN_REQUIRE_ROOT").is_some_and(|value| value == "1");
    assert!(root || !required, "this test needs root, and RAVELIN_REQUIRE_ROOT forbids to skip it");
    if !root {
        eprintln!("Skipped: needs root.");
    }
    root
}

#[test]
fn every_case_comes_out_as_written_over_af_xdp() {
    check(1);
}

/// Frames arrive at either queue, as the sender's kernel spreads them, whoever owns the flow.
#[test]
fn every_case_comes_out_as_written_with_two_workers() {
    check(2);
}

fn check(workers: u8) {
    if !root() {
        return;
    }
    let began = Instant::now();
    let yard = Yard::build(workers).unwrap();
    let tally = thread::scope(|scope| scope.spawn(|| all(&yard, workers)).join());
    drop(yard);
    let Ok(Tally { ran, handed_over, left, failed }) = tally else { panic!("see above") };
    println!("{ran} cases over AF_XDP in {:.1} s", began.elapsed().as_secs_f32());
    println!("{} left to the simulator: {}", left.len(), left.join(", "));
    assert!(failed.is_empty(), "{} of {ran} cases failed\n\n{}\n", failed.len(), failed.join("\n\n"));
    assert_eq!(handed_over > 0, workers > 1, "{handed_over} packets were handed over");
    assert!(ran > 2 * left.len(), "most cases must be for every bench");
}

/// Runs all cases one after another, in the thread that has entered the namespace.
fn all(yard: &Yard, workers: u8) -> Tally {
    yard.enter().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut devices = Devices::new(workers);
    let mut tally = Tally::default();
    for case in Case::read_all(&root.join("cases")).unwrap() {
        let case: Case = case.unwrap_or_else(|error: CaseError| panic!("{error}"));
        if case.benches == Benches::OnlySimulator || case.setup.workers.is_some_and(|only| only != workers) {
            tally.left.push(case.name);
            continue;
        }
        tally.ran += 1;
        let began = Instant::now();
        match one(&case, yard, &mut devices, &root.join("configs")) {
            Ok(handed_over) => {
                tally.handed_over += handed_over;
                println!("pass {} in {} ms", case.name, began.elapsed().as_millis());
            }
            Err(error) => tally.failed.push(error),
        }
    }
    tally
}

fn one(case: &Case, yard: &Yard, devices: &mut Devices, configs: &Path) -> Result<u64, String> {
    let failed = |error| format!("{}: {error}", case.name);
    let mut bench = Afxdp::new(case.setup, yard.pins(), devices).map_err(failed)?;
    let result = run(case, &mut bench, configs).map_err(|error| error.to_string());
    let handed_over = bench.plane().telemetry().global().map_or(0, |global| global.handed_over);
    let closed = bench.close().map_err(failed);
    result.and(closed).map(|()| handed_over)
}
