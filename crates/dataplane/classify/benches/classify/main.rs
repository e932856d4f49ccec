//! What a lookup, a build and an edit cost.
//!
//! `cargo bench -p ravelin-classify [-- SHAPE]`. For each shape and length: `hit`, tuples made to fit a rule
//! drawn at random (often an earlier one decides); `cross`, addresses and ports of different rules put together;
//! `worst`, the 64 slowest of 4,096 tuples of both kinds, found by timing each, over and over; `batch` is
//! `hit` by sixteen. Nanoseconds a lookup: medians of [`ROUNDS`] rounds in which the lengths take turns, with lowest and
//! highest for `hit` and `batch`. `edit` is one rule replaced, until the new classifier stands.
//! Asserts answers on a sample, never speed.

mod shapes;

use std::hint::black_box;
use std::time::Instant;

use ravelin_classify::{Classifier, Rule, RuleKey, Tuple, Zones};
use ravelin_types::{Addr, Family, Proto, ZoneId};
use shapes::{Random, SHAPES};

const ROUNDS: usize = 9;
/// Distinct tuples of a stream.
const STREAM: usize = 1 << 14;
const BATCH: usize = 16;

const LENGTHS: [usize; 4] = [10, 1_000, 10_000, 100_000];

/// A list, what was built of it, and what is asked.
struct Subject {
    count: usize,
    rules: Vec<Rule>,
    classifier: Classifier,
    build_ms: f64,
    edit_ms: f64,
    hits: Vec<Tuple>,
    crosses: Vec<Tuple>,
    worst: Vec<Tuple>,
}

fn main() {
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    println!(
        "{:>12} {:>7} {:>9} {:>7} {:>8} {:>22} {:>22} {:>7} {:>8} {:>8}",
        "shape", "rules", "build ms", "MB", "edit ms", "hit", "batch", "cross", "worst", "linear"
    );
    for shape in SHAPES.iter().filter(|shape| only.as_deref().is_none_or(|only| only == shape.name)) {
        let subjects = LENGTHS.map(|count| {
            let mut random = Random(0x9e37_79b9_7f4a_7c15);
            let rules = (shape.build)(count, &mut random);
            Subject::new(count, rules, &mut random)
        });
        // By round, length and kind.
        let rounds = [(); ROUNDS].map(|()| subjects.each_ref().map(Subject::round));
        for (at, subject) in subjects.iter().enumerate() {
            let [hit, batch, cross, worst] =
                [0, 1, 2, 3].map(|kind: usize| rounds.map(|round| round[at][kind]));
            println!(
                "{:>12} {:>7} {:>9.1} {:>7.1} {:>8.2} {:>22} {:>22} {:>7.1} {:>8.1} {:>8.0}",
                shape.name,
                subject.count,
                subject.build_ms,
                subject.classifier.memory() as f64 / 1e6,
                subject.edit_ms,
                shown(hit),
                shown(batch),
                median(cross),
                median(worst),
                linear(&subject.rules, &subject.hits),
            );
        }
    }
}

impl Subject {
    fn new(count: usize, rules: Vec<Rule>, random: &mut Random) -> Self {
        let mut builds = [0.0; 3];
        let mut built = None;
        for build in &mut builds {
            let list = rules.clone();
            let start = Instant::now();
            built = Some(Classifier::build(list).expect("rules within bounds"));
            *build = start.elapsed().as_secs_f64() * 1e3;
        }
        let classifier = built.expect("built three times");
        let hits: Vec<Tuple> =
            (0..STREAM).map(|_| fitting(&rules[random.draw(rules.len())], random)).collect();
        let crosses: Vec<Tuple> = (0..STREAM).map(|_| crossed(&rules, random)).collect();
        for tuple in hits.iter().take(64).chain(crosses.iter().take(64)) {
            let naive = rules.iter().position(|rule| rule.holds(tuple));
            assert_eq!(classifier.lookup(tuple).map(|m| m.rank as usize), naive, "{tuple:?}");
        }
        // Few where each takes long.
        let one = single(&classifier, &hits[..64]).max(single(&classifier, &crosses[..64]));
        let most = ((2e7 / one) as usize).clamp(128, STREAM);
        let (hits, crosses) = (hits[..most].to_vec(), crosses[..most].to_vec());
        let runs = ((2e4 / one) as usize).clamp(1, 16);
        let worst = slowest(&classifier, runs, hits.iter().take(2048).chain(crosses.iter().take(2048)));
        let edit_ms = edit_ms(&classifier, &rules);
        Self { count, rules, classifier, build_ms: median(builds), edit_ms, hits, crosses, worst }
    }

