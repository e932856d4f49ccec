//! Meters against the RFCs' own buckets, kept in exact fractions by 128-bit arithmetic, over hours.
//!
//! A model is fed with what the meter decided; each decision must be the model's, but for the byte that a whole
//! number may differ from a fraction and for what workers hold. Spec: policer-10..13, policer-15..19.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ravelin_policer::{Awareness, Colour, Exceeding, Limit, Meter, Spec};
use ravelin_types::{Instant, LossPriority, WorkerId};

/// Fractions of a byte: bits a second times nanoseconds give these.
const BYTE: u128 = 8_000_000_000;

/// A bucket of RFC 2697 or 2698: filled as time passes, what does not fit is told.
struct Bucket {
    tokens: u128,
    size: u128,
}

impl Bucket {
    fn new(bytes: u64) -> Self {
        Self { tokens: u128::from(bytes) * BYTE, size: u128::from(bytes) * BYTE }
    }

    fn fill(&mut self, by: u128) -> u128 {
        let over = (self.tokens + by).saturating_sub(self.size);
        self.tokens = (self.tokens + by).min(self.size);
        over
    }

    /// Whether there is enough, for certain or within `slack` bytes.
    fn surely(&self, bytes: u32, slack: u64) -> bool {
        self.tokens >= (u128::from(bytes) + u128::from(slack)) * BYTE
    }

    fn possibly(&self, bytes: u32, slack: u64) -> bool {
        self.tokens + u128::from(slack) * BYTE >= u128::from(bytes) * BYTE
    }

    fn pay(&mut self, bytes: u32) {
        self.tokens = self.tokens.saturating_sub(u128::from(bytes) * BYTE);
    }
}

#[derive(Clone, Debug)]
struct Packet {
    after: u64,
    size: u32,
    worker: u8,
    priority: LossPriority,
}

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let after = prop_oneof![
        4 => Just(0u64),
        4 => 1u64..2_000_000,
        2 => 1u64..2_000_000_000,
        1 => 1u64..3_600_000_000_000,
    ];
    let priority = prop::sample::select(LossPriority::ALL.to_vec());
    let size = prop_oneof![Just(64u32), Just(1500), Just(9000), 20u32..2000];
    let packet = (after, size, 0u8..4, priority).prop_map(|(after, size, worker, priority)| Packet {
        after,
        size,
        worker,
        priority,
    });
    prop::collection::vec(packet, 1..300)
}

fn rates() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![8_000u64, 999_983, 10_000_000, 1_000_000_007, 100_000_000_000])
}

fn bursts() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![1500u64, 9001, 50_000, 1_000_000])
}

