//! What a commit makes of live sessions, each with its next packet: by the interfaces, the NAT rules, the services and the policies that let
//! it through (policy-12, policy-13, policy-20, nat-source-17, nat-destination-8, nat-pool-42).

use ravelin_contract::CloseReason;
use ravelin_model::{Config, DefaultPolicy, Policy, PolicyAction, PolicyRematch};

use super::nat::Source;
use super::packet::{same, turned};
use super::rules::between;
use super::{HOST, Model, Packet, Session};

/// What a session comes to.
pub(super) enum Rejudged<'a> {
    Kept,
    /// It is this policy's from now on, or that of none.
    Of(Option<&'a Policy>),
    Ended(CloseReason),
}

impl<'a> Model<'a> {
    /// Another configuration is in force.
    pub fn commit(&mut self, config: &'a Config) {
        self.config = config;
        self.configs.push(config);
        self.keep_policers();
    }

    /// The number of the configuration in force.
    pub(super) fn commits(&self) -> usize {
        self.configs.len()
    }

    /// What the configuration in force makes of a session that was judged by another.
    pub(super) fn rejudged(&self, at: usize) -> Rejudged<'a> {
        let session = &self.sessions[at];
        if session.under == self.commits() {
            return Rejudged::Kept;
        }
        let is_there = |unit: &Option<String>, zone: &str| {
            unit.as_ref().is_none_or(|unit| self.zone_of(unit).as_deref() == Some(zone))
        };
        if !is_there(&session.came_by, &session.from_zone) || !is_there(&session.unit, &session.to_zone) {
            return Rejudged::Ended(CloseReason::InterfaceGone);
        }
        if !self.is_translated_as_ever(session) {
            return Rejudged::Ended(CloseReason::NatChanged);
        }
        let inner = inner(session);
        let to_host = session.to_zone == HOST;
        if to_host && !session.came_by.as_ref().is_some_and(|unit| self.host_accepts(unit, &inner)) {
            return Rejudged::Ended(CloseReason::PolicyChanged);
        }
        let (from, to) = (&*session.from_zone, &*session.to_zone);
        let is_own = to_host || from == HOST;
        let before = self.configs[session.under - 1];
        let is_same = section(before, from, to) == section(self.config, from, to);
        if is_same && (session.policy.is_some() || is_own) {
            return Rejudged::Of(self.named_policy(session));
        }
        self.by_policies(session, &inner)
    }

    /// The session that a packet would be of if it came from its zone, and by which way.
    pub(super) fn look_alike(&self, zone: &str, packet: &Packet) -> Option<(usize, usize)> {
        let instance = self.instance_of(zone);
        let is_there = |s: &Session| {
            let zones = [&s.from_zone, &s.to_zone].into_iter().filter(|zone| *zone != HOST);
            zones.into_iter().all(|zone| self.instance_of(zone) == instance)
        };
        let at =
            |looks: &dyn Fn(&Session) -> bool| self.sessions.iter().position(|s| looks(s) && is_there(s));
        let opens = at(&|s| same(&s.inside, packet)).map(|at| (at, 0));
        opens.or_else(|| at(&|s| same(&turned(&s.left), packet)).map(|at| (at, 1)))
    }

    /// It is found, and over if the commit ends it.
    pub(super) fn meets(&mut self, at: usize) {
        if let Rejudged::Ended(reason) = self.rejudged(at) {
            self.end(at, reason);
        }
    }

    fn by_policies(&self, session: &Session, inner: &Packet) -> Rejudged<'a> {
        let zones = (&*session.from_zone, &*session.to_zone);
        let policies = &self.config.security.policies;
        if session.policy.is_some() && policies.rematch != PolicyRematch::Extensive {
            let own = self.named_policy(session).filter(|own| own.action == PolicyAction::Permit);
            let matches =
                |own: &Policy| policies.rematch == PolicyRematch::Off || self.means(own, zones, inner);
            return match own.filter(|own| matches(own)) {
                Some(own) => Rejudged::Of(Some(own)),
                None => Rejudged::Ended(CloseReason::PolicyChanged),
            };
        }
        let is_own = zones.0 == HOST || zones.1 == HOST;
        let permits = is_own || policies.default_policy == DefaultPolicy::PermitAll;
        match self.policy(zones.0, zones.1, inner) {
            Some(policy) if policy.action == PolicyAction::Permit => Rejudged::Of(Some(policy)),
            None if permits => Rejudged::Of(None),
            Some(_) | None => Rejudged::Ended(CloseReason::PolicyChanged),
        }
    }

    /// The policy of a session, as it is now.
    pub(super) fn named_policy(&self, session: &Session) -> Option<&'a Policy> {
        let name = session.policy.as_ref()?;
        let policies = &self.config.security.policies;
        let pairs = policies.pairs.iter().filter(|p| p.from == session.from_zone && p.to == session.to_zone);
        let all = pairs.flat_map(|pair| &pair.policies).chain(policies.global.iter().map(|g| &g.policy));
        all.into_iter().find(|policy| *policy.name == **name)
    }

    /// Whether a policy means a packet, whatever stands before it.
    fn means(&self, policy: &Policy, (from, to): (&str, &str), inner: &Packet) -> bool {
        let mut all = between(self.config, from, to).into_iter();
        let place = all.find(|(of, _)| of.name == policy.name);
        place.is_some_and(|(of, of_pair)| self.matches(of, inner, of_pair.then_some((from, to))))
    }

    /// Whether the rules still say what a session's packets become.
    fn is_translated_as_ever(&self, session: &Session) -> bool {
        let Session { inside, left, .. } = session;
        let from = (session.came_by.as_deref().unwrap_or_default(), &*session.from_zone);
        let to = (left.dst, left.dport);
        if to != (inside.dst, inside.dport) {
            let inward = self.inward(from, inside).map(|inward| (inward.packet.dst, inward.packet.dport));
            if inward != Ok(to) {
                return false;
            }
        }
        if (left.src, left.sport) == (inside.src, inside.sport) {
            return true;
        }
        let egress = (session.unit.as_deref().unwrap_or_default(), &*session.to_zone);
        match self.outward((from, egress), &inner(session)).source {
            Ok(Source::Is(end)) => end == (left.src, left.sport),
            Ok(Source::OneOf { addresses, ports, .. }) => {
                addresses.contains(&left.src) && ports.may_give(inside.sport, left.sport)
            }
            Err(_) => false,
        }
    }
}

/// As policies see it: the destination as translated, the source as it came.
fn inner(session: &Session) -> Packet {
    let inside = &session.inside;
    Packet { src: inside.src, sport: inside.sport, ..session.left }
}

/// The policies that sessions between two zones are judged by, in order.
fn section(config: &Config, from: &str, to: &str) -> Vec<Policy> {
    let all = between(config, from, to).into_iter();
    all.map(|(policy, _)| Policy { at: Default::default(), ..policy.clone() }).collect()
}
