//! How much of the past a store keeps: etcd does not say whether it compacts by itself, but what it still can read.

use block_ipam::datastore::{Datastore, DatastoreError, Range, Read, Span, keys};
use block_ipam::plan::RecordId;
use block_ipam::revision::Revision;

use crate::doctor::facts::{History, Kept};

/// So many revisions are a lot for what compacts every hour.
pub(super) const MANY: u64 = 1_000_000;

/// Looks whether the first revision can be read, and else whether one long past can.
pub(super) async fn of(store: &dyn Datastore) -> Result<History, DatastoreError> {
    let revision = store.read(at(None)).await?.revision;
    let kept = if can_be_read(store, Revision(1)).await? {
        Kept::All
    } else if revision.0 <= MANY {
        Kept::Fewer(revision.0)
    } else if can_be_read(store, Revision(revision.0 - MANY)).await? {
        Kept::More(MANY)
    } else {
        Kept::Fewer(MANY)
    };
    Ok(History { revision, kept })
}

async fn can_be_read(store: &dyn Datastore, revision: Revision) -> Result<bool, DatastoreError> {
    match store.read(at(Some(revision))).await {
        Ok(_) => Ok(true),
        Err(DatastoreError::Compacted(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn at(at: Option<Revision>) -> Read {
    let key = Span::Key(keys::key_of(&RecordId::Config));
    Read {
        ranges: vec![Range::of(key).keys_only()],
        at,
    }
}
