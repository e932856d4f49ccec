//! SYN floods under generated thresholds of every kind, that only alarm or that stop, on the way in and out, with addresses that
//! are left alone: whom a screen finds, whom it answers and whom it drops, and what becomes of segments that nobody asked for
//! while answers are under way, is as the model has it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use ravelin_conformance::model::{ACK, FIN, Model, Outcome, Packet, RST, SYN, Segment};

use crate::kit::{ip, loaded, outcome, plane, runs};
use crate::screens::{BASE, hits, wait};

/// `$` is a number of four or more, another for each.
const LEAVES: [&str; 9] = [
    "tcp syn-flood attack-threshold $",
    "tcp syn-flood attack-threshold $",
    "tcp syn-flood alarm-threshold $",
    "tcp syn-flood source-threshold $",
    "tcp syn-flood destination-threshold $",
    "tcp syn-flood white-list all destination-address 10.1.0.4/32",
    "tcp syn-flood white-list pair source-address 10.0.0.3/32",
    "tcp syn-flood white-list pair destination-address 10.1.0.5/32",
    "limit-session by-source session-rate 9",
];

fn option(zone: &'static str) -> impl Strategy<Value = String> {
    let shape = select(&["", "", "match-direction output", "match-direction input-output"][..]);
    let leaves = (subsequence(LEAVES.to_vec(), 2..9), vec(4u8..9, 9));
    (leaves, shape, any::<bool>()).prop_map(move |((leaves, numbers), shape, alarms)| {
        let set = format!("set security screen ids-option of-{zone}");
        let mut text = format!("set security zones security-zone {zone} screen of-{zone}\n");
        for (leaf, number) in leaves.into_iter().zip(numbers) {
            text += &format!("{set} {}\n", leaf.replace('$', &number.to_string()));
        }
        if !shape.is_empty() {
            text += &format!("{set} {shape}\n");
        }
        if alarms {
            text += &format!("{set} alarm-without-drop\n");
        }
        text
    })
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Packet(usize, Packet),
    Wait(u64),
}

/// Few sources, destinations and services, and among the requests what else a flood brings.
fn packet() -> impl Strategy<Value = Step> {
    let flags = select(&[SYN, SYN, SYN, SYN, SYN, SYN, ACK, SYN | ACK, FIN | ACK, RST][..]);
    let ends = (0usize..2, 2u8..4, 2u8..6, any::<bool>());
    (ends, flags, 1000u16..1012, 80u16..82).prop_map(|((from, src, dst, is_v6), flags, sport, dport)| {
        let addr = |net: usize, host: u8| match is_v6 {
            true => ip(&format!("2001:db8:{net}::{host:x}")),
            false => ip(&format!("10.{net}.0.{host}")),
        };
        let (src, dst) = (addr(from, src), addr(1 - from, dst));
        let tcp = Some(Segment::of(flags));
        Step::Packet(
            from,
            Packet { src, dst, proto: 6, sport, dport, tcp, len: 0, options: &[], ..Packet::PLAIN },
        )
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = select(&[10u64, 300, 700, 1000, 127_000, 130_000][..]).prop_map(Step::Wait);
    vec(prop_oneof![24 => packet(), 1 => wait], 10..120)
}

proptest! {
    #![proptest_config(runs(31, 400))]
    #[test]
    fn engine_and_model_agree_on_floods(
        (trust, untrust) in (option("trust"), option("untrust")), steps in steps(), workers in 1u8..=4,
    ) {
        let text = format!("{BASE}{trust}{untrust}");
        let config = loaded(&text);
        let plane = plane(&config, workers);
        let mut model = Model::new(&config);
        wait(&plane, &mut model, 5000);
        for step in &steps {
            match *step {
                Step::Wait(ms) => {
                    wait(&plane, &mut model, ms);
                    while model.since_aged() < 3000 {
                        wait(&plane, &mut model, 1000);
                    }
                }
                Step::Packet(from, packet) => {
                    let got: Outcome = outcome(&plane, from, &packet);
                    let judged = model.agrees(&format!("ge-0/0/{from}.0"), &packet, &got);
                    if model.is_open() {
                        return Ok(());
                    }
                    prop_assert_eq!(judged, Ok(()), "{:?} of {:?} in {:?} under\n{}", got, packet, steps, text);
                }
            }
        }
        prop_assert_eq!(&hits(&plane), model.hits(), "after {:?} under\n{}", steps, text);
    }
}
