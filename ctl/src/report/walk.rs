//! Long reads at the revision of a check.

use block_ipam::allocator::AllocatorError;
use block_ipam::blocks::Block;
use block_ipam::datastore::pages::Pages;
use block_ipam::datastore::{Datastore, DatastoreError, Entry, Span, codec, keys};
use block_ipam::plan::RecordId;
use block_ipam::revision::Revision;

use crate::failure::Failure;

/// Reads everything in a span as it was at the revision, page by page.
pub(crate) async fn entries(
    store: &dyn Datastore,
    span: Span,
    at: Option<Revision>,
    mut each: impl FnMut(Entry) -> Result<(), Failure>,
) -> Result<(), Ended> {
    let mut pages = Pages::of(store, span);
    if let Some(at) = at {
        pages = pages.at(at);
    }
    while let Some(page) = pages.next().await? {
        page.entries.into_iter().try_for_each(&mut each)?;
    }
    Ok(())
}

/// Reads all blocks as they were at the revision, or at that of the first page. Those that do not parse are passed over: the check has told them.
pub(crate) async fn blocks(
    store: &dyn Datastore,
    at: Option<Revision>,
    mut each: impl FnMut(&Block) -> Result<(), Failure>,
) -> Result<(), Ended> {
    let see = |entry: Entry| match keys::parse(&entry.key) {
        Some(RecordId::Block(cidr)) => match codec::decode_block(cidr, &entry.value) {
            Ok(block) => each(&block),
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    };
    entries(store, keys::blocks(), at, see).await
}

/// Why a long read ended early.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The store keeps the revision no longer: the check has to begin again.
    Compacted,
    /// Anything else.
    Failed(Failure),
}

impl From<DatastoreError> for Ended {
    fn from(error: DatastoreError) -> Ended {
        match error {
            DatastoreError::Compacted(_) => Ended::Compacted,
            error => Ended::Failed(error.into()),
        }
    }
}

impl From<AllocatorError> for Ended {
    fn from(error: AllocatorError) -> Ended {
        match error {
            AllocatorError::Store(error) => error.into(),
            error => Ended::Failed(error.into()),
        }
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Ended {
        Ended::Failed(failure)
    }
}
