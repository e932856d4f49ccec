//! The holes that were found in another firewall of this kind, and what proves that this one has none of them:
//! docs/spec/holes.tsv. Each has a proof, and each proof is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// S1 to S16.
const HOLES: u32 = 16;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Hole, what it is, and a proof: `case FOLDER/NAME`, or a file and a test in it.
fn lines() -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(root().join("docs/spec/holes.tsv")).unwrap();
    let line = |line: &str| match line.split('\t').collect::<Vec<_>>().as_slice() {
        [hole, what, proof] => ((*hole).to_owned(), (*what).to_owned(), (*proof).to_owned()),
        other => panic!("{other:?} is no hole, what it is, and a proof"),
    };
    text.lines().map(line).collect()
}

#[test]
fn every_hole_has_a_proof() {
    let mut proofs: BTreeMap<String, usize> = BTreeMap::new();
    for (hole, what, _) in lines() {
        assert!(!what.is_empty(), "{hole}");
        *proofs.entry(hole).or_default() += 1;
    }
    let names: Vec<_> = (1..=HOLES).map(|n| format!("S{n}")).collect();
    let missing: Vec<_> = names.iter().filter(|name| !proofs.contains_key(*name)).collect();
    assert!(missing.is_empty(), "without a proof: {missing:?}");
    let unknown: Vec<_> = proofs.keys().filter(|name| !names.contains(name)).collect();
    assert!(unknown.is_empty(), "no hole that is known: {unknown:?}");
}

#[test]
fn every_proof_is_there() {
    for (hole, _, proof) in lines() {
        if let Some(case) = proof.strip_prefix("case ") {
            let path = root().join(format!("crates/conformance/cases/{case}.txt"));
            assert!(path.is_file(), "{hole}: there is no case {case}");
            continue;
        }
        let (file, test) = proof.split_once(' ').unwrap_or_else(|| panic!("{hole}: `{proof}' names no test"));
        let text =
            std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{hole}: {file}: {e}"));
        let (before, _) =
            text.split_once(&format!("fn {test}(")).unwrap_or_else(|| panic!("{hole}: {file} has no {test}"));
        let head: Vec<_> = before.rsplit('\n').skip(1).take(6).collect();
        assert!(head.iter().any(|line| line.contains("#[test]")), "{hole}: {test} in {file} is no test");
    }
}
