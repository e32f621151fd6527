//! The reference store: every version of every key in memory, with etcd's revisions.
//!
//! **Invariant:** the writes of one transaction share one revision; a key that was deleted and made again has a new
//! creation revision; an old revision reads as it was until it is compacted.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::port::{
    Commit, Datastore, DatastoreError, Entry, Found, Guard, Order, Range, Read, Snapshot, Txn,
    Write,
};
use crate::revision::Revision;

/// The revision of a store that nothing was written to, as in etcd.
const FIRST_REVISION: Revision = Revision(1);

/// A store in memory, for simulations and tests, and the model that the other stores are compared with.
#[derive(Debug)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cluster: u64,
    revision: Revision,
    compacted: Revision,
    /// The versions of each key, oldest first.
    keys: BTreeMap<String, Vec<Version>>,
}

#[derive(Debug)]
struct Version {
    created: Revision,
    modified: Revision,
    /// `None` once deleted.
    value: Option<Vec<u8>>,
}

impl Memory {
    /// Makes an empty store with this cluster id, at revision 1.
    pub const fn new(cluster: u64) -> Memory {
        let state = State {
            cluster,
            revision: FIRST_REVISION,
            compacted: Revision(0),
            keys: BTreeMap::new(),
        };
        Memory {
            state: Mutex::new(state),
        }
    }

    /// Forgets what was overwritten or deleted up to the revision, which stays readable.
    ///
    /// # Errors
    /// As in etcd: [`DatastoreError::Compacted`] if that was done before, [`DatastoreError::Rejected`] if the revision
    /// is not reached yet.
    pub fn compact(&self, revision: Revision) -> Result<(), DatastoreError> {
        let mut state = self.state();
        if revision <= state.compacted {
            return Err(DatastoreError::Compacted(revision));
        }
        state.readable(revision)?;
        state.compact(revision);
        Ok(())
    }

    /// Goes back to what it was at the revision, as etcd does when it is restored from a snapshot: revisions count on from
    /// there, and each number after it comes a second time.
    ///
    /// # Errors
    /// As for a read at that revision.
    pub fn restore(&self, revision: Revision) -> Result<(), DatastoreError> {
        let mut state = self.state();
        state.readable(revision)?;
        state.restore(revision);
        Ok(())
    }

    /// Returns all entries as they are now, in key order.
    pub fn entries(&self) -> Vec<Entry> {
        let state = self.state();
        state.find(&Range::prefix(""), state.revision).entries
    }

    /// Locks the state. A panic elsewhere leaves it whole: a transaction is applied by code that does not panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new(1)
    }
}

#[async_trait]
impl Datastore for Memory {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        read.check()?;
        let state = self.state();
        let at = read.at.unwrap_or(state.revision);
        state.readable(at)?;
        Ok(state.snapshot(
            read.ranges
                .iter()
                .map(|range| state.find(range, at))
                .collect(),
        ))
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        txn.check()?;
        let mut state = self.state();
        let found = state.find_guarded(&txn.guards);
        if !txn
            .guards
            .iter()
            .zip(&found)
            .all(|(guard, found)| guard.holds(found))
        {
            return Ok(Commit::Conflict(state.snapshot(found)));
        }
        state.apply(txn.writes);
        Ok(Commit::Applied(state.revision))
    }
}

impl State {
    fn readable(&self, at: Revision) -> Result<(), DatastoreError> {
        if at < self.compacted {
            Err(DatastoreError::Compacted(at))
        } else if self.revision < at {
            Err(DatastoreError::future(at, self.revision))
        } else {
            Ok(())
        }
    }

    fn snapshot(&self, found: Vec<Found>) -> Snapshot {
        Snapshot {
            revision: self.revision,
            cluster: self.cluster,
            found,
        }
    }

    fn find_guarded(&self, guards: &[Guard]) -> Vec<Found> {
        let now = self.revision;
        guards
            .iter()
            .map(|guard| self.find(&guard.range(), now))
            .collect()
    }

    fn find(&self, range: &Range, at: Revision) -> Found {
        let (from, to) = range.span.bounds();
        let to = to.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = self.keys.range((Bound::Included(from), to));
        let mut all: Vec<(&String, &Version)> = keys
            .filter_map(|(key, versions)| Some((key, living_at(versions, at)?)))
            .collect();
        if range.order == Order::Newest {
            all.sort_by_key(|(_, version)| Reverse(version.modified));
        }
        let limit = match range.limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let brought = all.iter().take(limit);
        Found {
            entries: brought
                .map(|(key, version)| entry_of(key, version, range))
                .collect(),
            more: limit < all.len(),
            count: all.len(),
        }
    }

