//! Stores whose records say anything, and every operation on them.
//!
//! The fuzz target `records` and a test of the ordinary suite call [`survive`] with bytes. Whatever these make of the
//! records: nothing panics, every operation ends soon, what cannot be read is told by a check, and none of our writes
//! replaces it or is unreadable itself.

mod bytes;
mod operations;
mod survive;
mod watched;

pub use survive::{Survived, survive};
