//! What may not stand in the records, read from their text.

use std::collections::BTreeMap;

use block_ipam::blocks::Cidr;
use serde_json::Value;

use crate::world::World;
use block_ipam::assign::held::REQUEST;

/// The records of address management.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) blocks: BTreeMap<String, Value>,
    /// State by owner and block.
    pub(crate) affinities: BTreeMap<(String, String), String>,
    handles: BTreeMap<String, Value>,
    pub(crate) pools: Vec<Value>,
    pub(crate) nodes: Vec<String>,
}

impl Records {
    pub(crate) fn of(world: &World) -> Records {
        let mut records = Records::default();
        for entry in world.entries() {
            let value: Value = serde_json::from_slice(&entry.value).unwrap_or_default();
            let key = entry.key.as_str();
            let last = key.rsplit('/').next().unwrap_or_default().to_owned();
            let block = last.replacen('-', "/", 1);
            if key.contains("/ipam/v2/assignment/") {
                records.blocks.insert(block, value);
            } else if let Some(rest) = key.strip_prefix("/calico/ipam/v2/host/") {
                let node = rest.split('/').next().unwrap_or_default();
                let state = value["state"].as_str().unwrap_or_default().to_owned();
                records.affinities.insert((node.to_owned(), block), state);
            } else if key.contains("/ipam/v2/handle/") {
                records.handles.insert(last, value);
            } else if key.contains("/ippools/") {
                records.pools.push(value);
            } else if key.contains("/nodes/") {
                records.nodes.push(last);
            }
        }
        records
    }

    /// How many addresses each handle has in each block.
    pub(crate) fn entries(&self) -> BTreeMap<(String, String), u64> {
        let mut counts = BTreeMap::new();
        for (cidr, block) in &self.blocks {
            for slot in block["allocations"].as_array().into_iter().flatten() {
                let index = slot.as_u64().and_then(|index| usize::try_from(index).ok());
                let handle =
                    index.and_then(|index| block["attributes"][index]["handle_id"].as_str());
                if let Some(handle) = handle {
                    *counts.entry((handle.to_owned(), cidr.clone())).or_default() += 1;
                }
            }
        }
        counts
    }

    /// p7: a request without handle took more than one address, by the mark of its tries.
    pub(crate) fn p7(&self) -> Vec<String> {
        let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
        for block in self.blocks.values() {
            for slot in block["allocations"].as_array().into_iter().flatten() {
                let index = slot.as_u64().and_then(|index| usize::try_from(index).ok());
                let mark = index
                    .and_then(|index| block["attributes"][index]["secondary"][REQUEST].as_str());
                if let Some(mark) = mark {
                    *taken.entry(mark).or_default() += 1;
                }
            }
        }
        assert!(!taken.is_empty(), "the request took something");
        let twice = taken.into_iter().filter(|(_, count)| 1 < *count);
        twice.map(|taken| format!("p7: {taken:?}")).collect()
    }

    /// What a handle has that was told to have nothing.
    pub(crate) fn leaked(&self, handle: &str) -> Vec<String> {
        let entries = self.entries().into_iter();
        let own = entries.filter(|((holder, _), _)| *holder == format!("net.{handle}"));
        own.map(|entry| format!("leak: {entry:?}")).collect()
    }

    /// p5: a handle's count of a block is below its entries.
    pub(crate) fn p5(&self) -> Vec<String> {
        let low = self
            .entries()
            .into_iter()
            .filter(|((handle, block), entries)| {
                let count = self.handles.get(handle).map(|value| &value["block"][block]);
                count.and_then(Value::as_u64).unwrap_or(0) < *entries
            });
        low.map(|entry| format!("p5: {entry:?}")).collect()
    }

    /// A holder that was told so has no entry.
    pub(crate) fn lost(&self, handle: &str) -> Vec<String> {
        let mut own = self.entries().into_keys();
        let has = own.any(|(holder, _)| holder == format!("net.{handle}"));
        if has {
            Vec::new()
        } else {
            vec![format!("lost: {handle}")]
        }
    }

    /// A confirmed affinity whose block is absent or another's.
    pub(crate) fn confirmed(&self) -> Vec<String> {
        let wrong = self.affinities.iter().filter(|((node, block), state)| {
            let owner = self.blocks.get(block).map(|block| &block["affinity"]);
            state.as_str() == "confirmed"
                && owner.and_then(Value::as_str) != Some(&format!("host:{node}"))
        });
        wrong
            .map(|affinity| format!("p4: confirmed {affinity:?}"))
            .collect()
    }

    /// A block with an owner whose affinity is absent, or not in this state.
    pub(crate) fn owned(&self, state: Option<&str>) -> Vec<String> {
        let wrong = self.blocks.iter().filter(|(cidr, block)| {
            let Some(owner) = block["affinity"].as_str() else {
                return false;
            };
            let node = owner.trim_start_matches("host:").to_owned();
            let found = self.affinities.get(&(node, (*cidr).clone()));
            found.is_none_or(|found| state.is_some_and(|state| state != found))
        });
        wrong
            .map(|(cidr, _)| format!("p4: owner of {cidr}"))
            .collect()
    }

    /// p9: the node has more blocks than this.
    pub(crate) fn p9(&self, node: &str, most: usize) -> Vec<String> {
        let own = self
            .affinities
            .keys()
            .filter(|(own, _)| own == node)
            .count();
        if own <= most {
            Vec::new()
        } else {
            vec![format!("p9: {own} blocks")]
        }
    }

    /// p3: blocks, or pools, overlap.
    pub(crate) fn p3(&self) -> Vec<String> {
        let pools = self
            .pools
            .iter()
            .filter_map(|pool| pool["spec"]["cidr"].as_str());
        [
            self.blocks.keys().map(String::as_str).collect(),
            pools.collect(),
        ]
        .into_iter()
        .flat_map(|texts: Vec<&str>| {
            let cidrs: Vec<Cidr> = texts.iter().filter_map(|text| text.parse().ok()).collect();
            let overlaps = |index: usize| {
                cidrs[index + 1..]
                    .iter()
                    .any(|other| other.overlaps(cidrs[index]))
            };
            let found = (0..cidrs.len()).filter(|index| overlaps(*index));
            found
                .map(|index| format!("p3: {}", cidrs[index]))
                .collect::<Vec<_>>()
        })
        .collect()
    }

    /// p2: a block lies in no pool of its block size.
    pub(crate) fn p2(&self) -> Vec<String> {
        let fits = |block: &Cidr| {
            self.pools.iter().any(|pool| {
                let cidr: Option<Cidr> = pool["spec"]["cidr"]
                    .as_str()
                    .and_then(|text| text.parse().ok());
                let size = pool["spec"]["blockSize"].as_u64();
                cidr.is_some_and(|cidr| cidr.covers(*block))
                    && size == Some(u64::from(block.length()))
            })
        };
        let blocks = self.blocks.keys().filter_map(|text| text.parse().ok());
        let out = blocks.filter(|block| !fits(block));
        out.map(|block: Cidr| format!("p2: {block} in no pool"))
            .collect()
    }
}
