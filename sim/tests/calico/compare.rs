//! Requests, answers and records beside the recorded ones, by the rules of `tests/golden/README.md`; counts of handles
//! are compared as they are, for the writer must err as Calico does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::load::{Records, Transition};
use crate::records::Reader;
use crate::run::Ended;

const BLOCKS: &str = "/calico/ipam/v2/assignment/";

/// An operation writes a block less often than this.
const MOST_WRITES: u64 = 1000;

/// Calico walks a map of blocks, or works on several at once: the order between blocks is anybody's guess.
const UNORDERED: [&str; 4] = [
    "deletePool",
    "releaseByHandle",
    "releaseIPs",
    "releasePoolAffinities",
];

/// Returns one line for each difference.
pub(crate) fn differences(transition: &Transition, ours: &Ended) -> Vec<String> {
    let mut lines = traces(transition, ours);
    let told = told(&transition.result);
    if ours.answer != told {
        lines.push(format!("answers {}; Calico {told}", ours.answer));
    }
    lines.extend(records(transition, &ours.after));
    lines
}

fn traces(transition: &Transition, ours: &Ended) -> Vec<String> {
    let mut lines = Vec::new();
    let theirs = transition.sent();
    let ours_cut = &ours.trace[..if transition.is_cut() {
        theirs.len().min(ours.trace.len())
    } else {
        ours.trace.len()
    }];
    let is_unordered = UNORDERED.contains(&transition.kind());
    if is_unordered && transition.is_cut() {
        // Which blocks came first is unknown, so only kinds of requests can be compared.
        if verbs(ours_cut) != verbs(theirs) {
            lines.push(format!("requests {ours_cut:#?}; Calico {theirs:#?}"));
        }
    } else if is_unordered {
        if sorted(ours_cut.iter()) != sorted(theirs.iter()) {
            lines.push(format!("requests {ours_cut:#?}; Calico {theirs:#?}"));
        }
    } else if ours_cut != theirs {
        lines.push(format!("requests {ours_cut:#?}; Calico {theirs:#?}"));
    }
    let sends_nothing = transition.operation["handle"] == "";
    if !(sends_nothing && transition.is_cut()) && ours.requests != transition.requests {
        lines.push(format!(
            "{:?}; Calico {:?}",
            ours.requests, transition.requests
        ));
    }
    lines
}

fn verbs(lines: &[String]) -> Vec<&str> {
    sorted(lines.iter().filter_map(|line| line.split(' ').next()))
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort();
    items
}

/// The parts of a recorded result that the writer tells, too.
fn told(result: &Value) -> Value {
    let mut told = result.clone();
    if let Some(members) = told.as_object_mut() {
        members.remove("errorKind");
        for family in ["v4", "v6"] {
            if let Some(Value::Object(family)) = members.get_mut(family) {
                family.remove("partialError");
            }
        }
        if let Some(Value::String(text)) = members.get_mut("error") {
            // What follows are the words of a parser.
            if let Some(at) = text.find("value=not JSON") {
                text.truncate(at);
            }
            // Beside a failure these lists are empty.
            for list in ["ips", "claimed", "failed"] {
                members.remove(list);
            }
        }
    }
    told
}

fn records(transition: &Transition, ours: &Records) -> Vec<String> {
    let reader = Reader {
        before: &transition.before,
        now: transition.now,
    };
    let keys: BTreeSet<&String> = ours.keys().chain(transition.after.keys()).collect();
    let mut lines = Vec::new();
    for key in keys {
        let members = |records: &Records| {
            let members = records.get(key).map(|text| reader.members(key, text));
            members.unwrap_or_default()
        };
        let (own, theirs) = (members(ours), members(&transition.after));
        let names: BTreeSet<&String> = own.keys().chain(theirs.keys()).collect();
        for name in names {
            if own.get(name) != theirs.get(name) {
                let (own, theirs) = (own.get(name), theirs.get(name));
                lines.push(format!("{key} {name}: {own:?}; Calico {theirs:?}"));
            }
        }
        let was = transition
            .before
            .get(key)
            .and_then(|text| sequence(key, text));
        let [own, theirs] = [ours, &transition.after]
            .map(|records| records.get(key).and_then(|text| sequence(key, text)));
        let is_new = |number: Option<u64>| {
            number
                .zip(was)
                .is_none_or(|(now, was)| was + MOST_WRITES < now)
        };
        // A new block counts from the time, which is not the recorded one to the nanosecond.
        if is_new(own) != is_new(theirs) || (!is_new(own) && own != theirs) {
            lines.push(format!("{key} sequence {own:?}; Calico {theirs:?}"));
        }
    }
    lines
}

fn sequence(key: &str, text: &str) -> Option<u64> {
    let block: BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
    let number = block.get("sequenceNumber").and_then(Value::as_u64);
    key.starts_with(BLOCKS).then(|| number.unwrap_or(0))
}
