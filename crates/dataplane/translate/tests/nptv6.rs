//! NPTv6 on whole packets (RFC 6296): nothing but an address changes, and errors quote what was sent.

mod oracle;

use oracle::{run, verified};
use ravelin_translate::{Direction, Nptv6, Refused, Unmappable};
use ravelin_types::{Addr, Family};
use ravelin_wire::build::{self, Ip, Payload};

const INSIDE: &str = "fd01:203:405:1::1234";
const OUTSIDE: &str = "2001:db8:1:d550::1234";
const PEER: &str = "2001:db8:ffff::1";

fn v6(text: &str) -> Addr {
    Addr::v6(text.parse::<std::net::Ipv6Addr>().unwrap().octets())
}

fn nptv6() -> Nptv6 {
    Nptv6::new((v6("fd01:203:405::"), 48), (v6("2001:db8:1::"), 48)).unwrap()
}

fn payloads() -> [Payload; 3] {
    [
        Payload::tcp_segment(1000, 80, 0x18, 1, 2, b"data"),
        Payload::udp(1000, 53, b"data"),
        Payload::icmp(Family::V6, 128, 0, 7 << 16, b"ping"),
    ]
}

// Proves: rfc6296-7, rfc6296-10.
#[test]
fn packets_keep_their_checksums() {
    for payload in payloads() {
        let inside = build::datagram(&Ip::v6(INSIDE, PEER), &payload);
        let outside = build::datagram(&Ip::v6(OUTSIDE, PEER), &payload);
        assert_eq!(inside[40..], outside[40..]);
        assert_eq!(run(&inside, |d| nptv6().translate(d, Direction::Outbound)), Ok(outside));
        let inside = build::datagram(&Ip::v6(PEER, INSIDE), &payload);
        let outside = build::datagram(&Ip::v6(PEER, OUTSIDE), &payload);
        assert_eq!(run(&outside, |d| nptv6().translate(d, Direction::Inbound)), Ok(inside));
    }
}

#[test]
fn an_address_that_can_not_be_mapped_is_told_with_its_place() {
    let packet = build::datagram(&Ip::v6("fd01:203:405:ffff::1", PEER), &payloads()[1]);
    let refused = run(&packet, |d| nptv6().translate(d, Direction::Outbound));
    assert_eq!(refused, Err(Refused::Unmappable { why: Unmappable::Subnet, at: 8 }));
    let packet = build::datagram(&Ip::v6(PEER, "2001:db8:1:ffff::1"), &payloads()[1]);
    let refused = run(&packet, |d| nptv6().translate(d, Direction::Inbound));
    assert_eq!(refused, Err(Refused::Unmappable { why: Unmappable::Subnet, at: 24 }));
}

// Proves: rfc6296-11.
#[test]
fn errors_quote_what_their_receiver_sent() {
    for payload in payloads() {
        let error = |src: &str, dst: &str, quote: &[u8]| {
            build::datagram(&Ip::v6(src, dst), &Payload::icmp(Family::V6, 1, 4, 0, quote))
        };
        let sent = |src: &str, dst: &str| build::datagram(&Ip::v6(src, dst), &payload);
        let arrives = error("2001:db8:2::1", OUTSIDE, &sent(OUTSIDE, PEER));
        let expected = error("2001:db8:2::1", INSIDE, &sent(INSIDE, PEER));
        let got = run(&arrives, |d| nptv6().translate_error(d, Direction::Inbound)).unwrap();
        verified(&got);
        assert_eq!(got, expected);
        let leaves = error(INSIDE, PEER, &sent(PEER, INSIDE));
        let expected = error(OUTSIDE, PEER, &sent(PEER, OUTSIDE));
        let got = run(&leaves, |d| nptv6().translate_error(d, Direction::Outbound)).unwrap();
        verified(&got);
        assert_eq!(got, expected);
    }
    let no_error = build::datagram(&Ip::v6(PEER, OUTSIDE), &payloads()[2]);
    let refused = run(&no_error, |d| nptv6().translate_error(d, Direction::Inbound));
    assert_eq!(refused, Err(Refused::NoCounterpart));
}
