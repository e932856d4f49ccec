//! What sessions of policies that count carry: what came, what was sent on of it, and how much it is in ten seconds.
//!
//! Junos: `then count`, `policy-stats`. Place: a packet counts as it goes through its session, and is sent on where it leaves the
//! engine; on the express path what came was sent on, unless it is said that it was not. State: of every policy that counts what it had counted
//! when its rates were taken last, a bounded number in a step. Spec: policy-16, policy-28, policy-29.

use ravelin_contract::Traffic;
use ravelin_types::{Instant, PolicyId};

use crate::counters::{Counters, Hits, Pace};
use crate::state::State;

/// Policies whose rates are taken in one step.
const BUDGET: usize = 256;
/// The time that rates are told for.
const SPAN_MS: u64 = Pace::SPAN_S * 1000;
const NS_OF_MS: u64 = 1_000_000;

/// A packet that its policy has counted as one that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    policy: PolicyId,
    wing: u8,
    /// One until some of it has left.
    packets: u8,
}

/// What a policy has counted, and what of it in the last ten seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyCounts {
    pub hits: Hits,
    pub recent_came: Traffic,
    pub recent_sent: Traffic,
}

/// Rates of policies, by their ids.
#[derive(Debug)]
pub(crate) struct Rates {
    of: Vec<Rate>,
    /// The span of time in which they were taken last, and which of those that count is next; behind the last of them none is.
    span: u64,
    next: usize,
}

/// What a policy had counted, and what had come and left of it in ten seconds then.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    taken: Instant,
    came: Traffic,
    sent: Traffic,
    recent_came: Traffic,
    recent_sent: Traffic,
}

impl Default for Rates {
    fn default() -> Self {
        Self { of: Vec::new(), span: 0, next: usize::MAX }
    }
}

impl Rate {
    /// As it is to be taken now: in the span of time behind the one in which it was.
    fn at(self, hits: &Hits, now: Instant) -> Self {
        let passed_ms = now.0.saturating_sub(self.taken.0) / NS_OF_MS;
        if span_of(now) == span_of(self.taken) || passed_ms < SPAN_MS / 2 {
            return self;
        }
        let (came, sent) = (hits.came(), hits.sent());
        // Of what is longer ago nothing is said.
        let recent = |grown: Traffic| {
            let in_span = |count: u64| {
                if passed_ms < 2 * SPAN_MS { count.saturating_mul(SPAN_MS) / passed_ms } else { 0 }
            };
            Traffic { packets: grown.packets.map(in_span), bytes: grown.bytes.map(in_span) }
        };
        let (recent_came, recent_sent) = (recent(came.minus(self.came)), recent(sent.minus(self.sent)));
        Self { taken: now, came, sent, recent_came, recent_sent }
    }
}

const fn span_of(at: Instant) -> u64 {
    at.as_secs() / Pace::SPAN_S
}

impl Rates {
    /// Makes room for as many policies, when one of them counts. Called between batches.
    pub(crate) fn adopt(&mut self, counting: &[PolicyId], policies: usize) {
        if !counting.is_empty() && self.of.len() < policies {
            self.of.resize(policies, Rate::default());
        }
    }

    /// Takes those whose turn it is.
    fn take(&mut self, counting: &[PolicyId], policies: &[Hits], now: Instant) {
        if self.next >= counting.len() {
            if self.span == span_of(now) {
                return;
            }
            (self.span, self.next) = (span_of(now), 0);
        }
        for id in counting.iter().skip(self.next).take(BUDGET) {
            if let (Some(rate), Some(hits)) = (self.of.get_mut(id.index()), policies.get(id.index())) {
                *rate = rate.at(hits, now);
            }
        }
        self.next += BUDGET;
    }
}

impl Counters {
    /// So many bytes of a packet leave.
    pub(crate) fn left(&mut self, Counted { policy, wing, packets }: Counted, bytes: usize) {
        let Some(hits) = self.policies.get_mut(policy.index()) else { return };
        let (wing, unsent) = (usize::from(wing), &mut hits.unsent);
        unsent.packets[wing] = unsent.packets[wing].wrapping_sub(packets.into());
        unsent.bytes[wing] = unsent.bytes[wing].wrapping_sub(bytes as u64);
    }
}

impl State {
    /// A packet comes that goes the whole way. `policy`: the one that counts it.
    pub(crate) fn count(&mut self, policy: Option<PolicyId>, wing: usize, bytes: u64) {
        self.counted = policy.map(|policy| Counted { policy, wing: wing as u8, packets: 1 });
        if let Some(policy) = policy
            && let Some(hits) = self.counters.policies.get_mut(policy.index())
        {
            hits.passed(wing, bytes);
            hits.kept(wing, bytes);
        }
    }

