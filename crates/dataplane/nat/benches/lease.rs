//! What a lease costs in time and memory: one worker, no engine.
//!
//! `cargo bench -p ravelin-nat --bench lease [speed|memory|soak [OPERATIONS]]`. Speed is a lease and its release with the share of
//! ports named already taken at random, median of rounds with minimum and maximum. Memory is the process's
//! own resident set. The soak ends with every lease back and none left; nothing else is asserted.

use std::hint::black_box;
use std::time::Instant as Clock;

use ravelin_nat::{
    Action, AddressRange, Affinity, Allocator, Assignment, BlockSpec, Config, Lease, Limits, PersistentRule,
    PoolId, PoolMode, PoolSpec, Ports, Request, Split,
};
use ravelin_types::{Addr, Family, Instant, Proto, WorkerId};

const ROUNDS: usize = 9;
const LEASES_A_ROUND: usize = 200_000;
const PORTS: usize = 62_464;

fn main() {
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|o| o == name);
    if wanted("speed") {
        speed();
    }
    if wanted("memory") {
        memory();
    }
    if wanted("soak") {
        soak();
    }
}

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn pool(id: u16, first: u32, count: u32, mode: PoolMode) -> PoolSpec {
    let addr = |n: u32| Addr(u128::from(0xc612_0000 + n));
    PoolSpec {
        id: PoolId(id),
        family: Family::V4,
        ranges: vec![AddressRange { first: addr(first), last: addr(first + count - 1) }],
        mode,
        assignment: Assignment::RoundRobin,
        overflow: None,
    }
}

fn allocator(pools: Vec<PoolSpec>, workers: u8, split: Split) -> Allocator {
    let affinity = Affinity::new(WorkerId(0), workers, split, (1, 2));
    let limits = Limits { hosts: 1 << 20, mappings: 1 << 20, blocks: 1 << 17, ..Limits::default() };
    let mut allocator = Allocator::new(affinity, (3, 4), limits);
    let adopted = allocator.adopt(&Config { pools, ..Config::default() }, Instant::ZERO);
    assert_eq!(adopted.errors, []);
    allocator
}

fn request(pool: u16, n: u64) -> Request {
    Request {
        action: Action::Pool(PoolId(pool)),
        family: Family::V4,
        proto: Proto::TCP,
        source: Addr(u128::from(0x0a00_0000 + (n as u32 & 0xf_ffff))),
        source_family: Family::V4,
        token: 0,
        sport: Some((n >> 20) as u16 | 1024),
        remote: (Addr(u128::from((n >> 32) as u32)), 443),
        persistent: None,
        egress: None,
    }
}

struct Case {
    name: &'static str,
    spec: PoolSpec,
    workers: u8,
    split: Split,
    persistent: bool,
}

fn cases() -> Vec<Case> {
    let plain = Ports::default();
    let case = |name, spec| Case { name, spec, workers: 1, split: Split::Runs, persistent: false };
    let one = |mode| pool(1, 0, 1, mode);
    let parity = Ports { preserve_parity: true, ..plain };
    let paired = PoolSpec { assignment: Assignment::Paired, ..pool(1, 0, 16, PoolMode::Translate(plain)) };
    vec![
        case("one address", one(PoolMode::Translate(plain))),
        Case { workers: 8, ..case("one address, 1 of 8 workers, runs", one(PoolMode::Translate(plain))) },
        Case {
            workers: 8,
            split: Split::Stripes,
            ..case("one address, 1 of 8 workers, stripes", one(PoolMode::Translate(plain)))
        },
        case("parity kept", one(PoolMode::Translate(parity))),
        case("overloading 4", one(PoolMode::Translate(Ports { overload: 4, ..plain }))),
        case("256 addresses in turn", pool(1, 0, 256, PoolMode::Translate(plain))),
        case("paired, 16 addresses", paired),
        case("blocks of 128", pool(1, 0, 16, PoolMode::Blocks(plain, BlockSpec::default()))),
        Case { persistent: true, ..case("persistent", pool(1, 0, 16, PoolMode::Translate(plain))) },
    ]
}

fn speed() {
    println!("lease and release, ns, median (min-max) of {ROUNDS} rounds of {LEASES_A_ROUND}");
    println!("{:<40} {:>22} {:>22} {:>22}", "pool", "1 % taken", "50 % taken", "99 % taken");
    for case in cases() {
        let figures = [0.01, 0.5, 0.99].map(|share| figure(&case, share));
        println!("{:<40} {:>22} {:>22} {:>22}", case.name, figures[0], figures[1], figures[2]);
    }
}

