//! Which store a call is for, and opening it.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cni::config::NetworkConfig;
use crate::cni::environment::Environment;
use crate::cni::error::{CniError, Code};
use crate::datastore::settings::{Field, Layer, SettingsError, Sources, StoreSettings, resolve};
use crate::datastore::{Datastore, OnAbsent, OpenOptions, open};
use crate::entropy::Entropy;

/// How a call uses its store.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// How long one request may take.
    pub timeout: Duration,
    /// The endpoint that answered last time.
    pub first: Option<&'a str>,
    /// Where random numbers come from.
    pub entropy: &'a dyn Entropy,
}

/// Finds and opens stores. The program has [`ConfiguredStores`]; tests bring their own.
pub trait OpenStore: Debug + Send + Sync {
    /// Returns the store that a call is for.
    ///
    /// # Errors
    /// [`Code::Config`] where nothing names one: there is no default.
    fn select(
        &self,
        config: &NetworkConfig,
        environment: &Environment,
    ) -> Result<StoreSettings, CniError>;

    /// Opens it.
    ///
    /// # Errors
    /// [`Code::Config`] where that cannot succeed before somebody changed something.
    fn open(&self, settings: &StoreSettings, used: Use<'_>)
    -> Result<Arc<dyn Datastore>, CniError>;
}

/// The stores that settings name: network configuration, environment, our file, calicoctl's.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConfiguredStores;

impl OpenStore for ConfiguredStores {
    fn select(
        &self,
        config: &NetworkConfig,
        environment: &Environment,
    ) -> Result<StoreSettings, CniError> {
        let mut fields = Vec::new();
        for field in Field::ALL {
            fields.push((field, config.text(field.name())?));
        }
        let sources = Sources {
            given: vec![Layer::fields(fields)],
            variable: &|name| environment.get(name).map(str::to_owned),
            file: &read_if_there,
        };
        resolve(&sources)
            .map(|resolved| resolved.settings)
            .map_err(|error| not_named(&error))
    }

    fn open(
        &self,
        settings: &StoreSettings,
        used: Use<'_>,
    ) -> Result<Arc<dyn Datastore>, CniError> {
        let options = OpenOptions {
            on_absent: OnAbsent::Refuse,
            timeout: used.timeout,
            prefer: used.first,
            entropy: used.entropy,
        };
        open(settings, &options).map_err(|error| CniError::new(Code::Config, error.to_string()))
    }
}

fn not_named(error: &SettingsError) -> CniError {
    let details = match error {
        SettingsError::Nothing => {
            "write into `ipam` either \"datastore\": \"etcd:http://HOST:2379\" for a cluster, \
             or \"datastore\": \"sqlite:/var/lib/block-ipam/ipam.db\" for this machine alone"
        }
        _ => "",
    };
    CniError::new(Code::Config, error.to_string()).details(details)
}

fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
