//! What callers asked and were answered, and what no such history may show. No record of the store is looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use block_ipam::clock::Timestamp;

/// One call of one container: its calls never overlap.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) container: String,
    pub(crate) asked: Asked,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Add,
    Del,
}

/// What the caller was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// These addresses.
    Granted(Vec<String>),
    /// Nothing is held any more.
    Released,
    /// Nothing: the process was killed, and its work is done or not.
    Killed,
    /// No, with a code and words.
    Failed(String),
}

/// A time for which a container surely held an address: from the answer of its ADD to the beginning of its DEL.
#[derive(Debug)]
struct Hold<'a> {
    container: &'a str,
    from: Timestamp,
    to: Option<Timestamp>,
}

/// Returns one line for each thing that may not be. Times of release are stored in whole seconds, so an address may
/// come back by up to one second before its cool-down is over.
pub(crate) fn faults(history: &[Call], cool_down: Duration) -> Vec<String> {
    let mut of_container: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in history {
        of_container.entry(&call.container).or_default().push(call);
    }
    let mut lines = Vec::new();
    let mut holds: BTreeMap<&str, Vec<Hold<'_>>> = BTreeMap::new();
    for (container, mut calls) in of_container {
        calls.sort_by_key(|call| call.began);
        lines.extend(repeated(container, &calls));
        for (address, hold) in held(container, &calls) {
            holds.entry(address).or_default().push(hold);
        }
    }
    for (address, mut holds) in holds {
        holds.sort_by_key(|hold| hold.from);
        for pair in holds.windows(2) {
            lines.extend(follows(address, &pair[0], &pair[1], cool_down));
        }
    }
    lines
}

/// p7: between two releases every answer of a container is the same.
fn repeated(container: &str, calls: &[&Call]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut first: Option<&Vec<String>> = None;
    for call in calls {
        match (call.asked, &call.answer) {
            (Asked::Del, _) => first = None,
            (Asked::Add, Answer::Granted(got)) => {
                let first = *first.get_or_insert(got);
                if first != got {
                    lines.push(format!("p7: {container} was told {first:?}, then {got:?}"));
                }
            }
            (Asked::Add, _) => {}
        }
    }
    lines
}

fn held<'a>(container: &'a str, calls: &[&'a Call]) -> Vec<(&'a str, Hold<'a>)> {
    let mut holds: Vec<(&str, Hold<'_>)> = Vec::new();
    let mut open: Option<Vec<usize>> = None;
    for call in calls {
        match (call.asked, &call.answer) {
            (Asked::Add, Answer::Granted(got)) if open.is_none() => {
                let before = holds.len();
                holds.extend(got.iter().map(|address| {
                    let hold = Hold {
                        container,
                        from: call.ended,
                        to: None,
                    };
                    (address.as_str(), hold)
                }));
                open = Some((before..holds.len()).collect());
            }
            (Asked::Del, _) => {
                for index in open.take().into_iter().flatten() {
                    holds[index].1.to = Some(call.began);
                }
            }
            (Asked::Add, _) => {}
        }
    }
    holds
}

/// p1, p6 and p10: an address goes to another only after its holder began to give it back, and cooled down.
fn follows(
    address: &str,
    first: &Hold<'_>,
    second: &Hold<'_>,
    cool_down: Duration,
) -> Option<String> {
    let (one, other) = (first.container, second.container);
    let Some(to) = first.to.filter(|to| *to <= second.from) else {
        return Some(format!("p1, p6: {other} got {address}, which {one} held"));
    };
    let early = Duration::from_secs(1);
    let passed = second.from.since(to) + early;
    (passed < cool_down).then(|| format!("p10: {other} got {address} {passed:?} after {one}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(container: &str, asked: Asked, at: [i64; 2], answer: Answer) -> Call {
        let [began, ended] = at.map(Timestamp::from_seconds);
        Call {
            container: container.to_owned(),
            asked,
            began,
            ended,
            answer,
        }
    }

    fn add(container: &str, at: [i64; 2], address: &str) -> Call {
        let got = Answer::Granted(vec![address.to_owned()]);
        call(container, Asked::Add, at, got)
    }

    fn del(container: &str, at: [i64; 2], answer: Answer) -> Call {
        call(container, Asked::Del, at, answer)
    }

    #[track_caller]
    fn check(history: &[Call], words: &[&str]) {
        let lines = faults(history, Duration::from_secs(10));
        let seen: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.split(':').next())
            .collect();
        assert_eq!(seen, words, "{lines:?}");
    }

    #[test]
    fn an_address_of_two_holders_is_a_fault() {
        let one = add("a", [0, 1], "x");
        check(&[one.clone(), add("b", [2, 3], "x")], &["p1, p6"]);
        check(&[one.clone(), add("b", [2, 3], "y")], &[]);
        let late = del("a", [4, 5], Answer::Released);
        check(&[one, add("b", [2, 3], "x"), late], &["p1, p6"]);
    }

    #[test]
    fn an_address_may_pass_on_once_its_release_began_and_it_cooled() {
        let one = add("a", [0, 1], "x");
        let killed = del("a", [2, 3], Answer::Killed);
        check(&[one.clone(), killed.clone(), add("b", [2, 20], "x")], &[]);
        check(&[one, killed, add("b", [2, 10], "x")], &["p10"]);
    }

    #[test]
    fn a_repeated_call_with_another_answer_is_a_fault() {
        let (one, other) = (add("a", [0, 1], "x"), add("a", [2, 3], "y"));
        check(&[one.clone(), other.clone()], &["p7"]);
        let between = del("a", [1, 2], Answer::Released);
        check(&[one, between, other], &[]);
    }
}
