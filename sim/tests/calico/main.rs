//! What real Calico did, done by the writer that plays it in the simulation: every recorded operation that it claims to
//! model must send the same requests in the same order, answer the same, and leave the same records, counts included.
//!
//! What is not claimed stands in [`UNCLAIMED`] with the reason; an operation that is in neither list fails.

mod compare;
mod load;
#[path = "../../../tests/differential/records.rs"]
mod records;
mod run;
mod starts;
mod trace;

use std::collections::BTreeMap;

use crate::compare::differences;
use crate::load::Transition;
use crate::run::{Ended, Perform};

const RECORDED: usize = 261;

/// How many recorded operations of each kind are repeated.
const CLAIMED: [(&str, usize); 23] = [
    ("assignIP", 25),
    ("autoAssign", 84),
    ("claimAffinity", 9),
    ("collectColdIPs", 3),
    ("createNode", 1),
    ("createPool", 6),
    ("createReservation", 1),
    ("deleteNode", 1),
    ("deletePool", 2),
    ("deleteReservation", 1),
    ("ensureBlock", 3),
    ("getAttributes", 7),
    ("getIPAMConfig", 3),
    ("ipsByHandle", 5),
    ("releaseAffinity", 9),
    ("releaseBlockAffinity", 1),
    ("releaseByHandle", 30),
    ("releaseHostAffinities", 2),
    ("releaseIPs", 22),
    ("releasePoolAffinities", 3),
    ("removeIPAMHost", 3),
    ("setIPAMConfig", 7),
    ("updatePool", 1),
];

/// What is not repeated: a kind of operation, a part of the names of its files (empty for all), and why.
const UNCLAIMED: [(&str, &[&str], &str); 8] = [
    (
        "createPool",
        &[
            "unmasked",
            "block-size-33",
            "small",
            "both-modes",
            "ipip-v6",
            "lb-mixed",
            "ns-tunnel",
            "bad-selector",
            "link-local",
            "name",
        ],
        "fields are judged before or beside the store, and pools of the simulation are valid",
    ),
    (
        "createReservation",
        &["bare"],
        "fields are judged before the store, and reservations of the simulation are valid",
    ),
    (
        "updatePool",
        &["block-size", "cidr"],
        "fields are judged before the store, and nobody in the simulation changes these",
    ),
    (
        "getUtilization",
        &[""],
        "it writes nothing and decides nothing",
    ),
    (
        "promoteVMOwner",
        &[""],
        "owners of virtual machines write no more than a block's attributes",
    ),
    (
        "setOwnerAttributes",
        &[""],
        "owners of virtual machines write no more than a block's attributes",
    ),
    ("upgradeHost", &[""], "it writes nothing on etcd"),
    ("vmHandle", &[""], "it asks no store"),
];

fn why_unclaimed(transition: &Transition) -> Option<&'static str> {
    let (_, _, why) = UNCLAIMED.iter().find(|(kind, parts, _)| {
        let named = |part: &&str| part.is_empty() || transition.name.ends_with(*part);
        *kind == transition.kind() && parts.iter().any(named)
    })?;
    Some(why)
}

#[tokio::test]
async fn each_recorded_operation_takes_the_same_requests_and_leaves_the_same_records() {
    let mut failures = Vec::new();
    for transition in claimed() {
        let lines = match run::run(&transition).await {
            Perform::Done(ended) => differences(&transition, &ended),
            Perform::Unknown => vec!["the writer has no such operation".to_owned()],
        };
        if !lines.is_empty() {
            failures.push(format!("{transition}\n    {}", lines.join("\n    ")));
        }
    }
    assert!(
        failures.is_empty(),
        "{} operations go otherwise than Calico's:\n\n{}\n",
        failures.len(),
        failures.join("\n\n")
    );
}

#[test]
fn every_recorded_operation_is_claimed_or_named_with_its_reason() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for transition in claimed() {
        *counts.entry(transition.kind().to_owned()).or_default() += 1;
    }
    let table: BTreeMap<String, usize> = CLAIMED
        .iter()
        .map(|(kind, count)| ((*kind).to_owned(), *count))
        .collect();
    assert_eq!(counts, table, "left: claimed; right: the table");
}

/// A comparison that overlooks a request or a record would make the others pass for nothing.
#[tokio::test]
async fn a_request_or_a_record_that_is_missing_is_noticed() {
    for transition in claimed() {
        let Some(mut ended) = run::run(&transition).await.done() else {
            continue;
        };
        ended.trace = transition.trace.iter().skip(1).cloned().collect();
        if transition.trace.len() > 1 {
            let lines = differences(&transition, &ended);
            assert!(!lines.is_empty(), "{transition}: a request went unnoticed");
        }
        let changed = transition
            .after
            .iter()
            .find(|(key, value)| transition.before.get(*key) != Some(*value));
        if let Some((key, _)) = changed {
            ended.after = transition.after.clone();
            ended.after.remove(key);
            let lines = differences(&transition, &ended);
            assert!(!lines.is_empty(), "{transition}: {key} went unnoticed");
        }
    }
}

fn claimed() -> Vec<Transition> {
    let transitions = load::modelled();
    assert_eq!(transitions.len(), RECORDED);
    let claimed = |transition: &Transition| why_unclaimed(transition).is_none();
    transitions.into_iter().filter(claimed).collect()
}

impl Perform {
    fn done(self) -> Option<Ended> {
        match self {
            Perform::Done(ended) => Some(ended),
            Perform::Unknown => None,
        }
    }
}
