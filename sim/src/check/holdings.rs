//! What holds of handles and of what they hold, after every commit of ours: p5, p7, p13 and the index of borrowing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::actor::Answer;
use crate::check::Violation;
use crate::check::commits::{Commit, broken};
use crate::check::course::count;
use crate::check::state::State;
use crate::net::Net;
use crate::operation::Operation;

/// Judges a commit; counts of blurred handles may be too high.
///
/// # Errors
/// The first invariant that it breaks.
pub(super) fn judge(commit: &Commit<'_>, blurred: &BTreeSet<String>) -> Result<(), Violation> {
    p5_counts_equal_the_entries(commit, blurred)?;
    p7_a_request_takes_no_more_than_it_wants(commit, blurred)?;
    p7_what_was_given_up_is_not_done_later(commit)?;
    p13_dual_stack_is_all_or_nothing(commit, blurred)?;
    borrowed_addresses_are_indexed(commit)
}

/// Returns the handles whose counts are not what the blocks say.
pub(super) fn blurred(state: &State) -> BTreeSet<String> {
    let mut handles: BTreeSet<String> = state.handles.keys().cloned().collect();
    handles.extend(state.holdings().filter_map(|(_, entry)| entry.handle));
    handles.retain(|id| entries(state, id) != counts(state, id));
    handles
}

fn entries(state: &State, id: &str) -> BTreeMap<Net, i64> {
    let mut entries = BTreeMap::new();
    for block in state.blocks.values() {
        let own = block.entries();
        let own = own.filter(|(_, entry)| entry.handle.as_deref() == Some(id));
        let own = i64::try_from(own.count()).unwrap_or(i64::MAX);
        if 0 < own {
            entries.insert(block.net, own);
        }
    }
    entries
}

fn counts(state: &State, id: &str) -> BTreeMap<Net, i64> {
    state.handles.get(id).cloned().unwrap_or_default()
}

/// Returns the handles of a commit: those that it writes, and those that its blocks name.
pub(super) fn touched(commit: &Commit<'_>) -> BTreeSet<String> {
    let mut touched = commit.changed.handles.clone();
    for change in commit.changed.blocks.values() {
        let both = [&change.before, &change.after];
        let blocks = both.into_iter().flatten();
        let entries = blocks.flat_map(|block| block.entries().map(|(_, entry)| entry));
        touched.extend(entries.filter_map(|entry| entry.handle.clone()));
    }
    touched
}

/// Calico raises a count before it takes an address and lowers it after it gave one back: it is never too low, unless
/// somebody set it to what it was for a moment.
pub(super) fn p5_counts_are_never_below_the_entries(
    commit: &Commit<'_>,
    undone: &BTreeSet<String>,
) -> Result<(), Violation> {
    for id in touched(commit).difference(undone) {
        let (entries, counts) = (entries(commit.after, id), counts(commit.after, id));
        let count = |net: &Net| counts.get(net).copied().unwrap_or(0);
        let was = self::entries(commit.before, id);
        let before = self::counts(commit.before, id);
        let fell = entries.iter().find(|(net, held)| {
            let was_so =
                was.get(net) == Some(held) && before.get(net).copied().unwrap_or(0) == count(net);
            count(net) < **held && !was_so
        });
        if let Some((net, held)) = fell {
            return broken(
                "p5",
                format!("{id} holds {held} in {net} and counts {counts:?}"),
            );
        }
    }
    Ok(())
}

fn p5_counts_equal_the_entries(
    commit: &Commit<'_>,
    blurred: &BTreeSet<String>,
) -> Result<(), Violation> {
    for id in &touched(commit) {
        let (entries, counts) = (entries(commit.after, id), counts(commit.after, id));
        let covered = entries
            .iter()
            .all(|(net, held)| *held <= counts.get(net).copied().unwrap_or(0));
        let is_blurred = blurred.contains(id);
        let fine = entries == counts || (is_blurred && covered);
        let was_so = || {
            let before = self::entries(commit.before, id);
            before == entries && self::counts(commit.before, id) == counts
        };
        if !fine && (!is_blurred || !was_so()) {
            return broken(
                "p5",
                format!("{id} counts {counts:?} and holds {entries:?}"),
            );
        }
    }
    Ok(())
}

