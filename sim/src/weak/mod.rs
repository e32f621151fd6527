//! Weaker versions of our program: one guard left out at a time, or one decision made wrongly. The simulation has to
//! catch each; nothing in the library knows of them.
//!
//! Reading order: [`weakness`] lists them, `rows` says which transaction of the protocol a commit is, `store` alters what
//! goes through the port. [`census`] counts which guards there are.

pub mod census;
mod mutants;
mod rows;
mod store;
pub mod weakness;

pub use weakness::Weakness;