/// What workers may hold unused, and a byte of rounding.
fn slack(burst: u64) -> u64 {
    burst / 128 + 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::default() })]

    #[test]
    fn a_two_colour_meter_is_a_token_bucket(rate in rates(), burst in bursts(), stream in packets()) {
        let limit = Limit::Bits { per_second: rate, burst_bytes: burst };
        let spec = Spec::TwoColour { limit, exceeding: Exceeding::Discard };
        let meter = Meter::new(spec, 4, Instant::ZERO).unwrap();
        let (mut bucket, mut now) = (Bucket::new(burst), 0);
        for p in stream {
            now += p.after;
            bucket.fill(u128::from(rate) * u128::from(p.after));
            let colour = meter.police(WorkerId(p.worker), Instant(now), p.size, p.priority).colour;
            if colour == Colour::Green {
                prop_assert!(bucket.possibly(p.size, 1), "a packet too many at {now}");
                bucket.pay(p.size);
            } else {
                prop_assert!(!bucket.surely(p.size, slack(burst)), "a packet too few at {now}");
            }
        }
    }

    #[test]
    fn two_rates_are_rfc_2698(
        rate in rates(), more in 1u64..5, cbs in bursts(), pbs in bursts(), aware: bool, stream in packets(),
    ) {
        let awareness = if aware { Awareness::ColourAware } else { Awareness::ColourBlind };
        let peak_rate = rate * more;
        let spec = Spec::TwoRate {
            awareness, committed_rate: rate, committed_burst: cbs, peak_rate, peak_burst: pbs, discard_red: true,
        };
        let meter = Meter::new(spec, 4, Instant::ZERO).unwrap();
        let (mut committed, mut peak, mut now) = (Bucket::new(cbs), Bucket::new(pbs), 0);
        for p in stream {
            now += p.after;
            committed.fill(u128::from(rate) * u128::from(p.after));
            peak.fill(u128::from(peak_rate) * u128::from(p.after));
            let brought = if aware { Colour::of(p.priority) } else { Colour::Green };
            let colour = meter.police(WorkerId(p.worker), Instant(now), p.size, p.priority).colour;
            prop_assert!(colour >= brought, "{brought:?} became {colour:?}");
            if colour == Colour::Red {
                prop_assert!(brought == Colour::Red || !peak.surely(p.size, slack(pbs)));
                continue;
            }
            prop_assert!(peak.possibly(p.size, 1));
            peak.pay(p.size);
            if colour == Colour::Green {
                prop_assert!(committed.possibly(p.size, 1));
                committed.pay(p.size);
            } else {
                prop_assert!(brought == Colour::Yellow || !committed.surely(p.size, slack(cbs)));
            }
        }
    }

    #[test]
    fn one_rate_is_rfc_2697(
        rate in rates(), cbs in bursts(), ebs in bursts(), aware: bool, stream in packets(),
    ) {
        let awareness = if aware { Awareness::ColourAware } else { Awareness::ColourBlind };
        let spec = Spec::SingleRate {
            awareness, committed_rate: rate, committed_burst: cbs, excess_burst: ebs, discard_red: true,
        };
        // One worker: what is lent delays the overflow of the committed bucket otherwise.
        let meter = Meter::new(spec, 1, Instant::ZERO).unwrap();
        let (mut committed, mut excess, mut now) = (Bucket::new(cbs), Bucket::new(ebs), 0);
        // Each time the bucket runs over, a fraction of a byte may fall on either side, and what is lent
        // is paid for before it is used.
        let mut rounding = 1;
        for p in stream {
            now += p.after;
            let over = committed.fill(u128::from(rate) * u128::from(p.after));
            excess.fill(over);
            rounding += u64::from(over > 0);
            let loose = slack(cbs) + rounding;
            let brought = if aware { Colour::of(p.priority) } else { Colour::Green };
            match meter.police(WorkerId(0), Instant(now), p.size, p.priority).colour {
                Colour::Green => {
                    prop_assert!(brought == Colour::Green && committed.possibly(p.size, 1));
                    committed.pay(p.size);
                }
                Colour::Yellow => {
                    prop_assert!(brought == Colour::Yellow || !committed.surely(p.size, loose));
                    prop_assert!(brought != Colour::Red && excess.possibly(p.size, loose));
                    excess.pay(p.size);
                }
                Colour::Red => {
                    let poor = !committed.surely(p.size, loose) || brought == Colour::Yellow;
                    prop_assert!(brought == Colour::Red || (poor && !excess.surely(p.size, loose)));
                }
            }
        }
    }

    #[test]
    fn a_clock_that_jumps_creates_no_tokens(
        rate in rates(), burst in bursts(),
        stream in prop::collection::vec((0u64..10_000_000_000, 20u32..2000, 0u8..4), 1..300),
    ) {
        let limit = Limit::Bits { per_second: rate, burst_bytes: burst };
        let spec = Spec::TwoColour { limit, exceeding: Exceeding::Discard };
        let meter = Meter::new(spec, 4, Instant::ZERO).unwrap();
        let latest = stream.iter().map(|(now, ..)| *now).max().unwrap_or(0);
        for (now, size, worker) in stream {
            meter.police(WorkerId(worker), Instant(now), size, LossPriority::Low);
        }
        let allowed = u128::from(burst) * BYTE + u128::from(rate) * u128::from(latest);
        prop_assert!(u128::from(meter.counts().bytes[0]) * BYTE <= allowed);
    }
}

/// Ten hours of packets that fit exactly: no packet is lost to rounding, and none is won.
#[test]
fn nothing_drifts_in_hours() {
    // 999,983 bit/s and a packet of 1000 bytes: a period that is no whole number of nanoseconds.
    let (rate, size, hours) = (999_983u64, 1000u32, 10u64);
    let limit = Limit::Bits { per_second: rate, burst_bytes: 3000 };
    let spec = Spec::TwoColour { limit, exceeding: Exceeding::Discard };
    let meter = Meter::new(spec, 1, Instant::ZERO).unwrap();
    let end = hours * 3_600_000_000_000;
    let mut now = 0;
    while now < end {
        meter.police(WorkerId(0), Instant(now), size, LossPriority::Low);
        now += 3_999_999;
    }
    let allowed = 3000 + u128::from(rate) * u128::from(now) / BYTE;
    let passed = u128::from(meter.counts().bytes[0]);
    assert!(passed <= allowed && allowed - passed <= 2 * u128::from(size), "{passed} of {allowed}");
}
