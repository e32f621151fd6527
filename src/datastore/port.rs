//! The port: keys, bytes and revisions. It never sees a domain type.
//!
//! **Invariant:** a read is one round trip at one revision; a commit is one round trip and happens whole or not at all.
//! All three stores refuse the same oversizes by [`Read::check`] and [`Txn::check`].

use async_trait::async_trait;
use thiserror::Error;

use crate::revision::Revision;

/// Most ranges of one read.
pub const MAX_RANGES: usize = 120;
/// Most guards of one transaction. etcd allows 128 by default.
pub const MAX_GUARDS: usize = 120;
/// Most writes of one transaction. etcd allows 128 by default.
pub const MAX_WRITES: usize = 120;
/// Most bytes of one transaction: keys and values. etcd allows 1.5 MiB by default.
pub const MAX_TXN_BYTES: usize = 1_200_000;
/// Most bytes of the values that one page should bring.
pub const MAX_PAGE_BYTES: usize = 4_000_000;

/// The keys that a range covers. Keys compare bytewise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// One key.
    Key(String),
    /// Every key that starts with this text.
    Prefix(String),
    /// From the first (inclusive) to the second (exclusive).
    Between(String, String),
}

impl Span {
    /// Returns whether the key is covered.
    pub fn contains(&self, key: &str) -> bool {
        match self {
            Span::Key(own) => own == key,
            Span::Prefix(prefix) => key.starts_with(prefix.as_str()),
            Span::Between(from, to) => from.as_str() <= key && key < to.as_str(),
        }
    }

    /// Returns the number of bytes it takes in a request.
    pub fn bytes(&self) -> usize {
        match self {
            Span::Key(key) | Span::Prefix(key) => key.len(),
            Span::Between(from, to) => from.len() + to.len(),
        }
    }
}

/// One part of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// Which keys.
    pub span: Span,
    /// Whether the values stay away.
    pub keys_only: bool,
    /// Most entries to bring; 0 for all.
    pub limit: u32,
}

impl Range {
    /// Reads one key.
    pub fn key(key: impl Into<String>) -> Range {
        Range::of(Span::Key(key.into()))
    }

    /// Reads every key that starts with the prefix.
    pub fn prefix(prefix: impl Into<String>) -> Range {
        Range::of(Span::Prefix(prefix.into()))
    }

    /// Reads the span, values included.
    pub const fn of(span: Span) -> Range {
        Range {
            span,
            keys_only: false,
            limit: 0,
        }
    }

    /// The same without values.
    #[must_use]
    pub fn keys_only(mut self) -> Range {
        self.keys_only = true;
        self
    }

    /// The same with at most this many entries.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Range {
        self.limit = limit;
        self
    }
}

/// What to read in one round trip.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// The parts, answered in this order.
    pub ranges: Vec<Range>,
    /// The revision to read at; the newest if `None`. Only pages of one long read set it.
    pub at: Option<Revision>,
}

impl Read {
    /// Reads the newest state of these ranges.
    pub const fn latest(ranges: Vec<Range>) -> Read {
        Read { ranges, at: None }
    }

    /// Refuses what no store would take.
    ///
    /// # Errors
    /// [`DatastoreError::Rejected`] with no range or more than [`MAX_RANGES`].
    pub fn check(&self) -> Result<(), DatastoreError> {
        match self.ranges.len() {
            1..=MAX_RANGES => Ok(()),
            count => Err(DatastoreError::rejected(format!(
                "a read of {count} ranges; 1 to {MAX_RANGES} are allowed"
            ))),
        }
    }
}

/// One record as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value; empty in a read of keys only.
    pub value: Vec<u8>,
    /// The revision at which the key was created.
    pub created: Revision,
    /// The revision at which it was last written.
    pub modified: Revision,
}

/// What one range of a read found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The entries, in key order.
    pub entries: Vec<Entry>,
    /// Whether the limit left some away.
    pub more: bool,
}

/// What a read saw: one [`Found`] for each range, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The revision of the store when it was read.
    pub revision: Revision,
    /// Which store it is: etcd's cluster id, or a number of the embedded store. A store that was
    /// made anew has another one.
    pub cluster: u64,
    /// What each range found.
    pub found: Vec<Found>,
}

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

    fn bytes(&self) -> usize {
        match self {
            Guard::Absent(key) | Guard::At(key, _) => key.len(),
            Guard::Same(key, value) => key.len() + value.len(),
            Guard::NoneCreated(span, _) | Guard::NoneChanged(span, _) => span.bytes(),
        }
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
    /// Returns the bytes of keys and values.
    pub fn bytes(&self) -> usize {
        let guards: usize = self.guards.iter().map(Guard::bytes).sum();
        let writes: usize = self.writes.iter().map(Write::bytes).sum();
        guards + writes
    }

    /// Refuses what no store would take.
    ///
    /// # Errors
    /// [`DatastoreError::Rejected`] without a write, above [`MAX_GUARDS`], [`MAX_WRITES`] or
    /// [`MAX_TXN_BYTES`], or where a key is written twice (etcd refuses that).
    pub fn check(&self) -> Result<(), DatastoreError> {
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
    /// Done, as this revision.
    Applied(Revision),
    /// A guard failed and nothing was written: what each guard's [`Guard::range`] found, in the order of the guards.
    Conflict(Snapshot),
}

/// The cause below a [`DatastoreError`].
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the store gave no answer. A conflict is not among them: it is an outcome.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatastoreError {
    /// Surely not done: try again.
    #[error("datastore is unreachable: {detail}")]
    Unavailable {
        /// What was tried: for etcd each endpoint with its error.
        detail: String,
        /// The last cause.
        source: Option<Cause>,
    },
    /// A commit without an answer: it may have been done, may be done later, or never. Read again.
    #[error("datastore gave no answer to a commit: {detail}")]
    Indeterminate {
        /// What was tried.
        detail: String,
        /// The cause.
        source: Option<Cause>,
    },
    /// A record does not parse.
    #[error("record {key} is corrupt at revision {revision}: {detail}")]
    Corrupt {
        /// The key.
        key: String,
        /// When it was last written.
        revision: Revision,
        /// What is wrong with it.
        detail: String,
    },
    /// The store understood and said no: wrong credentials, no permission, no space, or our own bug.
    #[error("datastore refused: {detail}")]
    Rejected {
        /// Its words.
        detail: String,
        /// The cause.
        source: Option<Cause>,
    },
    /// The revision of a long read is gone: start the read again.
    #[error("revision {0} was compacted during the read")]
    Compacted(Revision),
}

impl DatastoreError {
    /// A refusal without a cause below.
    pub fn rejected(detail: impl Into<String>) -> DatastoreError {
        DatastoreError::Rejected {
            detail: detail.into(),
            source: None,
        }
    }
}

/// A store of records. Every call ends within the adapter's own deadline; retries are the caller's.
#[async_trait]
pub trait Datastore: std::fmt::Debug + Send + Sync {
    /// Reads ranges in one linearizable round trip, all at one revision.
    ///
    /// # Errors
    /// [`DatastoreError`], never `Indeterminate`.
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError>;

    /// Applies `txn` whole if all its guards hold, else nothing, in one round trip.
    ///
    /// # Errors
    /// [`DatastoreError`], never `Compacted`.
    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError>;
}
