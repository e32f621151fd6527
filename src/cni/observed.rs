//! A store that is watched: how many requests a call made, and which revision and identity of the store it saw.
//!
//! **Invariant:** a store that is older than what this node saw of it, or another one, is noticed with the first read. It was
//! restored from a snapshot or made anew, and would give out addresses again that workloads hold.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::datastore::{Commit, Datastore, DatastoreError, Read, Snapshot, Txn};
use crate::revision::Revision;

/// What this node knows of a store from earlier calls. The default knows nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    /// The highest revision seen.
    pub revision: Revision,
    /// The identity; 0 if none was seen.
    pub cluster: u64,
}

/// What becomes of a read that shows that the store went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnWentBack {
    /// It fails.
    Refuse,
    /// It is noted.
    Note,
}

/// How a store went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WentBack {
    /// It is at a revision below one that was seen.
    Revision {
        /// The revision that was seen.
        seen: Revision,
        /// The revision that it is at.
        now: Revision,
    },
    /// It has another identity.
    Cluster {
        /// The identity that was seen.
        seen: u64,
        /// The one that it has.
        now: u64,
    },
}

impl fmt::Display for WentBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WentBack::Revision { seen, now } => {
                write!(f, "it is at revision {now}, and this node has seen {seen}")
            }
            WentBack::Cluster { seen, now } => {
                write!(f, "it is cluster {now:x}, and this node has used {seen:x}")
            }
        }
    }
}

impl Known {
    /// Returns how a store went back that is at a revision and has an identity, if it did.
    pub fn judge(self, revision: Revision, cluster: u64) -> Option<WentBack> {
        if revision < self.revision {
            let (seen, now) = (self.revision, revision);
            return Some(WentBack::Revision { seen, now });
        }
        let (seen, now) = (self.cluster, cluster);
        let differs = seen != 0 && now != 0 && seen != now;
        differs.then_some(WentBack::Cluster { seen, now })
    }
}

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
    /// How the store went back, if it did.
    pub went_back: Option<WentBack>,
}

/// A store that is watched.
#[derive(Debug)]
pub struct Observed {
    inner: Arc<dyn Datastore>,
    known: Known,
    on_went_back: OnWentBack,
    seen: Mutex<Sighting>,
}

impl Observed {
    /// Watches a store of which something is known.
    pub fn new(inner: Arc<dyn Datastore>, known: Known, on_went_back: OnWentBack) -> Observed {
        Observed {
            inner,
            known,
            on_went_back,
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

    fn judge(&self, snapshot: &Snapshot) -> Result<(), DatastoreError> {
        let Some(how) = self.known.judge(snapshot.revision, snapshot.cluster) else {
            return Ok(());
        };
        self.lock().went_back = Some(how);
        match self.on_went_back {
            OnWentBack::Refuse => Err(DatastoreError::rejected(format!("it went back: {how}"))),
            OnWentBack::Note => Ok(()),
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
            self.judge(&snapshot)?;
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

    async fn connect(&self) {
        self.inner.connect().await;
    }

    fn answered_by(&self) -> Option<String> {
        self.inner.answered_by()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_goes_back_by_revision_or_by_identity() {
        let known = |revision, cluster| Known {
            revision: Revision(revision),
            cluster,
        };
        let table = [
            (known(0, 0), (1, 7), "-"),
            (known(9, 7), (9, 7), "-"),
            (known(9, 7), (10, 7), "-"),
            (
                known(9, 7),
                (8, 7),
                "it is at revision 8, and this node has seen 9",
            ),
            (
                known(9, 7),
                (8, 15),
                "it is at revision 8, and this node has seen 9",
            ),
            (
                known(9, 7),
                (10, 15),
                "it is cluster f, and this node has used 7",
            ),
            (known(9, 0), (10, 15), "-"),
            (known(9, 7), (10, 0), "-"),
        ];
        for (known, (revision, cluster), expected) in table {
            let shown = known
                .judge(Revision(revision), cluster)
                .map_or_else(|| "-".to_owned(), |how| how.to_string());
            assert_eq!(shown, expected, "{known:?} {revision} {cluster}");
        }
    }
}
