//! The pure step: a batch of packets through the Junos flow path.
//!
//! Parse all and prefetch, then act on each in order. What the prefetch found is only a hint: every
//! act looks up again, since an earlier packet of the batch may have changed the table.

use ravelin_filter::Marks;
use ravelin_screen::Way;
use ravelin_types::{DropReason, Family, InstanceId, Instant, Mac, ZoneId};
use ravelin_wire::{Fragment, L4, Network, ethertype, parse};

use crate::emit::release_fragments;
use crate::explain::{Fact, Recorder};
use crate::express::Express;
use crate::fabric::{self, Errand, FromPeer};
use crate::fragment::{self, Arrival, Fate, Taken};
use crate::key::FlowKey;
use crate::output::Output;
use crate::packet::{Handed, Ingress, Packet, Stage, Transport};
use crate::rules::Snapshot;
use crate::session::{HOST_UNIT, Ticks, WingRef};
use crate::shared::Shared;
use crate::state::{BLOCKS_TOLD, State};
use crate::steer::{HandOver, Towards};
use crate::stub::Message;
use crate::verdict::Verdict;
use crate::{
    alg, batch, express, fast_path, filters, first_path, host, icmp_error, ingress, mirror, overload,
    proxy_syn, sanity, screens, watch,
};

/// Packets a step takes at most.
pub const BATCH_MAX: usize = 64;
/// Sessions looked at for ageing in one step.
const AGE_BUDGET: usize = 32;

/// One step's arguments, as every stage sees them.
pub(crate) struct Turn<'a, R> {
    pub world: &'a Snapshot,
    pub state: &'a mut State,
    pub shared: &'a Shared,
    pub now: Instant,
    /// The same, as sessions have it.
    pub ticks: Ticks,
    pub rec: &'a mut R,
    pub out: &'a mut Output,
}

/// What the link header of a packet says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub dst_mac: Mac,
    pub src_mac: Mac,
    /// Offset of the network header.
    pub l3_at: u16,
}

/// A packet that is to be judged: what its headers say and where it came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub link: Link,
    pub network: Network,
    /// Unit it arrived on, or the unit whose TAP the kernel wrote it to.
    pub unit: ravelin_types::InterfaceId,
    /// Zone of the unit; `junos-host` for what the kernel sends.
    pub zone: ZoneId,
    pub from_host: bool,
    pub key: FlowKey,
    /// Of the key; of an ICMP error that of the key that its session has for what it quotes.
    pub hash: u64,
    /// How it came here from another worker.
    pub handed: Option<Handed>,
    /// What the input filter made of it.
    pub marks: Marks,
    /// A request that is made in the name of a client which has proved to be there.
    pub proven: bool,
    /// It had a session that is no more, by whose screens it was judged: those of its zone and of this one.
    pub screened: Option<ZoneId>,
}

/// A packet between parse and act.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    Done(Verdict),
    Flow(Flow),
    /// It may be done with in short.
    Express {
        hash: u64,
    },
    /// Under pressure: it is shed when no key with this hash has a session, and else taken apart in full.
    Outlined {
        unit: ravelin_types::InterfaceId,
        hash: u64,
    },
    /// ARP to or from the kernel.
    Arp {
        link: Link,
        unit: ravelin_types::InterfaceId,
        from_host: bool,
    },
}

