//! What stands inside the addresses of a pool: blocks, and affinities whose block is gone.

use std::collections::BTreeSet;

use crate::blocks::{BlockCidr, Cidr};
use crate::ids::OwnerKind;
use crate::plan::{Guard, RecordId, Scope, Seen, View, Want};
use crate::resources::refused::Inside;
use crate::revision::Revision;

const KINDS: [OwnerKind; 2] = [OwnerKind::Host, OwnerKind::Virtual];
const MOST_EXAMPLES: usize = 3;

/// Returns what has to be read to know.
pub(super) fn wants(cidr: Cidr) -> Vec<Want> {
    let affinities = KINDS.map(|kind| Want::Scope(Scope::AllAffinities(kind)));
    let around = cidr
        .larger_blocks()
        .map(|block| Want::Record(RecordId::Block(block)));
    affinities
        .into_iter()
        .chain([Want::BlocksInside(cidr)])
        .chain(around)
        .collect()
}

/// Returns the blocks and affinities that overlap the CIDR and that `counts` picks; `None` if something was not read.
pub(super) fn inside(
    view: &View,
    cidr: Cidr,
    counts: impl Fn(BlockCidr) -> bool,
) -> Option<Inside> {
    read_at(view, cidr)?;
    let mut affinities: BTreeSet<BlockCidr> = BTreeSet::new();
    for kind in KINDS {
        let listing = view.all_affinities.get(&kind)?;
        affinities.extend(listing.records.keys().map(|(_, block)| *block));
    }
    let mut blocks: BTreeSet<BlockCidr> = view.existing.clone();
    for block in cidr.larger_blocks() {
        if !matches!(view.blocks.get(&block)?, Seen::Absent) {
            blocks.insert(block);
        }
    }
    let overlapping = |block: &BlockCidr| block.cidr().overlaps(cidr) && counts(*block);
    let blocks: BTreeSet<BlockCidr> = blocks.into_iter().filter(overlapping).collect();
    let affinities: BTreeSet<BlockCidr> = affinities
        .difference(&blocks)
        .copied()
        .filter(overlapping)
        .collect();
    let examples = blocks.union(&affinities).take(MOST_EXAMPLES).copied();
    Some(Inside {
        blocks: blocks.len(),
        affinities: affinities.len(),
        examples: examples.collect(),
    })
}

/// Returns the guards that nothing came since: affinities first, for Calico writes them before the block (X26).
pub(super) fn no_new_affinity(view: &View) -> Vec<Guard> {
    let read = KINDS.iter().filter_map(|kind| {
        let listing = view.all_affinities.get(kind)?;
        Some(Guard::NoneChanged(
            Scope::AllAffinities(*kind),
            listing.read_at,
        ))
    });
    read.collect()
}

/// Returns the guard that no block came since the read (X28).
pub(super) fn no_new_block(view: &View, cidr: Cidr) -> Option<Guard> {
    Some(Guard::NoneCreatedOver(cidr, read_at(view, cidr)?))
}

fn read_at(view: &View, cidr: Cidr) -> Option<Revision> {
    let covering = view.inside.iter().filter(|(read, _)| read.covers(cidr));
    covering.map(|(_, revision)| *revision).max()
}
