//! The stores behind one port, and the only place that knows keys and JSON.

pub mod codec;
#[cfg(feature = "etcd")]
pub mod etcd;
pub mod keys;
pub mod memory;
pub mod observe;
mod open;
pub mod pages;
pub mod port;
pub mod settings;
#[cfg(feature = "sqlite")]
pub mod sqlite;

pub use memory::Memory;
pub use open::{OnAbsent, OpenError, OpenOptions, open};
pub use port::{
    Commit, Datastore, DatastoreError, Entry, Found, Guard, Order, Range, Read, Snapshot, Span,
    Txn, Write,
};
