//! Firewall filters and interface policers on the packet path.
//!
//! Junos: `firewall`, `interfaces .. filter|policer`, `lo0`. Place: input once a packet, by the worker that it came to, before
//! screens and session; output before the link header; those of `lo0` before what is for the firewall and after what
//! it sends. State: counters and a log of the worker's; meters are shared by all. Spec: firewall-filter-55..67.

mod answer;
mod log;
mod table;

use ravelin_contract::{DropCause, Event, FilterAction, FilterHit, PolicerHit, SessionKey};
use ravelin_filter::{
    Decision, Effects, FilterCounterId, Logging, Marks, Policed, Reject, TermAt, Terminal, evaluate,
};
use ravelin_policer::{Action, Colour, Meter};
use ravelin_program::{Direction, Interface};
use ravelin_types::{Addr, DropReason, Family, InterfaceId, MeterId};
use ravelin_wire::{L4, Network, u16_at};

use crate::explain::{Fact, Recorder};
use crate::key::FlowKey;
use crate::mirror::{self, Sum};
use crate::packet::{Checksum, Packet, Stage};
use crate::state::State;
use crate::step::{Flow, Link, Turn};
use crate::verdict::Verdict;

pub(crate) use log::LogRing;
pub(crate) use table::{Chain, FilterTable};

/// A packet as a filter sees it.
struct Subject<'p> {
    frame: &'p [u8],
    l3_at: u16,
    network: &'p Network,
    /// The unit that received it.
    unit: InterfaceId,
    marks: Marks,
    /// Its transport checksum is made on the way out.
    unfinished: bool,
}

/// Why a packet does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denied {
    Discard,
    Reject(Reject),
    Policed,
}

impl Denied {
    const fn reason(self) -> DropReason {
        match self {
            Self::Discard => DropReason::FilterDiscard,
            Self::Reject(_) => DropReason::FilterReject,
            Self::Policed => DropReason::PolicerDiscard,
        }
    }
}

/// Interface policer, then input filter, of the unit that a packet came by; what it is marked with goes on with it.
pub(crate) fn input<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    unit: &Interface,
    (link, network): (&Link, &Network),
) -> Result<Marks, Verdict> {
    if let Some(handed) = packet.handed {
        return Ok(handed.marks);
    }
    let table = &turn.world.rules.filters;
    if table.is_off {
        return Ok(Marks::default());
    }
    let Some(chain) = table.of_unit(unit.id, Direction::Input, network.family) else {
        return Ok(Marks::default());
    };
    let (l3_at, marks) = (link.l3_at, Marks::default());
    let unfinished = false;
    let subject = Subject { frame: packet.bytes(), l3_at, network, unit: unit.id, marks, unfinished };
    let passed = police(turn, chain, &subject, marks)
        .and_then(|marks| walk(turn, chain, &Subject { marks, ..subject }));
    passed.map_err(|denied| {
        if let Denied::Reject(reject) = denied {
            let key = FlowKey::of(network, None, unit.instance);
            let hash = turn.state.sessions.hash(&key);
            let zone = unit.zone.unwrap_or_default();
            let (link, network) = (*link, *network);
            let flow = Flow {
                link,
                network,
                unit: unit.id,
                zone,
                from_host: false,
                key,
                hash,
                handed: None,
                marks,
                proven: false,
                screened: None,
            };
            answer::reject(turn, packet, &flow, reject);
        }
        Verdict::Drop(denied.reason())
    })
}

/// Output filter, then interface policer, of the unit that a packet leaves by, as it leaves.
pub(crate) fn output<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    unit: &Interface,
) -> Result<Marks, Verdict> {
    let table = &turn.world.rules.filters;
    if table.is_off {
        return Ok(flow.marks);
    }
    match table.of_unit(unit.id, Direction::Output, flow.network.family) {
        None => Ok(flow.marks),
        Some(chain) => leave(turn, packet, flow, chain),
    }
}

/// The filter of `lo0` on what is for the firewall, as it came. Once: another worker that had it before judged it, and what opens a
/// session in the place of its own is still the same packet.
pub(crate) fn host_input<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
) -> Result<(), Verdict> {
    let table = &turn.world.rules.filters;
    if table.is_off || flow.handed.is_some_and(|h| matches!(h.stage, Stage::Home | Stage::Ports)) {
        return Ok(());
    }
    let Some(chain) = table.of_host(Direction::Input, flow.network.family) else { return Ok(()) };
    if std::mem::replace(&mut turn.state.host_filtered, true) {
        return Ok(());
    }
    let subject = Subject {
        frame: packet.bytes(),
        l3_at: flow.link.l3_at,
        network: &flow.network,
        unit: flow.unit,
        marks: flow.marks,
        unfinished: false,
    };
    let passed = police(turn, chain, &subject, flow.marks)
        .and_then(|marks| walk(turn, chain, &Subject { marks, ..subject }));
    passed.map(|_| ()).map_err(|denied| {
        if let Denied::Reject(reject) = denied {
            answer::reject(turn, packet, flow, reject);
        }
        Verdict::Drop(denied.reason())
    })
}

