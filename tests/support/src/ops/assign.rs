//! Automatic assignment: addresses by number.

use std::collections::BTreeMap;

use block_ipam::allocator::{AllocatorError, Hint};
use block_ipam::assign::{Assign, Grant, Granted, PoolRef, Shortage, Wanted};
use block_ipam::blocks::Family;
use block_ipam::refusal::Refusal;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ops::failure::{EXHAUSTED, Failure};
use crate::ops::operation::{Answer, Operation, Slots, World, handle, node, purpose};

/// Takes what there is; what is missing is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct AutoAssign {
    host: String,
    #[serde(default)]
    num4: usize,
    #[serde(default)]
    num6: usize,
    #[serde(default, rename = "use")]
    purpose: String,
    handle: Option<String>,
    #[serde(default)]
    attrs: BTreeMap<String, String>,
    #[serde(default)]
    pools4: Vec<String>,
    #[serde(default)]
    pools6: Vec<String>,
    #[serde(default)]
    max_blocks: usize,
    #[serde(default)]
    max_per_handle: usize,
    reserved4: Option<Slots>,
    reserved6: Option<Slots>,
    namespace: Option<Namespace>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Namespace {
    /// Calico takes it for its messages.
    #[expect(dead_code, reason = "selectors look at labels alone")]
    #[serde(default)]
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Returns what is wanted of a family.
pub(super) fn wanted(count: usize, pools: &[String], slots: Option<Slots>) -> Wanted {
    Wanted {
        count,
        pools: pools.iter().map(|text| PoolRef::parse(text)).collect(),
        reserved_slots: slots.map(Slots::into),
        ..Wanted::default()
    }
}

impl Operation for AutoAssign {
    async fn perform(self, world: &World) -> Answer {
        let request = Assign {
            handle: self.handle.as_deref().map(handle).transpose()?,
            interface: None,
            node: node(&self.host)?,
            attributes: self.attrs,
            v4: wanted(self.num4, &self.pools4, self.reserved4),
            v6: wanted(self.num6, &self.pools6, self.reserved6),
            purpose: purpose(&self.purpose)?,
            namespace: self.namespace.map(|namespace| namespace.labels),
            shortage: Shortage::Accept,
            max_blocks: self.max_blocks,
            max_per_handle: self.max_per_handle,
        };
        match world.allocator.assign(&request, &Hint::default()).await {
            Ok(grant) => Ok(told(&grant, &request)),
            Err(AllocatorError::Refused(refusal)) if family(&refusal).is_some() => {
                let grant = Grant {
                    shortages: vec![refusal],
                    ..Grant::default()
                };
                Ok(told(&grant, &request))
            }
            Err(error) => Ok(Failure::from(error).beside(json!({ "v4": null, "v6": null }))),
        }
    }
}

/// A family that came out empty is no error, as for Calico; every other reason for too few addresses is one.
fn told(grant: &Grant, request: &Assign) -> Value {
    let of = |family: Family| of_family(grant, family, request.wanted(family).count);
    let told = json!({ "v4": of(Family::V4), "v6": of(Family::V6) });
    let failures = grant.shortages.iter().map(Failure::from);
    let error = failures
        .into_iter()
        .find(|failure| failure.refusal() != EXHAUSTED);
    match error {
        Some(failure) => failure.beside(told),
        None => told,
    }
}

fn of_family(grant: &Grant, of: Family, requested: usize) -> Value {
    if requested == 0 {
        return Value::Null;
    }
    let granted = grant.addresses.iter();
    let granted = granted.filter(|granted| granted.block.family() == of);
    let ips: Vec<String> = granted
        .map(|granted| text(granted, grant.repeated))
        .collect();
    let shortages = grant.shortages.iter();
    let short = shortages
        .into_iter()
        .find(|refusal| family(refusal) == Some(of));
    let mut told = json!({ "ips": ips, "requested": requested });
    if let Some(failure) = short.map(Failure::from) {
        let assigned = format!("assigned {} of {requested} {of} addresses", ips.len());
        told["messages"] = json!([failure.text()]);
        told["partialError"] = json!(format!("{assigned}: {}", failure.text()));
        told["refusal"] = json!(failure.refusal());
    }
    told
}

/// Calico tells a new address with the length of its block, and one that was held before with its own.
fn text(granted: &Granted, repeated: bool) -> String {
    let length = if repeated {
        granted.block.family().width()
    } else {
        granted.block.cidr().length()
    };
    format!("{}/{length}", granted.address)
}

/// Returns the family that came out short.
const fn family(refusal: &Refusal) -> Option<Family> {
    match refusal {
        Refusal::NoPool(family)
        | Refusal::NoAdmissiblePool { family, .. }
        | Refusal::BadPool { family, .. }
        | Refusal::Exhausted { family, .. }
        | Refusal::BlockLimit { family, .. }
        | Refusal::NoAutoAllocation { family, .. }
        | Refusal::HandleFull { family, .. } => Some(*family),
        _ => None,
    }
}
