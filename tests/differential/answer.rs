//! Both sides' results in the words that they share. Calico's sentences are not compared, only what they decide.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::load::Transition;

/// What an operation answered, or why not.
pub(crate) type Answer = Result<Value, WhyNot>;

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WhyNot {
    /// What was decided.
    pub(crate) decision: String,
    /// The recorder's word for the kind of error; nothing where it has none.
    pub(crate) kind: Option<String>,
}

/// What Calico's sentences decide. The first that occurs in the text counts.
const DECISIONS: [(&str, &str); 26] = [
    ("is not within any configured pools", "outside pools"),
    ("is smaller than the minimum", "below block size"),
    ("is not empty", "not empty"),
    ("cannot find a qualified ippool", "no pool admits it"),
    ("no configured Calico pools", "no pool admits it"),
    ("does not exist, or is not enabled", "bad pool"),
    ("IPPools list contains one or more", "bad pool"),
    ("per host block limit", "block limit"),
    ("failed to find or claim a block", "no automatic blocks"),
    ("free ips which is less than", "exhausted"),
    ("must specify the intended use", "bad request"),
    ("insufficient identifiers, missing ''", "bad request"),
    ("HostReservedAttr has wrong parameters", "no pool admits it"),
    ("failed to parse IP", "bad request"),
    ("not in a configured pool", "outside pools"),
    ("which is not allowed for use", "no pool admits it"),
    ("already has IP(s) allocated", "handle full"),
    ("is not assigned to handle", "taken"),
    ("mutually exclusive", "bad request"),
    ("updates cannot be nil", "bad request"),
    ("Block host affinity does not match", "strict affinity"),
    ("with no affinity", "strict affinity"),
    ("Cannot disable 'StrictAffinity'", "validation"),
    ("requires StrictAffinity to be enabled", "validation"),
    ("missing etcd KV", "corrupt"),
    ("resource does not exist: Node(", "no node record"),
];

/// Returns what Calico answered.
pub(crate) fn calicos(transition: &Transition) -> Answer {
    let result = &transition.result;
    let why_not = decision(transition);
    match (transition.kind(), why_not) {
        ("autoAssign", why_not) => {
            let short = is_short(result).then_some("exhausted");
            Ok(assigned(result, why_not.as_deref().or(short)))
        }
        (_, Some(decision)) => Err(WhyNot {
            decision,
            kind: kind(result),
        }),
        ("releaseIPs", None) => Ok(released(result)),
        (_, None) => Ok(result.clone()),
    }
}

/// Returns what ours answered.
pub(crate) fn ours(transition: &Transition, result: &Value) -> Answer {
    let word = |result: &Value| result["refusal"].as_str().map(str::to_owned);
    match (transition.kind(), word(result)) {
        ("autoAssign", refusal) => {
            let short = ["v4", "v6"].iter().find_map(|family| word(&result[family]));
            Ok(assigned(result, refusal.or(short).as_deref()))
        }
        (_, Some(decision)) => Err(WhyNot {
            decision,
            kind: kind(result),
        }),
        ("releaseIPs", None) => Ok(released(result)),
        (_, None) => {
            let mut result = result.clone();
            let members = result.as_object_mut().expect("a result is an object");
            members.remove("requests");
            Ok(result)
        }
    }
}

/// What the recorder calls `other` has no kind.
fn kind(result: &Value) -> Option<String> {
    let kind = result["errorKind"].as_str();
    kind.filter(|kind| *kind != "other").map(str::to_owned)
}

fn decision(transition: &Transition) -> Option<String> {
    let result = &transition.result;
    if let Some(text) = result["panic"].as_str() {
        return Some(format!("crash: {text}"));
    }
    let text = result["error"].as_str()?;
    if let Some((_, decision)) = DECISIONS.iter().find(|(part, _)| text.contains(part)) {
        return Some((*decision).to_owned());
    }
    let decision = match (result["errorKind"].as_str(), transition.kind()) {
        (Some("already exists"), "assignIP") => "taken",
        (Some("already exists"), _) => "exists",
        (Some("update conflict: bad handle"), _) => "taken",
        (Some("update conflict: bad sequence number"), _) => "other assignment",
        (Some("update conflict"), "setOwnerAttributes") => "other owner",
        (Some("update conflict"), _) => "changed",
        (Some("alternate owner empty"), _) => "no alternate owner",
        (Some("alternate owner mismatch"), _) => "other owner",
        (Some("other") | None, _) => return Some(format!("error: {text}")),
        (Some(kind), _) => kind,
    };
    Some(decision.to_owned())
}

fn assigned(result: &Value, short: Option<&str>) -> Value {
    json!({ "v4": addresses(result, "v4"), "v6": addresses(result, "v6"), "short": short })
}

fn addresses(result: &Value, family: &str) -> Value {
    result[family]
        .get("ips")
        .cloned()
        .unwrap_or_else(|| json!([]))
}

/// Calico counts as completed what was not assigned too, where there is a block.
fn released(result: &Value) -> Value {
    let list = |member: &str| -> BTreeSet<&str> {
        let list = result[member].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).collect()
    };
    let not_assigned = list("notAllocated");
    let completed = list("completed");
    let released: Vec<_> = completed.difference(&not_assigned).collect();
    json!({ "released": released, "notAssigned": not_assigned })
}

/// Calico calls fewer addresses than wanted a success.
fn is_short(result: &Value) -> bool {
    ["v4", "v6"].iter().any(|family| {
        let got = result[family]["ips"].as_array().map_or(0, Vec::len);
        let wanted = result[family]["requested"].as_u64();
        wanted.is_some_and(|wanted| (got as u64) < wanted)
    })
}
