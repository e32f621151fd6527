//! Calico's block as its own program holds it: members it does not know are lost with the next write.
//!
//! The queue decides what is free; `allocations` is not looked at when addresses are taken.

use std::collections::BTreeMap;

use block_ipam::blocks::{Address, Cidr, RangeSet};
use block_ipam::clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::records::{Attributes, null_is_default, time};

/// The handle of slots that are set aside for Windows. No record is written for it.
pub const WINDOWS_HANDLE: &str = "windows-reserved-ipam-handle";

/// A block.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members are Calico's")]
pub struct Block {
    pub cidr: String,
    #[serde(default)]
    pub affinity: Option<String>,
    #[serde(default, with = "time", skip_serializing_if = "Option::is_none")]
    pub affinity_claim_time: Option<Timestamp>,
    pub allocations: Vec<Option<usize>>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub unallocated: Vec<usize>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub attributes: Vec<Attribute>,
    #[serde(default, rename = "sequenceNumber")]
    pub sequence: u64,
    #[serde(
        default,
        rename = "sequenceNumberForAllocation",
        deserialize_with = "null_is_default"
    )]
    pub entries: BTreeMap<String, u64>,
    #[serde(default)]
    pub deleted: bool,
    #[serde(
        default,
        rename = "hostAffinity",
        skip_serializing_if = "Option::is_none"
    )]
    pub host_affinity: Option<String>,
}

/// What one or several addresses of a block share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members are Calico's")]
pub struct Attribute {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle_id: Option<String>,
    #[serde(default, skip_serializing_if = "nothing")]
    pub secondary: Option<Attributes>,
    #[serde(
        default,
        rename = "alternateOwnerAttrs",
        skip_serializing_if = "nothing"
    )]
    pub alternate: Option<Attributes>,
    #[serde(
        default,
        rename = "releasedAt",
        with = "time",
        skip_serializing_if = "Option::is_none"
    )]
    pub released: Option<Timestamp>,
}

fn nothing(attributes: &Option<Attributes>) -> bool {
    attributes.as_ref().is_none_or(BTreeMap::is_empty)
}

/// Slots at both ends of each new block that are never given out.
#[derive(Debug, Clone, Deserialize)]
pub struct Reserved {
    /// How many at the start.
    pub start: usize,
    /// How many at the end.
    pub end: usize,
    /// Their handle.
    pub handle: String,
    /// A note for people.
    pub note: String,
}

impl Block {
    pub(super) fn new(
        cidr: Cidr,
        owner: &str,
        now: Timestamp,
        reserved: Option<&Reserved>,
    ) -> Block {
        let size = usize::try_from(cidr.size()).expect("a block has at most 4096 addresses");
        let mut block = Block {
            cidr: cidr.to_string(),
            affinity: Some(owner.to_owned()),
            affinity_claim_time: Some(now),
            allocations: vec![None; size],
            unallocated: (0..size).collect(),
            attributes: Vec::new(),
            sequence: u64::try_from(now.nanos()).expect("no time before 1970"),
            entries: BTreeMap::new(),
            deleted: false,
            host_affinity: None,
        };
        if let Some(reserved) = reserved {
            block.set_aside(reserved);
        }
        block
    }

    fn set_aside(&mut self, reserved: &Reserved) {
        self.attributes.push(Attribute {
            handle_id: Some(reserved.handle.clone()),
            secondary: Some(Attributes::from([(
                "note".to_owned(),
                reserved.note.clone(),
            )])),
            ..Attribute::default()
        });
        let size = self.allocations.len();
        let taken = |ordinal: usize| ordinal < reserved.start || size <= ordinal + reserved.end;
        for (ordinal, slot) in self.allocations.iter_mut().enumerate() {
            *slot = taken(ordinal).then_some(0);
        }
        self.unallocated.retain(|ordinal| !taken(*ordinal));
    }

    /// Returns the CIDR; `None` where the record's is none.
    pub(super) fn net(&self) -> Option<Cidr> {
        self.cidr.parse().ok()
    }

    pub(super) fn address(&self, ordinal: usize) -> Option<Address> {
        let net = self.net()?;
        net.subnet(net.family().width(), ordinal as u128)
            .map(Cidr::first)
    }

    pub(super) fn ordinal(&self, address: Address) -> Option<usize> {
        let net = self.net()?;
        let offset = address.bits().checked_sub(net.first().bits())?;
        usize::try_from(offset)
            .ok()
            .filter(|_| net.contains(address))
    }

    pub(super) fn attribute(&self, ordinal: usize) -> Option<&Attribute> {
        self.attributes.get((*self.allocations.get(ordinal)?)?)
    }

