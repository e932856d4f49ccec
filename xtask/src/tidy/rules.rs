//! Judgements on the text of one file: what it may contain, how it opens, how long it may be.

use super::limits::{ADR_LINES_MAX, ARCHITECTURE_LINES_MAX, FILE_LINES_MAX, FUNCTION_LINES_MAX};
use super::source::{self, Code};
use super::{Finding, Rule};

const UNSAFE_FOLDERS: &[&str] = &["crates/dataplane/afxdp/", "crates/control/host/", "crates/base/mem/"];

const SILENT_FOLDERS: &[&str] =
    &["crates/base/", "crates/config/", "crates/dataplane/", "crates/compile/", "crates/control/"];
const PRINTS: &[&str] = &["println!", "eprintln!", "print!", "eprint!", "dbg!"];

const PURE_FOLDERS: &[&str] = &[
    "crates/dataplane/engine/src/",
    "crates/dataplane/nat/src/",
    "crates/dataplane/filter/src/",
    "crates/dataplane/policer/src/",
];
const IMPURE: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "std::thread",
    "std::fs",
    "std::process",
    "std::env",
    "Mutex",
    "RwLock",
    "UdpSocket",
    "TcpStream",
    "getrandom",
    "RandomState",
];

// Spelled in two halves so that this file does not find itself.
const UNFINISHED: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("to", "do!("), concat!("unimple", "mented!(")];
const MACHINE: &[&str] = &[concat!("/wo", "rk/"), concat!(".lib", "rary"), concat!("/ro", "ot/")];
const WORK_TEXT: &[&str] = &["rs", "c", "h", "sh", "py", "proto", "toml", "md", "conf", "yml"];

/// Adds what is wrong with one file; `path` is relative to the root.
pub fn check(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let mut report =
        |line, rule, message: String| findings.push(Finding { path: path.to_owned(), line, rule, message });
    if path != "Cargo.lock" {
        check_machine(text, &mut report);
    }
    if WORK_TEXT.contains(&extension) {
        check_unfinished(text, &mut report);
    }
    match extension {
        "rs" => check_rust(path, text, &mut report),
        "md" => check_document(path, text, &mut report),
        _ => {}
    }
}

fn check_rust(path: &str, text: &str, report: &mut impl FnMut(usize, Rule, String)) {
    if !text.starts_with("//!") {
        report(
            1,
            Rule::Head,
            "the file must open with `//!`: what it is, where it sits, what it owns".to_owned(),
        );
    }
    check_length(text, FILE_LINES_MAX, report);
    let code = Code::new(text);
    for function in code.functions().iter().filter(|function| function.lines > FUNCTION_LINES_MAX) {
        let message =
            format!("`{}` has {} lines; {FUNCTION_LINES_MAX} are allowed", function.name, function.lines);
        report(function.line, Rule::FunctionSize, message);
    }
    if !within(path, UNSAFE_FOLDERS) {
        for word in ["unsafe", "allow(unsafe_code)"] {
            for line in code.lines_with(word) {
                report(line, Rule::Unsafe, format!("`{word}` is for {}", UNSAFE_FOLDERS.join(", ")));
            }
        }
    }
    if within(path, SILENT_FOLDERS) && !is_bystander(path) {
        report_words(&code, PRINTS, Rule::Print, "nothing below the api layer prints", report);
    }
    if within(path, PURE_FOLDERS) {
        report_words(
            &code,
            IMPURE,
            Rule::Pure,
            "the engine takes time, randomness and I/O as arguments",
            report,
        );
    }
}

fn report_words(
    code: &Code,
    words: &[&str],
    rule: Rule,
    why: &str,
    report: &mut impl FnMut(usize, Rule, String),
) {
    for word in words {
        for line in code.lines_with_outside_tests(word) {
            report(line, rule, format!("`{word}`: {why}"));
        }
    }
}

fn check_document(path: &str, text: &str, report: &mut impl FnMut(usize, Rule, String)) {
    if path.starts_with("docs/adr/") {
        check_length(text, ADR_LINES_MAX, report);
    } else if path == "ARCHITECTURE.md" {
        check_length(text, ARCHITECTURE_LINES_MAX, report);
    }
}

fn check_length(text: &str, lines_max: usize, report: &mut impl FnMut(usize, Rule, String)) {
    let lines = text.lines().count();
    if lines > lines_max {
        report(lines_max + 1, Rule::FileSize, format!("{lines} lines; {lines_max} are allowed"));
    }
}

fn check_unfinished(text: &str, report: &mut impl FnMut(usize, Rule, String)) {
    for word in UNFINISHED {
        for at in source::word_positions(text, word) {
            let message = format!("`{word}`: finish it, or make what is missing a typed error");
            report(source::line_of(text, at), Rule::Unfinished, message);
        }
    }
}

