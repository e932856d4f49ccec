//! ICMP errors and the packets they quote, from one family to the other, judged by the oracle.

mod oracle;

use oracle::{read, run, verified};
use proptest::prelude::*;
use ravelin_translate::siit::{Rules, error_to_ipv4, error_to_ipv6};
use ravelin_translate::{Datagram, Ends, Ports, Prefix64, Refused};
use ravelin_types::{Addr, Family};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{put_u16, u16_at};

const PREFIX: Prefix64 = Prefix64::WELL_KNOWN;
const ROUTER4: [u8; 4] = [198, 51, 100, 1];
const SERVER4: [u8; 4] = [203, 0, 113, 80];
/// The client as IPv4 sees it, and its port there.
const POOL4: [u8; 4] = [192, 0, 2, 7];
const POOL_PORT: u16 = 2048;
const CLIENT_PORT: u16 = 40_000;

fn v6(text: &str) -> Addr {
    Addr::v6(text.parse::<std::net::Ipv6Addr>().unwrap().octets())
}

fn client6() -> Addr {
    v6("2001:db8::c")
}

fn server6() -> Addr {
    PREFIX.embed(Addr::v4(SERVER4))
}

/// The client's packet as it was quoted on the IPv4 side.
fn quote4(payload: &Payload) -> Vec<u8> {
    build::datagram(&Ip { ttl: 1, id: 0x1234, ..Ip::v4(POOL4, SERVER4) }, payload)
}

fn quote6(payload: &Payload) -> Vec<u8> {
    build::datagram(&Ip { ttl: 1, ..Ip::new(Family::V6, client6(), server6()) }, payload)
}

/// An error of a router on the IPv4 side: type, code, the rest, the quote.
fn error4(kind: u8, code: u8, rest: u32, quote: &[u8]) -> Vec<u8> {
    build::datagram(&Ip::v4(ROUTER4, POOL4), &Payload::icmp(Family::V4, kind, code, rest, quote))
}

/// An error of a router on the IPv6 side about a packet to the client.
fn error6(kind: u8, code: u8, rest: u32, quote: &[u8]) -> Vec<u8> {
    let ip = Ip::new(Family::V6, v6("2001:db8::1"), server6());
    build::datagram(&ip, &Payload::icmp(Family::V6, kind, code, rest, quote))
}

fn to6(bytes: &[u8], ports: Ports, rules: &Rules) -> Result<Vec<u8>, Refused> {
    let outer = (PREFIX.embed(Addr::v4(ROUTER4)), client6());
    let quoted = Ends { src: client6(), dst: server6(), ports };
    run(bytes, |d| error_to_ipv6(d, outer, &quoted, rules))
}

/// Errors from IPv6 quote what the server sent to the client.
fn to4(bytes: &[u8], ports: Ports, rules: &Rules) -> Result<Vec<u8>, Refused> {
    let outer = (Addr::v4(POOL4), Addr::v4(SERVER4));
    let quoted = Ends { src: Addr::v4(SERVER4), dst: Addr::v4(POOL4), ports };
    run(bytes, |d| error_to_ipv4(d, outer, &quoted, 0x4242, rules))
}

fn from_server6(payload: &Payload) -> Vec<u8> {
    build::datagram(&Ip { ttl: 1, ..Ip::new(Family::V6, server6(), client6()) }, payload)
}

const NAT_OUT: Ports = Ports::Both { src: CLIENT_PORT, dst: 80 };

// Proves: rfc6146-7, rfc7915-15, rfc7915-19.
#[test]
fn traceroute_through_nat64_sees_its_own_packet() {
    let quote = quote4(&Payload::udp(POOL_PORT, 80, b"probe"));
    let out = to6(&error4(11, 0, 0, &quote), NAT_OUT, &Rules::default()).unwrap();
    let error = verified(&out);
    assert_eq!((error.proto, &error.payload[..2], error.ttl), (58, &[3, 0][..], 63));
    assert_eq!(error.src, PREFIX.embed(Addr::v4(ROUTER4)).octets6());
    assert_eq!(error.dst, client6().octets6());
    assert_eq!(error.payload[4..8], [0; 4]);
    // The quote is what the client sent, its checksum included; a quoted TTL is not counted again.
    assert_eq!(error.quote(), quote6(&Payload::udp(CLIENT_PORT, 80, b"probe")));
}

#[test]
fn an_error_of_the_ipv6_side_reaches_the_ipv4_server() {
    let quote = from_server6(&Payload::tcp_segment(80, CLIENT_PORT, 0x10, 5, 6, b"data"));
    let ports = Ports::Both { src: 80, dst: POOL_PORT };
    let error = verified(&to4(&error6(1, 4, 0, &quote), ports, &Rules::default()).unwrap());
    assert_eq!((error.proto, &error.payload[..2], error.df, error.id), (1, &[3, 3][..], false, Some(0x4242)));
    assert_eq!((error.src.as_slice(), error.dst.as_slice()), (&POOL4[..], &SERVER4[..]));
    let expected = Ip { ttl: 1, ..Ip::v4(SERVER4, POOL4) };
    let expected = build::datagram(&expected, &Payload::tcp_segment(80, POOL_PORT, 0x10, 5, 6, b"data"));
    assert_eq!(error.quote(), expected);
}

