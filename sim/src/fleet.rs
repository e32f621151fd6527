//! Who takes part: which program an actor's name means, and what is made worse about ours on purpose.

use std::sync::Arc;

use block_ipam::datastore::Datastore;

use crate::actor::Actor;
use crate::check::course::Party;
use crate::operation::Operation;
use crate::ours::Ours;

/// The programs of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fleet {}

impl Fleet {
    /// Returns the program that an actor's name means.
    pub(crate) fn actor(&self, _: &str) -> (Party, Box<dyn Actor>) {
        (Party::Ours, Box::new(Ours::default()))
    }

    /// Returns the store as a process of ours is shown it.
    pub(crate) fn weaken(&self, store: Arc<dyn Datastore>, _: &Operation) -> Arc<dyn Datastore> {
        store
    }
}
