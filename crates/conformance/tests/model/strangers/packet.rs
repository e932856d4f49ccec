//! Packets of every kind: sources, destinations, protocols, messages, flags, options, lengths and stations in any combination.

use proptest::prelude::*;
use proptest::sample::select;
use ravelin_conformance::model::{Packet, SYN, Segment, Station};

use super::NETBIOS;
use crate::kit::ip;
use crate::screens::OPTIONS;

/// Who sends it, and to whom: `$` is the network that it comes from, `%` another.
const SOURCES: [&str; 36] = [
    "10.$.0.2",
    "10.$.0.2",
    "10.$.0.3",
    "10.$.0.4",
    "10.$.0.2",
    "10.%.0.2",
    "10.$.0.1",
    "10.%.0.1",
    "10.$.0.255",
    "10.$.0.0",
    "0.0.0.0",
    "0.0.0.7",
    "127.0.0.1",
    "169.254.0.9",
    "224.0.0.5",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.51.100.7",
    "2001:db8:$::2",
    "2001:db8:$::2",
    "2001:db8:$::3",
    "2001:db8:$::2",
    "2001:db8:%::2",
    "2001:db8:$::1",
    "2001:db8:%::1",
    "::",
    "::1",
    "fe80::9",
    "fe80::1",
    "ff02::1",
    "ff0e::1",
    "::ffff:10.0.0.2",
    "2001:db8:9::9",
    "64:ff9b::a00:2",
    "2001:db8:$::",
];
const DESTINATIONS: [&str; 38] = [
    "10.%.0.2",
    "10.%.0.2",
    "10.%.0.3",
    "10.%.0.4",
    "10.%.0.2",
    "10.$.0.2",
    "10.$.0.1",
    "10.%.0.1",
    "10.$.0.255",
    "10.%.0.255",
    "10.%.0.0",
    "0.0.0.0",
    "0.0.0.7",
    "127.0.0.1",
    "169.254.0.9",
    "224.0.0.5",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "198.51.100.7",
    "2001:db8:%::2",
    "2001:db8:%::2",
    "2001:db8:%::3",
    "2001:db8:%::2",
    "2001:db8:$::2",
    "2001:db8:$::1",
    "2001:db8:%::1",
    "::",
    "::1",
    "fe80::9",
    "ff01::1",
    "ff02::1",
    "ff02::1:ff00:1",
    "ff12::9",
    "ff0e::1",
    "::ffff:10.0.0.2",
    "2001:db8:9::9",
    "2001:db8:%::",
];

/// Messages that are no echo and no error, of ICMP and of ICMPv6.
const MESSAGES: [u8; 9] = [2, 9, 10, 13, 14, 17, 40, 200, 255];
const MESSAGES6: [u8; 12] = [5, 100, 130, 131, 133, 134, 135, 136, 137, 143, 200, 255];

fn protocol() -> impl Strategy<Value = u8> {
    select(
        &[6u8, 6, 6, 17, 17, 17, 1, 1, 58, 58, 2, 4, 41, 47, 50, 51, 59, 89, 94, 103, 132, 200, 255, 0][..],
    )
}

