//! The allocator's public operations as JSON: one operation in, one result out.
//!
//! `examples/ops.rs` reads and writes them as lines, the differential test runs the recorded ones: both through here,
//! so that what is compared with Calico is what everybody can drive. The schema is told by `docs/ops.md`.

mod interpreter;
mod operation;

mod addresses;
mod affinities;
mod assign;
mod clock;
mod failure;
mod machines;
mod queries;
mod records;
mod resources;

pub use interpreter::{Interpreter, OPERATIONS};
