//! The atomic words of the limit table. In tests each step may be ordered against those of other workers.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

#[derive(Debug, Default)]
pub(super) struct Word(AtomicU64);

impl Word {
    #[inline]
    pub(super) fn load(&self) -> u64 {
        point();
        self.0.load(SeqCst)
    }

    #[inline]
    pub(super) fn swap_if(&self, old: u64, new: u64) -> Result<u64, u64> {
        point();
        self.0.compare_exchange(old, new, SeqCst, SeqCst)
    }

    #[inline]
    pub(super) fn take_one(&self) {
        point();
        self.0.fetch_sub(1, SeqCst);
    }

    #[cfg(test)]
    pub(super) fn store(&self, value: u64) {
        self.0.store(value, SeqCst);
    }
}

#[cfg(not(test))]
#[inline(always)]
fn point() {}

#[cfg(test)]
pub(super) use turns::interleave;
#[cfg(test)]
use turns::point;

/// Threads of which one runs at a time; at every step chance says which goes on.
#[cfg(test)]
mod turns {
    use std::cell::RefCell;
    use std::sync::{Arc, Condvar, Mutex};

    struct Turns {
        state: Mutex<State>,
        changed: Condvar,
    }

    struct State {
        random: u64,
        /// The first one runs.
        live: Vec<usize>,
    }

    thread_local! {
        static SELF: RefCell<Option<(Arc<Turns>, usize)>> = const { RefCell::new(None) };
    }

    impl State {
        fn choose(&mut self) {
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Who runs goes on; once in sixteen steps he falls behind the others, for long.
            if (self.random >> 33).is_multiple_of(16) && self.live.len() > 1 {
                let place = 1 + (self.random >> 40) as usize % (self.live.len() - 1);
                self.live[..=place].rotate_left(1);
            }
        }
    }

    impl Turns {
        fn wait(&self, me: usize) {
            let state = self.state.lock().unwrap_or_else(|broken| broken.into_inner());
            let others = |state: &mut State| state.live.first() != Some(&me);
            drop(self.changed.wait_while(state, others).unwrap_or_else(|broken| broken.into_inner()));
        }

        fn change(&self, change: impl FnOnce(&mut State)) {
            let mut state = self.state.lock().unwrap_or_else(|broken| broken.into_inner());
            let before = state.live.first().copied();
            change(&mut state);
            state.choose();
            if state.live.first().copied() != before {
                self.changed.notify_all();
            }
        }
    }

    /// Takes itself out when the worker ends, by panic too.
    struct Turn(Arc<Turns>, usize);

    impl Drop for Turn {
        fn drop(&mut self) {
            self.0.change(|state| state.live.retain(|live| *live != self.1));
        }
    }

    /// Another worker may go on here.
    pub(in super::super) fn point() {
        SELF.with_borrow(|own| {
            let Some((turns, me)) = own else { return };
            turns.change(|_| {});
            turns.wait(*me);
        });
    }

    /// Runs the workers to their end in the order that `seed` gives.
    pub(in super::super) fn interleave<F: FnOnce() + Send>(seed: u64, workers: Vec<F>) {
        let live = (0..workers.len()).collect();
        let random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let state = Mutex::new(State { random, live });
        let turns = Arc::new(Turns { state, changed: Condvar::new() });
        std::thread::scope(|scope| {
            for (me, worker) in workers.into_iter().enumerate() {
                let turns = Arc::clone(&turns);
                scope.spawn(move || {
                    let _turn = Turn(Arc::clone(&turns), me);
                    turns.wait(me);
                    SELF.set(Some((turns, me)));
                    worker();
                });
            }
        });
    }
}
