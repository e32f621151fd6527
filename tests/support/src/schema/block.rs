//! The schema of a block: its members, and what binds them to each other and to the key.

use std::collections::{BTreeMap, BTreeSet};

use super::read::member;
use super::shape::Shape::{
    Bool, Filled, FilledMap, List, Map, Object, OrNull, Text, Time, Unsigned,
};
use super::shape::{Member, always, compare, sometimes};

const ATTRIBUTE: &[Member] = &[
    sometimes("handle_id", Filled),
    sometimes("secondary", FilledMap(&Text)),
    sometimes("alternateOwnerAttrs", FilledMap(&Text)),
    sometimes("releasedAt", Time),
];

const BLOCK: &[Member] = &[
    always("cidr", Filled),
    always("affinity", OrNull(&Filled)),
    sometimes("affinity_claim_time", Time),
    always("allocations", List(&OrNull(&Unsigned))),
    always("unallocated", List(&Unsigned)),
    always("attributes", OrNull(&List(&Object(ATTRIBUTE)))),
    always("sequenceNumber", Unsigned),
    always("sequenceNumberForAllocation", Map(&Unsigned)),
    always("deleted", Bool),
];

/// Returns what a block has against the schema.
pub(super) fn faults(key: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    compare(text, Object(BLOCK), key, &mut faults);
    if let Some(contents) = Contents::read(text) {
        faults.extend(contents.faults(key));
    }
    faults
}

/// The members that bind each other.
struct Contents {
    cidr: String,
    owner: Option<String>,
    claimed: Option<String>,
    allocations: Vec<Option<usize>>,
    queue: Vec<usize>,
    attributes: Vec<BTreeMap<String, serde_json::Value>>,
    sequence: u64,
    sequences: BTreeMap<String, u64>,
}

impl Contents {
    fn read(text: &str) -> Option<Contents> {
        let attributes: Option<Vec<_>> = member(text, "attributes")?;
        Some(Contents {
            cidr: member(text, "cidr")?,
            owner: member(text, "affinity")?,
            claimed: member(text, "affinity_claim_time"),
            allocations: member(text, "allocations")?,
            queue: member(text, "unallocated")?,
            attributes: attributes.unwrap_or_default(),
            sequence: member(text, "sequenceNumber")?,
            sequences: member(text, "sequenceNumberForAllocation")?,
        })
    }

    fn faults(&self, key: &str) -> Vec<String> {
        let free: BTreeSet<usize> = self.free().collect();
        let queued: BTreeSet<usize> = self.queue.iter().copied().collect();
        let used: BTreeSet<usize> = self.allocations.iter().flatten().copied().collect();
        let rules = [
            (self.is_under_its_key(key), "its key says another CIDR"),
            (
                Some(self.allocations.len()) == self.size(),
                "allocations are not as many as addresses",
            ),
            (
                used.iter().copied().eq(0..self.attributes.len()),
                "allocations and attributes do not point at each other one to one",
            ),
            (
                queued == free && queued.len() == self.queue.len(),
                "the queue does not hold each free ordinal once",
            ),
            (
                self.attributes.iter().all(cools_alone),
                "an attribute that cools carries something else",
            ),
            (
                self.owner.is_some() || self.claimed.is_none(),
                "a block of nobody has a time of its claim",
            ),
            (
                self.owner.as_deref().is_none_or(is_owner),
                "its owner is neither host:NAME nor virtual:NAME",
            ),
            (
                self.sequences
                    .iter()
                    .all(|(own, at)| self.is_past(own, *at)),
                "an entry of an ordinal that is free, or not below the number of the block",
            ),
        ];
        let broken = rules.into_iter().filter(|(holds, _)| !holds);
        broken.map(|(_, rule)| format!("{key}: {rule}")).collect()
    }

    fn free(&self) -> impl Iterator<Item = usize> {
        let taken = self.allocations.iter().enumerate();
        taken.filter(|(_, held)| held.is_none()).map(|(at, _)| at)
    }

    fn is_under_its_key(&self, key: &str) -> bool {
        let family = if self.cidr.contains(':') { 6 } else { 4 };
        let dashed = self.cidr.replace('/', "-");
        key == format!("/calico/ipam/v2/assignment/ipv{family}/block/{dashed}")
    }

    /// The number of addresses that the CIDR has.
    fn size(&self) -> Option<usize> {
        let (address, length) = self.cidr.split_once('/')?;
        let address: std::net::IpAddr = address.parse().ok()?;
        let bits: u32 = if address.is_ipv4() { 32 } else { 128 };
        1_usize.checked_shl(bits.checked_sub(length.parse().ok()?)?)
    }

    fn is_past(&self, ordinal: &str, at: u64) -> bool {
        let held = |ordinal: usize| self.allocations.get(ordinal).is_some_and(Option::is_some);
        at < self.sequence && ordinal.parse().is_ok_and(held)
    }
}

fn cools_alone(attribute: &BTreeMap<String, serde_json::Value>) -> bool {
    !attribute.contains_key("releasedAt") || attribute.len() == 1
}

fn is_owner(owner: &str) -> bool {
    owner
        .split_once(':')
        .is_some_and(|(kind, name)| matches!(kind, "host" | "virtual") && !name.is_empty())
}
