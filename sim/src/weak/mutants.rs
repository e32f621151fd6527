//! What wrong decisions would read and write, as changes of the values that go through the port.

use std::collections::BTreeMap;

use block_ipam::datastore::{Guard, Snapshot, Txn, Write};
use serde_json::{Map, Value};

use crate::net::Net;
use crate::operation::Operation;

/// Returns the transaction without some of its writes.
pub(super) fn without(txn: &Txn, is_meant: impl Fn(&Write) -> bool) -> Txn {
    let rest: Vec<Write> = txn
        .writes
        .iter()
        .filter(|write| !is_meant(write))
        .cloned()
        .collect();
    Txn {
        guards: txn.guards.clone(),
        writes: if rest.is_empty() {
            txn.writes.clone()
        } else {
            rest
        },
    }
}

/// Returns whether a write deletes a record of this kind.
pub(super) fn is_delete(write: &Write, part: &str) -> bool {
    matches!(write, Write::Delete(key) if key.contains(part))
}

fn edited(txn: &Txn, part: &str, edit: impl Fn(&str, &mut Value)) -> Txn {
    let writes = txn.writes.iter().map(|write| match write {
        Write::Put(key, value) if key.contains(part) => {
            let mut record = serde_json::from_slice(value).unwrap_or(Value::Null);
            edit(key, &mut record);
            Write::Put(key.clone(), record.to_string().into_bytes())
        }
        write => write.clone(),
    });
    Txn {
        guards: txn.guards.clone(),
        writes: writes.collect(),
    }
}

/// "Already mine" is never seen: the own handle is absent, and its entries are somebody else's.
pub(super) fn forget_own(snapshot: &mut Snapshot, operation: &Operation) {
    let Some((handle, _)) = operation.holder() else {
        return;
    };
    let own = format!("/ipam/v2/handle/{handle}");
    for found in &mut snapshot.found {
        found.entries.retain(|entry| !entry.key.ends_with(&own));
        for entry in &mut found.entries {
            rename(
                &mut entry.value,
                &named(handle),
                &named(&format!("~{handle}")),
            );
        }
    }
}

/// What was read under another name is written under its own.
pub(super) fn with_own_name(txn: &Txn, operation: &Operation) -> Txn {
    let Some((handle, _)) = operation.holder() else {
        return txn.clone();
    };
    let guards = txn.guards.iter().filter(|guard| {
        !matches!(guard, Guard::Absent(key) | Guard::At(key, _) if key.contains("/ipam/v2/handle/"))
    });
    let mut writes = txn.writes.clone();
    for write in &mut writes {
        if let Write::Put(_, value) = write {
            rename(value, &named(&format!("~{handle}")), &named(handle));
        }
    }
    Txn {
        guards: guards.cloned().collect(),
        writes,
    }
}

fn named(handle: &str) -> String {
    format!("\"handle_id\":\"{handle}\"")
}

fn rename(value: &mut Vec<u8>, from: &str, to: &str) {
    if let Ok(text) = std::str::from_utf8(value) {
        *value = text.replace(from, to).into_bytes();
    }
}

/// What cools is taken for free.
pub(super) fn warm_up(snapshot: &mut Snapshot) {
    let entries = snapshot
        .found
        .iter_mut()
        .flat_map(|found| &mut found.entries);
    for entry in entries.filter(|entry| entry.key.contains("/assignment/")) {
        let Ok(mut block) = serde_json::from_slice::<Value>(&entry.value) else {
            continue;
        };
        let cooling = |block: &Value, place: usize| {
            let index = block["allocations"][place].as_u64()?;
            let attribute = &block["attributes"][usize::try_from(index).ok()?];
            attribute.get("releasedAt").map(|_| ())
        };
        let size = block["allocations"].as_array().map_or(0, Vec::len);
        for place in 0..size {
            if cooling(&block, place).is_some() {
                block["allocations"][place] = Value::Null;
                if let Some(queue) = block["unallocated"].as_array_mut() {
                    queue.push(place.into());
                }
            }
        }
        entry.value = block.to_string().into_bytes();
    }
}

