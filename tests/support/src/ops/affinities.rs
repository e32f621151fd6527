//! Blocks as a whole: claiming, giving up, ensuring, cooling down.

use block_ipam::affinity::claim_range::ClaimRange;
use block_ipam::affinity::surrender::{InUse, Surrender, Which};
use block_ipam::assign::EnsureBlock as Ensure;
use block_ipam::blocks::Family;
use serde::Deserialize;
use serde_json::json;

use crate::ops::assign::wanted;
use crate::ops::failure::Failure;
use crate::ops::operation::{AffinityType, Answer, Operation, Slots, World, block, cidr, node};

/// Claims the blocks of a range.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ClaimAffinity {
    cidr: String,
    host: String,
    #[serde(default)]
    affinity_type: AffinityType,
}

impl Operation for ClaimAffinity {
    async fn perform(self, world: &World) -> Answer {
        let request = ClaimRange {
            cidr: cidr(&self.cidr)?,
            owner: self.affinity_type.owner(&self.host)?,
        };
        let done = world.allocator.claim_range(&request).await?;
        let claimed = done.claimed.iter().map(ToString::to_string);
        let failed = done.failed.iter().map(|(block, _)| block.to_string());
        Ok(json!({ "claimed": Vec::from_iter(claimed), "failed": Vec::from_iter(failed) }))
    }
}

/// Gives up the blocks of an owner in a range.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ReleaseAffinity {
    cidr: String,
    host: String,
    #[serde(default)]
    affinity_type: AffinityType,
    #[serde(default)]
    must_be_empty: bool,
}

impl Operation for ReleaseAffinity {
    async fn perform(self, world: &World) -> Answer {
        let owner = self.affinity_type.owner(&self.host)?;
        let which = Which::Range(cidr(&self.cidr)?, owner);
        surrender(world, which, in_use(self.must_be_empty)).await
    }
}

/// Gives up one block, whoever owns it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ReleaseBlockAffinity {
    cidr: String,
    #[serde(default)]
    must_be_empty: bool,
}

impl Operation for ReleaseBlockAffinity {
    async fn perform(self, world: &World) -> Answer {
        let which = Which::Block(block(&self.cidr)?);
        surrender(world, which, in_use(self.must_be_empty)).await
    }
}

/// Gives up all blocks of an owner.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ReleaseHostAffinities {
    host: String,
    #[serde(default)]
    affinity_type: AffinityType,
    #[serde(default)]
    must_be_empty: bool,
}

impl Operation for ReleaseHostAffinities {
    async fn perform(self, world: &World) -> Answer {
        let which = Which::Owner(self.affinity_type.owner(&self.host)?);
        surrender(world, which, in_use(self.must_be_empty)).await
    }
}

/// Gives up the blocks of all nodes in a pool.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleasePoolAffinities {
    cidr: String,
}

impl Operation for ReleasePoolAffinities {
    async fn perform(self, world: &World) -> Answer {
        surrender(world, Which::Nodes(cidr(&self.cidr)?), InUse::Disown).await
    }
}

const fn in_use(must_be_empty: bool) -> InUse {
    if must_be_empty {
        InUse::Keep
    } else {
        InUse::Disown
    }
}

/// A block that is kept because it is in use is an error, as for Calico.
async fn surrender(world: &World, which: Which, in_use: InUse) -> Answer {
    let done = world
        .allocator
        .surrender(&Surrender { which, in_use })
        .await?;
    match done.kept.first() {
        None => Ok(json!({})),
        Some(block) => Err(Failure::of(
            "other",
            "not empty",
            format!("block {block} is not empty"),
        )),
    }
}

/// Gives up all of a host, in use or not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RemoveIpamHost {
    host: String,
    #[serde(default)]
    affinity_type: AffinityType,
}

impl Operation for RemoveIpamHost {
    async fn perform(self, world: &World) -> Answer {
        match self.affinity_type {
            AffinityType::Host => {
                world.allocator.remove_host(&node(&self.host)?).await?;
                Ok(json!({}))
            }
            AffinityType::Virtual => {
                let which = Which::Owner(self.affinity_type.owner(&self.host)?);
                surrender(world, which, InUse::Disown).await
            }
        }
    }
}

/// Makes sure that a node has a block of each family for which it reserves slots.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnsureBlock {
    host: String,
    #[serde(default)]
    pools4: Vec<String>,
    #[serde(default)]
    pools6: Vec<String>,
    reserved4: Option<Slots>,
    reserved6: Option<Slots>,
}

impl Operation for EnsureBlock {
    async fn perform(self, world: &World) -> Answer {
        let wanted = |pools: &[String], slots: Option<Slots>| {
            slots.map(|slots| wanted(0, pools, Some(slots)))
        };
        let request = Ensure {
            node: node(&self.host)?,
            v4: wanted(&self.pools4, self.reserved4),
            v6: wanted(&self.pools6, self.reserved6),
        };
        let blocks = world.allocator.ensure_block(&request).await?;
        let of = |family: Family| {
            let block = blocks.iter().find(|block| block.family() == family);
            block.map(ToString::to_string)
        };
        Ok(json!({ "v4": of(Family::V4), "v6": of(Family::V6) }))
    }
}

/// Frees what has cooled down in a block.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CollectColdIps {
    cidr: String,
}

impl Operation for CollectColdIps {
    async fn perform(self, world: &World) -> Answer {
        world.allocator.collect_cold(block(&self.cidr)?).await?;
        Ok(json!({}))
    }
}

/// Does nothing: with etcd there is nothing to upgrade, for Calico neither.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpgradeHost {
    host: String,
}

impl Operation for UpgradeHost {
    async fn perform(self, _: &World) -> Answer {
        node(&self.host)?;
        Ok(json!({}))
    }
}
