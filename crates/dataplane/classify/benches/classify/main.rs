//! What a lookup, a build and an edit cost.
//!
//! `cargo bench -p ravelin-classify [-- SHAPE]`. For each shape and length: `hit`, tuples made to fit a rule
//! drawn at random (often an earlier one decides); `cross`, addresses and ports of different rules put together;
//! `worst`, the 64 slowest of 4,096 tuples of both kinds and of the corners between rules, found by timing each; `batch` is
//! `hit` by sixteen. Nanoseconds a lookup, medians of [`ROUNDS`]. `words` bounds what any tuple can make a lookup read.
//! Asserts answers on a sample, never speed.

mod shapes;

use std::hint::black_box;
use std::time::Instant;

use ravelin_classify::{Classifier, Edit, Rule, RuleKey, Tuple};
use ravelin_types::{Addr, Family, Proto, ZoneId};
use shapes::{Random, SHAPES};

const ROUNDS: usize = 5;
/// Distinct tuples of a stream.
const STREAM: usize = 1 << 14;
const BATCH: usize = 16;

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    println!(
        "{:>12} {:>7} {:>9} {:>8} {:>9} {:>7} {:>7} {:>7} {:>8} {:>8}",
        "shape", "rules", "build ms", "MB", "edit ms", "hit", "batch", "cross", "worst", "linear"
    );
    for shape in SHAPES.iter().filter(|shape| only.as_deref().is_none_or(|only| only == shape.name)) {
        for count in [10, 1_000, 10_000, 100_000] {
            let mut random = Random(0x9e37_79b9_7f4a_7c15);
            let rules = (shape.build)(count, &mut random);
            measure(shape.name, count, rules, &mut random);
        }
    }
}

fn measure(name: &str, count: usize, rules: Vec<Rule>, random: &mut Random) {
    let mut builds = [0.0; 3];
    let mut built = None;
    for build in &mut builds {
        let list = rules.clone();
        let start = Instant::now();
        built = Some(Classifier::build(list).expect("rules within bounds"));
        *build = start.elapsed().as_secs_f64() * 1e3;
    }
    let classifier = built.expect("built three times");
    let edit = edit_ms(&classifier, &rules);
    let hits: Vec<Tuple> = (0..STREAM).map(|_| fitting(&rules[random.draw(rules.len())], random)).collect();
    let crosses: Vec<Tuple> = (0..STREAM).map(|_| crossed(&rules, random)).collect();
    for tuple in hits.iter().take(64).chain(crosses.iter().take(64)) {
        let naive = rules.iter().position(|rule| rule.holds(tuple));
        assert_eq!(classifier.lookup(tuple).map(|m| m.rank as usize), naive, "{tuple:?}");
    }
    let worst = slowest(&classifier, hits.iter().take(2048).chain(crosses.iter().take(2048)));
    println!(
        "{name:>12} {count:>7} {:>9.1} {:>8.1} {edit:>9.2} {:>7.1} {:>7.1} {:>7.1} {:>8.1} {:>8.0}",
        median(&mut builds),
        classifier.memory() as f64 / 1e6,
        single(&classifier, &hits),
        batched(&classifier, &hits),
        single(&classifier, &crosses),
        single(&classifier, &worst),
        linear(&rules, &hits),
    );
}

/// Milliseconds for one rule replaced, until the edited classifier stands.
fn edit_ms(classifier: &Classifier, rules: &[Rule]) -> f64 {
    let middle = rules.len() / 2;
    let rule = Rule { key: RuleKey(u32::MAX), ..rules[middle].clone() };
    let edits = [Edit::Remove { rank: middle as u32 }, Edit::Insert { before: middle as u32, rule }];
    let mut times = [0.0; ROUNDS];
    for time in &mut times {
        let start = Instant::now();
        black_box(classifier.edited(black_box(&edits)).expect("ranks that exist"));
        *time = start.elapsed().as_secs_f64() * 1e3;
    }
    median(&mut times)
}

/// A tuple the rule holds of, unless its conditions exclude; then one at their edge.
fn fitting(rule: &Rule, random: &mut Random) -> Tuple {
    let term = rule.terms[0];
    let within =
        |low: u16, high: u16, random: &mut Random| low + random.draw(usize::from(high - low) + 1) as u16;
    let (family, src) = shapes_addr(&rule.source, random);
    let (_, dst) = shapes_addr(&rule.destination, random);
    Tuple {
        from: ZoneId(1),
        to: ZoneId(2),
        family,
        src,
        dst,
        proto: term.proto.unwrap_or(Proto::TCP),
        sport: within(term.source_ports.low, term.source_ports.high, random),
        dport: within(term.destination_ports.low, term.destination_ports.high, random),
        icmp: None,
    }
}

fn shapes_addr(addresses: &ravelin_classify::Addresses, random: &mut Random) -> (Family, Addr) {
    let set = &addresses.sets[random.draw(addresses.sets.len())];
    let ranges = set.ranges().count();
    let range = set.ranges().nth(random.draw(ranges)).expect("sets of the bench have ranges");
    let width = range.last.0 - range.first.0;
    let within = match random.draw(4) {
        0 => 0,
        1 => width,
        _ => random.draw(usize::try_from(width).unwrap_or(usize::MAX - 1) + 1) as u128,
    };
    (range.family, Addr(range.first.0 + within))
}

/// Parts of tuples that fit different rules.
fn crossed(rules: &[Rule], random: &mut Random) -> Tuple {
    let [a, b, c] = [0; 3].map(|_| fitting(&rules[random.draw(rules.len())], random));
    Tuple { dst: b.dst, proto: c.proto, sport: b.sport, dport: c.dport, ..a }
}

/// The 64 tuples whose lookup takes longest.
fn slowest<'t>(classifier: &Classifier, tuples: impl Iterator<Item = &'t Tuple>) -> Vec<Tuple> {
    let time = |tuple: &Tuple| {
        let run = || {
            let start = Instant::now();
            for _ in 0..16 {
                black_box(classifier.lookup(black_box(tuple)));
            }
            start.elapsed().as_nanos()
        };
        run().min(run()).min(run())
    };
    let mut timed: Vec<(u128, Tuple)> = tuples.map(|tuple| (time(tuple), *tuple)).collect();
    timed.sort_by_key(|(ns, _)| std::cmp::Reverse(*ns));
    timed.into_iter().take(64).map(|(_, tuple)| tuple).collect()
}

fn single(classifier: &Classifier, tuples: &[Tuple]) -> f64 {
    rounds(tuples, |tuples| {
        for tuple in tuples {
            black_box(classifier.lookup(black_box(tuple)));
        }
    })
}

fn batched(classifier: &Classifier, tuples: &[Tuple]) -> f64 {
    rounds(tuples, |tuples| {
        for tuples in tuples.chunks(BATCH) {
            let mut out = [None; BATCH];
            classifier.lookup_batch(black_box(tuples), &mut out[..tuples.len()]);
            black_box(out);
        }
    })
}

/// The walk from the first rule, over few tuples.
fn linear(rules: &[Rule], tuples: &[Tuple]) -> f64 {
    rounds(&tuples[..64], |tuples| {
        for tuple in tuples {
            black_box(rules.iter().position(|rule| rule.holds(black_box(tuple))));
        }
    })
}

fn rounds(tuples: &[Tuple], run: impl Fn(&[Tuple])) -> f64 {
    let mut times = [0.0; ROUNDS];
    run(tuples);
    for time in &mut times {
        let start = Instant::now();
        run(tuples);
        *time = start.elapsed().as_nanos() as f64 / tuples.len() as f64;
    }
    median(&mut times)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
