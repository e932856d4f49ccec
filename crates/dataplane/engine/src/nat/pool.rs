//! Source pools as rules name them and as steering finds their addresses.
//!
//! Junos: `security nat source pool`. Place: first path, after the rule; and, with several workers, whose a
//! packet to a pool's address is. State: none, made with the rules. Spec: nat-pool-1, nat-pool-19, steer-2, steer-11..13.

use std::collections::HashMap;

use ravelin_nat::{
    Action, Addresses, Affinity, Assignment, Config, Deterministic, Overflow, PRIVILEGED_HIGH, PoolId,
    PoolMode, PoolSpec, PortClass, Ports, Request, Withheld,
};
use ravelin_program::{Interface, NatMatch, PortRange, Prefix, Program, SourcePool};
use ravelin_types::{Addr, Family, InstanceId, Proto, WorkerId};

use crate::key::FlowKey;

/// Addresses of one rule whose ports are withheld from leases.
const WITHHELD_MAX: u128 = 256;

/// A program's pools.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    /// What every worker leases from.
    pub config: Config,
    /// In the order of their addresses.
    ranges: Vec<Range>,
    names: Vec<(PoolId, String)>,
    /// Of pools that belong to one.
    instances: HashMap<PoolId, InstanceId>,
}

/// Addresses of one pool in a row.
#[derive(Debug)]
struct Range {
    family: Family,
    first: Addr,
    last: Addr,
    pool: PoolId,
    owner: Owner,
}

/// Whose a packet to a pool's address is.
#[derive(Clone, Debug)]
enum Owner {
    /// The owner of the port.
    Port,
    /// The worker that gives out the block.
    Block { low: u16, size: u16 },
    /// The home of the host that has the port.
    Host(Deterministic),
    /// The one worker that gives out the pool's addresses.
    Pool,
}

/// A session's address and port as the other end knows them, and the port that it came with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Translated {
    pub family: Family,
    pub addr: Addr,
    pub port: u16,
    /// `None`: it has no port that could be changed.
    pub sport: Option<u16>,
}

/// What a pool makes of a source, as far as the rules alone can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// Something is leased.
    Lease,
    /// This address, the port as it is.
    Address(Addr),
    Nothing,
}

impl Pools {
    pub(crate) fn of(program: &Program) -> Self {
        let named = program.source_pools().cloned().unwrap_or_default();
        let has_rules = program.source_nat().is_some_and(|nat| !nat.0.is_empty());
        let Some(interfaces) = program.interfaces().filter(|_| has_rules) else { return Self::default() };
        let config = Config { withheld: withheld(program), ..named.config(interfaces) };
        let mut ranges: Vec<Range> = config.pools.iter().flat_map(ranges).collect();
        ranges.sort_by_key(|range| (range.family, range.first));
        let of = |pool: &SourcePool| Some((pool.spec.id, pool.instance?));
        let instances = named.pools.iter().filter_map(of).collect();
        let names = named.pools.into_iter().map(|pool| (pool.spec.id, pool.name)).collect();
        Self { config, ranges, names, instances }
    }

    /// Whether packets that leave in an instance may have an address of a pool. Spec: routing-instance-15.
    pub(crate) fn serves(&self, id: PoolId, instance: InstanceId) -> bool {
        self.instances.get(&id).is_none_or(|own| *own == instance)
    }

    /// Every pool's number and name.
    pub(crate) fn names(&self) -> impl Iterator<Item = (PoolId, &str)> {
        self.names.iter().map(|(id, name)| (*id, name.as_str()))
    }

    fn get(&self, id: PoolId) -> Option<&PoolSpec> {
        self.config.pools.iter().find(|pool| pool.id == id)
    }

    /// What a pool gives a packet; `has_port`: it has one that can be changed.
    pub(crate) fn give(&self, id: PoolId, key: &FlowKey, has_port: bool) -> Given {
        let Some(pool) = self.get(id).filter(|pool| pool.family == key.dst_family()) else {
            return Given::Nothing;
        };
        match &pool.mode {
            PoolMode::Shift { hosts, base } if *hosts == key.family() => {
                shifted(pool, *base, key.src()).map_or(Given::Nothing, Given::Address)
            }
            PoolMode::Shift { .. } => Given::Nothing,
            PoolMode::Blocks(..) | PoolMode::Deterministic(..) if !has_port => Given::Nothing,
            PoolMode::Translate(_)
            | PoolMode::Blocks(..)
            | PoolMode::Deterministic(..)
            | PoolMode::NoTranslation
            | PoolMode::Shared => Given::Lease,
        }
    }

    /// Whether a rule with this action might still give a session what it has. Spec: nat-source-17.
    pub(crate) fn may_give(&self, action: Action, session: &Translated, egress: &Interface) -> bool {
        let id = match action {
            Action::Interface(addr) => return addr == session.addr,
            Action::Pool(id) => id,
        };
        let Some(pool) = self.get(id) else { return false };
        let of_overflow = || match pool.overflow {
            Some(Overflow::Pool(other)) => self.get(other).is_some_and(|other| holds(other, session)),
            Some(Overflow::Interface) => egress.source_address(session.family) == Some(session.addr),
            None => false,
        };
        holds(pool, session) || of_overflow()
    }

