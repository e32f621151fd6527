//! What a verb is given: where its words go, and the store, opened when it is first wanted.

use std::sync::Arc;

use block_ipam::allocator::Allocator;
use block_ipam::clock::{Clock, SystemClock, Timestamp};
use block_ipam::datastore::Datastore;
use block_ipam::datastore::observe::{Counting, Counts};
use block_ipam::datastore::settings::StoreSettings;
use block_ipam::entropy::SystemEntropy;

use crate::dry_run::DryRun;
use crate::failure::Failure;
use crate::progress;
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
    /// It tells what it would write.
    DryRun,
}

impl Access {
    /// Returns the access of a verb that writes, unless it was told to write nothing.
    pub(crate) const fn write_unless(dry_run: bool) -> Access {
        if dry_run {
            Access::DryRun
        } else {
            Access::Write
        }
    }
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
    requests: Arc<Counting>,
    dry_run: Option<Arc<DryRun>>,
}

impl Opened {
    /// Returns an allocator whose writes are seen by itself alone.
    pub(crate) fn rehearsal(&self) -> Allocator {
        let store = Arc::new(DryRun::new(Arc::clone(&self.store)));
        Allocator::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// Returns what a dry run would have written, one line for each record.
    pub(crate) fn planned(&self) -> Vec<String> {
        self.dry_run
            .iter()
            .flat_map(|dry_run| dry_run.planned())
            .collect()
    }
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
            let mut store = store::open(self.ui, &self.choice, access)?;
            if !self.ui.quiet {
                store = progress::watched(store);
            }
            let requests = Arc::new(Counting::new(store));
            let mut store: Arc<dyn Datastore> = Arc::clone(&requests) as _;
            let dry_run =
                (access == Access::DryRun).then(|| Arc::new(DryRun::new(Arc::clone(&store))));
            if let Some(dry_run) = &dry_run {
                store = Arc::clone(dry_run) as _;
            }
            let clock = Arc::new(SystemClock);
            let allocator = Allocator::new(Arc::clone(&store), clock, Arc::new(SystemEntropy));
            Ok(Opened {
                store,
                allocator,
                requests,
                dry_run,
            })
        };
        self.opened.get_or_try_init(open).await
    }

    /// Returns where the store is.
    pub(crate) fn settings(&self) -> Result<StoreSettings, Failure> {
        store::settings(self.ui, &self.choice)
    }

    /// Returns what was asked of the store so far, if it was opened.
    pub(crate) fn requests(&self) -> Option<Counts> {
        Some(self.opened.get()?.requests.take())
    }

    /// Returns the time.
    pub(crate) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Returns the time in whole seconds as records tell it.
    pub(crate) fn now_text(&self) -> String {
        time::text(self.now())
    }
}
