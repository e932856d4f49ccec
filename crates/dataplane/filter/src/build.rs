//! From terms as configured to a filter: conditions flattened, equal sets kept once, columns swept.
//!
//! Off the packet path; everything here may allocate.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ravelin_types::Family;

use crate::action::Then;
use crate::address::{AddressSet, width};
use crate::column::{COLUMNS_MAX, Column, FLAGS, Field, Needs};
use crate::condition::{ByteField, Condition, End, FlexibleMatch, ListedPrefix, OptionMatch, Values};
use crate::ops::{ByteSet, Op, Pools, Span};

/// Terms of one filter.
pub const TERMS_MAX: usize = 16_384;
/// Conditions of one term.
pub const CONDITIONS_MAX: usize = 64;
/// Values or prefixes of one condition.
pub const VALUES_MAX: usize = 1 << 20;
/// A filter of fewer terms is walked: finding rows would cost more.
const COLUMNS_FROM: usize = 6;
/// Ranges that the terms of a filter have in a column together; a term with more than its part is taken to need
/// what lies between some of them, too.
const COLUMN_RANGES_MAX: usize = 1 << 20;

/// A term: conditions that must all hold, and what it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Term {
    pub conditions: Vec<Condition>,
    pub then: Then,
}

/// Why a filter can't be built. Terms and conditions are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    TooManyTerms(usize),
    TooManyConditions {
        term: usize,
    },
    TooManyValues {
        term: usize,
        condition: usize,
    },
    /// A list of values that is empty, or a range that ends before it begins.
    Values {
        term: usize,
        condition: usize,
    },
    /// A value that the field can't hold.
    TooLarge {
        term: usize,
        condition: usize,
        value: u32,
    },
    /// A prefix of the other family, or longer than its addresses.
    Prefix {
        term: usize,
        condition: usize,
    },
    /// Offsets or bounds of a flexible match.
    Flexible {
        term: usize,
        condition: usize,
    },
    /// A condition that packets of this family never meet.
    Family {
        term: usize,
        condition: usize,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyTerms(count) => write!(f, "{count} terms, at most {TERMS_MAX} are possible"),
            Self::TooManyConditions { term } => {
                write!(f, "term {term} has more than {CONDITIONS_MAX} conditions")
            }
            Self::TooManyValues { term, condition } => {
                write!(f, "condition {condition} of term {term} has more than {VALUES_MAX} values")
            }
            Self::Values { term, condition } => {
                write!(f, "condition {condition} of term {term} has no values or a range upside down")
            }
            Self::TooLarge { term, condition, value } => {
                write!(f, "condition {condition} of term {term}: {value} is too large")
            }
            Self::Prefix { term, condition } => {
                write!(f, "condition {condition} of term {term} has a prefix of another family or length")
            }
            Self::Flexible { term, condition } => {
                write!(
                    f,
                    "condition {condition} of term {term}: offset, length or range of the flexible match"
                )
            }
            Self::Family { term, condition } => {
                write!(f, "condition {condition} of term {term} is not one of this family")
            }
        }
    }
}

impl std::error::Error for BuildError {}

/// A filter, compiled.
#[derive(Debug)]
pub struct Filter {
    pub(crate) family: Family,
    pub(crate) terms: Box<[CompiledTerm]>,
    pub(crate) ops: Box<[Op]>,
    pub(crate) pools: Pools,
    pub(crate) columns: Box<[Column]>,
}

#[derive(Debug)]
pub(crate) struct CompiledTerm {
    pub ops: Span,
    pub then: Then,
}

impl Filter {
    /// Compiles terms for packets of one family.
    ///
    /// # Errors
    /// A condition that can't be evaluated as it stands; nothing is left out.
    pub fn build(family: Family, terms: &[Term]) -> Result<Self, BuildError> {
        if terms.len() > TERMS_MAX {
            return Err(BuildError::TooManyTerms(terms.len()));
        }
        let mut pools = Growing::default();
        let (mut compiled, mut ops, mut needs) = (vec![], vec![], vec![]);
        for (at, term) in terms.iter().enumerate() {
            if term.conditions.len() > CONDITIONS_MAX {
                return Err(BuildError::TooManyConditions { term: at });
            }
            let begin = ops.len();
            for (number, condition) in term.conditions.iter().enumerate() {
                check(family, condition).map_err(|fault| fault.at(at, number))?;
                ops.push(pools.flatten(condition));
            }
            // The cheap ones first: what fails early costs least.
            ops[begin..].sort_by_key(cost);
            let span = Span { at: begin as u32, len: (ops.len() - begin) as u32 };
            compiled.push(CompiledTerm { ops: span, then: term.then });
            needs.push(term.conditions.as_slice());
        }
        let columns = if terms.len() < COLUMNS_FROM { vec![] } else { columns(&needs, &pools) };
        Ok(Self {
            family,
            terms: compiled.into(),
            ops: ops.into(),
            pools: pools.finish(),
            columns: columns.into(),
        })
    }

    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    #[must_use]
    pub fn term_count(&self) -> usize {
        self.terms.len()
    }
}

