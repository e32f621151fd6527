//! Why a request stays short: the refusal with the reason of each pool.

use crate::affinity::admit::Admitted;
use crate::affinity::own;
use crate::assign::gather::{Gathered, Gatherer};
use crate::blocks::BlockCidr;
use crate::blocks::order::Candidates;
use crate::plan::Seen;
use crate::refusal::{PoolReason, PoolUse, PoolVerdict, Refusal};

/// What keeps a node from getting another block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Nothing but that there is none.
    None,
    /// It owns as many as it may.
    Blocks { owned: usize, limit: usize },
    /// Blocks are claimed by hand only.
    NoAutoAllocation,
}

/// Returns the refusal of what a search did not find.
pub(super) fn shortage(gatherer: &Gatherer<'_>, gathered: &Gathered, limit: Limit) -> Refusal {
    let admission = gatherer.admission;
    let used = admission.pools.iter().map(|pool| used(gatherer, pool));
    let pools = used.chain(admission.excluded.iter().cloned()).collect();
    let family = gatherer.family;
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
            wanted: gatherer.wanted,
            found: gathered.count(),
            pools,
        },
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
