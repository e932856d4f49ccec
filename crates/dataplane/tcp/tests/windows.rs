//! Cells of the four bounds, RST, FIN, and what the rules change in an open conversation.

mod script;

use ravelin_tcp::{BlindAttack, HalfClose, Sequence, SynCheck, TcpRules};
use script::check;

fn junos() -> TcpRules {
    TcpRules::default()
}

/// Open, nothing sent: the initial side may send 701..=1700 ends (700 granted to it), the reverse 900.
const OPEN: &str = "> S 1000000 w900 = pass initial
    < SA 3000000:1000001 w700 = pass
    > A 1000001:3000001 w900 = pass established";

/// The same, with 500 bytes each way acknowledged.
const FLOWING: &str = "> S 1000000 w900 = pass initial
    < SA 3000000:1000001 w700 = pass
    > A 1000001:3000001 w900 = pass established
    > AP 1000001:3000001 +500 w900 = pass
    < AP 3000001:1000501 +500 w700 = pass
    > A 1000501:3000501 w900 = pass";

fn after(start: &str, rules: &TcpRules, script: &str) {
    check(rules, &format!("{start}\n{script}"));
}

/// Bound I: one more than granted, for the probe of a closed window.
#[test]
fn data_up_to_what_is_granted() {
    for (segment, outcome) in [
        ("> A 1000001:3000001 +700", "pass"),
        ("> A 1000001:3000001 +701", "pass"),
        ("> A 1000001:3000001 +702", "out-of-window"),
        ("> A 1000702:3000001", "pass"),
        ("> A 1000703:3000001", "out-of-window"),
        ("> A 1000701:3000001 +1", "pass"),
        ("> A 9000000:3000001 +1", "out-of-window"),
        ("> A 3147483647:3000001", "out-of-window"),
        ("< A 3000001:1000001 +901", "pass"),
        ("< A 3000001:1000001 +902", "out-of-window"),
    ] {
        after(OPEN, &junos(), &format!("{segment} = {outcome}"));
    }
}

/// Bound II: not further behind the acknowledged than twice the largest window, at least 65536.
#[test]
fn data_that_were_acknowledged() {
    for (segment, outcome) in [
        ("> A 1000001:3000501 +500", "pass"),
        ("> A 1000500:3000501", "pass"),
        ("> A 1000500:3000501 +1", "pass"),
        ("> A 934965:3000501", "pass"),
        ("> A 934964:3000501", "out-of-window"),
        ("> A 934864:3000501 +101", "pass"),
        ("> A 0:3000501 +10", "out-of-window"),
    ] {
        after(FLOWING, &junos(), &format!("{segment} = {outcome}"));
    }
}

/// Bound III: nothing that was not seen.
#[test]
fn acknowledgement_of_what_was_never_sent() {
    for (segment, outcome) in [
        ("> A 1000501:3000501", "pass"),
        ("> A 1000501:3000502", "ack-out-of-window"),
        ("< A 3000501:1000501", "pass"),
        ("< A 3000501:1000502", "ack-out-of-window"),
        ("< A 3000501:2147483647", "ack-out-of-window"),
        ("< AP 3000501:1000502 +5", "ack-out-of-window"),
    ] {
        after(FLOWING, &junos(), &format!("{segment} = {outcome}"));
    }
}

/// Bound IV.
#[test]
fn acknowledgement_of_long_ago() {
    for (segment, outcome) in [
        ("> A 1000501:3000001", "pass"),
        ("> A 1000501:2934965", "pass"),
        ("> A 1000501:2934964", "ack-out-of-window"),
        ("< A 3000501:934965", "pass"),
        ("< A 3000501:934964", "ack-out-of-window"),
    ] {
        after(FLOWING, &junos(), &format!("{segment} = {outcome}"));
    }
}

#[test]
fn sack_blocks_are_about_what_was_sent() {
    let script = "> A 1000501:3000501 +200 = pass
        < A 3000501:1000501 k1000701 = pass
        < A 3000501:1000501 k1000702 = sack-out-of-window
        < A 3000501:1000501 k900000 = pass";
    after(FLOWING, &junos(), script);
}

#[test]
fn a_window_that_shrinks_takes_nothing_back() {
    let script = "< A 3000501:1000501 w0 = pass
        > A 1000501:3000501 +700 = pass
        > A 1001202:3000501 +1 = out-of-window
        < A 3000501:1001201 w0 = pass
        > A 1001201:3000501 +1 = pass
        > A 1001202:3000501 +1 = out-of-window
        < A 3000501:1001201 w10 = pass
        > A 1001201:3000501 +11 = pass
        > A 1001200:3000501 = pass";
    after(FLOWING, &junos(), script);
}

