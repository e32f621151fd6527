//! Times as Calico stores them: RFC 3339, UTC, whole seconds.

use crate::clock::Timestamp;
use crate::datastore::codec::read::DecodeError;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// The last second that a [`Timestamp`] can tell; the first is the same before the epoch.
const LAST_SECOND: i64 = i64::MAX / NANOS_PER_SECOND;

/// Reads a time of any offset and cuts off what is below a second. Times outside of [`Timestamp`]'s years
/// (Go's zero time is of the year 1) become its first or last.
pub(super) fn parse(text: &str) -> Result<Timestamp, DecodeError> {
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        DecodeError::new(format_args!(
            "`{text}` is not a time such as 2026-03-02T09:14:55Z"
        ))
    })?;
    // Rounds towards the past, also before the epoch, where jiff's seconds round towards it.
    let before = i64::from(time.subsec_nanosecond() < 0);
    let second = time.as_second() - before;
    Ok(Timestamp::from_seconds(
        second.clamp(-LAST_SECOND, LAST_SECOND),
    ))
}

/// Spells a time.
pub(super) fn render(time: Timestamp) -> String {
    let second = time.nanos().div_euclid(NANOS_PER_SECOND);
    jiff::Timestamp::from_second(second)
        .expect("64 bits of nanoseconds are well within jiff's years")
        .to_string()
}
