//! The place of one case: a store and a root for its keys.

use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Entry, Found, Guard, Range, Read, Snapshot, Span, Txn, Write,
};
use block_ipam::revision::Revision;

/// A store and the root of the keys of one case.
#[derive(Debug, Clone)]
pub(super) struct Bench<'a> {
    pub(super) store: &'a dyn Datastore,
    root: String,
}

impl<'a> Bench<'a> {
    pub(super) fn new(store: &'a dyn Datastore, case: &str) -> Bench<'a> {
        Bench {
            store,
            root: format!("/conformance/{case}/"),
        }
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.root)
    }

    pub(super) fn one(&self, name: &str) -> Range {
        Range::key(self.key(name))
    }

    pub(super) fn prefix(&self, name: &str) -> Span {
        Span::Prefix(self.key(name))
    }

    pub(super) fn between(&self, from: &str, to: &str) -> Span {
        Span::Between(self.key(from), self.key(to))
    }

    pub(super) fn set(&self, name: &str, value: impl AsRef<[u8]>) -> Write {
        Write::Put(self.key(name), value.as_ref().to_vec())
    }

    pub(super) fn unset(&self, name: &str) -> Write {
        Write::Delete(self.key(name))
    }

    pub(super) async fn read(&self, ranges: Vec<Range>) -> Snapshot {
        let read = self.store.read(Read::latest(ranges)).await;
        read.expect("a read that is allowed is answered")
    }

    pub(super) async fn read_at(
        &self,
        ranges: Vec<Range>,
        at: Revision,
    ) -> Result<Snapshot, DatastoreError> {
        let at = Some(at);
        self.store.read(Read { ranges, at }).await
    }

    pub(super) async fn commit(&self, guards: Vec<Guard>, writes: Vec<Write>) -> Commit {
        let done = self.store.commit(Txn { guards, writes }).await;
        done.expect("a transaction that is allowed ends")
    }

    /// Commits without a guard.
    pub(super) async fn write(&self, writes: Vec<Write>) -> Revision {
        match self.commit(vec![], writes).await {
            Commit::Applied(revision) => revision,
            Commit::Conflict(found) => panic!("a conflict without a guard: {found:?}"),
        }
    }

    pub(super) async fn put(&self, name: &str, value: impl AsRef<[u8]>) -> Revision {
        self.write(vec![self.set(name, value)]).await
    }

    pub(super) async fn delete(&self, name: &str) -> Revision {
        self.write(vec![self.unset(name)]).await
    }

    pub(super) async fn entry(&self, name: &str) -> Option<Entry> {
        let snapshot = self.read(vec![self.one(name)]).await;
        snapshot.found[0].entries.first().cloned()
    }

    /// Returns the names that a span finds, in the order of the answer.
    pub(super) async fn names(&self, span: Span) -> Vec<String> {
        let snapshot = self.read(vec![Range::of(span)]).await;
        self.names_of(&snapshot.found[0])
    }

    pub(super) fn names_of(&self, found: &Found) -> Vec<String> {
        let strip = |entry: &Entry| entry.key.strip_prefix(&self.root).map(str::to_owned);
        let names = found.entries.iter().map(strip).collect::<Option<_>>();
        names.expect("a span of the case finds keys of the case")
    }
}
