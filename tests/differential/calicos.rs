//! What Calico's releases leave of a whole store, told once more on its records: blocks without owner go when they are
//! empty, counts of handles go down by what was freed, a block that its pool takes from its node is given up.

use std::collections::BTreeMap;
use std::net::IpAddr;

use block_ipam::selector::Selector;
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::block::{Attribute, Block};
use crate::load::Records;

const BLOCKS: &str = "/calico/ipam/v2/assignment/";
const CONFIG: &str = "/calico/ipam/v2/config";
const POOLS: &str = "/calico/resources/v3/projectcalico.org/ippools/";

/// A store that Calico releases from.
#[derive(Debug)]
pub(crate) struct Calicos {
    pub(crate) records: Records,
    pub(crate) now: Timestamp,
}

/// How a release numbers what cools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Handle,
    Address,
}

impl Calicos {
    /// Releases what the blocks that a handle names give to it.
    pub(crate) fn release_by_handle(&mut self, handle: &str) {
        let Some(record) = self.records.get(&handle_key(handle)) else {
            return;
        };
        let record: Value = serde_json::from_str(record).expect("a handle is JSON");
        for cidr in record["block"].as_object().expect("counts").keys() {
            let of_handle = |_, holder: &Attribute| holder.handle() == Some(handle);
            self.release(&block_key(cidr), of_handle, By::Handle);
        }
    }

    /// Releases addresses, whoever holds them.
    pub(crate) fn release_addresses(&mut self, addresses: &[IpAddr]) {
        for (key, block) in blocks(&self.records) {
            let named = |ordinal, _: &Attribute| addresses.contains(&block.address(ordinal));
            self.release(&key, named, By::Address);
        }
    }

    fn release(&mut self, key: &str, is_meant: impl Fn(usize, &Attribute) -> bool, by: By) {
        let Some(text) = self.records.get(key) else {
            return;
        };
        let mut block = Block::read(text);
        let cooldown = cooldown(&self.records);
        block.normalise(self.now, cooldown);
        let mut freed: BTreeMap<String, u64> = BTreeMap::new();
        let mut ordinals = Vec::new();
        for (ordinal, holder) in block.held().filter(|(at, holder)| is_meant(*at, holder)) {
            ordinals.push(ordinal);
            if let Some(handle) = holder.handle() {
                *freed.entry(handle.to_owned()).or_default() += 1;
            }
        }
        if ordinals.is_empty() {
            return;
        }
        block.cool(&ordinals, self.now, by == By::Address);
        block.normalise(self.now, cooldown);
        if block.affinity.is_none() && block.is_empty() {
            self.records.remove(key);
        } else {
            self.records.insert(key.to_owned(), block.clone().written());
        }
        for (handle, count) in freed {
            self.lower(&handle, &block.cidr, count);
        }
        self.give_up_deselected(key, &block);
    }

    /// A count that is below what was freed stays, and its record with it.
    fn lower(&mut self, handle: &str, cidr: &str, freed: u64) {
        let key = handle_key(handle);
        let Some(text) = self.records.get(&key) else {
            return;
        };
        let mut record: Value = serde_json::from_str(text).expect("a handle is JSON");
        let counts = record["block"].as_object_mut().expect("counts");
        let count = counts.get(cidr).and_then(Value::as_u64);
        let Some(left) = count.and_then(|count| count.checked_sub(freed)) else {
            return;
        };
        if left == 0 {
            counts.remove(cidr);
        } else {
            counts.insert(cidr.to_owned(), left.into());
        }
        if counts.is_empty() {
            self.records.remove(&key);
        } else {
            self.records.insert(key, record.to_string());
        }
    }

    /// An empty block whose pool no longer selects its node goes with its affinity.
    fn give_up_deselected(&mut self, key: &str, block: &Block) {
        let owner = block.affinity.as_deref().unwrap_or_default();
        let Some(node) = owner.strip_prefix("host:") else {
            return;
        };
        let selected = labels(&self.records, node).is_none_or(|labels| {
            let pool = pool_of(&self.records, block.address(0));
            pool.is_none_or(|pool| selects(&pool["nodeSelector"], &labels))
        });
        if block.is_empty() && !selected {
            self.records.remove(key);
            self.records.remove(&affinity_key(node, &block.cidr));
        }
    }
}

/// Returns the blocks, by their keys.
pub(crate) fn blocks(records: &Records) -> BTreeMap<String, Block> {
    let blocks = records.iter().filter(|(key, _)| key.starts_with(BLOCKS));
    blocks
        .map(|(key, text)| (key.clone(), Block::read(text)))
        .collect()
}

/// Returns for how long addresses cool.
pub(crate) fn cooldown(records: &Records) -> SignedDuration {
    let config = records.get(CONFIG).and_then(|text| json(text));
    let seconds = config.and_then(|config| config["ipCooldownSeconds"].as_i64());
    SignedDuration::from_secs(seconds.unwrap_or_default())
}

/// Returns the specification of the enabled pool that an address lies in.
pub(crate) fn pool_of(records: &Records, address: IpAddr) -> Option<Value> {
    let pools = records.iter().filter(|(key, _)| key.starts_with(POOLS));
    let mut specs = pools.filter_map(|(_, text)| Some(json(text)?["spec"].clone()));
    specs.find(|spec| {
        let cidr = spec["cidr"].as_str().and_then(|cidr| cidr.parse().ok());
        let contains = cidr.is_some_and(|cidr: IpNet| cidr.contains(&address));
        contains && spec["disabled"] != true
    })
}

/// Returns the labels of a node; nothing where it has no record.
pub(crate) fn labels(records: &Records, node: &str) -> Option<BTreeMap<String, String>> {
    let key = format!("/calico/resources/v3/projectcalico.org/nodes/{node}");
    let node = json(records.get(&key)?)?;
    Some(serde_json::from_value(node["metadata"]["labels"].clone()).unwrap_or_default())
}

/// Whether a selector selects; one that is absent or does not parse selects all, or nothing.
pub(crate) fn selects(selector: &Value, labels: &BTreeMap<String, String>) -> bool {
    match selector.as_str() {
        None | Some("") => true,
        Some(text) => Selector::parse(text).is_ok_and(|selector| selector.matches(labels)),
    }
}

pub(crate) fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

pub(crate) fn block_key(cidr: &str) -> String {
    let family = if cidr.contains(':') { "ipv6" } else { "ipv4" };
    format!("{BLOCKS}{family}/block/{}", cidr.replacen('/', "-", 1))
}

pub(crate) fn handle_key(handle: &str) -> String {
    format!("/calico/ipam/v2/handle/{handle}")
}

fn affinity_key(node: &str, cidr: &str) -> String {
    block_key(cidr).replacen("assignment/", &format!("host/{node}/"), 1)
}