    /// The packet under way leaves, or a piece of it, with so many bytes.
    pub(crate) fn leaves(&mut self, bytes: usize) {
        if let Some(counted) = self.waits() {
            self.counters.left(counted, bytes);
        }
    }

    /// What is to be counted when the packet under way leaves, or a piece of it: it is one packet once.
    pub(crate) fn waits(&mut self) -> Option<Counted> {
        let counted = self.counted?;
        self.counted = Some(Counted { packets: 0, ..counted });
        Some(counted)
    }

    pub(crate) fn take_rates(&mut self, counting: &[PolicyId], now: Instant) {
        self.rates.take(counting, &self.counters.policies, now);
    }

    /// What is counted is from elsewhere by now: how fast it grows is seen anew.
    pub fn forget_rates(&mut self) {
        self.rates.of.fill(Rate::default());
    }

    /// What policies have counted, by their ids: at most so many from one on.
    #[must_use]
    pub fn policies(&self, from: usize, most: usize, now: Instant) -> Vec<PolicyCounts> {
        let counted = |(id, hits): (usize, &Hits)| {
            let rate = self.rates.of.get(id).map_or(Rate::default(), |rate| rate.at(hits, now));
            let Rate { recent_came, recent_sent, .. } = rate;
            PolicyCounts { hits: *hits, recent_came, recent_sent }
        };
        self.counters.policies.iter().enumerate().skip(from).take(most).map(counted).collect()
    }

    /// Changes what a policy has counted otherwise than by packets: its rates are as they were.
    pub fn recount(&mut self, policy: PolicyId, change: impl FnOnce(&mut Hits)) {
        let Some(hits) = self.counters.policies.get_mut(policy.index()) else { return };
        let (came, sent) = (hits.came(), hits.sent());
        change(hits);
        if let Some(rate) = self.rates.of.get_mut(policy.index()) {
            rate.came = rate.came.plus(hits.came().minus(came));
            rate.sent = rate.sent.plus(hits.sent().minus(sent));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(packets: u64) -> Hits {
        Hits { packets: [packets, 0], bytes: [packets * 100, 0], ..Hits::default() }
    }

    /// However many policies count, a step takes so many, and all of them in their turn. Spec: policy-29.
    #[test]
    fn a_step_takes_the_rates_of_so_many_policies_and_the_next_goes_on() {
        let counting: Vec<_> = (0..2 * BUDGET as u32 + 1).map(PolicyId).collect();
        let mut hits = vec![carried(0); counting.len()];
        let mut rates = Rates::default();
        rates.adopt(&counting, hits.len());
        let taken = |rates: &Rates, at| rates.of.iter().filter(|rate| rate.taken == at).count();
        let (ten, twenty) = (Instant::from_secs(10), Instant::from_secs(20));
        for all in [BUDGET, 2 * BUDGET, 2 * BUDGET + 1, 2 * BUDGET + 1] {
            rates.take(&counting, &hits, ten);
            assert_eq!(taken(&rates, ten), all);
        }
        hits.fill(carried(50));
        rates.take(&counting, &hits, Instant::from_secs(19));
        assert_eq!(taken(&rates, ten), counting.len(), "the ten seconds are not over");
        rates.take(&counting, &hits, twenty);
        assert_eq!(taken(&rates, twenty), BUDGET);
        // One that was taken and one that was not tell the same.
        hits.fill(carried(70));
        let told = [0, 2 * BUDGET].map(|at| rates.of[at].at(&hits[at], twenty).recent_came.packets[0]);
        assert_eq!(told, [50, 70]);
    }

    #[test]
    fn rates_are_of_ten_seconds_or_the_mean_of_some_more_and_nothing_is_said_of_what_is_longer_ago() {
        let since = |secs| Rate::default().at(&carried(30), Instant::from_secs(secs)).recent_came.packets[0];
        assert_eq!([9, 10, 15, 19, 20, 1000].map(since), [0, 30, 20, 15, 0, 0]);
        // Taken late, and again soon after: too short a time to tell a rate of.
        let late = Rate { taken: Instant::from_secs(18), ..Rate::default() };
        assert_eq!(late.at(&carried(30), Instant::from_secs(21)).taken, Instant::from_secs(18));
        assert_eq!(late.at(&carried(30), Instant::from_secs(28)).recent_came.packets[0], 30);
    }
}
