//! What screens cost a packet: `cargo run --release -p ravelin-screen --example cost`.

use std::hint::black_box;
use std::time::Instant as Clock;

use ravelin_program::{
    Allowance, Screen, ScreenProfile, Screens, SideLimits, Sweeps, SynFlood, SynProtection, UdpFlood,
};
use ravelin_screen::cookie::{Secrets, Syn};
use ravelin_screen::{Meters, MetersSize, Packet, ScreenTable, Surroundings, Way, check_fast, check_first};
use ravelin_types::{Family, Instant, ZoneId};
use ravelin_wire::build::{Ip, Payload, frame};
use ravelin_wire::{Network, TcpFlags};

const ROUNDS: u64 = 1_000_000;

struct Calm;

impl Surroundings for Calm {
    fn is_spoofed(&self) -> bool {
        false
    }

    fn overlaps(&self) -> bool {
        false
    }
}

fn everything() -> ScreenProfile {
    let allowance =
        Allowance { packet_rate: Some(u32::MAX), session_rate: Some(u32::MAX), ..Allowance::default() };
    let side = SideLimits { all: allowance, ..SideLimits::default() };
    let sweep = Some(5000);
    ScreenProfile {
        checks: Screen::ALL.iter().copied().collect(),
        header_limit: Some(8),
        icmp_flood: Some(1_000_000),
        udp_flood: Some(UdpFlood { threshold: u32::MAX, white_list: Vec::new() }),
        syn_flood: Some(SynFlood {
            alarm: 1_000_000,
            attack: u32::MAX,
            source: u32::MAX,
            destination: u32::MAX,
            timeout: 20,
            queue_size: 1024,
            white_lists: Vec::new(),
        }),
        sweeps: Sweeps {
            ip_sweep: sweep,
            tcp_sweep: sweep,
            udp_sweep: sweep,
            tcp_port_scan: sweep,
            udp_port_scan: sweep,
        },
        by_source: side.clone(),
        by_destination: side,
        ..ScreenProfile::default()
    }
}

fn packet<'a>(frame: &'a [u8], network: &'a Network, zone: ZoneId) -> Packet<'a> {
    Packet { frame, l3_at: 14, network, zone }
}

fn time(name: &str, mut work: impl FnMut(u64)) {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Clock::now();
        (0..ROUNDS).for_each(&mut work);
        best = best.min(start.elapsed().as_nanos() as f64 / ROUNDS as f64);
    }
    println!("{name:34} {best:7.1} ns");
}

fn main() {
    let (zone, bare, none) = (ZoneId(1), ZoneId(2), ZoneId(3));
    let factory = ScreenProfile {
        checks: [Screen::PingDeath, Screen::SourceRoute, Screen::TearDrop, Screen::Land]
            .into_iter()
            .collect(),
        syn_flood: everything().syn_flood,
        ..ScreenProfile::default()
    };
    let table = ScreenTable::new(&Screens {
        profiles: vec![everything(), factory],
        zones: vec![(zone, 0), (bare, 1)],
        protection: SynProtection::Cookie,
        trap_interval: 2,
        white_lists: Vec::new(),
    });
    let meters = Meters::new((1, 2), MetersSize::default());
    let ip = Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]);
    let request = frame(&ip, &Payload::tcp(1000, 80, TcpFlags::SYN));
    let data = frame(&ip, &Payload::tcp(1000, 80, TcpFlags::ACK));
    let udp = frame(&ip, &Payload::udp(1000, 80, b"data"));
    let network = |bytes: &[u8]| ravelin_wire::parse(bytes).unwrap().network.unwrap();
    let (of_request, of_data, of_udp) = (network(&request), network(&data), network(&udp));
    let at = |n: u64| Instant(n * 1_000);
    for (name, zone) in [("no profile", none), ("factory default", bare), ("everything on", zone)] {
        time(&format!("{name}, fast path, TCP"), |n| {
            let packet = black_box(packet(data.as_slice(), &of_data, zone));
            let profile = table.of(packet.zone, Way::In);
            black_box(profile.map(|p| check_fast(p, &meters, &packet, &Calm, at(n))));
        });
        time(&format!("{name}, fast path, UDP"), |n| {
            let packet = black_box(packet(udp.as_slice(), &of_udp, zone));
            let profile = table.of(packet.zone, Way::In);
            black_box(profile.map(|p| check_fast(p, &meters, &packet, &Calm, at(n))));
        });
        time(&format!("{name}, first path, SYN"), |n| {
            let packet = black_box(packet(request.as_slice(), &of_request, zone));
            let profile = table.of(packet.zone, Way::In);
            black_box(profile.map(|p| check_first(p, &meters, &packet, &Calm, at(n))));
        });
    }
    let mut spoofed = of_request;
    for (name, zone) in [("factory default", bare), ("everything on", zone)] {
        time(&format!("{name}, spoofed SYN"), |n| {
            spoofed.src.0 = u128::from(n as u32);
            let packet = black_box(packet(request.as_slice(), &spoofed, zone));
            let profile = table.of(packet.zone, Way::In);
            black_box(profile.map(|p| check_first(p, &meters, &packet, &Calm, at(n))));
        });
    }
    let secrets = Secrets::derived((1, 2), 3);
    let syn = Syn::parse(&packet(request.as_slice(), &of_request, zone)).unwrap();
    assert_eq!(syn.connection.family, Family::V4);
    time("cookie", |n| {
        black_box(secrets.answer(black_box(syn), at(n)));
    });
}
