//! A batch: examine all, then act on each in order, while those behind it are brought close.
//!
//! Place: the middle of a step; while a trace of paths runs, `watch` does the same with some of the packets on tape.

use ravelin_types::Proto;

use crate::explain::Recorder;
use crate::express::{self, Express, Looked};
use crate::mirror;
use crate::outline;
use crate::overload;
use crate::packet::Packet;
use crate::session::WingRef;
use crate::step::{Flow, Slot, Turn, account, classify, recall, whole_way};
use crate::verdict::Verdict;

/// Packets between the steps in which a session comes close: its bucket is looked into, then its record or its second bucket is
/// waited for, then it is its packet's turn. The lines of that many records are fewer than a core can ask for at once, beside the
/// buckets of their packets.
const AHEAD: usize = 4;

/// Examines all, then acts on each in order, while the sessions of those that follow come close.
pub(crate) fn run<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packets: &mut [Packet<'_>],
    (flows, shorts): (&mut Vec<Slot>, &mut [Express]),
) {
    examine_all(turn, packets, (flows, shorts));
    outline::settle(turn, packets, flows);
    act_on_all(turn, packets, (flows, shorts));
}

#[inline(never)]
fn examine_all<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packets: &[Packet<'_>],
    (flows, shorts): (&mut Vec<Slot>, &mut [Express]),
) {
    for (packet, short) in packets.iter().zip(shorts.iter_mut()) {
        examine(turn, (packets, packet), (&mut *flows, short));
    }
}

#[inline(never)]
fn act_on_all<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packets: &mut [Packet<'_>],
    (flows, shorts): (&[Slot], &mut [Express]),
) {
    let (count, shorts) = (flows.len(), &mut shorts[..flows.len()]);
    let mut first = 0..count.min(2 * AHEAD);
    let mut second = 0..count.min(AHEAD);
    hint_first(turn, &flows[first.clone()], &mut shorts[first.clone()]);
    hint_second(turn, &flows[second.clone()], &mut shorts[second.clone()]);
    for (at, group) in packets.chunks_mut(AHEAD).enumerate() {
        first = first.end..count.min(first.end + AHEAD);
        second = second.end..count.min(second.end + AHEAD);
        hint_first(turn, &flows[first.clone()], &mut shorts[first.clone()]);
        hint_second(turn, &flows[second.clone()], &mut shorts[second.clone()]);
        let from = at * AHEAD;
        for ((packet, slot), short) in group.iter_mut().zip(&flows[from..]).zip(&shorts[from..]) {
            act(turn, packet, slot, short);
        }
    }
}

/// From bytes to a flow, or to the end of a packet that is none. Slots and verdicts are large: each is made where it stays.
#[inline(always)]
pub(crate) fn examine<R: Recorder>(
    turn: &mut Turn<'_, R>,
    (packets, packet): (&[Packet<'_>], &Packet<'_>),
    (slots, short): (&mut Vec<Slot>, &mut Express),
) {
    if packet.handed.is_none() {
        let counters = &mut turn.state.counters;
        counters.rx_packets += 1;
        counters.rx_bytes += packet.len() as u64;
    }
    mirror::arrived(turn, packet);
    match express::look(turn, packet, short) {
        Looked::Short(hash) => {
            turn.state.sessions.prefetch_bucket(hash);
            slots.push(Slot::Express { hash });
        }
        Looked::Ended(verdict) => {
            turn.state.watch.keep_cause(slots.len());
            slots.push(Slot::Done(verdict));
        }
        Looked::Unknown => {
            outline::settle(turn, packets, slots);
            in_full(turn, packet, slots);
        }
    }
}

#[inline(never)]
fn in_full<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, slots: &mut Vec<Slot>) {
    if turn.state.overload.is_pressed() && outline::examine(turn, packet, slots).is_some() {
        return;
    }
    let slot = classify(turn, packet, None).unwrap_or_else(Slot::Done);
    turn.state.watch.keep_cause(slots.len());
    if let Some(hash) = slot.hash() {
        turn.state.sessions.prefetch_bucket(hash);
    }
    slots.push(slot);
}