/// RFC 7323 2.2: scaled when both SYNs offer it, and never in a SYN.
#[test]
fn windows_are_scaled_when_both_offered() {
    for (a, b, scaled) in [("s3", "s2", true), ("s3", "", false), ("", "s2", false), ("", "", false)] {
        let (limit_a, limit_b) = if scaled { (4000, 8000) } else { (1000, 1000) };
        let open = format!(
            "> S 1000 w1000 {a} = pass initial
             < SA 3000:1001 w1000 {b} = pass
             > AP 1001:3001 +1002 = out-of-window
             > A 1001:3001 w1000 = pass established
             < A 3001:1001 w1000 = pass"
        );
        after(&open, &junos(), &format!("> A 1001:3001 +{} = pass", limit_a + 1));
        after(&open, &junos(), &format!("> A 1001:3001 +{} = out-of-window", limit_a + 2));
        after(&open, &junos(), &format!("< A 3001:1001 +{} = pass", limit_b + 1));
        after(&open, &junos(), &format!("< A 3001:1001 +{} = out-of-window", limit_b + 2));
    }
}

/// Sequence numbers wrap in the middle of a window.
#[test]
fn numbers_wrap() {
    let script = "> S 4294967290 = pass initial
        < SA 4294967000:4294967291 w700 = pass
        > A 4294967291:4294967001 w900 = pass established
        > A 4294967291:4294967001 +700 = pass
        < A 4294967001:695 +900 w700 = pass
        > A 695:605 = pass
        > A 1397:605 = out-of-window
        < A 605:696 = ack-out-of-window
        < A 605:4294967295 = pass";
    check(&junos(), script);
}

#[test]
fn flags_that_cannot_stand_in_a_conversation() {
    for flags in ["-", "F", "SF", "SR", "SFA", "RF", "U", "P"] {
        after(FLOWING, &junos(), &format!("> {flags} 1000501:3000501 = bad-flags"));
        let unchecked = TcpRules { sequence: Sequence::Unchecked, ..junos() };
        after(FLOWING, &unchecked, &format!("> {flags} 1000501:3000501 = bad-flags"));
    }
    after(FLOWING, &junos(), "> AU 1000501:3000501 +1 = pass");
    after(FLOWING, &junos(), "> APU 1000501:3000501 +1 = pass");
}

#[test]
fn a_close_from_one_side_and_the_other() {
    let script = "> AF 1000501:3000501 = pass half-closed
        < A 3000501:1000502 = pass
        < AP 3000501:1000502 +300 = pass
        state HalfClosed
        > A 1000502:3000801 = pass
        > AP 1000502:3000801 +1 = after-fin
        < AF 3000801:1000502 = pass closing
        > A 1000502:3000802 = pass time-wait
        < AF 3000801:1000502 = pass
        > A 1000502:3000802 = pass
        state TimeWait";
    after(FLOWING, &junos(), script);
}

/// RFC 9293 figure 13.
#[test]
fn a_simultaneous_close() {
    let script = "> AF 1000501:3000501 = pass half-closed
        < AF 3000501:1000501 = pass closing
        > A 1000502:3000502 = pass
        state Closing
        < A 3000502:1000502 = pass time-wait";
    after(FLOWING, &junos(), script);
}

/// A FIN before the data it follows; a FIN with data; a FIN that data contradict.
#[test]
fn fins_out_of_order() {
    let script = "> AF 1000601:3000501 = pass half-closed
        > AP 1000501:3000501 +100 = pass
        < A 3000501:1000501 = pass
        < A 3000501:1000602 = pass
        < AFP 3000501:1000602 +40 = pass closing
        > A 1000602:3000542 = pass time-wait";
    after(FLOWING, &junos(), script);
    let forged = "> AF 1000501:3000501 = pass half-closed
        > AP 1000501:3000501 +100 = pass established
        < A 3000501:1000601 = pass
        state Established
        > AF 1000550:3000501 = pass
        state Established";
    after(FLOWING, &junos(), forged);
}

