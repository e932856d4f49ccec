//! One token bucket as one atomic: how far consumption has come on the line of all tokens ever accrued.
//!
//! `used` counts tokens since the epoch, consumed or overflown; accrued(now) is exact at any time, so nothing
//! drifts. What may be taken is accrued + burst - used; a bucket that was full has its `used` pulled up to
//! accrued, so that idle time is never worth more than the burst. A clock that goes back makes accrued smaller, and
//! so can't create a token. At [`crate::RATE_MAX`] the line is 11 years long; at its end nothing passes. Spec: policer-10..13.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ravelin_types::Instant;

/// A quantum is this part of the burst, over all workers: what may be lent out and unused at once.
const LENT_SHARE: u64 = 128;
/// A quantum smaller than this saves little over taking what a packet needs. A burst that is lent from is
/// 128 times as large, and so what is left of it when all is lent holds the largest packet.
const QUANTUM_BYTES_MIN: u64 = 1024;
const _: () = assert!(QUANTUM_BYTES_MIN * (LENT_SHARE - 1) > 65_535, "the largest packet may conform");
/// The most a worker holds, bytes: beyond it the cost of the atomic is already spread thin.
const QUANTUM_BYTES_MAX: u64 = 256 * 1024;
/// The same in packets.
const QUANTUM_PACKETS_MIN: u64 = 2;
const QUANTUM_PACKETS_MAX: u64 = 256;

/// Tokens accrue as `amount * nanoseconds / divisor`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    amount: u64,
    divisor: u64,
}

impl Rate {
    /// Bytes, from bits a second.
    pub(crate) const fn bits(per_second: u64) -> Self {
        Self { amount: per_second, divisor: 8_000_000_000 }
    }

    pub(crate) const fn packets(per_second: u64) -> Self {
        Self { amount: per_second, divisor: 1_000_000_000 }
    }

    /// Tokens in `nanos`, whole ones.
    fn accrued(self, nanos: u64) -> u64 {
        // Most often the product fits, and a division of 64 bits is much the cheaper.
        match self.amount.checked_mul(nanos) {
            Some(product) => product / self.divisor,
            None => {
                let exact = u128::from(self.amount) * u128::from(nanos) / u128::from(self.divisor);
                u64::try_from(exact).unwrap_or(u64::MAX)
            }
        }
    }
}

/// What a visit to the bucket gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// 0, what was needed, or what was wanted.
    pub tokens: u64,
    /// What this visit found to have run over the brim since the last.
    pub overflow: u64,
}

#[derive(Debug)]
pub(crate) struct Bucket {
    used: AtomicU64,
    epoch: Instant,
    rate: Rate,
    /// The configured burst less what workers may hold of it.
    depth: u64,
    /// What a worker takes at once beyond its need.
    quantum: u64,
}

impl Bucket {
    /// A full bucket of bytes.
    pub(crate) fn bytes(rate: Rate, burst: u64, workers: u8, now: Instant) -> Self {
        Self::new(rate, burst, quantum(burst, workers, (QUANTUM_BYTES_MIN, QUANTUM_BYTES_MAX)), workers, now)
    }

    /// A full bucket of packets.
    pub(crate) fn packets(rate: Rate, burst: u64, workers: u8, now: Instant) -> Self {
        let bounds = (QUANTUM_PACKETS_MIN, QUANTUM_PACKETS_MAX);
        Self::new(rate, burst, quantum(burst, workers, bounds), workers, now)
    }

    fn new(rate: Rate, burst: u64, quantum: u64, workers: u8, epoch: Instant) -> Self {
        let depth = burst - quantum * u64::from(workers);
        Self { used: AtomicU64::new(0), epoch, rate, depth, quantum }
    }

    /// Takes `need` tokens for a worker that holds `held`, which is left with what remains of a quantum.
    ///
    /// `held` is that worker's own: nobody else stores to it.
    pub(crate) fn take(&self, held: &AtomicU64, need: u64, now: Instant) -> Taken {
        let own = held.load(Relaxed);
        if own >= need {
            held.store(own - need, Relaxed);
            return Taken { tokens: need, overflow: 0 };
        }
        let taken = self.visit(need - own, need - own + self.quantum, now);
        if taken.tokens == 0 {
            return taken;
        }
        held.store(own + taken.tokens - need, Relaxed);
        Taken { tokens: need, ..taken }
    }

    /// Takes nothing, but finds what ran over.
    pub(crate) fn settle(&self, now: Instant) -> Taken {
        self.visit(0, 0, now)
    }