/// Judges up to [`BATCH_MAX`] packets; `out` gets one verdict for each, in order.
///
/// Between batches the caller hands `state` to `adopt` when the snapshot's program is new.
///
/// # Panics
/// When the batch is too long: the backend's error.
pub fn step<R: Recorder>(
    world: &Snapshot,
    (state, shared): (&mut State, &Shared),
    now: Instant,
    packets: &mut [Packet<'_>],
    out: &mut Output,
    rec: &mut R,
) {
    assert!(packets.len() <= BATCH_MAX, "a batch holds at most {BATCH_MAX} packets");
    out.clear();
    state.note_batch(packets, now);
    let mut turn = Turn { world, state, shared, now, ticks: Ticks::at(now), rec, out };
    turn.state.age(AGE_BUDGET, (&world.rules, shared), now);
    turn.state.age_early(&world.rules, shared, now);
    turn.state.fragments.age(now, &mut turn.state.counters);
    turn.state.take_rates(&world.rules.counting, now);
    crate::act::release_held(&mut turn);
    proxy_syn::age(&mut turn);
    alg::age(&mut turn);
    fabric::arrived(&mut turn, packets);
    let mut flows = std::mem::take(&mut turn.state.flows);
    flows.clear();
    let mut shorts = std::mem::take(&mut turn.state.express);
    shorts.resize(BATCH_MAX, Express::NONE);
    if turn.state.watch.is_on() {
        watch::batch(&mut turn, packets, (&mut flows, &mut shorts));
    } else {
        batch::run(&mut turn, packets, (&mut flows, &mut shorts));
    }
    release_fragments(&mut turn);
    turn.state.tell_leases(BLOCKS_TOLD);
    mirror::left(&mut turn, packets, &flows);
    turn.state.flows = flows;
    turn.state.express = shorts;
}

pub(crate) fn whole_way<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    slot: &Slot,
) -> Verdict {
    match slot {
        Slot::Done(verdict) => *verdict,
        Slot::Flow(flow) => {
            let verdict = filters::with_marks(judge(turn, packet, flow), flow.marks);
            note_fate(turn, flow, verdict);
            verdict
        }
        Slot::Arp { link, unit, from_host } => host::arp(turn, packet, link, (*unit, *from_host)),
        Slot::Express { .. } | Slot::Outlined { .. } => unreachable!("what is left of these is classified"),
    }
}

/// The path of one packet, as Junos draws it.
pub(crate) fn judge<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow) -> Verdict {
    (turn.state.counted, turn.state.host_filtered) = (None, false);
    if let Ingress::Peer(FromPeer { unit, errand: Errand::Deliver, .. }) = packet.ingress {
        return fabric::run(turn, packet, flow, unit);
    }
    if icmp_error::is_error(&flow.network) {
        if let Some(verdict) = fabric::of_error(turn, packet, flow) {
            return verdict;
        }
        if overload::sheds_error(turn, packet, flow) {
            return Verdict::Drop(DropReason::Overload);
        }
        return match screens::of_error(turn, packet, flow, (flow.zone, Way::In)) {
            Err(verdict) => verdict,
            Ok(()) => icmp_error::run(turn, packet, flow),
        };
    }
    match turn.state.sessions.lookup(&flow.key, flow.hash) {
        Some(at) => match fabric::of_session(turn, packet, flow, at) {
            Some(verdict) => verdict,
            None => match screens::fast(turn, packet, flow, at) {
                Err(verdict) => verdict,
                Ok(()) => of_session(turn, packet, flow, at),
            },
        },
        None => match stub(turn, flow) {
            Some(over) => Verdict::HandOver(over),
            None => without_session(turn, packet, flow),
        },
    }
}

fn of_session<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Verdict {
    let beyond = turn.state.sessions.get(at.slot()).wings[1 - at.wing()].zone;
    match fast_path::run(turn, packet, flow, at) {
        Some(verdict) => verdict,
        None => without_session(turn, packet, &Flow { screened: Some(beyond), ..*flow }),
    }
}

/// A later fragment opens no session: it goes the way of its first. One to a group needs none.
fn without_session<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow) -> Verdict {
    let network = &flow.network;
    let to_group = flow.link.dst_mac.is_group() || network.dst.is_multicast(network.family);
    if !to_group && let Some(verdict) = fabric::without_session(turn, packet, flow) {
        return verdict;
    }
    if to_group || !matches!(network.fragment, Fragment::Later { .. }) {
        return match overload::check(turn, flow) {
            Err(reason) => Verdict::Drop(reason),
            Ok(()) => first_path::run(turn, packet, flow),
        };
    }
    turn.rec.fact(Fact::SessionMiss);
    let state = &turn.state;
    let none = Verdict::Drop(DropReason::FragmentNoFirst);
    match state.fragments.fate(network, flow.from(), turn.now) {
        None => none,
        Some(Fate::Dropped(reason)) => Verdict::Drop(reason),
        Some(Fate::Gone(to)) => {
            state.steering.to(to, Stage::Stub, flow.known()).map_or(none, Verdict::HandOver)
        }
    }
}

