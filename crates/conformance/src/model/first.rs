//! A packet without a session: what stands in its way, and the session it opens.

use ravelin_model::{DefaultPolicy, Policy, PolicyAction};
use ravelin_types::DropReason;

use super::conversation::Conversation;
use super::nat::{self, End, Outward, Ports, Source};
use super::screens::Look;
use super::{Expected, Judgement, Model, Packet, Session, Told, cleared, dropped, same, tuple, turned};

/// What is known of a packet on its way to a session.
struct Way<'w> {
    zone: &'w str,
    to_zone: &'w str,
}

impl Model<'_> {
    /// `beyond`: it had a session, and passed the screens of this zone and of that one.
    pub(super) fn without_session(
        &mut self,
        (unit, zone): (&str, &str),
        packet: &Packet,
        beyond: Option<&str>,
    ) -> Judgement {
        let look = |known: bool| if known { Look::Rest } else { Look::First };
        let is_mended = match self.screened(unit, (zone, false), packet, look(beyond.is_some())) {
            Ok(is_mended) => is_mended,
            Err(judgement) => return judgement,
        };
        let seen = Packet { tcp: packet.tcp.map(|tcp| cleared(tcp, is_mended)), ..*packet };
        let inner = nat::inward(self.config, zone, &seen);
        if self.is_own(zone, inner.dst) {
            return self.host_bound((unit, zone), &seen, &inner);
        }
        let tcp = match self.conversation(&seen) {
            Ok(tcp) => tcp,
            Err(reason) => return dropped(reason),
        };
        let Some(egress) = self.route(zone, inner.dst) else { return dropped(DropReason::NoRoute) };
        let Some(to_zone) = self.zone_of(&egress) else { return dropped(DropReason::EgressNoZone) };
        let policy = self.policy(zone, &to_zone, &inner);
        let way = Way { zone, to_zone: &to_zone };
        let source = match self.permitted(&way, (packet, &inner), policy, &egress) {
            Ok(source) => source,
            Err(reason) => return dropped(reason),
        };
        let mended_out = match self.screened(unit, (&to_zone, true), packet, look(beyond == Some(&to_zone))) {
            Ok(mended) => mended,
            Err(judgement) => return judgement,
        };
        if let Err(judgement) = self.limited(unit, zone, packet) {
            return judgement;
        }
        if self.collides(&way, &source, &inner) {
            return dropped(DropReason::SessionCollision);
        }
        if policy.is_some_and(|policy| policy.log_init) {
            self.told.push((tuple(packet), Told::Created));
        }
        let session = self.session(&way, (packet, &inner), tcp, policy);
        let session = Session { unit: Some(egress.clone()), ..session };
        let tcp = seen.tcp.map(|tcp| cleared(tcp, mended_out));
        let expected = Expected::Forward { unit: egress, source, to: (inner.dst, inner.dport), tcp };
        Judgement { expected, opens: Some(Box::new(session)) }
    }

    /// What its source becomes where policy and NAT let it through.
    fn permitted(
        &mut self,
        way: &Way<'_>,
        (packet, inner): (&Packet, &Packet),
        policy: Option<&Policy>,
        egress: &str,
    ) -> Result<Source, DropReason> {
        let permits = self.config.security.policies.default_policy == DefaultPolicy::PermitAll;
        let denied = match policy.map(|policy| policy.action) {
            Some(PolicyAction::Permit) => None,
            Some(PolicyAction::Deny) => Some(DropReason::PolicyDeny),
            Some(PolicyAction::Reject) => Some(DropReason::PolicyReject),
            None if permits => None,
            None => Some(DropReason::DefaultDeny),
        };
        if let Some(reason) = denied {
            if policy.is_some_and(|policy| policy.log_init) {
                self.told.push((tuple(packet), Told::Denied));
            }
            return Err(reason);
        }
        let is_translated = (packet.dst, packet.dport) != (inner.dst, inner.dport);
        if policy.is_some_and(|p| p.drop_translated && is_translated || p.drop_untranslated && !is_translated)
        {
            return Err(DropReason::PolicyTranslation);
        }
        let own = (self.own_address(egress, inner), &self.sessions[..]);
        match nat::outward(self.config, (way.zone, way.to_zone), inner, own) {
            Outward::To(source) => Ok(source),
            Outward::NoAddress => Err(DropReason::NatNoAddress),
            Outward::PortsExhausted => Err(DropReason::NatPortsExhausted),
            Outward::AddressesExhausted => Err(DropReason::NatAddressesExhausted),
        }
    }

    fn host_bound(&mut self, (unit, zone): (&str, &str), packet: &Packet, inner: &Packet) -> Judgement {
        if !self.host_accepts(unit, inner) {
            return dropped(DropReason::HostInboundDenied);
        }
        let tcp = match self.conversation(packet) {
            Ok(tcp) => tcp,
            Err(reason) => return dropped(reason),
        };
        let policy = self.policy(zone, "junos-host", inner);
        let denied = match policy.map(|policy| policy.action) {
            Some(PolicyAction::Permit) | None => None,
            Some(PolicyAction::Deny) => Some(DropReason::PolicyDeny),
            Some(PolicyAction::Reject) => Some(DropReason::PolicyReject),
        };
        let is_told = policy.is_some_and(|policy| policy.log_init);
        if let Some(reason) = denied {
            if is_told {
                self.told.push((tuple(packet), Told::Denied));
            }
            return dropped(reason);
        }
        if let Err(judgement) = self.limited(unit, zone, packet) {
            return judgement;
        }
        if is_told {
            self.told.push((tuple(packet), Told::Created));
        }
        let way = Way { zone, to_zone: "junos-host" };
        let session = self.session(&way, (packet, inner), tcp, policy);
        Judgement { expected: Expected::Host, opens: Some(Box::new(session)) }
    }

    /// The session of a packet and of what it is inside; it is with the firewall until a unit is said.
    fn session(
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
            from_zone: way.zone.to_owned(),
            to_zone: way.to_zone.to_owned(),
            scheduler: policy.and_then(|policy| policy.scheduler.clone()),
            unit: None,
            timeout: tcp.as_ref().map_or(application, |tcp| tcp.timeout(rules, application)),
            tcp,
            application,
            seen: self.now,
            packets: [1, 0],
            logs_close: policy.is_some_and(|policy| policy.log_close),
        }
    }

    /// The conversation that a TCP packet opens, or why it opens none.
    fn conversation(&self, packet: &Packet) -> Result<Option<Conversation>, DropReason> {
        let rules = &self.config.security.flow.tcp_session;
        packet.tcp.map(|tcp| Conversation::open(&tcp, rules)).transpose()
    }

    fn limited(&mut self, unit: &str, zone: &str, packet: &Packet) -> Result<(), Judgement> {
        let Some(option) = self.profile(zone, false) else { return Ok(()) };
        let asked = self.asked((unit, zone), packet, Look::First);
        let found = self.screens.limits(self.config, option, &asked, &self.sessions);
        found.map_err(|_| dropped(DropReason::Screen))
    }

    /// Whether answers to a session with this source would be another's packets, or its own.
    fn collides(&self, way: &Way<'_>, source: &Source, inner: &Packet) -> bool {
        // What answers in one instance is no answer in another (routing-instance-7).
        let there = self.instance_of(way.to_zone);
        let is_there = |zone: &str| self.instance_of(zone) == there;
        let of = |(src, sport): End| {
            let left = Packet { src, sport, ..*inner };
            let is_taken = |s: &Session| {
                same(&s.left, &left) && s.unit.is_some() && is_there(&s.to_zone)
                    || same(&s.inside, &turned(&left)) && is_there(&s.from_zone)
            };
            self.sessions.iter().any(is_taken) || same(&left, &turned(&left))
        };
        match source {
            Source::Is(end) => of(*end),
            // A host's own address: two of its ways to one end.
            Source::OneOf { addresses, ports: Ports::Kept } if addresses.len() == 1 => {
                of((addresses[0], inner.sport))
            }
            Source::OneOf { .. } => false,
        }
    }

    /// Whether a source is one that may be, and nobody else's.
    pub(super) fn may_be(&self, source: &Source, packet: &Packet, left: &Packet) -> bool {
        let (addresses, ports) = match source {
            Source::Is(end) => return *end == (left.src, left.sport),
            Source::OneOf { addresses, ports } => (addresses, ports),
        };
        let port = match ports {
            Ports::Kept => return addresses.contains(&left.src) && left.sport == packet.sport,
            Ports::Leased(low, high) => (low..=high).contains(&&left.sport),
        };
        let taken = self
            .sessions
            .iter()
            .any(|s| s.inside.proto == packet.proto && (s.left.src, s.left.sport) == (left.src, left.sport));
        port && addresses.contains(&left.src) && !taken
    }
}
