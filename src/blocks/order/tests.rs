//! The order against a list of all blocks, and against recorded walks.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::expect;
use proptest::prelude::*;

use crate::blocks::cidr::{BlockCidr, Cidr};
use crate::blocks::interval::RangeSet;
use crate::blocks::order::Candidates;

fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

fn set(cidrs: &[&str]) -> RangeSet {
    cidrs.iter().map(|text| cidr(text)).collect()
}

fn candidates(pool: &str, length: u8, reserved: &[&str], owner: &str) -> Candidates {
    Candidates::new(cidr(pool), length, &set(reserved), owner.as_bytes())
}

/// All blocks of a pool that are not reserved as a whole, ascending.
fn blocks(pool: Cidr, length: u8, reserved: &RangeSet) -> Vec<BlockCidr> {
    let count = pool.subnet_count(length).unwrap();
    (0..count)
        .map(|index| pool.subnet(length, index).unwrap())
        .filter(|&block| !reserved.covers(block))
        .map(|block| BlockCidr::new(block).unwrap())
        .collect()
}

fn sorted(walk: impl Iterator<Item = BlockCidr>) -> Vec<BlockCidr> {
    let mut walk: Vec<BlockCidr> = walk.collect();
    walk.sort_unstable();
    walk
}

#[test]
fn every_block_of_a_pool_is_visited_once_then_the_walk_ends() {
    let pools = [
        ("10.10.0.0/24", 26, 4),
        ("fd80:24e2:f998:72d6::/120", 122, 4),
        ("10.10.0.0/16", 20, 16),
        ("fd80:24e2:f998:72d6::/114", 116, 4),
        ("10.10.0.0/24", 32, 256),
        ("fd80:24e2:f998:72d6::/120", 128, 256),
        ("10.10.0.0/26", 26, 1),
    ];
    for (pool, length, count) in pools {
        let mut walk = candidates(pool, length, &[], "node1");
        assert_eq!(walk.len(), count, "{pool}");
        let all = blocks(cidr(pool), length, &RangeSet::default());
        assert_eq!(sorted(walk.by_ref()), all, "{pool}");
        assert_eq!(walk.next(), None);
        assert_eq!(walk.next(), None);
    }
}

