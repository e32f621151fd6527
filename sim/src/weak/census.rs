//! Which guards the commits of a run have, by row: so that none is forgotten where weaker versions are listed.

use std::collections::{BTreeMap, BTreeSet};

use block_ipam::datastore::Write;
use serde_json::Value;

use crate::fleet::Fleet;
use crate::run::run_seed;
use crate::trace::Choice;
use crate::weak::rows::{Of, Row, kind, rows};
use crate::world::World;

/// Guards that nothing breaks without, and why they are kept.
pub static KEPT: [(Row, Of, &str); 16] = [
    (Row::Claim, Of::Affinity, "a refusal then shows it"),
    (Row::ClaimRange, Of::Affinity, "a refusal then shows it"),
    (
        Row::ClaimRange,
        Of::Node,
        "an order is for a node without a record, too; one that was judged with a record holds with it",
    ),
    (Row::Deselect, Of::Block, "as in a surrender (X19)"),
    (Row::Deselect, Of::Affinity, "as in a surrender (X20)"),
    (Row::Confirm, Of::Affinity, "the block is written"),
    (Row::Drop, Of::Affinity, "the block is guarded"),
    (Row::PoolCreate, Of::Pool, "all pools are guarded"),
    (
        Row::PoolCreate,
        Of::Neighbours,
        "all affinities are guarded",
    ),
    (Row::PoolCreate, Of::Block, "all affinities are guarded"),
    (Row::PoolDelete, Of::Block, "no block is larger than a pool"),
    (Row::Index, Of::Block, "the next look sets it right"),
    (Row::Index, Of::Index, "the next look sets it right"),
    (Row::Config, Of::Config, TWO_OPERATORS),
    (Row::Node, Of::Node, TWO_OPERATORS),
    (Row::Reservation, Of::Reservation, TWO_OPERATORS),
];

const TWO_OPERATORS: &str =
    "two operators would undo each other, which is no state that breaks a rule";

/// Returns the guards of all commits of ours that a seed applied.
///
/// # Panics
/// Where the seed breaks something from the beginning.
pub fn census(seed: u64, fleet: Fleet) -> BTreeSet<(Row, Of)> {
    let trace = run_seed(seed, fleet).trace;
    let mut world = World::begin(&trace.beginning, fleet).expect("the beginning is in order");
    world.exchange.watch();
    let mut seen = BTreeSet::new();
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    for entry in world.exchange.memory().entries() {
        note(&mut known, &entry.key, &entry.value);
    }
    // What is known of blocks is not true of a store that was restored.
    let restores = |choice: &&Choice| matches!(choice, Choice::Restore { .. });
    for choice in trace.choices.iter().take_while(|choice| !restores(choice)) {
        // What breaks is another test's business.
        let _ = world.choose(choice);
        for applied in world.exchange.take_watched() {
            if let Some(course) = world.checker.courses.get(&applied.task)
                && course.party == crate::check::course::Party::Ours
            {
                let rows = rows(&course.operation, &applied.txn, |key| {
                    known.get(key).cloned()
                });
                let rows: BTreeSet<Row> = rows.into_iter().map(|(row, _)| row).collect();
                // Of a transaction of several rows nobody can tell which guard is of which.
                if let (Some(row), 1) = (rows.first(), rows.len()) {
                    let kinds = applied.txn.guards.iter().map(kind);
                    seen.extend(kinds.map(|of| (*row, of)));
                }
            }
            for write in &applied.txn.writes {
                match write {
                    Write::Put(key, value) => note(&mut known, key, value),
                    Write::Delete(key) => drop(known.remove(key)),
                }
            }
        }
    }
    seen
}

fn note(known: &mut BTreeMap<String, Value>, key: &str, value: &[u8]) {
    if key.contains("/assignment/")
        && let Ok(value) = serde_json::from_slice(value)
    {
        known.insert(key.to_owned(), value);
    }
}
