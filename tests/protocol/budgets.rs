//! What requests cost, counted at the port.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use async_trait::async_trait;
use block_ipam::allocator::Hint;
use block_ipam::assign::Grant;
use block_ipam::datastore::port::{Range, Span};
use block_ipam::datastore::{Commit, Datastore, DatastoreError, Read, Snapshot, Txn};

use crate::world::{World, now};
use crate::{release, request};

fn hint_of(grant: &Grant) -> Hint {
    Hint {
        blocks: grant.blocks(),
        ..Hint::default()
    }
}

fn dual_stack() -> World {
    let world = World::new(1);
    world.pool("v4", "10.64.0.0/16", 26);
    world.pool("v6", "fd00:64::/64", 122);
    world
}

#[test]
fn requests_cost_what_the_budget_says() {
    for (v4, v6) in [(1, 0), (0, 1), (1, 1)] {
        let world = dual_stack();
        let allocator = world.allocator();
        let cold = now(allocator.assign(&request("n1", "c1", v4, v6), &Hint::default()));
        assert_eq!(world.requests(), (2, 1), "first block of a node");
        let hint = hint_of(&cold.expect("granted"));
        let warm = now(allocator.assign(&request("n1", "c2", v4, v6), &hint)).expect("granted");
        assert_eq!(world.requests(), (1, 1), "room in the hinted block");
        let other = world.allocator();
        now(other.assign(&request("n1", "c3", v4, v6), &Hint::default())).expect("granted");
        assert_eq!(
            world.requests(),
            (2, 1),
            "room, without a hint, in another process"
        );
        now(other.assign(&request("n1", "c4", v4, v6), &Hint::default())).expect("granted");
        assert_eq!(world.requests(), (1, 1), "room, as this process remembers");
        let again = now(allocator.assign(&request("n1", "c2", v4, v6), &hint)).expect("granted");
        assert_eq!(world.requests(), (1, 0), "a repeated request");
        assert_eq!(again.addresses, warm.addresses, "p7");
        assert!(again.repeated);
        now(allocator.release_by_handle(&release("c2"), &hint)).expect("released");
        assert_eq!(world.requests(), (1, 1), "release with a hint");
        now(allocator.release_by_handle(&release("c3"), &Hint::default())).expect("released");
        assert_eq!(world.requests(), (2, 1), "release without a hint");
        now(allocator.release_by_handle(&release("c3"), &hint)).expect("released");
        assert_eq!(world.requests(), (1, 0), "nothing to release");
    }
}

#[test]
fn a_claim_costs_the_same_however_many_blocks_there_are() {
    let world = dual_stack();
    let allocator = world.allocator();
    for node in 0..700 {
        now(allocator.assign(
            &request(&format!("n{node}"), &format!("c{node}"), 1, 0),
            &Hint::default(),
        ))
        .expect("granted");
        let requests = world.requests();
        assert!(
            requests.0 <= 2 && requests.1 == 1,
            "node {node}: {requests:?}"
        );
    }
}

#[test]
fn a_refusal_by_a_pool_wholly_in_use_takes_three_reads() {
    let world = World::new(2);
    world.pool("v4", "10.64.0.0/20", 26);
    let allocator = world.allocator();
    for node in 0..64 {
        let mut all = request(&format!("n{node}"), &format!("c{node}"), 64, 0);
        all.interface = None;
        now(allocator.assign(&all, &Hint::default())).expect("granted");
    }
    world.requests();
    let refused = now(allocator.assign(&request("late", "c", 1, 0), &Hint::default()));
    let text = refused.expect_err("the pool is full").to_string();
    assert_eq!(
        text,
        "no IPv4 address is left: wanted 1, found 0; pool v4 (10.64.0.0/20) has 64 blocks, 64 of others or without an owner"
    );
    assert_eq!(world.requests(), (3, 0));
}

/// A pool of 1 024 blocks, all of others, as large as Calico writes them without attributes or with all of them.
fn pool_of_others(attributes: bool) -> World {
    let world = World::new(5);
    world.pool("v4", "10.64.0.0/16", 26);
    for index in 0..1_024 {
        let (third, fourth) = (index / 4, index % 4 * 64);
        world.put(
            &format!("/calico/ipam/v2/assignment/ipv4/block/10.64.{third}.{fourth}-26"),
            &block_of_other(&format!("10.64.{third}.{fourth}/26"), attributes, 64),
        );
    }
    world
}

