//! Durations of one kind of work, and what is said of them.

use std::time::{Duration, Instant};

/// Durations, in the order in which they were measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Extend<Duration> for Samples {
    fn extend<T: IntoIterator<Item = Duration>>(&mut self, durations: T) {
        self.0.extend(durations);
    }
}

impl Samples {
    /// Returns how many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the duration that half of the samples exceed, in milliseconds.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(50)
    }

    /// Returns the duration that one of a hundred samples exceeds, in milliseconds.
    pub(crate) fn p99(&self) -> f64 {
        self.quantile(99)
    }

    fn quantile(&self, hundredths: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let found = sorted
            .get(last * hundredths / 100)
            .copied()
            .unwrap_or_default();
        found.as_secs_f64() * 1e3
    }
}

/// Measures what happens between [`Stopwatch::start`] and [`Stopwatch::stop`].
#[derive(Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        #[expect(
            clippy::disallowed_methods,
            reason = "measuring time is what this program is for"
        )]
        Stopwatch(Instant::now())
    }

    pub(crate) fn stop(&self) -> Duration {
        self.0.elapsed()
    }
}
