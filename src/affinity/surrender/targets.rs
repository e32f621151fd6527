//! Which blocks a surrender is about, and which owners have affinities to them.

use std::collections::{BTreeMap, BTreeSet};

use crate::affinity::admit::is_deselected;
use crate::affinity::own;
use crate::affinity::range_refusal::RangeRefusal;
use crate::affinity::surrender::{Surplus, Which};
use crate::blocks::{BlockCidr, Cidr, Family};
use crate::ids::{NodeName, Owner, OwnerKind};
use crate::plan::{CorruptRecord, Scope, Seen, Stop, View, Want};

/// What a surrender is about.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// The blocks, with the owners whose affinities go.
    pub(super) blocks: BTreeMap<BlockCidr, BTreeSet<Owner>>,
    /// Affinities that do not parse.
    pub(super) corrupt: Vec<CorruptRecord>,
}

/// Returns the blocks of a request.
///
/// # Errors
/// [`Stop::Read`] with all that has to be listed; [`RangeRefusal::BelowBlockSize`].
pub(super) fn targets(view: &View, which: &Which) -> Result<Targets, Stop> {
    match which {
        Which::Range(cidr, owner) => {
            whole_blocks(view, *cidr)?;
            of_owner(view, owner, &|block| cidr.covers(block.cidr()))
        }
        Which::Block(block) => of_block(view, *block),
        Which::Owner(owner) => of_owner(view, owner, &|_| true),
        Which::Nodes(cidr) => of_kinds(view, *cidr, &[OwnerKind::Host]),
        Which::Inside(cidr) => inside(view, *cidr),
        Which::Deselected(node) => deselected(view, node),
        Which::Surplus(surplus) => Ok(still_surplus(view, surplus)),
    }
}

/// A range that is smaller than the blocks of its pool names none of them.
fn whole_blocks(view: &View, cidr: Cidr) -> Result<(), Stop> {
    let mut pools = view.pools()?.records.values();
    let pool = pools.find(|pool| pool.value.cidr.covers(cidr));
    match pool.map(|pool| pool.value.block_length) {
        Some(block_length) if block_length < cidr.length() => {
            Err(RangeRefusal::BelowBlockSize { cidr, block_length }.stop())
        }
        Some(_) | None => Ok(()),
    }
}

fn of_owner(
    view: &View,
    owner: &Owner,
    counts: &dyn Fn(BlockCidr) -> bool,
) -> Result<Targets, Stop> {
    let listings = Family::BOTH.map(|family| view.affinities(owner, family));
    if listings.iter().any(Result::is_err) {
        let scope = |family| Want::Scope(Scope::Affinities(owner.clone(), family));
        return Err(Stop::Read(Family::BOTH.map(scope).to_vec()));
    }
    let mut targets = Targets::default();
    for listing in listings.into_iter().flatten() {
        targets.corrupt.extend(listing.corrupt.iter().cloned());
        for block in listing.records.keys().filter(|block| counts(**block)) {
            targets.add(*block, Some(owner));
        }
    }
    Ok(targets)
}

fn of_block(view: &View, block: BlockCidr) -> Result<Targets, Stop> {
    let owner = match view.block(block)? {
        Seen::Present(record) => record.value.owner().cloned(),
        Seen::Absent | Seen::Corrupt(_) => None,
    };
    let mut targets = Targets::default();
    if let Some(owner) = owner {
        targets.add(block, Some(&owner));
    }
    Ok(targets)
}

fn of_kinds(view: &View, cidr: Cidr, kinds: &[OwnerKind]) -> Result<Targets, Stop> {
    let unread = kinds
        .iter()
        .filter(|kind| !view.all_affinities.contains_key(kind));
    let unread: Vec<Want> = unread
        .map(|kind| Want::Scope(Scope::AllAffinities(*kind)))
        .collect();
    if !unread.is_empty() {
        return Err(Stop::Read(unread));
    }
    let mut targets = Targets::default();
    for listing in kinds
        .iter()
        .filter_map(|kind| view.all_affinities.get(kind))
    {
        targets.corrupt.extend(listing.corrupt.iter().cloned());
        for (owner, block) in listing.records.keys() {
            if cidr.covers(block.cidr()) {
                targets.add(*block, Some(owner));
            }
        }
    }
    Ok(targets)
}

/// Blocks of nobody, and own ones without affinity, are found by their keys.
fn inside(view: &View, cidr: Cidr) -> Result<Targets, Stop> {
    let mut targets = of_kinds(view, cidr, &[OwnerKind::Host, OwnerKind::Virtual])?;
    if view.inside(cidr).is_none() {
        return Err(Stop::Read(vec![Want::BlocksInside(cidr)]));
    }
    for block in view.existing_inside(cidr) {
        targets.add(block, None);
    }
    Ok(targets)
}

/// What changed since it was seen is left to the next look.
fn still_surplus(view: &View, surplus: &[Surplus]) -> Targets {
    let mut targets = Targets::default();
    for one in surplus {
        let is_as_seen = |seen| {
            let own = own::owned(seen, &one.owner);
            own.is_some_and(|record| record.value.sequence() == one.sequence)
        };
        if view.blocks.get(&one.block).is_none_or(is_as_seen) {
            targets.add(one.block, Some(&one.owner));
        }
    }
    targets
}

fn deselected(view: &View, node: &NodeName) -> Result<Targets, Stop> {
    let labels = match view.node(node)? {
        Seen::Present(node) => node.value.metadata.labels.clone(),
        Seen::Absent => BTreeMap::new(),
        Seen::Corrupt(_) => return Ok(Targets::default()),
    };
    let pools = view.pools()?;
    of_owner(view, &Owner::host(node), &|block| {
        let pools = pools.records.values().map(|pool| &pool.value);
        is_deselected(pools, block, &labels)
    })
}

impl Targets {
    fn add(&mut self, block: BlockCidr, owner: Option<&Owner>) {
        self.blocks.entry(block).or_default().extend(owner.cloned());
    }
}
