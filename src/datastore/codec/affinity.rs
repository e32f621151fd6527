//! The value of an affinity. Owner and block stand in its key.

use super::read::{DecodeError, members, object, set};
use super::write;
use crate::affinity::AffinityState;

/// Reads an affinity. A value of no bytes is one without a state, as old versions left them.
///
/// # Errors
/// [`DecodeError`], also for a state that has no meaning.
pub fn decode_affinity(value: &[u8]) -> Result<AffinityState, DecodeError> {
    if value.is_empty() {
        return Ok(AffinityState::Unset);
    }
    let Stored { state } = object(value)?;
    [
        AffinityState::Pending,
        AffinityState::Confirmed,
        AffinityState::PendingDeletion,
        AffinityState::Unset,
    ]
    .into_iter()
    .find(|known| known.word() == state)
    .ok_or_else(|| {
        DecodeError::of_member(
            "state",
            format_args!("`{state}` is no state of an affinity"),
        )
    })
}

/// Writes an affinity.
pub fn encode_affinity(state: AffinityState) -> Vec<u8> {
    write::object(|record| {
        record.text("state", state.word());
        record.plain("deleted", false);
    })
}

/// Everything else is dropped: the record has no other content, and only its state is ever kept.
#[derive(Default)]
struct Stored {
    state: String,
}

members! { Stored: |affinity, from|
    "state" => set(&mut affinity.state, from),
}
