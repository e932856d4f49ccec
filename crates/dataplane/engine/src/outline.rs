//! Outlines: under pressure, as much of a frame as tells whether it is shed.
//!
//! Most of what floods a worker is no plain packet (`express`): fragments, ICMP, datagrams with options. To take such a frame
//! apart in full costs more than a packet of a session does, and it is dropped for want of a session anyway. Here it is looked for by what
//! names its datagram and its session, before anything is made of the frame. A shortcut and nothing else: what is not shed here
//! goes the whole way, untouched (sim/tests/express compares the two). Place: in front of classify, when nothing more can be paid
//! for. State: none. Spec: overload-1, overload-4.

use ravelin_types::{DropReason, Family, InstanceId, ZoneId};
use ravelin_wire::{Fragment, Network, Piece, Plain, Vlan, parse_here};

use crate::explain::Recorder;
use crate::express::{self, Entrance};
use crate::fragment::Glance;
use crate::host;
use crate::key::FlowKey;
use crate::packet::Packet;
use crate::step::{Slot, Turn, meant};
use crate::verdict::Verdict;

/// Finds a place in the batch for a frame that is shed, or will be if the table has no session of its key. `None`: it is to be
/// taken apart in full.
#[inline(never)]
pub(crate) fn examine<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    slots: &mut Vec<Slot>,
) -> Option<()> {
    // Another worker, or the other node, may have the session.
    if R::ON || !turn.state.steering.is_alone() || turn.world.fabrics.is_some() {
        return None;
    }
    if turn.state.overload.refuses_fragments() && shed_piece(turn, packet, slots).is_some() {
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
            let hash = turn.state.sessions.hash(&meant(packet, &network, (key, entrance.instance)));
            turn.state.sessions.prefetch_bucket(hash);
            slots.push(Slot::Outlined { unit, hash });
        }
        Fragment::First { .. } | Fragment::Later { .. } => {
            let reason = doom(turn, (&network, from), (packet, parsed.l3_at))?;
            turn.state.counters.received(unit, packet.len());
            slots.push(Slot::Done(Verdict::Drop(reason)));
        }
    }
    Some(())
}

/// The same of the commonest fragments: those of which nothing is known, and for which nobody can pay.
#[inline(always)]
fn shed_piece<R>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, slots: &mut Vec<Slot>) -> Option<()> {
    let piece = Piece::read(packet.bytes())?;
    let (unit, entrance) = express::entrance(turn, packet, (piece.station, piece.vlan, Family::V4))?;
    let from = (entrance.zone, entrance.instance);
    if entrance.has(Entrance::FILTERED) || !express::are_ordinary(Family::V4, (piece.src, piece.dst)) {
        return None;
    }
    let state = &mut *turn.state;
    // A first's session is looked for while its buckets come close.
    let hash = piece.ports.map(|(sport, dport)| {
        let key = FlowKey::new(Family::V4, piece.proto, (piece.src, sport), (piece.dst, dport));
        let hash = state.sessions.hash(&key.within(entrance.instance));
        state.sessions.prefetch_both(hash);
        hash
    });
    let is_strange = state.fragments.is_strange(&piece, from);
    if !is_strange || hash.is_some_and(|hash| state.sessions.may_have(hash)) {
        return None;
    }
    state.counters.received(unit, packet.len());
    slots.push(Slot::Done(Verdict::Drop(DropReason::Overload)));
    Some(())
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
            let has_session =
                || state.sessions.may_have(state.sessions.hash(&FlowKey::of(network, None, from.1)));
            let is_first = matches!(network.fragment, Fragment::First { .. });
            (!is_first || !has_session()).then_some(DropReason::Overload)
        }
        Glance::Strange | Glance::Unclear => None,
    }
}
