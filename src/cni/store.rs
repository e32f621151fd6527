//! Which store a call is for, and opening it.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::cni::config::NetworkConfig;
use crate::cni::environment::Environment;
use crate::cni::error::CniError;
use crate::datastore::Datastore;

/// Opens stores.
#[async_trait]
pub trait OpenStore: Debug + Send + Sync {
    /// Returns the address of the store that a call is for, without secrets.
    fn select(&self, config: &NetworkConfig, environment: &Environment)
    -> Result<String, CniError>;

    /// Opens it. `first` is the endpoint that answered last time.
    async fn open(
        &self,
        address: &str,
        first: Option<&str>,
    ) -> Result<Arc<dyn Datastore>, CniError>;
}
