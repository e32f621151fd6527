//! A store as of one revision whose blocks are shown to somebody while another reads it, so that a million addresses are
//! read once for both.
//!
//! **Invariant:** every read is at that revision, and each block is shown once, however often it is read. Nothing is written.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use block_ipam::blocks::Block;
use block_ipam::datastore::{
    Commit, Datastore, DatastoreError, Entry, Read, Snapshot, Txn, codec, keys,
};
use block_ipam::plan::RecordId;
use block_ipam::revision::Revision;

/// The store, and who looks on.
pub(crate) struct Alongside<F> {
    store: Arc<dyn Datastore>,
    at: Revision,
    shown: Mutex<Shown<F>>,
}

/// What was shown so far. Readers go through blocks in order of their keys.
struct Shown<F> {
    last: String,
    see: F,
}

impl<F> Alongside<F> {
    pub(crate) fn new(store: Arc<dyn Datastore>, at: Revision, see: F) -> Alongside<F> {
        let last = String::new();
        Alongside {
            store,
            at,
            shown: Mutex::new(Shown { last, see }),
        }
    }
}

impl<F: FnMut(&Block)> Shown<F> {
    /// A block that does not parse is the reader's to tell.
    fn show(&mut self, entry: &Entry) {
        let Some(RecordId::Block(cidr)) = keys::parse(&entry.key) else {
            return;
        };
        if self.last < entry.key {
            self.last.clone_from(&entry.key);
            if let Ok(block) = codec::decode_block(cidr, &entry.value) {
                (self.see)(&block);
            }
        }
    }
}

impl<F> fmt::Debug for Alongside<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alongside")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<F: FnMut(&Block) + Send> Datastore for Alongside<F> {
    async fn read(&self, mut read: Read) -> Result<Snapshot, DatastoreError> {
        read.at.get_or_insert(self.at);
        let mut snapshot = self.store.read(read).await?;
        snapshot.revision = self.at;
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = snapshot.found.iter().flat_map(|found| &found.entries);
        entries.for_each(|entry| shown.show(entry));
        Ok(snapshot)
    }

    async fn commit(&self, _: Txn) -> Result<Commit, DatastoreError> {
        Err(DatastoreError::rejected("it is only looked at"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use block_ipam::datastore::{Memory, Range, Write};

    fn block(third: u8) -> Write {
        let key = format!("/calico/ipam/v2/assignment/ipv4/block/10.0.{third}.0-30");
        let value = format!(
            r#"{{"cidr":"10.0.{third}.0/30","affinity":null,"allocations":[null,null,null,null],"unallocated":[0,1,2,3],"attributes":[]}}"#
        );
        Write::Put(key, value.into_bytes())
    }

    fn txn(writes: Vec<Write>) -> Txn {
        Txn {
            guards: Vec::new(),
            writes,
        }
    }

    #[tokio::test]
    async fn each_block_is_shown_once_and_as_it_was() {
        let store = Arc::new(Memory::default());
        store.commit(txn(vec![block(1), block(2)])).await.unwrap();
        let all = || Read::latest(vec![Range::of(keys::blocks())]);
        let at = store.read(all()).await.unwrap().revision;
        store.commit(txn(vec![block(3)])).await.unwrap();

        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let see = move |block: &Block| noted.lock().unwrap().push(block.cidr().to_string());
        let alongside = Alongside::new(store, at, see);
        for _ in 0..2 {
            let snapshot = alongside.read(all()).await.unwrap();
            assert_eq!(
                (snapshot.revision, snapshot.found[0].entries.len()),
                (at, 2)
            );
        }
        assert_eq!(*seen.lock().unwrap(), ["10.0.1.0/30", "10.0.2.0/30"]);
        let refused = alongside.commit(txn(vec![block(4)])).await;
        assert!(matches!(refused, Err(DatastoreError::Rejected { .. })));
    }
}
