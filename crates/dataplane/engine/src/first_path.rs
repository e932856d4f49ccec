//! A packet without a session, in Junos' order: route, zones, policy, source NAT, install.

use ravelin_contract::{Event, SessionEvent};
use ravelin_program::{Action, Application, Interface, LogWhen, Policy, SourceAction};
use ravelin_types::{Addr, DropReason, Family, IcmpKind, NatRuleId, PolicyId, Proto, ZoneId};
use ravelin_wire::checksum::Delta;
use ravelin_wire::{Fragment, L4};

use crate::explain::{Fact, Recorder};
use crate::fast_path;
use crate::forwarding::Path;
use crate::key::FlowKey;
use crate::nat::{self, Way, has_ports};
use crate::packet::Packet;
use crate::packet::Stage;
use crate::rules::{Decision, Tuple};
use crate::session::{
    HOST_UNIT, InsertError, Life, Marks, NO_APPLICATION, NO_POLICY, NO_RULE, Session, Ticks, Wing, WingRef,
};
use crate::steer::{HandOver, Towards};
use crate::step::{Flow, Turn};
use crate::stub::Message;
use crate::tcp::Progress;
use crate::verdict::Verdict;
use crate::{host, reply};

/// Tries to find a leased port whose reverse wing is free.
const LEASE_TRIES: usize = 8;

/// What the policy said of a packet it lets through.
#[derive(Clone, Copy, Debug)]
struct Permit {
    policy: PolicyId,
    log: LogWhen,
    count: bool,
    application: u32,
    inactivity_timeout: Option<u32>,
}

/// What is known of a session about to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    pub egress: ravelin_types::InterfaceId,
    pub to_zone: ZoneId,
    pub policy: PolicyId,
    pub log: LogWhen,
    pub count: bool,
    pub application: u32,
    pub inactivity_timeout: Option<u32>,
    /// The NAT rule that matched, one that says `off` too.
    pub rule: Option<NatRuleId>,
    /// External address and rule.
    pub nat: Option<(Addr, NatRuleId)>,
}

pub(crate) fn run<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow) -> Verdict {
    turn.rec.fact(Fact::SessionMiss);
    if flow.from_host {
        return host::outbound(turn, packet, flow);
    }
    if host::is_local(turn.world, flow) {
        return host::inbound(turn, packet, flow);
    }
    let draft = match judge(turn, packet, flow) {
        Err(reason) => return Verdict::Drop(reason),
        Ok(draft) => draft,
    };
    if let Some(over) = home(turn, flow, &draft) {
        return Verdict::HandOver(over);
    }
    let outcome = install(turn, flow, &draft);
    if !matches!(outcome, Err(Verdict::HandOver(_))) {
        count_hits(turn, &draft);
    }
    match outcome {
        Err(verdict) => verdict,
        Ok(slot) => {
            leave_stub(turn, flow, slot);
            fast_path::forward(turn, packet, flow, WingRef::new(slot, 0))
        }
    }
}

/// Whose the session will be, when not ours: where the translation leaves no choice of port, the owner of
/// its answers, else the tuple's owner. Nothing has been counted or taken yet.
fn home<R: Recorder>(turn: &Turn<'_, R>, flow: &Flow, draft: &Draft) -> Option<HandOver> {
    let (steering, rules) = (&turn.state.steering, &turn.world.rules);
    if steering.is_alone() || flow.handed.is_some_and(|h| h.stage == Stage::Ports) {
        return None;
    }
    let key = &flow.key;
    let owner = match draft.nat {
        Some((addr, _)) if !leases_port(flow) => {
            let back = FlowKey::new(key.family(), key.proto(), (key.dst(), key.dport()), (addr, key.sport()));
            steering.of_key(rules, &back, Towards::In)
        }
        Some(_) | None => steering.of_key(rules, key, Towards::In),
    };
    steering.to(owner, Stage::Home, flow.handed)
}

