//! What passes is what the configuration allows, within 1 %, at any packet size, rate and number of workers.
//!
//! Expected values are arithmetic on the configuration: burst + rate * time. Spec: policer-10, policer-14.

use std::sync::Arc;

use ravelin_policer::{Awareness, Colour, Exceeding, Limit, Meter, Spec};
use ravelin_types::{Instant, LossPriority, WorkerId};

const PACKETS: u64 = 24_000;

/// How the offered packets fall on workers.
#[derive(Clone, Copy, Debug)]
enum Spread {
    Turn,
    AllOnLast,
    /// Bursts of 64 to one worker after another, as receive queues give them.
    Batches,
}

impl Spread {
    fn worker(self, packet: u64, workers: u8) -> WorkerId {
        let turn = match self {
            Self::Turn => packet,
            Self::Batches => packet / 64,
            Self::AllOnLast => u64::from(workers) - 1,
        };
        WorkerId((turn % u64::from(workers)) as u8)
    }
}

fn two_colour(limit: Limit) -> Spec {
    Spec::TwoColour { limit, exceeding: Exceeding::Discard }
}

/// Nanoseconds from the first packet to packet `n` of a stream of `size` bytes at `bps`.
fn time(n: u64, size: u32, bps: u64) -> Instant {
    Instant((u128::from(n) * u128::from(size) * 8_000_000_000 / u128::from(bps)) as u64)
}

fn within_one_percent(got: u128, expected: u128, what: &str) {
    let off = got.abs_diff(expected);
    assert!(off * 100 <= expected, "{what}: {got} instead of {expected}");
}

/// Offers three times what is allowed and weighs what passes.
fn check(size: u32, rate: u64, workers: u8, spread: Spread) {
    // 5 ms of the rate, as Juniper advises, or ten packets.
    let burst = (rate / 8 / 200).max(u64::from(size) * 10);
    let spec = two_colour(Limit::Bits { per_second: rate, burst_bytes: burst });
    let meter = Meter::new(spec, workers, Instant::ZERO).unwrap();
    // Enough packets that the burst is not all there is.
    let packets = PACKETS.max(burst / u64::from(size) * 6);
    let mut passed = 0u128;
    for n in 0..packets {
        let now = time(n, size, rate * 3);
        let verdict = meter.police(spread.worker(n, workers), now, size, LossPriority::Low);
        passed += if verdict.colour == Colour::Green { u128::from(size) } else { 0 };
    }
    let elapsed = u128::from(time(packets - 1, size, rate * 3).0);
    let allowed = u128::from(burst) + u128::from(rate) * elapsed / 8_000_000_000;
    let what = format!("{size} bytes at {rate} bit/s on {workers} {spread:?}");
    assert!(passed <= allowed, "{what}: {passed} of {allowed}");
    within_one_percent(passed, allowed, &what);
}

#[test]
fn every_size_rate_and_spread_is_within_one_percent() {
    for size in [64, 512, 1500, 9000] {
        for rate in [1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000] {
            for workers in [1, 2, 4] {
                for spread in [Spread::Turn, Spread::AllOnLast, Spread::Batches] {
                    check(size, rate, workers, spread);
                }
            }
        }
    }
}

#[test]
fn a_hundred_gigabits_are_no_less_exact() {
    for size in [512, 1500, 9000] {
        for workers in [1, 4] {
            check(size, 100_000_000_000, workers, Spread::Batches);
        }
    }
    check(64, 100_000_000_000, 4, Spread::Turn);
}

#[test]
fn packets_a_second_are_counted_not_weighed() {
    for (pps, burst) in [(10, 5), (1000, 50), (1_000_000, 10_000)] {
        for workers in [1, 2, 4] {
            let spec = two_colour(Limit::Packets { per_second: pps, burst });
            let meter = Meter::new(spec, workers, Instant::ZERO).unwrap();
            let packets = PACKETS.max(burst * 6);
            let mut passed = 0;
            for n in 0..packets {
                let now = Instant(n * 1_000_000_000 / (pps * 2));
                let size = 64 + (n % 1400) as u32;
                let worker = Spread::Batches.worker(n, workers);
                let verdict = meter.police(worker, now, size, LossPriority::Low);
                passed += u128::from(verdict.colour == Colour::Green);
            }
            let allowed = u128::from(burst) + u128::from((packets - 1) / 2);
            assert!(passed <= allowed, "{passed} of {allowed}");
            within_one_percent(passed, allowed, &format!("{pps} packets a second on {workers}"));
        }
    }
}

/// Bytes by colour of a stream of 1000-byte packets at `offered` bits a second.
fn colours(spec: Spec, workers: u8, packets: u64, offered: u64) -> [u128; 3] {
    let meter = Meter::new(spec, workers, Instant::ZERO).unwrap();
    for n in 0..packets {
        let worker = Spread::Batches.worker(n, workers);
        meter.police(worker, time(n, 1000, offered), 1000, LossPriority::Low);
    }
    meter.counts().bytes.map(u128::from)
}

#[test]
fn two_rates_share_a_stream_out_among_three_colours() {
    for workers in [1, 2, 4] {
        let spec = Spec::TwoRate {
            awareness: Awareness::ColourBlind,
            committed_rate: 100_000_000,
            committed_burst: 1_000_000,
            peak_rate: 200_000_000,
            peak_burst: 2_000_000,
            discard_red: true,
        };
        // Eight seconds of 300 Mbit/s.
        let [green, yellow, red] = colours(spec, workers, 300_000, 300_000_000);
        within_one_percent(green, 101_000_000, "green");
        within_one_percent(yellow, 101_000_000, "yellow");
        within_one_percent(red, 300_000_000 - 202_000_000, "red");
    }
}

#[test]
fn one_rate_gives_no_more_than_both_bursts() {
    for workers in [1, 2, 4] {
        let spec = Spec::SingleRate {
            awareness: Awareness::ColourBlind,
            committed_rate: 100_000_000,
            committed_burst: 1_000_000,
            excess_burst: 2_000_000,
            discard_red: true,
        };
        let [green, yellow, red] = colours(spec, workers, 200_000, 200_000_000);
        within_one_percent(green, 101_000_000, "green");
        within_one_percent(yellow, 2_000_000, "yellow");
        within_one_percent(red, 200_000_000 - 103_000_000, "red");
    }
}

#[test]
fn threads_together_get_the_burst_and_not_a_byte_more() {
    const BURST: u64 = 40_000_000;
    let spec = two_colour(Limit::Bits { per_second: 8_000_000, burst_bytes: BURST });
    let meter = Arc::new(Meter::new(spec, 4, Instant::ZERO).unwrap());
    let threads: Vec<_> = (0..4)
        .map(|worker| {
            let meter = Arc::clone(&meter);
            std::thread::spawn(move || {
                for _ in 0..20_000 {
                    meter.police(WorkerId(worker), Instant::ZERO, 1000, LossPriority::Low);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let green = meter.counts().bytes[0];
    assert!(green <= BURST, "{green}");
    within_one_percent(u128::from(green), u128::from(BURST), "burst");
    assert_eq!(meter.counts().packets.iter().sum::<u64>(), 80_000);
}
