//! Giving out addresses of a block. The head of the queue has been free longest and goes first.

use thiserror::Error;

use crate::blocks::address::Address;
use crate::blocks::block::{Attribute, Block, Slot};
use crate::blocks::interval::RangeSet;
use crate::blocks::ordinal::Ordinal;
use crate::ids::HandleId;

/// An address that was asked for and is not free.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("address {address} is {}", holder_text(.holder.as_ref()))]
pub struct SlotTaken {
    /// The address.
    pub address: Address,
    /// Who holds it; `None` if it is cooling, or held without a handle.
    pub holder: Option<HandleId>,
}

fn holder_text(holder: Option<&HandleId>) -> String {
    holder.map_or_else(
        || "in use or cooling".to_owned(),
        |handle| format!("held by {handle}"),
    )
}

impl Block {
    /// Assigns up to `count` addresses and returns their ordinals in the order of the queue.
    ///
    /// 1. Takes from the head; what lies in `avoid` keeps its place.
    /// 2. All taken ordinals share one attribute: an equal one of the block, or else a new one.
    /// 3. Each is marked with the current generation.
    pub fn assign_next(
        &mut self,
        count: usize,
        attribute: &Attribute,
        avoid: &RangeSet,
    ) -> Vec<Ordinal> {
        let taken = self.take_from_queue(count, avoid);
        self.point_at(attribute, taken.iter().copied());
        self.mark(&taken);
        taken
    }

    /// Assigns one address, wherever it stands in the queue.
    ///
    /// # Errors
    /// [`SlotTaken`] if it is held or cooling.
    ///
    /// # Panics
    /// Where the ordinal is outside the block.
    pub fn assign_at(&mut self, ordinal: Ordinal, attribute: &Attribute) -> Result<(), SlotTaken> {
        match self.slot(ordinal) {
            Slot::Free => {}
            Slot::Cooling(_) => return Err(self.taken(ordinal, None)),
            Slot::Assigned(holder) => return Err(self.taken(ordinal, holder.handle.as_deref())),
        }
        self.free.retain(|&free| free != ordinal);
        self.point_at(attribute, [ordinal]);
        self.mark(&[ordinal]);
        Ok(())
    }

    /// Changes the attribute of one assigned ordinal; others that share it keep what they have.
    /// Returns what `edit` returned, or `None` if the ordinal is free or cooling.
    ///
    /// # Panics
    /// Where the ordinal is outside the block.
    pub fn edit_attribute<R>(
        &mut self,
        ordinal: Ordinal,
        edit: impl FnOnce(&mut Attribute) -> R,
    ) -> Option<R> {
        let Slot::Assigned(_) = self.slot(ordinal) else {
            return None;
        };
        let index = self.unshared(ordinal)?;
        Some(edit(&mut self.attributes[index]))
    }

    /// Points slots at an equal attribute that may be shared, or else at a new one. Leaves the queue alone.
    pub(super) fn point_at(
        &mut self,
        attribute: &Attribute,
        ordinals: impl IntoIterator<Item = Ordinal>,
    ) {
        let mut ordinals = ordinals.into_iter().peekable();
        if ordinals.peek().is_none() {
            return;
        }
        let equal = |own: &Attribute| attribute.is_shareable() && own == attribute;
        let index = self.attributes.iter().position(equal).unwrap_or_else(|| {
            self.attributes.push(attribute.clone());
            self.attributes.len() - 1
        });
        for ordinal in ordinals {
            self.slots[ordinal.index()] = Some(index);
        }
    }

    /// Notes the current generation as that of the last change of these ordinals.
    pub(super) fn mark(&mut self, ordinals: &[Ordinal]) {
        let marks = ordinals.iter().map(|&ordinal| (ordinal, self.sequence));
        self.sequence_of.extend(marks);
    }

    fn take_from_queue(&mut self, count: usize, avoid: &RangeSet) -> Vec<Ordinal> {
        let avoid = avoid.within(self.cidr.cidr());
        let mut taken = Vec::new();
        let cidr = self.cidr;
        self.free.retain(|&ordinal| {
            let usable = || cidr.address(ordinal).is_some_and(|a| !avoid.contains(a));
            let take = taken.len() < count && usable();
            if take {
                taken.push(ordinal);
            }
            !take
        });
        taken
    }

    fn taken(&self, ordinal: Ordinal, holder: Option<&str>) -> SlotTaken {
        SlotTaken {
            address: self.address(ordinal),
            holder: holder.map(HandleId::stored),
        }
    }

    fn unshared(&mut self, ordinal: Ordinal) -> Option<usize> {
        let index = self.slots[ordinal.index()]?;
        let sharers = self.slots.iter().flatten().filter(|&&other| other == index);
        if sharers.count() == 1 {
            return Some(index);
        }
        self.attributes.push(self.attributes[index].clone());
        let own = self.attributes.len() - 1;
        self.slots[ordinal.index()] = Some(own);
        Some(own)
    }
}
