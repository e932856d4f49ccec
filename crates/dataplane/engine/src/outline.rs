//! Outlines: under pressure, as much of a frame as tells whether it is shed.
//!
//! Most of what floods a worker is no plain packet (`express`): fragments, ICMP, datagrams with options. To take such a frame
//! apart in full costs more than a packet of a session does, and it is dropped for want of a session anyway. Here it is looked for by what
//! names its datagram and its session, before anything is made of the frame. A shortcut and nothing else: what is not shed here
//! goes the whole way, untouched (sim/tests/express compares the two). Place: in front of classify, when nothing more can be paid
//! for. State: a fragment that waits, within a batch. Spec: overload-1, overload-4.

use ravelin_types::{DropReason, Family, InstanceId, InterfaceId, ZoneId};
use ravelin_wire::{Fragment, Network, Piece, Plain, Vlan, parse_here};

use crate::explain::Recorder;
use crate::express::{self, Entrance};
use crate::fragment::{self, Glance};
use crate::key::FlowKey;
use crate::overload;
use crate::packet::Packet;
use crate::step::{Slot, Turn, classify, meant};
use crate::verdict::Verdict;
use crate::{host, icmp_error, screens};

/// A first fragment that is shed unless it has a session, for which it waits until the buckets are close: no longer than until the next
/// packet that is not plain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    /// Its place in the batch.
    at: usize,
    unit: InterfaceId,
    hash: u64,
}

/// Finds a place in the batch for a frame that is shed, or will be if the table has no session of its key. `None`: it is to be
/// taken apart in full.
#[inline(never)]
pub(crate) fn examine<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    slots: &mut Vec<Slot>,
) -> Option<()> {
    // The other node may have the session.
    if R::ON || turn.world.fabrics.is_some() {
        return None;
    }
    if shed_piece(turn, packet, slots).is_some() {
        return Some(());
    }
    let parsed = parse_here(packet.bytes()).ok()?;
    let network = parsed.network?;
    let Network { family, src, dst, .. } = network;
    let vlan = parsed.vlan.map(Vlan::id).filter(|id| *id != 0);
    let station = Plain::station_of(parsed.dst_mac);
    let (unit, entrance) = express::entrance(turn, packet, (station, vlan, family))?;
    if entrance.has(Entrance::FILTERED) || !express::are_ordinary(family, (src, dst)) {
        return None;
    }
    let from = (entrance.zone, entrance.instance);
    match network.fragment {
        Fragment::Whole if host::is_neighbour_discovery(&network) => return None,
        Fragment::Whole => {
            let key = FlowKey::of(&network, None, entrance.instance);
            let key = meant(packet, &network, (key, entrance.instance));
            if overload::is_elsewhere(turn, &key) || icmp_error::is_error_of_many(turn, &network) {
                return None;
            }
            let hash = turn.state.sessions.hash(&key);
            turn.state.sessions.prefetch_bucket(hash);
            slots.push(Slot::Outlined { unit, hash });
        }
        Fragment::First { .. } | Fragment::Later { .. } if is_datagram_elsewhere(turn, &network) => {
            return None;
        }
        Fragment::First { .. } | Fragment::Later { .. } => {
            let reason = doom(turn, (&network, from), (packet, parsed.l3_at))?;
            // Screens look at a fragment that may wait before its datagram does (screen-77).
            let may_wait =
                matches!(network.fragment, Fragment::Later { .. }) || turn.state.fragments.are_whole();
            if may_wait && reason != DropReason::Overload && screens::stand_at(turn, entrance.zone) {
                return None;
            }
            turn.state.counters.received(unit, packet.len());
            slots.push(Slot::Done(Verdict::Drop(reason)));
        }
    }
    Some(())
}

/// Whether the owner of a fragment's datagram is another worker.
fn is_datagram_elsewhere<R>(turn: &Turn<'_, R>, network: &Network) -> bool {
    let steering = &turn.state.steering;
    let owner = || steering.of_fragment(&fragment::identity(network));
    !steering.is_alone() && owner().is_some_and(|owner| owner != steering.worker())
}

