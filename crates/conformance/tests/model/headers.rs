//! Generated screens of IPv6 extension headers and tunnels, and datagrams that are made of such headers, right and wrong ones.
//! What is dropped and what is counted must be what the model says of how they were made.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use ravelin_conformance::model::{Carried, Datagram, Header, Inner, Message, Options};
use ravelin_contract::DataPlane;
use ravelin_engine::{Ingress, Verdict};
use ravelin_program::Screen;
use ravelin_sim::SimPlane;
use ravelin_types::{Addr, DropReason, Family, Proto};
use ravelin_wire::build::{self, Ip, Payload};

use crate::kit::{ip, loaded, plane, runs};

const BASE: &str = "\
set security policies default-policy permit-all
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:0::1/64
set interfaces ge-0/0/1 unit 0 family inet address 10.1.0.1/24
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:1::1/64
set routing-options static route 0.0.0.0/0 next-hop 10.1.0.2
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set security zones security-zone trust screen s
";

const LEAVES: [&str; 41] = [
    "alarm-without-drop",
    "icmp icmpv6-malformed",
    "icmp icmpv6-malformed",
    "ip unknown-protocol",
    "ip ipv6-malformed-header",
    "ip ipv6-extension-header-limit 0",
    "ip ipv6-extension-header-limit 3",
    "ip ipv6-extension-header routing-header",
    "ip ipv6-extension-header fragment-header",
    "ip ipv6-extension-header ESP-header",
    "ip ipv6-extension-header AH-header",
    "ip ipv6-extension-header no-next-header",
    "ip ipv6-extension-header shim6-header",
    "ip ipv6-extension-header mobility-header",
    "ip ipv6-extension-header HIP-header",
    "ip ipv6-extension-header user-defined-header-type 16 to 43",
    "ip ipv6-extension-header hop-by-hop-header jumbo-payload-option",
    "ip ipv6-extension-header hop-by-hop-header router-alert-option",
    "ip ipv6-extension-header hop-by-hop-header quick-start-option",
    "ip ipv6-extension-header hop-by-hop-header CALIPSO-option",
    "ip ipv6-extension-header hop-by-hop-header SMF-DPD-option",
    "ip ipv6-extension-header hop-by-hop-header RPL-option",
    "ip ipv6-extension-header hop-by-hop-header user-defined-option-type 4 to 6",
    "ip ipv6-extension-header destination-header tunnel-encapsulation-limit-option",
    "ip ipv6-extension-header destination-header home-address-option",
    "ip ipv6-extension-header destination-header ILNP-nonce-option",
    "ip ipv6-extension-header destination-header line-identification-option",
    "ip ipv6-extension-header destination-header user-defined-option-type 139",
    "ip tunnel bad-inner-header",
    "ip tunnel gre gre-4in4",
    "ip tunnel gre gre-6in4",
    "ip tunnel gre gre-4in6",
    "ip tunnel gre gre-6in6",
    "ip tunnel ip-in-udp teredo",
    "ip tunnel ipip ipip-4in4",
    "ip tunnel ipip ipip-6in4",
    "ip tunnel ipip ipip-4in6",
    "ip tunnel ipip ipip-6in6",
    "ip tunnel ipip ipip-6over4",
    "ip tunnel ipip ipip-6to4relay",
    "ip tunnel ipip isatap",
];
const DSLITE: &str = "ip tunnel ipip dslite";

/// Option numbers, named ones twice as often as others.
const KINDS: [u8; 14] = [1, 4, 5, 6, 7, 8, 0x26, 0x63, 0xc2, 0xc9, 0x8b, 0x8c, 30, 222];
/// Numbers of headers with what stands behind some of them.
const NUMBERS: [(u8, Option<u8>); 9] = [
    (50, None),
    (59, None),
    (135, Some(59)),
    (139, Some(17)),
    (140, Some(59)),
    (142, None),
    (143, None),
    (200, None),
    (16, None),
];
const TEREDO: u16 = 3544;

