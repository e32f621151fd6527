//! Blocks against tables and against a model in plain collections.

use std::collections::BTreeMap;

use crate::blocks::block::{Attribute, Block, Cooldown, ReservedSlots, Slot};
use crate::blocks::cidr::BlockCidr;
use crate::blocks::interval::RangeSet;
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::ids::{NodeName, Owner};

fn cidr(text: &str) -> BlockCidr {
    text.parse().unwrap()
}

fn owner(node: &str) -> Owner {
    Owner::host(&NodeName::new(node).unwrap())
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn block(text: &str) -> Block {
    Block::create(cidr(text), owner("n1"), seconds(1000), 10, None)
}

fn held_by(handle: &str) -> Attribute {
    Attribute {
        handle: Some(handle.to_owned()),
        ..Attribute::default()
    }
}

fn ordinal(index: u16) -> Ordinal {
    Ordinal::new(index).unwrap()
}

fn numbers(ordinals: &[Ordinal]) -> Vec<u16> {
    ordinals.iter().map(|ordinal| ordinal.get()).collect()
}

#[test]
fn the_fifth_of_four_addresses_is_the_first_again() {
    let mut block = block("10.0.0.0/30");
    let mut given = Vec::new();
    for _ in 0..5 {
        let taken = block.assign_next(1, &held_by("h"), &RangeSet::default());
        given.extend(numbers(&taken));
        block.release(&taken, seconds(2000), Cooldown::NONE);
    }
    assert_eq!(given, [0, 1, 2, 3, 0]);
}

#[test]
fn a_cooling_address_is_free_only_when_more_than_the_cooldown_has_passed() {
    let mut block = block("10.0.0.0/30");
    let cooldown = Cooldown::from_seconds(30);
    let taken = block.assign_next(1, &held_by("h"), &RangeSet::default());
    block.release(&taken, Timestamp::from_nanos(2_000_900_000_000), cooldown);
    assert_eq!(block.slot(ordinal(0)), Slot::Cooling(seconds(2000)));
    assert!(!block.normalise(seconds(2030), cooldown));
    assert!(block.normalise(Timestamp::from_nanos(2_030_000_000_001), cooldown));
    assert_eq!(block.slot(ordinal(0)), Slot::Free);
    assert_eq!(block.to_parts().unallocated, [1, 2, 3, 0]);
}

#[test]
fn windows_slots_are_taken_before_anybody_asks() {
    let slots = ReservedSlots::windows();
    let block = Block::create(
        cidr("10.65.3.64/29"),
        owner("win-2"),
        seconds(0),
        7,
        Some(&slots),
    );
    let parts = block.to_parts();
    let zero = Some(0);
    assert_eq!(
        parts.allocations,
        [zero, zero, zero, None, None, None, None, zero]
    );
    assert_eq!(parts.unallocated, [3, 4, 5, 6]);
    assert_eq!(parts.sequence_of, BTreeMap::new());
    assert!(block.is_empty());
    assert_eq!(parts.faults(), []);
}
