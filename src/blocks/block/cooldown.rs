//! How long a released address stays unusable.

use std::time::Duration;

use crate::clock::Timestamp;

/// The cool-down of released addresses, by the rule of Calico's `ipCooldownSeconds`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cooldown(i64);

impl Cooldown {
    /// Addresses are free as soon as they are released.
    pub const NONE: Cooldown = Cooldown(0);

    /// Returns the cool-down of this many seconds: none if 0; if negative also none, and what cools already is free.
    pub const fn from_seconds(seconds: i64) -> Cooldown {
        Cooldown(seconds)
    }

    /// Returns whether a released address has to cool at all.
    pub const fn is_some(self) -> bool {
        0 < self.0
    }

    /// Returns whether an address released then is free now: when more than the cool-down has passed.
    pub fn is_over(self, released_at: Timestamp, now: Timestamp) -> bool {
        u64::try_from(self.0)
            .is_ok_and(|seconds| released_at.plus(Duration::from_secs(seconds)) < now)
            || self.0 < 0
    }
}
