//! A packet without a session, in Junos' order: destination NAT, route, zones, policy, source NAT, install.

use ravelin_contract::{DropCause, Event, PolicyDeny};
use ravelin_nat::{Action as LeaseAction, Inbound, Request};
use ravelin_program::{Action, Application, Gateway, Interface, LogWhen, Policy, Translated};
use ravelin_screen::Way;
use ravelin_tcp::Opened;
use ravelin_types::{Addr, DropReason, Family, IcmpKind, InstanceId, NatRuleId, PolicyId, Proto, ZoneId};
use ravelin_wire::{Fragment, L4};

use crate::explain::{Fact, Recorder};
use crate::forwarding::Path;
use crate::host::Whither;
use crate::install::install;
use crate::key::FlowKey;
use crate::nat::{self, Inward, Nat, Outward, Turned};
use crate::packet::Packet;
use crate::rules::{Decision, Tuple};
use crate::session::{HOST_UNIT, NO_APPLICATION, NO_POLICY, WingRef, application_index};
use crate::steer::Towards;
use crate::step::{Flow, Turn};
use crate::verdict::Verdict;
use crate::{alg, between, fast_path, home, host, mapped, proxy_syn, reply, sanity, screens, tcp};

/// What the policy said of a packet it lets through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Permit {
    policy: PolicyId,
    log: LogWhen,
    count: bool,
    application: u16,
    inactivity_timeout: Option<u32>,
    gateway: Gateway,
    translated: Translated,
}

/// What is known of a session about to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    pub egress: ravelin_types::InterfaceId,
    /// The instance that answers come in.
    pub answered_in: InstanceId,
    /// The instance whose routes were asked, and what they said.
    pub way: Option<(InstanceId, Path)>,
    pub to_zone: ZoneId,
    pub policy: PolicyId,
    pub log: LogWhen,
    pub count: bool,
    pub application: u16,
    pub inactivity_timeout: Option<u32>,
    /// What the application says of the gateway.
    pub gateway: Gateway,
    /// The tuple with its destination as translated.
    pub inner: FlowKey,
    /// The static or destination NAT rule that matched, one that says `off` too.
    pub rule: Option<NatRuleId>,
    pub source: Outward,
    /// A persistent mapping lets it in.
    pub entered: Option<Inbound>,
    /// It goes through the other family and back.
    pub turned: Option<Turned>,
    /// The conversation that a TCP segment opens.
    pub tcp: Option<Opened>,
}

pub(crate) fn run<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow) -> Verdict {
    turn.rec.fact(Fact::SessionMiss);
    if flow.from_host {
        return host::outbound(turn, packet, flow);
    }
    if let Err(verdict) = screens::first(turn, packet, flow, (flow.zone, Way::In)) {
        return verdict;
    }
    match proxy_syn::accept(turn, packet, flow) {
        Some(verdict) => verdict,
        // A flood that has filled the table costs no more than it must. Spec: session-13.
        None if turn.shared.is_full() && !host::is_stateless(flow) => {
            Verdict::Drop(DropReason::SessionTableFull)
        }
        None => admitted(turn, packet, flow),
    }
}

/// The path behind the screens of the zone that a packet enters.
pub(crate) fn admitted<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, flow: &Flow) -> Verdict {
    if let Some(verdict) = alg::claim(turn, packet, flow) {
        return verdict;
    }
    let world = turn.world;
    let inward = world.rules.nat.inward((flow.unit, flow.zone), &flow.key, flow.icmp());
    if let Some(rule) = inward.rule {
        turn.rec.fact(Fact::NatRule { rule, off: inward.key == flow.key });
    }
    if let Some(why) = inward.refused {
        return between::refuse(turn, packet, flow, (why.reason(), why.answer(flow.key.family())));
    }
    let inward = match mapped::seek(turn, flow, inward) {
        Ok(inward) => inward,
        Err(verdict) => return verdict,
    };
    let way = match host::whither(world, flow, &inward.key) {
        Whither::Ours => return host::inbound(turn, packet, flow, &inward),
        Whither::By(instance, path) => (instance, path),
    };
    let draft = match judge(turn, packet, flow, (&inward, way)) {
        Err(reason) => return Verdict::Drop(reason),
        Ok(draft) => draft,
    };
    if let Err(verdict) = screens::first(turn, packet, flow, (draft.to_zone, Way::Out)) {
        return verdict;
    }
    match fast_path::check_ttl(turn, packet, flow, false) {
        Some(verdict) => verdict,
        None => open(turn, packet, flow, &draft),
    }
}

