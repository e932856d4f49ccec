//! Packets for the firewall itself and from it.
//!
//! Junos: `host-inbound-traffic`, policies from and to `junos-host`. Place: first path, after the destination is found to
//! be local. Spec: host-inbound-1..11, policy-19..21.
//! Neighbour discovery for the unit itself is let through as ARP is: without it there is no link.

use ravelin_program::Interface;
use ravelin_types::{Addr, DropReason, Family, InstanceId, InterfaceId, Proto, ZoneId};
use ravelin_wire::{L4, Network, ethertype};

use crate::act;
use crate::explain::{Fact, Recorder};
use crate::fast_path;
use crate::filters;
use crate::first_path::{self, Draft};
use crate::forwarding::Path;
use crate::install::install;
use crate::key::FlowKey;
use crate::nat::Inward;
use crate::packet::Packet;
use crate::proxy;
use crate::rules::Snapshot;
use crate::sanity;
use crate::session::{NO_POLICY, WingRef};
use crate::step::{Flow, Link, Turn};
use crate::tcp;
use crate::verdict::{Egress, Verdict};

/// ICMPv6 types of neighbour discovery that a link can't do without (RFC 4861): solicitation and
/// advertisement.
const NEIGHBOUR_TYPES: [u8; 2] = [135, 136];
/// A hop limit that only a neighbour can send (RFC 4861 7.1).
const FROM_NEIGHBOUR: u8 = 255;

/// Where a packet's destination lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whither {
    /// The firewall itself: one of its addresses, link-local, or a group or broadcast on the link.
    Ours,
    /// Beyond, as far as the routes of an instance say.
    By(InstanceId, Path),
}

/// Where a packet from the wire goes by the routes of the unit that it came by.
pub(crate) fn whither(world: &Snapshot, flow: &Flow, key: &FlowKey) -> Whither {
    let (rules, dst) = (&world.rules, (key.dst_family(), key.dst()));
    let instance = rules.instance_of(flow.unit);
    if has_address(world, (flow.unit, instance), dst) {
        return Whither::Ours;
    }
    match world.forwarding.lookup(instance, dst, flow.hash) {
        // An address of the firewall in another instance is not to be had from here. Spec: routing-instance-10.
        Path::Local(owner) if rules.instance_of(owner) == instance => Whither::Ours,
        path => Whither::By(instance, path),
    }
}

/// Whether a packet from the wire is for the firewall.
pub(crate) fn is_local(world: &Snapshot, flow: &Flow, key: &FlowKey) -> bool {
    matches!(whither(world, flow, key), Whither::Ours)
}

/// Whether a frame to all stations, or to a group of them, may carry a packet to this address: what is forwarded comes
/// to us alone (RFC 1812 5.3.4). Spec: flow-32.
pub(crate) fn may_be_to_many(world: &Snapshot, unit: InterfaceId, network: &Network) -> bool {
    let (instance, dst) = (world.rules.instance_of(unit), (network.family, network.dst));
    let routed = || match world.forwarding.lookup(instance, dst, 0) {
        Path::Local(owner) => world.rules.instance_of(owner) == instance,
        Path::Via { .. } | Path::Discard | Path::Reject | Path::None => false,
    };
    network.dst.is_multicast(network.family) || has_address(world, (unit, instance), dst) || routed()
}

/// Whether an address is the firewall's without a look at the routes.
fn has_address(
    world: &Snapshot,
    (unit, instance): (InterfaceId, InstanceId),
    (family, dst): (Family, Addr),
) -> bool {
    let rules = &world.rules;
    let broadcast = || rules.unit(unit).is_some_and(|unit| is_subnet_broadcast(unit, (family, dst)));
    is_link_scoped(family, dst) || rules.local(instance, (family, dst)).is_some() || broadcast()
}

/// Destinations that never leave their link.
fn is_link_scoped(family: Family, dst: Addr) -> bool {
    match family {
        Family::V4 => dst.low32() == u32::MAX || dst.low32() >> 8 == 0x00e0_0000,
        Family::V6 => dst.is_link_local6() || (dst.0 >> 112) & 0xff0f == 0xff02,
    }
}

