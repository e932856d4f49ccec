//! Screens: what a zone's profile says of a packet, and what follows from it.
//!
//! Junos: `security screen`, `security zones security-zone screen`. Place: first thing on both paths; session limits last
//! thing before a session is installed. State: meters of the whole device in `Shared`, holds beside the session
//! slots, hits by zone and by unit. Spec: screen-1..9, screen-54..57.

use ravelin_contract::{DropCause, Event};
use ravelin_program::{Screen, ScreenSet};
use ravelin_screen::{
    Packet as Seen, Profile, Reservation, ScreenAction, ScreenVerdict, SessionHold, SilentHold, Surroundings,
    Way, check_error, check_fast, check_first, check_rest, clear_urgent,
};
use ravelin_types::{DropReason, ZoneId};
use ravelin_wire::{Network, rewrite};

use crate::explain::{Fact, Recorder};
use crate::forwarding::Path;
use crate::packet::{Packet, Stage};
use crate::proxy_syn;
use crate::rules::{Rules, Snapshot};
use crate::session::{HOST_UNIT, Session, WingRef};
use crate::shared::Shared;
use crate::step::{Flow, Turn};
use crate::verdict::Verdict;

/// What live sessions count under, by slot. Empty until a program has screens.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    sessions: Vec<SessionHold>,
    silent: Vec<Option<SilentHold>>,
}

impl Holds {
    /// Makes room for every slot. Called between batches.
    pub(crate) fn adopt(&mut self, slots: usize) {
        self.sessions.resize_with(slots, SessionHold::default);
        self.silent.resize_with(slots, || None);
    }

    fn keep(&mut self, slot: u32, hold: SessionHold) {
        if let Some(place) = self.sessions.get_mut(slot as usize) {
            *place = hold;
        }
    }

    fn keep_silent(&mut self, slot: u32, hold: SilentHold) {
        if let Some(place) = self.silent.get_mut(slot as usize) {
            *place = Some(hold);
        }
    }

    /// Gives back what the session of a slot counted under.
    pub(crate) fn release(&mut self, slot: u32, shared: &Shared) {
        if let Some(hold) = self.sessions.get_mut(slot as usize) {
            shared.meters.release(std::mem::take(hold));
        }
        self.release_silent(slot, shared);
    }

    pub(crate) fn release_silent(&mut self, slot: u32, shared: &Shared) {
        if let Some(hold) = self.silent.get_mut(slot as usize).and_then(Option::take) {
            shared.meters.release_silent(hold);
        }
    }

    /// A session of another plane counts too. Spec: sync-6.
    pub(crate) fn carry(&mut self, slot: u32, session: &Session, rules: &Rules, shared: &Shared) {
        let wing = &session.wings[0];
        let Some(profile) = rules.screens.of(wing.zone, Way::In).filter(|_| wing.ingress != HOST_UNIT) else {
            return;
        };
        let network = Network::of_ends(wing.key.family(), wing.key.proto(), (wing.key.src(), wing.key.dst()));
        let seen = Seen { frame: &[], l3_at: 0, network: &network, zone: wing.zone };
        self.keep(slot, shared.meters.reserve_carried(profile, &seen));
    }

    /// Everything at once: the worker is dead.
    pub(crate) fn release_all(&mut self, shared: &Shared) {
        (0..self.sessions.len() as u32).for_each(|slot| self.release(slot, shared));
    }
}

/// What of the world a screen may ask for.
struct Around<'a> {
    world: &'a Snapshot,
    flow: &'a Flow,
}

impl Surroundings for Around<'_> {
    fn is_spoofed(&self) -> bool {
        let network = &self.flow.network;
        let source = (network.family, network.src);
        match self.world.forwarding.lookup(self.flow.key.instance(), source, 0) {
            Path::Via { unit, .. } => {
                self.world.rules.unit(unit).and_then(|unit| unit.zone) != Some(self.flow.zone)
            }
            Path::Local(_) | Path::Discard | Path::Reject | Path::None => true,
        }
    }

    /// Fragments that overlap never come so far.
    fn overlaps(&self) -> bool {
        false
    }
}

/// Judges a packet without a session by the screens of a zone. `Err`: what becomes of it.
pub(crate) fn first<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (zone, way): (ZoneId, Way),
) -> Result<(), Verdict> {
    let world = turn.world;
    // Its first worker has asked them already.
    let asked = flow.handed.is_some_and(|handed| matches!(handed.stage, Stage::Home | Stage::Ports));
    let profile = world.rules.screens.of(zone, way).filter(|_| !asked);
    let Some(profile) = profile else { return Ok(()) };
    let around = Around { world, flow };
    // It had a session, whose screens were those of its own zone and of the one beyond.
    let is_known = flow.screened.is_some_and(|beyond| way == Way::In || beyond == zone);
    let check = if is_known { check_rest } else { check_first };
    let verdict = check(profile, &turn.shared.meters, &seen(packet.bytes(), flow, zone), &around, turn.now);
    act(turn, packet, flow, zone, verdict)
}

/// Judges an ICMP error by the screens of the zone it enters.
pub(crate) fn of_error<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
) -> Result<(), Verdict> {
    let world = turn.world;
    let Some(profile) = profile_of(world, flow) else { return Ok(()) };
    let around = Around { world, flow };
    let verdict =
        check_error(profile, &turn.shared.meters, &seen(packet.bytes(), flow, flow.zone), &around, turn.now);
    act(turn, packet, flow, flow.zone, verdict)
}

