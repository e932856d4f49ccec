//! Floods, sweeps and rates. Spec: screen-40..49, screen-50..57.

use ravelin_program::{
    Allowance, Prefix, Screen, ScreenProfile, SideLimits, Sweeps, SynFlood, SynProtection, SynWhiteList,
    UdpFlood,
};
use ravelin_screen::{Meters, Profile, ScreenAction, ScreenVerdict, check_fast, check_first};
use ravelin_types::{Family, Instant};
use ravelin_wire::TcpFlags;
use ravelin_wire::build::Payload;

use crate::kit::{Around, addr, between, meters, millis, profile, with};

const SECOND: u64 = 1_000_000_000;

fn first(profile: &Profile, meters: &Meters, packet: &[u8], now: Instant) -> ScreenVerdict {
    with(packet, |packet| check_first(profile, meters, packet, &Around::default(), now))
}

fn fast(profile: &Profile, meters: &Meters, packet: &[u8], now: Instant) -> ScreenVerdict {
    with(packet, |packet| check_fast(profile, meters, packet, &Around::default(), now))
}

fn ping(src: u32, dst: u32) -> Vec<u8> {
    between(Family::V4, src, dst, &Payload::icmp(Family::V4, 8, 0, 1, b""))
}

fn udp(src: u32, dst: u32, port: u16) -> Vec<u8> {
    between(Family::V4, src, dst, &Payload::udp(1000, port, b""))
}

fn syn(src: u32, dst: u32, port: u16) -> Vec<u8> {
    between(Family::V4, src, dst, &Payload::tcp(1000, port, TcpFlags::SYN))
}

fn host(n: u32) -> Prefix {
    Prefix { family: Family::V4, first: addr(Family::V4, n), last: addr(Family::V4, n) }
}

/// How many of a second's packets pass when `rate` come evenly over it, turn by turn over the workers.
fn passing(settings: &ScreenProfile, rate: u64, packets: &[Vec<u8>]) -> u64 {
    let (profile, meters) = (profile(|profile| *profile = settings.clone()), meters());
    let mut passed = 0;
    for n in 0..rate {
        let now = Instant(5 * SECOND + n * SECOND / rate);
        let packet = &packets[n as usize % packets.len()];
        // Two of three packets belong to sessions: both paths count.
        let verdict = if n % 3 == 0 {
            first(&profile, &meters, packet, now)
        } else {
            fast(&profile, &meters, packet, now)
        };
        passed += u64::from(verdict.action == ScreenAction::Pass);
    }
    passed
}

/// At half, once and ten times the threshold, all on one destination or spread over four.
#[test]
fn floods_pass_their_threshold_and_no_more() {
    let threshold = 1000;
    let icmp = ScreenProfile { icmp_flood: Some(threshold), ..ScreenProfile::default() };
    let flood = UdpFlood { threshold, white_list: Vec::new() };
    let udp_flood = ScreenProfile { udp_flood: Some(flood), ..ScreenProfile::default() };
    let pings: Vec<_> = (0..4).map(|dst| ping(1, dst)).collect();
    let datagrams: Vec<_> = (0..4).map(|dst| udp(dst, 9, 53 + dst as u16)).collect();
    for (settings, packets) in [(&icmp, &pings), (&udp_flood, &datagrams)] {
        for spread in [1, 4] {
            let limit = u64::from(threshold) * spread;
            for (rate, expected) in [(limit / 2, limit / 2), (limit, limit), (limit * 10, limit)] {
                assert_eq!(
                    passing(settings, rate, &packets[..spread as usize]),
                    expected,
                    "{rate} over {spread}"
                );
            }
        }
    }
}

/// The same limit when one, two or four workers judge at once.
#[test]
fn workers_share_a_threshold() {
    let profile = profile(|profile| profile.icmp_flood = Some(500));
    for workers in [1u32, 2, 4] {
        for spread in [1, 4] {
            for (tenths, expected) in [(5, 250), (10, 500), (100, 500)] {
                let (meters, each) = (meters(), 500 * spread * tenths / 10 / workers);
                let passed: u32 = std::thread::scope(|scope| {
                    let work = || {
                        let pass = |n: u32| {
                            let packet = ping(1, n % spread);
                            first(&profile, &meters, &packet, millis(1500)).action == ScreenAction::Pass
                        };
                        (0..each).filter(|n| pass(*n)).count() as u32
                    };
                    let all: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
                    all.into_iter().map(|thread| thread.join().unwrap()).sum()
                });
                let expected = expected * spread;
                assert!(
                    passed.abs_diff(expected) * 100 <= expected,
                    "{workers} workers: {passed}, not {expected}"
                );
            }
        }
    }
}

