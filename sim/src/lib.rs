//! A seeded simulation of address management: actors on one store, whose every request waits until the scheduler lets
//! it go, with faults as data. The same seed gives the same history.
//!
//! Reading order: [`actor`] says what an actor is, [`operation`] what it is asked, [`wire`] what lies between it and the
//! store.

pub mod actor;
pub mod calico;
pub mod check;
pub mod dice;
pub mod fate;
pub mod fleet;
pub mod many;
pub mod minimise;
pub mod net;
pub mod operation;
mod operators;
pub mod ours;
pub mod records;
pub mod run;
pub mod settle;
pub mod time;
pub mod trace;
pub mod weak;
pub mod wire;
pub mod world;
