//! What happens in a run, drawn from its seed: who begins what, who goes on, and which fault meets whom.
//!
//! Reading order: [`climate`] is what differs between runs, `mix` what happens in one and how often, `theme` the runs in
//! which little else happens; `scheduler` draws the choices, `workloads` and `chores` the operations of nodes and of
//! operators.

mod beginning;
mod chores;
pub mod climate;
mod mix;
mod odds;
mod scheduler;
pub mod theme;
mod workloads;

pub use scheduler::Fate;
