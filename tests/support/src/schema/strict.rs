//! A store that takes only records that pass the schema: what a test writes through it is Calico's, or the test fails.

use std::sync::Arc;

use async_trait::async_trait;
use block_ipam::datastore::{Commit, Datastore, DatastoreError, Read, Snapshot, Txn, Write};

use super::records::faults;

/// A store that panics on a record that Calico's encoder could not have written.
#[derive(Debug)]
pub struct Strict(Arc<dyn Datastore>);

impl Strict {
    /// Wraps a store.
    pub fn new(store: Arc<dyn Datastore>) -> Strict {
        Strict(store)
    }
}

#[async_trait]
impl Datastore for Strict {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        self.0.read(read).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        for write in &txn.writes {
            if let Write::Put(key, value) = write {
                let faults = faults(key, value);
                let text = String::from_utf8_lossy(value);
                assert!(faults.is_empty(), "{faults:#?}\n{text}");
            }
        }
        self.0.commit(txn).await
    }

    fn answered_by(&self) -> Option<String> {
        self.0.answered_by()
    }
}
