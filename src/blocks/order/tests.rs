//! The order against a list of all blocks.

use std::collections::BTreeSet;

use crate::blocks::cidr::Cidr;
use crate::blocks::interval::RangeSet;
use crate::blocks::order::Candidates;

#[test]
fn every_block_of_a_pool_is_visited_once_then_the_walk_ends() {
    let pools = [
        ("10.10.0.0/24", 26, 4),
        ("fd80:24e2:f998:72d6::/120", 122, 4),
        ("10.10.0.0/16", 20, 16),
        ("fd80:24e2:f998:72d6::/114", 116, 4),
        ("10.10.0.0/24", 32, 256),
        ("fd80:24e2:f998:72d6::/120", 128, 256),
    ];
    for (pool, length, count) in pools {
        let pool: Cidr = pool.parse().unwrap();
        let walk: Vec<_> = Candidates::new(pool, length, &RangeSet::default(), b"node1").collect();
        let distinct: BTreeSet<_> = walk.iter().copied().collect();
        assert_eq!((walk.len(), distinct.len()), (count, count), "{pool}");
        assert!(walk.iter().all(|block| pool.covers(block.cidr())), "{pool}");
    }
}
