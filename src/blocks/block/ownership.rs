//! Whose a block is.

use std::collections::BTreeSet;

use crate::blocks::block::Block;
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::ids::Owner;

impl Block {
    /// Makes it a block of nobody. Its addresses stay held.
    pub fn disown(&mut self) {
        self.owner = None;
        self.claimed_at = None;
    }

    /// Makes it the block of another owner, claimed now. The reserved slots of the former owner become free; what is
    /// held or cooling stays.
    pub fn take_over(&mut self, owner: Owner, now: Timestamp) {
        self.owner = Some(owner);
        self.claimed_at = Some(now.whole_seconds());
        let slots: BTreeSet<Ordinal> = self
            .entries()
            .filter(|entry| entry.attribute.is_reserved_slot())
            .map(|entry| entry.ordinal)
            .collect();
        self.free(&slots);
    }
}
