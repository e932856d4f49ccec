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

/// The sum of 16-bit words of a checksum, written as it is in RFC 1071 and of nothing that the translator uses.
fn sums_to_zero(datagram: &[u8]) -> bool {
    let (header, payload) = datagram.split_at(40);
    let words = |bytes: &[u8]| -> u64 {
        let whole =
            bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0)));
        whole.sum()
    };
    let next = u64::from(header[6]);
    let sum = words(&header[8..]) + payload.len() as u64 + next + words(payload);
    sum.is_multiple_of(0xffff)
}

// Proves: rfc6296-7, rfc6296-9, rfc6296-10.
/// Every length of either prefix, with hosts whose words are zero, all ones and neither: the packet's checksum holds as it is, and
/// the way back gives the packet that was sent.
#[test]
fn checksums_hold_for_every_pair_of_lengths() {
    let (inside, outside) = (0xfd01_0203_0405_0607_u128 << 64, 0x2001_0db8_f1e2_d3c4_u128 << 64);
    let hosts: [u128; 6] = [
        1,
        0x1234_0000_0000_0000_0001,
        0x00a5_0000_ffff_ffff_ffff_fff0,
        0x7fff_ffff_ffff_ffff_fffe,
        0xfffe_ffff_0000_ffff_0001,
        0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
    ];
    let mut mapped = 0;
    for (len_in, len_out) in (1..=64u8).flat_map(|a| (1..=64u8).map(move |b| (a, b))) {
        let prefix = |bits: u128, len: u8| (Addr(bits & !(u128::MAX >> len)), len);
        let (own, other) = (prefix(inside, len_in), prefix(outside, len_out));
        let nptv6 = Nptv6::new(own, other).unwrap();
        // The shorter prefix is extended with zeros.
        let behind = u128::MAX >> len_in.max(len_out);
        for host in hosts {
            let src = Addr(own.0.0 | host & behind);
            for payload in payloads() {
                let sent = build::datagram(&Ip::new(Family::V6, src, v6(PEER)), &payload);
                assert!(sums_to_zero(&sent), "the oracle reads what the builder writes");
                let Ok(out) = run(&sent, |d| nptv6.translate(d, Direction::Outbound)) else { continue };
                assert!(sums_to_zero(&out), "/{len_in} to /{len_out}, host {host:x}");
                let mut answer = out.clone();
                answer.copy_within(8..24, 24);
                let back = run(&answer, |d| nptv6.translate(d, Direction::Inbound)).unwrap();
                assert_eq!(back[24..40], sent[8..24], "/{len_in} to /{len_out}, host {host:x}");
                mapped += 1;
            }
        }
    }
    assert!(mapped > 60_000, "{mapped}");
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
