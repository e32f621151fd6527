//! Which store, where it is, and how to get in: values, and the one order in which the sources are asked.
//!
//! Nothing here reads the environment or a file by itself: the program gives both.

mod endpoints;
mod files;
mod layer;
mod resolve;
mod values;

pub use layer::{Field, Layer};
pub use resolve::{CALICOCTL_FILE, CONFIG_FILE, Resolved, SettingsError, Sources, resolve};
pub use values::{EtcdSettings, Login, Pem, Secret, StoreSettings, TlsSettings};

#[cfg(test)]
mod tests;
