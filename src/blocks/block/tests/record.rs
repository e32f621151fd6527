//! Blocks and their records: how a new one is written, what is wrong with one, what is set right.

use super::{block, cidr, held_by, nothing, owner, seconds};
use crate::blocks::block::{Attribute, Block, BlockParts};
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::unknown::Unknown;
use expect_test::expect;
use std::collections::{BTreeMap, VecDeque};

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
