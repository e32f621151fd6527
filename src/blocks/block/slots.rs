//! Looking at a block: what each slot holds, and how many hold what.

use crate::blocks::address::Address;
use crate::blocks::block::{Attribute, Block, Cooldown};
use crate::blocks::interval::RangeSet;
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::ids::HandleId;

/// What an ordinal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot<'a> {
    /// Nothing.
    Free,
    /// An address released then, not yet free.
    Cooling(Timestamp),
    /// An address that is held; the reserved slots of Windows nodes too.
    Assigned(&'a Attribute),
}

/// An address that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigned<'a> {
    /// The ordinal.
    pub ordinal: Ordinal,
    /// The address.
    pub address: Address,
    /// Who holds it.
    pub attribute: &'a Attribute,
    /// The generation of the block in which it was assigned; 0 where the record does not say.
    pub sequence: u64,
}

impl Block {
    /// Returns what an ordinal holds.
    ///
    /// # Panics
    /// Where the ordinal is outside the block.
    pub fn slot(&self, ordinal: Ordinal) -> Slot<'_> {
        let attribute = self.slots[ordinal.index()].map(|index| &self.attributes[index]);
        match attribute {
            None => Slot::Free,
            Some(Attribute {
                released_at: Some(released_at),
                ..
            }) => Slot::Cooling(*released_at),
            Some(attribute) => Slot::Assigned(attribute),
        }
    }

    /// Returns the generation that the record has for an ordinal, 0 where it has none: what a release compares with.
    pub fn sequence_at(&self, ordinal: Ordinal) -> u64 {
        self.sequence_of.get(&ordinal).copied().unwrap_or(0)
    }

    /// Returns the addresses that are held, ascending; cooling ones are not.
    pub fn entries(&self) -> impl Iterator<Item = Assigned<'_>> {
        self.ordinals()
            .filter_map(|ordinal| match self.slot(ordinal) {
                Slot::Assigned(attribute) => Some(Assigned {
                    ordinal,
                    address: self.address(ordinal),
                    attribute,
                    sequence: self.sequence_at(ordinal),
                }),
                Slot::Free | Slot::Cooling(_) => None,
            })
    }

    /// Returns the addresses that a handle holds, ascending.
    pub fn entries_of(&self, handle: &HandleId) -> impl Iterator<Item = Assigned<'_>> {
        self.entries()
            .filter(move |entry| entry.attribute.is_of(handle))
    }

    /// Returns whether nobody holds an address and none is cooling. Reserved slots of Windows nodes do not count.
    pub fn is_empty(&self) -> bool {
        self.slots
            .iter()
            .flatten()
            .all(|&index| self.attributes[index].is_reserved_slot())
    }

    /// Returns the number of free addresses.
    pub fn free_count(&self) -> usize {
        self.free.len()
    }

    /// Returns the free addresses, the one that has been free longest first.
    pub fn free_addresses(&self) -> impl Iterator<Item = Address> {
        self.free.iter().map(|&ordinal| self.address(ordinal))
    }

    /// Returns the number of free addresses outside `avoid`.
    pub fn usable_count(&self, avoid: &RangeSet) -> usize {
        let avoid = avoid.within(self.cidr.cidr());
        self.free
            .iter()
            .filter(|&&ordinal| !avoid.contains(self.address(ordinal)))
            .count()
    }

    /// Returns the last moment at which none of the cooling addresses is free yet; `None` where none is cooling.
    pub fn first_cooled(&self, cooldown: Cooldown) -> Option<Timestamp> {
        let ends = self
            .ordinals()
            .filter_map(|ordinal| match self.slot(ordinal) {
                Slot::Cooling(released_at) => Some(cooldown.last_of(released_at)),
                Slot::Free | Slot::Assigned(_) => None,
            });
        ends.min()
    }

    /// Returns the number of cooling addresses.
    pub fn cooling_count(&self) -> usize {
        self.ordinals()
            .filter(|&ordinal| matches!(self.slot(ordinal), Slot::Cooling(_)))
            .count()
    }
}
