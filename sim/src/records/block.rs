//! From the JSON of a block to its slots.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::kinds::{Block, Entry, Slot};
use crate::net::Net;

const KNOWN: [&str; 9] = [
    "cidr",
    "affinity",
    "affinity_claim_time",
    "allocations",
    "unallocated",
    "attributes",
    "sequenceNumber",
    "sequenceNumberForAllocation",
    "deleted",
];

/// Reads a block, and refuses one whose parts do not agree.
pub(super) fn block(net: Net, value: &Value) -> Result<Block, String> {
    let members = value.as_object().ok_or("a block that is no object")?;
    if value["cidr"].as_str() != Some(net.to_string().as_str()) {
        return Err(format!("block {net} says that it is {}", value["cidr"]));
    }
    let unknown = members
        .iter()
        .filter(|(name, _)| !KNOWN.contains(&name.as_str()));
    Ok(Block {
        net,
        owner: value["affinity"].as_str().map(str::to_owned),
        slots: slots(net, value)?,
        claimed: value["affinity_claim_time"]
            .as_str()
            .and_then(seconds)
            .unwrap_or(0),
        sequence: value["sequenceNumber"].as_u64().unwrap_or(0),
        unknown: unknown
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    })
}

/// Reads the slots, and refuses arrays that do not agree.
fn slots(net: Net, value: &Value) -> Result<Vec<Slot>, String> {
    let places = value["allocations"]
        .as_array()
        .ok_or("a block without allocations")?;
    if places.len() as u128 != net.size() {
        return Err(format!("block {net} has {} allocations", places.len()));
    }
    let attributes: &[Value] = value["attributes"].as_array().map_or(&[], Vec::as_slice);
    let mut used = BTreeSet::new();
    let mut slots = Vec::new();
    for (place, index) in places.iter().enumerate() {
        let Some(index) = index.as_u64() else {
            slots.push(Slot::Free);
            continue;
        };
        used.insert(index);
        let attribute = usize::try_from(index)
            .ok()
            .and_then(|index| attributes.get(index));
        let attribute = attribute.ok_or_else(|| format!("{net} points at attribute {index}"))?;
        let sequence = value["sequenceNumberForAllocation"][place.to_string()].as_u64();
        slots.push(slot(attribute, sequence)?);
    }
    if used.len() != attributes.len() {
        return Err(format!("{net} has an attribute that nothing points at"));
    }
    check_queue(net, value, &slots)?;
    Ok(slots)
}

fn check_queue(net: Net, value: &Value, slots: &[Slot]) -> Result<(), String> {
    let queue = value["unallocated"]
        .as_array()
        .ok_or("a block without queue")?;
    let mut queue: Vec<u64> = queue.iter().filter_map(Value::as_u64).collect();
    queue.sort_unstable();
    let free = slots.iter().enumerate();
    let free = free.filter(|(_, slot)| **slot == Slot::Free);
    let free: Vec<u64> = free.map(|(place, _)| place as u64).collect();
    if queue == free {
        Ok(())
    } else {
        Err(format!(
            "the queue of {net} is {queue:?}, free are {free:?}"
        ))
    }
}

fn slot(attribute: &Value, sequence: Option<u64>) -> Result<Slot, String> {
    if let Some(released) = attribute["releasedAt"].as_str() {
        let seconds = seconds(released).ok_or_else(|| format!("released at {released}"))?;
        return Ok(Slot::Cooling(seconds));
    }
    let text = |name: &str| attribute["secondary"][name].as_str().map(str::to_owned);
    Ok(Slot::Held(Entry {
        handle: attribute["handle_id"].as_str().map(str::to_owned),
        interface: text("interface"),
        node: text("node"),
        sequence,
    }))
}

/// Reads a time such as `2026-03-02T09:14:55Z` as seconds since 1970.
fn seconds(text: &str) -> Option<i64> {
    Some(text.parse::<Timestamp>().ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use crate::records::{Record, key, read};

    #[test]
    fn a_block_is_read_and_faults_are_told() {
        let key = key("/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-31").unwrap();
        let text = r#"{"cidr":"10.0.0.0/31","affinity":"host:n1","allocations":[0,null],"unallocated":[1],
            "attributes":[{"handle_id":"h","secondary":{"node":"n1"}}],"sequenceNumber":7,"sequenceNumberForAllocation":{"0":6},"new":1}"#;
        let Ok(Record::Block(block)) = read(&key, text.as_bytes()) else {
            panic!("it is a block");
        };
        let (address, entry) = block.entries().next().unwrap();
        assert_eq!(address.to_string(), "10.0.0.0");
        assert_eq!((entry.sequence, block.unknown.len()), (Some(6), 1));
        assert!(entry.is_of("h", Some("eth0")) && !entry.is_of("g", None));
        for (from, to) in [
            ("[1]", "[]"),
            ("[0,null]", "[1,null]"),
            ("10.0.0.0/31", "10.0.0.2/31"),
        ] {
            let wrong = text.replacen(from, to, 1);
            assert!(read(&key, wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
