//! Giving blocks up, one by one, of a host, of a pool; and claiming ranges.

use std::collections::BTreeSet;

use block_ipam::blocks::{Cidr, Family};
use serde_json::Value;

use super::block::Block;
use super::claim::Claimant;
use super::client::Kv;
use super::failure::Failure;
use super::keys;
use super::pools::Pool;
use super::process::{Calico, TRIES};
use super::records::{Affinity, PENDING_DELETION};

/// What becomes of a block that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InUse {
    /// It keeps its owner.
    Refuse,
    /// It loses its owner.
    Disown,
}

/// One block to be given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surrender<'a> {
    /// `host:NAME` or `virtual:NAME`.
    pub(super) owner: &'a str,
    pub(super) cidr: Cidr,
    pub(super) in_use: InUse,
    /// The sequence number that it must still have.
    pub(super) sequence: Option<u64>,
    pub(super) cooldown_seconds: i64,
}

impl Calico {
    /// Marks the affinity, deletes or disowns the block, deletes the affinity.
    pub(super) async fn surrender(&self, what: Surrender<'_>) -> Result<(), Failure> {
        let affinity = self.affinity(what.owner, what.cidr).await?;
        let mut block = self.block(what.cidr).await?;
        block.value.normalise(self.now(), what.cooldown_seconds);
        if what
            .sequence
            .is_some_and(|sequence| sequence != block.value.sequence)
        {
            return Err(Failure::other("IPAM block updated since we last read it"));
        }
        let owner = block.value.affinity.as_deref();
        if let Some(other) = owner.filter(|owner| *owner != what.owner) {
            let claimed = Failure::Claimed(format!("{} already claimed by {other}", what.cidr));
            // What becomes of this is not looked at.
            let _ = self.client.delete(&affinity.key, affinity.revision).await;
            return Err(claimed);
        }
        if what.in_use == InUse::Refuse && !block.value.is_empty() {
            return Err(Failure::NotEmpty(what.cidr.to_string()));
        }
        let affinity = self.set_state(affinity, PENDING_DELETION).await?;
        self.drop_owner(block).await?;
        gone_is_fine(self.client.delete(&affinity.key, affinity.revision).await)
    }

    async fn drop_owner(&self, mut block: Kv<Block>) -> Result<(), Failure> {
        if block.value.is_empty() {
            return gone_is_fine(self.client.delete(&block.key, block.revision).await);
        }
        block.value.affinity = None;
        block.value.affinity_claim_time = None;
        self.update_block(block).await.map(|_| ())
    }

    /// The same, trying again after each conflict.
    async fn surrender_again(&self, what: Surrender<'_>) -> Result<(), Failure> {
        for _ in 0..TRIES {
            match self.surrender(what).await {
                Err(Failure::Conflict(_)) => {}
                ended => return ended,
            }
        }
        Err(Failure::other("Max retries hit"))
    }

    /// Claims every block of a range for the owner. Returns what it owns then and what others do.
    ///
    /// # Errors
    /// Where the range lies in no enabled pool or is smaller than its blocks.
    pub async fn claim_affinity(
        &self,
        cidr: Cidr,
        owner: &str,
    ) -> Result<(Vec<Cidr>, Vec<Cidr>), Failure> {
        let (mut claimed, mut failed) = (Vec::new(), Vec::new());
        let blocks = self.blocks_of(cidr).await?;
        self.config().await?;
        let who = Claimant {
            owner,
            reserved: None,
        };
        for block in blocks {
            match self.claim_one(block, who).await {
                Ok(_) => claimed.push(block),
                Err(Failure::Claimed(_)) => failed.push(block),
                Err(failure) => return Err(failure),
            }
        }
        Ok((claimed, failed))
    }

    /// Gives up every block of a range.
    ///
    /// # Errors
    /// As [`Calico::claim_affinity`]; or where a block is in use and must not be.
    pub async fn release_affinity(
        &self,
        cidr: Cidr,
        host: &str,
        in_use: InUse,
    ) -> Result<(), Failure> {
        let owner = format!("host:{host}");
        let blocks = self.blocks_of(cidr).await?;
        let cooldown_seconds = self.config().await?.cooldown_seconds;
        for cidr in blocks {
            let one = Surrender {
                owner: &owner,
                cidr,
                in_use,
                sequence: None,
                cooldown_seconds,
            };
            not_ours_is_fine(self.surrender_again(one).await)?;
        }
        Ok(())
    }

