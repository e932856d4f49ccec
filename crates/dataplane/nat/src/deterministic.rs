//! Deterministic NAT: a host's address and ports by arithmetic, and the host by its address and port.
//!
//! Junos: `port deterministic`. State: none; the plan is made once a commit. Spec: nat-pool-26..28.

use ravelin_types::{Addr, Family};

use crate::config::{DeterministicSpec, Ports};
use crate::range::{Addresses, HostPrefix};

/// The plan of one pool.
#[derive(Clone, Debug)]
pub struct Deterministic {
    hosts: Vec<(HostPrefix, u64)>,
    include_boundary: bool,
    external: Addresses,
    low: u16,
    block_size: u16,
    /// Hosts on one external address.
    per_address: u64,
    count: u64,
}

impl Deterministic {
    /// The plan, or `None` when there is no host, or when hosts times ports are more than the pool has.
    #[must_use]
    pub fn new(spec: &DeterministicSpec, ports: &Ports, external: &Addresses) -> Option<Self> {
        let mut count = 0u64;
        let mut hosts = Vec::with_capacity(spec.hosts.len());
        for prefix in &spec.hosts {
            hosts.push((*prefix, count));
            count = count.checked_add(prefix.hosts(spec.include_boundary).count()?)?;
        }
        let addresses = external.count().filter(|n| *n > 0)?;
        let per_address = count.div_ceil(addresses);
        let ports_each = u64::from(ports.high.checked_sub(ports.low)?) + 1;
        let block = match spec.block_size {
            0 => ports_each.checked_div(per_address)?,
            size => u64::from(size),
        };
        let fits = count > 0 && block > 0 && per_address.checked_mul(block)? <= ports_each;
        fits.then(|| Self {
            hosts,
            include_boundary: spec.include_boundary,
            external: external.clone(),
            low: ports.low,
            block_size: block.min(u64::from(u16::MAX)) as u16,
            per_address,
            count,
        })
    }

    /// The external address of a host, and its first and last port there.
    #[must_use]
    pub fn forward(&self, family: Family, host: Addr) -> Option<(Addr, u16, u16)> {
        let offset = self.hosts.iter().find_map(|(prefix, before)| {
            let range = prefix.hosts(self.include_boundary);
            (prefix.family == family && range.holds(host)).then(|| before + (host.0 - range.first.0) as u64)
        })?;
        let external = self.external.nth(offset / self.per_address)?;
        let first = self.low + (offset % self.per_address) as u16 * self.block_size;
        Some((external, first, first + (self.block_size - 1)))
    }

    /// The host that has this port of this external address.
    #[must_use]
    pub fn reverse(&self, external: Addr, port: u16) -> Option<(Family, Addr)> {
        let block = u64::from(port.checked_sub(self.low)? / self.block_size);
        if block >= self.per_address {
            return None;
        }
        let offset = self.external.index_of(external)? * self.per_address + block;
        self.hosts.iter().find_map(|(prefix, before)| {
            let range = prefix.hosts(self.include_boundary);
            let within =
                offset.checked_sub(*before).filter(|n| range.count().is_some_and(|count| *n < count))?;
            Some((prefix.family, Addr(range.first.0 + u128::from(within))))
        })
    }

    /// Ports of each host.
    #[must_use]
    pub const fn block_size(&self) -> u16 {
        self.block_size
    }

    /// Hosts in all.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range::AddressRange;

    fn v4(text: &str) -> Addr {
        Addr::from_ip(text.parse().unwrap()).1
    }

    fn plan(
        host: &str,
        len: u8,
        external: (&str, u8),
        block_size: u16,
        include_boundary: bool,
    ) -> Option<Deterministic> {
        let hosts = vec![HostPrefix { family: Family::V4, addr: v4(host), len }];
        let pool = Addresses::new(&[AddressRange::prefix(Family::V4, v4(external.0), external.1)]);
        let spec = DeterministicSpec { block_size, hosts, include_boundary };
        Deterministic::new(&spec, &Ports { high: 65535, ..Ports::default() }, &pool)
    }

