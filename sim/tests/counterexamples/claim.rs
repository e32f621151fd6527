//! Blocks that are claimed or reclaimed.

use crate::gate::Dropped;
use crate::records::Records;
use crate::steps::{
    affinity, affinity_key, assign, assigning, block_of, calico_assigning, calico_claiming,
    calico_surrendering, cluster, node, node_key, pool, puts, release, strict,
};
use crate::world::World;

/// The limit was lowered meanwhile.
pub(crate) fn x5(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 31, false);
    strict(world, 2);
    for holder in ["h1", "h2"] {
        assign(world, "n1", holder);
    }
    let mut late = assigning(world, dropped, "n1", "h3");
    late.until_commit();
    strict(world, 1);
    drop(late.finish());
    Records::of(world).p9("n1", 1)
}

/// The node was deleted meanwhile.
pub(crate) fn x6(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 31, false);
    cluster(world);
    node(world, "n1");
    let mut late = assigning(world, dropped, "n1", "h1");
    late.until_commit();
    world.delete(&node_key("n1"));
    drop(late.finish());
    let records = Records::of(world);
    let owned = records
        .affinities
        .keys()
        .filter(|(node, _)| !records.nodes.contains(node));
    owned
        .map(|(node, block)| format!("{node} is deleted and owns {block}"))
        .collect()
}

/// The node got another block meanwhile.
pub(crate) fn x7(world: &World, dropped: Dropped) -> Vec<String> {
    // Blocks so far apart that the range around the one does not hold the other.
    pool(world, "a", "10.0.0.0/23", 24, false);
    node(world, "n1");
    strict(world, 1);
    let mut late = assigning(world, dropped, "n1", "h1");
    let block = block_of(&late.until_commit());
    let blocks = ["10.0.0.0/24", "10.0.1.0/24"];
    let other = blocks
        .into_iter()
        .find(|other| *other != block)
        .expect("two");
    calico_claiming(world, "n1", other).finish();
    drop(late.finish());
    Records::of(world).p9("n1", 1)
}

/// Two nodes claim one block.
pub(crate) fn x8(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    let mut late = assigning(world, dropped, "n1", "h1");
    late.until_commit();
    assign(world, "n2", "h2");
    drop(late.finish());
    Records::of(world).lost("h2")
}

/// Calico makes a block of a forgotten affinity anew, inside the candidate.
pub(crate) fn x9(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    node(world, "n1");
    affinity(world, "n1", "10.0.0.2/31", "confirmed");
    let mut late = assigning(world, dropped, "n2", "h2");
    late.until_commit();
    calico_assigning(world, "n1", "h1").finish();
    drop(late.finish());
    Records::of(world).p3()
}

/// The empty block that is taken away gave an address meanwhile.
pub(crate) fn x10(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    assign(world, "n2", "h1");
    release(world, "h1");
    world.pass(61);
    let mut late = assigning(world, dropped, "n1", "h1");
    late.until_commit();
    assign(world, "n2", "h2");
    drop(late.finish());
    Records::of(world).lost("h2")
}

/// Calico makes the affinity of the former owner anew, and confirms it afterwards.
pub(crate) fn x11(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    node(world, "n1");
    assign(world, "n1", "h1");
    release(world, "h1");
    world.delete(&affinity_key("n1", "10.0.0.0/30"));
    world.pass(61);
    let mut late = assigning(world, dropped, "n2", "h2");
    late.until_commit();
    let mut calico = calico_claiming(world, "n1", "10.0.0.0/30");
    calico.until(|write| puts(write, "confirmed"));
    drop(late.finish());
    calico.finish();
    Records::of(world).confirmed()
}

/// Calico alone: its claim sees the block its own, its release deletes it, its claim confirms.
pub(crate) fn x29(world: &World) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    node(world, "n1");
    calico_claiming(world, "n1", "10.0.0.0/30").finish();
    let mut release = calico_surrendering(world, "n1", "10.0.0.0/30");
    release.until(crate::steps::writes_block);
    let mut claim = calico_claiming(world, "n1", "10.0.0.0/30");
    claim.until(|write| puts(write, "confirmed"));
    release.one_more();
    claim.finish();
    Records::of(world).confirmed()
}
