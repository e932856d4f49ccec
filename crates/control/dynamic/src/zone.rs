//! Names of time zones.
//!
//! Junos: `system time-zone`. Spec: commit-46.

use jiff::tz::TimeZone;

/// A zone of the time zone database of this machine. `GMT+5` is five hours behind, as POSIX and that database have it.
#[must_use]
pub fn time_zone(name: &str) -> Option<TimeZone> {
    let offset = name.strip_prefix("GMT").filter(|offset| offset.starts_with(['+', '-']));
    match (name, offset.map(str::parse::<i8>)) {
        ("UTC" | "GMT", _) => Some(TimeZone::UTC),
        (_, Some(hours)) => {
            let hours = hours.ok().filter(|hours| (-14..=12).contains(hours))?;
            Some(TimeZone::fixed(jiff::tz::offset(-hours)))
        }
        (name, None) => TimeZone::get(name).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_posix_and_unknown_names_none() {
        let hour = |name: &str| {
            let zone = time_zone(name)?;
            Some(zone.to_datetime(jiff::Timestamp::UNIX_EPOCH).to_string())
        };
        for (name, shown) in [
            ("UTC", Some("1970-01-01T00:00:00")),
            ("GMT", Some("1970-01-01T00:00:00")),
            ("GMT+5", Some("1969-12-31T19:00:00")),
            ("GMT-14", Some("1970-01-01T14:00:00")),
            ("GMT+13", None),
            ("GMT-15", None),
            ("GMT+", None),
            ("Atlantis/Capital", None),
        ] {
            assert_eq!(hour(name).as_deref(), shown, "{name}");
        }
    }
}
