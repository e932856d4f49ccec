//! Conditions flattened: one small record each, what is long stands in pools of the filter.
//!
//! Equal sets are kept once, so that a prefix list used by a thousand terms costs its memory once.

use ravelin_types::{FlagTable, InterfaceId};
use ravelin_wire::Fragment;

use crate::address::{AddressSet, Listed};
use crate::condition::{ByteField, End, FlexibleMatch, NumberField};
use crate::facts::{Facts, has_option};

/// A set of byte values: bit N of the array stands for value N.
pub(crate) type ByteSet = [u64; 4];

/// Ranges of a pool: where they begin and how many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub at: u32,
    pub len: u32,
}

impl Span {
    fn of<T>(self, pool: &[T]) -> &[T] {
        &pool[self.at as usize..][..self.len as usize]
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Address { end: End, set: u32 },
    Port { end: End, except: bool, ranges: Span },
    Byte { field: ByteField, set: u32 },
    Number { field: NumberField, except: bool, ranges: Span },
    TcpFlags(FlagTable),
    FragmentFlags(FlagTable),
    IsFragment,
    FirstFragment,
    AnyOption { except: bool },
    Options { except: bool, set: u32 },
    Flexible { at: u32 },
    Interface { units: Span },
}

const _: () = assert!(size_of::<Op>() <= 16, "four conditions a cache line");

/// What records point into.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    pub addresses: Box<[AddressSet]>,
    pub bytes: Box<[ByteSet]>,
    /// Ascending and apart.
    pub ranges: Box<[(u32, u32)]>,
    pub flexible: Box<[FlexibleMatch]>,
    /// Each list ascending.
    pub interfaces: Box<[InterfaceId]>,
}

pub(crate) fn in_set(set: &ByteSet, value: u8) -> bool {
    set[usize::from(value >> 6)] >> (value & 63) & 1 == 1
}

fn in_ranges(ranges: &[(u32, u32)], value: u32) -> bool {
    let at = ranges.partition_point(|(_, high)| *high < value);
    ranges.get(at).is_some_and(|(low, _)| *low <= value)
}

impl Pools {
    /// Whether a condition holds; one that a packet has no value for does not.
    pub(crate) fn holds(&self, op: &Op, facts: &Facts<'_>) -> bool {
        match *op {
            Op::Address { end, set } => self.address(end, set, facts),
            Op::Port { end, except, ranges } => self.port(end, except, ranges, facts),
            Op::Byte { field, set } => {
                facts.byte(field).is_some_and(|value| in_set(&self.bytes[set as usize], value))
            }
            Op::Number { field, except, ranges } => {
                facts.number(field).is_some_and(|value| in_ranges(ranges.of(&self.ranges), value) != except)
            }
            Op::TcpFlags(table) => facts.tcp_flags.is_some_and(|flags| table.holds(flags)),
            Op::FragmentFlags(table) => facts.fragment_flags().is_some_and(|flags| table.holds(flags)),
            Op::IsFragment => matches!(facts.packet.network.fragment, Fragment::Later { .. }),
            Op::FirstFragment => matches!(facts.packet.network.fragment, Fragment::First { .. }),
            Op::AnyOption { except } => facts.options().is_some_and(|options| options.is_empty() == except),
            Op::Options { except, set } => {
                let types = |kind| in_set(&self.bytes[set as usize], kind);
                let found = facts.options().and_then(|options| has_option(options, types));
                found.is_some_and(|found| found != except)
            }
            Op::Flexible { at } => self.flexible(at, facts),
            Op::Interface { units } => {
                units.of(&self.interfaces).binary_search(&facts.packet.interface).is_ok()
            }
        }
    }

    fn address(&self, end: End, set: u32, facts: &Facts<'_>) -> bool {
        let set = &self.addresses[set as usize];
        let network = facts.packet.network;
        match end {
            End::Source => set.find(network.src) == Listed::Yes,
            End::Destination => set.find(network.dst) == Listed::Yes,
            // An exception at either end is one of the packet.
            End::Either => {
                let found = (set.find(network.src), set.find(network.dst));
                match found {
                    (Listed::Except, _) | (_, Listed::Except) => false,
                    (Listed::Yes, _) | (_, Listed::Yes) => true,
                    (Listed::No, Listed::No) => false,
                }
            }
        }
    }

    fn port(&self, end: End, except: bool, ranges: Span, facts: &Facts<'_>) -> bool {
        let Some((source, destination)) = facts.ports else { return false };
        let ranges = ranges.of(&self.ranges);
        let listed = |port: u16| in_ranges(ranges, u32::from(port));
        let found = match end {
            End::Source => listed(source),
            End::Destination => listed(destination),
            End::Either => listed(source) || listed(destination),
        };
        found != except
    }

    fn flexible(&self, at: u32, facts: &Facts<'_>) -> bool {
        let wanted = &self.flexible[at as usize];
        facts.flexible(wanted).is_some_and(|value| {
            let value = value & wanted.mask;
            (wanted.low <= value && value <= wanted.high) != wanted.except
        })
    }
}