/// Opens a session, here or where it belongs, and sends the packet through it.
pub(crate) fn open<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    draft: &Draft,
) -> Verdict {
    if let Some(over) = home::elsewhere(turn, flow, draft) {
        return mapped::send_on(turn, flow, draft, over);
    }
    let outcome = install(turn, flow, draft);
    if !matches!(outcome, Err(Verdict::HandOver(_))) {
        count_hits(turn, draft);
    }
    match outcome {
        Err(Verdict::HandOver(over)) => mapped::send_on(turn, flow, draft, over),
        Err(verdict) => verdict,
        Ok(slot) => {
            home::leave_stub(turn.state, &turn.world.rules, slot);
            alg::attach(turn, slot, draft.gateway);
            fast_path::forward_by(turn, packet, flow, (WingRef::new(slot, 0), draft.way.as_ref()))
        }
    }
}

/// A session was tried: its policy and NAT rules were hit.
pub(crate) fn count_hits<R: Recorder>(turn: &mut Turn<'_, R>, draft: &Draft) {
    let counters = &mut turn.state.counters;
    if let Some(hits) = counters.policies.get_mut(draft.policy.index()) {
        hits.hit(turn.now);
    }
    for rule in [draft.rule, draft.source.rule()].into_iter().flatten() {
        if let Some(hits) = counters.nat_rules.get_mut(rule.index()) {
            hits.hit(turn.now);
        }
    }
}

/// Everything up to the verdict; nothing is taken or changed before it is permit.
fn judge<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    (inward, (asked, path)): (&Inward, (InstanceId, Path)),
) -> Result<Draft, DropReason> {
    let tcp = check_opening(turn, packet, flow, NO_POLICY)?;
    let world = turn.world;
    if world.rules.is_functional(flow.zone) {
        return Err(DropReason::ManagementZone);
    }
    let instance = inward.instance(&world.rules.nat).unwrap_or_else(|| flow.routed_by());
    let way = (instance, (inward.key.dst_family(), inward.key.dst()));
    // A rule or a filter may send it by other routes than those that it came under.
    let path = if instance == asked { path } else { world.forwarding.lookup(instance, way.1, flow.hash) };
    let egress = by_path(turn, packet, flow, (way, path))?;
    let to = egress.zone.ok_or(DropReason::EgressNoZone)?;
    turn.rec.fact(Fact::Zones { from: flow.zone, to });
    if world.rules.is_functional(to) {
        return Err(DropReason::ManagementZone);
    }
    let permit = policy(turn, packet, flow, (&inward.key, to))?;
    if !permit.translated.permits(is_destination_translated(&flow.key, &inward.key)) {
        turn.state.watch.blame(DropCause::Policy(permit.policy));
        return Err(DropReason::PolicyTranslation);
    }
    // A policy may demand of its sessions what others need not do.
    let tcp = match tcp {
        Some(_) if world.rules.has_own_tcp(permit.policy) => {
            check_opening(turn, packet, flow, permit.policy)?
        }
        asked => asked,
    };
    let way = nat::Way { from: (flow.unit, flow.zone), to: (egress.id, to) };
    let turned = inward.turned();
    let asked = turned.map_or(inward.key, |turned| turned.key);
    let source = world.rules.nat.outward(way, &asked, flow.icmp(), egress);
    between::check_source(turn, packet, flow, (&asked, source))?;
    if let Some(rule) = source.rule() {
        turn.rec.fact(Fact::NatRule { rule, off: matches!(source, Outward::Off(_)) });
    }
    let Permit { policy, log, count, application, inactivity_timeout, gateway, translated: _ } = permit;
    Ok(Draft {
        egress: egress.id,
        answered_in: egress.instance,
        way: Some((instance, path)),
        to_zone: to,
        policy,
        log,
        count,
        application,
        inactivity_timeout,
        gateway,
        inner: inward.key,
        rule: inward.rule,
        source,
        entered: inward.entered,
        turned,
        tcp,
    })
}

