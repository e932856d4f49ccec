//! A plane while it is built: the rows of one dimension after another, within what they may take.

use crate::conditions::{Breadth, Condition, Cover, Detail};
use crate::draft::Entry;
use crate::line::{AddressLine, Line};
use crate::plane::DIMENSIONS;
use crate::rows::Rows;
use crate::service::Ranges;
use crate::sweep::{Dimension, Exceeded};

/// Rows, the entries they speak of, and the dimensions they were made from.
pub(crate) struct Build {
    pub rows: Rows,
    pub entries: Vec<Entry>,
    pub dimensions: [Option<Dimension>; DIMENSIONS],
    allowance: usize,
}

impl Build {
    /// `allowance`: words of rows a dimension may make.
    pub(crate) fn new(rows: Rows, entries: Vec<Entry>, allowance: usize) -> Self {
        Self { rows, entries, dimensions: Default::default(), allowance }
    }

    pub(crate) fn line(
        &mut self,
        at: usize,
        conditions: Vec<Condition>,
        ranges: &Ranges,
    ) -> Option<Line<u32>> {
        self.dimension(at, conditions, ranges.sets.len(), |dimension, rows, allowance| {
            Line::build(dimension, ranges.sets.iter().map(|set| &**set), 0, rows, allowance)
        })
    }

    pub(crate) fn addresses(
        &mut self,
        at: usize,
        conditions: Vec<Condition>,
        covers: &[Cover<'_>],
    ) -> Option<AddressLine> {
        self.dimension(at, conditions, covers.len(), |dimension, rows, allowance| {
            AddressLine::build(dimension, covers, rows, allowance)
        })
    }

    /// Builds the lines of a dimension within what is left, giving up conditions until they fit; `None` when no entry
    /// cares.
    fn dimension<T>(
        &mut self,
        at: usize,
        conditions: Vec<Condition>,
        sets: usize,
        lines: impl Fn(&mut Dimension, &mut Rows, usize) -> Result<T, Exceeded>,
    ) -> Option<T> {
        if conditions.iter().all(|condition| condition.breadth == Breadth::Any) {
            return None;
        }
        let of = self.entries.iter().map(|entry| entry.conditions[at]);
        let mut dimension = Dimension::new(conditions, sets, of);
        let before = self.rows.mark();
        let built = loop {
            // With nothing left to give up there is one row, whatever it takes.
            let allowance = if dimension.is_given_up() { usize::MAX } else { self.allowance };
            match lines(&mut dimension, &mut self.rows, allowance) {
                Ok(built) => break built,
                Err(Exceeded) => {
                    self.rows.truncate(before);
                    dimension.give_up();
                }
            }
        };
        for entry in &mut self.entries {
            let condition = &dimension.conditions[entry.conditions[at] as usize];
            let exact = matches!(condition.detail, Detail::Exact | Detail::Apart);
            entry.loose |= condition.loose || !exact;
        }
        self.dimensions[at] = Some(dimension);
        Some(built)
    }
}