/// Whether a packet's source means something on its link alone, or nothing yet: there is no way back to it. Such packets are forwarded
/// nowhere. Spec: screen-17.
pub(crate) fn is_of_link_alone(network: &Network) -> bool {
    let Network { family, src, dst, .. } = *network;
    src.is_unspecified() && is_link_scoped(family, dst) || family == Family::V6 && src.is_link_local6()
}

fn is_subnet_broadcast(unit: &Interface, (family, dst): (Family, Addr)) -> bool {
    family == Family::V4
        && unit.addresses.iter().filter(|a| a.family == family && a.len < 31).any(|a| {
            let host_bits = u32::MAX >> a.len;
            dst.low32() == a.addr.low32() | host_bits
        })
}

/// Whether an address means every host behind a unit, or by the old form none (RFC 1812 5.3.5): nobody beyond a router
/// may speak to them (RFC 2644). Spec: flow-31.
pub(crate) fn is_directed_broadcast(unit: &Interface, (family, dst): (Family, Addr)) -> bool {
    let is_network = || {
        let mut of_family = unit.addresses.iter().filter(|a| a.family == family && a.len < 31);
        of_family.any(|a| dst.low32() == a.addr.low32() & !(u32::MAX >> a.len))
    };
    is_subnet_broadcast(unit, (family, dst)) || (family == Family::V4 && is_network())
}

/// Whether an address is that which all routers of a subnet behind a unit have together (RFC 4291 2.6.1, RFC 6164).
pub(crate) fn is_routers_anycast(unit: &Interface, (family, dst): (Family, Addr)) -> bool {
    let mut subnets = unit.addresses.iter().filter(|a| a.family == family && a.len < 127);
    family == Family::V6 && subnets.any(|a| dst.0 == a.addr.0 & !(u128::MAX >> a.len))
}

/// A packet for the firewall without a session.
pub(crate) fn inbound<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    inward: &Inward,
) -> Verdict {
    // The firewall itself is not to be had in another family. Spec: nat-static-12.
    if inward.key.is_across() {
        return Verdict::Drop(DropReason::HostInboundDenied);
    }
    if let Err(verdict) = filters::host_input(turn, packet, flow) {
        return verdict;
    }
    if is_neighbour_discovery(&flow.network) {
        if proxy::neighbour(turn, packet, flow) {
            return Verdict::Consume;
        }
        return stateless(turn, packet, flow);
    }
    let (proto, dport) = (flow.network.proto, inward.key.dport());
    let icmp = flow.icmp().map(|(kind, _)| kind);
    let accepted = turn.world.rules.host_accepts(flow.unit, proto, dport, icmp);
    turn.rec.fact(Fact::HostInbound { unit: flow.unit, accepted });
    if !accepted {
        return Verdict::Drop(DropReason::HostInboundDenied);
    }
    let draft = match admitted(turn, packet, flow, inward) {
        Err(reason) => return Verdict::Drop(reason),
        Ok(draft) => draft,
    };
    if is_to_many(flow) {
        first_path::count_hits(turn, &draft);
        return stateless(turn, packet, flow);
    }
    first_path::open(turn, packet, flow, &draft)
}

/// What the policies to the firewall itself say of a packet that its zone lets in.
fn admitted<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    inward: &Inward,
) -> Result<Draft, DropReason> {
    let rules = &turn.world.rules;
    if !is_to_many(flow) {
        first_path::check_own(turn, flow)?;
        if sanity::is_echo_reply(&flow.network) {
            return Err(DropReason::IcmpReplyNoSession);
        }
    }
    let opened =
        |policy| if is_to_many(flow) { Ok(None) } else { tcp::open(packet, flow, rules.tcp_of(policy)) };
    let tcp = opened(NO_POLICY).inspect_err(|reason| first_path::tell(turn, packet, flow, *reason))?;
    turn.rec.fact(Fact::Zones { from: flow.zone, to: ZoneId::HOST });
    let permit = first_path::policy(turn, packet, flow, (&inward.key, ZoneId::HOST))?;
    let tcp = match rules.has_own_tcp(permit.policy()) {
        true => {
            opened(permit.policy()).inspect_err(|reason| first_path::tell(turn, packet, flow, *reason))?
        }
        false => tcp,
    };
    Ok(Draft::to_host(inward, tcp).permitted(&permit))
}

