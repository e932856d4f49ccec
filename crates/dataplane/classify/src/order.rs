//! Where the rules of a list stand: numbers that an edit leaves alone.
//!
//! A rule of the base has its order for good; one of the overlay gets one between those of its neighbours in the base, of
//! which there are always enough. So an edit renumbers nothing but the overlay. A rank, the place in the list, is
//! counted when it is asked for.

use crate::classifier::OVERLAY_MAX;
use crate::layer::RULES_MAX;
use crate::rows::WORD;

/// The order of what is not there.
pub(crate) const NONE: u32 = u32::MAX;

/// Orders from one rule of the base to the next.
const GAP: u32 = 1024;
/// Of the first rule of the base.
const FIRST: u32 = OVERLAY_MAX as u32 + 2;

const _: () = assert!(FIRST < GAP, "an overlay fits between any two rules");
const _: () =
    assert!((RULES_MAX as u64 - 1) * GAP as u64 + (FIRST as u64) + OVERLAY_MAX as u64 <= NONE as u64);

/// Of a rule of the base.
#[inline]
pub(crate) const fn of_base(rule: u32) -> u32 {
    rule * GAP + FIRST
}

/// Where a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Base(u32),
    Overlay(u32),
}

/// Which rules of a base the list still has, and where those of the overlay stand between them.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// By word of rules of the base: those that the list has, and how many are before the word.
    live: Box<[u64]>,
    before: Box<[u32]>,
    /// By rule of the overlay: how many rules of the base stand before it, removed ones too.
    anchors: Box<[u32]>,
    /// By rule of the overlay, both rising.
    orders: Box<[u32]>,
    ranks: Box<[u32]>,
    len: usize,
}

impl Order {
    /// All of a base, and nothing else.
    pub(crate) fn new(rules: usize) -> Self {
        let mut live = vec![u64::MAX; rules.div_ceil(WORD)];
        if let Some(last) = live.last_mut().filter(|_| !rules.is_multiple_of(WORD)) {
            *last = (1 << (rules % WORD)) - 1;
        }
        Self::of(live.into(), Box::default())
    }

    /// `anchors`: of the overlay, rising.
    pub(crate) fn of(live: Box<[u64]>, anchors: Box<[u32]>) -> Self {
        let mut count = 0;
        let before = live.iter().map(|word| {
            let before = count;
            count += word.count_ones();
            before
        });
        let before = before.collect();
        let len = count as usize + anchors.len();
        let (mut orders, mut nth) = (Vec::with_capacity(anchors.len()), 0);
        for (at, anchor) in anchors.iter().enumerate() {
            nth = if at > 0 && anchors[at - 1] == *anchor { nth + 1 } else { 0 };
            orders.push(nth + anchor.checked_sub(1).map_or(0, |rule| of_base(rule) + 1));
        }
        let mut out = Self { live, before, anchors, orders: orders.into(), ranks: Box::default(), len };
        let ranks = (0..).zip(&out.anchors).map(|(at, anchor): (u32, &u32)| at + out.live_before(*anchor));
        out.ranks = ranks.collect();
        out
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn live(&self) -> &[u64] {
        &self.live
    }

    pub(crate) fn anchors(&self) -> &[u32] {
        &self.anchors
    }

    /// By rule of the overlay.
    pub(crate) fn orders(&self) -> &[u32] {
        &self.orders
    }

    /// Rules of the base before this one that the list has.
    fn live_before(&self, rule: u32) -> u32 {
        let (word, bit) = (rule as usize / WORD, rule as usize % WORD);
        match self.live.get(word) {
            Some(live) => self.before[word] + (live & ((1 << bit) - 1)).count_ones(),
            None => (self.len - self.anchors.len()) as u32,
        }
    }

    /// The rank of a rule that the list has, by its order.
    #[inline]
    pub(crate) fn rank(&self, order: u32) -> u32 {
        let overlay = self.orders.partition_point(|other| *other < order);
        if self.orders.get(overlay) == Some(&order) {
            return self.ranks[overlay];
        }
        self.live_before(order / GAP) + overlay as u32
    }

    /// Where the rule of a rank is.
    pub(crate) fn place(&self, rank: u32) -> Option<Place> {
        if rank as usize >= self.len {
            return None;
        }
        let overlay = self.ranks.partition_point(|other| *other < rank);
        if self.ranks.get(overlay) == Some(&rank) {
            return Some(Place::Overlay(overlay as u32));
        }
        let nth = rank - overlay as u32;
        let word = self.before.partition_point(|before| *before <= nth) - 1;
        let mut bits = self.live[word];
        (self.before[word]..nth).for_each(|_| bits &= bits - 1);
        Some(Place::Base(word as u32 * WORD as u32 + bits.trailing_zeros()))
    }

    /// The order of a rank; that of nothing behind the last.
    pub(crate) fn order(&self, rank: u32) -> u32 {
        match self.place(rank) {
            Some(Place::Base(rule)) => of_base(rule),
            Some(Place::Overlay(at)) => self.orders[at as usize],
            None => NONE,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.live)
            + size_of_val(&*self.before)
            + size_of_val(&*self.anchors)
            + size_of_val(&*self.orders)
            + size_of_val(&*self.ranks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beside a plain list of the two kinds.
    fn check(rules: u32, removed: &[u32], anchors: &[u32]) {
        let mut live = Order::new(rules as usize).live;
        removed.iter().for_each(|rule| live[*rule as usize / WORD] &= !(1 << (rule % WORD as u32)));
        let order = Order::of(live, anchors.into());
        let mut plain = Vec::new();
        for rule in 0..=rules {
            let here = (0..).zip(anchors).filter(|(_, anchor)| **anchor == rule);
            plain.extend(here.map(|(at, _)| Place::Overlay(at)));
            if rule < rules && !removed.contains(&rule) {
                plain.push(Place::Base(rule));
            }
        }
        assert_eq!(order.len(), plain.len());
        let mut last = None;
        for (rank, place) in (0..).zip(&plain) {
            assert_eq!(order.place(rank), Some(*place), "{rank}");
            let number = order.order(rank);
            assert!(last.is_none_or(|last| last < number) && number < NONE, "{rank}");
            assert_eq!(order.rank(number), rank);
            last = Some(number);
        }
        assert_eq!(order.place(plain.len() as u32), None);
    }

    #[test]
    fn ranks_and_places_are_those_of_the_list() {
        check(0, &[], &[]);
        check(0, &[], &[0, 0]);
        check(64, &[], &[]);
        check(65, &[0, 63, 64], &[0, 0, 1, 63, 64, 64, 65]);
        check(200, &(0..200).collect::<Vec<_>>(), &[7, 7, 200]);
        check(200, &(60..140).collect::<Vec<_>>(), &[0, 59, 60, 61, 100, 139, 140, 199, 200, 200]);
        check(3, &[1], &[2; OVERLAY_MAX]);
        check(3, &[], &[3; OVERLAY_MAX]);
    }
}