/// A path counts only where it begins: `network/work/` in a sentence is none of ours.
fn check_machine(text: &str, report: &mut impl FnMut(usize, Rule, String)) {
    for word in MACHINE {
        for (at, _) in text.match_indices(word) {
            let before = text[..at].chars().next_back();
            if !before.is_some_and(|c| source::is_word(c) || matches!(c, '.' | '-')) {
                report(
                    source::line_of(text, at),
                    Rule::Machine,
                    format!("`{word}` means something on one machine only"),
                );
            }
        }
    }
}

fn within(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// Code that runs beside the product, not in it.
fn is_bystander(path: &str) -> bool {
    path.ends_with("/build.rs")
        || ["/tests/", "/examples/", "/benches/"].iter().any(|folder| path.contains(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "//! Head.\n";

    #[track_caller]
    fn expect(path: &str, text: &str, expected: &[(usize, Rule)]) {
        let mut findings = Vec::new();
        check(path, text, &mut findings);
        let found: Vec<(usize, Rule)> = findings.iter().map(|finding| (finding.line, finding.rule)).collect();
        assert_eq!(found, expected, "{path}: {findings:?}");
    }

    #[test]
    fn a_rust_file_opens_with_its_head() {
        expect("crates/base/types/src/a.rs", "//! What it is.\n", &[]);
        expect("crates/base/types/src/a.rs", "use std::fmt;\n", &[(1, Rule::Head)]);
    }

    #[test]
    fn unsafe_stays_in_its_crates() {
        let text = format!("{HEAD}// unsafe in prose is fine\nfn f() {{ unsafe {{ g() }} }}\n");
        expect("crates/base/mem/src/a.rs", &text, &[]);
        expect("crates/dataplane/afxdp/src/a.rs", &text, &[]);
        expect("crates/dataplane/engine/src/a.rs", &text, &[(3, Rule::Unsafe)]);
        expect("crates/ravelin/src/a.rs", &format!("{HEAD}#![allow(unsafe_code)]\n"), &[(2, Rule::Unsafe)]);
    }

    #[test]
    fn nothing_below_api_prints() {
        let text = format!(
            "{HEAD}fn f() {{ println!(\"x\"); }}\n#[cfg(test)]\nmod tests {{\n fn g() {{ eprintln!() }}\n}}\n"
        );
        expect("crates/control/commit/src/a.rs", &text, &[(2, Rule::Print)]);
        expect("crates/control/commit/tests/a.rs", &text, &[]);
        expect("crates/control/commit/build.rs", &text, &[]);
        expect("crates/api/cli/src/a.rs", &text, &[]);
        expect("crates/ravelin/src/a.rs", &text, &[]);
    }

    #[test]
    fn the_engine_has_no_clock_lock_or_thread() {
        let text = format!("{HEAD}fn f() {{ let now = Instant::now(); }}\nuse std::sync::Mutex;\n");
        expect("crates/dataplane/engine/src/a.rs", &text, &[(2, Rule::Pure), (3, Rule::Pure)]);
        expect("crates/dataplane/afxdp/src/a.rs", &text, &[]);
    }

    #[test]
    fn files_and_functions_have_a_size() {
        let file = format!("{HEAD}{}", "const A: u8 = 0;\n".repeat(FILE_LINES_MAX));
        expect("crates/compile/src/a.rs", &file, &[(501, Rule::FileSize)]);
        let function =
            |lines: usize| format!("{HEAD}fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2));
        expect("crates/compile/src/a.rs", &function(FUNCTION_LINES_MAX), &[]);
        expect("crates/compile/src/a.rs", &function(FUNCTION_LINES_MAX + 1), &[(2, Rule::FunctionSize)]);
    }

    #[test]
    fn nothing_unfinished_is_left() {
        for word in UNFINISHED {
            expect("crates/compile/src/a.rs", &format!("{HEAD}// {word} later\n"), &[(2, Rule::Unfinished)]);
        }
        expect("lab/a.sh", &format!("# {}\n", UNFINISHED[0]), &[(1, Rule::Unfinished)]);
        expect("lab/a.sh", &format!("# {}LIST\n", UNFINISHED[0]), &[]);
    }

    #[test]
    fn no_name_of_one_machine_is_left() {
        expect("README.md", &format!("see {}notes\n", MACHINE[0]), &[(1, Rule::Machine)]);
        expect(".ci/run", &format!("\n\"{}\"\n", MACHINE[1]), &[(2, Rule::Machine)]);
        expect("README.md", &format!("network{}done\n", MACHINE[0]), &[]);
        expect("Cargo.lock", &format!("see {}notes\n", MACHINE[0]), &[]);
    }

    #[test]
    fn decisions_and_the_architecture_stay_short() {
        expect("docs/adr/0001-a.md", &"line\n".repeat(ADR_LINES_MAX), &[]);
        expect("docs/adr/0001-a.md", &"line\n".repeat(ADR_LINES_MAX + 1), &[(61, Rule::FileSize)]);
        expect("ARCHITECTURE.md", &"line\n".repeat(ARCHITECTURE_LINES_MAX + 1), &[(301, Rule::FileSize)]);
        expect("docs/spec/flow.md", &"line\n".repeat(ARCHITECTURE_LINES_MAX + 1), &[]);
    }
}
