//! The classifier against the naive model: same first rule, same order of all, after any edits.
//!
//! Spec: policy-2, policy-5..8.

mod model;

use std::sync::Arc;

use model::{PlainRule, PlainSet, PlainTuple, holds, rule, rules, sets, shared, tuple, tuples};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ravelin_classify::{AddressSet, Classifier, Edit, Rule};

fn compiled(sets: &[Arc<AddressSet>], plain: &[PlainRule]) -> Vec<Rule> {
    plain.iter().enumerate().map(|(key, plain)| rule(sets, key, plain)).collect()
}

/// All answers about a tuple are the model's.
fn agree(classifier: &Classifier, sets: &[PlainSet], rules: &[PlainRule], t: &PlainTuple) {
    let expected: Vec<u32> =
        (0..rules.len()).filter(|at| holds(sets, &rules[*at], t)).map(|at| at as u32).collect();
    let asked = tuple(t);
    let found = classifier.lookup(&asked).map(|m| m.rank);
    assert_eq!(found, expected.first().copied(), "{t:?}");
    let all: Vec<u32> = classifier.matches(&asked).map(|m| m.rank).collect();
    assert_eq!(all, expected, "{t:?}");
    let explained: Vec<bool> = classifier.explain(&asked).map(|(_, verdict)| verdict.is_ok()).collect();
    let plainly: Vec<bool> = rules.iter().map(|rule| holds(sets, rule, t)).collect();
    assert_eq!(explained, plainly, "{t:?}");
}

/// The same, one by one and in batches.
fn agree_all(classifier: &Classifier, sets: &[PlainSet], rules: &[PlainRule], asked: &[PlainTuple]) {
    for t in asked {
        agree(classifier, sets, rules, t);
    }
    let tuples: Vec<_> = asked.iter().map(tuple).collect();
    let mut batch = vec![None; tuples.len()];
    classifier.lookup_batch(&tuples, &mut batch);
    for (t, found) in asked.iter().zip(batch) {
        let expected = rules.iter().position(|rule| holds(sets, rule, t));
        assert_eq!(
            found.map(|m| (m.rank as usize, classifier.rule(m.rank).unwrap().key == m.key)),
            expected.map(|at| (at, true))
        );
    }
}

fn scene(
    count: std::ops::Range<usize>,
) -> impl Strategy<Value = (Vec<PlainSet>, Vec<PlainRule>, Vec<PlainTuple>)> {
    sets().prop_flat_map(move |sets| {
        let rules = rules(sets.len(), count.clone());
        (Just(sets), rules, tuples(24))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_that_of_the_naive_walk((sets, plain, asked) in scene(0..40)) {
        let classifier = Classifier::build(compiled(&shared(&sets), &plain)).unwrap();
        agree_all(&classifier, &sets, &plain, &asked);
    }

    #[test]
    fn edits_give_what_a_rebuild_gives(
        (sets, plain, asked) in scene(1..40),
        steps in prop::collection::vec(prop::collection::vec((any::<bool>(), any::<u32>(), any::<u32>()), 1..5), 1..4),
    ) {
        let shared = shared(&sets);
        let all = compiled(&shared, &plain);
        let mut list: Vec<usize> = (0..plain.len()).step_by(2).collect();
        let mut classifier = Classifier::build(list.iter().map(|at| all[*at].clone()).collect()).unwrap();
        for step in steps {
            let mut edits = Vec::new();
            let mut gone = Vec::new();
            let mut fresh: Vec<Vec<usize>> = vec![Vec::new(); list.len() + 1];
            for (insert, place, which) in step {
                if insert {
                    let (at, which) = (place as usize % fresh.len(), which as usize % plain.len());
                    fresh[at].push(which);
                    edits.push(Edit::Insert { before: at as u32, rule: all[which].clone() });
                } else if !list.is_empty() {
                    let at = place as usize % list.len();
                    if !gone.contains(&at) {
                        gone.push(at);
                        edits.push(Edit::Remove { rank: at as u32 });
                    }
                }
            }
            let mut next = Vec::new();
            for (at, inserted) in fresh.iter().enumerate() {
                next.extend_from_slice(inserted);
                next.extend(list.get(at).filter(|_| !gone.contains(&at)));
            }
            list = next;
            classifier = classifier.edited(&edits).unwrap();
            let now: Vec<PlainRule> = list.iter().map(|at| plain[*at].clone()).collect();
            prop_assert_eq!(classifier.len(), now.len());
            agree_all(&classifier, &sets, &now, &asked);
            agree_all(&classifier.rebuilt().unwrap(), &sets, &now, &asked);
        }
    }

    #[test]
    fn the_edits_between_two_lists_lead_from_one_to_the_other(
        (sets, plain, asked) in scene(1..24),
        old in prop::collection::vec(0..24usize, 0..24),
        new in prop::collection::vec(0..24usize, 0..24),
    ) {
        let all = compiled(&shared(&sets), &plain);
        // A key is in a list once.
        let list = |order: &[usize]| {
            let mut out: Vec<usize> = Vec::new();
            for at in order.iter().map(|at| at % plain.len()) {
                if !out.contains(&at) {
                    out.push(at);
                }
            }
            out
        };
        let (old, new) = (list(&old), list(&new));
        let rules = |list: &[usize]| list.iter().map(|at| all[*at].clone()).collect::<Vec<_>>();
        let before = Classifier::build(rules(&old)).unwrap();
        let after = before.edited(&before.edits_to(&rules(&new))).unwrap();
        prop_assert_eq!(after.rules().cloned().collect::<Vec<_>>(), rules(&new));
        let now: Vec<PlainRule> = new.iter().map(|at| plain[*at].clone()).collect();
        agree_all(&after, &sets, &now, &asked);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, rng_seed: RngSeed::Fixed(12), ..ProptestConfig::default() })]

    /// Enough entries for several blocks of several words.
    #[test]
    fn a_long_list_answers_as_a_short_one((sets, plain, asked) in scene(4000..9000)) {
        let classifier = Classifier::build(compiled(&shared(&sets), &plain)).unwrap();
        agree_all(&classifier, &sets, &plain, &asked);
    }
}
