//! Fragments: which may pass, which wait for the first of their datagram, which give an attack away.
//!
//! The first carries the ports, which the others are judged by. Junos: `security flow force-ip-reassembly`, `fragment-limit`,
//! `fragment-reassembly-timeout`. Place: before the session lookup, at the datagram's owner. State: a table of fixed size, two ways a set,
//! the older entry gives way; a fixed number of buffers for those that wait. Spec: session-18..22, fragment-8..17, fragment-22..26.

mod place;
mod store;
mod table;

use ravelin_filter::Marks;
use ravelin_program::FragmentSettings;
use ravelin_translate::{BadFragment, Judgement, Passing, Piece};
use ravelin_types::{Addr, DropReason, Family, InstanceId, Instant, InterfaceId, Proto, WorkerId, ZoneId};
use ravelin_wire::{self as wire, Fragment, Network};

use crate::counters::Counters;
use crate::icmp_error;
use crate::key::FlowKey;
use crate::packet::{Packet, Transport};
use crate::verdict::Verdict;

pub(crate) use store::Store;
use table::{Entry, Place, Table};

/// What makes fragments those of one datagram (RFC 791 3.2, RFC 8200 4.5), and where they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Datagram {
    src: Addr,
    dst: Addr,
    id: u32,
    /// Zero for IPv6: a later fragment shows what follows the fragment header and not the transport.
    proto: Proto,
    family: Family,
    from: (ZoneId, InstanceId),
}

impl Datagram {
    const NONE: Self = Self {
        src: Addr(0),
        dst: Addr(0),
        id: 0,
        proto: Proto(0),
        family: Family::V4,
        from: (ZoneId(0), InstanceId::DEFAULT),
    };
}

/// What became of a first fragment that found no session here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Dropped(DropReason),
    /// Its session lives there.
    Gone(WorkerId),
}

impl Fate {
    /// `None`: its session is here, or nothing is known.
    pub(crate) const fn of(verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Drop(reason) => Some(Self::Dropped(reason)),
            Verdict::HandOver(over) => Some(Self::Gone(over.to)),
            Verdict::Send { .. } | Verdict::Consume => None,
        }
    }
}

/// A fragment as it came.
pub(crate) struct Arrival<'a> {
    pub packet: &'a Packet<'a>,
    pub network: &'a Network,
    pub l3_at: u16,
    pub from: (ZoneId, InstanceId),
    pub unit: InterfaceId,
    pub marks: Marks,
}

/// What becomes of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is judged by these ports.
    Pass(Transport),
    Held,
    Drop(DropReason),
    /// No sender makes it: it condemns its datagram.
    Bad(DropReason),
}

/// What is known of a fragment's datagram before the fragment is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    /// Nothing.
    Strange,
    /// The fragment would be dropped for this, and leave nothing changed.
    Doomed(DropReason),
    /// It is to be judged.
    Unclear,
}

#[derive(Debug)]
pub(crate) struct Fragments {
    table: Table,
    pub(crate) store: Store,
}

