//! Two naive ends with a firewall between them, and a network that loses, copies and reorders on
//! both sides of it. Nothing that the ends send is dropped; what is put in between and outside
//! the window is.

mod endpoint;
mod naive;

use std::collections::BTreeMap;

use endpoint::{Dice, End, Manner, Phase};
use naive::Naive;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ravelin_tcp::{
    Arrival, Conversation, Direction, Extent, Segment, Seq, State, SynCheck, TcpDrop, TcpRules, Verdict,
};
use ravelin_wire::TcpFlags;

/// Ticks of one hop; the most that chance adds is less than a round trip.
const HOP: u64 = 5;
const JITTER: u64 = 10;
const TICKS: u64 = 12_000;

#[derive(Clone, Debug)]
struct Plan {
    seed: u64,
    ends: [Manner; 2],
    simultaneous: bool,
    loss: u64,
    copies: u64,
    late: u64,
    /// Passed segments before the session is followed (picked up) or taken over.
    taken_up_at: Option<usize>,
}

/// What a run showed.
#[derive(Debug, Default)]
struct Run {
    passed: usize,
    put: usize,
    done: bool,
    payload: [i64; 2],
    state: Option<State>,
}

struct Network {
    dice: Dice,
    plan: Plan,
    /// By time and order: to the firewall (true) or beyond it, the sender, the segment.
    flying: BTreeMap<(u64, u64), (bool, usize, Segment)>,
    order: u64,
}

impl Network {
    fn send(&mut self, now: u64, to_firewall: bool, sender: usize, segment: Segment) {
        if self.dice.hits(self.plan.loss) {
            return;
        }
        let copies = 1 + u64::from(self.dice.hits(self.plan.copies));
        for _ in 0..copies {
            let jitter = if self.dice.hits(self.plan.late) { self.dice.below(JITTER) } else { 0 };
            self.order += 1;
            self.flying.insert((now + HOP + jitter, self.order), (to_firewall, sender, segment));
        }
    }

