//! The one loop: read what a decision wants to see, decide, commit, and decide again.
//!
//! A conflict is an outcome: its values go into the view and the decision is made again without a read.
//! A commit without an answer is looked up, never guessed: see `recovery`.

use crate::allocator::attempt::Attempt;
use crate::allocator::budget::Tries;
use crate::allocator::transaction::Prepared;
use crate::allocator::{Allocator, AllocatorError};
use crate::blocks::BlockCidr;
use crate::plan::{Context, Plan, RecordId, Step, View, Want};

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
        let mut course = Course::new(self);
        if !first.is_empty() {
            self.see(&mut course.view, first, &mut course.tries).await?;
        }
        loop {
            let step = decide(&course.view, &course.done, self.context());
            match course.take(step).await {
                Ok(Progress::Ended) => return Ok(course.done),
                Ok(Progress::Going) => {}
                Err(error) => {
                    self.fence(course.lost.as_ref(), &mut course.tries).await;
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
}

/// A request on its way.
struct Course<'a, T> {
    allocator: &'a Allocator,
    tries: Tries<'a>,
    view: View,
    /// Whether the view holds what was read for this decision alone, and nothing of a refused or earlier commit.
    fresh: bool,
    done: Vec<T>,
    /// The last commit whose outcome is unknown.
    lost: Option<Prepared>,
    /// The blocks that such commits may have written where no handle leads to them (X30).
    written: Vec<BlockCidr>,
}

/// Whether a request has ended.
enum Progress {
    Going,
    Ended,
}

impl<'a, T> Course<'a, T> {
    fn new(allocator: &'a Allocator) -> Course<'a, T> {
        Course {
            allocator,
            tries: Tries::new(allocator),
            view: View::default(),
            fresh: true,
            done: Vec::new(),
            lost: None,
            written: Vec::new(),
        }
    }

    async fn take(&mut self, step: Step<T>) -> Result<Progress, AllocatorError> {
        match step {
            Step::Done(outcome) => {
                self.done.push(outcome);
                return Ok(Progress::Ended);
            }
            Step::Refuse(refusal) if self.fresh => return Err(refusal.into()),
            Step::Refuse(_) => self.start_over().await?,
            Step::Read(wants) => {
                let allocator = self.allocator;
                allocator
                    .see(&mut self.view, wants, &mut self.tries)
                    .await?;
            }
            Step::Commit(plan) => return self.commit(plan).await,
        }
        Ok(Progress::Going)
    }

    /// A "no" carries no commit whose guards would judge it, so it is said from a fresh read alone.
    async fn start_over(&mut self) -> Result<(), AllocatorError> {
        self.view = View::default();
        self.fresh = true;
        if self.written.is_empty() {
            return Ok(());
        }
        let wants = self.written.iter().copied().map(RecordId::Block);
        let wants = wants.map(Want::Record).collect();
        let allocator = self.allocator;
        allocator.see(&mut self.view, wants, &mut self.tries).await
    }

    async fn commit(&mut self, plan: Plan<T>) -> Result<Progress, AllocatorError> {
        let allocator = self.allocator;
        let attempt = allocator
            .attempt(&mut self.view, plan, &mut self.tries)
            .await?;
        match attempt {
            Attempt::Applied(outcome, more) => {
                self.done.push(outcome);
                self.fresh = false;
                if !more {
                    return Ok(Progress::Ended);
                }
            }
            Attempt::Conflict => self.fresh = false,
            Attempt::Lost(prepared) => {
                if !prepared.is_repeatable() {
                    self.written.extend(prepared.blocks_written());
                }
                self.lost = Some(prepared);
                self.start_over().await?;
            }
        }
        Ok(Progress::Going)
    }
}
