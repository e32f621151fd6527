//! What real Calico did, done by us: every recorded operation is repeated on our allocator and must decide the same
//! and leave the same records, but for the differences that `differences` names with their reasons.
//!
//! `UPDATE_EXPECT=1 cargo test --test differential` rewrites how a known difference looks; read what changed.

mod addresses;
mod affinities;
mod calico;
mod compare;
mod counting;
mod differences;
mod load;
mod operators;
mod records;
mod rename;
mod run;
mod selectors;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::compare::differences_between;
use crate::differences::{NOT_YET, known};
use crate::load::Transition;
use crate::run::{Ended, Outcome};

const RECORDED: usize = 261;

#[tokio::test]
async fn every_recorded_operation_ends_as_with_calico_or_differs_as_known() {
    let mut unexpected = Vec::new();
    let mut same = 0;
    let mut known = known();
    for transition in transitions() {
        let Outcome::Ended(ours) = run::run(&transition).await else {
            known.remove(transition.name.as_str());
            continue;
        };
        let lines = differences_between(&transition, &ours);
        match known.remove(transition.name.as_str()) {
            Some(difference) if lines.is_empty() => unexpected.push(format!(
                "{}: no difference any more; remove it from the table ({})",
                transition.name, difference.why
            )),
            Some(difference) => difference.looks.assert_eq(&lines.join("\n")),
            None if lines.is_empty() => same += 1,
            None => unexpected.push(format!("{transition}\n    {}", lines.join("\n    "))),
        }
    }
    let unknown_files: Vec<&str> = known.into_keys().collect();
    assert_eq!(unknown_files, [""; 0], "known differences of no file");
    assert!(
        unexpected.is_empty(),
        "{} operations end otherwise than with Calico ({same} end the same):\n\n{}\n",
        unexpected.len(),
        unexpected.join("\n\n")
    );
}

#[tokio::test]
async fn the_operations_that_we_do_not_have_are_the_ones_that_the_table_names() {
    let mut missing: BTreeMap<String, usize> = BTreeMap::new();
    for transition in transitions() {
        if let Outcome::NotYet(operation) = run::run(&transition).await {
            *missing.entry(operation).or_default() += 1;
        }
    }
    let table: BTreeMap<String, usize> = NOT_YET
        .iter()
        .map(|(operation, files)| ((*operation).to_owned(), *files))
        .collect();
    assert_eq!(
        missing, table,
        "left: what is missing; right: the table NOT_YET"
    );
}

#[tokio::test]
async fn no_assignment_or_release_that_ends_the_same_takes_more_requests_than_calico() {
    let known = known();
    let compared = |transition: &Transition| {
        let kinds = ["autoAssign", "assignIP", "releaseByHandle", "releaseIPs"];
        kinds.contains(&transition.kind()) && !known.contains_key(transition.name.as_str())
    };
    for transition in transitions().into_iter().filter(compared) {
        if let Outcome::Ended(ours) = run::run(&transition).await {
            // What Calico refuses without a look at the store, ours may refuse after one.
            let (ours, theirs) = (ours.requests, transition.requests.max(1));
            assert!(ours <= theirs, "{transition}: {ours}, Calico {theirs}");
        }
    }
}

#[test]
fn the_comparison_finds_calico_equal_to_itself() {
    for transition in transitions() {
        let calico = Ended {
            answer: calico::answer(&transition),
            after: transition.after.clone(),
            requests: transition.requests,
        };
        let lines = differences_between(&transition, &calico);
        assert_eq!(lines, [""; 0], "{transition}");
    }
}

/// A comparison that overlooks a change would make the others pass for nothing.
#[test]
fn the_comparison_notices_each_record_that_is_not_as_calico_left_it() {
    for transition in transitions() {
        for key in changed(&transition) {
            let mut after = transition.after.clone();
            match transition.before.get(key) {
                Some(value) => after.insert(key.to_owned(), value.clone()),
                None => after.remove(key),
            };
            let stale = Ended {
                answer: calico::answer(&transition),
                after,
                requests: transition.requests,
            };
            let lines = differences_between(&transition, &stale);
            assert!(!lines.is_empty(), "{transition}: {key} went unnoticed");
        }
    }
}

fn transitions() -> Vec<Transition> {
    let transitions = load::transitions();
    assert_eq!(transitions.len(), RECORDED);
    transitions
}

fn changed(transition: &Transition) -> BTreeSet<&str> {
    let (before, after) = (&transition.before, &transition.after);
    before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(*key) != after.get(*key))
        .map(String::as_str)
        .collect()
}

#[test]
fn another_choice_of_a_new_block_is_no_difference_and_another_count_is() {
    let transition = transitions()
        .into_iter()
        .find(|transition| transition.name == "auto-block-limit-request")
        .expect("a recorded choice of blocks");
    let moved: BTreeMap<String, String> = transition
        .after
        .iter()
        .map(|(key, text)| (moved(key), moved(text)))
        .collect();
    assert_ne!(moved, transition.after);
    let addresses = [
        "10.73.0.12/30",
        "10.73.0.13/30",
        "10.73.0.14/30",
        "10.73.0.15/30",
    ];
    let mut ours = Ended {
        answer: Ok(json!({ "v4": addresses, "v6": [], "short": "block limit" })),
        after: moved,
        requests: transition.requests,
    };
    assert_eq!(differences_between(&transition, &ours), [""; 0]);
    let handle = "/calico/ipam/v2/handle/net.m".to_owned();
    let counts = r#"{"block":{"10.73.0.12/30":4},"deleted":false}"#.to_owned();
    ours.after.insert(handle, counts);
    assert_eq!(
        differences_between(&transition, &ours),
        [r"handle/net.m count 10.73.0.4/30: 4; Calico 5"]
    );
}

/// Puts what concerns the new block of the recorded operation into another one.
fn moved(text: &str) -> String {
    text.replace("10.73.0.4/30", "10.73.0.12/30")
        .replace("10.73.0.4-30", "10.73.0.12-30")
}
