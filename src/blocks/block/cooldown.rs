//! How long a released address stays unusable.

use std::time::Duration;

use crate::clock::Timestamp;

/// The cool-down of released addresses, by the rule of Calico's `ipCooldownSeconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cooldown(Option<i64>);

impl Cooldown {
    /// Addresses are free as soon as they are released.
    pub const NONE: Cooldown = Cooldown(Some(0));

    /// Nobody can say, because the configuration does not parse: what is released begins to cool, and none has cooled
    /// long enough. Once the configuration can be read again it says for how long.
    pub const UNKNOWN: Cooldown = Cooldown(None);

    /// Returns the cool-down of this many seconds: none if 0; if negative also none, and what cools already is free.
    pub const fn from_seconds(seconds: i64) -> Cooldown {
        Cooldown(Some(seconds))
    }

    /// Returns the last moment at which an address released then is not free yet: the beginning of time where it does
    /// not cool any more, the end of time where it cools until it is told otherwise.
    pub fn last_of(self, released_at: Timestamp) -> Timestamp {
        match self.0.map(u64::try_from) {
            Some(Ok(seconds)) => released_at.plus(Duration::from_secs(seconds)),
            Some(Err(_)) => Timestamp::from_nanos(i64::MIN),
            None => Timestamp::from_nanos(i64::MAX),
        }
    }

    /// Returns whether a released address has to cool at all.
    pub const fn is_some(self) -> bool {
        match self.0 {
            Some(seconds) => 0 < seconds,
            None => true,
        }
    }

    /// Returns whether an address released then is free now: when more than the cool-down has passed.
    pub fn is_over(self, released_at: Timestamp, now: Timestamp) -> bool {
        self.last_of(released_at) < now
    }
}
