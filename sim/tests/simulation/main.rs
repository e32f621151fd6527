//! The simulation in CI: many seeds, the harness itself, and what was found before. `SEEDS=` runs more.

mod harness;
mod regressions;
mod seeds;
mod teeth;
