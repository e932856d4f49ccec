//! Sessions from and for another plane: whole, or not at all.
//!
//! Place: between batches, beside the first path, whose install this repeats with what is already decided. What was taken is given
//! back when anything fails. Spec: sync-1..7.

use std::time::Duration;

use ravelin_contract::{
    ContentShift, HandshakeShift, PutRefusal, SessionState, SourceBinding, SyncedSession, SyncedWing,
};
use ravelin_nat::{Action, Inbound, Lease, MappingRecord, PersistentRule, PoolId, Recipe, Request};
use ravelin_screen::cookie::Splice;
use ravelin_tcp::Conversation;
use ravelin_types::{Addr, Instant, InterfaceId, NatRuleId, Proto, SessionId, WorkerId, ZoneId};

use crate::fast_path;
use crate::first_path;
use crate::install;
use crate::key::FlowKey;
use crate::mapped::{self, Entrance};
use crate::nat::{self, Outward, Way};
use crate::rules::Rules;
use crate::session::{
    HOST_UNIT, InsertError, Life, Marks, NO_APPLICATION, NO_POLICY, NO_RULE, Session, Ticks, Wing,
};
use crate::shared::Shared;
use crate::state::State;
use crate::steer::Towards;
use crate::stub::Message;
use crate::{alg, home, tcp};

/// Milliseconds of a tick of the session clock.
const TICK_MS: u64 = 100;
/// The longest timeout of any statement, in seconds.
const TIMEOUT_MAX_S: u32 = 129_600;

/// What became of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Installed,
    Updated,
}

impl State {
    /// Sessions whole among the next `budget` slots from one on, and where to go on.
    pub fn export_sessions(
        &self,
        from: u32,
        budget: u32,
        now: Instant,
        mut visit: impl FnMut(SyncedSession),
    ) -> Option<u32> {
        let ticks = Ticks::at(now);
        let end = self.sessions.walk(from, budget, |slot, session| {
            if !session.is_over(ticks) && self.splices.waiting(slot).is_none() {
                visit(self.synced(slot, session, ticks));
            }
        });
        ((end as usize) < self.sessions.capacity()).then_some(end)
    }

    /// The session of a slot if it is still the one meant.
    pub(crate) fn synced_if(&self, slot: u32, id: SessionId, now: Instant) -> Option<SyncedSession> {
        let session = self.sessions.get(slot);
        let is_it = session.state != Life::Free && session.id == id && self.splices.waiting(slot).is_none();
        is_it.then(|| self.synced(slot, session, Ticks::at(now)))
    }

    fn synced(&self, slot: u32, session: &Session, now: Ticks) -> SyncedSession {
        let marks = session.marks;
        let wing = |i: usize| SyncedWing {
            key: session.wings[i].key.to_session_key(),
            interface: (session.wings[i].ingress != HOST_UNIT).then_some(session.wings[i].ingress),
            zone: session.wings[i].zone,
            packets: session.packets[i],
            bytes: session.bytes[i],
        };
        let rule = |rule: NatRuleId| (rule != NO_RULE).then_some(rule);
        SyncedSession {
            id: session.id,
            state: match session.state {
                Life::Free | Life::Closing => SessionState::Closing,
                Life::Opening => SessionState::Opening,
                Life::Established => SessionState::Established,
            },
            wings: [wing(0), wing(1)],
            policy: (session.policy != NO_POLICY).then_some(session.policy),
            judged_by: session.section_hash,
            source_rule: rule(session.nat_rule),
            destination_rule: rule(session.destination_rule),
            source: match self.leases.binding(slot) {
                None => SourceBinding::None,
                Some(None) => SourceBinding::Interface,
                Some(Some(PoolId(number))) => SourceBinding::Pool(number),
            },
            entered: session.has_entered(),
            expected: marks.has(Marks::CHILD),
            parent: self.gateways.parent(slot),
            log_close: marks.has(Marks::LOG_CLOSE),
            count: marks.has(Marks::COUNT),
            application: (session.application != NO_APPLICATION).then_some(session.application.into()),
            timeout_s: session.timeout_s,
            established_timeout_s: session.established_timeout_s,
            idle_ms: u64::from(now.since(session.last_seen)) * TICK_MS,
            age_ms: u64::from(now.since(session.created)) * TICK_MS,
            tcp: (session.wings[0].key.proto() == Proto::TCP).then(|| session.tcp.to_bytes()),
            handshake: self.splices.opened(slot).map(|splice| {
                let Splice { seq, timestamp, to_client, to_server } = *splice;
                HandshakeShift { seq, timestamp, to_client, to_server }
            }),
            content: self
                .gateways
                .shifts(slot)
                .map(|shifts| shifts.map(|[at, before, after]| ContentShift { at, before, after })),
        }
    }

