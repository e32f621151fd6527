//! The operations on blocks as a whole: claiming, giving up, ensuring, repairing, and deleting what owns them.

use crate::affinity::claim_range::{ClaimRange, Claimed, decide_claim_range};
use crate::affinity::repair::{Repaired, Standing, decide_confirm, decide_drop};
use crate::affinity::surrender::{InUse, Surrender, Surrendered, Which, decide_surrender};
use crate::allocator::{Allocator, AllocatorError};
use crate::assign::repair_handle::{RepairCounts, decide_repair_counts};
use crate::assign::{EnsureBlock, Ensured, decide_ensure_block};
use crate::blocks::BlockCidr;
use crate::ids::{NodeName, Owner};
use crate::resources::plans::pool_delete::Delete;
use crate::resources::plans::{delete_drained_pool, delete_legacy_host, delete_node, disable_pool};

/// Looks for affinities that came while a node was deleted; each look gives up what the one before did not see.
const MOST_LOOKS: usize = 5;

/// What deleting a node did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletedNode {
    /// Whether it had a record.
    pub had_record: bool,
    /// What became of its blocks.
    pub surrendered: Surrendered,
}

/// What draining a pool did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// What became of its blocks. Those in use are kept.
    pub surrendered: Surrendered,
}

impl Allocator {
    /// Claims the blocks of a range for an owner: Calico's `ClaimAffinity`.
    ///
    /// # Errors
    /// [`AllocatorError`]; what was claimed before it stays.
    pub async fn claim_range(&self, request: &ClaimRange) -> Result<Claimed, AllocatorError> {
        let decide = |view: &_, _: &[Claimed], context| decide_claim_range(view, request, context);
        let mut parts = self.run_all(Vec::new(), decide).await?;
        Ok(parts.pop().unwrap_or_default())
    }

    /// Gives up blocks: Calico's `ReleaseAffinity`, `ReleaseBlockAffinity`, `ReleaseHostAffinities` and
    /// `ReleasePoolAffinities`.
    ///
    /// # Errors
    /// [`AllocatorError`]; what was given up before it stays so.
    pub async fn surrender(&self, request: &Surrender) -> Result<Surrendered, AllocatorError> {
        let decide =
            |view: &_, _: &[Surrendered], context| decide_surrender(view, request, context);
        let parts = self.run_all(Vec::new(), decide).await?;
        Ok(Surrendered::all(parts))
    }

    /// Gives up all blocks of a node, those in use too, and deletes the mark that old versions of Calico left:
    /// Calico's `RemoveIPAMHost`. Addresses stay held.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn remove_host(&self, node: &NodeName) -> Result<Surrendered, AllocatorError> {
        let request = Surrender {
            which: Which::Owner(Owner::host(node)),
            in_use: InUse::Disown,
        };
        let surrendered = self.surrender(&request).await?;
        self.run(|view, _| delete_legacy_host(view, node)).await?;
        Ok(surrendered)
    }

    /// Makes sure that a node has a block: Calico's `EnsureBlock`.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn ensure_block(&self, request: &EnsureBlock) -> Result<Ensured, AllocatorError> {
        let _turn = self.queue.turn(request.node.as_str()).await;
        self.run(|view, context| decide_ensure_block(view, request, context))
            .await
    }

    /// Deletes a node: its record first, then its blocks one after another, then looks until nothing is left that was
    /// claimed meanwhile, then what tells which machine it was. Addresses stay held, in blocks of nobody.
    ///
    /// # Errors
    /// [`AllocatorError`]; deleting it again goes on where this ended.
    pub async fn delete_node(&self, node: &NodeName) -> Result<DeletedNode, AllocatorError> {
        let had_record = self.run(|view, _| delete_node(view, node)).await?;
        let mut looks = Vec::new();
        while looks.len() < MOST_LOOKS
            && looks
                .last()
                .is_none_or(|last: &Surrendered| !last.is_nothing())
        {
            looks.push(self.remove_host(node).await?);
        }
        self.forget_identity(node).await?;
        Ok(DeletedNode {
            had_record,
            surrendered: Surrendered::all(looks),
        })
    }

    /// Disables a pool and gives up all that is empty in it: blocks, and affinities without block, which Calico
    /// leaves. Blocks in use are kept and told.
    ///
    /// # Errors
    /// [`AllocatorError`]; the pool stays disabled.
    pub async fn drain_pool(&self, pool: &Delete) -> Result<Drained, AllocatorError> {
        let cidr = self
            .run(|view, context| disable_pool(view, pool, context))
            .await?;
        let request = Surrender {
            which: Which::Inside(cidr),
            in_use: InUse::Keep,
        };
        let surrendered = self.surrender(&request).await?;
        Ok(Drained { surrendered })
    }

    /// Drains a pool and deletes it.
    ///
    /// # Errors
    /// [`AllocatorError`], and so while an address in it is held or cooling: the pool stays disabled then. A pool that
    /// somebody enables meanwhile stays.
    pub async fn delete_pool(&self, pool: &Delete) -> Result<Drained, AllocatorError> {
        let drained = self.drain_pool(pool).await?;
        let rest = Delete {
            expected: None,
            ..pool.clone()
        };
        self.run(|view, context| delete_drained_pool(view, &rest, context))
            .await?;
        Ok(drained)
    }

    /// Confirms the affinity of a block to its owner.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn confirm_affinity(
        &self,
        owner: &Owner,
        block: BlockCidr,
    ) -> Result<Repaired, AllocatorError> {
        self.run(|view, _| decide_confirm(view, owner, block)).await
    }

    /// Drops an affinity whose block is not its owner's.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn drop_affinity(
        &self,
        owner: &Owner,
        block: BlockCidr,
        standing: Option<Standing>,
    ) -> Result<Repaired, AllocatorError> {
        self.run(|view, _| decide_drop(view, owner, block, standing))
            .await
    }

    /// Sets the counts of a handle right.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn repair_counts(&self, request: &RepairCounts) -> Result<Repaired, AllocatorError> {
        self.run(|view, context| decide_repair_counts(view, request, context))
            .await
    }
}