/// Who may have a port left when our block has none: every other worker in turn, until the tuple's owner is
/// reached again.
fn other_ports<R: Recorder>(turn: &Turn<'_, R>, flow: &Flow) -> Option<HandOver> {
    let steering = &turn.state.steering;
    let next = steering.next();
    if next == steering.of_key(&turn.world.rules, &flow.key, Towards::In) {
        return None;
    }
    steering.to(next, Stage::Ports, flow.handed)
}

/// Tells the tuple's owner that the session lives here.
fn leave_stub<R: Recorder>(turn: &mut Turn<'_, R>, flow: &Flow, slot: u32) {
    let state = &mut *turn.state;
    if state.steering.is_alone() {
        return;
    }
    let tuples = state.steering.of_key(&turn.world.rules, &flow.key, Towards::In);
    if tuples != state.worker {
        state.outbox.push(tuples, Message::Stub { key: flow.key, owner: state.worker });
        state.sessions.get_mut(slot).stub_at = tuples;
    }
}

/// A session was tried: its policy and NAT rule were hit.
fn count_hits<R: Recorder>(turn: &mut Turn<'_, R>, draft: &Draft) {
    let counters = &mut turn.state.counters;
    if let Some(hits) = counters.policies.get_mut(draft.policy.index()) {
        hits.hit(turn.now);
    }
    if let Some(hits) = draft.rule.and_then(|rule| counters.nat_rules.get_mut(rule.index())) {
        hits.hit(turn.now);
    }
}

/// Everything up to the verdict; nothing is taken or changed before it is permit.
fn judge<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, flow: &Flow) -> Result<Draft, DropReason> {
    check_opening(turn, packet, flow)?;
    let world = turn.world;
    let egress = route(turn, packet, flow)?;
    let to = egress.zone.ok_or(DropReason::EgressNoZone)?;
    turn.rec.fact(Fact::Zones { from: flow.zone, to });
    let permit = policy(turn, packet, flow, to)?;
    let network = &flow.network;
    let way = Way { from: (flow.unit, flow.zone), to: (egress.id, to) };
    let nat_rules = &world.rules.source_nat;
    let rule = nat::source_rule(nat_rules, way, network.family, network.src, network.dst);
    let mut outside = None;
    if let Some(rule) = rule {
        let off = rule.action == SourceAction::Off;
        turn.rec.fact(Fact::NatRule { rule: rule.id, off });
        if !off {
            let addr = nat::interface_address(egress, network.family);
            outside = Some((addr.ok_or(DropReason::NatNoAddress)?, rule.id));
        }
    }
    let Permit { policy, log, count, application, inactivity_timeout } = permit;
    Ok(Draft {
        egress: egress.id,
        to_zone: to,
        policy,
        log,
        count,
        application,
        inactivity_timeout,
        rule: rule.map(|rule| rule.id),
        nat: outside,
    })
}

/// Whether a packet may open a session at all.
fn check_opening<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
) -> Result<(), DropReason> {
    let network = &flow.network;
    // A link-local address means nothing on another link (RFC 4291 2.5.6).
    if network.family == Family::V6 && network.src.is_link_local6() {
        return Err(DropReason::InvalidSource);
    }
    match network.l4 {
        L4::Tcp { flags, .. } if turn.world.rules.flow.syn_check && !flags.opens() => {
            let zone = turn.world.rules.zone(flow.zone);
            if zone.is_some_and(|z| z.tcp_rst) {
                reply::tcp_reset(turn, packet, flow);
            }
            Err(DropReason::TcpNotSyn)
        }
        L4::Icmp { kind, .. } => match IcmpKind::of(network.proto, kind) {
            IcmpKind::EchoReply => Err(DropReason::IcmpReplyNoSession),
            IcmpKind::EchoRequest | IcmpKind::Error | IcmpKind::Other => Ok(()),
        },
        L4::Opaque if matches!(network.fragment, Fragment::Later { .. }) => Err(DropReason::FragmentNoFirst),
        L4::Tcp { .. } | L4::Udp { .. } | L4::Sctp { .. } | L4::Spi(_) | L4::Opaque => Ok(()),
    }
}

