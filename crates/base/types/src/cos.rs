//! Words of class of service that filters, policers and schedulers share.

/// How willingly a packet is dropped when a queue is full; higher is dropped sooner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum LossPriority {
    #[default]
    Low,
    MediumLow,
    MediumHigh,
    High,
}

impl LossPriority {
    /// Every priority, from low to high.
    pub const ALL: [Self; 4] = [Self::Low, Self::MediumLow, Self::MediumHigh, Self::High];

    /// Of its number, as it travels between processes.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// The word of the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::MediumLow => "medium-low",
            Self::MediumHigh => "medium-high",
            Self::High => "high",
        }
    }
}
