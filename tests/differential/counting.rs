//! A store that counts the requests it gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use block_ipam::datastore::port::Read;
use block_ipam::datastore::{Commit, Datastore, DatastoreError, Memory, Snapshot, Txn};

/// Counts on the way to the store.
#[derive(Debug)]
pub(crate) struct Counting {
    store: Arc<Memory>,
    requests: AtomicU64,
}

impl Counting {
    /// Counts from 0.
    pub(crate) fn new(store: Arc<Memory>) -> Counting {
        Counting {
            store,
            requests: AtomicU64::new(0),
        }
    }

    /// Returns how many reads and commits there were.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Datastore for Counting {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.store.read(read).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.store.commit(txn).await
    }
}
