//! What must hold, judged from the raw records and from what callers were asked and told.
//!
//! Reading order: [`state`] is the store as the checker sees it, [`course`] what it knows of each process; the invariants
//! stand in `commits` (of every commit), `answers` (of what callers were told) and `rest` (of a store at rest).

mod answers;
mod calico;
mod commits;
pub mod course;
mod holdings;
mod judge;
mod pools;
pub mod prospect;
mod rest;
pub mod state;

pub use judge::{Checker, Violation};
