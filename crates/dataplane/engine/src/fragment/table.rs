//! The table of datagrams: two ways a set, the older entry gives way.
//!
//! Tags lie apart from the entries, so that whoever floods the table touches few cache lines for each fragment.
//! State: fixed at start. Spec: session-20.

use ravelin_mem::KeyedHash;
use ravelin_program::{FragmentSettings, PiecesMax};
use ravelin_translate::{FRAGMENTS_MAX, Fragments as Pieces, Passing};
use ravelin_types::{DropReason, Family, Instant};

use super::{Datagram, Fate};
use crate::packet::Transport;

/// Sets of two entries.
const SETS: usize = 2048;
/// How long a datagram's fragments are waited for when nothing is said (RFC 791: 15 s; Junos: 2 s).
const LIFE_NS: u64 = 2 * NS_OF_S;
const NS_OF_S: u64 = 1_000_000_000;

/// Set and way of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    set: u16,
    way: u8,
}

/// What tells entries apart without a look at them.
#[derive(Clone, Copy, Debug)]
struct Tag {
    hash: u64,
    /// Zero: never used.
    until: Instant,
    /// Every piece has come: the identification may be of another datagram next.
    is_complete: bool,
}

/// What is known of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    datagram: Datagram,
    pub pieces: Pieces,
    pub transport: Option<Transport>,
    /// Why no fragment passes any more.
    pub bad: Option<DropReason>,
    pub fate: Option<Fate>,
}

#[derive(Debug)]
pub(super) struct Table {
    tags: Box<[[Tag; 2]]>,
    /// The highest bits of the tags' hashes, in few lines: enough to tell that a datagram is not here.
    prints: Box<[[u16; 2]]>,
    entries: Box<[[Entry; 2]]>,
    hash: KeyedHash,
    /// How datagrams pass that begin from now on, in how many pieces those that pass whole, and how long they are waited for.
    passing: Passing,
    most: u8,
    life_ns: u64,
}

impl Table {
    pub fn new(key: (u64, u64)) -> Self {
        const UNUSED: Tag = Tag { hash: 0, until: Instant::ZERO, is_complete: false };
        let empty = Entry {
            datagram: Datagram::NONE,
            pieces: Pieces::default(),
            transport: None,
            bad: None,
            fate: None,
        };
        Self {
            tags: vec![[UNUSED; 2]; SETS].into_boxed_slice(),
            prints: vec![[0; 2]; SETS].into_boxed_slice(),
            entries: vec![[empty; 2]; SETS].into_boxed_slice(),
            hash: KeyedHash::new(key),
            passing: Passing::BehindFirst,
            most: FRAGMENTS_MAX as u8,
            life_ns: LIFE_NS,
        }
    }

    /// What has begun goes on as it did.
    pub fn adopt(&mut self, settings: FragmentSettings) {
        let FragmentSettings { whole, timeout } = settings;
        self.passing = if whole.is_some() { Passing::Whole } else { Passing::BehindFirst };
        self.most = whole.map_or(FRAGMENTS_MAX as u8, PiecesMax::get);
        self.life_ns = timeout.map_or(LIFE_NS, |seconds| u64::from(seconds) * NS_OF_S);
    }

    pub const fn passing(&self) -> Passing {
        self.passing
    }

    /// Where a datagram's entry is.
    pub fn find(&self, datagram: &Datagram, now: Instant) -> Option<Place> {
        self.find_hashed(datagram, self.hash(datagram), now)
    }

    /// Whether a datagram of this hash has no entry for certain.
    #[inline(always)]
    pub fn is_strange(&self, hash: u64) -> bool {
        !self.prints[usize::from(set_of(hash))].contains(&print_of(hash))
    }

    /// Where a datagram's entry is, if pieces of it are still to come.
    pub fn find_incomplete(&self, datagram: &Datagram, hash: u64, now: Instant) -> Option<Place> {
        let at = self.find_hashed(datagram, hash, now)?;
        (!self.tags[usize::from(at.set)][usize::from(at.way)].is_complete).then_some(at)
    }

    /// Where a datagram's entry is, made if need be. One that is complete is of another datagram: its identification
    /// may be used again. What became of it is known until then. `gives_way` is told of one that was pushed out.
    pub fn enter(&mut self, datagram: &Datagram, now: Instant, gives_way: impl FnOnce(&mut Entry)) -> Place {
        let hash = self.hash(datagram);
        let known = self.find_hashed(datagram, hash, now);
        let set = known.map_or_else(|| set_of(hash), |place| place.set);
        let tags = &mut self.tags[usize::from(set)];
        if let Some(place) = known
            && !tags[usize::from(place.way)].is_complete
        {
            return place;
        }
        let stale = tags.iter().position(|tag| tag.until <= now || tag.is_complete);
        let older = usize::from(tags[0].until > tags[1].until);
        let way = known.map(|place| usize::from(place.way)).or(stale).unwrap_or(older);
        let (tag, entry) = (&mut tags[way], &mut self.entries[usize::from(set)][way]);
        if now < tag.until {
            gives_way(entry);
        }
        self.prints[usize::from(set)][way] = print_of(hash);
        *tag = Tag { hash, until: Instant(now.0.saturating_add(self.life_ns)), is_complete: false };
        entry.datagram = *datagram;
        entry.pieces.begin(self.passing, self.most);
        (entry.transport, entry.bad, entry.fate) = (None, None, None);
        Place { set, way: way as u8 }
    }

    pub fn get(&self, place: Place) -> &Entry {
        &self.entries[usize::from(place.set)][usize::from(place.way)]
    }

    pub fn get_mut(&mut self, place: Place) -> &mut Entry {
        &mut self.entries[usize::from(place.set)][usize::from(place.way)]
    }

    /// Until when a datagram is waited for.
    pub fn until(&self, place: Place) -> Instant {
        self.tags[usize::from(place.set)][usize::from(place.way)].until
    }

    /// A piece was taken: it may have been the last.
    pub fn taken(&mut self, place: Place) {
        let is_complete = self.get(place).pieces.is_complete();
        self.tags[usize::from(place.set)][usize::from(place.way)].is_complete = is_complete;
    }

    fn find_hashed(&self, datagram: &Datagram, hash: u64, now: Instant) -> Option<Place> {
        let set = set_of(hash);
        let entries = &self.entries[usize::from(set)];
        let tags = self.tags[usize::from(set)].iter().zip(entries);
        let way = { tags }
            .position(|(tag, entry)| tag.hash == hash && now < tag.until && entry.datagram == *datagram)?;
        Some(Place { set, way: way as u8 })
    }

    /// What the table goes by.
    #[inline(always)]
    pub fn hash(&self, d: &Datagram) -> u64 {
        let halves = |addr: u128| [addr as u64, (addr >> 64) as u64];
        let ([a, b], [c, e]) = (halves(d.src.0), halves(d.dst.0));
        let which = u64::from(d.id) << 8 | u64::from(d.proto.0);
        match d.family {
            // As the keys of sessions: the number of words keeps the families apart.
            Family::V4 => self.hash.of_two([a << 32 | c & 0xffff_ffff, which]),
            Family::V6 => self.hash.of_five(&[a, b, c, e, which]),
        }
    }
}

const fn set_of(hash: u64) -> u16 {
    (hash % SETS as u64) as u16
}

const fn print_of(hash: u64) -> u16 {
    (hash >> 48) as u16
}

const _: () = assert!(size_of::<Entry>() <= 416, "4096 of them a worker");
