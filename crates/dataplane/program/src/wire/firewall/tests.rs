//! Everything of a firewall over the wire and back, and the bytes as they first were.

use super::*;
use crate::{Chunk, ChunkKey, Digest, FirewallTerm};
use ravelin_filter::{
    ByteField, Condition, End, FlexibleMatch, FlexibleStart, InstanceId, Logging, MirrorId, NumberField,
    OptionMatch, Reject, Term, Terminal, Then, Values,
};
use ravelin_types::{Addr, FlagTable};

fn prefixes(n: u8) -> Arc<[ListedPrefix]> {
    let one = |len, except| ListedPrefix { family: Family::V4, addr: Addr::v4([10, n, 0, 0]), len, except };
    [one(8, false), one(16, true)].into()
}

fn conditions() -> Vec<Condition> {
    let flexible = FlexibleMatch {
        start: FlexibleStart::Payload,
        byte_offset: 3,
        bit_offset: 4,
        bit_length: 17,
        mask: 0x1_ffff,
        low: 1,
        high: 9,
        except: true,
    };
    vec![
        Condition::Address { end: End::Source, prefixes: prefixes(1) },
        Condition::Address { end: End::Either, prefixes: prefixes(2) },
        Condition::Address { end: End::Destination, prefixes: prefixes(1) },
        Condition::Port { end: End::Destination, values: Values::except(&[(1, 2), (80, 80)]) },
        Condition::Byte { field: ByteField::Dscp, values: Values::of(&[(46, 46)]) },
        Condition::Number { field: NumberField::EspSpi, values: Values::of(&[(1, u32::MAX)]) },
        Condition::TcpFlags(FlagTable::TCP_ESTABLISHED),
        Condition::FragmentFlags(FlagTable::all_of(4)),
        Condition::IsFragment,
        Condition::FirstFragment,
        Condition::IpOptions(OptionMatch::Any { except: true }),
        Condition::IpOptions(OptionMatch::Types(Values::of(&[(7, 7)]))),
        Condition::Flexible(flexible),
        Condition::Interface(vec![InterfaceId(4), InterfaceId(2)]),
    ]
}

fn terms() -> Vec<FirewallTerm> {
    let terminals = [
        Terminal::Accept,
        Terminal::Discard,
        Terminal::Reject(Reject::Icmp { code: 13 }),
        Terminal::Reject(Reject::TcpReset),
        Terminal::RoutingInstance(InstanceId(3)),
        Terminal::NextTerm,
    ];
    let of = |terminal| {
        let then = Then {
            terminal,
            count: Some(FilterCounterId(5)),
            logging: Logging { buffer: true, syslog: false },
            meter: Some(MeterId(1)),
            forwarding_class: Some(ForwardingClassId(2)),
            loss_priority: Some(LossPriority::MediumHigh),
            mirror: Some(MirrorId(0)),
            sample: true,
        };
        FirewallTerm { name: "t".into(), term: Term { conditions: conditions(), then } }
    };
    let mut terms: Vec<_> = terminals.into_iter().map(of).collect();
    terms.push(FirewallTerm { name: "rest".into(), term: Term::default() });
    terms
}

fn policers() -> Vec<PolicerInstance> {
    let mark = |loss_priority, forwarding_class| Exceeding::Mark { loss_priority, forwarding_class };
    let (low, class) = (Some(LossPriority::Low), Some(ForwardingClassId(3)));
    let bits = Limit::Bits { per_second: 8000, burst_bytes: 1500 };
    let specs = [
        Spec::TwoColour { limit: bits, exceeding: Exceeding::Discard },
        Spec::TwoColour { limit: Limit::Packets { per_second: 10, burst: 3 }, exceeding: mark(low, class) },
        Spec::TwoColour { limit: bits, exceeding: mark(None, class) },
        Spec::SingleRate {
            awareness: Awareness::ColourAware,
            committed_rate: 1,
            committed_burst: 2,
            excess_burst: 3,
            discard_red: true,
        },
        Spec::TwoRate {
            awareness: Awareness::ColourBlind,
            committed_rate: 1,
            committed_burst: 2,
            peak_rate: 3,
            peak_burst: 4,
            discard_red: false,
        },
    ];
    let of = |(n, spec)| PolicerInstance {
        name: format!("p{n}"),
        filter: (n % 2 == 0).then_some(7),
        key: MeterKey { policer: RuleIdentity(n), place: RuleIdentity(u64::MAX - n) },
        spec,
    };
    (0..).zip(specs).map(of).collect()
}

