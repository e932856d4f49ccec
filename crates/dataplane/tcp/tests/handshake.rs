//! Cells of the state machine up to the established conversation, and of the SYN rules.

mod script;

use ravelin_tcp::{Arrival, BlindAttack, Sequence, SynCheck, TcpRules};
use script::{check, run};

fn syn_check(syn_check: SynCheck) -> TcpRules {
    TcpRules { syn_check, ..TcpRules::default() }
}

fn junos() -> TcpRules {
    TcpRules::default()
}

/// RFC 9293 figure 6.
#[test]
fn a_handshake_takes_three_segments() {
    check(
        &junos(),
        "> S 100              = pass initial
         state SynSent
         < SA 300:101         = pass
         state SynReceived
         > A 101:301          = pass established
         state Established
         > AP 101:301 +10     = pass
         < A 301:111          = pass",
    );
}

// Proves: rfc5382-2.
/// RFC 9293 figure 7.
#[test]
fn a_simultaneous_open() {
    check(
        &junos(),
        "> S 100              = pass initial
         < S 300              = pass
         state SynReceived
         > SA 100:301         = pass
         state SynReceived
         < SA 300:101         = pass established
         > A 101:301          = pass
         < A 301:101          = pass",
    );
    check(
        &junos(),
        "> S 100 s7           = pass initial
         < S 300 s2           = pass
         < SA 300:101         = pass
         > A 101:301 w100     = pass established
         < AP 301:101 +12800  = pass
         < AP 13101:101 +2    = out-of-window",
    );
}

/// The first data may carry the ACK that completes the handshake, when the bare one was lost.
#[test]
fn data_completes_a_handshake() {
    for rules in [junos(), syn_check(SynCheck::Strict)] {
        check(
            &rules,
            "> S 100              = pass initial
             < SA 300:101         = pass
             > AP 101:301 +10     = pass established",
        );
    }
}

#[test]
fn what_opens_no_session() {
    for first in
        ["> A 1:1", "> SA 1:1", "> AF 1:1", "> R 1", "> RA 1:1", "> - 1", "> SF 1", "> SR 1", "> FPU 1"]
    {
        for rules in [junos(), syn_check(SynCheck::Strict), syn_check(SynCheck::OffInTunnel)] {
            check(&rules, &format!("{first} = not-syn"));
        }
    }
}

#[test]
fn the_syn_check_is_off_in_tunnels_alone() {
    let rules = syn_check(SynCheck::OffInTunnel);
    run(&rules, Arrival::Tunnel, "> A 1:1 = pass established");
    run(&rules, Arrival::Plain, "> A 1:1 = not-syn");
    run(&junos(), Arrival::Tunnel, "> A 1:1 = not-syn");
    for arrival in [Arrival::Tunnel, Arrival::Plain] {
        run(&syn_check(SynCheck::Off), arrival, "> A 1:1 = pass established");
    }
}

/// Even without a SYN check there is something that a session can't start with.
#[test]
fn no_syn_check_opens_on_what_a_conversation_can_hold() {
    for (first, outcome) in [
        ("> A 1:1 +10", "pass established"),
        ("> AF 1:1", "pass half-closed"),
        ("> SA 1:1", "pass initial"),
        ("> S 1", "pass initial"),
        ("> R 1", "not-syn"),
        ("> RA 1:1", "not-syn"),
        ("> - 1", "bad-flags"),
        ("> F 1", "bad-flags"),
        ("> SF 1", "bad-flags"),
        ("> SFA 1:1", "bad-flags"),
    ] {
        check(&syn_check(SynCheck::Off), &format!("{first} = {outcome}"));
    }
}

#[test]
fn only_the_right_answer_moves_a_session_on() {
    for (segment, outcome) in [
        ("> A 101:1", "not-established"),
        ("> AP 101:1 +10", "not-established"),
        ("> AF 101:1", "not-established"),
        ("> SA 100:301", "not-established"),
        ("< AP 301:101 +10", "not-established"),
        ("< AF 301:101", "not-established"),
        ("< SA 300:100", "ack-out-of-window"),
        ("< SA 300:102", "ack-out-of-window"),
        ("< SA 300:0", "ack-out-of-window"),
        ("< SF 300", "bad-flags"),
        ("< F 300", "bad-flags"),
    ] {
        check(&junos(), &format!("> S 100 = pass initial\n {segment} = {outcome}\n state SynSent"));
    }
    for (segment, outcome) in [
        ("> A 101:300", "ack-out-of-window"),
        ("> A 101:302", "ack-out-of-window"),
        ("> A 5000:301", "out-of-window"),
        ("< SA 300:102", "ack-out-of-window"),
        ("< A 301:102", "ack-out-of-window"),
    ] {
        let handshake = "> S 100 = pass initial\n < SA 300:101 = pass";
        check(&junos(), &format!("{handshake}\n {segment} = {outcome}\n state SynReceived"));
    }
}