fn route<'w, R: Recorder>(
    turn: &mut Turn<'w, R>,
    packet: &Packet<'_>,
    flow: &Flow,
) -> Result<&'w Interface, DropReason> {
    let world = turn.world;
    let (family, dst) = (flow.network.family, flow.network.dst);
    if dst.is_multicast(family) {
        return Err(DropReason::NoRoute);
    }
    match world.forwarding.lookup(family, dst, flow.hash) {
        Path::Via { unit, next_hop } => {
            turn.rec.fact(Fact::Route { family, dst, unit, next_hop });
            world.rules.unit(unit).ok_or(DropReason::EgressDown)
        }
        Path::Discard => Err(DropReason::RouteDiscard),
        Path::Reject => {
            reply::unreachable(turn, packet, flow, reply::Unreachable::Host);
            Err(DropReason::RouteReject)
        }
        Path::Local(_) | Path::None => {
            turn.rec.fact(Fact::RouteNone);
            reply::unreachable(turn, packet, flow, reply::Unreachable::Net);
            Err(DropReason::NoRoute)
        }
    }
}

fn policy<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    to: ZoneId,
) -> Result<Permit, DropReason> {
    let tuple = Tuple { icmp: flow.icmp(), ..tuple_of(&flow.key, flow.zone, to) };
    let rec = &mut *turn.rec;
    let decision = turn.world.rules.decide(&tuple, |fact| rec.fact(fact));
    let (action, permit) = match decision {
        Decision::Policy(policy, application) => {
            // A permit counts when its session is tried, by the worker that it will be.
            if policy.action != Action::Permit
                && let Some(hits) = turn.state.counters.policies.get_mut(policy.id.index())
            {
                hits.hit(turn.now);
            }
            if policy.log.init && policy.action != Action::Permit {
                let key = flow.key.to_session_key();
                let event = Event::PolicyDeny { policy: policy.id, key, interface: flow.unit };
                turn.state.events.push(event);
            }
            (policy.action, permit(policy, application))
        }
        Decision::Default(action) => {
            let log = LogWhen::default();
            let none = Permit {
                policy: NO_POLICY,
                log,
                count: false,
                application: NO_APPLICATION,
                inactivity_timeout: None,
            };
            (action, none)
        }
    };
    match (action, permit.policy) {
        (Action::Permit, _) => Ok(permit),
        (Action::Deny, NO_POLICY) => Err(DropReason::DefaultDeny),
        (Action::Deny, _) => Err(DropReason::PolicyDeny),
        (Action::Reject, _) => {
            reply::reject(turn, packet, flow);
            Err(DropReason::PolicyReject)
        }
    }
}

fn permit(policy: &Policy, term: &Application) -> Permit {
    Permit {
        policy: policy.id,
        log: policy.log,
        count: policy.count,
        application: term.name,
        inactivity_timeout: term.inactivity_timeout,
    }
}

/// The tuple of a key; ICMP type and code only as far as the key tells.
pub(crate) fn tuple_of(key: &FlowKey, from: ZoneId, to: ZoneId) -> Tuple {
    Tuple {
        from,
        to,
        family: key.family(),
        src: key.src(),
        dst: key.dst(),
        proto: key.proto(),
        sport: key.sport(),
        dport: key.dport(),
        icmp: echo_type(key).map(|kind| (kind, 0)),
    }
}

/// The echo request type of an ICMP session's key.
pub(crate) fn echo_type(key: &FlowKey) -> Option<u8> {
    match (key.proto(), key.dport()) {
        (Proto::ICMP, 0) => Some(8),
        (Proto::ICMPV6, 0) => Some(128),
        (Proto::ICMP | Proto::ICMPV6, _) => Some((key.sport() >> 8) as u8),
        _ => None,
    }
}

