//! The fence after a commit without an answer.
//!
//! Such a commit may be applied later than any read that looks for it. Rewriting a block that it was guarded
//! by (same content, sequence one higher) makes that impossible. Needed before a request without handle is
//! decided anew (X30), and before any request gives up (X31). A claim of an absent block has no block to rewrite:
//! committing it once more fences it as well, but one that gives up leaves at most one address (X32), which
//! collection takes.

use crate::allocator::Allocator;
use crate::allocator::budget::Tries;
use crate::allocator::transaction::Prepared;
use crate::blocks::BlockCidr;
use crate::datastore::{Commit, DatastoreError};
use crate::plan::{Change, Guard, Plan, RecordId, Seen, View, Want};
use crate::revision::Revision;

/// Tries of one fence, however long the request took before: what has no answer now would otherwise be the end of it.
/// A conflict means that somebody else rewrote the block, which fences as well.
const FENCE_TRIES: u32 = 3;

impl Allocator {
    /// Makes sure that a lost commit is never applied from now on. Fails silently: the caller is giving up, or
    /// decides anew from a fresh read.
    pub(super) async fn fence(&self, lost: Option<&Prepared>, tries: &mut Tries<'_>) {
        let Some((block, revision)) = lost.and_then(|lost| lost.blocks.first().copied()) else {
            return;
        };
        for tried in 1..=FENCE_TRIES {
            let error = match self.rewrite(block, revision).await {
                Ok(()) => return,
                Err(error) => error,
            };
            let passing = matches!(
                error,
                DatastoreError::Unavailable { .. } | DatastoreError::Indeterminate { .. }
            );
            if tried == FENCE_TRIES || !passing {
                tracing::warn!(%block, %error, "a lost commit could not be fenced off");
                return;
            }
            tries.pause().await;
        }
    }

    /// Rewrites a block unless somebody else did since the revision.
    async fn rewrite(&self, block: BlockCidr, revision: Revision) -> Result<(), DatastoreError> {
        let want = Want::Record(RecordId::Block(block));
        let mut view = View::default();
        self.read_once(&mut view, want).await?;
        let Some(Seen::Present(record)) = view.blocks.get(&block) else {
            return Ok(());
        };
        if record.revision != revision {
            return Ok(());
        }
        let mut same = record.value.clone();
        same.bump();
        let plan = Plan {
            guards: vec![Guard::At(RecordId::Block(block), revision)],
            changes: vec![Change::PutBlock(same)],
            outcome: (),
            more: false,
        };
        let prepared = crate::allocator::transaction::prepare(&plan);
        match self.store.commit(prepared.txn).await? {
            Commit::Applied(_) | Commit::Conflict(_) => Ok(()),
        }
    }
}
