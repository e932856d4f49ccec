//! What a filter costs a packet: 0, 10 and 1000 terms, the first, the last or no term deciding.
//!
//! `cargo bench -p ravelin-filter`. Median of rounds with minimum and maximum; nothing is asserted. Terms name
//! addresses, a port and a protocol each; `walk` is what evaluating all of them in turn would cost, measured on filters
//! of too few terms for columns, as many as make the same number of terms.

use std::hint::black_box;
use std::time::Instant as Clock;

use ravelin_filter::{
    ByteField, Condition, Effects, End, Filter, FilterCounterId, ListedPrefix, Logging, Marks, Packet,
    Policed, Term, TermAt, Terminal, Then, Values, evaluate,
};
use ravelin_types::{Addr, Family, InterfaceId, MeterId};
use ravelin_wire::build::{Ip, Payload, frame};
use ravelin_wire::{Parsed, parse};

const ROUNDS: usize = 9;
const PACKETS: usize = 200_000;

struct Count([u64; 16]);

impl Effects for Count {
    fn count(&mut self, counter: FilterCounterId) {
        self.0[counter.0 as usize % 16] += 1;
    }
    fn log(&mut self, _: TermAt, _: Logging, _: Terminal) {}
    fn police(&mut self, _: MeterId, marks: Marks) -> Policed {
        Policed::Pass(marks)
    }
}

fn main() {
    for family in [Family::V4, Family::V6] {
        println!("{family:?}");
        run("no filter", &[], &packet(family, 0));
        for count in [1, 10, 100, 1000, 10_000] {
            let filter = [Filter::build(family, &terms(family, 0..count)).expect("a filter")];
            for (name, term) in [("first", 0), ("last", count - 1), ("none", count + 7)] {
                run(&format!("{count} terms, {name}"), &filter, &packet(family, term));
            }
        }
        let walked: Vec<Filter> = (0..200)
            .map(|at| Filter::build(family, &terms(family, at * 5..at * 5 + 5)).expect("a filter"))
            .collect();
        run("1000 terms, walk, last", &walked, &packet(family, 999));
    }
}

fn addr(family: Family, n: u32) -> Addr {
    match family {
        Family::V4 => Addr(u128::from(0x0a00_0000 + n * 256)),
        Family::V6 => Addr(0x2001_0db8 << 96 | u128::from(n) << 64),
    }
}

/// Term n: from a network shared by 16 terms to a network of its own, TCP, a port.
fn terms(family: Family, numbers: std::ops::Range<u32>) -> Vec<Term> {
    let len = if family == Family::V4 { 24 } else { 64 };
    let prefix = |n| [ListedPrefix { family, addr: addr(family, n), len, except: false }].into();
    numbers
        .map(|n| Term {
            conditions: vec![
                Condition::Byte { field: ByteField::Protocol, values: Values::of(&[(6, 6)]) },
                Condition::Address { end: End::Source, prefixes: prefix(n / 16) },
                Condition::Address { end: End::Destination, prefixes: prefix(20_000 + n) },
                Condition::Port { end: End::Destination, values: Values::of(&[(80, 80), (443, 443)]) },
            ],
            then: Then { count: Some(FilterCounterId(n)), ..Then::default() },
        })
        .collect()
}

fn packet(family: Family, term: u32) -> (Vec<u8>, Parsed) {
    let ip = Ip::new(family, Addr(addr(family, term / 16).0 + 1), Addr(addr(family, 20_000 + term).0 + 1));
    let bytes = frame(&ip, &Payload::tcp(1000, 443, 0x10));
    let parsed = parse(&bytes).expect("a frame");
    (bytes, parsed)
}

fn run(name: &str, filters: &[Filter], (bytes, parsed): &(Vec<u8>, Parsed)) {
    let network = parsed.network.expect("a datagram");
    let packet = Packet {
        frame: bytes,
        l3_at: parsed.l3_at,
        network: &network,
        interface: InterfaceId(1),
        interface_group: 0,
    };
    let mut effects = Count([0; 16]);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Clock::now();
            for _ in 0..PACKETS {
                black_box(evaluate(filters, black_box(packet), Marks::default(), &mut effects));
            }
            begin.elapsed().as_nanos() as f64 / PACKETS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    black_box(effects.0);
    println!("  {name:<24} {:8.1} ns ({:.1} to {:.1})", rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]);
}
