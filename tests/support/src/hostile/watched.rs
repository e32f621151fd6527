//! A store that watches what is asked of it: how often, and what becomes of records that cannot be read.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use block_ipam::datastore::codec::decode_any;
use block_ipam::datastore::port::Read;
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Memory, Range, Snapshot, Txn, Write, keys,
};
use block_ipam::plan::RecordId;

use super::bytes::Records;

/// Most requests of one operation; the recorded stores are small.
const MOST_REQUESTS: u32 = 500;

/// The store in memory.
#[derive(Debug, Default)]
pub(super) struct Watched {
    memory: Memory,
    requests: AtomicU32,
    /// The record that an operator asked to have written or deleted as a whole, whatever it says.
    asked: Mutex<Option<String>>,
}

impl Watched {
    /// Puts records in, unwatched.
    pub(super) async fn lay(&self, records: &Records) {
        for (key, value) in records {
            let txn = Txn {
                guards: Vec::new(),
                writes: vec![Write::Put(key.clone(), value.clone())],
            };
            self.memory.commit(txn).await.expect("a small record");
        }
    }

    /// Begins another operation.
    pub(super) fn begin(&self) {
        self.begin_on(None);
    }

    /// Begins an operation that writes or deletes a record whatever it says, if there is one.
    pub(super) fn begin_on(&self, key: Option<String>) {
        self.requests.store(0, Ordering::Relaxed);
        *self.asked() = key;
    }

    fn asked(&self) -> MutexGuard<'_, Option<String>> {
        self.asked.lock().expect("nobody panics with it")
    }

    /// Returns the keys of the records that cannot be read.
    pub(super) fn unreadable(&self) -> Vec<String> {
        let entries = self.memory.entries().into_iter();
        entries
            .filter(|entry| is_unreadable(&entry.key, &entry.value))
            .map(|entry| entry.key)
            .collect()
    }

    fn count(&self) {
        let requests = self.requests.fetch_add(1, Ordering::Relaxed);
        assert!(requests < MOST_REQUESTS, "the operation does not end");
    }
}

fn is_unreadable(key: &str, value: &[u8]) -> bool {
    matches!(decode_any(key, value), Some((_, Err(_))))
}

/// Affinities and the index of borrowed blocks say nothing that blocks do not say: they are written anew with a block,
/// and go with it, guarded by their revisions as all else.
fn is_shadow(key: &str) -> bool {
    matches!(
        keys::parse(key),
        Some(RecordId::Affinity(..) | RecordId::Borrowed(..))
    )
}

#[async_trait]
impl Datastore for Watched {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        self.count();
        self.memory.read(read).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        self.count();
        let keys = txn.writes.iter().map(|write| Range::key(write.key()));
        let before = self.memory.read(Read::latest(keys.collect())).await?;
        let done = self.memory.commit(txn.clone()).await?;
        if let Commit::Applied(_) = done {
            for (write, found) in txn.writes.iter().zip(&before.found) {
                let mut old = found.entries.iter();
                let key = write.key();
                let asked = self.asked().as_deref() == Some(key);
                assert!(
                    asked || is_shadow(key) || !old.any(|old| is_unreadable(key, &old.value)),
                    "{write:?} replaces what cannot be read"
                );
                if let Write::Put(key, value) = write {
                    let text = String::from_utf8_lossy(value);
                    assert!(!is_unreadable(key, value), "{key} cannot be read: {text}");
                }
            }
        }
        Ok(done)
    }
}
