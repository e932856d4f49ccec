//! Sequence numbers: 32 bits on a circle (RFC 9293 3.4).

/// A sequence number. Order is that of the shorter way round, so there is no `Ord`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Seq(pub u32);

impl Seq {
    /// The number `bytes` further on.
    #[must_use]
    pub const fn plus(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The number `bytes` back.
    #[must_use]
    pub const fn minus(self, bytes: u32) -> Self {
        Self(self.0.wrapping_sub(bytes))
    }

    #[must_use]
    pub const fn is_before(self, other: Self) -> bool {
        (self.0.wrapping_sub(other.0) as i32) < 0
    }

    #[must_use]
    pub const fn is_after(self, other: Self) -> bool {
        other.is_before(self)
    }

    /// Whether it lies in `first..=last`.
    #[must_use]
    pub const fn is_within(self, first: Self, last: Self) -> bool {
        !self.is_before(first) && !self.is_after(last)
    }

    /// The later of the two.
    #[must_use]
    pub const fn later(self, other: Self) -> Self {
        if self.is_before(other) { other } else { self }
    }

    /// Bytes from `earlier` to here; meaningless when `earlier` is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_goes_over_the_wrap() {
        let high = Seq(0xffff_ff00);
        assert!(high.is_before(high.plus(0x200)));
        assert!(high.plus(0x200).is_after(high));
        assert!(Seq(3).is_within(high, Seq(3)));
        assert!(!Seq(4).is_within(high, Seq(3)));
        assert_eq!(high.later(Seq(1)), Seq(1));
        assert_eq!(Seq(1).since(high), 0x101);
    }
}
