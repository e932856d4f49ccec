//! Shorter timeouts while the session table is nearly full.
//!
//! Junos: `security flow aging`. State: [`Pressure`], one for a table. Spec: tcp-48..50.

/// The watermarks: percent of the table's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aging {
    /// 0 to 100; at 100 there is no early aging.
    pub high_watermark: u8,
    /// 0 to 100.
    pub low_watermark: u8,
}

impl Default for Aging {
    fn default() -> Self {
        Self { high_watermark: 100, low_watermark: 100 }
    }
}

/// How long a session may be silent under pressure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutOff {
    /// 1 to 65535.
    Seconds(u16),
    /// Of its ordinary timeout, 1 to 99.
    Percent(u8),
}

/// Whether sessions are aged early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pressure {
    #[default]
    Normal,
    Early,
}

impl Aging {
    /// The pressure with `used` of `capacity` sessions: on at the high watermark, off below the low one.
    #[must_use]
    pub fn pressure(&self, now: Pressure, used: usize, capacity: usize) -> Pressure {
        let reaches = |percent: u8| used as u128 * 100 >= capacity as u128 * u128::from(percent);
        let low = self.low_watermark.min(self.high_watermark);
        match now {
            _ if self.high_watermark >= 100 => Pressure::Normal,
            Pressure::Normal if reaches(self.high_watermark) => Pressure::Early,
            Pressure::Early if reaches(low) => Pressure::Early,
            Pressure::Normal | Pressure::Early => Pressure::Normal,
        }
    }
}

impl CutOff {
    /// The timeout under pressure, of a session that has this one without: never longer, and never less than a second. Of
    /// one that is never over (0) there is no percentage.
    #[must_use]
    pub fn timeout_s(self, ordinary_s: u32) -> u32 {
        let early = match self {
            Self::Seconds(seconds) => u32::from(seconds),
            Self::Percent(percent) => (u64::from(ordinary_s) * u64::from(percent)).div_ceil(100) as u32,
        };
        if ordinary_s == 0 { early } else { ordinary_s.min(early).max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_holds_between_the_watermarks() {
        let aging = Aging { high_watermark: 95, low_watermark: 80 };
        let mut pressure = Pressure::default();
        for (used, expected) in [
            (900, Pressure::Normal),
            (949, Pressure::Normal),
            (950, Pressure::Early),
            (900, Pressure::Early),
            (800, Pressure::Early),
            (799, Pressure::Normal),
            (900, Pressure::Normal),
        ] {
            pressure = aging.pressure(pressure, used, 1000);
            assert_eq!(pressure, expected, "{used}");
        }
    }

    #[test]
    fn at_a_hundred_percent_nothing_is_aged_early() {
        let aging = Aging::default();
        assert_eq!(aging.pressure(Pressure::Normal, 1000, 1000), Pressure::Normal);
        assert_eq!(aging.pressure(Pressure::Early, 1000, 1000), Pressure::Normal);
        let low_alone = Aging { low_watermark: 10, ..aging };
        assert_eq!(low_alone.pressure(Pressure::Normal, 1000, 1000), Pressure::Normal);
    }

    #[test]
    fn a_low_watermark_above_the_high_one_is_that() {
        let aging = Aging { high_watermark: 50, low_watermark: 100 };
        assert_eq!(aging.pressure(Pressure::Normal, 50, 100), Pressure::Early);
        assert_eq!(aging.pressure(Pressure::Early, 50, 100), Pressure::Early);
        assert_eq!(aging.pressure(Pressure::Early, 49, 100), Pressure::Normal);
    }

    #[test]
    fn a_cut_off_shortens_and_never_lengthens() {
        for (of, ordinary, expected) in [
            (CutOff::Seconds(20), 1800, 20),
            (CutOff::Seconds(20), 20, 20),
            (CutOff::Seconds(20), 2, 2),
            (CutOff::Seconds(20), 0, 20),
            (CutOff::Seconds(65535), 86400, 65535),
            (CutOff::Percent(10), 1800, 180),
            (CutOff::Percent(99), 1800, 1782),
            (CutOff::Percent(1), 1800, 18),
            (CutOff::Percent(1), 1801, 19),
            (CutOff::Percent(1), 60, 1),
            (CutOff::Percent(1), 1, 1),
            (CutOff::Percent(50), 0, 0),
            (CutOff::Percent(99), u32::MAX, 4_252_017_623),
        ] {
            assert_eq!(of.timeout_s(ordinary), expected, "{of:?} of {ordinary}");
        }
    }
}
