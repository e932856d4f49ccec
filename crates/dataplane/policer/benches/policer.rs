//! What policing a packet costs one worker, and how exact it is.
//!
//! `cargo bench -p ravelin-policer [-- cost|accuracy]`. Cost: median of rounds with minimum and maximum. Accuracy: what
//! passed of three times the rate, against burst + rate * time. Nothing is asserted; tests/accuracy.rs does.

use std::hint::black_box;
use std::time::Instant as Clock;

use ravelin_policer::{Awareness, Exceeding, Limit, Meter, Spec};
use ravelin_types::{Instant, LossPriority, WorkerId};

const ROUNDS: usize = 9;
const PACKETS: u64 = 1_000_000;

fn main() {
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|o| o == name);
    if wanted("cost") {
        cost();
    }
    if wanted("accuracy") {
        accuracy();
    }
}

/// Per cent that each size, rate and number of workers is off; packets fall on workers in batches of 64.
fn accuracy() {
    println!("\n{:>8} {:>16} {:>12} {:>12} {:>12}", "bytes", "bit/s", "1 worker", "2 workers", "4 workers");
    for size in [64, 512, 1500, 9000] {
        for rate in [1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000] {
            let off = [1, 2, 4].map(|workers| format!("{:+.4} %", off(size, rate, workers)));
            println!("{size:>8} {rate:>16} {:>12} {:>12} {:>12}", off[0], off[1], off[2]);
        }
    }
}

fn off(size: u32, rate: u64, workers: u8) -> f64 {
    // 5 ms of the rate, as Juniper advises, or ten packets.
    let burst_bytes = (rate / 8 / 200).max(u64::from(size) * 10);
    let limit = Limit::Bits { per_second: rate, burst_bytes };
    let spec = Spec::TwoColour { limit, exceeding: Exceeding::Discard };
    let meter = Meter::new(spec, workers, Instant::ZERO).expect("a policer within bounds");
    let packets = (burst_bytes / u64::from(size) * 6).max(24_000);
    let at = |n: u64| {
        let ns = u128::from(n) * u128::from(size) * 8_000_000_000 / u128::from(rate * 3);
        u64::try_from(ns).expect("a short time")
    };
    for n in 0..packets {
        let worker = WorkerId((n / 64 % u64::from(workers)) as u8);
        meter.police(worker, Instant(at(n)), size, LossPriority::Low);
    }
    let allowed = burst_bytes as f64 + rate as f64 * at(packets - 1) as f64 / 8e9;
    (meter.counts().bytes[0] as f64 / allowed - 1.0) * 100.0
}

fn cost() {
    let limit = |per_second, burst_bytes| Spec::TwoColour {
        limit: Limit::Bits { per_second, burst_bytes },
        exceeding: Exceeding::Discard,
    };
    run("two-colour, conforming, burst 62 MB", limit(100_000_000_000, 62_500_000), 200);
    run("two-colour, conforming, burst 100 kB (no loan)", limit(100_000_000_000, 100_000), 200);
    run("two-colour, two thirds discarded", limit(10_000_000_000, 6_250_000), 400);
    run("two-colour, nearly all discarded", limit(1_000_000, 15_000), 400);
    let single = Spec::SingleRate {
        awareness: Awareness::ColourBlind,
        committed_rate: 10_000_000_000,
        committed_burst: 6_250_000,
        excess_burst: 6_250_000,
        discard_red: true,
    };
    run("single-rate, two thirds red", single, 400);
    let double = Spec::TwoRate {
        awareness: Awareness::ColourBlind,
        committed_rate: 10_000_000_000,
        committed_burst: 6_250_000,
        peak_rate: 20_000_000_000,
        peak_burst: 12_500_000,
        discard_red: true,
    };
    run("two-rate, a third of each colour", double, 400);
}

/// Packets of 1500 bytes, 32 at one instant, `gap` nanoseconds a packet.
fn run(name: &str, spec: Spec, gap: u64) {
    let meter = Meter::new(spec, 4, Instant::ZERO).expect("a policer within bounds");
    let mut now = 0;
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Clock::now();
            for n in 0..PACKETS {
                now += if n % 32 == 0 { gap * 32 } else { 0 };
                let worker = WorkerId((n / 32 % 4) as u8);
                black_box(meter.police(worker, Instant(now), black_box(1500), LossPriority::Low));
            }
            begin.elapsed().as_nanos() as f64 / PACKETS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<48} {:6.1} ns ({:.1} to {:.1})", rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]);
}