    /// Where a session goes that its pool has no address for, whichever worker has room there.
    pub(crate) fn overflow(&self, request: &Request) -> Option<Action> {
        let Action::Pool(id) = request.action else { return None };
        let overflow = self.get(id).filter(|_| request.persistent.is_none())?.overflow?;
        overflow.action(request)
    }

    /// Whether any worker may lease for a session, each from its own ports.
    pub(crate) fn is_anyones(&self, request: &Request) -> bool {
        match request.action {
            Action::Interface(_) => true,
            Action::Pool(id) => self.get(id).is_some_and(|pool| {
                matches!(pool.mode, PoolMode::Translate(_)) && pool.assignment != Assignment::Paired
            }),
        }
    }

    /// Whose a packet to an address and port is, when the address is a pool's. Spec: steer-11..13.
    pub(crate) fn owner(
        &self,
        affinity: &Affinity,
        (family, addr): (Family, Addr),
        port: Option<u16>,
    ) -> Option<WorkerId> {
        let after = self.ranges.partition_point(|range| (range.family, range.first) <= (family, addr));
        let range =
            self.ranges[..after].last().filter(|range| range.family == family && addr <= range.last)?;
        Some(match (&range.owner, port) {
            (Owner::Port, Some(port)) => affinity.of_port(port),
            (Owner::Block { low, size }, Some(port)) => match port.checked_sub(*low) {
                Some(offset) => WorkerId((offset / size % u16::from(affinity.workers())) as u8),
                None => affinity.of_port(port),
            },
            (Owner::Host(plan), Some(port)) => match plan.reverse(addr, port) {
                Some((family, host)) => affinity.home(family, host),
                None => affinity.of_port(port),
            },
            (Owner::Pool, _) | (_, None) => affinity.home_of_pool(range.pool),
        })
    }
}

/// Ports that destination and static rules answer on, as far as rules name any. Spec: nat-pool-7.
fn withheld(program: &Program) -> Vec<Withheld> {
    let destination = program.destination_nat().map_or(&[][..], |nat| &nat.0);
    let fixed = program.static_nat().map_or(&[][..], |nat| &nat.rule_sets);
    let of_destination = destination.iter().flat_map(|set| &set.rules).flat_map(|rule| {
        let NatMatch { destination, destination_ports, protocols, .. } = &rule.matching;
        destination.ranges.iter().flat_map(|range| kept(&range, destination_ports, protocols))
    });
    let of_fixed = fixed.iter().flat_map(|set| &set.rules).filter_map(|rule| {
        let (outside, _) = rule.ports?;
        Some(kept(&rule.outside, &[outside], &[]))
    });
    of_destination.chain(of_fixed.flatten()).collect()
}

fn kept(range: &Prefix, ports: &[PortRange], protocols: &[Proto]) -> Vec<Withheld> {
    let wanted = |proto: &Proto| protocols.is_empty() || protocols.contains(proto);
    let classes = [Proto::TCP, Proto::UDP].into_iter().filter(wanted).filter_map(PortClass::of);
    let addresses = (0..WITHHELD_MAX).map(|n| Addr(range.first.0.saturating_add(n)));
    let addresses: Vec<Addr> = addresses.take_while(|addr| *addr <= range.last).collect();
    let each = classes.flat_map(|class| addresses.iter().map(move |addr| (class, *addr)));
    each.flat_map(|(class, addr)| {
        let one = move |ports: &PortRange| Withheld {
            family: range.family,
            addr,
            class,
            low: ports.low,
            high: ports.high,
        };
        ports.iter().map(one).collect::<Vec<_>>()
    })
    .collect()
}

fn ranges(pool: &PoolSpec) -> Vec<Range> {
    let owner = match &pool.mode {
        PoolMode::Translate(_) => Owner::Port,
        PoolMode::Blocks(ports, block) => Owner::Block { low: ports.low, size: block.size.max(1) },
        PoolMode::Deterministic(ports, spec) => {
            match Deterministic::new(spec, ports, &Addresses::new(&pool.ranges)) {
                Some(plan) => Owner::Host(plan),
                None => Owner::Port,
            }
        }
        PoolMode::NoTranslation | PoolMode::Shared => Owner::Pool,
        // Computed from the source alone, like a static rule's: it lives where its answers arrive.
        PoolMode::Shift { .. } => return Vec::new(),
    };
    let of = |range: &ravelin_nat::AddressRange| Range {
        family: pool.family,
        first: range.first,
        last: range.last,
        pool: pool.id,
        owner: owner.clone(),
    };
    pool.ranges.iter().map(of).collect()
}

