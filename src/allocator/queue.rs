//! Requests of one node in one process queue here, in order of arrival.
//!
//! The queue is not needed for correctness: it only keeps a node from conflicting with itself, and remembers
//! which blocks the node used last and what its searches ended in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::assign::searched::End;
use crate::assign::{Assign, Searched};
use crate::blocks::BlockCidr;

/// What the node's requests before found out: worth reading with the next one, as a hint is.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// The blocks that the last request used.
    pub(super) blocks: Vec<BlockCidr>,
    /// What searches ended in, the newest first, one for the same wishes.
    pub(super) searched: Vec<Searched>,
}

/// Searches that are remembered of a node.
const MOST_SEARCHED: usize = 4;

impl Remembered {
    /// Remembers what searches ended in, the newest last, unless a newer one of the same wishes is known.
    pub(super) fn learn(&mut self, searched: impl IntoIterator<Item = Searched>) {
        for one in searched {
            let newer = |own: &Searched| own.wishes == one.wishes && one.since < own.since;
            if !self.searched.iter().any(newer) {
                self.searched.retain(|own| own.wishes != one.wishes);
                self.searched.insert(0, one);
            }
        }
        self.searched.truncate(MOST_SEARCHED);
    }

    /// Forgets that the wishes of a request were refused.
    pub(super) fn granted(&mut self, request: &Assign) {
        let refused = |own: &Searched| matches!(own.end, End::Refused { .. });
        self.searched
            .retain(|own| !(refused(own) && own.is_of(request)));
    }
}

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