/// The filter of `lo0` on what the firewall sends; what it is marked with goes on with it.
pub(crate) fn host_output<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
) -> Result<Marks, Verdict> {
    let table = &turn.world.rules.filters;
    if table.is_off {
        return Ok(flow.marks);
    }
    match table.of_host(Direction::Output, flow.network.family) {
        None => Ok(flow.marks),
        Some(chain) => leave(turn, packet, flow, chain),
    }
}

/// A verdict as it goes to another worker: with what the packet is marked with.
pub(crate) fn with_marks(verdict: Verdict, marks: Marks) -> Verdict {
    match verdict {
        Verdict::HandOver(mut over) => {
            over.handed.marks = marks;
            Verdict::HandOver(over)
        }
        Verdict::Send { .. } | Verdict::Drop(_) | Verdict::Consume => verdict,
    }
}

fn leave<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    flow: &Flow,
    chain: &Chain,
) -> Result<Marks, Verdict> {
    let network = as_it_leaves(packet, flow);
    let subject = Subject {
        frame: packet.bytes(),
        l3_at: flow.link.l3_at,
        network: &network,
        unit: flow.unit,
        marks: flow.marks,
        unfinished: matches!(packet.checksum, Checksum::Partial(_) | Checksum::Unknown),
    };
    let passed = walk(turn, chain, &subject).and_then(|marks| police(turn, chain, &subject, marks));
    passed.map_err(|denied| {
        // Who sent a packet of the other family knows nothing of this one.
        let is_across = flow.key.family() != network.family;
        if let (Denied::Reject(reject), false) = (denied, flow.from_host || is_across) {
            answer::reject_leaving(turn, packet, flow, reject);
        }
        Verdict::Drop(denied.reason())
    })
}

/// What a packet shows after translation: only addresses, ports, the identifier of an echo and hop count can have changed.
fn as_it_leaves(packet: &Packet<'_>, flow: &Flow) -> Network {
    let bytes = packet.bytes();
    let (l3_at, l4_at) = (usize::from(flow.link.l3_at), usize::from(flow.network.l4_at));
    let (src, dst, ttl) = match flow.network.family {
        Family::V4 => {
            let at = |from: usize| {
                let octets = [0, 1, 2, 3].map(|n| bytes[l3_at + from + n]);
                Addr::v4(octets)
            };
            (at(12), at(16), bytes[l3_at + 8])
        }
        Family::V6 => {
            let at = |from: usize| {
                let mut octets = [0; 16];
                octets.copy_from_slice(&bytes[l3_at + from..l3_at + from + 16]);
                Addr::v6(octets)
            };
            (at(8), at(24), bytes[l3_at + 7])
        }
    };
    let ports = || (u16_at(bytes, l4_at), u16_at(bytes, l4_at + 2));
    let l4 = match flow.network.l4 {
        L4::Tcp { flags, header_len, .. } => {
            let (sport, dport) = ports();
            L4::Tcp { sport, dport, flags, header_len }
        }
        L4::Udp { .. } => {
            let (sport, dport) = ports();
            L4::Udp { sport, dport }
        }
        L4::Icmp { kind, code, .. } => L4::Icmp { kind, code, id: u16_at(bytes, l4_at + 4) },
        same @ (L4::Sctp { .. } | L4::Spi(_) | L4::Opaque) => same,
    };
    Network { src, dst, ttl, l4, ..flow.network }
}

/// The interface policer.
fn police<R: Recorder>(
    turn: &mut Turn<'_, R>,
    chain: &Chain,
    subject: &Subject<'_>,
    marks: Marks,
) -> Result<Marks, Denied> {
    let Some(meter) = chain.policer else { return Ok(marks) };
    match (Applied { turn, chain, subject }).police(meter, marks) {
        Policed::Pass(marks) => Ok(marks),
        Policed::Discard => {
            turn.rec.fact(Fact::Policed { meter });
            Err(Denied::Policed)
        }
    }
}

