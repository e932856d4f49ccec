//! The filter against the naive model: the same outcome, and the same effects in the same order.
//!
//! Spec: firewall-filter-1..54.

mod generate;
mod model;

use generate::{families, frames, terms};
use model::{Plain, holds};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ravelin_filter::{
    Decision, Effects, Filter, FilterCounterId, Logging, Marks, Packet, Policed, Term, TermAt, Terminal,
    evaluate,
};
use ravelin_types::{Family, ForwardingClassId, InterfaceId, LossPriority, MeterId};
use ravelin_wire::parse;

/// What was asked for, in order. Meter 0 discards, meter 1 marks, others pass.
#[derive(Debug, Default, PartialEq, Eq)]
struct Record(Vec<(&'static str, u32)>);

fn policed(meter: MeterId, marks: Marks) -> Policed {
    match meter.0 {
        0 => Policed::Discard,
        1 => Policed::Pass(Marks { loss_priority: LossPriority::High, ..marks }),
        _ => Policed::Pass(marks),
    }
}

impl Effects for Record {
    fn count(&mut self, counter: FilterCounterId) {
        self.0.push(("count", counter.0));
    }

    fn log(&mut self, at: TermAt, _: Logging, _: Terminal) {
        self.0.push(("log", u32::from(at.term)));
    }

    fn police(&mut self, meter: MeterId, marks: Marks) -> Policed {
        self.0.push(("police", meter.0));
        policed(meter, marks)
    }
}

type Ended = (Decision, Option<TermAt>, Marks);

/// The walk, told as the specification tells it.
fn plainly(filters: &[Vec<Term>], mut packet: Plain, record: &mut Record) -> Ended {
    for (filter, terms) in filters.iter().enumerate() {
        for (number, term) in terms.iter().enumerate() {
            if !holds(term, &packet) {
                continue;
            }
            let at = Some(TermAt { filter: filter as u8, term: number as u16 });
            let then = &term.then;
            record.0.extend(then.count.map(|counter| ("count", counter.0)));
            packet.marks.forwarding_class = then.forwarding_class.unwrap_or(packet.marks.forwarding_class);
            packet.marks.loss_priority = then.loss_priority.unwrap_or(packet.marks.loss_priority);
            if let Some(meter) = then.meter {
                record.0.push(("police", meter.0));
                match policed(meter, packet.marks) {
                    Policed::Discard => return (Decision::Policed(meter), at, packet.marks),
                    Policed::Pass(marks) => packet.marks = marks,
                }
            }
            match then.terminal {
                Terminal::Accept | Terminal::RoutingInstance(_) => {
                    return (Decision::Accept, at, packet.marks);
                }
                Terminal::Discard => return (Decision::Discard, at, packet.marks),
                Terminal::Reject(reject) => return (Decision::Reject(reject), at, packet.marks),
                Terminal::NextTerm => {}
            }
        }
    }
    (Decision::Discard, None, packet.marks)
}

#[derive(Clone, Debug)]
struct Arrival {
    frame: Vec<u8>,
    interface: InterfaceId,
    group: u8,
    marks: Marks,
}

fn arrival(family: Family) -> impl Strategy<Value = Arrival> {
    (frames(family), 0u16..4, 0u8..3, 0u8..3, 0usize..4).prop_map(|(frame, interface, group, class, loss)| {
        let marks = Marks {
            forwarding_class: ForwardingClassId(class),
            loss_priority: LossPriority::ALL[loss],
            instance: None,
        };
        Arrival { frame, interface: InterfaceId(interface), group, marks }
    })
}

/// Whether the parser took the frame; what it refuses never comes to a filter.
fn agree(lists: &[Vec<Term>], filters: &[Filter], arrival: &Arrival) -> bool {
    let Ok(parsed) = parse(&arrival.frame) else { return false };
    let network = parsed.network.expect("a datagram");
    let Arrival { frame, interface, group, marks } = arrival;
    let plain = Plain {
        ip: frame[usize::from(parsed.l3_at)..usize::from(network.end)].to_vec(),
        interface: *interface,
        group: *group,
        marks: *marks,
    };
    let packet = Packet {
        frame,
        l3_at: parsed.l3_at,
        network: &network,
        interface: *interface,
        interface_group: *group,
    };
    let (mut expected_effects, mut effects) = (Record::default(), Record::default());
    let expected = plainly(lists, plain, &mut expected_effects);
    let outcome = evaluate(filters, packet, *marks, &mut effects);
    assert_eq!((outcome.decision, outcome.term, outcome.marks), expected, "{network:?}");
    assert_eq!(effects, expected_effects);
    true
}

fn scene(count: std::ops::Range<usize>) -> impl Strategy<Value = (Family, Vec<Vec<Term>>, Vec<Arrival>)> {
    families().prop_flat_map(move |family| {
        let lists = prop::collection::vec(terms(family, count.clone()), 1..3);
        (Just(family), lists, prop::collection::vec(arrival(family), 24))
    })
}

fn all_agree(family: Family, lists: &[Vec<Term>], arrivals: &[Arrival]) {
    let filters: Vec<Filter> =
        lists.iter().map(|terms| Filter::build(family, terms).expect("terms within bounds")).collect();
    let taken = arrivals.iter().filter(|arrival| agree(lists, &filters, arrival)).count();
    assert!(taken > 0, "no frame was taken");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: RngSeed::Fixed(601), ..ProptestConfig::default() })]

    #[test]
    fn short_filters_are_those_of_the_naive_walk((family, lists, arrivals) in scene(0..8)) {
        all_agree(family, &lists, &arrivals);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, rng_seed: RngSeed::Fixed(602), ..ProptestConfig::default() })]

    #[test]
    fn long_filters_are_those_of_the_naive_walk((family, lists, arrivals) in scene(60..140)) {
        all_agree(family, &lists, &arrivals);
    }
}
