//! What live sessions count under by screens, by slot.
//!
//! Place: beside the session slots. State: a hold a slot for the zone that a session comes from, and where a profile judges what
//! leaves by a zone one for the zone that it goes to. Spec: screen-2, screen-43, screen-54..57.

use ravelin_screen::{Packet as Seen, SessionHold, SilentHold};
use ravelin_wire::Network;

use crate::rules::Rules;
use crate::session::{HOST_UNIT, Session};
use crate::shared::Shared;

/// See the head of the file. Empty until a program has screens.
#[derive(Debug, Default)]
pub(crate) struct Holds([Side; 2]);

/// Of one of a session's zones.
#[derive(Debug, Default)]
struct Side {
    sessions: Vec<SessionHold>,
    silent: Vec<Option<SilentHold>>,
}

impl Side {
    fn adopt(&mut self, slots: usize) {
        self.sessions.resize_with(slots, SessionHold::default);
        self.silent.resize_with(slots, || None);
    }
}

impl Holds {
    /// Makes room for every slot, on the side that sessions go to only when it is looked at. Called between batches.
    pub(crate) fn adopt(&mut self, slots: usize, is_output_judged: bool) {
        let [own, beyond] = &mut self.0;
        own.adopt(slots);
        if is_output_judged {
            beyond.adopt(slots);
        }
    }

    pub(crate) fn keep(&mut self, side: usize, slot: u32, hold: SessionHold) {
        if let Some(place) = self.0[side].sessions.get_mut(slot as usize) {
            *place = hold;
        }
    }

    pub(crate) fn keep_silent(&mut self, side: usize, slot: u32, hold: SilentHold) {
        if let Some(place) = self.0[side].silent.get_mut(slot as usize) {
            *place = Some(hold);
        }
    }

    /// Gives back what the session of a slot counted under.
    pub(crate) fn release(&mut self, slot: u32, shared: &Shared) {
        for side in &mut self.0 {
            if let Some(hold) = side.sessions.get_mut(slot as usize) {
                shared.meters.release(std::mem::take(hold));
            }
        }
        self.release_silent(slot, shared);
    }

    pub(crate) fn release_silent(&mut self, slot: u32, shared: &Shared) {
        for side in &mut self.0 {
            if let Some(hold) = side.silent.get_mut(slot as usize).and_then(Option::take) {
                shared.meters.release_silent(hold);
            }
        }
    }

    /// A session of another plane counts too. Spec: sync-6.
    pub(crate) fn carry(&mut self, slot: u32, session: &Session, rules: &Rules, shared: &Shared) {
        let [first, second] = &session.wings;
        if first.ingress == HOST_UNIT {
            return;
        }
        let ends = (first.key.src(), first.key.dst());
        let network = Network::of_ends(first.key.family(), first.key.proto(), ends);
        let profiles = rules.screens.of_session(first.zone, second.zone);
        for (side, (zone, profile)) in profiles.into_iter().enumerate() {
            let Some(profile) = profile else { continue };
            let seen = Seen { frame: &[], l3_at: 0, network: &network, zone };
            self.keep(side, slot, shared.meters.reserve_carried(profile, &seen));
        }
    }

    /// Everything at once: the worker is dead.
    pub(crate) fn release_all(&mut self, shared: &Shared) {
        (0..self.0[0].sessions.len() as u32).for_each(|slot| self.release(slot, shared));
    }
}
