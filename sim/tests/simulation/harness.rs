//! The harness itself: one seed is one history, and a trace is the run that it was taken of.

use block_ipam_sim::fleet::Fleet;
use block_ipam_sim::run::{replay, run_seed};
use block_ipam_sim::trace::Trace;

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..40 {
        let (first, second) = (
            run_seed(seed, Fleet::default()),
            run_seed(seed, Fleet::default()),
        );
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn different_seeds_give_different_histories() {
    let of = |seed| run_seed(seed, Fleet::default()).fingerprint;
    let mut all: Vec<u64> = (0..40).map(of).collect();
    all.sort_unstable();
    all.dedup();
    assert!(35 < all.len(), "{} histories of 40 seeds", all.len());
}

#[test]
fn a_trace_is_replayed_as_it_was() {
    for seed in 0..40 {
        let run = run_seed(seed, Fleet::default());
        let spelled = Trace::of_lines(&run.trace.to_lines()).expect("a trace");
        let again = replay(&spelled, Fleet::default(), &mut |_| {});
        assert_eq!(run, again, "seed {seed}");
    }
}
