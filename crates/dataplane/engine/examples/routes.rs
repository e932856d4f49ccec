//! What a large table costs: memory, a load, updates of one route and of a thousand, and lookups.
//!
//! `cargo run --release -p ravelin-engine --example routes [ROUTES]`: a million IPv4 routes by default, /24 for the most part, behind
//! sixty-four next hops. Workers are stood for by a clone of the table that is given up at the next update.

use std::env;
use std::fs;
use std::time::{Duration, Instant};

use ipnet::{IpNet, Ipv4Net};
use ravelin_contract::{NextHop, Route, RouteUpdate, UpdateBatch};
use ravelin_engine::{Forwarding, ForwardingBook, Resolver};
use ravelin_types::{Addr, Family, InstanceId, InterfaceId};

/// Spreads numbers over the address space, without repeating one.
fn spread(n: u32) -> u32 {
    n.wrapping_mul(0x9e37_79b1)
}

fn prefix(n: u32) -> IpNet {
    let len = match n % 16 {
        0 => 20,
        1 => 22,
        2 => 32,
        _ => 24,
    };
    Ipv4Net::new(spread(n).into(), len).expect("a length").trunc().into()
}

fn route(n: u32, way: u32) -> RouteUpdate {
    let gateway = Some([10, 0, 0, (way % 64) as u8 + 1].into());
    let route = Some(Route::Via(vec![NextHop { interface: InterfaceId(1), gateway, weight: 1 }]));
    RouteUpdate { instance: InstanceId::DEFAULT, prefix: prefix(n), route }
}

/// Kilobytes that are resident.
fn resident_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Median, and the longest.
fn of(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() - 1])
}

fn main() {
    let count = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000_u32);
    let mut book = ForwardingBook::new(Forwarding::new(Resolver::Table));
    let all =
        UpdateBatch { resync: true, routes: (0..count).map(|n| route(n, n)).collect(), ..Default::default() };
    let before = resident_kb();
    let start = Instant::now();
    let mut read = book.update(&all).clone();
    println!("load of {} routes             {:?}", read.routes.len(), start.elapsed());
    println!(
        "one table                     {} KiB ({} resident)",
        read.routes.mem_size() >> 10,
        resident_kb().saturating_sub(before)
    );
    drop(all);
    for (size, rounds) in [(1, 2000), (1000, 200)] {
        let mut times = Vec::new();
        for round in 0..rounds {
            let updates = (0..size).map(|n| route((round * size + n) * 7919 % count, round + n)).collect();
            let batch = UpdateBatch { routes: updates, ..Default::default() };
            let start = Instant::now();
            let next = book.update(&batch).clone();
            times.push(start.elapsed());
            // As a worker does when it takes the next one.
            read = next;
        }
        let (first, rest) = (times[0], times.split_off(1));
        let (median, longest) = of(rest);
        println!("batch of {size:4}: first {first:?}, median {median:?}, longest {longest:?}");
    }
    println!("copied {} times, {} KiB resident", book.copies(), resident_kb().saturating_sub(before));
    let (start, mut found) = (Instant::now(), 0_u64);
    let lookups = 5_000_000_u32;
    for n in 0..lookups {
        let dst = Addr::v4(spread(n.wrapping_mul(31) % count).to_be_bytes());
        found +=
            u64::from(read.lookup(InstanceId::DEFAULT, (Family::V4, dst), 0) != ravelin_engine::Path::None);
    }
    println!("lookup                        {:?} ({found} found)", start.elapsed() / lookups);
}
