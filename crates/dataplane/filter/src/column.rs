//! Which terms may hold, by one field: a row of a bit a term for each segment of the field's values.
//!
//! The rows of all columns of a packet, and'ed word by word, leave the terms worth evaluating. A row may name a term
//! that does not hold (it is evaluated, and does not), but never lacks one that does: rows may therefore be merged to
//! keep a column within [`COLUMN_WORDS_MAX`].

use std::collections::BTreeMap;

use crate::condition::{ByteField, NumberField};
use crate::facts::Facts;
use crate::segments::Segments;

/// 64-bit words of a column's rows: 4 MiB.
const COLUMN_WORDS_MAX: usize = 1 << 19;

/// A field that terms are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Source,
    Destination,
    SourcePort,
    DestinationPort,
    Byte(ByteField),
    Number(NumberField),
    TcpFlags,
}

impl Field {
    /// What terms do not change on the way; the more telling first.
    pub(crate) const ALL: [Self; 16] = [
        Self::Destination,
        Self::Source,
        Self::DestinationPort,
        Self::SourcePort,
        Self::Byte(ByteField::Protocol),
        Self::Number(NumberField::PacketLength),
        Self::Byte(ByteField::Dscp),
        Self::Byte(ByteField::Precedence),
        Self::Byte(ByteField::IcmpType),
        Self::Byte(ByteField::IcmpCode),
        Self::TcpFlags,
        Self::Byte(ByteField::Ttl),
        Self::Byte(ByteField::NextHeader),
        Self::Byte(ByteField::InterfaceGroup),
        Self::Number(NumberField::EspSpi),
        Self::Number(NumberField::FragmentOffset),
    ];

    fn of(self, facts: &Facts<'_>) -> Option<u128> {
        let network = facts.packet.network;
        match self {
            Self::Source => Some(network.src.0),
            Self::Destination => Some(network.dst.0),
            Self::SourcePort => facts.ports.map(|(source, _)| u128::from(source)),
            Self::DestinationPort => facts.ports.map(|(_, destination)| u128::from(destination)),
            Self::Byte(field) => facts.byte(field).map(u128::from),
            Self::Number(field) => facts.number(field).map(u128::from),
            Self::TcpFlags => facts.tcp_flags.map(|flags| u128::from(flags & FLAGS)),
        }
    }
}

/// Columns of a filter: the fields that most terms ask for. What others would exclude is evaluated.
pub(crate) const COLUMNS_MAX: usize = 6;
/// The TCP flags that expressions name.
pub(crate) const FLAGS: u8 = 0x3f;

/// The values of a field with which a term may hold: ranges ascending and apart; `None`: all, and none too.
pub(crate) type Needs = Option<Vec<(u128, u128)>>;

#[derive(Debug)]
pub(crate) struct Column {
    field: Field,
    segments: Segments,
    /// The row of each segment.
    rows: Box<[u32]>,
    /// The row of packets that lack the field.
    absent: u32,
    words: usize,
    bits: Box<[u64]>,
}

impl Column {
    /// `None` where no term needs anything of the field.
    pub(crate) fn new(field: Field, needs: &[Needs]) -> Option<Self> {
        if needs.iter().all(Option::is_none) {
            return None;
        }
        let mut changes: Vec<(u128, u32)> = vec![];
        for (term, ranges) in needs.iter().enumerate() {
            for (first, last) in ranges.iter().flatten() {
                changes.push((*first, term as u32));
                changes.extend(last.checked_add(1).map(|behind| (behind, term as u32)));
            }
        }
        changes.sort_unstable();
        let words = needs.len().div_ceil(64);
        let mut active = vec![0u64; words];
        for term in needs.iter().enumerate().filter(|(_, needs)| needs.is_none()).map(|(term, _)| term) {
            active[term / 64] |= 1 << (term % 64);
        }
        let mut rows = Rows::default();
        let absent = rows.keep(active.clone());
        let (starts, of) = sweep(&changes, active, &mut rows);
        Some(Self {
            field,
            segments: Segments::new(&starts),
            rows: of.into(),
            absent,
            words,
            bits: rows.bits.into(),
        })
    }

