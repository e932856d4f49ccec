//! A bounded queue of lines to one destination, and the account of what became of them.
//!
//! Full, it takes nothing more: what waits is older, and stays in order. At any time
//! `offered = sent + lost + failed + waiting + in flight`. Spec: log-29.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Lines and bytes that may wait.
const LINES_MAX: usize = 8192;
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// What became of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub offered: u64,
    /// Handed to the transport or written.
    pub sent: u64,
    /// Found the queue full.
    pub lost: u64,
    /// Could not be sent or written.
    pub failed: u64,
    pub waiting: u64,
    pub in_flight: u64,
}

/// The queue.
#[derive(Debug, Default)]
pub struct Outbox {
    inner: Mutex<Inner>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Arc<[u8]>>,
    bytes: usize,
    counters: Counters,
    closed: bool,
    /// Connections that stand.
    connected: u32,
    trouble: Option<String>,
}

impl Outbox {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a line, or counts it as lost.
    pub fn offer(&self, line: Arc<[u8]>) {
        let mut inner = self.inner();
        inner.counters.offered += 1;
        let full = inner.waiting.len() >= LINES_MAX || inner.bytes + line.len() > BYTES_MAX;
        if full || inner.closed {
            inner.counters.lost += 1;
            return;
        }
        inner.bytes += line.len();
        inner.waiting.push_back(line);
        drop(inner);
        self.ready.notify_one();
    }

    /// Returns as soon as lines wait; `false`: the outbox is closed and empty.
    pub async fn ready(&self) -> bool {
        loop {
            let notified = self.ready.notified();
            {
                let inner = self.inner();
                if !inner.waiting.is_empty() {
                    return true;
                }
                if inner.closed {
                    // Others that wait on the same outbox must learn it too.
                    self.ready.notify_one();
                    return false;
                }
            }
            notified.await;
        }
    }

    /// Moves up to `max` lines out, into flight.
    pub fn take(&self, max: usize) -> Vec<Arc<[u8]>> {
        let mut inner = self.inner();
        let count = max.min(inner.waiting.len());
        let taken: Vec<_> = inner.waiting.drain(..count).collect();
        inner.bytes -= taken.iter().map(|line| line.len()).sum::<usize>();
        inner.counters.in_flight += taken.len() as u64;
        let more = !inner.waiting.is_empty();
        drop(inner);
        if more {
            self.ready.notify_one();
        }
        taken
    }

    /// Ends a flight: the first `sent` lines arrived, the rest goes back to the front.
    pub fn settle(&self, flight: Vec<Arc<[u8]>>, sent: usize) {
        let mut inner = self.inner();
        inner.counters.in_flight -= flight.len() as u64;
        inner.counters.sent += sent as u64;
        for line in flight.into_iter().skip(sent).rev() {
            inner.bytes += line.len();
            inner.waiting.push_front(line);
        }
        let more = !inner.waiting.is_empty();
        drop(inner);
        if more {
            self.ready.notify_one();
        }
    }

    /// Ends a flight of which only the first `sent` lines arrived; the rest is given up.
    pub fn give_up(&self, flight: &[Arc<[u8]>], sent: usize) {
        let mut inner = self.inner();
        inner.counters.in_flight -= flight.len() as u64;
        inner.counters.sent += sent as u64;
        inner.counters.failed += (flight.len() - sent) as u64;
    }

    /// Takes nothing more; what waits may still be sent.
    pub fn close(&self) {
        self.inner().closed = true;
        self.ready.notify_one();
    }

    /// Counts what nobody will send any more as failed; how many lines that is.
    pub fn abandon(&self) -> u64 {
        let mut inner = self.inner();
        let rest = inner.waiting.len() as u64 + inner.counters.in_flight;
        inner.counters.failed += rest;
        inner.counters.in_flight = 0;
        inner.waiting.clear();
        inner.bytes = 0;
        rest
    }

    #[must_use]
    pub fn counters(&self) -> Counters {
        let inner = self.inner();
        Counters { waiting: inner.waiting.len() as u64, ..inner.counters }
    }

    /// Connections that stand, and what went wrong last.
    #[must_use]
    pub fn state(&self) -> (u32, Option<String>) {
        let inner = self.inner();
        (inner.connected, inner.trouble.clone())
    }

    pub(crate) fn connected(&self) {
        let mut inner = self.inner();
        inner.connected += 1;
        inner.trouble = None;
    }

    pub(crate) fn disconnected(&self) {
        let mut inner = self.inner();
        inner.connected = inner.connected.saturating_sub(1);
    }

    /// Notes what went wrong; `true`: it is not what went wrong before.
    pub(crate) fn trouble(&self, what: &str) -> bool {
        let mut inner = self.inner();
        if inner.trouble.as_deref() == Some(what) {
            return false;
        }
        inner.trouble = Some(what.to_owned());
        true
    }

    pub(crate) fn well(&self) {
        self.inner().trouble = None;
    }
}

impl Counters {
    /// Lines of which it is known that nobody gets them.
    #[must_use]
    pub fn gone(&self) -> u64 {
        self.lost + self.failed
    }

    /// The account's two sides are equal.
    #[must_use]
    pub fn balances(&self) -> bool {
        let Self { offered, sent, lost, failed, waiting, in_flight } = *self;
        offered == sent + lost + failed + waiting + in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(n: usize) -> Arc<[u8]> {
        format!("{n:06}").into_bytes().into()
    }

    #[test]
    fn a_full_queue_keeps_the_oldest_and_counts_the_rest() {
        let outbox = Outbox::default();
        (0..LINES_MAX + 3).for_each(|n| outbox.offer(line(n)));
        let counters = outbox.counters();
        assert_eq!((counters.waiting, counters.lost), (LINES_MAX as u64, 3));
        assert_eq!(outbox.take(1), [line(0)]);
        let big: Arc<[u8]> = vec![0; BYTES_MAX].into();
        outbox.offer(big);
        assert_eq!(outbox.counters().lost, 4);
    }

    #[test]
    fn what_was_not_sent_goes_back_in_order() {
        let outbox = Outbox::default();
        (0..5).for_each(|n| outbox.offer(line(n)));
        let flight = outbox.take(3);
        outbox.settle(flight, 1);
        assert_eq!(outbox.take(9), [line(1), line(2), line(3), line(4)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(256), ..ProptestConfig::default() })]
        /// Whatever is done to it, the account balances, and lines come out in order.
        #[test]
        fn no_line_is_unaccounted_for(steps in prop::collection::vec((0u8..6, 0usize..40), 0..60)) {
            let outbox = Outbox::default();
            let (mut next, mut seen) = (0, None);
            for (what, n) in steps {
                match what {
                    0 | 1 => for _ in 0..n { outbox.offer(line(next)); next += 1; },
                    2 | 3 => {
                        let flight = outbox.take(n);
                        let sent = n.min(flight.len()) / 2;
                        for line in &flight[..sent] {
                            prop_assert!(seen.as_ref().is_none_or(|last: &Arc<[u8]>| last < line));
                            seen = Some(line.clone());
                        }
                        outbox.settle(flight, sent);
                    }
                    4 => {
                        let flight = outbox.take(n);
                        outbox.give_up(&flight, 0);
                    }
                    _ => {
                        outbox.abandon();
                    }
                }
                prop_assert!(outbox.counters().balances(), "{:?}", outbox.counters());
            }
        }
    }
}
