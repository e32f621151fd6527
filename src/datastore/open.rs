//! Opening the store that the settings name. Only programs call it, where they start.

use std::path::PathBuf;

use thiserror::Error;

/// Why a store could not be opened. Trying again does not help before somebody changed something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such file, and the program does not make one.
    #[error("no store stands at {}: a first `ipamctl create` makes it", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or made.
    #[error("store {} cannot be opened: {detail}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// The file is something else.
    #[error("{} is not a store of block-ipam: {detail}", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What was found in it.
        detail: String,
    },
    /// The file was written by a newer version.
    #[error("store {} is of version {found} and this program knows {known}: use a newer one", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// The log of a file that was removed stands where a new one would be made.
    #[error("{} is the log of a store that is gone: bring that store back, or remove its log", path.display())]
    LeftOver {
        /// The log.
        path: PathBuf,
    },
    /// A setting cannot be used.
    #[error("{name} is not usable: {detail}")]
    Setting {
        /// What it is called where it was set.
        name: String,
        /// Why not.
        detail: String,
    },
}