    /// The worker at which a session is to be installed. Spec: sync-4.
    #[must_use]
    pub fn home_of(&self, synced: &SyncedSession, rules: &Rules) -> Option<WorkerId> {
        let session = read(synced, rules).ok()?;
        let back = &session.wings[1].key;
        match request(&session, synced, rules) {
            Some(request) => Some(self.leases.keeper(&request, leased_port(&request, back))),
            None if synced.entered => self.mapping_at(&session, rules).map(|(_, owner)| owner),
            None => {
                let towards = if session.wings[1].ingress == HOST_UNIT { Towards::Out } else { Towards::In };
                Some(self.steering.of_key(rules, back, towards))
            }
        }
    }

    /// The external end that a session came in by, and the worker of its mapping.
    fn mapping_at(&self, session: &Session, rules: &Rules) -> Option<(Inbound, WorkerId)> {
        let packet = mapped::entrance(rules, session);
        let owner = self.leases.owner((packet.family, packet.external), packet.port)?;
        Some((packet, owner))
    }

    /// Installs a session, or brings the one that is here up to date.
    ///
    /// # Errors
    /// Why not; nothing of it is left.
    pub fn put(
        &mut self,
        synced: &SyncedSession,
        rules: &Rules,
        shared: &Shared,
        now: Instant,
    ) -> Result<Put, PutRefusal> {
        let session = read(synced, rules)?;
        let session = in_time(session, synced, now);
        if let Some(found) = self.sessions.find(&session.wings[0].key) {
            let slot = found.slot();
            let here = self.sessions.get(slot);
            let same = here.id == session.id && here.wings[1].key == session.wings[1].key;
            if !same {
                return Err(PutRefusal::Collision);
            }
            self.update(slot, &session, synced, now);
            return Ok(Put::Updated);
        }
        if !shared.reserve_session() {
            return Err(PutRefusal::Full);
        }
        let result = self.install(&session, synced, rules, now);
        match result {
            Ok(slot) => {
                self.settle(slot, synced, (rules, shared));
                Ok(Put::Installed)
            }
            Err(refusal) => {
                shared.release_session();
                Err(refusal)
            }
        }
    }

    /// Lease, entry and both wings, or none of them.
    fn install(
        &mut self,
        session: &Session,
        synced: &SyncedSession,
        rules: &Rules,
        now: Instant,
    ) -> Result<u32, PutRefusal> {
        let lease = self.restored(session, synced, rules, now)?;
        let entrance = match self.reentered(session, synced, rules, now) {
            Ok(entrance) => entrance,
            Err(refusal) => {
                self.give_back(lease, now);
                return Err(refusal);
            }
        };
        let marks = session
            .marks
            .with(Marks::ENTERED, matches!(entrance, Entrance::Here(_)))
            .with(Marks::GUEST, matches!(entrance, Entrance::Elsewhere(_)));
        let session = &Session { marks, ..*session };
        match self.sessions.insert(session, now) {
            Ok(slot) => {
                let taken = self.sessions.get_mut(slot);
                taken.marks = taken.marks.with(Marks::LEASE, lease.is_some());
                if let Some(lease) = lease {
                    self.leases.keep(slot, lease);
                }
                let moved = synced.entered.then(|| mapped::entrance(rules, session));
                self.keep_entrance(slot, entrance, (session.wings[0].key, moved), now);
                Ok(slot)
            }
            Err(error) => {
                self.give_back(lease, now);
                if let Entrance::Here(entry) = entrance {
                    self.leases.give_back(entry, now);
                }
                Err(match error {
                    InsertError::Full => PutRefusal::Full,
                    InsertError::Collision => PutRefusal::Collision,
                })
            }
        }
    }

