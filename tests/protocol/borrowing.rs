//! A node that borrows goes on where it found room, until there may be something better.

use std::time::Duration;

use block_ipam::allocator::{Allocator, Hint};
use block_ipam::assign::Grant;
use block_ipam::assign::searched::End;
use block_ipam::blocks::BlockCidr;

use crate::world::{World, now};
use crate::{release, request};

const OPEN: &str = r#"{"auto_allocate_blocks":true}"#;

/// Eighty blocks of four, each of a node of its own. All are full but one, in which three addresses are free.
fn lent() -> World {
    let world = World::new(31);
    world.config(OPEN);
    world.pool("a", "10.64.0.0/23", 30);
    world.pool("b", "10.65.0.0/26", 30);
    let allocator = world.allocator();
    for index in 0..144 {
        let held = if index == 77 { 1 } else { 4 };
        let mut all = request(&format!("n{index}"), &format!("c{index}"), held, 0);
        all.interface = None;
        now(allocator.assign(&all, &Hint::default())).expect("room");
    }
    world
}

fn ask(allocator: &Allocator, node: &str, container: &str) -> Grant {
    now(allocator.assign(&request(node, container, 1, 0), &Hint::default())).expect("room")
}

/// Borrows for the first time, which takes a search.
#[track_caller]
fn search(world: &World, allocator: &Allocator, node: &str, container: &str) -> BlockCidr {
    world.requests();
    let grant = ask(allocator, node, container);
    let (reads, commits) = world.requests();
    assert!(2 < reads && commits == 1, "{reads} reads");
    grant.addresses[0].block
}

fn hint_of(allocator: &Allocator, node: &str, blocks: Vec<BlockCidr>) -> Hint {
    Hint {
        blocks,
        searched: now(allocator.searched(&request(node, "x", 1, 0).node)),
        ..Hint::default()
    }
}

#[test]
fn the_next_address_costs_one_read_and_one_commit() {
    let world = lent();
    let allocator = world.allocator();
    let lender = search(&world, &allocator, "late", "x1");
    let again = ask(&allocator, "late", "x2");
    assert_eq!(world.requests(), (1, 1), "in the same process");
    let hint = hint_of(&allocator, "late", Vec::new());
    let next = world.allocator();
    let third = now(next.assign(&request("late", "x3", 1, 0), &hint)).expect("room");
    assert_eq!(world.requests(), (1, 1), "with the hint of an earlier one");
    for grant in [again, third] {
        assert_eq!(grant.addresses[0].block, lender);
    }
}

#[test]
fn a_node_with_full_blocks_of_its_own_looks_at_these_too() {
    let world = lent();
    let allocator = world.allocator();
    search(&world, &allocator, "n3", "x1");
    ask(&allocator, "n3", "x2");
    assert_eq!(world.requests(), (1, 1));
    let mut own = release("c3");
    own.interface = None;
    now(allocator.release_by_handle(&own, &Hint::default())).expect("released");
    world.requests();
    let grant = ask(&allocator, "n3", "x3");
    assert_eq!(world.requests(), (1, 1));
    assert_eq!(grant.addresses[0].block, own_block(&world, "c3"));
}

/// The block that a container of the node had its addresses in: the one of the node, which is empty now but for one.
fn own_block(world: &World, container: &str) -> BlockCidr {
    let node = container.replace('c', "n");
    let records = world.records();
    let prefix = format!("/calico/ipam/v2/host/{node}/ipv4/block/");
    let key = records.keys().find(|key| key.starts_with(&prefix));
    let block = key.expect("its affinity")[prefix.len()..].replace('-', "/");
    block.parse().expect("a block")
}

#[test]
fn a_node_at_its_limit_of_many_blocks_takes_two_reads() {
    let world = World::new(32);
    world.pool("a", "10.64.0.0/20", 30);
    let allocator = world.allocator();
    let mut all = request("n1", "c1", 80, 0);
    all.interface = None;
    now(allocator.assign(&all, &Hint::default())).expect("twenty blocks");
    ask(&allocator, "n2", "c2");
    let other = world.allocator();
    search(&world, &other, "n1", "x1");
    ask(&other, "n1", "x2");
    let (reads, commits) = world.requests();
    assert!(reads <= 2 && commits == 1, "{reads} reads");
}

