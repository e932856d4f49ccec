//! The reference model: a naive evaluator of the typed configuration.
//!
//! One rule after another, by name, no compile step, no index, no batch. Slow and plain on purpose:
//! where it and the engine differ, one of them is wrong.

use std::collections::BTreeMap;
use std::net::IpAddr;

mod commit;
mod conversation;
mod entrance;
mod error;
mod filters;
mod first;
mod headers;
mod nat;
mod own;
mod packet;
mod reply;
mod routes;
mod rules;
mod schedule;
mod screened;
mod screens;
mod segment;
mod session;
mod tally;

use commit::Rejudged;
use conversation::{Conversation, State};
pub use error::{ErrorOutcome, IcmpError};
use filters::{Books, Marks};
pub use filters::{Colours, Copied, CounterName, Logged, PolicerName};
pub use headers::{Carried, Datagram, Header, Inner, Message, Options};
use ipnet::IpNet;
use nat::carried;
pub use nat::{End, Ports, RuleName, Source, Span};
pub use packet::{Packet, Station, Tuple, tuple};
use packet::{same, turned};
use ravelin_contract::CloseReason;
use ravelin_model::{Config, Policy};
use ravelin_program::Screen;
use ravelin_types::DropReason;
use reply::{Came, TIME_EXCEEDED};
pub use reply::{Reply, Says};
use schedule::Held;
pub use screens::Notice;
use screens::Screens;
use segment::Judged;
pub use segment::{ACK, FIN, PSH, RST, SYN, Segment, URG};
pub use session::Session;
pub use tally::Tally;

/// The zone of the firewall itself.
const HOST: &str = "junos-host";

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It left by this unit, looking so.
    Left {
        unit: String,
        packet: Packet,
    },
    Host,
    /// The firewall answered it.
    Answered,
    Dropped(DropReason),
}

/// What the model expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Out of this unit.
    Forward {
        unit: String,
        source: Source,
        to: End,
        tcp: Option<Segment>,
    },
    Host,
    Answer,
    Drop(DropReason),
}

/// What is told of a session or a packet, by the tuple it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    Created,
    Closed(CloseReasonText),
    Denied,
}

/// The words of a reason: what can be put in an order.
pub type CloseReasonText = &'static str;

/// The model and what it remembers.
pub struct Model<'a> {
    config: &'a Config,
    /// All that were in force, the last one among them.
    configs: Vec<&'a Config>,
    /// Milliseconds.
    now: u64,
    sessions: Vec<Session>,
    screens: Screens,
    told: Vec<(Tuple, Told)>,
    /// When a session ended by silence for the last time.
    aged_at: u64,
    is_open: bool,
    /// Seconds since 1970 by the clock on the wall.
    wall: i64,
    /// Beside what is connected and written: by instance a prefix and the unit that it leads to.
    routes: Vec<(Option<String>, IpNet, String)>,
    /// Sessions tried by each NAT rule.
    rule_hits: BTreeMap<RuleName, u64>,
    /// Which address of a pool a host was seen with.
    homes: Vec<(String, IpAddr, IpAddr)>,
    tallies: BTreeMap<String, Tally>,
    replies: Vec<Reply>,
    /// Of what answers cost.
    spent_ms: u64,
    /// What filters have made of the packet at hand.
    marks: Marks,
    /// Whether the filter of the firewall itself has judged it.
    came_in: bool,
    books: Books,
}

/// What is to be done with a packet, and the session it opens.
struct Judgement {
    expected: Expected,
    opens: Option<Box<Session>>,
}

impl From<Expected> for Judgement {
    fn from(expected: Expected) -> Self {
        Self { expected, opens: None }
    }
}

const fn dropped(reason: DropReason) -> Judgement {
    Judgement { expected: Expected::Drop(reason), opens: None }
}

