//! The operations on what one node holds, and the dry run of a request.

use std::collections::BTreeSet;

use crate::allocator::on_terms::OnTerms;
use crate::allocator::operations::hinted;
use crate::allocator::{Allocator, AllocatorError, Hint};
use crate::assign::release::HANDLES_PER_TXN;
use crate::assign::{
    Assign, Grant, NodeHeld, NodeHoldings, NodeIdentity, Released, decide_forget_identity,
    decide_identity_of, decide_of_node, decide_release_held, foretell_assign, of_node,
    surroundings,
};
use crate::ids::{HandleId, NodeName};
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

    /// Releases what [`Allocator::held_by`] told, each address only while its assignment is still that one, and goes on
    /// after an error: returns what was released, and all errors. A store that is away ends it.
    pub async fn release_held(&self, chosen: &[NodeHeld]) -> (Released, Vec<AllocatorError>) {
        let mut all = Released::default();
        let mut errors = Vec::new();
        for group in groups(chosen) {
            match self.release_group(group).await {
                Ok(released) => {
                    all.released.extend(released.released);
                    all.not_assigned.extend(released.not_assigned);
                    all.refused.extend(released.refused);
                }
                Err(error) => {
                    let is_refused = matches!(error, AllocatorError::Refused(_));
                    errors.push(error);
                    if !is_refused {
                        break;
                    }
                }
            }
        }
        (all, errors)
    }

    async fn release_group(&self, group: &[NodeHeld]) -> Result<Released, AllocatorError> {
        let parts = self
            .run_all(Vec::new(), |view, done, context| {
                decide_release_held(view, group, done, context)
            })
            .await?;
        Ok(Released::all(parts))
    }

    /// Tells which machine uses a node's name, where that is known.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn identity_of(
        &self,
        node: &NodeName,
    ) -> Result<Option<NodeIdentity>, AllocatorError> {
        self.run(|view, _| decide_identity_of(view, node)).await
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
                let step = foretell_assign(view, request, context);
                match terms.hold(view, context, step) {
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

/// Cuts what is to be released into parts, each of as many holders as one transaction lowers.
fn groups(chosen: &[NodeHeld]) -> Vec<&[NodeHeld]> {
    let mut groups = Vec::new();
    let mut start = 0;
    let mut holders: BTreeSet<&HandleId> = BTreeSet::new();
    for (index, held) in chosen.iter().enumerate() {
        holders.insert(&held.handle);
        if HANDLES_PER_TXN < holders.len() {
            groups.push(&chosen[start..index]);
            start = index;
            holders = BTreeSet::from([&held.handle]);
        }
    }
    if start < chosen.len() {
        groups.push(&chosen[start..]);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_as_many_holders_as_one_transaction() {
        let held = |number: usize| NodeHeld {
            address: "10.0.0.1".parse().expect("an address"),
            block: "10.0.0.0/30".parse().expect("a block"),
            handle: HandleId::stored(&format!("net.c{}", number / 2)),
            sequence: 1,
            attributes: std::collections::BTreeMap::new(),
            has_alternate: false,
        };
        let many: Vec<NodeHeld> = (0..95).map(held).collect();
        let lengths: Vec<usize> = groups(&many).iter().map(|group| group.len()).collect();
        assert_eq!(lengths, [80, 15]);
        assert!(groups(&[]).is_empty());
    }
}
