//! Records as the checker reads them: plain JSON by the words of the format, never by the library's own codec.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use crate::net::Net;

/// What slots that Windows nodes keep stand under.
pub const WINDOWS_SLOTS: &str = "windows-reserved-ipam-handle";

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A block.
    Block(Block),
    /// An affinity: its owner (`host:n1`), its block, its state.
    Affinity(String, Net, String),
    /// A handle and its counts.
    Handle(String, BTreeMap<Net, i64>),
    /// A pool.
    Pool(Pool),
    /// A reservation, by name.
    Reservation(String, Vec<Net>),
    /// A node and its rack.
    Node(String, String),
    /// The configuration.
    Config(Config),
    /// A node that borrows from a block.
    Borrowed(String, Net),
}

/// What identifies a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A block.
    Block(Net),
    /// An affinity.
    Affinity(String, Net),
    /// A handle.
    Handle(String),
    /// A pool.
    Pool(String),
    /// A reservation.
    Reservation(String),
    /// A node.
    Node(String),
    /// The configuration.
    Config,
    /// The index of borrowing.
    Borrowed(String, Net),
}

/// A block.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Its CIDR by its key.
    pub net: Net,
    /// Its owner, `host:n1`.
    pub owner: Option<String>,
    /// One for each address, in order.
    pub slots: Vec<Slot>,
    /// When its owner claimed it, in seconds; 0 if that is not known.
    pub claimed: i64,
    /// Its sequence number.
    pub sequence: u64,
    /// Members that nobody knows.
    pub unknown: BTreeMap<String, Value>,
}

/// What an address of a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// Free.
    Free,
    /// Not to be used until it has cooled since then (seconds since 1970).
    Cooling(i64),
    /// Held.
    Held(Entry),
}

/// Who holds an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The handle.
    pub handle: Option<String>,
    /// The interface.
    pub interface: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// The sequence of its assignment.
    pub sequence: Option<u64>,
}

/// A pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub net: Net,
    /// The prefix length of its blocks.
    pub block_length: u8,
    /// Whether it gives out nothing.
    pub disabled: bool,
    /// The only rack that it serves.
    pub rack: Option<String>,
    /// Whether it serves load balancers, and nobody else.
    pub load_balancer: bool,
}

/// The configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Whether nobody borrows.
    pub strict: bool,
    /// Whether nodes claim blocks by themselves.
    pub auto: bool,
    /// Most blocks of a node in a family.
    pub max_blocks: usize,
    /// Seconds of cool-down.
    pub cool_down: i64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            strict: false,
            auto: true,
            max_blocks: BUILT_IN_LIMIT,
            cool_down: 0,
        }
    }
}

/// Blocks of a node in a family where nothing else is said.
const BUILT_IN_LIMIT: usize = 20;

/// Reads the key of a record; `None` for keys that are not ours to look at.
pub fn key(text: &str) -> Option<Key> {
    let parts: Vec<&str> = text.trim_start_matches('/').split('/').collect();
    Some(match parts.as_slice() {
        ["calico", "ipam", "v2", "assignment", _, "block", net] => Key::Block(Net::parse(net)?),
        [
            "calico",
            "ipam",
            "v2",
            kind @ ("host" | "virtual"),
            name,
            _,
            "block",
            net,
        ] => Key::Affinity(format!("{kind}:{name}"), Net::parse(net)?),
        ["calico", "ipam", "v2", "handle", id] => Key::Handle((*id).to_owned()),
        ["calico", "ipam", "v2", "config"] => Key::Config,
        ["calico", "resources", "v3", _, kind, name] => match *kind {
            "ippools" => Key::Pool((*name).to_owned()),
            "ipreservations" => Key::Reservation((*name).to_owned()),
            "nodes" => Key::Node((*name).to_owned()),
            _ => return None,
        },
        ["block-ipam", "v1", "borrowed", node, net] => {
            Key::Borrowed((*node).to_owned(), Net::parse(net)?)
        }
        _ => return None,
    })
}