    /// Gives up a block that the caller holds in hand.
    ///
    /// # Errors
    /// Where it was changed meanwhile, or is in use and must not be.
    pub async fn release_block_affinity(
        &self,
        block: &Block,
        in_use: InUse,
    ) -> Result<(), Failure> {
        let (Some(owner), Some(cidr)) = (block.affinity.as_deref(), block.net()) else {
            return Ok(());
        };
        let one = Surrender {
            owner,
            cidr,
            in_use,
            sequence: None,
            cooldown_seconds: self.config().await?.cooldown_seconds,
        };
        not_ours_is_fine(self.surrender(one).await)
    }

    /// Gives up every block of an owner.
    ///
    /// # Errors
    /// The last of those that single blocks ended with.
    pub async fn release_host_affinities(&self, owner: &str, in_use: InUse) -> Result<(), Failure> {
        let cooldown_seconds = self.config().await?.cooldown_seconds;
        let mut last = Ok(());
        for family in [Family::V4, Family::V6] {
            for cidr in self.affine_blocks(owner, family).await? {
                let one = Surrender {
                    owner,
                    cidr,
                    in_use,
                    sequence: None,
                    cooldown_seconds,
                };
                if let Err(failure) = not_ours_is_fine(self.surrender_again(one).await) {
                    last = Err(failure);
                }
            }
        }
        last
    }

    pub(super) async fn affine_blocks(
        &self,
        owner: &str,
        family: Family,
    ) -> Result<Vec<Cidr>, Failure> {
        let prefix = keys::affinities(owner, family);
        let found: Vec<Kv<Affinity>> = self.client.list(&prefix).await?;
        let parsed = found.iter().filter_map(|kv| keys::parse_affinity(&kv.key));
        Ok(parsed.map(|(_, cidr)| cidr).collect())
    }

    /// Gives up every block of a pool, whichever node's. Those of virtual owners stay.
    ///
    /// # Errors
    /// Where the store gives no answer.
    pub async fn release_pool_affinities(&self, pool: Cidr) -> Result<(), Failure> {
        let cooldown_seconds = self.config().await?.cooldown_seconds;
        for _ in 0..TRIES {
            let found: Vec<Kv<Value>> = self.client.list(keys::HOSTS).await?;
            let parsed = found.iter().filter_map(|kv| keys::parse_affinity(&kv.key));
            let inside = parsed.filter(|(_, cidr)| pool.contains(cidr.first()));
            let (mut seen, mut again) = (BTreeSet::new(), false);
            for (owner, cidr) in inside {
                let one = Surrender {
                    owner: &owner,
                    cidr,
                    in_use: InUse::Disown,
                    sequence: None,
                    cooldown_seconds,
                };
                // One owner of a block at a look.
                if !seen.insert(cidr) {
                    continue;
                }
                match self.surrender_again(one).await {
                    Ok(()) | Err(Failure::Absent(_)) => {}
                    Err(Failure::Claimed(_)) => again = true,
                    Err(failure) => return Err(failure),
                }
            }
            if !again {
                return Ok(());
            }
        }
        Err(Failure::other("Max retries hit"))
    }

    async fn blocks_of(&self, cidr: Cidr) -> Result<Vec<Cidr>, Failure> {
        let pools = self.enabled_pools(cidr.family()).await?;
        let inside = |pool: &&Pool| pool.cidr.contains(cidr.first());
        let Some(pool) = pools.iter().find(inside) else {
            return Err(Failure::other(format!(
                "The requested CIDR ({cidr}) is not within any configured pools."
            )));
        };
        let Some(count) = cidr.subnet_count(pool.block_size) else {
            return Err(Failure::other(format!(
                "The requested CIDR ({cidr}) is smaller than the minimum."
            )));
        };
        let block = |index| cidr.subnet(pool.block_size, index);
        Ok((0..count).filter_map(block).collect())
    }
}

fn gone_is_fine(deleted: Result<(), Failure>) -> Result<(), Failure> {
    match deleted {
        Err(Failure::Absent(_)) => Ok(()),
        ended => ended,
    }
}

fn not_ours_is_fine(released: Result<(), Failure>) -> Result<(), Failure> {
    match released {
        Err(Failure::Absent(_) | Failure::Claimed(_)) => Ok(()),
        ended => ended,
    }
}
