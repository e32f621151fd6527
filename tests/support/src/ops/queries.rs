//! Questions: who holds what, and how much of what is used.

use block_ipam::report::{BlockUsage, Held, Numbers, PoolUsage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ops::failure::Failure;
use crate::ops::operation::{Answer, Operation, World, address, stored_handle};

/// Tells the addresses of a handle.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IpsByHandle {
    handle: String,
}

impl Operation for IpsByHandle {
    async fn perform(self, world: &World) -> Answer {
        let handle = stored_handle(&self.handle)?;
        let held = world.allocator.addresses_of(&handle).await?;
        let not_found = || {
            Failure::of(
                "not found",
                "not found",
                format!("handle {handle} does not exist"),
            )
        };
        let held = held.ok_or_else(not_found)?;
        let mut ips: Vec<String> = held.iter().map(|held| held.address.to_string()).collect();
        ips.sort();
        Ok(json!({ "ips": ips }))
    }
}

/// Tells who holds an address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GetAttributes {
    ip: String,
}

impl Operation for GetAttributes {
    async fn perform(self, world: &World) -> Answer {
        let address = address(&self.ip)?;
        match world.allocator.attributes_of(address).await? {
            Held::Free => Err(Failure::of(
                "not found",
                "not found",
                format!("address {address} is not assigned"),
            )),
            Held::Cooling(_) => Err(Failure::of(
                "in cooldown",
                "in cooldown",
                format!("address {address} is cooling down"),
            )),
            Held::By {
                handle,
                attributes,
                alternate,
            } => Ok(json!({
                "handle": handle,
                "active": (!attributes.is_empty()).then_some(attributes),
                "alternate": (!alternate.is_empty()).then_some(alternate),
            })),
        }
    }
}

/// Tells how much of pools is used. The blocks of no pool are told where no pool is named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GetUtilization {
    /// Names or CIDRs.
    pools: Option<Vec<String>>,
}

impl Operation for GetUtilization {
    async fn perform(self, world: &World) -> Answer {
        let usage = world.allocator.usage().await?.report;
        let wanted = |pool: &&PoolUsage| {
            let is = |name: &String| *name == pool.name.as_str() || *name == pool.cidr.to_string();
            self.pools.as_ref().is_none_or(|names| names.iter().any(is))
        };
        let pools = usage.pools.iter().filter(wanted);
        let mut told: Vec<Value> = pools
            .map(|pool| {
                let cidr = pool.cidr.to_string();
                told_pool(pool.name.as_str(), &cidr, pool.numbers, &pool.blocks)
            })
            .collect();
        if self.pools.is_none() {
            let none = Numbers::default();
            let name = "orphaned allocation blocks";
            told.push(told_pool(name, "0.0.0.0/0", none, &usage.orphans));
        }
        Ok(json!({ "pools": told }))
    }
}

fn told_pool(name: &str, cidr: &str, sums: Numbers, blocks: &[BlockUsage]) -> Value {
    let blocks = blocks.iter().map(|block| {
        let mut told = numbers(block.numbers);
        told["cidr"] = json!(block.cidr.to_string());
        told
    });
    let mut told = numbers(sums);
    told["blocks"] = blocks.collect();
    told["name"] = json!(name);
    told["cidr"] = json!(cidr);
    told
}

/// Numbers that JSON's readers cannot hold are told as the largest that they can.
fn numbers(numbers: Numbers) -> Value {
    let number = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
    json!({
        "capacity": number(numbers.total),
        "inUse": number(numbers.in_use),
        "reserved": number(numbers.reserved),
        "available": number(numbers.free),
    })
}
