//! Packets of every kind, cut at every byte: in the frame, and with the lengths in their headers cut to fit. Nothing
//! panics, each is counted once, nothing leaves that no parser takes, and no session is left when they are over.

use std::time::Duration;

use ravelin_conformance::bench::{Bench, Setup, Simulator};
use ravelin_engine::{Ingress, Verdict};
use ravelin_model::load;
use ravelin_types::{Family, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{TcpFlags, checksum, parse, put_u16};

const CONFIG: &str = "\
set interfaces ge-0/0/0 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:1::1/64
set interfaces ge-0/0/1 unit 0 family inet address 198.51.100.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:2::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone trust host-inbound-traffic system-services any-service
set security zones security-zone trust screen all
set security zones security-zone untrust interfaces ge-0/0/1.0
set security screen ids-option all alarm-without-drop
set security screen ids-option all icmp large
set security screen ids-option all icmp fragment
set security screen ids-option all icmp ping-death
set security screen ids-option all icmp icmpv6-malformed
set security screen ids-option all icmp flood
set security screen ids-option all ip bad-option
set security screen ids-option all ip record-route-option
set security screen ids-option all ip unknown-protocol
set security screen ids-option all ip ipv6-malformed-header
set security screen ids-option all ip ipv6-extension-header-limit 3
set security screen ids-option all ip tunnel gre gre-4in4
set security screen ids-option all ip tunnel ip-in-udp teredo
set security screen ids-option all ip tunnel ipip ipip-6in4
set security screen ids-option all ip tunnel bad-inner-header
set security screen ids-option all tcp tcp-no-flag
set security screen ids-option all tcp winnuke
set security screen ids-option all udp flood
set security policies default-policy permit-all
set security nat source rule-set out from zone trust
set security nat source rule-set out to zone untrust
set security nat source rule-set out rule r match source-address 10.1.0.0/25
set security nat source rule-set out rule r then source-nat interface
";

/// Frames whole, by what they are.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let v4 = Ip::v4([10, 1, 0, 2], [198, 51, 100, 2]);
    let plain = Ip::v4([10, 1, 0, 200], [198, 51, 100, 2]);
    let v6 = Ip::v6("2001:db8:1::2", "2001:db8:2::2");
    let quoted = build::datagram(&plain, &Payload::udp(1000, 53, b"quoted"));
    let inner = build::datagram(&v4, &Payload::udp(7, 7, b"inner"));
    let inner6 = build::datagram(&v6, &Payload::udp(7, 7, b"inner"));
    let gre = [&[0, 0, 8, 0][..], &inner].concat();
    let mut syn = Payload::tcp(1000, 80, TcpFlags::SYN);
    syn.bytes.splice(20..20, [2, 4, 5, 180, 3, 3, 7, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    syn.bytes[12] = 10 << 4;
    let mut options = build::frame(&v4, &Payload::udp(1002, 53, b"options"));
    options.splice(34..34, [7, 7, 4, 0, 0, 0, 0, 0]);
    options[14] = 0x47;
    fit(&mut options, Family::V4);
    vec![
        ("SYN with options", build::frame(&v4, &syn)),
        ("SYN without NAT", build::frame(&plain, &Payload::tcp(1001, 80, TcpFlags::SYN))),
        ("UDP", build::frame(&v4, &Payload::udp(1000, 53, b"payload"))),
        ("UDP without NAT", build::frame(&plain, &Payload::udp(1000, 53, b"quoted"))),
        ("IPv4 options", options),
        ("echo", build::frame(&v4, &Payload::icmp(Family::V4, 8, 0, 7 << 16, b"payload"))),
        ("an error", build::frame(&plain, &Payload::icmp(Family::V4, 3, 3, 0, &quoted))),
        (
            "a first fragment",
            build::frame(&Ip { fragment: 0x2000, id: 9, ..plain.clone() }, &Payload::udp(3, 4, &[0; 24])),
        ),
        (
            "a later fragment",
            build::frame(&Ip { fragment: 4, id: 9, ..plain.clone() }, &Payload::raw(Proto::UDP, &[0; 24])),
        ),
        ("GRE", build::frame(&v4, &Payload::raw(Proto::GRE, &gre))),
        ("ESP", build::frame(&v4, &Payload::raw(Proto::ESP, &[9; 24]))),
        (
            "AH",
            build::frame(
                &v4,
                &Payload::raw(
                    Proto::AH,
                    &[17, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
                ),
            ),
        ),
        (
            "SCTP",
            build::frame(
                &plain,
                &Payload::raw(Proto(132), &[0, 5, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 4]),
            ),
        ),
        ("IPv6 in IPv4", build::frame(&plain, &Payload::raw(Proto(41), &inner6))),
        ("Teredo", build::frame(&plain, &Payload::udp(3544, 3544, &inner6))),
        (
            "IPv6 TCP behind ten headers",
            build::frame(&v6.clone().with_extensions(10), &Payload::tcp(1000, 80, TcpFlags::SYN)),
        ),
        ("IPv6 UDP", build::frame(&v6, &Payload::udp(1000, 53, b"payload"))),
        ("IPv6 echo", build::frame(&v6, &Payload::icmp(Family::V6, 128, 0, 7 << 16, b"payload"))),
        (
            "to the firewall",
            build::frame(&Ip::v4([10, 1, 0, 2], [10, 1, 0, 1]), &Payload::tcp(1000, 22, TcpFlags::SYN)),
        ),
        (
            "with a tag",
            build::frame(&Ip { vlan: Some(0), ..v4.clone() }, &Payload::udp(1001, 53, b"payload")),
        ),
    ]
}

/// Makes the lengths and the checksum of the network header those of the frame, where there is one.
fn fit(frame: &mut [u8], family: Family) {
    let len = frame.len();
    match family {
        Family::V4 => {
            let header = 14 + usize::from(frame[14] & 15) * 4;
            if len < header {
                return;
            }
            put_u16(frame, 16, (len - 14) as u16);
            put_u16(frame, 24, 0);
            let sum = !checksum::fold(checksum::sum(&frame[14..header]));
            put_u16(frame, 24, sum);
        }
        Family::V6 if len >= 54 => put_u16(frame, 18, (len - 54) as u16),
        Family::V6 => {}
    }
}

/// The frame as it is cut, and as a sender would have sent it so short.
fn cuts(frame: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..=frame.len()).flat_map(|len| {
        let cut = frame[..len].to_vec();
        let mut fitted = cut.clone();
        let family = match frame[12..14] {
            [8, 0] if len >= 34 => Some(Family::V4),
            [0x86, 0xdd] => Some(Family::V6),
            _ => None,
        };
        if let Some(family) = family {
            fit(&mut fitted, family);
        }
        [cut, fitted]
    })
}

#[test]
fn packets_truncated_at_every_byte_are_judged_and_counted() {
    let mut simulator = Simulator::new(Setup { workers: Some(2), ..Setup::default() });
    let valid = load(CONFIG).result.unwrap_or_else(|errors| panic!("{errors:?}"));
    simulator.commit(&valid).unwrap();
    let (mac, port) = (simulator.station("ge-0/0/0").unwrap(), simulator.port("ge-0/0/0").unwrap());
    let mut given = 0;
    for (what, frame) in frames() {
        let mut whole = None;
        for mut cut in cuts(&frame) {
            let head = cut.len().min(6);
            cut[..head].copy_from_slice(&mac.0[..head]);
            let (verdicts, sent, _) = simulator.workers().run_batch(&[(Ingress::Port(port), &cut)]);
            given += 1;
            for sent in sent {
                assert!(parse(&sent.frame).is_ok(), "{what}, {} bytes: {:02x?}", cut.len(), sent.frame);
            }
            whole = Some(verdicts[0]);
        }
        let global = simulator.plane().telemetry().global().unwrap();
        assert_eq!(global.rx_packets, given, "{what}");
        // The whole of it is nothing that can't be read.
        let malformed =
            matches!(whole, Some(Verdict::Drop(reason)) if reason.name().starts_with("malformed"));
        assert!(!malformed, "{what}: {whole:?}");
    }
    let live = simulator.plane().sessions().count().unwrap();
    assert!((10..100).contains(&live), "{live} sessions");
    simulator.advance(Duration::from_secs(2000)).unwrap();
    let global = simulator.plane().telemetry().global().unwrap();
    assert_eq!((global.sessions_live, global.sessions_created), (0, global.sessions_closed));
}

/// 65,536 fragments that all claim to be of one datagram, and as many datagrams of which only a middle comes: what is told apart
/// is bounded, and a client's own fragments pass through it all.
#[test]
fn fragments_without_end_cost_no_more_than_what_is_told_apart() {
    let mut simulator = Simulator::new(Setup { workers: Some(2), ..Setup::default() });
    simulator.commit(&load(CONFIG).result.unwrap_or_else(|errors| panic!("{errors:?}"))).unwrap();
    let (mac, port) = (simulator.station("ge-0/0/0").unwrap(), simulator.port("ge-0/0/0").unwrap());
    let more = 0x2000;
    let send = |src: u8, id: u16, fragment: u16, len: usize| {
        let ip = Ip { id, fragment, dst_mac: mac, ..Ip::v4([10, 1, 0, src], [198, 51, 100, 2]) };
        let payload = if fragment & 0x1fff == 0 {
            Payload::udp(1000, 53, &vec![7; len - 8])
        } else {
            Payload::raw(Proto::UDP, &vec![7; len])
        };
        let (verdicts, ..) =
            simulator.workers().run_batch(&[(Ingress::Port(port), &build::frame(&ip, &payload))]);
        matches!(verdicts[0], Verdict::Send { .. })
    };
    let (mut passed, mut clean) = (0, 0);
    for n in 0..=u16::MAX {
        // The first whole, then piece after piece of eight bytes, over and over.
        let offset = if n == 0 { 0 } else { 3 + (n - 1) % 8000 };
        passed += u32::from(send(200, 9, more | offset, if n == 0 { 24 } else { 8 }));
        assert!(!send(201, n, more | 40, 8), "nothing passes before its first");
        if n % 4096 == 0 {
            let whole = [(more, 16), (2, 8)].map(|(fragment, len)| send(202, n, fragment, len));
            clean += u32::from(whole == [true; 2]);
        }
    }
    assert_eq!((passed, clean), (64, 16));
    let live = simulator.plane().sessions().count().unwrap();
    assert_eq!(live, 2);
    assert!(simulator.plane().telemetry().global().unwrap().drops.iter().sum::<u64>() > 120_000);
}
