//! Commits that come late, and a store that is restored.

use std::collections::BTreeSet;
use std::time::Duration;

use block_ipam::allocator::AllocatorError;
use block_ipam::datastore::Txn;
use block_ipam::ids::HandleId;
use block_ipam::report::Grace;
use block_ipam::report::collect::{Collection, Memory};

use crate::gate::{Dropped, Judged, NOTHING};
use crate::records::Records;
use crate::steps::{
    CONFIG, assign, assigning, assigning_judged, assigning_to_nobody, block_of, pool, release,
    releasing, strict, surrendering,
};
use crate::world::{Process, World};

const GRACE: Grace = Grace {
    leak: Duration::from_secs(120),
    empty_block: Duration::from_secs(120),
};

/// A commit without handle is refused once more for a configuration that goes again, and the next try finds a block to claim.
pub(crate) fn x30(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 31, false);
    assign(world, "n2", "h2");
    assign(world, "n3", "h3");
    let mut request = assigning_to_nobody(world, dropped, "n1");
    let first = block_of(&request.until_commit());
    let late = request.delay();
    strict(world, 1);
    let once_more = request.until_commit();
    assert_eq!(once_more, late.writes);
    request.one_more();
    let fence = request.until_commit();
    assert_eq!((fence.len(), block_of(&fence)), (1, first.clone()));
    request.one_more();
    world.delete(CONFIG);
    let (other, holder) = if owns(world, "n2", &first) {
        ("n3", "h3")
    } else {
        ("n2", "h2")
    };
    give_back(world, other, &[holder]);
    assert_ne!(block_of(&request.until_commit()), first);
    world.arrive(late);
    request.finish().expect("granted");
    Records::of(world).p7()
}

fn owns(world: &World, node: &str, block: &str) -> bool {
    let own = (node.to_owned(), block.to_owned());
    Records::of(world).affinities.contains_key(&own)
}

/// Releases what these hold, and gives up the node's blocks that are empty then.
fn give_back(world: &World, node: &str, holders: &[&str]) {
    holders.iter().for_each(|holder| release(world, holder));
    let surrendered = surrendering(world, NOTHING, node).finish();
    surrendered.expect("surrendered");
}

/// An assignment gives up, its handle is released, and its commit comes.
pub(crate) fn x31(world: &World, dropped: Dropped) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    assign(world, "n1", "h0");
    let late = give_up(world, dropped, "h1");
    world.arrive(late);
    Records::of(world).leaked("h1")
}

/// Gives up an assignment whose commit has no answer, releases what it holds, and returns the commit.
fn give_up(world: &World, dropped: Dropped, holder: &str) -> Txn {
    let mut request = assigning(world, dropped, "n1", holder);
    request.until_commit();
    let late = request.delay();
    world.pass(21);
    let ended = request.finish();
    assert!(
        matches!(ended, Err(AllocatorError::Deadline { .. })),
        "{ended:?}"
    );
    let released = releasing(world, NOTHING, holder).finish();
    assert_eq!(released.expect("released").released, []);
    late
}

/// When another node takes the block that a late commit is to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    BeforeOnceMore,
    AfterOnceMore,
}

/// A claim without handle is late while another node has the block, and comes when it is absent again.
pub(crate) fn x32(world: &World, dropped: Dropped) -> Vec<String> {
    x32_when(world, dropped, Taken::AfterOnceMore)
}

/// The same, where the other node takes the block before or after the commit is sent once more.
pub(crate) fn x32_when(world: &World, dropped: Dropped, taken: Taken) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 31, false);
    assign(world, "n3", "h3");
    let mut request = assigning_to_nobody(world, dropped, "n1");
    request.until_commit();
    let late = request.delay();
    let fill = || ["h4", "h5"].map(|holder| assign(world, "n2", holder));
    if taken == Taken::BeforeOnceMore {
        fill();
    }
    let once_more = request.until_commit();
    assert_eq!(once_more, late.writes);
    request.one_more();
    if taken == Taken::AfterOnceMore {
        fill();
    }
    if !request.has_ended() {
        request.until_commit();
    }
    give_back(world, "n2", &["h4", "h5"]);
    world.arrive(late);
    request.finish().expect("granted");
    Records::of(world).p7()
}

/// As X31, with a claim.
pub(crate) fn x32_giving_up(world: &World) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    let late = give_up(world, NOTHING, "h1");
    assert!(world.arrive(late), "nothing keeps it off");
    Records::of(world).leaked("h1")
}

/// Collects what nobody has, and returns how many addresses that were.
pub(crate) fn collect(world: &World) -> usize {
    let (_, before) = look(world, Memory::default()).finish();
    world.pass(180);
    let (collection, _) = look(world, before).finish();
    let releasing = world.ours(NOTHING, |ours| async move {
        ours.release_addresses(&collection.leaked).await
    });
    releasing.finish().expect("released").released.len()
}

fn look(world: &World, before: Memory) -> Process<(Collection, Memory)> {
    world.ours(NOTHING, |ours| async move {
        let alive: BTreeSet<HandleId> = BTreeSet::new();
        let looked = ours.look(&alive, &before, GRACE).await;
        looked.expect("a look at all blocks").report
    })
}

/// A store goes back to a snapshot, and gives the revision of what was lost to another content.
pub(crate) fn x33(world: &World, judged: Judged) -> Vec<String> {
    pool(world, "a", "10.0.0.0/30", 30, false);
    assign(world, "n1", "h0");
    let snapshot = world.revision();
    assign(world, "n1", "h1");
    let mut late = assigning_judged(world, judged, "n1", "h3");
    late.until_commit();
    let lost = world.revision();
    world.restore(snapshot);
    assign(world, "n1", "h2");
    assert_eq!(world.revision(), lost);
    late.finish().expect("granted");
    Records::of(world).lost("h2")
}
