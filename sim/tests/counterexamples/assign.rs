//! Assignments from blocks that stand: own ones and borrowed ones.

use crate::gate::Dropped;
use crate::records::Records;
use crate::steps::{
    assign, assigning, calico_assigning, calico_surrendering, node, pool, puts, release, strict,
    writes_block, writes_handle,
};
use crate::world::World;

/// An old copy of the block brings a released entry back.
pub(crate) fn x1(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    assign(world, "n1", "h1");
    let mut late = assigning(world, dropped, "n1", "h2");
    late.until_commit();
    release(world, "h1");
    late.finish().expect("granted");
    Records::of(world).p5()
}

/// Two requests of one handle meet in it alone.
pub(crate) fn x2(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 31, false);
    assign(world, "n1", "h8");
    assign(world, "n2", "h9");
    let mut late = assigning(world, dropped, "n1", "h1");
    late.until_commit();
    let first = assign(world, "n2", "h1");
    let second = late.finish().expect("granted");
    let mut faults = Records::of(world).p5();
    if first.addresses[0].address != second.addresses[0].address {
        faults.push("p7: two answers".to_owned());
    }
    faults
}

/// A pool that was disabled meanwhile still gives.
pub(crate) fn x3(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    assign(world, "n1", "h1");
    let mut late = assigning(world, dropped, "n1", "h2");
    late.until_commit();
    pool(world, "a", "10.0.0.0/30", 30, true);
    match late.finish() {
        Ok(_) => vec!["p2: granted in a disabled pool".to_owned()],
        Err(_) => Vec::new(),
    }
}

/// A grant stands in a block that is marked for deletion.
pub(crate) fn x4(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    node(world, "n1");
    assign(world, "n1", "h1");
    release(world, "h1");
    let mut late = assigning(world, dropped, "n1", "h2");
    late.until_commit();
    let mut calico = calico_surrendering(world, "n1", "10.0.0.0/30");
    calico.until(|write| puts(write, "pendingDeletion"));
    calico.one_more();
    late.finish().expect("granted");
    let records = Records::of(world);
    calico.finish();
    records.owned(Some("confirmed"))
}

/// Calico counts the handle up, is refused at the block, and counts down what is another's by now.
pub(crate) fn x12(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    node(world, "n1");
    assign(world, "n1", "h0");
    let mut late = assigning(world, dropped, "n2", "h1");
    late.until_commit();
    let mut calico = calico_assigning(world, "n1", "h1");
    calico.until(writes_handle);
    calico.until(writes_block);
    late.finish().expect("granted");
    // It is refused and takes its count back; it dies before it tries again.
    calico.one_more();
    calico.until(writes_handle);
    calico.one_more();
    Records::of(world).p5()
}

/// Affinity became strict meanwhile.
pub(crate) fn x13(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    assign(world, "n1", "h0");
    let mut late = assigning(world, dropped, "n2", "h1");
    late.until_commit();
    strict(world, 1);
    match late.finish() {
        Ok(_) => vec!["p8: borrowed under strict affinity".to_owned()],
        Err(_) => Vec::new(),
    }
}
