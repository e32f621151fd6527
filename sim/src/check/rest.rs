//! What holds of a store in which nothing is held any more and collection ran: p14.

use crate::check::commits::broken;
use crate::check::{Checker, Violation};
use crate::records::Slot;

impl Checker {
    /// Judges a store in which nothing is held any more and collection ran.
    ///
    /// # Errors
    /// The first record that is left and should not be.
    pub fn p14_nothing_is_left(&self) -> Result<(), Violation> {
        let state = &self.state;
        if let Some((id, counts)) = state.handles.first_key_value() {
            return broken("p14", format!("handle {id} is left: {counts:?}"));
        }
        if let Some(left) = state.borrowed.first() {
            return broken("p14", format!("{left:?} is left in the index"));
        }
        for block in state.blocks.values() {
            let held = |slot: &Slot| matches!(slot, Slot::Held(entry) if !entry.is_windows_slot());
            let owner = block.owner.clone();
            if block.slots.iter().any(held) || owner.is_none() {
                return broken("p14", format!("{block:?} is left"));
            }
            let affinity = state
                .affinities
                .get(&(owner.unwrap_or_default(), block.net));
            if !matches!(affinity.map(String::as_str), Some("confirmed" | "")) {
                return broken("p14", format!("{block:?} has affinity {affinity:?}"));
            }
        }
        let mut affinities = state.affinities.keys();
        match affinities.find(|(_, net)| !state.blocks.contains_key(net)) {
            Some(left) => broken("p14", format!("affinity {left:?} has no block")),
            None => Ok(()),
        }
    }
}
