//! A block as a value: which ordinals are held by whom, and the queue of the free ones.
//!
//! **Invariant:** a block is well-formed (p12): one slot for each address, every index valid, the queue holds exactly
//! the free ordinals, each once. What others wrote comes in through [`Block::from_parts`].

mod assign;
mod attribute;
mod cooldown;
mod faults;
mod ownership;
mod parts;
mod release;
mod reserved;
mod size;
mod slots;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use crate::blocks::address::Address;
use crate::blocks::cidr::BlockCidr;
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::ids::Owner;
use crate::unknown::Unknown;

pub use assign::SlotTaken;
pub use attribute::Attribute;
pub use cooldown::Cooldown;
pub use faults::BlockFault;
pub use parts::BlockParts;
pub use reserved::ReservedSlots;
pub use slots::{Assigned, Slot};

/// A well-formed block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    cidr: BlockCidr,
    owner: Option<Owner>,
    claimed_at: Option<Timestamp>,
    /// Index into `attributes` by ordinal.
    slots: Vec<Option<usize>>,
    /// Head first.
    free: VecDeque<Ordinal>,
    attributes: Vec<Attribute>,
    sequence: u64,
    /// May name free ordinals, as old writers left them.
    sequence_of: BTreeMap<Ordinal, u64>,
    deleted: bool,
    unknown: Unknown,
    /// What was wrong with the record and was set right by reading it. The next write of the record ends it.
    repaired: Vec<BlockFault>,
}

impl Block {
    /// Returns a new block of which every address is free, but for the reserved slots.
    ///
    /// The claim time is kept in whole seconds. `sequence` has to be above that of any earlier block of this CIDR, so
    /// that no number is met twice.
    pub fn create(
        cidr: BlockCidr,
        owner: Owner,
        claimed_at: Timestamp,
        sequence: u64,
        slots: Option<&ReservedSlots>,
    ) -> Block {
        let mut block = Block {
            cidr,
            owner: Some(owner),
            claimed_at: Some(claimed_at.whole_seconds()),
            slots: vec![None; usize::from(cidr.size())],
            free: Ordinal::all(cidr.size()).collect(),
            attributes: Vec::new(),
            sequence,
            sequence_of: BTreeMap::new(),
            deleted: false,
            unknown: Unknown::default(),
            repaired: Vec::new(),
        };
        if let Some(slots) = slots {
            block.reserve(slots);
        }
        block
    }

    /// Returns the CIDR.
    pub const fn cidr(&self) -> BlockCidr {
        self.cidr
    }

    /// Returns the owner.
    pub const fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// Returns when the owner claimed it; `None` means long ago.
    pub const fn claimed_at(&self) -> Option<Timestamp> {
        self.claimed_at
    }

    /// Returns the generation: one more with every write of the record.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Returns the number of addresses.
    pub fn size(&self) -> u16 {
        self.cidr.size()
    }

    /// Returns the address of an ordinal.
    ///
    /// # Panics
    /// Where the ordinal is outside the block.
    pub fn address(&self, ordinal: Ordinal) -> Address {
        self.cidr
            .address(ordinal)
            .expect("the ordinal is one of this block")
    }

    /// Returns the ordinal of an address, or `None` outside the block.
    pub fn ordinal(&self, address: Address) -> Option<Ordinal> {
        self.cidr.ordinal(address)
    }

    /// Counts a write of the record. Assigning and releasing do not: a plan may do several and writes once.
    pub fn bump(&mut self) {
        // A stored number may be anything. Wrapping still differs from the number before, as saturating would not.
        self.sequence = self.sequence.wrapping_add(1);
        self.repaired.clear();
    }

    fn ordinals(&self) -> impl Iterator<Item = Ordinal> + use<> {
        Ordinal::all(self.size())
    }
}
