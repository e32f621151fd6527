//! IP address management for container networks, in Calico's own etcd records.
//!
//! An operator defines pools; pools are cut into blocks; a node claims blocks and gives addresses from them to its
//! workloads. Every change is one transaction that compares everything it relied on, so there is no lock and no leader,
//! and other programs on the same records see legal states only.
//!
//! Three types to know: [`Allocator`](allocator::Allocator) serves requests, [`Datastore`](datastore::Datastore) is the
//! store below it, and [`Step`](plan::Step) is what a pure decision says to do next.
//!
//! The library prints nothing and never ends the process; time, random bits and the store are arguments. The protocol
//! with its invariants, and the words that are used here, stand in `docs/protocol.md` and `docs/architecture.md` of the
//! repository.

// Values and decisions: no store, no async, no clock.
pub mod affinity;
pub mod assign;
pub mod blocks;
pub mod ids;
pub mod plan;
pub mod refusal;
pub mod report;
pub mod resources;
pub mod revision;
pub mod selector;
pub mod unknown;
pub mod view;

// What carries decisions out.
pub mod allocator;
pub mod clock;
pub mod datastore;
pub mod entropy;

// The plugin.
pub mod cni;
pub mod node_queue;
