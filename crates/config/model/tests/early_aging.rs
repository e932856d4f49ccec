//! `security flow aging`: what is refused. Spec: tcp-48, tcp-50.

use ravelin_model::load;

const PATH: &str = "set security flow aging";

/// What is wrong with these statements.
#[track_caller]
fn check(statements: &[&str], expected: &[&str]) {
    let text: String = statements.iter().map(|statement| format!("{PATH} {statement}\n")).collect();
    let found = load(&text).result.err().unwrap_or_default();
    let messages: Vec<_> = found.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(messages, expected, "{statements:?}");
}

#[test]
fn a_cut_off_is_seconds_or_percent_within_their_bounds() {
    let both = "'seconds' and 'percent' can't be combined";
    for kind in ["application http", "protocol tcp", "defaults"] {
        let of = |time: &str| format!("early-aging {kind} cutoff-time {time}");
        for fine in ["seconds 1", "seconds 65535", "percent 1", "percent 99"] {
            check(&[&of(fine)], &[]);
        }
        let seconds = |value: &str| format!("value {value} is not within range (1..65535)");
        let percent = |value: &str| format!("value {value} is not within range (1..99)");
        check(&[&of("seconds 0")], &[&seconds("0")]);
        check(&[&of("seconds 65536")], &[&seconds("65536")]);
        check(&[&of("percent 0")], &[&percent("0")]);
        check(&[&of("percent 100")], &[&percent("100")]);
        check(&[&of("seconds 5"), &of("percent 5")], &[both]);
    }
}

#[test]
fn a_kind_is_named_once_and_has_a_cut_off() {
    let missing = "missing mandatory statement: 'cutoff-time'";
    check(&["early-aging application http"], &[missing]);
    check(&["early-aging protocol udp"], &[missing]);
    let twice = "protocol 17 has a cut-off already, by another name";
    let time = "cutoff-time seconds 5";
    check(
        &[&format!("early-aging protocol udp {time}"), &format!("early-aging protocol 17 {time}")],
        &[twice],
    );
    check(&[&format!("early-aging protocol udp {time}"), &format!("early-aging protocol 18 {time}")], &[]);
    check(&[&format!("early-aging protocol other {time}")], &["invalid protocol `other'"]);
    check(&[&format!("early-aging protocol 256 {time}")], &["invalid protocol `256'"]);
    check(&[&format!("early-aging application pop3 {time}")], &["invalid value `pop3'"]);
}

#[test]
fn the_rest_goes_by_the_defaults_or_by_early_ageout() {
    let defaults = "early-aging defaults cutoff-time seconds 5";
    check(&[defaults, "early-ageout 20"], &["'early-ageout' and 'early-aging defaults' can't be combined"]);
    check(&["early-aging application ftp cutoff-time percent 5", "early-ageout 20"], &[]);
}

#[test]
fn the_low_watermark_is_not_above_the_high_one() {
    let order = "'low-watermark' must not be above 'high-watermark'";
    check(&["high-watermark 50", "low-watermark 51"], &[order]);
    check(&["high-watermark 50", "low-watermark 50"], &[]);
}