    fn give_back(&mut self, lease: Option<Lease>, now: Instant) {
        if let Some(lease) = lease {
            self.leases.give_back(lease, now);
        }
    }

    /// The lease of what the session is translated to. Spec: sync-3.
    fn restored(
        &mut self,
        session: &Session,
        synced: &SyncedSession,
        rules: &Rules,
        now: Instant,
    ) -> Result<Option<Lease>, PutRefusal> {
        if synced.source == SourceBinding::None {
            return Ok(None);
        }
        let request = request(session, synced, rules).ok_or(PutRefusal::Unknown)?;
        let back = &session.wings[1].key;
        let port = back.dport();
        let (_, addr) = asked(session, rules);
        let recipe = if let Some(rule) = request.persistent {
            // Its mapping, if that has not come before it.
            let _ = self.leases.put_mapping(&mapping_of(session, &request, (rule, addr)), now);
            self.leases.lease(&request, now, &mut self.random)
        } else {
            self.leases.restore(&request, addr, leased_port(&request, back), now)
        };
        let Recipe { addr: given, port: given_port, lease, .. } =
            recipe.map_err(|_| PutRefusal::Translation)?;
        if given != addr || given_port.is_some_and(|given| given != port) {
            self.leases.give_back(lease, now);
            return Err(PutRefusal::Translation);
        }
        Ok(Some(lease))
    }

    /// Counts a session that came in by a mapping with that, when it is this worker's.
    fn reentered(
        &mut self,
        session: &Session,
        synced: &SyncedSession,
        rules: &Rules,
        now: Instant,
    ) -> Result<Entrance, PutRefusal> {
        if !synced.entered {
            return Ok(Entrance::Open);
        }
        let (packet, owner) = self.mapping_at(session, rules).ok_or(PutRefusal::Translation)?;
        if owner == self.worker {
            return self.leases.enter(&packet, now).map(Entrance::Here).map_err(|_| PutRefusal::Translation);
        }
        if self.away.is_full() { Err(PutRefusal::Full) } else { Ok(Entrance::Elsewhere(owner)) }
    }

    /// What follows from a session that is installed.
    fn settle(&mut self, slot: u32, synced: &SyncedSession, (rules, shared): (&Rules, &Shared)) {
        let session = *self.sessions.get(slot);
        self.keep_shifts(slot, synced);
        self.holds.carry(slot, &session, rules, shared);
        for rule in [session.nat_rule, session.destination_rule] {
            if let Some(hits) = self.counters.nat_rules.get_mut(rule.index()) {
                hits.sessions += 1;
            }
        }
        if session.policy != NO_POLICY
            && let Some(hits) = self.counters.policies.get_mut(session.policy.index())
        {
            hits.sessions += 1;
        }
        self.counters.sessions_created += 1;
        alg::attach_to(self.sessions.get_mut(slot), rules);
        home::leave_stub(self, rules, slot);
        if session.marks.has(Marks::CHILD) {
            if let Some(parent) = synced.parent {
                self.gateways.has_come(slot, parent);
            }
            for key in session.wings.map(|wing| wing.key) {
                self.tell_others(|owner| Message::Stub { key, owner });
            }
        }
        self.deltas.opened(slot, session.id);
    }