    fn apply(&mut self, writes: Vec<Write>) {
        let revision = Revision(self.revision.0 + 1);
        let mut changed = false;
        for write in writes {
            changed |= self.write(write, revision);
        }
        if changed {
            self.revision = revision;
        }
    }

    /// Returns whether anything changed: deleting what is not there is no change.
    fn write(&mut self, write: Write, modified: Revision) -> bool {
        let (key, value) = match write {
            Write::Put(key, value) => (key, Some(value)),
            Write::Delete(key) => (key, None),
        };
        let living = self.keys.get(&key).and_then(|versions| versions.last());
        let living = living.filter(|version| version.value.is_some());
        if living.is_none() && value.is_none() {
            return false;
        }
        let created = living.map_or(modified, |version| version.created);
        self.keys.entry(key).or_default().push(Version {
            created,
            modified,
            value,
        });
        true
    }

    fn restore(&mut self, revision: Revision) {
        self.revision = revision;
        self.keys.retain(|_, versions| {
            versions.retain(|version| version.modified <= revision);
            !versions.is_empty()
        });
    }

    fn compact(&mut self, revision: Revision) {
        self.compacted = revision;
        self.keys.retain(|_, versions| {
            let passed = versions.partition_point(|version| version.modified <= revision);
            let newest_passed = passed.saturating_sub(1);
            versions.drain(..newest_passed);
            versions.len() != 1 || versions[0].value.is_some()
        });
    }
}

/// Returns the version of a key at a revision; `None` where there was none, or it was deleted.
fn living_at(versions: &[Version], at: Revision) -> Option<&Version> {
    let passed = versions.partition_point(|version| version.modified <= at);
    let version = versions[..passed].last()?;
    version.value.is_some().then_some(version)
}

fn entry_of(key: &str, version: &Version, range: &Range) -> Entry {
    let value = version.value.as_ref().filter(|_| !range.keys_only);
    Entry {
        key: key.to_owned(),
        value: value.cloned().unwrap_or_default(),
        created: version.created,
        modified: version.modified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &str) -> Write {
        Write::Put(key.into(), value.into())
    }

    fn txn(guards: Vec<Guard>, writes: Vec<Write>) -> Txn {
        Txn { guards, writes }
    }

    #[tokio::test]
    async fn an_old_revision_reads_as_it_was_until_it_is_compacted() {
        let store = Memory::default();
        for value in ["one", "two", "three"] {
            let done = store.commit(txn(vec![], vec![put("a", value)])).await;
            assert!(matches!(done, Ok(Commit::Applied(_))));
        }
        let at = |revision: u64| {
            let at = Some(Revision(revision));
            let ranges = vec![Range::key("a")];
            store.read(Read { ranges, at })
        };
        let old = at(3).await.unwrap();
        assert_eq!(old.revision, Revision(4));
        assert_eq!(old.found[0].entries[0].value, b"two");
        assert!(at(1).await.unwrap().found[0].entries.is_empty());
        assert!(matches!(at(5).await, Err(DatastoreError::Rejected { .. })));
        store.compact(Revision(3)).unwrap();
        assert_eq!(at(3).await.unwrap().found, old.found);
        assert!(matches!(
            at(2).await,
            Err(DatastoreError::Compacted(Revision(2)))
        ));
        assert!(store.compact(Revision(3)).is_err());
        assert!(store.compact(Revision(9)).is_err());
    }

    #[tokio::test]
    async fn a_restored_store_counts_its_revisions_again() {
        let store = Memory::default();
        for write in [put("a", "1"), put("b", "1"), put("a", "2")] {
            store.commit(txn(vec![], vec![write])).await.unwrap();
        }
        store.restore(Revision(2)).unwrap();
        let left = store.entries();
        assert_eq!((left.len(), left[0].value.as_slice()), (1, &b"1"[..]));
        let again = store.commit(txn(vec![], vec![put("c", "1")])).await;
        assert_eq!(again.unwrap(), Commit::Applied(Revision(3)));
        assert!(store.restore(Revision(9)).is_err());
    }

    #[tokio::test]
    async fn compaction_forgets_deleted_keys_and_keeps_living_ones() {
        let store = Memory::default();
        let steps = [put("a", "1"), put("b", "1"), Write::Delete("a".into())];
        for write in steps {
            store.commit(txn(vec![], vec![write])).await.unwrap();
        }
        store.compact(Revision(4)).unwrap();
        assert_eq!(store.state().keys.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(store.entries().len(), 1);
    }
}