/// The same of the commonest fragments: those of which nothing is known, and for which nobody can pay, and those that are dropped
/// whoever pays.
#[inline(always)]
fn shed_piece<R>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, slots: &mut Vec<Slot>) -> Option<()> {
    let piece = Piece::read(packet.bytes())?;
    let (unit, entrance) = express::entrance(turn, packet, (piece.station, piece.vlan, Family::V4))?;
    let from = (entrance.zone, entrance.instance);
    if entrance.has(Entrance::FILTERED) || !express::are_ordinary(Family::V4, (piece.src, piece.dst)) {
        return None;
    }
    if !turn.state.steering.has_piece(&piece) {
        return None;
    }
    match turn.state.fragments.glance_at(&piece, from, turn.now) {
        Glance::Strange if turn.state.overload.refuses_fragments() => {}
        // Screens look at a fragment that may wait before its datagram does (screen-77).
        Glance::Doomed(_)
            if (piece.offset > 0 || turn.state.fragments.are_whole())
                && screens::stand_at(turn, entrance.zone) =>
        {
            return None;
        }
        Glance::Doomed(reason) => {
            turn.state.counters.received(unit, packet.len());
            slots.push(Slot::Done(Verdict::Drop(reason)));
            return Some(());
        }
        Glance::Strange | Glance::Unclear => return None,
    }
    match piece.ports {
        None => turn.state.counters.received(unit, packet.len()),
        Some((sport, dport)) => {
            let key = FlowKey::new(Family::V4, piece.proto, (piece.src, sport), (piece.dst, dport));
            let key = key.within(entrance.instance);
            if overload::is_elsewhere(turn, &key) {
                return None;
            }
            let state = &mut *turn.state;
            let hash = state.sessions.hash(&key);
            state.sessions.prefetch_both(hash);
            state.overload.waits = Some(Waits { at: slots.len(), unit, hash });
        }
    }
    slots.push(Slot::Done(Verdict::Drop(DropReason::Overload)));
    Some(())
}

/// Looks for the session of the first fragment that waits, before anything else is judged that it could make a difference to: it is shed,
/// or taken apart in full after all.
#[inline(always)]
pub(crate) fn settle<R: Recorder>(turn: &mut Turn<'_, R>, packets: &[Packet<'_>], slots: &mut [Slot]) {
    if let Some(waits) = turn.state.overload.waits.take() {
        settled(turn, packets, (slots, waits));
    }
}

#[inline(never)]
fn settled<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packets: &[Packet<'_>],
    (slots, Waits { at, unit, hash }): (&mut [Slot], Waits),
) {
    let packet = &packets[at];
    if !turn.state.sessions.may_have(hash) {
        turn.state.counters.received(unit, packet.len());
        return;
    }
    let slot = classify(turn, packet, None).unwrap_or_else(Slot::Done);
    turn.state.watch.keep_cause(at);
    if let Some(hash) = slot.hash() {
        turn.state.sessions.prefetch_bucket(hash);
    }
    slots[at] = slot;
}

/// Why a fragment is dropped, when that is certain: it is a copy of one that came, its datagram is condemned, or nothing speaks for it,
/// neither somebody who can pay nor, of a first, its session. Judged in its turn, as in full: those behind it in the batch are judged
/// by what this one leaves.
#[inline(always)]
fn doom<R>(
    turn: &Turn<'_, R>,
    (network, from): (&Network, (ZoneId, InstanceId)),
    (packet, l3_at): (&Packet<'_>, u16),
) -> Option<DropReason> {
    let state = &turn.state;
    match state.fragments.glance((network, from), (packet.bytes(), l3_at), turn.now) {
        Glance::Doomed(reason) => Some(reason),
        Glance::Strange if state.overload.refuses_fragments() => {
            let has_session = || {
                let key = FlowKey::of(network, None, from.1);
                state.sessions.may_have(state.sessions.hash(&key)) || overload::is_elsewhere(turn, &key)
            };
            let is_first = matches!(network.fragment, Fragment::First { .. });
            (!is_first || !has_session()).then_some(DropReason::Overload)
        }
        Glance::Strange | Glance::Unclear => None,
    }
}
