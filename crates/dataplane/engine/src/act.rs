//! What is done to a packet on its way out: rewrite, link header, next hop.

use ravelin_contract::Event;
use ravelin_program::Interface;
use ravelin_types::{Addr, DropReason, Family, InstanceId, InterfaceId, Mac};
use ravelin_wire::rewrite::{self, Partial};
use ravelin_wire::{ETHERNET_LEN, Network, VLAN_LEN, ethertype, put_u16};

use crate::cut::{self, Frames};
use crate::explain::{Fact, Recorder};
use crate::fabric;
use crate::filters;
use crate::forwarding::Path;
use crate::hold::{Outcome, Waiting};
use crate::packet::{Checksum, Packet};
use crate::session::{HOST_UNIT, Wing};
use crate::step::{Flow, Turn};
use crate::verdict::{Egress, Verdict};

/// The addresses and ports that a wing's packets leave with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe<'p> {
    pub wing: Wing,
    /// The other wing's key: its packets' reverse is what this wing's become.
    pub other: crate::key::FlowKey,
    /// The instance whose routes were asked for this packet already, and what they said.
    pub way: Option<&'p (InstanceId, Path)>,
}

/// Translates a packet as its session says. The transport header is only there on packets that are
/// no later fragments.
pub(crate) fn translate(packet: &mut Packet<'_>, flow: &Flow, recipe: &Recipe<'_>) {
    let Recipe { wing, other, way: _ } = recipe;
    let network = &flow.network;
    let (src, dst) = (other.dst(), other.src());
    let (l3_at, l4_at) = (usize::from(flow.link.l3_at), usize::from(network.l4_at));
    let bytes = packet.bytes_mut();
    rewrite::addresses(bytes, l3_at, network.family, src, dst, wing.l3_delta);
    if matches!(network.fragment, ravelin_wire::Fragment::Later { .. }) {
        return;
    }
    write_ports(bytes, l4_at, network, (other.dport(), other.sport()));
    rewrite::transport_delta(bytes, l4_at, network.proto, wing.l4_delta);
}

/// Writes the two ports, or the ICMP identifier, where the protocol has them.
pub(crate) fn write_ports(bytes: &mut [u8], l4_at: usize, network: &Network, (sport, dport): (u16, u16)) {
    match network.l4 {
        ravelin_wire::L4::Tcp { .. } | ravelin_wire::L4::Udp { .. } => {
            put_u16(bytes, l4_at, sport);
            put_u16(bytes, l4_at + 2, dport);
        }
        ravelin_wire::L4::Icmp { .. } => {
            // One of the two is the identifier, the other 0; other messages have no identifier.
            if sport == 0 || dport == 0 {
                put_u16(bytes, l4_at + 4, sport | dport);
            }
        }
        ravelin_wire::L4::Sctp { .. } | ravelin_wire::L4::Spi(_) | ravelin_wire::L4::Opaque => {}
    }
}

/// What the sender still has to finish, the field prepared for it. `network` tells the addresses
/// as they are now.
pub(crate) fn checksum_left(packet: &mut Packet<'_>, network: &Network) -> Option<Partial> {
    match packet.checksum {
        Checksum::Verified | Checksum::Unverified => None,
        Checksum::Partial(_) | Checksum::Unknown => rewrite::prepare_partial(packet.bytes_mut(), network),
    }
}

/// The network facts after translation.
pub(crate) fn translated(network: &Network, other: &crate::key::FlowKey) -> Network {
    Network { src: other.dst(), dst: other.src(), ..*network }
}

/// Puts a unit's link header in front of the network header at `l3_at`. `None`: no room.
#[must_use]
pub(crate) fn link_header(
    packet: &mut Packet<'_>,
    l3_at: usize,
    (src, dst): (Mac, Mac),
    vlan: Option<u16>,
    kind: u16,
) -> Option<isize> {
    let len = if vlan.is_some() { ETHERNET_LEN + VLAN_LEN } else { ETHERNET_LEN };
    if !packet.resize_front(l3_at, len) {
        return None;
    }
    let bytes = packet.bytes_mut();
    bytes[..6].copy_from_slice(&dst.0);
    bytes[6..12].copy_from_slice(&src.0);
    if let Some(vlan) = vlan {
        put_u16(bytes, 12, ethertype::VLAN);
        put_u16(bytes, 14, vlan);
    }
    put_u16(bytes, len - 2, kind);
    Some(len as isize - l3_at as isize)
}

/// Moves the offsets of an unfinished checksum with the frame's start.
pub(crate) fn moved(partial: Option<Partial>, by: isize) -> Option<Partial> {
    partial.map(|p| Partial {
        start: p.start.wrapping_add_signed(by as i16),
        field: p.field.wrapping_add_signed(by as i16),
    })
}

const fn kind_of(family: Family) -> u16 {
    match family {
        Family::V4 => ethertype::IPV4,
        Family::V6 => ethertype::IPV6,
    }
}

/// A packet ready to leave by a unit.
#[derive(Clone, Copy, Debug)]
struct Dressed {
    partial: Option<Partial>,
    link_len: usize,
}

