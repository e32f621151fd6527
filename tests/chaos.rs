//! Hundreds of processes of the built plugin on real stores, killed at random, with replies that are lost and members
//! that stop. What callers asked and were told is judged; of the store, only that nothing is left in the end.
//!
//! `CHAOS_ROUNDS=10 cargo test --test chaos` lets each workload live so many lives.

#[path = "chaos/crowd.rs"]
mod crowd;
#[path = "chaos/history.rs"]
mod history;
#[path = "chaos/outages.rs"]
mod outages;
#[path = "chaos/plugin.rs"]
mod plugin;
