//! Gateways of the application layer, and the sessions that they expect.
//!
//! Junos: `security alg`. Place: a session on a gateway's port is marked when it is installed; its packets are looked at on
//! their way out, behind the address rewrite. A packet without a session that one expects takes the place of destination
//! NAT to source NAT on the first path. State: expected sessions and what control connections have changed, both of a fixed
//! size; what belongs to a session goes with it through the one deletion. Spec: alg-1..18.

mod claim;
mod dns;
mod edit;
mod expect;
mod ftp;
mod gates;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ravelin_contract::Alg;
use ravelin_nat::Lease;
use ravelin_program::{Algs as Settings, Application, Gateway as Asked};
use ravelin_tcp::splice::{Shift, Splice};
use ravelin_tcp::{Direction, Segment, Seq};
use ravelin_types::{Addr, DropReason, Family, InstanceId, Instant, Proto, SessionId, ZoneId};
use ravelin_wire::Fragment;

use crate::explain::Recorder;
use crate::key::FlowKey;
use crate::packet::Packet;
use crate::rules::Rules;
use crate::session::{HOST_UNIT, Life, Marks, Session, Ticks, WingRef};
use crate::state::State;
use crate::step::{Flow, Turn};
use crate::stub::{Keyed, Message};

pub(crate) use claim::{claim, rejudge};

const FTP: u16 = 21;
const TFTP: u16 = 69;
const DNS: u16 = 53;

/// What looks at the packets of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gateway {
    Ftp,
    Tftp,
    Dns,
}

/// Control connections of one worker that expect something or had something changed.
const CONTROLS_MAX: usize = 4096;
/// Sessions that one worker expects, and that one session does.
const EXPECTED_MAX: usize = 4096;
const OF_ONE_MAX: usize = 4;
/// Sessions that have come of which it is remembered who expected them.
const PARENTS_MAX: usize = CONTROLS_MAX * OF_ONE_MAX;
/// How long a session is expected.
const EXPECTED_FOR: Duration = Duration::from_secs(60);
/// Expected sessions that one step forgets.
const AGE_BUDGET: usize = 32;

/// What a worker's gateways keep.
#[derive(Debug)]
pub(crate) struct Gateways {
    /// By the session's slot.
    controls: HashMap<u32, Control, Keyed>,
    /// By what the first packet will show, its source port left out.
    expected: HashMap<FlowKey, Expected, Keyed>,
    /// In the order of their time and of their numbers.
    order: VecDeque<Awaited>,
    /// The number of the next one: never 0, which stands for the first of a list.
    number: u32,
    /// Who expected a session that has come, by its slot: told to operators alone, and of the first so many.
    parents: HashMap<u32, SessionId, Keyed>,
}

/// A place in the order. What it names may be expected no more, or once more with another number.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    expires: Instant,
    number: u32,
    key: FlowKey,
}

/// What a session's gateway keeps.
#[derive(Debug, Default)]
struct Control {
    /// Where lines became longer or shorter.
    splice: Splice,
    /// The last line that was changed, by direction.
    last: [Option<Changed>; 2],
    expects: [Option<FlowKey>; OF_ONE_MAX],
    next: usize,
    /// Sessions that were expected and have come, the last ones.
    children: [Option<(u32, SessionId)>; OF_ONE_MAX],
    next_child: usize,
}

/// A line that was changed: sent again, it is changed in the same way.
#[derive(Clone, Copy, Debug)]
struct Changed {
    seq: Seq,
    said: (Addr, u16),
    shown: (Addr, u16),
}

/// A session that another one expects.
#[derive(Debug)]
struct Expected {
    /// Its place in the order.
    number: u32,
    alg: Alg,
    parent: u32,
    zone: ZoneId,
    to_zone: ZoneId,
    /// Where it really goes.
    to: (Addr, u16),
    /// By whose routes; `None`: as its packets say.
    instance: Option<InstanceId>,
    source: Source,
    /// The port that it comes to.
    lease: Option<Lease>,
    expires: Instant,
}

/// What its source becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Keep,
    /// This address and the port as it is.
    Address(Addr),
    /// What source NAT makes of it.
    Rules,
}