#[test]
fn a_flood_to_one_address_is_none_to_another_and_ends_with_the_second() {
    let profile = profile(|profile| profile.icmp_flood = Some(2));
    let meters = meters();
    let at = |dst, ms| first(&profile, &meters, &ping(1, dst), millis(ms)).action;
    let drop = ScreenAction::Drop(Screen::IcmpFlood);
    assert_eq!([at(7, 1000), at(7, 1001), at(7, 1999)], [ScreenAction::Pass, ScreenAction::Pass, drop]);
    assert_eq!([at(8, 1999), at(7, 2000)], [ScreenAction::Pass; 2]);
    let six = between(Family::V6, 1, 7, &Payload::icmp(Family::V6, 128, 0, 1, b""));
    assert_eq!(first(&profile, &meters, &six, millis(1999)).action, ScreenAction::Pass);
    assert_eq!(first(&profile, &meters, &udp(1, 7, 9), millis(1999)).action, ScreenAction::Pass);
}

#[test]
fn a_white_list_exempts_source_or_destination_from_the_udp_flood() {
    let white_list = vec![host(1), host(0x10000 + 9)];
    let profile = profile(|profile| profile.udp_flood = Some(UdpFlood { threshold: 1, white_list }));
    let meters = meters();
    let passes =
        |src, dst| first(&profile, &meters, &udp(src, dst, 53), millis(10)).action == ScreenAction::Pass;
    assert!((0..20).all(|_| passes(1, 8) && passes(3, 9)));
    assert!(passes(3, 8) && !passes(3, 8));
}

#[test]
fn notifications_keep_the_trap_interval_and_counters_count_all() {
    let profile = profile(|profile| profile.icmp_flood = Some(1));
    let meters = meters();
    let mut told = Vec::new();
    for ms in (10_000..16_000).step_by(100) {
        let verdict = first(&profile, &meters, &ping(1, 7), millis(ms));
        assert_eq!(verdict.hits.has(Screen::IcmpFlood), ms % 1000 != 0, "{ms}");
        if verdict.notify.has(Screen::IcmpFlood) {
            told.push(ms);
        }
    }
    assert_eq!(told, [10_100, 12_100, 14_100], "an interval of two seconds");
}

fn sweeps(change: impl FnOnce(&mut Sweeps)) -> Profile {
    profile(|profile| change(&mut profile.sweeps))
}

#[test]
fn the_tenth_address_within_the_threshold_is_a_sweep() {
    let all = sweeps(|s| (s.ip_sweep, s.tcp_sweep, s.udp_sweep) = (Some(5000), Some(5000), Some(5000)));
    type Make = fn(u32, u32) -> Vec<u8>;
    let kinds: [(Screen, Make); 3] = [
        (Screen::IpSweep, ping),
        (Screen::TcpSweep, |src, dst| syn(src, dst, 80)),
        (Screen::UdpSweep, |src, dst| udp(src, dst, 53)),
    ];
    for (screen, make) in kinds {
        let meters = meters();
        let at = |src, dst, us: u64| first(&all, &meters, &make(src, dst), Instant(us * 1000)).action;
        for dst in 1..10 {
            assert_eq!(at(1, dst, u64::from(dst) * 100), ScreenAction::Pass, "{screen:?}");
        }
        let drop = ScreenAction::Drop(screen);
        assert_eq!([at(1, 10, 1000), at(1, 1, 1100), at(1, 2, 5099)], [drop; 3], "{screen:?}");
        assert_eq!([at(2, 10, 1100), at(1, 1, 5100)], [ScreenAction::Pass; 2], "{screen:?}");
        let packet = make(1, 3);
        assert_eq!(
            fast(&all, &meters, &packet, Instant(5_050_000)).action,
            ScreenAction::Pass,
            "sessions go on"
        );
    }
}

#[test]
fn slower_than_the_threshold_is_no_sweep() {
    let profile = sweeps(|s| s.ip_sweep = Some(5000));
    let meters = meters();
    for dst in 0..100u32 {
        let now = Instant(u64::from(dst) * 556_000);
        assert_eq!(first(&profile, &meters, &ping(1, dst), now).action, ScreenAction::Pass, "{dst}");
    }
}

