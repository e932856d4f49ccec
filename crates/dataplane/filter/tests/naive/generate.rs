//! Conditions, terms and packets of few values, so that they meet.

use proptest::prelude::*;
use ravelin_filter::{
    ByteField, Condition, End, FilterCounterId, FlexibleMatch, FlexibleStart, ListedPrefix, NumberField,
    OptionMatch, Reject, Term, Terminal, Then, Values,
};
use ravelin_types::{Addr, Family, FlagTable, ForwardingClassId, InterfaceId, LossPriority, MeterId, Proto};
use ravelin_wire::build::{Ip, Payload, frame};
use ravelin_wire::{checksum, put_u16};

pub fn families() -> impl Strategy<Value = Family> {
    prop::sample::select(vec![Family::V4, Family::V6])
}

fn one_of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(values.to_vec())
}

/// Addresses within 10.0.0.0/8 or 2001:db8::/32 that share long and short prefixes.
fn address(family: Family) -> impl Strategy<Value = Addr> {
    one_of(&[0u128, 1, 2, 3, 0x100, 0x101, 0x1_0000, 0x1_0001, 0xff_ffff]).prop_map(move |low| match family {
        Family::V4 => Addr(0x0a00_0000 | low),
        Family::V6 => Addr(0x2001_0db8 << 96 | low << 40 | low),
    })
}

fn prefix(family: Family) -> impl Strategy<Value = ListedPrefix> {
    let lens: &[u8] = match family {
        Family::V4 => &[0, 7, 8, 15, 16, 23, 24, 30, 31, 32],
        Family::V6 => &[0, 31, 32, 48, 63, 64, 88, 120, 126, 127, 128],
    };
    (address(family), one_of(lens), prop::bool::weighted(0.3))
        .prop_map(move |(addr, len, except)| ListedPrefix { family, addr, len, except })
}

fn values(few: &'static [u32], max: u32) -> impl Strategy<Value = Values> {
    let range = prop_oneof![
        4 => one_of(few).prop_map(|value| (value, value)),
        1 => (one_of(few), 0u32..6).prop_map(move |(low, more)| (low, low.saturating_add(more).min(max))),
        1 => one_of(few).prop_map(move |low| (low, max)),
        1 => one_of(few).prop_map(|high| (0, high)),
    ];
    (prop::collection::vec(range, 1..4), prop::bool::weighted(0.3))
        .prop_map(|(ranges, except)| Values { ranges, except })
}

fn byte(family: Family) -> impl Strategy<Value = Condition> {
    let field =
        |field, few, max| values(few, max).prop_map(move |values| Condition::Byte { field, values }).boxed();
    let protocol = field(ByteField::Protocol, &[1, 6, 17, 44, 47, 50, 58, 60, 132], 255);
    let own = match family {
        Family::V4 => field(ByteField::Precedence, &[0, 1, 5, 7], 7),
        Family::V6 => field(ByteField::NextHeader, &[6, 17, 44, 58, 60], 255),
    };
    prop_oneof![
        3 => protocol,
        1 => own,
        1 => field(ByteField::Dscp, &[0, 8, 10, 46, 63], 63),
        1 => field(ByteField::Ttl, &[0, 1, 64, 255], 255),
        1 => field(ByteField::IcmpType, &[0, 3, 8, 128, 129], 255),
        1 => field(ByteField::IcmpCode, &[0, 1, 4], 255),
        1 => field(ByteField::ForwardingClass, &[0, 1, 2], 255),
        1 => field(ByteField::LossPriority, &[0, 1, 3], 3),
        1 => field(ByteField::InterfaceGroup, &[0, 1, 2], 255),
    ]
}

fn end() -> impl Strategy<Value = End> {
    one_of(&[End::Source, End::Destination, End::Either])
}

const PORTS: &[u32] = &[0, 1, 22, 53, 80, 443, 1024, 65535];

fn number() -> impl Strategy<Value = Condition> {
    let field = |field, few, max| {
        values(few, max).prop_map(move |values| Condition::Number { field, values }).boxed()
    };
    prop_oneof![
        field(NumberField::PacketLength, &[20, 28, 40, 44, 48, 60, 68, 80], 65_535),
        field(NumberField::FragmentOffset, &[0, 1, 2, 8191], 8191),
        field(NumberField::EspSpi, &[0, 1, 7, u32::MAX], u32::MAX),
    ]
}

