//! Ports of a datagram for those of its fragments that carry none.
//!
//! State: a table of fixed size, two ways a set; the older entry gives way. Spec: session-18..20.

use std::hash::Hasher;

use ravelin_types::{Addr, Instant, Proto};
use ravelin_wire::{Fragment, Network};
use siphasher::sip::SipHasher13;

/// Sets of two entries.
const SETS: usize = 2048;
/// How long a datagram's fragments are waited for (RFC 791: 15 s; Junos: 2 s).
const LIFE_NS: u64 = 2_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Datagram {
    src: Addr,
    dst: Addr,
    id: u32,
    proto: Proto,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    datagram: Datagram,
    ports: (u16, u16),
    until: Instant,
}

#[derive(Debug)]
pub(crate) struct Fragments {
    sets: Box<[[Option<Entry>; 2]]>,
    key: (u64, u64),
}

impl Fragments {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self { sets: vec![[None; 2]; SETS].into_boxed_slice(), key }
    }

    /// Keeps the ports of a first fragment.
    pub(crate) fn remember(&mut self, network: &Network, ports: (u16, u16), now: Instant) {
        let Some(datagram) = datagram(network) else { return };
        let at = self.set(&datagram);
        let until = Instant(now.0.saturating_add(LIFE_NS));
        let set = &mut self.sets[at];
        let same = set.iter().position(|e| e.is_some_and(|e| e.datagram == datagram));
        let stale = || set.iter().position(|e| e.is_none_or(|e| e.until <= now));
        let older = || usize::from(set[0].map(|e| e.until) > set[1].map(|e| e.until));
        let way = same.or_else(stale).unwrap_or_else(older);
        set[way] = Some(Entry { datagram, ports, until });
    }

    /// The ports of a later fragment's datagram.
    pub(crate) fn recall(&self, network: &Network, now: Instant) -> Option<(u16, u16)> {
        let datagram = datagram(network)?;
        let set = &self.sets[self.set(&datagram)];
        set.iter().flatten().find(|e| e.datagram == datagram && now < e.until).map(|e| e.ports)
    }

    fn set(&self, d: &Datagram) -> usize {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        hasher.write_u128(d.src.0);
        hasher.write_u128(d.dst.0);
        hasher.write_u64(u64::from(d.id) << 8 | u64::from(d.proto.0));
        hasher.finish() as usize % SETS
    }
}

fn datagram(network: &Network) -> Option<Datagram> {
    match network.fragment {
        Fragment::Whole => None,
        Fragment::First { id } | Fragment::Later { id, .. } => {
            Some(Datagram { src: network.src, dst: network.dst, id, proto: network.proto })
        }
    }
}
