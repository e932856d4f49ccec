//! A batch: examine all, bring all close, then act on each in order.
//!
//! Place: the middle of a step; while a trace of paths runs, `watch` does the same with some of the packets on tape.

use crate::explain::Recorder;
use crate::express::{self, Express, Looked};
use crate::mirror;
use crate::outline;
use crate::overload;
use crate::packet::Packet;
use crate::step::{Flow, Slot, Turn, account, classify, recall, whole_way};
use crate::verdict::Verdict;

/// Examines all, brings all close, then acts on each in order.
#[inline(always)]
pub(crate) fn run<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packets: &mut [Packet<'_>],
    (flows, shorts): (&mut Vec<Slot>, &mut [Express]),
) {
    for (packet, short) in packets.iter().zip(shorts.iter_mut()) {
        examine(turn, (packets, packet), (&mut *flows, short));
    }
    outline::settle(turn, packets, flows);
    hint(turn, flows, shorts);
    for ((packet, slot), short) in packets.iter_mut().zip(&*flows).zip(&*shorts) {
        act(turn, packet, slot, short);
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
#[inline(always)]
pub(crate) fn hint<R: Recorder>(turn: &Turn<'_, R>, flows: &[Slot], shorts: &mut [Express]) {
    let mut missed = false;
    for (slot, short) in flows.iter().zip(&mut *shorts) {
        let hash = slot.hash();
        short.hint = hash.and_then(|hash| turn.state.sessions.prefetch_record(hash));
        missed |= hash.is_some() && short.hint.is_none();
    }
    if missed {
        for (slot, short) in flows.iter().zip(shorts).filter(|(_, short)| short.hint.is_none()) {
            short.hint = slot.hash().and_then(|hash| turn.state.sessions.prefetch_record_of_second(hash));
        }
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
    if let Slot::Done(verdict) = slot {
        turn.state.watch.recall_cause(turn.out.verdicts.len());
        return told(turn, packet, (None, *verdict));
    }
    if turn.state.overload.is_spent() && short.hint.is_none() && overload::at_once(turn, packet, slot, short)
    {
        return;
    }
    match slot {
        Slot::Express { hash } if express::run(turn, packet, (short, *hash)).is_some() => {}
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