/// Makes the session: port lease, device limit, both wings, or nothing of it.
pub(crate) fn install<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    draft: &Draft,
) -> Result<u32, Verdict> {
    if !turn.shared.reserve_session() {
        return Err(Verdict::Drop(DropReason::SessionTableFull));
    }
    let result = match draft.nat {
        None => insert(turn, flow, draft, flow.key.reversed()).map_err(Verdict::Drop),
        Some((addr, rule)) => insert_translated(turn, flow, draft, (addr, rule)),
    };
    if result.is_err() {
        turn.shared.release_session();
    }
    result
}

/// A session whose source becomes `addr`: with a leased port where the protocol has ports.
fn insert_translated<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    draft: &Draft,
    (addr, rule): (Addr, NatRuleId),
) -> Result<u32, Verdict> {
    let key = &flow.key;
    let (family, proto) = (key.family(), key.proto());
    let outside = |port| FlowKey::new(family, proto, (key.dst(), key.dport()), (addr, port));
    let failed = |turn: &mut Turn<'_, R>, reason| {
        if let Some(hits) = turn.state.counters.nat_rules.get_mut(rule.index()) {
            hits.failed += 1;
        }
        Err(Verdict::Drop(reason))
    };
    if !leases_port(flow) {
        return match insert(turn, flow, draft, outside(key.sport())) {
            Err(reason) => failed(turn, reason),
            Ok(slot) => Ok(slot),
        };
    }
    for _ in 0..LEASE_TRIES {
        let state = &mut *turn.state;
        let Some(port) = state.leases.acquire(family, addr, proto, &mut state.random) else {
            return match other_ports(turn, flow) {
                Some(over) => Err(Verdict::HandOver(over)),
                None => failed(turn, DropReason::NatPortsExhausted),
            };
        };
        turn.rec.fact(Fact::Translated { family, addr, port });
        match insert(turn, flow, draft, outside(port)) {
            Ok(slot) => {
                let session = turn.state.sessions.get_mut(slot);
                session.marks = session.marks.with(Marks::LEASE, true);
                return Ok(slot);
            }
            Err(reason) => {
                turn.state.leases.release(family, addr, proto, port);
                if reason != DropReason::SessionCollision {
                    return failed(turn, reason);
                }
            }
        }
    }
    failed(turn, DropReason::SessionCollision)
}

/// Whether the protocol has a port or identifier that can be changed. Messages without an identifier and
/// protocols without ports keep what they have.
fn leases_port(flow: &Flow) -> bool {
    has_ports(flow.key.proto()) && (flow.icmp().is_none() || flow.key.dport() == 0)
}

fn insert<R: Recorder>(
    turn: &mut Turn<'_, R>,
    flow: &Flow,
    draft: &Draft,
    back: FlowKey,
) -> Result<u32, DropReason> {
    let session = build(turn, flow, draft, back);
    let slot = match turn.state.sessions.insert(&session, turn.now) {
        Ok(slot) => slot,
        Err(InsertError::Full) => return Err(DropReason::SessionTableFull),
        Err(InsertError::Collision) => return Err(DropReason::SessionCollision),
    };
    turn.rec.fact(Fact::SessionCreated { id: session.id });
    turn.state.counters.sessions_created += 1;
    if let Some((_, rule)) = draft.nat
        && let Some(hits) = turn.state.counters.nat_rules.get_mut(rule.index())
    {
        hits.sessions += 1;
    }
    if draft.policy != NO_POLICY
        && let Some(hits) = turn.state.counters.policies.get_mut(draft.policy.index())
    {
        hits.sessions += 1;
        if draft.count {
            hits.passed(0, session.bytes[0]);
        }
    }
    if draft.log.init {
        let view = session.view(turn.state.worker, Ticks::at(turn.now));
        turn.state.events.push(Event::Session(SessionEvent { view, close: None }));
    }
    Ok(slot)
}

