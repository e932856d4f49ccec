//! What a configuration costs: text to program, `show | compare`, `?` and one edit, by the number of policies.
//!
//! `cargo bench -p ravelin-compile --bench configuration [POLICIES...]`. One core. Every policy has its own two
//! addresses in the book, an application and logging, so that nothing is shared but the zones. Prints the median of
//! [`ROUNDS`] with minimum and maximum in milliseconds, and the growth of the resident memory; asserts nothing.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Instant as Clock;

use ravelin_compile::{IdBook, Resolved, compile};
use ravelin_model::{check_tree, check_tree_after};
use ravelin_schema::{Form, View, apply, complete, display, read};
use ravelin_syntax::{Tree, diff, render};
use ravelin_types::Generation;

const ROUNDS: usize = 7;

fn main() {
    let counts: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![10_000, 100_000] } else { counts };
    if let [count] = counts[..] {
        return policies(count);
    }
    // Each in a process of its own: the memory that one gave back would hide what the next one takes.
    let this = std::env::current_exe().expect("a bench knows where it is");
    for count in counts {
        let run = Command::new(&this).arg(count.to_string()).status();
        assert!(run.is_ok_and(|status| status.success()), "the bench of {count} policies failed");
    }
}

fn text(count: usize) -> String {
    let mut out = String::from(
        "interfaces {\n ge-0/0/0 { unit 0 { family inet { address 10.0.0.1/8; } } }\n ge-0/0/1 { unit 0 { family inet { address \
         198.51.100.1/24; } } }\n}\nsecurity {\n zones {\n security-zone trust { interfaces { ge-0/0/0.0; } }\n security-zone untrust { \
         interfaces { ge-0/0/1.0; } }\n }\n address-book {\n global {\n",
    );
    for n in 0..count {
        let (a, b, c) = ((n >> 16) & 255, (n >> 8) & 255, n & 255);
        let _ = write!(out, "address s{n} 10.{a}.{b}.{c}/32;\naddress d{n} 172.{a}.{b}.{c}/32;\n");
    }
    out.push_str("}\n}\npolicies {\n from-zone trust to-zone untrust {\n");
    for n in 0..count {
        let _ = write!(
            out,
            "policy p{n} {{\n match {{\n source-address s{n};\n destination-address d{n};\n application junos-https;\n }}\n \
             then {{\n permit;\n log {{\n session-close;\n }}\n }}\n }}\n"
        );
    }
    out.push_str("}\n}\n}\n");
    out
}

fn policies(count: usize) {
    let text = text(count);
    println!("{count} policies, {} bytes of text; ms, median (min-max)", text.len());
    let before = resident_kb();
    let tree = read(&text).tree;
    memory("tree", before);
    let first = check_tree_after(&tree, None, None).unwrap_or_else(|e| panic!("{e:?}"));
    memory("and what it was lowered to", before);
    let resolved = Resolved::virtual_ports(&first.valid);
    let mut book = IdBook::default();
    let program = compile(&first.valid, &resolved, &mut book, Generation(1));
    assert!(program.is_ok(), "{:?}", program.err());
    // As whoever keeps the book: what is in its file need not be told again.
    book.saved();
    memory("and its program and book", before);
    let set = render::set(&tree);
    row("read braces", || read(&text).tree.nodes.len());
    row("read set lines", || read(&set).tree.nodes.len());
    row("check", || check_tree(&tree).is_ok());
    let valid = check_tree(&tree).unwrap_or_else(|e| panic!("{e:?}"));
    let resolved = Resolved::virtual_ports(&valid);
    row("compile", || compile(&valid, &resolved, &mut IdBook::default(), Generation(1)).is_ok());
    row("text to program", || {
        let tree = read(&text).tree;
        let valid = check_tree(&tree).unwrap_or_else(|e| panic!("{e:?}"));
        let resolved = Resolved::virtual_ports(&valid);
        compile(&valid, &resolved, &mut IdBook::default(), Generation(1)).is_ok()
    });
    let pair = "security policies from-zone trust to-zone untrust";
    let mut edited = tree.clone();
    row("edit one policy", || {
        set_and_unset(&mut edited, &format!("{pair} policy p{} then count", count / 2));
    });
    apply(&mut edited, &[], &format!("set {pair} policy p{} then count", count / 2))
        .unwrap_or_else(|e| panic!("{e:?}"));
    row("compare", || diff(&tree, &edited).len());
    row("compare of the same", || diff(&tree, &tree).len());
    row("?", || complete(&["security", "policies", "from-zone", "trust", "to-zone", "untrust"], "").len());
    row("show", || render::text(&tree).len());
    for (name, form) in [("display set", Form::Set), ("display xml", Form::Xml), ("display json", Form::Json)]
    {
        row(name, || display(&tree, &[], View { form, ..View::default() }, None).map_or(0, |t| t.len()));
    }
    let grouped = format!(
        "groups {{ g {{ security {{ policies {{ from-zone <*> to-zone <*> {{ policy <*> {{ then {{ count; }} }} }} }} }} }} }}\napply-groups g;\n{text}"
    );
    let grouped = read(&grouped).tree;
    row("expand a group", || ravelin_schema::effective(&grouped, None).tree.nodes.len());
}

/// What is resident since `before`, all that was made until here being kept.
fn memory(what: &str, before: usize) {
    println!("{what:>30} {:>9} KB", resident_kb().saturating_sub(before));
}

fn set_and_unset(tree: &mut Tree, words: &str) {
    for verb in ["set", "delete"] {
        apply(tree, &[], &format!("{verb} {words}")).unwrap_or_else(|e| panic!("{e:?}"));
    }
}

fn row<T>(name: &str, mut work: impl FnMut() -> T) {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Clock::now();
            std::hint::black_box(work());
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:>30} {:>9.2} ({:.2}-{:.2})", times[ROUNDS / 2], times[0], times[ROUNDS - 1]);
}

fn resident_kb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}