/// Whether the destination of a packet, known by the one key, is another inside, known by the other.
pub(crate) fn is_destination_translated(came: &FlowKey, inner: &FlowKey) -> bool {
    (came.dst(), came.dport(), came.family()) != (inner.dst(), inner.dport(), inner.dst_family())
}

/// Whether a packet may open a session at all, and one of a policy.
fn check_opening<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    policy: PolicyId,
) -> Result<Option<Opened>, DropReason> {
    let network = &flow.network;
    // A link-local address means nothing on another link (RFC 4291 2.5.6), and that of who has none yet nothing beyond it (RFC 1812
    // 5.3.7).
    if network.src.is_unspecified() || network.family == Family::V6 && network.src.is_link_local6() {
        return Err(DropReason::InvalidSource);
    }
    check_own(turn, flow)?;
    sanity::check_opening(network, turn.world.rules.flow.refused)?;
    match network.l4 {
        L4::Tcp { .. } => tcp::open(packet, flow, turn.world.rules.tcp_of(policy))
            .inspect_err(|reason| tell(turn, packet, flow, *reason)),
        L4::Icmp { kind, .. } => match IcmpKind::of(network.proto, kind) {
            IcmpKind::EchoReply => Err(DropReason::IcmpReplyNoSession),
            IcmpKind::EchoRequest | IcmpKind::Error | IcmpKind::Other => Ok(None),
        },
        L4::Opaque if matches!(network.fragment, Fragment::Later { .. }) => Err(DropReason::FragmentNoFirst),
        L4::Udp { .. } if !turn.world.rules.flow.strays.dns_reply && alg::is_dns_reply(packet, flow) => {
            Err(DropReason::DnsReply)
        }
        L4::Udp { .. } | L4::Sctp { .. } | L4::Spi(_) | L4::Opaque => Ok(None),
    }
}

/// The sender of a segment that opens no conversation is told, where its zone says so. Spec: policy-11.
pub(crate) fn tell<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    reason: DropReason,
) {
    let zone = turn.world.rules.zone(flow.zone);
    if reason == DropReason::TcpNotSyn && zone.is_some_and(|z| z.tcp_rst) {
        reply::tcp_reset(turn, packet, flow);
    }
}

/// What comes from the wire with an address of the firewall's is not the firewall's: a session of it would have a key of the
/// firewall's own traffic, and take its answers. Spec: flow-39.
pub(crate) fn check_own<R>(turn: &Turn<'_, R>, flow: &Flow) -> Result<(), DropReason> {
    let source = (flow.network.family, flow.network.src);
    let is_own = || turn.world.rules.local(flow.key.instance(), source).is_some();
    if !flow.from_host && is_own() { Err(DropReason::InvalidSource) } else { Ok(()) }
}

pub(crate) fn route<'w, R: Recorder>(
    turn: &mut Turn<'w, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    way: (InstanceId, (Family, Addr)),
) -> Result<&'w Interface, DropReason> {
    let path = turn.world.forwarding.lookup(way.0, way.1, flow.hash);
    by_path(turn, packet, flow, (way, path))
}

