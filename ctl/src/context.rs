//! What a verb is given: where its words go, and the store, opened when it is first wanted.

use std::sync::Arc;

use block_ipam::allocator::Allocator;
use block_ipam::clock::{Clock, SystemClock};
use block_ipam::datastore::Datastore;
use block_ipam::entropy::SystemEntropy;

use crate::failure::Failure;
use crate::store::{self, Choice};
use crate::time;
use crate::ui::Ui;

/// Whether a verb may make a store that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It only looks.
    Read,
    /// It writes.
    Write,
}

/// What a verb is given.
pub(crate) struct Context {
    pub(crate) ui: Ui,
    choice: Choice,
    opened: tokio::sync::OnceCell<Opened>,
}

/// An open store.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Datastore>,
    pub(crate) allocator: Allocator,
}

impl Context {
    pub(crate) fn new(ui: Ui, choice: Choice) -> Context {
        Context {
            ui,
            choice,
            opened: tokio::sync::OnceCell::new(),
        }
    }

    /// Returns the store, opened.
    pub(crate) async fn open(&self, access: Access) -> Result<&Opened, Failure> {
        let open = || async {
            let store = store::open(self.ui, &self.choice, access)?;
            let clock = Arc::new(SystemClock);
            let allocator = Allocator::new(Arc::clone(&store), clock, Arc::new(SystemEntropy));
            Ok(Opened { store, allocator })
        };
        self.opened.get_or_try_init(open).await
    }

    /// Returns the time in whole seconds as records tell it.
    pub(crate) fn now_text(&self) -> String {
        time::text(SystemClock.now())
    }
}
