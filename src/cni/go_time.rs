//! Times as Go prints them, for the attribute `timestamp` of Calico's records.

use crate::clock::Timestamp;

/// Returns the time as Calico's plugin records it, such as `2026-03-02 09:15:01.5 +0000 UTC`.
pub fn go_time(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(time.nanos()))
        .expect("64 bits of nanoseconds are within the years of a timestamp");
    time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC").to_string()
}

/// Reads a time as Calico's plugin records it. What stands after the offset (the zone's name, Go's monotonic clock) is
/// not looked at.
pub fn parse_go_time(text: &str) -> Option<Timestamp> {
    let mut words = text.split(' ');
    let (day, time, offset) = (words.next()?, words.next()?, words.next()?);
    let time: jiff::Timestamp = format!("{day}T{time}{offset}").parse().ok()?;
    i64::try_from(time.as_nanosecond())
        .ok()
        .map(Timestamp::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_go_prints_them() {
        const SECOND: i64 = 1_772_442_901;
        let table = [
            (0, "2026-03-02 09:15:01 +0000 UTC"),
            (500_000_000, "2026-03-02 09:15:01.5 +0000 UTC"),
            (120_304_000, "2026-03-02 09:15:01.120304 +0000 UTC"),
            (1, "2026-03-02 09:15:01.000000001 +0000 UTC"),
            (999_999_999, "2026-03-02 09:15:01.999999999 +0000 UTC"),
        ];
        for (nanos, text) in table {
            let time = Timestamp::from_nanos(SECOND * 1_000_000_000 + nanos);
            assert_eq!(go_time(time), text);
            assert_eq!(parse_go_time(text), Some(time));
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026-03-02",
            "2026-03-02 09:15:01",
            "2026-03-02 25:15:01 +0000 UTC",
        ] {
            assert_eq!(parse_go_time(text), None, "{text}");
        }
        let monotonic = "2026-03-02 09:15:01 +0000 UTC m=+0.5";
        assert!(parse_go_time(monotonic).is_some());
    }
}
