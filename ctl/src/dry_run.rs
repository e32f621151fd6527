//! A store that keeps its writes to itself: what a verb would do is what it does on this one.
//!
//! **Invariant:** nothing is sent to the store below but reads. Guards are judged as the store would judge them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Entry, Found, Guard, Range, Read, Snapshot, Txn, Write, keys,
};
use block_ipam::report::Subject;
use block_ipam::revision::Revision;

/// A store with writes of its own over another one.
#[derive(Debug)]
pub(crate) struct DryRun {
    store: Arc<dyn Datastore>,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    /// The newest entry of each key that was written; `None` where it was deleted.
    entries: BTreeMap<String, Option<Entry>>,
    revision: Revision,
    log: Vec<String>,
}

impl DryRun {
    pub(crate) fn new(store: Arc<dyn Datastore>) -> DryRun {
        DryRun {
            store,
            written: Mutex::default(),
        }
    }

    /// Returns what would be written, one line for each record.
    pub(crate) fn planned(&self) -> Vec<String> {
        std::mem::take(&mut self.written().log)
    }

    fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        // Nothing here can panic half-way through a change.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Datastore for DryRun {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        let below = self.written().below(read.clone());
        let snapshot = self.store.read(below).await?;
        Ok(self.written().over(&read.ranges, snapshot))
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        txn.check()?;
        let ranges: Vec<Range> = txn.guards.iter().map(Guard::range).collect();
        let keys = txn.writes.iter().map(|write| Range::key(write.key()));
        let mut snapshot = Snapshot::default();
        let all: Vec<Range> = ranges.iter().cloned().chain(keys).collect();
        for part in all.chunks(block_ipam::datastore::port::MAX_RANGES) {
            let read = self.read(Read::latest(part.to_vec())).await?;
            snapshot.revision = snapshot.revision.max(read.revision);
            snapshot.cluster = read.cluster;
            snapshot.found.extend(read.found);
        }
        let before = snapshot.found.split_off(ranges.len());
        let mut judged = txn.guards.iter().zip(&snapshot.found);
        if judged.any(|(guard, found)| !guard.holds(found)) {
            return Ok(Commit::Conflict(snapshot));
        }
        Ok(Commit::Applied(self.written().apply(
            txn.writes,
            &before,
            snapshot.revision,
        )))
    }
}

impl Written {
    /// What to ask the store below: all of a range over which something was written, for what was may be on any page.
    fn below(&self, mut read: Read) -> Read {
        if self.entries.is_empty() {
            return read;
        }
        read.at = None;
        for range in &mut read.ranges {
            if self.entries.keys().any(|key| range.span.contains(key)) {
                range.limit = 0;
            }
        }
        read
    }

    fn over(&self, ranges: &[Range], mut snapshot: Snapshot) -> Snapshot {
        snapshot.revision = snapshot.revision.max(self.revision);
        for (range, found) in ranges.iter().zip(&mut snapshot.found) {
            let mut written = self.entries.iter();
            if !written.any(|(key, _)| range.span.contains(key)) {
                continue;
            }
            let below = std::mem::take(&mut found.entries).into_iter();
            let below = below.filter(|entry| !self.entries.contains_key(&entry.key));
            let own = self.entries.values().flatten();
            let own = own.filter(|entry| range.span.contains(&entry.key)).cloned();
            found.entries = below.chain(own).collect();
            found.entries.sort_by(|one, other| one.key.cmp(&other.key));
            let most = usize::try_from(range.limit).unwrap_or(usize::MAX);
            if 0 < most && most < found.entries.len() {
                found.entries.truncate(most);
                found.more = true;
            }
            if range.keys_only {
                found
                    .entries
                    .iter_mut()
                    .for_each(|entry| entry.value.clear());
            }
        }
        snapshot
    }

    fn apply(&mut self, writes: Vec<Write>, before: &[Found], newest: Revision) -> Revision {
        self.revision = Revision(newest.0.max(self.revision.0) + 1);
        for (write, before) in writes.into_iter().zip(before) {
            let old = before.entries.first();
            self.log.push(planned(&write, old.is_some()));
            let entry = match &write {
                Write::Put(key, value) => Some(Entry {
                    key: key.clone(),
                    value: value.clone(),
                    created: old.map_or(self.revision, |old| old.created),
                    modified: self.revision,
                }),
                Write::Delete(_) => None,
            };
            self.entries.insert(write.key().to_owned(), entry);
        }
        self.revision
    }
}

fn planned(write: &Write, is_there: bool) -> String {
    let verb = match (write, is_there) {
        (Write::Put(..), false) => "create",
        (Write::Put(..), true) => "change",
        (Write::Delete(_), _) => "delete",
    };
    let what = keys::parse(write.key()).map_or_else(
        || write.key().to_owned(),
        |id| Subject::Record(id).to_string(),
    );
    format!("would {verb} {what}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use block_ipam::datastore::{Commit, Datastore, Guard, Memory, Range, Read, Span, Txn, Write};

    use super::DryRun;

    async fn put(store: &dyn Datastore, guards: Vec<Guard>, writes: Vec<Write>) -> bool {
        let done = store.commit(Txn { guards, writes }).await.unwrap();
        matches!(done, Commit::Applied(_))
    }

    async fn keys(store: &dyn Datastore, range: Range) -> (Vec<String>, bool) {
        let snapshot = store.read(Read::latest(vec![range])).await.unwrap();
        let found = snapshot.found.into_iter().next().unwrap();
        let keys = found.entries.into_iter().map(|entry| entry.key);
        (keys.collect(), found.more)
    }

    #[tokio::test]
    async fn writes_are_seen_by_later_reads_and_guards_and_by_nobody_else() {
        let below: Arc<dyn Datastore> = Arc::new(Memory::default());
        let text = |key: &str| Write::Put(key.to_owned(), b"x".to_vec());
        for key in ["/a/1", "/a/2", "/a/4"] {
            assert!(put(&*below, vec![], vec![text(key)]).await);
        }
        let dry = DryRun::new(Arc::clone(&below));
        let all = || Range::prefix("/a/");

        let absent = Guard::Absent("/a/3".into());
        assert!(put(&dry, vec![absent.clone()], vec![text("/a/3")]).await);
        assert!(
            !put(&dry, vec![absent], vec![text("/a/3")]).await,
            "it is there now"
        );
        assert!(put(&dry, vec![], vec![Write::Delete("/a/1".into())]).await);
        let none = Guard::NoneChanged(
            Span::Prefix("/a/".into()),
            block_ipam::revision::Revision(3),
        );
        assert!(
            !put(&dry, vec![none], vec![text("/a/5")]).await,
            "3 was written since"
        );

        let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            keys(&dry, all()).await,
            (owned(&["/a/2", "/a/3", "/a/4"]), false)
        );
        assert_eq!(
            keys(&dry, all().limit(2)).await,
            (owned(&["/a/2", "/a/3"]), true)
        );
        assert_eq!(
            keys(&*below, all()).await,
            (owned(&["/a/1", "/a/2", "/a/4"]), false)
        );
        assert_eq!(dry.planned(), ["would create /a/3", "would delete /a/1"]);
    }
}
