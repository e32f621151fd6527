//! Usage against hand counts, Calico's own numbers, and counting address by address.

use std::collections::{BTreeMap, VecDeque};

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{BlockUsage, Numbers, Tally, Usage};
use crate::blocks::{Address, Attribute, Block, BlockCidr, BlockParts, Cidr, RangeSet};
use crate::clock::Timestamp;
use crate::ids::Owner;
use crate::resources::{Metadata, Pool, PoolSpec};
use crate::unknown::Unknown;

fn pool(name: &str, cidr: &str) -> Pool {
    let spec = PoolSpec {
        metadata: Metadata {
            name: name.to_owned(),
            ..Metadata::default()
        },
        cidr: Some(cidr.to_owned()),
        disabled: Some(true),
        ..PoolSpec::default()
    };
    spec.pool().unwrap()
}

/// A block with these ordinals held, and those cooling.
fn block(cidr: &str, held: &[usize], cooling: &[usize]) -> Block {
    let cidr: BlockCidr = cidr.parse().unwrap();
    let slot = |index: usize| {
        let held = held.contains(&index).then_some(0);
        held.or(cooling.contains(&index).then_some(1))
    };
    let allocations: Vec<Option<usize>> = (0..usize::from(cidr.size())).map(slot).collect();
    let free = (0..allocations.len()).filter(|index| allocations[*index].is_none());
    let cooled = Attribute {
        released_at: Some(Timestamp::from_seconds(1)),
        ..Attribute::default()
    };
    let parts = BlockParts {
        cidr,
        owner: Owner::parse("host:n1"),
        claimed_at: None,
        unallocated: free.collect::<VecDeque<usize>>(),
        allocations,
        attributes: vec![Attribute::default(), cooled],
        sequence: 7,
        sequence_of: BTreeMap::new(),
        deleted: false,
        unknown: Unknown::default(),
    };
    Block::from_parts(parts).unwrap()
}

fn usage(pools: &[Pool], reserved: &[&str], blocks: &[Block]) -> Usage {
    let reserved: RangeSet = reserved
        .iter()
        .map(|cidr| cidr.parse::<Cidr>().unwrap())
        .collect();
    let mut tally = Tally::new(pools, reserved);
    blocks.iter().for_each(|block| tally.add(block));
    tally.finish()
}

fn show(usage: &Usage) -> String {
    let numbers = |n: Numbers| {
        format!(
            "total {} in use {} reserved {} free {}",
            n.total, n.in_use, n.reserved, n.free
        )
    };
    let block = |b: &BlockUsage| {
        format!(
            "  {} {} cooling {}\n",
            b.cidr,
            numbers(b.numbers),
            b.cooling
        )
    };
    let mut text = String::new();
    for pool in &usage.pools {
        text += &format!("{} {} {}\n", pool.name, pool.cidr, numbers(pool.numbers));
        text.extend(pool.blocks.iter().map(block));
    }
    text + "orphans\n" + &usage.orphans.iter().map(block).collect::<String>()
}

#[track_caller]
fn check(pools: &[Pool], reserved: &[&str], blocks: &[Block], expect: &Expect) {
    expect.assert_eq(&show(&usage(pools, reserved, blocks)));
}

