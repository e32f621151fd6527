//! Block IPAM for container networks, in Calico's own records.

pub mod affinity;
pub mod allocator;
pub mod assign;
pub mod blocks;
pub mod clock;
pub mod cni;
pub mod datastore;
pub mod entropy;
pub mod ids;
pub mod node_queue;
pub mod plan;
pub mod refusal;
pub mod report;
pub mod resources;
pub mod revision;
pub mod selector;
pub mod unknown;
pub mod view;
