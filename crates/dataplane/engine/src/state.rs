//! Everything a worker owns: sessions, leases, fragments, held packets, counters, randomness.
//!
//! Built from a secret seed. `end` is the one way a session dies: whatever belongs to it (port
//! lease, limits, counts, close event) follows from it here and nowhere else.

use std::ops::ControlFlow;

use ravelin_contract::{
    CloseReason, Event, FilterHit, FirewallClear, Resource, ResourceRole, SessionEvent, SessionView,
    TrackedMoment, TrackedSession,
};
use ravelin_nat::{BlockRecord, InterfaceUse, MappingRecord, PairRecord, PoolId, Usage};
use ravelin_program::Screen;
use ravelin_types::{Generation, Instant, SessionId, WorkerId};

use crate::alg::Gateways;
use crate::counters::{Counters, FilterHits, Hits};
use crate::deltas::Deltas;
use crate::express::Express;
use crate::filters::LogRing;
use crate::fragment::Fragments;
use crate::guest::{Away, GUESTS_MAX, Guests};
use crate::hold::Hold;
use crate::holds::Holds;
use crate::key::FlowKey;
use crate::mirror::Sampler;
use crate::nat::Leases;
use crate::output::Events;
use crate::overload::Overload;
use crate::proxy_syn::Cookies;
use crate::random::{Random, Seed};
use crate::refresh::Refresh;
use crate::rules::Rules;
use crate::session::{Marks, NO_POLICY, NO_WORKER, Session, Sessions, Ticks};
use crate::shared::Shared;
use crate::spell::Spell;
use crate::splice::Splices;
use crate::steer::Steering;
use crate::stub::{Message, Outbox, Stubs};
use crate::tcp;
use crate::traffic::{Counted, Rates};
use crate::watch::Watch;

/// Sizes of a worker's tables, fixed for its life.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the whole device when a plane is made, of one worker when a state is.
    pub sessions: usize,
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: 262_144, events: 4096 }
    }
}

impl Limits {
    /// The share of one of several workers: flows are spread by hash, never evenly, so a quarter more than
    /// its part, and eight standard deviations for small tables.
    #[must_use]
    pub fn of_one(self, workers: u8) -> Self {
        if workers <= 1 {
            return self;
        }
        let part = self.sessions / usize::from(workers);
        let sessions = (part + part / 4 + 8 * part.isqrt() + 1).min(self.sessions);
        Self { sessions, ..self }
    }
}

/// Changes of blocks told in one step.
pub(crate) const BLOCKS_TOLD: usize = 64;

/// ICMP errors a second that a worker may send, and the burst it may save up (RFC 1812 4.3.2.8).
const ANSWERS_PER_S: u64 = 500;
const ANSWERS_BURST: u64 = 50;