#[test]
fn reserved_addresses_count_once_and_held_or_not() {
    // The numbers that Calico told of this store.
    check(
        &[pool("p4", "10.76.0.0/28")],
        &[
            "10.76.0.0/31",
            "10.76.0.3/32",
            "10.76.0.8/30",
            "10.76.0.12/30",
        ],
        &[block("10.76.0.0/29", &[1, 2, 4, 5, 6, 7], &[])],
        &expect![[r#"
            p4 10.76.0.0/28 total 16 in use 6 reserved 11 free 0
              10.76.0.0/29 total 8 in use 6 reserved 3 free 0 cooling 0
            orphans
        "#]],
    );
    check(
        &[pool("p", "10.0.0.0/24")],
        &[
            "10.0.0.0/25",
            "10.0.0.0/26",
            "10.0.0.64/26",
            "192.168.0.0/16",
        ],
        &[],
        &expect![[r#"
            p 10.0.0.0/24 total 256 in use 0 reserved 128 free 128
            orphans
        "#]],
    );
}

#[test]
fn cooling_addresses_are_in_use() {
    check(
        &[pool("p", "10.0.0.0/26")],
        &[],
        &[block("10.0.0.0/30", &[0], &[1, 2])],
        &expect![[r#"
            p 10.0.0.0/26 total 64 in use 3 reserved 0 free 61
              10.0.0.0/30 total 4 in use 3 reserved 0 free 1 cooling 2
            orphans
        "#]],
    );
}

#[test]
fn pools_and_blocks_are_in_order_of_addresses_and_orphans_stand_apart() {
    check(
        &[
            pool("a", "10.10.0.0/26"),
            pool("b", "10.9.0.0/26"),
            pool("six", "fd00::/122"),
        ],
        &[],
        &[
            block("10.9.0.32/28", &[0], &[]),
            block("10.9.0.0/28", &[], &[]),
            block("192.168.0.0/30", &[3], &[]),
            block("fd00::/124", &[0, 1], &[]),
            block("172.16.0.0/30", &[], &[]),
        ],
        &expect![[r#"
            b 10.9.0.0/26 total 64 in use 1 reserved 0 free 63
              10.9.0.0/28 total 16 in use 0 reserved 0 free 16 cooling 0
              10.9.0.32/28 total 16 in use 1 reserved 0 free 15 cooling 0
            a 10.10.0.0/26 total 64 in use 0 reserved 0 free 64
            six fd00::/122 total 64 in use 2 reserved 0 free 62
              fd00::/124 total 16 in use 2 reserved 0 free 14 cooling 0
            orphans
              172.16.0.0/30 total 4 in use 0 reserved 0 free 4 cooling 0
              192.168.0.0/30 total 4 in use 1 reserved 0 free 3 cooling 0
        "#]],
    );
}

#[test]
fn the_largest_pool_saturates() {
    let mut all = pool("all", "fd00::/8");
    all.cidr = "::/0".parse().unwrap();
    check(
        &[all],
        &[],
        &[],
        &expect![[r#"
            all ::/0 total 340282366920938463463374607431768211455 in use 0 reserved 0 free 340282366920938463463374607431768211455
            orphans
        "#]],
    );
}

proptest! {
    /// Counting address by address tells the same.
    #[test]
    fn the_sums_are_those_of_counting(
        blocks in proptest::collection::btree_map(0u128..16, (0u16..16, 0u16..16), 0..16),
        reserved in proptest::collection::vec((0u128..64, 26u8..=32), 0..6),
    ) {
        let pool = pool("p", "10.0.0.0/26");
        let base = pool.cidr.first().bits();
        let at = |offset: u128| Address::new(pool.cidr.family(), base + offset).unwrap();
        let bits = |mask: u16| (0..4).filter(|bit| mask & (1 << bit) != 0).collect::<Vec<usize>>();
        let made: Vec<Block> = blocks.iter().map(|(index, (held, cooling))| {
            block(&format!("{}", at(index * 4).network(30)), &bits(*held), &bits(*cooling))
        }).collect();
        let networks: Vec<String> =
            reserved.iter().map(|(offset, length)| at(*offset).network(*length).to_string()).collect();
        let networks: Vec<&str> = networks.iter().map(String::as_str).collect();
        let numbers = usage(std::slice::from_ref(&pool), &networks, &made).pools[0].numbers;

        let cidrs: Vec<Cidr> = networks.iter().map(|cidr| cidr.parse().unwrap()).collect();
        let taken = |offset: u128| {
            let used = blocks.get(&(offset / 4));
            used.is_some_and(|(held, cooling)| ((held | cooling) >> (offset % 4)) & 1 == 1)
        };
        let is_reserved = |offset: u128| cidrs.iter().any(|cidr| cidr.contains(at(offset)));
        let count = |what: &dyn Fn(u128) -> bool| (0..64).filter(|offset| what(*offset)).count() as u128;
        prop_assert_eq!(numbers, Numbers {
            total: 64,
            in_use: count(&taken),
            reserved: count(&is_reserved),
            free: count(&|offset| !taken(offset) && !is_reserved(offset)),
        });
    }
}
