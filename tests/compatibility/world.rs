//! A store in memory with one pool and one node, and requests of ours on it.

use block_ipam::allocator::Hint;
use block_ipam::assign::{Assign, ReleaseAddress, ReleaseHandle, Wanted};
use block_ipam::ids::{HandleId, NodeName};
use block_ipam::report::FindingKind;
use block_ipam::resources::Use;
use block_ipam_testing::state::State;
use block_ipam_testing::world::{World, now};
use serde_json::Value;

pub(crate) const BLOCK: &str = "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30";
pub(crate) const AFFINITY: &str = "/calico/ipam/v2/host/n1/ipv4/block/10.0.0.0-30";
pub(crate) const HANDLE: &str = "/calico/ipam/v2/handle/net.old";
pub(crate) const CONFIG: &str = "/calico/ipam/v2/config";

/// A world with the pool of the records here.
pub(crate) fn world() -> World {
    let world = World::new(1);
    world.pool("pods", "10.0.0.0/29", 30);
    world
}

fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a node's name")
}

fn handle(name: &str) -> HandleId {
    HandleId::new(name).expect("a handle")
}

/// Assigns one address to a workload of a node, and returns its text.
#[track_caller]
pub(crate) fn assign(world: &World, on: &str, holder: &str) -> String {
    assign_for(Use::Workload, world, on, holder)
}

/// The same for a use.
#[track_caller]
pub(crate) fn assign_for(purpose: Use, world: &World, on: &str, holder: &str) -> String {
    let request = Assign {
        purpose,
        v4: Wanted {
            count: 1,
            ..Wanted::default()
        },
        ..Assign::workload(node(on), handle(holder))
    };
    let grant = now(world.allocator().assign(&request, &Hint::default())).expect("assigned");
    grant.addresses[0].address.to_string()
}

/// Releases what a handle holds, and returns the addresses.
#[track_caller]
pub(crate) fn release(world: &World, holder: &str) -> Vec<String> {
    let request = ReleaseHandle {
        handle: handle(holder),
        interface: None,
        aliases: Vec::new(),
    };
    let released = now(world
        .allocator()
        .release_by_handle(&request, &Hint::default()))
    .expect("released");
    released.released.iter().map(ToString::to_string).collect()
}

/// Releases one address, whoever holds it; tells whether it was freed.
#[track_caller]
pub(crate) fn release_address(world: &World, address: &str, sequence: Option<u64>) -> bool {
    let request = ReleaseAddress {
        address: address.parse().expect("an address"),
        handle: None,
        sequence,
    };
    let released = now(world.allocator().release_addresses(&[request])).expect("answered");
    !released.released.is_empty()
}

/// What a check finds.
pub(crate) fn findings(world: &World) -> Vec<FindingKind> {
    let report = now(world.allocator().check()).expect("checked").report;
    report
        .findings
        .into_iter()
        .map(|finding| finding.kind)
        .collect()
}

/// A record as JSON.
#[track_caller]
pub(crate) fn record(world: &World, key: &str) -> Value {
    let records = world.records();
    let text = records
        .get(key)
        .unwrap_or_else(|| panic!("no {key} in {records:#?}"));
    serde_json::from_str(text).expect("JSON")
}

/// Panics where the invariants of a state do not hold.
pub(crate) fn assert_sound(world: &World) {
    State::of(&world.records()).check();
}
