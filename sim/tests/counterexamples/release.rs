//! Addresses and blocks that are given back.

use crate::gate::{Dropped, NOTHING};
use crate::records::Records;
use crate::steps::{
    affinity_key, assign, calico_assigning, calico_claiming, collecting, node, pool, release,
    releasing, surrendering, writes_block, writes_handle,
};
use crate::world::World;

/// An old copy of the block loses what was assigned meanwhile.
pub(crate) fn x14(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    assign(world, "n1", "h1");
    let mut late = releasing(world, dropped, "h1");
    late.until_commit();
    assign(world, "n1", "h2");
    late.finish().expect("released");
    Records::of(world).lost("h2")
}

/// The handle is deleted though Calico counted it up for another block.
pub(crate) fn x15(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 31, false);
    node(world, "n2");
    assign(world, "n1", "h1");
    assign(world, "n2", "h2");
    let mut late = releasing(world, dropped, "h1");
    late.until_commit();
    let mut calico = calico_assigning(world, "n2", "h1");
    calico.until(writes_handle);
    calico.until(writes_block);
    late.finish().expect("released");
    calico.finish();
    Records::of(world).p5()
}

/// As X14, by address.
pub(crate) fn x16(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    let granted = assign(world, "n1", "h1");
    let mut late = collecting(world, dropped, &granted, "h1", None);
    late.until_commit();
    assign(world, "n1", "h2");
    late.finish();
    Records::of(world).lost("h2")
}

/// As X15, by address.
pub(crate) fn x17(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 31, false);
    node(world, "n2");
    let granted = assign(world, "n1", "h1");
    assign(world, "n2", "h2");
    let mut late = collecting(world, dropped, &granted, "h1", None);
    late.until_commit();
    let mut calico = calico_assigning(world, "n2", "h1");
    calico.until(writes_handle);
    calico.until(writes_block);
    late.finish();
    calico.finish();
    Records::of(world).p5()
}

/// What a collection compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compares {
    Sequence,
    HandleAlone,
}

/// The handle released the address and got it again before the collection of the first time comes.
pub(crate) fn x18(world: &World, compares: Compares) -> Vec<String> {
    pool(world, "a", "10.0.0.0/32", 32, false);
    let granted = assign(world, "n1", "h1");
    let first = Records::of(world);
    let block = first.blocks.values().next().expect("a block");
    let sequence = block["sequenceNumberForAllocation"]["0"].as_u64();
    assert!(sequence.is_some());
    release(world, "h1");
    assign(world, "n1", "h1");
    let sequence = sequence.filter(|_| compares == Compares::Sequence);
    collecting(world, NOTHING, &granted, "h1", sequence).finish();
    Records::of(world).lost("h1")
}

/// The empty block that is deleted gave an address meanwhile.
pub(crate) fn x19(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    assign(world, "n1", "h1");
    release(world, "h1");
    let mut late = surrendering(world, dropped, "n1");
    late.until(writes_block);
    assign(world, "n1", "h2");
    drop(late.finish());
    Records::of(world).lost("h2")
}

/// Calico confirms an affinity that was absent.
pub(crate) fn x20(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    node(world, "n1");
    assign(world, "n1", "h1");
    release(world, "h1");
    world.delete(&affinity_key("n1", "10.0.0.0/30"));
    let mut late = surrendering_block(world, dropped);
    late.until(writes_block);
    calico_claiming(world, "n1", "10.0.0.0/30").finish();
    late.finish();
    Records::of(world).confirmed()
}

fn surrendering_block(world: &World, dropped: Dropped) -> crate::world::Process<()> {
    use block_ipam::affinity::surrender::{InUse, Surrender, Which};
    let request = Surrender {
        which: Which::Block("10.0.0.0/30".parse().expect("a block")),
        in_use: InUse::Keep,
    };
    world.ours(dropped, |ours| async move {
        // A refusal is an answer, too.
        drop(ours.surrender(&request).await);
    })
}
