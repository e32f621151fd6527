//! What happens in a run, drawn from its seed: who begins what, who goes on, and which fault meets whom.
//!
//! Reading order: [`climate`] is what differs between runs, `scheduler` draws the choices, `workloads` and `chores` draw
//! the operations of nodes and of operators.

mod beginning;
mod chores;
pub mod climate;
mod scheduler;
mod workloads;

pub use scheduler::Fate;
