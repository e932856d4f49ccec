//! What a policer limits and what it does with the excess, as configured.
//!
//! Spec: policer-1..9.

use std::fmt;

use ravelin_types::{ForwardingClassId, LossPriority};

/// Bits a second that a policer may allow: four times the largest `bandwidth-limit`.
pub const RATE_MAX: u64 = 400_000_000_000;
/// Bytes of the largest burst.
pub const BURST_MAX: u64 = 100_000_000_000;

/// What one token bucket allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `bandwidth-limit` in bits a second with `burst-size-limit` in bytes.
    Bits { per_second: u64, burst_bytes: u64 },
    /// `pps-limit` with `packet-burst`.
    Packets { per_second: u64, burst: u64 },
}

/// What happens to a packet beyond the limit of a two-colour policer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeding {
    Discard,
    Mark { loss_priority: Option<LossPriority>, forwarding_class: Option<ForwardingClassId> },
}

/// Whether a three-colour policer looks at the colour that a packet brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awareness {
    ColourBlind,
    ColourAware,
}

/// A policer, complete: names are gone, percentages are bits a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// `firewall policer`.
    TwoColour { limit: Limit, exceeding: Exceeding },
    /// `three-color-policer .. single-rate` (RFC 2697): bits a second and bytes.
    SingleRate {
        awareness: Awareness,
        committed_rate: u64,
        committed_burst: u64,
        excess_burst: u64,
        discard_red: bool,
    },
    /// `three-color-policer .. two-rate` (RFC 2698): bits a second and bytes.
    TwoRate {
        awareness: Awareness,
        committed_rate: u64,
        committed_burst: u64,
        peak_rate: u64,
        peak_burst: u64,
        discard_red: bool,
    },
}

/// Why a policer can't be metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// Zero, or more than [`RATE_MAX`].
    Rate(u64),
    /// Zero, or more than [`BURST_MAX`].
    Burst(u64),
    /// RFC 2698 wants the peak rate no lower than the committed one.
    PeakBelowCommitted,
    /// Two colours that do nothing to the second.
    NoAction,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "rate {rate} is not within 1 to {RATE_MAX}"),
            Self::Burst(burst) => write!(f, "burst size {burst} is not within 1 to {BURST_MAX}"),
            Self::PeakBelowCommitted => {
                f.write_str("peak-information-rate is lower than committed-information-rate")
            }
            Self::NoAction => f.write_str("policer has no action"),
        }
    }
}

impl std::error::Error for SpecError {}

impl Spec {
    /// Whether what is red is dropped, not marked.
    #[must_use]
    pub const fn discards(&self) -> bool {
        match *self {
            Self::TwoColour { exceeding, .. } => matches!(exceeding, Exceeding::Discard),
            Self::SingleRate { discard_red, .. } | Self::TwoRate { discard_red, .. } => discard_red,
        }
    }

    #[must_use]
    pub const fn has_three_colours(&self) -> bool {
        match *self {
            Self::TwoColour { .. } => false,
            Self::SingleRate { .. } | Self::TwoRate { .. } => true,
        }
    }

    /// # Errors
    /// A limit out of bounds, or a contradiction.
    pub fn check(&self) -> Result<(), SpecError> {
        match *self {
            Self::TwoColour { limit, exceeding } => {
                let (Limit::Bits { per_second, burst_bytes: burst } | Limit::Packets { per_second, burst }) =
                    limit;
                let nothing = Exceeding::Mark { loss_priority: None, forwarding_class: None };
                if exceeding == nothing {
                    return Err(SpecError::NoAction);
                }
                rate(per_second)?;
                size(burst)
            }
            Self::SingleRate { committed_rate, committed_burst, excess_burst, .. } => {
                rate(committed_rate)?;
                size(committed_burst)?;
                size(excess_burst)
            }
            Self::TwoRate { committed_rate, committed_burst, peak_rate, peak_burst, .. } => {
                rate(committed_rate)?;
                rate(peak_rate)?;
                size(committed_burst)?;
                size(peak_burst)?;
                if peak_rate < committed_rate { Err(SpecError::PeakBelowCommitted) } else { Ok(()) }
            }
        }
    }
}

fn rate(value: u64) -> Result<(), SpecError> {
    if (1..=RATE_MAX).contains(&value) { Ok(()) } else { Err(SpecError::Rate(value)) }
}

fn size(value: u64) -> Result<(), SpecError> {
    if (1..=BURST_MAX).contains(&value) { Ok(()) } else { Err(SpecError::Burst(value)) }
}

/// `bandwidth-percent`: that share of a link's bits a second, never less than one.
#[must_use]
pub fn percent_of(link_bps: u64, percent: u8) -> u64 {
    let share = u128::from(link_bps) * u128::from(percent) / 100;
    u64::try_from(share).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISCARD: Exceeding = Exceeding::Discard;

    #[test]
    fn limits_have_bounds() {
        let bits = |per_second, burst_bytes| {
            Spec::TwoColour { limit: Limit::Bits { per_second, burst_bytes }, exceeding: DISCARD }.check()
        };
        assert_eq!(bits(8000, 1500), Ok(()));
        assert_eq!(bits(0, 1500), Err(SpecError::Rate(0)));
        assert_eq!(bits(RATE_MAX + 1, 1500), Err(SpecError::Rate(RATE_MAX + 1)));
        assert_eq!(bits(8000, 0), Err(SpecError::Burst(0)));
        assert_eq!(bits(8000, BURST_MAX + 1), Err(SpecError::Burst(BURST_MAX + 1)));
    }

    #[test]
    fn a_policer_does_something() {
        let exceeding = Exceeding::Mark { loss_priority: None, forwarding_class: None };
        let limit = Limit::Packets { per_second: 10, burst: 1 };
        assert_eq!(Spec::TwoColour { limit, exceeding }.check(), Err(SpecError::NoAction));
    }

    #[test]
    fn the_peak_is_not_below_the_committed_rate() {
        let spec = |peak_rate| Spec::TwoRate {
            awareness: Awareness::ColourBlind,
            committed_rate: 1000,
            committed_burst: 1500,
            peak_rate,
            peak_burst: 1500,
            discard_red: true,
        };
        assert_eq!(spec(999).check(), Err(SpecError::PeakBelowCommitted));
        assert_eq!(spec(1000).check(), Ok(()));
    }

    #[test]
    fn a_percentage_is_of_the_link() {
        assert_eq!(percent_of(10_000_000_000, 25), 2_500_000_000);
        assert_eq!(percent_of(u64::MAX, 100), u64::MAX);
        assert_eq!(percent_of(10, 1), 1);
    }
}
