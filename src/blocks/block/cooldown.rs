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

    /// Returns whether a released address has to cool at all.
    pub const fn is_some(self) -> bool {
        match self.0 {
            Some(seconds) => 0 < seconds,
            None => true,
        }
    }

    /// Returns whether an address released then is free now: when more than the cool-down has passed.
    pub fn is_over(self, released_at: Timestamp, now: Timestamp) -> bool {
        let is_over = |seconds: i64| match u64::try_from(seconds) {
            Ok(seconds) => released_at.plus(Duration::from_secs(seconds)) < now,
            Err(_) => true,
        };
        self.0.is_some_and(is_over)
    }
}