/// Remembers what became of a first fragment for those that follow it. Spec: session-22.
fn note_fate<R: Recorder>(turn: &mut Turn<'_, R>, flow: &Flow, verdict: Verdict) {
    if !matches!(flow.network.fragment, Fragment::First { .. }) {
        return;
    }
    let Some(fate) = Fate::of(verdict) else { return };
    let state = &mut *turn.state;
    state.fragments.note((&flow.network, flow.from()), fate, turn.now, &mut state.counters);
}

/// Who has the session of a packet that we have none for.
fn stub<R: Recorder>(turn: &mut Turn<'_, R>, flow: &Flow) -> Option<HandOver> {
    let state = &mut *turn.state;
    if state.steering.is_alone() {
        return None;
    }
    // A stub led here and the session is gone.
    if let Some(Handed { stage: Stage::Stub, from, .. }) = flow.handed {
        state.outbox.push(from, Message::Unstub { key: flow.key, owner: state.worker });
    }
    let expects = || state.stubs.owner(&alg::any_port(&flow.key));
    let owner = state.stubs.owner(&flow.key).or_else(expects)?;
    state.steering.to(owner, Stage::Stub, flow.known())
}

/// Counts what a verdict means. `flow`: what the packet was when it was whole.
#[inline(always)]
pub(crate) fn account<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: Option<&Flow>,
    verdict: Verdict,
) {
    let counters = &mut turn.state.counters;
    match verdict {
        Verdict::Send { egress, unit, .. } => match egress {
            crate::Egress::Port(_) => counters.sent(unit, packet.len()),
            crate::Egress::Host(_) => counters.host_packets += 1,
            crate::Egress::Peer(_) => counters.peer_sent(packet.len()),
        },
        Verdict::Drop(reason) => {
            counters.drop(reason);
            turn.rec.fact(Fact::Dropped(reason));
            watch::dropped(turn, packet, flow, reason);
        }
        Verdict::Consume => {}
        Verdict::HandOver(_) => counters.handed_over += 1,
    }
}

/// The flow of a packet that seemed one for the express path, of what was found of it then.
pub(crate) fn recall<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    looked: (&Express, u64),
) -> Slot {
    let Some(flow) = express::flow(turn, packet, looked) else {
        return classify(turn, packet, Some(looked)).unwrap_or_else(Slot::Done);
    };
    let steering = turn.state.steering;
    if !steering.is_alone() {
        let owner = steering.of_key(&turn.world.rules, &flow.key, Towards::In);
        if let Some(over) = steering.to(owner, Stage::Tuple, None) {
            return Slot::Done(filters::with_marks(Verdict::HandOver(over), flow.marks));
        }
    }
    Slot::Flow(flow)
}

