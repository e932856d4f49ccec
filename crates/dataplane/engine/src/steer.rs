//! Which worker owns a frame: one pure function, the same in every worker and after an upgrade.
//!
//! Destination an interface-NAT address -> the owner of that port's block; fragments -> the
//! datagram; an ICMP error -> the tuple it quotes; anything else -> a symmetric keyed hash.

use std::hash::Hasher;

use ravelin_types::{Addr, Proto, WorkerId};
use ravelin_wire::{Fragment, Network};
use siphasher::sip::SipHasher13;

use crate::key::FlowKey;
use crate::random::Seed;

/// Keys and sizes that all workers have in common.
#[derive(Clone, Copy, Debug)]
pub struct Steering {
    key: (u64, u64),
    workers: u8,
}

/// What a destination is to steering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An address whose ports are leased in blocks, one a worker.
    PortBlocks,
    Other,
}

const PURPOSE: u64 = 0x5354;

impl Steering {
    /// # Panics
    /// With no worker at all.
    #[must_use]
    pub fn new(seed: &Seed, workers: u8) -> Self {
        assert!(workers > 0, "a plane has a worker");
        Self { key: seed.key(PURPOSE), workers }
    }

    /// The owner of a datagram; `quoted` is the datagram that an ICMP error quotes.
    #[must_use]
    pub fn owner(&self, network: &Network, quoted: Option<&Network>, destination: Destination) -> WorkerId {
        if self.workers == 1 {
            return WorkerId(0);
        }
        if let Some(quoted) = quoted {
            // It was sent by the owner of the flow: look at it the way its answers come.
            let key = FlowKey::of(quoted, None).reversed();
            return self.of_key(&key, destination);
        }
        match network.fragment {
            Fragment::First { id } | Fragment::Later { id, .. } => {
                self.of_datagram(network.src, network.dst, network.proto, id)
            }
            Fragment::Whole => self.of_key(&FlowKey::of(network, None), destination),
        }
    }

    fn of_key(&self, key: &FlowKey, destination: Destination) -> WorkerId {
        match destination {
            Destination::PortBlocks if crate::nat::has_ports(key.proto()) => self.of_port(key.dport()),
            Destination::PortBlocks | Destination::Other => self.symmetric(key),
        }
    }

    /// The owner of a leased port: blocks of equal size, one a worker.
    #[must_use]
    pub fn of_port(&self, port: u16) -> WorkerId {
        WorkerId(((u32::from(port) * u32::from(self.workers)) >> 16) as u8)
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
    use ravelin_wire::build::{self, Ip, Payload};
    use ravelin_wire::parse;

    fn network(ip: &Ip, payload: &Payload) -> Network {
        parse(&build::frame(ip, payload)).unwrap().network.unwrap()
    }

    proptest::proptest! {
        #[test]
        fn both_directions_have_one_owner(a: [u8; 4], b: [u8; 4], sport: u16, dport: u16, workers in 1u8..16) {
            let steering = Steering::new(&Seed([7; 32]), workers);
            let there = network(&Ip::v4(a, b), &Payload::udp(sport, dport, b""));
            let back = network(&Ip::v4(b, a), &Payload::udp(dport, sport, b""));
            let owner = |n: &Network| steering.owner(n, None, Destination::Other);
            proptest::prop_assert_eq!(owner(&there), owner(&back));
            proptest::prop_assert!(owner(&there).0 < workers);
        }

        #[test]
        fn an_error_goes_where_the_packet_it_quotes_came_from(a: [u8; 4], b: [u8; 4], sport: u16, workers in 1u8..16) {
            let steering = Steering::new(&Seed([7; 32]), workers);
            let quoted = network(&Ip::v4(a, b), &Payload::udp(sport, 53, b""));
            let error = network(&Ip::v4([9, 9, 9, 9], a), &Payload::icmp(Family::V4, 3, 3, 0, b"........"));
            let by_error = steering.owner(&error, Some(&quoted), Destination::Other);
            proptest::prop_assert_eq!(by_error, steering.owner(&quoted, None, Destination::Other));
        }

        #[test]
        fn a_port_block_belongs_to_one_worker(port: u16, workers in 1u8..16) {
            let steering = Steering::new(&Seed([7; 32]), workers);
            proptest::prop_assert!(steering.of_port(port).0 < workers);
            if port < u16::MAX {
                proptest::prop_assert!(steering.of_port(port) <= steering.of_port(port + 1));
            }
        }
    }
}
