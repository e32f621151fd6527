//! Blocks against tables and against a model in plain collections.

mod model;

use std::collections::{BTreeMap, VecDeque};

use expect_test::expect;

use crate::blocks::address::Family;
use crate::blocks::block::{Attribute, Block, BlockParts, Cooldown, ReservedSlots, Slot};
use crate::blocks::cidr::{BlockCidr, Cidr};
use crate::blocks::interval::RangeSet;
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::ids::{HandleId, NodeName, Owner};
use crate::unknown::Unknown;

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

fn nothing() -> RangeSet {
    RangeSet::default()
}

fn ranges(cidrs: &[&str]) -> RangeSet {
    cidrs
        .iter()
        .map(|text| text.parse::<Cidr>().unwrap())
        .collect()
}

fn take(block: &mut Block, handle: &str, ordinals: &[u16]) {
    for &n in ordinals {
        block.assign_at(ordinal(n), &held_by(handle)).unwrap();
    }
}

fn ordinals_of(block: &Block, handle: &str) -> Vec<u16> {
    let handle = HandleId::stored(handle);
    let entries = block.entries_of(&handle);
    entries.map(|entry| entry.ordinal.get()).collect()
}

fn release(block: &mut Block, ordinals: &[u16]) -> Vec<u16> {
    let ordinals: Vec<Ordinal> = ordinals.iter().map(|&n| ordinal(n)).collect();
    numbers(&block.release(&ordinals, seconds(2000), Cooldown::NONE))
}

#[test]
fn a_new_block_is_free_in_ascending_order_and_claimed_in_whole_seconds() {
    let claimed_at = Timestamp::from_nanos(5_900_000_000);
    let block = Block::create(cidr("10.65.3.64/29"), owner("n1"), claimed_at, 7, None);
    let parts = BlockParts {
        cidr: cidr("10.65.3.64/29"),
        owner: Some(owner("n1")),
        claimed_at: Some(seconds(5)),
        allocations: vec![None; 8],
        unallocated: (0..8).collect(),
        attributes: Vec::new(),
        sequence: 7,
        sequence_of: BTreeMap::new(),
        deleted: false,
        unknown: Unknown::default(),
    };
    assert_eq!(block.to_parts(), parts);
}