/// Reads a record.
///
/// # Errors
/// What is wrong with it (p12).
pub fn read(key: &Key, text: &[u8]) -> Result<Record, String> {
    let value: Value =
        serde_json::from_slice(text).map_err(|error| format!("{key:?} is not JSON: {error}"))?;
    Ok(match key {
        Key::Block(net) => Record::Block(block(*net, &value)?),
        Key::Affinity(owner, net) => {
            let state = value["state"].as_str().unwrap_or_default();
            Record::Affinity(owner.clone(), *net, state.to_owned())
        }
        Key::Handle(id) => Record::Handle(id.clone(), counts(&value)?),
        Key::Pool(name) => Record::Pool(pool(name, &value)?),
        Key::Reservation(name) => {
            let entries = value["spec"]["reservedCIDRs"].as_array();
            let entries = entries.into_iter().flatten().filter_map(Value::as_str);
            let nets = entries.filter_map(Net::parse_loosely);
            Record::Reservation(name.clone(), nets.collect())
        }
        Key::Node(name) => {
            let rack = value["metadata"]["labels"]["rack"].as_str();
            Record::Node(name.clone(), rack.unwrap_or_default().to_owned())
        }
        Key::Config => Record::Config(config(&value)),
        Key::Borrowed(node, net) => Record::Borrowed(node.clone(), *net),
    })
}

fn config(value: &Value) -> Config {
    let limit = value["maxBlocksPerHost"].as_u64().unwrap_or(0);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Config {
        strict: value["strict_affinity"].as_bool().unwrap_or(false),
        auto: value["auto_allocate_blocks"].as_bool().unwrap_or(false),
        max_blocks: if limit == 0 { BUILT_IN_LIMIT } else { limit },
        cool_down: value["ipCooldownSeconds"].as_i64().unwrap_or(0).max(0),
    }
}

fn counts(value: &Value) -> Result<BTreeMap<Net, i64>, String> {
    let counts = value["block"].as_object().ok_or("a handle without a map")?;
    let counts = counts.iter().map(|(net, count)| {
        let net = Net::parse(net).ok_or_else(|| format!("a handle names {net}"))?;
        let count = count.as_i64().ok_or("a count that is no number")?;
        Ok((net, count))
    });
    counts.collect()
}

fn pool(name: &str, value: &Value) -> Result<Pool, String> {
    let spec = &value["spec"];
    let cidr = spec["cidr"].as_str().and_then(Net::parse);
    let net = cidr.ok_or_else(|| format!("pool {name} has no CIDR"))?;
    let default = if net.is_v6() { 122 } else { 26 };
    let length = spec["blockSize"].as_u64().unwrap_or(default);
    let selector = spec["nodeSelector"].as_str().unwrap_or_default();
    let rack = selector
        .strip_prefix("rack == '")
        .and_then(|rest| rest.strip_suffix('\''));
    let uses = spec["allowedUses"].as_array();
    let mut uses = uses.into_iter().flatten().filter_map(Value::as_str);
    Ok(Pool {
        name: name.to_owned(),
        net,
        block_length: u8::try_from(length).unwrap_or(u8::MAX),
        disabled: spec["disabled"].as_bool().unwrap_or(false),
        rack: rack.map(str::to_owned),
        load_balancer: uses.any(|one| one == "LoadBalancer"),
    })
}

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

fn block(net: Net, value: &Value) -> Result<Block, String> {
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

/// Reads `2026-03-02T09:14:55Z` as seconds since 1970.
fn seconds(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, by: char| -> Option<Vec<i64>> {
        text.split(by).map(|part| part.parse().ok()).collect()
    };
    let (date, time) = (numbers(date, '-')?, numbers(time, ':')?);
    let (&[year, month, day], &[hour, minute, second]) = (date.as_slice(), time.as_slice()) else {
        return None;
    };
    // Days of the civil calendar, with March as the first month of the year.
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(((days - 719_468) * 24 + hour) * 3600 + minute * 60 + second)
}

impl Block {
    /// Returns each held address with its entry; the slots of Windows nodes are none.
    pub fn entries(&self) -> impl Iterator<Item = (IpAddr, &Entry)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(place, slot)| match slot {
            Slot::Held(entry) if !entry.is_windows_slot() => Some((self.net.at(place), entry)),
            Slot::Held(_) | Slot::Free | Slot::Cooling(_) => None,
        })
    }
}

impl Entry {
    /// Returns whether a Windows node keeps the address for itself.
    pub fn is_windows_slot(&self) -> bool {
        self.handle.as_deref() == Some(WINDOWS_SLOTS)
    }

    /// Returns whether it is of this handle and interface. An entry without interface is of each.
    pub fn is_of(&self, handle: &str, interface: Option<&str>) -> bool {
        let any = interface.is_none() || self.interface.is_none();
        self.handle.as_deref() == Some(handle) && (any || self.interface.as_deref() == interface)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_since_1970() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2026-03-02T09:20:00Z"), Some(1_772_443_200));
        assert_eq!(seconds("2024-02-29T00:00:01Z"), Some(1_709_164_801));
    }

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
