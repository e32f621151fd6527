//! PURE. The plans of changing what operators write.
//!
//! **Invariant:** a change is guarded by all that its rules looked at (X25 to X28): two changes that were each
//! legal alone are never both applied if they are not legal together.

pub mod config;
pub mod node;
pub mod pool;
pub mod pool_delete;
pub mod put;
pub mod reservation;
pub mod split_pool;

mod inside;

pub use config::put_config;
pub use node::{delete_legacy_host, delete_node, put_node};
pub use pool::{put_pool, put_pool_over};
pub use pool_delete::{delete_drained_pool, delete_pool, disable_pool, forget_pool};
pub use put::{Mode, Put, Written};
pub use reservation::{delete_reservation, put_reservation};
pub use split_pool::{Split, Whole, split_pool};

#[cfg(test)]
mod tests;