    /// The session that is here becomes as its peer has it. Its lease is as it was.
    fn update(&mut self, slot: u32, with: &Session, synced: &SyncedSession, now: Instant) {
        let session = self.sessions.get_mut(slot);
        let (before, kept) = (session.policy, session.marks);
        let told = |marks: Marks, mark: Marks| marks.with(mark, with.marks.has(mark));
        session.marks = Marks::TOLD.into_iter().fold(kept, told);
        session.packets = with.packets;
        session.bytes = with.bytes;
        session.last_seen = with.last_seen;
        session.timeout_s = with.timeout_s;
        session.established_timeout_s = with.established_timeout_s;
        session.tcp = with.tcp;
        session.state = with.state;
        session.policy = with.policy;
        session.section_hash = with.section_hash;
        session.generation = with.generation;
        let after = session.policy;
        for (policy, by) in [(before, -1), (after, 1)] {
            if policy != NO_POLICY
                && let Some(hits) = self.counters.policies.get_mut(policy.index())
            {
                hits.sessions = hits.sessions.wrapping_add_signed(by);
            }
        }
        self.keep_shifts(slot, synced);
        self.sessions.reschedule(slot, now);
    }

    fn keep_shifts(&mut self, slot: u32, synced: &SyncedSession) {
        if let Some(HandshakeShift { seq, timestamp, to_client, to_server }) = synced.handshake {
            self.splices.make_room(self.sessions.capacity());
            self.splices.open(slot, Splice { seq, timestamp, to_client, to_server });
        }
        if let Some(shifts) = synced.content {
            self.gateways.set_shifts(slot, shifts.map(|shift| [shift.at, shift.before, shift.after]));
        }
    }
}

/// The unit of a wing. One that is in another zone or instance is as good as none.
fn place(wing: &SyncedWing, rules: &Rules) -> Result<InterfaceId, PutRefusal> {
    let Some(id) = wing.interface else {
        return if wing.zone == ZoneId::HOST { Ok(HOST_UNIT) } else { Err(PutRefusal::Unknown) };
    };
    let unit = rules.unit(id).filter(|unit| unit.zone == Some(wing.zone));
    let is_there = unit.is_some_and(|unit| unit.instance == wing.key.instance);
    if is_there { Ok(id) } else { Err(PutRefusal::Unknown) }
}

/// The record of a session as told, without times and leases. Everything it names must be there. Spec: sync-1.
fn read(synced: &SyncedSession, rules: &Rules) -> Result<Session, PutRefusal> {
    let [first, second] = &synced.wings;
    let key = |wing: &SyncedWing| FlowKey::from_session_key(&wing.key).ok_or(PutRefusal::Malformed);
    let (there, back) = (key(first)?, key(second)?);
    let is_tcp = there.proto() == Proto::TCP;
    let shifts = synced.handshake.is_some() || synced.content.is_some();
    if is_tcp != synced.tcp.is_some() || (shifts && !is_tcp) || there == back {
        return Err(PutRefusal::Malformed);
    }
    let (from, to): (InterfaceId, InterfaceId) = (place(first, rules)?, place(second, rules)?);
    let policy = match synced.policy {
        None => NO_POLICY,
        Some(id) if id.index() < rules.limits.policies => id,
        Some(_) => return Err(PutRefusal::Unknown),
    };
    let rule = |rule: Option<NatRuleId>| match rule {
        None => Ok(NO_RULE),
        Some(id) if id.index() < rules.limits.nat_rules => Ok(id),
        Some(_) => Err(PutRefusal::Unknown),
    };
    let tcp = synced.tcp.as_ref().map_or(Conversation::NONE, Conversation::from_bytes);
    let mut session = Session {
        id: synced.id,
        policy,
        nat_rule: rule(synced.source_rule)?,
        destination_rule: rule(synced.destination_rule)?,
        section_hash: synced.judged_by,
        // Another than the program's: its first packet is judged again.
        generation: !(rules.generation.0 as u32),
        application: synced.application.and_then(|a| u16::try_from(a).ok()).unwrap_or(NO_APPLICATION),
        timeout_s: synced.timeout_s.min(TIMEOUT_MAX_S),
        established_timeout_s: synced.established_timeout_s.min(TIMEOUT_MAX_S),
        tcp,
        state: match synced.state {
            _ if is_tcp => tcp::life(tcp.state()),
            SessionState::Opening => Life::Opening,
            SessionState::Established => Life::Established,
            SessionState::Closing => Life::Closing,
        },
        packets: [first.packets, second.packets],
        bytes: [first.bytes, second.bytes],
        marks: marks(synced, rules, there.family() != back.family()).tracked(rules.tracking(first.zone)),
        ..Session::EMPTY
    };
    let wing = |key, (ingress, egress): (InterfaceId, InterfaceId), zone| Wing {
        key,
        ingress,
        egress,
        zone,
        ..Wing::EMPTY
    };
    let forward = wing(there, (from, to), first.zone);
    let backward = wing(back, (to, from), second.zone);
    session.wings = [install::with_deltas(forward, &back), install::with_deltas(backward, &there)];
    Ok(session)
}

