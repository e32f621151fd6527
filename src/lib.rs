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
//!
//! A store in memory, one pool, one workload, twice the same request:
//!
//! ```
//! use std::sync::Arc;
//!
//! use block_ipam::allocator::{Allocator, Hint};
//! use block_ipam::assign::{Assign, Wanted};
//! use block_ipam::clock::SystemClock;
//! use block_ipam::datastore::Memory;
//! use block_ipam::entropy::SystemEntropy;
//! use block_ipam::ids::{HandleId, NodeName};
//! use block_ipam::resources::plans::{Mode, Put, put_pool};
//! use block_ipam::resources::{Metadata, PoolSpec};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(Memory::new(1));
//! let allocator = Allocator::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy));
//!
//! let spec = PoolSpec {
//!     metadata: Metadata { name: "pods".to_owned(), ..Metadata::default() },
//!     cidr: Some("10.64.0.0/24".to_owned()),
//!     ..PoolSpec::default()
//! };
//! let value = spec.pool().map_err(|faults| format!("{faults:?}"))?;
//! let create = Put { value, mode: Mode::Create, expected: None };
//! allocator.run(|view, context| put_pool(view, &create, context)).await?;
//!
//! let request = Assign {
//!     v4: Wanted { count: 1, ..Wanted::default() },
//!     ..Assign::workload(NodeName::new("node-a")?, HandleId::new("pods.c0ffee")?)
//! };
//! let grant = allocator.assign(&request, &Hint::default()).await?;
//! let again = allocator.assign(&request, &Hint::default()).await?;
//! assert_eq!(grant.addresses, again.addresses);
//! assert!(again.repeated);
//! # Ok(())
//! # }
//! ```

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
pub mod workload;

// The plugin.
pub mod cni;
pub mod node;
pub mod node_queue;
