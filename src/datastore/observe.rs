//! Counting requests: what the budgets of operations are asserted with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::port::{Commit, Datastore, DatastoreError, Read, Snapshot, Txn};

/// Requests that a store was sent, answered or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads.
    pub reads: usize,
    /// Commits.
    pub commits: usize,
    /// Of these, those that ended in a conflict.
    pub conflicts: usize,
}

/// A store that counts the requests to another one.
#[derive(Debug)]
pub struct Counting {
    store: Arc<dyn Datastore>,
    reads: AtomicUsize,
    commits: AtomicUsize,
    conflicts: AtomicUsize,
}

impl Counting {
    /// Wraps a store.
    pub fn new(store: Arc<dyn Datastore>) -> Counting {
        Counting {
            store,
            reads: AtomicUsize::new(0),
            commits: AtomicUsize::new(0),
            conflicts: AtomicUsize::new(0),
        }
    }

    /// Returns the requests since the last call, or since the beginning.
    pub fn take(&self) -> Counts {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        Counts {
            reads: take(&self.reads),
            commits: take(&self.commits),
            conflicts: take(&self.conflicts),
        }
    }
}

#[async_trait]
impl Datastore for Counting {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.read(read).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let done = self.store.commit(txn).await;
        if matches!(done, Ok(Commit::Conflict(_))) {
            self.conflicts.fetch_add(1, Ordering::Relaxed);
        }
        done
    }

    async fn connect(&self) {
        self.store.connect().await;
    }

    fn answered_by(&self) -> Option<String> {
        self.store.answered_by()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datastore::{Guard, Memory, Range, Write};

    #[tokio::test]
    async fn each_request_counts_once_and_taking_starts_anew() {
        let store = Counting::new(Arc::new(Memory::default()));
        let txn = Txn {
            guards: vec![Guard::Absent("a".into())],
            writes: vec![Write::Put("a".into(), vec![])],
        };
        store
            .read(Read::latest(vec![Range::key("a"), Range::key("b")]))
            .await
            .unwrap();
        store.commit(txn.clone()).await.unwrap();
        store.commit(txn).await.unwrap();
        let expected = Counts {
            reads: 1,
            commits: 2,
            conflicts: 1,
        };
        assert_eq!(store.take(), expected);
        assert_eq!(store.take(), Counts::default());
    }
}
