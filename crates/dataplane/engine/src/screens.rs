//! Screens: what a zone's profile says of a packet, and what follows from it.
//!
//! Junos: `security screen`, `security zones security-zone screen`. Place: first thing on both paths; session limits last
//! thing before a session is installed. State: meters of the whole device in `Shared`, holds beside the session
//! slots (`holds`), hits by zone and by unit. Spec: screen-1..9, screen-54..57.

use ravelin_contract::{DropCause, Event};
use ravelin_program::{Screen, ScreenSet};
use ravelin_screen::{
    Packet as Seen, Profile, Reservation, ScreenAction, ScreenVerdict, Surroundings, Way, check_error,
    check_fast, check_first, check_later, check_rest, clear_urgent,
};
use ravelin_types::{DropReason, InterfaceId, ZoneId};
use ravelin_wire::{Fragment, Network, rewrite};

use crate::explain::{Fact, Recorder};
use crate::forwarding::Path;
use crate::fragment::Arrival;
use crate::host;
use crate::key::FlowKey;
use crate::packet::{Packet, Stage};
use crate::proxy_syn;
use crate::rules::Snapshot;
use crate::session::WingRef;
use crate::step::{Flow, Turn};
use crate::verdict::Verdict;

/// What of the world a screen may ask for.
struct Around<'a> {
    world: &'a Snapshot,
    flow: &'a Flow,
}

impl Surroundings for Around<'_> {
    fn is_spoofed(&self) -> bool {
        let Network { family, src, .. } = self.flow.network;
        if host::is_of_link_alone(&self.flow.network) {
            return false;
        }
        let leads_back = |path: &Path| match path {
            Path::Via { unit, .. } => {
                self.world.rules.unit(*unit).and_then(|unit| unit.zone) == Some(self.flow.zone)
            }
            Path::Local(_) | Path::Discard | Path::Reject | Path::None => false,
        };
        !self.world.forwarding.any_way(self.flow.key.instance(), (family, src), leads_back)
    }

    /// Fragments that overlap never come so far: see [`of_bad_fragment`].
    fn overlaps(&self) -> bool {
        false
    }
}

/// A fragment that no sender makes.
struct Bad(DropReason);

impl Surroundings for Bad {
    /// It opens no session.
    fn is_spoofed(&self) -> bool {
        false
    }

    fn overlaps(&self) -> bool {
        self.0 == DropReason::FragmentOverlap
    }
}

/// Asks the screens of the zone about a fragment that condemns its datagram, which therefore never becomes a packet of it. What it
/// dies for: the screen that it trips, or what is wrong with it. Spec: screen-16, screen-76.
#[cold]
pub(crate) fn of_bad_fragment<R: Recorder>(
    turn: &mut Turn<'_, R>,
    arrival: &Arrival<'_>,
    reason: DropReason,
) -> DropReason {
    let Arrival { packet, network, l3_at, from: (zone, _), .. } = *arrival;
    let Some(profile) = turn.world.rules.screens.of(zone, Way::In) else { return reason };
    let seen = Seen { frame: packet.bytes(), l3_at, network, zone };
    let verdict = check_fast(profile, &turn.shared.meters, &seen, &Bad(reason), turn.now);
    if died(turn, arrival, verdict) { DropReason::Screen } else { reason }
}

/// Whether a zone has screens for what enters it.
pub(crate) fn stand_at<R>(turn: &Turn<'_, R>, zone: ZoneId) -> bool {
    let rules = &turn.world.rules;
    !rules.screens_are_off && rules.screens.of(zone, Way::In).is_some()
}