/// The flow of a packet. `looked`: what was found of it when it seemed one for the express path.
pub(crate) fn classify<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    looked: Option<(&Express, u64)>,
) -> Result<Slot, Verdict> {
    let dropped = |reason| Err(Verdict::Drop(reason));
    if !turn.world.armed {
        return dropped(DropReason::NotReady);
    }
    let parsed = parse(packet.bytes()).map_err(|e| Verdict::Drop(sanity::malformed(e)))?;
    let (unit, zone) = ingress::admit(turn, packet, &parsed)?;
    let from_host = matches!(packet.ingress, Ingress::Host(_));
    let link = Link { dst_mac: parsed.dst_mac, src_mac: parsed.src_mac, l3_at: parsed.l3_at };
    let Some(network) = parsed.network else {
        return if parsed.ethertype == ethertype::ARP && unit.inet {
            Ok(Slot::Arp { link, unit: unit.id, from_host })
        } else {
            dropped(DropReason::UnknownEthertype)
        };
    };
    let configured = match network.family {
        Family::V4 => unit.inet,
        Family::V6 => unit.inet6,
    };
    if !configured {
        return dropped(DropReason::FamilyNotConfigured);
    }
    let mut marks = packet.handed.map_or(Marks::default(), |h| h.marks);
    if let Ingress::Peer(from) = packet.ingress {
        marks = packet.handed.map_or(from.marks, |h| h.marks);
    } else if !from_host {
        sanity::check_addresses(&network).map_err(Verdict::Drop)?;
        if link.dst_mac.is_group() && !host::may_be_to_many(turn.world, unit.id, &network) {
            return dropped(DropReason::InvalidDestination);
        }
        let asked = looked.and_then(|(express, _)| express.marks);
        marks = asked.map_or_else(|| filters::input(turn, packet, unit, (&link, &network)), Ok)?;
    }
    let (zone, towards) = if from_host { (ZoneId::HOST, Towards::Out) } else { (zone, Towards::In) };
    let from = (zone, unit.instance);
    let at = Arrival { packet, network: &network, l3_at: link.l3_at, from, unit: unit.id, marks };
    let key = place(turn, &at, towards).map_err(|verdict| filters::with_marks(verdict, marks))?;
    let hash = match looked {
        Some((express, hash)) if express.key == key => hash,
        Some(_) | None => turn.state.sessions.hash(&meant(packet, &network, (key, unit.instance))),
    };
    // A later fragment of IPv6 may show an extension header instead.
    let network = Network { proto: key.proto(), ..network };
    Ok(Slot::Flow(Flow {
        link,
        network,
        unit: unit.id,
        zone,
        from_host,
        key,
        hash,
        handed: packet.handed,
        marks,
        proven: false,
        screened: None,
    }))
}

/// The key of the session that a packet concerns: an error is of that of what it quotes.
#[inline]
pub(crate) fn meant(
    packet: &Packet<'_>,
    network: &Network,
    (key, instance): (FlowKey, InstanceId),
) -> FlowKey {
    let quoted = icmp_error::quoted(packet, network);
    quoted.map_or(key, |quoted| FlowKey::of(&quoted, None, instance).reversed())
}

/// The key of a packet that is this worker's to judge, or whose it is.
fn place<R: Recorder>(
    turn: &mut Turn<'_, R>,
    arrival: &Arrival<'_>,
    towards: Towards,
) -> Result<FlowKey, Verdict> {
    let steering = turn.state.steering;
    let Arrival { packet, network, from: (_, instance), .. } = *arrival;
    let handed = packet.handed;
    if let Ingress::Peer(FromPeer { errand: Errand::Deliver, .. }) = packet.ingress {
        return Ok(key_of(network, None, instance));
    }
    if steering.is_alone() && handed.is_none() {
        return flow_key(turn, arrival);
    }
    if handed.is_some_and(|h| steering.loops(&h)) {
        return Err(Verdict::Drop(DropReason::HandOverLoop));
    }
    let over =
        |to, stage, handed| steering.to(to, stage, handed).map_or(Ok(()), |h| Err(Verdict::HandOver(h)));
    let rules = &turn.world.rules;
    match handed.map(|h| (h.stage, h.ports)) {
        Some((Stage::Tuple | Stage::Home | Stage::Ports | Stage::Stub, ports)) => {
            return Ok(key_of(network, ports, instance));
        }
        // It waited here for the first of its datagram.
        Some((Stage::Datagram, Some(transport))) => {
            let key = key_of(network, Some(transport), instance);
            over(steering.of_key(rules, &key, towards), Stage::Tuple, handed)?;
            return Ok(key);
        }
        Some((Stage::Datagram, None)) => {}
        None => {
            if let Some(owner) = steering.of_fragment(&fragment::identity(network)) {
                over(owner, Stage::Datagram, None)?;
            }
        }
    }
    if network.fragment != Fragment::Whole {
        let key = flow_key(turn, arrival)?;
        let ports = Some(Transport { proto: key.proto(), ports: (key.sport(), key.dport()) });
        let known = Handed { ports, ..handed.unwrap_or(Handed::FRESH) };
        over(steering.of_key(rules, &key, towards), Stage::Tuple, Some(known))?;
        return Ok(key);
    }
    // An error goes where the answers to the packet that it quotes go.
    let quoted = icmp_error::quoted(packet, network);
    let quoted = quoted.map(|quoted| FlowKey::of(&quoted, None, instance).reversed());
    let key = FlowKey::of(network, None, instance);
    over(steering.of_key(rules, quoted.as_ref().unwrap_or(&key), towards), Stage::Tuple, handed)?;
    Ok(key)
}