impl<'a> Model<'a> {
    #[must_use]
    pub fn new(config: &'a Config) -> Self {
        Self {
            config,
            configs: vec![config],
            now: 0,
            sessions: Vec::new(),
            screens: Screens::default(),
            told: Vec::new(),
            aged_at: 0,
            is_open: false,
            wall: 0,
            routes: Vec::new(),
            rule_hits: BTreeMap::new(),
            homes: Vec::new(),
            tallies: BTreeMap::new(),
            replies: Vec::new(),
            spent_ms: 0,
            marks: Marks::default(),
            came_in: false,
            books: Books::default(),
        }
    }

    /// The clock on the wall is put forward.
    pub fn set_wall(&mut self, wall: i64) {
        self.wall = wall;
    }

    /// Time passes; sessions that were silent for too long end.
    pub fn advance(&mut self, ms: u64) {
        self.now += ms;
        self.rest(ms);
        let is_over = |s: &Session| s.timeout.is_some_and(|timeout| s.seen + timeout * 1000 <= self.now);
        let (over, live): (Vec<_>, _) = std::mem::take(&mut self.sessions).into_iter().partition(is_over);
        self.sessions = live;
        for mut session in over {
            self.aged_at = self.now;
            // As its policy says by now (policy-15).
            let policy = self.named_policy(&session);
            session.logs_close = policy.map_or(session.logs_close, |policy| policy.log_close);
            let lingered =
                session.tcp.as_ref().is_some_and(|tcp| !tcp.is_reset() && tcp.state() == State::TimeWait);
            // log-10
            let reason = if lingered { CloseReason::TcpFin } else { CloseReason::AgedOut };
            self.tell_close(&session, reason);
        }
    }

    /// Judges a packet and what became of it. `Err`: what should have.
    pub fn agrees(&mut self, unit: &str, packet: &Packet, got: &Outcome) -> Result<(), Expected> {
        let judgement = self.judge(unit, packet);
        let zone = self.zone_of(unit).unwrap_or_default();
        let judgement = self.leaving(Came { unit, zone: &zone, of_kernel: false }, packet, judgement, got);
        self.compare(judgement, packet, got)
    }

    fn compare(&mut self, judgement: Judgement, packet: &Packet, got: &Outcome) -> Result<(), Expected> {
        let Judgement { expected, opens } = judgement;
        if self.is_open {
            return Ok(());
        }
        match (&expected, got) {
            (Expected::Host, Outcome::Host) => {
                self.remember(opens, packet);
                Ok(())
            }
            (Expected::Answer, Outcome::Answered) => Ok(()),
            (Expected::Drop(reason), Outcome::Dropped(other)) if reason == other => {
                // What ends on its way may have opened a session all the same.
                if let Some(session) = opens {
                    let left = session.left;
                    self.remember(Some(session), &left);
                }
                Ok(())
            }
            (
                Expected::Forward { source: Source::OneOf { or: Some(reason), .. }, .. },
                Outcome::Dropped(other),
            ) if reason == other => Ok(()),
            (
                Expected::Forward { unit: to, source, to: end, tcp },
                Outcome::Left { unit: by, packet: left },
            ) => {
                let goes = to == by && *end == (left.dst, left.dport);
                let fits =
                    goes && *tcp == left.tcp && left.proto == carried(packet.proto, packet.src, left.dst);
                if !fits || !self.may_be(source, packet, left) {
                    return Err(expected);
                }
                self.remember(opens, left);
                Ok(())
            }
            _ => Err(expected),
        }
    }

    /// Judges a packet of either side.
    fn judge(&mut self, unit: &str, packet: &Packet) -> Judgement {
        let zone = match self.entered(unit, packet) {
            Ok(zone) => zone,
            Err(reason) => return dropped(reason),
        };
        if let Err(reason) = self.enters(Came { unit, zone: &zone, of_kernel: false }, packet) {
            return dropped(reason);
        }
        match self.session_of(&zone, packet) {
            Some((at, way)) => self.of_session(unit, packet, (at, way)),
            None => self.of_none((unit, &zone), packet),
        }
    }

