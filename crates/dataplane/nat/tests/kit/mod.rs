//! What the tests share: pools in few words, requests, and a worker with constant randomness.

#![allow(dead_code, reason = "each test binary uses its own part")]

use ravelin_nat::{
    Action, Adopted, Affinity, Allocator, Assignment, BlockEvent, Config, InterfaceSpec, Lease, LeaseEvent,
    Limits, PoolId, PoolMode, PoolSpec, Ports, Recipe, Refusal, Request, Split,
};
use ravelin_types::{Addr, Family, Instant, Proto, WorkerId};

pub use ravelin_nat::AddressRange;

pub const KEY: (u64, u64) = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210);
pub const REMOTE: (Addr, u16) = (Addr(0xc633_6401), 443);

pub fn v4(text: &str) -> Addr {
    Addr::from_ip(text.parse().unwrap()).1
}

/// `192.0.2.first` to `192.0.2.last`.
pub fn range(first: u8, last: u8) -> AddressRange {
    AddressRange { first: Addr::v4([192, 0, 2, first]), last: Addr::v4([192, 0, 2, last]) }
}

pub fn pool(id: u16, (first, last): (u8, u8), mode: PoolMode) -> PoolSpec {
    PoolSpec {
        id: PoolId(id),
        family: Family::V4,
        ranges: vec![range(first, last)],
        mode,
        assignment: Assignment::RoundRobin,
        overflow: None,
    }
}

pub fn ports(low: u16, high: u16) -> Ports {
    Ports { low, high, ..Ports::default() }
}

pub fn translate(low: u16, high: u16) -> PoolMode {
    PoolMode::Translate(ports(low, high))
}

pub fn config(pools: Vec<PoolSpec>) -> Config {
    Config { pools, ..Config::default() }
}

pub fn interface(addr: &str, ports: Ports) -> InterfaceSpec {
    InterfaceSpec { family: Family::V4, addr: v4(addr), ports }
}

/// TCP of a host through pool 1.
pub fn tcp(host: &str, sport: u16) -> Request {
    Request {
        action: Action::Pool(PoolId(1)),
        family: Family::V4,
        proto: Proto::TCP,
        source: v4(host),
        source_family: Family::V4,
        token: 0,
        sport: Some(sport),
        remote: REMOTE,
        persistent: None,
        egress: None,
    }
}

pub fn udp(host: &str, sport: u16) -> Request {
    Request { proto: Proto::UDP, ..tcp(host, sport) }
}

pub fn gre(host: &str) -> Request {
    Request { proto: Proto::GRE, sport: None, ..tcp(host, 0) }
}

/// A number after another: SplitMix64.
pub fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One worker, its clock and its randomness.
pub struct Worker {
    pub allocator: Allocator,
    pub now: Instant,
    pub random: u64,
}

impl Worker {
    pub fn alone(config: &Config) -> Self {
        Self::of(0, 1, config)
    }

    pub fn of(worker: u8, workers: u8, config: &Config) -> Self {
        Self::with(worker, workers, config, small())
    }

    pub fn with(worker: u8, workers: u8, config: &Config, limits: Limits) -> Self {
        Self::at(Affinity::new(WorkerId(worker), workers, Split::Runs, KEY), config, limits)
    }

    pub fn at(affinity: Affinity, config: &Config, limits: Limits) -> Self {
        let worker = affinity.worker().0;
        let mut allocator = Allocator::new(affinity, (u64::from(worker), 7), limits);
        let adopted = allocator.adopt(config, Instant::ZERO);
        assert_eq!(adopted, Adopted::default());
        Self { allocator, now: Instant::ZERO, random: u64::from(worker) }
    }

    pub fn lease(&mut self, request: &Request) -> Result<Recipe, Refusal> {
        let state = &mut self.random;
        self.allocator.lease(request, self.now, &mut || splitmix(state))
    }

    /// A lease that must be had.
    #[track_caller]
    pub fn get(&mut self, request: &Request) -> Recipe {
        self.lease(request).unwrap_or_else(|refusal| panic!("{refusal:?} for {request:?}"))
    }

    pub fn release(&mut self, lease: Lease) {
        self.allocator.release(lease, self.now);
    }

    pub fn events(&mut self) -> Vec<BlockEvent> {
        let all = std::iter::from_fn(|| self.allocator.next_event());
        let block = |event| match event {
            LeaseEvent::Block(event) => Some(event),
            LeaseEvent::Binding(_) => None,
        };
        all.filter_map(block).collect()
    }

    pub fn pass(&mut self, seconds: u64) {
        self.now = Instant(self.now.0 + seconds * 1_000_000_000);
    }

    /// Nothing is left and nothing came back twice.
    #[track_caller]
    pub fn assert_empty(&self) {
        let left = self.allocator.footprint();
        let sums = (left.ports, left.hosts, left.blocks, left.mappings);
        assert_eq!(sums, (0, 0, 0, 0), "{left:?}");
        assert_eq!(self.allocator.counters().released_twice, 0);
    }
}

pub fn small() -> Limits {
    Limits { addresses: 512, hosts: 256, blocks: 256, mappings: 64, remotes: 128, events: 64 }
}
