//! Gateways of the application layer, and the sessions that they expect.
//!
//! Junos: `security alg`. Place: a session on a gateway's port is marked when it is installed; its packets are looked at on
//! their way out, behind the address rewrite. A packet without a session that one expects takes the place of destination
//! NAT to source NAT on the first path. State: expected sessions and what control connections have changed, both of a fixed
//! size; what belongs to a session goes with it through the one deletion. Spec: alg-1..15.

mod claim;
mod dns;
mod edit;
mod expect;
mod ftp;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ravelin_nat::Lease;
use ravelin_program::Algs as Settings;
use ravelin_tcp::splice::{Shift, Splice};
use ravelin_tcp::{Direction, Segment, Seq};
use ravelin_types::{Addr, DropReason, Family, InstanceId, Instant, Proto, ZoneId};
use ravelin_wire::Fragment;

use crate::explain::Recorder;
use crate::key::FlowKey;
use crate::packet::Packet;
use crate::session::{HOST_UNIT, Marks, Session, WingRef};
use crate::state::State;
use crate::step::{Flow, Turn};
use crate::stub::{Keyed, Message};

pub(crate) use claim::{claim, rejudge};

const FTP: u16 = 21;
const TFTP: u16 = 69;
const DNS: u16 = 53;

/// Control connections of one worker that expect something or had something changed.
const CONTROLS_MAX: usize = 4096;
/// Sessions that one worker expects, and that one session does.
const EXPECTED_MAX: usize = 4096;
const OF_ONE_MAX: usize = 4;
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
    /// In the order of their time.
    order: VecDeque<(Instant, FlowKey)>,
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
        }
    }

    /// Makes room when there are gateways that expect. Called between batches.
    pub(crate) fn adopt(&mut self, settings: &Settings) {
        if settings.ftp.enabled || settings.tftp {
            self.controls.reserve(CONTROLS_MAX - self.controls.len().min(CONTROLS_MAX));
            self.expected.reserve(EXPECTED_MAX - self.expected.len().min(EXPECTED_MAX));
            self.order.reserve(2 * EXPECTED_MAX - self.order.len().min(2 * EXPECTED_MAX));
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

    /// Makes room in the order when it is full of what is expected no more.
    fn tidy(&mut self) {
        if self.order.len() >= 2 * EXPECTED_MAX {
            let Self { order, expected, .. } = self;
            order.retain(|(expires, key)| expected.get(key).is_some_and(|e| e.expires == *expires));
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

/// Marks a new session whose packets a gateway is to see.
pub(crate) fn attach<R>(turn: &mut Turn<'_, R>, slot: u32) {
    attach_to(turn.state.sessions.get_mut(slot), &turn.world.rules.algs);
}

/// The same of a session of another plane.
pub(crate) fn attach_to(session: &mut Session, settings: &Settings) {
    let on = match gateway(session) {
        Some(FTP) => settings.ftp.enabled,
        Some(TFTP) => settings.tftp,
        Some(DNS) => settings.dns.enabled,
        Some(_) | None => false,
    };
    session.marks = session.marks.with(Marks::ALG, on);
}

/// The port of the gateway that a session is for: the server's own.
fn gateway(session: &Session) -> Option<u16> {
    let key = &session.wings[1].key;
    let is_host = session.wings.iter().any(|wing| wing.ingress == HOST_UNIT);
    match (key.proto(), key.sport()) {
        // Its addresses in a payload would be of the other family.
        _ if is_host || session.marks.has(Marks::ACROSS) => None,
        (Proto::TCP, FTP) => Some(FTP),
        (Proto::UDP, TFTP) => Some(TFTP),
        (Proto::UDP, DNS) => Some(DNS),
        _ => None,
    }
}

/// Looks at a packet of a marked session on its way out, and changes what must be. The facts as they are then.
pub(crate) fn inspect<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    flow: &Flow,
    at: WingRef,
) -> Result<Flow, DropReason> {
    let gateway = gateway(turn.state.sessions.get(at.slot()));
    if flow.network.fragment != Fragment::Whole {
        return Ok(*flow);
    }
    match gateway {
        Some(FTP) => expect::ftp(turn, packet, flow, at),
        Some(TFTP) => expect::tftp(turn, packet, flow, at).map(|()| *flow),
        Some(DNS) => edit::dns(turn, packet, flow, at).map(|()| *flow),
        Some(_) | None => Ok(*flow),
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
        && gateway(session) == Some(DNS)
        && flow.network.fragment == Fragment::Whole
        && dns::is_answer(edit::payload(packet, &flow.network))
}

/// Forgets what nobody came for.
pub(crate) fn age<R>(turn: &mut Turn<'_, R>) {
    for _ in 0..AGE_BUDGET {
        match turn.state.gateways.order.front() {
            Some((expires, _)) if *expires <= turn.now => {}
            Some(_) | None => return,
        }
        let Some((expires, key)) = turn.state.gateways.order.pop_front() else { return };
        // It may have been expected once more since.
        if turn.state.gateways.expected.get(&key).is_some_and(|e| e.expires == expires) {
            turn.state.unexpect(&key, turn.now);
        }
    }
}

impl State {
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
        while let Some((_, key)) = self.gateways.order.pop_front() {
            self.unexpect(&key, now);
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
