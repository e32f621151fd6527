//! Who takes part: which program an actor's name means, and what is made worse about ours on purpose.

use std::sync::Arc;

use block_ipam::datastore::Datastore;

use crate::actor::Actor;
use crate::calico::CalicoActor;
use crate::check::course::Party;
use crate::fate::theme::Theme;
use crate::operation::Operation;
use crate::ours::Ours;
use crate::weak::Weakness;

/// Whose programs are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// Ours alone.
    #[default]
    Pure,
    /// Ours on half of the nodes, Calico's on the others, and sometimes both on one.
    Mixed,
}

/// The programs of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Whose they are.
    pub kind: Kind,
    /// What ours do worse than they should.
    pub weakness: Option<&'static Weakness>,
    /// How many nodes there are; as each seed draws, 2 to 4, if `None`.
    pub nodes: Option<u32>,
    /// What every run is like; as each seed draws if `None`.
    pub theme: Option<Theme>,
}

impl Fleet {
    /// Ours alone, as they are.
    pub const PURE: Fleet = Fleet {
        kind: Kind::Pure,
        weakness: None,
        nodes: None,
        theme: None,
    };
    /// Ours beside Calico's, as they are.
    pub const MIXED: Fleet = Fleet {
        kind: Kind::Mixed,
        weakness: None,
        nodes: None,
        theme: None,
    };

    /// The same with a weakness.
    #[must_use]
    pub const fn weak(self, weakness: &'static Weakness) -> Fleet {
        Fleet {
            weakness: Some(weakness),
            ..self
        }
    }

    /// Returns the program that an actor's name means: `calico:n1` is Calico's on node n1.
    pub(crate) fn actor(self, name: &str) -> (Party, Box<dyn Actor>) {
        if name.starts_with("calico:") {
            (Party::Calico, Box::new(CalicoActor))
        } else {
            (Party::Ours, Box::new(Ours::default()))
        }
    }

    /// Returns the store as a process is shown it.
    pub(crate) fn shown(
        self,
        store: Arc<dyn Datastore>,
        party: Party,
        operation: &Operation,
    ) -> Arc<dyn Datastore> {
        match self.weakness.filter(|_| party == Party::Ours) {
            Some(weakness) => weakness.before(store, operation.clone()),
            None => store,
        }
    }
}
