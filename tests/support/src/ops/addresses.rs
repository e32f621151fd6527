//! Addresses that are named, and giving back.

use std::collections::BTreeMap;

use block_ipam::allocator::Hint;
use block_ipam::assign::{AssignAddresses, ReleaseAddress, ReleaseHandle, Released};
use block_ipam::blocks::{Address, Family};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ops::failure::Failure;
use crate::ops::operation::{
    Answer, Operation, Slots, World, address, handle, node, purpose, stored_handle,
};

/// Takes the address that is named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct AssignIp {
    ip: String,
    host: String,
    handle: Option<String>,
    #[serde(default)]
    attrs: BTreeMap<String, String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    max_per_handle: usize,
    reserved4: Option<Slots>,
    reserved6: Option<Slots>,
}

impl Operation for AssignIp {
    async fn perform(self, world: &World) -> Answer {
        let address = address(&self.ip)?;
        let slots = match address.family() {
            Family::V4 => self.reserved4,
            Family::V6 => self.reserved6,
        };
        let request = AssignAddresses {
            addresses: vec![address],
            handle: self.handle.as_deref().map(handle).transpose()?,
            interface: None,
            node: node(&self.host)?,
            attributes: self.attrs,
            purpose: self.purpose.as_deref().map(purpose).transpose()?,
            reserved_slots: slots.map(Slots::into),
            max_per_handle: self.max_per_handle,
        };
        let hint = Hint::default();
        world.allocator.assign_addresses(&request, &hint).await?;
        Ok(json!({}))
    }
}

/// Gives addresses back one by one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseIps {
    addresses: Vec<Named>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    ip: String,
    handle: Option<String>,
    sequence: Option<u64>,
}

impl Operation for ReleaseIps {
    async fn perform(self, world: &World) -> Answer {
        let named = |named: &Named| {
            Ok(ReleaseAddress {
                address: address(&named.ip)?,
                handle: named.handle.as_deref().map(stored_handle).transpose()?,
                sequence: named.sequence,
            })
        };
        let addresses: Result<Vec<ReleaseAddress>, Failure> =
            self.addresses.iter().map(named).collect();
        match addresses {
            Ok(addresses) => {
                let released = world.allocator.release_addresses(&addresses).await?;
                Ok(told(&released))
            }
            Err(failure) => Ok(failure.beside(told(&Released::default()))),
        }
    }
}

/// The first address that was refused is the error; the others were released all the same.
fn told(released: &Released) -> Value {
    let done = released.released.iter().chain(&released.not_assigned);
    let told = json!({
        "completed": sorted(done),
        "notAllocated": sorted(released.not_assigned.iter()),
    });
    match released.refused.first() {
        Some((_, refusal)) => Failure::from(refusal)
            .where_kind("already exists", "update conflict: bad handle")
            .beside(told),
        None => told,
    }
}

fn sorted<'a>(addresses: impl Iterator<Item = &'a Address>) -> Vec<String> {
    let mut texts: Vec<String> = addresses.map(ToString::to_string).collect();
    texts.sort();
    texts
}

/// Gives back all that a handle holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseByHandle {
    handle: String,
}

impl Operation for ReleaseByHandle {
    async fn perform(self, world: &World) -> Answer {
        let request = ReleaseHandle {
            handle: stored_handle(&self.handle)?,
            interface: None,
            aliases: Vec::new(),
        };
        let hint = Hint::default();
        world.allocator.release_by_handle(&request, &hint).await?;
        Ok(json!({}))
    }
}
