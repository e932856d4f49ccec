//! What translation costs: a 64-byte UDP packet in memory, alone.
//!
//! `cargo bench -p ravelin-translate`. The buffer is restored before each packet, outside what is timed as far as a run without
//! translation tells: its time is measured and taken off. Prints medians of [`ROUNDS`] with minimum and maximum; asserts
//! that packets come out, never speed.

use std::hint::black_box;
use std::time::Instant as Clock;

use ravelin_translate::siit::{FragmentHeader, Rules, error_to_ipv6, to_ipv4, to_ipv6};
use ravelin_translate::{Datagram, Direction, Ends, Nptv6, Ports, rewrite_error};
use ravelin_types::{Addr, Family};
use ravelin_wire::build::{self, Ip, Payload};

const ROUNDS: usize = 9;
const PACKETS: u32 = 1 << 20;
const HEADROOM: usize = 256;

fn main() {
    let four = (Addr::v4([192, 0, 2, 1]), Addr::v4([198, 51, 100, 2]));
    let six = (Addr(0x2001_0db8 << 96 | 1), Addr(0x0064_ff9b << 96 | 0xc633_6402));
    let ports = Ports::Both { src: 4000, dst: 53 };
    let (ends4, ends6) = (Ends { src: four.0, dst: four.1, ports }, Ends { src: six.0, dst: six.1, ports });
    let rules = Rules { fragment_header: FragmentHeader::PartsAlone, ..Rules::default() };
    let (ip4, ip6) = (Ip::new(Family::V4, four.0, four.1), Ip::new(Family::V6, six.0, six.1));
    // 64 bytes on the wire: 46 behind the Ethernet header, 18 of them payload; IPv6 has 62 with an empty payload.
    let udp4 = build::datagram(&ip4, &Payload::udp(1000, 53, &[7; 18]));
    let udp6 = build::datagram(&ip6, &Payload::udp(1000, 53, &[7; 2]));
    let error = build::datagram(&ip4, &Payload::icmp(Family::V4, 11, 0, 0, &udp4));
    let nptv6 = Nptv6::new((Addr(0x2001_0db8 << 96), 48), (Addr(0x2001_0db9 << 96), 48)).expect("prefixes");

    let base = measure(&udp4, |d| black_box(d.bytes()).len());
    row("restoring the buffer", base, 0.0);
    row("IPv4 to IPv6, UDP", measure(&udp4, |d| to_ipv6(d, &ends6, &rules).map_or(0, |t| t.len)), base.1);
    row("IPv6 to IPv4, UDP", measure(&udp6, |d| to_ipv4(d, &ends4, 1, &rules).map_or(0, |t| t.len)), base.1);
    row("NPTv6, UDP", measure(&udp6, |d| nptv6.translate(d, Direction::Outbound).map_or(0, |()| 1)), base.1);
    let quoted = measure(&error, |d| rewrite_error(d, Family::V4, four, &ends4).map_or(0, |()| 1));
    row("ICMP error through NAT44", quoted, base.1);
    let quoted = measure(&error, |d| error_to_ipv6(d, six, &ends6, &rules).map_or(0, |t| t.len));
    row("ICMP error, IPv4 to IPv6", quoted, base.1);
}

/// Minimum, median and maximum of the rounds in nanoseconds a packet. `step` gives something above zero.
fn measure(bytes: &[u8], step: impl Fn(&mut Datagram<'_>) -> usize) -> (f64, f64, f64) {
    let mut buf = [0; HEADROOM + 256];
    let range = HEADROOM..HEADROOM + bytes.len();
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Clock::now();
            for _ in 0..PACKETS {
                buf[range.clone()].copy_from_slice(black_box(bytes));
                let mut datagram = Datagram::new(&mut buf, range.clone()).expect("within the buffer");
                assert!(black_box(step(&mut datagram)) > 0, "a packet was refused");
            }
            start.elapsed().as_nanos() as f64 / f64::from(PACKETS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    (rounds[0], rounds[ROUNDS / 2], rounds[ROUNDS - 1])
}

#[allow(clippy::print_stdout)]
fn row(what: &str, (min, median, max): (f64, f64, f64), base: f64) {
    println!("{what:<28} {:6.1} ns ({:.1} to {:.1})", median - base, min - base, max - base);
}
