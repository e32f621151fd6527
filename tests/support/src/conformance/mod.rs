//! One suite for every store: fixed cases, and random sequences compared with the store in memory.
//!
//! **Invariant:** a case uses keys below a root of its own and compares revisions only with each other, so that all of
//! them run one after another on one store that nobody else writes to.

mod bench;
mod commits;
mod guards;
mod limits;
mod random;
mod reads;

pub use random::compare_with_memory;

use block_ipam::datastore::Datastore;

/// Which revisions a store can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Every one until it is compacted.
    Kept,
    /// Only the newest: every other one counts as compacted.
    NewestOnly,
}

/// Runs the fixed cases.
///
/// # Panics
/// Where the store does not answer as it should.
pub async fn run(store: &dyn Datastore, history: History) {
    reads::run(store, history).await;
    commits::run(store).await;
    guards::run(store).await;
    limits::run(store).await;
}
