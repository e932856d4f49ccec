//! Fragments: which may pass, which wait for the first of their datagram, which give an attack away.
//!
//! The first carries the ports, which the others are judged by. Place: before the session lookup, at the datagram's
//! owner. State: a table of fixed size, two ways a set, the older entry gives way; a fixed number of buffers for
//! those that wait. Spec: session-18..22, fragment-8..17.

mod place;
mod store;

use std::hash::Hasher;

use ravelin_filter::Marks;
use ravelin_translate::{BadFragment, Fragments as Pieces, Judgement};
use ravelin_types::{Addr, DropReason, Family, InstanceId, Instant, Proto, WorkerId, ZoneId};
use ravelin_wire::{Fragment, Network};
use siphasher::sip::SipHasher13;

use crate::counters::Counters;
use crate::icmp_error;
use crate::key::FlowKey;
use crate::packet::{Packet, Transport};

pub(crate) use store::Store;

/// Sets of two entries.
const SETS: usize = 2048;
/// How long a datagram's fragments are waited for (RFC 791: 15 s; Junos: 2 s).
const LIFE_NS: u64 = 2_000_000_000;

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

/// What became of a first fragment that found no session here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Dropped(DropReason),
    /// Its session lives there.
    Gone(WorkerId),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    datagram: Datagram,
    pieces: Pieces,
    transport: Option<Transport>,
    /// Why no fragment passes any more.
    bad: Option<DropReason>,
    fate: Option<Fate>,
    until: Instant,
}

/// A fragment as it came.
pub(crate) struct Arrival<'a> {
    pub packet: &'a Packet<'a>,
    pub network: &'a Network,
    pub l3_at: u16,
    pub from: (ZoneId, InstanceId),
    pub marks: Marks,
}

/// What becomes of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is judged by these ports.
    Pass(Transport),
    Held,
    Drop(DropReason),
}

#[derive(Debug)]
pub(crate) struct Fragments {
    sets: Box<[[Option<Entry>; 2]]>,
    key: (u64, u64),
    pub(crate) store: Store,
}

impl Fragments {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self { sets: vec![[None; 2]; SETS].into_boxed_slice(), key, store: Store::new() }
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
        let (set, way) = self.entry(&datagram, now, counters);
        let Some(entry) = &mut self.sets[set][way] else { unreachable!("the entry was just found or made") };
        if let Some(reason) = entry.bad {
            return Taken::Drop(reason);
        }
        match judge(entry, arrival) {
            Ok(Judgement::Pass) => {}
            Ok(Judgement::Duplicate) => return Taken::Drop(DropReason::FragmentDuplicate),
            Ok(Judgement::Wait) => {
                let place = self.store.put(arrival.packet, arrival.marks, entry.until);
                return match place {
                    Some(place) if entry.pieces.hold(place) => Taken::Held,
                    Some(place) => {
                        self.store.free(place);
                        Taken::Drop(DropReason::FragmentHoldFull)
                    }
                    None => Taken::Drop(DropReason::FragmentHoldFull),
                };
            }
            Ok(Judgement::Bad(bad)) => return self.condemn((set, way), reason(bad), counters),
            Err(reason) => return self.condemn((set, way), reason, counters),
        }
        if matches!(network.fragment, Fragment::First { .. }) {
            let key = FlowKey::of(network, None, arrival.from.1);
            let transport = Transport { proto: network.proto, ports: (key.sport(), key.dport()) };
            entry.transport = Some(transport);
            let (places, count) = entry.pieces.release();
            self.store.release(&places[..count], transport);
        }
        entry.transport.map_or(Taken::Drop(DropReason::FragmentNoFirst), Taken::Pass)
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
        let (set, way) = match self.find(&datagram, now) {
            Some(known) => known,
            None => self.entry(&datagram, now, counters),
        };
        if let Some(entry) = &mut self.sets[set][way] {
            entry.fate = Some(fate);
        }
    }

    /// What became of the first of a later fragment's datagram here.
    pub(crate) fn fate(&self, network: &Network, from: (ZoneId, InstanceId), now: Instant) -> Option<Fate> {
        let datagram = datagram(network, from)?;
        let (set, way) = self.find(&datagram, now)?;
        self.sets[set][way]?.fate
    }

    /// Drops what waited in vain. Called before anything else at a time, so that no entry names a place that
    /// is not its own any more.
    pub(crate) fn age(&mut self, now: Instant, counters: &mut Counters) {
        self.store.expire(now, || counters.drop(DropReason::FragmentNoFirst));
    }

    /// No fragment passes any more, and none that waits either.
    fn condemn(&mut self, (set, way): (usize, usize), reason: DropReason, counters: &mut Counters) -> Taken {
        if let Some(entry) = &mut self.sets[set][way] {
            entry.bad = Some(reason);
            let (places, count) = entry.pieces.release();
            for place in &places[..count] {
                self.store.free(*place);
                counters.drop(reason);
            }
        }
        Taken::Drop(reason)
    }

    /// Where a datagram's entry is.
    fn find(&self, datagram: &Datagram, now: Instant) -> Option<(usize, usize)> {
        let at = self.set(datagram);
        let same = |e: &Option<Entry>| e.is_some_and(|e| e.datagram == *datagram && now < e.until);
        self.sets[at].iter().position(same).map(|way| (at, way))
    }

    /// Where a datagram's entry is, made if need be. One that is complete is of another datagram: its identification
    /// may be used again. What became of it is known until then.
    fn entry(&mut self, datagram: &Datagram, now: Instant, counters: &mut Counters) -> (usize, usize) {
        let at = self.set(datagram);
        let known = self.find(datagram, now).map(|(_, way)| way);
        let set = &mut self.sets[at];
        let is_over = |e: &Option<Entry>| e.is_none_or(|e| e.until <= now || e.pieces.is_complete());
        if let Some(way) = known.filter(|way| !is_over(&set[*way])) {
            return (at, way);
        }
        let stale = set.iter().position(is_over);
        let older = || usize::from(set[0].map(|e| e.until) > set[1].map(|e| e.until));
        let way = known.or(stale).unwrap_or_else(older);
        if let Some(mut old) = set[way].filter(|e| now < e.until) {
            let (places, count) = old.pieces.release();
            for place in &places[..count] {
                self.store.free(*place);
                counters.drop(DropReason::FragmentNoFirst);
            }
        }
        let until = Instant(now.0.saturating_add(LIFE_NS));
        let (datagram, pieces) = (*datagram, Pieces::default());
        set[way] = Some(Entry { datagram, pieces, transport: None, bad: None, fate: None, until });
        (at, way)
    }

    fn set(&self, d: &Datagram) -> usize {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        hasher.write_u128(d.src.0);
        hasher.write_u128(d.dst.0);
        hasher.write_u64(u64::from(d.id) << 8 | u64::from(d.proto.0));
        hasher.finish() as usize % SETS
    }
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

const _: () = assert!(size_of::<Entry>() <= 416, "4096 of them a worker");
