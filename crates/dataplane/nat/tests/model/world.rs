//! Several workers under one configuration, driven by operations, judged by the model after each.

use ravelin_nat::{
    Action, Affinity, Assignment, BlockSpec, Config, DeterministicSpec, HostPrefix, Inbound, InterfaceSpec,
    Limits, Overflow, Permit, PersistentRule, PoolId, PoolMode, PoolSpec, PortClass, Ports, Refusal, Request,
    Split,
};
use ravelin_types::{Addr, Family, Instant, Proto, Seconds, WorkerId};

use crate::kit::{KEY, REMOTE, Worker, config, pool, splitmix};
use crate::naive::{Endpoint, Mapped, Model, Session};

#[derive(Clone, Debug)]
pub enum Op {
    Open {
        via: u8,
        host: u8,
        sport: u8,
        remote: u8,
        proto: u8,
    },
    Close(u16),
    ComeIn {
        mapping: u16,
        remote: u8,
    },
    Pass(u64),
    Commit(u8),
    /// Plain sessions until the pool refuses.
    Fill,
    /// Every session ends.
    Drain,
}

const IDLE_S: u64 = 60;
const LIMITS: Limits =
    Limits { addresses: 64, hosts: 512, blocks: 512, mappings: 512, remotes: 4096, events: 4096 };
/// Interface NAT, and persistent NAT by pools 1, 3 and 8 and the interface; what is below is the pool's number.
const INTERFACE: u8 = 0;
const KEPT: [u8; 4] = [10, 11, 12, 13];

pub struct World {
    workers: Vec<Worker>,
    affinity: Vec<Affinity>,
    config: Config,
    model: Model,
    random: u64,
    now: u64,
    epoch: u32,
}

/// A range around a border between two workers' runs, wide enough for stripes of five.
const LOW: u16 = 32_700;
const HIGH: u16 = 32_860;

fn variant(number: u8) -> Config {
    let plain = Ports { low: LOW, high: HIGH, ..Ports::default() };
    let overload = Ports { overload: if number == 2 { 1 } else { 3 }, ..plain };
    let parity = Ports { preserve_parity: true, ..plain };
    let size = if number == 2 { 4 } else { 8 };
    let timeouts = BlockSpec { size, per_host: 2, active_timeout: Seconds(50), ..BlockSpec::default() };
    let blocks = BlockSpec { last_recycle_timeout: Seconds(40), interim_interval: Seconds(30), ..timeouts };
    let hosts = vec![HostPrefix { family: Family::V4, addr: Addr::v4([10, 0, 0, 0]), len: 28 }];
    let block_size = if number == 2 { 3 } else { 5 };
    let plan = DeterministicSpec { block_size, hosts, include_boundary: true };
    let paired = if number == 3 { Assignment::RoundRobin } else { Assignment::Paired };
    let (of_blocks, of_plan) = if number == 4 { ((8, 9), (6, 7)) } else { ((6, 7), (8, 9)) };
    let own = if number == 3 { PoolMode::Shared } else { PoolMode::NoTranslation };
    let own_addresses = if number == 1 { (11, 12) } else { (10, 12) };
    let overflow = Some(Overflow::Pool(PoolId(1)));
    let mut pools = vec![
        pool(1, (1, if number == 1 { 1 } else { 2 }), PoolMode::Translate(plain)),
        pool(2, (3, 3), PoolMode::Translate(overload)),
        PoolSpec {
            assignment: paired,
            ..pool(3, (4, if number == 1 { 4 } else { 5 }), PoolMode::Translate(parity))
        },
        pool(4, of_blocks, PoolMode::Blocks(Ports { low: 30_000, high: 30_079, ..plain }, blocks)),
        pool(5, of_plan, PoolMode::Deterministic(plain, plan)),
        PoolSpec { overflow, ..pool(6, own_addresses, own) },
        pool(8, (20, 40), PoolMode::Shift { hosts: Family::V4, base: Addr::v4([10, 0, 0, 0]) }),
    ];
    if number != 3 {
        pools.push(pool(7, (13, 14), PoolMode::Shared));
        pools.push(pool(9, (2, 2), PoolMode::Translate(Ports { low: LOW + 20, high: HIGH + 20, ..plain })));
    }
    let interfaces = vec![InterfaceSpec { family: Family::V4, addr: Addr::v4([192, 0, 2, 1]), ports: plain }];
    Config { interfaces, allow_overlapping: true, ..config(pools) }
}