// Proves: rfc6146-7.
#[test]
fn a_quoted_echo_is_the_family_s_own() {
    let ports = Ports::Identifier(0x1111);
    let quote = quote4(&Payload::icmp(Family::V4, 8, 0, 0x2222_0001, b"ping"));
    let error = verified(&to6(&error4(3, 1, 0, &quote), ports, &Rules::default()).unwrap());
    assert_eq!(error.quote(), quote6(&Payload::icmp(Family::V6, 128, 0, 0x1111_0001, b"ping")));
    let quote = from_server6(&Payload::icmp(Family::V6, 129, 0, 0x1111_0001, b"ping"));
    let error =
        verified(&to4(&error6(1, 3, 0, &quote), Ports::Identifier(0x2222), &Rules::default()).unwrap());
    let expected = Ip { ttl: 1, ..Ip::v4(SERVER4, POOL4) };
    assert_eq!(
        error.quote(),
        build::datagram(&expected, &Payload::icmp(Family::V4, 0, 0, 0x2222_0001, b"ping"))
    );
}

// Proves: rfc7915-12, rfc7915-13, rfc7915-36.
/// RFC 7915 4.2, 5.2: the MTU in the message; 28 where the packet in error had a fragment header.
#[test]
fn path_mtu_passes_both_ways() {
    let rules = Rules { mtu4: 9000, mtu6: 9000, ..Rules::default() };
    let quote = quote4(&Payload::udp(POOL_PORT, 80, &[0; 1400]));
    for (told, expected) in [(1400, 1420), (576, 1280), (0, 1280)] {
        let error = verified(&to6(&error4(3, 4, told, &quote[..548]), NAT_OUT, &rules).unwrap());
        assert_eq!(error.payload[..2], [2, 0]);
        assert_eq!(error.payload[4..8], u32::to_be_bytes(expected), "{told}");
    }
    let quote = from_server6(&Payload::udp(80, CLIENT_PORT, &[0; 1400]));
    let ports = Ports::Both { src: 80, dst: POOL_PORT };
    let error = verified(&to4(&error6(2, 0, 1400, &quote[..1232]), ports, &rules).unwrap());
    assert_eq!((&error.payload[..2], &error.payload[4..8]), (&[3, 4][..], &[0, 0, 5, 100][..]));
    let mut part = quote[..1000].to_vec();
    part[6] = 44;
    part.splice(40..40, [17, 0, 0, 1, 0, 0, 0, 9]);
    let plus = u16_at(&part, 4) + 8;
    put_u16(&mut part, 4, plus);
    let error = verified(&to4(&error6(2, 0, 1400, &part), ports, &rules).unwrap());
    assert_eq!(error.payload[4..8], [0, 0, 5, 92]);
    let inner = read(error.quote(), true);
    assert_eq!((inner.id, inner.more, inner.df), (Some(9), true, false));
}

// Proves: rfc7915-16.
#[test]
fn a_pointer_names_the_other_family_s_field() {
    let quote = quote4(&Payload::udp(POOL_PORT, 80, b"x"));
    let error = verified(&to6(&error4(12, 0, 8 << 24, &quote), NAT_OUT, &Rules::default()).unwrap());
    assert_eq!((&error.payload[..2], &error.payload[4..8]), (&[4, 0][..], &[0, 0, 0, 7][..]));
    let error = verified(&to6(&error4(3, 2, 0, &quote), NAT_OUT, &Rules::default()).unwrap());
    assert_eq!((&error.payload[..2], &error.payload[4..8]), (&[4, 1][..], &[0, 0, 0, 6][..]));
    let quote = from_server6(&Payload::udp(80, CLIENT_PORT, b"x"));
    let error = verified(&to4(&error6(4, 0, 24, &quote), Ports::Keep, &Rules::default()).unwrap());
    assert_eq!((&error.payload[..2], &error.payload[4..8]), (&[12, 0][..], &[16, 0, 0, 0][..]));
}

// Proves: rfc7915-18.
#[test]
fn an_error_is_no_longer_than_its_family_allows() {
    let quote = quote4(&Payload::udp(POOL_PORT, 80, &[3; 1400]));
    let out = to6(&error4(11, 0, 0, &quote), NAT_OUT, &Rules::default()).unwrap();
    verified(&out);
    assert_eq!(out.len(), 1280);
    let quote = from_server6(&Payload::udp(80, CLIENT_PORT, &[3; 1184]));
    let out = to4(&error6(3, 0, 0, &quote), Ports::Keep, &Rules::default()).unwrap();
    verified(&out);
    assert_eq!(out.len(), 576);
}

