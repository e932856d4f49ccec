//! A line of values cut into segments: which segment is a value in?
//!
//! 32 bits a cut where the values allow, 128 for IPv6 addresses.

/// Where segments begin, ascending; the first begins at 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segments {
    Narrow(Box<[u32]>),
    Wide(Box<[u128]>),
}

impl Segments {
    /// Of ascending starts, the first of them 0.
    pub(crate) fn new(starts: &[u128]) -> Self {
        debug_assert_eq!(starts.first(), Some(&0));
        match starts.iter().map(|start| u32::try_from(*start)).collect() {
            Ok(narrow) => Self::Narrow(narrow),
            Err(_) => Self::Wide(starts.into()),
        }
    }

    /// The segment that `value` is in.
    pub(crate) fn find(&self, value: u128) -> usize {
        match self {
            // Beyond 32 bits is beyond the last cut.
            Self::Narrow(starts) => {
                let value = u32::try_from(value).unwrap_or(u32::MAX);
                starts.partition_point(|start| *start <= value) - 1
            }
            Self::Wide(starts) => starts.partition_point(|start| *start <= value) - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_last_segment_that_begins_no_later() {
        for starts in [vec![0, 5, 6], vec![0, 5, 6, 1 << 100]] {
            let segments = Segments::new(&starts);
            for (value, at) in [(0, 0), (4, 0), (5, 1), (6, 2), (u128::from(u32::MAX), 2)] {
                assert_eq!(segments.find(value), at);
            }
            assert_eq!(segments.find(u128::MAX), starts.len() - 1);
        }
    }
}