/// However often it is tried, and whatever copies of it arrive. Calico takes more each time that it is asked.
fn p7_a_request_takes_no_more_than_it_wants(
    commit: &Commit<'_>,
    blurred: &BTreeSet<String>,
) -> Result<(), Violation> {
    let course = commit.course;
    let holder = course.operation.holder();
    if holder.is_some_and(|(handle, _)| commit.beside_calico && blurred.contains(handle)) {
        return Ok(());
    }
    let wanted = course.wanted();
    let now: Vec<IpAddr> = commit
        .changed
        .added()
        .map(|(_, address, _)| address)
        .collect();
    let held = match course.operation.holder() {
        Some((handle, interface)) => {
            let held = commit.after.held_by(handle, interface);
            let held = held.iter().map(|(address, _)| address);
            count(held.filter(|address| course.asks_for(**address)))
        }
        None => count(course.has.iter().chain(&now)),
    };
    // What it held of a family before, for another request under this name, may stay.
    let took = count(&now);
    let fine = |took, held, wanted| took == 0 || held <= wanted;
    if fine(took.0, held.0, wanted.0) && fine(took.1, held.1, wanted.1) {
        return Ok(());
    }
    broken("p7", format!("{held:?} for {:?}", course.operation))
}

/// A claim of an absent block cannot be fenced, and neither can a process that is cut off. Who was shown the past takes
/// the block for one that somebody has written.
fn p7_what_was_given_up_is_not_done_later(commit: &Commit<'_>) -> Result<(), Violation> {
    let course = commit.course;
    let gave_up = matches!(course.ended, Some(Answer::Failed(_)));
    let took = commit.changed.added().next().is_some();
    let could = !course.was_cut_off() && !course.was_misled;
    if gave_up && took && commit.is_guarded_by_block() && could {
        return broken("p7", format!("{:?} was given up", course.operation));
    }
    Ok(())
}

/// A release of Calico's takes an entry before it lowers its count: until then the request may come first.
fn p13_dual_stack_is_all_or_nothing(
    commit: &Commit<'_>,
    blurred: &BTreeSet<String>,
) -> Result<(), Violation> {
    let wanted = commit.course.wanted();
    let Some((handle, interface)) = commit.course.operation.holder() else {
        return Ok(());
    };
    if commit.beside_calico && blurred.contains(handle) {
        return Ok(());
    }
    let took = commit.changed.added().next().is_some();
    if wanted.0 == 0 || wanted.1 == 0 || !took {
        return Ok(());
    }
    let held = commit.after.held_by(handle, interface);
    let held = count(held.iter().map(|(address, _)| address));
    if held.0 < wanted.0 || held.1 < wanted.1 {
        return broken("p13", format!("{handle} holds {held:?} of {wanted:?}"));
    }
    Ok(())
}

/// What a node holds in a block that is not its own is found without a scan. Blocks of virtual owners are no node's.
fn borrowed_addresses_are_indexed(commit: &Commit<'_>) -> Result<(), Violation> {
    // Calico notes nothing in it.
    if commit.beside_calico || matches!(commit.course.operation, Operation::CheckAndRepair) {
        return Ok(());
    }
    for (net, change) in &commit.changed.blocks {
        let owner = change.owner().unwrap_or_default();
        if owner.starts_with("virtual:") {
            continue;
        }
        let expected = borrowers(commit.after, *net);
        let told = commit.after.borrowed.iter();
        let told: BTreeSet<&str> = told
            .filter(|(_, own)| own == net)
            .map(|(node, _)| node.as_str())
            .collect();
        let before = borrowers(commit.before, *net);
        if told != expected && before != expected {
            return broken(
                "index",
                format!("{net} of {owner}: {told:?}, not {expected:?}"),
            );
        }
    }
    Ok(())
}

fn borrowers(state: &State, net: Net) -> BTreeSet<&str> {
    let Some(block) = state.blocks.get(&net) else {
        return BTreeSet::new();
    };
    let owner = block.owner.as_deref().unwrap_or_default();
    let is_own = |node: &str| owner.strip_prefix("host:") == Some(node);
    let slots = block.slots.iter();
    let nodes = slots.filter_map(|slot| match slot {
        crate::records::Slot::Held(entry) => entry.node.as_deref(),
        crate::records::Slot::Free | crate::records::Slot::Cooling(_) => None,
    });
    nodes.filter(|node| !is_own(node)).collect()
}
