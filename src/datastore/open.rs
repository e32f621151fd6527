//! Opening the store that the settings name. Only programs call it, where they start.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::Datastore;
use super::settings::StoreSettings;
use crate::entropy::Entropy;

/// How a program uses the store.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions<'a> {
    /// What to do where an embedded store is not there yet.
    pub on_absent: OnAbsent,
    /// How long one read or commit may take. Keep it well below the deadline of the whole request.
    pub timeout: Duration,
    /// The endpoint to ask first: the one that answered another process last.
    pub prefer: Option<&'a str>,
    /// Where random numbers come from.
    pub entropy: &'a dyn Entropy,
}

/// What to do where no file of an embedded store stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnAbsent {
    /// It is an error: for programs that only look, and for the plugin.
    Refuse,
    /// It reads as an empty store at revision 1 of cluster 0, and the first write makes it.
    Create,
}

/// Opens the store that the settings name. An etcd is connected with the first request only.
///
/// # Errors
/// [`OpenError`].
pub fn open(
    settings: &StoreSettings,
    options: &OpenOptions<'_>,
) -> Result<Arc<dyn Datastore>, OpenError> {
    match settings {
        #[cfg(feature = "sqlite")]
        StoreSettings::Sqlite(path) => {
            let OpenOptions {
                on_absent,
                timeout,
                entropy,
                ..
            } = *options;
            let store = super::sqlite::Sqlite::open(path, on_absent, timeout, entropy)?;
            Ok(Arc::new(store))
        }
        #[cfg(feature = "etcd")]
        StoreSettings::Etcd(etcd) => {
            let store = super::etcd::Etcd::new(etcd, options.timeout, options.entropy)?;
            if let Some(endpoint) = options.prefer {
                store.prefer(endpoint);
            }
            Ok(Arc::new(store))
        }
        #[cfg(not(all(feature = "sqlite", feature = "etcd")))]
        other => Err(OpenError::Setting {
            name: other.to_string(),
            detail: "this program was built without it".to_owned(),
        }),
    }
}

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
