//! Overload: a worker that can't keep up serves first what it has sessions for.
//!
//! A backend whose rings fill faster than they are emptied will lose frames, and can't tell which. The engine can: under
//! pressure packets without a session, and ICMP errors, take the long way only as far as a share of what arrives pays for it;
//! the others are dropped as `overload` before anything dear is done for them. Place: behind the session lookup, before
//! screens and the first path. State: an account of tokens, per worker. Spec: overload-1.

use ravelin_types::DropReason;
use ravelin_wire::Fragment;

use crate::explain::Recorder;
use crate::express::Express;
use crate::fragment::Arrival;
use crate::key::FlowKey;
use crate::outline::Waits;
use crate::packet::{Handed, Ingress, Packet, Stage};
use crate::state::State;
use crate::steer::Towards;
use crate::step::{Flow, Slot, Turn, account};
use crate::verdict::Verdict;
use crate::{alg, host, icmp_error};

/// Packets that arrive under pressure for each that may take the long way: that costs about ten times what an
/// established packet does.
const PRICE: u32 = 128;
/// Long ways that may be saved up.
const SAVED_MAX: u32 = 2;

/// Whether a worker is under pressure, and what it can pay for.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    pressed: bool,
    tokens: u32,
    /// Tokens of this batch that first fragments will pay with: they are remembered before they are judged.
    promised: u32,
    /// Sessions opened until the batch began.
    opened: u64,
    /// A first fragment that waits, while a batch is examined.
    pub(crate) waits: Option<Waits>,
}

impl Overload {
    pub(crate) fn press(&mut self, pressed: bool) {
        self.pressed = pressed;
    }

    /// So many packets came, after so many sessions.
    #[inline(always)]
    pub(crate) fn received(&mut self, packets: usize, opened: u64) {
        self.opened = opened;
        // A batch is short, and the sum is bounded: nothing overflows.
        self.tokens = (self.tokens + packets as u32).min(SAVED_MAX * PRICE);
        self.promised = 0;
    }

    #[inline(always)]
    pub(crate) fn is_pressed(&self) -> bool {
        self.pressed
    }

    /// Whether no fragment of an unknown datagram can be remembered now.
    #[inline(always)]
    pub(crate) fn refuses_fragments(&self) -> bool {
        self.tokens < self.promised + PRICE
    }

    /// Whether nothing more can take the long way now.
    #[inline(always)]
    pub(crate) fn is_spent(&self) -> bool {
        self.pressed && self.tokens < PRICE
    }

    /// Whether one more fragment of an unknown datagram may be remembered. A first pays when it opens its session; one that
    /// waits for its first pays now.
    fn admits_fragment(&mut self, is_first: bool) -> bool {
        if self.refuses_fragments() {
            return false;
        }
        match is_first {
            true => self.promised += PRICE,
            false => self.tokens -= PRICE,
        }
        true
    }

    /// Whether one more may take the long way, which it pays for.
    fn affords(&mut self) -> bool {
        let left = self.tokens.checked_sub(PRICE);
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }
}

/// Judges a packet that would take the long way.
#[inline]
pub(crate) fn check<R>(turn: &mut Turn<'_, R>, flow: &Flow) -> Result<(), DropReason> {
    let overload = &mut turn.state.overload;
    if !overload.pressed {
        return Ok(());
    }
    if is_exempt(flow) || overload.affords() { Ok(()) } else { Err(DropReason::Overload) }
}

/// What the kernel sends, a client's that has proved to be there, neighbour discovery and what goes to many, which routing
/// protocols and redundancy live by, and what another worker has done the work for.
fn is_exempt(flow: &Flow) -> bool {
    let paid = match flow.handed {
        Some(Handed { stage: Stage::Home | Stage::Ports, .. }) => true,
        // It waited here for the rest of its datagram, and paid when it came.
        Some(Handed { stage: Stage::Datagram, ports, .. }) => ports.is_some(),
        Some(_) | None => false,
    };
    flow.from_host || flow.proven || paid || host::is_stateless(flow)
}

