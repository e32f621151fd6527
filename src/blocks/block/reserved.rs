//! Slots of a block that its owner keeps for itself, as Windows nodes do.

use std::collections::{BTreeMap, VecDeque};

use crate::blocks::address::Family;
use crate::blocks::block::{Attribute, Block};
use crate::blocks::ordinal::Ordinal;
use crate::ids::HandleId;

/// How many slots at both ends of each block are taken when it is created, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedSlots {
    /// How many at the start.
    pub start: u16,
    /// How many at the end.
    pub end: u16,
    /// The handle they stand under. It has no record.
    pub handle: String,
    /// The attribute `note` they carry.
    pub note: String,
}

impl ReservedSlots {
    /// Returns what Calico reserves on Windows nodes: three at the start, one at the end.
    pub fn windows() -> ReservedSlots {
        ReservedSlots {
            start: 3,
            end: 1,
            handle: HandleId::WINDOWS_RESERVED.to_owned(),
            note: "windows host rsvd".to_owned(),
        }
    }

    /// Returns whether blocks of this length may carry them: Calico's bound is the width of the family less the bits
    /// that their number takes (4 slots take 3 bits: at most /29 and /125). Never where both numbers are 0.
    pub fn fit(&self, family: Family, block_length: u8) -> bool {
        let count = u32::from(self.start) + u32::from(self.end);
        let bits = u32::BITS - count.leading_zeros();
        0 < count && u32::from(block_length) + bits <= u32::from(family.width())
    }

    fn contains(&self, ordinal: Ordinal, size: u16) -> bool {
        ordinal.get() < self.start || size.saturating_sub(self.end) <= ordinal.get()
    }

    fn attribute(&self) -> Attribute {
        Attribute {
            handle: Some(self.handle.clone()),
            secondary: BTreeMap::from([("note".to_owned(), self.note.clone())]),
            ..Attribute::default()
        }
    }
}

impl Block {
    /// Takes those of the slots that are free. They share one attribute and have no sequence number of their own.
    pub fn reserve(&mut self, slots: &ReservedSlots) {
        let size = self.size();
        let (reserved, free) = std::mem::take(&mut self.free)
            .into_iter()
            .partition::<VecDeque<_>, _>(|&ordinal| slots.contains(ordinal, size));
        self.free = free;
        self.point_at(&slots.attribute(), reserved.iter().copied());
        for ordinal in reserved {
            self.sequence_of.remove(&ordinal);
        }
    }
}