const fn cost(op: &Op) -> u8 {
    match op {
        Op::TcpFlags(_) | Op::IsFragment | Op::FirstFragment | Op::FragmentFlags(_) => 0,
        Op::Byte { .. } | Op::AnyOption { .. } => 1,
        Op::Port { .. } | Op::Number { .. } | Op::Interface { .. } => 2,
        Op::Address { .. } => 3,
        Op::Flexible { .. } | Op::Options { .. } => 4,
    }
}

fn columns(terms: &[&[Condition]], pools: &Growing) -> Vec<Column> {
    let limit = (COLUMN_RANGES_MAX / terms.len()).max(8);
    let listed: Vec<_> = pools.addresses.iter().map(|set| coarse(set.ranges(), limit)).collect();
    let addresses = |prefixes: &Arc<[ListedPrefix]>| listed[pools.known_addresses[prefixes] as usize].clone();
    let needs = |field| -> Vec<Needs> {
        let of = |condition: &Condition| match (field, condition) {
            (Field::Source, Condition::Address { end: End::Source, prefixes })
            | (Field::Destination, Condition::Address { end: End::Destination, prefixes }) => {
                Some(addresses(prefixes))
            }
            _ => numbers(field, condition).map(|ranges| coarse(ranges, limit)),
        };
        terms.iter().map(|term| term.iter().find_map(of)).collect()
    };
    let mut asked: Vec<_> = (Field::ALL.into_iter())
        .map(|field| (field, needs(field)))
        .filter(|(_, needs)| needs.iter().any(Option::is_some))
        .collect();
    asked.sort_by_key(|(_, needs)| needs.iter().filter(|needs| needs.is_none()).count());
    asked.truncate(COLUMNS_MAX);
    asked.iter().filter_map(|(field, needs)| Column::new(*field, needs)).collect()
}

/// What a condition needs a number to be; `None` where it says nothing of it.
fn numbers(field: Field, condition: &Condition) -> Needs {
    let admitted = match (field, condition) {
        (Field::SourcePort, Condition::Port { end: End::Source, values })
        | (Field::DestinationPort, Condition::Port { end: End::Destination, values }) => {
            admitted(values, u32::from(u16::MAX))
        }
        (Field::Byte(wanted), Condition::Byte { field, values }) if wanted == *field => {
            admitted(values, field.largest())
        }
        (Field::Number(wanted), Condition::Number { field, values }) if wanted == *field => {
            admitted(values, field.largest())
        }
        (Field::TcpFlags, Condition::TcpFlags(table)) => (0..=FLAGS)
            .filter(|flags| table.holds(*flags))
            .map(|flags| (flags.into(), flags.into()))
            .collect(),
        _ => return None,
    };
    Some(admitted.into_iter().map(|(low, high)| (u128::from(low), u128::from(high))).collect())
}

/// At most `limit` ranges that have all values of the given ones, and maybe more.
fn coarse(ranges: Vec<(u128, u128)>, limit: usize) -> Vec<(u128, u128)> {
    if ranges.len() <= limit {
        return ranges;
    }
    ranges.chunks(ranges.len().div_ceil(limit)).map(|few| (few[0].0, few[few.len() - 1].1)).collect()
}

/// Ascending, apart, and none next to another.
fn normal(ranges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::with_capacity(sorted.len());
    for (low, high) in sorted {
        match merged.last_mut() {
            Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
            _ => merged.push((low, high)),
        }
    }
    merged
}

/// The values up to `max` that a list admits.
fn admitted(values: &Values, max: u32) -> Vec<(u32, u32)> {
    let listed = normal(&values.ranges);
    if !values.except {
        return listed;
    }
    let mut rest = vec![];
    let mut next = Some(0);
    for (low, high) in listed {
        if let Some(from) = next.filter(|from| *from < low) {
            rest.push((from, low - 1));
        }
        next = high.checked_add(1).filter(|next| *next <= max);
    }
    rest.extend(next.map(|from| (from, max)));
    rest
}

