//! `security flow force-ip-reassembly` and what goes with it: what is refused. Spec: fragment-25, fragment-26.

use ravelin_model::load;

/// What is wrong with these statements: where and why.
#[track_caller]
fn check(statements: &[&str], expected: &[&str]) {
    let text: String =
        statements.iter().map(|statement| format!("set security flow {statement}\n")).collect();
    let found = load(&text).result.err().unwrap_or_default();
    let messages: Vec<_> = found.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(messages, expected, "{statements:?}");
}

#[test]
fn a_limit_is_one_of_what_passes_whole_and_no_more_than_are_told_apart() {
    for fine in ["0", "1", "64"] {
        check(&["force-ip-reassembly", &format!("fragment-limit {fine}")], &[]);
    }
    let most = "value is not within 0..64: no more pieces of a datagram are told apart";
    check(&["force-ip-reassembly", "fragment-limit 65"], &[most]);
    check(&["force-ip-reassembly", "fragment-limit 250"], &[most]);
    check(&["force-ip-reassembly", "fragment-limit 251"], &[most, "value 251 is not within range (0..250)"]);
    check(&["fragment-limit 5"], &["'fragment-limit' needs 'force-ip-reassembly'"]);
}

#[test]
fn a_time_is_a_minute_at_most_and_stands_alone() {
    for fine in ["0", "1", "60"] {
        check(&[&format!("fragment-reassembly-timeout {fine}")], &[]);
    }
    check(&["fragment-reassembly-timeout 61"], &["value 61 is not within range (0..60)"]);
}