#[test]
fn a_block_that_is_full_by_now_is_searched_for_anew() {
    let world = lent();
    let allocator = world.allocator();
    search(&world, &allocator, "late", "x1");
    for container in ["y1", "y2"] {
        ask(&world.allocator(), "other", container);
    }
    let refused = now(allocator.assign(&request("late", "x2", 1, 0), &Hint::default()));
    refused.expect_err("full");
    let mut freed = release("c9");
    freed.interface = None;
    now(world
        .allocator()
        .release_by_handle(&freed, &Hint::default()))
    .expect("released");
    world.requests();
    ask(&allocator, "late", "x3");
    let (_, commits) = world.requests();
    assert_eq!(commits, 1);
}

/// What is done after a node borrowed, and whether the next address comes from a block of its own.
type Change = (&'static str, fn(&World), bool);

#[test]
fn what_may_bring_a_block_of_its_own_ends_it() {
    let changes: [Change; 4] = [
        (
            "a pool is made",
            |world| world.pool("new", "10.67.0.0/26", 30),
            true,
        ),
        (
            "a block is free, and a minute is over",
            |world| {
                world.delete("/calico/ipam/v2/assignment/ipv4/block/10.64.0.8-30");
                world.clock.advance(Duration::from_secs(61));
            },
            true,
        ),
        (
            "the lender is empty, and old enough to be taken over",
            |world| {
                world.clock.advance(Duration::from_secs(59));
                for container in ["c77", "x1"] {
                    let mut all = release(container);
                    all.interface = None;
                    let released = world.allocator();
                    now(released.release_by_handle(&all, &Hint::default())).expect("released");
                }
                world.clock.advance(Duration::from_secs(1));
            },
            true,
        ),
        ("nothing", |_| {}, false),
    ];
    for (name, change, becomes_own) in changes {
        let world = lent();
        let allocator = world.allocator();
        search(&world, &allocator, "late", "x1");
        change(&world);
        ask(&allocator, "late", "x2");
        let owns = world
            .records()
            .keys()
            .any(|key| key.starts_with("/calico/ipam/v2/host/late/"));
        assert_eq!(owns, becomes_own, "{name}");
    }
}

#[test]
fn strict_affinity_that_is_switched_on_ends_it() {
    let world = lent();
    let allocator = world.allocator();
    search(&world, &allocator, "late", "x1");
    world.config(r#"{"strict_affinity":true,"auto_allocate_blocks":true}"#);
    let refused = now(allocator.assign(&request("late", "x2", 1, 0), &Hint::default()));
    refused.expect_err("p8");
}

/// The hint is a guess.
#[test]
fn a_hint_that_names_what_lends_nothing_costs_a_search() {
    let world = lent();
    let allocator = world.allocator();
    let lender = search(&world, &allocator, "late", "x1");
    let hint = hint_of(&allocator, "late", Vec::new());
    for block in ["10.64.0.0/30", "10.99.0.0/30", "10.64.0.0/26", "fd00::/122"] {
        let mut wrong = hint.clone();
        wrong.searched[0].end = End::Borrowed(vec![block.parse().expect("a block")]);
        let fresh = world.allocator();
        let request = request("late", "y", 1, 0);
        world.requests();
        let grant = now(fresh.assign(&request, &wrong)).expect("room");
        let (reads, commits) = world.requests();
        assert!(2 < reads && commits == 1, "{block}: {reads} reads");
        assert_eq!(grant.addresses[0].block, lender, "{block}");
        now(fresh.release_by_handle(&release("y"), &Hint::default())).expect("released");
    }
}

#[test]
fn a_hint_from_a_time_to_come_tells_nothing() {
    let world = lent();
    let allocator = world.allocator();
    search(&world, &allocator, "late", "x1");
    let mut hint = hint_of(&allocator, "late", Vec::new());
    hint.searched[0].since = hint.searched[0].since.plus(Duration::from_secs(20));
    world.requests();
    now(world
        .allocator()
        .assign(&request("late", "x2", 1, 0), &hint))
    .expect("room");
    let (reads, _) = world.requests();
    assert!(2 < reads, "{reads} reads");
}