#[test]
fn retransmissions_in_the_handshake() {
    check(
        &junos(),
        "> S 100              = pass initial
         > S 100              = pass
         < SA 300:101         = pass
         > S 100              = pass
         < SA 300:101         = pass
         > A 101:301          = pass established
         < SA 300:101         = pass
         > A 101:301          = pass
         > S 100              = pass
         state Established
         < AP 301:101 +10     = pass",
    );
}

/// A client that starts again before it was answered.
#[test]
fn a_syn_with_another_number_before_the_answer_counts() {
    check(
        &junos(),
        "> S 100              = pass initial
         > S 9000             = pass
         < SA 300:101         = ack-out-of-window
         < SA 300:9001        = pass
         > A 9001:301         = pass established",
    );
}

/// A client that starts again after it was answered: the server says where it stands, the client
/// resets that, and its next SYN is free (RFC 9293 3.5.1, 3.10.7.4).
#[test]
fn a_syn_with_another_number_after_the_answer() {
    check(
        &junos(),
        "> S 100              = pass initial
         < SA 300:101         = pass
         > S 9000             = pass
         < A 301:101          = pass
         > R 101              = pass
         state Reset
         > S 9000             = anew",
    );
    // A server without memory answers the new one straight.
    check(
        &junos(),
        "> S 100              = pass initial
         < SA 300:101         = pass
         > S 9000000          = pass
         < SA 7000000:9000001 = pass
         > A 9000001:7000001  = pass established
         > A 101:301          = out-of-window",
    );
}

/// SYN cookies change with time: each copy of the SYN may get another number, and the client
/// takes whichever comes first to it.
#[test]
fn two_answers_with_different_numbers() {
    let both = "> S 100 = pass initial\n > S 100 = pass\n < SA 300:101 = pass\n < SA 9000:101 = pass";
    check(
        &junos(),
        &format!(
            "{both}
             > A 101:301          = pass established
             < AP 301:101 +10     = pass
             < AP 9001:101 +10    = out-of-window"
        ),
    );
    check(
        &junos(),
        &format!(
            "{both}
             > A 101:9001         = pass established
             < AP 9001:101 +10    = pass
             > A 101:9011         = pass"
        ),
    );
    check(&junos(), &format!("{both}\n > A 101:5000000 = ack-out-of-window"));
}

/// RFC 9293 figure 9: the server holds an older connection.
#[test]
fn a_half_open_connection_is_reset_by_the_client() {
    check(
        &junos(),
        "> S 400              = pass initial
         < A 300:100          = pass
         state SynSent
         > R 101              = rst-out-of-window
         > R 100              = pass
         state SynSent
         > S 400              = pass
         < SA 900:401         = pass
         > A 401:901          = pass established",
    );
}

/// The same with an established session: the client was restarted.
#[test]
fn a_restarted_client_recovers_its_ports() {
    let open = "> S 100 = pass initial\n < SA 300:101 = pass\n > A 101:301 = pass established";
    check(
        &junos(),
        &format!(
            "{open}
             > S 70000000         = pass
             < A 301:101          = pass
             > R 101              = pass
             > S 70000000         = anew"
        ),
    );
    // Both ends have forgotten; the session has not.
    check(
        &junos(),
        &format!(
            "{open}
             > S 70000000 s7      = pass
             < SA 80000000:70000001 s5 = pass initial
             > A 70000001:80000001 w10 = pass established
             < AP 80000001:70000001 +1280 = pass
             > AP 101:301 +5      = out-of-window"
        ),
    );
    // The server is gone altogether.
    check(
        &junos(),
        &format!(
            "{open}
             > S 70000000         = pass
             < RA 0:70000001      = pass
             state Established"
        ),
    );
    // Nobody asked for that answer.
    check(&junos(), &format!("{open}\n < SA 80000000:70000001 = syn-in-window\n state Established"));
    // The old client lives: the SYN was forged, and an answer to it is none.
    check(
        &junos(),
        &format!(
            "{open}
             > S 70000000         = pass
             > AP 101:301 +5      = pass
             < SA 80000000:70000001 = syn-in-window
             < A 301:106          = pass"
        ),
    );
}

