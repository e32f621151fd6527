//! Which pools may serve a request, and why the others may not.
//!
//! The rules are Calico's (its choice of pools in AutoAssign), with two differences: a pool group may be
//! requested by name, and a selector that does not parse excludes its pool instead of failing every request.

use std::collections::BTreeMap;

use crate::assign::{Assign, PoolRef};
use crate::blocks::{Address, BlockCidr, Cidr, Family};
use crate::ids::ResourceName;
use crate::plan::{Listing, Recorded};
use crate::refusal::{PoolReason, PoolVerdict, Refusal};
use crate::resources::pool::GROUP_LABEL;
use crate::resources::{AssignmentMode, Pool, Use};
use crate::revision::Revision;
use crate::selector::Selector;

/// A pool that may serve a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Its name.
    pub name: ResourceName,
    /// When its record was last written.
    pub revision: Revision,
    /// Its addresses.
    pub cidr: Cidr,
    /// The prefix length of its blocks.
    pub block_length: u8,
}

/// The pools of a family, told apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// Those that may serve, in the order in which they are tried: as requested, else by name.
    pub pools: Vec<Admitted>,
    /// Those that may not, with the reason.
    pub excluded: Vec<PoolVerdict>,
}

/// The labels that selectors are matched with.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// The labels of the node; none where it has no record.
    pub node: &'a BTreeMap<String, String>,
    /// The labels of the namespace, where they are known.
    pub namespace: Option<&'a BTreeMap<String, String>>,
}

type Pools = Listing<ResourceName, Pool>;
type Named<'a> = (&'a ResourceName, &'a Recorded<Pool>);

/// Tells which pools of the family may serve the request:
///
/// 1. a pool that is disabled, being deleted or marked as not allocatable never;
/// 2. where the request names pools: those, in that order, whatever their selectors and mode say;
/// 3. else those in automatic mode whose selectors match node and namespace, by name;
/// 4. of these, those that allow the use;
/// 5. of these, those whose blocks have room for the slots that the request reserves.
///
/// # Errors
/// [`Refusal::NoPool`], [`Refusal::BadPool`] and [`Refusal::NoAdmissiblePool`].
pub fn admit(
    pools: &Pools,
    request: &Assign,
    family: Family,
    labels: Labels<'_>,
) -> Result<Admission, Refusal> {
    let of_family = || pools_of(pools, family);
    if of_family().next().is_none() {
        return Err(no_pool(pools, family));
    }
    let requested = requested(pools, &request.wanted(family).pools, family)?;
    let mut admission = Admission::default();
    for (name, pool) in of_family() {
        let named = requested.as_ref().map(|names| names.contains(&name));
        match exclusion(&pool.value, request, named, labels) {
            Some(reason) => admission.excluded.push(PoolVerdict {
                name: name.clone(),
                cidr: pool.value.cidr,
                reason,
            }),
            None => admission.pools.push(admitted(name, pool)),
        }
    }
    if let Some(names) = requested {
        let place = |pool: &Admitted| names.iter().position(|name| **name == pool.name);
        admission.pools.sort_by_key(place);
    }
    if admission.pools.is_empty() {
        return Err(Refusal::NoAdmissiblePool {
            family,
            pools: admission.excluded,
        });
    }
    Ok(admission)
}

/// Returns the enabled pool around an address that is asked for by name, if it allows the use and its blocks have
/// room for the slots that the request reserves. Selectors and mode are not asked.
///
/// # Errors
/// [`Refusal::OutsidePools`] and [`Refusal::NoAdmissiblePool`].
pub fn admit_address(
    pools: &Pools,
    request: &Assign,
    address: Address,
    purpose: Option<Use>,
) -> Result<Admitted, Refusal> {
    let family = address.family();
    let mut around = pools_of(pools, family).filter(|(_, pool)| pool.value.cidr.contains(address));
    let enabled = around.find(|(_, pool)| is_off(&pool.value).is_none());
    let (name, pool) = enabled.ok_or(Refusal::OutsidePools(address))?;
    let allows = |purpose: &Use| pool.value.allowed_uses.contains(purpose);
    let reason = match purpose.filter(|purpose| !allows(purpose)) {
        Some(_) => Some(PoolReason::NotForUse),
        None => too_small(&pool.value, request),
    };
    match reason {
        None => Ok(admitted(name, pool)),
        Some(reason) => Err(Refusal::NoAdmissiblePool {
            family,
            pools: vec![PoolVerdict {
                name: name.clone(),
                cidr: pool.value.cidr,
                reason,
            }],
        }),
    }
}

fn pools_of(pools: &Pools, family: Family) -> impl Iterator<Item = Named<'_>> {
    let records = pools.records.iter();
    records.filter(move |(_, pool)| pool.value.cidr.family() == family)
}

fn no_pool(pools: &Pools, family: Family) -> Refusal {
    if pools.corrupt.is_empty() {
        Refusal::NoPool(family)
    } else {
        Refusal::Corrupt(pools.corrupt.clone())
    }
}

fn admitted(name: &ResourceName, pool: &Recorded<Pool>) -> Admitted {
    Admitted {
        name: name.clone(),
        revision: pool.revision,
        cidr: pool.value.cidr,
        block_length: pool.value.block_length,
    }
}

