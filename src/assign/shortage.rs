//! Why a request stays short: the refusal with the reason of each pool.

use crate::affinity::admit::Admitted;
use crate::affinity::own;
use crate::assign::gather::{Gathered, Gatherer};
use crate::blocks::order::Candidates;
use crate::blocks::{BlockCidr, Family};
use crate::plan::Seen;
use crate::refusal::{PoolReason, PoolUse, PoolVerdict, Refusal};

/// What keeps a node from getting another block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Nothing but that there is none.
    None,
    /// It owns as many as it may.
    Blocks {
        /// Blocks owned.
        owned: usize,
        /// Blocks allowed.
        limit: usize,
    },
    /// Blocks are claimed by hand only.
    NoAutoAllocation,
}

/// Returns the refusal of what a search did not find. It tells of the whole request, with what is held already and what
/// earlier transactions brought.
pub(super) fn shortage(gatherer: &Gatherer<'_>, gathered: &Gathered, limit: Limit) -> Refusal {
    let admission = gatherer.admission;
    let used = admission.pools.iter().map(|pool| used(gatherer, pool));
    let pools = used.chain(admission.excluded.iter().cloned()).collect();
    let family = gatherer.family;
    let wanted = gatherer.request.wanted(family).count;
    let before = wanted.saturating_sub(gatherer.wanted);
    refusal(limit, family, wanted, before + gathered.count(), pools)
}

/// Returns the refusal of a search that these pools had not enough for.
pub(super) const fn refusal(
    limit: Limit,
    family: Family,
    wanted: usize,
    found: usize,
    pools: Vec<PoolVerdict>,
) -> Refusal {
    match limit {
        Limit::Blocks { owned, limit } => Refusal::BlockLimit {
            family,
            owned,
            limit,
            pools,
        },
        Limit::NoAutoAllocation => Refusal::NoAutoAllocation { family, pools },
        Limit::None => Refusal::Exhausted {
            family,
            wanted,
            found,
            pools,
        },
    }
}

/// Returns what [`refusal`] was made of: the family, the limit, how many addresses were found, and the pools; `None`
/// for a refusal that no search ended in.
pub(super) fn parts(refusal: &Refusal) -> Option<(Family, Limit, usize, &[PoolVerdict])> {
    match refusal {
        Refusal::Exhausted {
            family,
            found,
            pools,
            ..
        } => Some((*family, Limit::None, *found, pools)),
        Refusal::BlockLimit {
            family,
            owned,
            limit,
            pools,
        } => {
            let (owned, limit) = (*owned, *limit);
            Some((*family, Limit::Blocks { owned, limit }, 0, pools))
        }
        Refusal::NoAutoAllocation { family, pools } => {
            Some((*family, Limit::NoAutoAllocation, 0, pools))
        }
        _ => None,
    }
}

fn used(gatherer: &Gatherer<'_>, pool: &Admitted) -> PoolVerdict {
    let surroundings = gatherer.surroundings;
    let reserved = &surroundings.reserved;
    let blocks = pool.cidr.subnet_count(pool.block_length).unwrap_or(0);
    let seed = surroundings.owner.name.as_bytes();
    let usable = Candidates::new(pool.cidr, pool.block_length, reserved, seed).len();
    let mut used = PoolUse {
        blocks,
        reserved: blocks.saturating_sub(usable),
        ..PoolUse::default()
    };
    let inside = |cidr: &BlockCidr| pool.cidr.covers(cidr.cidr());
    let seen = surroundings
        .view
        .blocks
        .iter()
        .filter(|(cidr, _)| inside(cidr));
    for (_, seen) in seen {
        if let Seen::Corrupt(record) = seen {
            used.corrupt.push(record.key.clone());
        }
        if let Some(record) = own::owned(seen, &surroundings.owner) {
            used.own += 1;
            used.cooling += record.value.cooling_count();
            let free = record.value.free_count();
            used.own_reserved += free - record.value.usable_count(reserved);
        }
    }
    let existing = surroundings.view.existing_inside(pool.cidr).count();
    used.foreign = existing.saturating_sub(used.own);
    PoolVerdict {
        name: pool.name.clone(),
        cidr: pool.cidr,
        reason: PoolReason::Used(used),
    }
}