/// A worker's state.
#[derive(Debug)]
pub struct State {
    pub worker: WorkerId,
    pub sessions: Sessions,
    pub counters: Counters,
    pub events: Events,
    pub(crate) steering: Steering,
    pub(crate) stubs: Stubs,
    pub(crate) outbox: Outbox,
    pub(crate) holds: Holds,
    pub(crate) leases: Leases,
    pub(crate) guests: Guests,
    pub(crate) away: Away,
    pub(crate) fragments: Fragments,
    pub(crate) hold: Hold,
    pub(crate) refresh: Refresh,
    pub(crate) filter_log: LogRing,
    pub(crate) watch: Watch,
    pub(crate) overload: Overload,
    pub(crate) spell: Option<Spell>,
    /// Its packets are only tried: they take no tokens of policers.
    pub(crate) is_trial: bool,
    pub(crate) splices: Splices,
    pub(crate) cookies: Cookies,
    pub(crate) gateways: Gateways,
    pub(crate) deltas: Deltas,
    pub(crate) random: Random,
    /// The packet under way, when its policy has counted it.
    pub(crate) counted: Option<Counted>,
    /// Whether the filter of the firewall itself has judged that packet.
    pub(crate) host_filtered: bool,
    pub(crate) rates: Rates,
    pub(crate) flows: Vec<crate::step::Slot>,
    pub(crate) express: Vec<Express>,
    /// By number of the mirror.
    pub(crate) mirrors: Vec<Sampler>,
    /// Where the next look for sessions to age early goes on.
    pub(crate) early_from: u32,
    answer_tokens_ns: u64,
    answer_refilled: Instant,
    next_session: u64,
    adopted: Option<Generation>,
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl State {
    /// A worker's empty state. `epoch` makes session ids unique over restarts.
    #[must_use]
    pub fn new(steering: Steering, seed: &Seed, epoch: u32, limits: Limits) -> Self {
        let worker = steering.worker();
        let lane = u64::from(worker.0) << 8;
        let sessions = Sessions::new(limits.sessions, seed.key(lane | 1));
        let leases = Leases::new(*steering.affinity(), seed.key(lane | 5), sessions.capacity());
        let stubs_max = if steering.is_alone() { 0 } else { limits.sessions / 4 };
        Self {
            worker,
            sessions,
            counters: Counters::new(),
            events: Events::new(limits.events),
            steering,
            stubs: Stubs::new(stubs_max, seed.key(lane | 4)),
            holds: Holds::default(),
            outbox: Outbox::new(steering.is_alone()),
            leases,
            guests: Guests::new(seed.key(lane | 8)),
            away: Away::new(seed.key(lane | 9)),
            fragments: Fragments::new(seed.key(lane | 2)),
            hold: Hold::new(),
            refresh: Refresh::new(seed.key(lane | 10)),
            filter_log: LogRing::new(),
            watch: Watch::new(),
            overload: Overload::default(),
            spell: None,
            is_trial: false,
            splices: Splices::default(),
            cookies: Cookies::new(seed, lane),
            gateways: Gateways::new(seed.key(lane | 7)),
            deltas: Deltas::new(epoch),
            random: Random::new(seed.key(lane | 3)),
            counted: None,
            host_filtered: false,
            rates: Rates::default(),
            flows: Vec::with_capacity(crate::BATCH_MAX),
            express: vec![Express::NONE; crate::BATCH_MAX],
            mirrors: Vec::new(),
            early_from: 0,
            answer_tokens_ns: 1_000_000_000 / ANSWERS_PER_S * ANSWERS_BURST,
            answer_refilled: Instant::ZERO,
            next_session: u64::from(epoch & 0xffff) << 48 | u64::from(worker.0) << 40,
            adopted: None,
        }
    }

    /// A state that packets are tried on: nothing that workers share changes by them.
    #[must_use]
    pub fn for_trial(self) -> Self {
        Self { is_trial: true, ..self }
    }

    /// Whether the batches to come are from a ring that fills faster than it is emptied: packets without a session then
    /// take the long way only as far as they don't keep it from those that have one. Spec: overload-1.
    pub fn press(&mut self, pressed: bool) {
        self.overload.press(pressed);
    }

    /// Sessions opened since the worker started: a number that tells whether it was one more.
    pub(crate) const fn sessions_opened(&self) -> u64 {
        self.next_session
    }

    /// The last packets that filters logged, the oldest first.
    #[must_use]
    pub fn filter_log(&self) -> Vec<(u64, FilterHit)> {
        self.filter_log.iter().map(|(at, hit)| (at.0, hit)).collect()
    }

    /// Sets counters of filters back to zero, and this worker's part of what policers have counted.
    pub fn clear_firewall(&mut self, what: &FirewallClear, rules: &Rules) {
        let FirewallClear { counters, policers, log } = what;
        for id in counters {
            if let Some(hits) = self.counters.filters.get_mut(*id as usize) {
                *hits = FilterHits::default();
            }
        }
        for (policer, meter) in rules.meters() {
            if policers.contains(&(policer.key.policer, policer.key.place)) {
                meter.clear(self.worker);
            }
        }
        if *log {
            self.filter_log.clear();
        }
    }

    /// Makes room for a new program's ids and leases from its pools. Called between batches, before its first
    /// packet; may allocate. Sessions end whose ports or addresses are given out in another way now.
    pub fn adopt(&mut self, rules: &Rules, shared: &Shared, now: Instant) {
        if self.adopted == Some(rules.generation) {
            return;
        }
        self.adopted = Some(rules.generation);
        let grow = |len: usize, want: usize| want.max(len);
        let counters = &mut self.counters;
        counters.units.resize(grow(counters.units.len(), rules.limits.units), Default::default());
        let policies = grow(counters.policies.len(), rules.limits.policies);
        counters.policies.resize(policies, Hits::default());
        self.rates.adopt(&rules.counting, policies);
        let nat_rules = grow(counters.nat_rules.len(), rules.limits.nat_rules);
        counters.nat_rules.resize(nat_rules, Hits::default());
        let mirrors = grow(self.mirrors.len(), rules.mirrors.ids());
        counters.mirrors.resize(mirrors, Default::default());
        self.mirrors.resize(mirrors, Sampler::default());
        counters.filters.resize(grow(counters.filters.len(), rules.filters.counters), FilterHits::default());
        if !rules.screens_are_off {
            let zones = grow(counters.screens.len(), rules.limits.zones);
            counters.screens.resize(zones, [0; Screen::COUNT]);
            let units = grow(counters.unit_screens.len(), rules.limits.units);
            counters.unit_screens.resize(units, [0; Screen::COUNT]);
            self.holds.adopt(self.sessions.capacity(), rules.screens.judges_output());
        }
        if let Some(proxied) = rules.screens.proxied_max() {
            self.cookies.adopt(proxied as usize, shared);
            self.splices.adopt(self.sessions.capacity());
        }
        self.gateways.adopt(&rules.algs);
        self.hold.adopt(rules.flow.next_hop_timeout);
        self.fragments.adopt(rules.flow.fragments);
        self.unexpect_all(now);
        if rules.nat.is_persistent {
            self.leases.admit_entries();
            if !self.steering.is_alone() {
                let max = self.sessions.capacity().min(GUESTS_MAX);
                self.guests.admit(max);
                self.away.admit(max);
            }
        }
        let must_end = self.leases.adopt(&rules.nat.pools.config, now);
        if !must_end.is_empty() {
            for slot in self.leases.slots_of(&must_end) {
                self.end(slot, CloseReason::NatChanged, shared, now);
            }
        }
        // At once: another process may go on before the next batch, and is told what is known by then.
        self.tell_leases(usize::MAX);
    }

    pub(crate) fn new_session_id(&mut self) -> SessionId {
        self.next_session += 1;
        SessionId(self.next_session)
    }

    /// Gives back what the sessions of a worker that died counted under; the state is not used again.
    pub fn abandon(&mut self, shared: &Shared) {
        shared.forget_sessions(self.sessions.len() as u64);
        self.holds.release_all(shared);
        self.cookies.abandon(shared);
    }

    /// Ends a session: the only way one dies.
    pub(crate) fn end(&mut self, slot: u32, reason: CloseReason, shared: &Shared, now: Instant) -> Session {
        self.holds.release(slot, shared);
        let session = self.sessions.remove(slot);
        self.ended(slot, &session, reason, (shared, now));
        session
    }

    /// What follows from the end of a session already taken out of the table.
    fn ended(
        &mut self,
        slot: u32,
        session: &Session,
        reason: CloseReason,
        (shared, now): (&Shared, Instant),
    ) {
        shared.release_session();
        self.counters.sessions_closed += 1;
        if session.marks.has(Marks::ALG) {
            self.end_gateway(slot, now);
        }
        if session.marks.has(Marks::CHILD) {
            self.gateways.child_ended(slot);
            for key in session.wings.map(|wing| wing.key) {
                self.tell_others(|owner| Message::Unstub { key, owner });
            }
        }
        if session.marks.has(Marks::SPLICED) {
            self.splices.release(slot);
        }
        if session.marks.has(Marks::LEASE) || session.marks.has(Marks::ENTERED) {
            self.leases.session_ended(slot, now);
        }
        if session.marks.has(Marks::GUEST)
            && let Some((key, home)) = self.away.session_ended(slot)
        {
            self.outbox.push(home, Message::Left { key, owner: self.worker });
        }
        if session.stub_at != NO_WORKER {
            let key = *session.stubbed_key();
            self.outbox.push(session.stub_at, Message::Unstub { key, owner: self.worker });
        }
        for rule in [session.nat_rule, session.destination_rule] {
            if let Some(hits) = self.counters.nat_rules.get_mut(rule.index()) {
                hits.sessions -= 1;
            }
        }
        if session.policy != NO_POLICY
            && let Some(hits) = self.counters.policies.get_mut(session.policy.index())
        {
            hits.lose();
        }
        self.deltas.closed(|| session.view(self.worker, Ticks::at(now)), reason);
        if session.marks.has(Marks::TRACK_CLOSE) {
            let view = session.view(self.worker, Ticks::at(now));
            let moment = TrackedMoment::Closed(tcp::told(reason, session));
            self.events.push(Event::Tracked(TrackedSession { view, moment }));
        }
        if session.marks.has(Marks::LOG_CLOSE) {
            let view = session.view(self.worker, Ticks::at(now));
            let close = Some(tcp::told(reason, session));
            self.events.push(Event::Session(SessionEvent { view, close }));
        }
    }

    /// What is in use of each source pool at this worker.
    #[must_use]
    pub fn pools(&self) -> Vec<(PoolId, Usage)> {
        self.leases.pools()
    }

    /// Persistent mappings that this worker can have.
    #[must_use]
    pub fn mappings_max(&self) -> usize {
        self.leases.mappings_max()
    }

    /// Persistent mappings among the next `budget` places from one on, and where to go on.
    #[must_use]
    pub fn walk_mappings(&self, from: u32, budget: u32, now: Instant) -> (Vec<MappingRecord>, Option<u32>) {
        self.leases.walk_mappings(from, budget, now)
    }

    /// Blocks of ports among the next `budget` places from one on, and where to go on.
    #[must_use]
    pub fn walk_blocks(&self, from: u32, budget: u32, now: Instant) -> (Vec<BlockRecord>, Option<u32>) {
        self.leases.allocator().walk_blocks(from, budget, now)
    }

    /// Likewise hosts with an address of their own.
    #[must_use]
    pub fn walk_pairs(&self, from: u32, budget: u32) -> (Vec<PairRecord>, Option<u32>) {
        self.leases.allocator().walk_pairs(from, budget)
    }

    /// Likewise addresses of interface NAT.
    #[must_use]
    pub fn walk_interfaces(&self, from: u32, budget: u32) -> (Vec<InterfaceUse>, Option<u32>) {
        self.leases.allocator().walk_interfaces(from, budget)
    }

    /// Every persistent mapping of this worker.
    #[must_use]
    pub fn mappings(&self, now: Instant) -> Vec<MappingRecord> {
        self.leases.mappings(now)
    }

    /// The worker whose a mapping is.
    #[must_use]
    pub fn home_of_mapping(&self, record: &MappingRecord) -> WorkerId {
        let external = (record.external_family, record.external);
        self.leases.owner(external, record.external_port).unwrap_or(self.worker)
    }

    /// Makes a mapping of another plane, without its sessions; whether it is there now.
    pub fn put_mapping(&mut self, record: &MappingRecord, now: Instant) -> bool {
        self.leases.put_mapping(record, now)
    }

    /// Ends those of the mappings without sessions that `matches` names; how many.
    pub fn clear_mappings(&mut self, now: Instant, matches: impl Fn(&MappingRecord) -> bool) -> usize {
        self.leases.clear(now, matches)
    }

    /// Passes waiting messages on to other workers; those that `send` does not take are offered again.
    pub fn deliver(&mut self, send: impl FnMut(WorkerId, Message) -> bool) {
        self.outbox.deliver(send);
    }

    /// Takes in what another worker says.
    pub fn receive(&mut self, message: Message) {
        match message {
            Message::Stub { .. } | Message::Unstub { .. } => self.stubs.receive(message),
            Message::Made { .. } | Message::Left { .. } => self.guests.receive(message),
            Message::Moved { key, owner, packet } => self.count_moved(key, owner, &packet),
        }
    }

    /// Tells what became of blocks of ports and of bindings, at most so many, as far as there is room to tell it.
    pub(crate) fn tell_leases(&mut self, most: usize) {
        let Self { events, leases, .. } = self;
        for _ in 0..most {
            let room = events.has_room().then(|| leases.next_event());
            let Some(event) = room.flatten() else { break };
            events.push(Event::Nat(event));
        }
        events.lost += leases.newly_lost();
    }

    /// A token for an ICMP error or RST of our own; `false`: too many lately.
    pub(crate) fn may_answer(&mut self, now: Instant) -> bool {
        const COST_NS: u64 = 1_000_000_000 / ANSWERS_PER_S;
        let passed = now.0.saturating_sub(self.answer_refilled.0);
        self.answer_refilled = now;
        let full = COST_NS * ANSWERS_BURST;
        self.answer_tokens_ns = self.answer_tokens_ns.saturating_add(passed).min(full);
        let may = self.answer_tokens_ns >= COST_NS;
        if may {
            self.answer_tokens_ns -= COST_NS;
        }
        may
    }

    /// Visits up to `max` slots from `from` on; where to go on, or `None` at the end.
    pub fn walk_sessions(
        &self,
        from: u32,
        max: u32,
        now: Instant,
        mut visit: impl FnMut(SessionView) -> ControlFlow<()>,
    ) -> Option<u32> {
        let (ticks, mut stop) = (Ticks::at(now), false);
        let end = self.sessions.walk(from, max, |slot, session| {
            if !stop && !session.is_over(ticks) {
                stop = visit(self.view(slot, session, ticks)).is_break();
            }
        });
        (!stop && (end as usize) < self.sessions.capacity()).then_some(end)
    }

    /// The session under a key, of either wing.
    #[must_use]
    pub fn session(&self, key: &FlowKey, now: Instant) -> Option<SessionView> {
        let slot = self.sessions.find(key)?.slot();
        let (session, ticks) = (self.sessions.get(slot), Ticks::at(now));
        (!session.is_over(ticks)).then(|| self.view(slot, session, ticks))
    }

    /// A session for an operator, who is told who expected it, too.
    fn view(&self, slot: u32, session: &Session, now: Ticks) -> SessionView {
        let mut view = session.view(self.worker, now);
        if let Some(Resource { role: ResourceRole::Expected(parent), .. }) = &mut view.resource {
            *parent = self.gateways.parent(slot);
        }
        view
    }

    /// Ends the session under a key if it is still the one meant.
    pub fn delete_session(
        &mut self,
        key: &FlowKey,
        id: SessionId,
        reason: CloseReason,
        shared: &Shared,
        now: Instant,
    ) -> bool {
        let Some(at) = self.sessions.find(key) else { return false };
        let known = self.sessions.get(at.slot()).id == id;
        if known {
            self.end(at.slot(), reason, shared, now);
        }
        known
    }
}
