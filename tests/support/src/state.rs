//! What must hold of the records in every state, read as plain JSON and not by our own codec.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

/// What slots that Windows nodes reserve stand under.
const WINDOWS_SLOTS: &str = "windows-reserved-ipam-handle";

/// The records of address management, as far as the invariants look at them.
#[derive(Debug, Default)]
pub struct State {
    /// Blocks by their CIDR.
    pub blocks: BTreeMap<String, Value>,
    /// States of affinities by node and block; a virtual owner stands with its kind, as `virtual:NAME`.
    pub affinities: BTreeMap<(String, String), String>,
    /// Counts of handles by block.
    pub handles: BTreeMap<String, BTreeMap<String, u64>>,
    /// What is indexed as borrowed, by node and block.
    pub borrowed: BTreeSet<(String, String)>,
}

fn undash(text: &str) -> String {
    text.replacen('-', "/", 1)
}

impl State {
    /// Reads the records.
    ///
    /// # Panics
    /// Where one of them is no JSON, or no affinity or handle.
    pub fn of(records: &BTreeMap<String, String>) -> State {
        let mut state = State::default();
        for (key, value) in records {
            let value: Value = match value.as_str() {
                "" => Value::Null,
                value => serde_json::from_str(value).expect("records are JSON"),
            };
            let parts: Vec<&str> = key.trim_start_matches('/').split('/').collect();
            match parts.as_slice() {
                ["calico", "ipam", "v2", "assignment", _, "block", cidr] => {
                    state.blocks.insert(undash(cidr), value);
                }
                [
                    "calico",
                    "ipam",
                    "v2",
                    kind @ ("host" | "virtual"),
                    name,
                    _,
                    "block",
                    cidr,
                ] => {
                    // Very old releases wrote no state, and meant this one.
                    let affinity = value["state"].as_str().unwrap_or("confirmed").to_owned();
                    let owner = owner_name(&format!("{kind}:{name}")).to_owned();
                    state.affinities.insert((owner, undash(cidr)), affinity);
                }
                ["calico", "ipam", "v2", "handle", id] => {
                    let counts = value["block"].as_object().expect("a map");
                    let counts = counts
                        .iter()
                        .map(|(block, count)| (block.clone(), count.as_u64().expect("a count")));
                    state.handles.insert((*id).to_owned(), counts.collect());
                }
                ["block-ipam", "v1", "borrowed", node, cidr] => {
                    state.borrowed.insert(((*node).to_owned(), undash(cidr)));
                }
                _ => {}
            }
        }
        state
    }

    /// Returns (address, handle, node, block) of each assignment with a handle. Windows slots have no handle record.
    ///
    /// # Panics
    /// Where a block is not well-formed.
    pub fn entries(&self) -> Vec<(IpAddr, String, String, String)> {
        let mut entries = Vec::new();
        for (cidr, block) in &self.blocks {
            for (ordinal, index) in block["allocations"]
                .as_array()
                .expect("an array")
                .iter()
                .enumerate()
            {
                let Some(index) = index.as_u64() else {
                    continue;
                };
                let attribute = &block["attributes"][usize::try_from(index).expect("small")];
                let handle = attribute["handle_id"].as_str();
                if let Some(handle) = handle.filter(|handle| *handle != WINDOWS_SLOTS) {
                    let node = attribute["secondary"]["node"].as_str().unwrap_or_default();
                    let address = nth(cidr, ordinal);
                    entries.push((address, handle.to_owned(), node.to_owned(), cidr.clone()));
                }
            }
        }
        entries
    }

    /// Checks what must hold in every state of a store that only we write.
    ///
    /// # Panics
    /// Where something does not hold.
    pub fn check(&self) {
        self.check_blocks();
        self.p4_owner_and_affinity_agree();
        self.p5_counts_equal_the_entries();
    }

    /// Checks what must hold of blocks that we wrote, and of our index, whatever else others left.
    ///
    /// # Panics
    /// Where something does not hold.
    pub fn check_blocks(&self) {
        self.p1_no_address_is_held_twice();
        self.p3_no_blocks_overlap();
        self.p12_every_block_is_well_formed();
        self.borrowed_addresses_are_indexed();
    }

