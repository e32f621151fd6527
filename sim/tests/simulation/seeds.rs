//! Every invariant, in as many histories as there are seeds.

use block_ipam_sim::fleet::Fleet;
use block_ipam_sim::many::{Until, run_seeds};

fn seeds(default: u64) -> u64 {
    let wanted = std::env::var("SEEDS").ok();
    let wanted = wanted.map(|text| text.parse().expect("SEEDS is a number"));
    wanted.unwrap_or(default)
}

#[test]
fn nothing_of_ours_breaks_an_invariant() {
    let report = run_seeds(0..seeds(2000), Fleet::default(), Until::TheEnd);
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
