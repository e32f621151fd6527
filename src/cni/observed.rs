//! A store that is watched: how many requests a call made, and which revision and identity of the store it saw.
//!
//! It also keeps the floor: a store that is older than what this node saw of it was restored from a snapshot, and gives
//! out addresses again that workloads hold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::datastore::{Commit, Datastore, DatastoreError, Read, Snapshot, Txn};
use crate::revision::Revision;

/// What was seen of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Requests made.
    pub requests: u32,
    /// The highest revision.
    pub revision: Revision,
    /// The identity; 0 if none was seen.
    pub cluster: u64,
    /// The last error, as text.
    pub trouble: Option<String>,
    /// The revision that was below the floor.
    pub below: Option<Revision>,
}

/// A store that is watched.
#[derive(Debug)]
pub struct Observed {
    inner: Arc<dyn Datastore>,
    floor: Option<Revision>,
    seen: Mutex<Sighting>,
}

impl Observed {
    /// Watches a store. With a floor, a read below it is refused.
    pub fn new(inner: Arc<dyn Datastore>, floor: Option<Revision>) -> Observed {
        Observed {
            inner,
            floor,
            seen: Mutex::default(),
        }
    }

    /// Returns what was seen so far.
    pub fn sighting(&self) -> Sighting {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Sighting> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_trouble(&self, error: &DatastoreError) {
        self.lock().trouble = Some(error.to_string());
    }

    fn note(&self, revision: Revision, cluster: u64) {
        let mut seen = self.lock();
        seen.revision = seen.revision.max(revision);
        if cluster != 0 {
            seen.cluster = cluster;
        }
    }

    fn check_floor(&self, read: Revision) -> Result<(), DatastoreError> {
        match self.floor {
            Some(floor) if read < floor => {
                self.lock().below = Some(read);
                Err(DatastoreError::rejected(format!(
                    "it is at revision {read}, and this node has seen {floor}"
                )))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Datastore for Observed {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        let at = read.at;
        self.lock().requests += 1;
        let snapshot = self
            .inner
            .read(read)
            .await
            .inspect_err(|error| self.note_trouble(error))?;
        self.note(snapshot.revision, snapshot.cluster);
        if at.is_none() {
            self.check_floor(snapshot.revision)?;
        }
        Ok(snapshot)
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        self.lock().requests += 1;
        let done = self
            .inner
            .commit(txn)
            .await
            .inspect_err(|error| self.note_trouble(error))?;
        match &done {
            Commit::Applied(revision) => self.note(*revision, 0),
            Commit::Conflict(snapshot) => self.note(snapshot.revision, snapshot.cluster),
        }
        Ok(done)
    }

    fn answered_by(&self) -> Option<String> {
        self.inner.answered_by()
    }
}