/// A block of another node whose first addresses are held.
fn block_of_other(cidr: &str, attributes: bool, held: usize) -> String {
    let list = |all: &mut dyn Iterator<Item = String>| all.collect::<Vec<_>>().join(",");
    let slot = |ordinal: usize| match (ordinal < held, attributes) {
        (false, _) => "null".to_owned(),
        (true, true) => ordinal.to_string(),
        (true, false) => "0".to_owned(),
    };
    let attribute = |ordinal: usize| {
        format!(
            r#"{{"handle_id":"k8s-pod-network.{ordinal:064}","secondary":{{"namespace":"shop","node":"other","pod":"web-{ordinal}","timestamp":"2026-01-01 00:00:00.5 +0000 UTC"}}}}"#
        )
    };
    let attributes = if attributes {
        list(&mut (0..held).map(attribute))
    } else {
        "{}".to_owned()
    };
    format!(
        r#"{{"cidr":"{cidr}","affinity":"host:other","affinity_claim_time":"2026-01-01T00:00:00Z","allocations":[{}],"unallocated":[{}],"attributes":[{attributes}],"sequenceNumber":1772442895123456789,"sequenceNumberForAllocation":{{}},"deleted":false}}"#,
        list(&mut (0..64).map(slot)),
        list(&mut (held..64).map(|ordinal| ordinal.to_string())),
    )
}

#[test]
fn a_pool_of_a_thousand_blocks_is_searched_in_full_pages() {
    for (attributes, most) in [(false, 3), (true, 7)] {
        let world = pool_of_others(attributes);
        let allocator = world.allocator();
        let late = |node: &str, container: &str| {
            now(allocator.assign(&request(node, container, 1, 0), &Hint::default()))
        };
        for node in ["late", "later", "latest"] {
            late(node, "c").expect_err("the pool is full");
            let (reads, _) = world.requests();
            assert!(reads <= most, "refusal of {node}: {reads} reads");
            late(node, "c").expect_err("the pool is full");
            assert_eq!(world.requests(), (1, 0), "the same again");
        }
        world.put(
            "/calico/ipam/v2/assignment/ipv4/block/10.64.77.64-26",
            &block_of_other("10.64.77.64/26", attributes, 63),
        );
        late("late", "c").expect("borrowed");
        let (reads, commits) = world.requests();
        assert!(reads <= most && commits == 1, "borrowing: {reads} reads");
    }
}

/// With the candidates come their neighbours: of 20 nodes hardly one needs to look further.
#[test]
fn a_claim_in_a_pool_that_is_nearly_claimed_takes_two_reads() {
    let world = pool_of_others(false);
    for index in 0..51 {
        let block = index * 20 + 3;
        let (third, fourth) = (block / 4, block % 4 * 64);
        world.delete(&format!(
            "/calico/ipam/v2/assignment/ipv4/block/10.64.{third}.{fourth}-26"
        ));
    }
    let allocator = world.allocator();
    let mut more = 0;
    for index in 0..20 {
        let request = request(&format!("n{index}"), &format!("c{index}"), 1, 0);
        now(allocator.assign(&request, &Hint::default())).expect("a block is free");
        let (reads, commits) = world.requests();
        assert_eq!(commits, 1);
        assert!(reads <= 3, "n{index}: {reads} reads");
        more += reads - 2;
    }
    assert!(more <= 1, "{more} nodes needed a third read");
}

/// Remembers how many blocks with their content each read brought that asked for many.
#[derive(Debug)]
struct Pages {
    store: Arc<dyn Datastore>,
    brought: Mutex<Vec<usize>>,
}

