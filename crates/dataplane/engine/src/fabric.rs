//! Fabric links: packets between the two nodes of a chassis cluster.
//!
//! Junos: chassis cluster, fabric interfaces, traffic whose two groups are active on different nodes ("Z mode"). Place: where a packet
//! meets a redundancy group that is passive here. One whose session is the peer's goes there as it came; one whose session is this
//! node's, and whose way out is the peer's, goes there as it is to leave. What came from the peer never goes back. State: none; the
//! links are published with the snapshot. Spec: contract-25..29.

use std::collections::HashMap;

use ravelin_filter::Marks;
use ravelin_program::Interface;
use ravelin_types::{
    DropReason, Family, ForwardingClassId, GroupId, InstanceId, InterfaceId, LossPriority, Mac, PortId,
};
use ravelin_wire::rewrite::{self, Partial};
use ravelin_wire::{ETHERNET_LEN, ethertype, put_u16, u16_at};

use crate::explain::{Fact, Recorder};
use crate::forwarding::Path;
use crate::key::FlowKey;
use crate::packet::{Ingress, Packet};
use crate::rules::{Rules, mark_of};
use crate::session::WingRef;
use crate::step::{Flow, Turn};
use crate::verdict::{Egress, Verdict};
use crate::{act, icmp_error, reply};

/// Links that there can be.
pub const FABRICS: usize = 2;
/// IEEE 802 Local Experimental EtherType 1.
const KIND: u16 = 0x88b5;
const VERSION: u8 = 1;
/// Version, errand, family, class and priority; the unit; the routing instance that a filter chose, or 0.
const HEADER_LEN: usize = 20;
/// What stands before the network header on a link.
pub const FABRIC_LEN: usize = ETHERNET_LEN + HEADER_LEN;

/// One link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fabric {
    pub port: PortId,
    pub peer: Mac,
    pub local: Mac,
}

/// The links of a node, and what both nodes call their units and routing instances.
#[derive(Clone, Debug)]
pub struct Fabrics {
    links: [Option<Fabric>; FABRICS],
    units: Names<InterfaceId>,
    instances: Names<InstanceId>,
}

/// Ids are a node's own; on the wire names stand for them, as hashes. Two of one hash are nobody's.
#[derive(Clone, Debug)]
struct Names<I>(HashMap<u64, Option<I>>, HashMap<I, u64>);

/// What a node is to do with a packet of its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// It came by that unit, and its session is this node's.
    Judge,
    /// It has been judged, and leaves by that unit.
    Deliver,
}

/// A packet of the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FromPeer {
    pub unit: InterfaceId,
    pub errand: Errand,
    /// What the peer's filters made of it.
    pub marks: Marks,
}

impl<I: Copy + Eq + std::hash::Hash> Names<I> {
    fn of<'a>(named: impl Iterator<Item = (I, &'a str)>) -> Self {
        let (mut ids, mut marks) = (HashMap::new(), HashMap::new());
        for (id, name) in named {
            let mark = mark_of(name);
            marks.insert(id, mark);
            ids.entry(mark).and_modify(|known| *known = None).or_insert(Some(id));
        }
        Self(ids, marks)
    }

    fn id(&self, mark: u64) -> Option<I> {
        self.0.get(&mark).copied().flatten()
    }

    fn mark(&self, id: I) -> Option<u64> {
        self.1.get(&id).copied()
    }
}

impl Fabrics {
    #[must_use]
    pub fn new(links: [Option<Fabric>; FABRICS], rules: &Rules) -> Self {
        let units = Names::of(rules.units().map(|unit| (unit.id, unit.name.as_str())));
        let instances = Names::of(rules.instances().map(|instance| (instance.id, instance.name.as_str())));
        Self { links, units, instances }
    }

    pub(crate) fn is_link(&self, port: PortId) -> bool {
        self.links.iter().flatten().any(|link| link.port == port)
    }

