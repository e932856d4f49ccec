//! Datagrams from one family to the other (RFC 7915), judged by the oracle and, for reading, by etherparse.

mod oracle;

use oracle::{Read, run, verified};
use proptest::prelude::*;
use ravelin_translate::siit::{
    FragmentHeader, Rules, TrafficClass, ZeroChecksum, complete_udp, to_ipv4, to_ipv6,
};
use ravelin_translate::{Ends, Pieces, Ports, Prefix64, Refused, hairpin_ends};
use ravelin_types::{Addr, Family, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::put_u16;

const PREFIX: Prefix64 = Prefix64::WELL_KNOWN;
const SRC4: [u8; 4] = [192, 0, 2, 1];
const DST4: [u8; 4] = [198, 51, 100, 2];

fn ip4() -> Ip {
    Ip { id: 0xbeef, ..Ip::v4(SRC4, DST4) }
}

fn ip6() -> Ip {
    Ip::new(Family::V6, ends6().src, ends6().dst)
}

fn ends6() -> Ends {
    Ends::new(PREFIX.embed(Addr::v4(SRC4)), PREFIX.embed(Addr::v4(DST4)))
}

fn ends4() -> Ends {
    Ends::new(Addr::v4(SRC4), Addr::v4(DST4))
}

fn rules() -> Rules {
    Rules { fragment_header: FragmentHeader::PartsAlone, ..Rules::default() }
}

fn six(bytes: &[u8], rules: &Rules) -> Result<Vec<u8>, Refused> {
    run(bytes, |d| to_ipv6(d, &ends6(), rules))
}

fn four(bytes: &[u8], rules: &Rules) -> Result<Vec<u8>, Refused> {
    run(bytes, |d| to_ipv4(d, &ends4(), 0x7777, rules))
}

fn payloads() -> Vec<Payload> {
    vec![
        Payload::tcp_segment(1000, 80, 0x18, 77, 99, b"GET / HTTP"),
        Payload::udp(1000, 53, b"odd"),
        Payload::udp(1000, 53, b""),
        Payload::raw(Proto::SCTP, b"twelve bytes"),
        Payload::raw(Proto::ESP, b"12345678"),
        Payload::raw(Proto(0xfd), b""),
    ]
}

// Proves: rfc7915-2, rfc7915-3.
/// RFC 7915 4.1, field by field.
#[test]
fn an_ipv4_header_becomes_an_ipv6_header() {
    for payload in payloads() {
        let ip = Ip { ttl: 9, fragment: 0x4000, ..ip4() };
        let mut bytes = build::datagram(&ip, &payload);
        bytes[1] = 0xb9;
        let out = verified(&six(&bytes, &rules()).unwrap());
        let expected = Read {
            version: 6,
            src: ends6().src.octets6().to_vec(),
            dst: ends6().dst.octets6().to_vec(),
            tos: 0xb9,
            flow: 0,
            ttl: 8,
            proto: payload.proto.0,
            id: None,
            df: true,
            offset: 0,
            more: false,
            payload: out.payload.clone(),
        };
        assert_eq!(out, expected);
        assert_eq!(out.payload.len(), payload.bytes.len());
    }
}

// Proves: rfc7915-26, rfc7915-27.
/// RFC 7915 5.1, field by field.
#[test]
fn an_ipv6_header_becomes_an_ipv4_header() {
    for (payload, extensions) in payloads().into_iter().zip([0, 1, 3, 0, 0, 16]) {
        let ip = Ip { ttl: 2, extensions, ..ip6() };
        let mut bytes = build::datagram(&ip, &payload);
        (bytes[0], bytes[1], bytes[2]) = (0x6b, 0x9c, 0xde);
        let out = verified(&four(&bytes, &rules()).unwrap());
        let expected = Read {
            version: 4,
            src: SRC4.to_vec(),
            dst: DST4.to_vec(),
            tos: 0xb9,
            flow: 0,
            ttl: 1,
            proto: payload.proto.0,
            id: Some(0x7777),
            df: false,
            offset: 0,
            more: false,
            payload: out.payload.clone(),
        };
        assert_eq!(out, expected);
        assert_eq!(out.payload.len(), payload.bytes.len());
    }
}

// Proves: rfc7915-28.
/// RFC 7915 5.1: DF by the size of the IPv4 packet.
#[test]
fn large_packets_alone_get_df() {
    for (len, df) in [(1260, false), (1261, true)] {
        let bytes = build::datagram(&ip6(), &Payload::udp(1, 2, &vec![7; len - 28]));
        let out = verified(&four(&bytes, &rules()).unwrap());
        assert_eq!(out.df, df, "{len}");
    }
}

// Proves: rfc6146-6, rfc7915-9, rfc7915-33.
#[test]
fn echo_changes_its_type_and_identifier_both_ways() {
    for (kind4, kind6) in [(8, 128), (0, 129)] {
        let ends = |e: Ends| Ends { ports: Ports::Identifier(0x2222), ..e };
        let message = Payload::icmp(Family::V4, kind4, 0, 0x1111_0007, b"ping!");
        let out = run(&build::datagram(&ip4(), &message), |d| to_ipv6(d, &ends(ends6()), &rules())).unwrap();
        let out = verified(&out);
        assert_eq!((out.proto, &out.payload[..2]), (58, &[kind6, 0][..]));
        assert_eq!(out.payload[4..], *b"\x22\x22\x00\x07ping!");
        let message = Payload::icmp(Family::V6, kind6, 0, 0x1111_0007, b"ping!");
        let out =
            run(&build::datagram(&ip6(), &message), |d| to_ipv4(d, &ends(ends4()), 1, &rules())).unwrap();
        let out = verified(&out);
        assert_eq!((out.proto, &out.payload[..2]), (1, &[kind4, 0][..]));
        assert_eq!(out.payload[4..], *b"\x22\x22\x00\x07ping!");
    }
}

// Proves: rfc6146-9.
#[test]
fn ports_change_with_the_addresses() {
    let ends = |e: Ends| Ends { ports: Ports::Both { src: 40_000, dst: 443 }, ..e };
    for payload in [Payload::tcp(1000, 80, 2), Payload::udp(1000, 53, b"x")] {
        let out = run(&build::datagram(&ip4(), &payload), |d| to_ipv6(d, &ends(ends6()), &rules())).unwrap();
        assert_eq!(verified(&out).payload[..4], [0x9c, 0x40, 0x01, 0xbb]);
        let out =
            run(&build::datagram(&ip6(), &payload), |d| to_ipv4(d, &ends(ends4()), 1, &rules())).unwrap();
        assert_eq!(verified(&out).payload[..4], [0x9c, 0x40, 0x01, 0xbb]);
    }
}

// Proves: rfc7915-5.
/// RFC 7915 4.1: options go, the payload stays.
#[test]
fn options_are_left_out_but_an_unused_source_route_is_told() {
    let with = |options: &[u8]| {
        let mut bytes = build::datagram(&ip4(), &Payload::udp(1, 2, b"data"));
        bytes.splice(20..20, options.iter().copied());
        bytes[0] += (options.len() / 4) as u8;
        let total = bytes.len() as u16;
        put_u16(&mut bytes, 2, total);
        six(&bytes, &rules())
    };
    let out = verified(&with(&[7, 7, 4, 0, 0, 0, 0, 0]).unwrap());
    assert_eq!(out.payload[8..], *b"data");
    let refused = with(&[131, 7, 4, 10, 0, 0, 9, 0]).unwrap_err();
    assert_eq!(refused, Refused::SourceRoute);
    assert!(with(&[131, 7, 8, 10, 0, 0, 9, 0]).is_ok());
}

// Proves: rfc7915-4, rfc7915-10, rfc7915-34, rfc7915-42.
#[test]
fn what_has_no_counterpart_is_refused() {
    let four_proto =
        |proto, bytes: &[u8]| six(&build::datagram(&ip4(), &Payload::raw(Proto(proto), bytes)), &rules());
    for proto in [0, 2, 43, 44, 58, 60, 135, 139, 140] {
        assert_eq!(four_proto(proto, &[0; 24]), Err(Refused::Protocol), "{proto}");
    }
    let six_proto =
        |proto, bytes: &[u8]| four(&build::datagram(&ip6(), &Payload::raw(Proto(proto), bytes)), &rules());
    for proto in [1, 2] {
        assert_eq!(six_proto(proto, &[0; 24]), Err(Refused::Protocol), "{proto}");
    }
    for kind in [9, 10, 13, 14, 15, 16, 17, 18, 5, 4, 40] {
        let message = Payload::icmp(Family::V4, kind, 0, 0, &[0; 20]);
        assert_eq!(six(&build::datagram(&ip4(), &message), &rules()), Err(Refused::NoCounterpart), "{kind}");
    }
    for kind in [130, 131, 132, 133, 134, 135, 136, 137, 143, 200] {
        let message = Payload::icmp(Family::V6, kind, 0, 0, &[0; 20]);
        assert_eq!(four(&build::datagram(&ip6(), &message), &rules()), Err(Refused::NoCounterpart), "{kind}");
    }
    let late = Ip { ttl: 1, ..ip4() };
    assert_eq!(six(&build::datagram(&late, &Payload::udp(1, 2, b"")), &rules()), Err(Refused::Expired));
    let late = Ip { ttl: 0, ..ip6() };
    assert_eq!(four(&build::datagram(&late, &Payload::udp(1, 2, b"")), &rules()), Err(Refused::Expired));
}

// Proves: rfc7915-21, rfc7915-22.
/// RFC 7915 4.5.
#[test]
fn udp_without_checksum_gets_one_or_is_dropped() {
    let mut bytes = build::datagram(&ip4(), &Payload::udp(1000, 53, b"no checksum"));
    put_u16(&mut bytes, 26, 0);
    let out = verified(&six(&bytes, &rules()).unwrap());
    assert_ne!(out.payload[6..8], [0, 0]);
    let drop = Rules { zero_checksum: ZeroChecksum::Drop, ..rules() };
    assert_eq!(six(&bytes, &drop), Err(Refused::UdpWithoutChecksum));
    // Of a first part nobody can compute it.
    bytes[6] = 0x20;
    assert_eq!(six(&bytes, &rules()), Err(Refused::UdpWithoutChecksum));
    bytes[6] = 0;
    // A length that goes behind the datagram must not be read.
    put_u16(&mut bytes, 24, 200);
    assert_eq!(six(&bytes, &rules()), Err(Refused::Malformed));
}

// Proves: rfc7915-43.
#[test]
fn the_traffic_class_may_be_left_behind() {
    let zero = Rules { traffic_class: TrafficClass::Zero, ..rules() };
    let mut bytes = build::datagram(&ip4(), &Payload::udp(1, 2, b""));
    bytes[1] = 0xb9;
    assert_eq!(verified(&six(&bytes, &zero).unwrap()).tos, 0);
    let mut bytes = build::datagram(&ip6(), &Payload::udp(1, 2, b""));
    bytes[0] = 0x6b;
    assert_eq!(verified(&four(&bytes, &zero).unwrap()).tos, 0);
}

// Proves: rfc7915-32.
/// `natv6v4 no-v6-frag-header` and its absence.
#[test]
fn a_fragment_header_goes_with_df_clear_unless_it_is_turned_off() {
    let default = Rules::default();
    for (fragment, rules, id) in
        [(0, &default, Some(0xbeef)), (0x4000, &default, None), (0, &rules(), None), (0x4000, &rules(), None)]
    {
        let bytes = build::datagram(&Ip { fragment, ..ip4() }, &Payload::udp(1, 2, b"x"));
        assert_eq!(verified(&six(&bytes, rules).unwrap()).id, id);
    }
}

// Proves: rfc7915-6, rfc7915-30.
#[test]
fn parts_are_translated_one_by_one_and_make_the_whole_again() {
    let whole = build::datagram(&ip4(), &Payload::udp(1000, 53, &[9; 3000]));
    let mut body = Vec::new();
    let mut pieces = Pieces::of(&whole, 1200).unwrap();
    let mut out = [0; 1200];
    while let Some(len) = pieces.write_next(&mut out) {
        let part = six(&out[..len], &rules()).unwrap();
        let read = oracle::read(&part, false);
        assert_eq!((read.offset, read.id, read.flow), (body.len(), Some(0xbeef), 0));
        body.extend_from_slice(&read.payload);
        assert_eq!(read.more, body.len() < 3008);
        // And back.
        let back = oracle::read(&four(&part, &rules()).unwrap(), false);
        assert_eq!((back.offset, back.more, back.id, back.df), (read.offset, read.more, Some(0xbeef), false));
    }
    let whole = Read {
        offset: 0,
        more: false,
        payload: body,
        ..verified(&six(&build::datagram(&ip4(), &Payload::udp(1, 2, b"")), &rules()).unwrap())
    };
    assert!(whole.holds());
}

// Proves: rfc7915-24.
#[test]
fn parts_of_icmp_and_parts_without_a_checksum_are_refused() {
    let first = Ip { fragment: 0x2000, ..ip4() };
    let echo = Payload::icmp(Family::V4, 8, 0, 1, &[0; 16]);
    assert_eq!(six(&build::datagram(&first, &echo), &rules()), Err(Refused::IcmpFragment));
    let later = Ip { fragment: 100, ..ip4() };
    assert_eq!(six(&build::datagram(&later, &echo), &rules()), Err(Refused::IcmpFragment));
    let tiny = Payload::raw(Proto::TCP, &[0; 16]);
    assert_eq!(six(&build::datagram(&first, &tiny), &rules()), Err(Refused::TinyFragment));
    assert!(six(&build::datagram(&later, &tiny), &rules()).is_ok());
    assert_eq!(six(&build::datagram(&ip4(), &tiny), &rules()), Err(Refused::Malformed));
}

// Proves: rfc7915-7, rfc7915-29.
/// RFC 7915 4 and 5.1: who is told which MTU.
#[test]
fn packets_too_large_for_the_other_side_are_told_its_mtu() {
    let at = |mtu4, mtu6| Rules { mtu4, mtu6, ..rules() };
    let udp4 = |total: usize, fragment| {
        build::datagram(&Ip { fragment, ..ip4() }, &Payload::udp(1, 2, &vec![0; total - 28]))
    };
    let udp6 = |total: usize| build::datagram(&ip6(), &Payload::udp(1, 2, &vec![0; total - 48]));
    assert!(six(&udp4(1480, 0x4000), &at(1500, 1500)).is_ok());
    assert_eq!(six(&udp4(1481, 0x4000), &at(1500, 1500)), Err(Refused::TooBig { mtu: 1480 }));
    assert_eq!(six(&udp4(1500, 0x6000), &at(1500, 1500)), Err(Refused::TooBig { mtu: 1472 }));
    assert!(six(&udp4(1260, 0), &at(1500, 1500)).is_ok());
    assert_eq!(six(&udp4(1261, 0), &at(1500, 1500)), Err(Refused::MustFragment { mtu: 1252 }));
    let higher = Rules { lowest_mtu6: 1500, ..rules() };
    assert!(six(&udp4(1480, 0), &higher).is_ok());
    assert_eq!(six(&udp4(1481, 0), &higher), Err(Refused::MustFragment { mtu: 1472 }));
    assert!(four(&udp6(1520), &at(1500, 9000)).is_ok());
    assert_eq!(four(&udp6(1521), &at(1500, 9000)), Err(Refused::TooBig { mtu: 1520 }));
    // Below what IPv6 can be told, DF is clear and IPv4 cuts.
    assert_eq!(four(&udp6(1400), &at(1000, 1500)), Err(Refused::TooBig { mtu: 1280 }));
    assert!(four(&udp6(1280), &at(1000, 1500)).is_ok());
}

// Proves: rfc7915-8.
#[test]
fn what_must_be_cut_can_be_translated_piece_by_piece() {
    for options in [0, 40] {
        let mut whole = build::datagram(&ip4(), &Payload::udp(1000, 53, &vec![1; 5000]));
        whole.splice(20..20, std::iter::repeat_n(1, options));
        whole[0] += (options / 4) as u8;
        let total = whole.len() as u16;
        put_u16(&mut whole, 2, total);
        let Err(Refused::MustFragment { mtu }) = six(&whole, &rules()) else { panic!("not to be cut") };
        let mut pieces = Pieces::of(&whole, mtu).unwrap();
        let mut out = [0; 1500];
        let mut seen = 0;
        while let Some(len) = pieces.write_next(&mut out) {
            let part = six(&out[..len], &rules()).unwrap();
            assert!(part.len() <= 1280, "{}", part.len());
            seen += oracle::read(&part, false).payload.len();
        }
        assert_eq!(seen, 5008);
    }
}

/// What is cut before translation gets its checksum before it is cut.
#[test]
fn a_large_udp_packet_without_checksum_is_completed_and_cut() {
    let mut whole = build::datagram(&ip4(), &Payload::udp(1000, 53, &[1; 3000]));
    let right = whole[26..28].to_vec();
    put_u16(&mut whole, 26, 0);
    assert_eq!(six(&whole, &rules()), Err(Refused::MustFragment { mtu: 1252 }));
    let drop = Rules { zero_checksum: ZeroChecksum::Drop, ..rules() };
    assert_eq!(six(&whole, &drop), Err(Refused::UdpWithoutChecksum));
    let completed = run(&whole, |d| {
        complete_udp(d);
        Ok::<_, Refused>(())
    });
    assert_eq!(completed.unwrap()[26..28], right);
    whole[6] = 0x20;
    let part = run(&whole, |d| {
        complete_udp(d);
        Ok::<_, Refused>(())
    });
    assert_eq!(part.unwrap(), whole);
}

#[test]
fn without_room_in_front_nothing_is_changed() {
    let bytes = build::datagram(&ip4(), &Payload::udp(1, 2, b"x"));
    for (room, ok) in [(0, false), (19, false), (20, true)] {
        let mut buf = vec![0; room];
        buf.extend_from_slice(&bytes);
        let mut datagram = ravelin_translate::Datagram::new(&mut buf, room..room + bytes.len()).unwrap();
        let result = to_ipv6(&mut datagram, &ends6(), &rules());
        assert_eq!(result.err(), (!ok).then_some(Refused::NoRoom));
        assert!(ok || datagram.bytes() == bytes);
    }
}

/// Another reader agrees on what was written.
#[test]
fn etherparse_reads_the_same() {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};
    let bytes = build::datagram(&Ip { fragment: 0, ..ip4() }, &Payload::udp(1000, 53, b"data"));
    let out = six(&bytes, &Rules::default()).unwrap();
    let packet = SlicedPacket::from_ip(&out).unwrap();
    let Some(NetSlice::Ipv6(ip)) = packet.net else { panic!("no IPv6") };
    assert_eq!(ip.header().source(), ends6().src.octets6());
    assert_eq!(ip.header().hop_limit(), 63);
    let Some(TransportSlice::Udp(udp)) = packet.transport else { panic!("no UDP") };
    let header = udp.to_header();
    assert_eq!((header.source_port, header.destination_port, udp.payload()), (1000, 53, &b"data"[..]));
    let expected = header.calc_checksum_ipv6(&ip.header().to_header(), udp.payload()).unwrap();
    assert_eq!(header.checksum, expected);

    let bytes = build::datagram(&ip6(), &Payload::tcp_segment(1000, 80, 0x18, 1, 2, b"abc"));
    let out = four(&bytes, &rules()).unwrap();
    let packet = SlicedPacket::from_ip(&out).unwrap();
    let Some(NetSlice::Ipv4(ip)) = packet.net else { panic!("no IPv4") };
    let header = ip.header().to_header();
    assert_eq!(header.header_checksum, header.calc_header_checksum());
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else { panic!("no TCP") };
    assert_eq!(tcp.checksum(), tcp.calc_checksum_ipv4(header.source, header.destination).unwrap());
}