fn flexible() -> impl Strategy<Value = Condition> {
    let start = one_of(&[FlexibleStart::Layer3, FlexibleStart::Layer4, FlexibleStart::Payload]);
    let place = (start, 0u8..30, 0u8..8, one_of(&[1u8, 3, 8, 16, 32, 120]));
    let bounds = (one_of(&[u128::MAX, 0xff, 1]), 0u128..256, 0u128..256, any::<bool>());
    (place, bounds).prop_map(|((start, byte_offset, bit_offset, bit_length), (mask, a, b, except))| {
        let most = u128::MAX >> (128 - u32::from(bit_length));
        let (low, high) = (a.min(b).min(most), a.max(b).min(most));
        Condition::Flexible(FlexibleMatch {
            start,
            byte_offset,
            bit_offset,
            bit_length,
            mask,
            low,
            high,
            except,
        })
    })
}

fn condition(family: Family) -> BoxedStrategy<Condition> {
    let addresses = (end(), prop::collection::vec(prefix(family), 0..5))
        .prop_map(|(end, prefixes)| Condition::Address { end, prefixes: prefixes.into() });
    let ports = (end(), values(PORTS, 65_535)).prop_map(|(end, values)| Condition::Port { end, values });
    let units = prop::collection::vec((0u16..4).prop_map(InterfaceId), 0..3).prop_map(Condition::Interface);
    let fragments = one_of(&[Condition::IsFragment, Condition::FirstFragment]);
    let both = prop_oneof![
        6 => addresses,
        4 => ports,
        6 => byte(family),
        2 => number(),
        1 => any::<u64>().prop_map(|table| Condition::TcpFlags(FlagTable(table))),
        1 => one_of(&[FlagTable::TCP_ESTABLISHED, FlagTable::TCP_INITIAL]).prop_map(Condition::TcpFlags),
        1 => fragments,
        1 => flexible(),
        1 => units,
    ];
    if family == Family::V6 {
        return both.boxed();
    }
    let options = prop_oneof![
        any::<bool>().prop_map(|except| OptionMatch::Any { except }),
        values(&[0, 1, 7, 68, 148], 255).prop_map(OptionMatch::Types),
    ];
    prop_oneof![
        14 => both,
        1 => options.prop_map(Condition::IpOptions),
        1 => any::<u64>().prop_map(|table| Condition::FragmentFlags(FlagTable(table))),
    ]
    .boxed()
}

fn then() -> impl Strategy<Value = Then> {
    let terminal = prop_oneof![
        1 => Just(Terminal::Accept),
        1 => Just(Terminal::Discard),
        1 => Just(Terminal::Reject(Reject::TcpReset)),
        3 => Just(Terminal::NextTerm),
    ];
    (
        terminal,
        prop::option::of(0u32..9),
        prop::option::of(0u8..3),
        prop::option::of(0usize..4),
        prop::option::weighted(0.2, 0u32..4),
    )
        .prop_map(|(terminal, count, class, loss, meter)| Then {
            terminal,
            count: count.map(FilterCounterId),
            forwarding_class: class.map(ForwardingClassId),
            loss_priority: loss.map(|at| LossPriority::ALL[at]),
            meter: meter.map(MeterId),
            ..Then::default()
        })
}