/// What is wrong with a condition, before it is known where it stands.
enum Fault {
    TooMany,
    Values,
    TooLarge(u32),
    Prefix,
    Flexible,
    Family,
}

impl Fault {
    const fn at(self, term: usize, condition: usize) -> BuildError {
        match self {
            Self::TooMany => BuildError::TooManyValues { term, condition },
            Self::Values => BuildError::Values { term, condition },
            Self::TooLarge(value) => BuildError::TooLarge { term, condition, value },
            Self::Prefix => BuildError::Prefix { term, condition },
            Self::Flexible => BuildError::Flexible { term, condition },
            Self::Family => BuildError::Family { term, condition },
        }
    }
}

fn check(family: Family, condition: &Condition) -> Result<(), Fault> {
    let wanted = match condition {
        Condition::Byte { field: ByteField::NextHeader, .. } => Some(Family::V6),
        Condition::Byte { field: ByteField::Precedence, .. }
        | Condition::IpOptions(_)
        | Condition::FragmentFlags(_) => Some(Family::V4),
        _ => None,
    };
    if wanted.is_some_and(|wanted| wanted != family) {
        return Err(Fault::Family);
    }
    match condition {
        Condition::Address { prefixes, .. } => check_prefixes(family, prefixes),
        Condition::Port { values, .. } => check_values(values, u32::from(u16::MAX)),
        Condition::Byte { field, values } => check_values(values, field.largest()),
        Condition::Number { field, values } => check_values(values, field.largest()),
        Condition::IpOptions(OptionMatch::Types(values)) => check_values(values, 255),
        Condition::Flexible(wanted) => check_flexible(wanted),
        Condition::Interface(units) if units.len() > VALUES_MAX => Err(Fault::TooMany),
        Condition::TcpFlags(_)
        | Condition::FragmentFlags(_)
        | Condition::IsFragment
        | Condition::FirstFragment
        | Condition::IpOptions(OptionMatch::Any { .. })
        | Condition::Interface(_) => Ok(()),
    }
}

fn check_prefixes(family: Family, prefixes: &[ListedPrefix]) -> Result<(), Fault> {
    if prefixes.len() > VALUES_MAX {
        return Err(Fault::TooMany);
    }
    let sound = |prefix: &ListedPrefix| {
        let fits = family == Family::V6 || prefix.addr.0 <= u128::from(u32::MAX);
        prefix.family == family && u32::from(prefix.len) <= width(prefix) && fits
    };
    if prefixes.iter().all(sound) { Ok(()) } else { Err(Fault::Prefix) }
}

fn check_values(values: &Values, max: u32) -> Result<(), Fault> {
    let ranges = &values.ranges;
    if ranges.len() > VALUES_MAX {
        return Err(Fault::TooMany);
    }
    if ranges.is_empty() || ranges.iter().any(|(low, high)| low > high) {
        return Err(Fault::Values);
    }
    match ranges.iter().find(|(_, high)| *high > max) {
        Some((_, high)) => Err(Fault::TooLarge(*high)),
        None => Ok(()),
    }
}

fn check_flexible(wanted: &FlexibleMatch) -> Result<(), Fault> {
    let FlexibleMatch { start: _, byte_offset: _, bit_offset, bit_length, mask: _, low, high, except: _ } =
        *wanted;
    let bits = u32::from(bit_offset) + u32::from(bit_length);
    if bit_offset > 7 || bit_length == 0 || bits > 128 || low > high {
        return Err(Fault::Flexible);
    }
    if high > u128::MAX >> (128 - u32::from(bit_length)) { Err(Fault::Flexible) } else { Ok(()) }
}

/// Pools while a filter is built; equal things have one place.
#[derive(Default)]
struct Growing {
    addresses: Vec<AddressSet>,
    known_addresses: BTreeMap<Arc<[ListedPrefix]>, u32>,
    bytes: Vec<ByteSet>,
    known_bytes: BTreeMap<ByteSet, u32>,
    ranges: Vec<(u32, u32)>,
    known_ranges: BTreeMap<Vec<(u32, u32)>, u32>,
    flexible: Vec<FlexibleMatch>,
    interfaces: Vec<ravelin_types::InterfaceId>,
}

