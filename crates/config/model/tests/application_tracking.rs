//! `security application-tracking`: what is refused, and what stands for what is not said. Spec: tracking-2, tracking-4.

use ravelin_model::load;

const PATH: &str = "set security application-tracking";

/// What is wrong with these statements.
fn errors(statements: &[&str]) -> Vec<String> {
    let text: String = statements.iter().map(|statement| format!("{PATH} {statement}\n")).collect();
    let found = load(&text).result.err().unwrap_or_default();
    found.iter().map(|error| error.message.clone()).collect()
}

#[test]
fn minutes_are_within_their_bounds_and_the_first_below_the_others() {
    let range = "value 0 is not within range (1..65535)";
    let order = "'first-update-interval' must be below 'session-update-interval'";
    let cases: [(&[&str], &[&str]); 9] = [
        (&["session-update-interval 1"], &[]),
        (&["session-update-interval 65535", "first-update-interval 65534"], &[]),
        (&["first-update-interval 4"], &[]),
        (&["first-update-interval 5"], &[order]),
        (&["first-update-interval 2", "session-update-interval 2"], &[order]),
        // It says nothing then.
        (&["first-update-interval 9", "first-update"], &[]),
        (&["first-update-interval 0"], &[range]),
        (&["session-update-interval 0"], &[range]),
        (&["session-update-interval 65536"], &["value 65536 is not within range (1..65535)"]),
    ];
    for (statements, expected) in cases {
        assert_eq!(errors(statements), expected, "{statements:?}");
    }
}

#[test]
fn what_is_not_said_is_as_in_junos() {
    let intervals = |statements: &[&str]| {
        let text: String = statements.iter().map(|statement| format!("{PATH} {statement}\n")).collect();
        let valid = load(&text).result.unwrap_or_else(|errors| panic!("{errors:?}"));
        let tracking = &valid.get().security.application_tracking;
        (tracking.first_interval(), tracking.interval())
    };
    assert_eq!(intervals(&["log-session-create"]), (1, 5));
    assert_eq!(intervals(&["first-update"]), (5, 5));
    assert_eq!(intervals(&["first-update", "session-update-interval 9"]), (9, 9));
    assert_eq!(intervals(&["first-update-interval 3", "session-update-interval 9"]), (3, 9));
}
