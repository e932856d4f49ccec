//! Port leases: every (protocol, external address, port) is one session's at most.
//!
//! State: one bitmap for each external address and protocol, made when the program is adopted.
//! Only the one deletion gives a lease back.

use std::collections::HashMap;

use ravelin_types::{Addr, Family, Proto};

use crate::random::Random;
use crate::steer::Steering;

/// Ports leased to translated sessions; those below are the services', those above are kept for
/// ALGs, as on an SRX (topic "Source NAT with port translation").
pub(crate) const PORT_LOW: u16 = 1024;
pub(crate) const PORT_HIGH: u16 = 63487;

const WORDS: usize = 1024;

type Pool = (Family, Addr, Proto);

/// The ports of one external address and protocol.
#[derive(Debug)]
struct Ports {
    /// Leased, or not ours to lease.
    taken: Box<[u64; WORDS]>,
    live: u32,
}

/// All leases of one worker: ports of its own blocks alone, so that answers come back to it.
#[derive(Debug)]
pub(crate) struct Leases {
    pools: HashMap<Pool, Ports>,
    steering: Steering,
}

/// Protocols whose port or identifier can be changed.
pub(crate) const fn has_ports(proto: Proto) -> bool {
    matches!(proto, Proto::TCP | Proto::UDP | Proto::ICMP | Proto::ICMPV6)
}

impl Leases {
    pub(crate) fn new(steering: Steering) -> Self {
        Self { pools: HashMap::new(), steering }
    }

    /// Makes pools for the addresses given and forgets unused ones of others.
    pub(crate) fn adopt(&mut self, addresses: &[(Family, Addr)]) {
        for (family, addr) in addresses {
            let icmp = if *family == Family::V4 { Proto::ICMP } else { Proto::ICMPV6 };
            for proto in [Proto::TCP, Proto::UDP, icmp] {
                self.pools.entry((*family, *addr, proto)).or_insert_with(|| Ports::new(&self.steering));
            }
        }
        self.pools.retain(|(family, addr, _), ports| ports.live > 0 || addresses.contains(&(*family, *addr)));
    }

    /// Leases a port nobody else has, at random. `None`: all are taken, or the address is no
    /// pool's.
    pub(crate) fn acquire(
        &mut self,
        family: Family,
        addr: Addr,
        proto: Proto,
        random: &mut Random,
    ) -> Option<u16> {
        let ports = self.pools.get_mut(&(family, addr, proto))?;
        ports.acquire(random.next())
    }

    pub(crate) fn release(&mut self, family: Family, addr: Addr, proto: Proto, port: u16) {
        let ours =
            (PORT_LOW..=PORT_HIGH).contains(&port) && self.steering.of_port(port) == self.steering.worker();
        if ours && let Some(ports) = self.pools.get_mut(&(family, addr, proto)) {
            ports.release(port);
        }
    }

    /// Leases out at the moment.
    #[cfg(test)]
    pub(crate) fn live(&self) -> u32 {
        self.pools.values().map(|p| p.live).sum()
    }
}

impl Ports {
    fn new(steering: &Steering) -> Self {
        let mut taken = Box::new([0; WORDS]);
        let ours =
            |port| (PORT_LOW..=PORT_HIGH).contains(&port) && steering.of_port(port) == steering.worker();
        for port in (0..=u16::MAX).filter(|p| !ours(*p)) {
            taken[usize::from(port) / 64] |= 1 << (port % 64);
        }
        Self { taken, live: 0 }
    }

    /// A random word, then a random free bit of it; words are tried in turn until one has any.
    fn acquire(&mut self, random: u64) -> Option<u16> {
        let first = random as usize % WORDS;
        for step in 0..WORDS {
            let word = (first + step) % WORDS;
            let free = !self.taken[word];
            if free == 0 {
                continue;
            }
            let turn = (random >> 32) as u32 % 64;
            let bit = (free.rotate_right(turn).trailing_zeros() + turn) % 64;
            self.taken[word] |= 1 << bit;
            self.live += 1;
            return Some((word * 64) as u16 + bit as u16);
        }
        None
    }

    fn release(&mut self, port: u16) {
        let (word, bit) = (usize::from(port) / 64, 1u64 << (port % 64));
        if self.taken[word] & bit != 0 {
            self.taken[word] &= !bit;
            self.live -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use ravelin_types::WorkerId;
    use std::collections::HashSet;

    const POOL: (Family, Addr) = (Family::V4, Addr(0xc000_0201));

    #[test]
    fn every_port_is_leased_once_and_then_none() {
        let (mut leases, mut random) = (Leases::new(Steering::alone(&Seed([0; 32]))), Random::new((1, 2)));
        leases.adopt(&[POOL]);
        let mut seen = HashSet::new();
        while let Some(port) = leases.acquire(POOL.0, POOL.1, Proto::TCP, &mut random) {
            assert!((PORT_LOW..=PORT_HIGH).contains(&port) && seen.insert(port), "{port}");
        }
        assert_eq!(seen.len(), usize::from(PORT_HIGH - PORT_LOW) + 1);
        leases.release(POOL.0, POOL.1, Proto::TCP, 2000);
        leases.release(POOL.0, POOL.1, Proto::TCP, 2000);
        assert_eq!(leases.acquire(POOL.0, POOL.1, Proto::TCP, &mut random), Some(2000));
        assert_eq!(leases.acquire(POOL.0, POOL.1, Proto::TCP, &mut random), None);
    }

    #[test]
    fn workers_share_the_ports_out_without_a_gap_or_an_overlap() {
        let mut seen = HashSet::new();
        for worker in 0..3 {
            let steering = Steering::new(&Seed([0; 32]), WorkerId(worker), 3);
            let (mut leases, mut random) = (Leases::new(steering), Random::new((1, 2)));
            leases.adopt(&[POOL]);
            while let Some(port) = leases.acquire(POOL.0, POOL.1, Proto::UDP, &mut random) {
                assert!(steering.of_port(port) == WorkerId(worker) && seen.insert(port), "{port}");
            }
        }
        assert_eq!(seen.len(), usize::from(PORT_HIGH - PORT_LOW) + 1);
    }

    proptest::proptest! {
        #[test]
        fn no_two_holders_share_a_port(ops in proptest::collection::vec(proptest::bool::weighted(0.6), 1..500), seed: u64) {
            let (mut leases, mut random) = (Leases::new(Steering::alone(&Seed([0; 32]))), Random::new((seed, 9)));
            leases.adopt(&[POOL]);
            let mut held = Vec::new();
            for acquire in ops {
                if acquire {
                    let port = leases.acquire(POOL.0, POOL.1, Proto::UDP, &mut random).unwrap();
                    proptest::prop_assert!(!held.contains(&port));
                    held.push(port);
                } else if let Some(port) = held.pop() {
                    leases.release(POOL.0, POOL.1, Proto::UDP, port);
                }
                proptest::prop_assert_eq!(leases.live() as usize, held.len());
            }
        }
    }
}
