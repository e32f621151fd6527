//! The store over the file: transactions, and which file they run on.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::TransactionBehavior;

use super::errors::{not_done, not_open, perhaps_done};
use super::file::{self, File};
use super::rows;
use crate::datastore::{
    Commit, Datastore, DatastoreError, Found, OnAbsent, OpenError, Range, Read, Snapshot, Txn,
};
use crate::entropy::Entropy;
use crate::revision::Revision;

/// A store in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    on_absent: OnAbsent,
    busy: Duration,
    /// Drawn once: names the draft of a new file, and identifies it for ever.
    drawn: u64,
    file: Mutex<Option<File>>,
}

impl Sqlite {
    /// Opens the file at the path. A call waits at most `busy` for the locks of other processes.
    ///
    /// # Errors
    /// [`OpenError`] if the file is not a store, is of a newer version, or is absent and `on_absent` says so.
    pub fn open(
        path: &Path,
        on_absent: OnAbsent,
        busy: Duration,
        entropy: &dyn Entropy,
    ) -> Result<Sqlite, OpenError> {
        let file = file::open(path, busy)?;
        if file.is_none() && on_absent == OnAbsent::Refuse {
            return Err(absent(path));
        }
        Ok(Sqlite {
            path: path.to_owned(),
            on_absent,
            busy,
            drawn: entropy.bits(),
            file: Mutex::new(file),
        })
    }

    /// Locks the file as it stands at the path now. It may have been made, removed or replaced since the last call.
    fn file(&self) -> Result<MutexGuard<'_, Option<File>>, OpenError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = file::identify(&self.path)?;
        if standing != file.as_ref().map(|file| file.identity) {
            *file = None;
            *file = file::open(&self.path, self.busy)?;
        }
        if file.is_none() && self.on_absent == OnAbsent::Refuse {
            return Err(absent(&self.path));
        }
        Ok(file)
    }

    /// Locks the file, and makes it first if there is none.
    fn made_file(&self) -> Result<MutexGuard<'_, Option<File>>, OpenError> {
        let file = self.file()?;
        if file.is_some() {
            return Ok(file);
        }
        drop(file);
        file::create(&self.path, self.drawn)?;
        self.file()
    }

    fn not_done(&self, error: &rusqlite::Error) -> DatastoreError {
        not_done(&self.path, error)
    }
}

#[async_trait]
impl Datastore for Sqlite {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        read.check()?;
        let mut file = self.file().map_err(|error| not_open(&error))?;
        let snapshot = match file.as_mut() {
            Some(file) => file
                .read(&read.ranges)
                .map_err(|error| self.not_done(&error))?,
            None => empty(&read.ranges),
        };
        // Only the newest versions are kept, so an older revision is as good as compacted.
        match read.at {
            Some(at) if at < snapshot.revision => Err(DatastoreError::Compacted(at)),
            Some(at) if snapshot.revision < at => {
                Err(DatastoreError::future(at, snapshot.revision))
            }
            Some(_) | None => Ok(snapshot),
        }
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        txn.check()?;
        let mut file = self.made_file().map_err(|error| not_open(&error))?;
        let file = file.as_mut().ok_or_else(|| not_open(&absent(&self.path)))?;
        let (done, open) = file.apply(&txn).map_err(|error| self.not_done(&error))?;
        let ended = match done {
            Commit::Applied(_) => open
                .commit()
                .map_err(|error| perhaps_done(&self.path, &error)),
            Commit::Conflict(_) => open.rollback().map_err(|error| self.not_done(&error)),
        };
        ended.map(|()| done)
    }
}

impl File {
    fn read(&mut self, ranges: &[Range]) -> rusqlite::Result<Snapshot> {
        let open = self.connection.transaction()?;
        rows::snapshot(&open, self.cluster, ranges)
    }

    /// Applies the transaction, or finds the conflict, and leaves it to the caller to end it.
    fn apply(&mut self, txn: &Txn) -> rusqlite::Result<(Commit, rusqlite::Transaction<'_>)> {
        // The write lock comes first: a lock that is upgraded later fails where another process wrote in between.
        let behavior = TransactionBehavior::Immediate;
        let open = self.connection.transaction_with_behavior(behavior)?;
        let ranges: Vec<Range> = txn.guards.iter().map(|guard| guard.range()).collect();
        let now = rows::snapshot(&open, self.cluster, &ranges)?;
        let mut guards = txn.guards.iter().zip(&now.found);
        let done = if guards.all(|(guard, found)| guard.holds(found)) {
            Commit::Applied(rows::apply(&open, &txn.writes)?)
        } else {
            Commit::Conflict(now)
        };
        Ok((done, open))
    }
}

fn empty(ranges: &[Range]) -> Snapshot {
    Snapshot {
        revision: Revision(1),
        cluster: 0,
        found: vec![Found::default(); ranges.len()],
    }
}

fn absent(path: &Path) -> OpenError {
    OpenError::Absent {
        path: path.to_owned(),
    }
}
