//! Requests through the library, in this process, on one connection.

use std::sync::Arc;

use block_ipam::allocator::{Allocator, Hint};
use block_ipam::assign::{Assign, Grant, ReleaseHandle, Wanted};
use block_ipam::clock::SystemClock;
use block_ipam::datastore::Datastore;
use block_ipam::entropy::SystemEntropy;
use block_ipam::ids::{HandleId, NodeName};

use crate::samples::{Samples, Stopwatch};

/// Which families a request wants an address of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Families {
    V4,
    Both,
}

/// What was measured.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measured {
    pub(crate) add: Samples,
    pub(crate) add_both: Samples,
    pub(crate) del: Samples,
    pub(crate) cold: Samples,
}

/// A node that assigns and releases.
#[derive(Debug)]
pub(crate) struct Library {
    allocator: Allocator,
    hint: Hint,
    measured: Measured,
}

impl Library {
    /// Returns a node that holds some workloads already, so that its block is warm and not empty.
    pub(crate) async fn warm(store: Arc<dyn Datastore>) -> Result<Library, String> {
        let allocator = Allocator::new(store, Arc::new(SystemClock), Arc::new(SystemEntropy));
        let mut library = Library {
            allocator,
            hint: Hint::default(),
            measured: Measured::default(),
        };
        for number in 0..20 {
            let grant = library
                .assign("warm", &format!("held.{number}"), Families::Both)
                .await?;
            library.hint = hint(&grant);
        }
        Ok(library)
    }

    /// Measures each request once and releases what was assigned.
    pub(crate) async fn round(&mut self, number: u64) -> Result<(), String> {
        let handle = format!("v4.{number}");
        let watch = Stopwatch::start();
        self.assign("warm", &handle, Families::V4).await?;
        self.measured.add.extend([watch.stop()]);

        let watch = Stopwatch::start();
        self.release(&handle).await?;
        self.measured.del.extend([watch.stop()]);

        let handle = format!("both.{number}");
        let watch = Stopwatch::start();
        self.assign("warm", &handle, Families::Both).await?;
        self.measured.add_both.extend([watch.stop()]);
        self.release(&handle).await
    }

    /// Measures the first address of a node that has none.
    pub(crate) async fn cold_round(&mut self, number: u64) -> Result<(), String> {
        let warm = std::mem::take(&mut self.hint);
        let watch = Stopwatch::start();
        self.assign(
            &format!("cold-{number}"),
            &format!("cold.{number}"),
            Families::V4,
        )
        .await?;
        self.measured.cold.extend([watch.stop()]);
        self.hint = warm;
        Ok(())
    }

    /// Returns what was measured since the last call.
    pub(crate) fn take(&mut self) -> Measured {
        std::mem::take(&mut self.measured)
    }

    async fn assign(&self, node: &str, handle: &str, families: Families) -> Result<Grant, String> {
        let node = NodeName::new(node).map_err(|error| error.to_string())?;
        let one = || Wanted {
            count: 1,
            ..Wanted::default()
        };
        let request = Assign {
            v4: one(),
            v6: if families == Families::Both {
                one()
            } else {
                Wanted::default()
            },
            ..Assign::workload(node, handle_id(handle)?)
        };
        self.allocator
            .assign(&request, &self.hint)
            .await
            .map_err(|error| error.to_string())
    }

    async fn release(&self, handle: &str) -> Result<(), String> {
        let request = ReleaseHandle {
            handle: handle_id(handle)?,
            interface: None,
            aliases: Vec::new(),
        };
        let released = self.allocator.release_by_handle(&request, &self.hint).await;
        released.map(drop).map_err(|error| error.to_string())
    }
}

fn handle_id(text: &str) -> Result<HandleId, String> {
    HandleId::new(text).map_err(|error| error.to_string())
}

fn hint(grant: &Grant) -> Hint {
    Hint {
        blocks: grant
            .addresses
            .iter()
            .map(|granted| granted.block)
            .collect(),
        ..Hint::default()
    }
}
