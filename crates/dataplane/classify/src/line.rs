//! A dimension as lookups see it: from a point to its row.

use ravelin_types::{Addr, Family};

use crate::conditions::Cover;
use crate::range::Point;
use crate::rows::{Row, Rows};
use crate::space::Space;
use crate::sweep::{Dimension, Exceeded};

#[derive(Debug)]
pub(crate) struct AddressLine {
    pub v4: Line<u32>,
    pub v6: Line<u128>,
}

/// The rows of a line, and the lists of those that are apart.
#[derive(Debug)]
pub(crate) struct Line<K> {
    rows: Space<K>,
    apart: Option<Space<K>>,
}

impl<K: Point> Line<K> {
    #[inline]
    pub(crate) fn row(&self, at: K) -> Row {
        self.joined(self.rows.row(at), at)
    }

    /// [`Line::row`] of several points, a level at a time.
    #[inline]
    pub(crate) fn rows<const N: usize>(&self, points: &[K], rows: &mut [Row; N]) {
        self.rows.rows(points, rows);
        if self.apart.is_some() {
            for (row, at) in rows.iter_mut().zip(points) {
                *row = self.joined(*row, *at);
            }
        }
    }

    #[inline]
    fn joined(&self, row: Row, at: K) -> Row {
        match &self.apart {
            None => row,
            Some(apart) => row.and_list(apart.row(at).base),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes() + self.apart.as_ref().map_or(0, Space::bytes)
    }

    /// Builds a line of a dimension; `sets` gives the ranges of a set, `family` is the line's place among its
    /// condition's.
    pub(crate) fn build<'a>(
        dimension: &mut Dimension,
        sets: impl Iterator<Item = &'a [(K, K)]> + Clone,
        family: usize,
        rows: &mut Rows,
        allowance: usize,
    ) -> Result<Self, Exceeded>
    where
        K: 'a,
    {
        let before = rows.len();
        let steps = dimension.steps(sets.clone(), family, rows, allowance)?;
        let apart = dimension.apart(sets, family, rows, allowance)?;
        let line =
            Self { rows: Space::new(&steps, rows), apart: apart.map(|steps| Space::new(&steps, rows)) };
        if rows.len() - before > allowance { Err(Exceeded) } else { Ok(line) }
    }
}

impl AddressLine {
    #[inline]
    pub(crate) fn row(&self, family: Family, addr: Addr) -> Row {
        match family {
            Family::V4 => self.v4.row(addr.low32()),
            Family::V6 => self.v6.row(addr.0),
        }
    }
    pub(crate) fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes()
    }

    pub(crate) fn build(
        dimension: &mut Dimension,
        covers: &[Cover<'_>],
        rows: &mut Rows,
        allowance: usize,
    ) -> Result<Self, Exceeded> {
        let before = rows.len();
        let v4 = Line::build(dimension, covers.iter().map(|cover| &*cover.v4), 0, rows, allowance)?;
        let left = allowance.saturating_sub(rows.len() - before);
        let v6 = Line::build(dimension, covers.iter().map(|cover| &*cover.v6), 1, rows, left)?;
        Ok(Self { v4, v6 })
    }
}