/// Brings the sessions close that the packets are probably of.
pub(crate) fn hint<R: Recorder>(turn: &Turn<'_, R>, flows: &[Slot], shorts: &mut [Express]) {
    hint_first(turn, flows, shorts);
    hint_second(turn, flows, shorts);
}

/// Those that their first buckets tell of; of the others the second buckets.
#[inline(always)]
fn hint_first<R: Recorder>(turn: &Turn<'_, R>, flows: &[Slot], shorts: &mut [Express]) {
    for (slot, short) in flows.iter().zip(shorts) {
        short.hint = match slot {
            Slot::Express { hash } => {
                let hint = turn.state.sessions.prefetch_record(*hash);
                if let (Some(hint), Proto::TCP) = (hint, short.key.proto()) {
                    turn.state.sessions.prefetch_conversation(hint);
                }
                hint
            }
            Slot::Done(_) | Slot::Flow(_) | Slot::Outlined { .. } | Slot::Arp { .. } => {
                hint_other(turn, slot)
            }
        };
    }
}

#[inline(never)]
fn hint_other<R: Recorder>(turn: &Turn<'_, R>, slot: &Slot) -> Option<WingRef> {
    let hint = turn.state.sessions.prefetch_record(slot.hash()?)?;
    turn.state.sessions.prefetch_conversation(hint);
    Some(hint)
}

/// Those that only their second buckets tell of.
#[inline(always)]
fn hint_second<R: Recorder>(turn: &Turn<'_, R>, flows: &[Slot], shorts: &mut [Express]) {
    for (slot, short) in flows.iter().zip(shorts).filter(|(_, short)| short.hint.is_none()) {
        short.hint = slot.hash().and_then(|hash| turn.state.sessions.prefetch_record_of_second(hash));
    }
}

/// One packet to its verdict, counted and told.
#[inline(always)]
pub(crate) fn act<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    slot: &Slot,
    short: &Express,
) {
    if let Slot::Express { hash } = slot
        && express::run(turn, packet, (short, *hash)).is_some()
    {
        return;
    }
    otherwise(turn, packet, (slot, short));
}

/// One that has no session to go the short way by, or did not seem to be one for it.
#[inline(never)]
fn otherwise<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, (slot, short): (&Slot, &Express)) {
    if let Slot::Done(verdict) = slot {
        turn.state.watch.recall_cause(turn.out.verdicts.len());
        return told(turn, packet, (None, *verdict));
    }
    if turn.state.overload.is_spent() && short.hint.is_none() && overload::at_once(turn, packet, slot, short)
    {
        return;
    }
    match slot {
        Slot::Express { hash } => {
            let slot = recall(turn, packet, (short, *hash));
            ordinary(turn, packet, &slot);
        }
        Slot::Outlined { .. } => {
            let slot = classify(turn, packet, None).unwrap_or_else(Slot::Done);
            ordinary(turn, packet, &slot);
        }
        Slot::Done(_) | Slot::Flow(_) | Slot::Arp { .. } => ordinary(turn, packet, slot),
    }
}

#[inline(never)]
fn ordinary<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, slot: &Slot) {
    let verdict = whole_way(turn, packet, slot);
    let flow = if let Slot::Flow(flow) = slot { Some(flow) } else { None };
    told(turn, packet, (flow, verdict));
}

#[inline(always)]
fn told<R: Recorder>(turn: &mut Turn<'_, R>, packet: &Packet<'_>, (flow, verdict): (Option<&Flow>, Verdict)) {
    account(turn, packet, flow, verdict);
    turn.out.verdicts.push(verdict);
}

impl Slot {
    /// Of the key of a packet that may have a session.
    #[inline]
    pub(crate) fn hash(&self) -> Option<u64> {
        match self {
            Self::Flow(flow) => Some(flow.hash),
            Self::Express { hash } | Self::Outlined { hash, .. } => Some(*hash),
            Self::Done(_) | Self::Arp { .. } => None,
        }
    }
}
