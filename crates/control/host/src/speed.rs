//! What a link can carry, as the kernel tells it.

/// Bits a second of a Linux device; `None`: it is down, or its driver does not say.
#[must_use]
pub fn speed_bps(device: &str) -> Option<u64> {
    parse(&std::fs::read_to_string(format!("/sys/class/net/{device}/speed")).ok()?)
}

/// Megabits a second; -1 or 0 where nobody knows.
fn parse(text: &str) -> Option<u64> {
    let megabits: u64 = text.trim().parse().ok().filter(|megabits| *megabits > 0)?;
    megabits.checked_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_in_megabits_and_may_be_unknown() {
        assert_eq!(parse("10000\n"), Some(10_000_000_000));
        assert_eq!(
            (parse("-1\n"), parse("0"), parse(""), parse("4294967295000000000")),
            (None, None, None, None)
        );
    }
}