/// What the kernel sends without a session: the firewall's own traffic is let out, unless a policy says otherwise.
pub(crate) fn outbound<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow) -> Verdict {
    let neighbour = is_neighbour_discovery(&flow.network);
    let world = turn.world;
    let zone = world.rules.unit(flow.unit).and_then(|unit| unit.zone);
    let Some(zone) = zone else { return Verdict::Drop(DropReason::EgressNoZone) };
    if neighbour {
        return stateless(turn, packet, flow);
    }
    turn.rec.fact(Fact::Zones { from: ZoneId::HOST, to: zone });
    let permit = match first_path::policy(turn, packet, flow, (&flow.key, zone)) {
        Err(reason) => return Verdict::Drop(reason),
        Ok(permit) => permit,
    };
    let tcp = tcp::open_from_host(packet, flow, world.rules.tcp_of(permit.policy()));
    let draft = Draft { tcp, ..Draft::host(flow.unit, zone, flow.key).permitted(&permit) };
    // The session of what the kernel replies to is over meanwhile: the reply opens none, which the next request would be no packet of.
    if is_group(flow) || sanity::is_echo_reply(&flow.network) {
        first_path::count_hits(turn, &draft);
        return stateless(turn, packet, flow);
    }
    let outcome = install(turn, flow, &draft);
    first_path::count_hits(turn, &draft);
    match outcome {
        Err(verdict) => verdict,
        Ok(slot) => fast_path::forward(turn, packet, flow, WingRef::new(slot, 0)),
    }
}

/// To or from the kernel, leaving nothing behind.
fn stateless<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow) -> Verdict {
    let partial = act::checksum_left(packet, &flow.network);
    if flow.from_host {
        act::from_host(turn, packet, flow, partial)
    } else {
        act::to_host(turn, packet, flow, partial)
    }
}

/// Whether what becomes of a packet from the wire never hangs on a session.
pub(crate) fn is_stateless(flow: &Flow) -> bool {
    is_to_many(flow) || is_neighbour_discovery(&flow.network)
}

fn is_to_many(flow: &Flow) -> bool {
    is_group(flow) || flow.link.dst_mac.is_group()
}

fn is_group(flow: &Flow) -> bool {
    let (family, dst) = (flow.network.family, flow.network.dst);
    dst.is_multicast(family) || (family == Family::V4 && dst.low32() == u32::MAX)
}

pub(crate) fn is_neighbour_discovery(network: &Network) -> bool {
    network.family == Family::V6
        && network.proto == Proto::ICMPV6
        && network.ttl == FROM_NEIGHBOUR
        && matches!(network.l4, L4::Icmp { kind, .. } if NEIGHBOUR_TYPES.contains(&kind))
}

/// ARP goes to and from the kernel, with the unit's tag on the wire and without it on the TAP.
pub(crate) fn arp<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    link: &Link,
    (unit, from_host): (InterfaceId, bool),
) -> Verdict {
    let world = turn.world;
    let Some(unit) = world.rules.unit(unit) else {
        return Verdict::Drop(DropReason::UnknownVlan);
    };
    if !from_host && !unit.proxied.is_empty() && proxy::arp(turn, packet, link, unit) {
        return Verdict::Consume;
    }
    if from_host && !world.forwarding.is_up(unit.port) {
        return Verdict::Drop(DropReason::EgressDown);
    }
    let vlan = unit.vlan.filter(|_| from_host);
    let macs = (link.src_mac, link.dst_mac);
    if act::link_header(packet, usize::from(link.l3_at), macs, vlan, ethertype::ARP).is_none() {
        return Verdict::Drop(DropReason::TxQueueFull);
    }
    let egress = if from_host { Egress::Port(unit.port) } else { Egress::Host(unit.id) };
    Verdict::Send { egress, unit: unit.id, partial: None }
}
