//! Why a store gave no answer: four kinds, by what a caller does next, and the end of a long read.

use thiserror::Error;

use crate::revision::Revision;

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
    /// Nothing was sent or done, without a cause below.
    pub fn unavailable(detail: impl Into<String>) -> DatastoreError {
        DatastoreError::Unavailable {
            detail: detail.into(),
            source: None,
        }
    }

    /// A read at a revision that the store has not reached: it was restored during a long read, or it is our bug.
    pub fn future(at: Revision, newest: Revision) -> DatastoreError {
        DatastoreError::rejected(format!(
            "revision {at} is above the store's, {newest}: it was restored from a copy"
        ))
    }

    /// A refusal without a cause below.
    pub fn rejected(detail: impl Into<String>) -> DatastoreError {
        DatastoreError::Rejected {
            detail: detail.into(),
            source: None,
        }
    }
}
