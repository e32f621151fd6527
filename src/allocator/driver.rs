//! The one loop: read what a decision wants to see, decide, commit, and decide again.
//!
//! A conflict is an outcome: its values go into the view and the decision is made again without a read.
//! A commit without an answer is looked up, never guessed: see `recovery`.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::allocator::transaction::{Prepared, prepare};
use crate::allocator::wants::{ranges_of, take};
use crate::allocator::{Allocator, AllocatorError};
use crate::clock::Timestamp;
use crate::datastore::{Commit, DatastoreError, Read};
use crate::plan::{Context, Plan, Step, View, Want};
use crate::revision::Revision;

/// How long and how often a request is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Conflicts and unknown outcomes that one request goes through.
    pub tries: u32,
    /// How long a request may take, waits included.
    pub deadline: Duration,
    /// How long an unreachable store is tried again.
    pub patience: Duration,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            tries: 100,
            deadline: Duration::from_secs(20),
            patience: Duration::from_secs(5),
        }
    }
}

/// What is left of a budget.
#[derive(Debug)]
pub(super) struct Tries<'a> {
    allocator: &'a Allocator,
    started: Timestamp,
    tries: u32,
    waits: ExponentialBackoff,
}

impl<'a> Tries<'a> {
    pub(super) fn new(allocator: &'a Allocator) -> Tries<'a> {
        let waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(1))
            .with_max_delay(Duration::from_millis(100))
            .with_factor(1.5)
            .with_jitter()
            .with_jitter_seed(allocator.entropy.bits())
            .without_max_times();
        Tries {
            allocator,
            started: allocator.clock.now(),
            tries: 0,
            waits: waits.build(),
        }
    }

    fn elapsed(&self) -> Duration {
        self.allocator.clock.now().since(self.started)
    }

    /// Waits before another try; the first one follows at once.
    async fn again(&mut self) -> Result<(), AllocatorError> {
        self.tries += 1;
        if self.allocator.budget.tries <= self.tries {
            return Err(AllocatorError::Contention { tries: self.tries });
        }
        if 1 < self.tries {
            self.wait().await;
        }
        Ok(())
    }

    async fn wait(&mut self) {
        let wait = self.waits.next().unwrap_or(Duration::from_millis(100));
        self.allocator.clock.sleep(wait).await;
    }

    fn check(&self) -> Result<(), AllocatorError> {
        let after = self.elapsed();
        if after < self.allocator.budget.deadline {
            Ok(())
        } else {
            Err(AllocatorError::Deadline { after })
        }
    }

    /// Returns whether an error is worth another try, having waited for it.
    pub(super) async fn outlasts(&mut self, error: &DatastoreError) -> bool {
        let passing = matches!(error, DatastoreError::Unavailable { .. });
        let patient = passing && self.elapsed() < self.allocator.budget.patience;
        if patient {
            self.wait().await;
        }
        patient
    }
}

impl Allocator {
    /// Runs a decision to its end and returns its outcome.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn run<T>(
        &self,
        mut decide: impl FnMut(&View, Context) -> Step<T>,
    ) -> Result<T, AllocatorError> {
        let decide = |view: &View, _: &[T], context| decide(view, context);
        let mut outcomes = self.run_all(Vec::new(), decide).await?;
        Ok(outcomes.pop().expect("a request that ended has an outcome"))
    }

    /// Runs a decision that may take several transactions; each legal by itself. Returns the outcome of each.
    ///
    /// `first` is read before the first decision. What earlier transactions brought is given to the decision.
    ///
    /// # Errors
    /// [`AllocatorError`]. What was committed before it stays.
    pub async fn run_all<T>(
        &self,
        first: Vec<Want>,
        mut decide: impl FnMut(&View, &[T], Context) -> Step<T>,
    ) -> Result<Vec<T>, AllocatorError> {
        let mut tries = Tries::new(self);
        let mut view = View::default();
        let mut fresh = true;
        let mut done = Vec::new();
        let mut lost = None;
        if !first.is_empty() {
            self.see(&mut view, first, &mut tries).await?;
        }
        loop {
            let outcome = decide(&view, &done, self.context());
            let step = match outcome {
                Step::Refuse(_) if !fresh => {
                    view = View::default();
                    fresh = true;
                    continue;
                }
                step => step,
            };
            let result = match step {
                Step::Done(outcome) => {
                    done.push(outcome);
                    return Ok(done);
                }
                Step::Refuse(refusal) => Err(AllocatorError::Refused(refusal)),
                Step::Read(wants) => self.see(&mut view, wants, &mut tries).await.map(|()| None),
                Step::Commit(plan) => self.attempt(&mut view, plan, &mut tries).await.map(Some),
            };
            match result {
                Ok(None) => {}
                Ok(Some(Attempt::Applied(outcome, more))) => {
                    done.push(outcome);
                    if !more {
                        return Ok(done);
                    }
                    fresh = false;
                }
                Ok(Some(Attempt::Conflict)) => fresh = false,
                Ok(Some(Attempt::Lost(prepared))) => {
                    view = View::default();
                    fresh = true;
                    lost = Some(prepared);
                }
                Err(error) => {
                    self.fence(lost.as_ref(), &mut tries).await;
                    return Err(error);
                }
            }
        }
    }

    fn context(&self) -> Context {
        Context {
            now: self.clock.now(),
            random: self.entropy.bits(),
        }
    }

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
            match self.store.read(Read::latest(ranges.clone())).await {
                Ok(snapshot) => {
                    self.note(snapshot.revision, snapshot.cluster);
                    take(view, &asked, &snapshot);
                    return Ok(());
                }
                Err(error) if tries.outlasts(&error).await => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) async fn read_once(
        &self,
        view: &mut View,
        want: Want,
    ) -> Result<(), DatastoreError> {
        let (asked, ranges) = ranges_of(view, vec![want]);
        let snapshot = self.store.read(Read::latest(ranges)).await?;
        take(view, &asked, &snapshot);
        Ok(())
    }

    async fn attempt<T>(
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

    /// Finds out whether a commit without an answer was applied: every record then has the value that it wrote.
    async fn look_up<T>(
        &self,
        view: &mut View,
        plan: Plan<T>,
        prepared: Prepared,
        tries: &mut Tries<'_>,
    ) -> Result<Attempt<T>, AllocatorError> {
        tries.again().await?;
        let read = prepared.written();
        loop {
            tries.check()?;
            match self.store.read(read.clone()).await {
                Ok(snapshot) => {
                    if let Some(revision) = prepared.applied_at(&snapshot) {
                        return Ok(applied(view, plan, revision));
                    }
                    if !prepared.is_repeatable() {
                        self.fence(Some(&prepared), tries).await;
                    }
                    return Ok(Attempt::Lost(prepared));
                }
                Err(error) if tries.outlasts(&error).await => {}
                Err(error) => {
                    self.fence(Some(&prepared), tries).await;
                    return Err(error.into());
                }
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

/// How one commit ended.
enum Attempt<T> {
    Applied(T, bool),
    Conflict,
    Lost(Prepared),
}