    fn p1_no_address_is_held_twice(&self) {
        let mut seen = BTreeMap::new();
        for (address, handle, _, block) in self.entries() {
            let before = seen.insert(address, (handle.clone(), block.clone()));
            assert!(
                before.is_none(),
                "{address} is held by {handle} in {block} and by {before:?}"
            );
        }
    }

    fn p3_no_blocks_overlap(&self) {
        let mut ranges: Vec<(IpAddr, IpAddr)> =
            self.blocks.keys().map(|cidr| bounds(cidr)).collect();
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            assert!(pair[0].1 < pair[1].0, "blocks overlap: {pair:?}");
        }
    }

    fn p4_owner_and_affinity_agree(&self) {
        for (cidr, block) in &self.blocks {
            if let Some(owner) = block["affinity"].as_str() {
                let name = owner_name(owner).to_owned();
                let state = self.affinities.get(&(name, cidr.clone()));
                assert_eq!(
                    state.map(String::as_str),
                    Some("confirmed"),
                    "owner {owner} of {cidr}"
                );
            }
        }
        for ((node, cidr), state) in &self.affinities {
            assert_eq!(state, "confirmed", "{node} {cidr}");
            let owner = self.blocks.get(cidr).map(|block| &block["affinity"]);
            let owner = owner.and_then(Value::as_str).map(owner_name);
            assert_eq!(owner, Some(node.as_str()), "affinity of {node} to {cidr}");
        }
    }

    fn p5_counts_equal_the_entries(&self) {
        let mut entries: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for (_, handle, _, block) in self.entries() {
            *entries.entry(handle).or_default().entry(block).or_default() += 1;
        }
        assert_eq!(
            entries, self.handles,
            "entries in blocks, and counts of handles"
        );
    }

    fn p12_every_block_is_well_formed(&self) {
        for (cidr, block) in &self.blocks {
            assert_eq!(block["cidr"].as_str(), Some(cidr.as_str()));
            let slots = block["allocations"].as_array().expect("an array");
            assert_eq!(slots.len() as u128, size(cidr), "{cidr}");
            let attributes = block["attributes"].as_array().map_or(0, Vec::len);
            let used: BTreeSet<u64> = slots.iter().filter_map(Value::as_u64).collect();
            let all: BTreeSet<u64> = (0..attributes as u64).collect();
            assert_eq!(used, all, "attributes of {cidr} and their use");
            let mut free: Vec<u64> = block["unallocated"]
                .as_array()
                .expect("an array")
                .iter()
                .map(|ordinal| ordinal.as_u64().expect("an ordinal"))
                .collect();
            free.sort_unstable();
            let null = slots.iter().enumerate().filter(|(_, slot)| slot.is_null());
            let null: Vec<u64> = null.map(|(ordinal, _)| ordinal as u64).collect();
            assert_eq!(free, null, "queue of {cidr}");
        }
    }

    /// What a node holds in a block that is not its own is found without a scan, as far as entries name a node.
    fn borrowed_addresses_are_indexed(&self) {
        let mut expected = BTreeSet::new();
        for (_, _, node, cidr) in self.entries() {
            let owner = self.blocks[&cidr]["affinity"].as_str().unwrap_or_default();
            if !node.is_empty() && owner != format!("host:{node}") {
                expected.insert((node, cidr));
            }
        }
        assert_eq!(
            expected, self.borrowed,
            "borrowed addresses, and their index"
        );
    }
}

/// Returns the name of a node, and all of another owner.
fn owner_name(owner: &str) -> &str {
    owner.strip_prefix("host:").unwrap_or(owner)
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn size(cidr: &str) -> u128 {
    let (address, length) = cidr.split_once('/').expect("a CIDR");
    let width = if address.contains(':') { 128 } else { 32 };
    1 << (width - length.parse::<u32>().expect("a length"))
}

fn nth(cidr: &str, ordinal: usize) -> IpAddr {
    let (address, _) = cidr.split_once('/').expect("a CIDR");
    let address: IpAddr = address.parse().expect("an address");
    let sum = bits(address) + ordinal as u128;
    match address {
        IpAddr::V4(_) => IpAddr::V4(u32::try_from(sum).expect("32 bits").into()),
        IpAddr::V6(_) => IpAddr::V6(sum.into()),
    }
}

fn bounds(cidr: &str) -> (IpAddr, IpAddr) {
    let last = usize::try_from(size(cidr) - 1).expect("a small block");
    (nth(cidr, 0), nth(cidr, last))
}