    fn of_session(&mut self, by: &str, packet: &Packet, (at, way): (usize, usize)) -> Judgement {
        let session = self.sessions[at].clone();
        let zones = [session.from_zone.clone(), session.to_zone.clone()];
        let (zone, beyond) = (&zones[way], &zones[1 - way]);
        let of_unit = self.zone_of(by).unwrap_or_default();
        let came = Came { unit: by, zone: &of_unit, of_kernel: zone == HOST };
        let is_mended = match self.screened_twice(by, (zone, beyond), packet) {
            Ok(is_mended) => is_mended,
            Err(judgement) => return judgement,
        };
        let mended = Packet { tcp: packet.tcp.map(|tcp| cleared(tcp, is_mended)), ..*packet };
        if let Err(reason) = self.holds(at) {
            self.end(at, reason);
            return self.without_session((by, zone), &mended, Some(beyond));
        }
        if session.is_for_host(way)
            && let Err(reason) = self.comes_in(came, packet)
        {
            return dropped(reason);
        }
        // It is no packet of its session then (flow-43).
        if packet.ttl <= 1 && zone != HOST && !session.is_for_host(way) {
            self.complains(came, packet, TIME_EXCEEDED, 0);
            return dropped(DropReason::TtlExpired);
        }
        let rules = &self.config.security.flow.tcp_session;
        let segment = packet.tcp.map(|tcp| cleared(tcp, is_mended));
        let stands = |tcp: &Option<Conversation>| tcp.as_ref().map(Conversation::state);
        let stood = stands(&session.tcp);
        let keeps_alive = way == 0 || !self.is_one_way(&zones[0]);
        let judged = match (&mut self.sessions[at].tcp, &segment) {
            (Some(conversation), Some(segment)) => conversation.judge(way, segment, rules),
            _ => Judged::Pass,
        };
        let last = match judged {
            Judged::Open => {
                self.is_open = true;
                return dropped(DropReason::NotReady);
            }
            Judged::Drop(reason) => {
                self.challenges_as_told(came, packet, (at, way), reason);
                return dropped(reason);
            }
            Judged::Anew => {
                let was_reset = session.tcp.is_some_and(|tcp| tcp.is_reset());
                self.end(at, if was_reset { CloseReason::TcpRst } else { CloseReason::TcpFin });
                return self.without_session((by, zone), &mended, Some(beyond));
            }
            Judged::Pass => None,
            Judged::LastFin => Some(CloseReason::TcpFin),
            Judged::LastRst => Some(CloseReason::TcpRst),
        };
        self.carries((at, way), packet, (keeps_alive, stood));
        if let Some(reason) = last {
            self.end(at, reason);
        }
        self.passed(came, (packet, segment), (&session, way))
    }

    /// A packet goes on in its session; `stood`: where the conversation was before it.
    fn carries(
        &mut self,
        (at, way): (usize, usize),
        packet: &Packet,
        (keeps_alive, stood): (bool, Option<State>),
    ) {
        let rules = &self.config.security.flow.tcp_session;
        let known = &mut self.sessions[at];
        // Or it is a step of the conversation; a reset is none, and behind it only what comes to another timeout is one (session-23).
        let is_reset = known.tcp.as_ref().is_some_and(Conversation::is_reset);
        let class = |state| if is_reset && state == State::SynReceived { State::SynSent } else { state };
        let is_step = known.tcp.as_ref().map(Conversation::state).map(class) != stood.map(class);
        if keeps_alive || is_step {
            known.seen = self.now;
        }
        known.packets[way] += 1;
        known.bytes[way] += packet.size() as u64;
        // What it has stays as long as nothing happens (policy-13); a handshake has one until it is complete (tcp-37).
        let of_state = |state| if state == State::SynReceived { State::SynSent } else { state };
        let is_other = known.tcp.as_ref().map(Conversation::state).map(of_state) != stood.map(of_state);
        if let Some(tcp) = known.tcp.as_ref().filter(|_| is_other) {
            known.timeout = tcp.timeout(rules, known.application);
        }
        let counted = known.clone();
        self.passes(&counted, way, packet);
    }

