//! Requests of one node in one process queue here, in order of arrival.
//!
//! The queue is not needed for correctness: it only keeps a node from conflicting with itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

type Turn = Arc<tokio::sync::Mutex<()>>;

/// One queue for each name.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    turns: Arc<Mutex<BTreeMap<String, Turn>>>,
}

impl Queue {
    /// Waits for the turn of a request; the next one's comes when the guard is dropped.
    pub(super) async fn turn(&self, name: &str) -> OwnedMutexGuard<()> {
        let turn = self.turn_of(name);
        turn.lock_owned().await
    }

    fn turn_of(&self, name: &str) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|own, turn| own == name || 1 < Arc::strong_count(turn));
        Arc::clone(turns.entry(name.to_owned()).or_default())
    }
}
