//! Whether a ring fills faster than its worker empties it.
//!
//! Place: beside the rings of a backend; what it says goes to the engine with the next batch. A worker that was kept from its
//! processor finds its rings full too, and empties them in no time: that is no reason to drop anything. Spec: overload-2.

/// Batches in a row after which a ring over a quarter full is no shorter, so that its worker is under pressure. What is free of
/// it then is for the time that the worker may be kept from its processor.
const STANDING: u8 = 4;
/// The same for a ring over three quarters full.
const BRIM: u8 = 2;

/// What is remembered of a ring from batch to batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pressure {
    before: usize,
    standing: u8,
    pressed: bool,
}

impl Pressure {
    /// Looks at a ring of `room` places of which so many are taken, each time before a batch is taken out of it. Under
    /// pressure from when it stays over a quarter full until it is down to a sixteenth.
    pub fn look(&mut self, taken: usize, room: usize) -> bool {
        let shorter = taken < self.before;
        self.before = taken;
        if taken <= room / 16 {
            *self = Self { before: taken, ..Self::default() };
        } else if shorter || taken <= room / 4 {
            self.standing = 0;
        } else {
            self.standing = self.standing.saturating_add(1);
            let patience = if taken > room - room / 4 { BRIM } else { STANDING };
            self.pressed |= self.standing >= patience;
        }
        self.pressed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rings: impl IntoIterator<Item = usize>) -> bool {
        let mut pressure = Pressure::default();
        rings.into_iter().fold(false, |_, taken| pressure.look(taken, 2048))
    }

    #[test]
    fn a_ring_that_stays_over_a_quarter_full_is_pressure() {
        assert!(!after([600, 600, 600]));
        assert!(after([600, 600, 610, 700]));
        assert!(!after([512; 100]), "a quarter is not over a quarter");
        assert!(after([1600, 1600]), "nearly full sooner");
        assert!(!after([2048]), "but not at first sight");
    }

    #[test]
    fn a_backlog_that_is_worked_off_is_none() {
        assert!(!after((0..32).map(|batch| 2048 - 64 * batch)));
        // Some come meanwhile.
        assert!(!after((0..200).map(|batch| 2048 - 10 * batch)));
        assert!(!after([0, 1500, 1490, 1490, 1490, 1426, 1426, 1426, 1400]));
    }

    #[test]
    fn it_lasts_until_a_sixteenth_is_left() {
        let mut pressure = Pressure::default();
        for _ in 0..4 {
            pressure.look(1500, 2048);
        }
        assert!((0..20).all(|batch| pressure.look(1450 - 64 * batch, 2048)));
        assert!(pressure.look(129, 2048));
        assert!(!pressure.look(128, 2048));
        assert!(!pressure.look(600, 2048), "and begins anew");
    }
}
