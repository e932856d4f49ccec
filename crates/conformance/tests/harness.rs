//! A case that is wrong says so: where, what was expected, what came.

use std::path::Path;

use ravelin_conformance::bench::Simulator;
use ravelin_conformance::case::{Case, run};

/// What is said of a case on `outbound`, whose first statement is on line 2.
fn said(text: &str) -> String {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let case = match Case::parse("a", &format!("config outbound\n{text}")) {
        Ok(case) => case,
        Err(error) => return error.to_string(),
    };
    match run(&case, &mut Simulator::new(case.setup), &configs) {
        Ok(()) => "pass".into(),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(text: &str, wanted: &[&str]) {
    let said = said(text);
    assert!(wanted.iter().all(|part| said.contains(part)), "{said}\n\nlacks one of {wanted:?}");
}

const SENT: &str = "ge-0/0/0.0 udp 10.1.0.2:5 > 198.51.100.2:53";

#[test]
fn a_right_case_passes() {
    check(&format!("{SENT} => ge-0/0/1.0"), &["pass"]);
}

#[test]
fn what_comes_instead_is_shown_beside_what_should_have_come() {
    let wanted =
        ["a.txt:2:", "expected  drop policy-deny", "no such drop", "got       ge-0/0/1 udp 10.1.0.2:5 >"];
    check(&format!("{SENT} => drop policy-deny"), &wanted);
    check(&format!("{SENT} => held"), &["expected  held", "got       ge-0/0/1 udp"]);
    check(&format!("{SENT} => ge-0/0/0.0"), &["it left elsewhere"]);
    check(&format!("{SENT} => host ge-0/0/1.0"), &["it left elsewhere"]);
    check(&format!("{SENT} => ge-0/0/1.0; drop no-route"), &["expected  drop no-route", "no such drop"]);
    check(&format!("{SENT} => ge-0/0/1.0; ge-0/0/1.0"), &["nothing came"]);
    check(
        &format!("{SENT} => ge-0/0/1.0 udp 10.1.0.2:5 > 198.51.100.2:53 to=02:00:00:00:00:09"),
        &["did not go to"],
    );
}

#[test]
fn one_byte_that_differs_is_found() {
    for other in ["ttl=62", "len=9", "id=1", "nosum"] {
        let pattern = format!("{SENT} => ge-0/0/1.0 udp 10.1.0.2:5 > 198.51.100.2:53 {other}");
        check(&pattern, &["of the datagram: expected"]);
    }
    check(&format!("{SENT} => ge-0/0/1.0 udp 10.1.0.2:6 > 198.51.100.2:53"), &["byte 21 of the datagram"]);
    // A damaged transport checksum stays damaged, and shows.
    check(&format!("{SENT} poke=26:0001 => ge-0/0/1.0"), &["byte 26 of the datagram"]);
}

#[test]
fn counters_and_variables_are_compared() {
    check("sessions 1", &["a.txt:2: sessions: expected 1, got 0"]);
    check("dropped no-route 1", &["dropped no-route: expected 1, got 0"]);
    check("check $a != $b", &["`$a' has no value here"]);
    check(
        &format!("{SENT} => ge-0/0/1.0 udp 10.1.0.2:$a > 198.51.100.2:$b\ncheck $a in 6 9"),
        &["a.txt:3: $a"],
    );
}

#[test]
fn what_is_no_statement_is_told_by_its_line() {
    check("frobnicate", &["a.txt:2: `frobnicate' is no statement"]);
    check(&format!("{SENT} => vanish"), &["a.txt:2: `vanish' is no outcome"]);
    check(&format!("{SENT} => drop vanished"), &["a drop reason expected, found `vanished'"]);
    check("ge-0/0/0.0 tcp 10.1.0.2:5 > 198.51.100.2:80 X", &["TCP flags expected, found `X'"]);
    check("ge-0/0/0.0 udp 10.1.0.2 > 198.51.100.2:80", &["address:port expected"]);
    check("commit\n    set security zones security-zone trust tcp-rts", &["a.txt:3: "]);
    check(
        "commit\n    set security zones security-zone trust interfaces ge-0/0/9.0",
        &["must be configured"],
    );
}
