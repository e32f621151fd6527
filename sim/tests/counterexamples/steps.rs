//! The operations of the scenarios, by short names, and the records they begin with.

use block_ipam::affinity::surrender::{InUse, Surrender, Surrendered, Which};
use block_ipam::allocator::{AllocatorError, Hint};
use block_ipam::assign::{Assign, Grant, ReleaseAddress, ReleaseHandle, Released, Wanted};
use block_ipam::datastore::Write;
use block_ipam::ids::{HandleId, NodeName, Owner};
use block_ipam_sim::calico::{AutoAssign, AutoAssigned};

use crate::gate::{Dropped, Judged, NOTHING};
use crate::world::{Process, World};

const RESOURCES: &str = "/calico/resources/v3/projectcalico.org";

/// Writes a pool.
pub(crate) fn pool(world: &World, name: &str, cidr: &str, block_size: u8, disabled: bool) {
    let spec = format!(
        r#"{{"cidr":"{cidr}","blockSize":{block_size},"nodeSelector":"all()","disabled":{disabled}}}"#
    );
    let metadata =
        format!(r#"{{"name":"{name}","uid":"u","creationTimestamp":"2026-01-01T00:00:00Z"}}"#);
    let pool = format!(
        r#"{{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{metadata},"spec":{spec}}}"#
    );
    world.put(&format!("{RESOURCES}/ippools/{name}"), &pool);
}

/// Writes a node.
pub(crate) fn node(world: &World, name: &str) {
    let node = format!(
        r#"{{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{{"name":"{name}"}},"spec":{{}}}}"#
    );
    world.put(&node_key(name), &node);
}

pub(crate) fn node_key(name: &str) -> String {
    format!("{RESOURCES}/nodes/{name}")
}

/// Writes the record by which a store is known to be Calico's.
pub(crate) fn cluster(world: &World) {
    let record = r#"{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},"spec":{"datastoreReady":true}}"#;
    world.put(&format!("{RESOURCES}/clusterinformations/default"), record);
}

/// Writes the configuration: nobody borrows, and a node has so many blocks at most.
pub(crate) fn strict(world: &World, most: usize) {
    let config = format!(
        r#"{{"strict_affinity":true,"auto_allocate_blocks":true,"maxBlocksPerHost":{most}}}"#
    );
    world.put(CONFIG, &config);
}

pub(crate) const CONFIG: &str = "/calico/ipam/v2/config";

/// Writes an affinity.
pub(crate) fn affinity(world: &World, node: &str, block: &str, state: &str) {
    let record = format!(r#"{{"state":"{state}","deleted":false}}"#);
    world.put(&affinity_key(node, block), &record);
}

pub(crate) fn affinity_key(node: &str, block: &str) -> String {
    format!(
        "/calico/ipam/v2/host/{node}/ipv4/block/{}",
        block.replace('/', "-")
    )
}

pub(crate) fn owner(node: &str) -> Owner {
    Owner::host(&NodeName::new(node).expect("a node name"))
}

fn handle(name: &str) -> HandleId {
    HandleId::new(&format!("net.{name}")).expect("a handle")
}

fn one_address(node: &str, holder: Option<&str>) -> Assign {
    let node = NodeName::new(node).expect("a node name");
    Assign {
        handle: holder.map(handle),
        v4: Wanted {
            count: 1,
            ..Wanted::default()
        },
        ..Assign::workload(node, handle("nobody"))
    }
}

/// Begins an assignment of ours.
pub(crate) fn assigning(
    world: &World,
    dropped: Dropped,
    node: &str,
    holder: &str,
) -> Process<Result<Grant, AllocatorError>> {
    let request = one_address(node, Some(holder));
    world.ours(dropped, |ours| async move {
        ours.assign(&request, &Hint::default()).await
    })
}

/// Begins an assignment of ours without a handle.
pub(crate) fn assigning_to_nobody(
    world: &World,
    dropped: Dropped,
    node: &str,
) -> Process<Result<Grant, AllocatorError>> {
    let request = one_address(node, None);
    world.ours(dropped, |ours| async move {
        ours.assign(&request, &Hint::default()).await
    })
}

/// Begins an assignment of ours that judges so whether what it read still stands.
pub(crate) fn assigning_judged(
    world: &World,
    judged: Judged,
    node: &str,
    holder: &str,
) -> Process<Result<Grant, AllocatorError>> {
    let request = one_address(node, Some(holder));
    world.ours_judged(NOTHING, judged, |ours| async move {
        ours.assign(&request, &Hint::default()).await
    })
}

/// Assigns, and must get something.
#[track_caller]
pub(crate) fn assign(world: &World, node: &str, holder: &str) -> Grant {
    let granted = assigning(world, NOTHING, node, holder).finish();
    granted.unwrap_or_else(|error| panic!("{holder}: {error}"))
}

/// Begins a release of ours by handle.
pub(crate) fn releasing(
    world: &World,
    dropped: Dropped,
    holder: &str,
) -> Process<Result<Released, AllocatorError>> {
    let request = ReleaseHandle {
        handle: handle(holder),
        interface: None,
        aliases: Vec::new(),
    };
    world.ours(dropped, |ours| async move {
        ours.release_by_handle(&request, &Hint::default()).await
    })
}

#[track_caller]
pub(crate) fn release(world: &World, holder: &str) {
    releasing(world, NOTHING, holder)
        .finish()
        .expect("released");
}

/// Begins a release of ours of what a grant gave, with or without its sequence number.
pub(crate) fn collecting(
    world: &World,
    dropped: Dropped,
    granted: &Grant,
    holder: &str,
    sequence: Option<u64>,
) -> Process<()> {
    let request = vec![ReleaseAddress {
        address: granted.addresses[0].address,
        handle: Some(handle(holder)),
        sequence,
    }];
    world.ours(dropped, |ours| async move {
        // A refusal is an answer, too: what stands in the records is judged.
        drop(ours.release_addresses(&request).await);
    })
}

/// Begins to give up the empty blocks of a node.
pub(crate) fn surrendering(
    world: &World,
    dropped: Dropped,
    node: &str,
) -> Process<Result<Surrendered, AllocatorError>> {
    let request = Surrender {
        which: Which::Owner(owner(node)),
        in_use: InUse::Keep,
    };
    world.ours(
        dropped,
        |ours| async move { ours.surrender(&request).await },
    )
}

/// Begins an assignment of Calico's.
pub(crate) fn calico_assigning(world: &World, node: &str, holder: &str) -> Process<AutoAssigned> {
    let request = AutoAssign {
        num4: 1,
        host: node.to_owned(),
        usage: "Workload".to_owned(),
        handle: Some(format!("net.{holder}")),
        ..AutoAssign::default()
    };
    world.calico(|calico| async move { calico.auto_assign(&request).await })
}

/// Begins a claim of Calico's.
pub(crate) fn calico_claiming(world: &World, node: &str, block: &str) -> Process<()> {
    let (block, owner) = (block.parse().expect("a block"), format!("host:{node}"));
    world.calico(|calico| async move {
        // A failure is an answer, too.
        drop(calico.claim_affinity(block, &owner).await);
    })
}

/// Begins a release of an affinity of Calico's.
pub(crate) fn calico_surrendering(world: &World, node: &str, block: &str) -> Process<()> {
    use block_ipam_sim::calico::InUse;
    let (block, node) = (block.parse().expect("a block"), node.to_owned());
    world.calico(|calico| async move {
        // A failure is an answer, too.
        drop(calico.release_affinity(block, &node, InUse::Refuse).await);
    })
}

pub(crate) fn writes_block(write: &Write) -> bool {
    write.key().contains("/assignment/")
}

pub(crate) fn writes_handle(write: &Write) -> bool {
    write.key().contains("/handle/")
}

pub(crate) fn puts(write: &Write, text: &str) -> bool {
    matches!(write, Write::Put(_, value) if String::from_utf8_lossy(value).contains(text))
}

/// The block that a claim is about to write.
pub(crate) fn block_of(writes: &[Write]) -> String {
    let key = writes
        .iter()
        .find(|write| writes_block(write))
        .expect("a block")
        .key();
    key.rsplit('/')
        .next()
        .unwrap_or_default()
        .replacen('-', "/", 1)
}
