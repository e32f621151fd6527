//! Every invariant, in as many histories as there are seeds.

use block_ipam_sim::fate::theme::Theme;
use block_ipam_sim::fleet::{Fleet, Kind};
use block_ipam_sim::many::{Until, run_seeds};

/// Seeds of fleets of ours that CI runs.
pub(crate) const PURE: u64 = 2000;
/// Seeds of mixed fleets.
pub(crate) const MIXED: u64 = 500;
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
    check(seeds(PURE), Fleet::PURE);
}

#[test]
fn a_mixed_fleet_breaks_no_invariant() {
    check(seeds(PURE) * MIXED / PURE, Fleet::MIXED);
}

#[test]
fn runs_that_no_seed_draws_by_itself_break_no_invariant() {
    let themes = Theme::ALL.into_iter().map(|(_, theme)| theme);
    for theme in themes.filter(|theme| !theme.is_drawn()) {
        for kind in [Kind::Pure, Kind::Mixed] {
            let fleet = Fleet {
                kind,
                theme: Some(theme),
                ..Fleet::PURE
            };
            check(25, fleet);
        }
    }
}
