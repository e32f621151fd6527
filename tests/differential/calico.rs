//! Calico's results in the words that both sides share. Its sentences are not compared, only what they decide.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::load::Transition;

/// What an operation answered, or the word for why not.
pub(crate) type Answer = Result<Value, String>;

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
    ("failed to find or claim a block", "exhausted"),
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
pub(crate) fn answer(transition: &Transition) -> Answer {
    let result = &transition.result;
    let why_not = why_not(result);
    match (transition.kind(), why_not) {
        ("autoAssign", why_not) => Ok(json!({
            "v4": addresses(result, "v4"),
            "v6": addresses(result, "v6"),
            "short": why_not.or_else(|| is_short(result).then(|| "exhausted".to_owned())),
        })),
        // Every caller takes it as success, and ours says so at once.
        ("releaseByHandle", Some(word)) if word == "not found" => Ok(json!({})),
        (_, Some(word)) => Err(word),
        ("releaseIPs", None) => Ok(released(result)),
        (_, None) => Ok(result.clone()),
    }
}

fn why_not(result: &Value) -> Option<String> {
    if let Some(text) = result["panic"].as_str() {
        return Some(format!("crash: {text}"));
    }
    let text = result["error"].as_str()?;
    let known = DECISIONS.iter().find(|(part, _)| text.contains(part));
    Some(match (known, result["errorKind"].as_str()) {
        (Some((_, decision)), _) => (*decision).to_owned(),
        (None, Some("already exists" | "update conflict: bad handle")) => "taken".to_owned(),
        (None, Some("update conflict: bad sequence number")) => "other assignment".to_owned(),
        (None, Some("other") | None) => format!("error: {text}"),
        (None, Some(kind)) => kind.to_owned(),
    })
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