impl Fragments {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self { table: Table::new(key), store: Store::new() }
    }

    /// How datagrams pass that begin from now on. Called between batches; may allocate.
    pub(crate) fn adopt(&mut self, settings: FragmentSettings) {
        self.table.adopt(settings);
        if settings.whole.is_some() {
            self.store.admit_whole();
        }
    }

    /// Whether datagrams pass whole that begin now.
    pub(crate) fn are_whole(&self) -> bool {
        self.table.passing() == Passing::Whole
    }

    /// Bytes of a buffer for a fragment that waits; those in use, and all.
    pub(crate) fn buffers(&self) -> (usize, (usize, usize)) {
        self.store.buffers()
    }

    /// Judges a fragment among those of its datagram.
    pub(crate) fn take(&mut self, arrival: &Arrival<'_>, now: Instant, counters: &mut Counters) -> Taken {
        let network = arrival.network;
        let Some(datagram) = datagram(network, arrival.from) else {
            unreachable!("asked of fragments alone")
        };
        let at = self.enter(&datagram, now, counters);
        let until = self.table.until(at);
        let entry = self.table.get_mut(at);
        if let Some(reason) = entry.bad {
            return Taken::Drop(reason);
        }
        match judge(entry, arrival) {
            Ok(Judgement::Pass) => {}
            Ok(Judgement::Duplicate) => return Taken::Drop(DropReason::FragmentDuplicate),
            Ok(Judgement::Wait) => {
                let place = self.store.put(arrival.packet, arrival.marks, until);
                return match place {
                    Some(place) if entry.pieces.hold(place) => Taken::Held,
                    Some(place) => {
                        self.store.free(place, |_| {});
                        Taken::Drop(DropReason::FragmentHoldFull)
                    }
                    None => Taken::Drop(DropReason::FragmentHoldFull),
                };
            }
            Ok(Judgement::Part | Judgement::Whole) => return self.keep_part(at, arrival, until, counters),
            Ok(Judgement::Bad(bad)) => return self.condemn(at, reason(bad), counters),
            Err(reason) => return self.condemn(at, reason, counters),
        }
        if matches!(network.fragment, Fragment::First { .. }) {
            let transport = shown(arrival);
            entry.transport = Some(transport);
            let (places, count) = entry.pieces.release();
            self.store.release(&places[..count], transport);
        }
        let taken = entry.transport.map_or(Taken::Drop(DropReason::FragmentNoFirst), Taken::Pass);
        self.table.taken(at);
        taken
    }

    /// Keeps a piece of a datagram that passes whole, and releases all with the last. Where there is no room for one, the datagram can't
    /// become whole any more.
    #[inline(never)]
    fn keep_part(
        &mut self,
        at: Place,
        arrival: &Arrival<'_>,
        until: Instant,
        counters: &mut Counters,
    ) -> Taken {
        let entry = self.table.get_mut(at);
        if matches!(arrival.network.fragment, Fragment::First { .. }) {
            entry.transport = Some(shown(arrival));
        }
        let offset = match arrival.network.fragment {
            Fragment::Later { offset, .. } => offset,
            Fragment::First { .. } | Fragment::Whole => 0,
        };
        let Some(place) = self.store.put(arrival.packet, arrival.marks, until) else {
            self.condemn(at, DropReason::FragmentHoldFull, counters);
            return Taken::Drop(DropReason::FragmentHoldFull);
        };
        let first = self.store.link(entry.pieces.held_whole(), place, offset);
        entry.pieces.hold_whole(first);
        if let Some(transport) = entry.transport.filter(|_| entry.pieces.is_complete()) {
            let (places, count) = entry.pieces.release();
            self.store.release(&places[..count], transport);
            self.table.taken(at);
        }
        Taken::Held
    }

    /// Whether anything is known of a fragment's datagram, of which pieces are still to come.
    pub(crate) fn knows(&self, network: &Network, from: (ZoneId, InstanceId), now: Instant) -> bool {
        let table = &self.table;
        let known = |d: &Datagram| table.find_incomplete(d, table.hash(d), now).is_some();
        datagram(network, from).is_some_and(|datagram| known(&datagram))
    }

    /// What is known of a fragment's datagram, as far as can be told at once.
    #[inline(always)]
    pub(crate) fn glance(
        &self,
        (network, from): (&Network, (ZoneId, InstanceId)),
        (frame, l3_at): (&[u8], u16),
        now: Instant,
    ) -> Glance {
        let Some(datagram) = datagram(network, from) else { return Glance::Unclear };
        let hash = self.table.hash(&datagram);
        if self.table.is_strange(hash) {
            return Glance::Strange;
        }
        let may_be_copy = !icmp_error::is_error(network);
        let place = |proto| place::of(frame, l3_at.into(), network, proto).filter(|_| may_be_copy);
        self.second_glance((&datagram, hash), network.proto, place, now)
    }

    /// The same of a piece, which is no ICMP error.
    #[inline(always)]
    pub(crate) fn glance_at(&self, piece: &wire::Piece, from: (ZoneId, InstanceId), now: Instant) -> Glance {
        let wire::Piece { src, dst, proto, id, offset, len, more, .. } = *piece;
        let datagram = Datagram { src, dst, id: id.into(), proto, family: Family::V4, from };
        let hash = self.table.hash(&datagram);
        if self.table.is_strange(hash) {
            return Glance::Strange;
        }
        let place = |proto| Some(Piece { offset, len, more, header_len: wire::Piece::HEADER_LEN, proto });
        self.second_glance((&datagram, hash), proto, place, now)
    }

    /// `proto`: as the fragment's header has it; `place` tells where it lies, by that or by what is known of its datagram.
    #[inline(never)]
    fn second_glance(
        &self,
        (datagram, hash): (&Datagram, u64),
        proto: Proto,
        place: impl FnOnce(Proto) -> Option<Piece>,
        now: Instant,
    ) -> Glance {
        let Some(at) = self.table.find_incomplete(datagram, hash, now) else { return Glance::Strange };
        let entry = self.table.get(at);
        if let Some(reason) = entry.bad {
            return Glance::Doomed(reason);
        }
        match place(entry.transport.map_or(proto, |t| t.proto)) {
            Some(piece) if entry.pieces.is_copy(&piece) => Glance::Doomed(DropReason::FragmentDuplicate),
            Some(_) | None => Glance::Unclear,
        }
    }

    /// Notes what became of a datagram's first fragment, for those that find no session either.
    pub(crate) fn note(
        &mut self,
        (network, from): (&Network, (ZoneId, InstanceId)),
        fate: Fate,
        now: Instant,
        counters: &mut Counters,
    ) {
        let Some(datagram) = datagram(network, from) else { return };
        let at = match self.table.find(&datagram, now) {
            Some(known) => known,
            None => self.enter(&datagram, now, counters),
        };
        self.table.get_mut(at).fate = Some(fate);
    }

    /// The same of one that was held, while the buffers are lent: nothing may give way to it.
    pub(crate) fn note_known(
        &mut self,
        (network, from): (&Network, (ZoneId, InstanceId)),
        fate: Fate,
        now: Instant,
    ) {
        let known = datagram(network, from).and_then(|datagram| self.table.find(&datagram, now));
        if let Some(at) = known {
            self.table.get_mut(at).fate = Some(fate);
        }
    }

    /// What became of the first of a later fragment's datagram here.
    pub(crate) fn fate(&self, network: &Network, from: (ZoneId, InstanceId), now: Instant) -> Option<Fate> {
        let datagram = datagram(network, from)?;
        self.table.get(self.table.find(&datagram, now)?).fate
    }

    /// Drops what waited in vain. Called before anything else at a time, so that no entry names a place that
    /// is not its own any more.
    pub(crate) fn age(&mut self, now: Instant, counters: &mut Counters) {
        self.store.expire(now, |reason| counters.drop(reason));
    }

    /// No fragment passes any more, and none that waits either.
    fn condemn(&mut self, at: Place, reason: DropReason, counters: &mut Counters) -> Taken {
        let entry = self.table.get_mut(at);
        entry.bad = Some(reason);
        forget(entry, &mut self.store, |_| counters.drop(reason));
        Taken::Bad(reason)
    }

    /// Where a datagram's entry is, made if need be.
    fn enter(&mut self, datagram: &Datagram, now: Instant, counters: &mut Counters) -> Place {
        let Self { table, store } = self;
        table.enter(datagram, now, |old| forget(old, store, |reason| counters.drop(reason)))
    }
}