fn any_payload() -> impl Strategy<Value = (u8, Vec<u8>)> {
    (prop::sample::select(vec![6u8, 17, 1, 136, 33, 132, 47]), prop::collection::vec(any::<u8>(), 0..200))
}

/// Fills in the checksum of UDP-Lite and DCCP, which the builder does not know.
fn fill(proto: u8, datagram: &mut [u8], l4_at: usize) {
    if matches!(proto, 33 | 136) {
        put_u16(datagram, l4_at + 6, 0);
        let sum = !oracle::read(datagram, false).sum() as u16;
        put_u16(datagram, l4_at + 6, if sum == 0 && proto == 136 { 0xffff } else { sum });
    }
}

/// A payload of the protocol with what else the bytes say; ICMP is echo.
fn payload(proto: u8, bytes: &[u8], family: Family) -> Payload {
    match proto {
        6 => Payload::tcp_segment(u16::from(bytes.len() as u8), 80, 0x10, 5, 6, bytes),
        17 => Payload::udp(0xffff, bytes.len() as u16, bytes),
        1 if family == Family::V4 => Payload::icmp(family, 8, 0, 7, bytes),
        1 => Payload::icmp(family, 128, 0, 7, bytes),
        other => Payload::raw(Proto(other), &[bytes, &[0; 16]].concat()),
    }
}

