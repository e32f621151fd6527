//! Transactions: guards and writes in, applied or a conflict out.

use super::{DatastoreError, Entry, Found, Range, Snapshot, Span};
use crate::revision::Revision;

/// Most guards of one transaction. etcd allows 128 by default.
pub const MAX_GUARDS: usize = 120;
/// Most writes of one transaction. etcd allows 128 by default.
pub const MAX_WRITES: usize = 120;
/// Most bytes of one transaction: keys and values. etcd allows 1.5 MiB by default, what it needs around them included:
/// a record that others could write can be written again.
pub const MAX_TXN_BYTES: usize = 1_560_000;

/// One comparison of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The key does not exist.
    Absent(String),
    /// The key was last written at this revision.
    At(String, Revision),
    /// The key has this value.
    Same(String, Vec<u8>),
    /// No key of the span was created after the revision. Does not see deletions.
    NoneCreated(Span, Revision),
    /// No key of the span was written after the revision. Does not see deletions.
    NoneChanged(Span, Revision),
}

impl Guard {
    /// Returns what to read when the guard fails: keys only for [`Guard::NoneCreated`].
    pub fn range(&self) -> Range {
        match self {
            Guard::Absent(key) | Guard::At(key, _) | Guard::Same(key, _) => {
                Range::key(key.as_str())
            }
            Guard::NoneCreated(span, _) => Range::of(span.clone()).keys_only(),
            Guard::NoneChanged(span, _) => Range::of(span.clone()),
        }
    }

    /// Returns whether the guard holds, given what its [`Guard::range`] finds now.
    ///
    /// As in etcd: an absent key has revision 0 and no value, not even an empty one.
    pub fn holds(&self, found: &Found) -> bool {
        let only = found.entries.first();
        let none_after = |revision: fn(&Entry) -> Revision, bound: Revision| {
            found.entries.iter().all(|entry| revision(entry) <= bound)
        };
        match self {
            Guard::Absent(_) => only.is_none(),
            Guard::At(_, at) => only.map_or(Revision(0), |entry| entry.modified) == *at,
            Guard::Same(_, value) => only.is_some_and(|entry| entry.value == *value),
            Guard::NoneCreated(_, bound) => none_after(|entry| entry.created, *bound),
            Guard::NoneChanged(_, bound) => none_after(|entry| entry.modified, *bound),
        }
    }

    /// Returns its bytes in a request: each span stands in the comparison and in the read after a conflict.
    fn bytes(&self) -> usize {
        let value = match self {
            Guard::Same(_, value) => value.len(),
            Guard::Absent(_) | Guard::At(..) | Guard::NoneCreated(..) | Guard::NoneChanged(..) => 0,
        };
        2 * self.range().span.bytes() + value
    }
}

/// One change of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Creates or replaces.
    Put(String, Vec<u8>),
    /// Deletes, if it is there.
    Delete(String),
}

impl Write {
    /// Returns the key.
    pub fn key(&self) -> &str {
        match self {
            Write::Put(key, _) | Write::Delete(key) => key,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Write::Put(key, value) => key.len() + value.len(),
            Write::Delete(key) => key.len(),
        }
    }
}

/// A transaction: all writes if all guards hold, else none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Txn {
    /// What must hold.
    pub guards: Vec<Guard>,
    /// What is written, no key twice.
    pub writes: Vec<Write>,
}

impl Txn {
    /// Returns the bytes of keys and values in a request.
    pub fn bytes(&self) -> usize {
        let guards: usize = self.guards.iter().map(Guard::bytes).sum();
        let writes: usize = self.writes.iter().map(Write::bytes).sum();
        guards + writes
    }

    /// Refuses what no store would take.
    ///
    /// # Errors
    /// [`DatastoreError::Rejected`] without a write, above [`MAX_GUARDS`], [`MAX_WRITES`] or
    /// [`MAX_TXN_BYTES`], with an empty key or range, or where a key is written twice (etcd refuses that).
    pub fn check(&self) -> Result<(), DatastoreError> {
        for guard in &self.guards {
            guard.range().span.check()?;
        }
        let mut keys: Vec<&str> = self.writes.iter().map(Write::key).collect();
        keys.sort_unstable();
        let twice = keys.windows(2).find(|pair| pair[0] == pair[1]);
        let reason = if self.writes.is_empty() {
            "a transaction without a write".to_owned()
        } else if MAX_GUARDS < self.guards.len() {
            format!("{} guards; {MAX_GUARDS} are allowed", self.guards.len())
        } else if MAX_WRITES < self.writes.len() {
            format!("{} writes; {MAX_WRITES} are allowed", self.writes.len())
        } else if MAX_TXN_BYTES < self.bytes() {
            format!("{} bytes; {MAX_TXN_BYTES} are allowed", self.bytes())
        } else if keys.first().is_some_and(|key| key.is_empty()) {
            "an empty key".to_owned()
        } else if let Some(pair) = twice {
            format!("key {} is written twice", pair[0])
        } else {
            return Ok(());
        };
        Err(DatastoreError::rejected(reason))
    }
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// Done, as this revision; where only absent keys were deleted, the store's newest.
    Applied(Revision),
    /// A guard failed and nothing was written: what each guard's [`Guard::range`] found, in the order of the guards.
    Conflict(Snapshot),
}
