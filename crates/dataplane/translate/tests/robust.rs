//! Bytes from outside: cut anywhere, damaged anywhere, made up. Nothing panics, and what comes out right went in right.

mod oracle;

use oracle::{HEADROOM, read, run};
use proptest::prelude::*;
use ravelin_translate::siit::{Rules, error_to_ipv4, error_to_ipv6, to_ipv4, to_ipv6};
use ravelin_translate::{Datagram, Direction, Ends, Nptv6, Pieces, Ports, Refused, rewrite_error};
use ravelin_types::{Addr, Family};
use ravelin_wire::build::{self, Ip, Payload};

fn four() -> (Addr, Addr) {
    (Addr::v4([192, 0, 2, 1]), Addr::v4([198, 51, 100, 2]))
}

fn six() -> (Addr, Addr) {
    (Addr(0x2001_0db8 << 96 | 1), Addr(0x0064_ff9b << 96 | 0xc633_6402))
}

fn nptv6() -> Nptv6 {
    Nptv6::new((Addr(0x2001_0db8 << 96), 48), (Addr(0x2001_0db9 << 96), 48)).unwrap()
}

fn samples() -> Vec<Vec<u8>> {
    let payloads = |family: Family| {
        let echo = if family == Family::V4 { 8 } else { 128 };
        [
            Payload::tcp_segment(1000, 80, 0x18, 1, 2, b"payload"),
            Payload::udp(1000, 53, b"payload"),
            Payload::icmp(family, echo, 0, 7 << 16, b"payload"),
        ]
    };
    let mut all = Vec::new();
    for (ip, kind) in [
        (Ip::new(Family::V4, four().0, four().1), 11),
        (Ip::new(Family::V6, six().0, six().1), 3),
        (Ip::new(Family::V6, six().0, six().1).with_extensions(2), 3),
    ] {
        for payload in payloads(ip.family) {
            let datagram = build::datagram(&ip, &payload);
            let mut quote = datagram.clone();
            quote.resize(136, 0);
            quote.extend_from_slice(&[0x20, 0, 0, 0, 0, 8, 1, 1, 1, 2, 3, 4]);
            let length = if ip.family == Family::V4 { 34 << 16 } else { 17 << 24 };
            all.push(build::datagram(&ip, &Payload::icmp(ip.family, kind, 0, length, &quote)));
            all.push(build::datagram(&ip, &Payload::icmp(ip.family, kind, 0, 0, &datagram)));
            all.push(datagram);
        }
    }
    all
}

/// Every translator on the bytes, with what came out. Each gets the bytes as they are.
fn every(bytes: &[u8]) -> Vec<Result<Vec<u8>, Refused>> {
    let rules = Rules::default();
    let ports = Ports::Both { src: 4000, dst: 5000 };
    let (ends4, ends6) =
        (Ends { src: four().0, dst: four().1, ports }, Ends { src: six().0, dst: six().1, ports });
    let id = Ends { ports: Ports::Identifier(9), ..ends6 };
    vec![
        run(bytes, |d| to_ipv6(d, &ends6, &rules)),
        run(bytes, |d| to_ipv6(d, &id, &rules)),
        run(bytes, |d| to_ipv4(d, &ends4, 1, &rules)),
        run(bytes, |d| error_to_ipv6(d, six(), &ends6, &rules)),
        run(bytes, |d| error_to_ipv4(d, four(), &ends4, 1, &rules)),
        run(bytes, |d| rewrite_error(d, Family::V4, four(), &ends4)),
        run(bytes, |d| rewrite_error(d, Family::V6, six(), &ends6)),
        run(bytes, |d| nptv6().translate(d, Direction::Outbound)),
        run(bytes, |d| nptv6().translate_error(d, Direction::Outbound)),
        run(bytes, |d| nptv6().translate_error(d, Direction::Inbound)),
    ]
}

#[test]
fn every_sample_passes_some_translator() {
    for (i, bytes) in samples().iter().enumerate() {
        let passed = every(bytes).into_iter().flatten().count();
        assert!(passed > 0, "sample {i}");
    }
}

