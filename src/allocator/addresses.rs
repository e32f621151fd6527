//! The operations on addresses that are named, on their owners, and on the configuration that governs them.

use crate::allocator::on_terms::OnTerms;
use crate::allocator::operations::hinted;
use crate::allocator::{Allocator, AllocatorError, Hint};
use crate::assign::held::Held;
use crate::assign::surroundings::readable_config;
use crate::assign::{
    AssignAddresses, Collected, Grant, PromoteOwner, SetOwners, by_address, decide_addresses_of,
    decide_assign_addresses, decide_collect_cold, decide_holder_of, decide_promote_owner,
    decide_set_owners,
};
use crate::blocks::{Address, BlockCidr};
use crate::ids::HandleId;
use crate::plan::Step;
use crate::report;
use crate::resources::Config;
use crate::resources::plans::{Put, Written, put_config};

impl Allocator {
    /// Assigns the addresses that the request names, all or none: in an existing block with one read and one commit,
    /// else with two reads.
    ///
    /// # Errors
    /// [`AllocatorError`]. Nothing was taken then.
    pub async fn assign_addresses(
        &self,
        request: &AssignAddresses,
        hint: &Hint,
    ) -> Result<Grant, AllocatorError> {
        let _turn = self.queue.turn(request.node.as_str()).await;
        let mut request = request.clone();
        self.mark(request.handle.as_ref(), &mut request.attributes);
        let mut first = by_address::first_wants(&request);
        first.extend(hinted(&hint.blocks));
        let mut terms = OnTerms::of(self, &request.node);
        first.extend(terms.first_wants());
        let mut grants = self
            .run_all(first, |view, _: &[Grant], context| {
                terms.hold(
                    view,
                    context,
                    decide_assign_addresses(view, &request, context),
                )
            })
            .await?;
        terms.log();
        Ok(grants.pop().unwrap_or_default())
    }

    /// Tells what a handle holds, by address; `None` where it has no record.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn addresses_of(
        &self,
        handle: &HandleId,
    ) -> Result<Option<Vec<Held>>, AllocatorError> {
        self.run(|view, _| decide_addresses_of(view, handle)).await
    }

    /// Tells who holds an address, whatever became of its pool.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn attributes_of(&self, address: Address) -> Result<report::Held, AllocatorError> {
        self.run(|view, _| decide_holder_of(view, address)).await
    }

    /// Changes the owners of an address, both or neither.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn set_owners(&self, request: &SetOwners) -> Result<(), AllocatorError> {
        self.run(|view, context| decide_set_owners(view, request, context))
            .await
    }

    /// Makes the alternate owner of all addresses of a handle the active one, all or none.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn promote_owner(&self, request: &PromoteOwner) -> Result<(), AllocatorError> {
        self.run(|view, context| decide_promote_owner(view, request, context))
            .await
    }

    /// Frees the addresses of a block whose cool-down is over, and deletes it where it is empty and nobody's.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn collect_cold(&self, block: BlockCidr) -> Result<Collected, AllocatorError> {
        self.run(|view, context| decide_collect_cold(view, block, context))
            .await
    }

    /// Returns the configuration in force; the defaults where there is no record.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn config(&self) -> Result<Config, AllocatorError> {
        self.run(|view, _| {
            let config = view.config().and_then(readable_config);
            config.map_or_else(Step::from, Step::Done)
        })
        .await
    }

    /// Writes the configuration.
    ///
    /// # Errors
    /// [`AllocatorError`].
    pub async fn put_config(&self, request: &Put<Config>) -> Result<Written, AllocatorError> {
        self.run(|view, context| put_config(view, request, context))
            .await
    }
}