/// Whether an ICMP error is shed: one for which a session is here, or at another worker, is not.
pub(crate) fn sheds_error<R>(turn: &Turn<'_, R>, packet: &Packet<'_>, flow: &Flow) -> bool {
    turn.state.overload.is_spent() && !is_exempt(flow) && !icmp_error::has_session(turn, packet, flow)
}

/// Ends a packet at once that would be shed anyway: one for which the prefetch found no session, when no session was opened
/// since. A flood then costs little more than the look for one. Asked when nothing can be paid for; `false`: it goes
/// its ordinary way.
#[inline(never)]
pub(crate) fn at_once<R: Recorder>(
    turn: &mut Turn<'_, R>,
    packet: &Packet<'_>,
    slot: &Slot,
    express: &Express,
) -> bool {
    // The other node may have the session.
    if R::ON || turn.world.fabrics.is_some() || turn.state.sessions_opened() != turn.state.overload.opened {
        return false;
    }
    let flow = match slot {
        Slot::Express { .. } => {
            if is_elsewhere(turn, express.key()) {
                return false;
            }
            turn.state.counters.received(express.unit(), packet.len());
            None
        }
        Slot::Outlined { unit, .. } => {
            turn.state.counters.received(*unit, packet.len());
            None
        }
        // What becomes of a first fragment is noted; who was led here by a stub is told that it leads nowhere.
        Slot::Flow(flow)
            if flow.network.fragment == Fragment::Whole
                && matches!(flow.handed, None | Some(Handed { stage: Stage::Tuple, .. }))
                && !icmp_error::is_error_of_many(turn, &flow.network)
                && !is_exempt(flow)
                && !is_elsewhere(turn, &flow.key) =>
        {
            Some(flow)
        }
        Slot::Flow(_) | Slot::Done(_) | Slot::Arp { .. } => return false,
    };
    let verdict = Verdict::Drop(DropReason::Overload);
    account(turn, packet, flow, verdict);
    turn.out.verdicts.push(verdict);
    true
}

/// Whether the session of a key may be another worker's: its packets are handed over, not shed.
pub(crate) fn is_elsewhere<R>(turn: &Turn<'_, R>, key: &FlowKey) -> bool {
    let State { steering, stubs, .. } = &*turn.state;
    !steering.is_alone()
        && (steering.of_key(&turn.world.rules, key, Towards::In) != steering.worker()
            || stubs.owner(key).is_some()
            || stubs.owner(&alg::any_port(key)).is_some())
}

/// Judges a fragment before anything is remembered of its datagram. One of a datagram that is known, and a first whose
/// session is here or may be another worker's passes; of others nothing is kept that nobody can pay for.
pub(crate) fn check_fragment<R>(turn: &mut Turn<'_, R>, arrival: &Arrival<'_>) -> Result<(), DropReason> {
    let Arrival { packet, network, from: (_, instance), .. } = *arrival;
    if !turn.state.overload.pressed
        || matches!(packet.ingress, Ingress::Host(_))
        || network.dst.is_multicast(network.family)
        || turn.state.fragments.knows(network, arrival.from, turn.now)
    {
        return Ok(());
    }
    let passes = match network.fragment {
        Fragment::Whole => true,
        Fragment::First { .. } => {
            let key = FlowKey::of(network, None, instance);
            turn.state.sessions.find(&key).is_some() || is_elsewhere(turn, &key)
        }
        Fragment::Later { .. } => false,
    };
    // One that waits for the rest is not judged in this batch.
    let is_first = matches!(network.fragment, Fragment::First { .. }) && !turn.state.fragments.are_whole();
    if passes || turn.state.overload.admits_fragment(is_first) { Ok(()) } else { Err(DropReason::Overload) }
}