// Proves: rfc7915-1.
#[test]
fn a_datagram_cut_anywhere_is_refused_and_left_alone() {
    for bytes in samples() {
        for len in 0..bytes.len() {
            for result in every(&bytes[..len]) {
                assert!(result.is_err(), "{len} of {} bytes were taken", bytes.len());
            }
        }
    }
}

/// The declared length follows the cut, as if a router had cut and mended it: what is passed on holds.
#[test]
fn a_shorter_datagram_never_leaves_with_a_wrong_checksum() {
    for bytes in samples() {
        let header = if bytes[0] >> 4 == 4 { 20 } else { 40 };
        for len in header..bytes.len() {
            let ip = if header == 20 {
                Ip::new(Family::V4, four().0, four().1)
            } else {
                Ip::new(Family::V6, six().0, six().1)
            };
            // Built anew, so that its own checksum holds where it has one.
            let proto = bytes[if header == 20 { 9 } else { 6 }];
            if !matches!(proto, 1 | 6 | 17 | 58) || len < header + 20 {
                continue;
            }
            let mut body = bytes[header..len].to_vec();
            if proto == 17 {
                body[4..6].copy_from_slice(&((len - header) as u16).to_be_bytes());
            }
            let whole = build::datagram(&ip, &Payload::raw(ravelin_types::Proto(proto), &body));
            for out in every(&whole).into_iter().flatten() {
                assert!(read(&out, false).holds(), "{len} of {}", bytes.len());
            }
        }
    }
}

#[test]
fn no_room_is_told_at_every_room() {
    for bytes in samples() {
        for room in 0..HEADROOM {
            let mut buf = vec![0; room];
            buf.extend_from_slice(&bytes);
            let ends = Ends::new(six().0, six().1);
            for error in [false, true] {
                let mut copy = buf.clone();
                let mut datagram = Datagram::new(&mut copy, room..room + bytes.len()).unwrap();
                let rules = Rules::default();
                let result = if error {
                    error_to_ipv6(&mut datagram, six(), &ends, &rules)
                } else {
                    to_ipv6(&mut datagram, &ends, &rules)
                };
                match result {
                    Ok(_) => assert!(read(datagram.bytes(), false).holds()),
                    Err(_) => assert_eq!(datagram.bytes(), bytes),
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2000), ..ProptestConfig::default() })]

    #[test]
    fn damage_never_panics(which in 0usize..27, changes in prop::collection::vec((0usize..400, any::<u8>()), 1..4), len in 0usize..400) {
        let mut bytes = samples()[which].clone();
        for (at, value) in changes {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        bytes.truncate(len.max(1));
        every(&bytes);
        let _ = Pieces::of(&bytes, 100).map(|mut p| while p.write_next(&mut [0; 100]).is_some() {});
    }

    /// An error with a quote of any bytes, its own checksum right: what is passed on holds.
    #[test]
    fn errors_with_any_quote_hold(
        v6: bool, kind in 0u8..13, code in 0u8..16, rest: u32, mut quote in prop::collection::vec(any::<u8>(), 0..300),
        header in 0usize..9, at in 0usize..40, value: u8,
    ) {
        let sample = &samples()[header * 3 + 2];
        let keep = sample.len().min(quote.len());
        quote[..keep].copy_from_slice(&sample[..keep]);
        if let Some(byte) = quote.get_mut(at) { *byte = value; }
        let ip = if v6 { Ip::new(Family::V6, six().0, six().1) } else { Ip::new(Family::V4, four().0, four().1) };
        let error = build::datagram(&ip, &Payload::icmp(ip.family, kind, code, rest, &quote));
        for out in every(&error).into_iter().flatten() {
            prop_assert!(read(&out, false).holds());
        }
    }

    #[test]
    fn bytes_made_up_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), v6: bool) {
        if let Some(first) = bytes.first_mut() { *first = if v6 { 0x60 } else { 0x45 }; }
        every(&bytes);
    }
}
