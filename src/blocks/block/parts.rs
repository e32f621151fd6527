//! A block as its record tells it, and the way from there to a well-formed block and back.

use std::collections::{BTreeMap, VecDeque};

use crate::blocks::block::{Attribute, Block, BlockFault};
use crate::blocks::cidr::BlockCidr;
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::ids::Owner;
use crate::unknown::Unknown;

/// A block as a record tells it, before anything is checked: what the codec reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockParts {
    /// The CIDR.
    pub cidr: BlockCidr,
    /// The owner.
    pub owner: Option<Owner>,
    /// When the owner claimed it; absent means long ago.
    pub claimed_at: Option<Timestamp>,
    /// Index into `attributes` by ordinal; `None` is free.
    pub allocations: Vec<Option<usize>>,
    /// The queue of free ordinals, head first.
    pub unallocated: VecDeque<usize>,
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// The generation of the block.
    pub sequence: u64,
    /// The generation at which an ordinal was assigned, by ordinal. May name free ordinals (old writers).
    pub sequence_of: BTreeMap<usize, u64>,
    /// Calico's `deleted`: kept, never looked at.
    pub deleted: bool,
    /// Members that we do not know.
    pub unknown: Unknown,
}

impl Block {
    /// Returns the block that a record tells. A queue that disagrees with the allocations is set right by them:
    /// its entries that are not free fall out, free ordinals that it lacks follow at the tail, ascending. Sequence
    /// numbers of ordinals outside the block fall out too. Attributes to which nothing points stay until the block is
    /// normalised, so that a well-formed record is written back as it was.
    ///
    /// # Errors
    /// [`BlockFault::Length`] or [`BlockFault::NoSuchAttribute`]: nobody could tell who holds what.
    pub fn from_parts(parts: BlockParts) -> Result<Block, BlockFault> {
        if let Some(fault) = parts.fatal_faults().next() {
            return Err(fault);
        }
        let repaired = parts.repairable_faults().collect();
        let free = repaired_queue(&parts);
        let size = parts.allocations.len();
        let sequences = parts.sequence_of.into_iter();
        let inside = sequences.filter(|&(index, _)| index < size);
        Ok(Block {
            cidr: parts.cidr,
            owner: parts.owner,
            claimed_at: parts.claimed_at,
            slots: parts.allocations,
            free,
            attributes: parts.attributes,
            sequence: parts.sequence,
            sequence_of: inside
                .filter_map(|(index, sequence)| Some((Ordinal::from_index(index)?, sequence)))
                .collect(),
            deleted: parts.deleted,
            unknown: parts.unknown,
            repaired,
        })
    }

    /// Returns everything that is wrong with the record that the block was read from. After the next write of the
    /// record ([`Block::bump`]) nothing is that reading has set right.
    pub fn faults_at(&self, now: Timestamp) -> Vec<BlockFault> {
        let mut faults = self.repaired.clone();
        faults.extend(self.to_parts().faults_at(now));
        faults
    }

    /// Returns the block as its record has to tell it.
    pub fn into_parts(self) -> BlockParts {
        BlockParts {
            cidr: self.cidr,
            owner: self.owner,
            claimed_at: self.claimed_at,
            allocations: self.slots,
            unallocated: self.free.into_iter().map(Ordinal::index).collect(),
            attributes: self.attributes,
            sequence: self.sequence,
            sequence_of: self
                .sequence_of
                .into_iter()
                .map(|(ordinal, sequence)| (ordinal.index(), sequence))
                .collect(),
            deleted: self.deleted,
            unknown: self.unknown,
        }
    }

    /// Returns the block as its record has to tell it.
    pub fn to_parts(&self) -> BlockParts {
        self.clone().into_parts()
    }
}

fn repaired_queue(parts: &BlockParts) -> VecDeque<Ordinal> {
    let mut missing: Vec<bool> = parts.allocations.iter().map(Option::is_none).collect();
    let mut queue: VecDeque<Ordinal> = VecDeque::with_capacity(missing.len());
    let tail = 0..missing.len();
    for index in parts.unallocated.iter().copied().chain(tail) {
        if missing.get_mut(index).is_some_and(std::mem::take) {
            queue.extend(Ordinal::from_index(index));
        }
    }
    queue
}
