//! Blocks made in advance, with slots set aside.

use block_ipam::blocks::{Cidr, Family};
use serde::Deserialize;

use super::auto::requested;
use super::block::Reserved;
use super::claim::Claimant;
use super::failure::Failure;
use super::find::Search;
use super::pools::Wish;
use super::process::Calico;
use super::records::Attributes;

/// A request for one block of each family that sets slots aside.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the members are Calico's")]
pub struct EnsureBlock {
    pub host: String,
    pub pools4: Vec<String>,
    pub pools6: Vec<String>,
    pub reserved4: Option<Reserved>,
    pub reserved6: Option<Reserved>,
}

impl Calico {
    /// Makes a block of each family for which slots are to be set aside.
    ///
    /// # Errors
    /// As an assignment's.
    pub async fn ensure_block(
        &self,
        request: &EnsureBlock,
    ) -> Result<(Option<Cidr>, Option<Cidr>), Failure> {
        let v4 = self.ensure_half(request, Family::V4).await?;
        let v6 = self.ensure_half(request, Family::V6).await?;
        Ok((v4, v6))
    }

    async fn ensure_half(
        &self,
        request: &EnsureBlock,
        family: Family,
    ) -> Result<Option<Cidr>, Failure> {
        let (pools, reserved) = match family {
            Family::V4 => (&request.pools4, &request.reserved4),
            Family::V6 => (&request.pools6, &request.reserved6),
        };
        let Some(reserved) = reserved else {
            return Ok(None);
        };
        let requested = requested(family, pools)?;
        let owner = format!("host:{}", request.host);
        let config = self.config().await?;
        let labels = self.labels(&request.host).await?;
        let wish = Wish {
            family,
            node: &request.host,
            labels: &labels,
            namespace: &Attributes::new(),
            requested: &requested,
            reserved: Some(reserved),
            usage: "Workload",
        };
        let (chosen, own) = self.serving_pools(wish, &owner, &config).await?;
        let mut search = Search {
            who: Claimant {
                owner: &owner,
                reserved: Some(reserved),
            },
            reservations: self.reservations().await?,
            pools: chosen.serving,
            owned: own.len(),
            own,
            most: usize::MAX,
            config,
        };
        let block = self.find_or_claim(&mut search, 0).await?;
        Ok(block.value.net())
    }
}
