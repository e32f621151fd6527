//! Half states that are set right while Calico is still at work on them.

use std::collections::BTreeSet;
use std::time::Duration;

use block_ipam::affinity::repair::Standing;
use block_ipam::assign::repair_handle::RepairCounts;
use block_ipam::ids::HandleId;
use block_ipam::revision::Revision;
use block_ipam_sim::calico::AutoAssigned;

use crate::gate::{Dropped, NOTHING};
use crate::records::Records;
use crate::steps::{
    affinity, affinity_key, assign, assigning, calico_assigning, calico_claiming,
    calico_surrendering, node, owner, pool, puts, release, writes_block, writes_handle,
};
use crate::world::{Process, World};

const BLOCK: &str = "10.0.0.0/30";

fn confirming(world: &World, dropped: Dropped) -> Process<()> {
    let (owner, block) = (owner("n1"), BLOCK.parse().expect("a block"));
    world.ours(dropped, |ours| async move {
        // A refusal is an answer, too.
        drop(ours.confirm_affinity(&owner, block).await);
    })
}

/// What a look long ago saw of a record that has not changed since.
fn standing(world: &World, key: &str, seconds: u64) -> Standing {
    let found = world.entries().into_iter().find(|entry| entry.key == key);
    Standing {
        revision: found.map_or(Revision(0), |entry| entry.modified),
        unchanged_for: Duration::from_secs(seconds),
    }
}

fn repairing(world: &World, dropped: Dropped, seconds: u64) -> Process<()> {
    let request = RepairCounts {
        handle: HandleId::new("net.h1").expect("a handle"),
        standing: Some(standing(world, "/calico/ipam/v2/handle/net.h1", seconds)),
        blocks: BTreeSet::new(),
    };
    world.ours(dropped, |ours| async move {
        // A refusal is an answer, too.
        drop(ours.repair_counts(&request).await);
    })
}

/// An old copy of the block loses what Calico assigned meanwhile, which had read the affinity before it was marked.
pub(crate) fn x21(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", BLOCK, 30, false);
    node(world, "n1");
    assign(world, "n1", "h1");
    release(world, "h1");
    let mut calico = calico_assigning(world, "n1", "h2");
    calico.until(writes_block);
    let mut marking = calico_surrendering(world, "n1", BLOCK);
    marking.until(|write| puts(write, "pendingDeletion"));
    marking.one_more();
    let mut late = confirming(world, dropped);
    late.until_commit();
    calico.finish();
    late.finish();
    Records::of(world).lost("h2")
}

/// Without a write of the block Calico's deletion of it still fits.
pub(crate) fn x22(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", BLOCK, 30, false);
    node(world, "n1");
    assign(world, "n1", "h1");
    release(world, "h1");
    let mut calico = calico_surrendering(world, "n1", BLOCK);
    calico.until(writes_block);
    confirming(world, dropped).finish();
    calico.one_more();
    Records::of(world).confirmed()
}

/// Calico has counted an address for `h1` up, and is about to write the block; `h0` has one.
fn calico_counted(world: &World) -> Process<AutoAssigned> {
    pool(world, "a", BLOCK, 30, false);
    node(world, "n1");
    assign(world, "n1", "h0");
    let mut calico = calico_assigning(world, "n1", "h1");
    calico.until(writes_handle);
    calico.until(writes_block);
    calico
}

/// Without a write of the block Calico's assignment still fits, whose count was taken.
pub(crate) fn x23(world: &World, dropped: Dropped) -> Vec<String> {
    let calico = calico_counted(world);
    repairing(world, dropped, 16 * 60).finish();
    calico.finish();
    Records::of(world).p5()
}

/// A count that stands for an assignment on its way is lowered; ours adds its own; Calico's undo takes that.
pub(crate) fn x24(world: &World, seconds: u64) -> Vec<String> {
    let mut calico = calico_counted(world);
    repairing(world, NOTHING, seconds).finish();
    assigning(world, NOTHING, "n1", "h1")
        .finish()
        .expect("granted");
    // It is refused and takes its count back; it dies before it tries again.
    calico.one_more();
    calico.until(writes_handle);
    calico.one_more();
    Records::of(world).p5()
}

/// The affinity of a claim in flight is dropped after its block was made.
pub(crate) fn x34(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", BLOCK, 30, false);
    node(world, "n1");
    affinity(world, "n1", BLOCK, "pending");
    let mut calico = calico_claiming(world, "n1", BLOCK);
    calico.until(|write| puts(write, "pending"));
    calico.until(writes_block);
    let (owner, block) = (owner("n1"), BLOCK.parse().expect("a block"));
    let standing = standing(world, &affinity_key("n1", BLOCK), 180);
    let mut late = world.ours(dropped, |ours| async move {
        // A refusal is an answer, too.
        drop(ours.drop_affinity(&owner, block, Some(standing)).await);
    });
    late.until_commit();
    calico.one_more();
    late.finish();
    Records::of(world).owned(None)
}