/// What is released has the number that it had when the release was decided on.
pub(super) fn as_expected(snapshot: &mut Snapshot, operation: &Operation) {
    let Operation::ReleaseAddresses(all) = operation else {
        return;
    };
    let entries = snapshot
        .found
        .iter_mut()
        .flat_map(|found| &mut found.entries);
    for entry in entries.filter(|entry| entry.key.contains("/assignment/")) {
        let Ok(mut block) = serde_json::from_slice::<Value>(&entry.value) else {
            continue;
        };
        let Some(net) = block["cidr"].as_str().and_then(Net::parse) else {
            continue;
        };
        for held in all {
            if let (Some(place), Some(sequence)) = (net.place(held.address), held.sequence) {
                block["sequenceNumberForAllocation"][place.to_string()] = sequence.into();
            }
        }
        entry.value = block.to_string().into_bytes();
    }
}

/// Each count is what was asked for, whatever was taken of that block.
pub(super) fn counting_what_was_asked(txn: &Txn, operation: &Operation) -> Txn {
    let Operation::Assign(assign) = operation else {
        return txn.clone();
    };
    let asked = assign.v4 + assign.v6;
    edited(txn, "/ipam/v2/handle/", |_, record| {
        if let Some(counts) = record["block"].as_object_mut() {
            counts.values_mut().for_each(|count| *count = asked.into());
        }
    })
}

/// Each count is what the blocks of this transaction say, whoever else may be about to lower it.
pub(super) fn counting_the_truth(txn: &Txn, operation: &Operation) -> Txn {
    let Some((handle, _)) = operation.holder() else {
        return txn.clone();
    };
    let mut truth = Map::new();
    for write in &txn.writes {
        if let Write::Put(key, value) = write
            && key.contains("/assignment/")
            && let Ok(block) = serde_json::from_slice::<Value>(value)
            && let Some(cidr) = block["cidr"].as_str()
        {
            truth.insert(cidr.to_owned(), held_in(&block, handle).into());
        }
    }
    edited(txn, "/ipam/v2/handle/", |_, record| {
        if let Some(counts) = record["block"].as_object_mut() {
            counts.extend(truth.clone());
        }
    })
}

fn held_in(block: &Value, handle: &str) -> usize {
    let slots = block["allocations"].as_array();
    let indexes = slots.into_iter().flatten().filter_map(Value::as_u64);
    let holders = indexes.filter_map(|index| {
        let attribute = &block["attributes"][usize::try_from(index).ok()?];
        attribute["handle_id"].as_str()
    });
    holders.filter(|holder| *holder == handle).count()
}

/// A block is written with the number that it has.
pub(super) fn with_old_sequences(txn: &Txn, known: &BTreeMap<String, Value>) -> Txn {
    edited(txn, "/assignment/", |key, record| {
        if let Some(before) = known.get(key) {
            record["sequenceNumber"] = before["sequenceNumber"].clone();
        }
    })
}

/// Returns the part of IPv4 with all guards, and the rest without any; `None` where there is but one family.
pub(super) fn by_family(txn: &Txn) -> Option<(Txn, Txn)> {
    let is_v6 = |write: &&Write| write.key().contains("/ipv6/");
    let is_v4 = |write: &&Write| write.key().contains("/ipv4/");
    let v4: Vec<Write> = txn.writes.iter().filter(is_v4).cloned().collect();
    let rest: Vec<Write> = txn
        .writes
        .iter()
        .filter(|write| !is_v4(write))
        .cloned()
        .collect();
    if v4.is_empty() || !rest.iter().any(|write| is_v6(&write)) {
        return None;
    }
    let first = Txn {
        guards: txn.guards.clone(),
        writes: v4,
    };
    let second = Txn {
        guards: Vec::new(),
        writes: rest,
    };
    Some((first, second))
}
