//! What a machine says of itself as a node: its name, its machine id, its boot id. One resolver for all programs.
//!
//! **Invariant:** nothing is guessed where a source was named and failed.

pub mod alive;
pub mod evidence;
pub mod machine_id;
pub mod name;

pub use machine_id::MachineFiles;
pub use name::{Configured, Host, IdentityError, resolve};