impl Gateways {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self {
            controls: HashMap::with_hasher(Keyed::new(key)),
            expected: HashMap::with_hasher(Keyed::new(key)),
            order: VecDeque::new(),
            number: 1,
            parents: HashMap::with_hasher(Keyed::new(key)),
        }
    }

    /// Makes room when there are gateways that expect. Called between batches.
    pub(crate) fn adopt(&mut self, settings: &Settings) {
        if settings.ftp.enabled || settings.tftp {
            self.controls.reserve(CONTROLS_MAX - self.controls.len().min(CONTROLS_MAX));
            self.expected.reserve(EXPECTED_MAX - self.expected.len().min(EXPECTED_MAX));
            self.order.reserve(2 * EXPECTED_MAX - self.order.len().min(2 * EXPECTED_MAX));
            self.parents.reserve(PARENTS_MAX - self.parents.len().min(PARENTS_MAX));
        }
    }

    /// A segment in the numbers in which its session is judged.
    pub(crate) fn view(&self, slot: u32, wing: usize, segment: Segment) -> Segment {
        let direction = if wing == 0 { Direction::Initial } else { Direction::Reverse };
        self.controls.get(&slot).map_or(segment, |control| control.splice.view(direction, &segment))
    }

    /// What its gateway has shifted of a session's numbers, if anything.
    pub(crate) fn shifts(&self, slot: u32) -> Option<[[u32; 3]; 2]> {
        let control = self.controls.get(&slot)?;
        let shifts = control.splice.shifts.map(|shift| shift.to_words());
        (shifts != [[0; 3]; 2]).then_some(shifts)
    }

    /// As another plane shifted them. Without room the session's numbers are not shifted: it will stall, and age.
    pub(crate) fn set_shifts(&mut self, slot: u32, shifts: [[u32; 3]; 2]) {
        if let Some(control) = self.control(slot) {
            control.splice.shifts = shifts.map(Shift::from_words);
        }
    }

    /// Remembers who expected a session, while there is room.
    pub(crate) fn has_come(&mut self, slot: u32, parent: SessionId) {
        if self.parents.len() < PARENTS_MAX {
            self.parents.insert(slot, parent);
        }
    }

    /// Who expected the session of a slot.
    pub(crate) fn parent(&self, slot: u32) -> Option<SessionId> {
        self.parents.get(&slot).copied()
    }

    /// A session that was expected has ended.
    pub(crate) fn child_ended(&mut self, slot: u32) {
        self.parents.remove(&slot);
    }

    /// Makes room in the order when it is full of what is expected no more.
    fn tidy(&mut self) {
        if self.order.len() >= 2 * EXPECTED_MAX {
            let Self { order, expected, .. } = self;
            order.retain(|awaited| expected.get(&awaited.key).is_some_and(|e| e.number == awaited.number));
        }
    }

    /// The control of a session, made when there is none. `None`: no room.
    fn control(&mut self, slot: u32) -> Option<&mut Control> {
        if self.controls.len() >= CONTROLS_MAX && !self.controls.contains_key(&slot) {
            return None;
        }
        Some(self.controls.entry(slot).or_default())
    }
}

/// The key of every packet that differs in its source port alone.
pub(crate) fn any_port(key: &FlowKey) -> FlowKey {
    let tuple = FlowKey::new(key.family(), key.proto(), (key.src(), 0), (key.dst(), key.dport()));
    tuple.within(key.instance())
}

/// Marks a new session whose packets a gateway is to see. `asked`: what the application that was matched says. Spec: alg-1, alg-17.
pub(crate) fn attach<R>(turn: &mut Turn<'_, R>, slot: u32, asked: Asked) {
    let session = turn.state.sessions.get_mut(slot);
    session.marks = session.marks.with_gateway(of_new(session, &turn.world.rules.algs, asked));
}

/// The same of a session of another plane, by the policy that it goes by.
pub(crate) fn attach_to(session: &mut Session, rules: &Rules) {
    let [first, second] = session.wings.map(|wing| wing.key);
    let holds = |term: &&Application| {
        term.name == u32::from(session.application)
            && term.holds(first.proto(), first.sport(), second.sport(), None)
    };
    let term = rules.policy(session.policy).and_then(|policy| policy.applications.iter().find(holds));
    let asked = term.map_or(Asked::ByPort, |term| term.gateway);
    let is_child = session.marks.has(Marks::CHILD);
    let gateway = if is_child { None } else { of_new(session, &rules.algs, asked) };
    session.marks = session.marks.with_gateway(gateway);
}

/// The gateway of a session, if there is one for it and it is on.
fn of_new(session: &Session, settings: &Settings, asked: Asked) -> Option<Gateway> {
    // The port is the server's own.
    let key = &session.wings[1].key;
    let is_host = session.wings.iter().any(|wing| wing.ingress == HOST_UNIT);
    // Its addresses in a payload would be of the other family.
    if is_host || session.marks.has(Marks::ACROSS) {
        return None;
    }
    let gateway = match (asked, key.sport()) {
        (Asked::Ftp, _) | (Asked::ByPort, FTP) => Gateway::Ftp,
        (Asked::Tftp, _) | (Asked::ByPort, TFTP) => Gateway::Tftp,
        (Asked::Dns, _) | (Asked::ByPort, DNS) => Gateway::Dns,
        (Asked::Nothing | Asked::ByPort, _) => return None,
    };
    let (proto, enabled) = match gateway {
        Gateway::Ftp => (Proto::TCP, settings.ftp.enabled),
        Gateway::Tftp => (Proto::UDP, settings.tftp),
        Gateway::Dns => (Proto::UDP, settings.dns.enabled),
    };
    (enabled && key.proto() == proto).then_some(gateway)
}