    /// The example that Juniper's topic "Deterministic NAPT" works out: hosts 10.1.0.0/16, pool
    /// 44.44.44.0/24 less its ends, ports from 1024, block size 249 from 64512 / ceil(65533 / 254).
    #[test]
    fn numbers_are_those_of_the_published_algorithm() {
        let hosts = vec![HostPrefix { family: Family::V4, addr: v4("10.1.0.0"), len: 16 }];
        let pool = Addresses::new(&[AddressRange { first: v4("44.44.44.1"), last: v4("44.44.44.254") }]);
        let spec = DeterministicSpec { block_size: 0, hosts, include_boundary: false };
        let plan = Deterministic::new(&spec, &Ports { high: 65535, ..Ports::default() }, &pool).unwrap();
        // 65,534 hosts on 254 addresses: 259 on each, 249 ports a host.
        assert_eq!((plan.count(), plan.per_address, plan.block_size()), (65534, 259, 249));
        // 10.1.1.250 is host 505 of the prefix counted from 10.1.0.1 as 0: 505 = 1 * 259 + 246.
        let (external, first, last) = plan.forward(Family::V4, v4("10.1.1.250")).unwrap();
        assert_eq!((external, first), (v4("44.44.44.2"), 1024 + 246 * 249));
        assert_eq!(last - first, 248);
        assert_eq!(plan.reverse(external, last), Some((Family::V4, v4("10.1.1.250"))));
        assert_eq!(plan.reverse(v4("44.44.44.255"), last), None);
    }

    #[test]
    fn boundary_addresses_are_hosts_only_when_included() {
        let without = plan("10.0.0.0", 24, ("192.0.2.0", 30), 256, false).unwrap();
        assert_eq!(without.forward(Family::V4, v4("10.0.0.0")), None);
        assert_eq!(without.forward(Family::V4, v4("10.0.0.255")), None);
        assert_eq!(without.forward(Family::V4, v4("10.0.0.1")), Some((v4("192.0.2.0"), 1024, 1279)));
        let with = plan("10.0.0.0", 24, ("192.0.2.0", 30), 256, true).unwrap();
        assert_eq!(with.forward(Family::V4, v4("10.0.0.0")), Some((v4("192.0.2.0"), 1024, 1279)));
        assert_eq!(with.forward(Family::V4, v4("10.0.0.64")), Some((v4("192.0.2.1"), 1024, 1279)));
    }

    #[test]
    fn more_hosts_than_blocks_is_no_plan() {
        assert!(plan("10.0.0.0", 24, ("192.0.2.1", 32), 252, true).is_some());
        assert!(plan("10.0.0.0", 24, ("192.0.2.1", 32), 253, true).is_none());
        assert!(plan("10.0.0.0", 8, ("192.0.2.1", 32), 1, true).is_none());
        assert!(plan("10.0.0.0", 8, ("192.0.2.1", 32), 0, true).is_none());
    }

    proptest::proptest! {
        /// Against a list of every host in order with the next free block each.
        #[test]
        fn no_two_hosts_share_a_port_and_reverse_undoes_forward(
            len in 24u8..=32, pool in 29u8..=32, block in 1u16..400, boundary: bool, port: u16,
        ) {
            let Some(plan) = plan("10.9.8.0", len, ("192.0.2.8", pool), block, boundary) else { return Ok(()) };
            let mut seen = std::collections::HashSet::new();
            for last in 0..=255u8 {
                let host = Addr::v4([10, 9, 8, last]);
                let Some((external, low, high)) = plan.forward(Family::V4, host) else { continue };
                proptest::prop_assert_eq!(high - low + 1, block);
                for port in low..=high {
                    proptest::prop_assert!(seen.insert((external, port)));
                    proptest::prop_assert_eq!(plan.reverse(external, port), Some((Family::V4, host)));
                }
            }
            proptest::prop_assert_eq!(seen.len() as u64, plan.count() * u64::from(block));
            let external = v4("192.0.2.8");
            proptest::prop_assert_eq!(plan.reverse(external, port).is_some(), seen.contains(&(external, port)));
        }
    }
}
