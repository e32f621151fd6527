//! The table: one row for each test of Calico, played on our code.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One of Calico's own tests.
pub(crate) struct Row {
    /// Its name in the catalogue.
    id: &'static str,
    /// What it pins.
    pins: &'static str,
    run: Run,
}

enum Run {
    /// Ours does the same.
    Same(fn()),
    /// Ours does otherwise, for this reason; the scenario shows what it does.
    Differs(&'static str, fn()),
    /// Not about what we do.
    NotOurs(&'static str),
}

pub(crate) const fn same(id: &'static str, pins: &'static str, scenario: fn()) -> Row {
    let run = Run::Same(scenario);
    Row { id, pins, run }
}

pub(crate) const fn differs(
    id: &'static str,
    pins: &'static str,
    why: &'static str,
    scenario: fn(),
) -> Row {
    let run = Run::Differs(why, scenario);
    Row { id, pins, run }
}

pub(crate) const fn not_ours(id: &'static str, pins: &'static str, why: &'static str) -> Row {
    let run = Run::NotOurs(why);
    Row { id, pins, run }
}

/// Plays every row and names each that fails.
#[expect(
    clippy::print_stdout,
    reason = "the output of a test says which row it is at"
)]
pub(crate) fn play(rows: &[Row]) {
    let mut failed = Vec::new();
    for Row { id, pins, run } in rows {
        let scenario = match run {
            Run::Same(scenario) => scenario,
            Run::Differs(why, scenario) => {
                println!("{id} differs: {why}");
                scenario
            }
            Run::NotOurs(why) => {
                println!("{id} is not ours: {why}");
                continue;
            }
        };
        println!("{id} {pins}");
        if catch_unwind(AssertUnwindSafe(scenario)).is_err() {
            failed.push(format!("{id}: {pins}"));
        }
    }
    assert!(failed.is_empty(), "failed:\n  {}", failed.join("\n  "));
}

/// How many rows there are: in all, that differ, that are not ours.
pub(crate) fn census(sections: &[&[Row]]) -> (usize, usize, usize) {
    let rows = || sections.iter().copied().flatten();
    let mut ids = BTreeSet::new();
    for row in rows() {
        assert!(ids.insert(row.id), "{} stands twice", row.id);
        let why = match row.run {
            Run::Same(_) => "same",
            Run::Differs(why, _) | Run::NotOurs(why) => why,
        };
        assert!(!why.is_empty() && !row.pins.is_empty(), "{}", row.id);
    }
    let is_different = |row: &&Row| matches!(row.run, Run::Differs(..));
    let is_not_ours = |row: &&Row| matches!(row.run, Run::NotOurs(_));
    (
        ids.len(),
        rows().filter(is_different).count(),
        rows().filter(is_not_ours).count(),
    )
}
