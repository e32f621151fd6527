//! The clock of an operation: it stands at the time that the operation names, and goes on only while something waits.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use block_ipam::clock::{Clock, SystemClock, Timestamp};

/// Tells the time that it was set to. Waits are real, and counted, so that what waits for a deadline gets there.
#[derive(Debug, Default)]
pub(super) struct GivenClock(AtomicI64);

impl GivenClock {
    pub(super) fn set(&self, time: Timestamp) {
        self.0.store(time.nanos(), Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for GivenClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::Relaxed))
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
        self.set(self.now().plus(duration));
    }
}