pub fn terms(family: Family, count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Term>> {
    let term = (prop::collection::vec(condition(family), 0..4), then())
        .prop_map(|(conditions, then)| Term { conditions, then });
    prop::collection::vec(term, count)
}

fn payload(family: Family) -> impl Strategy<Value = Payload> {
    let port = || one_of(PORTS).prop_map(|port| port as u16);
    let data = || prop::collection::vec(any::<u8>(), 0..24);
    let icmp = (one_of(&[0u8, 3, 8, 128, 129]), one_of(&[0u8, 1, 4]), data());
    prop_oneof![
        4 => (port(), port(), any::<u8>(), data())
            .prop_map(|(s, d, flags, data)| Payload::tcp_segment(s, d, flags, 1, 2, &data)),
        4 => (port(), port(), data()).prop_map(|(s, d, data)| Payload::udp(s, d, &data)),
        2 => icmp.prop_map(move |(kind, code, data)| Payload::icmp(family, kind, code, 7, &data)),
        1 => (one_of(&[0u32, 1, 7, u32::MAX]), data()).prop_map(|(spi, data)| {
            Payload::raw(Proto::ESP, &[&spi.to_be_bytes()[..], &[0; 8], &data].concat())
        }),
        1 => (port(), port(), data()).prop_map(|(s, d, data)| {
            Payload::raw(Proto::SCTP, &[&s.to_be_bytes()[..], &d.to_be_bytes(), &[0; 8], &data].concat())
        }),
        1 => data().prop_map(|data| Payload::raw(Proto::GRE, &data)),
        // The other family's ICMP is a protocol like any other.
        1 => data().prop_map(move |data| {
            let other = if family == Family::V4 { Proto::ICMPV6 } else { Proto::ICMP };
            Payload::raw(other, &[&[128u8, 0, 0, 0, 0, 0, 0, 0][..], &data].concat())
        }),
    ]
}

/// Frames with options, extension headers, fragments, VLAN tags and padding.
pub fn frames(family: Family) -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        4 => Just(0u16),
        1 => one_of(&[0x2000u16, 0x2001, 0x0002, 0x1fff, 0x4000, 0x8000]),
    ];
    let ip = (address(family), address(family), one_of(&[0u8, 1, 64, 255]), fragment, any::<u8>());
    let shape = (0usize..3, prop::option::weighted(0.3, Just(7u16)), 0usize..8);
    (ip, shape, payload(family)).prop_map(
        move |((src, dst, ttl, fragment, tos), (extra, vlan, padding), payload)| {
            let mut ip = Ip::new(family, src, dst);
            (ip.ttl, ip.vlan) = (ttl, vlan);
            let at = if vlan.is_some() { 18 } else { 14 };
            let mut bytes = match family {
                Family::V4 => {
                    ip.fragment = fragment;
                    let mut bytes = frame(&ip, &payload);
                    bytes[at + 1] = tos;
                    options(&mut bytes, at, extra);
                    bytes
                }
                Family::V6 => {
                    ip.extensions = extra;
                    let mut bytes = frame(&ip, &payload);
                    bytes[at] = 0x60 | tos >> 4;
                    bytes[at + 1] = tos << 4;
                    fragment_header(&mut bytes, at, fragment);
                    bytes
                }
            };
            bytes.extend(vec![0xaa; padding]);
            bytes
        },
    )
}

/// Puts `count` options into an IPv4 header: router alert, then no-operation and the end.
fn options(bytes: &mut Vec<u8>, at: usize, count: usize) {
    let all: [&[u8]; 2] = [&[148, 4, 0, 0], &[1, 7, 3, 0]];
    let options = all[..count].concat();
    bytes.splice(at + 20..at + 20, options.iter().copied());
    bytes[at] += count as u8;
    let total = ravelin_wire::u16_at(bytes, at + 2) + options.len() as u16;
    put_u16(bytes, at + 2, total);
    put_u16(bytes, at + 10, 0);
    let len = 20 + options.len();
    let sum = !checksum::fold(checksum::sum(&bytes[at..at + len]));
    put_u16(bytes, at + 10, sum);
}

/// Puts a fragment header behind the fixed header of IPv6, from the IPv4 form of flags and offset.
fn fragment_header(bytes: &mut Vec<u8>, at: usize, fragment: u16) {
    if fragment & 0x3fff == 0 {
        return;
    }
    let word = (fragment & 0x1fff) << 3 | fragment >> 13 & 1;
    let [high, low] = word.to_be_bytes();
    let header = [bytes[at + 6], 0, high, low, 0, 0, 0, 9];
    bytes.splice(at + 40..at + 40, header);
    bytes[at + 6] = 44;
    let len = ravelin_wire::u16_at(bytes, at + 4) + 8;
    put_u16(bytes, at + 4, len);
}
