//! Policers from configuration text to packets: what passes is the limit's within 1 %, at every packet size, rate and number of
//! workers, in sum over them. Virtual time; `--nocapture` shows the table. Spec: policer-1, policer-10, policer-14.

use std::net::Ipv4Addr;

use ravelin_compile::{IdBook, Resolved, compile, routes};
use ravelin_contract::DataPlane;
use ravelin_engine::{Egress, Ingress, Limits, Verdict};
use ravelin_model::load;
use ravelin_sim::{SimPlane, SimSetup, SimWorkers};
use ravelin_types::{Addr, Family, Generation, Instant, PortId};
use ravelin_wire::build::{self, Ip, Payload};

const BASE: &str = "\
set security policies default-policy permit-all
set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/8
set interfaces ge-0/0/1 unit 0 family inet address 20.0.0.1/8
set interfaces ge-0/0/0 unit 0 family inet6 address 2001:db8:a::1/64
set interfaces ge-0/0/1 unit 0 family inet6 address 2001:db8:b::1/64
set security zones security-zone trust interfaces ge-0/0/0.0
set security zones security-zone untrust interfaces ge-0/0/1.0
set firewall policer p then discard
";

const SIZES: [u32; 4] = [64, 512, 1500, 9000];
const RATES: [(&str, u64); 4] =
    [("1m", 1_000_000), ("100m", 100_000_000), ("1g", 1_000_000_000), ("10g", 10_000_000_000)];
const WORKERS: [u8; 3] = [1, 2, 4];
/// Flows that the stream is made of: every worker has its share.
const FLOWS: u32 = 64;
const PACKETS: u64 = 6_000;
/// Times the limit that is offered.
const LOAD: u64 = 3;
const START: u64 = 5_000_000_000;

/// How the limit stands in the configuration.
#[derive(Clone, Copy, Debug)]
enum Place {
    InputFilter,
    OutputPolicer,
}

fn plane(place: Place, family: Family, (rate, burst): (&str, u64), workers: u8) -> SimPlane {
    let family = if family == Family::V4 { "inet" } else { "inet6" };
    let stands = match place {
        Place::InputFilter => format!(
            "set firewall family {family} filter f term t then policer p\n\
             set interfaces ge-0/0/0 unit 0 family {family} filter input f\n"
        ),
        Place::OutputPolicer => format!("set interfaces ge-0/0/1 unit 0 family {family} policer output p\n"),
    };
    let text = format!(
        "{BASE}set firewall policer p if-exceeding bandwidth-limit {rate}\n\
         set firewall policer p if-exceeding burst-size-limit {burst}\n{stands}"
    );
    let valid = load(&text).result.unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
    let (mut book, mut resolved) = (IdBook::default(), Resolved::virtual_ports(&valid));
    for port in resolved.0.values_mut() {
        port.mtu = 9000;
    }
    let program = compile(&valid, &resolved, &mut book, Generation(1)).unwrap();
    let limits = Limits { sessions: 1024, events: 64 };
    let plane = SimWorkers::plane(SimSetup { workers, limits, ..SimSetup::default() });
    plane.apply_config(&program).unwrap();
    plane.updates().apply(&routes(&valid, &book)).unwrap();
    plane
}

/// The datagram of a flow, `size` bytes with its header.
fn frame(family: Family, flow: u32, size: u32) -> Vec<u8> {
    let (src, dst, headers) = match family {
        Family::V4 => (
            Addr::v4(Ipv4Addr::from(0x0a00_0002 + flow).octets()),
            Addr::v4(Ipv4Addr::from(0x1400_0002).octets()),
            28,
        ),
        Family::V6 => {
            let of = |net: u16, host: u16| {
                Addr::v6(std::net::Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, host).octets())
            };
            (of(0xa, 2 + flow as u16), of(0xb, 2), 48)
        }
    };
    let data = vec![0; size as usize - headers];
    build::frame(&Ip::new(family, src, dst), &Payload::udp(1000, 53, &data))
}

/// Bytes that passed, and those that should have, of a stream that offers [`LOAD`] times the rate.
fn measured(place: Place, family: Family, size: u32, rate: (&str, u64), workers: u8) -> (u64, u64) {
    // Half a millisecond of the rate, or ten packets, or the least that Junos takes.
    let burst = (rate.1 / 8 / 2000).max(u64::from(size) * 10).max(1500);
    let plane = plane(place, family, (rate.0, burst), workers);
    let port: PortId = plane.rules().unwrap().ports().find(|port| port.name == "ge-0/0/0").unwrap().id;
    let frames: Vec<_> = (0..FLOWS).map(|flow| frame(family, flow, size)).collect();
    let packets = PACKETS.max(burst / u64::from(size) * 4);
    let (mut passed, mut elapsed) = (0, 0);
    for n in 0..packets {
        elapsed = n * u64::from(size) * 8 * 1_000 / LOAD * 1_000 / (rate.1 / 1_000);
        plane.workers().advance(Instant(START + elapsed));
        let frame = &frames[(n % u64::from(FLOWS)) as usize];
        let verdict = plane.workers().run_batch(&[(Ingress::Port(port), frame)]).0[0];
        passed += u64::from(matches!(verdict, Verdict::Send { egress: Egress::Port(_), .. }));
    }
    let allowed = u128::from(burst) + u128::from(rate.1) * u128::from(elapsed) / 8_000_000_000;
    let counted = &plane.telemetry().firewall().unwrap().policers;
    assert_eq!(counted.len(), 1);
    assert_eq!((counted[0].packets[0], counted[0].packets[2]), (passed, packets - passed));
    (passed * u64::from(size), allowed as u64)
}

#[test]
fn what_passes_is_within_one_percent_of_the_limit_whatever_size_rate_and_workers() {
    println!("{:>6} {:>6} {:>10} {:>10} {:>10}", "bytes", "bit/s", "1 worker", "2 workers", "4 workers");
    for size in SIZES {
        for rate in RATES {
            let off = WORKERS.map(|workers| {
                let (passed, allowed) = measured(Place::InputFilter, Family::V4, size, rate, workers);
                let what = format!("{size} bytes at {} on {workers} workers: {passed} of {allowed}", rate.0);
                assert!(passed <= allowed && (allowed - passed) * 100 <= allowed, "{what}");
                (passed as f64 / allowed as f64 - 1.0) * 100.0
            });
            println!("{size:>6} {:>6} {:>+9.4}% {:>+9.4}% {:>+9.4}%", rate.0, off[0], off[1], off[2]);
        }
    }
}

#[test]
fn ipv6_and_the_policer_of_an_interface_are_no_less_exact() {
    for (place, family) in [
        (Place::InputFilter, Family::V6),
        (Place::OutputPolicer, Family::V4),
        (Place::OutputPolicer, Family::V6),
    ] {
        for workers in WORKERS {
            let (passed, allowed) = measured(place, family, 1500, RATES[1], workers);
            let what = format!("{place:?} {family:?} on {workers} workers: {passed} of {allowed}");
            assert!(passed <= allowed && (allowed - passed) * 100 <= allowed, "{what}");
        }
    }
}
