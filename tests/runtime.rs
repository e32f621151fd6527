//! The plugin below real runtimes: `cnitool` with the reference plugins, podman, containerd's CRI, and Calico's configuration.
//!
//! **Invariant:** nothing is skipped: where a part is missing its test fails and names what brings it, `make test-runtime`.
//! Every machine is a network namespace of its own, and ends with its value.

#[path = "runtime/calico.rs"]
mod calico;
#[path = "runtime/containerd.rs"]
mod containerd;
#[path = "runtime/documented.rs"]
mod documented;
#[path = "runtime/host.rs"]
mod host;
#[path = "runtime/killed.rs"]
mod killed;
#[path = "runtime/main_plugins.rs"]
mod main_plugins;
#[path = "runtime/podman.rs"]
mod podman;
