//! Times as Go prints them, for the attribute `timestamp` of Calico's records.

use crate::clock::Timestamp;

/// Returns the time as Calico's plugin records it, such as `2026-03-02 09:15:01.5 +0000 UTC`.
pub fn go_time(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(time.nanos()))
        .expect("64 bits of nanoseconds are within the years of a timestamp");
    time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC").to_string()
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
        }
    }
}
