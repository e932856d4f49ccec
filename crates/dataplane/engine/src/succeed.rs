//! What the state of a worker in another process needs beside sessions whole to go on in this one's place.
//!
//! Place: between batches, at the end of one process and the start of another. State: none.

use std::net::IpAddr;

use ravelin_contract::SyncedSession;
use ravelin_types::{Addr, Instant, InterfaceId, PortId, SessionId};
use ravelin_wire::rewrite::Partial;

use crate::hold::Waiting;
use crate::random::{Random, Seed};
use crate::session::Ticks;
use crate::state::State;

/// What the random numbers of one life of a worker are for.
const LIFE: u64 = 0x4c49_4645;
/// Milliseconds of a tick of the session clock.
const TICK_MS: u64 = 100;

/// A session that was come by, and how long ago its last packet was: less than a tick more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surveyed {
    pub slot: u32,
    pub id: SessionId,
    pub idle_ms: u64,
}

/// A packet that waits for its next hop's Ethernet address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldFrame {
    pub unit: InterfaceId,
    pub port: PortId,
    pub next_hop: IpAddr,
    pub partial: Option<Partial>,
    pub came_by: Option<InterfaceId>,
    pub frame: Vec<u8>,
}

impl State {
    /// Comes by the sessions among the next `budget` slots from one on; where to go on. Cheap: nothing is copied.
    pub fn survey_sessions(
        &self,
        from: u32,
        budget: u32,
        now: Instant,
        mut visit: impl FnMut(Surveyed),
    ) -> Option<u32> {
        let ticks = Ticks::at(now);
        let end = self.sessions.walk(from, budget, |slot, session| {
            let idle_ms = u64::from(ticks.since(session.last_seen)) * TICK_MS;
            visit(Surveyed { slot, id: session.id, idle_ms });
        });
        ((end as usize) < self.sessions.capacity()).then_some(end)
    }

    /// The session of a slot whole, if it is still the one meant and can go elsewhere.
    #[must_use]
    pub fn session_whole(&self, slot: u32, id: SessionId, now: Instant) -> Option<SyncedSession> {
        self.synced_if(slot, id, now)
    }

    /// Packets that wait for a neighbour.
    #[must_use]
    pub fn held_frames(&self) -> Vec<HeldFrame> {
        let frame = |(waiting, frame): (&Waiting, &[u8])| {
            let Waiting { unit, port, family, next_hop, partial, came_by, link_len: _, counted: _ } =
                *waiting;
            HeldFrame {
                unit,
                port,
                next_hop: next_hop.to_ip(family),
                partial,
                came_by,
                frame: frame.to_vec(),
            }
        };
        self.hold.iter().map(frame).collect()
    }

    /// Takes one in, its time to wait begun anew. `false`: no room.
    pub fn hold_frame(&mut self, held: &HeldFrame, now: Instant) -> bool {
        let (family, next_hop) = Addr::from_ip(held.next_hop);
        let HeldFrame { unit, port, next_hop: _, partial, came_by, ref frame } = *held;
        // The process before this one has counted it as one that came and never left.
        let waiting = Waiting { unit, port, family, next_hop, partial, came_by, link_len: 0, counted: None };
        self.hold.put(frame, waiting, now).is_some()
    }

    /// Draws other random numbers than any other life of this worker under the same seed did: who saw those, foresees none.
    pub fn begin_life(&mut self, seed: &Seed, life: u64) {
        let purpose = LIFE << 32 ^ life << 8 ^ u64::from(self.worker.0);
        self.random = Random::new(seed.key(purpose));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Steering};

    fn state() -> State {
        let seed = Seed([7; 32]);
        State::new(Steering::alone(&seed), &seed, 0, Limits { sessions: 16, events: 16 })
    }

    #[test]
    fn held_packets_go_over_and_no_more_than_a_neighbour_may_have() {
        let held = |n: u8| HeldFrame {
            unit: InterfaceId(3),
            port: PortId(2),
            next_hop: "fe80::1".parse().unwrap(),
            partial: Some(Partial { start: 34, field: 50 }),
            came_by: Some(InterfaceId(1)),
            frame: vec![n; 60],
        };
        let (mut old, mut new) = (state(), state());
        assert_eq!((0..20).filter(|n| old.hold_frame(&held(*n), Instant(5))).count(), 16);
        let frames = old.held_frames();
        assert!(frames.iter().all(|frame| new.hold_frame(frame, Instant(9))));
        assert_eq!(new.held_frames(), frames);
        assert_eq!(frames[15], held(15));
    }

    #[test]
    fn no_two_lives_draw_the_same() {
        let seed = Seed([7; 32]);
        let drawn = |life| {
            let mut state = state();
            state.begin_life(&seed, life);
            [state.random.next(), state.random.next()]
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert_ne!(drawn(256), drawn(1));
    }
}
