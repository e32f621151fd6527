//! Why an operation of Calico's failed: the kinds that its code tells apart, in its own words.

use block_ipam::datastore::DatastoreError;
use thiserror::Error;

/// What ends an operation or makes it try again.
#[derive(Debug, Error)]
pub enum Failure {
    /// A record that is not there.
    #[error("resource does not exist: {0} with error: <nil>")]
    Absent(String),
    /// A record that is there already.
    #[error("resource already exists: {0} with error: <nil>")]
    Exists(String),
    /// The address is taken.
    #[error("resource already exists: {0} with error: Address already assigned in block")]
    Taken(String),
    /// Another wrote the record in between.
    #[error("update conflict: {0}")]
    Conflict(String),
    /// A release named another handle.
    #[error("update conflict: {0}")]
    BadHandle(String),
    /// A release named another sequence number.
    #[error("update conflict: {0}")]
    BadSequence(String),
    /// The block has another owner, or none.
    #[error("{0}")]
    Claimed(String),
    /// The affinity names a block that is not its owner's.
    #[error("Affinity is stale: {0}")]
    Stale(String),
    /// The block is in use.
    #[error("block '{0}' is not empty")]
    NotEmpty(String),
    /// The node may own no more blocks.
    #[error("cannot allocate new block due to per host block limit")]
    BlockLimit,
    /// No block is left to claim.
    #[error("No Free Blocks")]
    NoFreeBlocks,
    /// The handle may hold no more addresses.
    #[error(
        "handle {handle} already has {held} allocation(s), cannot allocate more (maxAlloc={most})"
    )]
    HandleFull {
        /// The handle.
        handle: String,
        /// How many it holds of the family.
        held: i64,
        /// How many it may hold.
        most: i64,
    },
    /// Told to the caller and not told apart.
    #[error("{0}")]
    Other(String),
    /// The store gave no answer: what was written may stand, or come to stand.
    #[error(transparent)]
    Store(#[from] DatastoreError),
}

impl Failure {
    pub(super) fn other(text: impl Into<String>) -> Failure {
        Failure::Other(text.into())
    }

    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Failure::Conflict(_))
    }
}
