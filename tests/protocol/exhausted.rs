//! A refusal that is remembered: one read while nothing changed, and never a refusal that a search would not give.

use std::time::Duration;

use block_ipam::allocator::{Allocator, AllocatorError, Hint};
use block_ipam::assign::{Grant, Shortage};

use crate::world::{World, now};
use crate::{release, request};

const CONFIG: &str = "/calico/ipam/v2/config";
const LATE: &str = "/calico/resources/v3/projectcalico.org/nodes/late";
const RESERVATION: &str = "/calico/resources/v3/projectcalico.org/ipreservations/r";

fn node(zone: &str) -> String {
    format!(r#"{{"kind":"Node","metadata":{{"name":"late","labels":{{"zone":"{zone}"}}}}}}"#)
}

/// Sixteen blocks of four: one reserved, the others full, each of a node of its own; two more pools that do not serve.
fn full(config: &str) -> World {
    let world = World::new(11);
    world.pool("a", "10.64.0.0/26", 30);
    world.config(config);
    world.put(LATE, &node("west"));
    world.put(
        RESERVATION,
        r#"{"kind":"IPReservation","metadata":{"name":"r"},"spec":{"reservedCIDRs":["10.64.0.0/30"]}}"#,
    );
    let allocator = world.allocator();
    for index in 0..15 {
        let mut all = request(&format!("n{index}"), &format!("c{index}"), 4, 0);
        all.interface = None;
        now(allocator.assign(&all, &Hint::default())).expect("room");
    }
    world.pool_with("b", "10.65.0.0/26", 30, r#","disabled":true"#);
    world.pool_with(
        "east",
        "10.66.0.0/26",
        30,
        r#","nodeSelector":"zone == 'east'""#,
    );
    world
}

fn ask(allocator: &Allocator, container: &str) -> Result<Grant, AllocatorError> {
    now(allocator.assign(&request("late", container, 1, 0), &Hint::default()))
}

#[track_caller]
fn refused(world: &World, allocator: &Allocator, container: &str) -> (String, u64) {
    world.requests();
    let refused = ask(allocator, container).expect_err("nothing is left");
    assert!(matches!(refused, AllocatorError::Refused(_)), "{refused}");
    let (reads, commits) = world.requests();
    assert_eq!(commits, 0);
    (format!("{refused}; {refused:?}"), reads)
}

const OPEN: &str = r#"{"auto_allocate_blocks":true}"#;

#[test]
fn while_nothing_changes_the_same_refusal_costs_one_read() {
    let world = full(OPEN);
    let allocator = world.allocator();
    let (first, reads) = refused(&world, &allocator, "x1");
    assert_eq!(reads, 3);
    assert!(first.contains("no IPv4 address is left"), "{first}");
    for container in ["x1", "x2"] {
        let again = refused(&world, &allocator, container);
        assert_eq!(again, (first.clone(), 1), "{container}");
    }
    world.put("/calico/ipam/v2/handle/other", "{}");
    world.put("/calico/ipam/v2/assignment/ipv4/block/10.9.0.0-30", "{}");
    assert_eq!(refused(&world, &allocator, "x3"), (first.clone(), 1));

    let hint = Hint {
        searched: now(allocator.searched(&request("late", "x", 1, 0).node)),
        ..Hint::default()
    };
    let next = world.allocator();
    world.requests();
    let again = now(next.assign(&request("late", "x4", 1, 0), &hint)).expect_err("as before");
    assert_eq!(format!("{again}; {again:?}"), first);
    assert_eq!(world.requests(), (1, 0), "the hint of an earlier process");
}

/// What is done to a full store, and whether the request is granted then.
type Change = (&'static str, fn(&World), bool);

#[test]
fn each_kind_of_change_ends_it() {
    let changes: [Change; 9] = [
        (
            "an address is released",
            |world| {
                let mut all = release("c3");
                all.interface = None;
                now(world.allocator().release_by_handle(&all, &Hint::default())).expect("released");
            },
            true,
        ),
        (
            "a pool is made",
            |world| world.pool("new", "10.67.0.0/26", 30),
            true,
        ),
        (
            "a pool is enabled",
            |world| world.pool("b", "10.65.0.0/26", 30),
            true,
        ),
        (
            "a pool is disabled",
            |world| {
                world.pool_with("a", "10.64.0.0/26", 30, r#","disabled":true"#);
            },
            false,
        ),
        (
            "a reservation is deleted",
            |world| world.delete(RESERVATION),
            true,
        ),
        (
            "a node gets other labels",
            |world| world.put(LATE, &node("east")),
            true,
        ),
        (
            "the configuration is changed",
            |world| {
                world.config(r#"{"auto_allocate_blocks":false}"#);
            },
            false,
        ),
        (
            "the configuration is deleted",
            |world| world.delete(CONFIG),
            false,
        ),
        (
            "a block is deleted",
            |world| {
                let records = world.records();
                let keys = records.keys().filter(|key| key.ends_with("/10.64.0.8-30"));
                keys.for_each(|key| world.delete(key));
            },
            true,
        ),
    ];
    for (name, change, granted) in changes {
        let world = full(r#"{"auto_allocate_blocks":true,"maxBlocksPerHost":3}"#);
        let allocator = world.allocator();
        let (first, _) = refused(&world, &allocator, "x1");
        assert_eq!(
            refused(&world, &allocator, "x2"),
            (first.clone(), 1),
            "{name}"
        );
        change(&world);
        if granted {
            ask(&allocator, "x3").expect(name);
        } else {
            let (other, reads) = refused(&world, &allocator, "x3");
            let is_another = other != first || 1 < reads;
            assert!(is_another, "{name}: {reads} reads, {other}");
        }
    }
}

#[test]
fn strict_affinity_that_is_switched_off_ends_it() {
    let strict = r#"{"strict_affinity":true,"auto_allocate_blocks":true}"#;
    let world = full(strict);
    let one = request("n3", "c3", 4, 0);
    now(world
        .allocator()
        .release_by_handle(&release("c3"), &Hint::default()))
    .expect("released");
    let mut part = one;
    part.v4.count = 1;
    now(world.allocator().assign(&part, &Hint::default())).expect("room");
    let allocator = world.allocator();
    let (first, _) = refused(&world, &allocator, "x1");
    assert_eq!(refused(&world, &allocator, "x2"), (first, 1));
    world.config(OPEN);
    ask(&allocator, "x3").expect("borrowed");
}

#[test]
fn a_cooling_address_ends_it_when_it_is_free() {
    let world = full(r#"{"auto_allocate_blocks":true,"ipCooldownSeconds":30}"#);
    let mut all = release("c3");
    all.interface = None;
    now(world.allocator().release_by_handle(&all, &Hint::default())).expect("released");
    let allocator = world.allocator();
    let (first, _) = refused(&world, &allocator, "x1");
    world.clock.advance(Duration::from_secs(28));
    assert_eq!(refused(&world, &allocator, "x2"), (first, 1));
    world.clock.advance(Duration::from_secs(3));
    ask(&allocator, "x3").expect("it has cooled");
}

#[test]
fn a_block_that_comes_of_age_ends_it() {
    let world = full(r#"{"strict_affinity":true,"auto_allocate_blocks":true}"#);
    let mut all = release("c3");
    all.interface = None;
    now(world.allocator().release_by_handle(&all, &Hint::default())).expect("released");
    let allocator = world.allocator();
    let (first, _) = refused(&world, &allocator, "x1");
    world.clock.advance(Duration::from_secs(57));
    assert_eq!(refused(&world, &allocator, "x2"), (first, 1));
    world.clock.advance(Duration::from_secs(5));
    ask(&allocator, "x3").expect("taken over");
}

#[test]
fn after_ten_minutes_it_is_looked_for_anew() {
    let world = full(OPEN);
    let allocator = world.allocator();
    let (first, _) = refused(&world, &allocator, "x1");
    world.clock.advance(Duration::from_secs(598));
    assert_eq!(refused(&world, &allocator, "x2"), (first.clone(), 1));
    world.clock.advance(Duration::from_secs(5));
    let (again, reads) = refused(&world, &allocator, "x3");
    assert_eq!((again == first, 1 < reads), (true, true));
    assert_eq!(refused(&world, &allocator, "x4"), (first, 1));
}

#[test]
fn other_wishes_are_not_refused_by_it() {
    let world = full(OPEN);
    let allocator = world.allocator();
    refused(&world, &allocator, "x1");
    let mut two = request("late", "x2", 2, 0);
    let text = now(allocator.assign(&two, &Hint::default())).expect_err("full");
    assert!(text.to_string().contains("wanted 2"), "{text}");
    two.shortage = Shortage::Accept;
    let grant = now(allocator.assign(&two, &Hint::default())).expect("a shortage is accepted");
    assert_eq!((grant.addresses.len(), grant.shortages.len()), (0, 1));
    let other = request("n3", "x3", 1, 0);
    let text = now(allocator.assign(&other, &Hint::default())).expect_err("full");
    assert!(text.to_string().contains("1 of this node"), "{text}");
}

/// The record of the handle is lost; its entry stands in the node's own block, where a search finds it.
#[test]
fn what_the_handle_holds_in_an_own_block_is_granted_all_the_same() {
    let world = full(OPEN);
    let allocator = world.allocator();
    let own = |container: &str| {
        let request = request("n3", container, 1, 0);
        now(allocator.assign(&request, &Hint::default()))
    };
    let text = own("x1").expect_err("full").to_string();
    world.requests();
    assert_eq!(own("x2").expect_err("full").to_string(), text);
    assert_eq!(world.requests(), (1, 0));
    world.delete("/calico/ipam/v2/handle/net.c3");
    let grant = own("c3").expect("it holds four");
    assert!(grant.repeated);
}

#[test]
fn an_exhausted_family_refuses_both_with_one_read() {
    let world = full(OPEN);
    world.pool("six", "fd00::/120", 126);
    let allocator = world.allocator();
    let both = |container: &str| {
        let request = request("late", container, 1, 1);
        let refused = now(allocator.assign(&request, &Hint::default()));
        refused.expect_err("no IPv4 address").to_string()
    };
    let first = both("x1");
    world.requests();
    assert_eq!(both("x2"), first);
    assert_eq!(world.requests(), (1, 0));
}

#[test]
fn a_block_that_is_written_with_the_same_content_ends_it_too() {
    let world = full(OPEN);
    let allocator = world.allocator();
    refused(&world, &allocator, "x1");
    let key = "/calico/ipam/v2/assignment/ipv4/block/10.64.0.8-30";
    for container in ["x2", "x3"] {
        world.put(key, &world.records()[key]);
        let (_, reads) = refused(&world, &allocator, container);
        assert_eq!(reads, 3, "its content is not known before it is read");
    }
}