impl World {
    pub fn new(workers: u8, split: Split, seed: u64) -> Self {
        let config = variant(0);
        let affinity: Vec<_> =
            (0..workers).map(|w| Affinity::new(WorkerId(w), workers, split, KEY)).collect();
        let workers = affinity.iter().map(|a| Worker::at(*a, &config, LIMITS)).collect();
        Self { workers, affinity, config, model: Model::default(), random: seed, now: 0, epoch: 0 }
    }

    pub fn run(mut self, ops: &[Op]) {
        for op in ops {
            self.step(op);
        }
        self.step(&Op::Drain);
        self.step(&Op::Pass(100_000));
        self.step(&Op::Pass(100_000));
        for worker in &mut self.workers {
            let counters = *worker.allocator.counters();
            assert_eq!(counters.leased, counters.released, "all that was leased came back once");
            worker.assert_empty();
            let lost = worker.allocator.footprint();
            assert_eq!((lost.events_lost, lost.remotes_lost), (0, 0));
            worker.allocator.adopt(&Config::default(), worker.now);
            assert_eq!(worker.allocator.footprint(), ravelin_nat::Footprint::default(), "no bitmap is left");
        }
        assert!(self.model.blocks.is_empty(), "{:?}", self.model.blocks);
        assert!(self.model.bindings.is_empty(), "{:?}", self.model.bindings);
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::Open { via, host, sport, remote, proto } => {
                let request = request(via, host, sport, remote, proto);
                self.open(via, &request);
            }
            Op::Close(which) => {
                if !self.model.sessions.is_empty() {
                    self.close(usize::from(which) % self.model.sessions.len());
                }
            }
            Op::ComeIn { mapping, remote } => self.come_in(mapping, remote),
            Op::Pass(seconds) => self.pass(seconds),
            Op::Commit(number) => self.commit(number),
            Op::Fill => while self.open(1, &request(1, 1, 1, 1, 0)) {},
            Op::Drain => {
                while !self.model.sessions.is_empty() {
                    self.close(self.model.sessions.len() - 1);
                }
            }
        }
        self.hear();
    }

    /// Whether the session was made.
    fn open(&mut self, via: u8, request: &Request) -> bool {
        let arrived = splitmix(&mut self.random) as usize % self.workers.len();
        let worker = self.workers[arrived].allocator.place(request).index();
        let leased = self.workers[worker].lease(request);
        self.hear();
        let endpoint = Endpoint { host: request.source, sport: request.sport, proto: request.proto.0 };
        let recipe = match leased {
            Ok(recipe) => recipe,
            Err(refusal) => {
                self.judge_refusal(worker, via, request, refusal);
                return false;
            }
        };
        let mapped = request.persistent.is_some() && request.sport.is_some();
        let class = request.sport.and(PortClass::of(request.proto));
        let session = Session {
            worker,
            via,
            pool: recipe.pool.map(|pool| pool.0),
            endpoint,
            remote: request.remote,
            external: recipe.addr,
            port: recipe.port.or(class.and(request.sport)),
            chosen: recipe.port.is_some(),
            mapped,
            factor: self.factor(recipe.pool),
            lease: recipe.lease,
            epoch: self.epoch,
        };
        self.model.judge(&session);
        self.judge_mode(&session, request);
        if mapped {
            self.follow_mapping((via, endpoint), &session);
        }
        self.model.sessions.push(session);
        true
    }

    fn spec(&self, id: u16) -> Option<&PoolSpec> {
        self.config.pools.iter().find(|pool| pool.id.0 == id)
    }

    fn factor(&self, pool: Option<PoolId>) -> u8 {
        match pool.and_then(|id| self.spec(id.0)).map(|pool| &pool.mode) {
            Some(PoolMode::Translate(ports)) => ports.overload,
            _ => 1,
        }
    }

    /// What a pool's mode promises.
    fn judge_mode(&self, new: &Session, request: &Request) {
        let Some(pool) = new.pool.and_then(|id| self.spec(id)) else { return };
        assert!(pool.ranges.iter().any(|r| r.holds(new.external)) || new.mapped, "{new:?}");
        let port = new.port.filter(|_| new.chosen && !new.mapped);
        match &pool.mode {
            PoolMode::Translate(ports) => {
                let Some(port) = port else { return };
                assert!((ports.low..=ports.high).contains(&port), "{new:?}");
                assert_eq!(
                    self.affinity[0].of_port(port),
                    WorkerId(new.worker as u8),
                    "its replies come to it"
                );
                let parity = ports.preserve_parity && new.endpoint.proto != Proto::ICMP.0;
                assert!(!parity || Some(port % 2) == request.sport.map(|p| p % 2), "{new:?}");
                if pool.assignment == Assignment::Paired {
                    let other = self.model.sessions.iter().find(|other| {
                        let of_host =
                            other.endpoint.host == new.endpoint.host && other.chosen && !other.mapped;
                        of_host
                            && other.pool == new.pool
                            && other.epoch == new.epoch
                            && other.external != new.external
                    });
                    assert!(other.is_none(), "{new:?} is not paired with {other:?}");
                }
            }
            PoolMode::Blocks(..) => {
                let port = port.expect("blocks are of ports");
                assert!(self.model.in_block(new.endpoint.host, new.external, port), "{new:?}");
            }
            PoolMode::Deterministic(ports, spec) => {
                let Some(port) = port else { return };
                // Sixteen hosts on two addresses: eight on each.
                let host = (new.endpoint.host.0 & 15) as u16;
                let first = pool.ranges[0].first.0;
                assert_eq!(new.external.0 - first, u128::from(host / 8), "{new:?}");
                assert_eq!((port - ports.low) / spec.block_size, host % 8, "{new:?}");
            }
            PoolMode::NoTranslation => {
                let other = self.model.sessions.iter().find(|other| {
                    other.external == new.external
                        && other.endpoint.host != new.endpoint.host
                        && !other.chosen
                });
                assert!(other.is_none(), "{new:?} shares an address with {other:?}");
            }
            PoolMode::Shift { base, .. } => {
                assert_eq!(new.external.0 - pool.ranges[0].first.0, new.endpoint.host.0 - base.0);
            }
            PoolMode::Shared => assert!(!new.chosen),
        }
    }

    /// A refusal is right only when the model sees nothing left either.
    fn judge_refusal(&self, worker: usize, via: u8, request: &Request, refusal: Refusal) {
        let Some(class) = request.sport.and(PortClass::of(request.proto)) else {
            let fits = [Refusal::NoPorts, Refusal::PoolUnusable, Refusal::AddressesExhausted];
            assert!(fits.contains(&refusal), "{refusal:?} for {request:?}");
            return;
        };
        let mine = |port: &u16| self.affinity[0].of_port(*port) == WorkerId(worker as u8);
        let none_left = |addr: Addr, ports: std::ops::RangeInclusive<u16>| {
            let taken = self.model.taken(addr, class);
            ports.filter(mine).all(|port| taken.contains(&port))
        };
        let addr = |n| Addr::v4([192, 0, 2, n]);
        let pool =
            self.spec(if KEPT.contains(&via) { [1, 3, 8, 0][usize::from(via - 10)] } else { u16::from(via) });
        let spec = pool.map(|pool| (&pool.mode, pool.ranges[0]));
        match (refusal, via, spec) {
            (Refusal::PoolUnusable, _, None) => {}
            (Refusal::PortsExhausted, INTERFACE | 13, _) => assert!(none_left(addr(1), LOW..=HIGH)),
            (Refusal::PortsExhausted, 1 | 9 | 10, Some((PoolMode::Translate(ports), range))) => {
                let addresses = (range.first.0..=range.last.0).map(Addr);
                let all = addresses.into_iter().all(|addr| none_left(addr, ports.low..=ports.high));
                assert!(all, "{request:?} on {worker}");
            }
            (Refusal::PortsExhausted, 2, _) => {
                let live = self.model.sessions.iter().filter(|s| s.external == addr(3)).count();
                let ports = (LOW..=HIGH).filter(mine).count();
                assert!(live >= ports, "{live} of {ports}");
            }
            (Refusal::PortsExhausted | Refusal::PairedAddressExhausted, 3 | 11, _) => {
                let like =
                    |port: &u16| class == PortClass::Icmp || Some(port % 2) == request.sport.map(|p| p % 2);
                let full = |n| {
                    let taken = self.model.taken(addr(n), class);
                    (LOW..=HIGH).filter(mine).filter(like).all(|port| taken.contains(&port))
                };
                assert!(full(4) || full(5), "{request:?} on {worker}");
            }
            (Refusal::PortsExhausted, 5, Some((PoolMode::Deterministic(ports, spec), range))) => {
                let host = (request.source.0 & 15) as u16;
                let low = ports.low + host % 8 * spec.block_size;
                let taken = self.model.taken(Addr(range.first.0 + u128::from(host / 8)), class);
                assert!((low..low + spec.block_size).all(|port| taken.contains(&port)));
            }
            (Refusal::HostBlocksFull | Refusal::BlocksExhausted, 4, _) => {
                let of_host = self.model.blocks.values().filter(|(host, _)| *host == request.source).count();
                assert!(
                    of_host >= 2 || self.model.blocks.len() * 8 >= 160 / self.workers.len(),
                    "{refusal:?}"
                );
            }
            // Overflow of pool 6 goes to pool 1; a shared port may be another's; a mapping has its maximum.
            (Refusal::PortsExhausted | Refusal::PortTaken, 6 | 7, _) => {}
            (Refusal::MappingSessionsFull, 10..=13, _) => {}
            _ => panic!("{refusal:?} for {request:?} via {via}"),
        }
    }

    fn follow_mapping(&mut self, key: (u8, Endpoint), session: &Session) {
        let port = session.port.expect("a mapping has a port");
        let new = Mapped {
            external: session.external,
            port,
            sessions: 1,
            idle_since: 0,
            unsure: false,
            worker: session.worker,
        };
        let same_end = |old: &&mut Mapped| (old.external, old.port) == (session.external, port);
        match self.model.mappings.get_mut(&key).filter(|old| !old.unsure || same_end(old)) {
            Some(old) => {
                assert_eq!((old.external, old.port), (session.external, port), "{key:?} kept its end");
                old.sessions += 1;
                old.unsure = false;
            }
            None => {
                self.model.mappings.insert(key, new);
            }
        }
    }

    fn close(&mut self, which: usize) {
        let session = self.model.sessions.swap_remove(which);
        self.workers[session.worker].release(session.lease);
        if session.mapped
            && let Some(mapping) = self.model.mappings.get_mut(&(session.via, session.endpoint))
            && (mapping.external, Some(mapping.port)) == (session.external, session.port)
        {
            mapping.sessions = mapping.sessions.saturating_sub(1);
            mapping.idle_since = self.now;
        }
    }

    fn come_in(&mut self, which: u16, remote: u8) {
        let mut sure: Vec<_> = self.model.mappings.iter().filter(|(_, m)| !m.unsure).collect();
        sure.sort_by_key(|(key, _)| **key);
        if sure.is_empty() {
            return;
        }
        let (&(via, endpoint), mapping) = sure[usize::from(which) % sure.len()];
        let (mapping, remote) = (*mapping, remote_of(remote));
        let packet = Inbound {
            family: Family::V4,
            proto: Proto(endpoint.proto),
            external: mapping.external,
            port: mapping.port,
            remote,
        };
        let worker = &mut self.workers[mapping.worker];
        match worker.allocator.inbound(&packet, worker.now) {
            Ok(entry) => {
                assert_eq!((entry.addr, entry.port), (endpoint.host, endpoint.sport));
                let session = Session {
                    worker: mapping.worker,
                    via,
                    pool: None,
                    endpoint,
                    remote,
                    external: mapping.external,
                    port: Some(mapping.port),
                    chosen: true,
                    mapped: true,
                    factor: 1,
                    lease: entry.lease,
                    epoch: self.epoch,
                };
                self.model.sessions.push(session);
                if let Some(mapping) = self.model.mappings.get_mut(&(via, endpoint)) {
                    mapping.sessions += 1;
                }
            }
            Err(refusal) => assert_eq!(refusal, Refusal::MappingSessionsFull),
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        for worker in &mut self.workers {
            worker.pass(seconds);
            worker.allocator.sweep(worker.now, 10_000);
        }
        let now = self.now;
        self.model.mappings.retain(|_, m| m.sessions > 0 || now < m.idle_since + IDLE_S);
    }

    /// A commit, and what the engine does about it: sessions that must end, do.
    fn commit(&mut self, number: u8) {
        self.config = variant(number);
        self.epoch += 1;
        let now = Instant::from_secs(self.now);
        let mut must_end = Vec::new();
        for worker in &mut self.workers {
            let adopted = worker.allocator.adopt(&self.config, now);
            assert_eq!(adopted.errors, []);
            must_end.extend(adopted.must_end);
        }
        for which in (0..self.model.sessions.len()).rev() {
            let session = &self.model.sessions[which];
            let kept_by = [Some(1), Some(3), Some(8), None];
            let via = if KEPT.contains(&session.via) {
                kept_by[usize::from(session.via - 10)]
            } else {
                session.pool
            };
            if must_end.iter().any(|pool| session.pool == Some(pool.0) || via == Some(pool.0)) {
                self.close(which);
            }
        }
        for worker in &mut self.workers {
            worker.allocator.clear(now, |_| true);
        }
        self.model.mappings.retain(|_, m| m.sessions > 0);
        self.model.mappings.values_mut().for_each(|m| m.unsure = true);
    }

    fn hear(&mut self) {
        for worker in &mut self.workers {
            while let Some(event) = worker.allocator.next_event() {
                self.model.hear(&event);
            }
        }
    }
}

