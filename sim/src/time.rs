//! Virtual time: it passes when the scheduler says so, and each machine may be wrong about it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use block_ipam::clock::{Clock, Timestamp};

/// The true time of the world, in nanoseconds since 1970.
#[derive(Debug)]
pub struct Time(AtomicI64);

impl Time {
    /// Starts at this many seconds since 1970.
    pub const fn new(seconds: i64) -> Time {
        Time(AtomicI64::new(seconds * 1_000_000_000))
    }

    /// Returns the true time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::Relaxed))
    }

    /// Lets so much time pass.
    pub fn pass(&self, duration: Duration) {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(0);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Lets time pass until then, if it is not there yet.
    pub fn pass_until(&self, then: Timestamp) {
        self.0.fetch_max(then.nanos(), Ordering::Relaxed);
    }
}

/// The clock of one machine: the true time and its error.
#[derive(Debug, Default)]
pub struct Skew(AtomicI64);

impl Skew {
    /// Lets the machine's clock jump by so many seconds.
    pub fn jump(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000_000, Ordering::Relaxed);
    }

    /// Sets the machine's clock right.
    pub fn set_right(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Returns what the machine takes the time for.
    pub fn now(&self, time: &Time) -> Timestamp {
        let error = self.0.load(Ordering::Relaxed);
        Timestamp::from_nanos(time.now().nanos().saturating_add(error))
    }
}

/// What one process knows of time.
#[derive(Debug)]
pub struct ProcessClock {
    time: Arc<Time>,
    skew: Arc<Skew>,
    wakes: Mutex<Option<Timestamp>>,
}

impl ProcessClock {
    /// Makes the clock of a process on a machine.
    pub const fn new(time: Arc<Time>, skew: Arc<Skew>) -> ProcessClock {
        ProcessClock {
            time,
            skew,
            wakes: Mutex::new(None),
        }
    }

    /// Returns the true time at which the process wants to go on, if it waits.
    pub fn wakes(&self) -> Option<Timestamp> {
        *self.wakes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_wakes(&self, then: Option<Timestamp>) {
        *self.wakes.lock().unwrap_or_else(PoisonError::into_inner) = then;
    }
}

#[async_trait]
impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        self.skew.now(&self.time)
    }

    async fn sleep(&self, duration: Duration) {
        self.set_wakes(Some(self.time.now().plus(duration)));
        Pause::default().await;
        self.set_wakes(None);
    }
}

/// Pending once: gives way to whoever the scheduler chooses next.
#[derive(Debug, Default)]
pub struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
