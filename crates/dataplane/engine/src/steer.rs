//! Which worker owns a packet: pure functions, the same in every worker and after an upgrade.
//!
//! An address of the firewall itself, or of a source pool -> the owner of the port; fragments -> the datagram, then
//! its tuple; an ICMP error -> the tuple it quotes; anything else -> a symmetric keyed hash. Spec: steer-1..5, steer-9.

use std::hash::Hasher;

use ravelin_nat::{Affinity, Split};
use ravelin_types::{Addr, Proto, WorkerId};
use ravelin_wire::{Fragment, Network, Piece};
use siphasher::sip::SipHasher13;

use crate::key::FlowKey;
use crate::nat::has_ports;
use crate::packet::{Handed, Stage};
use crate::random::Seed;
use crate::rules::Rules;

/// Times a packet may change hands, beside a round in search of a port: two for a fragment, one for a
/// session that lives where its answers arrive, and as many again when a commit moved that place meanwhile.
const HOPS_MAX: u32 = 6;

/// A worker's place among all, and the keys that all have in common.
#[derive(Clone, Copy, Debug)]
pub struct Steering {
    key: (u64, u64),
    affinity: Affinity,
    worker: WorkerId,
    workers: u8,
}

/// To whom a packet goes, and what was found out about it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandOver {
    pub to: WorkerId,
    pub handed: Handed,
}

/// Which end of a packet is the firewall's own, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Towards {
    /// Sent by the kernel: the source may be an address of the firewall.
    Out,
    /// From the wire: the destination may be.
    In,
}

const PURPOSE: u64 = 0x5354;
const AFFINITY: u64 = 0x4146;

impl Steering {
    /// # Panics
    /// The worker is none of the workers.
    #[must_use]
    pub fn new(seed: &Seed, worker: WorkerId, workers: u8) -> Self {
        assert!(worker.0 < workers, "a worker is one of its plane's");
        let affinity = Affinity::new(worker, workers, Split::Stripes, seed.key(AFFINITY));
        Self { key: seed.key(PURPOSE), affinity, worker, workers }
    }

    /// The only worker of a plane.
    #[must_use]
    pub fn alone(seed: &Seed) -> Self {
        Self::new(seed, WorkerId(0), 1)
    }

    #[must_use]
    pub const fn worker(&self) -> WorkerId {
        self.worker
    }

    /// How ports and hosts are dealt out among workers.
    pub(crate) const fn affinity(&self) -> &Affinity {
        &self.affinity
    }

    /// The worker after another, in a circle.
    pub(crate) const fn after(&self, worker: WorkerId) -> WorkerId {
        WorkerId((worker.0 + 1) % self.workers)
    }

    /// Whether a packet has changed hands more often than there is any reason for.
    pub(crate) const fn loops(&self, handed: &Handed) -> bool {
        handed.hops as u32 > HOPS_MAX + self.workers as u32
    }

    /// Every worker but this.
    pub(crate) fn others(&self) -> impl Iterator<Item = WorkerId> + use<> {
        let own = self.worker;
        (0..self.workers).map(WorkerId).filter(move |worker| *worker != own)
    }

    #[must_use]
    pub const fn is_alone(&self) -> bool {
        self.workers == 1
    }

    /// The owner of a packet with this key: of its port when it is to or from an address of the firewall or
    /// of a source pool, else by hash. Equal for both directions of a session that is not translated.
    pub(crate) fn of_key(&self, rules: &Rules, key: &FlowKey, towards: Towards) -> WorkerId {
        let (addr, port, far) = match towards {
            Towards::In => (key.dst(), key.dport(), key.sport()),
            Towards::Out => (key.src(), key.sport(), key.dport()),
        };
        // Of ICMP only an echo's identifier is leased: the other number is zero then.
        let is_icmp = matches!(key.proto(), Proto::ICMP | Proto::ICMPV6);
        let leased = (has_ports(key.proto()) && (!is_icmp || far == 0)).then_some(port);
        if let Some(owner) = rules.nat.pools.owner(&self.affinity, (key.family(), addr), leased) {
            return owner;
        }
        if has_ports(key.proto()) && rules.local(key.instance(), (key.family(), addr)).is_some() {
            self.of_port(port)
        } else {
            self.symmetric(key)
        }
    }

