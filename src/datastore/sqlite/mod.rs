//! The embedded store: one SQLite file, for one machine, tests and demos.
//!
//! Many processes use the file at once, also while it is being made. Its tables are meant to be looked at with `sqlite3`.
//! Calls block for as long as the disk and the lock take: each is short, and none waits longer than the busy timeout.
//!
//! **Invariant:** the file is made by a write only, whole or not at all; a read never makes it.

mod errors;
mod file;
mod rows;
mod store;

pub use store::Sqlite;

#[cfg(test)]
mod tests;