/// Whether the screens of the zone drop a fragment that may wait, whatever its datagram is: a later one, or any where datagrams pass
/// whole. Spec: screen-77.
pub(crate) fn of_later_fragment<R: Recorder>(turn: &mut Turn<'_, R>, arrival: &Arrival<'_>) -> bool {
    let Arrival { packet, network, l3_at, from: (zone, _), .. } = *arrival;
    if turn.world.rules.screens_are_off {
        return false;
    }
    if !matches!(network.fragment, Fragment::Later { .. }) && !turn.state.fragments.are_whole() {
        return false;
    }
    let Some(profile) = turn.world.rules.screens.of(zone, Way::In) else { return false };
    let seen = Seen { frame: packet.bytes(), l3_at, network, zone };
    let around = Bad(DropReason::FragmentNoFirst);
    let verdict = check_later(profile, &turn.shared.meters, &seen, &around, turn.now);
    verdict.is_some_and(|verdict| died(turn, arrival, verdict))
}

/// Counts and tells what screens found in a fragment that is no packet of its datagram; whether it dies for it.
fn died<R: Recorder>(turn: &mut Turn<'_, R>, arrival: &Arrival<'_>, verdict: ScreenVerdict) -> bool {
    let Arrival { network, from: (zone, instance), unit, .. } = *arrival;
    let ScreenVerdict { action, hits, notify } = verdict;
    let screen = if let ScreenAction::Drop(screen) = action { Some(screen) } else { None };
    let came = (unit, zone, FlowKey::of(network, None, instance));
    tell(turn, came, zone, (hits, notify), screen.is_some());
    let Some(screen) = screen else { return false };
    turn.rec.fact(Fact::Screen { zone, screen });
    turn.state.watch.blame(DropCause::Screen { zone, screen });
    true
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
    let profile = asked_of(world, flow, (zone, way)).filter(|_| !asked);
    let Some(profile) = profile else { return Ok(()) };
    let around = Around { world, flow };
    // It had a session, whose screens were those of its own zone and of the one beyond.
    let is_known = flow.screened.is_some_and(|beyond| way == Way::In || beyond == zone);
    let check = if is_known { check_rest } else { check_first };
    let verdict = check(profile, &turn.shared.meters, &seen(packet.bytes(), flow, zone), &around, turn.now);
    act(turn, packet, flow, zone, verdict)
}

/// Judges an ICMP error, as it came, by the screens of the zone that it enters or of the one that it leaves by. Spec: screen-2.
pub(crate) fn of_error<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (zone, way): (ZoneId, Way),
) -> Result<(), Verdict> {
    let world = turn.world;
    // It was asked of the zone that it enters before it was given to who has the session.
    let asked = way == Way::In
        && flow.handed.is_some_and(|handed| !matches!(handed.stage, Stage::Tuple | Stage::Datagram));
    let profile = asked_of(world, flow, (zone, way)).filter(|_| !flow.from_host && !asked);
    let Some(profile) = profile else { return Ok(()) };
    let around = Around { world, flow };
    let verdict =
        check_error(profile, &turn.shared.meters, &seen(packet.bytes(), flow, zone), &around, turn.now);
    act(turn, packet, flow, zone, verdict)
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
        let Some(profile) = asked_of(world, flow, (zone, way)) else { continue };
        let around = Around { world, flow };
        let verdict =
            check_fast(profile, &turn.shared.meters, &seen(packet.bytes(), flow, zone), &around, turn.now);
        act(turn, packet, flow, zone, verdict)?;
    }
    Ok(())
}

/// What a session about to be installed counts under in the zone that it comes from and in the zone that it goes to.
pub(crate) type Reserved<'s> = [Option<Reservation<'s>>; 2];

/// Counts a session about to be installed under the limits of both its zones. `Err`: one is reached, and nothing is counted.
pub(crate) fn reserve<'s, R: Recorder>(
    turn: &mut Turn<'s, R>,
    flow: &Flow,
    to: ZoneId,
) -> Result<Reserved<'s>, Verdict> {
    let mut reserved = [None, None];
    if flow.from_host || turn.world.rules.screens_are_off {
        return Ok(reserved);
    }
    let world = turn.world;
    for (place, (zone, profile)) in reserved.iter_mut().zip(world.rules.screens.of_session(flow.zone, to)) {
        let Some(profile) = profile else { continue };
        match turn.shared.meters.reserve(profile, &seen(&[], flow, zone)) {
            Ok(reservation) => {
                alarmed(turn, flow, (zone, profile), reservation.alarms);
                *place = Some(reservation);
            }
            Err(screen) => {
                refused(turn, flow, (zone, profile), screen);
                return Err(Verdict::Drop(DropReason::Screen));
            }
        }
    }
    Ok(reserved)
}

