//! The operations on what one node holds, and the dry run of a request.

use crate::allocator::on_terms::OnTerms;
use crate::allocator::operations::hinted;
use crate::allocator::{Allocator, AllocatorError, Hint};
use crate::assign::{
    Assign, Grant, NodeHeld, NodeHoldings, Released, decide_assign, decide_forget_identity,
    decide_of_node, decide_release_held, of_node, surroundings,
};
use crate::ids::NodeName;
use crate::plan::Step;

impl Allocator {
    /// Tells what a node holds, with handle and sequence: one read where the hint knows the node's blocks, else two.
    ///
    /// # Errors
    /// [`AllocatorError`]. Records that do not parse are part of the answer.
    pub async fn held_by(
        &self,
        node: &NodeName,
        hint: &Hint,
    ) -> Result<NodeHoldings, AllocatorError> {
        let mut first = of_node::first_wants(node);
        first.extend(hinted(&hint.blocks));
        let mut told = self
            .run_all(first, |view, _, _| decide_of_node(view, node))
            .await?;
        Ok(told.pop().unwrap_or_default())
    }

    /// Releases what [`Allocator::held_by`] told, each address only while its assignment is still that one.
    ///
    /// # Errors
    /// [`AllocatorError`]. What was released before it stays so.
    pub async fn release_held(&self, chosen: &[NodeHeld]) -> Result<Released, AllocatorError> {
        let parts = self
            .run_all(Vec::new(), |view, done, context| {
                decide_release_held(view, chosen, done, context)
            })
            .await?;
        Ok(Released::all(parts))
    }

    /// Forgets which machine uses a node's name, so that the next that comes is bound to it. Returns whether one was known.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn forget_identity(&self, node: &NodeName) -> Result<bool, AllocatorError> {
        self.run(|view, _| decide_forget_identity(view, node)).await
    }

    /// Decides a request as [`Allocator::assign`] would, and commits nothing. Returns what it would get; `None` where
    /// that is not known after so many reads.
    ///
    /// # Errors
    /// [`AllocatorError`]; a refusal is the request's.
    pub async fn dry_run(
        &self,
        request: &Assign,
        hint: &Hint,
        most_reads: usize,
    ) -> Result<Option<Grant>, AllocatorError> {
        let mut first = surroundings::first_wants(request);
        first.extend(hinted(&hint.blocks));
        let mut terms = OnTerms::of(self, &request.node);
        first.extend(terms.first_wants());
        let mut reads = 1;
        let mut told = self
            .run_all(first, |view, _, context| {
                match terms.hold(view, context, decide_assign(view, request, &[], context)) {
                    Step::Read(_) if most_reads <= reads => Step::Done(None),
                    Step::Read(wants) => {
                        reads += 1;
                        Step::Read(wants)
                    }
                    Step::Done(grant) => Step::Done(Some(grant)),
                    Step::Commit(plan) => Step::Done(Some(plan.outcome)),
                    Step::Refuse(refusal) => Step::Refuse(refusal),
                }
            })
            .await?;
        Ok(told.pop().flatten())
    }
}