    /// Takes `want` where there is as much, else `need`, else nothing.
    fn visit(&self, need: u64, want: u64, now: Instant) -> Taken {
        let accrued = self.rate.accrued(now.0.saturating_sub(self.epoch.0));
        let brim = accrued.saturating_add(self.depth);
        let mut used = self.used.load(Relaxed);
        loop {
            let from = used.max(accrued);
            let free = brim.saturating_sub(from);
            let tokens = [want, need].into_iter().find(|tokens| *tokens <= free).unwrap_or(0);
            let taken = Taken { tokens, overflow: from - used };
            if from + tokens == used {
                return taken;
            }
            match self.used.compare_exchange_weak(used, from + tokens, Relaxed, Relaxed) {
                Ok(_) => return taken,
                Err(seen) => used = seen,
            }
        }
    }

    #[cfg(test)]
    pub(crate) const fn quantum(&self) -> u64 {
        self.quantum
    }
}

/// Zero where a share of the burst would be too small to lend.
fn quantum(burst: u64, workers: u8, (min, max): (u64, u64)) -> u64 {
    let share = burst / LENT_SHARE / u64::from(workers);
    if share < min { 0 } else { share.min(max) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(nanos: u64) -> Instant {
        Instant(nanos)
    }

    #[test]
    fn a_bucket_starts_full_and_fills_at_its_rate() {
        let bucket = Bucket::bytes(Rate::bits(8000), 1500, 1, at(5));
        let held = AtomicU64::new(0);
        assert_eq!(bucket.take(&held, 1500, at(5)).tokens, 1500);
        assert_eq!(bucket.take(&held, 1, at(5)).tokens, 0);
        // 1000 bytes a second: a byte a millisecond.
        assert_eq!(bucket.take(&held, 100, at(5 + 99_999_999)).tokens, 0);
        assert_eq!(bucket.take(&held, 100, at(5 + 100_000_000)).tokens, 100);
    }

    #[test]
    fn idle_time_is_worth_the_burst_and_no_more() {
        let bucket = Bucket::bytes(Rate::bits(8_000_000), 10_000, 1, at(0));
        let held = AtomicU64::new(0);
        let late = at(3600 * SECOND);
        assert_eq!(bucket.take(&held, 10_001, late).tokens, 0);
        assert_eq!(bucket.take(&held, 10_000, late).tokens, 10_000);
        assert_eq!(bucket.take(&held, 1, late).tokens, 0);
    }

    #[test]
    fn a_clock_that_goes_back_creates_nothing() {
        let bucket = Bucket::bytes(Rate::bits(8000), 1000, 1, at(0));
        let held = AtomicU64::new(0);
        assert_eq!(bucket.take(&held, 1000, at(10 * SECOND)).tokens, 1000);
        for back in [9 * SECOND, SECOND, 0] {
            assert_eq!(bucket.take(&held, 1, at(back)).tokens, 0);
        }
        assert_eq!(bucket.take(&held, 1, at(10 * SECOND)).tokens, 0);
        assert_eq!(bucket.take(&held, 500, at(10 * SECOND + SECOND / 2)).tokens, 500);
    }

    #[test]
    fn what_runs_over_is_found_once() {
        let bucket = Bucket::bytes(Rate::bits(8000), 1000, 1, at(0));
        let held = AtomicU64::new(0);
        assert_eq!(bucket.take(&held, 400, at(0)).overflow, 0);
        assert_eq!(bucket.settle(at(SECOND)).overflow, 600);
        assert_eq!(bucket.settle(at(SECOND)).overflow, 0);
    }

    #[test]
    fn what_workers_hold_is_part_of_the_burst() {
        let bucket = Bucket::bytes(Rate::bits(8000), 1_000_000, 4, at(0));
        assert_eq!(bucket.quantum(), 1953);
        let held: [AtomicU64; 4] = Default::default();
        let mut sum = 0;
        for worker in (0..4).cycle().take(40_000) {
            sum += bucket.take(&held[worker], 100, at(0)).tokens;
        }
        assert!(sum <= 1_000_000 && sum > 990_000, "{sum}");
    }

    #[test]
    fn a_small_burst_is_not_lent() {
        assert_eq!(Bucket::bytes(Rate::bits(8000), 15_000, 4, at(0)).quantum(), 0);
        assert_eq!(Bucket::packets(Rate::packets(10), 100, 2, at(0)).quantum(), 0);
    }

    #[test]
    fn the_line_of_tokens_is_longer_than_a_decade_at_the_fastest() {
        let bucket = Bucket::bytes(Rate::bits(crate::RATE_MAX), crate::BURST_MAX, 1, at(0));
        let held = AtomicU64::new(0);
        let decade = at(10 * 366 * 86_400 * SECOND);
        assert_eq!(bucket.take(&held, 1500, decade).tokens, 1500);
        assert_eq!(bucket.take(&held, 2 * crate::BURST_MAX, decade).tokens, 0);
    }
}