/// Puts the link header of a unit in front of a packet.
fn dress<R: Recorder>(
    turn: &Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (unit, mac): (&Interface, Mac),
    partial: Option<Partial>,
) -> Result<Dressed, DropReason> {
    let port = turn.world.rules.port(unit.port).filter(|p| p.enabled).ok_or(DropReason::EgressDown)?;
    if !unit.enabled || !turn.world.forwarding.is_up(unit.port) {
        return Err(DropReason::EgressDown);
    }
    packet.truncate(usize::from(flow.network.end));
    let l3_at = usize::from(flow.link.l3_at);
    let kind = kind_of(flow.network.family);
    let by = link_header(packet, l3_at, (Mac(port.mac), mac), unit.vlan, kind);
    let by = by.ok_or(DropReason::TxQueueFull)?;
    Ok(Dressed { partial: moved(partial, by), link_len: l3_at.wrapping_add_signed(by) })
}

/// The pieces of a packet that its unit does not take whole. Their transport checksum can't be left to a sender.
fn cut<'p>(packet: &'p mut Packet<'_>, unit: &Interface, dressed: Dressed) -> Result<Frames<'p>, DropReason> {
    if let Some(partial) = dressed.partial {
        rewrite::finish(packet.bytes_mut(), partial);
    }
    Frames::of(packet.bytes(), dressed.link_len, unit.mtu4)
}

/// Sends a packet out of a unit to a resolved next hop.
pub(crate) fn send<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (unit, mac): (&Interface, Mac),
    partial: Option<Partial>,
) -> Verdict {
    if turn.shared.groups.is_passive(unit.group, turn.now) {
        return fabric::deliver(turn, packet, flow, unit, partial);
    }
    // What it is marked with by now is for the queue that it will wait in.
    if let Err(verdict) = filters::output(turn, packet, flow, unit) {
        return verdict;
    }
    let dressed = match dress(turn, packet, flow, (unit, mac), partial) {
        Ok(dressed) => dressed,
        Err(reason) => return Verdict::Drop(reason),
    };
    if !cut::is_needed(flow, unit) {
        turn.state.leaves(packet.len() - dressed.link_len);
        return Verdict::Send { egress: Egress::Port(unit.port), unit: unit.id, partial: dressed.partial };
    }
    match cut(packet, unit, dressed) {
        Err(reason) => Verdict::Drop(reason),
        Ok(frames) => send_pieces(turn, (unit, flow.came_by()), (frames, dressed.link_len)),
    }
}

/// All pieces or none: a part is of no use to anybody.
fn send_pieces<R: Recorder>(
    turn: &mut Turn<'_, R>,
    (unit, came_by): (&Interface, Option<InterfaceId>),
    (frames, link_len): (Frames<'_>, usize),
) -> Verdict {
    if turn.out.room() < frames.count() {
        return Verdict::Drop(DropReason::AnswerQueueFull);
    }
    frames.each(|frame| {
        if let Some(answer) = turn.out.answer(frame.len()) {
            (answer.egress, answer.unit) = (Egress::Port(unit.port), unit.id);
            answer.came_by = came_by;
            answer.bytes_mut().copy_from_slice(frame);
            turn.state.counters.sent(unit.id, frame.len());
            turn.state.leaves(frame.len() - link_len);
        }
    });
    Verdict::Consume
}

/// Keeps a packet until its next hop is known, and asks for it.
pub(crate) fn hold<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (unit, next_hop): (&Interface, ravelin_types::Addr),
    partial: Option<Partial>,
) -> Verdict {
    if turn.shared.groups.is_passive(unit.group, turn.now) {
        return fabric::deliver(turn, packet, flow, unit, partial);
    }
    if let Err(verdict) = filters::output(turn, packet, flow, unit) {
        return verdict;
    }
    let family = flow.network.family;
    turn.rec.fact(Fact::Unresolved { unit: unit.id, next_hop, family });
    let dressed = match dress(turn, packet, flow, (unit, Mac::default()), partial) {
        Ok(dressed) => dressed,
        Err(reason) => return Verdict::Drop(reason),
    };
    let (came_by, partial) = (flow.came_by(), dressed.partial);
    let link_len = dressed.link_len as u8;
    let waiting = Waiting {
        unit: unit.id,
        port: unit.port,
        family,
        next_hop,
        partial,
        came_by,
        link_len,
        counted: None,
    };
    if !cut::is_needed(flow, unit) {
        return keep(turn, packet.bytes(), waiting);
    }
    match cut(packet, unit, dressed) {
        Err(reason) => Verdict::Drop(reason),
        Ok(frames) if turn.state.hold.room(&waiting) < frames.count() => no_room(turn, &waiting),
        Ok(frames) => {
            let waiting = Waiting { partial: None, ..waiting };
            let mut verdict = Verdict::Consume;
            frames.each(|frame| {
                if keep(turn, frame, waiting) != Verdict::Consume {
                    verdict = Verdict::Drop(DropReason::HoldQueueFull);
                }
            });
            verdict
        }
    }
}

