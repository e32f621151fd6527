//! The CNI plugin: environment and standard input in, reply out.
//!
//! **Invariant:** nothing here reads the process's environment, prints, or exits; `run` is told everything. It does not know
//! which stores exist: it opens what the settings name.

pub mod add;
pub mod args;
pub mod attachment;
pub mod call;
pub mod check;
pub mod choice;
pub mod config;
pub mod del;
pub mod environment;
pub mod error;
pub mod gc;
pub mod go_time;
pub mod host_local;
pub mod log;
pub mod machine;
pub mod manifest;
pub mod observed;
pub mod result;
pub mod run;
pub mod session;
pub mod status;
pub mod store;
pub mod version;
pub mod versions;

pub use environment::Environment;
pub use error::{CniError, Code};
pub use machine::Machine;
pub use run::{Context, Reply, run};

#[cfg(test)]
mod tests;