fn build<R: Recorder>(turn: &mut Turn<'_, R>, flow: &Flow, draft: &Draft, back: FlowKey) -> Session {
    let settings = &turn.world.rules.flow;
    let proto = flow.key.proto();
    let by_protocol = match proto {
        Proto::TCP => settings.tcp_timeout,
        Proto::UDP => settings.udp_timeout,
        Proto::ICMP | Proto::ICMPV6 => settings.icmp_timeout,
        _ => settings.other_timeout,
    };
    let established = draft.inactivity_timeout.unwrap_or(by_protocol);
    let mut tcp = Progress::NEW;
    let mut life = Life::Opening;
    if let L4::Tcp { flags, .. } = flow.network.l4 {
        tcp = if flags.opens() { tcp.advance(0, flags) } else { Progress::midstream() };
        life = tcp.life();
    }
    let opening = proto == Proto::TCP && life == Life::Opening;
    let now = Ticks::at(turn.now);
    let mut session = Session {
        last_seen: now,
        created: now,
        timeout_s: if opening { settings.tcp_initial_timeout } else { established },
        established_timeout_s: established,
        generation: turn.world.rules.generation.0 as u32,
        section_hash: turn.world.rules.section_hash(flow.zone, draft.to_zone),
        policy: draft.policy,
        nat_rule: draft.nat.map_or(NO_RULE, |(_, rule)| rule),
        application: draft.application,
        id: turn.state.new_session_id(),
        tcp,
        state: life,
        marks: Marks::default().with(Marks::LOG_CLOSE, draft.log.close).with(Marks::COUNT, draft.count),
        ..Session::EMPTY
    };
    session.packets[0] = 1;
    session.bytes[0] = u64::from(flow.network.end - flow.link.l3_at);
    session.wings = wings(flow, draft, back);
    session
}

fn wings(flow: &Flow, draft: &Draft, back: FlowKey) -> [Wing; 2] {
    let forward =
        Wing { key: flow.key, egress: draft.egress, ingress: flow.ingress(), zone: flow.zone, ..Wing::EMPTY };
    let backward =
        Wing { key: back, egress: flow.ingress(), ingress: draft.egress, zone: draft.to_zone, ..Wing::EMPTY };
    [with_deltas(forward, &back), with_deltas(backward, &flow.key)]
}

/// The checksum changes of a wing, from its own key to the other's turned round.
fn with_deltas(wing: Wing, other: &FlowKey) -> Wing {
    let (key, new) = (&wing.key, other.reversed());
    let family = key.family();
    let l3 = Delta::address(family, key.src(), new.src()).and(Delta::address(family, key.dst(), new.dst()));
    let ports = Delta::word(key.sport(), new.sport()).and(Delta::word(key.dport(), new.dport()));
    // ICMP has no pseudo-header (RFC 792); ICMPv6 has one (RFC 4443 2.3).
    let l4 = match key.proto() {
        Proto::ICMP => ports,
        _ => l3.and(ports),
    };
    let l3_delta = if family == Family::V4 { l3 } else { Delta::default() };
    Wing { l3_delta, l4_delta: l4, ..wing }
}

impl Draft {
    /// A session between the firewall itself and a unit.
    pub(crate) fn host(egress: ravelin_types::InterfaceId, to_zone: ZoneId) -> Self {
        Self {
            egress,
            to_zone,
            policy: NO_POLICY,
            log: LogWhen::default(),
            count: false,
            application: NO_APPLICATION,
            inactivity_timeout: None,
            rule: None,
            nat: None,
        }
    }

    /// Towards the firewall itself.
    pub(crate) fn to_host() -> Self {
        Self::host(HOST_UNIT, ZoneId::HOST)
    }
}
