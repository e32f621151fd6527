//! Requests of one node in one process queue here, in order of arrival.
//!
//! The queue is not needed for correctness: it only keeps a node from conflicting with itself, and remembers
//! which blocks the node used last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::blocks::BlockCidr;

/// The blocks that the node's last request used: worth reading with the next one, as a hint is.
pub(super) type Remembered = Vec<BlockCidr>;

type Turn = Arc<tokio::sync::Mutex<Remembered>>;

/// Nodes whose blocks are remembered; of more than these, nodes without a request are forgotten.
const MOST_NODES: usize = 10_000;

/// One queue for each node.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    turns: Arc<Mutex<BTreeMap<String, Turn>>>,
}

impl Queue {
    /// Waits for the turn of a request; the next one's comes when the guard is dropped.
    pub(super) async fn turn(&self, node: &str) -> OwnedMutexGuard<Remembered> {
        let turn = self.turn_of(node);
        turn.lock_owned().await
    }

    fn turn_of(&self, node: &str) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if MOST_NODES <= turns.len() {
            turns.retain(|own, turn| own == node || 1 < Arc::strong_count(turn));
        }
        Arc::clone(turns.entry(node.to_owned()).or_default())
    }
}
