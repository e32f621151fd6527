//! Taking addresses from one block, by its owner or by somebody who borrows: the handle first, then the block.

use block_ipam::blocks::Address;

use super::auto::{Assigned, Half};
use super::block::Block;
use super::client::Kv;
use super::failure::Failure;
use super::find::Search;
use super::handles::Count;
use super::process::{Calico, TRIES};

impl Calico {
    /// Tries one block until it gave something or cannot be read. What will not pass is the failure.
    pub(super) async fn take_until(
        &self,
        half: Half<'_>,
        search: &Search<'_>,
        got: &mut Assigned,
        mut block: Kv<Block>,
        only_own: bool,
    ) -> Result<(), Failure> {
        let Some(cidr) = block.value.net() else {
            return Ok(());
        };
        for _ in 0..TRIES {
            let wanted = half.count - got.ips.len();
            match self.take(half, search, block, wanted, only_own).await {
                Ok(ips) => {
                    got.ips.extend(ips);
                    return Ok(());
                }
                Err(Failure::Conflict(_)) => {}
                Err(Failure::HandleFull { .. }) => {
                    if let Some(ips) = self.held_already(half).await {
                        got.ips = ips;
                        return Ok(());
                    }
                }
                Err(failure) => return Err(failure),
            }
            match self.block(cidr).await {
                Ok(again) => block = again,
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// The addresses that a full handle has, if they are enough.
    async fn held_already(&self, half: Half<'_>) -> Option<Vec<(Address, u8)>> {
        let handle = half.request.handle.as_deref()?;
        let held = self.ips_by_handle(handle).await.ok()?;
        let of_family = held
            .into_iter()
            .filter(|address| address.family() == half.family);
        let ips: Vec<_> = of_family
            .map(|address| (address, half.family.width()))
            .take(half.count)
            .collect();
        (ips.len() == half.count).then_some(ips)
    }

    /// Takes addresses from a block: the handle is counted up by what is wanted, then the block is written.
    async fn take(
        &self,
        half: Half<'_>,
        search: &Search<'_>,
        mut block: Kv<Block>,
        wanted: usize,
        only_own: bool,
    ) -> Result<Vec<(Address, u8)>, Failure> {
        block
            .value
            .normalise(self.now(), search.config.cooldown_seconds);
        let cidr = block
            .value
            .net()
            .ok_or_else(|| Failure::other("a block without a CIDR"))?;
        if only_own {
            affine(&block.value, search.who.owner)?;
        }
        let taken = block
            .value
            .take(wanted, &half.attribute(), &search.reservations);
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        let count = half.request.handle.as_deref().map(|handle| Count {
            handle,
            block: cidr,
            by: i64::try_from(wanted).expect("few addresses are wanted"),
            most: half.request.max_per_handle,
        });
        if let Some(count) = count {
            self.increment(count).await?;
        }
        if let Err(failure) = self.update_block(block).await {
            if let Some(count) = count {
                // What becomes of this is only logged.
                let _ = self.decrement(count, None).await;
            }
            return Err(failure);
        }
        Ok(taken
            .into_iter()
            .map(|address| (address, cidr.length()))
            .collect())
    }
}

/// Refuses a block that is not the owner's.
fn affine(block: &Block, owner: &str) -> Result<(), Failure> {
    match block.affinity.as_deref() {
        Some(own) if own == owner => Ok(()),
        Some(own) => Err(Failure::other(format!(
            "Block affinity ({own}) does not match provided ({owner})"
        ))),
        None => Err(Failure::other(format!(
            "Attempt to assign from block {} with no affinity",
            block.cidr
        ))),
    }
}
