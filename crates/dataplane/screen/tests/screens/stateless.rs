//! Spec: screen-10..39. One packet or more that trips each screen, and neighbours that do not.

use ravelin_program::{Screen, ScreenProfile, ScreenSet};
use ravelin_screen::{Profile, ScreenAction, check_fast, check_first, clear_urgent};
use ravelin_types::{Family, Instant, Proto};
use ravelin_wire::build::{Ip, Payload, datagram, frame};
use ravelin_wire::{TcpFlags, checksum, put_u16, u16_at};

use crate::kit::{Around, between, meters, profile, tcp, v4, v6, with};

const SYN: u8 = TcpFlags::SYN;
const FIN: u8 = TcpFlags::FIN;
const ACK: u8 = TcpFlags::ACK;
const UDP: u8 = 17;
const MORE: u16 = 0x2000;

fn only(screen: Screen) -> ScreenProfile {
    ScreenProfile { checks: ScreenSet::of(&[screen]), ..ScreenProfile::default() }
}

fn build(settings: &ScreenProfile) -> Profile {
    profile(|profile| *profile = settings.clone())
}

/// Both paths say the same of a packet.
fn judged(profile: &Profile, packet: &[u8]) -> ScreenAction {
    with(packet, |packet| {
        let (meters, now) = (meters(), Instant::from_secs(1));
        let first = check_first(profile, &meters, packet, &Around::default(), now);
        let fast = check_fast(profile, &meters, packet, &Around::default(), now);
        assert_eq!((first.action, first.hits), (fast.action, fast.hits), "the paths differ");
        first.action
    })
}

#[track_caller]
fn check_with(screen: Screen, settings: &ScreenProfile, trips: &[Vec<u8>], passes: &[Vec<u8>]) {
    let drops = build(settings);
    let alarms = build(&ScreenProfile { alarm_without_drop: true, ..settings.clone() });
    for (n, packet) in trips.iter().enumerate() {
        assert_eq!(
            judged(&drops, packet),
            ScreenAction::Drop(screen),
            "{screen:?}, packet {n} does not trip"
        );
        assert_eq!(judged(&alarms, packet), ScreenAction::Pass, "{screen:?} drops though it only alarms");
        with(packet, |packet| {
            let verdict = check_first(&alarms, &meters(), packet, &Around::default(), Instant::from_secs(1));
            assert!(verdict.hits.has(screen) && verdict.notify.has(screen), "{screen:?} is not told of");
        });
    }
    for (n, packet) in passes.iter().enumerate() {
        assert_eq!(judged(&drops, packet), ScreenAction::Pass, "{screen:?}, neighbour {n} trips");
    }
    let none = profile(|_| {});
    trips.iter().for_each(|packet| assert_eq!(judged(&none, packet), ScreenAction::Pass));
}

#[track_caller]
fn check(screen: Screen, trips: &[Vec<u8>], passes: &[Vec<u8>]) {
    check_with(screen, &only(screen), trips, passes);
}

fn option(bytes: &[u8]) -> Vec<u8> {
    v4(bytes, UDP, 0, &Payload::udp(9, 9, b"").bytes)
}