/// Nothing waits for a datagram any more.
fn forget(entry: &mut Entry, store: &mut Store, mut lost: impl FnMut(DropReason)) {
    let (places, count) = entry.pieces.release();
    for place in &places[..count] {
        store.free(*place, &mut lost);
    }
}

/// What a first fragment shows.
fn shown(arrival: &Arrival<'_>) -> Transport {
    let key = FlowKey::of(arrival.network, None, arrival.from.1);
    Transport { proto: arrival.network.proto, ports: (key.sport(), key.dport()) }
}

fn judge(entry: &mut Entry, arrival: &Arrival<'_>) -> Result<Judgement, DropReason> {
    let network = arrival.network;
    if icmp_error::is_error(network) {
        return Err(DropReason::IcmpErrorFragment);
    }
    let known = entry.transport.map_or(network.proto, |t| t.proto);
    let piece = place::of(arrival.packet.bytes(), arrival.l3_at.into(), network, known);
    piece.map(|piece| entry.pieces.judge(&piece)).ok_or(DropReason::FragmentLength)
}

/// The facts that name a fragment's datagram to every worker.
pub(crate) fn identity(network: &Network) -> Network {
    let proto = if network.family == Family::V4 { network.proto } else { Proto(0) };
    Network { proto, ..*network }
}

fn datagram(network: &Network, from: (ZoneId, InstanceId)) -> Option<Datagram> {
    match network.fragment {
        Fragment::Whole => None,
        Fragment::First { id } | Fragment::Later { id, .. } => {
            let Network { src, dst, proto, family, .. } = identity(network);
            Some(Datagram { src, dst, id, proto, family, from })
        }
    }
}

const fn reason(bad: BadFragment) -> DropReason {
    match bad {
        BadFragment::Length => DropReason::FragmentLength,
        BadFragment::TooLong => DropReason::FragmentTooLong,
        BadFragment::Tiny => DropReason::FragmentTiny,
        BadFragment::Overlap => DropReason::FragmentOverlap,
        BadFragment::Ends => DropReason::FragmentEnds,
        BadFragment::TooMany => DropReason::FragmentTooMany,
        // Its entry says why, before it is asked.
        BadFragment::Condemned => DropReason::FragmentNoFirst,
    }
}