impl Growing {
    fn flatten(&mut self, condition: &Condition) -> Op {
        match condition {
            Condition::Address { end, prefixes } => Op::Address { end: *end, set: self.addresses(prefixes) },
            Condition::Port { end, values } => {
                Op::Port { end: *end, except: values.except, ranges: self.ranges(&values.ranges) }
            }
            Condition::Byte { field, values } => {
                Op::Byte { field: *field, set: self.bytes(&admitted(values, field.largest())) }
            }
            Condition::Number { field, values } => {
                Op::Number { field: *field, except: values.except, ranges: self.ranges(&values.ranges) }
            }
            Condition::TcpFlags(table) => Op::TcpFlags(*table),
            Condition::FragmentFlags(table) => Op::FragmentFlags(*table),
            Condition::IsFragment => Op::IsFragment,
            Condition::FirstFragment => Op::FirstFragment,
            Condition::IpOptions(OptionMatch::Any { except }) => Op::AnyOption { except: *except },
            Condition::IpOptions(OptionMatch::Types(values)) => {
                Op::Options { except: values.except, set: self.bytes(&values.ranges) }
            }
            Condition::Flexible(wanted) => {
                self.flexible.push(*wanted);
                Op::Flexible { at: self.flexible.len() as u32 - 1 }
            }
            Condition::Interface(units) => {
                let mut units = units.clone();
                units.sort_unstable();
                let at = self.interfaces.len() as u32;
                self.interfaces.extend(&units);
                Op::Interface { units: Span { at, len: units.len() as u32 } }
            }
        }
    }

    fn addresses(&mut self, prefixes: &Arc<[ListedPrefix]>) -> u32 {
        let next = self.addresses.len() as u32;
        let at = *self.known_addresses.entry(Arc::clone(prefixes)).or_insert(next);
        if at == next {
            self.addresses.push(AddressSet::new(prefixes));
        }
        at
    }

    fn bytes(&mut self, ranges: &[(u32, u32)]) -> u32 {
        let mut set = ByteSet::default();
        for value in ranges.iter().flat_map(|(low, high)| *low..=*high) {
            set[value as usize / 64] |= 1 << (value % 64);
        }
        let next = self.bytes.len() as u32;
        let at = *self.known_bytes.entry(set).or_insert(next);
        if at == next {
            self.bytes.push(set);
        }
        at
    }

    fn ranges(&mut self, ranges: &[(u32, u32)]) -> Span {
        let ranges = normal(ranges);
        let (next, len) = (self.ranges.len() as u32, ranges.len() as u32);
        let at = *self.known_ranges.entry(ranges.clone()).or_insert(next);
        if at == next {
            self.ranges.extend(ranges);
        }
        Span { at, len }
    }

    fn finish(self) -> Pools {
        Pools {
            addresses: self.addresses.into(),
            bytes: self.bytes.into(),
            ranges: self.ranges.into(),
            flexible: self.flexible.into(),
            interfaces: self.interfaces.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ravelin_types::Addr;

    #[test]
    fn fewer_ranges_have_every_value_of_more() {
        let ranges: Vec<(u128, u128)> = (0..100).map(|n| (n * 10, n * 10 + 3)).collect();
        let few = coarse(ranges.clone(), 8);
        assert!(few.len() <= 8, "{}", few.len());
        for (low, high) in ranges {
            assert!(few.iter().any(|(first, last)| *first <= low && high <= *last), "{low}");
        }
        assert!(few.windows(2).all(|two| two[0].1 < two[1].0));
    }

    #[test]
    fn a_long_list_in_many_terms_is_kept_once_and_bounded() {
        let prefix = |n: u32| ListedPrefix {
            family: Family::V4,
            addr: Addr(u128::from(n) * 512),
            len: 24,
            except: false,
        };
        let prefixes: Arc<[ListedPrefix]> = (0..20_000).map(prefix).collect();
        let term = Term {
            conditions: vec![Condition::Address { end: End::Source, prefixes }],
            then: Then::default(),
        };
        let filter = Filter::build(Family::V4, &vec![term; 2000]).unwrap();
        assert_eq!(filter.pools.addresses.len(), 1);
    }

    #[test]
    fn what_is_admitted_is_the_rest_of_what_is_not() {
        let except = |ranges: &[(u32, u32)]| admitted(&Values::except(ranges), 100);
        assert_eq!(except(&[(0, 100)]), []);
        assert_eq!(except(&[(5, 5), (6, 9), (0, 1)]), [(2, 4), (10, 100)]);
        assert_eq!(except(&[(100, 100)]), [(0, 99)]);
    }
}