#[test]
fn ipv4_options() {
    let route = |kind| option(&[kind, 7, 4, 10, 0, 0, 9, 0]);
    let plain = option(&[]);
    check(Screen::LooseSourceRoute, &[route(131), option(&[1, 131, 3, 4])], &[route(137), plain.clone()]);
    check(Screen::StrictSourceRoute, &[route(137)], &[route(131), plain.clone()]);
    check(Screen::SourceRoute, &[route(131), route(137)], &[route(7), plain.clone()]);
    check(Screen::RecordRoute, &[route(7)], &[route(131), option(&[0, 7, 3, 4])]);
    check(Screen::TimestampOption, &[option(&[68, 8, 5, 0, 0, 0, 0, 0])], &[route(7)]);
    check(
        Screen::SecurityOption,
        &[option(&[130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
        &[option(&[136, 4, 0, 1])],
    );
    check(Screen::StreamOption, &[option(&[136, 4, 0, 1])], &[option(&[130, 4, 0, 0])]);
}

#[test]
fn bad_options() {
    let bad = [
        option(&[131, 1, 4, 0]),
        option(&[131, 9, 4, 0, 0, 0, 0, 0]),
        option(&[7, 6, 4, 0, 0, 0, 0, 0]),
        option(&[131, 7, 3, 10, 0, 0, 9, 0]),
        option(&[68, 4, 4, 0]),
        option(&[136, 3, 0, 0]),
        option(&[1, 1, 1, 200]),
        option(&[200, 0, 0, 0]),
    ];
    let good = [
        option(&[131, 7, 4, 10, 0, 0, 9, 0]),
        option(&[68, 4, 5, 0]),
        option(&[136, 4, 0, 0]),
        option(&[200, 4, 1, 2]),
        option(&[0, 200, 0, 0]),
        option(&[1, 1, 1, 1]),
    ];
    check(Screen::BadOption, &bad, &good);
}

#[test]
fn protocols_without_a_meaning() {
    let four = |proto| v4(&[], proto, 0, b"12345678");
    let six = |proto| v6(&[], proto, b"12345678");
    check(
        Screen::UnknownProtocol,
        &[four(137), four(255), six(143), six(255)],
        &[four(136), four(132), six(142)],
    );
}

#[test]
fn fragments_of_any_kind() {
    let fragment6 = |word: [u8; 2]| {
        v6(
            &[(44, &[0, 0, word[0], word[1], 0, 0, 0, 7])],
            UDP,
            &[0, 9, 0, 9, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
        )
    };
    let udp = Payload::udp(9, 9, b"12345678").bytes;
    let parts = [v4(&[], UDP, MORE, &udp), v4(&[], UDP, 1, &udp), fragment6([0, 1]), fragment6([0, 8])];
    let whole = [v4(&[], UDP, 0, &udp), v4(&[], UDP, 0x4000, &udp), fragment6([0, 0])];
    check(Screen::BlockFrag, &parts, &whole);
    let mut settings = only(Screen::BlockFrag);
    settings.fragment_white_list = vec!["10.0.0.0/24".parse::<ipnet::IpNet>().unwrap().into()];
    check_with(Screen::BlockFrag, &settings, &parts[2..], &parts[..2]);
    settings.fragment_white_list = vec!["198.51.100.1/32".parse::<ipnet::IpNet>().unwrap().into()];
    check_with(Screen::BlockFrag, &settings, &parts[2..], &parts[..2]);
}

#[test]
fn what_the_surroundings_tell() {
    let (part, whole) = (v4(&[], UDP, 5, b"12345678"), v4(&[], UDP, 0, &Payload::udp(1, 2, b"").bytes));
    let judge = |screen, packet: &[u8], around: Around| {
        with(packet, |packet| {
            let (profile, now) = (build(&only(screen)), Instant::from_secs(1));
            let first = check_first(&profile, &meters(), packet, &around, now).action;
            (first, check_fast(&profile, &meters(), packet, &around, now).action)
        })
    };
    let drop = |screen| ScreenAction::Drop(screen);
    let overlaps = Around { overlaps: true, ..Around::default() };
    let tear = drop(Screen::TearDrop);
    assert_eq!(judge(Screen::TearDrop, &part, overlaps), (tear, tear));
    assert_eq!(judge(Screen::TearDrop, &part, Around::default()), (ScreenAction::Pass, ScreenAction::Pass));
    assert_eq!(judge(Screen::TearDrop, &whole, overlaps), (ScreenAction::Pass, ScreenAction::Pass));
    let spoofed = Around { spoofed: true, ..Around::default() };
    assert_eq!(judge(Screen::Spoofing, &whole, spoofed), (drop(Screen::Spoofing), ScreenAction::Pass));
    assert_eq!(judge(Screen::Spoofing, &whole, overlaps), (ScreenAction::Pass, ScreenAction::Pass));
}

const ROUTING: (u8, &[u8]) = (43, &[0, 0, 2, 0, 0, 0, 0, 0]);
const DESTINATION: (u8, &[u8]) = (60, &[0, 0, 1, 4, 0, 0, 0, 0]);
const HOP: (u8, &[u8]) = (0, &[0, 0, 1, 4, 0, 0, 0, 0]);
const ATOMIC: (u8, &[u8]) = (44, &[0, 0, 0, 0, 0, 0, 0, 7]);
const AH: (u8, &[u8]) = (51, &[0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]);

#[test]
fn ipv6_extension_headers() {
    let udp = Payload::udp(9, 9, b"").bytes;
    let plain = v6(&[DESTINATION, HOP][..1], UDP, &udp);
    let last = |number| v6(&[], number, &[UDP, 0, 0, 0, 0, 0, 0, 0]);
    check(Screen::RoutingHeader, &[v6(&[HOP, ROUTING], UDP, &udp)], &[plain.clone(), last(50)]);
    check(Screen::FragmentHeader, &[v6(&[ATOMIC], UDP, &udp)], &[v6(&[ROUTING], UDP, &udp)]);
    check(Screen::EspHeader, &[last(50), v6(&[DESTINATION], 50, b"12345678")], &[v6(&[AH], UDP, &udp)]);
    check(Screen::AhHeader, &[v6(&[AH], UDP, &udp)], &[last(50)]);
    check(
        Screen::NoNextHeader,
        &[v6(&[], 59, b""), v6(&[AH, DESTINATION], 59, b"")],
        std::slice::from_ref(&plain),
    );
    check(Screen::Shim6Header, &[last(140)], &[last(139)]);
    check(Screen::MobilityHeader, &[last(135)], &[last(139)]);
    check(Screen::HipHeader, &[last(139)], &[last(135), v4(&[], 139, 0, b"12345678")]);
    let mut settings = ScreenProfile::default();
    settings.user_defined.headers = vec![(150, 151), (60, 60)];
    let own = [last(150), last(151), plain.clone()];
    check_with(Screen::UserDefinedHeader, &settings, &own, &[last(149), last(152), v6(&[HOP], UDP, &udp)]);
}

#[test]
fn ipv6_options() {
    let with =
        |header, kind: u8| v6(&[(header, &[0, 0, kind, 0, 1, 2, 0, 0])], UDP, &Payload::udp(9, 9, b"").bytes);
    let (hop, destination) = (|kind| with(0, kind), |kind| with(60, kind));
    for (screen, kind) in [
        (Screen::HopJumbo, 0xc2),
        (Screen::HopRouterAlert, 0x05),
        (Screen::HopQuickStart, 0x26),
        (Screen::HopCalipso, 0x07),
        (Screen::HopSmfDpd, 0x08),
        (Screen::HopRpl, 0x63),
    ] {
        check(screen, &[hop(kind)], &[hop(0x3e), destination(kind)]);
    }
    for (screen, kind) in [
        (Screen::DestinationTunnelLimit, 0x04),
        (Screen::DestinationHomeAddress, 0xc9),
        (Screen::DestinationIlnpNonce, 0x8b),
        (Screen::DestinationLineId, 0x8c),
    ] {
        check(screen, &[destination(kind)], &[destination(0x3e), hop(kind)]);
    }
    let mut settings = ScreenProfile::default();
    settings.user_defined.hop_options = vec![(30, 40)];
    check_with(Screen::HopUserDefined, &settings, &[hop(30), hop(40)], &[hop(29), hop(41), destination(30)]);
    settings.user_defined = Default::default();
    settings.user_defined.destination_options = vec![(30, 30)];
    check_with(Screen::DestinationUserDefined, &settings, &[destination(30)], &[destination(31), hop(30)]);
}

#[test]
fn ipv6_chains() {
    let udp = Payload::udp(9, 9, b"").bytes;
    let chain = |headers: &[(u8, &[u8])]| v6(headers, UDP, &udp);
    let limit = |most| ScreenProfile { header_limit: Some(most), ..ScreenProfile::default() };
    let (two, three) = (chain(&[HOP, ROUTING]), chain(&[HOP, ROUTING, DESTINATION]));
    check_with(Screen::Ipv6HeaderLimit, &limit(2), std::slice::from_ref(&three), &[two.clone(), chain(&[])]);
    check_with(Screen::Ipv6HeaderLimit, &limit(0), &[chain(&[HOP])], &[chain(&[]), v6(&[], 59, b"")]);
    let overrun: (u8, &[u8]) = (60, &[0, 0, 1, 5, 0, 0, 0, 0]);
    let multicast = frame(&Ip::v6("ff02::1", "2001:db8::2"), &Payload::udp(9, 9, b""));
    let bad = [
        chain(&[ROUTING, HOP]),
        chain(&[HOP, HOP]),
        chain(&[ROUTING, ROUTING]),
        chain(&[ATOMIC, ATOMIC]),
        chain(&[DESTINATION, DESTINATION, DESTINATION]),
        chain(&[overrun]),
        multicast,
    ];
    check(Screen::Ipv6Malformed, &bad, &[three, two, chain(&[DESTINATION, ROUTING, DESTINATION])]);
}

#[test]
fn icmp() {
    let echo4 = |len: usize| between(Family::V4, 1, 2, &Payload::icmp(Family::V4, 8, 0, 1, &vec![0; len]));
    let echo6 = |len: usize| between(Family::V6, 1, 2, &Payload::icmp(Family::V6, 128, 0, 1, &vec![0; len]));
    // 1024 bytes: header, eight bytes of ICMP and the data.
    check(
        Screen::IcmpLarge,
        &[echo4(997), echo6(977)],
        &[echo4(996), echo6(976), v4(&[], UDP, 0, &Payload::udp(1, 2, &[0; 1400]).bytes)],
    );
    let part = |word, len| v4(&[], 1, word, &vec![0; len]);
    let part6 = v6(&[(44, &[0, 0, 0, 8, 0, 0, 0, 7])], 58, b"12345678");
    check(
        Screen::IcmpFragment,
        &[part(MORE, 8), part(1, 8), part6],
        &[part(0, 8), v4(&[], UDP, 1, b"12345678")],
    );
    // 20 + 65,120 + 395 = 65,535 bytes is the longest datagram.
    check(
        Screen::PingDeath,
        &[part(8140, 396), part(0x1fff, 8)],
        &[part(8140, 395), part(0, 1400), v4(&[], UDP, 0x1fff, b"12345678")],
    );
}

#[test]
fn icmpv6_that_contradicts_itself() {
    let message = |hops, kind, code, rest: &[u8]| {
        let ip = Ip { ttl: hops, ..Ip::v6("2001:db8::1", "2001:db8::2") };
        frame(&ip, &Payload::icmp(Family::V6, kind, code, 0, rest))
    };
    let target = |last: u8| [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[last]].concat();
    let solicit = target(9);
    let with_option = |option: &[u8]| [&solicit[..], option].concat();
    let quoted = datagram(&Ip::v6("2001:db8::2", "2001:db8::1"), &Payload::udp(1, 2, b""));
    let mut wrong = message(64, 128, 0, b"");
    wrong[56] ^= 1;
    let mut group = solicit.clone();
    group[0] = 0xff;
    let bad = [
        wrong,
        message(254, 135, 0, &solicit),
        message(255, 135, 1, &solicit),
        message(255, 135, 0, &solicit[..12]),
        message(255, 135, 0, &group),
        message(255, 135, 0, &with_option(&[1, 0, 0, 0, 0, 0, 0, 0])),
        message(255, 135, 0, &with_option(&[1, 2, 0, 0, 0, 0, 0, 0])),
        message(255, 134, 0, &[0; 7]),
        message(255, 137, 0, &[0; 31]),
        message(64, 1, 0, &quoted[..39]),
        message(64, 131, 0, &[0; 15]),
    ];
    let good = [
        message(64, 128, 0, b""),
        message(255, 135, 0, &solicit),
        message(255, 136, 0, &with_option(&[2, 1, 0, 0, 0, 0, 0, 0])),
        message(255, 133, 0, b""),
        message(255, 134, 0, &[0; 8]),
        message(64, 1, 4, &quoted),
        message(1, 131, 0, &[0; 16]),
    ];
    check(Screen::Icmpv6Malformed, &bad, &good);
}

#[test]
fn tcp_flags() {
    let flags = |flags| v4(&[], 6, 0, &tcp(flags));
    check(Screen::TcpNoFlag, &[flags(0), flags(0xc0)], &[flags(SYN), flags(TcpFlags::URG)]);
    check(
        Screen::SynFin,
        &[flags(SYN | FIN), flags(SYN | FIN | ACK)],
        &[flags(SYN), flags(FIN), flags(FIN | ACK)],
    );
    check(
        Screen::FinNoAck,
        &[flags(FIN), flags(FIN | TcpFlags::PSH)],
        &[flags(FIN | ACK), flags(TcpFlags::RST)],
    );
    let part = |word, flags| v4(&[], 6, word, &tcp(flags));
    check(
        Screen::SynFrag,
        &[part(MORE, SYN), part(MORE, SYN | ACK)],
        &[part(0, SYN), part(MORE, ACK), part(3, SYN)],
    );
    let own = |flags, port| frame(&Ip::v4([10, 0, 0, 1], [10, 0, 0, 1]), &Payload::tcp(port, 80, flags));
    let own6 = frame(&Ip::v6("2001:db8::1", "2001:db8::1"), &Payload::tcp(80, 80, SYN));
    check(Screen::Land, &[own(SYN, 80), own(SYN, 81), own6], &[own(ACK, 80), flags(SYN)]);
}

#[test]
fn urgent_data_to_netbios_is_taken_out_and_passes() {
    let segment = |port, flags| {
        let mut payload = Payload::tcp_segment(1000, port, flags, 1, 1, b"x");
        put_u16(&mut payload.bytes, 18, 1);
        frame(&Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]), &payload)
    };
    let profile = build(&only(Screen::Winnuke));
    assert_eq!(judged(&profile, &segment(139, ACK)), ScreenAction::Pass);
    assert_eq!(judged(&profile, &segment(138, ACK | TcpFlags::URG)), ScreenAction::Pass);
    let mut bytes = segment(139, ACK | TcpFlags::URG);
    assert_eq!(judged(&profile, &bytes), ScreenAction::Repair);
    let network = ravelin_wire::parse(&bytes).unwrap().network.unwrap();
    let delta = clear_urgent(&mut bytes, &network);
    let sum = delta.apply(u16_at(&bytes, 50));
    put_u16(&mut bytes, 50, sum);
    assert_eq!((bytes[47], u16_at(&bytes, 52)), (ACK, 0));
    assert_eq!(checksum::transport(Family::V4, network.src, network.dst, Proto::TCP, &bytes[34..]), 0);
    let alarms = build(&ScreenProfile { alarm_without_drop: true, ..only(Screen::Winnuke) });
    assert_eq!(judged(&alarms, &segment(139, ACK | TcpFlags::URG)), ScreenAction::Pass);
}

#[test]
fn tunnels() {
    let inner4 = |src| datagram(&Ip::v4(src, [10, 0, 0, 9]), &Payload::udp(1, 2, b""));
    let inner6 = |src: &str| datagram(&Ip::v6(src, "2001:db8::9"), &Payload::udp(1, 2, b""));
    let (four, six) = (inner4([10, 0, 0, 8]), inner6("2001:db8::8"));
    let gre = |flags: u8, kind: [u8; 2], words: usize, inner: &[u8]| {
        [&[flags, 0][..], &kind, &vec![0; words * 4], inner].concat()
    };
    let (gre4, gre6) = (gre(0, [8, 0], 0, &four), gre(0xb0, [0x86, 0xdd], 3, &six));
    let pptp = gre(0x30, [0x88, 0x0b], 2, &four);
    check(
        Screen::Gre4in4,
        &[v4(&[], 47, 0, &gre4)],
        &[v4(&[], 47, 0, &gre6), v6(&[], 47, &gre4), v4(&[], 47, 0, &pptp)],
    );
    check(Screen::Gre6in4, &[v4(&[], 47, 0, &gre6)], &[v4(&[], 47, 0, &gre4), v6(&[], 47, &gre6)]);
    check(Screen::Gre4in6, &[v6(&[], 47, &gre4)], &[v6(&[], 47, &gre6), v4(&[], 47, 0, &gre4)]);
    check(Screen::Gre6in6, &[v6(&[], 47, &gre6)], &[v6(&[], 47, &gre4), v4(&[], 47, 0, &gre6)]);
    let (in4, in6) =
        (|proto, inner: &[u8]| v4(&[], proto, 0, inner), |proto, inner: &[u8]| v6(&[], proto, inner));
    check(Screen::Ipip4in4, &[in4(4, &four)], &[in4(41, &six), in6(4, &four), v4(&[], 4, 7, &four)]);
    check(Screen::Ipip6in4, &[in4(41, &six)], &[in4(4, &four), in6(41, &six)]);
    check(Screen::Ipip4in6, &[in6(4, &four)], &[in6(41, &six), in4(4, &four)]);
    check(Screen::Ipip6in6, &[in6(41, &six)], &[in6(4, &four), in4(41, &six)]);
    let isatap = [inner6("2001:db8::5efe:10.0.0.1"), inner6("fe80::200:5efe:192.0.2.1")];
    check(
        Screen::Isatap,
        &isatap.map(|i| in4(41, &i)),
        &[in4(41, &six), in4(41, &inner6("2001:db8::5eff:10.0.0.1"))],
    );
    check(
        Screen::Ipip6over4,
        &[in4(41, &inner6("fe80::10.0.0.1"))],
        &[in4(41, &six), in4(41, &inner6("fe80::1"))],
    );
    check(
        Screen::DsLite,
        &[in6(4, &inner4([192, 0, 0, 2]))],
        &[in6(4, &four), in6(4, &inner4([192, 0, 0, 8]))],
    );
    let relayed = |dst| frame(&Ip::v4([10, 0, 0, 1], dst), &Payload::raw(Proto(41), &six));
    check(Screen::Ipip6to4Relay, &[relayed([192, 88, 99, 1])], &[relayed([192, 88, 98, 1])]);
    for (proto, inner) in [(4, &four), (41, &six)] {
        let cut = inner[..15].to_vec();
        check(
            Screen::BadInnerHeader,
            &[in4(proto, &cut), in6(proto, b"")],
            &[in4(proto, inner), in6(proto, inner)],
        );
    }
    check(Screen::BadInnerHeader, &[v4(&[], 47, 0, &gre(0xb0, [8, 0], 1, &[]))], &[v4(&[], 47, 0, &gre4)]);
}

#[test]
fn teredo() {
    let six = datagram(&Ip::v6("2001:db8::8", "2001:db8::9"), &Payload::udp(1, 2, b""));
    let udp = |sport, dport, data: &[u8]| v4(&[], UDP, 0, &Payload::udp(sport, dport, data).bytes);
    let origin = [&[0, 0, 1, 2, 3, 4, 5, 6][..], &six].concat();
    let auth = [&[0, 1, 2, 1][..], &[0; 12], &origin].concat();
    let trips = [udp(3544, 9, &six), udp(9, 3544, &origin), udp(9, 3544, &auth)];
    check(Screen::Teredo, &trips, &[udp(9, 3545, &six), udp(9, 3544, b"hello"), udp(9, 3544, b"")]);
    check(
        Screen::BadInnerHeader,
        &[udp(9, 3544, &six[..20]), udp(9, 3544, &[0, 1, 9])],
        &[udp(9, 3544, &six)],
    );
}

/// Nothing that the parser accepts makes a screen panic, everything on.
#[test]
fn hostile_packets_never_panic() {
    let profile = profile(|profile| {
        profile.checks = Screen::ALL.iter().copied().collect();
        profile.alarm_without_drop = true;
        profile.header_limit = Some(0);
    });
    let meters = meters();
    let mut random = 7u64;
    let mut judged = 0;
    for round in 0..60_000u32 {
        let mut packet = vec![0; 18 + round as usize % 110];
        for byte in &mut packet {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (random >> 56) as u8;
        }
        make_plausible(&mut packet, round);
        let Ok(parsed) = ravelin_wire::parse(&packet) else { continue };
        let Some(network) = parsed.network else { continue };
        let packet =
            ravelin_screen::Packet { frame: &packet, l3_at: 14, network: &network, zone: crate::kit::ZONE };
        let around = Around { spoofed: true, overlaps: true };
        let _ = check_first(&profile, &meters, &packet, &around, Instant(u64::from(round)));
        judged += 1;
    }
    assert!(judged > 5_000, "only {judged} packets were accepted");
}

/// Puts a version, a length and a protocol of interest in front of noise.
fn make_plausible(packet: &mut [u8], round: u32) {
    const PROTOCOLS: [u8; 12] = [0, 4, 6, 17, 41, 43, 44, 47, 51, 58, 60, 1];
    let (proto, len) = (PROTOCOLS[round as usize % 12], packet.len() - 14);
    let is_v4 = (round / 12).is_multiple_of(2);
    put_u16(packet, 12, if is_v4 { 0x0800 } else { 0x86dd });
    if is_v4 && len >= 40 {
        packet[14] = 0x45 + (round % 6) as u8;
        put_u16(packet, 16, len as u16);
        put_u16(packet, 20, if round.is_multiple_of(3) { 0 } else { u16_at(packet, 20) });
        packet[23] = proto;
        let header = 14..14 + usize::from(packet[14] & 15) * 4;
        put_u16(packet, 24, 0);
        let sum = !checksum::fold(checksum::sum(&packet[header]));
        put_u16(packet, 24, sum);
    } else if !is_v4 && len > 41 {
        packet[14] = 0x60;
        put_u16(packet, 18, (len - 40) as u16);
        packet[20] = proto;
        packet[54] = PROTOCOLS[round as usize / 24 % 12];
        packet[55] &= 3;
    }
}

/// An option whose length is wrong is still what it says it is; behind it nothing is read.
#[test]
fn an_option_beyond_its_header_is_found_by_its_kind() {
    for (kind, screen) in [
        (131, Screen::LooseSourceRoute),
        (137, Screen::StrictSourceRoute),
        (7, Screen::RecordRoute),
        (68, Screen::TimestampOption),
    ] {
        for len in [0, 1, 9, 255] {
            let packet = v4(&[kind, len, 4, 0, 136, 4, 0, 1], 89, 0, &[0; 8]);
            let found = |on: Screen| judged(&build(&only(on)), &packet);
            assert_eq!(found(screen), ScreenAction::Drop(screen), "{kind} {len}");
            assert_eq!(found(Screen::BadOption), ScreenAction::Drop(Screen::BadOption), "{kind} {len}");
            assert_eq!(found(Screen::StreamOption), ScreenAction::Pass, "{kind} {len}");
        }
    }
}
