//! What was found out about a store, as values.

use std::path::PathBuf;
use std::time::Duration;

use block_ipam::clock::Timestamp;
use block_ipam::cni::observed::WentBack;
use block_ipam::datastore::etcd::Surveyed;
use block_ipam::revision::Revision;

use crate::doctor::permissions::Lacking;

/// All of it. What could not be asked, because nothing answered before, is empty.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// What is true of an etcd alone; `None` for a file.
    pub(crate) etcd: Option<Etcd>,
    /// Times of reads, one after another; or why one failed.
    pub(crate) reads: Option<Result<Vec<Duration>, String>>,
    /// What this machine remembers of the store, where that is older than the memory.
    pub(crate) memory: Memory,
}

/// What is true of an etcd alone.
#[derive(Debug, Default)]
pub(crate) struct Etcd {
    pub(crate) members: Vec<Surveyed>,
    /// Of the endpoints that speak HTTP too.
    pub(crate) spoken: Vec<Spoken>,
    /// Those of the settings, each with the name that it has there.
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) rights: Option<Rights>,
    /// How much of the past is kept, or why that is not known.
    pub(crate) history: Option<Result<History, String>>,
}

/// What an endpoint says beside etcd's protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spoken {
    pub(crate) endpoint: String,
    /// Until when the certificate that it shows is valid; `None` without TLS.
    pub(crate) certificate: Option<Result<Timestamp, String>>,
    /// How far its clock is from ours, to a second.
    pub(crate) clock: Option<Clock>,
    /// Most bytes of its database.
    pub(crate) quota: Option<u64>,
}

/// Where another clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    Ahead(Duration),
    Behind(Duration),
}

/// A certificate of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// `client` or `authority`.
    pub(crate) of: &'static str,
    /// Until when it is valid, or why that is not known.
    pub(crate) until: Result<Timestamp, String>,
}

/// What the user of the settings may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rights {
    /// `None` without one.
    pub(crate) user: Option<String>,
    /// What each program lacks, in the words of `store print-role`.
    pub(crate) programs: Vec<(&'static str, Vec<Lacking>)>,
    /// Why it could not be found out.
    pub(crate) trouble: Option<String>,
}

/// How much of the past the store keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) revision: Revision,
    pub(crate) kept: Kept,
}

/// Revisions that can still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// All since the first: it was never compacted.
    All,
    /// More than this many.
    More(u64),
    /// Fewer than this many.
    Fewer(u64),
}

/// What the nodes on this machine remember of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Where that stands.
    pub(crate) folder: PathBuf,
    /// How many files are about this store.
    pub(crate) files: usize,
    /// Files that tell of a newer store, or of another one, and how.
    pub(crate) went_back: Vec<(PathBuf, WentBack)>,
    /// Files in which a call noted that the store went back, and its words.
    pub(crate) noted: Vec<(PathBuf, String)>,
    /// Why it cannot be read.
    pub(crate) trouble: Option<String>,
}
