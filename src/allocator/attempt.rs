//! One read and one commit of a request, tried again while the store is away.
//!
//! A commit without an answer is looked up, never guessed: every record then has the value that it wrote, or it is
//! committed once more, or the decision is made anew (see `recovery`).

use crate::allocator::budget::Tries;
use crate::allocator::transaction::{Prepared, prepare};
use crate::allocator::wants::{ranges_of, take};
use crate::allocator::{Allocator, AllocatorError};
use crate::datastore::pages::read_on;
use crate::datastore::port::{Range, Snapshot};
use crate::datastore::{Commit, DatastoreError, Read};
use crate::plan::{Plan, View, Want};
use crate::revision::Revision;

/// How one commit ended.
pub(super) enum Attempt<T> {
    /// Applied: its outcome, and whether the request needs another one.
    Applied(T, bool),
    /// Refused; the view has the values of the refusal.
    Conflict,
    /// Nobody knows, and it may be applied later.
    Lost(Prepared),
}

impl Allocator {
    /// Reads what is wanted into the view. Wants that do not fit one round trip are left for the next.
    pub(super) async fn see(
        &self,
        view: &mut View,
        wants: Vec<Want>,
        tries: &mut Tries<'_>,
    ) -> Result<(), AllocatorError> {
        let (asked, ranges) = ranges_of(view, wants);
        loop {
            tries.check()?;
            match self.read_whole(&ranges).await {
                Ok(snapshot) => {
                    self.note(snapshot.revision, snapshot.cluster);
                    take(view, &asked, &snapshot);
                    return Ok(());
                }
                Err(DatastoreError::Compacted(_)) => tries.again().await?,
                Err(error) if tries.outlasts(&error).await => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads ranges in one round trip, and the rest of more keys than one answer carries in others.
    async fn read_whole(&self, ranges: &[Range]) -> Result<Snapshot, DatastoreError> {
        let mut snapshot = self.store.read(Read::latest(ranges.to_vec())).await?;
        read_on(self.store.as_ref(), ranges, &mut snapshot).await?;
        Ok(snapshot)
    }

    /// Reads one want into the view, once.
    pub(super) async fn read_once(
        &self,
        view: &mut View,
        want: Want,
    ) -> Result<(), DatastoreError> {
        let (asked, ranges) = ranges_of(view, vec![want]);
        let snapshot = self.read_whole(&ranges).await?;
        take(view, &asked, &snapshot);
        Ok(())
    }

    /// Commits a plan and finds out what became of it.
    pub(super) async fn attempt<T>(
        &self,
        view: &mut View,
        plan: Plan<T>,
        tries: &mut Tries<'_>,
    ) -> Result<Attempt<T>, AllocatorError> {
        let prepared = prepare(&plan);
        loop {
            tries.check()?;
            match self.store.commit(prepared.txn.clone()).await {
                Ok(Commit::Applied(revision)) => {
                    return Ok(applied(view, plan, revision));
                }
                Ok(Commit::Conflict(values)) => {
                    prepared.absorb(view, &values);
                    tries.again().await?;
                    return Ok(Attempt::Conflict);
                }
                Err(error @ DatastoreError::Indeterminate { .. }) => {
                    tracing::warn!(%error, "commit without an answer");
                    return self.look_up(view, plan, prepared, tries).await;
                }
                Err(error) if tries.outlasts(&error).await => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Finds out whether a commit without an answer was applied. Whoever gives up on that fences it first (X31), also
    /// where the time was over before anything was looked up.
    async fn look_up<T>(
        &self,
        view: &mut View,
        plan: Plan<T>,
        prepared: Prepared,
        tries: &mut Tries<'_>,
    ) -> Result<Attempt<T>, AllocatorError> {
        match self.became_of(&prepared, tries).await {
            Ok(Some(revision)) => Ok(applied(view, plan, revision)),
            Ok(None) => Ok(Attempt::Lost(prepared)),
            Err(error) => {
                self.fence(Some(&prepared), tries).await;
                Err(error)
            }
        }
    }

    /// Returns the revision as which a commit was applied: every record then has the value that it wrote. `None` if it
    /// was not, and has to be decided anew.
    async fn became_of(
        &self,
        prepared: &Prepared,
        tries: &mut Tries<'_>,
    ) -> Result<Option<Revision>, AllocatorError> {
        tries.again().await?;
        let read = prepared.written();
        loop {
            tries.check()?;
            match self.store.read(read.clone()).await {
                Ok(snapshot) => {
                    if let Some(revision) = prepared.applied_at(&snapshot) {
                        return Ok(Some(revision));
                    }
                    if prepared.is_repeatable() {
                        return Ok(None);
                    }
                    match self.once_more(prepared, tries).await? {
                        Some(Commit::Applied(revision)) => return Ok(Some(revision)),
                        Some(Commit::Conflict(_)) => return Ok(None),
                        None => {}
                    }
                }
                Err(error) if tries.outlasts(&error).await => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Commits again what is not guarded by a handle; `None` if that has no answer either.
    ///
    /// A plan writes what it is guarded by, so that of two copies one at most is applied. One that is refused was
    /// applied before, or never will be, unless it claims a block: what another node took may be absent once more, and
    /// the guard of absence holds again (X32).
    async fn once_more(
        &self,
        prepared: &Prepared,
        tries: &mut Tries<'_>,
    ) -> Result<Option<Commit>, AllocatorError> {
        match self.store.commit(prepared.txn.clone()).await {
            Ok(Commit::Conflict(values)) => {
                self.fence(Some(prepared), tries).await;
                Ok(Some(Commit::Conflict(values)))
            }
            Ok(applied) => Ok(Some(applied)),
            Err(error) => {
                tracing::warn!(%error, "second commit without an answer");
                tries.again().await?;
                Ok(None)
            }
        }
    }
}

fn applied<T>(view: &mut View, plan: Plan<T>, revision: Revision) -> Attempt<T> {
    if plan.more {
        *view = std::mem::take(view).apply(&plan, revision);
    }
    Attempt::Applied(plan.outcome, plan.more)
}