/// Returns the names that the references mean, in their order; `None` where the request names no pool.
fn requested<'a>(
    pools: &'a Pools,
    references: &[PoolRef],
    family: Family,
) -> Result<Option<Vec<&'a ResourceName>>, Refusal> {
    let mut names = Vec::new();
    for reference in references {
        names.extend(resolve(pools, reference, family)?);
    }
    Ok((!references.is_empty()).then_some(names))
}

/// A CIDR means the pool with exactly this CIDR; a name means a pool, else the pools of that group.
fn resolve<'a>(
    pools: &'a Pools,
    reference: &PoolRef,
    family: Family,
) -> Result<Vec<&'a ResourceName>, Refusal> {
    let bad = |why: &str| Refusal::BadPool {
        family,
        name: reference.to_string(),
        why: why.to_owned(),
    };
    let found: Vec<Named<'_>> = match reference {
        PoolRef::Cidr(cidr) if cidr.family() != family => {
            return Err(bad("is of the other family"));
        }
        PoolRef::Cidr(cidr) => pools_of(pools, family)
            .filter(|(_, pool)| pool.value.cidr == *cidr)
            .collect(),
        PoolRef::Name(name) => named_or_grouped(pools, name),
    };
    if found.is_empty() {
        return Err(bad("does not exist"));
    }
    let of_family: Vec<Named<'_>> = found
        .into_iter()
        .filter(|(_, pool)| pool.value.cidr.family() == family)
        .collect();
    if of_family.is_empty() {
        return Err(bad("is of the other family"));
    }
    if of_family
        .iter()
        .all(|(_, pool)| is_off(&pool.value).is_some())
    {
        return Err(bad("is not enabled"));
    }
    Ok(of_family.into_iter().map(|(name, _)| name).collect())
}

fn named_or_grouped<'a>(pools: &'a Pools, name: &str) -> Vec<Named<'a>> {
    let by_name = pools.records.iter().find(|(own, _)| own.as_str() == name);
    let in_group = |pool: &Recorded<Pool>| {
        pool.value
            .metadata
            .labels
            .get(GROUP_LABEL)
            .map(String::as_str)
            == Some(name)
    };
    match by_name {
        Some(pool) => vec![pool],
        None => pools
            .records
            .iter()
            .filter(|(_, pool)| in_group(pool))
            .collect(),
    }
}

/// Returns why the pool may not serve, by the rules of [`admit`]; `named` tells whether the request names it.
fn exclusion(
    pool: &Pool,
    request: &Assign,
    named: Option<bool>,
    labels: Labels<'_>,
) -> Option<PoolReason> {
    let by_choice = || match named {
        Some(true) => None,
        Some(false) => Some(PoolReason::NotRequested),
        None => not_automatic(pool, labels),
    };
    is_off(pool)
        .or_else(by_choice)
        .or_else(|| {
            (!pool.allowed_uses.contains(&request.purpose)).then_some(PoolReason::NotForUse)
        })
        .or_else(|| too_small(pool, request))
}

/// Returns why the pool gives out nothing at all, if so.
pub fn is_off(pool: &Pool) -> Option<PoolReason> {
    if pool.disabled || pool.metadata.deletion_requested.is_some() {
        Some(PoolReason::Disabled)
    } else if pool.not_allocatable {
        Some(PoolReason::NotAllocatable)
    } else {
        None
    }
}

fn not_automatic(pool: &Pool, labels: Labels<'_>) -> Option<PoolReason> {
    if pool.assignment == AssignmentMode::Manual {
        return Some(PoolReason::Manual);
    }
    let node = selects(&pool.node_selector, Some(labels.node));
    let namespace = selects(&pool.namespace_selector, labels.namespace);
    match (node, namespace) {
        (Err(bad), _) | (_, Err(bad)) => Some(bad),
        (Ok(false), _) => Some(PoolReason::NodeSelector(pool.node_selector.clone())),
        (_, Ok(false)) => Some(PoolReason::NamespaceSelector(
            pool.namespace_selector.clone(),
        )),
        (Ok(true), Ok(true)) => None,
    }
}

/// Unknown labels count as none, as for Calico.
fn selects(selector: &str, labels: Option<&BTreeMap<String, String>>) -> Result<bool, PoolReason> {
    let parsed = Selector::parse(selector)
        .map_err(|error| PoolReason::BadSelector(format!("{selector}: {error}")))?;
    let none = BTreeMap::new();
    Ok(parsed.matches(labels.unwrap_or(&none)))
}

fn too_small(pool: &Pool, request: &Assign) -> Option<PoolReason> {
    let slots = request.wanted(pool.cidr.family()).reserved_slots.as_ref()?;
    let fits = slots.fit(pool.cidr.family(), pool.block_length);
    (!fits).then_some(PoolReason::BlocksTooSmall)
}

/// Returns whether a block lies in an enabled pool that does not select a node with these labels: the rule by which
/// Calico gives up empty blocks. A selector that does not parse takes nothing from anybody.
pub fn is_deselected<'a>(
    pools: impl IntoIterator<Item = &'a Pool>,
    block: BlockCidr,
    labels: &BTreeMap<String, String>,
) -> bool {
    let mut around = pools
        .into_iter()
        .filter(|pool| pool.cidr.covers(block.cidr()) && is_off(pool).is_none());
    around.any(|pool| selects(&pool.node_selector, Some(labels)) == Ok(false))
}
