//! The written schema of Calico's records in etcd, and a strict reader of it. It shares no code with the library's codec.
//!
//! A record that passes is one that Calico's own encoder could have written: names, order and types of its members, which
//! may be absent, lengths and indexes, escapes, no blanks. What Calico itself recorded passes too; that is the schema's own test.

mod block;
mod read;
mod records;
mod shape;
mod strict;

pub use records::{faults, kind_of};
pub use strict::{Strict, assert_is_calicos};