// Proves: rfc7915-17, rfc7915-40.
/// RFC 4884: the length attribute in words of 4 and of 8 bytes, the quote filled up with zeros.
#[test]
fn an_extension_moves_with_the_quote() {
    let extension = [0x20, 0, 0, 0, 0, 8, 1, 1, 9, 9, 9, 9];
    let mut quote = quote4(&Payload::udp(POOL_PORT, 80, &[5; 92]));
    assert_eq!(quote.len(), 120);
    quote.resize(128, 0);
    let message = [&quote[..], &extension].concat();
    let error = verified(&to6(&error4(11, 0, 32 << 16, &message), NAT_OUT, &Rules::default()).unwrap());
    // 40 + 100 bytes of packet, filled up to 144.
    assert_eq!(error.payload[4..8], [18, 0, 0, 0]);
    assert_eq!(error.quote()[..140], quote6(&Payload::udp(CLIENT_PORT, 80, &[5; 92])));
    assert_eq!(error.quote()[140..144], [0; 4]);
    assert_eq!(error.quote()[144..], extension);

    let mut quote = from_server6(&Payload::udp(80, CLIENT_PORT, &[5; 92]));
    quote.resize(144, 0);
    let message = [&quote[..], &extension].concat();
    let error = verified(&to4(&error6(3, 0, 18 << 24, &message), Ports::Keep, &Rules::default()).unwrap());
    // 20 + 100 bytes, filled up to 128.
    assert_eq!(error.payload[4..8], [0, 32, 0, 0]);
    assert_eq!(read(&error.quote()[..120], false).payload.len(), 100);
    assert_eq!(error.quote()[120..128], [0; 8]);
    assert_eq!(error.quote()[128..], extension);
    // Packet too big has no length attribute: the extension goes.
    let message = [&quote4(&Payload::udp(POOL_PORT, 80, &[5; 100]))[..], &extension].concat();
    let error = verified(&to6(&error4(3, 4, 32 << 16 | 1400, &message), NAT_OUT, &Rules::default()).unwrap());
    assert_eq!(error.payload[4..8], [0, 0, 5, 140]);
    assert_eq!(error.quote().len(), 148);
}

// Proves: rfc7915-17.
#[test]
fn a_quote_gives_way_to_an_extension_but_not_below_128_bytes() {
    let large = from_server6(&Payload::udp(80, CLIENT_PORT, &[5; 900]));
    let quote = &large[..944];
    let with = |extension: &[u8]| {
        let message = [quote, extension].concat();
        verified(&to4(&error6(3, 0, 118 << 24, &message), Ports::Keep, &Rules::default()).unwrap())
    };
    let short = with(&[7; 100]);
    // 576 - 20 - 8 - 100 bytes of quote.
    assert_eq!(short.payload[4..8], [0, 112, 0, 0]);
    assert_eq!(short.quote()[448..], [7; 100]);
    let long = with(&[7; 240]);
    assert_eq!((long.payload[5], long.payload.len()), (77, 556));
    let gone = with(&[7; 424]);
    assert_eq!((gone.payload[5], gone.payload.len()), (0, 556));
}

#[test]
fn a_quoted_udp_packet_without_checksum_stays_without() {
    let mut quote = quote4(&Payload::udp(POOL_PORT, 80, b"data"));
    put_u16(&mut quote, 26, 0);
    let out = verified(&to6(&error4(3, 3, 0, &quote), NAT_OUT, &Rules::default()).unwrap());
    assert_eq!(read(out.quote(), false).payload[6..8], [0, 0]);
}

// Proves: rfc7915-17.
/// The zeros that fill a quote up may need room behind the datagram; without it the extension goes.
#[test]
fn an_extension_without_room_goes() {
    // 132 bytes of quote: 40 + 112 as IPv6 are a multiple of eight; 136 bytes are 156, filled up to 160.
    for (data, behind, attribute) in [(104, 0, 19), (108, 0, 0), (108, 3, 0), (108, 4, 20)] {
        let quote = quote4(&Payload::udp(POOL_PORT, 80, &vec![5; data]));
        let message = [&quote[..], &[0x20, 0, 0, 0, 0, 8, 1, 1, 9, 9, 9, 9]].concat();
        let error = error4(11, 0, (quote.len() as u32 / 4) << 16, &message);
        let mut buf = vec![0; 64];
        buf.extend_from_slice(&error);
        buf.resize(64 + error.len() + behind, 0xee);
        let mut datagram = Datagram::new(&mut buf, 64..64 + error.len()).unwrap();
        let quoted = Ends { src: client6(), dst: server6(), ports: NAT_OUT };
        let outer = (PREFIX.embed(Addr::v4(ROUTER4)), client6());
        error_to_ipv6(&mut datagram, outer, &quoted, &Rules::default()).unwrap();
        let out = verified(datagram.bytes());
        assert_eq!(out.payload[4], attribute, "{data} {behind}");
        let expected = quote6(&Payload::udp(CLIENT_PORT, 80, &vec![5; data]));
        assert_eq!(out.quote()[..expected.len()], expected);
        let rest = if attribute == 0 { 0 } else { usize::from(attribute) * 8 - expected.len() + 12 };
        assert_eq!(out.quote().len(), expected.len() + rest);
    }
}