fn config() -> impl Strategy<Value = String> {
    let leaves = LEAVES.into_iter().chain([DSLITE]).collect::<Vec<_>>();
    subsequence(leaves, 1..14).prop_map(|leaves| {
        let set = |leaf| format!("set security screen ids-option s {leaf}\n");
        BASE.to_owned() + &leaves.into_iter().map(set).collect::<String>()
    })
}

fn options() -> impl Strategy<Value = Options> {
    let torn = prop_oneof![7 => Just(false), 1 => Just(true)];
    (vec(select(&KINDS[..]), 0..3), torn)
        .prop_map(|(kinds, is_torn)| Options { is_torn: is_torn && !kinds.is_empty(), kinds })
}

fn header() -> impl Strategy<Value = Header> {
    prop_oneof![
        3 => options().prop_map(Header::HopByHop),
        3 => options().prop_map(Header::Destination),
        1 => Just(Header::Routing),
        1 => Just(Header::AtomicFragment),
        1 => Just(Header::Authentication),
    ]
}

fn inner() -> impl Strategy<Value = Inner> {
    let v4 = select(&["10.9.0.1", "192.0.0.2", "192.0.0.8", "10.9.0.2"][..]);
    let v6 = select(
        &[
            "2001:db8:9::1",
            "2001:db8:9::5efe:a09:1",
            "2001:db8:9::200:5efe:a09:1",
            "fe80::a09:1",
            "fe80::1",
            "fe80::9:0:a09:1",
        ][..],
    );
    let ends = prop_oneof![(v4.clone(), v4), (v6.clone(), v6)];
    let is_readable = prop_oneof![3 => Just(true), 1 => Just(false)];
    (ends, is_readable).prop_map(|((src, dst), is_readable)| Inner {
        src: ip(src),
        dst: ip(dst),
        is_readable,
    })
}

fn often<T: Clone + std::fmt::Debug>(right: T, wrong: T) -> impl Strategy<Value = T> {
    prop_oneof![7 => Just(right), 1 => Just(wrong)]
}

/// Right in most, and in each of them wrong now and then.
fn message() -> impl Strategy<Value = Message> {
    let kinds = &[1u8, 2, 3, 4, 128, 129, 130, 131, 132, 133, 134, 135, 135, 136, 136, 137, 200][..];
    let fixed = prop_oneof![4 => Just(None), 1 => select(&[8usize, 12, 16, 20, 24, 36, 40, 44, 48][..]).prop_map(Some)];
    // The last may say more than there is; one of no length ends a receiver's search.
    let options =
        (vec(Just(1u8), 0..3), prop_oneof![5 => Just(None), 1 => select(&[0u8, 2, 255][..]).prop_map(Some)]);
    let options = options.prop_map(|(mut options, last)| {
        options.extend(last);
        options
    });
    let flags = (often(0u8, 1), often(255u8, 64), often(false, true), often(true, false));
    (select(kinds), flags, fixed, options).prop_map(|(kind, flags, fixed, options)| {
        let (code, hop_limit, is_of_group, is_summed) = flags;
        let (right, has_options) = match kind {
            1..=4 => (56, false),
            130..=132 => (24, false),
            133 => (8, true),
            134 => (16, true),
            135 | 136 => (24, true),
            137 => (40, true),
            _ => (8, false),
        };
        // What is longer than its fixed part has options.
        let fixed = fixed.filter(|fixed| !has_options || *fixed < right);
        let options = if has_options && fixed.is_none() { options } else { Vec::new() };
        Message { kind, code, hop_limit, fixed: fixed.unwrap_or(right), options, is_of_group, is_summed }
    })
}

fn carried() -> impl Strategy<Value = Carried> {
    let gre = (prop_oneof![4 => Just(true), 1 => Just(false)], inner());
    let teredo = (prop_oneof![4 => Just(true), 1 => Just(false)], inner());
    prop_oneof![
        2 => select(&NUMBERS[..]).prop_map(|(number, behind)| Carried::Number(number, behind)),
        1 => Just(Carried::Udp),
        3 => message().prop_map(Carried::Icmp6),
        3 => inner().prop_map(Carried::Ip),
        2 => gre.prop_map(|(is_plain, inner)| Carried::Gre { is_plain, inner }),
        2 => teredo.prop_map(|(is_ip6, inner)| Carried::Teredo { is_ip6, inner }),
    ]
}