#[test]
fn ten_ports_of_one_address_are_a_scan_and_the_source_is_refused_everywhere() {
    let all = sweeps(|s| (s.tcp_port_scan, s.udp_port_scan) = (Some(5000), Some(5000)));
    type Make = fn(u32, u32, u16) -> Vec<u8>;
    let kinds: [(Screen, Make); 2] = [(Screen::TcpPortScan, syn), (Screen::UdpPortScan, udp)];
    for (screen, make) in kinds {
        let meters = meters();
        let at =
            |src, dst, port, us: u64| first(&all, &meters, &make(src, dst, port), Instant(us * 1000)).action;
        for port in 1..10 {
            assert_eq!(at(1, 7, port, 10), ScreenAction::Pass);
            assert_eq!(at(1, 7, port, 11), ScreenAction::Pass, "no new port");
            assert_eq!(at(1, 8, port + 100, 12), ScreenAction::Pass, "another destination counts for itself");
        }
        let drop = ScreenAction::Drop(screen);
        assert_eq!([at(1, 7, 10, 20), at(1, 9, 80, 30)], [drop; 2]);
        assert_eq!([at(2, 7, 80, 30), at(1, 9, 80, 5021)], [ScreenAction::Pass; 2]);
    }
}

#[test]
fn neighbour_discovery_is_no_sweep() {
    let profile = sweeps(|s| s.ip_sweep = Some(1_000_000));
    let meters = meters();
    for n in 0..40u8 {
        let dst = format!("ff02::1:ff00:{n:x}");
        let ip = ravelin_wire::build::Ip::v6("fe80::1", &dst);
        let packet = ravelin_wire::build::frame(&ip, &Payload::icmp(Family::V6, 135, 0, 0, &[0; 16]));
        assert_eq!(first(&profile, &meters, &packet, millis(1)).action, ScreenAction::Pass);
    }
}

fn flood() -> SynFlood {
    SynFlood {
        alarm: 30,
        attack: 20,
        source: 60,
        destination: 80,
        timeout: 20,
        queue_size: 1024,
        white_lists: Vec::new(),
    }
}

/// What becomes of `count` requests of one second.
fn requests(profile: &Profile, count: u32, make: impl Fn(u32) -> Vec<u8>) -> Vec<ScreenVerdict> {
    let meters = meters();
    (0..count).map(|n| first(profile, &meters, &make(n), millis(3000 + u64::from(n)))).collect()
}

#[test]
fn requests_to_one_port_beyond_the_attack_threshold_are_challenged_and_then_alarm() {
    let profile = profile(|profile| profile.syn_flood = Some(flood()));
    let verdicts = requests(&profile, 55, |n| syn(n, 7, 80));
    let challenge = ScreenAction::Challenge(SynProtection::Cookie);
    for (n, verdict) in verdicts.iter().enumerate() {
        let expected = if n < 20 { ScreenAction::Pass } else { challenge };
        assert_eq!(verdict.action, expected, "request {n}");
        assert_eq!(verdict.hits.has(Screen::SynFloodAlarm), n >= 50, "request {n}");
    }
    assert!(requests(&profile, 60, |n| syn(n, 7, n as u16)).iter().all(|v| v.action == ScreenAction::Pass));
    let acks = |n| between(Family::V4, n, 7, &Payload::tcp(1000, 80, TcpFlags::ACK));
    assert!(requests(&profile, 100, acks).iter().all(|v| *v == ScreenVerdict::PASS), "an ACK is no request");
}

#[test]
fn one_source_and_one_destination_have_thresholds_of_their_own() {
    let profile = profile(|profile| profile.syn_flood = Some(flood()));
    let from_one = requests(&profile, 70, |n| syn(1, n, 80));
    let dropped = |screen| ScreenAction::Drop(screen);
    assert!(from_one[..60].iter().all(|v| v.action == ScreenAction::Pass));
    assert!(from_one[60..].iter().all(|v| v.action == dropped(Screen::SynFloodSource)));
    let to_one = requests(&profile, 90, |n| syn(n, 7, n as u16));
    assert!(to_one[..80].iter().all(|v| v.action == ScreenAction::Pass));
    assert!(to_one[80..].iter().all(|v| v.action == dropped(Screen::SynFloodDestination)));
}

#[test]
fn white_lists_of_the_syn_flood_hold_both_sides() {
    let list = |sources: &[u32], destinations: &[u32]| SynWhiteList {
        sources: sources.iter().map(|n| host(*n)).collect(),
        destinations: destinations.iter().map(|n| host(0x10000 + n)).collect(),
    };
    let white_lists = vec![list(&[1], &[7]), list(&[], &[9])];
    let profile = profile(|profile| profile.syn_flood = Some(SynFlood { white_lists, attack: 1, ..flood() }));
    let challenged = |src, dst| {
        let all = requests(&profile, 40, |_| syn(src, dst, 80));
        all.iter().filter(|v| v.action != ScreenAction::Pass).count()
    };
    assert_eq!([challenged(1, 7), challenged(5, 9)], [0, 0]);
    assert_eq!([challenged(5, 7), challenged(1, 8)], [39, 39]);
}

