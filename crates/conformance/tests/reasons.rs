//! Every drop reason has a case, a line of docs/manual/drop-reasons.md and, when a packet dies of it, a sample.
//!
//! `UPDATE_EXPECT=1` writes the page anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ravelin_conformance::bench::{Bench, Setup, Simulator};
use ravelin_conformance::case::{Case, run};
use ravelin_types::DropReason;

/// Reasons that no case on the simulator can produce, and why.
const ELSEWHERE: &[(DropReason, &str)] = &[
    (DropReason::TxQueueFull, "a transmit ring is full: virtual ports take every frame"),
    (DropReason::HandOverFull, "a ring between workers is full: the simulator has no rings (mesh tests)"),
    (DropReason::HandOverLoop, "workers disagree for longer than a commit takes (steering tests)"),
    (DropReason::NatTableFull, "65,536 hosts or blocks at one worker (tests of ravelin-nat)"),
    (DropReason::AlgAddress, "a line of FTP: cases have no such payload (tests/talks/alg.rs)"),
    (
        DropReason::AlgTableFull,
        "4096 requests at one worker: cases have no such payload (tests/talks/alg.rs)",
    ),
    (DropReason::HostQueueFull, "a TAP's queue is full: the virtual kernel takes every frame"),
];

/// Reasons under which the engine counts what is no packet of a batch any more, of which there is no sample.
const UNSAMPLED: &[(DropReason, &str)] = &[
    (DropReason::NeighbourUnresolved, "a packet that was held for too long"),
    (DropReason::AnswerQueueFull, "an answer that there was no room for"),
];

const HEADING: &str = "\
# Drop reasons

Every way in which a packet can die: the counter, what `show security flow statistics` prints, and cases below crates/conformance/cases that
produce it. Written by `UPDATE_EXPECT=1 cargo test -p ravelin-conformance --test reasons`, checked by the same test.

| counter | text | cases |
|---|---|---|
";

/// How many cases the page names for a reason.
const NAMED_MAX: usize = 3;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).into()
}

fn cases() -> Vec<Case> {
    let cases = Case::read_all(&folder().join("cases")).unwrap();
    cases.into_iter().map(|case| case.unwrap_or_else(|error| panic!("{error}"))).collect()
}

#[test]
fn every_drop_reason_has_a_case_or_a_reason_to_have_none() {
    let covered: BTreeSet<_> = cases().into_iter().flat_map(|case| case.reasons()).collect();
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|(reason, _)| *reason).collect();
    let both: Vec<_> = covered.intersection(&elsewhere).collect();
    assert!(both.is_empty(), "listed as impossible, and yet there is a case: {both:?}");
    let known: BTreeSet<_> = covered.union(&elsewhere).copied().collect();
    let missing: Vec<_> = DropReason::ALL.iter().filter(|r| !known.contains(r)).map(|r| r.name()).collect();
    assert!(missing.is_empty(), "without a case: {missing:?}");
}

/// Which cases produce a reason, up to [`NAMED_MAX`] of them, or why none can.
fn produced_by(reason: DropReason, by_reason: &BTreeMap<DropReason, BTreeSet<String>>) -> String {
    let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == reason);
    match (by_reason.get(&reason), elsewhere) {
        (Some(names), _) => names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", "),
        (None, Some((_, why))) => format!("none: {why}"),
        (None, None) => "none".to_owned(),
    }
}

/// What is named must produce the reason; that more cases do by now makes no page wrong.
#[test]
fn the_manual_lists_every_reason_with_cases_that_produce_it() {
    let mut by_reason: BTreeMap<DropReason, BTreeSet<String>> = BTreeMap::new();
    for case in cases() {
        for reason in case.reasons() {
            by_reason.entry(reason).or_default().insert(case.name.clone());
        }
    }
    let path = folder().join("../../docs/manual/drop-reasons.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let mut page = HEADING.to_owned();
        for reason in DropReason::ALL {
            let cases = produced_by(*reason, &by_reason);
            let _ = writeln!(page, "| `{}` | {} | {cases} |", reason.name(), reason.text());
        }
        std::fs::write(&path, &page).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), DropReason::COUNT, "a row for every reason: UPDATE_EXPECT=1 writes the page");
    for (row, reason) in rows.into_iter().zip(DropReason::ALL) {
        let head = format!("| `{}` | {} | ", reason.name(), reason.text());
        let cases = row.strip_prefix(&head).and_then(|rest| rest.strip_suffix(" |"));
        let cases = cases.unwrap_or_else(|| panic!("`{row}` does not begin with `{head}`"));
        let known = by_reason.get(reason);
        let named = || cases.split(", ").all(|case| known.is_some_and(|names| names.contains(case)));
        assert!(cases == produced_by(*reason, &by_reason) || named(), "{row}");
    }
}

#[test]
fn what_dies_leaves_a_sample_of_its_reason() {
    let configs = folder().join("configs");
    let mut missing = Vec::new();
    for case in cases() {
        let mut simulator = Simulator::new(Setup { workers: case.setup.workers.or(Some(2)), ..case.setup });
        run(&case, &mut simulator, &configs).unwrap_or_else(|error| panic!("{error}"));
        let found = simulator.plane().diagnostics().drop_samples(usize::MAX).unwrap();
        let sampled: BTreeSet<_> = found.samples.iter().map(|sample| sample.reason).collect();
        for reason in case.reasons() {
            let excused = UNSAMPLED.iter().any(|(known, _)| *known == reason);
            // Fragments that waited in vain are counted, not seen again.
            let fragment = case.name.starts_with("fragment/");
            if !sampled.contains(&reason) && !excused && !fragment {
                missing.push(format!("{}: {}", case.name, reason.name()));
            }
        }
    }
    assert!(missing.is_empty(), "no sample of {missing:#?}");
}
