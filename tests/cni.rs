//! The plugin as a runtime meets it: environment and standard input in, standard output and exit status out.

#[path = "cni/choice.rs"]
mod choice;
#[path = "cni/crowd.rs"]
mod crowd;
#[path = "cni/fuzz.rs"]
mod fuzz;
#[path = "cni/golden.rs"]
mod golden;
#[path = "cni/machines.rs"]
mod machines;
#[path = "cni/network.rs"]
mod network;
#[path = "cni/program.rs"]
mod program;
#[path = "cni/sick.rs"]
mod sick;
#[path = "cni/verbs.rs"]
mod verbs;
#[path = "cni/world.rs"]
mod world;
