//! What policing a packet costs one worker.
//!
//! `cargo bench -p ravelin-policer`. Median of rounds with minimum and maximum; nothing is asserted.

use std::hint::black_box;
use std::time::Instant as Clock;

use ravelin_policer::{Awareness, Exceeding, Limit, Meter, Spec};
use ravelin_types::{Instant, LossPriority, WorkerId};

const ROUNDS: usize = 9;
const PACKETS: u64 = 1_000_000;

fn main() {
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
