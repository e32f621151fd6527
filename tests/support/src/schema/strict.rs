//! A store that takes only records that pass the schema: what a test writes through it is Calico's, or the test fails.

use std::sync::Arc;

use async_trait::async_trait;
use block_ipam::datastore::{Commit, Datastore, DatastoreError, Range, Read, Snapshot, Txn, Write};

use super::records::faults;

/// A store that panics on a record that Calico's encoder could not have written. What a record had against the schema
/// before, it may keep.
#[derive(Debug)]
pub struct Strict(Arc<dyn Datastore>);

impl Strict {
    /// Wraps a store.
    pub fn new(store: Arc<dyn Datastore>) -> Strict {
        Strict(store)
    }
}

/// Panics where a transaction writes what Calico's encoder could not have written, and what was not so before.
///
/// # Panics
/// There; and where the store does not answer.
pub async fn assert_is_calicos(store: &dyn Datastore, txn: &Txn) {
    for write in &txn.writes {
        if let Write::Put(key, value) = write {
            let mut faults = faults(key, value);
            if !faults.is_empty() {
                let before = faults_before(store, key).await;
                faults.retain(|fault| !before.contains(fault));
            }
            let text = String::from_utf8_lossy(value);
            assert!(faults.is_empty(), "{faults:#?}\n{text}");
        }
    }
}

async fn faults_before(store: &dyn Datastore, key: &str) -> Vec<String> {
    let read = Read::latest(vec![Range::key(key)]);
    let snapshot = store.read(read).await.expect("the store answers");
    let entries = snapshot.found.into_iter().flat_map(|found| found.entries);
    entries
        .flat_map(|entry| faults(key, &entry.value))
        .collect()
}

#[async_trait]
impl Datastore for Strict {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        self.0.read(read).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        assert_is_calicos(self.0.as_ref(), &txn).await;
        self.0.commit(txn).await
    }

    fn answered_by(&self) -> Option<String> {
        self.0.answered_by()
    }
}