/// Keeps one frame.
fn keep<R: Recorder>(turn: &mut Turn<'_, R>, frame: &[u8], waiting: Waiting) -> Verdict {
    let waiting = Waiting { counted: turn.state.waits(), ..waiting };
    match turn.state.hold.put(frame, waiting, turn.now) {
        None => no_room(turn, &waiting),
        Some(first) => {
            if first {
                ask(turn, &waiting);
            }
            Verdict::Consume
        }
    }
}

/// A packet that can't wait. When none does for its neighbour nobody has asked for it yet, and a larger packet would never
/// pass: it is asked for now, no more often than the firewall answers.
fn no_room<R: Recorder>(turn: &mut Turn<'_, R>, waiting: &Waiting) -> Verdict {
    if turn.state.hold.waiting_too(waiting) == 0 && turn.state.may_answer(turn.now) {
        ask(turn, waiting);
    }
    Verdict::Drop(DropReason::HoldQueueFull)
}

fn ask<R: Recorder>(turn: &mut Turn<'_, R>, waiting: &Waiting) {
    let addr = waiting.next_hop.to_ip(waiting.family);
    turn.state.events.push(Event::NeighbourWanted { interface: waiting.unit, addr });
}

/// A session goes on to a neighbour: the kernel, which sees none of its packets, is told once in a while.
pub(crate) fn use_next_hop<R: Recorder>(
    turn: &mut Turn<'_, R>,
    interface: InterfaceId,
    (family, addr): (Family, Addr),
) {
    if !turn.state.is_trial && turn.state.refresh.is_due((interface, family, addr), turn.now) {
        turn.state.events.push(Event::NeighbourWanted { interface, addr: addr.to_ip(family) });
    }
}

/// Sends held packets whose next hop is known by now and gives up those that waited too long.
pub(crate) fn release_held<R: Recorder>(turn: &mut Turn<'_, R>) {
    if turn.state.hold.is_empty() {
        return;
    }
    let forwarding = &turn.world.forwarding;
    let judge = |w: &Waiting| match forwarding.resolve(w.unit, w.family, w.next_hop) {
        Some(mac) => Outcome::Send(mac),
        None if forwarding.has_failed(w.unit, w.family, w.next_hop) => Outcome::GiveUp,
        None => Outcome::Wait,
    };
    let (counters, out) = (&mut turn.state.counters, &mut *turn.out);
    let (rules, groups, now) = (&turn.world.rules, &turn.shared.groups, turn.now);
    turn.state.hold.sweep(now, judge, |waiting, frame, mac| {
        if rules.unit(waiting.unit).is_some_and(|unit| groups.is_passive(unit.group, now)) {
            counters.drop(DropReason::GroupPassive);
            return;
        }
        let Some(mac) = mac else {
            counters.drop(DropReason::NeighbourUnresolved);
            return;
        };
        let Some(answer) = out.answer(frame.len()) else {
            counters.drop(DropReason::AnswerQueueFull);
            return;
        };
        answer.bytes_mut().copy_from_slice(frame);
        answer.bytes_mut()[..6].copy_from_slice(&mac.0);
        answer.egress = Egress::Port(waiting.port);
        answer.unit = waiting.unit;
        answer.partial = waiting.partial;
        answer.came_by = waiting.came_by;
        counters.sent(waiting.unit, frame.len());
        if let Some(counted) = waiting.counted {
            counters.left(counted, frame.len() - usize::from(waiting.link_len));
        }
    });
}

/// Gives a packet to the kernel over the TAP of the unit it arrived on, without a VLAN tag.
pub(crate) fn to_host<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    partial: Option<Partial>,
) -> Verdict {
    turn.rec.fact(Fact::Local { unit: flow.unit });
    packet.truncate(usize::from(flow.network.end));
    let own = turn.world.rules.unit(flow.unit).and_then(|u| turn.world.rules.port(u.port));
    let group = flow.link.dst_mac.is_group();
    let dst = own.filter(|_| !group).map_or(flow.link.dst_mac, |port| Mac(port.mac));
    let macs = (flow.link.src_mac, dst);
    let kind = kind_of(flow.network.family);
    match link_header(packet, usize::from(flow.link.l3_at), macs, None, kind) {
        None => Verdict::Drop(DropReason::HostQueueFull),
        Some(by) => {
            turn.state.leaves(usize::from(flow.network.end - flow.link.l3_at));
            Verdict::Send { egress: Egress::Host(flow.unit), unit: flow.unit, partial: moved(partial, by) }
        }
    }
}

/// Sends what the kernel wrote to a unit's TAP: the kernel has chosen the next hop already.
pub(crate) fn from_host<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    partial: Option<Partial>,
) -> Verdict {
    let marks = match filters::host_output(turn, packet, flow) {
        Ok(marks) => marks,
        Err(verdict) => return verdict,
    };
    let world = turn.world;
    match world.rules.unit(flow.unit) {
        Some(unit) => send(turn, packet, &Flow { marks, ..*flow }, (unit, flow.link.dst_mac), partial),
        None => Verdict::Drop(DropReason::EgressDown),
    }
}

/// Whether a wing ends at the firewall itself.
pub(crate) fn is_host(unit: InterfaceId) -> bool {
    unit == HOST_UNIT
}
