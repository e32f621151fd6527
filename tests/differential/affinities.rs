//! Operations on whole blocks: claiming, giving up, ensuring, and deleting a node.

use block_ipam::affinity::claim_range::ClaimRange;
use block_ipam::affinity::surrender::{InUse, Surrender, Which};
use block_ipam::allocator::Allocator;
use block_ipam::assign::{EnsureBlock, Wanted};
use block_ipam::blocks::{BlockCidr, Cidr, Family};
use block_ipam::ids::{NodeName, Owner, OwnerKind};
use serde_json::{Value, json};

use crate::load::Transition;
use crate::run::{Stopped, reserved, stopped};

/// Does the operation if it is one of these.
pub(crate) async fn perform(
    allocator: &Allocator,
    transition: &Transition,
) -> Option<Result<Value, Stopped>> {
    Some(match transition.kind() {
        "claimAffinity" => claim(allocator, transition).await,
        "releaseAffinity" => {
            surrender(
                allocator,
                transition,
                Which::Range(cidr(transition), owner(transition)),
            )
            .await
        }
        "releaseBlockAffinity" => {
            let block = BlockCidr::new(cidr(transition)).expect("a block");
            surrender(allocator, transition, Which::Block(block)).await
        }
        "releaseHostAffinities" => {
            surrender(allocator, transition, Which::Owner(owner(transition))).await
        }
        "releasePoolAffinities" => {
            surrender(allocator, transition, Which::Nodes(cidr(transition))).await
        }
        "removeIPAMHost" => {
            let done = allocator.remove_host(&node(transition.text("host"))).await;
            done.map_err(|e| stopped(&e)).map(|_| json!({}))
        }
        "deleteNode" => {
            let done = allocator.delete_node(&node(transition.text("name"))).await;
            done.map_err(|e| stopped(&e)).map(|_| json!({}))
        }
        "ensureBlock" => ensure(allocator, transition).await,
        _ => return None,
    })
}

async fn claim(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let request = ClaimRange {
        cidr: cidr(transition),
        owner: owner(transition),
    };
    let done = allocator.claim_range(&request).await;
    let done = done.map_err(|e| stopped(&e))?;
    let claimed: Vec<String> = done.claimed.iter().map(ToString::to_string).collect();
    let failed: Vec<String> = done
        .failed
        .iter()
        .map(|(block, _)| block.to_string())
        .collect();
    Ok(json!({ "claimed": claimed, "failed": failed }))
}

/// Calico answers with an error for the last block that it kept.
async fn surrender(
    allocator: &Allocator,
    transition: &Transition,
    which: Which,
) -> Result<Value, Stopped> {
    let keeps = transition.operation["mustBeEmpty"] == true;
    let in_use = if keeps { InUse::Keep } else { InUse::Disown };
    let done = allocator.surrender(&Surrender { which, in_use }).await;
    match done.map_err(|e| stopped(&e))?.kept.is_empty() {
        true => Ok(json!({})),
        false => Err(Stopped::Refused("not empty".to_owned())),
    }
}

async fn ensure(allocator: &Allocator, transition: &Transition) -> Result<Value, Stopped> {
    let wanted = |member: &str| {
        let slots = reserved(&transition.operation[member])?;
        Some(Wanted {
            reserved_slots: Some(slots),
            ..Wanted::default()
        })
    };
    let request = EnsureBlock {
        node: node(transition.text("host")),
        v4: wanted("reserved4"),
        v6: wanted("reserved6"),
    };
    let blocks = allocator.ensure_block(&request).await;
    let blocks = blocks.map_err(|e| stopped(&e))?;
    let of = |family: Family| {
        let block = blocks.iter().find(|block| block.family() == family);
        block.map(ToString::to_string)
    };
    Ok(json!({ "v4": of(Family::V4), "v6": of(Family::V6) }))
}

fn cidr(transition: &Transition) -> Cidr {
    transition.text("cidr").parse().expect("a CIDR")
}

fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a node name")
}

fn owner(transition: &Transition) -> Owner {
    let kind = match transition.text("affinityType") {
        "virtual" => OwnerKind::Virtual,
        _ => OwnerKind::Host,
    };
    Owner {
        kind,
        name: transition.text("host").to_owned(),
    }
}