    /// The packet that a frame of a link carries, unwrapped: behind an Ethernet header of this node's.
    fn unwrap(&self, at: usize, packet: &mut Packet<'_>) -> Option<FromPeer> {
        let link = self.links[at].as_ref()?;
        let frame = packet.bytes();
        let header = frame.get(..FABRIC_LEN)?;
        let ours = header[..6] == link.local.0 && header[6..12] == link.peer.0;
        if !ours || u16_at(header, 12) != KIND || header[14] != VERSION {
            return None;
        }
        let errand = match header[15] {
            1 => Errand::Judge,
            2 => Errand::Deliver,
            _ => return None,
        };
        let (family, kind) = match header[16] {
            4 => (Family::V4, ethertype::IPV4),
            6 => (Family::V6, ethertype::IPV6),
            _ => return None,
        };
        let loss_priority = *LossPriority::ALL.get(usize::from(header[17] & 3))?;
        let word = |at: usize| u64::from_be_bytes(std::array::from_fn(|n| header[at + n]));
        let unit = self.units.id(word(18))?;
        let instance = match word(26) {
            0 => None,
            mark => Some(self.instances.id(mark)?),
        };
        let marks = Marks { forwarding_class: ForwardingClassId(header[17] >> 2), loss_priority, instance };
        let version = frame.get(FABRIC_LEN)? >> 4;
        if version != if family == Family::V4 { 4 } else { 6 }
            || !packet.resize_front(FABRIC_LEN, ETHERNET_LEN)
        {
            return None;
        }
        let bytes = packet.bytes_mut();
        bytes[..6].copy_from_slice(&link.local.0);
        bytes[6..12].copy_from_slice(&link.peer.0);
        put_u16(bytes, 12, kind);
        Some(FromPeer { unit, errand, marks })
    }

    /// Writes what stands before the network header.
    fn write(
        &self,
        bytes: &mut [u8],
        link: &Fabric,
        of: (Errand, Family),
        (unit, marks): (InterfaceId, Marks),
    ) -> Option<()> {
        let instance = match marks.instance {
            None => 0,
            Some(instance) => self.instances.mark(instance)?,
        };
        bytes[..6].copy_from_slice(&link.peer.0);
        bytes[6..12].copy_from_slice(&link.local.0);
        put_u16(bytes, 12, KIND);
        bytes[14] = VERSION;
        bytes[15] = if of.0 == Errand::Judge { 1 } else { 2 };
        bytes[16] = if of.1 == Family::V4 { 4 } else { 6 };
        bytes[17] = marks.forwarding_class.0 << 2 | marks.loss_priority as u8;
        bytes[18..26].copy_from_slice(&self.units.mark(unit)?.to_be_bytes());
        bytes[26..34].copy_from_slice(&instance.to_be_bytes());
        Some(())
    }
}

/// Unwraps what came over the links, before anything else looks at it.
pub(crate) fn arrived<R: Recorder>(turn: &mut Turn<'_, R>, packets: &mut [Packet<'_>]) {
    let Some(fabrics) = &turn.world.fabrics else { return };
    for packet in packets {
        let Ingress::Port(port) = packet.ingress else { continue };
        let of = |link: &Option<Fabric>| link.is_some_and(|link| link.port == port);
        let Some(at) = fabrics.links.iter().position(of) else { continue };
        if let Some(from) = fabrics.unwrap(at, packet) {
            packet.ingress = Ingress::Peer(from);
            turn.state.counters.fabrics[at].received += 1;
        }
    }
}

/// Where a packet of a session goes whose group is passive here. `None`: the session is for this node to judge.
pub(crate) fn of_session<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Option<Verdict> {
    turn.world.fabrics.as_ref()?;
    let group = turn.world.rules.group_of(turn.state.sessions.get(at.slot()));
    of_group(turn, packet, flow, group)
}

/// The same of an ICMP error, by the session that it tells of; of one that is not here, by its own way.
pub(crate) fn of_error<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
) -> Option<Verdict> {
    turn.world.fabrics.as_ref()?;
    let quoted = icmp_error::quoted(packet, &flow.network)?;
    let key = FlowKey::of(&quoted, None, flow.key.instance()).reversed();
    match turn.state.sessions.lookup(&key, flow.hash) {
        Some(at) => of_session(turn, packet, flow, at),
        None => without_session(turn, packet, flow),
    }
}

/// Where a packet goes that has no session here and whose way out is a unit of a group that is passive here: the session is the
/// peer's, or will be.
pub(crate) fn without_session<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
) -> Option<Verdict> {
    turn.world.fabrics.as_ref()?;
    if flow.from_host {
        return None;
    }
    let rules = &turn.world.rules;
    let inward = rules.nat.inward((flow.unit, flow.zone), &flow.key, flow.icmp());
    let instance = inward.instance(&rules.nat).unwrap_or_else(|| flow.routed_by());
    let (family, dst) = (inward.key.dst_family(), inward.key.dst());
    if inward.refused.is_some() || dst.is_multicast(family) {
        return None;
    }
    match turn.world.forwarding.lookup(instance, (family, dst), flow.hash) {
        Path::Via { unit, .. } => {
            let group = rules.unit(unit)?.group;
            of_group(turn, packet, flow, group)
        }
        Path::Local(_) | Path::Discard | Path::Reject | Path::None => None,
    }
}

fn of_group<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    group: GroupId,
) -> Option<Verdict> {
    if flow.from_host || !turn.shared.groups.is_passive(group, turn.now) {
        return None;
    }
    if let Some(partial) = act::checksum_left(packet, &flow.network) {
        packet.truncate(usize::from(flow.network.end));
        rewrite::finish(packet.bytes_mut(), partial);
    }
    Some(send(turn, packet, flow, (Errand::Judge, flow.unit)))
}