proptest! {
    #[test]
    fn reserved_blocks_are_left_out_and_cut_ones_are_not(
        pool in prop::sample::select(vec!["10.0.0.0/24", "255.255.255.0/24", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120"]),
        longer in 0..=6u8,
        pieces in prop::collection::vec((0..256u128, 0..=8u8), 0..10),
        owner in "[a-z0-9-]{0,12}",
    ) {
        let pool = cidr(pool);
        let width = pool.family().width();
        let piece = |(offset, longer)| {
            let address = pool.subnet(width, offset).unwrap().first();
            address.network(pool.length() + longer)
        };
        let reserved: RangeSet = pieces.into_iter().map(piece).collect();
        let length = pool.length() + longer;
        let walk = Candidates::new(pool, length, &reserved, owner.as_bytes());
        let all = blocks(pool, length, &reserved);
        prop_assert_eq!(walk.len(), all.len() as u128);
        prop_assert_eq!(walk.is_empty(), all.is_empty());
        prop_assert_eq!(walk.size_hint(), (all.len(), Some(all.len())));
        prop_assert_eq!(sorted(walk.clone()), all);
        let again: Vec<BlockCidr> = (0..walk.len()).filter_map(|n| walk.at(n)).collect();
        prop_assert_eq!(walk.collect::<Vec<_>>(), again);
    }
}

#[test]
fn reservations_around_a_pool_count_as_far_as_they_reach_in() {
    let walk = candidates("10.0.1.0/24", 26, &["10.0.0.0/23"], "node1");
    assert_eq!((walk.len(), walk.is_empty()), (0, true));
    let walk = candidates(
        "10.0.1.0/24",
        26,
        &["10.0.0.0/24", "10.0.2.0/24", "::/0"],
        "node1",
    );
    assert_eq!(walk.len(), 4);
}

#[test]
fn blocks_that_a_pool_cannot_have_are_no_candidates() {
    for (pool, length) in [
        ("10.0.0.0/27", 26),
        ("10.0.0.0/8", 19),
        ("10.0.0.0/8", 33),
        ("::/0", 64),
    ] {
        assert_eq!(
            candidates(pool, length, &[], "node1").next(),
            None,
            "{pool}"
        );
    }
}

#[test]
fn a_reserved_half_of_a_large_pool_costs_nothing() {
    let mut walk = candidates(
        "fd00::/64",
        122,
        &["fd00::/65", "fd00:0:0:0:8000::/66"],
        "node1",
    );
    assert_eq!(walk.len(), 1 << 56);
    let free = cidr("fd00::c000:0:0:0/66");
    assert!(
        walk.by_ref()
            .take(1000)
            .all(|block| free.covers(block.cidr()))
    );
    assert_eq!(
        candidates("fd00::/64", 122, &["fd00::/48"], "node1").next(),
        None
    );
}

#[test]
fn the_largest_pools_are_walked_without_overflow() {
    for (pool, length, len) in [
        ("fd00::/48", 122, 1 << 74),
        ("::/0", 122, 1 << 122),
        ("::/0", 127, 1 << 127),
        ("::/0", 128, u128::MAX),
    ] {
        let walk = candidates(pool, length, &[], "node1");
        assert_eq!(walk.len(), len);
        let visited: BTreeSet<BlockCidr> = walk.clone().take(1000).collect();
        assert_eq!(visited.len(), 1000);
        assert!(
            walk.at(len - 1)
                .is_some_and(|last| !visited.contains(&last))
        );
        assert_eq!(walk.at(len), None);
    }
    // Three runs, together far above 2^127 blocks.
    let walk = candidates("::/0", 128, &["fd00::/16", "8000::/128"], "node1");
    assert_eq!(walk.len(), u128::MAX - 1 - (1 << 112));
    assert_eq!(walk.take(1000).collect::<BTreeSet<_>>().len(), 1000);
}

#[test]
fn nth_is_a_jump() {
    let walk = candidates("10.0.0.0/16", 26, &[], "node1");
    let mut jumping = walk.clone();
    assert_eq!(jumping.nth(1000), walk.at(1000));
    assert_eq!(jumping.size_hint(), (23, Some(23)));
    assert_eq!(jumping.next(), walk.at(1001));
    assert_eq!(jumping.nth(1 << 20), None);
    assert_eq!(jumping.next(), None);
}

#[test]
fn the_walk_is_the_same_in_every_version() {
    let pools = [("10.0.0.0/16", 26), ("fd00::/64", 122), ("fd00::/48", 122)];
    let names = [
        "",
        "host-a",
        "host-b",
        "node1",
        "node2",
        "worker-0.example.com",
        "load-balancer",
    ];
    let mut lines = String::new();
    for (pool, length) in pools {
        for name in names {
            let first: Vec<String> = candidates(pool, length, &["10.0.128.0/17"], name)
                .take(3)
                .map(|block| block.to_string())
                .collect();
            lines += &format!("{name}: {}\n", first.join(" "));
        }
    }
    expect![[r#"
        : 10.0.69.128/26 10.0.98.64/26 10.0.127.0/26
        host-a: 10.0.7.64/26 10.0.82.0/26 10.0.28.192/26
        host-b: 10.0.49.128/26 10.0.76.64/26 10.0.103.0/26
        node1: 10.0.69.64/26 10.0.61.0/26 10.0.52.192/26
        node2: 10.0.60.64/26 10.0.106.0/26 10.0.23.192/26
        worker-0.example.com: 10.0.81.128/26 10.0.25.192/26 10.0.98.0/26
        load-balancer: 10.0.90.128/26 10.0.62.192/26 10.0.35.0/26
        : fd00::336:ab30:2f24:c580/122 fd00::1c9b:2cf9:486b:e240/122 fd00::35ff:aec2:61b2:ff00/122
        host-a: fd00::3ab1:72ad:9cac:740/122 fd00::7c94:f5a0:c320:5200/122 fd00::be78:7893:e994:9cc0/122
        host-b: fd00::5a8c:7cd6:78c5:b180/122 fd00::39c4:474:35da:cc40/122 fd00::18fb:8c11:f2ef:e700/122
        node1: fd00::6fd:a483:2283:4540/122 fd00::6f0:9550:3566:bd00/122 fd00::6e3:861d:484a:34c0/122
        node2: fd00::44ce:8528:a608:bc40/122 fd00::5110:c003:908b:ea00/122 fd00::5d52:fade:7b0f:17c0/122
        worker-0.example.com: fd00::ccc3:9ad0:8456:5180/122 fd00::b03d:e5ab:7d6c:19c0/122 fd00::93b8:3086:7681:e200/122
        load-balancer: fd00::4971:4346:21bd:5a80/122 fd00::d52b:a6fb:9d7c:3ec0/122 fd00::60e6:ab1:193b:2300/122
        : fd00::cc04:336:ab30:2f24:c580/122 fd00::92cf:1c9b:2cf9:486b:e240/122 fd00::599a:35ff:aec2:61b2:ff00/122
        host-a: fd00::fb36:3ab1:72ad:9cac:740/122 fd00::3956:7c94:f5a0:c320:5200/122 fd00::7776:be78:7893:e994:9cc0/122
        host-b: fd00::3a2c:5a8c:7cd6:78c5:b180/122 fd00::84b1:39c4:474:35da:cc40/122 fd00::cf36:18fb:8c11:f2ef:e700/122
        node1: fd00::a698:6fd:a483:2283:4540/122 fd00::3448:6f0:9550:3566:bd00/122 fd00::c1f8:6e3:861d:484a:34c0/122
        node2: fd00::124a:44ce:8528:a608:bc40/122 fd00::ca8c:5110:c003:908b:ea00/122 fd00::82ce:5d52:fade:7b0f:17c0/122
        worker-0.example.com: fd00::b29f:ccc3:9ad0:8456:5180/122 fd00::3513:b03d:e5ab:7d6c:19c0/122 fd00::b787:93b8:3086:7681:e200/122
        load-balancer: fd00::e1db:4971:4346:21bd:5a80/122 fd00::b088:d52b:a6fb:9d7c:3ec0/122 fd00::7f36:60e6:ab1:193b:2300/122
    "#]].assert_eq(&lines);
}

#[test]
fn a_thousand_nodes_spread_like_random_ones() {
    for pattern in [
        "node-{}",
        "worker-{}.example.com",
        "{}",
        "ip-10-0-{}.eu-west-1",
    ] {
        let mut first = BTreeMap::<BlockCidr, u32>::new();
        for n in 0..1000 {
            let name = pattern.replace("{}", &n.to_string());
            let mut walk = candidates("10.0.0.0/16", 26, &[], &name);
            *first.entry(walk.next().unwrap()).or_default() += 1;
        }
        // Of 1024 blocks 1000 random choices hit 638 on the average, with a deviation of 10.
        let most = first.values().max().copied();
        assert!(
            (590..690).contains(&first.len()),
            "{pattern}: {} distinct",
            first.len()
        );
        assert!(most <= Some(9), "{pattern}: {most:?} on one");
    }
}

#[test]
fn nodes_that_meet_once_part_again() {
    let mut pairs = BTreeMap::<(BlockCidr, BlockCidr), u32>::new();
    for n in 0..1000 {
        let mut walk = candidates("10.0.0.0/20", 26, &[], &format!("node-{n}"));
        let pair = (walk.next().unwrap(), walk.next().unwrap());
        *pairs.entry(pair).or_default() += 1;
    }
    // 64 starts and 32 steps.
    assert!(700 < pairs.len(), "{} distinct pairs", pairs.len());
}