    /// The owner of a fragmented datagram.
    pub(crate) fn of_fragment(&self, network: &Network) -> Option<WorkerId> {
        match network.fragment {
            Fragment::First { id } | Fragment::Later { id, .. } => {
                Some(self.of_datagram(network.src, network.dst, network.proto, id))
            }
            Fragment::Whole => None,
        }
    }

    /// Whether a fragment's datagram is this worker's.
    #[inline(always)]
    pub(crate) fn has_piece(&self, piece: &Piece) -> bool {
        let Piece { src, dst, proto, id, .. } = *piece;
        self.is_alone() || self.of_datagram(src, dst, proto, id.into()) == self.worker
    }

    /// The owner of a port: 64 a worker in turn.
    #[must_use]
    pub fn of_port(&self, port: u16) -> WorkerId {
        self.affinity.of_port(port)
    }

    /// Hands a packet to another worker; `None`: it is ours.
    pub(crate) fn to(&self, to: WorkerId, stage: Stage, before: Option<Handed>) -> Option<HandOver> {
        if to == self.worker {
            return None;
        }
        let before = before.unwrap_or(Handed::FRESH);
        Some(HandOver { to, handed: Handed { from: self.worker, stage, hops: before.hops + 1, ..before } })
    }

    /// Equal for both directions.
    fn symmetric(&self, key: &FlowKey) -> WorkerId {
        let ends = [(key.src(), key.sport()), (key.dst(), key.dport())];
        let (low, high) = if ends[0] <= ends[1] { (0, 1) } else { (1, 0) };
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        for (addr, port) in [ends[low], ends[high]] {
            hasher.write_u128(addr.0);
            hasher.write_u16(port);
        }
        hasher.write_u8(key.proto().0);
        hasher.write_u8(key.family() as u8);
        self.pick(hasher.finish())
    }

    fn of_datagram(&self, src: Addr, dst: Addr, proto: Proto, id: u32) -> WorkerId {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        hasher.write_u128(src.0);
        hasher.write_u128(dst.0);
        hasher.write_u8(proto.0);
        hasher.write_u32(id);
        self.pick(hasher.finish())
    }

    fn pick(&self, hash: u64) -> WorkerId {
        WorkerId((((hash >> 32) * u64::from(self.workers)) >> 32) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_types::Family;

    fn steering(workers: u8) -> Steering {
        Steering::new(&Seed([7; 32]), WorkerId(0), workers)
    }

    proptest::proptest! {
        #[test]
        fn both_directions_have_one_owner(a: u32, b: u32, sport: u16, dport: u16, workers in 1u8..16) {
            let steering = steering(workers);
            let (a, b) = ((Addr(u128::from(a)), sport), (Addr(u128::from(b)), dport));
            let key = FlowKey::new(Family::V4, Proto::UDP, a, b);
            proptest::prop_assert_eq!(steering.symmetric(&key), steering.symmetric(&key.reversed()));
            proptest::prop_assert!(steering.symmetric(&key).0 < workers);
        }

        #[test]
        fn a_port_block_belongs_to_one_worker(port: u16, workers in 1u8..16) {
            let steering = steering(workers);
            proptest::prop_assert!(steering.of_port(port).0 < workers);
            proptest::prop_assert_eq!(steering.of_port(port), steering.of_port(port / 64 * 64));
        }
    }

    #[test]
    fn flows_spread_over_all_workers() {
        let steering = steering(4);
        let mut flows = [0; 4];
        for n in 0..4000u32 {
            let (a, b) = ((Addr(u128::from(n)), 1000), (Addr(9), 53));
            flows[usize::from(steering.symmetric(&FlowKey::new(Family::V4, Proto::UDP, a, b)).0)] += 1;
        }
        // Binomial with p = 1/4: eight standard deviations are 219.
        assert!(flows.iter().all(|n| (780..=1220).contains(n)), "{flows:?}");
    }
}
