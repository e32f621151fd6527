//! What holds of Calico's commits beside ours: its own weaker promises, which break where we changed what it relies on.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Violation;
use crate::check::commits::{Commit, broken};
use crate::check::course::Party;
use crate::check::holdings::p5_counts_are_never_below_the_entries;
use crate::net::Net;

/// Judges a commit of Calico's. Counts of handles from which one was taken back too late are not judged.
///
/// # Errors
/// The first promise that it breaks.
pub(super) fn judge(
    commit: &Commit<'_>,
    confirmed_by: &BTreeMap<(String, Net), Party>,
    undone: &BTreeSet<String>,
) -> Result<(), Violation> {
    p1_no_address_changes_hands(commit)?;
    p5_counts_are_never_below_the_entries(commit, undone)?;
    p4_what_we_confirmed_has_its_block(commit, confirmed_by)
}

fn p1_no_address_changes_hands(commit: &Commit<'_>) -> Result<(), Violation> {
    for (address, was, now) in commit.changed.replaced() {
        if (&was.handle, was.sequence) != (&now.handle, now.sequence) {
            return broken("p1", format!("{address} goes from {was:?} to {now:?}"));
        }
    }
    Ok(())
}

/// Two processes of Calico alone can leave a confirmed affinity without its block (X29); one of ours must not.
fn p4_what_we_confirmed_has_its_block(
    commit: &Commit<'_>,
    confirmed_by: &BTreeMap<(String, Net), Party>,
) -> Result<(), Violation> {
    for (net, change) in &commit.changed.blocks {
        let Some(owner) = change.former_owner().filter(|_| change.owner().is_none()) else {
            continue;
        };
        let key = (owner.to_owned(), *net);
        let confirmed = commit.after.affinities.get(&key).map(String::as_str) == Some("confirmed");
        if confirmed && confirmed_by.get(&key) == Some(&Party::Ours) {
            return broken(
                "p4",
                format!("{net} is gone, and {owner} was confirmed by us"),
            );
        }
    }
    Ok(())
}

/// It makes a block of a forgotten affinity anew, whatever stands there by now: nobody can be kept from holding one
/// address twice then (X26). And two of its operators make pools over the same addresses (X25).
pub(super) fn lays_one_over_another(commit: &Commit<'_>) -> bool {
    let block = commit.changed.blocks.iter().any(|(net, change)| {
        let is_new = change.before.is_none() && change.after.is_some();
        let mut others = commit.after.blocks.keys();
        is_new && others.any(|other| other != net && other.overlaps(*net))
    });
    let pool = commit.changed.pools.keys().any(|name| {
        let pools = &commit.after.pools;
        pools.get(name).is_some_and(|pool| {
            let mut others = pools.values();
            others.any(|other| other.name != *name && other.net.overlaps(pool.net))
        })
    });
    block || pool
}

/// Repair sets a count right that has stood for this long, in seconds.
const COUNT_AGE: i64 = 15 * 60;

/// Returns whether a process that stood still between its two writes for longer than a count may stand takes back what
/// another has counted since (X24). No age is long enough for every process.
pub(super) fn takes_back_a_count_too_late(commit: &Commit<'_>) -> bool {
    let course = commit.course;
    commit.changed.blocks.is_empty() && course.began + COUNT_AGE <= course.latest
}
