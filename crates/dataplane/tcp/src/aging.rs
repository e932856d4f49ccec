//! Shorter timeouts while the session table is nearly full.
//!
//! Junos: `security flow aging`. State: [`Pressure`], one for a table. Spec: tcp-48.

/// The statement: percent of the table's size, and seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aging {
    /// 0 to 100; at 100 there is no early aging.
    pub high_watermark: u8,
    /// 0 to 100.
    pub low_watermark: u8,
    /// 1 to 65535 s.
    pub early_ageout_s: u16,
}

impl Default for Aging {
    fn default() -> Self {
        Self { high_watermark: 100, low_watermark: 100, early_ageout_s: 20 }
    }
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

    /// The timeout under that pressure: never longer than without, and `never` (0) is cut too.
    #[must_use]
    pub fn timeout_s(&self, pressure: Pressure, ordinary_s: u32) -> u32 {
        let early = u32::from(self.early_ageout_s);
        match (pressure, ordinary_s) {
            (Pressure::Normal, _) => ordinary_s,
            (Pressure::Early, 0) => early,
            (Pressure::Early, _) => ordinary_s.min(early),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_holds_between_the_watermarks() {
        let aging = Aging { high_watermark: 95, low_watermark: 80, early_ageout_s: 25 };
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
        let aging = Aging { high_watermark: 50, low_watermark: 100, early_ageout_s: 20 };
        assert_eq!(aging.pressure(Pressure::Normal, 50, 100), Pressure::Early);
        assert_eq!(aging.pressure(Pressure::Early, 50, 100), Pressure::Early);
        assert_eq!(aging.pressure(Pressure::Early, 49, 100), Pressure::Normal);
    }

    #[test]
    fn early_aging_shortens_and_never_lengthens() {
        let aging = Aging::default();
        for (ordinary, expected) in [(1800, 20), (20, 20), (2, 2), (0, 20)] {
            assert_eq!(aging.timeout_s(Pressure::Early, ordinary), expected);
            assert_eq!(aging.timeout_s(Pressure::Normal, ordinary), ordinary);
        }
    }
}
