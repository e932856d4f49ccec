//! Packets that come in by a persistent mapping.
//!
//! Junos: `persistent-nat`. Place: first path, behind destination NAT and before the packet is found to be local; the policy
//! judges them like any other. State: the mappings, at the worker that leased. Spec: nat-persistent-1..16.

use ravelin_nat::{Lease, Refusal};
use ravelin_types::DropReason;

use crate::first_path::Draft;
use crate::nat::{self, Inward};
use crate::packet::Stage;
use crate::step::{Flow, Turn};
use crate::verdict::Verdict;

/// Where a packet to a mapped endpoint goes; one to any other is as it was. `Err`: it is another worker's to
/// say, or the mapping does not let it in.
pub(crate) fn seek<R>(turn: &Turn<'_, R>, flow: &Flow, inward: Inward) -> Result<Inward, Verdict> {
    if !turn.world.rules.nat.is_persistent {
        return Ok(inward);
    }
    let key = &inward.key;
    let state = &turn.state;
    let Some(owner) = state.leases.owner((key.dst_family(), key.dst()), key.dport()) else {
        return Ok(inward);
    };
    // Whoever was asked already is the one to say.
    let asked = flow.handed.is_some_and(|h| matches!(h.stage, Stage::Home | Stage::Ports));
    if let Some(over) = state.steering.to(owner, Stage::Home, flow.handed).filter(|_| !asked) {
        return Err(Verdict::HandOver(over));
    }
    let packet = nat::inbound(key);
    match state.leases.seek(&packet, turn.now) {
        Ok((family, addr, port)) => Ok(inward.entering(packet, family, addr, port)),
        Err(Refusal::NoMapping) => Ok(inward),
        Err(refusal) => Err(Verdict::Drop(nat::reason(refusal))),
    }
}

/// Counts a session in with the mapping that it comes by, if any.
pub(crate) fn enter<R>(turn: &mut Turn<'_, R>, draft: &Draft) -> Result<Option<Lease>, DropReason> {
    let Some(packet) = &draft.entered else { return Ok(None) };
    turn.state.leases.enter(packet, turn.now).map(Some).map_err(nat::reason)
}