    fn next(&mut self, now: u64) -> Option<(bool, usize, Segment)> {
        let first = self.flying.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

const SIDES: [Direction; 2] = [Direction::Initial, Direction::Reverse];

/// The firewall: the conversation, and what a naive reader of all that passed knows.
struct Firewall {
    conversation: Option<Conversation>,
    /// The sender of the first segment followed.
    initial: usize,
    naive: Naive,
    rules: TcpRules,
}

impl Firewall {
    fn judge(&mut self, sender: usize, segment: &Segment) -> Verdict {
        match &mut self.conversation {
            Some(conversation) => {
                conversation.judge(SIDES[sender ^ self.initial], segment, &self.rules).verdict
            }
            None => match Conversation::open(segment, Arrival::Plain, &self.rules) {
                Ok(opened) => {
                    self.conversation = Some(opened.conversation);
                    self.initial = sender;
                    Verdict::Pass
                }
                Err(reason) => Verdict::Drop(reason),
            },
        }
    }

    /// A segment a random way outside of a random bound.
    fn put(&mut self, dice: &mut Dice) -> bool {
        let naive = &self.naive;
        if !naive.is_open() || naive.resets > 0 {
            return false;
        }
        let s = dice.below(2) as usize;
        let (own, other) = (naive.sides[s], naive.sides[1 - s]);
        let reach = if dice.hits(500) { 4 } else { 1 << 29 };
        let far = 1 + dice.below(reach) as i64;
        let len = dice.below(1400) as i64;
        let back = naive.slack(s) + far;
        let (flags, seq, len, ack, reason) = match dice.below(6) {
            0 => (TcpFlags::ACK, own.granted + 1 + far - len, len, other.acked, TcpDrop::OutOfWindow),
            1 => (TcpFlags::ACK, own.acked - back - len, len, other.acked, TcpDrop::OutOfWindow),
            2 => (TcpFlags::ACK, own.acked, 0, other.end + far, TcpDrop::AckOutOfWindow),
            3 => {
                (TcpFlags::ACK, own.acked, 0, other.acked - naive.slack(1 - s) - far, TcpDrop::AckOutOfWindow)
            }
            4 => (TcpFlags::RST, own.granted + 1 + far, 0, 0, TcpDrop::RstOutOfWindow),
            _ => (TcpFlags::RST, own.acked - back, 0, 0, TcpDrop::RstOutOfWindow),
        };
        let segment = Segment {
            seq: Seq(naive.number(s, seq)),
            ack: Seq(naive.number(1 - s, ack)),
            len: len as u32,
            window: 0,
            flags: TcpFlags(flags),
            extent: Extent::Whole,
            scale: None,
            sack: None,
        };
        let before = self.conversation;
        let verdict = self.judge(s, &segment);
        assert_eq!(verdict, Verdict::Drop(reason), "{segment:?} of {s} against {:?}", self.naive);
        assert_eq!(self.conversation, before, "a drop changes nothing");
        true
    }
}

fn run(plan: &Plan) -> Run {
    let [a, b] = plan.ends.clone();
    let second = if plan.simultaneous { Phase::SynSent } else { Phase::Listen };
    let mut ends = [End::new(a, Phase::SynSent), End::new(b, second)];
    let mut network =
        Network { dice: Dice(plan.seed), plan: plan.clone(), flying: BTreeMap::new(), order: 0 };
    let mut dice = Dice(!plan.seed);
    let syn_check = if plan.taken_up_at.is_some() { SynCheck::Off } else { SynCheck::Required };
    let mut firewall = Firewall {
        conversation: None,
        initial: 0,
        naive: Naive::default(),
        rules: TcpRules { syn_check, ..TcpRules::default() },
    };
    let mut result = Run::default();
    let mut out = Vec::new();
    let mut seen = 0;
    for now in 0..TICKS {
        for (s, end) in ends.iter_mut().enumerate() {
            end.tick(now, &mut dice, &mut out);
            out.drain(..).for_each(|segment| network.send(now, true, s, segment));
        }
        while let Some((to_firewall, sender, segment)) = network.next(now) {
            if !to_firewall {
                ends[1 - sender].hear(now, &segment, &mut dice, &mut out);
                out.drain(..).for_each(|segment| network.send(now, true, 1 - sender, segment));
                continue;
            }
            seen += 1;
            let is_followed = plan.taken_up_at.is_none_or(|at| seen > at);
            if is_followed {
                let verdict = firewall.judge(sender, &segment);
                let opens_nothing = firewall.conversation.is_none() && plan.taken_up_at.is_some();
                let is_fine = verdict == Verdict::Pass || opens_nothing;
                assert!(is_fine, "{verdict:?}: {segment:?} of {sender}, {:?}", firewall.conversation);
                result.passed += 1;
            }
            if plan.taken_up_at.is_none() {
                firewall.naive.see(sender, &segment);
                result.put += usize::from(dice.hits(300) && firewall.put(&mut dice));
            }
            network.send(now, false, sender, segment);
        }
        if ends.iter().all(|end| end.is_done() || end.phase == Phase::Dead) && network.flying.is_empty() {
            break;
        }
    }
    result.done = ends.iter().all(End::is_done);
    result.payload = [ends[1].payload(), ends[0].payload()];
    result.state = firewall.conversation.map(|c| c.state());
    result
}

fn manner() -> impl Strategy<Value = Manner> {
    let sizes = (
        prop_oneof![any::<u32>(), (0xffff_0000_u32..=u32::MAX), (0x7fff_0000_u32..0x8001_0000)],
        prop_oneof![Just(1460_i64), 50_i64..1460],
        prop_oneof![Just(None), (0_u8..=14).prop_map(Some)],
        any::<bool>(),
        prop_oneof![Just(0_i64), 1_i64..50_000, 50_000_i64..150_000],
        prop_oneof![600_i64..5000, 5000_i64..70_000, 70_000_i64..2_000_000],
    );
    let habits = (
        200_i64..20_000,
        0_u64..1500,
        prop_oneof![4 => Just(0_i64), 1 => 1_i64..1000],
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop_oneof![5 => Just(None), 1 => (30_u64..800).prop_map(Some)],
    );
    (sizes, habits).prop_map(|((isn, mss, scale, sack, data, capacity), habits)| {
        let (reads, closes_at, early, probes_ahead, shrinks, aborts_at) = habits;
        Manner {
            isn,
            mss,
            scale,
            sack,
            data,
            capacity,
            reads,
            closes_at,
            early,
            probes_ahead,
            shrinks,
            aborts_at,
        }
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let loss = prop_oneof![Just(0_u64), 1_u64..100];
    (any::<u64>(), [manner(), manner()], prop::bool::weighted(0.15), loss, 0_u64..60, 0_u64..500).prop_map(
        |(seed, ends, simultaneous, loss, copies, late)| Plan {
            seed,
            ends,
            simultaneous,
            loss,
            copies,
            late,
            taken_up_at: None,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    // Proves: rfc5382-2.
    #[test]
    fn nothing_the_ends_send_is_dropped_and_all_that_is_outside_is(plan in plan()) {
        let _ = run(&plan);
    }

    #[test]
    fn nothing_is_dropped_of_a_conversation_picked_up(plan in plan(), at in 0_usize..200) {
        let _ = run(&Plan { taken_up_at: Some(at), ..plan });
    }
}

/// The model is worth something: without loss the ends finish and all data arrive, with loss most do,
/// and much is put in between.
#[test]
fn the_ends_do_talk() {
    let mut dice = Dice(7);
    let (mut done, mut put, mut passed) = (0, 0, 0);
    for case in 0..40 {
        let mut end = || Manner {
            isn: dice.roll() as u32,
            mss: 1000,
            scale: Some(dice.below(8) as u8),
            sack: dice.hits(500),
            data: dice.below(60_000) as i64,
            capacity: 4000 + dice.below(100_000) as i64,
            reads: 3000,
            closes_at: dice.below(300),
            early: 0,
            probes_ahead: dice.hits(500),
            shrinks: false,
            aborts_at: None,
        };
        let ends = [end(), end()];
        let lossy = case >= 20;
        let plan = Plan {
            seed: dice.roll(),
            simultaneous: case % 5 == 0,
            loss: if lossy { 20 } else { 0 },
            copies: 10,
            late: 100,
            taken_up_at: None,
            ends,
        };
        let run = run(&plan);
        assert!(run.done || lossy, "case {case}: {run:?}");
        if run.done {
            assert_eq!(run.payload, [plan.ends[0].data, plan.ends[1].data], "case {case}");
            assert_eq!(run.state, Some(State::TimeWait), "case {case}");
        }
        done += usize::from(run.done);
        put += run.put;
        passed += run.passed;
    }
    assert!(done >= 36, "{done} of 40 were done");
    assert!(passed > 4000 && put > 1000, "{passed} passed, {put} put in between");
}
