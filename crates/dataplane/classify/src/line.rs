//! A dimension as lookups see it: from a point to its row.

use ravelin_types::{Addr, Family};

use crate::conditions::Cover;
use crate::range::Point;
use crate::reader::Row;
use crate::rows::Rows;
use crate::space::Space;
use crate::sweep::{Dimension, Exceeded};

#[derive(Debug)]
pub(crate) struct AddressLine {
    pub v4: Line<u32>,
    pub v6: Line<u128>,
}

/// The leaves of a point.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sought {
    rows: usize,
    apart: usize,
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
        self.row_of(self.seek(at), at)
    }

    /// Where a point is among the rows and among those apart.
    #[inline]
    pub(crate) fn seek(&self, at: K) -> Sought {
        Sought { rows: self.rows.leaf(at), apart: self.apart.as_ref().map_or(0, |apart| apart.leaf(at)) }
    }

    /// [`Line::row`] of a point that was sought.
    #[inline]
    pub(crate) fn row_of(&self, sought: Sought, at: K) -> Row {
        let row = self.rows.row_of(sought.rows, at);
        match &self.apart {
            None => row,
            Some(apart) => row.and_list(apart.row_of(sought.apart, at).base),
        }
    }

    /// [`Line::row`] of several points, a level at a time.
    #[inline]
    pub(crate) fn rows<const N: usize>(&self, points: &[K], rows: &mut [Row; N]) {
        self.rows.rows(points, rows);
        if let Some(apart) = &self.apart {
            for (row, at) in rows.iter_mut().zip(points) {
                *row = row.and_list(apart.row(*at).base);
            }
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
    pub(crate) fn seek(&self, family: Family, addr: Addr) -> Sought {
        match family {
            Family::V4 => self.v4.seek(addr.low32()),
            Family::V6 => self.v6.seek(addr.0),
        }
    }

    #[inline]
    pub(crate) fn row_of(&self, sought: Sought, family: Family, addr: Addr) -> Row {
        match family {
            Family::V4 => self.v4.row_of(sought, addr.low32()),
            Family::V6 => self.v6.row_of(sought, addr.0),
        }
    }

    #[inline]
    pub(crate) fn row(&self, family: Family, addr: Addr) -> Row {
        self.row_of(self.seek(family, addr), family, addr)
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
