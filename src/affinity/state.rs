//! The state of an affinity: the shadow of a block's owner.

use std::fmt;

/// What an affinity record says. We write only [`AffinityState::Confirmed`]; the others are Calico's half steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AffinityState {
    /// The claim has begun.
    Pending,
    /// The block is the node's.
    Confirmed,
    /// The release has begun.
    PendingDeletion,
    /// No state, as old versions wrote it. Counts as confirmed when a block is used.
    Unset,
}

impl AffinityState {
    /// Returns the word in the record.
    pub const fn word(self) -> &'static str {
        match self {
            AffinityState::Pending => "pending",
            AffinityState::Confirmed => "confirmed",
            AffinityState::PendingDeletion => "pendingDeletion",
            AffinityState::Unset => "",
        }
    }
}

impl fmt::Display for AffinityState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