/// Has the peer send a packet by a unit of a group that is passive here.
pub(crate) fn deliver<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    unit: &Interface,
    partial: Option<Partial>,
) -> Verdict {
    packet.truncate(usize::from(flow.network.end));
    if let Some(partial) = partial {
        rewrite::finish(packet.bytes_mut(), partial);
    }
    send(turn, packet, flow, (Errand::Deliver, unit.id))
}

/// Over a link that is up, the same for all packets of a flow.
fn send<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    (errand, unit): (Errand, InterfaceId),
) -> Verdict {
    const PASSIVE: Verdict = Verdict::Drop(DropReason::GroupPassive);
    // What the peer has sent here is not for it: the two nodes are not of one mind for a moment, or both are passive.
    let is_returned = matches!(packet.ingress, Ingress::Peer(_)) && errand == Errand::Judge;
    let Some((at, link, mtu)) = link_of(turn, flow.hash).filter(|_| !is_returned) else { return PASSIVE };
    let Some(fabrics) = &turn.world.fabrics else { return PASSIVE };
    let (l3_at, family) = (usize::from(flow.link.l3_at), flow.network.family);
    packet.truncate(usize::from(flow.network.end));
    let room = mtu.saturating_sub(HEADER_LEN);
    let bytes = packet.len() - l3_at;
    if bytes > room {
        if errand == Errand::Judge && (family == Family::V6 || flow.network.dont_fragment) {
            reply::too_big(turn, packet, flow, room as u16);
        }
        return Verdict::Drop(DropReason::PacketTooBig);
    }
    if !packet.resize_front(l3_at, FABRIC_LEN) {
        return Verdict::Drop(DropReason::TxQueueFull);
    }
    if fabrics.write(packet.bytes_mut(), &link, (errand, family), (unit, flow.marks)).is_none() {
        return PASSIVE;
    }
    turn.rec.fact(Fact::ToPeer { unit });
    turn.state.counters.fabrics[at].sent += 1;
    turn.state.leaves(bytes);
    Verdict::Send { egress: Egress::Peer(link.port), unit, partial: None }
}

/// The link of a flow and what it takes: by hash among those that are up.
fn link_of<R>(turn: &Turn<'_, R>, hash: u64) -> Option<(usize, Fabric, usize)> {
    let world = turn.world;
    let is_up = |link: &Fabric| {
        let port = world.rules.port(link.port).filter(|port| port.enabled)?;
        world.forwarding.is_up(link.port).then_some(usize::from(port.mtu))
    };
    let links = world.fabrics.as_ref()?.links;
    let up = |at: usize| links[at].and_then(|link| Some((at, link, is_up(&link)?)));
    let first = (hash >> 40) as usize % FABRICS;
    up(first).or_else(|| up(FABRICS - 1 - first))
}

/// Writes what stands before an answer whose way back is the peer's, and says where it leaves. `None`: by no link.
pub(crate) fn head<R: Recorder>(
    turn: &mut Turn<'_, R>,
    (hash, family): (u64, Family),
    unit: InterfaceId,
) -> Option<([u8; FABRIC_LEN], PortId)> {
    let (at, link, _) = link_of(turn, hash)?;
    let mut bytes = [0; FABRIC_LEN];
    let of = (Errand::Deliver, family);
    turn.world.fabrics.as_ref()?.write(&mut bytes, &link, of, (unit, Marks::default()))?;
    turn.state.counters.fabrics[at].sent += 1;
    Some((bytes, link.port))
}

/// Sends a packet on that the peer has judged: by route, out of the unit that it says.
pub(crate) fn run<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    unit: InterfaceId,
) -> Verdict {
    let (world, network) = (turn.world, &flow.network);
    let Some(unit) = world.rules.unit(unit) else { return Verdict::Drop(DropReason::EgressDown) };
    if turn.shared.groups.is_passive(unit.group, turn.now) {
        return Verdict::Drop(DropReason::GroupPassive);
    }
    let partial = act::checksum_left(packet, network);
    match world.forwarding.lookup(unit.instance, (network.family, network.dst), flow.hash) {
        Path::Via { unit: by, next_hop } if by == unit.id => {
            match world.forwarding.resolve(unit.id, network.family, next_hop) {
                None => act::hold(turn, packet, flow, (unit, next_hop), partial),
                Some(mac) => act::send(turn, packet, flow, (unit, mac), partial),
            }
        }
        Path::Via { .. } | Path::Local(_) | Path::Discard | Path::Reject | Path::None => {
            Verdict::Drop(DropReason::NoRoute)
        }
    }
}
