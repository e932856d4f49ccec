//! Ports are spread evenly, can't be told from the one before, and cost no long search.

mod kit;

use kit::{Worker, config, pool, tcp, translate};

// Proves: rfc6888-15, rfc7857-8.
/// 61 classes of 1,024 ports each: chi-square with 60 degrees of freedom is below 99.6 in 999 of 1,000 draws.
/// The seed is fixed, so this does not change from run to run.
#[test]
fn ports_are_spread_evenly_when_few_are_taken() {
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), translate(1024, 63487))]));
    let mut counts = [0u32; 61];
    let draws = 61 * 400;
    for n in 0..draws {
        let recipe = worker.get(&tcp("10.0.0.1", n as u16));
        counts[usize::from(recipe.port.unwrap() - 1024) / 1024] += 1;
        worker.release(recipe.lease);
    }
    let expected = f64::from(draws) / 61.0;
    let chi: f64 = counts.iter().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
    assert!(chi < 99.6, "chi-square {chi}: {counts:?}");
    assert!(chi > 30.0, "chi-square {chi} is too even to be random");
}

// Proves: rfc6888-15.
/// The low six bits come from another part of the random number than the word.
#[test]
fn every_bit_of_a_port_is_random() {
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), translate(0x4000, 0xbfff))]));
    let mut ones = [0u32; 15];
    let mut steps = std::collections::HashMap::new();
    let mut last = 0;
    for n in 0..20_000 {
        let recipe = worker.get(&tcp("10.0.0.1", n));
        let port = recipe.port.unwrap() - 0x4000;
        worker.release(recipe.lease);
        (0..15).for_each(|bit| ones[bit] += u32::from(port >> bit & 1));
        *steps.entry(port.wrapping_sub(last)).or_insert(0u32) += 1;
        last = port;
    }
    // 20,000 coins: five standard deviations are 354.
    assert!(ones.iter().all(|n| n.abs_diff(10_000) < 354), "{ones:?}");
    assert!(steps.values().all(|n| *n < 12), "a step from port to port repeats");
}

// Proves: rfc7857-8.
/// With all but 64 ports taken, the ones left are all found and none is found far more often than another.
#[test]
fn the_last_ports_are_all_found() {
    let mut worker = Worker::alone(&config(vec![pool(1, (1, 1), translate(1024, 63487))]));
    let mut leases: Vec<_> = (0..62464).map(|n| worker.get(&tcp("10.0.0.1", n as u16))).collect();
    let freed: Vec<_> = (0..64).map(|n| leases.swap_remove(n * 900)).collect();
    let mut left = std::collections::BTreeMap::new();
    for recipe in freed {
        left.insert(recipe.port.unwrap(), 0u32);
        worker.release(recipe.lease);
    }
    for n in 0..6400 {
        let recipe = worker.get(&tcp("10.0.0.1", n));
        *left.get_mut(&recipe.port.unwrap()).unwrap() += 1;
        worker.release(recipe.lease);
    }
    assert!(left.values().all(|n| *n > 0), "{left:?}");
    assert!(left.values().max() < Some(&1000), "{left:?}");
}