fn firewall() -> Firewall {
    let filter = |id, name: &str, family| FirewallFilter {
        id,
        name: name.into(),
        family,
        terms: if family == Family::V4 { terms() } else { vec![] },
        counters: vec![(FilterCounterId(5), "c".into())],
    };
    let at = |place, direction, family, policer| FilterAttachment {
        place,
        direction,
        family,
        filters: vec![9, 7],
        policer,
    };
    let unit = Place::Unit(InterfaceId(4));
    Firewall {
        filters: vec![filter(7, "f", Family::V4), filter(9, "f-ge-0/0/0.0-i", Family::V6)],
        policers: policers(),
        attachments: vec![
            at(unit, Direction::Input, Family::V4, Some(MeterId(4))),
            at(unit, Direction::Output, Family::V6, None),
            at(Place::Host, Direction::Input, Family::V4, None),
        ],
        groups: vec![(InterfaceId(4), 17)],
    }
}

#[test]
fn every_word_of_a_firewall_comes_back_from_the_wire() {
    let chunk = Chunk::Firewall(firewall());
    let bytes = chunk.encode();
    let key = ChunkKey { kind: chunk.kind(), name: String::new() };
    assert_eq!(key.kind, 11);
    assert_eq!(Chunk::decode(&bytes, &key, &Digest::of(&bytes)).unwrap(), chunk);
}

#[test]
fn a_prefix_list_goes_over_the_wire_once_a_filter() {
    let message = encode(&firewall());
    assert_eq!(message.filters[0].lists.len(), 2);
}

#[test]
fn what_is_out_of_range_is_refused() {
    let refused = |change: fn(&mut proto::Firewall)| {
        let mut message = encode(&firewall());
        change(&mut message);
        decode(message).is_err()
    };
    assert!(!refused(|_| ()));
    assert!(refused(|m| m.filters[0].family = 5));
    assert!(refused(|m| m.filters[0].terms[0].terminal = 6));
    assert!(refused(|m| m.filters[0].terms[0].loss_priority = Some(4)));
    assert!(refused(|m| m.filters[0].terms[0].conditions[0].condition = None));
    assert!(refused(|m| m.filters[0].lists.clear()));
    assert!(refused(|m| m.filters[0].lists[0].prefixes[0].len = 33));
    assert!(refused(|m| m.policers[0].spec = None));
    assert!(refused(|m| m.attachments[0].family = 0));
}

/// Field numbers and meanings as they went out first: another version must read them.
#[test]
fn the_wire_form_is_pinned() {
    let then = Then { terminal: Terminal::Discard, count: Some(FilterCounterId(5)), ..Then::default() };
    let condition = Condition::Port { end: End::Destination, values: Values::of(&[(22, 23)]) };
    let small = Firewall {
        filters: vec![FirewallFilter {
            id: 7,
            name: "f".into(),
            family: Family::V4,
            terms: vec![FirewallTerm { name: "t".into(), term: Term { conditions: vec![condition], then } }],
            counters: vec![(FilterCounterId(5), "c".into())],
        }],
        policers: Vec::new(),
        attachments: vec![FilterAttachment {
            place: Place::Unit(InterfaceId(4)),
            direction: Direction::Input,
            family: Family::V4,
            filters: vec![7],
            policer: None,
        }],
        groups: Vec::new(),
    };
    let hex: String = Chunk::Firewall(small).encode().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, GOLDEN);
}

/// By hand: chunk body 11 { filter 1 { id 1, name 2, family 3, term 5 { name 1, condition 2 { port 2 { end 1,
/// values 2 { range 1 } } }, terminal 3, count 6 }, counter 6 }, attachment 3 { unit 1, family 3, filters 4 } }.
const GOLDEN: &str = concat!(
    "5a30",
    "0a25080712016618042a150a0174120c120a080212060a04081610171802300532050805120163",
    "1a0708041804220107"
);