#[test]
fn a_profile_that_only_alarms_proxies_nothing() {
    let profile = profile(|profile| {
        profile.alarm_without_drop = true;
        profile.syn_flood = Some(flood());
        profile.icmp_flood = Some(1);
    });
    let verdicts = requests(&profile, 100, |_| syn(1, 7, 80));
    assert!(verdicts.iter().all(|v| v.action == ScreenAction::Pass));
    let all = [Screen::SynFlood, Screen::SynFloodAlarm, Screen::SynFloodSource, Screen::SynFloodDestination];
    assert!(all.iter().all(|screen| verdicts[99].hits.has(*screen)), "{:?}", verdicts[99]);
    assert!(!profile.sends_cookies());
}

#[test]
fn rates_by_address_and_protocol() {
    let allow = |packets, sessions| Allowance {
        packet_rate: packets,
        session_rate: sessions,
        ..Allowance::default()
    };
    let side =
        SideLimits { all: allow(Some(30), Some(20)), udp: allow(Some(10), Some(5)), ..SideLimits::default() };
    let profile = profile(|profile| {
        profile.by_source =
            SideLimits { udp: Allowance { white_list: vec![host(2)], ..side.udp.clone() }, ..side.clone() };
        profile.aggregation.source4 = 31;
    });
    let run = |fast_path: bool, packets: &mut dyn FnMut(u32) -> Vec<u8>| {
        let meters = meters();
        let judge = |n: u32, packet: &[u8]| match fast_path {
            true => fast(&profile, &meters, packet, millis(5000 + u64::from(n))),
            false => first(&profile, &meters, packet, millis(5000 + u64::from(n))),
        };
        let actions: Vec<_> = (0..50).map(|n| judge(n, &packets(n)).action).collect();
        let passed = actions.iter().filter(|action| **action == ScreenAction::Pass).count();
        (passed, actions.into_iter().find(|action| *action != ScreenAction::Pass))
    };
    let drop = |screen| Some(ScreenAction::Drop(screen));
    assert_eq!(run(true, &mut |_| udp(5, 7, 9)), (10, drop(Screen::BySourceProtocolPackets)));
    assert_eq!(run(true, &mut |_| ping(5, 7)), (30, drop(Screen::BySourcePackets)));
    assert_eq!(run(false, &mut |_| udp(5, 7, 9)), (5, drop(Screen::BySourceProtocolRate)));
    assert_eq!(run(false, &mut |_| ping(5, 7)), (20, drop(Screen::BySourceRate)));
    assert_eq!(run(true, &mut |n| ping(4 + n % 2, 7)), (30, drop(Screen::BySourcePackets)), "one prefix");
    assert_eq!(run(true, &mut |n| ping(4 + n % 2 * 2, 7)), (50, None), "two prefixes");
    assert_eq!(
        run(true, &mut |_| udp(2, 7, 9)),
        (30, drop(Screen::BySourcePackets)),
        "exempt from UDP's alone"
    );
    let by_destination = crate::kit::profile(|profile| profile.by_destination = side);
    let meters = meters();
    let passed = (0..50)
        .filter(|n| fast(&by_destination, &meters, &udp(*n, 7, 9), millis(1)).action == ScreenAction::Pass);
    assert_eq!(passed.count(), 10);
}

/// Spoofed sources without end, everything on: a clean source loses nothing, memory is what it was.
#[test]
fn spoofed_sources_do_not_touch_a_clean_one() {
    let allowance = Allowance {
        packet_rate: Some(50),
        session_rate: Some(50),
        sessions: Some(50),
        ..Allowance::default()
    };
    let profile = profile(|profile| {
        profile.sweeps = Sweeps { ip_sweep: Some(5000), tcp_sweep: Some(5000), ..Sweeps::default() };
        profile.by_source = SideLimits { all: allowance, ..SideLimits::default() };
        profile.syn_flood = Some(SynFlood { attack: 1_000_000, destination: 1_000_000, ..flood() });
    });
    let meters = meters();
    let mut lost = 0;
    for n in 0..60_000u32 {
        let now = Instant(SECOND + u64::from(n) * 10_000);
        let _ = first(&profile, &meters, &syn(n + 1000, n % 50, 80), now);
        if n % 1500 == 0 {
            lost += u32::from(first(&profile, &meters, &syn(1, 7, 443), now).action != ScreenAction::Pass);
        }
    }
    assert_eq!(lost, 0, "forty requests of a clean source in a second");
}
