//! Teeth: a version of ours that leaves out one guard, or decides one thing wrongly, is caught within the seeds of CI.
//!
//! The seed that stands beside a version is tried first, so that this is quick; where the library's requests have changed
//! since, all seeds of CI are searched.

use std::collections::BTreeSet;

use block_ipam_sim::fleet::{Fleet, Kind};
use block_ipam_sim::many::{Until, run_seeds};
use block_ipam_sim::run::run_seed;
use block_ipam_sim::weak::Weakness;
use block_ipam_sim::weak::census::{KEPT, census};
use block_ipam_sim::weak::weakness::{ALL, Of, Row, Shown, What};

use crate::seeds::{MIXED, PURE};

/// Seeds of a theme that are searched where the known one has gone stale.
const THEMED: u64 = 4000;

/// Returns what is wrong with the seed that shows a weaker version, if anything is.
fn fault(weakness: &'static Weakness) -> Option<String> {
    let Shown::Seed { kind, theme, seed } = weakness.shown else {
        // `counterexamples` has a test of these.
        return None;
    };
    let fleet = Fleet {
        kind,
        theme,
        ..Fleet::PURE
    };
    let seeds = match (theme, kind) {
        (Some(_), _) => THEMED,
        (None, Kind::Pure) => PURE,
        (None, Kind::Mixed) => MIXED,
    };
    let name = weakness.name;
    if seeds <= seed {
        return Some(format!("{name}: CI does not run seed {seed}"));
    }
    // Those that seeds draw by themselves are run whole.
    let ours = theme.and_then(|_| run_seed(seed, fleet).violation);
    if let Some(violation) = ours {
        return Some(format!("{name}: seed {seed} breaks ours: {violation}"));
    }
    let weak = fleet.weak(weakness);
    let known = run_seed(seed, weak).violation.is_some();
    let caught = known || !run_seeds(0..seeds, weak, Until::TheFirst).broken.is_empty();
    (!caught).then(|| format!("nothing catches {name}"))
}

#[test]
fn each_weaker_version_is_caught() {
    let faults: Vec<String> = ALL.iter().filter_map(fault).collect();
    assert_eq!(faults, [""; 0]);
}

#[test]
fn every_guard_is_left_out_by_a_weaker_version_or_kept_for_a_reason() {
    let mut seen: BTreeSet<(Row, Of)> = BTreeSet::new();
    for seed in 0..150 {
        seen.extend(census(seed, Fleet::PURE));
        seen.extend(census(seed, Fleet::MIXED));
    }
    let is_left_out = |(row, of): &(Row, Of)| {
        // The blocks around a candidate go with it.
        let same = |own: &Weakness| own.what == What::NoGuard(*row, *of);
        ALL.iter().any(same)
    };
    let is_kept = |guard: &(Row, Of)| KEPT.iter().any(|(row, of, _)| (*row, *of) == *guard);
    let forgotten = seen
        .iter()
        .filter(|guard| !is_left_out(guard) && !is_kept(guard));
    let forgotten: Vec<_> = forgotten.collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}
