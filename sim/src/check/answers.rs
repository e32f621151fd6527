//! What holds of answers, as far as the process saw the store as it was: p7, and that a release leaves nothing.

use std::collections::BTreeSet;

use crate::actor::Answer;
use crate::check::commits::broken;
use crate::check::course::{Course, count};
use crate::check::{Checker, Violation};
use crate::operation::Operation;

/// Judges an answer of ours.
///
/// # Errors
/// The first invariant that it breaks.
pub(super) fn judge(
    checker: &mut Checker,
    course: &Course,
    answer: &Answer,
) -> Result<(), Violation> {
    if course.was_misled {
        return Ok(());
    }
    match answer {
        Answer::Granted(addresses) => {
            p7_a_grant_is_what_was_taken(course, addresses)?;
            p7_a_repeated_request_gets_the_same(checker, course, addresses)
        }
        Answer::Refused(_) => p7_a_refusal_takes_nothing(course),
        Answer::Released(_) => p6_a_release_leaves_nothing(checker, course),
        Answer::Done | Answer::Failed(_) => Ok(()),
    }
}

fn p7_a_grant_is_what_was_taken(
    course: &Course,
    addresses: &[std::net::IpAddr],
) -> Result<(), Violation> {
    if count(addresses) != course.wanted() {
        return broken("p7", format!("{addresses:?} for {:?}", course.operation));
    }
    let held = |address| match course.operation.holder() {
        Some(_) => course.ever_held.contains(address),
        None => course.took.contains(address),
    };
    if addresses.iter().all(held) {
        return Ok(());
    }
    let held = &course.ever_held;
    broken("p7", format!("told {addresses:?}, held {held:?}"))
}

fn p7_a_repeated_request_gets_the_same(
    checker: &mut Checker,
    course: &Course,
    addresses: &[std::net::IpAddr],
) -> Result<(), Violation> {
    let Some((handle, interface)) = course.operation.holder() else {
        return Ok(());
    };
    let held = checker.state.held_by(handle, interface);
    let held: Vec<_> = held.into_iter().map(|(address, _)| address).collect();
    let mut told = addresses.to_vec();
    told.sort_unstable();
    if told != held {
        // It was given back on the way to the caller.
        return Ok(());
    }
    let key = (handle.to_owned(), interface.map(str::to_owned));
    let same_request = |before: &[std::net::IpAddr]| count(before) == count(&told);
    match checker.told.insert(key, told.clone()) {
        Some(before) if same_request(&before) && before != told => {
            broken("p7", format!("{handle}: {before:?}, then {told:?}"))
        }
        Some(_) | None => Ok(()),
    }
}

fn p7_a_refusal_takes_nothing(course: &Course) -> Result<(), Violation> {
    let assigns = matches!(
        course.operation,
        Operation::Assign(_) | Operation::AssignAddresses(_)
    );
    if assigns && !course.has.is_empty() && course.operation.holder().is_none() {
        return broken("p7", format!("refused, and took {:?}", course.has));
    }
    Ok(())
}

/// What the handle held when the release began is free, or was given out again since.
fn p6_a_release_leaves_nothing(checker: &Checker, course: &Course) -> Result<(), Violation> {
    let Operation::ReleaseHandle { handle, interface } = &course.operation else {
        return Ok(());
    };
    let now: BTreeSet<_> = checker
        .state
        .held_by(handle, interface.as_deref())
        .into_iter()
        .collect();
    match course.at_begin.intersection(&now).next() {
        Some(left) => broken("p6", format!("{left:?} was not released")),
        None => Ok(()),
    }
}
