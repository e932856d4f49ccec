//! The allocator against a naive model, under generated streams of operations and several workers.
//!
//! `PROPTEST_CASES` makes the run longer. Spec: nat-pool-2..9, nat-pool-30..34, nat-pool-39.

#[path = "../kit/mod.rs"]
mod kit;
mod naive;
mod world;

use proptest::prelude::*;
use ravelin_nat::Split;
use world::{Op, World};

const CASES: u32 = 96;

fn cases() -> ProptestConfig {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: wanted.unwrap_or(CASES).max(CASES), ..ProptestConfig::default() }
}

/// Operations as plain numbers, so that a failure shrinks to few and small ones.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    let seconds = prop_oneof![Just(1u64), Just(39), Just(60), Just(400)];
    let op = prop_oneof![
        40 => (0u8..14, 0u8..12, 0u8..8, 0u8..8, 0u8..8).prop_map(|(via, host, sport, remote, proto)| Op::Open {
            via, host, sport, remote, proto
        }),
        25 => any::<u16>().prop_map(Op::Close),
        4 => (any::<u16>(), 0u8..8).prop_map(|(mapping, remote)| Op::ComeIn { mapping, remote }),
        3 => seconds.prop_map(Op::Pass),
        1 => (0u8..6).prop_map(Op::Commit),
        1 => Just(Op::Fill),
        1 => Just(Op::Drain),
    ];
    proptest::collection::vec(op, 0..300)
}

proptest! {
    #![proptest_config(cases())]

    // Proves: rfc3022-5, rfc4787-3, rfc5382-7.
    #[test]
    fn one_worker_agrees_with_the_model(ops in ops(), seed: u64) {
        World::new(1, Split::Runs, seed).run(&ops);
    }

    #[test]
    fn two_workers_with_runs_agree_with_the_model(ops in ops(), seed: u64) {
        World::new(2, Split::Runs, seed).run(&ops);
    }

    // Proves: rfc3022-5, rfc4787-3, rfc5382-7.
    #[test]
    fn five_workers_with_stripes_agree_with_the_model(ops in ops(), seed: u64) {
        World::new(5, Split::Stripes, seed).run(&ops);
    }
}