fn datagram() -> impl Strategy<Value = Datagram> {
    let to4 = select(&["10.1.0.9", "192.88.99.1", "239.192.0.1", "192.88.98.1"][..]);
    let v4 = (to4, carried()).prop_map(|(dst, carried)| {
        // Only IPv6 goes on behind them.
        let carried = match carried {
            Carried::Number(number, _) => Carried::Number(number, None),
            Carried::Icmp6(_) => Carried::Udp,
            other => other,
        };
        Datagram { src: ip("10.0.0.9"), dst: ip(dst), headers: Vec::new(), carried }
    });
    let v6 = (vec(header(), 0..6), carried()).prop_map(|(headers, carried)| Datagram {
        src: ip("2001:db8::9"),
        dst: ip("2001:db8:1::9"),
        headers,
        carried,
    });
    prop_oneof![1 => v4, 2 => v6]
}

/// The bytes of options, filled up to whole units of eight with their two leading bytes.
fn option_bytes(options: &Options) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, kind) in options.kinds.iter().enumerate() {
        let is_torn = options.is_torn && at + 1 == options.kinds.len();
        out.extend(if is_torn { vec![*kind, 250] } else { vec![*kind, 2, 0, 0] });
    }
    while !(out.len() + 2).is_multiple_of(8) {
        out.push(0);
    }
    out
}

fn header_bytes(header: &Header, next: u8) -> Vec<u8> {
    let of = |body: Vec<u8>| [vec![next, ((body.len() + 2) / 8 - 1) as u8], body].concat();
    match header {
        Header::HopByHop(options) | Header::Destination(options) => of(option_bytes(options)),
        // Nothing is left to visit.
        Header::Routing => of(vec![4, 0, 0, 0, 0, 0]),
        Header::AtomicFragment => vec![next, 0, 0, 0, 0, 0, 0, 7],
        // Its length is counted in words and leaves two of them out.
        Header::Authentication => [vec![next, 1, 0, 0], 77u32.to_be_bytes().to_vec(), vec![0; 4]].concat(),
    }
}

/// An inner datagram, cut within its header where it is not to be read.
fn inner_bytes(inner: &Inner) -> Vec<u8> {
    let ((family, src), (_, dst)) = (Addr::from_ip(inner.src), Addr::from_ip(inner.dst));
    let mut bytes = build::datagram(&Ip::new(family, src, dst), &Payload::udp(7, 7, b"inner"));
    if !inner.is_readable {
        bytes.truncate(12);
    }
    bytes
}