#[test]
fn port_reuse_in_time_wait() {
    let closed = format!(
        "{FLOWING}
        > AF 1000501:3000501 = pass half-closed
        < AF 3000501:1000502 = pass closing
        > A 1000502:3000502 = pass time-wait"
    );
    after(&closed, &junos(), "> S 1000503 = anew");
    after(&closed, &junos(), "< S 3000503 = anew");
    // A lower number: the end in TIME-WAIT decides, by timestamps.
    after(&closed, &junos(), "> S 1000502 = pass\n < A 3000502:1000502 = pass\n state TimeWait");
    after(
        &closed,
        &junos(),
        "> S 5 = pass\n < SA 900000000:6 = pass initial\n > A 6:900000001 = pass established",
    );
    after(&closed, &junos(), "< SA 900000000:6 = syn-in-window");
    after(&closed, &TcpRules { sequence: Sequence::Unchecked, ..junos() }, "> S 5 = anew");
    let closing =
        format!("{FLOWING}\n> AF 1000501:3000501 = pass half-closed\n< AF 3000501:1000501 = pass closing");
    after(&closing, &junos(), "> S 7000000 = anew");
    let half = format!("{FLOWING}\n> AF 1000501:3000501 = pass half-closed");
    after(&half, &junos(), "> S 7000000 = pass\n state HalfClosed");
}

/// Acknowledged are 1000501 and 3000501, 1000701 is sent, granted is 1001201.
#[test]
fn resets_by_place_and_rule() {
    let sent = format!("{FLOWING}\n> AP 1000501:3000501 +200 = pass");
    let checked = TcpRules { rst_sequence_check: true, ..junos() };
    let challenge = TcpRules { blind_attack: BlindAttack::Challenge, ..junos() };
    let unchecked = TcpRules { sequence: Sequence::Unchecked, ..junos() };
    let both = TcpRules { rst_sequence_check: true, ..unchecked };
    let doubt = "rst-not-expected answer 3000501:1000501:700";
    for (seq, by_default, by_check, by_challenge, by_unchecked, by_both) in [
        (1000501, "Reset", "Reset", "Reset", "Reset", "Reset"),
        (1000600, "Reset", "Reset", "Reset", "Reset", "Reset"),
        (1000701, "Reset", "Reset", "Reset", "Reset", "Reset"),
        (1000702, "Reset", doubt, doubt, "Reset", doubt),
        (1001202, "Reset", doubt, doubt, "Reset", doubt),
        (1001203, "rst-out-of-window", doubt, "rst-out-of-window", "Reset", doubt),
        (1000500, "Established", doubt, "Established", "Established", doubt),
        (934965, "Established", doubt, "Established", "Established", doubt),
        (934964, "rst-out-of-window", doubt, "rst-out-of-window", "Reset", doubt),
        (0, "rst-out-of-window", doubt, "rst-out-of-window", "Reset", doubt),
    ] {
        for (rules, expected) in [
            (junos(), by_default),
            (checked, by_check),
            (challenge, by_challenge),
            (unchecked, by_unchecked),
            (both, by_both),
        ] {
            for numbers in [format!("R {seq}"), format!("RA {seq}:3000501")] {
                let script = match expected {
                    "Reset" | "Established" => format!("> {numbers} = pass\n state {expected}"),
                    drop => format!("> {numbers} = {drop}\n state Established"),
                };
                after(&sent, &rules, &script);
            }
        }
    }
}

#[test]
fn what_ends_a_session_at_once() {
    let rst = TcpRules { rst_invalidate_session: true, ..junos() };
    after(FLOWING, &rst, "> R 1000501 = pass end-rst");
    after(FLOWING, &rst, "< RA 3000501:1000501 = pass end-rst");
    after(FLOWING, &rst, "> R 1000500 = pass");
    after(FLOWING, &rst, "> R 5 = rst-out-of-window");
    after(FLOWING, &rst, "> AF 1000501:3000501 = pass half-closed");
    check(&rst, "> S 100 = pass initial\n < RA 0:101 = pass end-rst");
    let exact = TcpRules { rst_sequence_check: true, ..rst };
    after(FLOWING, &exact, "> R 1000502 = rst-not-expected answer 3000501:1000501:700");
    after(FLOWING, &exact, "> R 1000501 = pass end-rst");
    let fin = TcpRules { fin_invalidate_session: true, ..junos() };
    after(FLOWING, &fin, "> AF 1000501:3000501 = pass half-closed end-fin");
    after(FLOWING, &fin, "< AFP 3000501:1000501 +9 = pass half-closed end-fin");
    after(FLOWING, &fin, "> AF 9000000:3000501 = out-of-window");
    after(FLOWING, &fin, "> R 1000501 = pass");
}