fn flow_key<R: Recorder>(turn: &mut Turn<'_, R>, arrival: &Arrival<'_>) -> Result<FlowKey, Verdict> {
    let (_, instance) = arrival.from;
    if arrival.network.fragment == Fragment::Whole {
        return Ok(FlowKey::of(arrival.network, None, instance));
    }
    overload::check_fragment(turn, arrival).map_err(Verdict::Drop)?;
    if screens::of_later_fragment(turn, arrival) {
        return Err(Verdict::Drop(DropReason::Screen));
    }
    let state = &mut *turn.state;
    match state.fragments.take(arrival, turn.now, &mut state.counters) {
        Taken::Pass(transport) => Ok(key_of(arrival.network, Some(transport), instance)),
        Taken::Held => Err(Verdict::Consume),
        Taken::Drop(reason) => Err(Verdict::Drop(reason)),
        Taken::Bad(reason) => Err(Verdict::Drop(screens::of_bad_fragment(turn, arrival, reason))),
    }
}

/// The key of a packet, or of a fragment whose datagram's first is known.
fn key_of(network: &Network, transport: Option<Transport>, instance: InstanceId) -> FlowKey {
    let proto = transport.map_or(network.proto, |known| known.proto);
    FlowKey::of(&Network { proto, ..*network }, transport.map(|known| known.ports), instance)
}

impl Flow {
    /// Where it comes from, as fragments of one datagram do.
    pub(crate) fn from(&self) -> (ZoneId, InstanceId) {
        (self.zone, self.key.instance())
    }

    /// The instance whose routes a packet that opens a session goes by: what a filter says, else that of its unit.
    pub(crate) fn routed_by(&self) -> InstanceId {
        self.marks.instance.unwrap_or(self.key.instance())
    }

    /// How it came, for the next worker: a later fragment does not show its ports, which were found out here.
    fn known(&self) -> Option<Handed> {
        if !matches!(self.network.fragment, Fragment::Later { .. }) {
            return self.handed;
        }
        let ports = Some(Transport { proto: self.key.proto(), ports: (self.key.sport(), self.key.dport()) });
        Some(Handed { ports, ..self.handed.unwrap_or(Handed::FRESH) })
    }

    /// ICMP type and code, when the packet shows them.
    pub(crate) fn icmp(&self) -> Option<(u8, u8)> {
        match self.network.l4 {
            L4::Icmp { kind, code, .. } => Some((kind, code)),
            L4::Tcp { .. } | L4::Udp { .. } | L4::Sctp { .. } | L4::Spi(_) | L4::Opaque => None,
        }
    }

    /// The unit it came by; `None`: the kernel sent it.
    pub(crate) fn came_by(&self) -> Option<ravelin_types::InterfaceId> {
        (!self.from_host).then_some(self.unit)
    }

    /// The unit as a session's wing names its ingress.
    pub(crate) fn ingress(&self) -> ravelin_types::InterfaceId {
        if self.from_host { HOST_UNIT } else { self.unit }
    }
}
