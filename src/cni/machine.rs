//! What the plugin needs to know of the machine: names, places, its own network namespace.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::cni::environment::Environment;
use crate::cni::error::{CniError, Code};
use crate::node::{Host, MachineFiles};

/// The machine that a call runs on. Tests bring their own.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// What it says about the node's name.
    pub host: Host,
    /// Where machine id and boot id stand.
    pub files: MachineFiles,
    /// The plugin's own network namespace.
    pub namespace: PathBuf,
    /// Where hints and queues are.
    pub run_dir: PathBuf,
}

impl Machine {
    /// Looks at the machine that the program runs on. What cannot be read is left out.
    pub fn here(environment: &Environment) -> Machine {
        Machine {
            host: Host::here(),
            files: MachineFiles::here(),
            namespace: "/proc/self/ns/net".into(),
            run_dir: environment
                .get("BLOCK_IPAM_RUN_DIR")
                .unwrap_or("/run/block-ipam")
                .into(),
        }
    }

    /// Checks that the namespace of a call is not the plugin's own, as the reference library does.
    ///
    /// # Errors
    /// [`Code::Namespace`], unless `CNI_NETNS_OVERRIDE` is set.
    pub fn check_namespace(&self, environment: &Environment) -> Result<(), CniError> {
        let overridden = environment.get("CNI_NETNS_OVERRIDE");
        if overridden.is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true")) {
            return Ok(());
        }
        let Some(path) = environment.get("CNI_NETNS") else {
            return Ok(());
        };
        match (identity(Path::new(path)), identity(&self.namespace)) {
            (Some(given), Some(own)) if given == own => {
                let msg = "plugin's netns and netns from CNI_NETNS should not be the same";
                Err(CniError::new(Code::Namespace, msg).details(path))
            }
            _ => Ok(()),
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