/// What is expected of a conversation picked up may be anything that was granted.
#[test]
fn an_expected_reset_of_a_conversation_picked_up() {
    let rules = TcpRules { syn_check: SynCheck::Off, rst_sequence_check: true, ..junos() };
    let both = "> A 1000000:3000000 w20 = pass established\n < A 3000000:1000000 w20 = pass";
    after(both, &rules, "> R 1200000 = pass\n state Reset");
    after(both, &rules, "> R 9000000 = rst-not-expected answer 3000000:1000000:20");
}

/// The server refuses a new SYN without a number of its own; nobody else may.
#[test]
fn a_renewal_refused() {
    after(FLOWING, &junos(), "> S 70000000 = pass\n < RA 0:70000001 = pass\n state Established");
    after(FLOWING, &junos(), "< RA 0:70000001 = rst-out-of-window");
    after(FLOWING, &junos(), "> S 70000000 = pass\n > RA 0:70000001 = rst-out-of-window");
}

/// The answer to a bad segment grants what the other end did, in its own units.
#[test]
fn a_challenge_is_scaled() {
    let rules = TcpRules { rst_sequence_check: true, ..junos() };
    let script = "> S 1000000 s1 = pass initial
        < SA 3000000:1000001 w8000 s3 = pass
        > A 1000001:3000001 w500 = pass established
        < A 3000001:1000001 w2000 = pass
        > A 1000001:3000001 +800 = pass
        > R 1000900 = rst-not-expected answer 3000001:1000001:2000
        < A 3000001:1000801 w50 = pass
        > R 1000900 = rst-not-expected answer 3000001:1000801:1900";
    check(&rules, script);
}

/// More counts as granted where windows are learnt than the other end said: the answer shows no window that it never had. Spec: tcp-53.
#[test]
fn a_challenge_of_a_conversation_picked_up_shows_a_window_that_was_given() {
    let rules = TcpRules { syn_check: SynCheck::Off, blind_attack: BlindAttack::Challenge, ..junos() };
    let start = "> A 1000000:3000000 w500 = pass established";
    let doubtful = "> A 1000000:2147483648 = ack-out-of-window";
    let given = format!("< A 3000000:1000000 w20 = pass\n {doubtful} answer 3000000:1000000:20");
    after(start, &rules, &given);
    let more = format!(
        "< A 3000000:1000000 w20 = pass\n < A 3000000:1000000 w30 = pass\n {doubtful} answer 3000000:1000000:30"
    );
    after(start, &rules, &more);
    // It has told of none yet.
    after(start, &rules, &format!("< A 3000000:1000000 w0 = pass\n {doubtful}"));
}

/// A reset session keeps its timeout, and its ports are free.
#[test]
fn after_a_reset() {
    after(
        FLOWING,
        &junos(),
        "> R 1000501 = pass\n > R 1000501 = pass\n < A 3000501:1000501 = pass\n > S 5 = anew",
    );
    after(FLOWING, &junos(), "> R 1000501 = pass\n < S 5 = anew");
    let half = "> AF 1000501:3000501 = pass half-closed\n < R 3000501 = pass\n state Reset";
    after(FLOWING, &TcpRules { half_close: HalfClose::TimeWait, ..junos() }, half);
}

#[test]
fn without_a_sequence_check_everything_flows() {
    let unchecked = TcpRules { sequence: Sequence::Unchecked, ..junos() };
    let script = "> A 9000000:3000501 +10 = pass
        < A 8000000:77 = pass
        > A 5:5 k9 = pass
        < A 1:1000501 = pass
        state Established
        > AF 9:1 = pass half-closed";
    after(FLOWING, &unchecked, script);
    check(&unchecked, "> S 100 = pass initial\n < SA 300:5 = pass\n > A 9:9 = pass established");
}

#[test]
fn an_ack_of_nothing_is_challenged_on_demand() {
    let rules = TcpRules { blind_attack: BlindAttack::Challenge, ..junos() };
    let answer = "answer 3000501:1000501:700";
    after(FLOWING, &rules, &format!("> A 1000501:3000502 = ack-out-of-window {answer}"));
    after(FLOWING, &rules, &format!("> A 1000501:5 = ack-out-of-window {answer}"));
    after(FLOWING, &rules, "> A 9000000:3000501 = out-of-window");
}

/// Keepalive with and without its byte of rubbish (RFC 9293 3.8.4), a zero-window probe.
#[test]
fn segments_that_provoke_an_answer() {
    let script = "> A 1000500:3000501 = pass
        < A 3000501:1000501 = pass
        > A 1000500:3000501 +1 = pass
        < A 3000501:1000501 k1000501 = pass
        < A 3000500:1000501 = pass";
    after(FLOWING, &junos(), script);
}

