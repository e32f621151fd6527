//! Requests that take several transactions: what they are told, and what is left of those that are refused.

use block_ipam::allocator::{AllocatorError, Hint};
use block_ipam::assign::{Assign, Shortage};
use block_ipam::blocks::Family;
use block_ipam::refusal::Refusal;

use crate::request;
use crate::world::{World, now};

/// Sixteen addresses in blocks of two, of which another node holds two.
fn world() -> World {
    let world = World::new(21);
    world.pool("a", "10.64.0.0/28", 31);
    let other = request("n0", "c0", 2, 0);
    now(world.allocator().assign(&other, &Hint::default())).expect("room");
    world
}

/// A request with a handle, and one without.
fn both(count: usize) -> [Assign; 2] {
    let with = request("n1", "c1", count, 0);
    let without = Assign {
        handle: None,
        ..with.clone()
    };
    [with, without]
}

/// The family, what was wanted and what there was.
fn numbers(refusal: &Refusal) -> Option<(Family, usize, usize)> {
    match refusal {
        Refusal::Exhausted {
            family,
            wanted,
            found,
            ..
        } => Some((*family, *wanted, *found)),
        _ => None,
    }
}

#[test]
fn a_shortage_that_is_accepted_is_told_of_the_whole_request() {
    for mut all in both(20) {
        let world = world();
        all.shortage = Shortage::Accept;
        world.requests();
        let grant = now(world.allocator().assign(&all, &Hint::default())).expect("a part");
        let (_, commits) = world.requests();
        assert!(1 < commits, "{commits} transactions");
        assert_eq!(grant.addresses.len(), 14);
        let told: Vec<_> = grant.shortages.iter().map(numbers).collect();
        assert_eq!(told, [Some((Family::V4, 20, 14))]);
    }
}

#[test]
fn what_the_handle_holds_counts_with_what_was_wanted() {
    let world = world();
    let allocator = world.allocator();
    let [mut some, _] = both(4);
    now(allocator.assign(&some, &Hint::default())).expect("room");
    some.v4.count = 16;
    for shortage in [Shortage::Refuse, Shortage::Accept] {
        some.shortage = shortage;
        let told = match now(allocator.assign(&some, &Hint::default())) {
            Ok(grant) => numbers(&grant.shortages[0]),
            Err(AllocatorError::Refused(refusal)) => numbers(&refusal),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(told, Some((Family::V4, 16, 14)), "{shortage:?}");
    }
}

#[test]
fn a_request_that_accepts_no_shortage_is_not_begun_where_a_part_of_it_is_not_there() {
    for all in both(15) {
        let world = world();
        let before = world.records();
        world.requests();
        let refused = now(world.allocator().assign(&all, &Hint::default()));
        match refused.expect_err("14 are free") {
            AllocatorError::Refused(refusal) => {
                assert_eq!(numbers(&refusal), Some((Family::V4, 15, 14)));
            }
            other => panic!("{other}"),
        }
        assert_eq!(world.requests().1, 0);
        assert_eq!(world.records(), before);
        let mut fits = all.clone();
        fits.v4.count = 14;
        let grant = now(world.allocator().assign(&fits, &Hint::default())).expect("all of it");
        assert_eq!(grant.addresses.len(), 14);
    }
}

#[test]
fn a_family_that_is_short_keeps_a_large_request_from_taking_of_the_other() {
    let world = world();
    world.pool("six", "fd00::/126", 127);
    let before = world.records();
    let both = request("n1", "c1", 10, 5);
    let refused = now(world.allocator().assign(&both, &Hint::default()));
    let text = refused.expect_err("four of IPv6").to_string();
    assert!(text.contains("wanted 5, found 4"), "{text}");
    assert_eq!(world.records(), before, "p13");
}
