//! The handle record: in which blocks a holder has addresses, and how many it is believed to have there.

use std::collections::BTreeMap;

use crate::blocks::{BlockCidr, Cidr};
use crate::unknown::Unknown;

/// The value of a handle record. A count is an upper bound of the entries in that block (p5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handle {
    /// Addresses by block.
    pub counts: BTreeMap<Cidr, u64>,
    /// Calico's `deleted`: kept, never looked at.
    pub deleted: bool,
    /// Members that we do not know.
    pub unknown: Unknown,
}

impl Handle {
    /// Returns the count of a block.
    pub fn count(&self, block: BlockCidr) -> u64 {
        self.counts.get(&block.cidr()).copied().unwrap_or(0)
    }

    /// Notes that `taken` more addresses are held in the block, where `entries` were held before.
    ///
    /// Relative, never set to the truth: Calico's count is one too high by right between its two writes, and
    /// its undo would take a live one (X24).
    pub fn raise(&mut self, block: BlockCidr, entries: u64, taken: u64) {
        let count = self.count(block).max(entries).saturating_add(taken);
        self.counts.insert(block.cidr(), count);
    }

    /// Notes that `freed` addresses of the block are held no more. An entry of zero is dropped.
    pub fn lower(&mut self, block: BlockCidr, freed: u64) {
        match self.count(block).saturating_sub(freed) {
            0 => self.counts.remove(&block.cidr()),
            left => self.counts.insert(block.cidr(), left),
        };
    }

    /// Returns the blocks that it names, as far as they can be blocks.
    pub fn blocks(&self) -> impl Iterator<Item = BlockCidr> + '_ {
        self.counts
            .keys()
            .filter_map(|cidr| BlockCidr::new(*cidr).ok())
    }
}
