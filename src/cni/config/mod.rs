//! The network configuration: what stands on standard input.
//!
//! Members that nobody here knows pass, for runtimes and other plugins add theirs; a member of ours with a wrong value is
//! an error that names it. Each part is read when it is needed, so that DEL works where only ADD's part is broken.

mod attachments;
mod members;
mod network;
mod options;
mod previous;
mod workload;

pub use attachments::{ValidAttachments, valid_attachments};
pub use members::Members;
pub use network::{DEFAULT_TIMEOUT, NetworkConfig};
pub use options::{Options, Prefix};
pub use previous::{previous_addresses, previous_blocks};
pub use workload::Workload;

#[cfg(test)]
mod tests;