fn payload(datagram: &Datagram) -> Payload {
    let number = Proto(datagram.protocol());
    match &datagram.carried {
        Carried::Number(_, behind) => {
            Payload::raw(number, &[&[behind.unwrap_or(7), 0][..], &[0; 6], &[9; 24]].concat())
        }
        Carried::Udp => Payload::udp(1000, 2000, b"data"),
        Carried::Icmp6(message) => {
            let target: [u8; 16] = match message.is_of_group {
                true => [255, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
                false => [32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9],
            };
            let mut data = [&target[..], &[0x60; 24]].concat();
            data.resize(message.fixed - 8, 0);
            message.options.iter().for_each(|units| data.extend([1, *units, 0, 0, 0, 0, 0, 0]));
            Payload::icmp(Family::V6, message.kind, message.code, 0, &data)
        }
        Carried::Ip(inner) => Payload::raw(number, &inner_bytes(inner)),
        Carried::Gre { is_plain, inner } => {
            let kind = if inner.src.is_ipv4() { [0x08, 0] } else { [0x86, 0xdd] };
            // With a key; a version of its own otherwise.
            let flags = if *is_plain { [0x20, 0] } else { [0x20, 1] };
            Payload::raw(number, &[&flags[..], &kind, &[0; 4], &inner_bytes(inner)].concat())
        }
        Carried::Teredo { is_ip6, inner } => {
            let (origin, mut inside) = ([0u8, 0, 1, 2, 3, 4, 5, 6], inner_bytes(inner));
            inside[0] = if *is_ip6 { 0x60 } else { 0x50 };
            Payload::udp(1000, TEREDO, &[&origin[..], &inside].concat())
        }
    }
}

fn frame(datagram: &Datagram) -> Vec<u8> {
    let ((family, src), (_, dst)) = (Addr::from_ip(datagram.src), Addr::from_ip(datagram.dst));
    let mut frame = build::frame(&Ip::new(family, src, dst), &payload(datagram));
    if let Carried::Icmp6(message) = &datagram.carried {
        frame[21] = message.hop_limit;
        // In the word behind the checksum.
        frame[54 + 6] ^= u8::from(!message.is_summed);
    }
    let mut next = datagram.protocol();
    let mut chain = Vec::new();
    for header in datagram.headers.iter().rev() {
        chain = [header_bytes(header, next), chain].concat();
        next = header.number();
    }
    if !chain.is_empty() {
        let len = u16::from_be_bytes([frame[18], frame[19]]) + chain.len() as u16;
        frame[18..20].copy_from_slice(&len.to_be_bytes());
        frame[20] = next;
        frame.splice(54..54, chain);
    }
    frame
}

/// A Teredo packet is IPv6 within, whatever was drawn.
fn settled(mut datagram: Datagram) -> Datagram {
    if let Carried::Teredo { inner, .. } = &mut datagram.carried
        && inner.src.is_ipv4()
    {
        (inner.src, inner.dst) = (ip("2001:db8:9::1"), ip("2001:db8:9::2"));
    }
    datagram
}

fn hits(plane: &SimPlane) -> BTreeMap<Screen, u64> {
    let counters = plane.telemetry().screens().unwrap();
    counters.iter().flat_map(|zone| zone.hits.iter().copied()).collect()
}

fn is_unicast(addr: IpAddr) -> bool {
    !addr.is_multicast()
}

proptest! {
    #![proptest_config(runs(31, 1500))]
    #[test]
    fn engine_and_model_agree_on_headers_and_tunnels(
        text in config(),
        datagrams in vec(datagram().prop_map(settled), 1..24),
    ) {
        let config = loaded(&text);
        let plane = plane(&config, 1);
        let rules = plane.rules().unwrap();
        let port = rules.ports().find(|port| port.name == "ge-0/0/0").unwrap().id;
        let option = &config.security.screen.ids_options[0];
        let mut expected: BTreeMap<Screen, u64> = BTreeMap::new();
        // Each twice: what has a session by then is judged on the fast path.
        for datagram in datagrams.iter().flat_map(|datagram| [datagram, datagram]) {
            let (verdicts, ..) = plane.workers().run_batch(&[(Ingress::Port(port), &frame(datagram))]);
            let found = datagram.found(option);
            let counted = if option.alarm_without_drop { &found[..] } else { &found[..found.len().min(1)] };
            counted.iter().for_each(|screen| *expected.entry(*screen).or_default() += 1);
            let is_stopped = !option.alarm_without_drop && !found.is_empty();
            let verdict = verdicts[0];
            let is_dropped = verdict == Verdict::Drop(DropReason::Screen);
            prop_assert_eq!(is_dropped, is_stopped, "{:?} of {:?}, {:?} under\n{}", verdict, datagram, found, text);
            let passed = matches!(verdict, Verdict::Send { .. } | Verdict::Consume);
            // What is spoken on a link, and an answer or error that nobody waits for, goes no further.
            let may_pass = is_unicast(datagram.dst) && !matches!(datagram.carried, Carried::Icmp6(_));
            prop_assert!(is_stopped || passed || !may_pass, "{:?} of {:?}", verdict, datagram);
            prop_assert_eq!(&hits(&plane), &expected, "after {:?} under\n{}", datagram, text);
        }
    }
}
