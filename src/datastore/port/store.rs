//! The trait that every store implements. It has no retries and no deadline of its caller's.

use async_trait::async_trait;

use super::{Commit, DatastoreError, Read, Snapshot, Txn};

/// A store of records. Every call ends within the adapter's own deadline; retries are the caller's.
#[async_trait]
pub trait Datastore: std::fmt::Debug + Send + Sync {
    /// Reads ranges in one linearizable round trip, all at one revision.
    ///
    /// # Errors
    /// [`DatastoreError`], never `Indeterminate`.
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError>;

    /// Applies `txn` whole if all its guards hold, else nothing, in one round trip.
    ///
    /// # Errors
    /// [`DatastoreError`], never `Compacted`.
    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError>;

    /// Makes ready what the first request needs, such as a connection, for who has to wait anyway. It asks nothing of the
    /// store, and what goes wrong is left for the first request to meet.
    async fn connect(&self) {}

    /// Returns which of several endpoints answered last, for the next process to ask it first; `None` if there is no
    /// choice or no answer yet.
    fn answered_by(&self) -> Option<String> {
        None
    }
}
