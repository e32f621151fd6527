//! Taking addresses back: the tail of the queue, pruned attributes, cool-down.

use super::{block, cidr, held_by, numbers, ordinal, ordinals_of, release, seconds, take};
use crate::blocks::block::{Attribute, Block, Cooldown, Slot};
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::ids::{HandleId, Owner};
use std::collections::BTreeMap;

#[test]
fn several_addresses_become_free_ascending_in_whatever_order_they_were_named() {
    let mut block = block("10.0.0.0/29");
    take(&mut block, "a", &[0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(release(&mut block, &[4]), [4]);
    assert_eq!(release(&mut block, &[7, 1, 3, 1]), [1, 3, 7]);
    assert_eq!(block.to_parts().unallocated, [4, 1, 3, 7]);
}

#[test]
fn an_attribute_goes_with_its_last_address_and_the_rest_are_renumbered() {
    let mut block = block("10.0.0.0/29");
    take(&mut block, "a", &[0, 2]);
    take(&mut block, "b", &[1]);
    take(&mut block, "c", &[3]);
    release(&mut block, &[0]);
    assert_eq!(block.to_parts().attributes.len(), 3);
    release(&mut block, &[2]);
    let parts = block.to_parts();
    assert_eq!(parts.attributes, [held_by("b"), held_by("c")]);
    assert_eq!(parts.allocations[..4], [None, Some(0), None, Some(1)]);
}

#[test]
fn releasing_what_is_free_or_cooling_changes_nothing() {
    let mut block = block("10.0.0.0/29");
    take(&mut block, "a", &[0]);
    let cooldown = Cooldown::from_seconds(30);
    block.release(&[ordinal(0)], seconds(2000), cooldown);
    block.bump();
    let before = block.clone();
    let released = block.release(&[ordinal(0), ordinal(1)], seconds(2001), cooldown);
    assert_eq!(released, []);
    assert_eq!(block, before);
}

#[test]
fn a_handle_gives_back_only_the_generation_that_was_meant() {
    let mut block = block("10.0.0.0/27");
    take(&mut block, "h", &[15, 16, 18]);
    block.bump();
    take(&mut block, "h", &[17]);
    let meant: Vec<Ordinal> = block
        .entries_of(&HandleId::stored("h"))
        .filter(|entry| entry.sequence == 10)
        .map(|entry| entry.ordinal)
        .collect();
    let released = block.release(&meant, seconds(2000), Cooldown::NONE);
    assert_eq!(numbers(&released), [15, 16, 18]);
    assert_eq!(ordinals_of(&block, "h"), [17]);
}

#[test]
fn a_cooling_address_is_free_only_when_more_than_the_cooldown_has_passed() {
    let mut block = block("10.0.0.0/30");
    let cooldown = Cooldown::from_seconds(30);
    take(&mut block, "h", &[0]);
    block.bump();
    block.release(
        &[ordinal(0)],
        Timestamp::from_nanos(2_000_900_000_000),
        cooldown,
    );
    let parts = block.to_parts();
    assert_eq!(parts.attributes, [Attribute::cooling(seconds(2000))]);
    assert_eq!(parts.sequence_of, BTreeMap::from([(0, 11)]));
    assert_eq!(block.slot(ordinal(0)), Slot::Cooling(seconds(2000)));
    assert_eq!((block.cooling_count(), block.is_empty()), (1, false));
    assert_eq!(block.entries().count(), 0);
    assert!(block.assign_at(ordinal(0), &held_by("b")).is_err());

    assert!(!block.normalise(seconds(2030), cooldown));
    assert!(block.normalise(Timestamp::from_nanos(2_030_000_000_001), cooldown));
    assert_eq!(block.slot(ordinal(0)), Slot::Free);
    let parts = block.to_parts();
    assert_eq!(
        (parts.attributes, parts.sequence_of),
        (vec![], BTreeMap::new())
    );
    assert_eq!(parts.unallocated, [1, 2, 3, 0]);
}

#[test]
fn a_negative_cooldown_frees_even_what_was_released_in_the_future() {
    let mut block = block("10.0.0.0/30");
    take(&mut block, "h", &[0]);
    block.release(&[ordinal(0)], seconds(9000), Cooldown::from_seconds(1));
    assert!(!block.normalise(seconds(2000), Cooldown::NONE));
    assert!(block.normalise(seconds(2000), Cooldown::from_seconds(-1)));
    assert_eq!(block.free_count(), 4);
}

#[test]
fn what_cooled_down_is_freed_with_what_is_released_ascending() {
    let mut block = block("10.0.0.0/29");
    take(&mut block, "h", &[0, 1, 2, 3, 4, 5, 6, 7]);
    block.release(
        &[ordinal(5), ordinal(1)],
        seconds(2000),
        Cooldown::from_seconds(30),
    );
    block.release(&[ordinal(3)], seconds(3000), Cooldown::NONE);
    assert_eq!(block.to_parts().unallocated, [1, 3, 5]);
}

#[test]
fn what_is_released_in_a_block_of_a_virtual_owner_does_not_cool() {
    let owner = Owner::load_balancer();
    let mut block = Block::create(cidr("10.0.0.0/30"), owner, seconds(0), 1, None);
    take(&mut block, "lb-1", &[0]);
    block.release(&[ordinal(0)], seconds(2000), Cooldown::from_seconds(30));
    assert_eq!(block.slot(ordinal(0)), Slot::Free);
}

#[test]
fn what_others_let_cool_in_a_block_of_a_virtual_owner_waits_its_time() {
    let owner = Owner::load_balancer();
    let mut parts = Block::create(cidr("10.0.0.0/30"), owner, seconds(0), 1, None).to_parts();
    parts.attributes = vec![Attribute::cooling(seconds(1000)), held_by("lb-1")];
    parts.allocations[..2].copy_from_slice(&[Some(0), Some(1)]);
    parts.unallocated.drain(..2);
    let mut block = Block::from_parts(parts).unwrap();
    let cooldown = Cooldown::from_seconds(30);
    block.release(&[ordinal(1)], seconds(1010), cooldown);
    assert_eq!(block.slot(ordinal(0)), Slot::Cooling(seconds(1000)));
    assert_eq!(block.slot(ordinal(1)), Slot::Free);
    assert!(block.normalise(seconds(1031), cooldown));
    assert_eq!(block.slot(ordinal(0)), Slot::Free);
}

#[test]
fn while_the_cool_down_is_unknown_all_begins_to_cool_and_nothing_has_cooled() {
    let mut block = block("10.0.0.0/30");
    take(&mut block, "h", &[0]);
    block.release(&[ordinal(0)], seconds(2000), Cooldown::UNKNOWN);
    assert!(!block.normalise(seconds(900_000), Cooldown::UNKNOWN));
    assert_eq!(block.slot(ordinal(0)), Slot::Cooling(seconds(2000)));
    assert!(!block.normalise(seconds(2029), Cooldown::from_seconds(30)));
    assert!(
        block.normalise(seconds(2001), Cooldown::NONE),
        "as if it never cooled"
    );
}

#[test]
fn addresses_of_a_block_of_nobody_cool() {
    let mut block = block("10.0.0.0/30");
    take(&mut block, "h", &[0]);
    block.disown();
    block.release(&[ordinal(0)], seconds(2000), Cooldown::from_seconds(30));
    assert_eq!(block.slot(ordinal(0)), Slot::Cooling(seconds(2000)));
}

#[test]
fn normalising_frees_the_cold_and_drops_what_nothing_points_at() {
    let mut parts = block("10.0.0.0/24").to_parts();
    parts.attributes = vec![
        held_by("unused"),
        held_by("used"),
        Attribute::cooling(seconds(940)),
        Attribute::cooling(seconds(1060)),
        held_by("unused"),
    ];
    parts.allocations[..6].copy_from_slice(&[2, 1, 3, 2, 1, 3].map(Some));
    parts.unallocated.drain(..6);
    parts.sequence_of = BTreeMap::from([(0, 5), (1, 5), (200, 5)]);
    let mut block = Block::from_parts(parts).unwrap();
    let cooldown = Cooldown::from_seconds(30);
    assert!(block.normalise(seconds(1000), cooldown));
    assert!(!block.normalise(seconds(1000), cooldown));
    let parts = block.to_parts();
    assert_eq!(
        parts.attributes,
        [held_by("used"), Attribute::cooling(seconds(1060))]
    );
    let left = [None, Some(0), Some(1), None, Some(0), Some(1), None];
    assert_eq!(parts.allocations[..7], left);
    assert_eq!((block.free_count(), block.cooling_count()), (252, 2));
    let freed_last: Vec<usize> = parts.unallocated.iter().rev().take(2).copied().collect();
    assert_eq!(freed_last, [3, 0]);
    assert_eq!(parts.sequence_of, BTreeMap::from([(1, 5), (200, 5)]));
}
