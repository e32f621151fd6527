//! Which store a command works on, and opening it.
//!
//! Flags, then the environment, then the files; only if none of them says anything, the default of this program.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use block_ipam::datastore::settings::{Layer, SettingsError, Sources, StoreSettings, resolve};
use block_ipam::datastore::{Datastore, OnAbsent, OpenError, OpenOptions, open as open_store};
use block_ipam::entropy::SystemEntropy;

use crate::context::Access;
use crate::failure::{Failure, FailureKind};
use crate::ui::Ui;

const DEFAULT: &str = "/var/lib/block-ipam/ipam.db";
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the operator said about the store.
pub(crate) struct Choice {
    /// `--datastore`.
    pub(crate) datastore: Option<String>,
    /// `--config`.
    pub(crate) config: Option<PathBuf>,
    /// The value of a variable of the environment.
    pub(crate) variable: fn(&str) -> Option<String>,
}

/// Opens the store. Only a verb that writes makes one that does not exist.
pub(crate) fn open(ui: Ui, choice: &Choice, access: Access) -> Result<Arc<dyn Datastore>, Failure> {
    let settings = settings(ui, choice)?;
    let options = OpenOptions {
        on_absent: match access {
            Access::Read | Access::DryRun => OnAbsent::Refuse,
            Access::Write => OnAbsent::Create,
        },
        timeout: TIMEOUT,
        prefer: None,
        entropy: &SystemEntropy,
    };
    open_store(&settings, &options).map_err(|error| {
        let kind = match error {
            OpenError::Setting { .. } => FailureKind::Refused,
            _ => FailureKind::Unreachable,
        };
        Failure::new(kind, error.to_string())
    })
}

/// Returns where the store is.
pub(crate) fn settings(ui: Ui, choice: &Choice) -> Result<StoreSettings, Failure> {
    let flag = choice.datastore.as_deref().map(Layer::flag);
    let file = choice.config.as_deref().map(layer_of).transpose()?;
    let sources = Sources {
        given: flag.into_iter().chain(file).collect(),
        variable: &choice.variable,
        file: &text_of,
    };
    match resolve(&sources) {
        Ok(resolved) => Ok(resolved.settings),
        Err(SettingsError::Nothing) => {
            let settings = StoreSettings::Sqlite(PathBuf::from(DEFAULT));
            ui.status(&format!("No datastore is configured: using {settings}"));
            Ok(settings)
        }
        Err(error) => Err(Failure::refused(error.to_string())),
    }
}

fn layer_of(path: &Path) -> Result<Layer, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::refused(format!("{} cannot be read", path.display())).caused_by(&error)
    })?;
    Layer::file(path, &text).map_err(|error| Failure::refused(error.to_string()))
}

fn text_of(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
