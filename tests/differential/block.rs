//! What Calico does to one block, told once more on its plain JSON and by none of our own code: what is freed and taken,
//! how the queue goes on, what is numbered. Members that it does not know are lost.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rename::{address, bits};

/// What slots that Windows nodes reserve stand under. They keep no block in use.
const WINDOWS_SLOTS: &str = "windows-reserved-ipam-handle";

/// A block, as Calico writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) cidr: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) affinity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    affinity_claim_time: Option<Value>,
    allocations: Vec<Option<usize>>,
    unallocated: Vec<usize>,
    attributes: Option<Vec<Attribute>>,
    #[serde(default, rename = "sequenceNumber")]
    sequence: u64,
    #[serde(default, rename = "sequenceNumberForAllocation")]
    entries: Option<BTreeMap<usize, u64>>,
    #[serde(default)]
    deleted: bool,
    #[serde(
        default,
        rename = "hostAffinity",
        skip_serializing_if = "Option::is_none"
    )]
    host_affinity: Option<String>,
}

/// Whom an ordinal was given to, or since when it cools.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attribute {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handle_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secondary: Option<BTreeMap<String, String>>,
    #[serde(
        default,
        rename = "alternateOwnerAttrs",
        skip_serializing_if = "Option::is_none"
    )]
    alternate: Option<BTreeMap<String, String>>,
    #[serde(
        default,
        rename = "releasedAt",
        skip_serializing_if = "Option::is_none"
    )]
    released_at: Option<String>,
}

impl Attribute {
    /// Returns the handle as it is compared: up to the first carriage return.
    pub(crate) fn handle(&self) -> Option<&str> {
        self.handle_id.as_deref()?.split('\r').next()
    }

    pub(crate) fn is_windows_slot(&self) -> bool {
        let handle = self.handle_id.as_deref();
        handle.is_some_and(|handle| handle.eq_ignore_ascii_case(WINDOWS_SLOTS))
    }
}

impl Block {
    /// Reads a block as Calico does.
    pub(crate) fn read(text: &str) -> Block {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Writes the block as its next version.
    pub(crate) fn written(mut self) -> String {
        self.sequence += 1;
        serde_json::to_string(&self).expect("a block is JSON")
    }

    /// Returns what an ordinal was given to; nothing where it is free or cools.
    pub(crate) fn holder(&self, ordinal: usize) -> Option<&Attribute> {
        let index = (*self.allocations.get(ordinal)?)?;
        let attribute = self.attributes.as_ref()?.get(index)?;
        attribute.released_at.is_none().then_some(attribute)
    }

    /// Returns the ordinals that are held.
    pub(crate) fn held(&self) -> impl Iterator<Item = (usize, &Attribute)> {
        (0..self.allocations.len()).filter_map(|ordinal| Some((ordinal, self.holder(ordinal)?)))
    }

    /// Whether nothing but slots of Windows nodes is taken; an address that cools is.
    pub(crate) fn is_empty(&self) -> bool {
        let attributes = self.attributes.as_deref().unwrap_or_default();
        let mut taken = self.allocations.iter().flatten();
        taken.all(|index| attributes[*index].is_windows_slot())
    }

    pub(crate) fn address(&self, ordinal: usize) -> IpAddr {
        let (base, _) = self.cidr.split_once('/').expect("a CIDR");
        let (base, width) = bits(base);
        address(base + ordinal as u128, width)
    }

    /// Begins to cool ordinals. A release by address numbers them, one by handle does not.
    pub(crate) fn cool(&mut self, ordinals: &[usize], now: Timestamp, is_numbered: bool) {
        let attributes = self.attributes.get_or_insert_default();
        for ordinal in ordinals {
            self.allocations[*ordinal] = Some(attributes.len());
        }
        attributes.push(Attribute {
            released_at: Some(now.to_string()),
            ..Attribute::default()
        });
        if is_numbered {
            let numbers = ordinals.iter().map(|ordinal| (*ordinal, self.sequence));
            self.entries.get_or_insert_default().extend(numbers);
        }
    }

    /// Frees what has cooled, in the order of the ordinals, and drops attributes that nothing points at.
    pub(crate) fn normalise(&mut self, now: Timestamp, cooldown: SignedDuration) {
        let attributes = self.attributes.take().unwrap_or_default();
        let is_cold = |index: usize| {
            let since = attributes[index].released_at.as_deref();
            let since = since.map(|text| text.parse::<Timestamp>().expect("a time"));
            since.is_some_and(|since| cooldown <= now.duration_since(since))
        };
        for (ordinal, slot) in self.allocations.iter_mut().enumerate() {
            if slot.is_some_and(is_cold) {
                *slot = None;
                self.unallocated.push(ordinal);
                self.entries.get_or_insert_default().remove(&ordinal);
            }
        }
        let mut kept = Vec::new();
        for (index, attribute) in attributes.into_iter().enumerate() {
            if self.allocations.contains(&Some(index)) {
                let pointing = self.allocations.iter_mut().flatten();
                pointing
                    .filter(|slot| **slot == index)
                    .for_each(|slot| *slot = kept.len());
                kept.push(attribute);
            }
        }
        self.attributes = Some(kept);
    }

    /// Takes ordinals from the head of the queue; what is reserved keeps its place. Returns what was taken.
    pub(crate) fn take(
        &mut self,
        most: usize,
        holder: &Attribute,
        is_reserved: impl Fn(IpAddr) -> bool,
    ) -> Vec<usize> {
        let queue = self.unallocated.iter().copied();
        let usable = queue.filter(|ordinal| !is_reserved(self.address(*ordinal)));
        let taken: Vec<usize> = usable.take(most).collect();
        self.unallocated.retain(|ordinal| !taken.contains(ordinal));
        let attributes = self.attributes.get_or_insert_default();
        for ordinal in &taken {
            self.allocations[*ordinal] = Some(attributes.len());
        }
        attributes.push(holder.clone());
        let numbers = taken.iter().map(|ordinal| (*ordinal, self.sequence));
        self.entries.get_or_insert_default().extend(numbers);
        taken
    }
}
