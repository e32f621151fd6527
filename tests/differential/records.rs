//! Records as members that can be compared one by one, free of what each writer may choose: the numbering of
//! attributes, spellings of nothing, times, the base of sequence numbers.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::load::Records;

const BLOCKS: &str = "/calico/ipam/v2/assignment/";
const HANDLES: &str = "/calico/ipam/v2/handle/";
const RESOURCES: &str = "/calico/resources/v3/";
/// A time that an operation wrote may be this far from the time it began.
const NEAR: SignedDuration = SignedDuration::from_secs(5);

/// The members of one record, by names for people.
pub(crate) type Members = BTreeMap<String, Value>;

/// Where members are read: what stood there before, and when.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) before: &'a Records,
    pub(crate) now: Timestamp,
}

impl Reader<'_> {
    /// Reads one record.
    pub(crate) fn members(self, key: &str, text: &str) -> Members {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Members::from([("text".to_owned(), json!(text))]);
        };
        let old = self.before.get(key);
        let old = old.and_then(|text| serde_json::from_str::<Value>(text).ok());
        if key.starts_with(BLOCKS) {
            self.block(&value, &old.unwrap_or_default())
        } else if key.starts_with(HANDLES) {
            handle(&value)
        } else if key.starts_with(RESOURCES) && old.is_none() {
            Members::from([("value".to_owned(), new_resource(value))])
        } else {
            Members::from([("value".to_owned(), value)])
        }
    }

    fn block(self, block: &Value, old: &Value) -> Members {
        let mut members = Members::new();
        for (name, value) in block.as_object().into_iter().flatten() {
            match name.as_str() {
                "sequenceNumber" | "attributes" => {}
                "affinity_claim_time" => {
                    let time = self.time(value, &old["affinity_claim_time"]);
                    members.insert("claimed".to_owned(), time);
                }
                "allocations" => members.extend(self.slots(block, old)),
                "unallocated" => {
                    members.insert("queue".to_owned(), json!(value.to_string()));
                }
                "sequenceNumberForAllocation" => members.extend(entries(block, old)),
                _ => {
                    members.insert(name.clone(), value.clone());
                }
            }
        }
        members.retain(|_, value| !value.is_null());
        members
    }

    fn slots(self, block: &Value, old: &Value) -> Members {
        let slots = block["allocations"].as_array().into_iter().flatten();
        slots
            .enumerate()
            .map(|(ordinal, _)| {
                let slot = slot(block, ordinal);
                let old = slot_time(old, ordinal);
                (format!("slot {ordinal:02}"), self.attribute(&slot, &old))
            })
            .collect()
    }

    fn attribute(self, attribute: &Value, old_time: &Value) -> Value {
        let Some(attribute) = attribute.as_object() else {
            return attribute.clone();
        };
        let mut members = Map::new();
        for (name, value) in attribute {
            let nothing = value.is_null() || value.as_object().is_some_and(Map::is_empty);
            if name == "releasedAt" {
                members.insert(name.clone(), self.time(value, old_time));
            } else if !nothing {
                members.insert(name.clone(), value.clone());
            }
        }
        Value::Object(members)
    }

    /// Returns the time as it was before, or `now` where the operation wrote it.
    fn time(self, value: &Value, old: &Value) -> Value {
        let time = value.as_str().and_then(|text| text.parse().ok());
        let is_near = |time: Timestamp| time.duration_since(self.now).abs() < NEAR;
        if value != old && time.is_some_and(is_near) {
            json!("now")
        } else {
            value.clone()
        }
    }
}

fn slot(block: &Value, ordinal: usize) -> Value {
    match &block["allocations"][ordinal] {
        Value::Null => json!("free"),
        index => index
            .as_u64()
            .and_then(|index| block["attributes"].get(usize::try_from(index).ok()?))
            .cloned()
            .unwrap_or_else(|| json!(format!("attribute {index}, which does not exist"))),
    }
}

fn slot_time(block: &Value, ordinal: usize) -> Value {
    slot(block, ordinal)["releasedAt"].clone()
}

/// Entries that the operation wrote count from the number of the block.
fn entries(block: &Value, old: &Value) -> Members {
    const ENTRIES: &str = "sequenceNumberForAllocation";
    let number = block["sequenceNumber"].as_u64().unwrap_or_default();
    let entries = block[ENTRIES].as_object().into_iter().flatten();
    entries
        .map(|(ordinal, entry)| {
            let value = match entry.as_u64() {
                Some(entry) if old[ENTRIES][ordinal] != entry => {
                    json!(format!(
                        "{} before the block",
                        i128::from(number) - i128::from(entry)
                    ))
                }
                _ => entry.clone(),
            };
            (format!("entry {ordinal:0>2}"), value)
        })
        .collect()
}

fn handle(handle: &Value) -> Members {
    let mut members = Members::new();
    for (name, value) in handle.as_object().into_iter().flatten() {
        match (name.as_str(), value.as_object()) {
            ("block", Some(counts)) => members.extend(
                counts
                    .iter()
                    .map(|(block, count)| (format!("count {block}"), count.clone())),
            ),
            _ => drop(members.insert(name.clone(), value.clone())),
        }
    }
    members
}

/// A new resource has an identity and a birthday of its own.
fn new_resource(mut resource: Value) -> Value {
    for member in ["uid", "creationTimestamp"] {
        if resource["metadata"][member].is_string() {
            resource["metadata"][member] = json!("new");
        }
    }
    resource
}
