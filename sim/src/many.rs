//! Many seeds, one to a thread at a time.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use crate::check::Violation;
use crate::fleet::Fleet;
use crate::run::run_seed;

/// What became of many seeds.
#[derive(Debug, Default)]
pub struct Report {
    /// Choices of the scheduler in all of them.
    pub choices: usize,
    /// Seeds that broke something, in order.
    pub broken: Vec<(u64, Violation)>,
}

/// How long to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until all seeds have run.
    TheEnd,
    /// Until one has broken something.
    TheFirst,
}

/// Runs every seed of the range, on all cores.
pub fn run_seeds(seeds: Range<u64>, fleet: Fleet, until: Until) -> Report {
    let next = AtomicU64::new(seeds.start);
    let choices = AtomicUsize::new(0);
    let broken = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seeds.end <= seed {
                return;
            }
            let outcome = run_seed(seed, fleet);
            choices.fetch_add(outcome.trace.choices.len(), Ordering::Relaxed);
            if let Some(violation) = outcome.violation {
                broken
                    .lock()
                    .expect("nobody panics with it")
                    .push((seed, violation));
                if until == Until::TheFirst {
                    next.store(seeds.end, Ordering::Relaxed);
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut broken = broken.into_inner().expect("nobody panics with it");
    broken.sort_by_key(|(seed, _)| *seed);
    Report {
        choices: choices.into_inner(),
        broken,
    }
}