    /// Returns whether nothing but slots for Windows is taken. What cools is taken.
    pub(super) fn is_empty(&self) -> bool {
        (0..self.allocations.len()).all(|ordinal| {
            let handle = self.attribute(ordinal).map(|a| a.handle_id.as_deref());
            handle.is_none_or(|id| id.is_some_and(|id| id.eq_ignore_ascii_case(WINDOWS_HANDLE)))
        })
    }

    pub(super) fn free(&self, reservations: &RangeSet) -> usize {
        let usable = |ordinal: &&usize| {
            let address = self.address(**ordinal);
            address.is_some_and(|address| !reservations.contains(address))
        };
        self.unallocated.iter().filter(usable).count()
    }

    /// Takes up to `count` from the head of the queue. Reserved ones keep their place.
    pub(super) fn take(
        &mut self,
        count: usize,
        attribute: &Attribute,
        reservations: &RangeSet,
    ) -> Vec<Address> {
        let mut taken = Vec::new();
        let queue = std::mem::take(&mut self.unallocated);
        for ordinal in queue {
            let address = self.address(ordinal);
            match address.filter(|address| taken.len() < count && !reservations.contains(*address))
            {
                Some(address) => {
                    let index = self.index_of(attribute);
                    self.set(ordinal, index);
                    taken.push(address);
                }
                None => self.unallocated.push(ordinal),
            }
        }
        taken
    }

    /// Takes one address wherever it stands in the queue.
    pub(super) fn take_ordinal(&mut self, ordinal: usize, attribute: &Attribute) {
        self.unallocated.retain(|free| *free != ordinal);
        let index = self.index_of(attribute);
        self.set(ordinal, index);
    }

    fn index_of(&mut self, attribute: &Attribute) -> usize {
        let same = self.attributes.iter().position(|own| own == attribute);
        same.unwrap_or_else(|| {
            self.attributes.push(attribute.clone());
            self.attributes.len() - 1
        })
    }

    fn set(&mut self, ordinal: usize, index: usize) {
        self.allocations[ordinal] = Some(index);
        self.entries.insert(ordinal.to_string(), self.sequence);
    }

    /// Lets the ordinals cool. Only a release by address sets their entries.
    pub(super) fn cool(&mut self, ordinals: &[usize], now: Timestamp, sets_entries: SetsEntries) {
        self.attributes.push(Attribute {
            released: Some(now),
            ..Attribute::default()
        });
        for ordinal in ordinals {
            self.allocations[*ordinal] = Some(self.attributes.len() - 1);
            if sets_entries == SetsEntries::Yes {
                self.entries.insert(ordinal.to_string(), self.sequence);
            }
        }
    }

    /// Frees what has cooled, and drops attributes that nobody names.
    pub(super) fn normalise(&mut self, now: Timestamp, cooldown_seconds: i64) {
        let cooldown = i128::from(cooldown_seconds) * 1_000_000_000;
        let cooled = |released: Timestamp| {
            cooldown_seconds < 0
                || i128::from(released.nanos()) < i128::from(now.nanos()) - cooldown
        };
        for ordinal in 0..self.allocations.len() {
            let released = self
                .attribute(ordinal)
                .and_then(|attribute| attribute.released);
            if released.is_some_and(cooled) {
                self.allocations[ordinal] = None;
                self.unallocated.push(ordinal);
                self.entries.remove(&ordinal.to_string());
            }
        }
        self.drop_unnamed();
    }

    fn drop_unnamed(&mut self) {
        let mut kept = Vec::new();
        let mut numbers = BTreeMap::new();
        for (index, attribute) in std::mem::take(&mut self.attributes).into_iter().enumerate() {
            if self.allocations.contains(&Some(index)) {
                numbers.insert(index, kept.len());
                kept.push(attribute);
            }
        }
        self.attributes = kept;
        for slot in &mut self.allocations {
            *slot = slot.map(|index| numbers.get(&index).copied().unwrap_or(index));
        }
    }

    /// Returns the ordinals that the handle holds, ascending.
    pub(super) fn held_by(&self, handle: &str) -> Vec<usize> {
        let holds = |ordinal: &usize| {
            let own = self
                .attribute(*ordinal)
                .and_then(|a| a.handle_id.as_deref());
            own.is_some_and(|own| sanitised(own) == sanitised(handle))
        };
        (0..self.allocations.len()).filter(holds).collect()
    }
}

/// Whether a release writes the sequence numbers of what it frees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetsEntries {
    Yes,
    No,
}

/// Cuts a handle at its first carriage return: what follows was put there by a migration long ago.
pub(super) fn sanitised(handle: &str) -> &str {
    handle.split('\r').next().unwrap_or(handle)
}
