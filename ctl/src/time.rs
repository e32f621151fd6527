//! Times as text: RFC 3339 in UTC and whole seconds, as records tell them.

use block_ipam::clock::Timestamp;

/// Returns the time as text.
pub(crate) fn text(time: Timestamp) -> String {
    let seconds = time.nanos().div_euclid(1_000_000_000);
    let time = jiff::Timestamp::from_second(seconds);
    time.expect("64 bits of nanoseconds are well within jiff's years")
        .to_string()
}

/// Reads a time as records tell it.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond())
        .ok()
        .map(Timestamp::from_nanos)
}

/// Returns a time of the file system; `None` outside three centuries around 1970.
pub(crate) fn of(time: std::time::SystemTime) -> Option<Timestamp> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    i64::try_from(time.as_nanosecond())
        .ok()
        .map(Timestamp::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, text};

    #[test]
    fn times_are_whole_seconds_of_utc() {
        assert_eq!(
            text(Timestamp::from_nanos(1_772_442_895_999_999_999)),
            "2026-03-02T09:14:55Z"
        );
        assert_eq!(text(Timestamp::from_nanos(-1)), "1969-12-31T23:59:59Z");
        assert_eq!(
            text(Timestamp::from_nanos(i64::MIN)),
            "1677-09-21T00:12:43Z"
        );
    }
}
