//! Segment sizes that SYNs announce, lowered by policy. Spec: tcp-42, tcp-43.

use crate::kit::{A, Ground, S, Side, tcp};
use ravelin_conformance::bench::Setup;

const INSIDE: Side = Side { port: "ge-0/0/0", host: "10.1.0.2" };
const OUTSIDE: Side = Side { port: "ge-0/0/1", host: "198.51.100.2" };
const BASE: &str = include_str!("../../configs/outbound.conf");
const OUT: &str = "set security policies from-zone trust to-zone untrust policy out then permit tcp-options";
/// The option: 1460.
const MSS: [u8; 4] = [2, 4, 5, 0xb4];

/// The sizes that arrive of a SYN and of its answer that announce 1460 each.
#[track_caller]
fn check(statements: &str, expected: (u16, u16)) {
    for (client, server) in
        [("10.1.0.2:4000", "198.51.100.2:80"), ("[2001:db8:1::2]:4000", "[2001:db8:2::2]:80")]
    {
        let mut ground = Ground::new(&format!("{BASE}{statements}"), Setup::default());
        let arrived =
            |segment: &crate::kit::Tcp| u16::from_be_bytes([segment.options[2], segment.options[3]]);
        let mut syn = tcp(client, server, S, 1000, 0);
        syn.options = MSS.to_vec();
        let there = ground.send(&INSIDE, &syn);
        let mut answer = tcp(server, client, S | A, 5000, 1001);
        answer.options = MSS.to_vec();
        let back = ground.send(&OUTSIDE, &answer);
        assert_eq!((arrived(&there[0].1), arrived(&back[0].1)), expected, "{client}: {statements}");
    }
}

#[test]
fn a_policy_goes_before_all_tcp_each_way_by_itself() {
    check("", (1460, 1460));
    check("set security flow tcp-mss all-tcp mss 1300\n", (1300, 1300));
    check(&format!("{OUT} initial-tcp-mss 1200\n"), (1200, 1460));
    check(&format!("{OUT} reverse-tcp-mss 1100\n"), (1460, 1100));
    let all = "set security flow tcp-mss all-tcp mss 1300\n";
    check(&format!("{all}{OUT} initial-tcp-mss 1200\n"), (1200, 1300));
    // Higher than that of all, and still never above what was announced.
    check(&format!("{all}{OUT} initial-tcp-mss 1400\n{OUT} reverse-tcp-mss 9000\n"), (1400, 1460));
}