#[async_trait]
impl Datastore for Pages {
    async fn read(&self, read: Read) -> Result<Snapshot, DatastoreError> {
        let snapshot = self.store.read(read.clone()).await?;
        let found = read.ranges.iter().zip(&snapshot.found);
        let is_page = |range: &Range| matches!(range.span, Span::Between(..)) && !range.keys_only;
        let pages = found.filter(|(range, _)| is_page(range));
        let blocks = pages.map(|(_, found)| found.entries.len()).sum();
        self.brought.lock().expect("unpoisoned").push(blocks);
        Ok(snapshot)
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, DatastoreError> {
        self.store.commit(txn).await
    }
}

/// The free blocks are all in one place, so that most nodes find none among their candidates and read all keys.
#[test]
fn the_blocks_of_a_pool_are_read_with_its_keys_where_it_is_full_and_not_before() {
    for (free, nodes, most) in [(52, 12, 0), (1, 1, 0), (0, 3, 1_024)] {
        let world = pool_of_others(false);
        for block in 0..free {
            let (third, fourth) = (block / 4, block % 4 * 64);
            world.delete(&format!(
                "/calico/ipam/v2/assignment/ipv4/block/10.64.{third}.{fourth}-26"
            ));
        }
        let mut looked_further = 0;
        for index in 0..nodes {
            let pages = Arc::new(Pages {
                store: Arc::clone(&world.network) as Arc<dyn Datastore>,
                brought: Mutex::default(),
            });
            let allocator = world.allocator_on(Arc::clone(&pages) as Arc<dyn Datastore>);
            let request = request(&format!("n{index}"), "c", 1, 0);
            let granted = now(allocator.assign(&request, &Hint::default()));
            assert_eq!(granted.is_ok(), 0 < free, "{free} free");
            if granted.is_ok() {
                now(allocator.release_by_handle(&release("c"), &Hint::default()))
                    .expect("released");
            }
            let brought = pages.brought.lock().expect("unpoisoned");
            assert_eq!(
                brought.iter().max(),
                Some(&most),
                "{free} free: {brought:?}"
            );
            looked_further += usize::from(3 <= brought.len());
        }
        assert!(0 < looked_further, "{free} free");
    }
}

/// 1 024 blocks are two pages; each other kind of record is one.
#[test]
fn a_report_reads_pages_and_no_record_by_itself() {
    let world = pool_of_others(false);
    let allocator = world.allocator();
    now(allocator.check()).expect("a report");
    let (check, commits) = world.requests();
    now(allocator.usage()).expect("a report");
    let (usage, _) = world.requests();
    assert_eq!(commits, 0);
    assert!(check <= 14, "check: {check} reads");
    assert!(usage <= 6, "usage: {usage} reads");
}

#[test]
fn the_keys_of_a_large_pool_that_is_nearly_claimed_are_read_in_pages() {
    let world = World::new(6);
    world.pool("v4", "10.0.0.0/11", 26);
    let key = |index: usize| {
        let (second, third, fourth) = (index / 1_024, index / 4 % 256, index % 4 * 64);
        format!("/calico/ipam/v2/assignment/ipv4/block/10.{second}.{third}.{fourth}-26")
    };
    for index in 0..32 * 1_024 {
        world.put(&key(index), "{}");
    }
    world.delete(&key(20_480));
    let request = request("n1", "c1", 1, 0);
    let grant = now(world.allocator().assign(&request, &Hint::default())).expect("one is free");
    assert_eq!(grant.addresses[0].block.to_string(), "10.20.0.0/26");
    assert_eq!(world.requests(), (4, 1), "two pages of keys");
}

/// A store refuses a transaction of more than 120 guards.
#[test]
fn a_request_for_many_small_blocks_is_cut_into_transactions_that_a_store_takes() {
    let world = World::new(3);
    world.pool("v4", "10.64.0.0/24", 32);
    world.pool("v6", "fd00:64::/120", 128);
    let allocator = world.allocator();
    let mut many = request("n1", "c1", 18, 18);
    many.max_blocks = 20;
    let grant = now(allocator.assign(&many, &Hint::default())).expect("granted");
    assert_eq!(grant.addresses.len(), 36);
    let (_, commits) = world.requests();
    assert!(1 < commits, "{commits} commits for 36 blocks");
}

/// The refusal tells what was created; the claim goes on with that and reads nothing again.
#[test]
fn a_claim_refused_for_a_new_neighbour_goes_on_without_another_read() {
    for node in ["n2", "n3", "n4", "n5", "n6"] {
        claim_beside(node);
    }
}

/// One commit more where the neighbour is another block, two where it is the one that was chosen.
fn claim_beside(node: &str) {
    let world = World::new(4);
    world.pool("v4", "10.64.0.0/24", 26);
    let (slow, quick) = (world.allocator(), world.allocator());
    let (first, second) = (request("n1", "c1", 1, 0), request(node, "c2", 1, 0));
    let hint = Hint::default();
    let mut claim = Box::pin(slow.assign(&first, &hint));
    let mut context = Context::from_waker(Waker::noop());
    while world.network.commits.load(Ordering::Relaxed) == 0 {
        assert!(claim.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(world.requests(), (2, 1), "on its way to the store");
    let neighbour = now(quick.assign(&second, &hint)).expect("granted");
    assert_eq!(world.requests(), (2, 1));
    let granted = now(claim).expect("granted");
    let (reads, commits) = world.requests();
    assert_eq!(reads, 0, "decided anew, not read anew");
    assert!((1..=2).contains(&commits), "{node}: {commits} commits");
    assert_ne!(granted.addresses[0].block, neighbour.addresses[0].block);
}