    /// A packet of no session; it may look like one of a session from another zone, which does not come to harm (screen-8).
    fn of_none(&mut self, (unit, zone): (&str, &str), packet: &Packet) -> Judgement {
        let Some((at, way)) = self.look_alike(zone, packet) else {
            return self.without_session((unit, zone), packet, None);
        };
        let beyond = self.sessions[at].zone(1 - way).to_owned();
        let is_mended = match self.screened_twice(unit, (zone, &beyond), packet) {
            Ok(is_mended) => is_mended,
            Err(judgement) => return judgement,
        };
        let mended = Packet { tcp: packet.tcp.map(|tcp| cleared(tcp, is_mended)), ..*packet };
        self.meets(at);
        self.without_session((unit, zone), &mended, Some(&beyond))
    }

    /// Whether a session lives on; by another policy from now on, perhaps.
    fn holds(&mut self, at: usize) -> Result<(), CloseReason> {
        match self.rejudged(at) {
            Rejudged::Kept => {}
            Rejudged::Of(policy) => self.moves(at, policy),
            Rejudged::Ended(reason) => return Err(reason),
        }
        self.sessions[at].under = self.commits();
        match self.held(at) {
            Held::Ended => return Err(CloseReason::PolicyChanged),
            Held::By(policy) => self.moves(at, policy),
            Held::AsEver => {}
        }
        Ok(())
    }

    /// Whether answers to sessions of a zone do not keep them alive.
    fn is_one_way(&self, zone: &str) -> bool {
        self.config.security.zones.iter().any(|z| z.name == zone && z.unidirectional_refresh)
    }

    fn remember(&mut self, opens: Option<Box<Session>>, left: &Packet) {
        if let Some(session) = opens {
            let home = session.pool.clone().map(|pool| (pool, session.inside.src, left.src));
            self.homes.extend(home);
            self.gains(&session);
            let first = session.inside;
            self.passes(&session, 0, &first);
            self.sessions.push(Session { left: *left, ..*session });
        }
    }

    fn end(&mut self, at: usize, reason: CloseReason) {
        let session = self.sessions.remove(at);
        self.tell_close(&session, reason);
    }

    fn tell_close(&mut self, session: &Session, reason: CloseReason) {
        self.loses(session);
        if session.logs_close {
            self.told.push((tuple(&session.inside), Told::Closed(reason.text())));
        }
    }

    /// Conversations remembered.
    #[must_use]
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// Seconds until a session ends if it stays silent; of one that does not age 0.
    #[must_use]
    pub fn remaining(&self, session: &Session) -> u64 {
        session.timeout.map_or(0, |timeout| timeout.saturating_sub((self.now - session.seen) / 1000))
    }

    /// What was told since the start, in any order.
    #[must_use]
    pub fn told(&self) -> &[(Tuple, Told)] {
        &self.told
    }

    /// What screens of zones have found.
    #[must_use]
    pub const fn hits(&self) -> &BTreeMap<(String, Screen), u64> {
        &self.screens.hits
    }

    /// What screens told of, in the order that they did.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.screens.notices
    }

    /// Sessions tried by each NAT rule.
    #[must_use]
    pub const fn rule_hits(&self) -> &BTreeMap<RuleName, u64> {
        &self.rule_hits
    }

    /// Milliseconds since a session ended by silence.
    #[must_use]
    pub const fn since_aged(&self) -> u64 {
        self.now - self.aged_at
    }

    /// What comes now is not told by the naive reading.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    fn zone_of(&self, unit: &str) -> Option<String> {
        let zones = self.config.security.zones.iter();
        zones.filter(|z| z.interfaces.iter().any(|i| i.name == unit)).map(|z| z.name.clone()).next()
    }

    fn policy(&self, from: &str, to: &str, packet: &Packet) -> Option<&'a Policy> {
        let mut all = rules::between(self.config, from, to).into_iter();
        let found = all.find(|(p, of_pair)| self.matches(p, packet, of_pair.then_some((from, to))));
        found.map(|(policy, _)| policy)
    }
}

/// A segment without its urgent flag, where a screen takes it.
fn cleared(tcp: Segment, is_mended: bool) -> Segment {
    let urgent = if is_mended { URG } else { 0 };
    Segment { flags: tcp.flags & !urgent, ..tcp }
}