#[test]
fn a_refused_connection() {
    check(&junos(), "> S 100 = pass initial\n < RA 0:101 = pass\n state Reset\n > S 200 = anew");
    check(&junos(), "> S 100 = pass initial\n < RA 0:100 = rst-out-of-window\n state SynSent");
    check(&junos(), "> S 100 = pass initial\n < R 0 = rst-out-of-window\n state SynSent");
    check(&junos(), "> S 100 = pass initial\n < R 0:101 = rst-out-of-window\n state SynSent");
    check(&junos(), "> S 100 = pass initial\n > R 101 = pass\n state Reset");
    let answered = "> S 100 = pass initial\n < SA 300:101 = pass";
    check(&junos(), &format!("{answered}\n > R 101 = pass\n state Reset"));
    check(&junos(), &format!("{answered}\n < RA 301:101 = pass\n state Reset"));
    check(&junos(), &format!("{answered}\n < RA 0:101 = pass\n state Reset"));
    check(&junos(), &format!("{answered}\n < RA 50000000:101 = rst-out-of-window"));
}

/// RFC 7413: data on the SYN, and the server's before the client's ACK.
#[test]
fn fast_open() {
    check(
        &junos(),
        "> S 100 +50          = pass initial
         < SA 300:151 +20     = pass
         < AP 321:151 +30     = pass
         state SynReceived
         > A 151:351          = pass established",
    );
    // The server took no data.
    check(
        &junos(),
        "> S 100 +50          = pass initial
         > S 100              = pass
         < SA 300:101         = pass
         > AP 101:301 +50     = pass established
         < A 301:151          = pass",
    );
    check(&junos(), "> S 100 +50 = pass initial\n < SA 300:152 = ack-out-of-window");
    check(&junos(), "> S 100 = pass initial\n > S 100 +50 = pass\n < SA 300:151 = pass");
}

/// Data on the SYN were more than the answer's window has room for; the SYN may come again.
#[test]
fn early_data_beyond_the_window() {
    check(
        &junos(),
        "> S 100 +700         = pass initial
         < SA 300:101 w600    = pass
         > A 101:301 +700     = pass established
         > A 101:301 +702     = out-of-window",
    );
    check(
        &junos(),
        "> S 100 w600         = pass initial
         < SA 300:101 +700    = pass
         < SA 300:101 +700    = pass
         > A 101:901          = pass established",
    );
}

/// The same when both open: the data come again with the SYN-ACK.
#[test]
fn early_data_of_a_simultaneous_open() {
    check(
        &junos(),
        "> S 100 +700         = pass initial
         < S 300 w600 +5      = pass
         > SA 100:306 +700    = pass
         < SA 300:801         = pass established",
    );
}

/// The ACK was lost before it came by, then its sender gave up: the answer still comes again.
#[test]
fn an_answer_after_a_reset_in_the_handshake() {
    check(
        &junos(),
        "> S 100              = pass initial
         < SA 300:101         = pass
         > RA 101:301         = pass
         state Reset
         < SA 300:101         = pass
         > R 101              = pass
         > S 100              = anew",
    );
}

#[test]
fn strict_syn_check_lets_no_data_through_before_the_handshake_is_complete() {
    let strict = syn_check(SynCheck::Strict);
    check(&strict, "> S 100 +50 = not-established");
    check(&strict, "> S 100 = pass initial\n > S 100 +50 = not-established");
    check(&strict, "> S 100 = pass initial\n < SA 300:101 +20 = not-established\n state SynSent");
    check(
        &strict,
        "> S 100              = pass initial
         < SA 300:101         = pass
         < AP 301:101 +20     = not-established
         > A 101:301          = pass established
         < AP 301:101 +20     = pass",
    );
}

/// With the SYN check off the answer may go another way; the windows are then learnt.
#[test]
fn an_answer_that_went_another_way() {
    let off = syn_check(SynCheck::Off);
    check(
        &off,
        "> S 100              = pass initial
         > A 101:301          = pass established
         > AP 101:301 +5000   = pass
         < AP 301:101 +9000   = pass",
    );
    check(&off, "> S 100 = pass initial\n < AP 301:101 +10 = pass established");
    check(&off, "> S 100 = pass initial\n < AP 301:999 +10 = not-established");
    let unchecked = TcpRules { sequence: Sequence::Unchecked, ..junos() };
    check(&unchecked, "> S 100 = pass initial\n > A 101:301 = pass\n state SynSent");
}

#[test]
fn a_challenge_keeps_syns_from_an_open_conversation() {
    let rules = TcpRules { blind_attack: BlindAttack::Challenge, ..junos() };
    let open = "> S 100 = pass initial\n < SA 300:101 w700 = pass\n > A 101:301 w900 = pass established";
    for syn in ["> S 70000000", "> S 101", "> S 100"] {
        check(&rules, &format!("{open}\n {syn} = syn-in-window answer 301:101:700\n state Established"));
    }
    check(&rules, &format!("{open}\n < S 5 = syn-in-window answer 101:301:1000"));
    check(&rules, &format!("{open}\n < SA 7000:101 = syn-in-window answer 101:301:1000"));
    check(&rules, &format!("{open}\n < SA 300:101 = pass"));
}
