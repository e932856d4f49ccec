//! A packet without a session: what stands in its way, and the session it opens.

use ravelin_model::{DefaultPolicy, Policy, PolicyAction};
use ravelin_types::DropReason;

use super::conversation::Conversation;
use super::nat::{End, Inward, Outward, Ports, RuleName, Side, Source, carried};
use super::reply::{Came, NET_UNREACHABLE, TIME_EXCEEDED};
use super::screens::{Hold, Look};
use super::{
    Expected, HOST, Judgement, Model, Packet, Session, Told, cleared, dropped, entrance, same, tuple, turned,
};

/// What is known of a packet on its way to a session.
pub(super) struct Way<'w> {
    /// The unit and zone that it came by, and those that it leaves by.
    pub from: Side<'w>,
    pub to: Side<'w>,
}

impl Model<'_> {
    /// `beyond`: it had a session, and passed the screens of this zone and of that one.
    pub(super) fn without_session(
        &mut self,
        (unit, zone): (&str, &str),
        packet: &Packet,
        beyond: Option<&str>,
    ) -> Judgement {
        let (seen, inward) = match self.entering((unit, zone), packet, beyond.is_some()) {
            Ok(entering) => entering,
            Err(judgement) => return judgement,
        };
        let inner = inward.packet;
        if self.is_ours((unit, zone), inner.dst) {
            return self.ours((unit, zone), &seen, &inner);
        }
        let came = Came { unit, zone, of_kernel: false };
        let (tcp, egress, to_zone) = match self.towards(came, (&seen, &inner)) {
            Ok(towards) => towards,
            Err(reason) => return dropped(reason),
        };
        let policy = self.policy(zone, &to_zone, &inner);
        let way = Way { from: (unit, zone), to: (&egress, &to_zone) };
        let outward = match self.permitted(&way, (packet, &inner), policy) {
            Ok(outward) => outward,
            Err(reason) => return dropped(reason),
        };
        // A packet that has no hop left is no try, and no hit (flow-43).
        let is_ended = packet.ttl <= 1;
        if let Some(reason) = self.refused(&outward, is_ended) {
            self.untranslatable(came, packet, (reason, inner.src));
            return dropped(reason);
        }
        let look = look(beyond == Some(&to_zone));
        let mended_out = match self.screened(unit, (&to_zone, true), packet, look) {
            Ok(mended) => mended,
            Err(judgement) => return judgement,
        };
        if !is_ended {
            self.count([inward.rule.as_ref(), outward.rule.as_ref()]);
            self.hit(policy);
        }
        let source = match outward.source {
            Ok(source) => source,
            Err(reason) if !is_ended || reason != DropReason::NatNoAddress => return dropped(reason),
            Err(_) => Source::Is((packet.src, packet.sport)),
        };
        if is_ended {
            self.complains(came, packet, TIME_EXCEEDED, 0);
            return dropped(DropReason::TtlExpired);
        }
        let holds = match self.limited_by_both(unit, (zone, &to_zone), packet) {
            Ok(holds) => holds,
            Err(judgement) => return judgement,
        };
        if let Some(reason) = self.stands_in_its_way(&way, &source, (packet, &inner)) {
            return dropped(reason);
        }
        if policy.is_some_and(|policy| policy.log_init) {
            self.told.push((tuple(packet), Told::Created));
        }
        let session = self.session(&way, (packet, &inner), tcp, policy);
        let prefix = inward.prefix.or(outward.prefix);
        let session = Session { unit: Some(egress.clone()), prefix, pool: outward.pool, holds, ..session };
        if self.is_too_big(came, packet, &egress) {
            return self.ended(session, (&source, DropReason::PacketTooBig), (packet, &inner));
        }
        let tcp = seen.tcp.map(|tcp| cleared(tcp, mended_out));
        let expected = Expected::Forward { unit: egress, source, to: (inner.dst, inner.dport), tcp };
        Judgement { expected, opens: Some(Box::new(session)) }
    }

    /// Why a session can't be told from another that is there.
    fn stands_in_its_way(
        &mut self,
        way: &Way<'_>,
        source: &Source,
        (packet, inner): (&Packet, &Packet),
    ) -> Option<DropReason> {
        if self.collides(way, source, inner) {
            return Some(DropReason::SessionCollision);
        }
        // It would be known by what a session from another zone is known by: whether that stands in its way hangs on the worker that each
        // of them is at.
        let is_like_another = self.look_alike(way.from.1, packet).is_some();
        self.is_open |= is_like_another;
        is_like_another.then_some(DropReason::NotReady)
    }

    /// What a static rule can do nothing with gets no further than that rule.
    fn refused(&mut self, outward: &Outward, is_ended: bool) -> Option<DropReason> {
        let reason = outward.source.as_ref().err().copied()?;
        if !matches!(reason, DropReason::InvalidSource | DropReason::Nptv6Unmappable) {
            return None;
        }
        if !is_ended {
            self.count([None, outward.rule.as_ref()]);
        }
        Some(reason)
    }

    /// A packet as the screens of its zone leave it, with its destination as it really is; `known`: they have judged it as one of a session.
    fn entering(
        &mut self,
        (unit, zone): (&str, &str),
        packet: &Packet,
        known: bool,
    ) -> Result<(Packet, Inward), Judgement> {
        let is_mended = self.screened(unit, (zone, false), packet, look(known))?;
        let seen = Packet { tcp: packet.tcp.map(|tcp| cleared(tcp, is_mended)), ..*packet };
        if self.screens.awaits_cookies(self.now) && seen.tcp.is_some_and(|tcp| tcp.may_end_a_handshake()) {
            // Nobody guesses the number (screen-58).
            return Err(dropped(DropReason::SynCookieInvalid));
        }
        match self.inward((unit, zone), &seen) {
            Ok(inward) => Ok((seen, inward)),
            Err(reason) => {
                self.untranslatable(Came { unit, zone, of_kernel: false }, packet, (reason, packet.dst));
                Err(dropped(reason))
            }
        }
    }

    /// The conversation that a packet opens, and the unit and zone that it leaves by.
    fn towards(
        &mut self,
        came: Came<'_>,
        (packet, inner): (&Packet, &Packet),
    ) -> Result<(Option<Conversation>, String, String), DropReason> {
        if entrance::is_nowhere_beyond(packet.src) || self.is_own(came.zone, packet.src) {
            return Err(DropReason::InvalidSource);
        }
        let tcp = self.opened(came, packet)?;
        let egress = self.way_out(came.zone, inner.dst).inspect_err(|reason| {
            if *reason == DropReason::NoRoute && !inner.dst.is_multicast() {
                self.complains(came, packet, NET_UNREACHABLE, 0);
            }
        })?;
        let to_zone = self.zone_of(&egress).ok_or(DropReason::EgressNoZone)?;
        Ok((tcp, egress, to_zone))
    }

    /// A packet that is too long opens its session and ends there (flow-20).
    fn ended(
        &mut self,
        session: Session,
        (source, reason): (&Source, DropReason),
        (packet, inner): (&Packet, &Packet),
    ) -> Judgement {
        let Source::Is((src, sport)) = *source else {
            // What it would have become can't be seen.
            self.is_open = true;
            return dropped(DropReason::NotReady);
        };
        let left = Packet { src, sport, dst: inner.dst, dport: inner.dport, ..*packet };
        let opens = Some(Box::new(Session { left, ..session }));
        Judgement { expected: Expected::Drop(reason), opens }
    }

    /// What its source becomes where a policy lets it through.
    fn permitted(
        &mut self,
        way: &Way<'_>,
        (packet, inner): (&Packet, &Packet),
        policy: Option<&Policy>,
    ) -> Result<Outward, DropReason> {
        let permits = self.config.security.policies.default_policy == DefaultPolicy::PermitAll;
        let otherwise = if permits { Ok(()) } else { Err(DropReason::DefaultDeny) };
        let came = Came { unit: way.from.0, zone: way.from.1, of_kernel: false };
        self.lets((came, packet), policy, otherwise)?;
        let is_translated = (packet.dst, packet.dport) != (inner.dst, inner.dport);
        if policy.is_some_and(|p| p.drop_translated && is_translated || p.drop_untranslated && !is_translated)
        {
            return Err(DropReason::PolicyTranslation);
        }
        let outward = self.outward((way.from, way.to), inner);
        // Without any source in the other family nothing is tried.
        match outward.source {
            Err(reason @ DropReason::Nat64NoSource) => Err(reason),
            _ => Ok(outward),
        }
    }

    /// Whether a policy lets a packet through; `otherwise`: what becomes of it where none means it.
    pub(super) fn lets(
        &mut self,
        (came, packet): (Came<'_>, &Packet),
        policy: Option<&Policy>,
        otherwise: Result<(), DropReason>,
    ) -> Result<(), DropReason> {
        let Some(known) = policy else { return otherwise };
        let reason = match known.action {
            PolicyAction::Permit => return Ok(()),
            PolicyAction::Deny => DropReason::PolicyDeny,
            PolicyAction::Reject => {
                self.rejects(came, packet);
                DropReason::PolicyReject
            }
        };
        self.hit(policy);
        if known.log_init {
            self.told.push((tuple(packet), Told::Denied));
        }
        Err(reason)
    }

    /// Rules that a session is tried by.
    fn count(&mut self, rules: [Option<&RuleName>; 2]) {
        for rule in rules.into_iter().flatten() {
            *self.rule_hits.entry(rule.clone()).or_default() += 1;
        }
    }

    /// For the firewall, which in another family is not to be had (nat-static-12).
    fn ours(&mut self, side: (&str, &str), packet: &Packet, inner: &Packet) -> Judgement {
        if packet.dst.is_ipv4() != inner.dst.is_ipv4() {
            return dropped(DropReason::HostInboundDenied);
        }
        let came = Came { unit: side.0, zone: side.1, of_kernel: false };
        match self.comes_in(came, packet) {
            Err(reason) => dropped(reason),
            Ok(()) => self.host_bound(side, packet, inner),
        }
    }

    fn host_bound(&mut self, (unit, zone): (&str, &str), packet: &Packet, inner: &Packet) -> Judgement {
        if packet.is_neighbour_discovery() {
            return Expected::Host.into();
        }
        if !self.host_accepts(unit, inner) {
            return dropped(DropReason::HostInboundDenied);
        }
        if !packet.is_to_many() && self.is_own(zone, packet.src) {
            return dropped(DropReason::InvalidSource);
        }
        let came = Came { unit, zone, of_kernel: false };
        let opened = if packet.is_to_many() { Ok(None) } else { self.opened(came, packet) };
        let tcp = match opened {
            Ok(tcp) => tcp,
            Err(reason) => return dropped(reason),
        };
        let policy = self.policy(zone, HOST, inner);
        if let Err(reason) = self.lets((came, packet), policy, Ok(())) {
            return dropped(reason);
        }
        let is_told = policy.is_some_and(|policy| policy.log_init);
        self.hit(policy);
        if packet.is_to_many() {
            return Expected::Host.into();
        }
        let holds = match self.limited(unit, (zone, false), packet) {
            Ok(holds) => holds,
            Err(judgement) => return judgement,
        };
        // Answers of the firewall itself come in where the packet did.
        let back = Way { from: (unit, zone), to: (unit, zone) };
        if self.collides(&back, &Source::Is((inner.src, inner.sport)), inner) {
            return dropped(DropReason::SessionCollision);
        }
        if is_told {
            self.told.push((tuple(packet), Told::Created));
        }
        let way = Way { from: (unit, zone), to: ("", HOST) };
        let session = Session { holds, ..self.session(&way, (packet, inner), tcp, policy) };
        Judgement { expected: Expected::Host, opens: Some(Box::new(session)) }
    }

    /// The session of a packet and of what it is inside; it is with the firewall until a unit is said.
    pub(super) fn session(
        &self,
        way: &Way<'_>,
        (packet, inner): (&Packet, &Packet),
        tcp: Option<Conversation>,
        policy: Option<&Policy>,
    ) -> Session {
        let application = self.inactivity(policy, inner);
        let rules = &self.config.security.flow.tcp_session;
        Session {
            inside: *packet,
            left: *inner,
            from_zone: way.from.1.to_owned(),
            to_zone: way.to.1.to_owned(),
            policy: policy.map(|policy| policy.name.to_string()),
            counts: self.counts(policy),
            scheduler: policy.and_then(|policy| policy.scheduler.as_deref().map(str::to_owned)),
            came_by: (way.from.1 != HOST).then(|| way.from.0.to_owned()),
            under: self.commits(),
            unit: None,
            timeout: tcp.as_ref().map_or(application, |tcp| tcp.timeout(rules, application)),
            tcp,
            application,
            seen: self.now,
            packets: [1, 0],
            bytes: [packet.size() as u64, 0],
            logs_close: policy.is_some_and(|policy| policy.log_close),
            holds: Vec::new(),
            prefix: None,
            pool: None,
        }
    }

    /// The same; who should have asked for it first may be told (policy-11).
    fn opened(&mut self, came: Came<'_>, packet: &Packet) -> Result<Option<Conversation>, DropReason> {
        let resets = self.config.security.zones.iter().any(|z| z.name == came.zone && z.tcp_rst);
        self.conversation(packet).inspect_err(|reason| {
            if resets && *reason == DropReason::TcpNotSyn {
                self.resets(came, packet);
            }
        })
    }

    /// The conversation that a TCP packet opens, or why it opens none.
    fn conversation(&self, packet: &Packet) -> Result<Option<Conversation>, DropReason> {
        if packet.is_echo_reply() {
            return Err(DropReason::IcmpReplyNoSession);
        }
        let rules = &self.config.security.flow.tcp_session;
        packet.tcp.map(|tcp| Conversation::open(&tcp, rules)).transpose()
    }

    /// By the limits of the zone that a session comes from and of the one that it leaves by; within a zone it counts once.
    fn limited_by_both(
        &mut self,
        unit: &str,
        (from, to): (&str, &str),
        packet: &Packet,
    ) -> Result<Vec<Hold>, Judgement> {
        let is_within = from == to && self.profile(from, false).is_some();
        let mut holds = self.limited(unit, (from, false), packet)?;
        if !is_within {
            holds.extend(self.limited(unit, (to, true), packet)?);
        }
        Ok(holds)
    }

    /// By the limits of the zone that a session comes from, or of the one that it leaves by.
    fn limited(
        &mut self,
        unit: &str,
        (zone, leaves): (&str, bool),
        packet: &Packet,
    ) -> Result<Vec<Hold>, Judgement> {
        let Some(option) = self.profile(zone, leaves) else { return Ok(Vec::new()) };
        let asked = self.asked((unit, zone), packet, Look::First);
        let before = self.screens.hits.clone();
        let found = self.screens.limits(self.config, option, &asked, &self.sessions);
        self.screens.notice(self.config.security.screen.trap_interval, &asked, &before, found.is_err());
        found.map_err(|_| dropped(DropReason::Screen))
    }

    /// Whether answers to a session with this source would be another's packets, or its own.
    pub(super) fn collides(&self, way: &Way<'_>, source: &Source, inner: &Packet) -> bool {
        // What answers in one instance is no answer in another (routing-instance-7).
        let there = self.instance_of(way.to.1);
        let is_there = |zone: &str| self.instance_of(zone) == there;
        let of = |(src, sport): End| {
            let left = Packet { src, sport, proto: carried(inner.proto, inner.src, inner.dst), ..*inner };
            let is_taken = |s: &Session| {
                let beyond = if s.unit.is_some() { &s.to_zone } else { &s.from_zone };
                same(&s.left, &left) && is_there(beyond)
                    || same(&s.inside, &turned(&left)) && is_there(&s.from_zone)
            };
            self.sessions.iter().any(is_taken) || same(&left, &turned(&left))
        };
        match source {
            Source::Is(end) => of(*end),
            // A host's own address: two of its ways to one end.
            Source::OneOf { addresses, ports: Ports::Kept, .. } if addresses.len() == 1 => {
                of((addresses[0], inner.sport))
            }
            Source::OneOf { .. } => false,
        }
    }

    /// Whether a source is one that may be, and nobody else's.
    pub(super) fn may_be(&self, source: &Source, packet: &Packet, left: &Packet) -> bool {
        let (addresses, ports) = match source {
            Source::Is(end) => return *end == (left.src, left.sport),
            Source::OneOf { addresses, ports, .. } => (addresses, ports),
        };
        let ports = match ports {
            Ports::Kept => return addresses.contains(&left.src) && left.sport == packet.sport,
            Ports::Leased(ports) => ports,
        };
        let is_same =
            |s: &Session| (s.left.proto, s.left.src, s.left.sport) == (left.proto, left.src, left.sport);
        ports.holds(left.sport) && addresses.contains(&left.src) && !self.sessions.iter().any(is_same)
    }
}

const fn look(known: bool) -> Look {
    if known { Look::Rest } else { Look::First }
}
