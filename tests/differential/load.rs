//! Which recordings are compared: those of the repository, or those of the folder that `TRANSITIONS_DIR` names.

use std::env;
use std::path::PathBuf;

use block_ipam_testing::recordings;
pub(crate) use block_ipam_testing::recordings::{Records, Transition};

/// Where recordings stand, and whether they are the ones of the repository.
#[derive(Debug)]
pub(crate) struct Recordings {
    folder: PathBuf,
    pub(crate) ours: bool,
}

impl Recordings {
    /// The recordings of the repository.
    pub(crate) fn golden() -> Recordings {
        Recordings {
            folder: recordings::golden("transitions"),
            ours: true,
        }
    }

    /// The recordings that `TRANSITIONS_DIR` names, else those of the repository.
    pub(crate) fn named() -> Recordings {
        match env::var_os("TRANSITIONS_DIR") {
            Some(folder) => Recordings {
                folder: PathBuf::from(folder),
                ours: false,
            },
            None => Recordings::golden(),
        }
    }

    /// Reads all of them, in order of their names.
    pub(crate) fn read(&self) -> Vec<Transition> {
        recordings::transitions(&self.folder)
    }
}