/// The unit that a path leads out of.
fn by_path<'w, R: Recorder>(
    turn: &mut Turn<'w, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    ((instance, (family, dst)), path): ((InstanceId, (Family, Addr)), Path),
) -> Result<&'w Interface, DropReason> {
    let world = turn.world;
    if dst.is_multicast(family) {
        return Err(DropReason::NoRoute);
    }
    match path {
        Path::Via { unit, next_hop } => {
            turn.rec.fact(Fact::Route { instance, family, dst, unit, next_hop });
            let egress = world.rules.unit(unit).ok_or(DropReason::EgressDown)?;
            if turn.shared.groups.is_passive(egress.group, turn.now) {
                return Err(DropReason::GroupPassive);
            }
            let to_all = host::is_directed_broadcast(egress, (family, dst));
            if to_all { Err(DropReason::InvalidDestination) } else { Ok(egress) }
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

pub(crate) fn policy<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    (key, to): (&FlowKey, ZoneId),
) -> Result<Permit, DropReason> {
    let tuple = Tuple { icmp: flow.icmp(), ..tuple_of(key, flow.zone, to) };
    let decision = turn.world.rules.decide(&tuple, turn.rec);
    let (action, permit) = match decision {
        Decision::Policy(policy, application) => {
            if policy.action != Action::Permit {
                turn.state.watch.blame(DropCause::Policy(policy.id));
            }
            // A permit counts when its session is tried, by the worker that it will be.
            if policy.action != Action::Permit
                && let Some(hits) = turn.state.counters.policies.get_mut(policy.id.index())
            {
                hits.hit(turn.now);
            }
            if policy.log.init && policy.action != Action::Permit {
                let deny = PolicyDeny {
                    policy: policy.id,
                    key: flow.key.to_session_key(),
                    interface: flow.unit,
                    from_zone: flow.zone,
                    to_zone: to,
                    application: application_index(permit(policy, application).application),
                };
                turn.state.events.push(Event::PolicyDeny(deny));
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
                gateway: Gateway::ByPort,
                translated: Translated::Either,
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
        application: u16::try_from(term.name).unwrap_or(NO_APPLICATION),
        inactivity_timeout: term.inactivity_timeout,
        gateway: term.gateway,
        translated: policy.translated,
    }
}

/// The tuple of a key.
pub(crate) fn tuple_of(key: &FlowKey, from: ZoneId, to: ZoneId) -> Tuple {
    Tuple {
        from,
        to,
        family: key.family(),
        src: key.src(),
        dst_family: key.dst_family(),
        dst: key.dst(),
        proto: key.proto(),
        sport: key.sport(),
        dport: key.dport(),
        icmp: icmp_of(key),
    }
}

/// Type and code of the message that an ICMP session's key is of.
pub(crate) fn icmp_of(key: &FlowKey) -> Option<(u8, u8)> {
    match (key.proto(), key.dport()) {
        (Proto::ICMP, 0) => Some((8, 0)),
        (Proto::ICMPV6, 0) => Some((128, 0)),
        (Proto::ICMP | Proto::ICMPV6, _) => Some(((key.sport() >> 8) as u8, key.sport() as u8)),
        _ => None,
    }
}

impl Permit {
    pub(crate) const fn policy(&self) -> PolicyId {
        self.policy
    }
}

impl Draft {
    /// A session between the firewall itself and a unit.
    pub(crate) fn host(egress: ravelin_types::InterfaceId, to_zone: ZoneId, key: FlowKey) -> Self {
        Self {
            egress,
            answered_in: key.instance(),
            way: None,
            to_zone,
            policy: NO_POLICY,
            log: LogWhen::default(),
            count: false,
            application: NO_APPLICATION,
            inactivity_timeout: None,
            gateway: Gateway::Nothing,
            inner: key,
            rule: None,
            source: Outward::Keep,
            entered: None,
            turned: None,
            tcp: None,
        }
    }

    /// Towards the firewall itself.
    pub(crate) fn to_host(inward: &Inward, tcp: Option<Opened>) -> Self {
        Self { rule: inward.rule, tcp, ..Self::host(HOST_UNIT, ZoneId::HOST, inward.key) }
    }

    /// The same, as a policy that lets it through says.
    pub(crate) fn permitted(self, permit: &Permit) -> Self {
        let Permit { policy, log, count, application, inactivity_timeout, gateway, translated: _ } = *permit;
        Self { policy, log, count, application, inactivity_timeout, gateway, ..self }
    }

    /// The key of answers to packets that leave from `source`. `None`: it has no address in the destination's family.
    pub(crate) fn answers(&self, nat: &Nat, (addr, port): (Addr, u16)) -> Option<FlowKey> {
        let addr = match self.turned {
            None => addr,
            Some(turned) => nat.fixed.embedded(turned.rule, addr)?,
        };
        Some(self.inner.answers((addr, port)).within(self.answered_in))
    }

    /// What is asked of the allocator. A host is known to its peer's mapping by what it is inside.
    pub(crate) fn request(&self, action: LeaseAction, icmp: Option<(u8, u8)>, egress: &Interface) -> Request {
        let asked = self.turned.map_or(self.inner, |turned| turned.key);
        let request = nat::request(action, &asked, icmp, egress);
        Request { remote: (self.inner.dst(), self.inner.dport()), ..request }
    }

    /// From where answers come.
    pub(crate) fn answers_come(&self) -> Towards {
        if self.egress == HOST_UNIT { Towards::Out } else { Towards::In }
    }
}
