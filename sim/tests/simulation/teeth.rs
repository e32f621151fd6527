//! Teeth: a version of ours that leaves out one guard is caught within the seeds of CI.
//!
//! The seed that stands beside a version is tried first, so that this is quick; where the library's requests have changed
//! since, all seeds of CI are searched.

use block_ipam_sim::fleet::Fleet;
use block_ipam_sim::many::{Until, run_seeds};
use block_ipam_sim::run::run_seed;
use block_ipam_sim::weak::weakness::by_name;

/// Those that a few seeds show.
const QUICK: [&str; 8] = [
    "warm-block",
    "warm-handle",
    "warm-pool",
    "claim-blocks",
    "claim-handle",
    "claim-pool",
    "claim-affinities",
    "reclaim-block",
];

fn is_caught(name: &str) -> bool {
    let weakness = by_name(name).expect("a weakness of this name");
    let weak = Fleet::PURE.weak(weakness);
    let known = run_seed(weakness.seed, weak).violation.is_some();
    known || !run_seeds(0..2000, weak, Until::TheFirst).broken.is_empty()
}

#[test]
fn a_guard_that_is_left_out_is_caught() {
    let missed: Vec<&str> = QUICK.into_iter().filter(|name| !is_caught(name)).collect();
    assert!(missed.is_empty(), "nothing catches {missed:?}");
}