// Proves: rfc7915-19.
#[test]
fn errors_that_must_not_be_passed_on_are_refused() {
    let rules = Rules::default();
    let udp = quote4(&Payload::udp(POOL_PORT, 80, b"x"));
    let nested = quote4(&Payload::icmp(Family::V4, 3, 1, 0, &udp));
    assert_eq!(to6(&error4(3, 1, 0, &nested), Ports::Keep, &rules), Err(Refused::NestedError));
    let query = quote4(&Payload::icmp(Family::V4, 13, 0, 0, &[0; 12]));
    assert_eq!(to6(&error4(3, 1, 0, &query), Ports::Keep, &rules), Err(Refused::NoCounterpart));
    for (kind, code) in [(4, 0), (5, 1), (12, 1), (3, 14), (3, 16)] {
        assert_eq!(
            to6(&error4(kind, code, 0, &udp), Ports::Keep, &rules),
            Err(Refused::NoCounterpart),
            "{kind}"
        );
    }
    let mut damaged = error4(3, 1, 0, &udp);
    damaged[50] ^= 1;
    assert_eq!(to6(&damaged, NAT_OUT, &rules), Err(Refused::BadChecksum));
    let mut wrong = udp.clone();
    wrong[10] ^= 1;
    assert_eq!(to6(&error4(3, 1, 0, &wrong), NAT_OUT, &rules), Err(Refused::BadChecksum));
    let mut part = error4(3, 1, 0, &udp);
    part[6] = 0x20;
    assert_eq!(to6(&part, NAT_OUT, &rules), Err(Refused::IcmpFragment));
    let mut source_routed = from_server6(&Payload::udp(80, CLIENT_PORT, b"a routing header"));
    (source_routed[6], source_routed[43]) = (43, 2);
    (source_routed[40], source_routed[41]) = (17, 0);
    let refused = to4(&error6(1, 3, 0, &source_routed), Ports::Keep, &rules);
    assert_eq!(refused, Err(Refused::RoutingHeader { at: 43 }));
    let mut late = error4(3, 1, 0, &udp);
    late[8] = 1;
    assert_eq!(to6(&late, NAT_OUT, &rules), Err(Refused::Expired));
}

proptest! {
    // Proves: rfc7915-41.
    /// Between families: whatever is quoted and however long, both checksums hold.
    #[test]
    fn both_checksums_hold_after_translation(
        data in prop::collection::vec(any::<u8>(), 0..1300), proto in 0usize..3, cut in 0usize..1400,
        kind in prop::sample::select(vec![(3u8, 1u8), (3, 4), (11, 0), (12, 0), (3, 2)]), port: u16,
    ) {
        let payload = [
            Payload::tcp_segment(port, 80, 0x10, 1, 2, &data),
            Payload::udp(port, 80, &data),
            Payload::icmp(Family::V4, 8, 0, u32::from(port) << 16, &data),
        ][proto].clone();
        let ports = if proto == 2 { Ports::Identifier(!port) } else { Ports::Both { src: !port, dst: 80 } };
        let quote = quote4(&payload);
        let cut = cut.max(21).min(quote.len());
        let out = to6(&error4(kind.0, kind.1, 0, &quote[..cut]), ports, &Rules::default()).unwrap();
        prop_assert!(out.len() <= 1280);
        let error = verified(&out);
        let inner = read(error.quote(), true);
        if cut == quote.len() && out.len() < 1280 {
            prop_assert!(inner.holds());
        }
        // And an error about the translated packet back to IPv4.
        let back = error6(1, 3, 0, &from_server6(&payload_back(&payload))[..]);
        let ports = if proto == 2 { Ports::Identifier(port) } else { Ports::Both { src: port, dst: 80 } };
        if back.len() <= 1280 {
            let out = to4(&back, ports, &Rules::default()).unwrap();
            prop_assert!(out.len() <= 576);
            verified(&out);
        }
    }
}

/// The same in IPv6.
fn payload_back(payload: &Payload) -> Payload {
    match payload.proto.0 {
        1 => Payload::icmp(Family::V6, 129, 0, 7 << 16, &payload.bytes[8..]),
        _ => payload.clone(),
    }
}