/// Judges a packet of a session by the screens of the zone it enters and of the zone it leaves by.
pub(crate) fn fast<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Result<(), Verdict> {
    let world = turn.world;
    if flow.from_host || world.rules.screens_are_off {
        return Ok(());
    }
    let beyond = turn.state.sessions.get(at.slot()).wings[1 - at.wing()].zone;
    for (zone, way) in [(flow.zone, Way::In), (beyond, Way::Out)] {
        let Some(profile) = world.rules.screens.of(zone, way) else { continue };
        let around = Around { world, flow };
        let verdict =
            check_fast(profile, &turn.shared.meters, &seen(packet.bytes(), flow, zone), &around, turn.now);
        act(turn, packet, flow, zone, verdict)?;
    }
    Ok(())
}

/// Counts a session about to be installed under its zone's limits. `Err`: one is reached.
pub(crate) fn reserve<'s, R: Recorder>(
    turn: &mut Turn<'s, R>,
    flow: &Flow,
) -> Result<Option<Reservation<'s>>, Verdict> {
    let (world, shared) = (turn.world, turn.shared);
    let Some(profile) = profile_of(world, flow) else { return Ok(None) };
    match shared.meters.reserve(profile, &seen(&[], flow, flow.zone)) {
        Ok(reservation) => {
            note(turn, flow, flow.zone, (reservation.alarms, reservation.alarms), false);
            Ok(Some(reservation))
        }
        Err(screen) => {
            let mut hit = ScreenSet::NONE;
            hit.add(screen);
            note(turn, flow, flow.zone, (hit, hit), true);
            turn.rec.fact(Fact::Screen { zone: flow.zone, screen });
            turn.state.watch.blame(DropCause::Screen { zone: flow.zone, screen });
            Err(Verdict::Drop(DropReason::Screen))
        }
    }
}

/// The session is there: it keeps what was reserved for it.
pub(crate) fn keep<R>(turn: &mut Turn<'_, R>, slot: u32, reservation: Option<Reservation<'_>>) {
    if let Some(reservation) = reservation {
        turn.state.holds.keep(slot, reservation.keep());
    }
}

/// A handshake is complete and its client has said nothing yet. `Err`: its source has too many such.
pub(crate) fn silent<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    slot: u32,
) -> Result<bool, DropReason> {
    let (world, shared) = (turn.world, turn.shared);
    let Some(profile) = profile_of(world, flow) else { return Ok(false) };
    match shared.meters.reserve_silent(profile, &seen(&[], flow, flow.zone)) {
        Ok(hold) => {
            turn.state.holds.keep_silent(slot, hold);
            Ok(true)
        }
        Err(screen) => {
            let mut hit = ScreenSet::NONE;
            hit.add(screen);
            note(turn, flow, flow.zone, (hit, hit), true);
            turn.state.watch.blame(DropCause::Screen { zone: flow.zone, screen });
            Err(DropReason::Screen)
        }
    }
}

fn profile_of<'w>(world: &'w Snapshot, flow: &Flow) -> Option<&'w Profile> {
    world.rules.screens.of(flow.zone, Way::In).filter(|_| !flow.from_host)
}

pub(crate) fn seen<'a>(frame: &'a [u8], flow: &'a Flow, zone: ZoneId) -> Seen<'a> {
    Seen { frame, l3_at: flow.link.l3_at, network: &flow.network, zone }
}

fn act<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    zone: ZoneId,
    verdict: ScreenVerdict,
) -> Result<(), Verdict> {
    let ScreenVerdict { action, hits, notify } = verdict;
    if hits.is_empty() {
        return Ok(());
    }
    note(turn, flow, zone, (hits, notify), !matches!(action, ScreenAction::Pass | ScreenAction::Repair));
    match action {
        ScreenAction::Pass => Ok(()),
        ScreenAction::Repair => {
            let bytes = packet.bytes_mut();
            let delta = clear_urgent(bytes, &flow.network);
            rewrite::transport_delta(bytes, usize::from(flow.network.l4_at), flow.network.proto, delta);
            Ok(())
        }
        ScreenAction::Drop(screen) => {
            turn.rec.fact(Fact::Screen { zone, screen });
            turn.state.watch.blame(DropCause::Screen { zone, screen });
            Err(Verdict::Drop(DropReason::Screen))
        }
        ScreenAction::Challenge(_) if flow.proven => Ok(()),
        ScreenAction::Challenge(protection) => {
            turn.rec.fact(Fact::Screen { zone, screen: Screen::SynFlood });
            Err(proxy_syn::challenge(turn, packet, flow, (zone, protection)))
        }
    }
}

/// Counts hits and tells of those that are to be told of.
pub(crate) fn note<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    zone: ZoneId,
    (hits, notify): (ScreenSet, ScreenSet),
    dropped: bool,
) {
    let counters = &mut turn.state.counters;
    let of_zone = counters.screens.get_mut(zone.index());
    // What a zone sees leave came in by a unit of another.
    let of_unit = counters.unit_screens.get_mut(flow.unit.index()).filter(|_| zone == flow.zone);
    for counts in of_zone.into_iter().chain(of_unit) {
        hits.iter().for_each(|screen| counts[screen.index()] += 1);
    }
    for screen in notify.iter() {
        let key = flow.key.to_session_key();
        turn.state.events.push(Event::Screen { screen, zone, interface: flow.unit, key, dropped });
    }
}