/// Looks at a packet of a marked session on its way out, and changes what must be. The facts as they are then.
pub(crate) fn inspect<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Result<Flow, DropReason> {
    let gateway = turn.state.sessions.get(at.slot()).marks.gateway();
    if flow.network.fragment != Fragment::Whole {
        return Ok(*flow);
    }
    match gateway {
        Some(Gateway::Ftp) => expect::ftp(turn, packet, flow, at),
        Some(Gateway::Tftp) => expect::tftp(turn, packet, flow, at).map(|()| *flow),
        Some(Gateway::Dns) => edit::dns(turn, packet, flow, at).map(|()| *flow),
        None => Ok(*flow),
    }
}

/// Whether what would open a session is an answer to a query that nobody knows of. Spec: flow-33.
pub(crate) fn is_dns_reply(packet: &Packet<'_>, flow: &Flow) -> bool {
    let to_server = flow.key.proto() == Proto::UDP && flow.key.dport() == DNS;
    to_server && dns::is_answer(edit::payload(packet, &flow.network))
}

/// Whether a packet is the answer to the last query of its session. Spec: alg-12.
pub(crate) fn ends(session: &Session, packet: &Packet<'_>, flow: &Flow, wing: usize) -> bool {
    let answered = session.packets[1] + 1 >= session.packets[0];
    wing == 1
        && answered
        && session.marks.gateway() == Some(Gateway::Dns)
        && flow.network.fragment == Fragment::Whole
        && dns::is_answer(edit::payload(packet, &flow.network))
}

/// Forgets what nobody came for.
pub(crate) fn age<R>(turn: &mut Turn<'_, R>) {
    for _ in 0..AGE_BUDGET {
        match turn.state.gateways.order.front() {
            Some(awaited) if awaited.expires <= turn.now => {}
            Some(_) | None => return,
        }
        let Some(Awaited { number, key, .. }) = turn.state.gateways.order.pop_front() else { return };
        // It may have been expected once more since.
        if turn.state.gateways.expected.get(&key).is_some_and(|e| e.number == number) {
            turn.state.unexpect(&key, turn.now);
        }
    }
}

impl Control {
    fn bear(&mut self, child: (u32, SessionId)) {
        self.children[self.next_child] = Some(child);
        self.next_child = (self.next_child + 1) % OF_ONE_MAX;
    }
}

impl State {
    /// Whether a silent session lives on for those that it expected and that live: their ports are its own. It counts as heard
    /// of now. Spec: alg-18.
    pub(crate) fn lives_for_children(&mut self, slot: u32, now: Instant) -> bool {
        if !self.sessions.get(slot).marks.has(Marks::ALG) {
            return false;
        }
        let Some(control) = self.gateways.controls.get(&slot) else { return false };
        let lives = |(child, id): &(u32, SessionId)| {
            let child = self.sessions.get(*child);
            child.state != Life::Free && child.id == *id && !child.is_over(Ticks::at(now))
        };
        let is_kept = control.children.iter().flatten().any(lives);
        if is_kept {
            self.sessions.get_mut(slot).last_seen = Ticks::at(now);
        }
        is_kept
    }

    /// What a session expects and has changed goes with it. Only the one deletion calls this.
    pub(crate) fn end_gateway(&mut self, slot: u32, now: Instant) {
        let Some(control) = self.gateways.controls.remove(&slot) else { return };
        for key in control.expects.into_iter().flatten() {
            if self.gateways.expected.get(&key).is_some_and(|e| e.parent == slot) {
                self.unexpect(&key, now);
            }
        }
    }

    /// Expects nothing any more: another program may lease and permit otherwise.
    pub(crate) fn unexpect_all(&mut self, now: Instant) {
        while let Some(awaited) = self.gateways.order.pop_front() {
            self.unexpect(&awaited.key, now);
        }
    }

    fn unexpect(&mut self, key: &FlowKey, now: Instant) {
        let Some(expected) = self.gateways.expected.remove(key) else { return };
        if let Some(lease) = expected.lease {
            self.leases.give_back(lease, now);
        }
        self.tell_others(|owner| Message::Unstub { key: *key, owner });
    }

    /// Says something about a key to every other worker.
    pub(crate) fn tell_others(&mut self, message: impl Fn(ravelin_types::WorkerId) -> Message) {
        let own = self.worker;
        for other in self.steering.others() {
            self.outbox.push(other, message(own));
        }
    }
}

/// Whether two addresses of a session are of the family that a line speaks of.
fn is_of(family: Family, key: &FlowKey) -> bool {
    key.family() == family
}
