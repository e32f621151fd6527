//! The port: keys, bytes and revisions. It never sees a domain type.
//!
//! **Invariant:** a read is one round trip at one revision; a commit is one round trip and happens whole or not at all.
//! All three stores refuse the same oversizes by [`Read::check`] and [`Txn::check`].

mod error;
mod read;
mod span;
mod store;
mod txn;

pub use error::{Cause, DatastoreError};
pub use read::{Entry, Found, MAX_PAGE_BYTES, MAX_RANGES, Order, Range, Read, Snapshot};
pub use span::Span;
pub use store::Datastore;
pub use txn::{Commit, Guard, MAX_GUARDS, MAX_TXN_BYTES, MAX_WRITES, Txn, Write};

#[cfg(test)]
mod tests;
