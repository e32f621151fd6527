//! What holds of Calico's commits beside ours: its own weaker promises, which break where we changed what it relies on.

use std::collections::BTreeMap;

use crate::check::Violation;
use crate::check::commits::{Commit, broken};
use crate::check::course::Party;
use crate::check::holdings::p5_counts_are_never_below_the_entries;
use crate::net::Net;

/// Judges a commit of Calico's.
///
/// # Errors
/// The first promise that it breaks.
pub(super) fn judge(
    commit: &Commit<'_>,
    confirmed_by: &BTreeMap<(String, Net), Party>,
) -> Result<(), Violation> {
    p1_no_address_changes_hands(commit)?;
    p5_counts_are_never_below_the_entries(commit)?;
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
