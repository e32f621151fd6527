//! Every invariant, in as many histories as there are seeds.

use block_ipam_sim::fleet::Fleet;
use block_ipam_sim::many::{Until, run_seeds};

fn seeds(default: u64) -> u64 {
    let wanted = std::env::var("SEEDS").ok();
    let wanted = wanted.map(|text| text.parse().expect("SEEDS is a number"));
    wanted.unwrap_or(default)
}

#[track_caller]
fn check(seeds: u64, fleet: Fleet) {
    let report = run_seeds(0..seeds, fleet, Until::TheEnd);
    let broken: Vec<String> = report
        .broken
        .iter()
        .map(|(seed, violation)| format!("seed {seed}: {violation}"))
        .collect();
    assert!(
        broken.is_empty(),
        "{}\nto see it: cargo run -p block-ipam-sim -- --seeds SEED --tell",
        broken.join("\n")
    );
}

#[test]
fn a_fleet_of_ours_breaks_no_invariant() {
    check(seeds(2000), Fleet::PURE);
}

#[test]
fn a_mixed_fleet_breaks_no_invariant() {
    check(seeds(2000) / 4, Fleet::MIXED);
}
