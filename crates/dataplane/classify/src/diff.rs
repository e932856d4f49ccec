//! What changed between two ordered lists.

use crate::hash::QuickMap;

/// One difference; ranks are those of the old list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Remove {
        rank: u32,
    },
    /// `new`: the place in the new list of what is inserted.
    Insert {
        before: u32,
        new: usize,
    },
}

/// The changes that lead from one list to another. Members of the same key and content stay, as many as can without
/// changing their order; keys should be unique. For a caller that makes rules of what it has: only what is
/// inserted need be made.
pub fn changes<T: PartialEq>(old: &[T], new: &[T], key: impl Fn(&T) -> u32) -> Vec<Change> {
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let most = old.len().min(new.len()) - same;
    let tail = (1..=most).take_while(|back| old[old.len() - back] == new[new.len() - back]).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let places: QuickMap<u32, u32> = (same..old_end).map(|rank| (key(&old[rank]), rank as u32)).collect();
    let stays = |new: &T| places.get(&key(new)).copied().filter(|rank| old[*rank as usize] == *new);
    let kept = ascending(new[same..new_end].iter().map(stays).collect());
    let mut out = Vec::new();
    let mut next = same as u32;
    for (at, kept) in kept.into_iter().enumerate() {
        match kept {
            Some(rank) => {
                out.extend((next..rank).map(|rank| Change::Remove { rank }));
                next = rank + 1;
            }
            None => out.push(Change::Insert { before: next, new: same + at }),
        }
    }
    out.extend((next..old_end as u32).map(|rank| Change::Remove { rank }));
    out
}

/// Keeps of the ranks a longest ascending run; the others become `None`.
fn ascending(mut ranks: Vec<Option<u32>>) -> Vec<Option<u32>> {
    // Ends of the best runs of each length, and what stands before each member.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![usize::MAX; ranks.len()];
    for at in 0..ranks.len() {
        let Some(rank) = ranks[at] else { continue };
        let length = ends.partition_point(|end| ranks[*end] < Some(rank));
        if length > 0 {
            before[at] = ends[length - 1];
        }
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut keep = ends.last().copied();
    for at in (0..ranks.len()).rev() {
        if keep == Some(at) {
            keep = Some(before[at]).filter(|before| *before != usize::MAX);
        } else {
            ranks[at] = None;
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many members of `old` stay.
    fn kept(old: &[u32], new: &[u32]) -> usize {
        let removed = |change: &Change| matches!(change, Change::Remove { .. });
        old.len() - changes(old, new, |n| *n).iter().filter(|change| removed(change)).count()
    }

    #[test]
    fn as_many_stay_as_can() {
        assert_eq!(kept(&[1, 2, 3, 4, 5], &[1, 2, 9, 4, 5]), 4);
        assert_eq!(kept(&[1, 2, 3, 4, 5], &[5, 1, 2, 3, 4]), 4);
        assert_eq!(kept(&[1, 2, 3, 4, 5], &[2, 1, 3, 5, 4, 6]), 3);
        assert_eq!(kept(&[1, 2, 3], &[]), 0);
        assert_eq!(kept(&[], &[1]), 0);
    }

    #[test]
    fn one_that_is_moved_is_one_removal_and_one_insertion() {
        let moved = changes(&[1, 2, 3, 4], &[1, 3, 4, 2], |n| *n);
        assert_eq!(moved, [Change::Remove { rank: 1 }, Change::Insert { before: 4, new: 3 }]);
    }
}
