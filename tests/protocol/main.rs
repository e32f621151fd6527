//! The allocator on a store in memory: what it costs, what it refuses, and what holds while nodes race, die and lose replies.

mod addresses;
mod affinities;
mod borrowing;
mod budgets;
mod exhausted;
mod half_states;
mod large_blocks;
mod large_requests;
mod owners;
mod races;
mod reports;
mod rules;

use block_ipam::assign::{Assign, ReleaseHandle, Wanted};
use block_ipam::ids::{HandleId, NodeName};
use block_ipam_testing::{state, world};

/// A request of a container on a node.
pub(crate) fn request(node: &str, container: &str, v4: usize, v6: usize) -> Assign {
    let node = NodeName::new(node).expect("a node name");
    let handle = HandleId::new(&format!("net.{container}")).expect("a handle");
    let mut request = Assign::workload(node.clone(), handle);
    request
        .attributes
        .insert("node".to_owned(), node.as_str().to_owned());
    request.interface = Some("eth0".to_owned());
    request.v4 = Wanted {
        count: v4,
        ..Wanted::default()
    };
    request.v6 = Wanted {
        count: v6,
        ..Wanted::default()
    };
    request
}

/// The release of a container.
pub(crate) fn release(container: &str) -> ReleaseHandle {
    ReleaseHandle {
        handle: HandleId::new(&format!("net.{container}")).expect("a handle"),
        interface: Some("eth0".to_owned()),
        aliases: Vec::new(),
    }
}
