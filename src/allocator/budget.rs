//! How long and how often a request is tried: every wait has a deadline, every retry a budget and jitter.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::allocator::{Allocator, AllocatorError};
use crate::clock::Timestamp;
use crate::datastore::DatastoreError;

/// How long and how often a request is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Conflicts and unknown outcomes that one request goes through.
    pub tries: u32,
    /// How long a request may take, waits included.
    pub deadline: Duration,
    /// How long an unreachable store is tried again.
    pub patience: Duration,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            tries: 100,
            deadline: Duration::from_secs(20),
            patience: Duration::from_secs(5),
        }
    }
}

/// What is left of a budget.
#[derive(Debug)]
pub(super) struct Tries<'a> {
    allocator: &'a Allocator,
    started: Timestamp,
    tries: u32,
    waits: ExponentialBackoff,
}

impl<'a> Tries<'a> {
    pub(super) fn new(allocator: &'a Allocator) -> Tries<'a> {
        let waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(1))
            .with_max_delay(Duration::from_millis(100))
            .with_factor(1.5)
            .with_jitter()
            .with_jitter_seed(allocator.entropy.bits())
            .without_max_times();
        Tries {
            allocator,
            started: allocator.clock.now(),
            tries: 0,
            waits: waits.build(),
        }
    }

    fn elapsed(&self) -> Duration {
        self.allocator.clock.now().since(self.started)
    }

    /// Waits before another try; the first one follows at once.
    pub(super) async fn again(&mut self) -> Result<(), AllocatorError> {
        self.tries += 1;
        if self.allocator.budget.tries <= self.tries {
            return Err(AllocatorError::Contention { tries: self.tries });
        }
        if 1 < self.tries {
            self.pause().await;
        }
        Ok(())
    }

    /// Waits, each time longer.
    pub(super) async fn pause(&mut self) {
        let wait = self.waits.next().unwrap_or(Duration::from_millis(100));
        self.allocator.clock.sleep(wait).await;
    }

    /// Returns an error when the time is over.
    pub(super) fn check(&self) -> Result<(), AllocatorError> {
        let after = self.elapsed();
        if after < self.allocator.budget.deadline {
            Ok(())
        } else {
            Err(AllocatorError::Deadline { after })
        }
    }

    /// Returns whether an error is worth another try, having waited for it.
    pub(super) async fn outlasts(&mut self, error: &DatastoreError) -> bool {
        let passing = matches!(error, DatastoreError::Unavailable { .. });
        let patient = passing && self.elapsed() < self.allocator.budget.patience;
        if patient {
            self.pause().await;
        }
        patient
    }
}