proptest! {
    // Proves: rfc7915-20, rfc7915-23.
    #[test]
    fn there_and_back_keeps_what_the_rfc_keeps(
        (proto, bytes) in any_payload(), src: [u8; 4], dst: [u8; 4], tos: u8, ttl in 3u8.., id: u16, df: bool,
    ) {
        let ip = Ip { ttl, id, fragment: if df { 0x4000 } else { 0 }, ..Ip::v4(src, dst) };
        let sent = payload(proto, &bytes, Family::V4);
        let mut original = build::datagram(&ip, &sent);
        original[1] = tos;
        put_u16(&mut original, 10, 0);
        let sum = !oracle::add(0, &original[..20]) as u16;
        put_u16(&mut original, 10, sum);
        fill(proto, &mut original, 20);
        let there = Ends::new(PREFIX.embed(Addr::v4(src)), PREFIX.embed(Addr::v4(dst)));
        let back = Ends::new(Addr::v4(src), Addr::v4(dst));
        let rules = Rules::default();
        let there = run(&original, |d| to_ipv6(d, &there, &rules)).unwrap();
        verified(&there);
        let returned = run(&there, |d| to_ipv4(d, &back, id, &rules)).unwrap();
        let (before, after) = (verified(&original), verified(&returned));
        let kept = Read { ttl: ttl - 2, df: false, ..before };
        prop_assert_eq!(after, kept);
    }

    #[test]
    fn from_ipv6_and_back_keeps_what_the_rfc_keeps(
        (proto, bytes) in any_payload(), src: u128, dst: u128, ttl in 3u8.., extensions in 0usize..4, id: u16,
    ) {
        let (src, dst) = (Addr(src), Addr(dst));
        let ip = Ip { ttl, extensions, ..Ip::new(Family::V6, src, dst) };
        let sent = payload(proto, &bytes, Family::V6);
        let mut original = build::datagram(&ip, &sent);
        fill(proto, &mut original, 40 + 8 * extensions);
        let four = run(&original, |d| to_ipv4(d, &ends4(), id, &rules())).unwrap();
        verified(&four);
        let returned = run(&four, |d| to_ipv6(d, &Ends::new(src, dst), &rules())).unwrap();
        let (before, after) = (verified(&original), verified(&returned));
        prop_assert_eq!(after, Read { ttl: ttl - 2, ..before });
    }

    // Proves: rfc7915-20.
    /// A wrong checksum stays wrong: translation neither hides nor makes damage.
    #[test]
    fn damage_stays_visible(at in 0usize..24, flip in 1u8.., tcp: bool) {
        let sent = if tcp { Payload::tcp_segment(1, 2, 0x10, 3, 4, b"data") } else { Payload::udp(1, 2, b"sixteen bytes ok") };
        let mut bytes = build::datagram(&ip4(), &sent);
        bytes[20 + at] ^= flip;
        // Another length or none at all is judged otherwise.
        prop_assume!(tcp || (!(4..6).contains(&at) && bytes[26..28] != [0, 0]));
        let out = oracle::read(&six(&bytes, &rules()).unwrap(), false);
        prop_assert!(!out.holds());
    }
}