/// The filters of a place, one after another.
fn walk<R: Recorder>(turn: &mut Turn<'_, R>, chain: &Chain, subject: &Subject<'_>) -> Result<Marks, Denied> {
    if chain.filters.is_empty() {
        return Ok(subject.marks);
    }
    let packet = ravelin_filter::Packet {
        frame: subject.frame,
        l3_at: subject.l3_at,
        network: subject.network,
        interface: subject.unit,
        interface_group: turn.world.rules.filters.group(subject.unit),
    };
    let filters = chain.filters.iter().map(|(_, filter)| &**filter);
    let outcome = evaluate(filters, packet, subject.marks, &mut Applied { turn, chain, subject });
    if R::ON {
        let last = chain.filters.len() - 1;
        let at = outcome.term.map_or(last, |at| usize::from(at.filter));
        let term = outcome.term.map(|at| at.term);
        turn.rec.fact(Fact::Filter { filter: chain.filters[at].0, term, decision: outcome.decision });
    }
    if let Some(instance) = outcome.mirror {
        let sum = if subject.unfinished { Sum::Anew(subject.network) } else { Sum::Whole };
        mirror::copy(turn, subject.frame, instance, sum);
    }
    if outcome.decision != Decision::Accept {
        blame(turn, chain, outcome.term);
    }
    match outcome.decision {
        Decision::Accept => Ok(outcome.marks),
        Decision::Discard => Err(Denied::Discard),
        Decision::Reject(reject) => Err(Denied::Reject(reject)),
        Decision::Policed(_) => Err(Denied::Policed),
    }
}

/// The filter and term that a drop is the work of.
fn blame<R: Recorder>(turn: &mut Turn<'_, R>, chain: &Chain, term: Option<TermAt>) {
    let at = term.map_or(chain.filters.len() - 1, |at| usize::from(at.filter));
    let (filter, term) = (chain.filters[at].0, term.map(|at| at.term));
    turn.state.watch.blame(DropCause::Filter { filter, term });
}

/// A chain at work on a packet.
struct Applied<'a, 'w, 'p, R> {
    turn: &'a mut Turn<'w, R>,
    chain: &'a Chain,
    subject: &'a Subject<'p>,
}

impl<R> Applied<'_, '_, '_, R> {
    fn bytes(&self) -> u32 {
        u32::from(self.subject.network.end - self.subject.l3_at)
    }

    /// The packet's tuple, in the instance of the unit that received it.
    fn key(&self) -> SessionKey {
        let unit = self.turn.world.rules.unit(self.subject.unit);
        let instance = unit.map(|unit| unit.instance).unwrap_or_default();
        FlowKey::of(self.subject.network, None, instance).to_session_key()
    }

    /// Says that a policer's limit is passed, by a packet of those beyond it. Spec: policer-30.
    #[cold]
    fn tell(&mut self, id: MeterId, meter: &Meter, dropped: bool) {
        let Some(policer) = self.turn.world.rules.filters.policer(id) else { return };
        let (red, counts) = (Colour::Red as usize, meter.counts());
        self.turn.state.events.push(Event::Policer(PolicerHit {
            policer: policer.key.policer,
            place: policer.key.place,
            interface: self.subject.unit,
            key: self.key(),
            dropped,
            packets: counts.packets[red],
            bytes: counts.bytes[red],
        }));
    }
}

impl<R: Recorder> Effects for Applied<'_, '_, '_, R> {
    fn count(&mut self, counter: FilterCounterId) {
        let bytes = u64::from(self.bytes());
        if let Some(hits) = self.turn.state.counters.filters.get_mut(counter.0 as usize) {
            hits.packets += 1;
            hits.bytes += bytes;
        }
    }

    fn log(&mut self, at: TermAt, logging: Logging, terminal: Terminal) {
        let hit = FilterHit {
            filter: self.chain.filters[usize::from(at.filter)].0,
            term: at.term,
            action: match terminal {
                Terminal::Accept | Terminal::RoutingInstance(_) | Terminal::NextTerm => FilterAction::Accept,
                Terminal::Discard => FilterAction::Discard,
                Terminal::Reject(_) => FilterAction::Reject,
            },
            interface: self.subject.unit,
            key: self.key(),
            bytes: self.bytes(),
        };
        let State { filter_log, events, .. } = &mut *self.turn.state;
        if logging.buffer {
            filter_log.push(self.turn.now, hit);
        }
        if logging.syslog {
            events.push(Event::Filter(hit));
        }
    }

    fn police(&mut self, meter: MeterId, marks: Marks) -> Policed {
        // A packet that is only tried takes nothing from anybody.
        if self.turn.state.is_trial {
            return Policed::Pass(marks);
        }
        let (world, id) = (self.turn.world, meter);
        let Some(meter) = world.rules.filters.meter(id) else { return Policed::Discard };
        let verdict = meter.police(self.turn.state.worker, self.turn.now, self.bytes(), marks.loss_priority);
        if verdict.colour == Colour::Red && meter.tells(self.turn.now) {
            self.tell(id, meter, verdict.action == Action::Discard);
        }
        match verdict.action {
            Action::Pass => Policed::Pass(marks),
            Action::Discard => Policed::Discard,
            Action::Mark { loss_priority, forwarding_class } => Policed::Pass(Marks {
                loss_priority: loss_priority.unwrap_or(marks.loss_priority),
                forwarding_class: forwarding_class.unwrap_or(marks.forwarding_class),
                ..marks
            }),
        }
    }
}