#[test]
fn the_largest_block_has_an_ordinal_for_each_address() {
    let mut block = block("fd00::/116");
    let taken = block.assign_next(5000, &held_by("h"), &nothing());
    assert_eq!((taken.len(), block.free_count()), (4096, 0));
    assert_eq!(block.address(Ordinal::MAX).to_string(), "fd00::fff");
}

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
fn addresses_of_a_virtual_owner_never_cool() {
    let owner = Owner::load_balancer();
    let mut block = Block::create(cidr("10.0.0.0/30"), owner, seconds(0), 1, None);
    take(&mut block, "lb-1", &[0]);
    block.release(&[ordinal(0)], seconds(2000), Cooldown::from_seconds(30));
    assert_eq!(block.slot(ordinal(0)), Slot::Free);
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

#[test]
fn a_block_is_empty_while_only_slots_of_windows_are_taken() {
    let slots = ReservedSlots {
        handle: "WINDOWS-reserved-ipam-handle".to_owned(),
        ..ReservedSlots::windows()
    };
    let empty = block("10.0.0.0/29");
    let mut windows = Block::create(cidr("10.0.0.0/29"), owner("w"), seconds(0), 1, Some(&slots));
    assert!(empty.is_empty() && windows.is_empty());
    take(&mut windows, "h", &[4]);
    assert!(!windows.is_empty());
}

#[test]
fn windows_slots_are_taken_before_anybody_asks() {
    let slots = ReservedSlots::windows();
    let address = cidr("10.65.3.64/29");
    let block = Block::create(address, owner("win-2"), seconds(0), 7, Some(&slots));
    let parts = block.to_parts();
    let slot = Some(0);
    let allocations = [slot, slot, slot, None, None, None, None, slot];
    assert_eq!(parts.allocations, allocations);
    assert_eq!(parts.unallocated, [3, 4, 5, 6]);
    assert_eq!(parts.sequence_of, BTreeMap::new());
    let [attribute] = &parts.attributes[..] else {
        panic!("one attribute for all slots");
    };
    assert_eq!(
        attribute.handle.as_deref(),
        Some("windows-reserved-ipam-handle")
    );
    assert_eq!(attribute.secondary["note"], "windows host rsvd");
    assert_eq!(
        ordinals_of(&block, HandleId::WINDOWS_RESERVED),
        [0, 1, 2, 7]
    );
}

#[test]
fn slots_fit_where_calico_lets_them() {
    let slots = |start, end| ReservedSlots {
        start,
        end,
        ..ReservedSlots::windows()
    };
    let table = [
        ((3, 1), Family::V4, Some(29)),
        ((3, 1), Family::V6, Some(125)),
        ((2, 1), Family::V4, Some(30)),
        ((1, 0), Family::V4, Some(31)),
        ((32, 33), Family::V4, Some(25)),
        ((u16::MAX, u16::MAX), Family::V6, None),
        ((0, 0), Family::V4, None),
    ];
    for ((start, end), family, longest) in table {
        let slots = slots(start, end);
        let fitting = family.block_lengths().filter(|&l| slots.fit(family, l));
        assert_eq!(fitting.max(), longest, "{start} and {end} of {family}");
    }
}

#[test]
fn a_block_taken_over_loses_the_slots_of_its_former_owner() {
    let slots = ReservedSlots::windows();
    let mut block = Block::create(cidr("10.0.0.0/29"), owner("w"), seconds(0), 1, Some(&slots));
    take(&mut block, "h", &[4]);
    block.take_over(owner("n2"), Timestamp::from_nanos(7_500_000_000));
    assert_eq!(block.owner(), Some(&owner("n2")));
    assert_eq!(block.claimed_at(), Some(seconds(7)));
    assert_eq!(block.to_parts().unallocated, [3, 5, 6, 0, 1, 2, 7]);
    assert_eq!(ordinals_of(&block, "h"), [4]);
    block.reserve(&slots);
    assert_eq!(block.to_parts().unallocated, [3, 5, 6]);
}

#[test]
fn slots_never_take_an_address_that_is_held() {
    let mut block = block("10.0.0.0/29");
    take(&mut block, "h", &[0, 7]);
    block.reserve(&ReservedSlots::windows());
    assert_eq!(ordinals_of(&block, "h"), [0, 7]);
    assert_eq!(ordinals_of(&block, HandleId::WINDOWS_RESERVED), [1, 2]);
}

#[test]
fn a_disowned_block_keeps_its_addresses() {
    let mut block = block("10.0.0.0/29");
    take(&mut block, "h", &[4]);
    block.disown();
    assert_eq!((block.owner(), block.claimed_at()), (None, None));
    assert_eq!(ordinals_of(&block, "h"), [4]);
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

#[test]
fn every_fault_of_a_record_is_told() {
    let mut parts = block("10.0.0.0/30").to_parts();
    parts.attributes = vec![held_by("a"), held_by("b"), Attribute::cooling(seconds(35))];
    parts.allocations = vec![Some(0), Some(7), Some(2), None, None];
    parts.unallocated = VecDeque::from([0, 9, 9]);
    parts.sequence_of = BTreeMap::from([(0, 1), (4, 1)]);
    let faults: Vec<String> = parts
        .faults_at(seconds(0))
        .iter()
        .map(ToString::to_string)
        .collect();
    expect![[r#"
        5 allocations for 4 addresses
        ordinal 1 points at attribute 7, which does not exist
        ordinal 0 is allocated and in the queue
        ordinal 9 is in the queue and out of the block
        ordinal 9 is more than once in the queue
        ordinal 3 is free and not in the queue
        a sequence number stands for ordinal 4, which is out of the block
        nothing points at attribute 1
        attribute 2 says it was released 35s from now, which suggests clock skew"#]]
    .assert_eq(&faults.join("\n"));
}

#[test]
fn a_record_that_does_not_tell_who_holds_what_is_refused() {
    let table = [
        (vec![None; 3], "3 allocations for 4 addresses"),
        (vec![None; 5], "5 allocations for 4 addresses"),
        (
            vec![None, None, Some(1), None],
            "ordinal 2 points at attribute 1, which does not exist",
        ),
    ];
    for (allocations, text) in table {
        let mut parts = block("10.0.0.0/30").to_parts();
        parts.attributes = vec![held_by("a")];
        parts.allocations = allocations;
        let fault = Block::from_parts(parts).unwrap_err();
        assert_eq!(fault.to_string(), text);
    }
}

#[test]
fn a_queue_that_disagrees_with_the_allocations_is_set_right_by_them() {
    let mut parts = block("10.0.0.0/29").to_parts();
    parts.attributes = vec![held_by("a")];
    parts.allocations[1] = Some(0);
    parts.unallocated = VecDeque::from([6, 1, 1, 0, 9, 6]);
    let mut block = Block::from_parts(parts).unwrap();
    assert_eq!(block.to_parts().unallocated, [6, 0, 2, 3, 4, 5, 7]);
    assert_eq!(block.faults_at(seconds(0)).len(), 9);
    block.bump();
    assert_eq!(block.faults_at(seconds(0)), []);
}
