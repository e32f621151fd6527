//! Whose a block is, and the slots that Windows nodes keep.

use super::{block, cidr, ordinals_of, owner, seconds, take};
use crate::blocks::address::Family;
use crate::blocks::block::{Block, ReservedSlots};
use crate::clock::Timestamp;
use crate::ids::HandleId;
use std::collections::BTreeMap;

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
fn a_slot_of_windows_that_cools_down_is_no_slot_any_more() {
    let slots = ReservedSlots::windows();
    let block = Block::create(cidr("10.0.0.0/29"), owner("w"), seconds(0), 1, Some(&slots));
    let mut parts = block.into_parts();
    parts.attributes[0].released_at = Some(seconds(5));
    let block = Block::from_parts(parts).unwrap();
    assert_eq!((block.is_empty(), block.cooling_count()), (false, 4));
}

#[test]
fn slots_have_no_sequence_number_even_where_an_old_writer_left_one() {
    let mut parts = block("10.0.0.0/29").into_parts();
    parts.sequence_of = [(0, 5), (3, 5)].into();
    let mut block = Block::from_parts(parts).unwrap();
    block.reserve(&ReservedSlots::windows());
    assert_eq!(block.to_parts().sequence_of, [(3, 5)].into());
}
