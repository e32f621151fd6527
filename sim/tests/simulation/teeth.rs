//! Teeth: a version of ours that leaves out one guard, or decides one thing wrongly, is caught within the seeds of CI.
//!
//! The seed that stands beside a version is tried first, so that this is quick; where the library's requests have changed
//! since, all seeds of CI are searched.

use block_ipam_sim::fleet::Fleet;
use block_ipam_sim::many::{Until, run_seeds};
use block_ipam_sim::run::run_seed;
use block_ipam_sim::weak::Weakness;
use block_ipam_sim::weak::weakness::{CAUGHT, CAUGHT_BESIDE_CALICO};

fn missed(weaknesses: &'static [Weakness], fleet: Fleet, seeds: u64) -> Vec<&'static str> {
    let is_caught = |weakness: &'static Weakness| {
        let weak = fleet.weak(weakness);
        let known = run_seed(weakness.seed, weak).violation.is_some();
        known || !run_seeds(0..seeds, weak, Until::TheFirst).broken.is_empty()
    };
    let missed = weaknesses.iter().filter(|weakness| !is_caught(weakness));
    missed.map(|weakness| weakness.name).collect()
}

#[test]
fn each_weaker_version_is_caught_in_a_fleet_of_ours() {
    let missed = missed(&CAUGHT, Fleet::PURE, 2000);
    assert!(missed.is_empty(), "nothing catches {missed:?}");
}

#[test]
fn counts_set_to_the_truth_are_caught_beside_calico() {
    let missed = missed(&CAUGHT_BESIDE_CALICO, Fleet::MIXED, 500);
    assert!(missed.is_empty(), "nothing catches {missed:?}");
}
