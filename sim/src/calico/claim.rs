//! The claim of a block, key by key: affinity pending, block, affinity confirmed; and what is done with half of it.

use block_ipam::blocks::Cidr;

use super::block::{Block, Reserved};
use super::client::Kv;
use super::failure::Failure;
use super::keys;
use super::process::{Calico, TRIES};
use super::records::{Affinity, CONFIRMED, PENDING};

/// Who claims, and which slots it sets aside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claimant<'a> {
    /// `host:NAME` or `virtual:NAME`.
    pub(super) owner: &'a str,
    pub(super) reserved: Option<&'a Reserved>,
}

impl Calico {
    pub(super) async fn affinity(&self, owner: &str, cidr: Cidr) -> Result<Kv<Affinity>, Failure> {
        self.client.get(&keys::affinity(owner, cidr)).await
    }

    pub(super) async fn set_state(
        &self,
        mut affinity: Kv<Affinity>,
        state: &str,
    ) -> Result<Kv<Affinity>, Failure> {
        state.clone_into(&mut affinity.value.state);
        self.client.update(affinity).await
    }

    /// Makes an affinity pending, unless it is confirmed.
    pub(super) async fn pending_affinity(
        &self,
        owner: &str,
        cidr: Cidr,
    ) -> Result<Kv<Affinity>, Failure> {
        let key = keys::affinity(owner, cidr);
        match self.client.create(&key, Affinity::pending()).await {
            Err(Failure::Exists(_)) => {}
            made => return made,
        }
        let affinity = self.affinity(owner, cidr).await?;
        if affinity.value.state == CONFIRMED {
            return Ok(affinity);
        }
        self.set_state(affinity, PENDING).await
    }

    /// Returns the block of an affinity: claims one that is not there, and takes up one that was left half done.
    pub(super) async fn block_from_affinity(
        &self,
        affinity: Kv<Affinity>,
        cidr: Cidr,
        who: Claimant<'_>,
    ) -> Result<Kv<Block>, Failure> {
        let block = match self.block(cidr).await {
            Err(Failure::Absent(_)) => {
                let affinity = self.set_state(affinity, PENDING).await?;
                self.config().await?;
                return self.claim_block(affinity, cidr, who).await;
            }
            found => found?,
        };
        if block.value.affinity.as_deref() != Some(who.owner) {
            self.client.delete(&affinity.key, affinity.revision).await?;
            return Err(Failure::Stale(cidr.to_string()));
        }
        if affinity.value.state == CONFIRMED || affinity.value.state.is_empty() {
            return Ok(block);
        }
        let affinity = self.set_state(affinity, PENDING).await?;
        let block = self.update_block(block).await?;
        self.set_state(affinity, CONFIRMED).await?;
        Ok(block)
    }

    /// Creates the block and confirms the affinity.
    pub(super) async fn claim_block(
        &self,
        affinity: Kv<Affinity>,
        cidr: Cidr,
        who: Claimant<'_>,
    ) -> Result<Kv<Block>, Failure> {
        let block = Block::new(cidr, who.owner, self.now(), who.reserved);
        match self.client.create(&keys::block(cidr), block).await {
            Ok(block) => {
                self.confirm(affinity, who.owner, cidr).await?;
                Ok(block)
            }
            Err(Failure::Exists(_)) => self.claimed_already(affinity, cidr, who).await,
            Err(failure) => Err(failure),
        }
    }

    async fn claimed_already(
        &self,
        affinity: Kv<Affinity>,
        cidr: Cidr,
        who: Claimant<'_>,
    ) -> Result<Kv<Block>, Failure> {
        let block = self.block(cidr).await?;
        if block.value.affinity.as_deref() == Some(who.owner) {
            self.confirm(affinity, who.owner, cidr).await?;
            return Ok(block);
        }
        // What becomes of this is not looked at.
        let _ = self.client.delete(&affinity.key, affinity.revision).await;
        Err(Failure::Claimed(match &block.value.affinity {
            Some(owner) => format!("{cidr} already claimed by {owner}"),
            None => format!("{cidr} already claimed"),
        }))
    }

    /// Somebody else's confirmation is as good.
    async fn confirm(
        &self,
        affinity: Kv<Affinity>,
        owner: &str,
        cidr: Cidr,
    ) -> Result<(), Failure> {
        let Err(failure) = self.set_state(affinity, CONFIRMED).await else {
            return Ok(());
        };
        match self.affinity(owner, cidr).await {
            Ok(affinity) if affinity.value.state == CONFIRMED => Ok(()),
            _ => Err(failure),
        }
    }

    /// Claims one block, trying again after each conflict.
    pub(super) async fn claim_one(
        &self,
        cidr: Cidr,
        who: Claimant<'_>,
    ) -> Result<Kv<Block>, Failure> {
        for _ in 0..TRIES {
            let claimed = match self.pending_affinity(who.owner, cidr).await {
                Ok(affinity) => self.claim_block(affinity, cidr, who).await,
                Err(failure) => Err(failure),
            };
            match claimed {
                Err(Failure::Conflict(_)) => {}
                ended => return ended,
            }
        }
        Err(Failure::other("Max retries hit"))
    }
}
