//! Giving out addresses: the queue, shared attributes, generations.

use super::{
    block, cidr, held_by, nothing, numbers, ordinal, ordinals_of, owner, ranges, release, seconds,
    take,
};
use crate::blocks::block::{Attribute, Block, ReservedSlots};
use crate::unknown::Unknown;
use std::collections::BTreeMap;

#[test]
fn the_fifth_of_four_addresses_is_the_first_again() {
    let mut block = block("10.0.0.0/30");
    let mut given = Vec::new();
    for _ in 0..5 {
        let taken = numbers(&block.assign_next(1, &held_by("h"), &nothing()));
        release(&mut block, &taken);
        given.extend(taken);
    }
    assert_eq!(given, [0, 1, 2, 3, 0]);
}

#[test]
fn reserved_addresses_keep_their_place_in_the_queue() {
    let mut block = block("10.0.0.0/29");
    let avoid = ranges(&["10.0.0.0/32", "10.0.0.4/31", "11.0.0.0/8"]);
    assert_eq!(block.usable_count(&avoid), 5);
    let taken = block.assign_next(2, &held_by("h"), &avoid);
    assert_eq!(numbers(&taken), [1, 2]);
    assert_eq!(block.to_parts().unallocated, [0, 3, 4, 5, 6, 7]);
    let taken = block.assign_next(2, &held_by("h"), &nothing());
    assert_eq!(numbers(&taken), [0, 3]);
}

#[test]
fn a_request_gets_what_there_is() {
    let table: [(&[&str], bool, usize); 3] = [
        (&[], false, 64),
        (
            &["10.0.0.1/32", "10.0.0.32/30", "11.0.0.0/30", "10.0.0.17/32"],
            false,
            58,
        ),
        (
            &["10.0.0.1/32", "10.0.0.32/30", "11.0.0.0/30", "10.0.0.17/32"],
            true,
            55,
        ),
    ];
    for (avoid, windows, expected) in table {
        let slots = windows.then(ReservedSlots::windows);
        let owner = owner("n1");
        let mut block = Block::create(cidr("10.0.0.0/26"), owner, seconds(0), 1, slots.as_ref());
        let avoid = ranges(avoid);
        assert_eq!(block.usable_count(&avoid), expected);
        let taken = block.assign_next(64, &held_by("h"), &avoid);
        assert_eq!(taken.len(), expected);
    }
}

#[test]
fn free_addresses_are_counted_without_the_reserved_ones() {
    let mut block = block("100.64.0.0/24");
    take(&mut block, "h", &[200, 201]);
    let table: [(&[&str], usize); 3] = [
        (&[], 254),
        (&["100.64.0.0/25"], 126),
        (&["100.64.0.0/25", "100.64.0.128/25"], 0),
    ];
    for (avoid, usable) in table {
        assert_eq!(block.usable_count(&ranges(avoid)), usable);
    }
    assert_eq!((block.free_count(), block.size()), (254, 256));
}

#[test]
fn addresses_taken_together_share_one_attribute_and_later_equal_ones_join() {
    let mut block = block("10.0.0.0/29");
    block.assign_next(2, &held_by("a"), &nothing());
    block.assign_next(1, &held_by("b"), &nothing());
    block.assign_next(1, &held_by("a"), &nothing());
    let parts = block.to_parts();
    assert_eq!(parts.attributes, [held_by("a"), held_by("b")]);
    assert_eq!(
        parts.allocations[..5],
        [Some(0), Some(0), Some(1), Some(0), None]
    );
}

#[test]
fn an_attribute_with_another_owner_or_unknown_members_is_never_joined() {
    let migrating = Attribute {
        alternate: BTreeMap::from([("pod".to_owned(), "p".to_owned())]),
        ..held_by("a")
    };
    let foreign = Attribute {
        unknown: Unknown(BTreeMap::from([("colour".to_owned(), "1".to_owned())])),
        ..held_by("a")
    };
    for attribute in [migrating, foreign] {
        let mut block = block("10.0.0.0/29");
        for _ in 0..2 {
            block.assign_next(1, &attribute, &nothing());
        }
        block.assign_next(1, &held_by("a"), &nothing());
        let expected = [attribute.clone(), attribute, held_by("a")];
        assert_eq!(block.to_parts().attributes, expected);
    }
}

#[test]
fn nothing_taken_changes_nothing() {
    let mut full = block("10.0.0.0/32");
    full.assign_next(1, &held_by("a"), &nothing());
    let before = full.clone();
    assert_eq!(full.assign_next(1, &held_by("b"), &nothing()), []);
    assert_eq!(full.assign_next(0, &held_by("b"), &nothing()), []);
    assert_eq!(full, before);
}

#[test]
fn each_assignment_carries_the_generation_in_which_it_was_made() {
    let mut block = block("10.0.0.0/30");
    block.assign_next(1, &held_by("a"), &nothing());
    block.bump();
    take(&mut block, "b", &[3]);
    block.bump();
    let entries: Vec<_> = block
        .entries()
        .map(|entry| (entry.address.to_string(), entry.sequence))
        .collect();
    assert_eq!(
        entries,
        [("10.0.0.0".to_owned(), 10), ("10.0.0.3".to_owned(), 11)]
    );
    release(&mut block, &[3]);
    assert_eq!(block.to_parts().sequence_of, BTreeMap::from([(0, 10)]));
}

#[test]
fn a_taken_address_names_its_holder() {
    let mut block = block("10.0.0.0/30");
    take(&mut block, "a", &[2]);
    block.assign_at(ordinal(1), &Attribute::default()).unwrap();
    let refusal = |n| {
        block
            .clone()
            .assign_at(ordinal(n), &held_by("b"))
            .unwrap_err()
    };
    assert_eq!(refusal(2).to_string(), "address 10.0.0.2 is held by a");
    assert_eq!(
        refusal(1).to_string(),
        "address 10.0.0.1 is in use or cooling"
    );
}

#[test]
fn an_address_asked_for_leaves_the_queue_wherever_it_stood() {
    let mut block = block("10.0.0.0/30");
    take(&mut block, "a", &[2, 0]);
    assert_eq!(block.to_parts().unallocated, [1, 3]);
}

#[test]
fn entries_of_a_handle_are_found_whatever_follows_its_carriage_return() {
    let mut block = block("10.0.0.0/29");
    take(&mut block, "a", &[6, 1]);
    take(&mut block, "a\rold", &[4]);
    take(&mut block, "ab", &[5]);
    assert_eq!(ordinals_of(&block, "a"), [1, 4, 6]);
    assert_eq!(ordinals_of(&block, "a\rnew"), [1, 4, 6]);
    assert_eq!(ordinals_of(&block, "ab"), [5]);
    assert!(ordinals_of(&block, "c").is_empty());
}

#[test]
fn editing_one_address_leaves_those_that_shared_its_attribute() {
    let mut block = block("10.0.0.0/29");
    block.assign_next(3, &held_by("a"), &nothing());
    let handover = |attribute: &mut Attribute| attribute.handle = Some("b".to_owned());
    assert_eq!(block.edit_attribute(ordinal(1), handover), Some(()));
    assert_eq!(block.edit_attribute(ordinal(1), |_| 7), Some(7));
    assert_eq!(block.edit_attribute(ordinal(5), |_| 7), None);
    assert_eq!(ordinals_of(&block, "a"), [0, 2]);
    assert_eq!(ordinals_of(&block, "b"), [1]);
    assert_eq!(block.to_parts().attributes.len(), 2);
}