fn figure(case: &Case, share: f64) -> String {
    let mut allocator = allocator(vec![case.spec.clone()], case.workers, case.split);
    let mut state = 1;
    let usage = allocator.usage(PoolId(1)).map_or(0, |u| u.capacity);
    let capacity = match case.spec.mode {
        PoolMode::Blocks(..) => usage * 128,
        _ => usage,
    };
    let target = (capacity as f64 * share) as usize;
    let rule = case.persistent.then(PersistentRule::default);
    let mut held: Vec<Lease> = Vec::with_capacity(target);
    let mut misses = 0;
    // Hosts of blocks hold many ports each, so that blocks fill up; endpoints of mappings have many sessions.
    let blocks = matches!(case.spec.mode, PoolMode::Blocks(..));
    let persistent = case.persistent;
    let next = move |state: &mut u64| {
        let n = random(state);
        let n = match (blocks, persistent) {
            (true, _) => n & 0x1ff | n & !0xf_ffff,
            (_, true) => (n % 50_000) | (n >> 36 << 36),
            (false, false) => n,
        };
        Request { persistent: rule, ..request(1, n) }
    };
    while held.len() < target && misses < 100_000 {
        let wanted = next(&mut state);
        match allocator.lease(&wanted, Instant::ZERO, &mut || random(&mut state)) {
            Ok(recipe) => held.push(recipe.lease),
            Err(_) => misses += 1,
        }
    }
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Clock::now();
            for _ in 0..LEASES_A_ROUND {
                let wanted = next(&mut state);
                if let Ok(recipe) =
                    allocator.lease(black_box(&wanted), Instant::ZERO, &mut || random(&mut state))
                {
                    // Another lease goes than the one that came, so that the taken ports wander.
                    let at = random(&mut state) as usize % held.len();
                    let old = std::mem::replace(&mut held[at], recipe.lease);
                    allocator.release(black_box(old), Instant::ZERO);
                }
            }
            start.elapsed().as_nanos() as f64 / LEASES_A_ROUND as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    format!("{:.0} ({:.0}-{:.0})", rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1])
}

/// Resident bytes of this process.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

fn memory() {
    const LEASES: usize = 16 << 20;
    let addresses = LEASES.div_ceil(PORTS) as u32;
    let before = resident();
    let mut allocator =
        allocator(vec![pool(1, 0, addresses, PoolMode::Translate(Ports::default()))], 1, Split::Runs);
    let empty = resident();
    let mut held: Vec<Lease> = Vec::with_capacity(LEASES);
    let mut state = 1;
    for n in 0..LEASES as u64 {
        let recipe = allocator.lease(&request(1, n), Instant::ZERO, &mut || random(&mut state));
        held.push(recipe.unwrap_or_else(|refusal| panic!("{refusal:?} at {n}")).lease);
    }
    let full = resident();
    let tokens = held.capacity() * size_of::<Lease>();
    println!("{LEASES} leases of {addresses} addresses");
    println!("  allocator and its tables, empty   {:>10} kB", (empty - before) / 1024);
    println!("  bitmaps, all of that leased       {:>10} kB", (full - empty).saturating_sub(tokens) / 1024);
    println!("  tokens, {} bytes each             {:>10} kB", size_of::<Lease>(), tokens / 1024);
    let bits = (full - empty).saturating_sub(tokens) as f64 * 8.0 / LEASES as f64;
    println!("  bits a lease without its token    {bits:>10.2}");
    held.into_iter().for_each(|lease| allocator.release(lease, Instant::ZERO));
    assert_eq!(allocator.footprint().ports, 0);
}

/// Random operations over every mode: a hundred million, or as many as said.
fn soak() {
    let said = std::env::args().filter(|a| !a.starts_with('-')).nth(2).and_then(|text| text.parse().ok());
    let ops: usize = said.unwrap_or(100_000_000);
    let plain = Ports { low: 1024, high: 4095, ..Ports::default() };
    let mut allocator = allocator(
        vec![
            pool(0, 0, 8, PoolMode::Translate(plain)),
            pool(1, 8, 2, PoolMode::Translate(Ports { overload: 4, ..plain })),
            PoolSpec { assignment: Assignment::Paired, ..pool(2, 16, 8, PoolMode::Translate(plain)) },
            pool(3, 24, 8, PoolMode::Blocks(plain, BlockSpec { size: 16, ..BlockSpec::default() })),
            pool(4, 32, 256, PoolMode::NoTranslation),
            pool(5, 512, 8, PoolMode::Shared),
        ],
        1,
        Split::Runs,
    );
    let (mut state, mut held, mut refused) = (7, Vec::<Lease>::new(), 0u64);
    let start = Clock::now();
    for n in 0..ops as u64 {
        let dice = random(&mut state);
        let now = Instant(n * 1_000_000);
        // Waves: mostly up, then mostly down, from empty to exhausted.
        let up = if n / 500_000 % 2 == 0 { 70 } else { 30 };
        if dice % 100 < up || held.is_empty() {
            let host = u128::from(0x0a00_0000 + (dice >> 8) as u32 % 2048);
            let persistent = (dice >> 20 & 7 == 0).then(PersistentRule::default);
            let wanted =
                Request { source: Addr(host), persistent, ..request((dice >> 24) as u16 % 6, dice >> 27) };
            match allocator.lease(&wanted, now, &mut || random(&mut state)) {
                Ok(recipe) => held.push(recipe.lease),
                Err(_) => refused += 1,
            }
        } else {
            let lease = held.swap_remove((dice >> 32) as usize % held.len());
            allocator.release(lease, now);
        }
        if n % 1000 == 0 {
            allocator.sweep(now, 64);
            while allocator.next_event().is_some() {}
        }
    }
    let (live, elapsed) = (held.len(), start.elapsed());
    let end = Instant(ops as u64 * 1_000_000 + 1_000_000_000_000);
    held.into_iter().for_each(|lease| allocator.release(lease, Instant(ops as u64 * 1_000_000)));
    allocator.sweep(end, 1 << 21);
    let left = allocator.footprint();
    let counters = allocator.counters();
    assert_eq!((left.ports, left.mappings, counters.released_twice), (0, 0, 0));
    assert_eq!(counters.leased, counters.released);
    println!(
        "{ops} operations in {:.1} s: {} leased, {refused} refused, {live} live at the end; none left, none twice",
        elapsed.as_secs_f64(),
        counters.leased
    );
}
