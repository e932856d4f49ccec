//! Every file of cases/ over the simulator, and every drop reason in a case.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ravelin_conformance::bench::{Setup, Simulator};
use ravelin_conformance::case::{Case, CaseError, run};
use ravelin_engine::Checksum;
use ravelin_types::DropReason;

/// Reasons that no case on the simulator can produce, and why.
const ELSEWHERE: &[(DropReason, &str)] = &[
    (DropReason::TxQueueFull, "a transmit ring is full: virtual ports take every frame"),
    (DropReason::HostQueueFull, "a TAP's queue is full: the virtual kernel takes every frame"),
];

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e == "txt") {
            out.push(path);
        }
    }
}

fn cases() -> Vec<Result<Case, CaseError>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut found = Vec::new();
    files(&root, &mut found);
    found.sort();
    found.iter().map(|file| Case::read(&root, file)).collect()
}

#[test]
fn every_case_comes_out_as_written_on_the_simulator() {
    check_all(Checksum::Unverified);
}

/// On a link that leaves checksums to the receiver, they are made anew: the same bytes leave.
#[test]
fn every_case_comes_out_as_written_where_checksums_are_unknown() {
    check_all(Checksum::Unknown);
}

fn check_all(checksum: Checksum) {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut failed = Vec::new();
    let all = cases();
    for case in &all {
        let result = match case {
            Ok(case) => {
                let setup = Setup { checksum, ..case.setup };
                run(case, &mut Simulator::new(setup), &configs).map_err(|e| e.to_string())
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
    assert!(failed.is_empty(), "{} of {} cases failed\n\n{}\n", failed.len(), all.len(), failed.join("\n\n"));
}

#[test]
fn every_drop_reason_has_a_case_or_a_reason_to_have_none() {
    let covered: BTreeSet<_> = cases().into_iter().flatten().flat_map(|case| case.reasons()).collect();
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|(reason, _)| *reason).collect();
    let both: Vec<_> = covered.intersection(&elsewhere).collect();
    assert!(both.is_empty(), "listed as impossible, and yet there is a case: {both:?}");
    let known: BTreeSet<_> = covered.union(&elsewhere).copied().collect();
    let missing: Vec<_> = DropReason::ALL.iter().filter(|r| !known.contains(r)).map(|r| r.name()).collect();
    assert!(missing.is_empty(), "without a case: {missing:?}");
}
