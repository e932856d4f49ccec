//! A batch: examine all, bring all close, then act on each in order.
//!
//! Place: the middle of a step; while a trace of paths runs, `watch` does the same with some of the packets on tape.

use crate::explain::Recorder;
use crate::express::{self, Express};
use crate::packet::Packet;
use crate::step::{Slot, Turn, account, classify, examine, whole_way};
use crate::verdict::Verdict;

/// Examines all, brings all close, then acts on each in order.
#[inline(always)]
pub(crate) fn run<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packets: &mut [Packet<'_>],
    (flows, shorts): (&mut [Slot], &mut [Express]),
) {
    for ((packet, slot), short) in packets.iter().zip(&mut *flows).zip(&mut *shorts) {
        examine(turn, packet, (slot, short));
    }
    hint(turn, flows, shorts);
    for ((packet, slot), short) in packets.iter_mut().zip(&*flows).zip(&*shorts) {
        let verdict = act(turn, packet, slot, short);
        turn.out.verdicts.push(verdict);
    }
}

/// Brings the sessions close that the packets are probably of.
#[inline(always)]
pub(crate) fn hint<R: Recorder>(turn: &Turn<'_, R>, flows: &[Slot], shorts: &mut [Express]) {
    let mut missed = false;
    for (slot, short) in flows.iter().zip(&mut *shorts) {
        short.hint = slot.hash().and_then(|hash| turn.state.sessions.prefetch_record(hash));
        missed |= short.hint.is_none();
    }
    if missed {
        for (slot, short) in flows.iter().zip(shorts).filter(|(_, short)| short.hint.is_none()) {
            short.hint = slot.hash().and_then(|hash| turn.state.sessions.prefetch_record_of_second(hash));
        }
    }
}

/// One packet to its verdict, counted.
#[inline(always)]
pub(crate) fn act<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &mut Packet<'_>,
    slot: &Slot,
    short: &Express,
) -> Verdict {
    let Slot::Express { hash } = slot else { return ordinary(turn, packet, slot) };
    express::run(turn, packet, (short, *hash)).unwrap_or_else(|| {
        let slot = classify(turn, packet, short.marks).unwrap_or_else(Slot::Done);
        ordinary(turn, packet, &slot)
    })
}

fn ordinary<R: Recorder>(turn: &mut Turn<'_, R>, packet: &mut Packet<'_>, slot: &Slot) -> Verdict {
    let verdict = whole_way(turn, packet, slot);
    let flow = if let Slot::Flow(flow) = slot { Some(flow) } else { None };
    account(turn, packet, flow, verdict);
    verdict
}