pub fn packet() -> impl Strategy<Value = (usize, Packet)> {
    let family = any::<bool>().prop_flat_map(|v6| {
        let of = move |list: &[&'static str]| {
            let of_family = list.iter().filter(|text| text.contains(':') == v6);
            select(of_family.copied().collect::<Vec<_>>())
        };
        (of(&SOURCES), of(&DESTINATIONS))
    });
    let ports = (select(&[1000u16, 1001, 67, 0][..]), select(&[22u16, 80, 123, 67, NETBIOS, 0][..]));
    let flags = prop_oneof![2 => Just(SYN), 1 => any::<u8>()];
    let ttl = select(&[64u8, 64, 64, 64, 64, 64, 64, 0, 1, 2, 255, 255][..]);
    let station = prop_oneof![10 => Just(Station::Own), 1 => Just(Station::All), 1 => Just(Station::Group)];
    let len = prop_oneof![4 => Just(24u16), 2 => Just(0), 2 => Just(7), 2 => 980u16..1010, 1 => 1180u16..1300, 1 => 566u16..574];
    let options = prop_oneof![4 => Just(&[][..]), 1 => select(&OPTIONS[..])];
    let message =
        (any::<[bool; 2]>(), select(&MESSAGES[..]), select(&MESSAGES6[..]), select(&[0u8, 0, 3][..]));
    let shape = ((ttl, station, len, options, any::<bool>()), ports, flags, message);
    ((0usize..4, 0usize..4), family, protocol(), shape).prop_map(
        |((from, other), (src, dst), proto, (of_frame, ports, flags, message))| {
            let (ttl, station, len, options, dont_fragment) = of_frame;
            let addr =
                |text: &str| ip(&text.replace('$', &from.to_string()).replace('%', &other.to_string()));
            let (src, dst) = (addr(src), addr(dst));
            let v6 = src.is_ipv6();
            // Numbers of headers that would be walked over.
            let proto = if v6 && proto == 0 { 255 } else { proto };
            let ([is_echo, is_reply], kind4, kind6, code) = message;
            let is_own_icmp = proto == if v6 { 58 } else { 1 };
            let kind = if proto == 1 { kind4 } else { kind6 };
            let message = (matches!(proto, 1 | 58) && !(is_echo && is_own_icmp)).then_some((kind, code));
            let (sport, dport) = match (proto, message) {
                (6 | 17, _) => ports,
                (_, Some((kind, code))) => (u16::from(kind) << 8 | u16::from(code), 1),
                (1 | 58, None) if is_reply => (0, 7),
                (1 | 58, None) => (7, 0),
                // Of the data that it is made of.
                (132, _) => (0x0707, 0x0707),
                _ => (0, 0),
            };
            let tcp =
                (proto == 6).then(|| Segment { len: if len == 24 { 0 } else { len }, ..Segment::of(flags) });
            let options = if v6 { &[] } else { options };
            let dont_fragment = dont_fragment && !v6;
            let packet = Packet {
                src,
                dst,
                proto,
                sport,
                dport,
                tcp,
                len,
                options,
                ttl,
                tos: 0,
                dont_fragment,
                station,
                message,
            };
            (from, packet)
        },
    )
}

/// What a few hosts say again and again: to one on another link, or to the firewall.
pub fn plain() -> impl Strategy<Value = (usize, Packet)> {
    let kind = select(
        &[
            (6u8, None),
            (6, None),
            (17, None),
            (17, None),
            (1, None),
            (1, Some((13u8, 0u8))),
            (1, Some((13, 3))),
        ][..],
    );
    // As much as a unit takes, and one more.
    let len = (select(&[8u16, 8, 572, 573][..]), any::<bool>());
    let ends = (prop_oneof![4 => Just(0usize), 1 => 1usize..3], select(&[1usize, 1, 1, 2, 0][..]), 2u8..4);
    (ends, kind, select(&[22u16, 53][..]), any::<bool>(), len).prop_map(
        |((from, to, host), (proto, message), port, v6, (len, dont_fragment))| {
            let (proto, message) =
                if v6 { (if proto == 1 { 58 } else { proto }, None) } else { (proto, message) };
            // On its own link there is the firewall alone.
            let other = if from == to { 1 } else { 2 };
            let addr = |net: usize, host: u8| match v6 {
                true => ip(&format!("2001:db8:{net}::{host}")),
                false => ip(&format!("10.{net}.0.{host}")),
            };
            let (sport, dport) = match (proto, message) {
                (6 | 17, _) => (1000, port),
                (_, Some((kind, code))) => (u16::from(kind) << 8 | u16::from(code), 1),
                (_, None) => (7, 0),
            };
            let tcp = (proto == 6).then(|| Segment::of(SYN));
            let (src, dst) = (addr(from, host), addr(to, other));
            let dont_fragment = dont_fragment && !v6;
            let packet = Packet { src, dst, proto, sport, dport, tcp, len, message, ..Packet::PLAIN };
            (from, Packet { dont_fragment, ..packet })
        },
    )
}

/// The same as the firewall sends it: from an address of its.
pub fn from_kernel(unit: usize, packet: Packet) -> Packet {
    let src = if packet.src.is_ipv4() { format!("10.{unit}.0.1") } else { format!("2001:db8:{unit}::1") };
    let tcp = packet.tcp.map(|_| Segment::of(SYN));
    Packet { src: ip(&src), tcp, station: Station::Own, ..packet }
}
