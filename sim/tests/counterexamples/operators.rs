//! Pools that are created and deleted beside others at work.

use block_ipam::datastore::Write;
use block_ipam::ids::ResourceName;
use block_ipam::resources::plans::pool_delete::Delete;
use block_ipam::resources::plans::{Mode, Put, put_pool};
use block_ipam::resources::{Metadata, PoolSpec};

use crate::gate::{Dropped, NOTHING};
use crate::records::Records;
use crate::steps::{calico_claiming, node, pool, writes_block};
use crate::world::{Process, World};

const KEY: &str = "/calico/resources/v3/projectcalico.org/ippools/a";

fn creating(
    world: &World,
    dropped: Dropped,
    name: &str,
    cidr: &str,
    block_size: u8,
) -> Process<()> {
    let spec = PoolSpec {
        metadata: Metadata {
            name: name.to_owned(),
            ..Metadata::default()
        },
        cidr: Some(cidr.to_owned()),
        block_size: Some(block_size.into()),
        ..PoolSpec::default()
    };
    let request = Put {
        value: spec.pool().expect("a pool"),
        mode: Mode::Create,
        expected: None,
    };
    world.ours(dropped, |ours| async move {
        // A refusal is an answer, too.
        drop(
            ours.run(|view, context| put_pool(view, &request, context))
                .await,
        );
    })
}

fn deleting(world: &World, dropped: Dropped) -> Process<()> {
    let request = Delete {
        name: ResourceName::new("a").expect("a name"),
        expected: None,
    };
    world.ours(dropped, |ours| async move {
        // A refusal is an answer, too.
        drop(ours.delete_pool(&request).await);
    })
}

fn deletes_pool(write: &Write) -> bool {
    matches!(write, Write::Delete(key) if key == KEY)
}

/// Two pools over the same addresses.
pub(crate) fn x25(world: &World, dropped: Dropped) -> Vec<String> {
    let mut late = creating(world, dropped, "a", "10.0.0.0/29", 30);
    late.until_commit();
    creating(world, NOTHING, "b", "10.0.0.0/28", 30).finish();
    late.finish();
    Records::of(world).p3()
}

/// What of a claim of Calico's is there when our commit comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claimed {
    TheAffinity,
    TheBlock,
}

/// A claim of Calico's in a pool that is gone makes a block of another size.
pub(crate) fn x26(world: &World, dropped: Dropped) -> Vec<String> {
    x26_when(world, dropped, Claimed::TheBlock)
}

/// The same, where the affinity is there when the pool comes, and the block is not yet.
pub(crate) fn x26_by_the_affinity(world: &World, dropped: Dropped) -> Vec<String> {
    x26_when(world, dropped, Claimed::TheAffinity)
}

fn x26_when(world: &World, dropped: Dropped, claimed: Claimed) -> Vec<String> {
    pool(world, "old", "10.0.0.0/30", 31, false);
    node(world, "n1");
    let mut calico = calico_claiming(world, "n1", "10.0.0.0/31");
    calico.until_commit();
    world.delete("/calico/resources/v3/projectcalico.org/ippools/old");
    let mut late = creating(world, dropped, "a", "10.0.0.0/30", 30);
    late.until_commit();
    calico.one_more();
    if claimed == Claimed::TheBlock {
        calico.until(writes_block);
        calico.one_more();
    }
    late.finish();
    calico.finish();
    let records = Records::of(world);
    if records.pools.is_empty() {
        Vec::new()
    } else {
        records.p2()
    }
}

/// The pool was enabled meanwhile.
pub(crate) fn x27(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, true);
    let mut late = deleting(world, dropped);
    late.until(deletes_pool);
    pool(world, "a", "10.0.0.0/30", 30, false);
    late.finish();
    let is_gone = Records::of(world).pools.is_empty();
    if is_gone {
        vec!["an enabled pool is gone".to_owned()]
    } else {
        Vec::new()
    }
}

/// A claim of Calico's in flight makes a block in the pool that is deleted.
pub(crate) fn x28(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    node(world, "n1");
    let mut calico = calico_claiming(world, "n1", "10.0.0.0/30");
    calico.until_commit();
    let mut late = deleting(world, dropped);
    late.until(deletes_pool);
    calico.until(writes_block);
    calico.one_more();
    late.finish();
    Records::of(world).p2()
}