// Proves: rfc7915-45.
/// RFC 6935 lets a tunnel leave it out; IPv4 may as well.
#[test]
fn udp_over_ipv6_without_checksum_stays_without() {
    let mut bytes = build::datagram(&ip6(), &Payload::udp(1000, 4789, b"tunnel"));
    put_u16(&mut bytes, 46, 0);
    assert_eq!(verified(&four(&bytes, &rules()).unwrap()).payload[6..8], [0, 0]);
}

// Proves: rfc6146-8.
/// RFC 6146 3.8: two hosts behind one NAT64, by way of its own address.
#[test]
fn a_hairpinned_packet_is_translated_twice() {
    let pool = Addr::v4([203, 0, 113, 5]);
    let inside = Addr(0x2001_0db8 << 96 | 0xb);
    let sent = Ip::new(Family::V6, Addr(0x2001_0db8 << 96 | 0xa), PREFIX.embed(pool));
    let bytes = build::datagram(&sent, &Payload::udp(1000, 8080, b"hairpin"));
    let there = Ends { src: pool, dst: pool, ports: Ports::Both { src: 2000, dst: 8080 } };
    let middle = run(&bytes, |d| to_ipv4(d, &there, 1, &rules())).unwrap();
    let back = hairpin_ends(&PREFIX, (pool, 2000), (inside, 80));
    let out = run(&middle, |d| to_ipv6(d, &back, &rules())).unwrap();
    let expected = Ip { ttl: 62, ..Ip::new(Family::V6, PREFIX.embed(pool), inside) };
    assert_eq!(out, build::datagram(&expected, &Payload::udp(2000, 80, b"hairpin")));
}