/// What is to be done for a session beside its translation.
fn marks(synced: &SyncedSession, rules: &Rules, is_across: bool) -> Marks {
    let policy = synced.policy.and_then(|id| rules.policy(id));
    Marks::default()
        .with(Marks::LOG_CLOSE, synced.log_close)
        .with(Marks::LOG_UPDATE, policy.is_some_and(|policy| policy.log.update != 0))
        .with(Marks::COUNT, synced.count)
        .with(Marks::ACROSS, is_across)
        .with(Marks::ENTERED, synced.entered)
        .with(Marks::CHILD, synced.expected)
        .with(Marks::SPLICED, synced.handshake.is_some())
}

fn in_time(session: Session, synced: &SyncedSession, now: Instant) -> Session {
    let ago =
        |ms: u64| Ticks(Ticks::at(now).0.wrapping_sub(u32::try_from(ms / TICK_MS).unwrap_or(u32::MAX / 2)));
    Session { last_seen: ago(synced.idle_ms), created: ago(synced.age_ms), ..session }
}

/// What the session asked of NAT when it was made; `None`: nothing is leased for it, or its rule is gone.
fn request(session: &Session, synced: &SyncedSession, rules: &Rules) -> Option<Request> {
    let [first, second] = &session.wings;
    let inner = fast_path::inner_key(session);
    let (asked, addr) = asked(session, rules);
    let icmp = first_path::icmp_of(&first.key);
    let egress = rules.unit(second.ingress)?;
    let action = match synced.source {
        SourceBinding::None => return None,
        SourceBinding::Interface => Action::Interface(addr),
        SourceBinding::Pool(number) => Action::Pool(PoolId(number)),
    };
    let plain = nat::request(action, &asked, icmp, egress);
    let plain = Request { remote: (inner.dst(), inner.dport()), ..plain };
    if synced.expected {
        return Some(plain);
    }
    let way = Way { from: (first.ingress, first.zone), to: (second.ingress, second.zone) };
    match rules.nat.outward(way, &asked, icmp, egress) {
        // The mapping's lease is the rule's.
        Outward::Leased(action, _, persistent @ Some(_)) => Some(Request { action, persistent, ..plain }),
        Outward::Leased(_, _, None) => Some(plain),
        Outward::Keep
        | Outward::Off(_)
        | Outward::Fixed(..)
        | Outward::NoAddress(_)
        | Outward::Refused(..) => None,
    }
}

/// As source rules see it. What the rules send elsewhere by now ends with its next packet, not here.
fn asked(session: &Session, rules: &Rules) -> (FlowKey, Addr) {
    let given = || (fast_path::inner_key(session), session.wings[1].key.dst());
    mapped::asked(rules, session).unwrap_or_else(given)
}

/// The mapping that a session shows.
fn mapping_of(
    session: &Session,
    request: &Request,
    (rule, external): (PersistentRule, Addr),
) -> MappingRecord {
    let [first, second] = &session.wings;
    let kept = !rule.address_mapping;
    let port = |port: u16| if kept { port } else { 0 };
    MappingRecord {
        action: request.action,
        rule,
        proto: if kept { request.proto } else { Proto::default() },
        token: request.token,
        family: request.source_family,
        addr: request.source,
        port: port(first.key.sport()),
        external_family: request.family,
        external,
        external_port: port(second.key.dport()),
        sessions: 0,
        idle: Duration::ZERO,
        remotes: Vec::new(),
    }
}

/// The external port or identifier of a session that has one to change.
fn leased_port(request: &Request, back: &FlowKey) -> Option<u16> {
    request.sport.map(|_| back.dport())
}
