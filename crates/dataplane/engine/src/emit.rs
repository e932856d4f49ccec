//! Packets that leave beside those of the batch: fragments that waited for others, pieces, segments of the firewall's own.
//!
//! Place: behind the verdict, as for the batch's own. State: none; what leaves is an answer of the step.

use ravelin_types::{DropReason, InterfaceId};
use ravelin_wire::Fragment;

use crate::explain::Recorder;
use crate::fragment::Fate;
use crate::output::Onward;
use crate::packet::{Handed, Packet, Stage};
use crate::step::{Flow, Slot, Turn, account, classify, judge};
use crate::verdict::Verdict;
use crate::{filters, mirror};

/// Judges the fragments that waited for one of this batch as the packets that they are, behind it.
pub(crate) fn release_fragments<R: Recorder>(turn: &mut Turn<'_, R>) {
    if !turn.state.fragments.store.has_released() {
        return;
    }
    let mut store = std::mem::take(&mut turn.state.fragments.store);
    store.drain(|packet, held, transport| {
        let from = turn.state.worker;
        let (stage, ports, marks) = (Stage::Datagram, Some(transport), held.marks);
        packet.handed = Some(Handed { from, stage, hops: held.hops, ports, marks, entered: None });
        let slot = classify(turn, packet, None);
        let came_by = slot.as_ref().ok().and_then(mirror::came_by);
        let verdict = match slot {
            Err(verdict) | Ok(Slot::Done(verdict)) => verdict,
            Ok(Slot::Flow(flow)) => {
                let verdict = filters::with_marks(judge(turn, packet, &flow), flow.marks);
                note_fate(turn, &flow, verdict);
                verdict
            }
            Ok(Slot::Arp { .. } | Slot::Express { .. } | Slot::Outlined { .. }) => {
                unreachable!("a fragment is a datagram")
            }
        };
        emit(turn, packet, verdict, came_by);
    });
    turn.state.fragments.store = store;
}

/// Remembers what became of a first fragment that was held, for those behind it.
fn note_fate<R: Recorder>(turn: &mut Turn<'_, R>, flow: &Flow, verdict: Verdict) {
    if let (Fragment::First { .. }, Some(fate)) = (flow.network.fragment, Fate::of(verdict)) {
        turn.state.fragments.note_known((&flow.network, flow.from()), fate, turn.now);
    }
}

/// Does what a verdict says of a packet that is none of the batch's.
pub(crate) fn emit<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    verdict: Verdict,
    came_by: Option<InterfaceId>,
) {
    let leaves = matches!(verdict, Verdict::Send { .. } | Verdict::HandOver(_));
    let answer = if leaves { turn.out.answer(packet.len()) } else { None };
    let verdict = match (verdict, answer) {
        (Verdict::Send { egress, unit, partial }, Some(answer)) => {
            (answer.egress, answer.unit, answer.partial) = (egress, unit, partial);
            answer.came_by = came_by;
            answer.bytes_mut().copy_from_slice(packet.bytes());
            verdict
        }
        (Verdict::HandOver(over), Some(answer)) => {
            answer.onward = Some(Onward { over, ingress: packet.ingress, checksum: packet.checksum });
            answer.bytes_mut().copy_from_slice(packet.bytes());
            verdict
        }
        (Verdict::Send { .. } | Verdict::HandOver(_), None) => Verdict::Drop(DropReason::AnswerQueueFull),
        (Verdict::Drop(_) | Verdict::Consume, _) => verdict,
    };
    account(turn, packet, None, verdict);
}