    /// Nanoseconds a lookup of each kind.
    fn round(&self) -> [f64; 4] {
        let Self { classifier, hits, crosses, worst, .. } = self;
        [
            single(classifier, hits),
            batched(classifier, hits),
            single(classifier, crosses),
            single(classifier, worst),
        ]
    }
}

/// Milliseconds for one rule replaced: to find what changed in the new list, and until the new classifier stands.
fn edit_ms(classifier: &Classifier, rules: &[Rule]) -> f64 {
    let mut edited = rules.to_vec();
    edited[rules.len() / 2].key = RuleKey(u32::MAX);
    let mut times = [0.0; ROUNDS];
    for time in &mut times {
        let start = Instant::now();
        let edits = classifier.edits_to(black_box(&edited));
        black_box(classifier.edited(&edits).expect("ranks that exist"));
        *time = start.elapsed().as_secs_f64() * 1e3;
    }
    median(times)
}

/// A tuple the rule holds of, unless it excludes; then one of what is excluded.
fn fitting(rule: &Rule, random: &mut Random) -> Tuple {
    let term = rule.terms[0];
    let within =
        |low: u16, high: u16, random: &mut Random| low + random.draw(usize::from(high - low) + 1) as u16;
    let (family, src) = address_of(&rule.source, random);
    let (dst_family, dst) = address_of(&rule.destination, random);
    Tuple {
        from: zone_of(&rule.from),
        to: zone_of(&rule.to),
        family,
        src,
        dst_family,
        dst,
        proto: term.proto.unwrap_or(Proto::TCP),
        sport: within(term.source_ports.low, term.source_ports.high, random),
        dport: within(term.destination_ports.low, term.destination_ports.high, random),
        icmp: None,
    }
}

/// The first zone a rule wants.
fn zone_of(zones: &Zones) -> ZoneId {
    zones.0.as_ref().and_then(|zones| zones.first().copied()).unwrap_or(ZoneId(1))
}

fn address_of(addresses: &ravelin_classify::Addresses, random: &mut Random) -> (Family, Addr) {
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
    Tuple { dst_family: b.dst_family, dst: b.dst, proto: c.proto, sport: b.sport, dport: c.dport, ..a }
}

/// The 64 tuples whose lookup takes longest.
fn slowest<'t>(classifier: &Classifier, runs: usize, tuples: impl Iterator<Item = &'t Tuple>) -> Vec<Tuple> {
    let time = |tuple: &Tuple| {
        let run = || {
            let start = Instant::now();
            for _ in 0..runs {
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
    each(tuples, || {
        for tuple in tuples {
            black_box(classifier.lookup(black_box(tuple)));
        }
    })
}

fn batched(classifier: &Classifier, tuples: &[Tuple]) -> f64 {
    each(tuples, || {
        for tuples in tuples.chunks(BATCH) {
            let mut out = [None; BATCH];
            classifier.lookup_batch(black_box(tuples), &mut out[..tuples.len()]);
            black_box(out);
        }
    })
}

/// The walk from the first rule, over few tuples.
fn linear(rules: &[Rule], tuples: &[Tuple]) -> f64 {
    each(&tuples[..64], || {
        for tuple in &tuples[..64] {
            black_box(rules.iter().position(|rule| rule.holds(black_box(tuple))));
        }
    })
}

/// Nanoseconds a tuple, with warm caches as far as they go.
fn each(tuples: &[Tuple], run: impl Fn()) -> f64 {
    run();
    let start = Instant::now();
    run();
    start.elapsed().as_nanos() as f64 / tuples.len() as f64
}

fn median<const N: usize>(mut values: [f64; N]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[N / 2]
}

fn shown(values: [f64; ROUNDS]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    format!("{:.1} ({low:.1}-{high:.1})", median(values))
}