fn remote_of(remote: u8) -> (Addr, u16) {
    (Addr(REMOTE.0.0 + u128::from(remote / 2)), 50 + u16::from(remote % 2))
}

fn request(via: u8, host: u8, sport: u8, remote: u8, proto: u8) -> Request {
    let protos =
        [Proto::TCP, Proto::TCP, Proto::TCP, Proto::UDP, Proto::UDP, Proto::ICMP, Proto::SCTP, Proto::GRE];
    let proto = protos[usize::from(proto)];
    let kept = PersistentRule {
        permit: Permit::AnyRemoteHost,
        inactivity: Seconds(IDLE_S as u32),
        sessions_max: 8,
        ..PersistentRule::default()
    };
    let action = match via {
        INTERFACE | 13 => Action::Interface(Addr::v4([192, 0, 2, 1])),
        10 => Action::Pool(PoolId(1)),
        11 => Action::Pool(PoolId(3)),
        12 => Action::Pool(PoolId(8)),
        pool => Action::Pool(PoolId(u16::from(pool))),
    };
    Request {
        action,
        family: Family::V4,
        proto,
        source: Addr::v4([10, 0, 0, host]),
        source_family: Family::V4,
        token: 0,
        sport: (proto != Proto::GRE)
            .then_some([1, 2, 1000, 1001, 5000, 5001, 40000, 65535][usize::from(sport)]),
        remote: remote_of(remote),
        persistent: KEPT.contains(&via).then_some(kept),
        egress: None,
    }
}