/// A limit is reached, and the packet goes on.
fn alarmed<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    (zone, profile): (ZoneId, &Profile),
    hits: ScreenSet,
) {
    if !hits.is_empty() {
        let notify = turn.shared.meters.notices(profile, zone, hits, turn.now);
        note(turn, flow, zone, (hits, notify), false);
    }
}

/// A limit is reached.
fn refused<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    (zone, profile): (ZoneId, &Profile),
    screen: Screen,
) {
    let mut hit = ScreenSet::NONE;
    hit.add(screen);
    let notify = turn.shared.meters.notices(profile, zone, hit, turn.now);
    note(turn, flow, zone, (hit, notify), true);
    turn.rec.fact(Fact::Screen { zone, screen });
    turn.state.watch.blame(DropCause::Screen { zone, screen });
}

/// The session is there: it keeps what was reserved for it.
pub(crate) fn keep<R>(turn: &mut Turn<'_, R>, slot: u32, reserved: Reserved<'_>) {
    for (side, reservation) in reserved.into_iter().enumerate() {
        if let Some(reservation) = reservation {
            turn.state.holds.keep(side, slot, reservation.keep());
        }
    }
}

/// A handshake is complete and its client has said nothing yet. `Err`: its source has too many such.
pub(crate) fn silent<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    slot: u32,
) -> Result<bool, DropReason> {
    if flow.from_host || turn.world.rules.screens_are_off {
        return Ok(false);
    }
    let beyond = turn.state.sessions.get(slot).wings[1].zone;
    let mut is_counted = false;
    let world = turn.world;
    for (side, (zone, profile)) in world.rules.screens.of_session(flow.zone, beyond).into_iter().enumerate() {
        let Some(profile) = profile else { continue };
        match turn.shared.meters.reserve_silent(profile, &seen(&[], flow, zone)) {
            Ok((hold, alarms)) => {
                alarmed(turn, flow, (zone, profile), alarms);
                turn.state.holds.keep_silent(side, slot, hold);
                is_counted = true;
            }
            Err(screen) => {
                turn.state.holds.release_silent(slot, turn.shared);
                refused(turn, flow, (zone, profile), screen);
                return Err(DropReason::Screen);
            }
        }
    }
    Ok(is_counted)
}

/// The profile that a zone asks of a packet on one of its ways. What stays within the zone is asked once. Spec: screen-2.
fn asked_of<'w>(world: &'w Snapshot, flow: &Flow, (zone, way): (ZoneId, Way)) -> Option<&'w Profile> {
    let screens = &world.rules.screens;
    let has_been = way == Way::Out && zone == flow.zone && screens.of(zone, Way::In).is_some();
    screens.of(zone, way).filter(|_| !has_been)
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
    tell(turn, (flow.unit, flow.zone, flow.key), zone, (hits, notify), dropped);
}

fn tell<R: Recorder>(
    turn: &mut Turn<'_, R>,
    (unit, of_unit, key): (InterfaceId, ZoneId, FlowKey),
    zone: ZoneId,
    (hits, notify): (ScreenSet, ScreenSet),
    dropped: bool,
) {
    let counters = &mut turn.state.counters;
    let of_zone = counters.screens.get_mut(zone.index());
    // What a zone sees leave came in by a unit of another.
    let of_unit = counters.unit_screens.get_mut(unit.index()).filter(|_| zone == of_unit);
    for counts in of_zone.into_iter().chain(of_unit) {
        hits.iter().for_each(|screen| counts[screen.index()] += 1);
    }
    for screen in notify.iter() {
        let key = key.to_session_key();
        turn.state.events.push(Event::Screen { screen, zone, interface: unit, key, dropped });
    }
}