/// Picked up in the middle: nothing that can be right is dropped.
#[test]
fn windows_learnt_in_the_middle() {
    let off = TcpRules { syn_check: SynCheck::Off, ..junos() };
    // The initial side's window is 20, scaled by who knows what; what it sends is known from its side alone.
    let start = "> A 1000000:3000000 w20 = pass established";
    for next in [
        "< A 3000000:1000000 +1400",
        "< A 3300000:1000000 +1400",
        "< A 2900000:1000000 +1400",
        "< A 3000000:1900000",
        "< A 3000000:200000",
        "> A 1000000:3000000 +60000",
        "> A 9000000:3000000 +1400",
        "> A 1000000:3300000 w20",
        "> A 999999:3000000 w20",
        "> R 1000000",
        "< R 3000000",
    ] {
        check(&off, &format!("{start}\n {next} = pass"));
    }
    for (next, reason) in [
        ("< A 2000000000:1000000", "out-of-window"),
        ("> A 3000000000:3000000", "out-of-window"),
        ("> A 1000000:2000000000", "ack-out-of-window"),
        ("< R 2000000000", "rst-out-of-window"),
    ] {
        check(&off, &format!("{start}\n {next} = {reason}"));
    }
    // Much may be on its way when the first segment is seen.
    check(&off, "> A 900000000:3000000 w20 = pass established\n < A 3000000:890000000 = pass");
    // Data sent before the first segment seen are acknowledged after it.
    let both = format!("{start}\n< A 3000000:1000000 w20 = pass");
    for next in ["> A 1000000:3200000 w20", "< A 3000000:1300000", "> A 1000000:3000000 k3200000"] {
        check(&off, &format!("{both}\n {next} = pass"));
    }
    check(
        &off,
        &format!(
            "{both}\n > AF 1000000:3000000 = pass half-closed\n < A 3000000:1000001 = pass\n < AF 3000000:1000001 = pass closing\n > A 1000001:3000001 = pass time-wait"
        ),
    );
}

#[test]
fn a_first_segment_that_is_an_answer_knows_one_scale() {
    let off = TcpRules { syn_check: SynCheck::Off, ..junos() };
    check(
        &off,
        "> SA 3000:1001 w100 s4 = pass initial
         < A 1001:3001 w100   = pass established
         > AP 3001:1001 +1400 = pass
         < A 1001:4401 w100   = pass",
    );
    // Without the option neither scales, and what is granted at least is all there is.
    check(
        &off,
        "> SA 3000:1001 w100   = pass initial
         < A 1001:3001 w100    = pass established
         > A 3001:1001 +1048577 = pass
         > A 3001:1001 +1200000 = out-of-window",
    );
    check(
        &off,
        "> SA 3000:1001 w100  = pass initial
         < A 1001:3001 w100   = pass established
         < A 1049001:3001     = pass
         < A 1050001:3001 +2000000 = out-of-window",
    );
}

/// Picked up at the SYN-ACK of a simultaneous open, which comes twice.
#[test]
fn answers_again_after_a_pick_up() {
    let off = TcpRules { syn_check: SynCheck::Off, ..junos() };
    check(
        &off,
        "> SA 3000:1001       = pass initial
         < SA 1000:3001       = pass established
         > SA 3000:1001       = pass
         < SA 1000:3001       = pass",
    );
    check(&off, "> A 3000:1001 = pass established\n > SA 2999:1001 = pass\n < SA 1000:3000 = pass");
    // A keepalive that repeats the number of the SYN.
    check(&off, "> A 3000:1001 +1 = pass established\n > SA 3000:1001 = pass");
}

/// A session of a peer: state and scales hold, numbers don't.
#[test]
fn a_session_taken_over() {
    let script = "taken over
        < A 2500000000:1800000000 +1400 w700 = pass
        > A 1800000000:2500001400 +100 w900 = pass
        > A 1800000100:2500001400 +100 w900 = pass
        < A 2500001400:1800000200 = pass
        > A 1000501:3000501 = out-of-window
        state Established";
    after(FLOWING, &junos(), script);
}

/// The rest of a fragmented segment is not seen, but acknowledged.
#[test]
fn the_first_fragment_of_a_segment() {
    let script = "> AP 1000501:3000501 +8 cut = pass
        < A 3000501:1001101 = pass
        > AP 1001101:3000501 +8 = pass";
    after(FLOWING, &junos(), script);
}
