//! What a check tells beyond its findings: which addresses are used by whom, and the report in a file, which carries
//! what a later release or repair compares with.

mod allocation;
mod alongside;
mod cluster;
mod in_use;
mod read;
mod walk;
mod write;

pub(crate) use allocation::{Allocation, LeakedHandle};
pub(crate) use alongside::Alongside;
pub(crate) use cluster::Cluster;
pub(crate) use in_use::{InUse, Judged};
pub(crate) use read::{Report, read};
pub(crate) use walk::{Ended, blocks, entries};
pub(crate) use write::{Head, Writer, replaced};