    pub(crate) fn row(&self, facts: &Facts<'_>) -> &[u64] {
        let row = match self.field.of(facts) {
            Some(value) => self.rows[self.segments.find(value)],
            None => self.absent,
        };
        &self.bits[row as usize * self.words..][..self.words]
    }
}

/// Rows, equal ones once.
#[derive(Default)]
struct Rows {
    known: BTreeMap<Vec<u64>, u32>,
    bits: Vec<u64>,
}

impl Rows {
    fn keep(&mut self, row: Vec<u64>) -> u32 {
        let next = self.known.len() as u32;
        let words = row.clone();
        let at = *self.known.entry(row).or_insert(next);
        if at == next {
            self.bits.extend(words);
        }
        at
    }
}

/// Goes along the line of values; a change turns a term on or off. Neighbours share a row where there would be
/// too many.
fn sweep(changes: &[(u128, u32)], mut active: Vec<u64>, rows: &mut Rows) -> (Vec<u128>, Vec<u32>) {
    let distinct = 1 + changes.chunk_by(|a, b| a.0 == b.0).count();
    let rows_max = (COLUMN_WORDS_MAX / active.len()).saturating_sub(2).max(1);
    let group = distinct.div_ceil(rows_max);
    let (mut starts, mut of) = (vec![0], vec![]);
    let mut merged = active.clone();
    let mut within = 1;
    for together in changes.chunk_by(|a, b| a.0 == b.0) {
        let at = together[0].0;
        for (_, term) in together {
            active[*term as usize / 64] ^= 1 << (term % 64);
        }
        if at == 0 {
            merged.copy_from_slice(&active);
        } else if within < group {
            within += 1;
            merged.iter_mut().zip(&active).for_each(|(merged, active)| *merged |= active);
        } else {
            of.push(rows.keep(std::mem::replace(&mut merged, active.clone())));
            starts.push(at);
            within = 1;
        }
    }
    of.push(rows.keep(merged));
    (starts, of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(column: &Column, value: u128) -> Vec<usize> {
        let row = column.rows[column.segments.find(value)] as usize * column.words;
        (0..column.words * 64).filter(|term| column.bits[row + term / 64] >> (term % 64) & 1 == 1).collect()
    }

    #[test]
    fn a_row_names_every_term_that_may_hold() {
        let needs = [None, Some(vec![(5, 9), (20, 20)]), Some(vec![(0, u128::MAX)]), Some(vec![])];
        let column = Column::new(Field::Source, &needs).unwrap();
        for (value, expected) in
            [(0, vec![0, 2]), (5, vec![0, 1, 2]), (9, vec![0, 1, 2]), (10, vec![0, 2]), (20, vec![0, 1, 2])]
        {
            assert_eq!(terms(&column, value), expected, "{value}");
        }
        assert_eq!(terms(&column, u128::MAX), [0, 2]);
        assert_eq!(column.bits[column.absent as usize], 1);
    }

    #[test]
    fn a_field_that_no_term_needs_has_no_column() {
        assert!(Column::new(Field::TcpFlags, &[None, None]).is_none());
    }

    #[test]
    fn a_column_stays_within_its_bound_and_lacks_no_term() {
        let needs: Vec<Needs> = (0..16_384u128)
            .map(|term| Some(vec![(term * 10, term * 10 + 4), (term * 10 + 7, term * 10 + 8)]))
            .collect();
        let column = Column::new(Field::Destination, &needs).unwrap();
        assert!(column.bits.len() <= COLUMN_WORDS_MAX, "{}", column.bits.len());
        for term in (0..16_384).step_by(501) {
            for value in [term * 10, term * 10 + 4, term * 10 + 8] {
                assert!(terms(&column, value as u128).contains(&term), "{term}");
            }
        }
    }
}