/// The address as far from the pool's first as the host from the base.
fn shifted(pool: &PoolSpec, base: Addr, host: Addr) -> Option<Addr> {
    let offset = host.0.checked_sub(base.0).and_then(|n| u64::try_from(n).ok())?;
    Addresses::new(&pool.ranges).nth(offset)
}

fn holds(pool: &PoolSpec, session: &Translated) -> bool {
    let of_range = |ports: &Ports, sport: u16| {
        let privileged = ports.preserve_range && sport <= PRIVILEGED_HIGH;
        let (low, high) = if privileged { (1, PRIVILEGED_HIGH) } else { (ports.low, ports.high) };
        (low..=high).contains(&session.port)
    };
    let port = match (&pool.mode, session.sport) {
        (
            PoolMode::Translate(ports) | PoolMode::Blocks(ports, _) | PoolMode::Deterministic(ports, _),
            Some(sport),
        ) => of_range(ports, sport),
        (PoolMode::NoTranslation | PoolMode::Shared | PoolMode::Shift { .. }, Some(sport)) => {
            session.port == sport
        }
        (_, None) => true,
    };
    port && pool.family == session.family && pool.ranges.iter().any(|range| range.holds(session.addr))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use ravelin_nat::{AddressRange, BlockSpec, DeterministicSpec, HostPrefix, Split};
    use ravelin_types::Instant;

    fn pools(mode: PoolMode) -> Pools {
        let addr = |n| Addr::v4([203, 0, 113, n]);
        let pool = PoolSpec {
            id: PoolId(3),
            family: Family::V4,
            ranges: vec![AddressRange { first: addr(8), last: addr(11) }, AddressRange::one(addr(20))],
            mode,
            assignment: Assignment::RoundRobin,
            overflow: None,
        };
        let ranges = ranges(&pool);
        Pools { config: Config { pools: vec![pool], ..Config::default() }, ranges, ..Pools::default() }
    }

    fn affinity(worker: u8) -> Affinity {
        Affinity::new(WorkerId(worker), 4, Split::Stripes, (1, 2))
    }

    #[test]
    fn only_addresses_of_the_pool_have_an_owner() {
        let pools = pools(PoolMode::NoTranslation);
        let owner =
            |family, n| pools.owner(&affinity(0), (family, Addr::v4([203, 0, 113, n])), Some(5)).is_some();
        let inside: Vec<u8> = (0..=255).filter(|n| owner(Family::V4, *n)).collect();
        assert_eq!(inside, [8, 9, 10, 11, 20]);
        assert!(!owner(Family::V6, 8));
    }

    /// Steering and the allocator must name the same worker, or answers never find their session.
    #[test]
    fn the_owner_of_an_answer_is_the_worker_that_leased() {
        let blocks = BlockSpec { size: 100, ..BlockSpec::default() };
        let hosts = vec![HostPrefix { family: Family::V4, addr: Addr::v4([10, 0, 0, 0]), len: 24 }];
        let plan = DeterministicSpec { block_size: 500, hosts, include_boundary: false };
        let modes = [
            PoolMode::Translate(Ports::default()),
            PoolMode::Translate(Ports { low: 3000, high: 3070, ..Ports::default() }),
            PoolMode::Blocks(Ports::default(), blocks),
            PoolMode::Deterministic(Ports::default(), plan),
            PoolMode::NoTranslation,
            PoolMode::Shared,
        ];
        for (mode, sport) in modes.iter().flat_map(|mode| [(mode, Some(4000)), (mode, None)]) {
            let pools = pools(mode.clone());
            for host in 1..100 {
                let (src, dst) = (Addr::v4([10, 0, 0, host]), Addr::v4([198, 51, 100, 2]));
                let key = FlowKey::new(Family::V4, Proto::UDP, (src, 4000), (dst, 53));
                let request = Request {
                    action: Action::Pool(PoolId(3)),
                    family: Family::V4,
                    proto: Proto::UDP,
                    source: src,
                    source_family: Family::V4,
                    token: 0,
                    sport,
                    remote: (dst, 53),
                    persistent: None,
                    egress: None,
                };
                let leases = |worker| {
                    let mut leases = super::super::Leases::new(affinity(worker), (3, 4), 64);
                    assert_eq!(leases.adopt(&pools.config, Instant::ZERO), []);
                    leases
                };
                let placed = leases(host % 4).place(&request);
                let mut random = Random::new((5, u64::from(host)));
                let mut leases = leases(placed.0);
                if pools.give(PoolId(3), &key, sport.is_some()) == Given::Nothing {
                    continue;
                }
                // A pool without port translation has five addresses.
                let Ok(recipe) = leases.lease(&request, Instant::ZERO, &mut random) else {
                    panic!("{mode:?} {sport:?} host {host}");
                };
                let port = sport.map(|sport| recipe.port.unwrap_or(sport));
                let owner = pools.owner(&affinity(0), (Family::V4, recipe.addr), port);
                assert_eq!(owner, Some(placed), "{mode:?} {sport:?} host {host}");
            }
        }
    }
}
