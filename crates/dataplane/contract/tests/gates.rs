//! Gates of docs/spec/contract.md that are about the whole tree: who may know a backend, where a session ends, and that every test
//! the table names is there.

use std::fs;
use std::path::{Path, PathBuf};

/// Crates that move packets, or stand between the contract and those that do.
const BACKENDS: &[&str] = &[
    "ravelin-engine",
    "ravelin-plane",
    "ravelin-afxdp",
    "ravelin-sim",
    "ravelin-remote",
    "ravelin-classify",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").canonicalize().unwrap()
}

fn files(folder: &Path, name: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, name, found);
        } else if path.to_str().is_some_and(|path| path.ends_with(name)) {
            found.push(path);
        }
    }
}

/// What a manifest depends on, without what only its tests do.
fn dependencies(manifest: &str) -> Vec<&str> {
    let (_, after) = manifest.split_once("\n[dependencies]\n").unwrap_or_default();
    let lines = after.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| line.split(['.', ' ', '=']).next()).collect()
}

/// Rows of the table: the file of a test, and its name.
fn named(table: &str) -> Vec<(&str, &str)> {
    let row = |line| -> Option<(&str, &str)> {
        let cell = str::trim_end_matches(line, " |").rsplit(" | ").next()?;
        let (path, name) = cell.strip_prefix('`')?.split_once("` ")?;
        path.ends_with(".rs").then_some((path, name))
    };
    table.lines().filter(|line| line.starts_with("| ")).filter_map(row).collect()
}

/// Whether a file has a test of this name that is run.
fn is_test(text: &str, name: &str) -> bool {
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    let is_blank = |line: &&str| line.trim().is_empty();
    let above = before.lines().rev().skip_while(is_blank);
    let attributes: Vec<_> = above.take_while(|line| !is_blank(line)).collect();
    let marked = attributes.iter().any(|line| line.trim() == "#[test]");
    marked && !attributes.iter().any(|line| line.contains("#[ignore"))
}

#[test]
fn every_gate_has_a_test_that_is_there() {
    let table = fs::read_to_string(root().join("docs/spec/contract.md")).unwrap();
    let (_, table) = table.split_once("## Gates").unwrap();
    let named = named(table);
    for (path, name) in &named {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert!(is_test(&text, name), "{path}: no test called {name}");
    }
    for gate in 1..=12 {
        assert!(table.contains(&format!("\n| {gate} |")), "gate {gate} has no row");
    }
    assert_eq!(
        named.len(),
        table.lines().filter(|line| line.starts_with("| ")).count() - 1,
        "a row names no test"
    );
}

#[test]
fn nobody_above_the_contract_names_a_backend() {
    let root = root();
    for folder in ["config", "control", "api", "compile"] {
        let mut manifests = Vec::new();
        files(&root.join("crates").join(folder), "Cargo.toml", &mut manifests);
        assert!(!manifests.is_empty(), "{folder}");
        for manifest in manifests {
            let text = fs::read_to_string(&manifest).unwrap();
            let backend = dependencies(&text).into_iter().find(|name| BACKENDS.contains(name));
            assert_eq!(backend, None, "{}", manifest.display());
        }
    }
}

/// Only `State::end` takes a session out of the table; a trial's copies are no sessions. Pools are asked to take back by the engine alone.
#[test]
fn a_session_is_taken_out_in_one_place() {
    let root = root();
    let mut sources = Vec::new();
    files(&root.join("crates"), ".rs", &mut sources);
    let mut found = Vec::new();
    for path in sources {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let in_engine = name.starts_with("crates/dataplane/engine/src/");
        if in_engine && text.contains("sessions.remove(") {
            found.push(name.clone());
        }
        let below =
            ["crates/dataplane/engine/", "crates/dataplane/nat/"].iter().any(|at| name.starts_with(at));
        let cleans_up = ["leases.", "allocator."]
            .iter()
            .any(|of| ["give_back(", "release("].iter().any(|verb| text.contains(&format!("{of}{verb}"))));
        assert!(below || !cleans_up || name.ends_with("gates.rs"), "{name} gives back what sessions hold");
    }
    found.sort_unstable();
    assert_eq!(found, ["crates/dataplane/engine/src/state.rs", "crates/dataplane/engine/src/trial.rs"]);
}

#[test]
fn the_gates_can_close() {
    assert_eq!(
        dependencies("a\n[dependencies]\nravelin-sim.workspace = true\n[dev-dependencies]\nx = 1"),
        ["ravelin-sim"]
    );
    assert_eq!(named("| 1 | what | `a/b.rs` name |\n| gate | x | test |"), [("a/b.rs", "name")]);
    assert!(is_test("\n#[test]\nfn a() {}", "a") && !is_test("\nfn a() {}", "a"));
    assert!(!is_test("\n#[test]\n#[ignore = \"x\"]\nfn a() {}", "a"));
}
