//! Taking addresses back. Every address becomes free in one routine, ascending, at the tail of the queue.

use std::collections::BTreeSet;

use crate::blocks::block::{Attribute, Block, Cooldown, Slot};
use crate::blocks::ordinal::Ordinal;
use crate::clock::Timestamp;
use crate::ids::OwnerKind;

impl Block {
    /// Releases addresses and returns the ordinals that were held, ascending. Free and cooling ones are passed over.
    ///
    /// 1. Without a cool-down they are free at once; so it is in blocks of virtual owners, where none begins to cool:
    ///    Calico's own controller of load balancers cannot cope with it.
    /// 2. Else they point at one new attribute that says when, and are marked with the current generation.
    /// 3. The block is normalised in the same step.
    ///
    /// # Panics
    /// Where an ordinal is outside the block.
    pub fn release(
        &mut self,
        ordinals: &[Ordinal],
        now: Timestamp,
        cooldown: Cooldown,
    ) -> Vec<Ordinal> {
        let held = |&ordinal: &Ordinal| matches!(self.slot(ordinal), Slot::Assigned(_));
        let released: BTreeSet<Ordinal> = ordinals.iter().copied().filter(held).collect();
        let released: Vec<Ordinal> = released.into_iter().collect();
        if released.is_empty() {
            return released;
        }
        if self.cools(cooldown) {
            self.cool(&released, now);
            self.normalise(now, cooldown);
        } else {
            let mut gone = self.cold(now, cooldown);
            gone.extend(&released);
            self.free(&gone);
        }
        released
    }

    /// Frees what has cooled down, then drops the attributes to which nothing points and renumbers the rest in order.
    /// Returns whether anything changed.
    ///
    /// What others let cool waits its time whoever owns the block (p10).
    pub fn normalise(&mut self, now: Timestamp, cooldown: Cooldown) -> bool {
        let cold = self.cold(now, cooldown);
        let attributes = self.attributes.len();
        self.free(&cold);
        !cold.is_empty() || self.attributes.len() != attributes
    }

    /// Frees these ordinals at the tail of the queue, ascending, and prunes the attributes.
    pub(super) fn free(&mut self, ordinals: &BTreeSet<Ordinal>) {
        for ordinal in ordinals {
            self.slots[ordinal.index()] = None;
            self.sequence_of.remove(ordinal);
        }
        self.free.extend(ordinals);
        self.prune();
    }

    fn cools(&self, cooldown: Cooldown) -> bool {
        let host = |kind| kind == OwnerKind::Host;
        cooldown.is_some() && self.owner.as_ref().is_none_or(|owner| host(owner.kind))
    }

    fn cool(&mut self, ordinals: &[Ordinal], now: Timestamp) {
        let attribute = Attribute::cooling(now.whole_seconds());
        self.point_at(&attribute, ordinals.iter().copied());
        self.mark(ordinals);
    }

    fn cold(&self, now: Timestamp, cooldown: Cooldown) -> BTreeSet<Ordinal> {
        self.ordinals()
            .filter(|&ordinal| match self.slot(ordinal) {
                Slot::Cooling(released_at) => cooldown.is_over(released_at, now),
                Slot::Free | Slot::Assigned(_) => false,
            })
            .collect()
    }

    fn prune(&mut self) {
        let mut used = vec![false; self.attributes.len()];
        for &index in self.slots.iter().flatten() {
            used[index] = true;
        }
        let renumbered: Vec<usize> = used
            .iter()
            .scan(0, |next, &used| {
                let index = *next;
                *next += usize::from(used);
                Some(index)
            })
            .collect();
        for index in self.slots.iter_mut().flatten() {
            *index = renumbered[*index];
        }
        let mut used = used.into_iter();
        self.attributes.retain(|_| used.next().unwrap_or(false));
    }
}
