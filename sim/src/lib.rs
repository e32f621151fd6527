//! A seeded simulation of address management: actors on one store, whose every request waits until the scheduler lets
//! it go, with faults as data. The same seed gives the same history.
//!
//! Reading order: [`actor`] says what an actor is, [`operation`] what it is asked, [`wire`] what lies between it and the
//! store.

pub mod actor;
pub mod calico;
pub mod dice;
pub mod operation;
pub mod time;
pub mod wire;
